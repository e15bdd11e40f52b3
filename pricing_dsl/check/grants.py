"""Commits and credits lowered: amounts, covers, factors and invoicing of what `balances` has checked (section 7)."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, TypeVar, cast

from pricing_dsl.check.conditions import check_condition
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
    if unit is not None:
        require_same_unit(scope, node, unit, versions)
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


def lower_floor(scope: Scope, node: syntax.Commit, start: ir.Instant, end: ir.Instant) -> ir.Floor:
    """A postpaid commit."""
    amount, _ = granted(scope, node)
    value = amount.value if isinstance(amount, ir.Const) and isinstance(amount.value, Fraction) else Fraction(0)
    covers = lower_covers(scope, clause(node, syntax.CoversClause), ())
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


def require_same_unit(
    scope: Scope, node: syntax.Commit | syntax.Credit, unit: str, versions: tuple[ir.Version, ...]
) -> None:
    """Units that are granted must be what the covered lines count."""
    covers = clause(node, syntax.CoversClause)
    if covers is None:
        return
    lines = {line.name: line for version in versions for line in version.plan.lines}
    for cover in covers.covers:
        line = lines.get(cover.line.text)
        if line is None or (isinstance(line, ir.Charge) and line.unit == unit):
            continue
        counts = f"counts `{line.unit}`" if isinstance(line, ir.Charge) else "is a fee"
        scope.report(
            "U0307",
            cover.line.span,
            f"`{node.name.text}` grants `{unit}`, but `{cover.line.text}` {counts}",
            label=f"does not count `{unit}`",
            labels=[Label(node.amount.span, f"granted in `{unit}`")],
            help=f"grant what the line counts, or cover a line that counts `{unit}`",
        )
