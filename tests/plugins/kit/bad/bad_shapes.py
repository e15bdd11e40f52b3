"""Price shapes that read the program, hold a float, raise, change their mind, and show no call that works."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from pricing_dsl.ir import nodes as ir
from pricing_dsl.plugin import PriceShape, hookimpl

PRICING_API = 1
__version__ = "0.1"

_steps: list[Any] = []


def reads_table(shape: Any, amount: Fraction) -> ir.PriceStep:  # noqa: ARG001
    return ir.Price(ir.Linear(ir.Lookup("prices", amount)))


def holds_float(shape: Any, amount: Fraction) -> ir.PriceStep:  # noqa: ARG001
    return ir.Price(ir.Linear(ir.Const(float(amount))))  # type: ignore[arg-type]


def raises(shape: Any, amount: Fraction) -> ir.PriceStep:
    return shape.linear(100 / amount)  # type: ignore[no-any-return]


def wavers(shape: Any, amount: Fraction) -> ir.PriceStep:
    _steps.append(amount)
    return shape.linear(len(_steps))  # type: ignore[no-any-return]


def ends(shape: Any, amount: Fraction) -> ir.PriceStep:
    """No last tier without an end."""
    return shape.graduated([shape.tier(100, amount)])  # type: ignore[no-any-return]


@hookimpl
def register_price_shapes() -> Sequence[PriceShape]:
    builds = (reads_table, holds_float, raises, wavers, ends)
    shapes = [
        PriceShape(build.__name__, f"{build.__name__}(2)", ("amount",), build, "A shape for tests.") for build in builds
    ]
    return [*shapes, PriceShape("unshown", "unshown(x)", ("amount",), lambda shape, x: shape.linear(x), "No numbers.")]
