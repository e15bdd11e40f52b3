"""Plans: lines by name, derived charges in order of their dependencies, adjustments, `extends` (section 6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, cast

from pricing_dsl.check import numbers
from pricing_dsl.check.adjustments import check_adjustments
from pricing_dsl.check.conditions import names_in
from pricing_dsl.check.expressions import check_amount
from pricing_dsl.check.flow import Flow
from pricing_dsl.check.meters import check_zone
from pricing_dsl.check.overrides import amend_charge, amend_fee
from pricing_dsl.check.pipeline import check_pipeline
from pricing_dsl.check.quantities import source_symbol
from pricing_dsl.check.rates import named_units
from pricing_dsl.check.row_names import RowNames
from pricing_dsl.check.scope import PlanSymbol, Scope
from pricing_dsl.check.set_aside import Overruled
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax

RESERVED = ("total", "due")
LineNode = syntax.Fee | syntax.Charge


@dataclass
class Items:
    """A plan's statements sorted by kind, after `extends`."""

    bill: syntax.Bill | None = None
    timezone: syntax.TimezoneClause | None = None
    rounding: syntax.RoundMode | None = None
    lines: dict[str, LineNode] = field(default_factory=dict)
    adjustments: list[syntax.Adjustment] = field(default_factory=list)
    later: syntax.Phase | None = None
    """The first statement that only the next version evaluates."""


@dataclass
class Plans:
    """The plans of a program by name, checked after those they extend."""

    scope: Scope
    nodes: dict[str, syntax.Plan]
    items: dict[str, Items] = field(default_factory=dict)
    under_way: list[str] = field(default_factory=list)

    def check(self, name: str) -> None:
        """Check one plan; an `extends` that leads back is an error (N0306)."""
        scope, node = self.scope, self.nodes[name]
        if name in scope.plans or name in scope.broken:
            return
        base: Items | None = None
        if node.extends is not None:
            base_name = node.extends.text
            if base_name not in self.nodes:
                scope.unknown("N0104", "plan", node.extends, self.nodes)
                scope.broken.add(name)
                return
            if base_name == name or base_name in self.under_way:
                scope.report("N0306", node.extends.span, f"`{name}` extends itself", help="extend another plan")
                scope.broken.add(name)
                return
            self.under_way.append(name)
            self.check(base_name)
            self.under_way.pop()
            base = self.items.get(base_name)
        items = collect(scope, node, base)
        self.items[name] = items
        checked = check_items(scope, node, items)
        if checked is None:
            scope.broken.add(name)
        else:
            warn_overruled(scope, node, items)
            scope.plans[name] = PlanSymbol(node, checked, items.lines, tuple(items.adjustments), items.later)


def warn_overruled(scope: Scope, node: syntax.Plan, items: Items) -> None:
    """The plan's overrides outside phases that change nothing."""
    overrides = [item for item in node.items if isinstance(item, syntax.Override)]
    overruled = Overruled()
    for name, line in items.lines.items():
        overruled.see(line, overrides_on(overrides, name, line))
    overruled.report(scope, overrides)


def check_plans(scope: Scope, program: syntax.Program) -> None:
    """Fill `scope.plans`."""
    nodes: dict[str, syntax.Plan] = {}
    for node in program.declarations:
        if isinstance(node, syntax.Plan):
            other = nodes.setdefault(node.name.text, node)
            if other is not node:
                report_twice(scope, node.name, other.name.span, "plan")
    plans = Plans(scope, nodes)
    for name in nodes:
        plans.check(name)


def report_twice(scope: Scope, name: syntax.Name, first: Span, what: str) -> None:
    scope.report(
        "N0101",
        name.span,
        f"the {what} `{name.text}` is declared twice",
        labels=[Label(first, "first declared here")],
        help="rename one",
    )


def collect(scope: Scope, node: syntax.Plan, base: Items | None) -> Items:
    """Sort a plan's statements; one of the base plan's names replaces it in its place, `remove` drops it."""
    items = Items()
    inherited: set[str] = set()
    aliases: dict[str, int] = {}
    if base is not None:
        items.bill, items.timezone, items.rounding, items.later = base.bill, base.timezone, base.rounding, base.later
        items.lines, items.adjustments = dict(base.lines), list(base.adjustments)
        inherited = set(base.lines)
        aliases = {a.alias.text: i for i, a in enumerate(items.adjustments) if a.alias is not None}
    own: dict[str, Span] = {}
    overrides: list[syntax.Override] = []
    for item in node.items:
        match item:
            case syntax.Fee(name=name) | syntax.Charge(name=name):
                add_line(scope, items, item, name, own, inherited)
            case syntax.Adjustment():
                add_adjustment(scope, items, item, aliases, own)
            case syntax.Remove(name=name):
                remove(scope, items, name)
            case syntax.Bill():
                once(scope, item, items.bill if base is None or items.bill is not base.bill else None, "bill")
                items.bill = item
            case syntax.TimezoneClause():
                same = base is not None and items.timezone is base.timezone
                once(scope, item, None if same else items.timezone, "timezone")
                items.timezone = item
            case syntax.RoundMode():
                same = base is not None and items.rounding is base.rounding
                once(scope, item, None if same else items.rounding, "round")
                items.rounding = item
            case syntax.Override():
                overrides.append(item)
            case syntax.Phase():
                items.later = items.later or item
    amend(scope, items, overrides)
    return items


def amend(scope: Scope, items: Items, overrides: list[syntax.Override]) -> None:
    """Amend each line by the overrides on it; `all` is every charge on a meter or a quantity."""
    for override in overrides:
        if override.line is not None and override.line.text not in items.lines:
            scope.unknown("N0301", "line", override.line, items.lines)
    for name, line in items.lines.items():
        mine = overrides_on(overrides, name, line)
        if mine:
            amended = amend_fee(scope, line, mine) if isinstance(line, syntax.Fee) else amend_charge(scope, line, mine)
            items.lines[name] = amended


def overrides_on(overrides: Iterable[syntax.Override], name: str, line: LineNode) -> list[syntax.Override]:
    """Those on one line; `all` is every charge on a meter or a quantity."""
    on_usage = isinstance(line, syntax.Charge) and line.source is not None
    return [each for each in overrides if (on_usage if each.line is None else each.line.text == name)]


def once(scope: Scope, item: syntax.Node, earlier: syntax.Node | None, word: str) -> None:
    """A setting is said once in a plan."""
    if earlier is not None:
        scope.report(
            "N0107", item.span, f"`{word}` is said twice", labels=[Label(earlier.span, "first here")], help="keep one"
        )


def add_line(
    scope: Scope, items: Items, item: LineNode, name: syntax.Name, own: dict[str, Span], inherited: set[str]
) -> None:
    if name.text in RESERVED:
        scope.report(
            "N0105",
            name.span,
            f"a line may not be called `{name.text}`",
            help="choose another name: it is the statement's",
        )
        return
    if name.text in own:
        report_twice(scope, name, own[name.text], "line")
        return
    own[name.text] = name.span
    inherited.discard(name.text)
    items.lines[name.text] = item


def add_adjustment(
    scope: Scope, items: Items, item: syntax.Adjustment, aliases: dict[str, int], own: dict[str, Span]
) -> None:
    if item.alias is None:
        items.adjustments.append(item)
        return
    key = f"as {item.alias.text}"
    if key in own:
        report_twice(scope, item.alias, own[key], "adjustment")
        return
    own[key] = item.alias.span
    if item.alias.text in aliases:
        items.adjustments[aliases[item.alias.text]] = item
    else:
        items.adjustments.append(item)


def remove(scope: Scope, items: Items, name: syntax.Name) -> None:
    if name.text in items.lines:
        del items.lines[name.text]
        return
    kept = [a for a in items.adjustments if a.alias is None or a.alias.text != name.text]
    if len(kept) == len(items.adjustments):
        known = [*items.lines, *(a.alias.text for a in items.adjustments if a.alias is not None)]
        scope.unknown("N0301", "line or adjustment", name, known)
    items.adjustments = kept


def check_items(scope: Scope, node: syntax.Plan, items: Items) -> ir.Plan | None:
    """Check what a plan says once its statements are sorted. `None` after a finding."""
    before = scope.errors
    names = {name: line.name.span for name, line in items.lines.items()}
    order = dependency_order(scope, items.lines)
    lines = [check_line(scope, line, names, items.bill) for line in items.lines.values()]
    adjustments = check_adjustments(scope, items.adjustments, tuple(items.lines))
    rows = RowNames()
    rows.see(items.lines, items.adjustments)
    rows.report(scope)
    bill = check_bill(scope, items.bill)
    zone = check_timezone(scope, items.timezone)
    if scope.errors > before or any(line is None for line in lines):
        return None
    label = node.label.value if node.label is not None else node.name.text
    rounding: Literal["half_up", "half_even"] = "half_up" if items.rounding is None else items.rounding.mode
    whole = tuple(line for line in lines if line is not None)
    return ir.Plan(node.name.text, label, bill, zone, rounding, whole, tuple(order), adjustments, span=node.span)


def check_bill(scope: Scope, node: syntax.Bill | None) -> ir.Bill:
    """`bill monthly` if not said."""
    if node is None:
        return ir.Bill("monthly", None, False)
    day = None
    if node.day is not None:
        day = int(node.day.value)
        last = 7 if node.cadence == "weekly" else 31
        if node.day.value.denominator != 1 or not 1 <= day <= last or node.cadence == "daily":
            scope.report(
                "D0306",
                node.day.span,
                f"a {node.cadence} bill does not start on day {day}",
                help=f"write a day from 1 to {last}" if node.cadence != "daily" else "drop `on day`",
            )
            day = None
    cadence = cast(Literal["daily", "weekly", "monthly", "quarterly", "yearly"], node.cadence)
    return ir.Bill(cadence, day, node.from_term, span=node.span)


def check_timezone(scope: Scope, node: syntax.TimezoneClause | None) -> str:
    """The zone's name; UTC if not said. Zones that are not whole hours from UTC are refused (section 8)."""
    return "UTC" if node is None else check_zone(scope, node.zone)


def check_line(
    scope: Scope, line: LineNode, names: dict[str, Span], bill: syntax.Bill | None
) -> ir.Fee | ir.Charge | None:
    """One fee or charge. `None` after a finding."""
    label = line.label.value if line.label is not None else line.name.text
    if isinstance(line, syntax.Fee):
        amount = numbers.money(scope, line.amount)
        cadence = line.cadence or (bill.cadence if bill is not None else "monthly")
        if amount is None:
            return None
        return ir.Fee(
            line.name.text,
            label,
            amount,
            cast(ir.Cadence, cadence),
            line.timing or "in advance",
            line.prorated,
            span=line.span,
        )
    if line.source is not None:
        return check_usage_charge(scope, line, line.source, label)
    assert line.expression is not None
    others = {name: span for name, span in names.items() if name != line.name.text}
    expression = check_amount(scope, line.expression, others)
    flow = Flow(line.name.text, "quantity", scope.currency, line.name.span, {}, True, True, True)
    checked = check_pipeline(scope, flow, line.steps, line.name.span, "optional")
    if expression is None or checked is None:
        return None
    return ir.Charge(
        line.name.text,
        label,
        expression,
        scope.currency,
        (),
        checked.steps,
        checked.priced,
        checked.first_amount_step,
        span=line.span,
    )


def check_usage_charge(scope: Scope, line: syntax.Charge, source: syntax.Name, label: str) -> ir.Charge | None:
    """`charge NAME on METER|QUANTITY { steps }`."""
    flow = source_symbol(scope, source)
    if flow is None or flow.unit is None:
        return None
    unit, dimensions = flow.unit, tuple(flow.dimensions)
    flow.named_units = named_units(scope, line.steps)
    checked = check_pipeline(scope, flow, line.steps, line.name.span, "required")
    if checked is None:
        return None
    return ir.Charge(
        line.name.text,
        label,
        source.text,
        unit,
        dimensions,
        checked.steps,
        True,
        checked.first_amount_step,
        span=line.span,
    )


def dependency_order(scope: Scope, lines: dict[str, LineNode]) -> list[str]:
    """Names of the lines, each after those it is derived from; a cycle is an error (N0307)."""
    order: list[str] = []
    done: set[str] = set()
    under_way: list[str] = []

    def visit(name: str) -> None:
        if name in done:
            return
        if name in under_way:
            cycle = [*under_way[under_way.index(name) :], name]
            scope.report(
                "N0307",
                lines[name].name.span,
                f"`{name}` is derived from itself: {' -> '.join(cycle)}",
                help="a derived charge sees other lines, never one that leads back to it",
            )
            done.add(name)
            return
        under_way.append(name)
        for other in lines_read(lines[name]):
            if other in lines:
                visit(other)
        under_way.pop()
        if name not in done:
            done.add(name)
            order.append(name)

    for name in lines:
        visit(name)
    return order


def lines_read(line: LineNode) -> Iterable[str]:
    """The names a derived charge's expression reads, those inside `quantity(...)` left out."""
    if isinstance(line, syntax.Fee) or line.expression is None:
        return ()
    return line_names(line.expression)


def line_names(expression: syntax.Expression) -> set[str]:
    match expression:
        case syntax.Call(function=syntax.Name(text="quantity")):
            return set()
        case syntax.Call(arguments=arguments):
            return set().union(*(line_names(a) for a in arguments))
        case syntax.Binary(left=left, right=right):
            return line_names(left) | line_names(right)
        case syntax.If(condition=condition, then=then, otherwise=otherwise):
            return line_names(condition) | line_names(then) | line_names(otherwise)
        case syntax.PercentOf(operand=operand) | syntax.Negate(operand=operand) | syntax.Not(operand=operand):
            return line_names(operand)
        case _:
            return set(names_in(expression))
