"""One statement of a contract, in the twenty steps of the order of evaluation.

The billing period is clipped to the term and cut where something in force changes. Each segment has the plan of its
version; counters and balances come in as they were at the instant before the period and go out as they are at its end.
A plan without a contract is the case of one segment without either (`plan`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from pricing_dsl.evaluate.corrections import Correction
from pricing_dsl.evaluate.reference import expressions
from pricing_dsl.evaluate.reference.balances import Ledger, Opening, grant_instants, open_balances, settle
from pricing_dsl.evaluate.reference.cells import Key, key_of
from pricing_dsl.evaluate.reference.charges import Charging, is_first_counted
from pricing_dsl.evaluate.reference.counters import Counter, counted_step, opening_cells
from pricing_dsl.evaluate.reference.evaluation import Evaluation, new_counter
from pricing_dsl.evaluate.reference.pipeline import Walk
from pricing_dsl.evaluate.reference.segments import SegmentTime
from pricing_dsl.evaluate.reference.timeline import InForce, Timeline
from pricing_dsl.evaluate.reference.true_ups import true_ups
from pricing_dsl.evaluate.reference.unit_credits import pay_units
from pricing_dsl.evaluate.segmented_usage import read_segments
from pricing_dsl.evaluate.statement import SegmentedUsage, Statement, Usage
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.periods import ContractPeriod


def evaluate_contract(
    program: ir.Program,
    contract: ir.Contract,
    usage: Usage | SegmentedUsage,
    period: ContractPeriod,
    balances: Opening,
    counters: Mapping[str, Any],
    corrections: Sequence[Correction] = (),
    *,
    explain: bool,
) -> Statement:
    """The statement of one contract for one billing period; with `explain`, each line and row carries its reason.

    `usage` of a period that is cut is given in segments. `balances` and `counters` are opening state that has been read
    at the door; what is missing opens as its rule says and is listed as assumed. Raises `EvaluationError` (R codes).
    """
    # 1. Cut.
    times = segments_of(contract, period, balances)
    # 2. Resolve.
    versions = [version_at(contract, time.start) for time in times]
    # 3. Read usage, with the opening state.
    usages = read_segments(program, contract, [version.plan for version in versions], usage, period, times)
    segments = tuple(InForce(*each) for each in zip(times, versions, usages, strict=True))
    timeline = Timeline(contract.name, period, contract.rounding, segments, contract.versions, contract)
    opened = opened_counters(program, timeline, counters)
    evaluation = Evaluation(program, timeline, opened, explain=explain)
    ledger = opened_ledger(evaluation, contract, period, balances)
    # 4. Cell steps before the first pooling, 5. group, 6. quantity steps.
    charging = evaluation.quantities()
    # 7. Credits in units pay.
    pay_from_credits(evaluation, ledger, charging)
    # 8. Price, 9. cell steps on money, 10. sum steps on money, 11. `total` or `largest`, 12. round the line once,
    # 13. fees, 14. derived charges.
    lines = evaluation.lines(charging)
    # 15. Adjustments.
    nets, rows = evaluation.adjusted(lines)
    shares = evaluation.shares(lines, nets)
    # 16. Corrections of finalised periods, found by whoever keeps statements.
    late = [each.shown(program.digits, program.currency, explain=explain) for each in corrections]
    late_shares = [each.share(timeline.last.index) for each in corrections]
    # 17. True-ups of postpaid commits.
    trued = true_ups(
        contract, times, shares, balances, evaluation.rounding, program.currency, corrections, explain=explain
    )
    # 18. Draws, 19. `overage times` on what no balance has paid; balances close.
    settled = settle(ledger, [*shares, *late_shares], times)
    # 20. Close the counters.
    closing, assumed = closing_counters(evaluation, opened)
    return evaluation.statement(
        lines,
        nets,
        [*rows, *late, *trued.rows, *settled.rows],
        less_due=settled.drawn_minor - settled.invoiced_minor,
        rejected=settled.rejected,
        balances={**settled.movements, **trued.movements},
        counters=closing,
        draws=settled.draws,
        invoiced=settled.invoiced,
        assumed=(*settled.assumed, *trued.assumed, *assumed),
    )


# --- steps 1 and 2 ---


def segments_of(contract: ir.Contract, period: ContractPeriod, balances: Opening) -> tuple[SegmentTime, ...]:
    """The pieces of the period: it is cut where a version, a balance or a counting period begins or ends."""
    start, end = period.start, period.end
    cuts = {start, end, *grant_instants(contract, start, end, balances)}
    cuts.update(version.start for version in contract.versions)
    cuts.update(at for cadence in counted_cadences(contract) for at in period.term.starts(cadence, start, end))
    within = sorted(at for at in cuts if start <= at <= end)
    return tuple(SegmentTime(i, at, until) for i, (at, until) in enumerate(pairwise(within)))


def counted_cadences(contract: ir.Contract) -> set[str]:
    """The cadences at whose starts some counter begins anew."""
    charges = (line for version in contract.versions for line in version.plan.lines if isinstance(line, ir.Charge))
    steps = (counted_step(charge.steps) for charge in charges)
    return {step.cadence for step in steps if step is not None and step.cadence != "term"}


def version_at(contract: ir.Contract, at: ir.Instant) -> ir.Version:
    return next(version for version in contract.versions if version.start <= at < version.end)


# --- opening ---


def opened_counters(program: ir.Program, timeline: Timeline, given: Mapping[str, Any]) -> dict[str, Counter]:
    """The counters given, as they were at the instant before the period."""
    opened = {name: new_counter(program, timeline, name) for name in given}
    for name, counter in opened.items():
        counter.cells = opening_cells(given[name])
    return opened


def opened_ledger(evaluation: Evaluation, contract: ir.Contract, period: ContractPeriod, balances: Opening) -> Ledger:
    """The balances as they were at the instant before the period; what is granted may read its quantities."""

    def amount_of(expression: ir.Expression) -> Fraction:
        return expressions.number(expression, lambda ref: evaluation.usages.total(ref.name, ()))

    rounding, currency, explain = evaluation.rounding, evaluation.program.currency, evaluation.explain
    return open_balances(contract, period.start, balances, amount_of, rounding, currency, explain=explain)


# --- step 7 ---


def pay_from_credits(evaluation: Evaluation, ledger: Ledger, charging: Mapping[str, Charging]) -> None:
    """Credits in units pay in time order, line by line; what they paid of a counted line is not counted on."""
    walks = {name: [stage.walk for stage in charge.stages] for name, charge in charging.items()}
    counted = [name for name in evaluation.charges.counters if name in walks]
    counting = {name: still_counting(evaluation.timeline, name, walks[name]) for name in counted}
    before = {name: [units_of(walk) for walk in mine] for name, mine in counting.items()}
    pay_units(ledger, walks, [segment.time for segment in evaluation.timeline.segments])
    for name, mine in counting.items():
        for walk, units in zip(mine, before[name], strict=True):
            left = units_of(walk)
            paid = {key: quantity - left.get(key, Fraction(0)) for key, quantity in units.items()}
            evaluation.charges.counters[name].take_out({key: amount for key, amount in paid.items() if amount})


def still_counting(timeline: Timeline, name: str, walks: Sequence[Walk]) -> list[Walk]:
    """The segments of a line whose units its counter holds at the period's end: counted since it began anew last."""
    found: list[Walk] = []
    for walk in walks:
        segment = timeline.segments[walk.segment.index]
        line = segment.line(name)
        step = None if line is None else counted_line(line)
        if step is not None:
            found = [] if is_first_counted(timeline, name, step, segment) else found
            found.append(walk)
    return found


def units_of(walk: Walk) -> dict[Key, Fraction]:
    """What a segment adds to each cell that meets a price."""
    added: dict[Key, Fraction] = {}
    for leaf in walk.leaves():
        for sign, groups in ((1, leaf.instants.end), (-1, leaf.instants.start or ())):
            for cell in (cell for group in groups for cell in group.cells):
                key = key_of(cell.dimensions, sorted(cell.dimensions))
                added[key] = added.get(key, Fraction(0)) + sign * cell.quantity
    return added


# --- step 20 ---


def closing_counters(evaluation: Evaluation, opened: Mapping[str, Counter]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The counters at the period's end, and those that were not given.

    One whose counting period ends there closes at zero; one that does not run in this period is carried on as it was.
    """
    timeline, running = evaluation.timeline, evaluation.charges.counters
    counters = {**opened, **running}
    closing = {name: "0" if has_ended(timeline, name) else counter.closing() for name, counter in counters.items()}
    missing = [name for name in running if name not in opened and not begins_here(timeline, name)]
    return closing, tuple(f"counter {name}" for name in missing)


def begins_here(timeline: Timeline, name: str) -> bool:
    """Whether a line has not counted before, in the counting period of the first segment in which it is counted."""
    counted = ((segment, counted_line(line)) for segment, line in timeline.lines(name))
    segment, step = next((segment, step) for segment, step in counted if step is not None)
    return is_first_counted(timeline, name, step, segment)


def has_ended(timeline: Timeline, name: str) -> bool:
    """Whether the counting period in which a line was counted last ends by the end of the billing period."""
    period = timeline.period
    assert isinstance(period, ContractPeriod)
    begun = [version.plan for version in timeline.versions if version.start < period.end]
    lines = [(line, period.start) for plan in begun for line in plan.lines if line.name == name]
    lines += [(line, segment.time.start) for segment, line in timeline.lines(name)]
    counted = [(step, at) for line, at in lines if (step := counted_line(line)) is not None]
    if not counted:
        return False
    step, at = counted[-1]
    return period.term.containing(step.cadence, at)[1] <= period.end


def counted_line(line: ir.Fee | ir.Charge) -> ir.Counted | None:
    """How a line is counted, if it is."""
    return counted_step(line.steps) if isinstance(line, ir.Charge) else None
