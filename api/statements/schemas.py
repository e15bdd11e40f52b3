from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.schemas import Customer, Given, Instant, Line, Period, Schema


class Finalise(Schema):
    """One whole billing period of a customer's contract, once it is over."""

    customer: Customer
    contract: Annotated[Line | None, Field(description="Which one, where the customer has several.")] = None
    period: Period


class Statement(Given):
    """A finalised statement: it never changes. The fields are those of a preview, with an id and when it was made."""

    id: str
    customer: str
    contract: str
    finalised_at: Instant
    currency: str
    total: str
    due: str
    lines: list[dict[str, Any]]
    adjustments: list[dict[str, Any]]


class Statements(Given):
    items: list[Statement]
    next: str | None = None


class Replay(Given):
    """Whether a statement, computed again from what was kept with it, is the same to the last digit."""

    same: bool
    differences: list[dict[str, str]]
