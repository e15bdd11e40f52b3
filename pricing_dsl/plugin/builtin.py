"""The plugin that is always there: the aggregations, functions and price shapes that the language reference names.

It goes through the same hooks as every other. Functions of this plugin are operators of the IR under their own names
(`min`, not `function:min`), so they are understood where no plugin is.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

from pricing_dsl.ir import nodes as ir
from pricing_dsl.plugin.aggregations import BUILT_IN as AGGREGATIONS
from pricing_dsl.plugin.contract import Aggregation, Function, PriceShape
from pricing_dsl.plugin.hookspecs import hookimpl
from pricing_dsl.plugin.shapes import ShapeBuilder

PRICING_API = 1

TIERS_MAX = 100
"""Tiers of `declining`."""

FUNCTIONS = (
    Function(
        "min", "min(a, b)", ("number", "number"), "number", ("increasing", "increasing"), min,
        "The least of its numbers.", repeats=True,
    ),
    Function(
        "max", "max(a, b)", ("number", "number"), "number", ("increasing", "increasing"), max,
        "The greatest of its numbers.", repeats=True,
    ),
    Function(
        "ceil", "ceil(x)", ("number",), "number", ("increasing",), lambda value: Fraction(ceil(value)),
        "The least whole number that is not below.", whole=True,
    ),
    Function(
        "floor", "floor(x)", ("number",), "number", ("increasing",), lambda value: Fraction(floor(value)),
        "The greatest whole number that is not above.", whole=True,
    ),
    Function("abs", "abs(x)", ("number",), "number", (None,), abs, "The size of a number, without its sign."),
)  # fmt: skip


def build_declining(
    shape: ShapeBuilder, first: Fraction, every: Fraction, share: Fraction, tiers: Fraction
) -> ir.Graduated:
    """Each tier of `every` units costs `share` of the tier before it; the last of the `tiers` has no end."""
    if every <= 0:
        raise ValueError("the tiers of `declining` need a size above 0")
    if not 0 < share <= 1:
        raise ValueError("each tier of `declining` costs a share of the one before: above 0% and at most 100%")
    if tiers.denominator != 1 or not 2 <= tiers <= TIERS_MAX:
        raise ValueError(f"`declining` has a whole number of tiers, from 2 to {TIERS_MAX}")
    last = int(tiers) - 1
    return shape.graduated(
        shape.tier(None if index == last else every * (index + 1), first * share**index) for index in range(last + 1)
    )


PRICE_SHAPES = (
    PriceShape(
        "declining", "declining(0.50, 100k, 80%, 5)", ("first", "every", "share", "tiers"), build_declining,
        "Graduated tiers of one size, each at a share of the price of the tier before.", quantities=("every",),
    ),
)  # fmt: skip


@hookimpl
def register_aggregations() -> Sequence[Aggregation]:
    """Section 3, `measure`."""
    return AGGREGATIONS


@hookimpl
def register_functions() -> Sequence[Function]:
    """Section 3, expressions over events."""
    return FUNCTIONS


@hookimpl
def register_price_shapes() -> Sequence[PriceShape]:
    """Section 5, `price with`."""
    return PRICE_SHAPES
