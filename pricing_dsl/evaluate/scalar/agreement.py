"""A contract as generated code: the plan of the version in force, then the balances in integers.

Period by period, which segments there are, what is billed of fees, when grants begin and end is found once and kept,
for each form in which opening balances are given. A period that nothing cuts runs one generated function (`plan`); one
that is cut runs one for each segment's end and start (`segments`). Draws are paid by a `Till`; postpaid commits by the
reference evaluator's own `true_ups`. What is not done here is named (`support`, `cuts`) and ends in `Fallback`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from pricing_dsl.evaluate.reference.agreement import segments_of, version_at
from pricing_dsl.evaluate.reference.balances import open_balances
from pricing_dsl.evaluate.reference.fees import billed_services
from pricing_dsl.evaluate.reference.lines import Rounding
from pricing_dsl.evaluate.reference.segments import LineShare, SegmentTime
from pricing_dsl.evaluate.reference.timeline import InForce, Timeline
from pricing_dsl.evaluate.reference.true_ups import TrueUps, true_ups
from pricing_dsl.evaluate.scalar.agreed_statement import AgreedStatement
from pricing_dsl.evaluate.scalar.expressions import folded
from pricing_dsl.evaluate.scalar.function import Form
from pricing_dsl.evaluate.scalar.grants import laid_out
from pricing_dsl.evaluate.scalar.named import Binding
from pricing_dsl.evaluate.scalar.opened import Opened, Reader
from pricing_dsl.evaluate.scalar.pieces import Pieces
from pricing_dsl.evaluate.scalar.plan import ODD_USAGE, Recent, Run, ScalarPlan
from pricing_dsl.evaluate.scalar.quick import Quick, quick
from pricing_dsl.evaluate.scalar.runtime import FinerScale
from pricing_dsl.evaluate.scalar.segments import CutPeriod, Result
from pricing_dsl.evaluate.scalar.support import contract_reason, counted_reason
from pricing_dsl.evaluate.scalar.tables import Tables
from pricing_dsl.evaluate.scalar.tills import Settled, Till
from pricing_dsl.evaluate.scalar.writing import Fallback
from pricing_dsl.evaluate.statement import Invoiced, Row, Statement
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.periods import ContractPeriod

PERIODS_MAX = 16
"""Billing periods remembered per contract."""
FORMS_MAX = 8
"""Forms of opening balances remembered per period."""

NO_FLOORS = TrueUps((), {}, ())


class WholePeriod:
    """A period that nothing cuts: the version's plan, bound to the period."""

    def __init__(self, program: ir.Program, timeline: Timeline, scalar: ScalarPlan) -> None:
        (segment,) = timeline.segments
        assert isinstance(timeline.period, ContractPeriod)
        self.scalar = scalar
        self.pieces = Pieces(program, timeline.period, [segment.time])
        self.reason = counted_reason(segment.plan) or scalar.reason
        self.names = tuple(line.name for line in segment.plan.lines)
        self.alone = [
            adjustment.name or f"{adjustment.kind}_{position}"
            for position, adjustment in enumerate(segment.plan.adjustments, start=1)
            if adjustment.kind == "minimum" and adjustment.lines is None
        ]
        fees: list[tuple[str, tuple[Fraction, int]]] = []
        for line in segment.plan.lines:
            if isinstance(line, ir.Fee):
                billed = billed_services(timeline, line.name)
                fees.append((line.name, (sum((each.amount for each in billed), Fraction(0)), len(billed))))
        self.binding = Binding(0, scalar.shares(timeline.period), tuple(fees))
        self.runs: dict[Form, Run] = {}

    def run(self, form: Form, usage: Any) -> Any:
        """What the generated function of a form gives back."""
        run = self.runs.get(form)
        if run is None:
            if self.reason is not None:
                raise Fallback(self.reason)
            run = self.runs[form] = self.scalar.bound(self.binding, form)
        if usage.__class__ is not dict:
            (usage,) = self.pieces.read(usage)
        try:
            return run(usage)
        except FinerScale as finer:
            return self.scalar.finer(finer, self.binding, form, usage)
        except ODD_USAGE:
            raise Fallback from None

    def tops(self, left: Sequence[int], alone: Sequence[int]) -> list[tuple[str, int]]:
        """The top-ups that stand alone, and what later adjustments have left of them."""
        if not left:
            return []
        names = [name for name, minor in zip(self.alone, alone, strict=True) if minor]
        return list(zip(names, left, strict=True))


@dataclass(frozen=True, slots=True)
class State:
    """One billing period for one form of opening balances."""

    times: tuple[SegmentTime, ...]
    cut_texts: tuple[tuple[str, str], ...]
    lines: WholePeriod | CutPeriod
    till: Till
    opening: tuple[list[int], ...]
    """What each balance opens with where it is not given."""
    invoiced: tuple[Invoiced, ...]
    invoiced_minor: int
    quick: Quick | None
    """The till where it is simple enough."""
    total_asks: bool
    """Whether the total depends on balances: on draws at a factor, or on a true-up."""
    assumed: list[int]
    """All of `opening`, by slot."""
    may_last: Quick | None
    """The quick till where lines before adjustments show that their balance lasts."""


class Agreed:
    """One billing period of a contract."""

    def __init__(self, contract: ScalarContract, period: ContractPeriod) -> None:
        self.contract = contract
        self.period = period
        self.bounds = period.bounds
        self.states: Recent[State] = Recent(FORMS_MAX)
        self.last: tuple[object, State | None] = ((), None)
        self.assumed: State | None = None
        """The state for balances that are not given."""
        self.lines: Recent[WholePeriod | CutPeriod] = Recent(FORMS_MAX)

    def state(self, opened: Opened, given: Mapping[str, Any] | None) -> State:
        """What is known of the period before any usage is."""
        form, state = self.last
        if state is None or form != opened.form:
            state = self.states.get(opened.form, lambda: self.made(opened, given))
            self.last = (opened.form, state)
        return state

    def made(self, opened: Opened, given: Mapping[str, Any] | None) -> State:
        parent, contract = self.contract, self.contract.contract
        read = (
            parent.reader.careful(given, self.period.start).read if opened.read is None and given else opened.read or {}
        )
        assert read is not None
        times = segments_of(contract, self.period, read)
        versions = [version_at(contract, time.start) for time in times]
        segments = tuple(InForce(time, version, {}) for time, version in zip(times, versions, strict=True))
        timeline = Timeline(contract.name, self.period, contract.rounding, segments, contract.versions, contract)
        lines = self.lines.get(tuple(time.start for time in times), lambda: parent.lines(timeline))
        ledger = open_balances(contract, self.period.start, read, amount_of, parent.rounding, parent.program.currency)
        till, amounts = laid_out(ledger, timeline.line_names, times)
        opening = tuple([amounts[slot] for slot in slots] for slots in till.opening)
        invoiced, minor = till.invoiced(times)
        asks = till.has_factors or bool(contract.floors)
        quickly = quick(till)
        adjustments = versions[0].plan.adjustments
        adds = any(adjustment.kind == "minimum" and adjustment.lines is not None for adjustment in adjustments)
        may_last = None if contract.floors or adds else quickly
        cuts, assumed = timeline.cut_texts, [amount for mine in opening for amount in mine]
        return State(times, cuts, lines, till, opening, invoiced, minor, quickly, asks, assumed, may_last)


class ScalarContract:
    """One contract of a program. Reusable and thread-safe; raises `Fallback` where the reference evaluator must do it.

    `reason` says why generated code does no period of this contract, if it does none. `tables` may be shared by the
    plans and contracts of a program.
    """

    def __init__(self, program: ir.Program, contract: ir.Contract, tables: Tables) -> None:
        self.program = program
        self.contract = contract
        self.tables = tables
        self.rounding = Rounding(program.digits, contract.rounding)
        self.reason = contract_reason(contract)
        self.reader = Reader(program, contract)
        self.scalars: dict[int, ScalarPlan] = {}
        self.periods: Recent[Agreed] = Recent(PERIODS_MAX)
        self.last: tuple[object, Agreed | None] = ((), None)

    def period(self, given: Any, resolve: Callable[[Any], ContractPeriod]) -> Agreed:
        """A billing period as it is given, remembered."""
        known, period = self.last
        if period is not None and known == given:
            return period
        if is_plain(given):
            period = self.periods.get(given, lambda: Agreed(self, resolve(given)))
            self.last = (given, period)
            return period
        resolved = resolve(given)
        return self.periods.get((resolved.start, resolved.end), lambda: Agreed(self, resolved))

    def lines(self, timeline: Timeline) -> WholePeriod | CutPeriod:
        if len(timeline.segments) > 1:
            return CutPeriod(self.program, timeline, self.rounding, self.tables)
        version = timeline.segments[0].version
        scalar = self.scalars.get(version.start)
        if scalar is None:
            scalar = self.scalars[version.start] = ScalarPlan(self.program, version.plan, self.tables)
        return WholePeriod(self.program, timeline, scalar)

    def statement(self, usage: Any, period: Agreed, balances: Mapping[str, Any] | None) -> Statement:
        """The statement, without reasons."""
        if self.reason is not None:
            raise Fallback(self.reason)
        opened = self.reader.read(balances, period.period.start)
        state = period.state(opened, balances)
        till = state.till
        if isinstance(state.lines, WholePeriod):
            lines, rows, total, nets, left, alone, unused = state.lines.run("agreed statement", usage)
            parts, tops = [nets], state.lines.tops(left, alone)
        else:
            lines, rows, total, parts, tops, unused = state.lines.evaluate(usage)
        opening = self.opening(state, opened)
        drawn, factors, told = self.settled(state, opening, parts, tops)
        trued = NO_FLOORS
        if self.contract.floors:
            trued = self.true_ups(state, parts, tops, opened)
        if trued.rows or factors:
            rows = [*rows, *trued.rows, *factors]
            total += trued.minor + sum([row.minor for row in factors])
        assumed = (*till.assumed, *trued.assumed) if trued.assumed else till.assumed
        due = total - drawn + state.invoiced_minor
        found = (lines, rows, total, due, unused, state.invoiced, assumed, state.cut_texts)
        floors = trued.movements
        program = self.program
        return AgreedStatement(
            self.contract.name,
            program.currency,
            program.digits,
            period.bounds,
            self.contract.timezone,
            found,
            (lambda: till.told(told(), floors)) if till.accounts else lambda: ((), floors),
        )

    def settled(
        self, state: State, opening: list[int], parts: list[list[int]], tops: list[tuple[str, int]]
    ) -> tuple[int, list[Row], Callable[[], Settled]]:
        """What is drawn in all, the rows of balance factors, and how to find out who paid what."""
        till, quickly = state.till, state.quick
        if quickly is not None:
            drawn, rows = quickly.settle(opening, parts[0], tops)
            return drawn, rows, lambda: till.settle(opening, parts, tops)
        settled = till.settle(opening, parts, tops)
        return settled.drawn, settled.rows, lambda: settled

    def amounts(self, usage: Any, period: Agreed) -> dict[str, int]:
        """Minor units of each line before adjustments, and of the `total`; opening balances are assumed."""
        if self.reason is not None:
            raise Fallback(self.reason)
        state = period.assumed
        if state is None:
            state = period.assumed = period.state(self.reader.nothing, None)
        amounts: dict[str, int]
        if isinstance(state.lines, WholePeriod):
            last = state.may_last
            if last is not None or not state.total_asks:
                amounts = state.lines.run("amounts", usage)
                if not state.total_asks or (last is not None and last.pays_all(state.assumed, amounts)):
                    return amounts
            amounts, total, nets, left, alone = state.lines.run("agreed amounts", usage)
            parts, tops = [nets], state.lines.tops(left, alone)
        else:
            result: Result = state.lines.evaluate(usage)
            total, parts, tops = result.total, result.parts, result.tops
            amounts = {line.info.id: line.minor for line in result.lines}
        if state.total_asks:
            _, factors, _ = self.settled(state, state.assumed, parts, tops)
            total += sum([row.minor for row in factors])
            if self.contract.floors:
                total += self.true_ups(state, parts, tops, self.reader.nothing).minor
        amounts["total"] = total
        return amounts

    def opening(self, state: State, opened: Opened) -> list[int]:
        """The opening amounts by slot: as given, else as assumed."""
        amounts: list[int] = []
        for assumed, given in zip(state.opening, opened.amounts, strict=True):
            amounts += assumed if given is None else given
        return amounts

    def true_ups(
        self, state: State, parts: Sequence[Sequence[int]], tops: Sequence[tuple[str, int]], opened: Opened
    ) -> TrueUps:
        """Step 17, on the sums of lines by segment."""
        shares = [
            LineShare(name, "line", segment, {}, net)
            for segment, nets in enumerate(parts)
            for name, net in zip(state.till.lines, nets, strict=True)
        ]
        shares += [LineShare(name, "row", len(parts) - 1, {}, net) for name, net in tops]
        read = opened.read or {}
        return true_ups(self.contract, state.times, shares, read, self.rounding, self.program.currency)


def amount_of(expression: ir.Expression) -> Fraction:
    """What is granted or invoiced, which reads no usage (`support`)."""
    amount = folded(expression)
    assert amount is not None
    return amount


def is_plain(period: object) -> bool:
    """Whether a period is given so that equal ones mean the same: as two texts or dates, or not at all."""
    if period is None:
        return True
    return isinstance(period, tuple) and all(each.__class__ is str or each.__class__ is date for each in period)
