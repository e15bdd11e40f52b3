"""Stored and supplied usage of one period together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.usage import read_meter
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values import periods
from runtime.errors import RuntimeProblem
from runtime.rating.bound import Bound
from runtime.rating.evaluation import Usage

HOW_SEGMENTS_ARE_ADDED = 'give just these: [{"from": "2026-03-01", "to": "2026-03-16", "usage": {...}}, ...]'


def both(bound: Bound, stored: Usage, supplied: Usage) -> Usage:
    """What adds over time is added, cell by cell; what does not is taken where the other has none.

    Where the period is cut, usage is supplied in the segments that it is cut into.

    Raises `RuntimeProblem` X0404 for a meter whose numbers cannot be added and for other segments, `EvaluationError`
    for what is no usage.
    """
    meters = {meter.name: meter for meter in bound.evaluator.program.meters}
    if isinstance(stored, Mapping) and isinstance(supplied, Mapping):
        return together(meters, stored, supplied)
    cut = [stored] if isinstance(stored, Mapping) else list(stored)
    given = [supplied] if isinstance(supplied, Mapping) else list(supplied)
    zone = ZoneInfo(bound.contract.timezone)
    if [stretch(each, zone) for each in cut] != [stretch(each, zone) for each in given]:
        raise RuntimeProblem("X0404", f"usage that is added is given {as_cut(stored)}", HOW_SEGMENTS_ARE_ADDED)
    return [
        {**mine, "usage": together(meters, mine["usage"], other["usage"])}
        for mine, other in zip(cut, given, strict=True)
    ]


def stretch(segment: Any, zone: ZoneInfo) -> tuple[int, int] | None:
    """From when to when a segment is given; `None` for what is none."""
    if not isinstance(segment, Mapping) or segment.keys() != {"from", "to", "usage"}:
        return None
    try:
        start, end = (periods.seconds_of(periods.instant(segment[key], zone)) for key in ("from", "to"))
    except (periods.PeriodError, TypeError, AttributeError):
        return None
    return start, end


def as_cut(stored: Usage) -> str:
    """How usage is to be given, in words."""
    if isinstance(stored, Mapping):
        return "as one mapping of meters, for nothing cuts the period"
    return "in the segments that the period is cut into, " + ", ".join(f"{s['from']} to {s['to']}" for s in stored)


def together(meters: Mapping[str, ir.Meter], stored: Mapping[str, Any], supplied: Mapping[str, Any]) -> dict[str, Any]:
    """Usage of one segment."""
    if not isinstance(supplied, Mapping):
        raise EvaluationError(
            "R0309", "usage maps meters to quantities", 'give a mapping such as {"requests": "2300000"}'
        )
    merged = dict(stored)
    for name, given in supplied.items():
        known, meter = stored.get(name), meters.get(name)
        if not known or meter is None:
            merged[name] = given
        elif not meter.adds_over_time:
            raise RuntimeProblem(
                "X0404",
                f"`{name}` does not add up: what is stored of it is a result already",
                "leave it out, or hand over all usage and count no stored one",
            )
        else:
            merged[name] = added(meter, known, given)
    return merged


def added(meter: ir.Meter, known: Sequence[Mapping[str, Any]], given: Any) -> list[dict[str, Any]]:
    """Cells of both, one for each combination of dimension values."""
    cells = read_meter(meter, known, frozenset())
    more = given if isinstance(given, list | tuple) else [{"quantity": given}]
    for values, quantity in read_meter(meter, more, frozenset()).items():
        cells[values] = cells[values] + quantity if values in cells else quantity
    return [
        {**dict(zip(meter.dimensions, values, strict=True)), "quantity": quantity} for values, quantity in cells.items()
    ]
