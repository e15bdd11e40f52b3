"""Program text from parameters: the words that the peers' price models share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

USAGE = 'meter usage { from "usage"  measure sum(quantity) }'
"""A plain quantity."""

SPEND = 'meter spend { from "spend"  measure sum(amount)  unit USD }'
"""A quantity that is money: amounts of transactions, or costs that another system has worked out."""


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier of a peer: up to and including `bound` (None: the rest), a rate per unit and a flat fee, as text."""

    bound: str | None
    unit_amount: str = "0"
    flat_amount: str = "0"


def is_zero(number: str | None) -> bool:
    return number is None or Fraction(number) == 0


def rate_words(tier: Tier, behind: str = "") -> str:
    """The price of a tier: `free`, `flat 10`, `2` or `2 plus 10`; `behind` the rate stands `%` or ` per 1000`."""
    if is_zero(tier.unit_amount):
        return "free" if is_zero(tier.flat_amount) else f"flat {tier.flat_amount}"
    rate = f"{tier.unit_amount}{behind}"
    return rate if is_zero(tier.flat_amount) else f"{rate} plus {tier.flat_amount}"


def tiers(
    kind: Literal["graduated", "volume"], steps: Iterable[Tier], *, zero_pays: bool = False, behind: str = ""
) -> str:
    """The price step; a list of tiers without an open end refuses what lies beyond it.

    `zero_pays`: the flat fee of the first tier is due at zero usage too.
    """
    lines: list[str] = []
    is_open = False
    for number, tier in enumerate(steps):
        bound = "above" if tier.bound is None else f"to {tier.bound}"
        even = " even at zero" if zero_pays and number == 0 and not is_zero(tier.flat_amount) else ""
        lines.append(f"{bound}: {rate_words(tier, behind)}{even}")
        is_open = tier.bound is None
    if not is_open:
        lines.append("above: reject")
    return f"{kind} {{ {'  '.join(lines)} }}"


def plan(*items: str, meters: Iterable[str] = (USAGE,), currency: str = "USD") -> str:
    """A program of one plan `p`."""
    body = "\n".join(f"  {item}" for item in items)
    return "\n".join([f"currency {currency}", *meters, "plan p {", body, "}"]) + "\n"


def charge(*steps: str, meters: Iterable[str] = (USAGE,), on: str = "usage", currency: str = "USD") -> str:
    """A program of one charge `x`, with its steps from top to bottom."""
    return plan(f"charge x on {on} {{ {'  '.join(steps)} }}", meters=meters, currency=currency)


def clamps(params: Mapping[str, str]) -> tuple[str, ...]:
    """`minimum` and `maximum` of a charge, where the vector has them; the maximum first, so that the minimum wins."""
    steps: list[str] = []
    if "maximum_amount" in params:
        steps.append(f"maximum {params['maximum_amount']}")
    if "minimum_amount" in params:
        steps.append(f"minimum {params['minimum_amount']}")
    return tuple(steps)
