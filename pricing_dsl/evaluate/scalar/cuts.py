"""What of a period that is cut generated code can do, named in one place; all else is the reference evaluator's.

A segment of a charge is F(b) - F(a), by the segment's own terms (rules 1 and 5). Generated code knows the sum over
groups and cells of F, so it does charges where sums are enough: where nothing after the price acts on sums, or where
every part is positive, so that a change is spread in proportion to the segments' sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pricing_dsl.evaluate.reference.pipeline import PRICE_STEPS
from pricing_dsl.evaluate.reference.timeline import Timeline, steps_of
from pricing_dsl.evaluate.scalar.cells import is_cellwise
from pricing_dsl.evaluate.scalar.expressions import folded
from pricing_dsl.evaluate.scalar.literals import all_steps, all_tiers, can_be_below_zero
from pricing_dsl.evaluate.scalar.support import are_cellwise, counted_reason
from pricing_dsl.evaluate.scalar.tables import Tables
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import dimensions_read, expression_reads, sources_read

ON_SUMS = (
    ir.Plus, ir.Minimum, ir.Maximum, ir.DiscountAbove, ir.DiscountMoney, ir.DiscountGraduated, ir.RoundMoney,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cut:
    """A charge in one segment: the steps up to the first on sums, and those from there on."""

    cell_steps: tuple[ir.Step, ...]
    sum_steps: tuple[ir.Step, ...]

    @classmethod
    def of(cls, charge: ir.Charge) -> Cut:
        steps = charge.steps
        price = next(i for i, step in enumerate(steps) if isinstance(step, PRICE_STEPS))
        after = (i for i, step in enumerate(steps) if i > price and isinstance(step, ON_SUMS))
        at = next(after, len(steps))
        return cls(steps[:at], steps[at:])


def cut_reason(program: ir.Program, timeline: Timeline, tables: Tables) -> str | None:
    """Why the reference evaluator does this period; `None` when generated code does."""
    assert timeline.contract is not None
    plans = timeline.plans
    reasons = (counted_reason(plan) for plan in plans)
    reason = next(filter(None, reasons), None) or quantities_reason(program, plans)
    if reason is not None:
        return reason
    reads = [dimensions_read(program, plan, timeline.contract) for plan in plans]
    if any(read != reads[0] for read in reads):
        return "dimensions that are read in a part of the period"
    for name in timeline.line_names:
        reason = line_reason(program, timeline, name, tables)
        if reason is not None:
            return reason
    return None


def quantities_reason(program: ir.Program, plans: Sequence[ir.Plan]) -> str | None:
    """Named quantities whose steps read others: those are whole at every instant (rule 13)."""
    read = {name for plan in plans for name in sources_read(program, plan)}
    for quantity in program.quantities:
        if quantity.name in read and any(reads_quantities(quantity.steps)):
            return "a quantity whose steps read another"
    return None


def reads_quantities(steps: tuple[ir.Step, ...]) -> Iterator[bool]:
    """Of each step that has an amount of units: whether it reads a quantity."""
    for step in all_steps(steps):
        if isinstance(step, ir.Include | ir.AtLeast | ir.AtMost):
            yield folded(step.amount) is None


def line_reason(program: ir.Program, timeline: Timeline, name: str, tables: Tables) -> str | None:
    """One line, in all segments."""
    lines = [line for _, line in timeline.lines(name)]
    if all(isinstance(line, ir.Fee) for line in lines):
        return None
    charges = [line for line in lines if isinstance(line, ir.Charge)]
    if len(charges) < len(timeline.segments):
        return "a charge that is in force in a part of the period"
    for step in (step for charge in charges for step in all_steps(charge.steps)):
        is_prorated = isinstance(step, ir.Prorate) or getattr(step, "prorated", None) is not None
        if is_prorated and not all(step in steps_of(charge) for charge in charges):
            return "a prorated step that is in force in a part of the period"
        if isinstance(step, ir.ShowBy):
            return "`show by` in a period that is cut"
        if isinstance(step, ON_SUMS) and step.when is not None:
            return "a condition on a sum in a period that is cut"
        if isinstance(step, ir.Minimum | ir.Maximum) and not isinstance(step.bound, Fraction):
            return "a rate as a bound in a period that is cut"
    if any(isinstance(charge.source, str) for charge in charges):
        if len({charge.source for charge in charges}) > 1:
            return "a charge that changes what it is on"
        return usage_reason(program, charges, tables)
    return derived_reason(charges)


def derived_reason(charges: list[ir.Charge]) -> str | None:
    """A charge on lines: its amount, and steps after it."""
    for charge in charges:
        assert not isinstance(charge.source, str)
        if charge.priced or charge.first_amount_step:
            return "a derived charge with a price in a period that is cut"
        if any(ref.kind != "line" for ref in expression_reads(charge.source)):
            return "a derived charge that reads quantities in a period that is cut"
        if not all(isinstance(step, (*ON_SUMS, ir.Times, ir.Discount)) for step in charge.steps):
            return "groups of a derived charge in a period that is cut"
    return None


def usage_reason(program: ir.Program, charges: list[ir.Charge], tables: Tables) -> str | None:
    """A charge on usage."""
    source = charges[0].source
    assert isinstance(source, str)
    if source not in {meter.name for meter in program.meters} and not adds_over_time(program, source):
        return "a quantity that does not add over time in a period that is cut"
    for charge in charges:
        if any(isinstance(tier.price, ir.Volume) for tier in all_tiers(charge.steps)) or any(
            isinstance(step, ir.Volume) and (step.on is not None or not is_of_one_pool(step, charge.steps))
            for step in all_steps(charge.steps)
        ):
            return "a `volume` in groups, whose tiers are reached at the end of the period"
        if any(reads_quantities(charge.steps)):
            return "steps that read quantities in a period that is cut"
        if any(isinstance(step, ir.Largest) for step in all_steps(charge.steps)):
            return "`largest` in a period that is cut"
        if any(not isinstance(step, ON_SUMS) for step in Cut.of(charge).sum_steps):
            return "steps on cells after steps on sums in a period that is cut"
    return next(filter(None, (sums_reason(charge, tables) for charge in needing_parts(charges))), None)


def is_of_one_pool(step: ir.Volume, steps: tuple[ir.Step, ...]) -> bool:
    """Whether a `volume` has one quantity, that of the whole charge."""
    return step in steps and not any(isinstance(other, ir.Each) for other in steps)


def needing_parts(charges: list[ir.Charge]) -> list[ir.Charge]:
    """The charges, if some step after the price asks for single parts."""
    if Cut.of(charges[-1]).sum_steps:
        return charges
    inner = any(
        isinstance(step, (*ON_SUMS, ir.Discount)) for charge in charges for step in all_steps(Cut.of(charge).cell_steps)
    )
    return charges if inner else []


def sums_reason(charge: ir.Charge, tables: Tables) -> str | None:
    """What keeps the sums of segments from standing for their parts."""
    steps = Cut.of(charge).cell_steps
    if any(isinstance(step, ir.Each) or (isinstance(step, ir.Match) and not are_cellwise(step)) for step in steps):
        return "steps on the amounts of groups in a period that is cut"
    if any(isinstance(step, ir.Include) and step.policy is not None for step in all_steps(steps)):
        return "free units across cells under steps on sums in a period that is cut"
    if can_be_below_zero(charge.steps, tables):
        return "amounts that may be below zero in a period that is cut"
    if not is_cellwise(steps):
        whole = (step for step in all_steps(steps) if isinstance(step, ir.Discount))
        if any(not isinstance(step.share, ir.Const) or tables.smallest(step.share) >= 1 for step in whole):
            return "a discount of all in a period that is cut"
    return None


def adds_over_time(program: ir.Program, name: str) -> bool:
    """Whether all meters that a quantity is made of add over time (rule 3)."""
    for meter in program.meters:
        if meter.name == name:
            return meter.adds_over_time
    quantity = next(quantity for quantity in program.quantities if quantity.name == name)
    made_of = [term.name for term in quantity.terms]
    if quantity.source is not None:
        made_of.append(quantity.source)
    if quantity.expression is not None:
        made_of += [ref.name for ref in expression_reads(quantity.expression)]
    return all(adds_over_time(program, each) for each in made_of)
