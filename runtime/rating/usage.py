"""A billing period's usage out of the buckets, as the evaluator takes it: whole, or in the segments it is cut into.

What adds over time is summed hour by hour into each segment, of the meters that something in force there reads. What
does not (a maximum, unique users) is the whole period's, the same in every segment (rule 3); where a definition of a
meter is in force for a part of the period only, that part's. A `carried` meter begins with each cell's last value
before that, be it of an earlier definition.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import localcontext
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import meters_used
from pricing_dsl.plugin.contract import SECOND, Interval, Monoid, Value
from pricing_dsl.plugin.manager import plugins
from pricing_dsl.values.numbers import decimal_text
from runtime.errors import RuntimeProblem
from runtime.limits import CELLS_KEPT
from runtime.metering.batch import monoid_of
from runtime.rating.bound import Bound, Source, instant
from runtime.store.database import Work
from runtime.store.repositories import usage as buckets
from runtime.store.sqlite import EXACT

HOUR = 3_600
Cells = list[dict[str, Any]]
Sums = dict[str, Any]
"""Cell, as it is stored, to its quantity."""


class Piece(NamedTuple):
    """A segment `[start, end)` in seconds since 1970."""

    start: int
    end: int

    def clipped(self, start: int, end: int) -> Piece:
        return Piece(max(self.start, start), min(self.end, end))


def stored_usage(work: Work, bound: Bound, customer: str, pieces: Sequence[Piece]) -> Any:
    """The usage of some segments that follow each other: a mapping for one, a list of segments for several.

    Raises `RuntimeProblem` X0406 where a segment does not begin or end on the hour.
    """
    for start, end in pieces:
        require_hours(start, end)
    meters = {meter.name: meter for meter in bound.evaluator.program.meters}
    used = [used_in(bound, piece) for piece in pieces]
    given: list[dict[str, Cells]] = [{} for _ in pieces]
    for name in sorted(frozenset().union(*used)):
        meter, source = meters[name], bound.meters[name]
        if meter.adds_over_time:
            for piece, names, mine in zip(pieces, used, given, strict=True):
                if name in names:
                    mine[name] = cells_of(meter, added(work, meter, source, customer, piece))
        else:
            whole = Piece(pieces[0].start, pieces[-1].end).clipped(source.start, source.end)
            cells = cells_of(meter, merged(work, meter, source, customer, whole))
            for mine in given:
                mine[name] = cells
    if len(pieces) == 1:
        return given[0]
    return [
        {"from": instant(start).isoformat(), "to": instant(end).isoformat(), "usage": usage}
        for (start, end), usage in zip(pieces, given, strict=True)
    ]


def require_hours(*instants: int) -> None:
    """Raise `RuntimeProblem` X0406 for an instant inside an hour."""
    for at in instants:
        if at % HOUR:
            raise RuntimeProblem(
                "X0406",
                f"the period is cut at {instant(at).isoformat()}, and usage is kept by the hour",
                "let phases, terms and versions begin on the hour",
            )


def used_in(bound: Bound, piece: Piece) -> frozenset[str]:
    """The meters that something in force in a segment reads."""
    plan = next(v.plan for v in bound.contract.versions if v.start <= piece.start < v.end)
    return meters_used(bound.evaluator.program, plan, bound.contract)


def added(work: Work, meter: ir.Meter, source: Source, customer: str, piece: Piece) -> Sums:
    """What each cell of a meter that adds over time came to in a segment."""
    numbers, states = buckets.sums(work, source.meter_id, customer, piece.start // HOUR, piece.end // HOUR)
    with localcontext(EXACT):
        sums: Sums = {}
        for cell, value in numbers:
            sums[cell] = sums[cell] + value if cell in sums else value
        if states:
            rest = results(meter, states, (), piece)
            sums.update((cell, quantity(Fraction(sums.get(cell, 0)) + Fraction(found))) for cell, found in rest.items())
    return sums


def merged(work: Work, meter: ir.Meter, source: Source, customer: str, piece: Piece) -> Sums:
    """What each cell of a meter that does not add over time came to."""
    if piece.start >= piece.end:
        return {}
    start, end = piece.start // HOUR, piece.end // HOUR
    before: dict[str, str] = {}
    if meter.carried:
        for meter_id in (*reversed(source.carried_from), source.meter_id):
            before.update(buckets.last_before(work, meter_id, customer, start))
    rows = buckets.buckets(work, source.meter_id, customer, start, end)
    found = results(meter, [(cell, value, state) for _, cell, value, state in rows], before.items(), piece)
    return {cell: quantity(each) for cell, each in found.items()}


def results(
    meter: ir.Meter, rows: Iterable[tuple[str, Any, bytes | None]], before: Iterable[tuple[str, str]], piece: Piece
) -> dict[str, Fraction | int]:
    """The results of the hours of each cell merged, after what was carried into them."""
    period = Interval(piece.start * SECOND, piece.end * SECOND)
    monoids: dict[str, Monoid[Any]] = {}
    states: dict[str, Any] = {}
    for cell, last in before:
        measure = measure_of(meter, cell)
        if measure is not None:
            monoid = monoids[cell] = monoid_of(measure)
            states[cell] = monoid.add(monoid.zero(), carried_value(measure, last), period.start, "")
    for cell, value, state in rows:
        known = monoids.get(cell)
        if known is None:
            measure = measure_of(meter, cell)
            assert measure is not None, "a bucket's cell is one of its meter's measures"
            known = monoids[cell] = monoid_of(measure)
        if state is None:
            other = known.add(known.zero(), Fraction(value), period.start, "")
        else:
            other = known.decode(state)
        states[cell] = known.merge(states[cell], other) if cell in states else other
    return {cell: monoids[cell].result(state, period) for cell, state in states.items()}


def measure_of(meter: ir.Meter, cell: str) -> ir.Measure | None:
    """What a cell of a meter is aggregated by: under `measure by`, that of its value, if there is one (any more)."""
    if meter.measured_by is None:
        return meter.measures[0]
    value = values_of(cell)[meter.dimensions.index(meter.measured_by)]
    return next((measure for measure in meter.measures if measure.value == value), None)


def carried_value(measure: ir.Measure, last: str) -> Value:
    """The last value of a carried cell: a text where the aggregation takes any."""
    text: str = json.loads(last)[2]
    return text if plugins().aggregations[measure.aggregation].value.value == "any" else Fraction(text)


def quantity(result: Fraction | int) -> Any:
    """A result as usage takes it."""
    return result if isinstance(result, int) else decimal_text(Fraction(result))


@lru_cache(maxsize=CELLS_KEPT)
def values_of(cell: str) -> tuple[str, ...]:
    """The dimension values of a stored cell."""
    return tuple(json.loads(cell))


def cells_of(meter: ir.Meter, sums: Mapping[str, Any]) -> Cells:
    """Usage cells of a meter, in the order of their dimension values."""
    names = meter.dimensions
    return [{**dict(zip(names, values_of(cell), strict=True)), "quantity": sums[cell]} for cell in sorted(sums)]
