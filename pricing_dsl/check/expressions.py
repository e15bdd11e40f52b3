"""Expressions over quantities (`include 3 * storage`) and over amounts (`5% of (tokens + requests)`), with their units.

A quantity expression carries a unit through: a number with a unit times a quantity takes that unit, a bare number
takes the other side's (language reference, section 2). An amount expression is money or a plain ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

from pricing_dsl.check import numbers
from pricing_dsl.check.flow import Flow
from pricing_dsl.check.scope import Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax

# --- quantities ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measured:
    """An expression and its unit; `unit` is `None` for a bare number, `constant` tells whether it reads no quantity."""

    expression: ir.Expression
    unit: str | None
    unit_span: Span
    constant: bool


def check_quantity(scope: Scope, flow: Flow, expression: syntax.Expression, word: str) -> ir.Expression | None:
    """An amount of units for a quantity step, in the unit the quantity has there."""
    measured = measure(scope, flow, expression)
    if measured is None:
        return None
    if measured.unit is None:
        if isinstance(expression, syntax.Number):
            numbers.require_unambiguous(scope, flow, expression.value, expression.span, word)
        return measured.expression
    return in_unit(scope, flow, measured)


def in_unit(scope: Scope, flow: Flow, measured: Measured) -> ir.Expression | None:
    """The expression converted to the flow's unit, exactly; both origins when that cannot be."""
    if flow.unit is None or measured.unit is None:
        return measured.expression
    factor = scope.factor(measured.unit, flow.unit)
    if factor is None:
        hint = ""
        if not measured.constant:
            hint = f"; a number with a unit times a quantity takes that unit, as in `100 {flow.unit} * ...`"
        scope.report(
            "U0303",
            measured.expression.span,
            f"this counts `{measured.unit}`, but `{flow.source}` counts `{flow.unit}` here",
            label=f"in `{measured.unit}`",
            labels=[
                Label(measured.unit_span, f"`{measured.unit}` comes from here"),
                Label(flow.unit_span, f"`{flow.source}` is declared in `{flow.unit}`"),
            ],
            help=f"write it in `{flow.unit}`{hint}",
        )
        return None
    return scaled(measured.expression, factor)


def scaled(expression: ir.Expression, factor: Fraction) -> ir.Expression:
    """`factor` times an expression; folded where it is a constant."""
    if factor == 1:
        return expression
    if isinstance(expression, ir.Const) and isinstance(expression.value, Fraction):
        return ir.Const(expression.value * factor, span=expression.span)
    return ir.Apply("*", (ir.Const(factor, span=expression.span), expression), span=expression.span)


def measure(scope: Scope, flow: Flow, expression: syntax.Expression) -> Measured | None:
    """Type one quantity expression. `None` after a finding."""
    span = expression.span
    match expression:
        case syntax.Number(value=value, percent=False, unit=None):
            return Measured(ir.Const(value, span=span), None, span, constant=True)
        case syntax.Number(value=value, percent=False, unit=unit) if unit is not None:
            name = scope.unit_named(unit)
            return None if name is None else Measured(ir.Const(value, span=span), name, unit.span, constant=True)
        case syntax.Reference(name=name):
            return read_quantity(scope, flow, syntax.Name(name, span=span))
        case syntax.Negate(operand=operand):
            inner = measure(scope, flow, operand)
            if inner is None:
                return None
            return Measured(
                ir.Apply("neg", (inner.expression,), span=span), inner.unit, inner.unit_span, inner.constant
            )
        case syntax.Binary(operator="*" | "/" as operator, left=left, right=right):
            return product(scope, flow, operator, left, right, span)
        case syntax.Binary(operator="+" | "-" as operator, left=left, right=right):
            return combined(scope, flow, operator, (left, right), span)
        case syntax.Call(function=syntax.Name(text="min" | "max" as function), arguments=arguments) if arguments:
            return combined(scope, flow, function, arguments, span)
        case _:
            scope.report(
                "T0308",
                span,
                "this is not an amount of units",
                help="write a number, a quantity, or `+ - * /`, `min(...)`, `max(...)` over them",
            )
            return None


def read_quantity(scope: Scope, flow: Flow, name: syntax.Name) -> Measured | None:
    """Another meter or quantity, read for the same group (rule 13)."""
    symbol = scope.meters.get(name.text) or scope.quantities.get(name.text)
    if symbol is None:
        scope.unknown("N0102", "meter or quantity", name, [*scope.meters, *scope.quantities])
        return None
    scope.used.add(("meter" if name.text in scope.meters else "quantity", name.text))
    missing = [d for d in flow.each if d not in symbol.ir.dimensions]
    if missing:
        scope.report(
            "T0209",
            name.span,
            f"`{name.text}` is read for each {missing[0]}, but it has no dimension `{missing[0]}`",
            label=f"no `{missing[0]}` here",
            labels=[Label(symbol.unit_span, f"`{name.text}` is declared here")],
            help=f"give `{name.text}` the dimension `{missing[0]}`, or read it outside `each {missing[0]}`",
        )
        return None
    adds = getattr(symbol, "adds_over_dimensions", None)
    adds = symbol.ir.adds_over_dimensions if isinstance(symbol.ir, ir.Meter) else adds
    pooled = [d for d in symbol.ir.dimensions if d not in flow.each]
    if pooled and not adds:
        scope.report(
            "T0208",
            name.span,
            f"reading `{name.text}` adds it up over {', '.join(pooled)}, but its aggregation does not add",
            label="pooled here",
            labels=[Label(symbol.unit_span, f"`{name.text}` is declared here")],
            help=f"measure with a meter that has no {', '.join(pooled)}",
        )
        return None
    return Measured(ir.Ref("quantity", name.text, span=name.span), symbol.ir.unit, symbol.unit_span, constant=False)


def product(
    scope: Scope, flow: Flow, operator: Literal["*", "/"], left: syntax.Expression, right: syntax.Expression, span: Span
) -> Measured | None:
    """A constant times a quantity: the constant's unit wins, a bare constant takes the quantity's."""
    one, other = measure(scope, flow, left), measure(scope, flow, right)
    if one is None or other is None:
        return None
    if operator == "/":
        if not other.constant or other.unit is not None:
            scope.report("T0309", right.span, "a quantity is divided by a plain number only", help="write a number")
            return None
        if isinstance(other.expression, ir.Const) and other.expression.value == 0:
            scope.report("T0310", right.span, "this divides by zero", help="divide by another number")
            return None
        return Measured(
            ir.Apply("/", (one.expression, other.expression), span=span), one.unit, one.unit_span, one.constant
        )
    if not one.constant and not other.constant:
        scope.report(
            "T0311", span, "a quantity times a quantity has no unit", help="multiply a quantity by a number only"
        )
        return None
    constant, factor = (one, other) if one.constant else (other, one)
    unit, unit_span = (
        (constant.unit, constant.unit_span) if constant.unit is not None else (factor.unit, factor.unit_span)
    )
    return Measured(
        ir.Apply("*", (one.expression, other.expression), span=span), unit, unit_span, one.constant and other.constant
    )


def combined(
    scope: Scope, flow: Flow, operator: str, parts: tuple[syntax.Expression, ...], span: Span
) -> Measured | None:
    """`+ - min max`: all in one unit, the first that names one; bare numbers take it."""
    measured = [measure(scope, flow, part) for part in parts]
    if any(m is None for m in measured):
        return None
    whole = cast(list[Measured], measured)
    lead = next((m for m in whole if m.unit is not None), whole[0])
    arguments = []
    for m in whole:
        factor = Fraction(1) if m.unit is None or lead.unit is None else scope.factor(m.unit, lead.unit)
        if factor is None:
            scope.report(
                "U0306",
                m.expression.span,
                f"this counts `{m.unit}`, but it meets `{lead.unit}`",
                label=f"in `{m.unit}`",
                labels=[
                    Label(m.unit_span, f"`{m.unit}` comes from here"),
                    Label(lead.unit_span, f"`{lead.unit}` comes from here"),
                ],
                help=f"say what one is worth, as in `4 {lead.unit} * ...`",
            )
            return None
        arguments.append(scaled(m.expression, factor))
    return Measured(
        ir.Apply(operator, tuple(arguments), span=span), lead.unit, lead.unit_span, all(m.constant for m in whole)
    )


# --- amounts ---------------------------------------------------------------------------------------------------------

Kind = Literal["money", "number", "condition"]
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


def check_amount(scope: Scope, expression: syntax.Expression, lines: dict[str, Span]) -> ir.Expression | None:
    """The expression of a derived charge over the plan's lines. `None` after a finding."""
    typed = amount(scope, expression, lines)
    if typed is None:
        return None
    kind, made = typed
    if kind == "condition":
        scope.report(
            "T0312", expression.span, "this is a condition, not an amount", help="write `if ... then ... else`"
        )
        return None
    return made


def amount(scope: Scope, expression: syntax.Expression, lines: dict[str, Span]) -> tuple[Kind, ir.Expression] | None:
    """Type one amount expression: money, a plain number, or a condition."""
    span = expression.span
    match expression:
        case syntax.Number(unit=unit) if unit is not None:
            scope.report("U0304", span, "this must be money or a plain number, not a quantity", help="drop the unit")
            return None
        case syntax.Number(value=value):
            return "number", ir.Const(value, span=span)
        case syntax.Reference(name=name):
            if name not in lines:
                if name in scope.meters or name in scope.quantities:
                    scope.report(
                        "N0302",
                        span,
                        f"`{name}` is a meter or quantity, not a line of this plan",
                        help=f"write `quantity({name})` for its quantity",
                    )
                    return None
                scope.unknown("N0301", "line", syntax.Name(name, span=span), lines)
                return None
            return "money", ir.Ref("line", name, span=span)
        case syntax.PercentOf(percent=percent, operand=operand):
            inner = amount(scope, operand, lines)
            if inner is None:
                return None
            return inner[0], ir.Apply("*", (ir.Const(percent.value, span=percent.span), inner[1]), span=span)
        case syntax.Call(function=function, arguments=arguments):
            return called(scope, function, arguments, span, lines)
        case syntax.Negate(operand=operand) | syntax.Not(operand=operand):
            inner = amount(scope, operand, lines)
            operator = "neg" if isinstance(expression, syntax.Negate) else "not"
            if inner is None or not require_kind(scope, operand, inner[0], condition=operator == "not"):
                return None
            return inner[0], ir.Apply(operator, (inner[1],), span=span)
        case syntax.Binary():
            return binary(scope, expression, lines)
        case syntax.If(condition=condition, then=then, otherwise=otherwise):
            return choice(scope, condition, then, otherwise, span, lines)
        case _:
            scope.report(
                "T0313",
                span,
                "this is not an amount",
                help="write lines, `quantity(METER)`, numbers, `+ - * /`, `min`, `max`, `if` and `P% of X`",
            )
            return None


def require_kind(scope: Scope, expression: syntax.Expression, kind: Kind, *, condition: bool) -> bool:
    """Whether an operand is a condition where one must stand, and an amount elsewhere."""
    if (kind == "condition") == condition:
        return True
    said = "a condition" if condition else "an amount"
    scope.report("T0312", expression.span, f"{said} must stand here", help="compare amounts with `<`, `==` and so on")
    return False


def called(
    scope: Scope, function: syntax.Name, arguments: tuple[syntax.Expression, ...], span: Span, lines: dict[str, Span]
) -> tuple[Kind, ir.Expression] | None:
    """`quantity(METER)`, `min(...)`, `max(...)`."""
    if function.text == "quantity":
        if len(arguments) != 1 or not isinstance(arguments[0], syntax.Reference):
            scope.report("T0314", span, "`quantity` takes one meter or quantity", help="write `quantity(requests)`")
            return None
        name = syntax.Name(arguments[0].name, span=arguments[0].span)
        dummy = Flow("", "quantity", None, span, {}, True, True, False)
        read = read_quantity(scope, dummy, name)
        return None if read is None else ("number", read.expression)
    if function.text not in ("min", "max"):
        scope.unknown("N0303", "function", function, ["quantity", "min", "max"])
        return None
    if not arguments:
        scope.report(
            "T0314", span, f"`{function.text}` takes at least one amount", help=f"write `{function.text}(a, b)`"
        )
        return None
    typed = [amount(scope, argument, lines) for argument in arguments]
    if any(t is None for t in typed):
        return None
    whole = cast(list[tuple[Kind, ir.Expression]], typed)
    for argument, (kind, _) in zip(arguments, whole, strict=True):
        if not require_kind(scope, argument, kind, condition=False):
            return None
    result: Kind = "money" if any(kind == "money" for kind, _ in whole) else "number"
    return result, ir.Apply(function.text, tuple(made for _, made in whole), span=span)


def binary(scope: Scope, expression: syntax.Binary, lines: dict[str, Span]) -> tuple[Kind, ir.Expression] | None:
    """Arithmetic keeps money apart from plain numbers; comparisons and `and`, `or` give conditions."""
    operator, span = expression.operator, expression.span
    one, other = amount(scope, expression.left, lines), amount(scope, expression.right, lines)
    if one is None or other is None:
        return None
    logical = operator in ("and", "or")
    if not require_kind(scope, expression.left, one[0], condition=logical):
        return None
    if not require_kind(scope, expression.right, other[0], condition=logical):
        return None
    made = ir.Apply(operator, (one[1], other[1]), span=span)
    if logical or operator in COMPARISONS:
        return "condition", made
    kinds = (one[0], other[0])
    if operator == "*" and kinds == ("money", "money"):
        scope.report("T0315", span, "money times money is not money", help="multiply an amount by a plain number")
        return None
    if operator == "/":
        if isinstance(other[1], ir.Const) and other[1].value == 0:
            scope.report("T0310", expression.right.span, "this divides by zero", help="divide by another number")
            return None
        if kinds == ("number", "money"):
            scope.report("T0315", span, "a number divided by money is not money", help="divide money by a number")
            return None
        return ("number" if kinds == ("money", "money") else one[0]), made
    return ("money" if "money" in kinds else "number"), made


def choice(
    scope: Scope,
    condition: syntax.Expression,
    then: syntax.Expression,
    otherwise: syntax.Expression,
    span: Span,
    lines: dict[str, Span],
) -> tuple[Kind, ir.Expression] | None:
    """`if C then A else B`."""
    typed = [amount(scope, part, lines) for part in (condition, then, otherwise)]
    if any(t is None for t in typed):
        return None
    asked, one, other = cast(list[tuple[Kind, ir.Expression]], typed)
    good = require_kind(scope, condition, asked[0], condition=True)
    good = require_kind(scope, then, one[0], condition=False) and good
    good = require_kind(scope, otherwise, other[0], condition=False) and good
    if not good:
        return None
    kind: Kind = "money" if "money" in (one[0], other[0]) else "number"
    return kind, ir.Apply("if", (asked[1], one[1], other[1]), span=span)
