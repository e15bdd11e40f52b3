"""Step 15: discounts, minimums and maximums of a plan, in the order in which they are written (rule 20).

Each is computed on the sum of its lines as the ones before left them, rounded once by the plan's mode, and spread by
largest remainder over its positive lines. Without `on`, a top-up is a row of its own, and later adjustments without
`on` count it like a line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import assert_never

from pricing_dsl.evaluate.reference.cells import ZERO
from pricing_dsl.evaluate.reference.context import Context
from pricing_dsl.evaluate.reference.discounts import Taken, graduated_discount, money_discount, percent_discount
from pricing_dsl.evaluate.reference.lines import Rounding
from pricing_dsl.evaluate.reference.reasons import number, pair, reason
from pricing_dsl.evaluate.statement import Reason, Row
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.rounding import share_out


@dataclass
class Nets:
    """What the adjustments so far have left, in minor units: of each line, and of each top-up that stands alone."""

    lines: dict[str, int]
    top_ups: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Effect:
    """What one adjustment comes to: `minor` units with their sign, exactly `exact`, by `formula`."""

    exact: Fraction
    minor: int
    formula: str


def adjust(context: Context, rounding: Rounding, plan: ir.Plan, nets: Nets) -> list[Row]:
    """All adjustments of a plan as rows; `nets` is what is left of the lines afterwards."""
    rows = []
    for position, adjustment in enumerate(plan.adjustments, start=1):
        name = adjustment.name or f"{adjustment.kind}_{position}"
        rows.append(adjusted(context, rounding, adjustment, name, nets))
    return rows


def adjusted(context: Context, rounding: Rounding, adjustment: ir.Adjustment, name: str, nets: Nets) -> Row:
    """One adjustment: computed on a sum, rounded once, spread."""
    lines = tuple(nets.lines) if adjustment.lines is None else adjustment.lines
    top_ups = list(nets.top_ups) if adjustment.lines is None else []
    weights = [*(nets.lines[line] for line in lines), *top_ups]
    base = rounding.money(sum(weights))
    effect = effect_of(context, rounding, adjustment, base)
    shares: tuple[tuple[str, int], ...] = ()
    if effect.minor > 0 and adjustment.lines is None:
        nets.top_ups.append(effect.minor)
    else:
        shares = spread(effect.minor, lines, weights, nets)
    node = explained(context, rounding, adjustment, name, base, effect, shares) if context.explain else None
    return Row(name, adjustment.kind, effect.minor, rounding.digits, shares, node)


def effect_of(context: Context, rounding: Rounding, adjustment: ir.Adjustment, base: Fraction) -> Effect:
    """The amount of one adjustment on the sum `base` of its lines."""
    share = Fraction(1) if adjustment.prorated is None else context.period.share(adjustment.prorated)
    match adjustment.kind:
        case "minimum":
            bound = bound_of(adjustment, share)
            exact = max(bound - base, ZERO)
            return Effect(exact, rounding.minor(exact), f"max({number(bound)} - {number(base)}, 0)")
        case "maximum":
            bound = bound_of(adjustment, share)
            exact = max(base - bound, ZERO)
            return Effect(-exact, -rounding.minor(exact), f"-max({number(base)} - {number(bound)}, 0)")
        case "discount":
            taken = discount(adjustment, base, share)
            return Effect(-taken.amount, -rounding.minor(taken.amount), f"-({taken.formula})")
        case _:
            assert_never(adjustment.kind)


def bound_of(adjustment: ir.Adjustment, share: Fraction) -> Fraction:
    """The money that a minimum or maximum guards."""
    assert adjustment.amount is not None
    return adjustment.amount * share


def discount(adjustment: ir.Adjustment, base: Fraction, share: Fraction) -> Taken:
    """A discount of a sum: percentage, money or bands."""
    above = adjustment.above or ZERO
    if adjustment.bands:
        return graduated_discount(base, adjustment.bands, adjustment.up_to, share)
    assert adjustment.amount is not None
    if adjustment.percent:
        return percent_discount(base, adjustment.amount, above, adjustment.up_to, share)
    return money_discount(base, adjustment.amount, above, adjustment.up_to, share)


def spread(minor: int, lines: tuple[str, ...], weights: list[int], nets: Nets) -> tuple[tuple[str, int], ...]:
    """Spread an amount over what is positive, lines first, then top-ups; where nothing is, evenly over the lines.

    Changes `nets`, and returns what changed on each line.
    """
    positive = [max(weight, 0) for weight in weights]
    if not any(positive):
        positive = [1] * len(lines) + [0] * (len(weights) - len(lines))
    shares = share_out(minor, positive)
    for line, share in zip(lines, shares, strict=False):
        nets.lines[line] += share
    for i, share in enumerate(shares[len(lines) :]):
        nets.top_ups[i] += share
    return tuple((line, share) for line, share in zip(lines, shares, strict=False) if share)


def explained(
    context: Context,
    rounding: Rounding,
    adjustment: ir.Adjustment,
    name: str,
    base: Fraction,
    effect: Effect,
    shares: tuple[tuple[str, int], ...],
) -> Reason:
    """The base, the formula, the rounding, and the share of each line."""
    amount, currency, span = rounding.money(effect.minor), context.currency, adjustment.span
    inputs = [pair("sum of its lines", base)]
    for word, bound in (("above", adjustment.above), ("up to", adjustment.up_to)):
        if bound is not None:
            inputs.append(pair(word, bound))
    if adjustment.prorated is not None:
        inputs.append(pair(f"share by {adjustment.prorated}", context.period.share(adjustment.prorated)))
    formula = effect.formula
    if amount != effect.exact:
        formula += f" = {number(effect.exact)}, rounded {rounding.mode} to {number(Fraction(1, 10**rounding.digits))}"
    children = [
        reason(f"share of {line}", "adjustment", span, number(money), money, currency)
        for line, money in ((line, rounding.money(share)) for line, share in shares)
    ]
    return reason(f"{adjustment.kind} {name}", "adjustment", span, formula, amount, currency, inputs, children)
