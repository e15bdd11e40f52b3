"""Schemas that several resources share. Decimals are strings, instants ISO 8601 with a zone."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"

Name = Annotated[str, Field(pattern=NAME_PATTERN, description="Letters, digits, `.`, `_` and `-`.", examples=["acme"])]
Customer = Annotated[str, Field(min_length=1, max_length=200, examples=["cus_acme"])]
Amount = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["12.50"])]
Instant = Annotated[str, Field(examples=["2026-03-01T00:00:00+00:00"])]
Text = Annotated[str, Field(max_length=500)]


class Schema(BaseModel):
    """What goes in: unknown fields are refused, so that a mistyped one is not silently without effect."""

    model_config = ConfigDict(extra="forbid")


class Given(BaseModel):
    """What comes out."""

    model_config = ConfigDict(extra="allow")


class Period(Schema):
    """Half open: `to` is the first instant that is priced no more. Dates are in the contract's time zone."""

    from_: Annotated[str, Field(alias="from", max_length=40, examples=["2026-03-01"])]
    to: Annotated[str, Field(max_length=40, examples=["2026-04-01"])]


class ProblemDocument(Given):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    help: str | None = None
    pointer: str | None = None
    request_id: str | None = None
    errors: list[dict[str, Any]] | None = None


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
    }
    for status, description in (
        (401, "No key, or one that is not valid."),
        (403, "The key may not do this."),
        (413, "The body is too large."),
        (422, "The request is malformed, or its usage cannot be priced."),
        (429, "Too many requests; `Retry-After` says when to come again."),
        (503, "Too much to do; `Retry-After` says when to come again."),
    )
}
"""What every guarded operation may answer."""


def problems(*others: int) -> dict[int | str, dict[str, Any]]:
    """The problems of every operation and `others` (400, 404, 409, 412, 415)."""
    words = {
        400: "Refused.",
        404: "Not there.",
        409: "In conflict with what is.",
        412: "Changed since.",
        415: "Not read.",
    }
    one = PROBLEMS[401]["content"]
    return {**PROBLEMS, **{status: {"description": words[status], "content": one} for status in others}}
