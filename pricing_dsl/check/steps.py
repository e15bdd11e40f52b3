"""What kind of step each step is: its word, its side of the price, cell or pool; and orders that are rarely meant.

The two classes of steps are those of the language reference, section 5.
"""

from __future__ import annotations

from fractions import Fraction

from pricing_dsl.check.scope import Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.syntax import nodes as syntax

PRICE_STEPS = (syntax.Price, syntax.PriceWith, syntax.Graduated, syntax.Volume, syntax.Match)
QUANTITY_STEPS = (
    syntax.WhereStep, syntax.Weigh, syntax.Include, syntax.AtLeast, syntax.AtMost, syntax.Mirror, syntax.Counted,
)  # fmt: skip
AMOUNT_STEPS = (
    syntax.Times, syntax.Markup, syntax.Margin, syntax.Plus, syntax.Discount, syntax.DiscountGraduated,
    syntax.Minimum, syntax.Maximum, syntax.Prorate, syntax.ShowBy,
)  # fmt: skip
WITHOUT_WHEN = (*PRICE_STEPS, syntax.Each, syntax.Total, syntax.Largest, syntax.Counted, syntax.ShowBy)

WORDS: dict[type, str] = {
    syntax.WhereStep: "where", syntax.Weigh: "weigh", syntax.Each: "each", syntax.Include: "include",
    syntax.Round: "round", syntax.AtLeast: "at least", syntax.AtMost: "at most", syntax.Mirror: "mirror",
    syntax.Counted: "counted", syntax.Price: "price", syntax.PriceWith: "price with", syntax.Graduated: "graduated",
    syntax.Volume: "volume", syntax.Match: "match", syntax.Times: "times", syntax.Markup: "markup",
    syntax.Margin: "margin", syntax.Plus: "plus", syntax.Discount: "discount",
    syntax.DiscountGraduated: "discount graduated", syntax.Minimum: "minimum", syntax.Maximum: "maximum",
    syntax.Total: "total", syntax.Largest: "largest", syntax.Prorate: "prorate", syntax.ShowBy: "show by",
}  # fmt: skip
"""The word each step begins with."""


def key_text(key: ir.Key) -> str:
    """A key as a message names it."""
    return "`else`" if key.kind == "else" else f'"{key.text}"'


def is_cell_price(scope: Scope, step: syntax.Step) -> bool:
    """Whether a price step prices cell by cell (section 5, two classes of steps)."""
    match step:
        case syntax.Price(rate=syntax.RateName(name=name)):
            if name.text in scope.curves:
                curve = scope.curves[name.text]
                return curve.kind == "volume" and tiers_price_cells(scope, curve.tiers)
            return name.text not in scope.tables or scope.tables[name.text].package is None
        case syntax.Price(rate=syntax.RateNumber(per=syntax.Per(mode=mode))):
            return mode is None
        case syntax.Price():
            return True
        case syntax.Volume(tiers=tiers):
            return tiers_price_cells(scope, tiers)
        case _:
            return False


def tiers_price_cells(scope: Scope, tiers: tuple[syntax.Tier, ...]) -> bool:
    """Whether `volume` tiers are rates or tables only, so that each cell pays the rate of the tier reached."""
    for tier in tiers:
        if tier.plus or tier.minimum or tier.maximum:
            return False
        match tier.price:
            case syntax.Flat():
                return False
            case syntax.RateName(name=name) if name.text in scope.curves:
                return False
            case syntax.RateName(name=name) if name.text in scope.tables and scope.tables[name.text].package:
                return False
            case syntax.RateNumber(per=syntax.Per(mode=mode)) if mode is not None:
                return False
    return True


def warn_order(scope: Scope, steps: tuple[syntax.Step, ...]) -> None:
    """Orders that are legal and rarely meant: a discount after a minimum, rounding twice (section 9)."""
    minimum: syntax.Minimum | None = None
    rounded: syntax.Round | None = None
    priced = False
    for step in steps:
        match step:
            case syntax.Minimum():
                minimum = step
            case syntax.Discount() | syntax.DiscountGraduated() if minimum is not None:
                scope.report(
                    "W0303", step.span, "this discount lowers the amount below the minimum before it",
                    labels=[Label(minimum.span, "the minimum")], help="write the minimum last if it is a floor",
                )  # fmt: skip
            case syntax.Round():
                if rounded is not None:
                    scope.report(
                        "W0304", step.span, "this rounds what was rounded before",
                        labels=[Label(rounded.span, "rounded here")], help="round once, at the end",
                    )  # fmt: skip
                elif priced and (step.to.value * 10**scope.digits).denominator != 1:
                    scope.report(
                        "W0304", step.span,
                        f"this rounds finer than {scope.currency}, and the line is rounded again at its end",
                        help=f"round to a multiple of {Fraction(1, 10**scope.digits)}, or let the line round itself",
                    )  # fmt: skip
                rounded = step
            case syntax.Price() | syntax.PriceWith() | syntax.Graduated() | syntax.Volume() | syntax.Match():
                priced, rounded = True, None
            case _:
                pass
