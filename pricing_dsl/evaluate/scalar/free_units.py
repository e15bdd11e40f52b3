"""Free units over cells that have different prices (rule 9): who gets them first, and what is left.

Who may get free units, and in which order, depends on dimension values only and is remembered per combination. Sharing
them out works on integers; `pro rata` multiplies all quantities by a whole number so that they stay integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any, NamedTuple

from pricing_dsl.evaluate.lookup import best_arm, holds
from pricing_dsl.evaluate.scalar.cells import Operations, remaining, required, share_of
from pricing_dsl.evaluate.scalar.literals import all_steps
from pricing_dsl.evaluate.scalar.prices import reaches
from pricing_dsl.evaluate.scalar.sources import Resolver
from pricing_dsl.evaluate.scalar.tables import Dimensions
from pricing_dsl.ir import nodes as ir

NOTHING = Fraction(0)


class UnitPrice(NamedTuple):
    """What one more unit costs (`None`: a pool prices it) and the place of its price: arm, row, column."""

    amount: Fraction | None
    place: tuple[int, ...]


def has_tiers(steps: Iterable[ir.Step]) -> bool:
    """Whether the price of a cell depends on the tier that its pool reaches."""
    return any(isinstance(step, ir.Volume) and step.is_by_cell for step in all_steps(steps))


def free_unit_prices(
    operations: Operations, step: ir.Include, later: Sequence[ir.Step], dimensions: tuple[str, ...]
) -> Callable[[Any, Fraction], Any]:
    """From a cell's key to what free units are given by; `None` where the cell gets none.

    The second argument is what is left of the pool, which chooses the tier of a `volume` that prices cells.
    """

    def find(values: Dimensions, pooled: Fraction = NOTHING) -> tuple[Any, ...]:
        price = unit_price(operations, later, values, pooled) if holds(step.when, values) else None
        if price is None or (price.amount is not None and price.amount <= 0):
            return (None,)
        rank: tuple[Any, ...] = (price.place, tuple(values[d] for d in dimensions))
        if step.policy == "cheapest first":
            rank = (price.amount or Fraction(0), *rank)
        elif step.policy == "dearest first":
            rank = (-(price.amount or Fraction(0)), *rank)
        return (rank,)

    if has_tiers(later):
        return lambda key, pooled: find(
            dict(zip(dimensions, (key,) if len(dimensions) == 1 else key, strict=True)), pooled
        )[0]
    resolver = Resolver(dimensions, find)
    memo = resolver.memo.get
    return lambda key, _: (memo(key) or resolver(key))[0]


def unit_price(
    operations: Operations,
    steps: Sequence[ir.Step],
    dimensions: Dimensions,
    pooled: Fraction,
    price: UnitPrice | None = None,
) -> UnitPrice | None:
    """What one more unit of a cell costs after every cell step; `None` where it is refused or left out."""
    weight = Fraction(1)
    tables = operations.tables
    for step in steps:
        if not holds(step.when, dimensions):
            continue
        match step:
            case ir.Where(condition=condition):
                if not holds(condition, dimensions):
                    return None
            case ir.Weigh(factor=factor):
                weight *= required(tables.read(factor), dimensions)
            case ir.Price() | ir.Graduated() | ir.Volume() | ir.Match():
                price = first_price(operations, step, dimensions, pooled)
                if price is None:
                    return None
                price = scaled(price, weight)
            case ir.Times(factor=factor) if price is not None:
                price = scaled(price, required(tables.read(factor), dimensions))
            case ir.Discount(share=share, prorated=prorated) if price is not None and (price.amount or 0) > 0:
                taken = required(tables.read(share), dimensions) * share_of(operations.shares, prorated)
                price = scaled(price, remaining(taken))
            case ir.Prorate(by=by) if price is not None:
                price = scaled(price, operations.shares[by])
            case _:
                continue
    return price or UnitPrice(None, ())


def scaled(price: UnitPrice, factor: Fraction) -> UnitPrice:
    return price if price.amount is None else UnitPrice(price.amount * factor, price.place)


def first_price(
    operations: Operations, step: ir.PriceStep, dimensions: Dimensions, pooled: Fraction
) -> UnitPrice | None:
    """What the price step itself asks for one unit."""
    match step:
        case ir.Price(rate=ir.Linear(rate=rate)):
            return rate_price(operations, rate, dimensions)
        case ir.Price(rate=ir.Package(price=rate, size=size)):
            price = rate_price(operations, rate, dimensions)
            return None if price is None else scaled(price, 1 / size)
        case ir.Match(arms=arms):
            index = best_arm(step, dimensions)
            assert index is not None, "a cell without an arm has left"
            inner = unit_price(operations, arms[index].steps, dimensions, pooled)
            return None if inner is None else UnitPrice(inner.amount, (index, *inner.place))
        case ir.Volume(tiers=tiers) if step.is_by_cell:
            tier = next(tier for tier in tiers if reaches(tier, pooled))
            return rate_price(operations, tier.price.rate, dimensions) if isinstance(tier.price, ir.Linear) else None
        case ir.Graduated() | ir.Volume():
            return UnitPrice(None, ())
        case _:
            return None


def rate_price(operations: Operations, rate: ir.Factor, dimensions: Dimensions) -> UnitPrice | None:
    value = operations.tables.read(rate)(dimensions)
    if value is None:
        return None
    return UnitPrice(value, operations.tables.rank(rate, dimensions) if isinstance(rate, ir.Lookup) else ())


# --- at run time -----------------------------------------------------------------------------------------------------


def split_by(cells: dict[Any, int], places: tuple[int, ...], count: int) -> dict[Any, dict[Any, int]]:
    """Cells by the dimensions that stand at `places` of their `count`; no places: one group, which always exists."""
    if not places:
        return {(): cells}
    groups: dict[Any, dict[Any, int]] = {}
    for key, quantity in cells.items():
        values = (key,) if count == 1 else key
        group = tuple(values[place] for place in places)
        groups.setdefault(group[0] if len(group) == 1 else group, {})[key] = quantity
    return groups


class FreeUnits:
    """Shares free units out, group by group. Integers of one scale go in; `rest` may need a finer one."""

    def __init__(self, rank: Callable[[Any, Fraction], Any], policy: ir.CellOrder) -> None:
        self.rank = rank
        self.policy = policy
        self.groups: list[tuple[dict[Any, int], int]] = []
        """What is left of each group, over a whole number of its own."""

    def share(self, cells: dict[Any, int], factor: int, offered: int, scale: int) -> None:
        """Give `offered` units to the cells of one group, whose quantities are first multiplied by `factor`.

        `scale` is what both then are over.
        """
        left = {key: quantity * factor for key, quantity in cells.items()}
        offered = max(offered, 0)
        pooled = Fraction(max(sum(left.values()) - offered, 0), scale)
        eligible = [(rank, key) for key, quantity in left.items() if quantity > 0 and (rank := self.rank(key, pooled))]
        over = 1
        if self.policy == "pro rata":
            together = sum(left[key] for _, key in eligible)
            if together:
                given = min(offered, together)
                over = together // gcd(together, given)
                left = {key: quantity * over for key, quantity in left.items()}
                for _, key in eligible:
                    left[key] -= left[key] * given // together
        else:
            for _, key in sorted(eligible):
                taken = min(offered, left[key])
                left[key] -= taken
                offered -= taken
        self.groups.append((left, over))

    def rest(self) -> tuple[dict[Any, int], int]:
        """All cells with what is left of them, over one whole number."""
        over = lcm(*(own for _, own in self.groups))
        cells = {key: quantity * (over // own) for left, own in self.groups for key, quantity in left.items()}
        return cells, over
