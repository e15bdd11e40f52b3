"""What a plan reads of its usage: which meters, and of each meter which dimensions.

A step reads the dimensions of its condition, of its tables, of `each`, `match` and `show by`; a quantity read inside
`each` is read for the same group, so it is read by those dimensions too (rule 13). What a charge or a quantity reads of
a named quantity it reads of that quantity's meters. Whoever takes in usage asks here which dimensions a cell must have
(language reference, section 9: a meter may be given without dimensions where no step reads them). A contract reads more
than the plans in force: the conditions of `covers`, and the quantities that grants are made of. Imports only nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from pricing_dsl.ir import nodes as ir


def dimensions_read(
    program: ir.Program, plan: ir.Plan, contract: ir.Contract | None = None
) -> dict[str, frozenset[str]]:
    """For each meter that the plan's lines use: the dimensions that steps read, of charges and of the quantities used.

    With the `contract` that the plan is in force in, also what its balances read.

    >>> from pricing_dsl.ir.nodes import Bill, Plan, Program
    >>> plan = Plan("p", "", Bill("monthly", None, False), "UTC", "half_up", (), (), ())
    >>> dimensions_read(Program(1, "USD", 2, (), (), (), (plan,)), plan)
    {}
    """
    named = {quantity.name for quantity in program.quantities}
    return {name: read for name, read in sources_read(program, plan, contract).items() if name not in named}


def sources_read(program: ir.Program, plan: ir.Plan, contract: ir.Contract | None = None) -> dict[str, frozenset[str]]:
    """The same for every meter and every quantity that the plan's lines and the contract's balances use."""
    reader = _Reader(program)
    for line in plan.lines:
        if not isinstance(line, ir.Charge):
            continue
        if isinstance(line.source, str):
            reader.read(line.source, ())
            reader.steps(line.source, line.steps, ())
        else:
            reader.expression(line.source, ())
            reader.steps(None, line.steps, ())
    if contract is not None:
        reader.balances(contract, plan)
    return {name: frozenset(dimensions) for name, dimensions in reader.dimensions.items()}


def meters_used(program: ir.Program, plan: ir.Plan, contract: ir.Contract | None = None) -> frozenset[str]:
    """The meters that some line of the plan mentions, directly or through a quantity, or a grant of the contract."""
    return frozenset(dimensions_read(program, plan, contract))


def expression_reads(expression: ir.Expression) -> Iterator[ir.Ref]:
    """Every named input of an expression, in the order written."""
    match expression:
        case ir.Const():
            return
        case ir.Ref():
            yield expression
        case ir.Apply(arguments=arguments):
            for argument in arguments:
                yield from expression_reads(argument)


def step_lookups(step: ir.Step) -> Iterator[ir.Lookup]:
    """The tables that a step itself reads; of a `match`, those of its arms' steps."""
    match step:
        case ir.Weigh(factor=factor) | ir.Times(factor=factor) | ir.Discount(share=factor):
            if isinstance(factor, ir.Lookup):
                yield factor
        case ir.Price(rate=rate):
            yield from _price_lookups(rate)
        case ir.Minimum(bound=bound) | ir.Maximum(bound=bound):
            yield from _price_lookups(bound)
        case ir.Graduated(tiers=tiers) | ir.Volume(tiers=tiers):
            yield from tier_lookups(tiers)
        case ir.Match(arms=arms):
            for arm in arms:
                for inner in arm.steps:
                    yield from step_lookups(inner)
        case _:
            return


def tier_lookups(tiers: Iterable[ir.Tier]) -> Iterator[ir.Lookup]:
    """The tables that tiers read, those of nested curves included."""
    for tier in tiers:
        if isinstance(tier.price, ir.Graduated | ir.Volume):
            yield from tier_lookups(tier.price.tiers)
        else:
            yield from _price_lookups(tier.price)


def _price_lookups(rate: object) -> Iterator[ir.Lookup]:
    match rate:
        case ir.Linear(rate=ir.Lookup() as factor) | ir.Package(price=ir.Lookup() as factor):
            yield factor
        case _:
            return


class _Reader:
    """Collects the reads of a plan, meter by meter."""

    def __init__(self, program: ir.Program) -> None:
        self.tables = {table.name: table for table in program.tables}
        self.quantities = {quantity.name: quantity for quantity in program.quantities}
        self.dimensions: dict[str, set[str]] = {}

    def read(self, source: str, dimensions: Iterable[str]) -> None:
        """Some step reads these dimensions of a meter or quantity."""
        quantity = self.quantities.get(source)
        known = self.dimensions.get(source)
        if known is None:
            known = self.dimensions[source] = set()
            if quantity is not None:
                self._own_reads(quantity)
        if quantity is None:
            known.update(dimensions)
            return
        of_it = tuple(dimension for dimension in dimensions if dimension in quantity.dimensions)
        known.update(of_it)
        for name in self._sources(quantity):
            self.read(name, of_it)

    def _sources(self, quantity: ir.Quantity) -> Iterator[str]:
        if quantity.source is not None:
            yield quantity.source
        for term in quantity.terms:
            yield term.name

    def _own_reads(self, quantity: ir.Quantity) -> None:
        if quantity.source is not None:
            self.steps(quantity.source, quantity.steps, ())
        if quantity.expression is not None:
            self.expression(quantity.expression, ())

    def expression(self, expression: ir.Expression, groups: tuple[str, ...]) -> None:
        """Quantities that an amount reads, for the group it stands in."""
        for ref in expression_reads(expression):
            if ref.kind == "quantity":
                self.read(ref.name, groups)

    def condition(self, source: str | None, expression: ir.Expression) -> None:
        if source is not None:
            self.read(source, (ref.name for ref in expression_reads(expression) if ref.kind == "dimension"))

    def balances(self, contract: ir.Contract, plan: ir.Plan) -> None:
        """What commits and credits read: their amounts, and the cells of lines that `covers` asks for."""
        for balance in contract.balances:
            self.expression(balance.amount, ())
            if balance.invoiced is not None:
                self.expression(balance.invoiced, ())
        sources = {line.name: line.source for line in plan.lines if isinstance(line, ir.Charge)}
        covers = [each.covers or () for each in contract.balances] + [each.covers or () for each in contract.floors]
        for cover in chain.from_iterable(covers):
            source = sources.get(cover.line)
            if cover.where is not None and isinstance(source, str):
                self.condition(source, cover.where)

    def steps(self, source: str | None, steps: tuple[ir.Step, ...], groups: tuple[str, ...]) -> None:
        """A pipeline whose cells come from `source` (`None`: an amount, which has no dimensions)."""
        outer = groups
        for step in steps:
            if step.when is not None:
                self.condition(source, step.when)
            match step:
                case ir.Each(dimensions=dimensions):
                    groups = (*groups, *dimensions)
                    if source is not None:
                        self.read(source, dimensions)
                case ir.ShowBy(dimensions=dimensions):
                    if source is not None:
                        self.read(source, dimensions)
                case ir.Total() | ir.Largest():
                    groups = outer
                case ir.Where(condition=condition):
                    self.condition(source, condition)
                case ir.Include(amount=amount) | ir.AtLeast(amount=amount) | ir.AtMost(amount=amount):
                    self.expression(amount, groups)
                case ir.Volume(on=on) if on is not None:
                    self.expression(on, groups)
                case ir.Match(dimension=dimension, arms=arms):
                    if source is not None:
                        self.read(source, (dimension,))
                    for arm in arms:
                        self.steps(source, arm.steps, groups)
                    continue
                case _:
                    pass
            if source is not None:
                for lookup in step_lookups(step):
                    self.read(source, self._table(lookup).dimensions)

    def _table(self, lookup: ir.Lookup) -> ir.Table:
        return lookup.table if isinstance(lookup.table, ir.Table) else self.tables[lookup.table]
