"""A billing period's usage out of the buckets, as the evaluator takes it: whole, or in the segments it is cut into.

What adds over time is summed hour by hour into each segment. What does not (a maximum, unique users) is the whole
period's, the same in every segment (rule 3). A `carried` meter begins with each cell's last value before the period.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any, NamedTuple

from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import meters_used
from pricing_dsl.plugin.contract import SECOND, Interval, Monoid
from pricing_dsl.values.numbers import decimal_text
from runtime.errors import RuntimeProblem
from runtime.metering.batch import monoid_of
from runtime.rating.bound import Bound, instant
from runtime.store.database import Work
from runtime.store.repositories import usage as buckets
from runtime.store.sqlite import EXACT

HOUR = 3_600
Cells = list[dict[str, Any]]
Piece = tuple[int, int]
"""A segment `[start, end)` in seconds since 1970."""


class Cumulated(NamedTuple):
    """What one meter came to: a number for each cell, segment by segment."""

    meter: ir.Meter
    pieces: list[dict[str, Any]]


def stored_usage(work: Work, bound: Bound, customer: str, pieces: Sequence[Piece]) -> Any:
    """The usage of some segments that follow each other: a mapping for one, a list of segments for several.

    Raises `RuntimeProblem` X0406 where a segment does not begin on the hour.
    """
    for start, end in pieces:
        for at in (start, end):
            if at % HOUR:
                raise RuntimeProblem(
                    "X0406",
                    f"the period is cut at {instant(at).isoformat()}, and usage is kept by the hour",
                    "let phases and terms begin on the hour",
                )
    meters = {meter.name: meter for meter in bound.evaluator.program.meters}
    used = [used_in(bound, piece) for piece in pieces]
    whole = {
        name: cumulated(work, meters[name], bound.meters[name], customer, pieces)
        for name in sorted(frozenset().union(*used))
    }
    given = [
        {name: cells_of(meters[name], whole[name][number]) for name in sorted(names)}
        for number, names in enumerate(used)
    ]
    if len(pieces) == 1:
        return given[0]
    return [
        {"from": instant(start).isoformat(), "to": instant(end).isoformat(), "usage": usage}
        for (start, end), usage in zip(pieces, given, strict=True)
    ]


def used_in(bound: Bound, piece: Piece) -> frozenset[str]:
    """The meters that something in force in a segment reads."""
    plan = next(v.plan for v in bound.contract.versions if v.start <= piece[0] < v.end)
    return meters_used(bound.evaluator.program, plan, bound.contract)


def cumulated(
    work: Work, meter: ir.Meter, meter_id: int, customer: str, pieces: Sequence[Piece]
) -> list[dict[str, Any]]:
    """For each segment, what each cell of a meter came to."""
    start, end = pieces[0][0], pieces[-1][1]
    rows = buckets.buckets(work, meter_id, customer, start // HOUR, end // HOUR)
    if meter.adds_over_time:
        return [summed(meter, [row for row in rows if a // HOUR <= row[0] < b // HOUR], (a, b)) for a, b in pieces]
    before = buckets.last_before(work, meter_id, customer, start // HOUR) if meter.carried else []
    whole = merged(meter, rows, before, (start, end))
    return [whole for _ in pieces]


def summed(meter: ir.Meter, rows: Iterable[buckets.Row], piece: Piece) -> dict[str, Any]:
    """The sums of what adds over time."""
    sums: dict[str, Any] = {}
    states: list[buckets.Row] = []
    with localcontext(EXACT):
        for row in rows:
            _, cell, value, state, _ = row
            if state is not None:
                states.append(row)
                continue
            number = exact(value)
            sums[cell] = sums[cell] + number if cell in sums else number
    return {**sums, **merged(meter, states, (), piece)} if states else sums


def merged(
    meter: ir.Meter, rows: Iterable[buckets.Row], before: Iterable[tuple[str, str]], piece: Piece
) -> dict[str, Any]:
    """The results of states: each hour's merged, after what was carried into the period."""
    period = Interval(piece[0] * SECOND, piece[1] * SECOND)
    monoids: dict[str, Monoid[Any]] = {}
    states: dict[str, Any] = {}
    for cell, last in before:
        monoid = monoids[cell] = monoid_for(meter, cell)
        states[cell] = monoid.add(monoid.zero(), Fraction(json.loads(last)[2]), period.start, "")
    for _, cell, value, state, _ in rows:
        monoid = monoids.get(cell) or monoids.setdefault(cell, monoid_for(meter, cell))
        other = monoid.add(monoid.zero(), Fraction(value), period.start, "") if state is None else monoid.decode(state)
        states[cell] = monoid.merge(states[cell], other) if cell in states else other
    return {cell: quantity(monoids[cell].result(state, period)) for cell, state in states.items()}


def monoid_for(meter: ir.Meter, cell: str) -> Monoid[Any]:
    """What a cell of a meter is aggregated by: under `measure by`, that of its value."""
    if meter.measured_by is None:
        return monoid_of(meter.measures[0])
    value = json.loads(cell)[meter.dimensions.index(meter.measured_by)]
    return monoid_of(next(measure for measure in meter.measures if measure.value == value))


def exact(value: Any) -> int | Decimal:
    """A stored number: text on SQLite, a decimal on PostgreSQL."""
    if isinstance(value, str):
        return Decimal(value) if "." in value else int(value)
    assert isinstance(value, Decimal)
    return value


def quantity(result: Fraction | int) -> Any:
    """A result as usage takes it."""
    return result if isinstance(result, int) else decimal_text(Fraction(result))


def cells_of(meter: ir.Meter, cumulated: Mapping[str, Any]) -> Cells:
    """Usage cells of a meter, in the order of their dimension values."""
    names = meter.dimensions
    cells: Cells = []
    for cell in sorted(cumulated):
        entry = dict(zip(names, json.loads(cell), strict=True))
        entry["quantity"] = cumulated[cell]
        cells.append(entry)
    return cells
