from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.previews.schemas import Inline, ProgramVersion
from api.schemas import Customer, Given, Instant, Line, Period, Schema

PERIODS_MAX = 120
CUSTOMERS_MAX = 100_000


class Side(Schema):
    """One of the two programs: a published one, or one that is not."""

    program: ProgramVersion | None = None
    inline: Inline | None = None
    on: Annotated[Line | None, Field(description="The contract that prices everybody.")] = None


class Backtest(Schema):
    """Two programs over stored usage: who would pay more, by how much, and on which lines."""

    before: Side
    after: Side
    periods: Annotated[list[Period], Field(min_length=1, max_length=PERIODS_MAX)]
    customers: Annotated[list[Customer] | None, Field(max_length=CUSTOMERS_MAX)] = None


class FinaliseMany(Schema):
    """A period of many customers: those given, or all who have a contract."""

    period: Period
    customers: Annotated[list[Customer] | None, Field(max_length=CUSTOMERS_MAX)] = None


class Job(Given):
    id: str
    kind: Literal["backtest", "finalise"]
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    done: int
    total: int
    problem: dict[str, Any] | None
    created_at: Instant
    updated_at: Instant


class Jobs(Given):
    items: list[Job]
    next: str | None = None


class Results(Given):
    items: list[dict[str, Any]]
    next: str | None = None
