"""The lines of a billing period that is cut: generated code for each segment's F, the reference evaluator's own rules
for what then happens to the sums.

A segment costs F(b) - F(a): its plan's charges up to the price, and the steps on cells after it, on the usage up to its
end and up to its start (rules 1 and 5). Steps on sums, derived charges, rounding and adjustments work on one amount per
line and segment; they are the functions of the reference evaluator, given parts that stand for whole segments. `cuts`
says where that is the same, to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from pricing_dsl.evaluate.reference import expressions
from pricing_dsl.evaluate.reference.adjustments import (
    Acting,
    Nets,
    TopUp,
    acting_adjustments,
    effect_of,
    spread,
    with_top_ups,
)
from pricing_dsl.evaluate.reference.amounts import on_sum
from pricing_dsl.evaluate.reference.cells import ZERO, Part, Priced
from pricing_dsl.evaluate.reference.context import Context, Run
from pricing_dsl.evaluate.reference.fees import billed_services
from pricing_dsl.evaluate.reference.lines import PERIODS, Rounding, footing_shares, rounded_cells
from pricing_dsl.evaluate.reference.stages import amount_steps
from pricing_dsl.evaluate.reference.timeline import Timeline
from pricing_dsl.evaluate.scalar.cells import is_cellwise
from pricing_dsl.evaluate.scalar.costs import Exact, SegmentCosts
from pricing_dsl.evaluate.scalar.cuts import ON_SUMS, Cut, cut_reason, needing_parts
from pricing_dsl.evaluate.scalar.pieces import Pieces
from pricing_dsl.evaluate.scalar.tables import Tables
from pricing_dsl.evaluate.scalar.writing import Fallback
from pricing_dsl.evaluate.statement import Line, LineInfo, Row
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import meters_used
from pricing_dsl.values.periods import ContractPeriod


class CutLine(NamedTuple):
    """A line in minor units, also by segment."""

    minor: int
    exact: Fraction
    quantity: Fraction
    by_segment: dict[int, int]


class Result(NamedTuple):
    """Lines and rows after adjustments, and what of them balances see: net amounts by segment and line, and top-ups."""

    lines: list[Line]
    rows: list[Row]
    total: int
    parts: list[list[int]]
    tops: list[tuple[str, int]]
    unused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usual:
    """A charge on usage: its place among the charges of each segment, and what it does after the price."""

    place: tuple[int, ...]
    adds: bool
    needs_positive: bool
    suffixes: tuple[tuple[ir.Step, ...], ...]


class CutPeriod:
    """One billing period in several segments. Raises `Fallback` where the reference evaluator must do it."""

    def __init__(self, program: ir.Program, timeline: Timeline, rounding: Rounding, tables: Tables) -> None:
        assert isinstance(timeline.period, ContractPeriod)
        self.program = program
        self.timeline = timeline
        self.period: ContractPeriod = timeline.period
        self.rounding = rounding
        self.unit = 10**rounding.digits
        self.reason = cut_reason(program, timeline, tables)
        self.pieces = Pieces(program, self.period, [segment.time for segment in timeline.segments])
        if self.reason is not None:
            return
        self.order = timeline.order
        self.acting = acting_adjustments(timeline)
        self.seconds = {segment.index: segment.time.seconds for segment in timeline.segments}
        costs = {id(plan): SegmentCosts(program, plan, self.period, tables) for plan in timeline.plans}
        self.reason = next(filter(None, (each.reason for each in costs.values())), None)
        self.segment_costs = [costs[id(segment.plan)] for segment in timeline.segments]
        self.context = Context(program.currency, tables.index, self.period, False, no_total)
        self.lasts = {name: timeline.lines(name)[-1][1] for name in timeline.line_names}
        self.infos = {name: info_of(line, rounding.digits) for name, line in self.lasts.items()}
        self.fees = {name: self.fee(name) for name, line in self.lasts.items() if isinstance(line, ir.Fee)}
        self.usual = {
            name: self.usual_charge(name)
            for name, line in self.lasts.items()
            if isinstance(line, ir.Charge) and isinstance(line.source, str)
        }
        used = frozenset().union(*(meters_used(program, plan, timeline.contract) for plan in timeline.plans))
        self.unused = [meter.name for meter in program.meters if meter.name not in used]

    # --- laid out once ---

    def fee(self, name: str) -> CutLine:
        """A fee does not depend on usage."""
        billed = billed_services(self.timeline, name)
        exact = sum((each.amount for each in billed), ZERO)
        minor = self.rounding.minor(exact)
        there = [segment.index for segment, _ in self.timeline.lines(name)]
        cells = rounded_cells(self.rounding, minor, there, billed, ())
        return CutLine(minor, exact, Fraction(len(billed)), {cell.segment: cell.minor for cell in cells})

    def usual_charge(self, name: str) -> Usual:
        charges = [line for _, line in self.timeline.lines(name) if isinstance(line, ir.Charge)]
        source = charges[0].source
        cuts = [Cut.of(charge) for charge in charges]
        needs_parts = bool(needing_parts(charges)) and not all(is_cellwise(cut.cell_steps) for cut in cuts)
        places = []
        for costs in self.segment_costs:
            places.append(costs.names.index(name))
        adds = all(meter.adds_over_time for meter in self.program.meters if meter.name == source)
        return Usual(tuple(places), adds, needs_parts, tuple(cut.sum_steps for cut in cuts))

    # --- an evaluation ---

    def evaluate(self, usage: Any) -> Result:
        """The lines and adjustments of the period."""
        if self.reason is not None:
            raise Fallback(self.reason)
        pieces = self.pieces.read(usage)
        costs = self.costs(pieces)
        lines: dict[str, CutLine] = {}
        for name in self.order:
            line = self.lasts[name]
            if name in self.fees:
                lines[name] = self.fees[name]
            elif name in self.usual:
                lines[name] = self.charge(name, self.usual[name], costs)
            else:
                assert isinstance(line, ir.Charge)
                lines[name] = self.derived(name, lines)
        ordered = {name: lines[name] for name in self.timeline.line_names}
        nets = Nets({name: dict(line.by_segment) for name, line in ordered.items()}, list(self.seconds.values()))
        rows = [self.adjusted(acting, nets) for acting in self.acting]
        total = sum(line.minor for line in ordered.values()) + sum(row.minor for row in rows)
        parts = [[nets.lines[name].get(index, 0) for name in ordered] for index in self.seconds]
        made = [self.line(name, line, nets.of_line(name)) for name, line in ordered.items()]
        tops = [(top_up.id, top_up.minor) for top_up in nets.top_ups]
        unused = tuple(name for name in self.unused if any(name in piece for piece in pieces))
        return Result(made, rows, total, parts, tops, unused)

    def adjusted(self, acting: Acting, nets: Nets) -> Row:
        """Step 15: one adjustment; `nets` is what it leaves."""
        lines = [line for line in acting.adjustment.lines or nets.lines if line in nets.lines]
        top_ups = with_top_ups(self.timeline, acting, nets)
        weights = [*(nets.of_line(line, acting.segments) for line in lines), *(each.minor for each in top_ups)]
        minor = effect_of(self.rounding, acting, self.rounding.money(sum(weights))).minor
        shares: tuple[tuple[str, int], ...] = ()
        if minor > 0 and acting.adjustment.lines is None:
            nets.top_ups.append(TopUp(acting.id, minor))
        elif minor:
            shares = spread(minor, lines, top_ups, weights, nets, acting.segments)
        return Row(acting.id, acting.adjustment.kind, minor, self.rounding.digits, shares)

    def costs(self, pieces: list[dict[str, Any]]) -> list[tuple[Sequence[Exact], Sequence[Exact] | None]]:
        """F of every charge at each segment's end and start; at the first start nothing has been counted."""
        found: list[tuple[Sequence[Exact], Sequence[Exact] | None]] = []
        so_far: dict[str, Any] = {}
        whole: dict[str, Any] = {}
        if any(costs.volumes for costs in self.segment_costs):
            for piece in pieces:
                whole = self.pieces.together(whole, piece)
        for index, piece in enumerate(pieces):
            before, so_far = so_far, self.pieces.together(so_far, piece)
            costs = self.segment_costs[index]
            function = costs.at(whole)
            start: Sequence[Exact] | None = None
            if index > 0:
                start = found[-1][0] if costs is self.segment_costs[index - 1] else function(before)
            found.append((function(so_far), start))
        return found

    def charge(
        self, name: str, usual: Usual, costs: Sequence[tuple[Sequence[Exact], Sequence[Exact] | None]]
    ) -> CutLine:
        """Steps 8 to 12 of a charge on usage."""
        amounts: list[Fraction] = []
        whole = sum(self.seconds.values())
        for index, (end, start) in enumerate(costs):
            place = usual.place[index]
            top, over, quantity, per = end[place]
            if not usual.adds:
                amounts.append(Fraction(top * self.seconds[index], over * whole))
                continue
            if start is not None:
                less, under = start[place][:2]
                top, over = (top - less, over) if over == under else (top * under - less * over, over * under)
            if usual.needs_positive and top < 0:
                raise Fallback("a segment that costs less than nothing")
            amounts.append(Fraction(top, over))
        return self.finished(name, amounts, usual.suffixes, Fraction(quantity, per))

    def derived(self, name: str, lines: Mapping[str, CutLine]) -> CutLine:
        """Step 14: what the expression has reached at each segment's end, less what it had at its start."""
        amounts: list[Fraction] = []
        suffixes: list[tuple[ir.Step, ...]] = []
        for segment, line in self.timeline.lines(name):
            assert isinstance(line, ir.Charge)
            assert not isinstance(line.source, str)
            end = self.reached(line.source, lines, segment.index)
            start = ZERO if segment.index == 0 else self.reached(line.source, lines, segment.index - 1)
            amounts.append(end - start)
            suffixes.append(line.steps)
        return self.finished(name, amounts, tuple(suffixes), sum(amounts, ZERO))

    def reached(self, source: ir.Expression, lines: Mapping[str, CutLine], last: int) -> Fraction:
        """The amount on the rounded parts of lines up to the end of a segment."""

        def value(ref: ir.Ref) -> Fraction:
            parts = lines[ref.name].by_segment.items()
            return self.rounding.money(sum(minor for segment, minor in parts if segment <= last))

        return expressions.number(source, value)

    def finished(
        self, name: str, amounts: list[Fraction], suffixes: tuple[tuple[ir.Step, ...], ...], quantity: Fraction
    ) -> CutLine:
        """Steps 9 to 12 on one amount per segment."""
        exact = sum(amounts[1:], amounts[0])
        if any(suffixes):
            after = None if min(amounts) < 0 or not on_sums_only(suffixes) else in_proportion(suffixes[-1], exact)
            if after is not None:
                factor, exact = after / exact, after
                amounts = [amount * factor for amount in amounts]
            else:
                amounts = self.by_parts(name, amounts, suffixes)
                exact = sum(amounts[1:], amounts[0])
        minor = self.rounding.minor(exact)
        shares = footing_shares(minor, [amount * self.unit for amount in amounts])
        return CutLine(minor, exact, quantity, dict(enumerate(shares)))

    def by_parts(self, name: str, amounts: list[Fraction], suffixes: tuple[tuple[ir.Step, ...], ...]) -> list[Fraction]:
        """The amounts after steps that change them apart: of either sign, or nothing at all so far."""
        parts = tuple([Part({}, amount, amount, index) for index, amount in enumerate(amounts)])
        run = Run(self.context, name, name, "", None, self.seconds)
        changed = [ZERO] * len(amounts)
        for part in self.after_steps(run, suffixes, Priced((), parts)).parts:
            changed[part.segment] += part.amount
        return changed

    def after_steps(self, run: Run, suffixes: tuple[tuple[ir.Step, ...], ...], group: Priced) -> Priced:
        """The amount steps of all segments; those on sums alone are the last one's, one after the other."""
        if on_sums_only(suffixes):
            for step in suffixes[-1]:
                assert isinstance(step, ON_SUMS)
                group = on_sum(run, step, group)
            return group
        stages = [(index, run, steps) for index, steps in enumerate(suffixes)]
        (group,) = amount_steps(stages, (group,), [()], sums_act=True)
        return group

    def line(self, name: str, priced: CutLine, net: int) -> Line:
        exact, quantity = priced.exact, priced.quantity
        return Line(
            self.infos[name], priced.minor, exact.numerator, exact.denominator, net,
            quantity.numerator, quantity.denominator,
        )  # fmt: skip


def on_sums_only(suffixes: Iterable[Sequence[ir.Step]]) -> bool:
    return all(isinstance(step, ON_SUMS) for steps in suffixes for step in steps)


def in_proportion(steps: Sequence[ir.Step], amount: Fraction) -> Fraction | None:
    """A sum above zero after steps that act on nothing but sums and leave it above zero.

    Each change is spread in proportion, so the segments keep their shares of the sum. `None` where it is not so, or
    where a step is rare.
    """
    for step in steps:
        if amount <= 0:
            return None
        match step:
            case ir.Plus(amount=added, prorated=None):
                amount += added
            case ir.Minimum(bound=Fraction() as bound, prorated=None):
                amount = max(amount, bound)
            case ir.Maximum(bound=Fraction() as bound, prorated=None):
                amount = min(amount, bound)
            case _:
                return None
    return amount if amount > 0 else None


def info_of(line: ir.Fee | ir.Charge, digits: int) -> LineInfo:
    if isinstance(line, ir.Fee):
        return LineInfo(line.name, line.label, "fee", PERIODS, digits)
    return LineInfo(line.name, line.label, "charge", line.unit, digits)


def no_total(*_: Any) -> Fraction:
    """No step here reads a quantity (`cuts`)."""
    raise AssertionError
