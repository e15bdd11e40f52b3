"""Rates and tiers: what a price says, converted to money per one unit of the quantity it meets.

A rate per `GB` on a quantity in `MB` is converted exactly; on one that counts something else it is an error that shows
both origins (U0301). On a quantity of money only percentages and tables of plain numbers are prices (section 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from pricing_dsl.check import numbers
from pricing_dsl.check.flow import Flow, report_missing_dimension
from pricing_dsl.check.scope import Scope, TableSymbol
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax
from pricing_dsl.values.numbers import decimal_text

TierPrice = ir.Linear | ir.Package | ir.Flat | ir.Reject | ir.Graduated | ir.Volume


def check_rate(scope: Scope, flow: Flow, rate: syntax.Rate, word: str) -> ir.Linear | ir.Package | ir.Reject | None:
    """A rate that is not a curve. `None` after a finding."""
    match rate:
        case syntax.Free():
            return ir.Linear(ir.Const(Fraction(0), span=rate.span), span=rate.span)
        case syntax.Reject():
            return ir.Reject(span=rate.span)
        case syntax.RateNumber():
            return number_rate(scope, flow, rate)
        case syntax.RateName(name=name):
            return table_rate(scope, flow, name, word)


def number_rate(scope: Scope, flow: Flow, rate: syntax.RateNumber) -> ir.Linear | ir.Package | None:
    """`2.00`, `2.00 per 1M tokens`, `5 per started 100`, `2.9%`."""
    number, per = rate.value, rate.per
    if number.percent:
        if not flow.counts_money and flow.unit is not None:
            scope.report(
                "T0108",
                number.span,
                f"a percentage prices money, but `{flow.source}` counts `{flow.unit}`",
                label="a percentage of what is not money",
                labels=[Label(flow.unit_span, f"`{flow.source}` is declared in `{flow.unit}`")],
                help="write money per unit, such as `0.50 per 1k`, or measure money with `unit USD`",
            )
            return None
        if per is not None:
            scope.report("T0109", per.span, "a percentage takes no `per`", help="drop the `per`")
            return None
        return ir.Linear(ir.Const(number.value, span=number.span), span=rate.span)
    if number.unit is not None:
        scope.report(
            "U0304", number.span, f"a rate is money, not `{number.unit.text}`", help=f"write `per {number.unit.text}`"
        )
        return None
    if flow.counts_money:
        scope.report(
            "T0110",
            rate.span,
            f"`{flow.source}` counts money, and a bare rate on money says nothing",
            label="bare rate on money",
            labels=[Label(flow.unit_span, f"`{flow.source}` counts money")],
            help=f"write `{decimal_text(number.value * 100 if abs(number.value) < 1 else number.value)}%`",
        )
        return None
    if per is None:
        return ir.Linear(ir.Const(number.value, span=number.span), span=rate.span)
    size = per_size(scope, flow, per, rate.span)
    if size is None:
        return None
    if per.mode is not None:
        return ir.Package(ir.Const(number.value, span=number.span), size, per.mode, span=rate.span)
    return ir.Linear(ir.Const(number.value / size, span=number.span), span=rate.span)


def per_size(scope: Scope, flow: Flow, per: syntax.Per, span: Span) -> Fraction | None:
    """How many units of the quantity `per ...` means."""
    amount = Fraction(1) if per.amount is None else per.amount.value
    if amount <= 0:
        scope.report("D0301", per.span, "a rate is per a positive number of units", help="write a number above 0")
        return None
    if per.unit is None:
        if per.amount is not None:
            numbers.require_unambiguous(scope, flow, per.amount.value, per.amount.span, "per")
        return amount
    unit = scope.unit_named(per.unit)
    if unit is None:
        return None
    if flow.unit is None:
        return amount
    factor = scope.factor(unit, flow.unit)
    if factor is None:
        report_rate_clash(scope, flow, span, unit)
        return None
    return amount * factor


def report_rate_clash(scope: Scope, flow: Flow, span: Span, unit: str) -> None:
    """U0301, as section 10 shows it."""
    scope.report(
        "U0301",
        span,
        f"this rate is per `{unit}`, but `{flow.source}` counts `{flow.unit}`",
        label=f"rate per {unit}",
        labels=[Label(flow.unit_span, f"`{flow.source}` is declared in `{flow.unit}` here")],
        help=f"write `per 1 {flow.unit}`, or price a meter that counts {unit}",
    )


def require_table(scope: Scope, name: syntax.Name) -> TableSymbol | None:
    """The table of that name, or a finding."""
    symbol = scope.tables.get(name.text)
    if symbol is None:
        if name.text in scope.curves:
            scope.report("T0111", name.span, f"`{name.text}` is a curve, and this needs a table", help="name a table")
        else:
            scope.unknown("N0103", "rate table or curve", name, [*scope.tables, *scope.curves])
        return None
    scope.used.add(("rates", name.text))
    return symbol


def require_table_dimensions(scope: Scope, flow: Flow, symbol: TableSymbol, name: syntax.Name, word: str) -> bool:
    """Whether the quantity still has every dimension the table is keyed by; also its coverage (section 9)."""
    for dimension in symbol.ir.dimensions:
        if dimension not in flow.dimensions:
            report_missing_dimension(scope, flow, dimension, name.span, f"{word} {name.text}")
            return False
    return True


def table_rate(scope: Scope, flow: Flow, name: syntax.Name, word: str) -> ir.Linear | ir.Package | None:
    """A rate table by name, scaled to the quantity's unit; plain numbers are per one unit, as a bare rate is."""
    symbol = require_table(scope, name)
    if symbol is None or not require_table_dimensions(scope, flow, symbol, name, word):
        return None
    warn_uncovered(scope, flow, symbol, name)
    if flow.counts_money:
        if symbol.kind == "rate":
            scope.report(
                "T0110",
                name.span,
                f"`{flow.source}` counts money, and `{name.text}` is a table of rates per unit",
                label="rates per unit on money",
                labels=[Label(symbol.unit_span, "per unit"), Label(flow.unit_span, f"`{flow.source}` counts money")],
                help="price money with percentages or with a table of plain numbers (a table without `per`)",
            )
            return None
        return ir.Linear(ir.Lookup(name.text, Fraction(1), span=name.span), span=name.span)
    size = symbol.per
    if symbol.kind == "number" and flow.unit is not None:
        scope.report(
            "W0308",
            name.span,
            f"`{name.text}` has no `per`, so its prices are per 1 {flow.unit}",
            label=f"per 1 {flow.unit}",
            labels=[Label(symbol.node.name.span, "declared without `per`")],
            help=f"write `rates {name.text} per 1 {flow.unit} by ...` if that is meant",
        )
    if symbol.unit is not None and flow.unit is not None:
        factor = scope.factor(symbol.unit, flow.unit)
        if factor is None:
            scope.report(
                "U0301",
                name.span,
                f"these rates are per `{symbol.unit}`, but `{flow.source}` counts `{flow.unit}`",
                label=f"rates per {symbol.unit}",
                labels=[
                    Label(symbol.unit_span, f"`{name.text}` is declared per `{symbol.unit}` here"),
                    Label(flow.unit_span, f"`{flow.source}` is declared in `{flow.unit}` here"),
                ],
                help=f"use a table per `{flow.unit}`, or price a meter that counts {symbol.unit}",
            )
            return None
        size *= factor
    if symbol.package is not None:
        return ir.Package(ir.Lookup(name.text, Fraction(1), span=name.span), size, symbol.package, span=name.span)
    return ir.Linear(ir.Lookup(name.text, 1 / size, span=name.span), span=name.span)


def warn_uncovered(scope: Scope, flow: Flow, symbol: TableSymbol, name: syntax.Name) -> None:
    """A value that the meter can produce and no row or column can match: such usage would be unpriced."""
    table = symbol.ir
    row_dimensions = table.dimensions[:-1] if table.columns else table.dimensions
    for position, dimension in enumerate(table.dimensions):
        values = flow.dimensions.get(dimension)
        if values is None:
            continue
        if position < len(row_dimensions):
            keys = {row.keys[position] for row in table.rows}
        else:
            keys = set(table.columns)
        missing = [value for value in sorted(values) if not any(key_matches(key, value) for key in keys)]
        if missing:
            some = ", ".join(f'"{value}"' for value in missing)
            scope.report(
                "W0302",
                name.span,
                f"`{name.text}` has no entry for `{dimension}` {some}, which `{flow.source}` produces",
                label="this usage would be unpriced",
                labels=[Label(symbol.node.name.span, f"`{name.text}` is declared here")],
                help="add the entry, an `else`, or `-` cells where it is not sold",
            )


def key_matches(key: ir.Key, value: str) -> bool:
    """Whether a key of a table, keyed step or `match` matches a dimension value."""
    match key.kind:
        case "else":
            return True
        case "exact":
            return key.text == value
        case "pattern":
            return pattern_matches(key.text, value)


def pattern_matches(pattern: str, value: str) -> bool:
    """Whether `value` matches a pattern in which `*` stands for any text, also none."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == value
    if not value.startswith(first) or not value.endswith(rest[-1]) or len(value) < len(first) + len(rest[-1]):
        return False
    at, end = len(first), len(value) - len(rest[-1])
    for piece in rest[:-1]:
        found = value.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def named_units(scope: Scope, steps: tuple[syntax.Step, ...]) -> dict[str, Span]:
    """The units that prices of these steps name, with their place: what makes a bare bound ambiguous."""
    found: dict[str, Span] = {}
    for rate in rates_in(scope, steps, frozenset()):
        if isinstance(rate, syntax.RateNumber) and rate.per is not None and rate.per.unit is not None:
            symbol = scope.units.get(rate.per.unit.text)
            if symbol is not None:
                found.setdefault(symbol.name, rate.per.unit.span)
        elif isinstance(rate, syntax.RateName) and rate.name.text in scope.tables:
            table = scope.tables[rate.name.text]
            if table.unit is not None:
                found.setdefault(table.unit, rate.name.span)
    return found


def rates_in(scope: Scope, steps: tuple[syntax.Step, ...], seen: frozenset[str]) -> Iterator[syntax.Rate]:
    """Every rate that a pipeline names, through arms, tiers and curves."""
    for step in steps:
        match step:
            case syntax.Price(rate=rate):
                yield from curve_rates(scope, rate, seen)
            case syntax.Graduated(tiers=tiers) | syntax.Volume(tiers=tiers):
                yield from tier_rates(scope, tiers, seen)
            case syntax.Match(arms=arms):
                for arm in arms:
                    yield from rates_in(scope, arm.steps, seen)
            case syntax.Minimum(bound=bound) | syntax.Maximum(bound=bound):
                yield bound
            case _:
                pass


def tier_rates(scope: Scope, tiers: tuple[syntax.Tier, ...], seen: frozenset[str]) -> Iterator[syntax.Rate]:
    for tier in tiers:
        if not isinstance(tier.price, syntax.Flat):
            yield from curve_rates(scope, tier.price, seen)


def curve_rates(scope: Scope, rate: syntax.Rate, seen: frozenset[str]) -> Iterator[syntax.Rate]:
    yield rate
    if isinstance(rate, syntax.RateName) and rate.name.text in scope.curves and rate.name.text not in seen:
        curve = scope.curves[rate.name.text]
        yield from tier_rates(scope, curve.tiers, seen | {curve.name.text})
