"""What is left to the reference evaluator, named in one place: constructs whose exact effect depends on single parts.

The generated code works on the sum of a group where the reference evaluator keeps every part. The two agree, and where
they might not, the plan is not compiled. Nothing is approximated.
"""

from __future__ import annotations

from fractions import Fraction

from pricing_dsl.evaluate.scalar.cells import is_cellwise
from pricing_dsl.evaluate.scalar.expressions import OPERATORS, folded
from pricing_dsl.evaluate.scalar.literals import SUM_STEPS, all_steps, can_be_below_zero
from pricing_dsl.evaluate.scalar.tables import Tables
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import sources_read, step_lookups

POOL_STEPS = (ir.RoundQuantity, ir.AtLeast, ir.AtMost, ir.Mirror, ir.Total, ir.Largest)


def unsupported(program: ir.Program, plan: ir.Plan, tables: Tables) -> str | None:
    """Why the reference evaluator does this plan; `None` when generated code does."""
    read = sources_read(program, plan)
    for quantity in program.quantities:
        if quantity.name in read:
            reason = steps_reason(quantity.steps, tables)
            if reason is None and quantity.expression is not None:
                reason = expression_reason(quantity.expression)
            if reason is not None:
                return reason
    for line in plan.lines:
        if isinstance(line, ir.Charge):
            reason = steps_reason(line.steps, tables)
            if reason is None and not isinstance(line.source, str):
                reason = expression_reason(line.source)
            if reason is not None:
                return reason
    for adjustment in plan.adjustments:
        rates = [band.share for band in adjustment.bands] + [adjustment.amount or Fraction(0)]
        if adjustment.kind == "discount" and min(rates) < 0:
            return "a discount below zero"
    return None


def contract_reason(contract: ir.Contract) -> str | None:
    """Why the reference evaluator does all periods of this contract; `None` where generated code may do them."""
    covers = [*(balance.covers for balance in contract.balances), *(floor.covers for floor in contract.floors)]
    if any(cover.where is not None for each in covers for cover in each or ()):
        return "`covers ... where`, which asks the cells of a line"
    for balance in contract.balances:
        if balance.unit is not None:
            return "credits in units, which pay before the price"
        if folded(balance.amount) is None or (balance.invoiced is not None and folded(balance.invoiced) is None):
            return "a grant that is counted by usage"
        rows = {a.name for version in contract.versions for a in version.plan.adjustments}
        if rows & set(balance.funded_lines or ()):
            return "a top-up named as a line that `funded times` is on"
    return None


def counted_reason(plan: ir.Plan) -> str | None:
    """A line that counts on from one billing period to the next."""
    for line in plan.lines:
        if isinstance(line, ir.Charge) and any(isinstance(step, ir.Counted) for step in all_steps(line.steps)):
            return "`counted`, whose counters are carried"
    return None


def expression_reason(expression: ir.Expression) -> str | None:
    """An operation that quantities and amounts do not have."""
    if isinstance(expression, ir.Apply):
        if expression.operator not in OPERATORS:
            return f"`{expression.operator}` in an amount"
        return next(filter(None, map(expression_reason, expression.arguments)), None)
    return None


def steps_reason(steps: tuple[ir.Step, ...], tables: Tables) -> str | None:
    """The first construct of a pipeline that is not done here."""
    for step in all_steps(steps):
        if isinstance(step, ir.Include | ir.AtLeast | ir.AtMost):
            reason = expression_reason(step.amount)
            if reason is not None:
                return reason
    if sum(isinstance(step, ir.Mirror) for step in steps) > 1:
        return "`mirror` more than once"
    if discounts_mixed_parts(steps, tables):
        return "a discount of parts that may be below zero"
    return free_units_reason(steps) or match_reason(steps, tables, in_groups=False)


def discounts_mixed_parts(steps: tuple[ir.Step, ...], tables: Tables) -> bool:
    """A discount takes from every part above zero; a sum of parts of either sign does not show them."""
    flat = list(all_steps(steps))
    mixed = False
    for step in flat:
        if isinstance(step, ir.Discount) and mixed:
            return can_be_below_zero(steps, tables)
        mixed |= isinstance(step, SUM_STEPS) or (isinstance(step, ir.Match) and not are_cellwise(step))
    return False


def are_cellwise(step: ir.Match) -> bool:
    return all(is_cellwise(arm.steps) for arm in step.arms)


def free_units_reason(steps: tuple[ir.Step, ...]) -> str | None:
    """Free units over cells are shared before anything is pooled, by prices that do not depend on a tier."""
    shared = pooled = False
    grouped = any(isinstance(step, ir.Each | ir.Match) for step in steps)
    for step in all_steps(steps):
        if isinstance(step, ir.Include) and step.policy is not None:
            if pooled:
                return "free units across cells after a pool step"
            if shared:
                return "free units across cells more than once"
            shared = True
        elif shared and grouped and isinstance(step, ir.Where):
            return "`where` after free units across cells of groups"
        elif shared and isinstance(step, ir.Volume) and step.is_by_cell and step.on is not None:
            return "free units across cells whose prices depend on another quantity"
        pooled |= isinstance(step, POOL_STEPS) or (isinstance(step, ir.Include) and step.policy is None)
    return None


def match_reason(steps: tuple[ir.Step, ...], tables: Tables, *, in_groups: bool) -> str | None:
    """What a `match` needs of groups that its arms may have left empty."""
    mirrored = False
    for index, step in enumerate(steps):
        in_groups |= isinstance(step, ir.Each)
        mirrored |= isinstance(step, ir.Mirror)
        if not isinstance(step, ir.Match):
            continue
        if mirrored:
            return "`mirror` before a `match`"
        if are_cellwise(step):
            continue
        later = steps[index + 1 :]
        if in_groups and (any(isinstance(s, ir.Each) for s in later) or any(any(step_lookups(s)) for s in later)):
            return "steps after a `match` inside groups that read dimensions of its arms"
        for arm in step.arms:
            ends = [i for i, inner in enumerate(arm.steps) if isinstance(inner, ir.Total | ir.Largest)]
            if ends and any(isinstance(inner, ir.Where | ir.Weigh) for inner in arm.steps[: ends[0]]):
                return "`where` or `weigh` before the `total` of an arm"
            reason = match_reason(arm.steps, tables, in_groups=True)
            if reason is not None:
                return reason
    return None
