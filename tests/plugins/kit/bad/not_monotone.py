"""A function that is declared to rise, and falls from 10 on; another that falls where it should rise."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from pricing_dsl.plugin import Function, hookimpl

PRICING_API = 1
__version__ = "0.1"


def bad(x: Fraction) -> Fraction:
    return x if x < 10 else Fraction(0)


@hookimpl
def register_functions() -> Sequence[Function]:
    return [Function("bad", "bad(x)", ("number",), "number", ("increasing",), bad, "A price off from ten on.")]
