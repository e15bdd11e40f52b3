"""`sum`, `count` and `mean`: what adds up. States stay exact whatever is added, and are of constant size.

A sum is kept as whole numerators by denominator, for adding whole numbers is many times faster than adding fractions;
decimals of one scale share a denominator. It is brought to lowest terms where bytes or a result are made, so states
that are equal in value give equal bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from pricing_dsl.plugin.aggregations.encoding import Reader, Writer
from pricing_dsl.plugin.contract import Aggregation, Interval, Value

Parts = dict[int, int]
"""Denominator -> sum of the numerators over it."""
PARTS_MAX = 16
"""Denominators kept apart; beyond it they are added up, so that a state stays small."""


def put(parts: Parts, numerator: int, denominator: int) -> None:
    """Add one fraction, in place."""
    if denominator in parts:
        parts[denominator] += numerator
        return
    parts[denominator] = numerator
    if len(parts) > PARTS_MAX:
        whole = total(parts)
        parts.clear()
        parts[whole.denominator] = whole.numerator


def total(parts: Parts) -> Fraction:
    """The sum in lowest terms."""
    return sum((Fraction(numerator, denominator) for denominator, numerator in parts.items()), Fraction(0))


class Sum:
    """The values added up; events without a value in the period come to 0."""

    def zero(self) -> Parts:
        return {}

    def add(self, state: Parts, value: Value, time: int, event: str) -> Parts:  # noqa: ARG002 (the contract's form)
        assert not isinstance(value, str)
        put(state, value.numerator, value.denominator)
        return state

    def merge(self, state: Parts, other: Parts) -> Parts:
        for denominator, numerator in other.items():
            put(state, numerator, denominator)
        return state

    def result(self, state: Parts, period: Interval) -> Fraction:  # noqa: ARG002
        return total(state)

    def encode(self, state: Parts) -> bytes:
        writer = Writer("S")
        writer.number(total(state))
        return writer.done()

    def decode(self, data: bytes) -> Parts:
        reader = Reader(data, "S")
        value = reader.number()
        reader.end()
        return {value.denominator: value.numerator}


class Count:
    """How many events there were."""

    def zero(self) -> int:
        return 0

    def add(self, state: int, value: Value, time: int, event: str) -> int:  # noqa: ARG002
        return state + 1

    def merge(self, state: int, other: int) -> int:
        return state + other

    def result(self, state: int, period: Interval) -> int:  # noqa: ARG002
        return state

    def encode(self, state: int) -> bytes:
        writer = Writer("C")
        writer.natural(state)
        return writer.done()

    def decode(self, data: bytes) -> int:
        reader = Reader(data, "C")
        count = reader.natural()
        reader.end()
        return count


class Averaged:
    """A sum, and of how many values."""

    __slots__ = ("count", "parts")

    def __init__(self, parts: Parts, count: int) -> None:
        self.parts = parts
        self.count = count


class Mean:
    """The sum of the values divided by their number, exactly."""

    def zero(self) -> Averaged:
        return Averaged({}, 0)

    def add(self, state: Averaged, value: Value, time: int, event: str) -> Averaged:  # noqa: ARG002
        assert not isinstance(value, str)
        put(state.parts, value.numerator, value.denominator)
        state.count += 1
        return state

    def merge(self, state: Averaged, other: Averaged) -> Averaged:
        for denominator, numerator in other.parts.items():
            put(state.parts, numerator, denominator)
        state.count += other.count
        return state

    def result(self, state: Averaged, period: Interval) -> Fraction:  # noqa: ARG002
        return total(state.parts) / state.count if state.count else Fraction(0)

    def encode(self, state: Averaged) -> bytes:
        writer = Writer("A")
        writer.number(total(state.parts))
        writer.natural(state.count)
        return writer.done()

    def decode(self, data: bytes) -> Averaged:
        reader = Reader(data, "A")
        value, count = reader.number(), reader.natural()
        reader.end()
        return Averaged({value.denominator: value.numerator}, count)


def make_sum(constants: Sequence[Value]) -> Sum:
    assert not constants
    return Sum()


def make_count(constants: Sequence[Value]) -> Count:
    assert not constants
    return Count()


def make_mean(constants: Sequence[Value]) -> Mean:
    assert not constants
    return Mean()


SUM = Aggregation(
    name="sum",
    form="sum(x)",
    value="number",
    constant=None,
    adds_over_dimensions=True,
    adds_over_time=True,
    whole=False,
    carried="refused",
    unit="value",
    make=make_sum,
    about="The values added up.",
)
COUNT = Aggregation(
    name="count",
    form="count()",
    value=None,
    constant=None,
    adds_over_dimensions=True,
    adds_over_time=True,
    whole=True,
    carried="refused",
    unit="count",
    make=make_count,
    about="How many events there were.",
)
MEAN = Aggregation(
    name="mean",
    form="mean(x)",
    value="number",
    constant=None,
    adds_over_dimensions=False,
    adds_over_time=False,
    whole=False,
    carried="allowed",
    unit="value",
    make=make_mean,
    about="The sum of the values divided by their number; 0 without any.",
)
