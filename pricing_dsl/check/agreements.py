"""Contracts lowered: the term cut into versions, each a complete plan with every override, phase and line in force.

A version's lines are checked like any other, once for each distinct line (rule 17: the merged line is checked like any
other). Dates are laid in the contract's time zone. What is wrong in itself `contracts` and `balances` have said before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import cast
from zoneinfo import ZoneInfo

from pricing_dsl.check.adjustments import check_adjustments
from pricing_dsl.check.grants import lower_balance, lower_floor
from pricing_dsl.check.overrides import amend_charge, amend_fee, as_charge, contests
from pricing_dsl.check.plans import (
    Items,
    LineNode,
    check_bill,
    check_line,
    check_timezone,
    dependency_order,
    lines_read,
    overrides_on,
)
from pricing_dsl.check.row_names import RowNames
from pricing_dsl.check.scope import PlanSymbol, Scope
from pricing_dsl.check.set_aside import Overruled
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.syntax import nodes as syntax
from pricing_dsl.values import periods


@dataclass(frozen=True, slots=True)
class Stretch:
    """Statements in force from `start` to `end`: a phase's, or the contract's own over the whole term."""

    start: ir.Instant
    end: ir.Instant
    items: tuple[syntax.ContractItem, ...]


@dataclass
class Agreement:
    """One contract on its way to IR. Checked lines are kept by what they were merged from."""

    scope: Scope
    node: syntax.Contract
    zone: ZoneInfo
    start: datetime
    end: datetime
    lowered: dict[tuple[object, ...], ir.Fee | ir.Charge | None] = field(default_factory=dict)
    amended: dict[tuple[int, ...], LineNode] = field(default_factory=dict)
    kept: list[object] = field(default_factory=list)
    """What the identities in the keys above belong to."""
    numbers: dict[int, int] = field(default_factory=dict)
    """The overrides by identity, counted in the order in which they come into force."""
    overruled: Overruled = field(default_factory=Overruled)
    own: dict[int, syntax.Override] = field(init=False)
    """The contract's own overrides by identity; others are its plan's."""
    rows: RowNames = field(default_factory=RowNames)
    reported: set[tuple[int, str]] = field(default_factory=set)
    """The removals, and what is derived from the line, that a finding has named."""

    def __post_init__(self) -> None:
        phases = [item for item in self.node.items if isinstance(item, syntax.Phase)]
        items = [*self.node.items, *(inner for phase in phases for inner in phase.items)]
        self.own = {id(item): item for item in items if isinstance(item, syntax.Override)}


def lower_contract(scope: Scope, node: syntax.Contract) -> ir.Contract | None:
    """The IR of a contract that has been checked. `None` after a finding about a merged line."""
    before = scope.errors
    term = next((item for item in node.items if isinstance(item, syntax.Term)), None)
    clause = next((item for item in node.items if isinstance(item, syntax.PlanClause)), None)
    customer = next((item for item in node.items if isinstance(item, syntax.Customer)), None)
    plan = None if clause is None else scope.plans.get(clause.name.text)
    own_zone = next((item for item in node.items if isinstance(item, syntax.TimezoneClause)), None)
    zone_name = plan.ir.timezone if own_zone is None and plan is not None else check_timezone(scope, own_zone)
    zone = ZoneInfo(zone_name)
    start, end = (periods.midnight(date.fromisoformat(day), zone) for day in ir.OPEN_TERM)
    if term is not None:
        start, end = periods.instant(term.start.value, zone), periods.instant(term.end.value, zone)
    made = Agreement(scope, node, zone, start, end)
    versions = tuple(joined(version(made, plan, a, b) for a, b in pairwise(cuts(made, plan))))
    made.rows.report(scope, (balance for balance, _, _ in balance_nodes(made)))
    if scope.errors > before or not versions:
        return None
    made.overruled.report(scope, made.own.values())
    first = versions[0].plan
    return ir.Contract(
        node.name.text,
        node.label.value if node.label is not None else node.name.text,
        None if customer is None else customer.id.value,
        None if clause is None else clause.name.text,
        None if clause is None or clause.version is None else int(clause.version.value),
        seconds(made.start),
        seconds(made.end),
        first.bill,
        zone_name,
        first.rounding,
        versions,
        tuple(lower_balances(made, versions)),
        tuple(lower_floors(made, versions)),
        span=node.span,
    )


def seconds(moment: datetime) -> ir.Instant:
    """An aware instant as whole seconds since 1970."""
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * 86_400 + since.seconds


def laid(made: Agreement, when: syntax.When | None, otherwise: ir.Instant) -> ir.Instant:
    """A date, or the start of the Nth day, month or year of the term, in the contract's zone."""
    match when:
        case None:
            return otherwise
        case syntax.Date(value=value):
            return seconds(periods.instant(value, made.zone))
        case syntax.RelativeDate(unit=unit, number=number):
            count = int(number.value) - 1
            if unit == "day":
                return seconds(periods.instant(made.start.replace(tzinfo=None) + timedelta(days=count), made.zone))
            months = count * (12 if unit == "year" else 1)
            day = periods.month_start(made.start.date(), months, made.start.day)
            return seconds(datetime.combine(day, made.start.time(), tzinfo=made.zone))


def stretches(made: Agreement, plan: PlanSymbol | None) -> list[Stretch]:
    """The plan's phases, then the contract's own statements and phases, as written."""
    start, end = seconds(made.start), seconds(made.end)
    found: list[Stretch] = []
    for phase in () if plan is None else plan.node.items:
        if isinstance(phase, syntax.Phase):
            found.append(Stretch(laid(made, phase.start, start), laid(made, phase.end, end), phase.items))
    for item in made.node.items:
        if isinstance(item, syntax.Phase):
            found.append(Stretch(laid(made, item.start, start), laid(made, item.end, end), item.items))
        else:
            found.append(Stretch(start, end, (item,)))
    return found


def cuts(made: Agreement, plan: PlanSymbol | None) -> list[ir.Instant]:
    """The instants of the term at which what is in force may change, its start and end included."""
    start, end = seconds(made.start), seconds(made.end)
    plans = [plan, *(made.scope.plans.get(c.name.text) for c in phase_plans(made.node))]
    at = {start, end}
    for each in plans:
        for stretch in stretches(made, each):
            at.update(instant for instant in (stretch.start, stretch.end) if start < instant < end)
    return sorted(at)


def phase_plans(node: syntax.Contract) -> Iterator[syntax.PlanClause]:
    """The plans that phases change to."""
    for item in node.items:
        if isinstance(item, syntax.Phase):
            yield from (inner for inner in item.items if isinstance(inner, syntax.PlanClause))


def joined(versions: Iterator[ir.Version | None]) -> Iterator[ir.Version]:
    """Neighbours that are alike are one version; those with findings are left out."""
    last: ir.Version | None = None
    for each in versions:
        if each is None:
            continue
        if last is not None and last.plan == each.plan and last.overrides == each.overrides:
            last = replace(last, end=each.end)
            continue
        if last is not None:
            yield last
        last = each
    if last is not None:
        yield last


def version(made: Agreement, plan: PlanSymbol | None, start: ir.Instant, end: ir.Instant) -> ir.Version | None:
    """What is in force in `[start, end)`, none of whose instants changes anything."""
    for stretch in stretches(made, None):
        if stretch.start <= start < stretch.end:
            for item in stretch.items:
                if isinstance(item, syntax.PlanClause):
                    plan = made.scope.plans.get(item.name.text)
    statements = [
        item for s in stretches(made, plan) if s.start <= start < s.end for item in s.items
    ]  # the plan's phases, then the contract's, as written
    items = Items() if plan is None else plan_items(plan)
    overrides = apply(items, statements)
    lines: dict[str, LineNode] = {}
    won: list[ir.Override] = []
    for name, line in items.lines.items():
        mine = overrides_on(overrides, name, line)
        lines[name] = amend(made, line, mine)
        if mine:
            numbers = [made.numbers.setdefault(id(o), len(made.numbers)) for o in mine]
            won.extend(contests(as_charge(line), mine, numbers))
        made.overruled.see(line, [o for o in mine if id(o) in made.own])
    require_read_lines(made, lines, statements)
    made.rows.see(lines, items.adjustments)
    return checked(made, plan, items, lines, tuple(won), start, end)


def require_read_lines(made: Agreement, lines: dict[str, LineNode], statements: Sequence[syntax.ContractItem]) -> None:
    """A derived charge in force needs its lines; one that a statement removes is reported there, once."""
    removed = {item.name.text: item for item in statements if isinstance(item, syntax.Remove)}
    for name, line in lines.items():
        for other in sorted(lines_read(line)):
            statement = removed.get(other)
            if other in lines or statement is None or (id(statement), name) in made.reported:
                continue
            made.reported.add((id(statement), name))
            made.scope.report(
                "N0301",
                statement.name.span,
                f"`{name}` is derived from `{other}`, which is removed here",
                label=f"`{name}` reads it",
                labels=[Label(line.name.span, f"`{name}` is declared here")],
                help=f"remove `{name}` as well, or write `charge {name}` anew without `{other}`",
            )


def plan_items(plan: PlanSymbol) -> Items:
    """What the contract starts from."""
    return Items(None, None, None, dict(plan.lines), list(plan.adjustments))


def apply(items: Items, statements: Sequence[syntax.ContractItem]) -> list[syntax.Override]:
    """Put statements in force onto the items in the order written; gives back the overrides, which come last."""
    overrides: list[syntax.Override] = []
    for item in statements:
        match item:
            case syntax.Fee(name=name) | syntax.Charge(name=name):
                items.lines[name.text] = item
            case syntax.Adjustment(alias=alias):
                same = [i for i, a in enumerate(items.adjustments) if alias and a.alias and a.alias.text == alias.text]
                if same:
                    items.adjustments[same[0]] = item
                else:
                    items.adjustments.append(item)
            case syntax.Remove(name=name):
                items.lines.pop(name.text, None)
                items.adjustments = [a for a in items.adjustments if a.alias is None or a.alias.text != name.text]
            case syntax.Override():
                overrides.append(item)
            case syntax.Bill():
                items.bill = item
            case syntax.RoundMode():
                items.rounding = item
            case _:
                pass
    return overrides


def amend(made: Agreement, line: LineNode, overrides: list[syntax.Override]) -> LineNode:
    """A line under the overrides in force, merged once for every version that has the same ones."""
    if not overrides:
        return line
    key = (id(line), *(id(o) for o in overrides))
    if key not in made.amended:
        merge = amend_fee(made.scope, line, overrides) if isinstance(line, syntax.Fee) else None
        made.amended[key] = merge or amend_charge(made.scope, cast(syntax.Charge, line), overrides)
        made.kept.append(line)
    return made.amended[key]


def checked(
    made: Agreement,
    plan: PlanSymbol | None,
    items: Items,
    lines: dict[str, LineNode],
    won: tuple[ir.Override, ...],
    start: ir.Instant,
    end: ir.Instant,
) -> ir.Version | None:
    """Check the merged lines; those that the plan has as they are keep the plan's IR."""
    scope, before = made.scope, made.scope.errors
    names = {name: line.name.span for name, line in lines.items()}
    known = {} if plan is None else {line.name: line for line in plan.ir.lines}
    bill = items.bill
    made_lines: list[ir.Fee | ir.Charge] = []
    for name, line in lines.items():
        lowered: ir.Fee | ir.Charge | None
        if plan is not None and plan.lines.get(name) is line and bill is None:
            lowered = known[name]
        else:
            key = (id(line), id(bill), tuple(names) if getattr(line, "expression", None) is not None else ())
            if key not in made.lowered:
                made.lowered[key] = check_line(scope, line, names, bill or plan_bill(plan))
                made.kept.append((line, bill))
            lowered = made.lowered[key]
        if lowered is not None:
            made_lines.append(lowered)
    order = dependency_order(scope, lines)
    adjustments = check_adjustments(scope, still_scoped(items.adjustments, lines), tuple(lines))
    if scope.errors > before or len(made_lines) != len(lines):
        return None
    node = made.node
    rounding = "half_up" if items.rounding is None else items.rounding.mode
    if items.rounding is None and plan is not None:
        rounding = plan.ir.rounding
    whole = ir.Plan(
        node.name.text,
        node.label.value if node.label is not None else node.name.text,
        check_bill(scope, bill) if bill is not None or plan is None else plan.ir.bill,
        str(made.zone),
        rounding,
        tuple(made_lines),
        tuple(order),
        adjustments,
        span=node.span,
    )
    return ir.Version(start, end, whole, won, span=node.span)


def plan_bill(plan: PlanSymbol | None) -> syntax.Bill | None:
    """The plan's `bill` as a statement: what the cadence of a fee falls back to."""
    if plan is None:
        return None
    bill = plan.ir.bill
    return syntax.Bill(bill.cadence, None, bill.from_term, span=bill.span)


def still_scoped(adjustments: Sequence[syntax.Adjustment], lines: dict[str, LineNode]) -> list[syntax.Adjustment]:
    """Adjustments without the lines that are not in force; one on nothing else has nothing to adjust."""
    result = []
    for each in adjustments:
        there = tuple(name for name in each.lines if name.text in lines)
        if there or not each.lines or each.except_lines:
            result.append(each if len(there) == len(each.lines) else replace(each, lines=there))
    return result


# --- balances ------------------------------------------------------------------------------------------------------


def lower_balances(made: Agreement, versions: tuple[ir.Version, ...]) -> Iterator[ir.Balance]:
    """Prepaid commits and credits in the order written, with the stretch of time they belong to."""
    for node, start, end in balance_nodes(made):
        if isinstance(node, syntax.Credit) or node.payment == "prepaid":
            at, until = validity(made, node, start, end)
            yield lower_balance(made.scope, node, at, until, versions)


def lower_floors(made: Agreement, versions: tuple[ir.Version, ...]) -> Iterator[ir.Floor]:
    """Postpaid commits in the order written."""
    for node, start, end in balance_nodes(made):
        if isinstance(node, syntax.Commit) and node.payment == "postpaid":
            at, until = floor_validity(made, node, *validity(made, node, start, end))
            yield lower_floor(made.scope, node, at, until, versions)


def balance_nodes(made: Agreement) -> Iterator[tuple[syntax.Commit | syntax.Credit, ir.Instant, ir.Instant]]:
    """Every commit and credit with the span of its phase, or of the term."""
    for stretch in stretches(made, None):
        for item in stretch.items:
            if isinstance(item, syntax.Commit | syntax.Credit):
                yield item, stretch.start, stretch.end


def validity(
    made: Agreement, node: syntax.Commit | syntax.Credit, start: ir.Instant, end: ir.Instant
) -> tuple[ir.Instant, ir.Instant]:
    """`valid D to D`, else the phase or the term."""
    valid = next((c for c in node.clauses if isinstance(c, syntax.ValidClause)), None)
    if valid is None or valid.start is None:
        return start, end
    return laid(made, valid.start, start), laid(made, valid.end, end)


def floor_validity(
    made: Agreement, node: syntax.Commit, start: ir.Instant, end: ir.Instant
) -> tuple[ir.Instant, ir.Instant]:
    """A postpaid commit grants nothing that could live on: `valid for N months` is how long it lasts itself."""
    valid = next((c for c in node.clauses if isinstance(c, syntax.ValidClause)), None)
    if valid is None or valid.months is None:
        return start, end
    term = periods.Term(seconds(made.start), seconds(made.end), made.zone)
    return start, min(term.months_later(start, int(valid.months.value)), end)
