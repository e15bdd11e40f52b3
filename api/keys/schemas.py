from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.auth import Scope
from api.schemas import Given, Instant, Line, Moment, Schema


class NewKey(Schema):
    name: Annotated[Line, Field(min_length=1, examples=["billing service"])]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=5)]
    expires_at: Annotated[Moment | None, Field(examples=["2027-01-01T00:00Z"])] = None
    requests_per_second: Annotated[int | None, Field(ge=1, le=1_000_000)] = None


class Rotation(Schema):
    grace_seconds: Annotated[int, Field(ge=0, le=2_592_000, description="How long the old secret goes on.")] = 86_400


class Key(Given):
    id: str
    name: str
    scopes: list[str]
    requests_per_second: int | None
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    last_used_at: Instant | None


class KeyWithToken(Key):
    """A key and its token: `Authorization: Bearer TOKEN`. It is said once: the answer to the same `Idempotency-Key` has
    none (rotate the key then)."""

    token: str | None


class Keys(Given):
    items: list[Key]
    next: str | None = None
