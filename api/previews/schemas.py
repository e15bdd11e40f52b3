"""What a preview is asked and answers: once as pydantic models for the document, once as structs for the hot path.

`tests/api` proves that both take the same bodies.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from api.limits import BATCH_MAX, FILE_CHARACTERS_MAX, FILES_MAX, SOURCE_CHARACTERS_MAX
from api.schemas import (
    LINE_PATTERN,
    NAME_MAX,
    ROW_ID_MAX,
    Customer,
    Given,
    Line,
    Name,
    Period,
    ProblemDocument,
    Schema,
    VersionNumber,
)

Source = Literal["stored", "supplied", "both"]
QUANTITY = {"anyOf": [{"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}, {"type": "integer"}]}
CELL = {
    "type": "object",
    "required": ["quantity"],
    "properties": {"quantity": QUANTITY},
    "additionalProperties": {"type": ["string", "number", "boolean"]},
}
USAGE = {
    "type": "object",
    "additionalProperties": {"anyOf": [*QUANTITY["anyOf"], {"type": "array", "items": CELL}]},
    "description": "Meter to a quantity, or to cells. Quantities are strings or whole numbers, never binary fractions.",
    "example": {"calls": "120000", "tokens": [{"quantity": "12000000", "model": "gpt-5", "token_type": "input"}]},
}
SEGMENTS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["from", "to", "usage"],
        "properties": {"from": {"type": "string"}, "to": {"type": "string"}, "usage": USAGE},
        "additionalProperties": False,
    },
    "description": "Where the period is cut: segments that tile it.",
}
Usage = Annotated[Any, Field(json_schema_extra={"anyOf": [USAGE, SEGMENTS, {"type": "null"}]})]
State = Annotated[dict[str, Any] | None, Field(description="As the statement before gave it back.")]


class ProgramVersion(Schema):
    """A published program; its newest version, if none is said."""

    name: Name
    version: VersionNumber | None = None


class Inline(Schema):
    """A program that is not published."""

    source: Annotated[str, Field(max_length=SOURCE_CHARACTERS_MAX)]
    files: Annotated[
        dict[Line, Annotated[str, Field(max_length=FILE_CHARACTERS_MAX)]],
        Field(max_length=FILES_MAX),
    ] = {}


class Asked(Schema):
    """What to price, by what.

    With `customer`, the contract that is bound to it (`contract` says which of several). With `program` or `inline`,
    the plan or contract that `on` names in it; then `customer` says whose stored usage is meant, if any.
    """

    customer: Customer | None = None
    contract: Line | None = None
    program: ProgramVersion | None = None
    inline: Inline | None = None
    on: Line | None = None
    period: Period | None = None
    usage: Usage = None
    usage_from: Annotated[
        Source | None, Field(description="`supplied` where usage is given, else `stored`; `both` adds them up.")
    ] = None
    balances: State = None
    counters: State = None


class Preview(Asked):
    __doc__ = Asked.__doc__

    explain: Annotated[bool, Field(description="With the reason for every amount.")] = False


class Increment(Asked):
    """One more piece of usage, after what was used so far: the request that is about to be sent."""

    add: Annotated[Any, Field(json_schema_extra=USAGE)]


class Batch(Schema):
    previews: Annotated[list[Preview], Field(min_length=1, max_length=BATCH_MAX)]


class Statement(Given):
    """A statement that is not kept. Decimals are strings; `is_final`: nothing of it is unpriced or assumed.

    Where periods before it are not finalised, it stands on them as they are now, from `unfinalised_since` on.
    """

    target: str
    currency: str
    total: str
    due: str
    lines: list[dict[str, Any]]
    adjustments: list[dict[str, Any]]
    unpriced: list[dict[str, Any]]
    is_final: bool
    unfinalised_since: str | None


class Incremented(Given):
    """What one more piece of usage costs: how much the total rises, and on which lines (before adjustments)."""

    amount: str
    currency: str
    lines: dict[str, str]
    total: str


class BatchResult(Given):
    """One preview of a batch: a statement, or the problem it had."""

    status: int
    preview: Statement | None = None
    problem: ProblemDocument | None = None


class BatchResults(Given):
    results: list[BatchResult]


# --- the same for the hot path ---------------------------------------------------------------------------------------

WHOLE_LINE = LINE_PATTERN.removesuffix("$") + r"\Z"
"""Python's `$` would take a line break at the end, which that of JSON Schema does not."""
LineText = Annotated[str, msgspec.Meta(max_length=NAME_MAX, pattern=WHOLE_LINE)]
CustomerText = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_MAX, pattern=WHOLE_LINE)]
MomentText = Annotated[str, msgspec.Meta(max_length=40, pattern=WHOLE_LINE)]
NameText = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")]
Version = Annotated[int, msgspec.Meta(ge=1, le=ROW_ID_MAX)]


class PeriodStruct(msgspec.Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    from_: MomentText = msgspec.field(name="from")
    to: MomentText


class ProgramStruct(msgspec.Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    name: NameText
    version: Version | None = None


class InlineStruct(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    source: Annotated[str, msgspec.Meta(max_length=SOURCE_CHARACTERS_MAX)]
    files: Annotated[
        dict[LineText, Annotated[str, msgspec.Meta(max_length=FILE_CHARACTERS_MAX)]],
        msgspec.Meta(max_length=FILES_MAX),
    ] = {}


class AskedStruct(msgspec.Struct, forbid_unknown_fields=True):
    customer: CustomerText | None = None
    contract: LineText | None = None
    program: ProgramStruct | None = None
    inline: InlineStruct | None = None
    on: LineText | None = None
    period: PeriodStruct | None = None
    usage: Any = None
    usage_from: Source | None = None
    balances: dict[str, Any] | None = None
    counters: dict[str, Any] | None = None


class PreviewStruct(AskedStruct, forbid_unknown_fields=True):
    explain: bool = False


class IncrementStruct(AskedStruct, forbid_unknown_fields=True, kw_only=True):
    add: Any


class BatchStruct(msgspec.Struct, forbid_unknown_fields=True):
    previews: Annotated[list[PreviewStruct], msgspec.Meta(min_length=1, max_length=BATCH_MAX)]
