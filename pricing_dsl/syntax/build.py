"""What the parser calls when it has read a plan, a contract, an example or a proof: the builder, complete.

See `build_expressions` for the conventions. Two things that one token of look-ahead cannot tell apart are joined here:
`bill monthly from term` (a `from` may also begin a phase) and the unit of an example's usage (a name may also begin the
next usage). Source of the rules: language reference, sections 6 to 9.
"""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from pricing_dsl.records import record
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes
from pricing_dsl.syntax.build_declarations import DeclarationBuilder, Names

Scope = tuple[Names, bool]
"""The lines of an adjustment, and whether they are those left out."""


@record(frozen=True, slots=True)
class _FromTerm:
    """`from term`, until it is joined to the `bill` before it."""

    span: Span


_CONTRACT_ONLY: dict[type, str] = {
    nodes.Customer: "customer",
    nodes.PlanClause: "plan",
    nodes.Term: "term",
    nodes.Commit: "commit",
    nodes.Credit: "credit",
}


class Builder(DeclarationBuilder):
    """Builds every node of the language from what the parser reads."""

    # --- plans and contracts ---

    def plan(
        self,
        span: Span,
        name: nodes.Name,
        label: nodes.Text | None,
        extends: nodes.Name | None,
        items: tuple[Any, ...],
    ) -> nodes.Plan:
        return nodes.Plan(name, label, extends, self._without_contract_items(items), span=span)

    def _without_contract_items(self, items: tuple[Any, ...]) -> tuple[Any, ...]:
        kept: list[Any] = []
        for item in items:
            word = _CONTRACT_ONLY.get(type(item))
            if word is not None:
                at = Span(item.span.start, item.span.start + len(word))
                self.report("S0140", f"`{word}` stands in a contract, not in a plan", at, "move it to the contract")
            elif isinstance(item, nodes.Phase):
                kept.append(replace(item, items=self._without_contract_items(item.items)))
            else:
                kept.append(item)
        return tuple(kept)

    def contract(
        self, span: Span, name: nodes.Name, label: nodes.Text | None, items: tuple[nodes.ContractItem, ...]
    ) -> nodes.Contract:
        return nodes.Contract(name, label, items, span=span)

    def items(self, _: Span, items: list[Any] | None = None) -> tuple[Any, ...]:
        joined: list[Any] = []
        for item in items or ():
            if not isinstance(item, _FromTerm):
                joined.append(item)
            elif joined and isinstance(joined[-1], nodes.Bill) and not joined[-1].from_term and joined[-1].day is None:
                bill = joined[-1]
                joined[-1] = replace(bill, from_term=True, span=bill.span.to(item.span))
            else:
                write = "write `bill monthly from term`"
                self.report("S0141", "`from term` stands right after the cadence of `bill`", item.span, write)
        return tuple(joined)

    def bill(self, span: Span, cadence: Any, day: nodes.Number | None) -> nodes.Bill:
        return nodes.Bill(cadence, day, False, span=span)

    def from_term(self, span: Span) -> _FromTerm:
        return _FromTerm(span=span)

    def round_mode(self, span: Span, mode: Any) -> nodes.RoundMode:
        return nodes.RoundMode(mode, span=span)

    def fee(
        self,
        span: Span,
        name: nodes.Name,
        label: nodes.Text | None,
        amount: nodes.Number,
        cadence: Any,
        timing: Any,
        prorated: Any,
    ) -> nodes.Fee:
        return nodes.Fee(name, label, amount, cadence, timing, prorated, span=span)

    def charge_on(
        self,
        span: Span,
        name: nodes.Name,
        label: nodes.Text | None,
        source: nodes.Name,
        steps: tuple[nodes.Step, ...],
    ) -> nodes.Charge:
        return nodes.Charge(name, label, source, None, steps, span=span)

    def charge_of(
        self,
        span: Span,
        name: nodes.Name,
        label: nodes.Text | None,
        expression: nodes.Expression,
        steps: tuple[nodes.Step, ...] | None,
    ) -> nodes.Charge:
        return nodes.Charge(name, label, None, expression, steps or (), span=span)

    def every_line(self, _: Span) -> Scope:
        return (), False

    def on_lines(self, _: Span, lines: Names) -> Scope:
        return lines, False

    def except_lines(self, _: Span, lines: Names) -> Scope:
        return lines, True

    def discount_adjustment(self, span: Span, amount: nodes.Number, scope: Scope, *rest: Any) -> nodes.Adjustment:
        return nodes.Adjustment("discount", amount, (), *scope, *rest, span=span)

    def bands_adjustment(self, span: Span, bands: tuple[nodes.Band, ...], scope: Scope, *rest: Any) -> nodes.Adjustment:
        return nodes.Adjustment("discount", None, bands, *scope, *rest, span=span)

    def bound_adjustment(
        self, span: Span, kind: Any, amount: nodes.Number, scope: Scope, *rest: Any
    ) -> nodes.Adjustment:
        return nodes.Adjustment(kind, amount, (), *scope, *rest, span=span)

    def override(self, span: Span, line: nodes.Name, steps: tuple[nodes.Step, ...]) -> nodes.Override:
        return nodes.Override(line, steps, span=span)

    def override_all(self, span: Span, steps: tuple[nodes.Step, ...]) -> nodes.Override:
        return nodes.Override(None, steps, span=span)

    def remove(self, span: Span, name: nodes.Name) -> nodes.Remove:
        return nodes.Remove(name, span=span)

    def phase(
        self, span: Span, start: nodes.When, end: nodes.When | None, items: tuple[nodes.ContractItem, ...]
    ) -> nodes.Phase:
        return nodes.Phase(start, end, items, span=span)

    def customer(self, span: Span, identity: nodes.Text) -> nodes.Customer:
        return nodes.Customer(identity, span=span)

    def plan_clause(self, span: Span, name: nodes.Name, version: nodes.Number | None) -> nodes.PlanClause:
        return nodes.PlanClause(name, version, span=span)

    def term_clause(self, span: Span, start: nodes.Date, end: nodes.Date) -> nodes.Term:
        return nodes.Term(start, end, span=span)

    # --- balances ---

    def commit(
        self,
        span: Span,
        name: nodes.Name,
        amount: nodes.Expression,
        policy: Any,
        payment: Any,
        cadence: Any,
        clauses: tuple[nodes.BalanceClause, ...] | None,
    ) -> nodes.Commit:
        return nodes.Commit(name, amount, policy, payment, cadence, clauses or (), span=span)

    def credit(
        self,
        span: Span,
        name: nodes.Name,
        amount: nodes.Expression,
        policy: Any,
        cadence: Any,
        clauses: tuple[nodes.BalanceClause, ...] | None,
    ) -> nodes.Credit:
        return nodes.Credit(name, amount, policy, cadence, clauses or (), span=span)

    def covers(self, span: Span, first: nodes.Cover, rest: list[nodes.Cover] | None = None) -> nodes.CoversClause:
        return nodes.CoversClause((first, *(rest or ())), span=span)

    def cover(self, span: Span, line: nodes.Name, where: nodes.Expression | None) -> nodes.Cover:
        return nodes.Cover(line, where, span=span)

    def priority(self, span: Span, number: nodes.Number) -> nodes.PriorityClause:
        return nodes.PriorityClause(number, span=span)

    def valid_between(self, span: Span, start: nodes.When, end: nodes.When) -> nodes.ValidClause:
        return nodes.ValidClause(start, end, None, span=span)

    def valid_for(self, span: Span, months: nodes.Number) -> nodes.ValidClause:
        return nodes.ValidClause(None, None, months, span=span)

    def rollover(self, span: Span, percent: nodes.Number, months: nodes.Number | None) -> nodes.RolloverClause:
        return nodes.RolloverClause(percent, months, span=span)

    def funded(self, span: Span, factor: nodes.Number, lines: Names) -> nodes.FundedClause:
        return nodes.FundedClause(factor, lines, span=span)

    def overage(self, span: Span, factor: nodes.Number) -> nodes.OverageClause:
        return nodes.OverageClause(factor, span=span)

    def overage_reject(self, span: Span) -> nodes.OverageClause:
        return nodes.OverageClause(None, span=span)

    def invoiced(self, span: Span, amount: nodes.Number, cadence: Any) -> nodes.InvoicedClause:
        return nodes.InvoicedClause(amount, cadence, span=span)

    def not_invoiced(self, span: Span) -> nodes.InvoicedClause:
        return nodes.InvoicedClause(None, None, span=span)

    # --- programs that check themselves ---

    def example(
        self,
        span: Span,
        label: nodes.Text,
        target: nodes.Name,
        period: nodes.PeriodClause | None,
        items: tuple[Any, ...],
    ) -> nodes.Example:
        usage = tuple(item for item in items if isinstance(item, nodes.ExampleUsage))
        expects = tuple(item for item in items if isinstance(item, nodes.Expect))
        return nodes.Example(label, target, period, usage, expects, span=span)

    def period_month(self, span: Span, text: str) -> nodes.PeriodClause:
        start = self.day_date(Span(span.end - len(text), span.end), f"{text}-01")
        return nodes.PeriodClause(start, None, span=span)

    def period_dates(self, span: Span, start: nodes.Date, end: nodes.Date) -> nodes.PeriodClause:
        return nodes.PeriodClause(start, end, span=span)

    def example_items(self, _: Span, items: list[Any] | None = None) -> tuple[Any, ...]:
        joined: list[Any] = []
        for item in items or ():
            last = joined[-1] if joined else None
            if not isinstance(item, nodes.Name):
                joined.append(item)
            elif get_close_matches(item.text, ("expect",), cutoff=0.75):
                self.report("S0102", f"`{item.text}` has no meaning here", item.span, "write `expect`")
            elif isinstance(last, nodes.ExampleUsage) and last.quantity.unit is None:
                quantity = replace(last.quantity, unit=item, span=last.quantity.span.to(item.span))
                joined[-1] = replace(last, quantity=quantity, span=last.span.to(item.span))
            else:
                write = f"write `{item.text} = 100`, or `expect {item.text} = 1.00` for an amount"
                self.report("S0142", f"`{item.text}` has no quantity", item.span, write)
        return tuple(joined)

    def usage(
        self, span: Span, meter: nodes.Name, cells: tuple[nodes.ExampleCell, ...], quantity: nodes.Number
    ) -> nodes.ExampleUsage:
        return nodes.ExampleUsage(meter, cells, quantity, span=span)

    def usage_unit(self, _: Span, name: nodes.Name) -> nodes.Name:
        return name

    def usage_cell(self, span: Span, dimension: nodes.Name, value: nodes.Name | nodes.Text) -> nodes.ExampleCell:
        text = nodes.Text(value.text, span=value.span) if isinstance(value, nodes.Name) else value
        return nodes.ExampleCell(dimension, text, span=span)

    def expect(self, span: Span, exact: str | None, target: nodes.Name, amount: nodes.Number) -> nodes.Expect:
        return nodes.Expect(exact is not None, target, amount, span=span)

    def prove_monotone(self, span: Span, target: nodes.Name, within: nodes.Within) -> nodes.Prove:
        return nodes.Prove(target, "never decreases", None, (within,), span=span)

    def prove_below(
        self, span: Span, target: nodes.Name, other: nodes.Name, ranges: tuple[nodes.Within, ...]
    ) -> nodes.Prove:
        return nodes.Prove(target, "never exceeds", other, ranges, span=span)

    def prove_continuous(self, span: Span, target: nodes.Name, within: nodes.Within) -> nodes.Prove:
        return nodes.Prove(target, "is continuous", None, (within,), span=span)

    def within(self, span: Span, meter: nodes.Name, bounds: tuple[nodes.Number, nodes.Number] | None) -> nodes.Within:
        low, high = bounds or (None, None)
        return nodes.Within(meter, low, high, span=span)

    def range(self, _: Span, low: nodes.Number, high: nodes.Number) -> tuple[nodes.Number, nodes.Number]:
        return low, high
