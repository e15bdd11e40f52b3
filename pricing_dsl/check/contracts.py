"""Contracts, and the phases of plans and contracts (language reference, section 7).

Everything a contract names must exist in its plan or in itself: lines that it adds, removes, overrides or covers. Its
own lines are checked like a plan's. Nothing is lowered here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pricing_dsl.check.adjustments import check_adjustments
from pricing_dsl.check.balances import Balances
from pricing_dsl.check.dates import Term, check_dates, check_interval, instant, whole_number
from pricing_dsl.check.plans import (
    Items,
    LineNode,
    check_bill,
    check_line,
    check_timezone,
    collect,
    dependency_order,
    once,
)
from pricing_dsl.check.scope import PlanSymbol, Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.syntax import nodes as syntax

OF_CONTRACT = (syntax.Customer, syntax.Term)
OF_WHOLE = (syntax.Bill, syntax.TimezoneClause, syntax.RoundMode)
STATEMENTS = (syntax.Fee, syntax.Charge, syntax.Adjustment, syntax.Remove, syntax.Override, *OF_WHOLE)
WORDS: dict[type[syntax.Node], str] = {
    syntax.Customer: "customer",
    syntax.Term: "term",
    syntax.PlanClause: "plan",
    syntax.Bill: "bill",
    syntax.TimezoneClause: "timezone",
    syntax.RoundMode: "round",
    syntax.Phase: "from",
}


def check_contracts(scope: Scope, program: syntax.Program) -> None:
    """Fill `scope.contracts`, and check the phases of plans and contracts alike."""
    for symbol in scope.plans.values():
        check_plan_changes(scope, symbol)
    for node in program.declarations:
        if not isinstance(node, syntax.Contract):
            continue
        earlier = scope.contracts.setdefault(node.name.text, node)
        if earlier is not node:
            scope.report(
                "N0101",
                node.name.span,
                f"the contract `{node.name.text}` is declared twice",
                labels=[Label(earlier.name.span, "first declared here")],
                help="rename one",
            )
            continue
        check_contract(scope, node)


@dataclass
class Terms:
    """What a plan or contract has said so far: `items` are the lines and adjustments in force outside phases.

    `known` is False where the plan did not check: then names of lines are not asked for.
    """

    items: Items
    known: bool
    term: Term | None
    balances: Balances
    own: tuple[syntax.ContractItem, ...] = field(default=())
    of_phases: dict[str, LineNode] = field(default_factory=dict)
    """Lines that only phases have: a balance may cover them from outside."""


def check_plan_changes(scope: Scope, symbol: PlanSymbol) -> None:
    """The phases of a plan; its lines and overrides have been checked."""
    terms = Terms(plan_items(symbol), True, None, Balances(scope, None))
    for item in symbol.node.items:
        if isinstance(item, syntax.Phase):
            check_phase(scope, item, terms)


def plan_items(symbol: PlanSymbol) -> Items:
    """A checked plan's lines and adjustments, for statements that build on them."""
    bill = symbol.ir.bill
    return Items(
        syntax.Bill(bill.cadence, None, bill.from_term, span=bill.span),
        None,
        None,
        dict(symbol.lines),
        list(symbol.adjustments),
    )


def check_contract(scope: Scope, node: syntax.Contract) -> None:
    """One contract: its clauses once each, its term, its own lines, and everything that it changes."""
    customer: syntax.Customer | None = None
    plan: syntax.PlanClause | None = None
    term_node: syntax.Term | None = None
    for item in node.items:
        match item:
            case syntax.Customer():
                once(scope, item, customer, "customer")
                customer = customer or item
            case syntax.PlanClause():
                once(scope, item, plan, "plan")
                plan = plan or item
            case syntax.Term():
                once(scope, item, term_node, "term")
                term_node = term_node or item
    if customer is not None and not customer.id.value:
        scope.report(
            "N0602", customer.id.span, "the id of the customer is empty", help='write one, as in `customer "cus_123"`'
        )
    term = None
    if term_node is not None and check_dates(scope, term_node.start, term_node.end, "the term"):
        term = Term(instant(term_node.start.value), instant(term_node.end.value), term_node.span)
    base, known = (Items(), True) if plan is None else named_plan(scope, plan)
    own = tuple(item for item in node.items if isinstance(item, STATEMENTS))
    terms = Terms(Items(), known, term, Balances(scope, term), own, lines_of_phases(scope, node))
    terms.items = check_statements(scope, own, base, known)
    for item in node.items:
        match item:
            case syntax.Phase():
                check_phase(scope, item, terms)
            case syntax.Commit() | syntax.Credit():
                terms.balances.check(item, terms.of_phases | terms.items.lines if known else None)
    if term_node is None:
        require_no_relative_dates(scope, node)


def lines_of_phases(scope: Scope, node: syntax.Contract) -> dict[str, LineNode]:
    """The lines that the phases of a contract bring, with those of the plans they change to."""
    lines: dict[str, LineNode] = {}
    for phase in node.items:
        for item in phase.items if isinstance(phase, syntax.Phase) else ():
            if isinstance(item, syntax.PlanClause) and item.name.text in scope.plans:
                lines |= scope.plans[item.name.text].lines
            elif isinstance(item, syntax.Fee | syntax.Charge):
                lines[item.name.text] = item
    return lines


def named_plan(scope: Scope, clause: syntax.PlanClause) -> tuple[Items, bool]:
    """The plan a contract is on, and whether its lines are known."""
    if clause.version is not None:
        whole_number(scope, clause.version, "versions of a plan are counted", 1)
    symbol = scope.plans.get(clause.name.text)
    if symbol is None:
        scope.unknown("N0104", "plan", clause.name, scope.plans)
        return Items(), False
    return plan_items(symbol), True


def check_statements(scope: Scope, own: Sequence[syntax.ContractItem], base: Items, known: bool) -> Items:
    """Lines, overrides and adjustments of a contract or phase on top of `base`; what they name must be there."""
    if not known:
        own = [item for item in own if not isinstance(item, syntax.Remove | syntax.Override)]
    statements = tuple(item for item in own if isinstance(item, STATEMENTS))
    holder = syntax.Plan(
        syntax.Name("", span=ir.NOWHERE), None, None, statements, span=ir.NOWHERE
    )  # `collect` sorts what stands in a plan
    items = collect(scope, holder, base)
    names = {name: line.name.span for name, line in items.lines.items()}
    changed = [line for name, line in items.lines.items() if base.lines.get(name) is not line]
    for line in changed:
        if known or line_stands_alone(line):
            check_line(scope, line, names, items.bill)
    if changed and known:
        dependency_order(scope, items.lines)
    if known and any(isinstance(item, syntax.Adjustment) for item in own):
        # What is inherited counts too: a minimum may stand in the way of a later one. A line may be gone by now.
        adjustments = [
            each
            for each in items.adjustments
            if any(each is item for item in own) or all(name.text in items.lines for name in each.lines)
        ]
        check_adjustments(scope, adjustments, tuple(items.lines))
    for item in own:
        if isinstance(item, syntax.Bill):
            check_bill(scope, item)
        elif isinstance(item, syntax.TimezoneClause):
            check_timezone(scope, item)
    return items


def line_stands_alone(line: syntax.Fee | syntax.Charge) -> bool:
    """Whether a line reads no other line."""
    return isinstance(line, syntax.Fee) or line.source is not None


# --- phases --------------------------------------------------------------------------------------------------------


def check_phase(scope: Scope, node: syntax.Phase, terms: Terms) -> None:
    """`from WHEN [to WHEN] { items }`: dates in the term, and items that may change on the way."""
    check_interval(scope, node.start, node.end, terms.term, "this phase")
    base, known = terms.items, terms.known
    for item in node.items:
        if isinstance(item, (*OF_CONTRACT, *OF_WHOLE, syntax.Phase)):
            word = WORDS[type(item)]
            scope.report(
                "T0501",
                item.span,
                "a phase stands in no other phase"
                if isinstance(item, syntax.Phase)
                else f"`{word}` holds for the whole contract and cannot change in a phase",
                labels=[Label(node.start.span, "this phase")],
                help="write phases one after the other; they may overlap"
                if isinstance(item, syntax.Phase)
                else f"move `{word}` out of the phase",
            )
        elif isinstance(item, syntax.PlanClause):
            plan, known = named_plan(scope, item)
            base = check_statements(scope, terms.own, plan, known)
    own = tuple(item for item in node.items if isinstance(item, STATEMENTS) and not isinstance(item, OF_WHOLE))
    items = check_statements(scope, own, base, known)
    for item in node.items:
        if isinstance(item, syntax.Commit | syntax.Credit):
            terms.balances.check(item, terms.of_phases | items.lines if known else None)


def require_no_relative_dates(scope: Scope, node: syntax.Contract) -> None:
    """`month 3` is counted from the start of a term, so there must be one."""
    for when in relative_dates(node.items):
        scope.report(
            "D0606",
            when.span,
            f"this is the {when.unit} of a term, and the contract `{node.name.text}` has none",
            labels=[Label(node.name.span, "this contract")],
            help="write `term 2026-01-01 to 2027-01-01` in it, or a date here",
        )


def relative_dates(items: Iterable[syntax.ContractItem]) -> Iterator[syntax.RelativeDate]:
    for item in items:
        whens: list[syntax.When | None] = []
        if isinstance(item, syntax.Phase):
            whens = [item.start, item.end]
            yield from relative_dates(item.items)
        elif isinstance(item, syntax.Commit | syntax.Credit):
            for clause in item.clauses:
                if isinstance(clause, syntax.ValidClause):
                    whens += [clause.start, clause.end]
        yield from (when for when in whens if isinstance(when, syntax.RelativeDate))


def contract_lines(scope: Scope, node: syntax.Contract) -> frozenset[str] | None:
    """Every line that a contract's statements can have, its phases' included; `None` where its plan is not known."""
    names: set[str] = set()
    pending: list[syntax.ContractItem] = list(node.items)
    while pending:
        item = pending.pop()
        match item:
            case syntax.PlanClause(name=name):
                if name.text not in scope.plans:
                    return None
                names |= set(scope.plans[name.text].lines)
            case syntax.Fee(name=name) | syntax.Charge(name=name):
                names.add(name.text)
            case syntax.Phase(items=items):
                pending.extend(items)
    return frozenset(names)
