"""The numbers of a program and their common denominators, so that every one of them is whole on its scale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import lcm

from pricing_dsl.evaluate.scalar.cells import Shares, share_of
from pricing_dsl.evaluate.scalar.expressions import folded
from pricing_dsl.evaluate.scalar.tables import Tables
from pricing_dsl.ir import nodes as ir

Rate = ir.Linear | ir.Package | ir.Flat | ir.Reject | ir.Graduated | ir.Volume


SUM_STEPS = (
    ir.Plus, ir.Minimum, ir.Maximum, ir.DiscountAbove, ir.DiscountMoney, ir.DiscountGraduated, ir.RoundMoney,
    ir.Total, ir.Largest,
)  # fmt: skip
"""Steps on the sum of a group, and those that end groups."""


def all_steps(steps: Iterable[ir.Step]) -> Iterator[ir.Step]:
    """Steps and those of arms."""
    for step in steps:
        yield step
        if isinstance(step, ir.Match):
            for arm in step.arms:
                yield from all_steps(arm.steps)


def all_tiers(steps: Iterable[ir.Step]) -> Iterator[ir.Tier]:
    """The tiers of steps, those of nested curves included."""

    def of(tiers: tuple[ir.Tier, ...]) -> Iterator[ir.Tier]:
        for tier in tiers:
            yield tier
            if isinstance(tier.price, ir.Graduated | ir.Volume):
                yield from of(tier.price.tiers)

    for step in all_steps(steps):
        if isinstance(step, ir.Graduated | ir.Volume):
            yield from of(step.tiers)


def all_rates(steps: tuple[ir.Step, ...]) -> Iterator[Rate]:
    """Every price of steps: of price steps, tiers and bounds."""
    for tier in all_tiers(steps):
        yield tier.price
    for step in all_steps(steps):
        match step:
            case ir.Price(rate=rate):
                yield rate
            case ir.Minimum(bound=ir.Linear() | ir.Package() as bound):
                yield bound
            case ir.Maximum(bound=ir.Linear() | ir.Package() as bound):
                yield bound
            case _:
                continue


def quantity_denominator(steps: tuple[ir.Step, ...], shares: Shares) -> int:
    """A common denominator of the bounds and sizes of quantities."""
    numbers: list[Fraction] = [tier.upper for tier in all_tiers(steps) if tier.upper is not None]
    numbers += [rate.size for rate in all_rates(steps) if isinstance(rate, ir.Package)]
    for step in all_steps(steps):
        match step:
            case ir.RoundQuantity(to=to):
                numbers.append(to)
            case ir.Include(amount=amount, prorated=prorated):
                constant = folded(amount)
                if constant is not None:
                    numbers += [constant, constant * share_of(shares, prorated)]
            case ir.AtLeast(amount=amount) | ir.AtMost(amount=amount):
                numbers.append(folded(amount) or Fraction(0))
            case _:
                continue
    return lcm(*(number.denominator for number in numbers))


def money_denominator(steps: tuple[ir.Step, ...], tables: Tables, shares: Shares) -> int:
    """A common denominator of rates and of amounts of money, as prorated."""
    found = [factor_denominator(rate, tables) for rate in all_rates(steps)]
    found += [number.denominator for number in money_literals(steps, shares)]
    return lcm(*found)


def factor_denominator(rate: Rate, tables: Tables) -> int:
    match rate:
        case ir.Linear(rate=factor) | ir.Package(price=factor):
            return tables.denominator(factor)
        case ir.Flat(amount=amount):
            return amount.denominator
        case _:
            return 1


def money_literals(steps: tuple[ir.Step, ...], shares: Shares) -> Iterator[Fraction]:
    """Amounts of money, each with its share of the period."""
    for tier in all_tiers(steps):
        yield from (number for number in (tier.plus, tier.minimum, tier.maximum) if number is not None)
    for step in all_steps(steps):
        match step:
            case ir.Plus(amount=amount, prorated=prorated):
                yield amount * share_of(shares, prorated)
            case ir.Minimum(bound=Fraction() as bound, prorated=prorated):
                yield bound * share_of(shares, prorated)
            case ir.Maximum(bound=Fraction() as bound, prorated=prorated):
                yield bound * share_of(shares, prorated)
            case ir.DiscountAbove(above=above, up_to=up_to, prorated=prorated):
                yield above * share_of(shares, prorated)
                yield (up_to or Fraction(0)) * share_of(shares, prorated)
            case ir.DiscountMoney(amount=amount, above=above, up_to=up_to, prorated=prorated):
                for number in (amount, above, up_to or Fraction(0)):
                    yield number * share_of(shares, prorated)
            case ir.DiscountGraduated(bands=bands, prorated=prorated):
                for band in bands:
                    yield band.above * share_of(shares, prorated)
            case ir.RoundMoney(to=to):
                yield to
            case _:
                continue


def counts_entered(steps: tuple[ir.Step, ...]) -> bool:
    """Whether some bound is a rate on the quantity that entered the price."""
    return any(
        isinstance(step, ir.Minimum | ir.Maximum) and not isinstance(step.bound, Fraction) for step in all_steps(steps)
    )


def can_be_below_zero(steps: tuple[ir.Step, ...], tables: Tables) -> bool:
    """Whether an amount of money can be below zero: a negative number, or a `mirror`."""
    if any(isinstance(step, ir.Mirror) for step in all_steps(steps)):
        return True
    factors = [rate.rate if isinstance(rate, ir.Linear) else rate.price for rate in all_rates(steps)
               if isinstance(rate, ir.Linear | ir.Package)]  # fmt: skip
    factors += [step.factor for step in all_steps(steps) if isinstance(step, ir.Times)]
    if any(tables.smallest(factor) < 0 for factor in factors):
        return True
    if any(isinstance(rate, ir.Flat) and rate.amount < 0 for rate in all_rates(steps)):
        return True
    ones: Shares = {"day": Fraction(1), "second": Fraction(1)}
    return any(number < 0 for number in money_literals(steps, ones))
