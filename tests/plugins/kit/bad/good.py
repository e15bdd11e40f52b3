"""No mistake at all: what the others are held against."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from pricing_dsl.plugin import Aggregation, Function, PriceShape, hookimpl
from tests.plugins.kit.bad.common import Good, aggregation

PRICING_API = 1
__version__ = "0.1"


@hookimpl
def register_aggregations() -> Sequence[Aggregation]:
    return [aggregation("plain_sum", lambda _: Good(), adds_over_time=True)]


@hookimpl
def register_functions() -> Sequence[Function]:
    return [
        Function(
            "double", "double(x)", ("number",), "number", ("increasing",), lambda value: value * Fraction(2), "Twice."
        )
    ]


@hookimpl
def register_price_shapes() -> Sequence[PriceShape]:
    return [PriceShape("each", "each(0.5)", ("amount",), lambda shape, amount: shape.linear(amount), "A price each.")]
