"""Cell steps as operations on a coefficient: `where`, `weigh`, rates, factors and discounts, and arms of a `match`.

Which steps act cell by cell is said in the language reference, section 5 (two classes of steps).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import lcm, prod
from typing import Literal

from pricing_dsl.evaluate.lookup import best_arm, holds
from pricing_dsl.evaluate.scalar.sources import Operation, Outcome, Path, follow
from pricing_dsl.evaluate.scalar.tables import Dimensions, Reader, Tables
from pricing_dsl.evaluate.scalar.writing import Fallback
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import expression_reads, step_lookups

Shares = dict[str, Fraction]
"""The share of the billing period that is priced, by `day` and by `second`."""


def dimensions_of(expression: ir.Expression | None) -> frozenset[str]:
    """The dimensions that a condition reads."""
    if expression is None:
        return frozenset()
    return frozenset(ref.name for ref in expression_reads(expression) if ref.kind == "dimension")


def share_of(shares: Shares, prorated: ir.Proration | None) -> Fraction:
    """What a prorated amount is multiplied by."""
    return Fraction(1) if prorated is None else shares[prorated]


def is_cellwise(steps: Iterable[ir.Step]) -> bool:
    """Whether steps price cell by cell from end to end, so that a cell's amount is its quantity times a coefficient."""
    for step in steps:
        match step:
            case ir.Where() | ir.Weigh() | ir.Times() | ir.Discount() | ir.Prorate() | ir.Counted() | ir.ShowBy():
                continue
            case ir.Price(rate=ir.Linear() | ir.Reject()):
                continue
            case ir.Match(arms=arms) if all(is_cellwise(arm.steps) for arm in arms):
                continue
            case _:
                return False
    return True


@dataclass(frozen=True, slots=True)
class Operations:
    """Makes operations of steps, for one program and one set of shares."""

    tables: Tables
    shares: Shares

    def where(self, step: ir.Where) -> Operation:
        gone = Outcome.FREE if step.else_free else Outcome.GONE

        def apply(dimensions: Dimensions, value: Fraction) -> Fraction | Outcome:
            return value if not holds(step.when, dimensions) or holds(step.condition, dimensions) else gone

        return Operation(dimensions_of(step.condition) | dimensions_of(step.when), 1, apply, keeps_all=False)

    def entries(self, steps: tuple[ir.Step, ...]) -> Operation | None:
        """Step 4: a cell that a table, a keyed step or a `match` on its way has no entry for leaves before all else.

        `None` where every cell has all its entries.
        """
        read, tables = entry_dimensions(steps, self.tables), self.tables
        if read is None:
            return None

        def apply(dimensions: Dimensions, value: Fraction) -> Fraction | Outcome:
            return Outcome.GONE if passage(steps, dimensions, tables) == "refused" else value

        return Operation(read, 1, apply, keeps_all=False)

    def weigh(self, step: ir.Weigh) -> Operation:
        """A cell that weighs nothing is no usage: it makes no group, but it has been taken."""
        multiply = self.multiply(step.factor, step.when)

        def apply(dimensions: Dimensions, value: Fraction) -> Fraction | Outcome:
            return multiply.apply(dimensions, value) or Outcome.EMPTY

        keeps_all = isinstance(step.factor, ir.Const) and step.factor.value != 0
        return Operation(multiply.dimensions, multiply.denominator, apply, keeps_all)

    def times(self, step: ir.Times) -> Operation:
        return self.multiply(step.factor, step.when)

    def multiply(self, factor: ir.Factor, when: ir.Expression | None) -> Operation:
        read = self.tables.read(factor)

        def apply(dimensions: Dimensions, value: Fraction) -> Fraction | Outcome:
            return value * required(read, dimensions) if holds(when, dimensions) else value

        dimensions = frozenset(self.tables.dimensions(factor)) | dimensions_of(when)
        return Operation(dimensions, self.tables.denominator(factor), apply)

    def rate(self, rate: ir.Linear | ir.Reject) -> Operation:
        """A linear price. A cell that is below zero here is an error that the reference evaluator says (rule 7)."""
        if isinstance(rate, ir.Reject):
            return Operation(frozenset(), 1, refuse)
        read = self.tables.read(rate.rate)

        def apply(dimensions: Dimensions, value: Fraction) -> Fraction | Outcome:
            if value < 0:
                raise Fallback
            return value * required(read, dimensions)

        dimensions = frozenset(self.tables.dimensions(rate.rate))
        return Operation(dimensions, self.tables.denominator(rate.rate), apply)

    def gate(self, operation: Operation) -> Operation:
        """Keeps the cells that an operation keeps, and their coefficients."""

        def apply(dimensions: Dimensions, value: Fraction) -> Fraction | Outcome:
            found = operation.apply(dimensions, value)
            return found if isinstance(found, Outcome) else value

        return Operation(operation.dimensions, 1, apply, operation.keeps_all)

    def discount(self, step: ir.Discount) -> Operation:
        read = self.tables.read(step.share)
        period = share_of(self.shares, step.prorated)

        def apply(dimensions: Dimensions, value: Fraction) -> Fraction | Outcome:
            if value <= 0 or not holds(step.when, dimensions):
                return value
            return value * remaining(required(read, dimensions) * period)

        denominator = self.tables.denominator(step.share) * period.denominator
        dimensions = frozenset(self.tables.dimensions(step.share)) | dimensions_of(step.when)
        return Operation(dimensions, denominator, apply)

    def prorate(self, step: ir.Prorate) -> Operation:
        share = self.shares[step.by]

        def apply(dimensions: Dimensions, value: Fraction) -> Fraction | Outcome:
            return value * share if holds(step.when, dimensions) else value

        return Operation(dimensions_of(step.when), share.denominator, apply)

    def arm(self, step: ir.Match, index: int) -> Operation:
        """Keeps the cells of one arm."""

        def apply(dimensions: Dimensions, value: Fraction) -> Fraction | Outcome:
            return value if best_arm(step, dimensions) == index else Outcome.GONE

        return Operation(frozenset((step.dimension,)), 1, apply, keeps_all=False, deals=True)

    def arms(self, step: ir.Match, paths: list[Path]) -> Operation:
        """A whole `match` whose arms price cell by cell."""

        def apply(dimensions: Dimensions, value: Fraction) -> Fraction | Outcome:
            index = best_arm(step, dimensions)
            return Outcome.GONE if index is None else follow(paths[index], dimensions, value)

        read = {dimension for path in paths for operation in path for dimension in operation.dimensions}
        denominator = lcm(*(prod(operation.denominator for operation in path) for path in paths))
        return Operation(frozenset(read | {step.dimension}), denominator, apply, keeps_all=False)

    def priced(self, steps: Iterable[ir.Step]) -> tuple[Path, Path]:
        """Cellwise steps as two paths: of the quantity that enters the price, and of the amount at the end."""
        quantity: list[Operation] = []
        amount: list[Operation] = []
        for step in steps:
            match step:
                case ir.Where():
                    one = other = self.where(step)
                case ir.Weigh():
                    one = other = self.weigh(step)
                case ir.Price(rate=ir.Linear() | ir.Reject() as rate):
                    other = self.rate(rate)
                    one = self.gate(other)
                case ir.Match(arms=arms):
                    paths = [self.priced(arm.steps) for arm in arms]
                    one = self.arms(step, [path for path, _ in paths])
                    other = self.arms(step, [path for _, path in paths])
                case ir.Times():
                    amount.append(self.times(step))
                    continue
                case ir.Discount():
                    amount.append(self.discount(step))
                    continue
                case ir.Prorate():
                    amount.append(self.prorate(step))
                    continue
                case _:
                    continue
            quantity.append(one)
            amount.append(other)
        return tuple(quantity), tuple(amount)


def remaining(share: Fraction) -> Fraction:
    """What a discount by `share` leaves: it takes at most all."""
    return 1 - min(share, Fraction(1))


def refuse(_dimensions: Dimensions, _value: Fraction) -> Fraction | Outcome:
    """What is refused at its price is an entry of `unpriced`, which the reference evaluator lists."""
    raise Fallback


# --- step 4: what has no entry ---


def required(read: Reader, dimensions: Dimensions) -> Fraction:
    """A factor that is there: cells without an entry have left."""
    found = read(dimensions)
    if found is None:
        raise Fallback
    return found


def entry_dimensions(steps: Iterable[ir.Step], tables: Tables) -> frozenset[str] | None:
    """The dimensions that decide whether a cell has all its entries; `None` where no step needs one."""
    found: set[str] = set()
    needs = False
    for step in steps:
        found |= dimensions_of(step.when)
        match step:
            case ir.Where(condition=condition):
                found |= dimensions_of(condition)
            case ir.Match(dimension=dimension, arms=arms):
                needs = True
                found.add(dimension)
                for arm in arms:
                    found |= walked_dimensions(arm.steps, tables)
            case _:
                lookups = list(cell_lookups(step))
                needs |= bool(lookups)
                for factor in lookups:
                    found |= set(tables.dimensions(factor))
    return frozenset(found) if needs else None


def walked_dimensions(steps: Iterable[ir.Step], tables: Tables) -> set[str]:
    """The dimensions that a walk through steps asks for."""
    found: set[str] = set()
    for step in steps:
        found |= dimensions_of(step.when) | (entry_dimensions((step,), tables) or frozenset())
        if isinstance(step, ir.Where):
            found |= dimensions_of(step.condition)
    return found


def cell_lookups(step: ir.Step) -> Iterable[ir.Lookup]:
    """The tables that a step reads for every cell; those of tiers are read once the tier is known."""
    if isinstance(step, ir.Graduated) or (isinstance(step, ir.Volume) and not step.is_by_cell):
        return ()
    return step_lookups(step)


def has_entry(step: ir.Step, dimensions: Dimensions, tables: Tables) -> bool:
    """Whether a step's tables have something for a cell: of a `volume` that prices cells, those of some tier."""
    if not isinstance(step, ir.Volume):
        return all(tables.read(factor)(dimensions) is not None for factor in cell_lookups(step))
    if not step.is_by_cell or any(isinstance(tier.price, ir.Reject) for tier in step.tiers):
        return True
    rates = [tier.price.rate for tier in step.tiers if isinstance(tier.price, ir.Linear)]
    return any(tables.read(rate)(dimensions) is not None for rate in rates)


def passage(steps: Iterable[ir.Step], dimensions: Dimensions, tables: Tables) -> Literal["through", "left", "refused"]:
    """How far the dimension values of a cell come."""
    for step in steps:
        if not holds(step.when, dimensions):
            continue
        match step:
            case ir.Where(condition=condition):
                if not holds(condition, dimensions):
                    return "left"
            case ir.Match(arms=arms):
                index = best_arm(step, dimensions)
                inner = "refused" if index is None else passage(arms[index].steps, dimensions, tables)
                if inner != "through":
                    return inner
            case _:
                if not has_entry(step, dimensions, tables):
                    return "refused"
    return "through"
