"""Integer code for price steps on one pooled quantity: rates, packages, tiers and curves in tiers.

The tiers below the one that a quantity falls in cost what they cost full, so their sum is one number per tier, found
when the plan is bound (or, where a tier names a table, per group). What remains at run time is the tier itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from pricing_dsl.evaluate.scalar.cells import required
from pricing_dsl.evaluate.scalar.tables import Dimensions, Tables
from pricing_dsl.evaluate.scalar.writing import Atom, Fallback, Names, Scale, Writer, product, running, whole
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import tier_lookups

TierPrice = ir.Linear | ir.Package | ir.Flat | ir.Reject | ir.Graduated | ir.Volume
Keyed = Callable[[Dimensions], Fraction]
"""A number that depends on the dimension values of a group."""


class Numbers:
    """Numbers of one group: parameters, or for those that depend on the group, the results of one look-up per group."""

    def __init__(self, names: Names, tables: Tables) -> None:
        self.names = names
        self.tables = tables
        self.keyed: list[tuple[str, Callable[[Dimensions], int | bool]]] = []
        self.in_loop = False

    def number(self, value: Fraction | Keyed, scale: Scale) -> str:
        """A number on a scale on which it is whole."""
        if isinstance(value, Fraction):
            return self.names.literal(value, scale)
        if not self.in_loop:
            return self.names.literal(value({}), scale)
        factor, find = whole(scale), value

        def scaled(dimensions: Dimensions) -> int:
            number = find(dimensions) * factor
            assert number.denominator == 1, "a number of a group is not whole on its scale"
            return number.numerator

        name = self.names.new("f")
        self.keyed.append((name, scaled))
        return product(name, *running(scale))

    def flag(self, holds: Callable[[Dimensions], bool]) -> str:
        """A truth value of a group."""
        name = self.names.new("w")
        self.keyed.append((name, holds))
        return name

    def factor(self, factor: ir.Factor) -> Fraction | Keyed:
        """A factor as a number; a group without an entry is left to the reference evaluator."""
        read = self.tables.read(factor)
        if isinstance(factor, ir.Const):
            return required(read, {})
        return lambda dimensions: required(read, dimensions)


@dataclass(frozen=True, slots=True)
class PriceCode:
    """Writes the price of a quantity into a variable, over the quantity's scale times `money`."""

    names: Names
    writer: Writer
    numbers: Numbers
    tables: Tables
    money: Atom

    def price(self, price: TierPrice, quantity: str, scale: Scale, target: str) -> None:
        """`target` = what `quantity` (over `scale`) costs."""
        amount = (*scale, self.money)
        line = self.writer.line
        match price:
            case ir.Linear(rate=rate):
                line(f"{target} = {quantity} * {self.numbers.number(self.numbers.factor(rate), (self.money,))}")
            case ir.Package(price=each, size=size, mode=mode):
                unit = self.names.literal(size, scale)
                count = f"{quantity} // {unit}" if mode == "full" else f"-(-{quantity} // {unit})"
                line(f"{target} = ({count}) * {self.numbers.number(self.numbers.factor(each), amount)}")
            case ir.Flat(amount=flat):
                line(f"{target} = {self.names.literal(flat, amount)}")
            case ir.Reject():
                line("raise Fallback")
            case ir.Graduated(tiers=tiers):
                self.graduated(tiers, quantity, scale, target)
            case ir.Volume(tiers=tiers):
                self.volume(tiers, quantity, scale, quantity, scale, target)

    def graduated(self, tiers: tuple[ir.Tier, ...], quantity: str, scale: Scale, target: str) -> None:
        def tier(index: int) -> None:
            self.graduated_tier(tiers, index, quantity, scale, target)

        self.chain(tiers, quantity, quantity, scale, target, tier)

    def volume(
        self, tiers: tuple[ir.Tier, ...], quantity: str, scale: Scale, chosen_by: str, chosen_scale: Scale, target: str
    ) -> None:
        def tier(index: int) -> None:
            self.price(tiers[index].price, quantity, scale, target)
            self.own_amounts(tiers[index], scale, target)

        self.chain(tiers, quantity, chosen_by, chosen_scale, target, tier)

    def chain(
        self,
        tiers: tuple[ir.Tier, ...],
        quantity: str,
        chosen_by: str,
        scale: Scale,
        target: str,
        tier: Callable[[int], None],
    ) -> None:
        """`if ... elif ... else` over tiers; zero usage enters none unless the first says `even at zero` (rule 15)."""
        word, own = "if", chosen_by == quantity
        if not all(is_silent_at_zero(entry) for entry in (tiers[:1] if own else tiers)):
            test = f"not {quantity}"
            if tiers[0].even_at_zero and tiers[0].upper is not None:
                sign = "<=" if tiers[0].inclusive else "<"
                test += f" and not {chosen_by} {sign} {self.names.literal(tiers[0].upper, scale)}"
            if not (tiers[0].even_at_zero and (own or tiers[0].upper is None)):
                with self.writer.block(f"if {test}:"):
                    self.writer.line(f"{target} = 0")
                word = "elif"
        for index, entry in enumerate(tiers):
            if entry.upper is None:
                if word == "if":
                    tier(index)
                else:
                    with self.writer.block("else:"):
                        tier(index)
                return
            bound = self.names.literal(entry.upper, scale)
            with self.writer.block(f"{word} {chosen_by} {'<=' if entry.inclusive else '<'} {bound}:"):
                tier(index)
            word = "elif"
        with self.writer.block("else:"):
            self.writer.line("raise Fallback")

    def graduated_tier(self, tiers: tuple[ir.Tier, ...], index: int, quantity: str, scale: Scale, target: str) -> None:
        """The part of `quantity` in one tier, and the tiers below it in full."""
        tier, below, amount = tiers[index], tiers[:index], (*scale, self.money)
        if any(has_reject(passed.price) for passed in below):
            self.writer.line("raise Fallback")
            return
        lower = below[-1].upper if below else Fraction(0)
        assert lower is not None
        clamped = tier.minimum is not None or tier.maximum is not None
        passed_value = self.passed(below)
        if isinstance(tier.price, ir.Linear) and not clamped:
            rate = self.numbers.factor(tier.price.rate)
            product = f"{quantity} * {self.numbers.number(rate, (self.money,))}"
            if not below and tier.plus is None:
                self.writer.line(f"{target} = {product}")
                return
            offset = combine(passed_value, rate, lambda full, per: full - lower * per + (tier.plus or 0))
            self.writer.line(f"{target} = {product} + {self.numbers.number(offset, amount)}")
            return
        if isinstance(tier.price, ir.Reject):
            self.writer.line("raise Fallback")
            return
        part = quantity
        if below:
            part = self.names.new("x")
            self.writer.line(f"{part} = {quantity} - {self.names.literal(lower, scale)}")
        self.price(tier.price, part, scale, target)
        self.own_amounts(tier, scale, target)
        if below:
            self.writer.line(f"{target} += {self.numbers.number(passed_value, amount)}")

    def passed(self, tiers: tuple[ir.Tier, ...]) -> Fraction | Keyed:
        """What full tiers cost together."""

        def value(dimensions: Dimensions) -> Fraction:
            return graduated_value(tiers, None, dimensions, self.tables)

        return value if any(True for _ in tier_lookups(tiers)) else value({})

    def own_amounts(self, tier: ir.Tier, scale: Scale, target: str) -> None:
        """A tier's `plus`, then `minimum`, then `maximum` (rule 15)."""
        amount = (*scale, self.money)
        if tier.plus is not None:
            self.writer.line(f"{target} += {self.names.literal(tier.plus, amount)}")
        for bound, sign in ((tier.minimum, "<"), (tier.maximum, ">")):
            if bound is not None:
                text = self.names.literal(bound, amount)
                with self.writer.block(f"if {target} {sign} {text}:"):
                    self.writer.line(f"{target} = {text}")


def has_reject(price: TierPrice) -> bool:
    """Whether some usage that comes here is refused."""
    if isinstance(price, ir.Graduated | ir.Volume):
        return any(has_reject(tier.price) for tier in price.tiers)
    return isinstance(price, ir.Reject)


def is_silent_at_zero(tier: ir.Tier) -> bool:
    """Whether a first tier costs nothing at zero usage by itself."""
    return isinstance(tier.price, ir.Linear | ir.Package) and tier.plus is None and tier.minimum is None


def combine(
    one: Fraction | Keyed, other: Fraction | Keyed, operation: Callable[[Fraction, Fraction], Fraction]
) -> Fraction | Keyed:
    """An operation on numbers that may depend on the group."""
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return operation(one, other)

    def value(dimensions: Dimensions) -> Fraction:
        left = one if isinstance(one, Fraction) else one(dimensions)
        right = other if isinstance(other, Fraction) else other(dimensions)
        return operation(left, right)

    return value


# --- the same in fractions, for what is known at binding ---


def price_value(price: TierPrice, quantity: Fraction, dimensions: Dimensions, tables: Tables) -> Fraction:
    """What a quantity costs."""
    match price:
        case ir.Linear(rate=rate):
            return quantity * required(tables.read(rate), dimensions)
        case ir.Package(price=each, size=size, mode=mode):
            count = ceil(quantity / size) if mode == "started" else floor(quantity / size)
            return count * required(tables.read(each), dimensions)
        case ir.Flat(amount=amount):
            return amount
        case ir.Graduated(tiers=tiers):
            return graduated_value(tiers, quantity, dimensions, tables)
        case ir.Volume(tiers=tiers):
            if quantity == 0 and not tiers[0].even_at_zero:
                return Fraction(0)
            entered = next(tier for tier in tiers if reaches(tier, quantity))
            return tier_value(entered, quantity, dimensions, tables)
        case _:
            raise Fallback


def reaches(tier: ir.Tier, quantity: Fraction) -> bool:
    """Whether a quantity does not go beyond a tier."""
    return tier.upper is None or quantity < tier.upper or (tier.inclusive and quantity == tier.upper)


def tier_value(tier: ir.Tier, part: Fraction, dimensions: Dimensions, tables: Tables) -> Fraction:
    """A tier's own amount: price, then `plus`, then `minimum`, then `maximum`."""
    value = price_value(tier.price, part, dimensions, tables) + (tier.plus or 0)
    if tier.minimum is not None:
        value = max(value, tier.minimum)
    return value if tier.maximum is None else min(value, tier.maximum)


def graduated_value(
    tiers: tuple[ir.Tier, ...], quantity: Fraction | None, dimensions: Dimensions, tables: Tables
) -> Fraction:
    """What a quantity costs in graduated tiers; `None`: all tiers in full."""
    total, lower = Fraction(0), Fraction(0)
    if quantity == 0 and not tiers[0].even_at_zero:
        return total
    for tier in tiers:
        if quantity is not None and reaches(tier, quantity):
            return total + tier_value(tier, quantity - lower, dimensions, tables)
        assert tier.upper is not None
        total += tier_value(tier, tier.upper - lower, dimensions, tables)
        lower = tier.upper
    return total
