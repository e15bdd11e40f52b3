"""What the parser calls when it has read a declaration, a rate, a tier or a step: the builder's second part.

See `build_expressions` for the conventions. Source of the rules: language reference, sections 2 to 5.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes
from pricing_dsl.syntax.build_expressions import ExpressionBuilder

Names = tuple[nodes.Name, ...]


class DeclarationBuilder(ExpressionBuilder):
    """Builds the nodes of sections 2 to 5."""

    # --- declarations ---

    def start(self, span: Span, declarations: list[nodes.Declaration] | None = None) -> nodes.Program:
        return nodes.Program(tuple(declarations or ()), span=span)

    def currency(self, span: Span, code: nodes.Name) -> nodes.Currency:
        return nodes.Currency(code, span=span)

    def unit(
        self, span: Span, name: nodes.Name, plural: nodes.Name | None, definition: nodes.Number | None
    ) -> nodes.Unit:
        return nodes.Unit(name, plural, definition, span=span)

    def meter(
        self, span: Span, name: nodes.Name, label: nodes.Text | None, clauses: tuple[nodes.MeterClause, ...]
    ) -> nodes.Meter:
        return nodes.Meter(name, label, clauses, span=span)

    def from_clause(self, span: Span, first: nodes.Text, rest: list[nodes.Text] | None = None) -> nodes.FromClause:
        return nodes.FromClause((first, *(rest or ())), span=span)

    def where_clause(self, span: Span, condition: nodes.Expression) -> nodes.WhereClause:
        return nodes.WhereClause(condition, span=span)

    def measure_clause(self, span: Span, aggregation: nodes.Call) -> nodes.MeasureClause:
        return nodes.MeasureClause(aggregation, span=span)

    def measure_by(
        self, span: Span, dimension: nodes.Name, arms: tuple[nodes.MeasureArm, ...]
    ) -> nodes.MeasureByClause:
        return nodes.MeasureByClause(dimension, arms, span=span)

    def measure_arm(self, span: Span, value: nodes.Name | nodes.Text, aggregation: nodes.Call) -> nodes.MeasureArm:
        return nodes.MeasureArm(value, aggregation, span=span)

    def carried(self, span: Span) -> nodes.CarriedClause:
        return nodes.CarriedClause(span=span)

    def unit_clause(self, span: Span, name: nodes.Name) -> nodes.UnitClause:
        return nodes.UnitClause(name, span=span)

    def by_clause(
        self, span: Span, first: nodes.Dimension, rest: list[nodes.Dimension] | None = None
    ) -> nodes.ByClause:
        return nodes.ByClause((first, *(rest or ())), span=span)

    def dimension(self, span: Span, name: nodes.Name, expression: nodes.Expression | None) -> nodes.Dimension:
        return nodes.Dimension(name, expression, span=span)

    def timezone(self, span: Span, zone: nodes.Text) -> nodes.TimezoneClause:
        return nodes.TimezoneClause(zone, span=span)

    def quantity_on(
        self, span: Span, name: nodes.Name, source: nodes.Name, steps: tuple[nodes.Step, ...]
    ) -> nodes.Quantity:
        return nodes.Quantity(name, source, steps, None, span=span)

    def quantity_of(self, span: Span, name: nodes.Name, expression: nodes.Expression) -> nodes.Quantity:
        return nodes.Quantity(name, None, (), expression, span=span)

    # --- tables and curves ---

    def inline_rates(
        self, span: Span, name: nodes.Name, per: nodes.Per | None, dimensions: Names, body: nodes.InlineTable
    ) -> nodes.Rates:
        return nodes.Rates(name, per, dimensions, body, span=span)

    def file_rates(
        self,
        span: Span,
        name: nodes.Name,
        per: nodes.Per | None,
        dimensions: Names,
        file: nodes.Text,
        columns: tuple[nodes.FileColumn, ...],
        where: nodes.Expression | None,
    ) -> nodes.Rates:
        body = nodes.FileTable(file, columns, where, span=Span(file.span.start, span.end))
        return nodes.Rates(name, per, dimensions, body, span=span)

    def per_amount(self, span: Span, mode: Any, amount: nodes.Number, unit: nodes.Name | None) -> nodes.Per:
        return nodes.Per(mode, amount, unit, span=span)

    def per_unit(self, span: Span, mode: Any, unit: nodes.Name) -> nodes.Per:
        return nodes.Per(mode, None, unit, span=span)

    def table(
        self, span: Span, header: tuple[nodes.Key, ...] | None, rows: tuple[nodes.Row, ...] | None
    ) -> nodes.InlineTable:
        if header is None and self.recovered_at < span.start:
            at = Span(span.start - 1, span.start)
            self.report("S0143", "this table has no header", at, "write the header row, such as `model | price`")
        return nodes.InlineTable(header or (), rows or (), span=span)

    def row(self, span: Span, key: nodes.Key, *cells: Any) -> nodes.Row:
        entries = (key, cells[0], *cells[1]) if len(cells) == 2 else (key, cells[0])
        return nodes.Row(entries, span=span)

    def else_key(self, span: Span) -> nodes.Else:
        return nodes.Else(span=span)

    def free(self, span: Span) -> nodes.Free:
        return nodes.Free(span=span)

    def reject(self, span: Span) -> nodes.Reject:
        return nodes.Reject(span=span)

    def not_sold(self, span: Span) -> nodes.NotSold:
        return nodes.NotSold(span=span)

    def column(self, span: Span, target: nodes.Name, column: nodes.Name | nodes.Text) -> nodes.FileColumn:
        return nodes.FileColumn(target, column, span=span)

    def curve(self, span: Span, name: nodes.Name, kind: Any, tiers: tuple[nodes.Tier, ...]) -> nodes.Curve:
        return nodes.Curve(name, kind, tiers, span=span)

    # --- rates and tiers ---

    def rate_number(self, span: Span, value: nodes.Number, per: nodes.Per | None) -> nodes.RateNumber:
        return nodes.RateNumber(value, per, span=span)

    def rate_name(self, span: Span, name: nodes.Name) -> nodes.RateName:
        return nodes.RateName(name, span=span)

    def flat(self, span: Span, amount: nodes.Number) -> nodes.Flat:
        return nodes.Flat(amount, span=span)

    def even_at_zero(self, _: Span) -> bool:
        return True

    def bounded_price(
        self,
        _: Span,
        price: nodes.Rate,
        plus: nodes.Number | None,
        minimum: nodes.Number | None,
        maximum: nodes.Number | None,
        even_at_zero: bool | None,
    ) -> dict[str, Any]:
        return {
            "price": price,
            "plus": plus,
            "minimum": minimum,
            "maximum": maximum,
            "even_at_zero": bool(even_at_zero),
        }

    def fixed_price(self, _: Span, price: nodes.Rate | nodes.Flat, even_at_zero: bool | None) -> dict[str, Any]:
        return {"price": price, "plus": None, "minimum": None, "maximum": None, "even_at_zero": bool(even_at_zero)}

    def tier_to(self, span: Span, bound: nodes.Number, price: dict[str, Any]) -> nodes.Tier:
        return nodes.Tier("to", bound, span=span, **price)

    def tier_below(self, span: Span, bound: nodes.Number, price: dict[str, Any]) -> nodes.Tier:
        return nodes.Tier("below", bound, span=span, **price)

    def tier_above(self, span: Span, price: dict[str, Any]) -> nodes.Tier:
        return nodes.Tier("above", None, span=span, **price)

    # --- steps ---

    def step_when(self, span: Span, step: nodes.Step, when: nodes.Expression) -> nodes.Step:
        return replace(step, when=when, span=span)

    def where_step(self, span: Span, condition: nodes.Expression, else_free: bool | None) -> nodes.WhereStep:
        return nodes.WhereStep(condition, bool(else_free), span=span)

    def else_free(self, _: Span) -> bool:
        return True

    def weigh(
        self, span: Span, factor: nodes.Number | nodes.Name | nodes.Keyed, unit: nodes.Name | None
    ) -> nodes.Weigh:
        return nodes.Weigh(factor, unit, span=span)

    def keyed(self, span: Span, dimension: nodes.Name, entries: tuple[nodes.KeyedFactor, ...]) -> nodes.Keyed:
        return nodes.Keyed(dimension, entries, span=span)

    def keyed_factor(self, span: Span, key: nodes.Key, factor: nodes.Number) -> nodes.KeyedFactor:
        return nodes.KeyedFactor(key, factor, span=span)

    def each(self, span: Span, dimensions: Names) -> nodes.Each:
        return nodes.Each(dimensions, span=span)

    def include(self, span: Span, amount: nodes.Expression, policy: Any, prorated: Any) -> nodes.Include:
        return nodes.Include(amount, policy, prorated, span=span)

    def round_step(self, span: Span, mode: Any, to: nodes.Number) -> nodes.Round:
        return nodes.Round(mode, to, span=span)

    def at_least(self, span: Span, amount: nodes.Expression) -> nodes.AtLeast:
        return nodes.AtLeast(amount, span=span)

    def at_most(self, span: Span, amount: nodes.Expression) -> nodes.AtMost:
        return nodes.AtMost(amount, span=span)

    def mirror(self, span: Span) -> nodes.Mirror:
        return nodes.Mirror(span=span)

    def counted(self, span: Span, cadence: Any) -> nodes.Counted:
        return nodes.Counted(cadence, span=span)

    def price(self, span: Span, rate: nodes.Rate) -> nodes.Price:
        return nodes.Price(rate, span=span)

    def price_with(self, span: Span, shape: nodes.Name, arguments: tuple[nodes.Expression, ...]) -> nodes.PriceWith:
        return nodes.PriceWith(shape, arguments, span=span)

    def graduated(self, span: Span, tiers: tuple[nodes.Tier, ...]) -> nodes.Graduated:
        return nodes.Graduated(tiers, span=span)

    def volume(self, span: Span, on: nodes.Name | None, tiers: tuple[nodes.Tier, ...]) -> nodes.Volume:
        return nodes.Volume(on, tiers, span=span)

    def match(self, span: Span, dimension: nodes.Name, arms: tuple[nodes.Arm, ...]) -> nodes.Match:
        return nodes.Match(dimension, arms, span=span)

    def arm(self, span: Span, first: nodes.Key, *rest: Any) -> nodes.Arm:
        *more, steps = rest
        keys = (first, *more[0]) if more else (first,)
        return nodes.Arm(keys, steps, span=span)

    def times(self, span: Span, factor: nodes.Number | nodes.Name | nodes.Keyed) -> nodes.Times:
        return nodes.Times(factor, span=span)

    def markup(self, span: Span, percent: nodes.Number) -> nodes.Markup:
        return nodes.Markup(percent, span=span)

    def margin(self, span: Span, percent: nodes.Number) -> nodes.Margin:
        return nodes.Margin(percent, span=span)

    def plus(self, span: Span, amount: nodes.Number, prorated: Any) -> nodes.Plus:
        return nodes.Plus(amount, prorated, span=span)

    def discount(
        self,
        span: Span,
        amount: nodes.Number | nodes.Name,
        above: nodes.Number | None,
        up_to: nodes.Number | None,
        prorated: Any,
    ) -> nodes.Discount:
        return nodes.Discount(amount, above, up_to, prorated, span=span)

    def discount_graduated(self, span: Span, bands: tuple[nodes.Band, ...], prorated: Any) -> nodes.DiscountGraduated:
        return nodes.DiscountGraduated(bands, prorated, span=span)

    def band(self, span: Span, above: nodes.Number, percent: nodes.Number) -> nodes.Band:
        return nodes.Band(above, percent, span=span)

    def minimum(self, span: Span, bound: nodes.RateNumber | nodes.RateName, prorated: Any) -> nodes.Minimum:
        return nodes.Minimum(bound, prorated, span=span)

    def maximum(self, span: Span, bound: nodes.RateNumber | nodes.RateName, prorated: Any) -> nodes.Maximum:
        return nodes.Maximum(bound, prorated, span=span)

    def total(self, span: Span) -> nodes.Total:
        return nodes.Total(span=span)

    def largest(self, span: Span) -> nodes.Largest:
        return nodes.Largest(span=span)

    def prorate(self, span: Span, by: Any) -> nodes.Prorate:
        return nodes.Prorate(by, span=span)

    def show_by(self, span: Span, dimensions: Names) -> nodes.ShowBy:
        return nodes.ShowBy(dimensions, span=span)
