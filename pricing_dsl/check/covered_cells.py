"""What a balance meets at the price of a line that it covers: which unit, which dimensions, which prices.

Credits in units pay directly before the price, in the unit of the quantity there (rule 32); balances of money pay the
cells of a line, which have the dimensions that its price has left (rules 28 and 29). A `match` has one price in each
arm. Asked of the lines as every version of a contract has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pricing_dsl.check.scope import Scope
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import expression_reads, step_lookups

CELL_AMOUNTS = (ir.Times, ir.Discount, ir.Prorate)
"""Amount steps that work cell by cell, so that two cells may differ in price by them."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """One price of a line, and what is known of a cell before it.

    `unit` is what the quantity counts there, `weighed` the step that said so. `lost` are the dimensions that are pooled
    before, each with the step; `pinned` those that have one value here. `later` are the steps on money behind it.
    """

    unit: str
    dimensions: frozenset[str]
    each: frozenset[str] = frozenset()
    pinned: frozenset[str] = frozenset()
    lost: Mapping[str, ir.Step] = field(default_factory=dict)
    weighed: ir.Weigh | None = None
    price: ir.Step | None = None
    later: tuple[ir.Step, ...] = ()

    def pooled(self, step: ir.Step, kept: frozenset[str]) -> Meeting:
        """The same behind a step that adds up every dimension but those."""
        gone = self.dimensions - kept
        return replace(self, dimensions=self.dimensions & kept, lost={**self.lost, **dict.fromkeys(gone, step)})

    def priced(self, scope: Scope) -> Meeting:
        """The same behind the price: the cells that a balance of money meets."""
        match self.price:
            case ir.Price(rate=ir.Package(price=factor)):
                own = frozenset(table_of(scope, factor).dimensions) if isinstance(factor, ir.Lookup) else frozenset()
                return self.pooled(self.price, self.each | own)
            case ir.Graduated():
                return self.pooled(self.price, self.each)
            case ir.Volume() if not self.price.is_by_cell:
                return self.pooled(self.price, self.each)
            case _:
                return self

    @property
    def is_by_cell(self) -> bool:
        """Whether the price is a cell step, so that one unit of a cell has a price."""
        match self.price:
            case ir.Price(rate=ir.Package()) | ir.Graduated():
                return False
            case ir.Volume():
                return self.price.is_by_cell
            case _:
                return True


def meetings(charge: ir.Charge) -> Iterator[Meeting]:
    """The prices of a charge, those of the arms of a `match` each on its own, in the order written."""
    return met(charge.steps, Meeting(charge.unit, frozenset(charge.dimensions)))


def met(steps: tuple[ir.Step, ...], at: Meeting) -> Iterator[Meeting]:
    """The prices of a pipeline that begins where `at` is known."""
    outer = at.each
    for i, step in enumerate(steps):
        match step:
            case ir.Each(dimensions=dimensions):
                at = replace(at, each=at.each | frozenset(dimensions))
            case ir.Total() | ir.Largest():
                at = replace(at.pooled(step, outer), each=outer)
            case ir.Where(condition=condition, when=None):
                at = replace(at, pinned=at.pinned | pinned_by(condition))
            case ir.Weigh(unit=unit) if unit is not None:
                at = replace(at, unit=unit, weighed=step)
            case ir.Include(policy=None) | ir.AtLeast() | ir.AtMost() | ir.RoundQuantity() | ir.Mirror():
                at = at.pooled(step, at.each)
            case ir.Match(dimension=dimension, arms=arms):
                behind = (*steps[i + 1 :], *at.later)
                for arm in arms:
                    one = frozenset({dimension} if [key.kind for key in arm.keys] == ["exact"] else ())
                    yield from met(arm.steps, replace(at, pinned=at.pinned | one, later=behind))
                return
            case ir.Price() | ir.Graduated() | ir.Volume():
                yield replace(at, price=step, later=(*steps[i + 1 :], *at.later))
                return
            case _:
                pass


def pinned_by(condition: ir.Expression | None) -> frozenset[str]:
    """The dimensions that have one value wherever a condition holds."""
    match condition:
        case ir.Apply(operator="and", arguments=arguments):
            return frozenset[str]().union(*map(pinned_by, arguments))
        case ir.Apply(operator="==" | "in", arguments=(ir.Ref(name=name), ir.Const())):
            return frozenset({name})
        case ir.Apply(operator="==", arguments=(ir.Const(), ir.Ref(name=name))):
            return frozenset({name})
        case _:
            return frozenset()


def dimensions_in(condition: ir.Expression) -> dict[str, ir.Ref]:
    """The dimensions that a condition asks, each where it is first named."""
    found: dict[str, ir.Ref] = {}
    for ref in expression_reads(condition):
        if ref.kind == "dimension":
            found.setdefault(ref.name, ref)
    return found


def differing(scope: Scope, meeting: Meeting, where: ir.Expression | None) -> tuple[ir.Node, str] | None:
    """By which step and dimension the cells of one pool differ in price; `None` where they do not."""
    free = meeting.dimensions - meeting.each - meeting.pinned - pinned_by(where)
    steps = (meeting.price, *(step for step in meeting.later if isinstance(step, CELL_AMOUNTS)))
    for step in steps:
        assert step is not None
        asked = [d for d in dimensions_in(step.when) if d in free] if step.when is not None else []
        for lookup in step_lookups(step):
            table = table_of(scope, lookup)
            cells = {cell for row in table.rows for cell in row.cells if cell is not None}
            if len(cells) > 1:
                asked.extend(d for d in table.dimensions if d in free)
        if asked:
            return step, asked[0]
    return None


def table_of(scope: Scope, lookup: ir.Lookup) -> ir.Table:
    """The table that a rate or factor reads, named or inline."""
    return lookup.table if isinstance(lookup.table, ir.Table) else scope.tables[lookup.table].ir
