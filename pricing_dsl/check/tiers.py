"""Tiers and curves: bounds that ascend and end in `above`, rates converted, and the warning of a volume cliff."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Literal

from pricing_dsl.check import numbers
from pricing_dsl.check.flow import Flow
from pricing_dsl.check.rates import TierPrice, check_rate
from pricing_dsl.check.scope import Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax
from pricing_dsl.values.numbers import grouped_text

Kind = Literal["graduated", "volume"]


def check_tiers(
    scope: Scope,
    flow: Flow,
    kind: Kind,
    tiers: tuple[syntax.Tier, ...],
    span: Span,
    inside: tuple[str, ...] = (),
    bounds: Flow | None = None,
) -> tuple[ir.Tier, ...] | None:
    """The tiers of a price step or curve. `None` after a finding.

    `inside` are the curves on the way here; `bounds` is the quantity that the bounds are in (`volume on Q`).
    """
    before = scope.errors
    made: list[ir.Tier] = []
    for index, tier in enumerate(tiers):
        upper = None if tier.bound is None else numbers.quantity(scope, bounds or flow, tier.bound, tier.kind)
        check_order(scope, tiers, index, upper, made)
        price = tier_price(scope, flow, tier, inside)
        check_tier_amounts(scope, tier, index)
        if price is not None:
            made.append(
                ir.Tier(
                    upper,
                    tier.kind == "to",
                    price,
                    numbers.money(scope, tier.plus),
                    numbers.money(scope, tier.minimum),
                    numbers.money(scope, tier.maximum),
                    tier.even_at_zero,
                    span=tier.span,
                )
            )
    if not any(tier.kind == "above" for tier in tiers):
        scope.report(
            "D0103",
            tiers[-1].span if tiers else span,
            "these tiers do not say what happens above the last bound",
            label="the last tier is bounded",
            help="end with `above: RATE`, or `above: reject` where more is not sold",
        )
    if scope.errors > before or len(made) != len(tiers):
        return None
    if kind == "volume" and bounds is None:
        (warn_cheaper_bills if flow.counted else warn_cliffs)(scope, tuple(made))
    return tuple(made)


def check_order(
    scope: Scope, tiers: tuple[syntax.Tier, ...], index: int, upper: Fraction | None, made: list[ir.Tier]
) -> None:
    """Bounds ascend; `above` is last. `below 100` may stand before `to 100`: the tier of exactly 100."""
    tier = tiers[index]
    if tier.kind == "above":
        if index != len(tiers) - 1:
            scope.report(
                "D0102",
                tier.span,
                "`above` is the rest, so no tier can follow it",
                labels=[Label(tiers[index + 1].span, "this tier is never reached")],
                help="move `above` to the end",
            )
        return
    assert upper is not None
    assert tier.bound is not None
    if upper < 0 or (upper == 0 and tier.kind == "below"):
        scope.report("D0104", tier.bound.span, "a tier's bound is not negative", help="bounds begin above 0")
        return
    if not made or made[-1].upper is None:
        return
    last = made[-1].upper
    if upper < last or (upper == last and not (tier.kind == "to" and not made[-1].inclusive)):
        scope.report(
            "D0101",
            tier.bound.span,
            f"this tier ends at {grouped_text(upper)}, not above the one before, which ends at {grouped_text(last)}",
            label="bounds must ascend",
            labels=[Label(made[-1].span, "the tier before")],
            help="write the tiers from the lowest bound to the highest",
        )


def check_tier_amounts(scope: Scope, tier: syntax.Tier, index: int) -> None:
    """`even at zero` on the first tier, with something to be due; a tier's minimum below its maximum."""
    if tier.even_at_zero and index > 0:
        scope.report(
            "D0105", tier.span, "only the first tier can act `even at zero`", help="write it behind the first tier"
        )
    has_amount = isinstance(tier.price, syntax.Flat) or tier.plus is not None or tier.minimum is not None
    if tier.even_at_zero and index == 0 and not has_amount:
        scope.report(
            "D0106",
            tier.span,
            "`even at zero` has nothing to charge at zero usage",
            help="give the tier a `flat`, `plus` or `minimum`, or drop `even at zero`",
        )
    numbers.warn_bound(scope, tier.minimum, "minimum")
    numbers.warn_bound(scope, tier.maximum, "maximum")
    if tier.minimum is not None and tier.maximum is not None and tier.minimum.value > tier.maximum.value:
        scope.report(
            "D0107",
            tier.minimum.span,
            "this tier's minimum is above its maximum",
            labels=[Label(tier.maximum.span, "the maximum")],
            help="a tier is clamped up to its minimum, then down to its maximum",
        )


def tier_price(scope: Scope, flow: Flow, tier: syntax.Tier, inside: tuple[str, ...]) -> TierPrice | None:
    """A tier's rate, `flat`, `free`, `reject`, or a named curve."""
    price = tier.price
    if isinstance(price, syntax.Flat):
        amount = numbers.money(scope, price.amount)
        return None if amount is None else ir.Flat(amount, span=price.span)
    if isinstance(price, syntax.RateName) and price.name.text in scope.curves:
        return check_curve_use(scope, flow, price.name, inside)
    return check_rate(scope, flow, price, "tier")


def check_curve_use(
    scope: Scope, flow: Flow, name: syntax.Name, inside: tuple[str, ...] = ()
) -> ir.Graduated | ir.Volume | None:
    """A named curve in the unit of the quantity that meets it here."""
    curve = scope.curves[name.text]
    scope.used.add(("curve", name.text))
    if name.text in inside:
        scope.report(
            "N0304",
            name.span,
            f"the curve `{name.text}` is made of itself",
            labels=[Label(curve.name.span, "declared here")],
            help="a curve's tiers may name other curves, never one that leads back",
        )
        return None
    tiers = check_tiers(scope, flow, curve.kind, curve.tiers, curve.span, (*inside, name.text))
    if tiers is None:
        return None
    if curve.kind == "graduated":
        return ir.Graduated(tiers, span=name.span)
    return ir.Volume(None, tiers, span=name.span)


def check_curves(scope: Scope, program: syntax.Program) -> None:
    """Fill `scope.curves`, and check those that nothing uses on their own, in whatever unit they name."""
    for curve in program.declarations:
        if not isinstance(curve, syntax.Curve):
            continue
        other = scope.curves.get(curve.name.text)
        taken = other.name.span if other else None
        if taken is None and curve.name.text in scope.tables:
            taken = scope.tables[curve.name.text].node.name.span
        if taken is not None:
            scope.report(
                "N0101",
                curve.name.span,
                f"`{curve.name.text}` is declared twice",
                labels=[Label(taken, "first declared here")],
                help="rate tables and curves share one name space: rename one",
            )
            continue
        scope.curves[curve.name.text] = curve


def check_unused_curves(scope: Scope) -> None:
    """A curve that no price reads is still checked for what is wrong in itself."""
    for name, curve in scope.curves.items():
        if ("curve", name) not in scope.used:
            alone = Flow(name, "quantity", None, curve.name.span, {}, True, True, False)
            check_curve_use(scope, alone, curve.name)
            scope.used.discard(("curve", name))


def warn_cliffs(scope: Scope, tiers: tuple[ir.Tier, ...]) -> None:
    """A volume tier whose total falls at its boundary: more usage costs less (section 9)."""
    for lower, higher in pairwise(tiers):
        if lower.upper is None:
            continue
        here, there = total_at(lower, lower.upper), total_at(higher, lower.upper)
        if here is not None and there is not None and there < here:
            scope.report(
                "W0201",
                higher.span,
                f"the total falls from {grouped_text(here)} to {grouped_text(there)} "
                f"when the quantity passes {grouped_text(lower.upper)}",
                label="more usage costs less here",
                labels=[Label(lower.span, f"costs {grouped_text(here)} at its end")],
                help="write `graduated` if each unit should cost the price of its own tier, "
                f"or give this tier `minimum {grouped_text(here)}`",
            )


def warn_cheaper_bills(scope: Scope, tiers: tuple[ir.Tier, ...]) -> None:
    """The same under `counted`: nothing billed is priced again, so what falls is the price of the bill's own units."""
    for lower, higher in pairwise(tiers):
        here, there = rate_of(lower), rate_of(higher)
        if here is not None and there is not None and lower.upper is not None and there < here:
            scope.report(
                "W0201",
                higher.span,
                f"all units of a bill cost {grouped_text(there)} each instead of {grouped_text(here)} "
                f"when the counter passes {grouped_text(lower.upper)} in it",
                label="more usage can cost less here",
                labels=[Label(lower.span, f"{grouped_text(here)} each until then")],
                help="write `graduated` if each unit should cost the price of its own tier",
            )


def rate_of(tier: ir.Tier) -> Fraction | None:
    """What one unit costs in a tier, where that needs no table."""
    match tier.price:
        case ir.Linear(rate=ir.Const(value=Fraction() as rate)):
            return rate
        case _:
            return None


def total_at(tier: ir.Tier, quantity: Fraction) -> Fraction | None:
    """What a volume tier costs at a quantity, where that needs no table."""
    match tier.price:
        case ir.Flat(amount=amount):
            total = amount
        case ir.Linear(rate=ir.Const(value=Fraction() as rate)):
            total = rate * quantity
        case _:
            return None
    total += tier.plus or 0
    if tier.minimum is not None:
        total = max(total, tier.minimum)
    if tier.maximum is not None:
        total = min(total, tier.maximum)
    return total
