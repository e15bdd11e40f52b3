"""Amount steps: what works on money after the price (language reference, section 5)."""

from __future__ import annotations

from fractions import Fraction

from pricing_dsl.check import numbers
from pricing_dsl.check.conditions import check_when
from pricing_dsl.check.factors import check_factor
from pricing_dsl.check.flow import Flow, pool, require_dimension
from pricing_dsl.check.rates import number_rate, table_rate
from pricing_dsl.check.scope import Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.syntax import nodes as syntax


def check_amount_step(scope: Scope, flow: Flow, step: syntax.Step, word: str) -> ir.Step | None:
    """One amount step; pool steps among them add up what no `each` keeps. `None` after a finding."""
    match step:
        case syntax.Times(factor=factor):
            when = check_when(scope, flow, step, word, by_cell=True)
            made = check_factor(scope, flow, factor, word)
            return None if made is None else ir.Times("times", made, when=when, span=step.span)
        case syntax.Markup(percent=percent) | syntax.Margin(percent=percent):
            return relative_step(scope, flow, step, percent, word)
        case syntax.Discount():
            return discount_step(scope, flow, step, word)
        case syntax.Prorate(by=by):
            return ir.Prorate(by, when=check_when(scope, flow, step, word, by_cell=True), span=step.span)
        case syntax.ShowBy(dimensions=dimensions):
            known = [require_dimension(scope, flow, name, word) for name in dimensions]
            if not all(known):
                return None
            return ir.ShowBy(tuple(name.text for name in dimensions), span=step.span)
    when = check_when(scope, flow, step, word, by_cell=False)
    match step:
        case syntax.DiscountGraduated(bands=bands, prorated=prorated):
            pool(scope, flow, step.span, word)
            return ir.DiscountGraduated(check_bands(scope, bands), prorated, when=when, span=step.span)
        case syntax.Plus(amount=amount, prorated=prorated):
            pool(scope, flow, step.span, word)
            value = numbers.money(scope, amount)
            return None if value is None else ir.Plus(value, prorated, when=when, span=step.span)
        case syntax.Minimum(bound=rate, prorated=prorated) | syntax.Maximum(bound=rate, prorated=prorated):
            pool(scope, flow, step.span, word)
            bound = check_bound(scope, flow, rate, word)
            clamp = ir.Minimum if isinstance(step, syntax.Minimum) else ir.Maximum
            return None if bound is None else clamp(bound, prorated, when=when, span=step.span)
        case syntax.Round(mode=mode, to=to):
            pool(scope, flow, step.span, word)
            multiple = numbers.money(scope, to)
            if multiple is None or multiple <= 0:
                scope.report("D0302", to.span, "`round` needs a number above 0", help="write `round half_up to 0.01`")
                return None
            return ir.RoundMoney(mode, multiple, when=when, span=step.span)
        case _:
            raise AssertionError(f"`{word}` is not an amount step")


def relative_step(
    scope: Scope, flow: Flow, step: syntax.Markup | syntax.Margin, percent: syntax.Number, word: str
) -> ir.Step | None:
    """`markup 30%` is x 1.3, `margin 30%` is / 0.7; a margin of 100% or more is an error (rule 16)."""
    when = check_when(scope, flow, step, word, by_cell=True)
    share = percent.value
    if isinstance(step, syntax.Markup):
        numbers.warn_factor(scope, 1 + share, percent.span, word)
        factor = ir.Const(1 + share, span=percent.span)
        return ir.Times("markup", factor, when=when, span=step.span)
    if share >= 1:
        scope.report(
            "D0304",
            percent.span,
            "a margin of 100% or more has no price",
            help="a margin is the share of the price that is kept: below 100%; `markup` adds to the cost",
        )
        return None
    return ir.Times("margin", ir.Const(1 / (1 - share), span=percent.span), when=when, span=step.span)


def discount_step(scope: Scope, flow: Flow, step: syntax.Discount, word: str) -> ir.Step | None:
    """`discount P%` and `discount TABLE` act on cells; with `above` or `up to`, or as money, on the pool."""
    amount, above, up_to = step.amount, discount_bound(scope, step.above), discount_bound(scope, step.up_to)
    by_cell = above is None and up_to is None and (isinstance(amount, syntax.Name) or amount.percent)
    when = check_when(scope, flow, step, word, by_cell=by_cell)
    if isinstance(amount, syntax.Name):
        if not by_cell:
            scope.report(
                "T0114", step.span, "a discount by table takes no `above` and no `up to`", help="write a percentage"
            )
            return None
        share = check_factor(scope, flow, amount, word)
        warn_table_discount(scope, amount)
        return None if share is None else ir.Discount(share, step.prorated, when=when, span=step.span)
    warn_discount(scope, amount)
    if by_cell:
        return ir.Discount(ir.Const(amount.value, span=amount.span), step.prorated, when=when, span=step.span)
    pool(scope, flow, step.span, word)
    if amount.percent:
        return ir.DiscountAbove(amount.value, above or Fraction(0), up_to, step.prorated, when=when, span=step.span)
    money = numbers.money(scope, amount)
    if money is None:
        return None
    return ir.DiscountMoney(money, above or Fraction(0), up_to, step.prorated, when=when, span=step.span)


def discount_bound(scope: Scope, number: syntax.Number | None) -> Fraction | None:
    """`above` and `up to`: a discount takes nothing from what is not positive (rule 20), so neither is negative."""
    if number is not None and number.value < 0:
        scope.report(
            "D0305",
            number.span,
            "a discount takes nothing below zero, so its bounds are not negative",
            help="write 0 or more, or drop it",
        )
    return numbers.money(scope, number)


def warn_discount(scope: Scope, amount: syntax.Number) -> None:
    """A discount above 100% or below zero (section 9)."""
    if amount.percent and amount.value > 1:
        scope.report(
            "W0306", amount.span, "this discount can exceed 100%", help="a discount takes at most what it is on"
        )
    elif amount.value < 0:
        scope.report(
            "D0305", amount.span, "a discount is not negative", help="write `markup` or `plus` to raise an amount"
        )


def warn_table_discount(scope: Scope, name: syntax.Name) -> None:
    """A cell above 1 (section 9) or below zero in a table of discounts."""
    symbol = scope.tables.get(name.text)
    cells = () if symbol is None else [cell for row in symbol.ir.rows for cell in row.cells if cell is not None]
    if symbol is not None and any(cell < 0 for cell in cells):
        scope.report(
            "D0305",
            name.span,
            f"a discount of `{name.text}` is negative",
            labels=[Label(symbol.node.name.span, "declared here")],
            help="cells of a discount are shares from 0% on; write `times` to raise an amount by a table",
        )
    if symbol is not None and any(cell > 1 for cell in cells):
        scope.report(
            "W0306",
            name.span,
            f"a discount of `{name.text}` exceeds 100%",
            labels=[Label(symbol.node.name.span, "declared here")],
            help="cells of a discount are shares such as `10%`; a discount takes at most what it is on",
        )


def check_bands(scope: Scope, bands: tuple[syntax.Band, ...]) -> tuple[ir.Band, ...]:
    """Bands of a graduated discount ascend."""
    made: list[ir.Band] = []
    for band in bands:
        above = discount_bound(scope, band.above) or Fraction(0)
        share = band.percent.value
        warn_discount(scope, band.percent)
        if made and above <= made[-1].above:
            scope.report(
                "D0101",
                band.above.span,
                "this band does not begin above the one before",
                label="bounds must ascend",
                help="write the bands from the lowest bound to the highest",
            )
        made.append(ir.Band(above, share))
    return tuple(made)


def check_bound(
    scope: Scope, flow: Flow, rate: syntax.RateNumber | syntax.RateName, word: str
) -> Fraction | ir.Linear | ir.Package | None:
    """`minimum MONEY` or `minimum RATE`: a rate counts the quantity that entered the price."""
    if isinstance(rate, syntax.RateName):
        return table_rate(scope, flow, rate.name, word)
    numbers.warn_bound(scope, rate.value, word)
    if rate.per is None and not rate.value.percent:
        return numbers.money(scope, rate.value)
    return number_rate(scope, flow, rate)
