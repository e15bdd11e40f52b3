"""What a step may ask while it runs: tables, other quantities, lines by name, shares of time; and whom it tells.

`Context` belongs to one evaluation, `Run` to one walk through a pipeline: it collects what left the pipeline without a
price, so that the end of the evaluation can tell usage that another charge takes from usage that none does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.lookup import Missing, Tables
from pricing_dsl.evaluate.reference import expressions
from pricing_dsl.evaluate.reference.cells import Cell, Key, Origin, Refusal, key_of
from pricing_dsl.evaluate.reference.reasons import pair
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.numbers import grouped_text
from pricing_dsl.values.periods import BillingPeriod

Prorated = (
    ir.Include | ir.Discount | ir.DiscountAbove | ir.DiscountMoney | ir.DiscountGraduated | ir.Plus | ir.Minimum
    | ir.Maximum | ir.Prorate
)  # fmt: skip
"""Steps that may count with the share of time in which they are in force."""


@dataclass
class Context:
    """One evaluation. `total(quantity, key)` is a quantity's whole total, or that of one group (rule 13)."""

    currency: str
    tables: Tables
    period: BillingPeriod
    explain: bool
    total: Callable[[str, Key], Fraction]
    segment_texts: tuple[str, ...] = ("",)
    """Each segment in words, for explanations; one for a period that nothing cuts."""


@dataclass
class Run:
    """One pipeline on its way. `name` is the charge or quantity, `source` what it is on, counted in `unit`."""

    context: Context
    name: str
    source: str
    unit: str
    in_force: Callable[[Prorated, ir.Proration], Fraction] | None = None
    """The share of the whole billing period in which a step is in force; `None`: in all that is priced."""
    seconds: Mapping[int, int] = field(default_factory=lambda: {0: 1})
    """How long the segments are in which the line is in force: what zero amounts are spread by (rule 1)."""
    dropped: set[Origin] = field(default_factory=set)
    """Cells that a `where` left to other charges."""
    refused: list[Refusal] = field(default_factory=list)
    reached: dict[tuple[int, Key], Fraction] = field(default_factory=dict)
    """What each tier choice of `volume` goes by: the quantity at the period's end, by step and group (rule 2)."""
    is_at_end: bool = False
    """Whether this run is at the period's end, and so writes `reached`."""

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

    def elsewhere(self, *, at_end: bool = False) -> Run:
        """The same pipeline at another instant, whose refusals are kept apart."""
        return replace(self, dropped=set(), refused=[], is_at_end=at_end)

    def after(self, step: ir.Step) -> Run:
        """The same pipeline behind a step: `weigh ... as UNIT` counts another unit from there on."""
        return replace(self, unit=step.unit) if isinstance(step, ir.Weigh) and step.unit is not None else self

    def choice(self, step: ir.Step, key: Key, quantity: Fraction) -> Fraction:
        """The quantity by which `step` chooses a tier: that at the period's end, where `quantity` is not it already."""
        if self.is_at_end:
            self.reached[id(step), key] = quantity
        return self.reached.get((id(step), key), quantity)

    def share(self, step: Prorated) -> Fraction:
        """The share of the whole billing period in which a step is in force; 1 if it is not prorated (rule 26)."""
        by = step.by if isinstance(step, ir.Prorate) else step.prorated
        if by is None:
            return Fraction(1)
        return self.context.period.share(by) if self.in_force is None else self.in_force(step, by)

    def number(self, expression: ir.Expression, key: Key) -> Fraction:
        """An expression on quantities, read for one group."""
        return expressions.number(expression, lambda ref: self.context.total(ref.name, key))

    def inputs(self, expression: ir.Expression, key: Key) -> list[tuple[str, str]]:
        """What an expression reads, for an explanation."""
        refs = dict.fromkeys(ref.name for ref in expressions.references(expression))
        return [pair(name, self.context.total(name, key)) for name in refs]

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


class Runs(NamedTuple):
    """One pipeline in one segment: at its end, at its start, and at the end of the period (rule 2)."""

    end: Run
    start: Run
    whole: Run

    @classmethod
    def of(cls, run: Run) -> Runs:
        return cls(run, run.elsewhere(), run.elsewhere(at_end=True))

    def after(self, steps: Iterable[ir.Step]) -> Runs:
        """The same pipeline behind some steps."""
        found = self
        for step in steps:
            found = Runs(*(run.after(step) for run in found))
        return found
