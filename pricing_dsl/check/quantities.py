"""Named quantities: steps on a meter, or a sum that keeps the dimensions its terms share (section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from pricing_dsl.check.conditions import names_in
from pricing_dsl.check.expressions import measure
from pricing_dsl.check.flow import Flow, flow_from
from pricing_dsl.check.pipeline import check_pipeline
from pricing_dsl.check.scope import QuantitySymbol, Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.syntax import nodes as syntax

NamedTerm = tuple[Fraction, syntax.Name, str | None]
"""A factor, the meter or quantity it scales, and the unit that the factor names."""


@dataclass
class Quantities:
    """The quantities of a program by name, checked on demand so that they may stand in any order."""

    scope: Scope
    nodes: dict[str, syntax.Quantity]
    under_way: list[str]

    def check(self, name: str) -> None:
        """Check a quantity after those it reads; a cycle is an error (N0305)."""
        scope, node = self.scope, self.nodes[name]
        if name in scope.quantities or name in scope.broken:
            return
        if name in self.under_way:
            cycle = [*self.under_way[self.under_way.index(name) :], name]
            scope.report(
                "N0305",
                node.name.span,
                f"`{name}` is made of itself: {' -> '.join(cycle)}",
                help="a quantity is made of meters and of other quantities, never of one that leads back",
            )
            scope.broken.update(cycle)
            return
        self.under_way.append(name)
        for other in names_read(node):
            if other in self.nodes:
                self.check(other)
        self.under_way.pop()
        if name in scope.broken:
            return
        symbol = check_steps(scope, node) if node.source is not None else check_sum(scope, node)
        if symbol is None:
            scope.broken.add(name)
        else:
            scope.quantities[name] = symbol


def check_quantities(scope: Scope, program: syntax.Program) -> None:
    """Fill `scope.quantities`."""
    nodes: dict[str, syntax.Quantity] = {}
    for node in program.declarations:
        if not isinstance(node, syntax.Quantity):
            continue
        name = node.name.text
        earlier = nodes.get(name) or (scope.meters[name].node if name in scope.meters else None)
        if earlier is not None:
            scope.report(
                "N0101",
                node.name.span,
                f"`{name}` is declared twice",
                labels=[Label(earlier.name.span, "first declared here")],
                help="meters and quantities share one name space: rename one",
            )
            continue
        nodes[name] = node
    quantities = Quantities(scope, nodes, [])
    for name in nodes:
        quantities.check(name)


def names_read(node: syntax.Quantity) -> Iterator[str]:
    """The meters and quantities that a quantity reads."""
    if node.source is not None:
        yield node.source.text
    if node.expression is not None:
        yield from names_in(node.expression)
    for step in node.steps:
        if isinstance(step, syntax.Include | syntax.AtLeast | syntax.AtMost):
            yield from names_in(step.amount)


def check_steps(scope: Scope, node: syntax.Quantity) -> QuantitySymbol | None:
    """`quantity NAME on SOURCE { steps }`."""
    assert node.source is not None
    source = scope.meters.get(node.source.text) or scope.quantities.get(node.source.text)
    if source is None:
        scope.unknown("N0102", "meter or quantity", node.source, [*scope.meters, *scope.quantities])
        return None
    scope.used.add(("meter" if node.source.text in scope.meters else "quantity", node.source.text))
    flow = flow_from(source)
    checked = check_pipeline(scope, flow, node.steps, node.name.span, "forbidden")
    if checked is None or flow.unit is None:
        return None
    made = ir.Quantity(
        node.name.text,
        flow.unit,
        flow.counts_money,
        tuple(flow.dimensions),
        node.source.text,
        checked.steps,
        (),
        None,
        span=node.span,
    )
    return QuantitySymbol(node, made, flow.unit_span, dict(flow.dimensions), flow.adds_over_dimensions)


def check_sum(scope: Scope, node: syntax.Quantity) -> QuantitySymbol | None:
    """`quantity NAME = expression`: a sum of scaled terms keeps shared dimensions, anything else works on totals."""
    assert node.expression is not None
    flow = Flow(node.name.text, "quantity", None, node.name.span, {}, True, True, False)
    terms = linear_terms(scope, node.expression)
    if terms is None:
        return check_expression(scope, node, flow)
    symbols = [scope.meters.get(name.text) or scope.quantities[name.text] for _, name, _ in terms]
    shared = [d for d in symbols[0].ir.dimensions if all(d in s.ir.dimensions for s in symbols[1:])]
    flow.each = tuple(shared)  # what the terms share is kept apart, so only the rest must add up (rule 3)
    typed = measure(scope, flow, node.expression)
    if typed is None:
        return None
    if typed.unit is None:
        report_constant(scope, node)
        return None
    made_terms: list[ir.Term] = []
    for (factor, name, unit), symbol in zip(terms, symbols, strict=True):
        own = unit or symbol.ir.unit
        converted = scope.factor(own, typed.unit)
        assert converted is not None, "measure has checked the units"
        made_terms.append(ir.Term(factor * converted, name.text))
    values = {d: union([s.values.get(d) for s in symbols]) for d in shared}
    adds = all(
        s.ir.adds_over_dimensions if isinstance(s.ir, ir.Meter) else getattr(s, "adds_over_dimensions", True)
        for s in symbols
    )
    money = all(s.ir.money for s in symbols)
    made = ir.Quantity(
        node.name.text, typed.unit, money, tuple(shared), None, (), tuple(made_terms), None, span=node.span
    )
    return QuantitySymbol(node, made, node.name.span, values, adds)


def check_expression(scope: Scope, node: syntax.Quantity, flow: Flow) -> QuantitySymbol | None:
    """An expression on totals: no dimension is left."""
    assert node.expression is not None
    typed = measure(scope, flow, node.expression)
    if typed is None:
        return None
    if typed.unit is None:
        report_constant(scope, node)
        return None
    made = ir.Quantity(node.name.text, typed.unit, False, (), None, (), (), typed.expression, span=node.span)
    return QuantitySymbol(node, made, typed.unit_span, {}, True)


def report_constant(scope: Scope, node: syntax.Quantity) -> None:
    """A quantity that reads no meter is not usage."""
    assert node.expression is not None
    scope.report(
        "T0316",
        node.expression.span,
        f"`{node.name.text}` reads no meter, so it counts nothing",
        help="write the number where it is used",
    )


def linear_terms(scope: Scope, expression: syntax.Expression) -> list[NamedTerm] | None:
    """The terms of a sum such as `text + 4 * images`; `None` for anything else."""
    match expression:
        case syntax.Reference(name=name):
            known = name in scope.meters or name in scope.quantities
            return [(Fraction(1), syntax.Name(name, span=expression.span), None)] if known else None
        case syntax.Binary(operator="+" | "-" as operator, left=left, right=right):
            one, other = linear_terms(scope, left), linear_terms(scope, right)
            if one is None or other is None:
                return None
            sign = 1 if operator == "+" else -1
            return [*one, *((sign * factor, name, unit) for factor, name, unit in other)]
        case syntax.Binary(operator="*", left=syntax.Number() as number, right=right):
            return scaled_terms(scope, number, right)
        case syntax.Binary(operator="*", left=left, right=syntax.Number() as number):
            return scaled_terms(scope, number, left)
        case syntax.Binary(operator="/", left=left, right=syntax.Number(value=value, unit=None)) if value != 0:
            inner = linear_terms(scope, left)
            return None if inner is None else [(factor / value, name, unit) for factor, name, unit in inner]
        case _:
            return None


def scaled_terms(scope: Scope, number: syntax.Number, expression: syntax.Expression) -> list[NamedTerm] | None:
    """A number, perhaps with a unit, times a sum."""
    inner = linear_terms(scope, expression)
    if inner is None or number.percent:
        return None
    unit = None
    if number.unit is not None:
        symbol = scope.units.get(number.unit.text)
        unit = symbol.name if symbol else None
    return [(number.value * factor, name, unit or own) for factor, name, own in inner]


def union(sets: list[frozenset[str] | None]) -> frozenset[str] | None:
    """All values that any of them can take; `None` when one is open."""
    known = [s for s in sets if s is not None]
    return frozenset().union(*known) if len(known) == len(sets) else None


def source_symbol(scope: Scope, name: syntax.Name) -> Flow | None:
    """The flow that a charge on `name` starts with, or a finding with the nearest name."""
    symbol = scope.meters.get(name.text) or scope.quantities.get(name.text)
    if symbol is None:
        scope.unknown("N0102", "meter or quantity", name, [*scope.meters, *scope.quantities])
        return None
    scope.used.add(("meter" if name.text in scope.meters else "quantity", name.text))
    return flow_from(symbol)
