"""Schemas that several resources share. Decimals are strings, instants ISO 8601 with a zone."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
LINE_PATTERN = r"^[^\x00-\x1f\x7f]*$"
"""No control characters: a zero is in no text that PostgreSQL keeps."""
NAME_MAX = 200
ROW_ID_MAX = 2_147_483_647
"""The largest id and version number that every database takes."""

Name = Annotated[str, Field(pattern=NAME_PATTERN, description="Letters, digits, `.`, `_` and `-`.", examples=["acme"])]
Line = Annotated[str, Field(max_length=NAME_MAX, pattern=LINE_PATTERN)]
Customer = Annotated[str, Field(min_length=1, max_length=NAME_MAX, pattern=LINE_PATTERN, examples=["cus_acme"])]
VersionNumber = Annotated[int, Field(ge=1, le=ROW_ID_MAX)]
Amount = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["12.50"])]
Instant = Annotated[str, Field(examples=["2026-03-01T00:00:00+00:00"])]
Moment = Annotated[str, Field(max_length=40, pattern=LINE_PATTERN)]


class Schema(BaseModel):
    """What goes in: unknown fields are refused, so that a mistyped one is not silently without effect."""

    model_config = ConfigDict(extra="forbid")


class Given(BaseModel):
    """What comes out."""

    model_config = ConfigDict(extra="allow")


class Period(Schema):
    """Half open: `to` is the first instant that is priced no more. Dates are in the contract's time zone."""

    from_: Annotated[Moment, Field(alias="from", examples=["2026-03-01"])]
    to: Annotated[Moment, Field(examples=["2026-04-01"])]


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


WORDS: dict[int, str] = {
    400: "Refused: the program has errors, or an example fails.",
    401: "No key, or one that is not valid.",
    403: "The key may not do this.",
    404: "There is no such thing.",
    408: "The body came too slowly.",
    409: "In conflict with what is there.",
    412: "It has changed since it was read.",
    413: "The body is too large.",
    415: "This media type is not read.",
    422: "The request is malformed, or its usage cannot be priced.",
    429: "Too many requests; `Retry-After` says when to come again.",
    500: "The server failed; the log has the request id.",
    503: "Too much to do; `Retry-After` says when to come again.",
}
ALWAYS = (401, 403, 408, 413, 422, 429, 500, 503)
"""What every guarded operation may answer."""
CONTENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}


def problems(*others: int, always: tuple[int, ...] = ALWAYS) -> dict[int | str, dict[str, Any]]:
    """The problems of every operation, and others."""
    return {status: {"description": WORDS[status], "content": CONTENT} for status in sorted({*always, *others})}
