"""Discounts on a sum, as a step of a charge or as an adjustment of a plan (rule 20).

A discount takes at most what it is computed on (the part above `above`), at most `up_to`, and nothing from what is not
positive. `share` is the share of the period of a prorated one; it scales the discount and its bounds alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from pricing_dsl.evaluate.reference.cells import ZERO
from pricing_dsl.evaluate.reference.reasons import number
from pricing_dsl.ir import nodes as ir


class Taken(NamedTuple):
    """A discount as a positive amount, exact, and the formula that shows it."""

    amount: Fraction
    formula: str


def percent_discount(
    amount: Fraction, fraction: Fraction, above: Fraction, up_to: Fraction | None, share: Fraction
) -> Taken:
    """A fraction of the part above."""
    base, text = part_above(amount, above * share)
    rate = fraction * share
    return limited(base * rate, f"{text} x {number(rate)}", base, up_to, share)


def money_discount(
    amount: Fraction, money: Fraction, above: Fraction, up_to: Fraction | None, share: Fraction
) -> Taken:
    """Money, taken from the part above."""
    base, text = part_above(amount, above * share)
    return limited(money * share, f"min({number(money * share)}, {text})", base, up_to, share)


def graduated_discount(amount: Fraction, bands: Sequence[ir.Band], up_to: Fraction | None, share: Fraction) -> Taken:
    """Each band's fraction of the part that falls in it."""
    taken = ZERO
    texts: list[str] = []
    for i, band in enumerate(bands):
        lower = band.above * share
        upper = bands[i + 1].above * share if i + 1 < len(bands) else amount
        part = max(min(amount, upper) - lower, ZERO)
        if part:
            taken += part * band.share * share
            texts.append(f"{number(part)} x {number(band.share * share)}")
    return limited(taken, " + ".join(texts) or "0", max(amount, ZERO), up_to, share)


def part_above(amount: Fraction, above: Fraction) -> tuple[Fraction, str]:
    """The part of a sum above a bound, never negative."""
    base = max(amount - above, ZERO)
    return base, number(base) if above == 0 else f"max({number(amount)} - {number(above)}, 0)"


def limited(taken: Fraction, text: str, base: Fraction, up_to: Fraction | None, share: Fraction) -> Taken:
    """At most what it is computed on, and at most its ceiling."""
    if up_to is not None and taken > up_to * share:
        taken, text = up_to * share, f"min({text}, {number(up_to * share)})"
    return Taken(min(taken, base), text)
