"""Integer code for expressions on numbers: `include 3 * storage`, `5% of (tokens + requests)`.

A value is an integer over a scale; `/` by anything but a number gives a running atom, whose variable is made positive.
What must not be computed unless a condition holds (`if`) stands in a branch of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from pricing_dsl.evaluate.scalar.writing import Atom, Names, Num, Writer, common, product
from pricing_dsl.ir import nodes as ir

OPERATORS = frozenset(
    {"+", "-", "*", "/", "neg", "min", "max", "if", "and", "or", "not", "==", "!=", "<", "<=", ">", ">="}
)
"""What is written as code; other operations belong to events."""


def folded(expression: ir.Expression) -> Fraction | None:
    """The number that an expression on numbers alone is, `None` for one that reads something."""
    match expression:
        case ir.Const(value=Fraction() as value):
            return value
        case ir.Apply(operator="+" | "-" | "*" | "/" | "neg" | "min" | "max" as operator, arguments=arguments):
            values = [folded(argument) for argument in arguments]
            known = [value for value in values if value is not None]
            return fold(operator, known) if len(known) == len(values) else None
        case _:
            return None


def fold(operator: str, values: list[Fraction]) -> Fraction | None:
    """Arithmetic at binding time; `None` for a division by zero, which is said when it is evaluated."""
    first, last = values[0], values[-1]
    match operator:
        case "+":
            return first + last
        case "-":
            return first - last
        case "*":
            return first * last
        case "/":
            return first / last if last else None
        case "neg":
            return -first
        case "min":
            return min(values)
        case _:
            return max(values)


@dataclass(frozen=True, slots=True)
class ExpressionCode:
    """Writes expressions where `writer` stands; `read` gives the value of a reference."""

    names: Names
    writer: Writer
    read: Callable[[ir.Ref], Num]

    def value(self, expression: ir.Expression) -> Num:
        """An expression that is a number."""
        constant = folded(expression)
        if constant is not None:
            return self.names.constant(constant)
        match expression:
            case ir.Ref():
                return self.read(expression)
            case ir.Apply(operator="if", arguments=(condition, then, otherwise)):
                return self.choice(condition, then, otherwise)
            case ir.Apply(operator="/", arguments=(one, other)):
                return self.quotient(one, other)
            case ir.Apply(operator=operator, arguments=arguments):
                return self.arithmetic(operator, [self.value(argument) for argument in arguments])
            case _:
                raise AssertionError(f"{expression} is not a number")

    def arithmetic(self, operator: str, values: list[Num]) -> Num:
        if operator == "*":
            return Num(product(*(value.text for value in values)), common_product(*values))
        if operator == "neg":
            return Num(f"(-{values[0].text})", values[0].scale)
        scale = common(*(value.scale for value in values))
        texts = [self.names.raised(value, scale) for value in values]
        if operator in ("min", "max"):
            return Num(texts[0] if len(texts) == 1 else f"{operator}({', '.join(texts)})", scale)
        return Num(f"({f' {operator} '.join(texts)})", scale)

    def quotient(self, one: ir.Expression, other: ir.Expression) -> Num:
        divisor = folded(other)
        if divisor:
            value, inverse = self.value(one), self.names.constant(1 / divisor)
            return Num(product(value.text, inverse.text), common_product(value, inverse))
        upper, lower = self.value(one), self.value(other)
        over, under = self.names.new("n"), self.names.new("h")
        # (u / U) / (l / L) = u * L / (l * U)
        scale = common(upper.scale, lower.scale)
        self.writer.line(f"{over}, {under} = {self.names.raised(upper, scale)}, {self.names.raised(lower, scale)}")
        with self.writer.block(f"if {under} <= 0:"):
            with self.writer.block(f"if not {under}:"):
                self.writer.line("raise Fallback")
            self.writer.line(f"{over}, {under} = -{over}, -{under}")
        return Num(over, (Atom(under, None),))

    def choice(self, condition: ir.Expression, then: ir.Expression, otherwise: ir.Expression) -> Num:
        """Both branches on one scale; a divisor that its branch did not compute is 1."""
        target = self.names.new("n")
        test = self.truth(condition)
        self.writer.line(f"if {test}:")
        self.writer.depth += 1
        one = self.value(then)
        one_place = self.writer.later()
        self.writer.depth -= 1
        self.writer.line("else:")
        self.writer.depth += 1
        other = self.value(otherwise)
        other_place = self.writer.later()
        self.writer.depth -= 1
        scale = common(one.scale, other.scale)
        for value, place, absent in ((one, one_place, other), (other, other_place, one)):
            own = {atom.name for atom in value.scale}
            place.lines += [f"{atom.name} = 1" for atom in absent.scale if atom.value is None and atom.name not in own]
            place.lines.append(f"{target} = {self.names.raised(value, scale)}")
        return Num(target, scale)

    def truth(self, expression: ir.Expression) -> str:
        """A condition as the text of a truth value."""
        match expression:
            case ir.Const(value=bool() as value):
                return str(value)
            case ir.Apply(operator="and" | "or" as operator, arguments=arguments):
                return f"({f' {operator} '.join(self.truth(argument) for argument in arguments)})"
            case ir.Apply(operator="not", arguments=(argument,)):
                return f"(not {self.truth(argument)})"
            case ir.Apply(operator=operator, arguments=(one, other)):
                left, right = self.value(one), self.value(other)
                scale = common(left.scale, right.scale)
                return f"({self.names.raised(left, scale)} {operator} {self.names.raised(right, scale)})"
            case _:
                raise AssertionError(f"{expression} is no condition")


def common_product(*values: Num) -> tuple[Atom, ...]:
    """The scale of a product."""
    return tuple(sorted((atom for value in values for atom in value.scale), key=lambda atom: atom.name))
