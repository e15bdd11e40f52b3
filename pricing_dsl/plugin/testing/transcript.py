"""What one thing of a plugin does with a fixed list of arguments, as lines of text.

Two interpreters must write the same lines: `fresh` compares them. Nothing here draws at random but from a fixed seed,
and nothing of an interpreter (addresses, hashes, times) gets into a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

from pricing_dsl.plugin.contract import HOUR, SECOND, Aggregation, Function, Interval, NumberConstant, PriceShape, Value
from pricing_dsl.plugin.contract import WordConstant as Word
from pricing_dsl.plugin.shapes import ShapeBuilder
from pricing_dsl.plugin.testing.arguments import arguments_from_form

EVENTS = 60
CALLS = 60
_START = 1_772_323_200 * SECOND


def transcript(item: Any) -> list[str]:
    """The lines of an aggregation, a function or a price shape. What raises writes what it raised."""
    match item:
        case Aggregation():
            return [line for constants in forms(item) for line in _of_aggregation(item, constants)]
        case Function():
            return _of_function(item)
        case PriceShape():
            return _of_shape(item)
        case _:
            return []


def forms(aggregation: Aggregation) -> list[list[Value]]:
    """Lists of constants that a program may write."""
    match aggregation.constant:
        case None:
            return [[]]
        case Word(word=word):
            return [[], [word]]
        case NumberConstant(above=above, at_most=at_most, word=word):
            width = at_most - above
            made: list[list[Value]] = [
                [Fraction(above) + share * width] for share in (1, Fraction(1, 2), Fraction(1, 16))
            ]
            return made if word is None else [*made, [*made[0], word]]


def _of_aggregation(aggregation: Aggregation, constants: Sequence[Value]) -> list[str]:
    random = Random(3)
    period = Interval(_START, _START + 3 * HOUR)
    lines = []
    try:
        monoid = aggregation.make(constants)
        states = [monoid.zero(), monoid.zero()]
        for number in range(EVENTS):
            value: Value = Fraction(random.randrange(-500, 500), random.choice((1, 3, 100)))
            value = f"user {random.randrange(40)}" if aggregation.value == "any" else value
            time = _START + random.randrange(36) * HOUR // 12
            states[number % 2] = monoid.add(states[number % 2], value, time, f"e{number}")
        merged = monoid.merge(states[0], states[1])
        lines += [monoid.encode(merged).hex(), str(monoid.result(merged, period))]
    except Exception as error:
        lines.append(f"{type(error).__name__}: {error}")
    return lines


def _of_function(function: Function) -> list[str]:
    random = Random(4)
    lines = []
    for _ in range(CALLS):
        arguments: list[Any] = []
        for kind in function.parameters:
            number = Fraction(random.randrange(-1000, 1000), random.choice((1, 10, 100)))
            text = random.choice(["", "gpt-5", "A longer text, with words: and 42 numbers.", "über"])
            arguments.append(number if kind == "number" else text if kind == "text" else random.random() < 0.5)
        try:
            lines.append(f"{arguments} -> {function.call(*arguments)!r}")
        except Exception as error:
            lines.append(f"{arguments} -> {type(error).__name__}: {error}")
    return lines


def _of_shape(shape: PriceShape) -> list[str]:
    arguments = arguments_from_form(shape)
    if arguments is None:
        return []
    try:
        return [repr(shape.build(ShapeBuilder(), *arguments))]
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
