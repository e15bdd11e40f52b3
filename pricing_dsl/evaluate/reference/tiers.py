"""Tiers: `graduated` and `volume` on one quantity (rule 15).

Bounds are boundaries on real numbers: `to N` goes up to and including N, `below N` strictly. A tier acts once it is
entered, that is above its lower bound; zero usage enters none, except the first where it says `even at zero`. A tier's
amount is its rate, then `plus`, then `minimum`, then `maximum`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple, assert_never

from pricing_dsl.evaluate.lookup import REJECTED, Dimensions, Missing
from pricing_dsl.evaluate.reference.cells import ZERO, key_of
from pricing_dsl.evaluate.reference.context import Run
from pricing_dsl.evaluate.reference.reasons import look_up, number, pair, reason, sum_text
from pricing_dsl.evaluate.statement import Reason
from pricing_dsl.ir import nodes as ir

TierPrice = ir.Linear | ir.Package | ir.Flat | ir.Reject | ir.Graduated | ir.Volume


@dataclass(frozen=True, slots=True)
class Cost:
    """What a quantity costs: `amount` of money, and the quantity that was refused on the way, with its reason."""

    amount: Fraction
    refused: Fraction = ZERO
    reason: str = ""
    notes: tuple[Reason, ...] = ()

    def plus(self, other: Cost) -> Cost:
        """Both together."""
        return Cost(
            self.amount + other.amount,
            self.refused + other.refused,
            self.reason or other.reason,
            (*self.notes, *other.notes),
        )


class Entered(NamedTuple):
    """A tier that was entered, and the part of the quantity that falls in it."""

    tier: ir.Tier
    lower: Fraction
    part: Fraction


def tier_at(tiers: tuple[ir.Tier, ...], quantity: Fraction) -> ir.Tier:
    """The tier that a whole quantity falls in."""
    for tier in tiers:
        if tier.upper is None or quantity < tier.upper or (tier.inclusive and quantity == tier.upper):
            return tier
    raise AssertionError("the last tier is `above`")


def entered_tiers(tiers: tuple[ir.Tier, ...], quantity: Fraction) -> Iterator[Entered]:
    """The tiers of `graduated` that a quantity enters."""
    if quantity == 0:
        if tiers[0].even_at_zero:
            yield Entered(tiers[0], ZERO, ZERO)
        return
    lower, strict = ZERO, True
    for tier in tiers:
        if quantity < lower or (strict and quantity == lower):
            return
        upper = quantity if tier.upper is None else min(quantity, tier.upper)
        yield Entered(tier, lower, upper - lower)
        if tier.upper is None:
            return
        lower, strict = tier.upper, tier.inclusive


def graduated_cost(run: Run, step: ir.Graduated, quantity: Fraction, dimensions: Dimensions) -> Cost:
    """Each unit at the price of the tier it falls in."""
    cost = Cost(ZERO)
    for entered in entered_tiers(step.tiers, quantity):
        cost = cost.plus(tier_cost(run, entered, dimensions))
    if not run.explain:
        return cost
    formula = sum_text([note.value for note in cost.notes]) if cost.notes else "no tier is entered"
    node = reason(
        "graduated",
        "graduated",
        step.span,
        formula,
        cost.amount,
        run.currency,
        [pair("quantity", quantity)],
        cost.notes,
    )
    return Cost(cost.amount, cost.refused, cost.reason, (node,))


def volume_cost(run: Run, step: ir.Volume, quantity: Fraction, chooser: Fraction, dimensions: Dimensions) -> Cost:
    """All units at the price of the tier that `chooser` (the whole quantity, or `on`) falls in."""
    tier = tier_at(step.tiers, chooser)
    cost = Cost(ZERO)
    if quantity != 0 or tier.even_at_zero:
        cost = tier_cost(run, Entered(tier, lower_bound(step.tiers, tier), quantity), dimensions)
    if not run.explain:
        return cost
    inputs = [pair("quantity", quantity)]
    if step.on is not None or chooser != quantity:
        inputs.append(pair("tier chosen by", chooser))
    formula = sum_text([note.value for note in cost.notes]) if cost.notes else "no tier is entered"
    node = reason("volume", "volume", step.span, formula, cost.amount, run.currency, inputs, cost.notes)
    return Cost(cost.amount, cost.refused, cost.reason, (node,))


def lower_bound(tiers: tuple[ir.Tier, ...], tier: ir.Tier) -> Fraction:
    """Where a tier begins."""
    at = next(i for i, other in enumerate(tiers) if other is tier)
    return ZERO if at == 0 else tiers[at - 1].upper or ZERO


def tier_cost(run: Run, entered: Entered, dimensions: Dimensions) -> Cost:
    """Rate, then `plus`, then `minimum`, then `maximum`; what is refused costs nothing."""
    tier, part = entered.tier, entered.part
    cost = price_cost(run, tier.price, part, dimensions)
    if cost.refused and not isinstance(tier.price, ir.Graduated | ir.Volume):
        return Cost(ZERO, part, cost.reason, tier_note(run, entered, cost, ZERO, dimensions))
    amount = cost.amount + (tier.plus or ZERO)
    if tier.minimum is not None:
        amount = max(amount, tier.minimum)
    if tier.maximum is not None:
        amount = min(amount, tier.maximum)
    return Cost(amount, cost.refused, cost.reason, tier_note(run, entered, cost, amount, dimensions))


def price_cost(run: Run, price: TierPrice, quantity: Fraction, dimensions: Dimensions) -> Cost:
    """A rate, a flat amount or a nested curve on a quantity."""
    match price:
        case ir.Linear() | ir.Package():
            return rate_cost(run, price, quantity, dimensions)
        case ir.Flat(amount=amount):
            return Cost(amount)
        case ir.Reject():
            return Cost(ZERO, quantity, REJECTED)
        case ir.Graduated():
            return graduated_cost(run, price, quantity, dimensions)
        case ir.Volume(on=on):
            assert on is None, "a curve chooses its tier by the quantity it prices"
            chooser = run.choice(price, key_of(dimensions, dimensions), quantity)
            return volume_cost(run, price, quantity, chooser, dimensions)
        case _:
            assert_never(price)


def rate_cost(run: Run, rate: ir.Linear | ir.Package, quantity: Fraction, dimensions: Dimensions) -> Cost:
    """`quantity x rate`, or whole packages times their price; refused where the table has no entry."""
    factor = rate.rate if isinstance(rate, ir.Linear) else rate.price
    price = run.tables.factor(factor, dimensions)
    if isinstance(price, Missing):
        return Cost(ZERO, quantity, price.reason)
    counted = quantity if isinstance(rate, ir.Linear) else packages(rate, quantity)
    notes: tuple[Reason, ...] = ()
    if run.explain and isinstance(factor, ir.Lookup):
        notes = look_up(run.tables, factor, dimensions, run.currency)
    return Cost(counted * price, notes=notes)


def packages(rate: ir.Package, quantity: Fraction) -> Fraction:
    """How many packages: started ones are rounded up, full ones down."""
    ratio = quantity / rate.size
    return Fraction(ceil(ratio) if rate.mode == "started" else floor(ratio))


# --- the explanation ---


def rate_text(run: Run, rate: ir.Linear | ir.Package, quantity: Fraction, dimensions: Dimensions) -> str:
    """`900_000 x 0.0005`, or `ceil(101 / 30) x 1`."""
    price = run.tables.factor(rate.rate if isinstance(rate, ir.Linear) else rate.price, dimensions)
    if isinstance(price, Missing):
        return price.reason
    if isinstance(rate, ir.Linear):
        return f"{number(quantity)} x {number(price)}"
    word = "ceil" if rate.mode == "started" else "floor"
    return f"{word}({number(quantity)} / {number(rate.size)}) x {number(price)}"


def tier_name(tier: ir.Tier) -> str:
    """A tier by its bound, as a program writes it."""
    if tier.upper is None:
        return "above"
    return f"{'to' if tier.inclusive else 'below'} {number(tier.upper)}"


def tier_note(run: Run, entered: Entered, cost: Cost, amount: Fraction, dimensions: Dimensions) -> tuple[Reason, ...]:
    """One entered tier: the part that falls in it and how its amount came about."""
    if not run.explain:
        return ()
    tier = entered.tier
    formula = tier_formula(run, tier, entered.part, cost, dimensions)
    inputs = [pair("from", entered.lower), pair("part", entered.part)]
    rule = "reject" if cost.refused else "tier"
    return (reason(f"tier {tier_name(tier)}", rule, tier.span, formula, amount, run.currency, inputs, cost.notes),)


def tier_formula(run: Run, tier: ir.Tier, part: Fraction, cost: Cost, dimensions: Dimensions) -> str:
    """A tier's amount in numbers, clamps included."""
    match tier.price:
        case ir.Flat(amount=amount):
            text = number(amount)
        case ir.Reject():
            return f"{number(part)} refused: {cost.reason}"
        case ir.Linear() | ir.Package():
            if cost.refused:
                return f"{number(part)} refused: {cost.reason}"
            text = rate_text(run, tier.price, part, dimensions)
        case ir.Graduated() | ir.Volume():
            text = number(cost.amount)
        case _:
            assert_never(tier.price)
    if tier.plus is not None:
        text += f" + {number(tier.plus)}"
    if tier.minimum is not None:
        text = f"max({text}, {number(tier.minimum)})"
    if tier.maximum is not None:
        text = f"min({text}, {number(tier.maximum)})"
    return text
