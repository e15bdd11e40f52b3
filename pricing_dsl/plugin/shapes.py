"""The builder that a price shape makes its IR with, and the door that this IR passes.

A shape says what one charge costs by quantity, in the words of the language: linear rates, packages, graduated and
volume tiers (language reference, section 5). All numbers are exact; quantities (`per`, `size`, bounds) count the unit
that the charge counts where the shape stands, and amounts are money of the program's currency. Nothing else can be
read: no table, no dimension, no other quantity, so a shape means the same in every program.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, TypeVar

from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.verify import IrError, verify
from pricing_dsl.source import Span

Number = Fraction | Decimal | int
TierPrice = ir.Price | ir.Flat | ir.Graduated | ir.Volume | Number
NodeT = TypeVar("NodeT", bound=ir.Node)


class ShapeError(Exception):
    """What a shape built is no price step. The message says what is wrong with it."""


class ShapeBuilder:
    """What `PriceShape.build` gets first. Numbers are `int`, `Fraction` or `Decimal`; a float is a `TypeError`.

    >>> shape = ShapeBuilder()
    >>> step = shape.graduated([shape.tier(100, 0), shape.tier(None, shape.linear(2, per=1000), plus=5)])
    >>> [tier.upper for tier in step.tiers], step.tiers[1].price.rate.value
    ([Fraction(100, 1), None], Fraction(1, 500))
    """

    def linear(self, amount: Number, per: Number = 1) -> ir.Price:
        """`price AMOUNT per PER`: the same for each unit; on a quantity of money `amount` is a fraction of it."""
        size = _positive(per, "per")
        return ir.Price(ir.Linear(ir.Const(_exact(amount, "amount") / size)))

    def package(self, amount: Number, size: Number, mode: Literal["started", "full"] = "started") -> ir.Price:
        """`price AMOUNT per started SIZE`: packages, rounded up, or with "full" down."""
        if mode not in ("started", "full"):
            raise TypeError(f"`mode` is {mode!r}, neither 'started' nor 'full'")
        return ir.Price(ir.Package(ir.Const(_exact(amount, "amount")), _positive(size, "size"), mode))

    def free(self) -> ir.Price:
        """`price free`."""
        return self.linear(0)

    def reject(self) -> ir.Price:
        """`price reject`: usage that comes here is unpriced."""
        return ir.Price(ir.Reject())

    def flat(self, amount: Number) -> ir.Flat:
        """`flat AMOUNT`, the price of a tier."""
        return ir.Flat(_exact(amount, "amount"))

    def graduated(self, tiers: Iterable[ir.Tier]) -> ir.Graduated:
        """`graduated { ... }`: each unit at the price of the tier it falls in."""
        return ir.Graduated(tuple(tiers))

    def volume(self, tiers: Iterable[ir.Tier]) -> ir.Volume:
        """`volume { ... }`: all units at the price of the tier that the whole quantity falls in."""
        return ir.Volume(None, tuple(tiers))

    def tier(
        self,
        upper: Number | None,
        price: TierPrice,
        *,
        below: bool = False,
        plus: Number | None = None,
        minimum: Number | None = None,
        maximum: Number | None = None,
        even_at_zero: bool = False,
    ) -> ir.Tier:
        """`to UPPER: PRICE`, `below UPPER: PRICE` with `below`, `above: PRICE` for `None`; a bare price is linear."""
        return ir.Tier(
            None if upper is None else _exact(upper, "upper"),
            upper is not None and not below,
            self._tier_price(price),
            None if plus is None else _exact(plus, "plus"),
            None if minimum is None else _exact(minimum, "minimum"),
            None if maximum is None else _exact(maximum, "maximum"),
            even_at_zero,
        )

    def _tier_price(self, price: TierPrice) -> ir.Linear | ir.Package | ir.Flat | ir.Reject | ir.Graduated | ir.Volume:
        match price:
            case ir.Price(rate=rate):
                return rate
            case ir.Flat() | ir.Graduated() | ir.Volume():
                return price
            case _:
                return ir.Linear(ir.Const(_exact(price, "price")))


def verified(step: object, span: Span) -> ir.Price | ir.Graduated | ir.Volume:
    """A price step that a shape built, with `span`, the call in the program, on all of it. Raises `ShapeError`."""
    if not isinstance(step, ir.Price | ir.Graduated | ir.Volume):
        raise ShapeError(f"it returned `{type(step).__name__}`, not a price step that its builder makes")
    _require_plain(step)
    try:
        verify(_program_with(step))
    except IrError as error:
        raise ShapeError(f"its price step is malformed: {error.message}") from None
    return _placed(step, span)


def _require_plain(value: object) -> None:
    """Exact numbers only, and nothing that reads the program."""
    match value:
        case ir.Lookup() | ir.Ref() | ir.Apply() | ir.Match():
            raise ShapeError("it reads a table, a dimension or a quantity of the program, which a shape cannot know")
        case ir.Node():
            for field in fields(value):
                if field.name != "span":
                    _require_plain(getattr(value, field.name))
        case tuple():
            for item in value:
                _require_plain(item)
        case None | bool() | str() | Fraction():
            pass
        case _:
            raise ShapeError(f"it holds {value!r}, and numbers of a price are `Fraction`s: make them with the builder")


def _program_with(step: ir.Price | ir.Graduated | ir.Volume) -> ir.Program:
    """The smallest program with this price step: what the verifier of the IR wants to see."""
    measure = ir.Measure(None, "sum", (ir.Ref("property", "n"),))
    meter = ir.Meter(
        "m", "m", "m", (), False, False, True, True, ("e",), None, None, (measure,), (), False, "UTC"
    )  # fmt: skip
    charge = ir.Charge("c", "c", "m", "m", (), (step,), True, 1)
    plan = ir.Plan("p", "p", ir.Bill("monthly", None, False), "UTC", "half_up", (charge,), ("c",), ())
    return ir.Program(ir.LANGUAGE_VERSION, "USD", 2, (meter,), (), (), (plan,), ())


def _placed(node: NodeT, span: Span) -> NodeT:
    """The same node with another span, on itself and on all inside it."""
    changes: dict[str, Any] = {"span": span}
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, ir.Node):
            changes[field.name] = _placed(value, span)
        elif isinstance(value, tuple) and field.name != "span":
            changes[field.name] = tuple(_placed(item, span) if isinstance(item, ir.Node) else item for item in value)
    return replace(node, **changes)


def _exact(value: object, what: str) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, Fraction | Decimal | int):
        raise TypeError(f"`{what}` is {value!r}; give an int, a Fraction or a Decimal")
    return Fraction(value)


def _positive(value: object, what: str) -> Fraction:
    made = _exact(value, what)
    if made <= 0:
        raise ValueError(f"a price is per a positive number of units, not per {value}")
    return made
