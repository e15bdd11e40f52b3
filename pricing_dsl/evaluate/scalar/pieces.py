"""Usage given in pieces that tile a billing period, put together for each segment as generated code reads it.

What is plainly right is done here: texts or dates that tile the period at its cuts. Everything else ends in `Fallback`,
and the reference evaluator says what is wrong (`segmented_usage`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pricing_dsl.evaluate.reference.segments import SegmentTime
from pricing_dsl.evaluate.scalar.plan import ODD_USAGE, Recent
from pricing_dsl.evaluate.scalar.writing import Fallback
from pricing_dsl.evaluate.segmented_usage import instant_of
from pricing_dsl.evaluate.usage import QUANTITY
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.periods import ContractPeriod

LAYOUTS_MAX = 8
"""Ways in which usage is cut that are remembered."""


class Pieces:
    """Reads usage in pieces, for one period and its segments."""

    def __init__(self, program: ir.Program, period: ContractPeriod, times: Sequence[SegmentTime]) -> None:
        self.period = period
        self.times = times
        self.adding = {meter.name: meter.adds_over_time for meter in program.meters}
        self.layouts: Recent[tuple[int, ...]] = Recent(LAYOUTS_MAX)

    def read(self, usage: Any) -> list[dict[str, Any]]:
        """The usage of each segment."""
        try:
            if usage.__class__ is dict and not any(self.adding[name] for name in usage):
                return [usage] * len(self.times)
            if usage.__class__ is not list and usage.__class__ is not tuple:
                raise Fallback("a period that is cut takes usage in segments")
            return self.placed(usage)
        except ODD_USAGE:
            raise Fallback from None

    def placed(self, usage: Sequence[Any]) -> list[dict[str, Any]]:
        """Of a meter that adds over time the cells of all pieces of a segment; of others what all pieces say."""
        ends = tuple([(piece["from"], piece["to"]) for piece in usage])
        if not usage or any(len(piece) != 3 for piece in usage):
            raise Fallback
        if all(start.__class__ is str and end.__class__ is str for start, end in ends):
            places = self.layouts.get(ends, lambda: self.layout(ends))
        else:
            places = self.layout(ends)
        found: list[dict[str, Any]] = [{} for _ in self.times]
        first = usage[0]["usage"]
        for place, piece in zip(places, usage, strict=True):
            mine, given = found[place], piece["usage"]
            if given.__class__ is not dict:
                raise Fallback
            if given.keys() != first.keys() and not all(self.adding[name] for name in given.keys() ^ first.keys()):
                raise Fallback
            for name, value in given.items():
                if not self.adding[name]:
                    if value != first[name]:
                        raise Fallback
                    mine[name] = value
                else:
                    mine[name] = added(mine[name], value) if name in mine else value
        return found

    def layout(self, ends: Sequence[tuple[Any, Any]]) -> tuple[int, ...]:
        """The segment of each piece. Raises `Fallback` where the pieces do not tile the period at its cuts."""
        at = self.period.start
        places: list[int] = []
        starts = {time.start: time.index for time in self.times}
        for start, end in ends:
            begins, stops = instant_of(start, self.period), instant_of(end, self.period)
            if begins != at or stops <= begins:
                raise Fallback
            places.append(starts.pop(begins) if begins in starts else places[-1])
            at = stops
        if at != self.period.end or starts:
            raise Fallback
        return tuple(places)

    def together(self, before: dict[str, Any], piece: dict[str, Any]) -> dict[str, Any]:
        """Usage up to a segment's end."""
        found = dict(before)
        for name, value in piece.items():
            found[name] = added(found[name], value) if name in found and self.adding[name] else value
        return found


def added(before: Any, value: Any) -> Any:
    """Usage of two stretches of time as one, of a meter that adds over time."""
    if before.__class__ is int and value.__class__ is int:
        return before + value
    return [*cells_of(before), *cells_of(value)]


def cells_of(value: Any) -> Sequence[Any]:
    """A number is one cell without dimensions."""
    return value if value.__class__ is list or value.__class__ is tuple else [{QUANTITY: value}]
