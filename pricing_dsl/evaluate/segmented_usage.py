"""Usage of a billing period that is cut: a list of segments, each read as usage is (step 3).

The segments given tile the period and leave no cut out; where they are finer, neighbours are added up, for nothing that
is in force changes between them. A meter that does not add over time gives the whole period's quantity in every segment
(rule 3). Wrong input is an `EvaluationError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.given import as_json, wrong_key
from pricing_dsl.evaluate.reference.segments import SegmentTime
from pricing_dsl.evaluate.statement import SegmentedUsage, Usage
from pricing_dsl.evaluate.usage import Cells, read_cells
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import meters_used
from pricing_dsl.values.periods import ContractPeriod, PeriodError, instant, moment_of, seconds_of, text

KEYS = ("from", "to", "usage")
HOW_SEGMENTS_ARE_GIVEN = 'give segments such as {"from": "2026-03-01", "to": "2026-03-16", "usage": {...}}'


class Piece(NamedTuple):
    """One segment as given, `[start, end)` in seconds since 1970."""

    start: ir.Instant
    end: ir.Instant
    usage: dict[str, Cells]


def read_segments(
    program: ir.Program,
    contract: ir.Contract,
    plans: Sequence[ir.Plan],
    usage: Usage | SegmentedUsage,
    period: ContractPeriod,
    times: Sequence[SegmentTime],
) -> list[dict[str, Cells]]:
    """The cells of each segment, by meter; `plans` are what of the contract is in force in them.

    Raises `EvaluationError`: R0310 where the period is cut and usage is not, R0311 where the segments given do not tile
    the period at its cuts, R0312 where a meter that does not add over time differs between segments, and what
    `read_cells` raises.
    """
    if not isinstance(usage, Mapping) and isinstance(usage, Sequence):
        pieces = read_pieces(program, contract, plans, usage, period, times)
        require_alike(program, pieces)
        return [added(program, [p for p in pieces if t.start <= p.start < t.end]) for t in times]
    whole = read_cells(program, plans, usage, contract)
    if len(times) > 1:
        require_uncut(program, contract, plans, whole, period, times)
    return [whole for _ in times]


def read_pieces(
    program: ir.Program,
    contract: ir.Contract,
    plans: Sequence[ir.Plan],
    usage: SegmentedUsage,
    period: ContractPeriod,
    times: Sequence[SegmentTime],
) -> list[Piece]:
    """The segments as given, one after the other from the period's start to its end."""
    pieces: list[Piece] = []
    at = period.start
    for number, given in enumerate(usage, start=1):
        wrong = wrong_key(f"segment {number} of usage", given, KEYS)
        if wrong is not None:
            raise EvaluationError("R0309", wrong, HOW_SEGMENTS_ARE_GIVEN)
        start, end = (instant_of(given[key], period) for key in ("from", "to"))
        if start != at:
            raise untiled(period, misplaced(period, number, at, start), times)
        if end <= start:
            whole = f"from {said(start, period)} to {said(end, period)}"
            raise untiled(period, f"segment {number} of usage, {whole}, is empty", times)
        pieces.append(Piece(start, end, read_cells(program, plans, given["usage"], contract)))
        at = end
    if at != period.end:
        raise untiled(period, unfinished(period, at), times)
    missing = [time for time in times if time.start not in {piece.start for piece in pieces}]
    if missing:
        raise untiled(period, f"no segment of usage begins at {said(missing[0].start, period)}", times)
    return pieces


def instant_of(given: Any, period: ContractPeriod) -> ir.Instant:
    """A date or an instant, in seconds since 1970."""
    try:
        return seconds_of(instant(given, period.zone))
    except PeriodError as error:
        raise EvaluationError("R0311", error.message, error.help) from None
    except (TypeError, AttributeError):
        raise EvaluationError("R0311", f"{as_json(given)} is not a date", HOW_SEGMENTS_ARE_GIVEN) from None


def added(program: ir.Program, pieces: Sequence[Piece]) -> dict[str, Cells]:
    """The usage of neighbouring pieces as one; a meter that does not add over time has the same in each."""
    adds = {meter.name: meter.adds_over_time for meter in program.meters}
    found: dict[str, Cells] = {}
    for piece in pieces:
        for name, cells in piece.usage.items():
            mine = found.setdefault(name, {})
            for values, quantity in cells.items():
                mine[values] = mine[values] + quantity if adds[name] and values in mine else quantity
    return {name: {v: quantity for v, quantity in cells.items() if quantity} for name, cells in found.items()}


def require_alike(program: ir.Program, pieces: Sequence[Piece]) -> None:
    """Raise R0312 where a meter that does not add over time is not the same in every segment (rule 3)."""
    for meter in program.meters:
        if not meter.adds_over_time and any(p.usage.get(meter.name) != pieces[0].usage.get(meter.name) for p in pieces):
            raise EvaluationError(
                "R0312",
                f"`{meter.name}` does not add up over time, and its quantity differs between segments",
                "give the whole period's quantity in every segment: it counts in each by its share of the time",
            )


def require_uncut(
    program: ir.Program,
    contract: ir.Contract,
    plans: Sequence[ir.Plan],
    usage: Mapping[str, Cells],
    period: ContractPeriod,
    times: Sequence[SegmentTime],
) -> None:
    """Raise R0310 where usage that adds up over time is not split; other usage is the same in every segment."""
    used = frozenset().union(*(meters_used(program, plan, contract) for plan in plans))
    for meter in program.meters:
        if meter.adds_over_time and meter.name in used and usage.get(meter.name):
            whole = f"{said(period.start, period)} to {said(period.end, period)}"
            raise EvaluationError(
                "R0310",
                f"{whole} is cut at {cuts(period, times)}, and the usage of `{meter.name}` is not split there",
                HOW_SEGMENTS_ARE_GIVEN,
            )


def misplaced(period: ContractPeriod, number: int, at: ir.Instant, start: ir.Instant) -> str:
    """What is wrong where a segment begins at `start`, and the one before (or the period) brought us to `at`."""
    before = "the period begins on" if number == 1 else f"segment {number - 1} of usage ends on"
    begins = f"{before} {said(at, period)} and segment {number} begins on {said(start, period)}"
    if start > at:
        return f"{begins}: what lies between is not covered"
    return f"{begins}: " + ("it lies before the period" if number == 1 else "what lies between would count twice")


def unfinished(period: ContractPeriod, at: ir.Instant) -> str:
    """What is wrong where the last segment ends at `at`."""
    ends = f"the last segment of usage ends on {said(at, period)} and the period on {said(period.end, period)}"
    return f"{ends}: " + ("what lies between is not covered" if at < period.end else "it lasts too long")


def untiled(period: ContractPeriod, what: str, times: Sequence[SegmentTime]) -> EvaluationError:
    whole = f"{said(period.start, period)} to {said(period.end, period)}"
    help_text = f"give segments one after the other for {whole}"
    return EvaluationError("R0311", what, help_text + (f", cut at {cuts(period, times)}" if len(times) > 1 else ""))


def cuts(period: ContractPeriod, times: Sequence[SegmentTime]) -> str:
    """The instants at which the period is cut, in words."""
    return ", ".join(said(time.start, period) for time in times[1:])


def said(at: ir.Instant, period: ContractPeriod) -> str:
    return text(moment_of(at, period.zone))
