"""What a vector becomes: a program, the usage it is asked for, and what its source says the amounts are.

A `Case` is evaluated once for each element of `usages`: most have one, progressive billing has the cumulative usage
at each invoice. A `Check` reads one amount off the statements and holds what it must be. Imports nothing of the
evaluators but the statement's type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypedDict

from pricing_dsl.evaluate.statement import Statement

Usage = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""Quantities by meter, or the segments of a period that a contract cuts."""

Measure = Callable[[Sequence[Statement]], Fraction]


class Vector(TypedDict):
    """One case of `peers.json` as stored."""

    id: str
    source: str
    model: str
    params: dict[str, Any]
    usage: dict[str, Any]
    expect: dict[str, Any]
    notes: str


@dataclass(frozen=True, slots=True)
class Check:
    """`measure` of the statements must be exactly `amount`."""

    what: str
    measure: Measure
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Case:
    """A vector said in the language: `target` of `program`. With `is_error` its evaluation must be refused."""

    program: str
    usages: tuple[Usage, ...]
    checks: tuple[Check, ...]
    period: tuple[str, str] | None = None
    is_error: bool = False
    target: str = "p"
    balances: Mapping[str, Any] = field(default_factory=dict)


def exact(*lines: str) -> Measure:
    """The sum of the lines before rounding, on the last statement."""
    return lambda statements: sum((statements[-1].line(line).exact for line in lines), Fraction(0))


def rounded(*lines: str) -> Measure:
    """The sum of the lines as billed, on the last statement."""
    return lambda statements: sum((Fraction(statements[-1].line(line).amount) for line in lines), Fraction(0))


def net(line: str) -> Measure:
    """A line with its shares of the adjustments."""
    return lambda statements: Fraction(statements[-1].line(line).net)


def total(statements: Sequence[Statement]) -> Fraction:
    return Fraction(statements[-1].total)


def adjusted(statements: Sequence[Statement]) -> Fraction:
    """What the adjustments changed: a top-up is positive, a discount or a cap negative."""
    return sum((Fraction(row.amount) for row in statements[-1].adjustments), Fraction(0))


def due(statements: Sequence[Statement]) -> Fraction:
    """What is left to pay after balances."""
    return Fraction(statements[-1].due)


def drawn(*balances: str) -> Measure:
    """What the balances paid, in their own units; all of them where none is named."""
    return lambda statements: sum(
        (Fraction(draw.amount) for draw in statements[-1].draws if not balances or draw.balance in balances),
        Fraction(0),
    )


def closing(balance: str) -> Measure:
    """What is left of a balance, in its own unit."""
    return lambda statements: Fraction(statements[-1].balances[balance].closing)


def less(measure: Measure, amount: str) -> Measure:
    """What is left of it after an amount that the source names."""
    return lambda statements: measure(statements) - Fraction(amount)


def increment(measure: Measure, index: int = -1) -> Measure:
    """How much it grew from the statement before statement `index`, which is what an invoice in between bills."""

    def grown(statements: Sequence[Statement]) -> Fraction:
        upto = statements[: len(statements) + index + 1 if index < 0 else index + 1]
        return measure(upto) - (measure(upto[:-1]) if len(upto) > 1 else Fraction(0))

    return grown


def one(program: str, usage: Usage, *checks: Check, period: tuple[str, str] | None = None) -> Case:
    """The common case: one evaluation."""
    return Case(program, (usage,), checks, period)


def states(measure: Measure, amount: str, what: str = "amount") -> Check:
    """What the source states, as decimal text."""
    return Check(what, measure, Fraction(amount))
