"""The IR in the words of the language, one line each: what differences and timelines are told in.

    include 100k
    graduated { to 1M: 0.5 per 1k  above: 0.4 per 1k }
    discount 10% on tokens above 10_000

The IR holds meanings, so this is the program as its author could have written it, not as it was written: rates come
back per 1, 1k, 1M or 1B, whichever reads best. Pure text; nothing here is parsed again.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import assert_never

from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.numbers import decimal_text, grouped_text

SUFFIXES = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
SCALES = ((1, ""), (10**3, "1k"), (10**6, "1M"), (10**9, "1B"))
READABLE = Fraction(1, 100)
"""Rates below this are said per 1k, 1M or 1B."""

INFIX = frozenset({"+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">=", "and", "or", "like"})


# --- numbers and keys ----------------------------------------------------------------------------------------------


def quantity(value: Fraction) -> str:
    """A quantity.

    >>> quantity(Fraction(2_500_000)), quantity(Fraction(1_234)), quantity(Fraction(1, 8))
    ('2.5M', '1_234', '0.125')
    """
    for size, suffix in SUFFIXES:
        if abs(value) >= size and (value * 10 / size).denominator == 1:
            return f"{decimal_text(value / size)}{suffix}"
    return grouped_text(value)


def money(value: Fraction) -> str:
    """An amount of money: grouped, no suffix."""
    return grouped_text(value)


def percent(share: Fraction) -> str:
    """A fraction as a percentage.

    >>> percent(Fraction(29, 1000))
    '2.9%'
    """
    return f"{grouped_text(share * 100)}%"


def rate(value: Fraction) -> str:
    """Money per unit, per as many units as read well.

    >>> rate(Fraction(20)), rate(Fraction(1, 2000)), rate(Fraction(0))
    ('20', '0.5 per 1k', 'free')
    """
    if not value:
        return "free"
    for size, name in SCALES:
        if abs(value * size) >= READABLE or size == SCALES[-1][0]:
            return grouped_text(value * size) + (f" per {name}" if name else "")
    raise AssertionError("the last scale takes everything")


def key(one: ir.Key) -> str:
    """A key of a table or an arm."""
    return "else" if one.kind == "else" else f'"{one.text}"'


def keys(several: Iterable[ir.Key]) -> str:
    return ", ".join(map(key, several))


def prorated(by: ir.Proration | None) -> str:
    return "" if by is None else f" prorated by {by}"


# --- expressions ---------------------------------------------------------------------------------------------------


def expression(node: ir.Expression, *, amount: bool = False) -> str:
    """An expression; in one of amounts (`amount`), quantities stand in `quantity(...)` and numbers are money."""
    match node:
        case ir.Const(value=Fraction() as number):
            return money(number) if amount else quantity(number)
        case ir.Const(value=bool() as truth):
            return "true" if truth else "false"
        case ir.Const(value=text):
            return f'"{text}"'
        case ir.Ref(kind="quantity", name=name) if amount:
            return f"quantity({name})"
        case ir.Ref(name=name):
            return name
        case ir.Apply(operator=operator, arguments=arguments):
            return _applied(operator, [_inner(argument, amount) for argument in arguments])
        case _:
            assert_never(node)


def _inner(node: ir.Expression, amount: bool) -> str:
    said = expression(node, amount=amount)
    return f"({said})" if isinstance(node, ir.Apply) and node.operator in INFIX else said


def _applied(operator: str, said: list[str]) -> str:
    if operator in INFIX:
        return f" {operator} ".join(said)
    match operator:
        case "neg":
            return f"-{said[0]}"
        case "not":
            return f"not {said[0]}"
        case "in":
            return f"{said[0]} in ({', '.join(said[1:])})"
        case "if":
            return f"if {said[0]} then {said[1]} else {said[2]}"
        case "default":
            return f"{said[0]} or {said[1]}"
        case _:
            return f"{operator.partition(':')[2] or operator}({', '.join(said)})"


# --- prices --------------------------------------------------------------------------------------------------------


def price(node: ir.Linear | ir.Package | ir.Flat | ir.Reject | ir.Graduated | ir.Volume, share: bool) -> str:
    """What a price step or a tier charges; `share` where the quantity is money, so that rates are percentages."""
    match node:
        case ir.Linear(rate=ir.Const(value=Fraction() as value)):
            return percent(value) if share and value else rate(value)
        case ir.Linear(rate=ir.Lookup() as looked):
            return lookup(looked)
        case ir.Package(price=ir.Const(value=Fraction() as value), size=size, mode=mode):
            return f"{money(value)} per {mode} {quantity(size)}"
        case ir.Package(price=ir.Lookup() as looked, size=size, mode=mode):
            return f"{lookup(looked)} per {mode} {quantity(size)}"
        case ir.Flat(amount=amount):
            return f"flat {money(amount)}"
        case ir.Reject():
            return "reject"
        case ir.Graduated() | ir.Volume():
            return step(node, share)
        case _:
            raise AssertionError(f"{node} is no price")


def lookup(looked: ir.Lookup) -> str:
    """A table read per cell: its name, or its keys and values where it was written in place."""
    if isinstance(looked.table, ir.Table):
        rows = (_row(row, looked.scale) for row in looked.table.rows)
        return f"{', '.join(looked.table.dimensions)} {{ {'  '.join(rows)} }}"
    per = 1 / looked.scale if looked.scale else Fraction(1)
    return looked.table if per == 1 else f"{looked.table} per {quantity(per)}"


def _row(row: ir.Row, scale: Fraction) -> str:
    said = ["-" if cell is None else grouped_text(cell * scale) for cell in row.cells]
    return f"{keys(row.keys)}: {' '.join(said)}"


def tier(node: ir.Tier, share: bool) -> str:
    """`to 1M: 0.5 per 1k plus 10`."""
    said = f"{bound(node)}: {price(node.price, share)}"
    for word, amount in (("plus", node.plus), ("minimum", node.minimum), ("maximum", node.maximum)):
        if amount is not None:
            said += f" {word} {money(amount)}"
    return said + (" even at zero" if node.even_at_zero else "")


def bound(node: ir.Tier) -> str:
    if node.upper is None:
        return "above"
    return f"{'to' if node.inclusive else 'below'} {quantity(node.upper)}"


# --- steps ---------------------------------------------------------------------------------------------------------


def step(node: ir.Step, share: bool) -> str:
    """One step. `share`: the quantity is money."""
    said = _price_step(node, share) if isinstance(node, ir.PriceStep) else _other_step(node)
    return said if node.when is None else f"{said} when {expression(node.when)}"


def _price_step(node: ir.PriceStep, share: bool) -> str:
    match node:
        case ir.Price(rate=charged):
            return f"price {price(charged, share)}"
        case ir.Graduated(tiers=tiers):
            return f"graduated {{ {'  '.join(tier(each, share) for each in tiers)} }}"
        case ir.Volume(on=on, tiers=tiers):
            by = "" if on is None else f" on {expression(on)}"
            return f"volume{by} {{ {'  '.join(tier(each, share) for each in tiers)} }}"
        case ir.Match(dimension=dimension, arms=arms):
            return f"match {dimension} {{ {'  '.join(arm(each, share) for each in arms)} }}"
        case _:
            assert_never(node)


def arm(node: ir.Arm, share: bool) -> str:
    return f"{keys(node.keys) or 'else'} {{ {'  '.join(step(each, share) for each in node.steps)} }}"


def _other_step(node: ir.Step) -> str:  # one case for each kind of step
    match node:
        case ir.Where(condition=condition, else_free=else_free):
            return f"where {expression(condition)}" + (" else free" if else_free else "")
        case ir.Weigh(factor=factor):
            return f"weigh {_factor(factor)}"
        case ir.Each(dimensions=dimensions):
            return f"each {', '.join(dimensions)}"
        case ir.Include(amount=amount, policy=policy, prorated=by):
            over = "" if policy is None else f" across cells {policy}"
            return f"include {expression(amount)}{over}{prorated(by)}"
        case ir.RoundQuantity(mode=mode, to=to) | ir.RoundMoney(mode=mode, to=to):
            return f"round {mode} to {grouped_text(to)}"
        case ir.AtLeast(amount=amount):
            return f"at least {expression(amount)}"
        case ir.AtMost(amount=amount):
            return f"at most {expression(amount)}"
        case ir.Mirror():
            return "mirror"
        case ir.Counted(cadence=cadence):
            return f"counted {cadence}"
        case ir.Prorate(by=by):
            return f"prorate by {by}"
        case ir.ShowBy(dimensions=dimensions):
            return f"show by {', '.join(dimensions)}"
        case ir.Total():
            return "total"
        case ir.Largest():
            return "largest"
        case _:
            return _amount_step(node)


def _amount_step(node: ir.Step) -> str:
    match node:
        case ir.Times(word="markup", factor=ir.Const(value=Fraction() as factor)):
            return f"markup {percent(factor - 1)}"
        case ir.Times(word="margin", factor=ir.Const(value=Fraction() as factor)) if factor:
            return f"margin {percent(1 - 1 / factor)}"
        case ir.Times(word=word, factor=factors):
            return f"{word} {_factor(factors)}"
        case ir.Discount(share=ir.Const(value=Fraction() as share), prorated=by):
            return f"discount {percent(share)}{prorated(by)}"
        case ir.Discount(share=shares, prorated=by):
            return f"discount {_factor(shares)}{prorated(by)}"
        case ir.DiscountAbove(share=share, above=above, up_to=up_to, prorated=by):
            return f"discount {percent(share)}{_limits(above, up_to)}{prorated(by)}"
        case ir.DiscountMoney(amount=amount, above=above, up_to=up_to, prorated=by):
            return f"discount {money(amount)}{_limits(above, up_to)}{prorated(by)}"
        case ir.DiscountGraduated(bands=bands, prorated=by):
            return f"discount {_bands(bands)}{prorated(by)}"
        case ir.Plus(amount=amount, prorated=by):
            return f"plus {money(amount)}{prorated(by)}"
        case ir.Minimum(bound=limit, prorated=by):
            return f"minimum {_clamp(limit)}{prorated(by)}"
        case ir.Maximum(bound=limit, prorated=by):
            return f"maximum {_clamp(limit)}{prorated(by)}"
        case _:
            raise AssertionError(f"{node} is no amount step")


def _factor(factor: ir.Factor) -> str:
    if isinstance(factor, ir.Lookup):
        return lookup(factor)
    return expression(factor, amount=True)


def _clamp(limit: Fraction | ir.Linear | ir.Package) -> str:
    return money(limit) if isinstance(limit, Fraction) else price(limit, False)


def _limits(above: Fraction | None, up_to: Fraction | None) -> str:
    said = f" above {money(above)}" if above else ""
    return said if up_to is None else f"{said} up to {money(up_to)}"


def _bands(bands: Iterable[ir.Band]) -> str:
    return f"graduated {{ {'  '.join(f'above {money(b.above)}: {percent(b.share)}' for b in bands)} }}"


# --- lines, adjustments, balances ------------------------------------------------------------------------------------


def line(node: ir.Fee | ir.Charge, currency: str) -> str:
    """A whole line without its name: what a removed or added one was."""
    if isinstance(node, ir.Fee):
        return f"{money(node.amount)} {node.cadence} {node.timing}{prorated(node.prorated)}"
    said = "  ".join(step(each, node.unit == currency) for each in node.steps)
    return f"{source(node)} {{ {said} }}" if said else source(node)


def source(node: ir.Charge) -> str:
    """`on tokens`, or `= 0.05 * tokens`."""
    return f"on {node.source}" if isinstance(node.source, str) else f"= {expression(node.source, amount=True)}"


def adjustment(node: ir.Adjustment) -> str:
    """`discount 10% on tokens above 10_000 as NAME`."""
    if node.amount is None:
        amount = _bands(node.bands)
    else:
        amount = percent(node.amount) if node.percent else money(node.amount)
    on = "" if node.lines is None else f" on {', '.join(node.lines)}"
    name = "" if node.name is None else f" as {node.name}"
    return f"{node.kind} {amount}{on}{_limits(node.above, node.up_to)}{prorated(node.prorated)}{name}"


def covers(covered: tuple[ir.Cover, ...] | None) -> str:
    """The lines that a balance pays."""
    if covered is None:
        return "every line"
    return ", ".join(c.line if c.where is None else f"{c.line} where {expression(c.where)}" for c in covered)


def bill(node: ir.Bill) -> str:
    """`monthly on day 15`."""
    start = " from term" if node.from_term else "" if node.day is None else f" on day {node.day}"
    return f"{node.cadence}{start}"


def measure(node: ir.Measure) -> str:
    """`sum(input_tokens)`, with the value it feeds under `measure by`."""
    called = f"{node.aggregation}({', '.join(map(expression, node.arguments))})"
    return called if node.value is None else f"{node.value}: {called}"
