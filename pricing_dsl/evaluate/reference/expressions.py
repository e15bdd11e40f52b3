"""Expressions on numbers: what `include`, `at least`, derived charges and named quantities compute.

A reference to a quantity is its total (of the group it is read for), one to a line its rounded amount (section 6).
Everything is exact; `/` is exact division, and a division by zero is an `EvaluationError` (R0202).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import ceil, floor

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.numbers import grouped_text

Scalar = Fraction | bool | str
Inputs = Callable[[ir.Ref], Fraction]
"""The value of a reference to a quantity or a line."""


def number(expression: ir.Expression, inputs: Inputs) -> Fraction:
    """The value of an expression that is a number."""
    value = evaluate(expression, inputs)
    assert isinstance(value, Fraction), f"{expression} is not a number"
    return value


def truth(expression: ir.Expression, inputs: Inputs) -> bool:
    """The value of a condition."""
    value = evaluate(expression, inputs)
    assert isinstance(value, bool), f"{expression} is no condition"
    return value


def evaluate(expression: ir.Expression, inputs: Inputs) -> Scalar:
    """The value of an expression; `and`, `or` and `if` read only what they need."""
    match expression:
        case ir.Const(value=value):
            return value
        case ir.Ref():
            return inputs(expression)
        case ir.Apply(operator="if", arguments=(condition, then, otherwise)):
            return evaluate(then if truth(condition, inputs) else otherwise, inputs)
        case ir.Apply(operator="and", arguments=arguments):
            return all(truth(argument, inputs) for argument in arguments)
        case ir.Apply(operator="or", arguments=arguments):
            return any(truth(argument, inputs) for argument in arguments)
        case ir.Apply(operator="not", arguments=(argument,)):
            return not truth(argument, inputs)
        case ir.Apply(operator=operator, arguments=arguments):
            return operate(operator, [number(argument, inputs) for argument in arguments])
        case _:
            raise AssertionError(f"{expression} is no expression")


def operate(operator: str, values: list[Fraction]) -> Scalar:
    """Arithmetic and comparison."""
    first, last = values[0], values[-1]
    match operator:
        case "+":
            return first + last
        case "-":
            return first - last
        case "*":
            return first * last
        case "/":
            if last == 0:
                raise EvaluationError(
                    "R0202",
                    f"{grouped_text(first)} is divided by zero",
                    "ask first, such as `if quantity(seats) > 0 then ... else 0`",
                )
            return first / last
        case "neg":
            return -first
        case "abs":
            return abs(first)
        case "floor":
            return Fraction(floor(first))
        case "ceil":
            return Fraction(ceil(first))
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "==":
            return first == last
        case "!=":
            return first != last
        case "<":
            return first < last
        case "<=":
            return first <= last
        case ">":
            return first > last
        case ">=":
            return first >= last
        case "in":
            return first in values[1:]
        case _:
            raise AssertionError(f"{operator} does not work on numbers")


def references(expression: ir.Expression) -> Iterator[ir.Ref]:
    """Every quantity and line that an expression names, in the order written."""
    match expression:
        case ir.Ref():
            yield expression
        case ir.Apply(arguments=arguments):
            for argument in arguments:
                yield from references(argument)
        case _:
            return


INFIX = frozenset({"+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">=", "and", "or"})


def text(expression: ir.Expression) -> str:
    """An expression as a program writes it, for an explanation's formula."""
    match expression:
        case ir.Const(value=Fraction() as value):
            return grouped_text(value)
        case ir.Const(value=value):
            return str(value)
        case ir.Ref(kind="quantity", name=name):
            return f"quantity({name})"
        case ir.Ref(name=name):
            return name
        case ir.Apply(operator=operator, arguments=(left, right)) if operator in INFIX:
            return f"{operand(left)} {operator} {operand(right)}"
        case ir.Apply(operator="neg", arguments=(argument,)):
            return f"-{operand(argument)}"
        case ir.Apply(operator="not", arguments=(argument,)):
            return f"not {operand(argument)}"
        case ir.Apply(operator="if", arguments=(condition, then, otherwise)):
            return f"if {text(condition)} then {text(then)} else {text(otherwise)}"
        case ir.Apply(operator=operator, arguments=arguments):
            return f"{operator}({', '.join(map(text, arguments))})"
        case _:
            raise AssertionError(f"{expression} is no expression")


def operand(expression: ir.Expression) -> str:
    """The text of an operand, in parentheses where it is made of several."""
    compound = isinstance(expression, ir.Apply) and (expression.operator in INFIX or expression.operator == "if")
    return f"({text(expression)})" if compound else text(expression)
