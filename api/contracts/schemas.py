from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas import Customer, Given, Instant, Line, Name, Schema, VersionNumber


class Binding(Schema):
    """A contract of a program, bound to a customer: the one that it names, if none is given."""

    program: Name
    contract: Annotated[Line, Field(min_length=1, examples=["acme"])]
    customer: Customer | None = None
    version: Annotated[VersionNumber | None, Field(description="Stay with this version; else follow the newest.")] = (
        None
    )


class Contract(Given):
    id: int
    customer: str
    contract: str
    program: str
    version: int | None
    created_at: Instant


class Contracts(Given):
    items: list[Contract]
    next: str | None = None
