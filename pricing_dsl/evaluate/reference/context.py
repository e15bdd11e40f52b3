"""What a step may ask while it runs: tables, other quantities, lines by name, shares of time; and whom it tells.

`Context` belongs to one evaluation, `Run` to one walk through a pipeline: it collects what left the pipeline without a
price, so that the end of the evaluation can tell usage that another charge takes from usage that none does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.lookup import Missing, Tables
from pricing_dsl.evaluate.reference import expressions
from pricing_dsl.evaluate.reference.cells import Cell, Key, Origin, Refusal, key_of
from pricing_dsl.evaluate.reference.reasons import pair
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.numbers import grouped_text
from pricing_dsl.values.periods import BillingPeriod


@dataclass
class Context:
    """One evaluation. `total(quantity, key)` is a quantity's whole total, or that of one group (rule 13)."""

    currency: str
    tables: Tables
    period: BillingPeriod
    explain: bool
    total: Callable[[str, Key], Fraction]
    lines: dict[str, Fraction] = field(default_factory=dict)
    """Rounded amounts of the lines evaluated so far, before adjustments."""


@dataclass
class Run:
    """One pipeline on its way. `name` is the charge or quantity, `source` what it is on, counted in `unit`."""

    context: Context
    name: str
    source: str
    unit: str
    dropped: set[Origin] = field(default_factory=set)
    """Cells that a `where` left to other charges."""
    refused: list[Refusal] = field(default_factory=list)

    @property
    def explain(self) -> bool:
        return self.context.explain

    @property
    def tables(self) -> Tables:
        return self.context.tables

    @property
    def currency(self) -> str:
        return self.context.currency

    @property
    def lost(self) -> frozenset[Origin]:
        """The cells of meters that did not come through: dropped or refused."""
        return frozenset(self.dropped).union(*(refusal.origins for refusal in self.refused))

    def at_start(self) -> Run:
        """The same pipeline at a segment's start: what leaves there was told at its end already."""
        return replace(self, dropped=set(), refused=[])

    def after(self, step: ir.Step) -> Run:
        """The same pipeline behind a step: `weigh ... as UNIT` counts another unit from there on."""
        return replace(self, unit=step.unit) if isinstance(step, ir.Weigh) and step.unit is not None else self

    def share(self, by: ir.Proration | None) -> Fraction:
        """The share of the whole billing period that is priced; 1 for what is not prorated (rule 26)."""
        return Fraction(1) if by is None else self.context.period.share(by)

    def number(self, expression: ir.Expression, key: Key) -> Fraction:
        """An expression on quantities and lines, read for one group."""
        return expressions.number(expression, lambda ref: self.value(ref, key))

    def value(self, ref: ir.Ref, key: Key) -> Fraction:
        """A quantity's total for one group, or a line's rounded amount."""
        return self.context.lines[ref.name] if ref.kind == "line" else self.context.total(ref.name, key)

    def inputs(self, expression: ir.Expression, key: Key) -> list[tuple[str, str]]:
        """What an expression reads, for an explanation."""
        refs = {ref.name: ref for ref in expressions.references(expression)}
        return [pair(name, self.value(ref, key)) for name, ref in refs.items()]

    def factor(self, factor: ir.Factor, cell: Cell) -> Fraction:
        """A factor of a cell step; cells without an entry have left in step 4."""
        found = self.tables.factor(factor, cell.dimensions)
        assert not isinstance(found, Missing), "a cell without an entry passed step 4"
        return found

    def refuse(self, cell: Cell, quantity: Fraction, reason: str) -> None:
        """Usage that is not priced here: an entry of `unpriced`, unless another charge takes it."""
        dimensions = key_of(cell.dimensions, cell.dimensions)
        self.refused.append(Refusal(self.source, dimensions, quantity, self.unit, reason, cell.origins))

    def require_not_negative(self, cell: Cell) -> None:
        """Rule 7: a negative quantity does not reach a price."""
        if cell.quantity < 0:
            values = ", ".join(f"{name}: {value}" for name, value in cell.dimensions.items() if value is not None)
            where = f"`{self.source}[{values}]`" if values else f"`{self.source}`"
            raise EvaluationError(
                "R0201",
                f"`{self.name}` prices {where}, whose quantity is negative: {grouped_text(cell.quantity)}",
                "write `at least 0` or `mirror` before the price, or correct the usage",
            )
