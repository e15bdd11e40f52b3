"""Run `example` blocks: what `pricing test` prints and every publish checks (language reference, section 9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.evaluator import Evaluator, Period
from pricing_dsl.evaluate.statement import Statement, Usage
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax
from pricing_dsl.values.numbers import decimal_text, fraction_from_decimal
from pricing_dsl.values.periods import month_start

NOT_IN_FORCE = "not in force in this period"


@dataclass(frozen=True, slots=True)
class Check:
    """One `expect`: amounts as decimal text; `actual` may say that the line is not in force."""

    target: str
    expected: str
    actual: str
    passed: bool
    span: Span


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """One example block. `error` says why it could not be evaluated at all."""

    label: str
    target: str
    passed: bool
    checks: tuple[Check, ...]
    error: str | None
    span: Span


def run_example(
    evaluator: Callable[[str], Evaluator],
    factor: Callable[[str, str], Fraction],
    example: syntax.Example,
) -> ExampleResult:
    """Price the usage of one example and compare.

    `factor(meter, unit)` is how many of the meter's own unit one `unit` is.
    """
    label, target = example.label.value, example.target.text
    try:
        statement = evaluator(target)(example_usage(example, factor), example_period(example))
    except EvaluationError as error:
        return ExampleResult(label, target, False, (), str(error), example.span)
    checks = tuple(check_expectation(statement, expect) for expect in example.expects)
    return ExampleResult(label, target, all(check.passed for check in checks), checks, None, example.span)


def example_usage(example: syntax.Example, factor: Callable[[str, str], Fraction]) -> Usage:
    """The usage of an example as the evaluator takes it, in the meters' own units."""
    usage: dict[str, list[dict[str, str]]] = {}
    for entry in example.usage:
        quantity = entry.quantity.value
        if entry.quantity.unit is not None:
            quantity *= factor(entry.meter.text, entry.quantity.unit.text)
        cell = {"quantity": decimal_text(quantity)}
        cell.update((part.dimension.text, part.value.value) for part in entry.cells)
        usage.setdefault(entry.meter.text, []).append(cell)
    return usage


def example_period(example: syntax.Example) -> Period | None:
    """`period 2026-03` is that calendar month."""
    if example.period is None:
        return None
    start, end = example.period.start.value, example.period.end
    if end is not None:
        return start, end.value
    return start, month_start(date(start.year, start.month, 1), 1, 1)


def check_expectation(statement: Statement, expect: syntax.Expect) -> Check:
    """Compare one expected amount: `exact` with the unrounded one, otherwise with the rounded one.

    Under a contract a line may be in force at other times only; then nothing is there to compare.
    """
    name, expected = expect.target.text, expect.amount.value
    lines = {line.id: line for line in statement.lines}
    if name in ("total", "due"):
        value = fraction_from_decimal(statement.total if name == "total" else statement.due)
        if expect.exact:
            value += unrounded(statement)
    elif name in lines:
        value = lines[name].exact if expect.exact else fraction_from_decimal(lines[name].amount)
    else:
        return Check(name, decimal_text(expected), NOT_IN_FORCE, False, expect.span)
    return Check(name, decimal_text(expected), decimal_text(value), value == expected, expect.span)


def unrounded(statement: Statement) -> Fraction:
    """What rounding its lines took from a statement: their exact amounts less their rounded ones."""
    return sum((line.exact - fraction_from_decimal(line.amount) for line in statement.lines), Fraction(0))
