from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas import Given, Instant, Schema
from runtime.limits import BATCH_EVENTS_MAX, EVENT_NAME_CHARACTERS_MAX

EventName = Annotated[str, Field(min_length=1, max_length=EVENT_NAME_CHARACTERS_MAX)]


class Event(Schema):
    """A CloudEvent. `subject` is the customer, `data` the properties that meters read; numbers stay exact."""

    model_config = {"extra": "allow"}

    id: Annotated[EventName, Field(examples=["req_81f0"])]
    source: Annotated[EventName, Field(examples=["gateway-1"])]
    type: Annotated[EventName, Field(examples=["api.request"])]
    subject: Annotated[EventName, Field(examples=["cus_acme"])]
    time: Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-03-01T06:00:00Z"])]
    data: Annotated[dict[str, Any], Field(examples=[{"region": "eu"}])] = {}


Events = Annotated[list[Event], Field(max_length=BATCH_EVENTS_MAX)]


class Result(Given):
    """What became of one event of the batch. A rejected one is kept; mended, it may be sent again under its id."""

    outcome: Literal["accepted", "duplicate", "rejected"]
    code: str | None = None
    reason: str | None = None


class Ingested(Given):
    """The answer for a batch, given when it is durable. `results` are in the order of the events."""

    accepted: int
    duplicates: int
    rejected: int
    results: list[Result]


class Rejected(Given):
    id: int
    received_at: Instant
    code: str
    reason: str
    event: str


class RejectedEvents(Given):
    items: list[Rejected]
    next: str | None = None
