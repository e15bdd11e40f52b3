"""Functions that give now this and now that, that raise, and that refuse without a word."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from pricing_dsl.plugin import Function, hookimpl

PRICING_API = 1
__version__ = "0.1"

_calls: list[Fraction] = []


def counter(x: Fraction) -> Fraction:
    _calls.append(x)
    return x + len(_calls)


def inverse(x: Fraction) -> Fraction:
    return 1 / x * 0


def silent(x: Fraction) -> Fraction:
    if x < 0:
        raise ValueError
    return x


def hashed(text: str) -> int:
    return hash(text)


@hookimpl
def register_functions() -> Sequence[Function]:
    return [
        Function("counter", "counter(x)", ("number",), "number", (None,), counter, "Counts its calls."),
        Function("inverse", "inverse(x)", ("number",), "number", (None,), inverse, "Divides by what it is given."),
        Function("silent", "silent(x)", ("number",), "number", (None,), silent, "Refuses what is negative."),
        Function("hashed", "hashed(text)", ("text",), "number", (None,), hashed, "A number of a text."),
    ]
