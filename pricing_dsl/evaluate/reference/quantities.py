"""What a charge may be on: meters and named quantities, with the meter cells that each cell came from.

A quantity has a source and steps, or adds terms over the dimensions they share, or is an expression on totals (language
reference, section 3). Where segments cut the period it is read as it stands at any instant, from the usage of the
segments before it. Read by another pipeline it is its whole quantity in the billing period, inside `each` that of the
same group (rule 13).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pricing_dsl.evaluate.lookup import Tables, Value
from pricing_dsl.evaluate.reference import expressions
from pricing_dsl.evaluate.reference.cells import ZERO, Cell, Key, Origin, Refusal, cells_by
from pricing_dsl.evaluate.reference.context import Context, Run
from pricing_dsl.evaluate.reference.entries import without_entryless
from pricing_dsl.evaluate.reference.pipeline import Terms, run_quantity_steps
from pricing_dsl.evaluate.reference.quantity_steps import whole_pool
from pricing_dsl.evaluate.usage import Cells
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.periods import BillingPeriod


@dataclass(frozen=True, slots=True)
class Reading:
    """The cells of a meter or quantity, and where they came from.

    `origins` are all cells of meters that it could have, `taken` those that no `where` dropped and no table `refused`.
    """

    cells: tuple[Cell, ...]
    origins: frozenset[Origin]
    taken: frozenset[Origin]
    refused: tuple[Refusal, ...] = ()

    @property
    def quantity(self) -> Fraction:
        return sum((cell.quantity for cell in self.cells), ZERO)


class Usages:
    """The usage of every segment of one evaluation, and all quantities as they stand after some of them."""

    def __init__(
        self,
        program: ir.Program,
        usages: Sequence[Mapping[str, Cells]],
        period: BillingPeriod,
        texts: tuple[str, ...],
        *,
        explain: bool,
    ) -> None:
        self.meters = {meter.name: meter for meter in program.meters}
        self.named = {quantity.name: quantity for quantity in program.quantities}
        self.tables = {table.name: table for table in program.tables}
        self.usages = usages
        self._known: dict[tuple[int, ...], Quantities] = {}
        self.context = Context(program.currency, Tables(program), period, explain, self.total, texts)

    def after(self, segments: Iterable[int]) -> Quantities:
        """All quantities on the usage of these segments, in time order."""
        indices = tuple(segments)
        known = self._known.get(indices)
        if known is None:
            known = self._known[indices] = Quantities(self, indices)
        return known

    @property
    def whole(self) -> Quantities:
        """All quantities on the usage of the whole billing period."""
        return self.after(range(len(self.usages)))

    def total(self, name: str, key: Key) -> Fraction:
        """The whole quantity in the billing period, or that of the group `key` (rule 13)."""
        return self.whole.total(name, key)

    def adds_over_time(self, name: str) -> bool:
        """Whether usage of segments adds up: all meters that the quantity is made of are sums or counts (rule 3)."""
        meter = self.meters.get(name)
        if meter is not None:
            return meter.adds_over_time
        quantity = self.named[name]
        names = [term.name for term in quantity.terms]
        if quantity.source is not None:
            names.append(quantity.source)
        if quantity.expression is not None:
            names.extend(ref.name for ref in expressions.references(quantity.expression))
        return all(self.adds_over_time(part) for part in names)


class Quantities:
    """All meters and quantities on the usage of some segments, each read once."""

    def __init__(self, usages: Usages, segments: tuple[int, ...]) -> None:
        self.usages = usages
        self.segments = segments
        self.context = usages.context
        self.meters = usages.meters
        self.named = usages.named
        self._readings: dict[str, Reading] = {}
        self._totals: dict[tuple[str, tuple[str, ...]], dict[Key, Fraction]] = {}

    def read(self, name: str) -> Reading:
        """The cells of a meter or named quantity."""
        reading = self._readings.get(name)
        if reading is None:
            reading = self._readings[name] = self._read(name)
        return reading

    def total(self, name: str, key: Key) -> Fraction:
        """A quantity added up, or that of the group `key`."""
        names = tuple(dimension for dimension, _ in key)
        totals = self._totals.get((name, names))
        if totals is None:
            groups = cells_by(self.read(name).cells, names)
            totals = {group: sum((cell.quantity for cell in cells), ZERO) for group, cells in groups.items()}
            self._totals[name, names] = totals
        return totals.get(key, ZERO)

    def unit(self, name: str) -> str:
        return self.meters[name].unit if name in self.meters else self.named[name].unit

    def _read(self, name: str) -> Reading:
        meter = self.meters.get(name)
        if meter is not None:
            return self._meter(meter)
        quantity = self.named[name]
        if quantity.source is not None:
            return self._piped(quantity, quantity.source)
        if quantity.terms:
            return self._sum(quantity)
        assert quantity.expression is not None
        return self._expression(quantity.expression)

    def _meter(self, meter: ir.Meter) -> Reading:
        """The cells of usage as given, added up where they add over time, else those of the last segment (rule 3)."""
        quantities: dict[tuple[Value, ...], Fraction] = {}
        origins: dict[tuple[Value, ...], set[Origin]] = {}
        for segment in self.segments:
            for values, quantity in self.usages.usages[segment].get(meter.name, {}).items():
                before = quantities.get(values, ZERO) if meter.adds_over_time else ZERO
                quantities[values] = before + quantity
                origins.setdefault(values, set()).add((meter.name, values, segment))
        cells = tuple(
            Cell(given(meter.dimensions, values), quantity, frozenset(origins[values]))
            for values, quantity in quantities.items()
            if quantity
        )
        whence = frozenset().union(*origins.values())
        return Reading(cells, whence, whence)

    def _piped(self, quantity: ir.Quantity, source: str) -> Reading:
        """A source and quantity steps."""
        base = self.read(source)
        run = Run(self.context, quantity.name, source, self.unit(source))
        cells = without_entryless(run, quantity.steps, base.cells)
        groups = run_quantity_steps(run, Terms.of(quantity.steps), whole_pool(cells))
        made = tuple(
            Cell(cell.dimensions, cell.quantity, cell.origins, (*group.notes, *cell.notes))
            for group in groups
            for cell in group.cells
            if cell.quantity
        )
        return Reading(made, base.origins, base.taken - run.lost, (*base.refused, *run.refused))

    def _sum(self, quantity: ir.Quantity) -> Reading:
        """Terms added over the dimensions that all share."""
        readings = [self.read(term.name) for term in quantity.terms]
        scaled = [
            Cell(cell.dimensions, cell.quantity * term.factor, cell.origins)
            for term, reading in zip(quantity.terms, readings, strict=True)
            for cell in reading.cells
        ]
        cells = tuple(
            Cell(dict(key), added, frozenset().union(*(cell.origins for cell in inside)))
            for key, inside in cells_by(scaled, quantity.dimensions).items()
            if (added := sum((cell.quantity for cell in inside), ZERO))
        )
        return together(cells, readings)

    def _expression(self, expression: ir.Expression) -> Reading:
        """An expression on totals has no dimensions."""
        names = dict.fromkeys(ref.name for ref in expressions.references(expression))
        readings = [self.read(name) for name in names]
        value = expressions.number(expression, lambda ref: self.total(ref.name, ()))
        cells = (Cell({}, value, together((), readings).taken),) if value else ()
        return together(cells, readings)


def given(names: tuple[str, ...], values: tuple[Value, ...]) -> dict[str, Value]:
    """The dimensions that a cell of usage says; those it does not say are read by no step."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def together(cells: tuple[Cell, ...], readings: list[Reading]) -> Reading:
    """A reading made of several: a cell that one of them takes is taken."""
    return Reading(
        cells,
        frozenset().union(*(reading.origins for reading in readings)),
        frozenset().union(*(reading.taken for reading in readings)),
        tuple(refusal for reading in readings for refusal in reading.refused),
    )
