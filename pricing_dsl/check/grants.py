"""Commits and credits lowered: amounts, covers, factors and invoicing of what `balances` has checked (section 7)."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Literal, TypeVar, cast

from pricing_dsl.check.conditions import check_condition
from pricing_dsl.check.covered_cells import differing, dimensions_in, meetings
from pricing_dsl.check.expressions import measure
from pricing_dsl.check.flow import Flow, flow_from
from pricing_dsl.check.scope import Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.syntax import nodes as syntax

ClauseT = TypeVar("ClauseT", bound=syntax.Node)
GrantCadence = Literal["monthly", "quarterly", "yearly"]


def clause(node: syntax.Commit | syntax.Credit, kind: type[ClauseT]) -> ClauseT | None:
    """The clause of that kind, if it is said."""
    return next((each for each in node.clauses if isinstance(each, kind)), None)


def lower_balance(
    scope: Scope,
    node: syntax.Commit | syntax.Credit,
    start: ir.Instant,
    end: ir.Instant,
    versions: tuple[ir.Version, ...],
) -> ir.Balance:
    """A prepaid commit or a credit."""
    amount, unit = granted(scope, node)
    covers = lower_covers(scope, clause(node, syntax.CoversClause), versions)
    if unit is None:
        require_cells(scope, node, covers, versions, in_money=True)
    elif require_same_unit(scope, node, unit, versions):
        require_cells(scope, node, covers, versions, in_money=False)
        require_order(scope, node, unit, covers, versions)
    valid = clause(node, syntax.ValidClause)
    priority = clause(node, syntax.PriorityClause)
    rollover = clause(node, syntax.RolloverClause)
    funded = clause(node, syntax.FundedClause)
    overage = clause(node, syntax.OverageClause)
    invoiced = clause(node, syntax.InvoicedClause)
    is_commit = isinstance(node, syntax.Commit)
    invoice: ir.Expression | None = amount if is_commit and invoiced is None else None
    if invoiced is not None and invoiced.amount is not None:
        invoice = ir.Const(invoiced.amount.value, span=invoiced.amount.span)
    return ir.Balance(
        node.name.text,
        "commit" if is_commit else "credit",
        amount,
        unit,
        node.policy,
        cast(GrantCadence | None, node.cadence),
        start,
        end,
        None if valid is None or valid.months is None else int(valid.months.value),
        covers,
        None if priority is None else int(priority.number.value),
        None if rollover is None else rollover.percent.value,
        None if rollover is None or rollover.months is None else int(rollover.months.value),
        None if funded is None else funded.factor.value,
        None if funded is None or not funded.lines else tuple(name.text for name in funded.lines),
        None if overage is None or overage.factor is None else overage.factor.value,
        overage is not None and overage.factor is None,
        invoice,
        None if invoiced is None else cast(GrantCadence | None, invoiced.cadence),
        span=node.span,
    )


def lower_floor(
    scope: Scope, node: syntax.Commit, start: ir.Instant, end: ir.Instant, versions: tuple[ir.Version, ...]
) -> ir.Floor:
    """A postpaid commit."""
    amount, _ = granted(scope, node)
    value = amount.value if isinstance(amount, ir.Const) and isinstance(amount.value, Fraction) else Fraction(0)
    covers = lower_covers(scope, clause(node, syntax.CoversClause), versions)
    require_cells(scope, node, covers, versions, in_money=True)
    cadence = cast(GrantCadence | None, node.cadence)
    return ir.Floor(node.name.text, value, cadence, start, end, covers, span=node.span)


def granted(scope: Scope, node: syntax.Commit | syntax.Credit) -> tuple[ir.Expression, str | None]:
    """What is granted, in money (`None`) or in a unit."""
    match node.amount:
        case syntax.Number(value=value, unit=None):
            return ir.Const(value, span=node.amount.span), None
        case expression:
            flow = Flow(node.name.text, "quantity", None, node.name.span, {}, True, True, False)
            measured = measure(scope, flow, expression)
            if measured is None:
                return ir.Const(Fraction(0)), None
            return measured.expression, None if measured.unit == scope.currency else measured.unit


def lower_covers(
    scope: Scope, covers: syntax.CoversClause | None, versions: tuple[ir.Version, ...]
) -> tuple[ir.Cover, ...] | None:
    """The covered lines in the order written, with their conditions."""
    if covers is None:
        return None
    sources = {
        line.name: line.source
        for version in versions
        for line in version.plan.lines
        if isinstance(line, ir.Charge) and isinstance(line.source, str)
    }
    made = []
    for cover in covers.covers:
        condition = None
        source = sources.get(cover.line.text, "")
        symbol = scope.meters.get(source) or scope.quantities.get(source)
        if cover.where is not None and symbol is not None:
            condition = check_condition(scope, flow_from(symbol), cover.where, "covers")
        made.append(ir.Cover(cover.line.text, condition, span=cover.span))
    return tuple(made)


def charges_in(versions: tuple[ir.Version, ...], name: str) -> list[ir.Charge]:
    """A charge on usage as every version has it, each once."""
    found: list[ir.Charge] = []
    for version in versions:
        for line in version.plan.lines:
            is_usage = isinstance(line, ir.Charge) and isinstance(line.source, str)
            if line.name == name and is_usage and not any(line is other for other in found):
                found.append(cast(ir.Charge, line))
    return found


def require_same_unit(
    scope: Scope, node: syntax.Commit | syntax.Credit, unit: str, versions: tuple[ir.Version, ...]
) -> bool:
    """Units that are granted must be what the covered lines count where credits pay: directly before the price."""
    covers = clause(node, syntax.CoversClause)
    before = scope.errors
    lines = {line.name for version in versions for line in version.plan.lines}
    for cover in () if covers is None else covers.covers:
        if cover.line.text not in lines:
            continue
        met = [meeting for charge in charges_in(versions, cover.line.text) for meeting in meetings(charge)]
        other = next((meeting for meeting in met if meeting.unit != unit), None)
        if met and other is None:
            continue
        labels = [Label(node.amount.span, f"granted in `{unit}`")]
        if other is not None and other.weighed is not None:
            labels.append(Label(other.weighed.span, f"from here the line counts `{other.unit}`"))
        counts = "is no charge on usage" if other is None else f"counts `{other.unit}` at its price"
        scope.report(
            "U0307",
            cover.line.span,
            f"`{node.name.text}` grants `{unit}`, but `{cover.line.text}` {counts}",
            label=f"does not count `{unit}`",
            labels=labels,
            help=f"grant what the line counts, or cover a line that counts `{unit}`",
        )
    return scope.errors == before


def require_cells(
    scope: Scope,
    node: syntax.Commit | syntax.Credit,
    covers: tuple[ir.Cover, ...] | None,
    versions: tuple[ir.Version, ...],
    *,
    in_money: bool,
) -> None:
    """What `covers ... where` asks must be left of some cell where the balance pays, in every version of the line."""
    for cover in covers or ():
        asked = {} if cover.where is None else dimensions_in(cover.where)
        for charge, (name, ref) in product(charges_in(versions, cover.line), asked.items()):
            met = [each.priced(scope) if in_money else each for each in meetings(charge)]
            if any(name not in each.lost for each in met):
                continue
            step = met[0].lost[name]
            scope.report(
                "T0206",
                ref.span,
                f"`covers` needs the dimension `{name}`, but `{cover.line}` has pooled it when `{node.name.text}` pays",
                label=f"no cell has its `{name}` left",
                labels=[Label(step.span, f"this adds up `{name}`")],
                help=f"write `each {name}` before that step to keep its values apart, or cover the whole line",
            )
            break


def require_order(
    scope: Scope,
    node: syntax.Commit | syntax.Credit,
    unit: str,
    covers: tuple[ir.Cover, ...] | None,
    versions: tuple[ir.Version, ...],
) -> None:
    """Where cells differ in price, units name a policy as `include across cells` does (rules 9 and 32)."""
    if covers is None:
        names = dict.fromkeys(line.name for version in versions for line in version.plan.lines)
        covers = tuple(ir.Cover(name, None) for name in names)
    met = [
        (cover, meeting)
        for cover in covers
        for charge in charges_in(versions, cover.line)
        for meeting in meetings(charge)
        if meeting.unit == unit
    ]
    if not met:
        scope.report(
            "U0307",
            node.amount.span,
            f"`{node.name.text}` grants `{unit}`, but no line of the contract counts `{unit}` at its price",
            help="grant what a line counts, or an amount of money",
        )
        return
    if node.policy is not None:
        compares = node.policy in ("cheapest first", "dearest first")
        pools = [meeting.price for _, meeting in met if not meeting.is_by_cell and meeting.price is not None]
        if compares and pools and len(pools) == len(met):
            scope.report(
                "T0211",
                node.amount.span,
                f"`{node.policy}` compares the prices of cells, and no line that `{node.name.text}` pays prices cells",
                labels=[Label(pools[0].span, "this prices a pool")],
                help="drop the policy, or write `pro rata` or `in order`",
            )
        return
    for cover, meeting in met:
        found = differing(scope, meeting, cover.where)
        if found is not None:
            step, dimension = found
            scope.report(
                "T0506",
                node.amount.span,
                f"the cells of `{cover.line}` differ in price by `{dimension}`, so it must be said which of them "
                f"`{node.name.text}` pays first",
                label=f"`{unit}` for cells of different price",
                labels=[Label(step.span, f"priced by `{dimension}`")],
                help="write `across cells cheapest first`, `dearest first`, `in order` or `pro rata` behind the amount",
            )
            return
