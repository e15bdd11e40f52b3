"""Functions whose results are no exact decimals: a float, a third, a fraction said to be whole."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import sqrt

from pricing_dsl.plugin import Function, hookimpl

PRICING_API = 1
__version__ = "0.1"


def root(x: Fraction) -> float:
    return sqrt(abs(x))


def third(x: Fraction) -> Fraction:
    return x / 3


def half(x: Fraction) -> Fraction:
    return x / 2


def length(text: str) -> int:
    return len(text)


@hookimpl
def register_functions() -> Sequence[Function]:
    return [
        Function("root", "root(x)", ("number",), "number", (None,), root, "A square root."),  # type: ignore[arg-type]
        Function("third", "third(x)", ("number",), "number", ("increasing",), third, "A third."),
        Function("half", "half(x)", ("number",), "number", ("increasing",), half, "A half.", whole=True),
        Function("length", "length(text)", ("text",), "number", ("increasing",), length, "A length."),
    ]
