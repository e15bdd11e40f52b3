"""Commits and credits: what they grant, when, what they cover, and which clauses go together (section 7).

A prepaid commit grants a balance and is invoiced; a postpaid one brings spend up to its amount at its end and holds no
balance; a credit grants without invoicing. A balance is money, or units that lower the quantity before the price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from pricing_dsl.check import numbers
from pricing_dsl.check.conditions import check_condition
from pricing_dsl.check.dates import Term, check_interval, whole_number
from pricing_dsl.check.expressions import measure
from pricing_dsl.check.flow import Flow, flow_from
from pricing_dsl.check.plans import LineNode
from pricing_dsl.check.scope import Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax

BalanceNode = syntax.Commit | syntax.Credit
GRANT_CADENCES = ("monthly", "quarterly", "yearly")
WORDS: dict[type[syntax.Node], str] = {
    syntax.CoversClause: "covers",
    syntax.PriorityClause: "priority",
    syntax.ValidClause: "valid",
    syntax.RolloverClause: "rollover",
    syntax.FundedClause: "funded",
    syntax.OverageClause: "overage",
    syntax.InvoicedClause: "invoiced",
}
POSTPAID = (syntax.CoversClause, syntax.ValidClause)
"""The clauses that mean something where nothing is granted."""


@dataclass
class Balances:
    """The commits and credits of one contract, its phases' included: each name once."""

    scope: Scope
    term: Term | None
    names: dict[str, Span] = field(default_factory=dict)

    def check(self, node: BalanceNode, lines: Mapping[str, LineNode] | None) -> None:
        """One commit or credit; `lines` are those it may cover, `None` where they are not known."""
        scope, name = self.scope, node.name
        if name.text in self.names:
            scope.report(
                "N0101",
                name.span,
                f"the balance `{name.text}` is declared twice",
                labels=[Label(self.names[name.text], "first declared here")],
                help="rename one: balances are carried by their names",
            )
        self.names.setdefault(name.text, name.span)
        unit = check_amount(scope, node)
        if node.cadence is not None and node.cadence not in GRANT_CADENCES:
            scope.report(
                "D0607",
                node.name.span,
                f"`{name.text}` cannot be granted {node.cadence}",
                help="write `monthly`, `quarterly` or `yearly`, or no cadence for one grant",
            )
        seen: dict[type[syntax.Node], syntax.BalanceClause] = {}
        for clause in node.clauses:
            earlier = seen.setdefault(type(clause), clause)
            if earlier is not clause:
                scope.report(
                    "N0107",
                    clause.span,
                    f"`{WORDS[type(clause)]}` is said twice",
                    labels=[Label(earlier.span, "first here")],
                    help="keep one",
                )
            elif check_place(scope, node, clause, unit):
                self.check_clause(clause, lines, covered(node))
        check_invoicing(scope, node, unit)

    def check_clause(
        self, clause: syntax.BalanceClause, lines: Mapping[str, LineNode] | None, covers: frozenset[str] | None
    ) -> None:
        """The numbers, dates and names of one clause."""
        scope = self.scope
        match clause:
            case syntax.CoversClause(covers=list_of_covers):
                if lines is not None:
                    check_covers(scope, list_of_covers, lines)
            case syntax.PriorityClause(number=number):
                whole_number(scope, number, "priorities are counted", 0)
            case syntax.ValidClause(start=start, end=end, months=months):
                check_interval(scope, start, end, self.term, "this balance")
                if months is not None:
                    whole_number(scope, months, "months are counted", 1)
            case syntax.RolloverClause(percent=percent, months=months):
                check_share(scope, percent)
                if months is not None:
                    whole_number(scope, months, "months are counted", 1)
            case syntax.FundedClause(factor=factor, lines=names):
                check_positive(scope, factor, "funded times")
                if lines is not None:
                    check_lines(scope, names, lines, covers)
            case syntax.OverageClause(factor=factor):
                if factor is not None:
                    check_positive(scope, factor, "overage times")
            case syntax.InvoicedClause(amount=amount, cadence=cadence):
                check_invoice(scope, clause, amount, cadence)


def covered(node: BalanceNode) -> frozenset[str] | None:
    """The lines a balance says it covers; `None` for all."""
    clauses = [clause for clause in node.clauses if isinstance(clause, syntax.CoversClause)]
    return frozenset(cover.line.text for cover in clauses[0].covers) if clauses else None


def check_amount(scope: Scope, node: BalanceNode) -> str | None:
    """What is granted: money (`None`), or units, then their unit. A bare number is money."""
    word = "commit" if isinstance(node, syntax.Commit) else "credit"
    unit: str | None = None
    match node.amount:
        case syntax.Number(value=value, percent=percent, unit=None, span=span):
            if percent:
                scope.report("T0301", span, f"a {word} is money or units, not a percentage", help="write a number")
            elif value <= 0:
                scope.report("D0608", span, f"a {word} grants more than nothing", help="write a number above 0")
        case expression:
            flow = Flow(node.name.text, "quantity", None, node.name.span, {}, True, True, False)
            measured = measure(scope, flow, expression)
            unit = None if measured is None or measured.unit == scope.currency else measured.unit
            check_expression(scope, node, None if measured is None else measured.expression, word)
    span = node.amount.span
    if unit is None and node.policy is not None:
        scope.report(
            "T0504",
            span,
            f"`across cells {node.policy}` shares units, and this grants money",
            help="drop it, or write the unit behind the number",
        )
    if unit is not None and isinstance(node, syntax.Commit) and node.payment == "postpaid":
        scope.report(
            "T0502",
            span,
            "a postpaid commit is an amount of money",
            label=f"in `{unit}`",
            help="write the money that covered lines must reach; `prepaid` commits grant units",
        )
    return unit


def check_expression(scope: Scope, node: BalanceNode, expression: ir.Expression | None, word: str) -> None:
    """What is computed: more than nothing where that is known, and for a postpaid commit a number."""
    span = node.amount.span
    match expression:
        case ir.Const(value=Fraction() as value) if value <= 0:
            scope.report("D0608", span, f"a {word} grants more than nothing", help="write a number above 0")
        case None | ir.Const():
            pass
        case _ if isinstance(node, syntax.Commit) and node.payment == "postpaid":
            scope.report(
                "T0502",
                span,
                "a postpaid commit is one amount of money, and this depends on quantities",
                label="not a number",
                help="write the number, or a `prepaid` commit: what that grants may depend on quantities",
            )


def check_place(scope: Scope, node: BalanceNode, clause: syntax.BalanceClause, unit: str | None) -> bool:
    """Whether a clause means something in this commit or credit."""
    word = WORDS[type(clause)]
    message = ""
    if isinstance(node, syntax.Commit) and node.payment == "postpaid" and not isinstance(clause, POSTPAID):
        message = f"`{word}` is about a balance, and a postpaid commit holds none"
        cure = "drop it, or make the commit prepaid"
    elif isinstance(node, syntax.Credit) and isinstance(clause, syntax.InvoicedClause):
        message = "a credit is never invoiced"
        cure = "drop it, or write a `commit ... prepaid`"
    elif isinstance(node, syntax.Credit) and isinstance(clause, syntax.OverageClause):
        message = "`overage` is what a commit agrees on, and a credit only pays"
        cure = "write it in a commit that covers the line, or `override` the price"
    elif unit is not None and isinstance(clause, syntax.FundedClause | syntax.OverageClause):
        message = f"`{word}` changes what money pays, and this grants `{unit}`, which never becomes money"
        cure = "drop it, or `override` the price of what is used beyond"
    if not message:
        return True
    scope.report("T0502", clause.span, message, labels=[Label(node.name.span, f"`{node.name.text}`")], help=cure)
    return False


def check_invoicing(scope: Scope, node: BalanceNode, unit: str | None) -> None:
    """A commit in units has no price of its own, so it says what it is invoiced."""
    if unit is None or not isinstance(node, syntax.Commit) or node.payment == "postpaid":
        return
    if not any(isinstance(clause, syntax.InvoicedClause) for clause in node.clauses):
        scope.report(
            "T0503",
            node.name.span,
            f"`{node.name.text}` grants `{unit}`, so what it costs must be said",
            label="invoiced how much?",
            labels=[Label(node.amount.span, f"granted in `{unit}`")],
            help="write `invoiced 1_000` (per grant) or `not invoiced` in it",
        )


def check_covers(scope: Scope, covers: tuple[syntax.Cover, ...], lines: Mapping[str, LineNode]) -> None:
    """Lines that there are, each once; `where` asks the dimensions of the line's meter or quantity."""
    seen: dict[str, Span] = {}
    for cover in covers:
        name = cover.line
        if name.text in seen:
            scope.report(
                "N0107",
                name.span,
                f"`{name.text}` is covered twice",
                labels=[Label(seen[name.text], "first here")],
                help="join the conditions with `or`",
            )
        seen.setdefault(name.text, name.span)
        line = lines.get(name.text)
        if line is None:
            scope.unknown("N0301", "line", name, lines)
        elif cover.where is not None:
            check_cover_condition(scope, line, cover.where)


def check_cover_condition(scope: Scope, line: LineNode, condition: syntax.Expression) -> None:
    source = line.source.text if isinstance(line, syntax.Charge) and line.source is not None else None
    if source is None:
        scope.report(
            "T0505",
            condition.span,
            f"`{line.name.text}` has no dimensions, so it is covered whole or not at all",
            labels=[Label(line.name.span, "a fee or a derived charge")],
            help="drop the condition",
        )
        return
    symbol = scope.meters.get(source) or scope.quantities.get(source)
    if symbol is not None:
        check_condition(scope, flow_from(symbol), condition, "covers")


def check_lines(
    scope: Scope, names: tuple[syntax.Name, ...], lines: Mapping[str, LineNode], covers: frozenset[str] | None
) -> None:
    """The lines of `funded times F on ...`: those there are, and of those the ones that are covered."""
    for name in names:
        if name.text not in lines:
            scope.unknown("N0301", "line", name, lines)
        elif covers is not None and name.text not in covers:
            scope.report(
                "N0603",
                name.span,
                f"`{name.text}` is not covered, so nothing funds it",
                help=f"add `{name.text}` to `covers`, or drop it here",
            )


def check_share(scope: Scope, percent: syntax.Number) -> None:
    """`rollover P%`: from 0% to 100%."""
    value = percent.value
    if not 0 <= value <= 1:
        scope.report(
            "D0609", percent.span, "what rolls over is between 0% and 100% of what is left", help="write a share of it"
        )


def check_positive(scope: Scope, factor: syntax.Number, word: str) -> None:
    value = numbers.plain(scope, factor, f"`{word}`")
    if value <= 0:
        scope.report("D0610", factor.span, f"`{word}` takes a factor above 0", help="write a number above 0")


def check_invoice(
    scope: Scope, clause: syntax.InvoicedClause, amount: syntax.Number | None, cadence: syntax.Cadence | None
) -> None:
    """`invoiced 30_000 quarterly`."""
    value = numbers.money(scope, amount)
    if value is not None and value < 0:
        assert amount is not None
        scope.report("D0608", amount.span, "what is invoiced is not negative", help="write `not invoiced` for nothing")
    if cadence is not None and cadence not in GRANT_CADENCES:
        scope.report(
            "D0607",
            clause.span,
            f"a commit cannot be invoiced {cadence}",
            help="write `monthly`, `quarterly` or `yearly`, or no cadence to invoice each grant",
        )
