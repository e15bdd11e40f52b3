"""Meters and named quantities as the sources of a plan's lines, each read or computed once per evaluation.

A quantity stands wherever a meter may (language reference, section 3): as a number where it has no dimensions, else as
cells in a dict that a loop reads again. What is asked of a source becomes a slot of its loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from pricing_dsl.evaluate.scalar.cells import Operations, Shares
from pricing_dsl.evaluate.scalar.expressions import ExpressionCode
from pricing_dsl.evaluate.scalar.groups import Cells, Collected, Groups
from pricing_dsl.evaluate.scalar.literals import all_steps, quantity_denominator
from pricing_dsl.evaluate.scalar.meters import MeterLoop
from pricing_dsl.evaluate.scalar.pipeline import Pipeline
from pricing_dsl.evaluate.scalar.prices import Numbers
from pricing_dsl.evaluate.scalar.runtime import quantity_reader
from pricing_dsl.evaluate.scalar.sources import Operation, Source, dict_loop
from pricing_dsl.evaluate.scalar.tables import Tables
from pricing_dsl.evaluate.scalar.writing import Atom, Names, Num, Scale, Writer, common, product
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import expression_reads, sources_read
from pricing_dsl.limits import CELLS_MAX


@dataclass(frozen=True, slots=True)
class Binding:
    """What a plan is bound to besides its own numbers.

    `places`: decimal places of quantities. `shares`: of the billing period that is priced. `fees`: what each fee comes
    to, exactly, and for how many of its service periods it is billed.
    """

    places: int
    shares: tuple[tuple[str, Fraction], ...]
    fees: tuple[tuple[str, tuple[Fraction, int]], ...]


class SourceCode:
    """Writes the sources of one plan for one binding. `statement`: whole quantities and parts are asked for."""

    def __init__(
        self, program: ir.Program, plan: ir.Plan, tables: Tables, binding: Binding, *, statement: bool
    ) -> None:
        self.program = program
        self.plan = plan
        self.names = Names()
        self.shares: Shares = dict(binding.shares)
        self.fees = dict(binding.fees)
        self.operations = Operations(tables, self.shares)
        self.statement = self.shows_parts = statement
        self.body = Writer(2)
        self.reads = sources_read(program, plan)
        self.meters = {meter.name: meter for meter in program.meters}
        self.quantities = {quantity.name: quantity for quantity in program.quantities}
        self.charged = charged_sources(self.quantities, plan)
        own = lcm(*(quantity_denominator(steps, self.shares) for steps in self.pipelines()))
        self.scale = lcm(10**binding.places, own)
        self.unit = Atom("Q", self.scale)
        self.cents = Atom("cents", 10**program.digits)
        self.signed = any(
            isinstance(step, ir.Mirror | ir.AtLeast) for steps in self.pipelines() for step in all_steps(steps)
        )
        self.read_quantity = quantity_reader(self.scale, binding.places)
        self.reader = self.names.parameter(self.read_quantity)
        self.keeps_dimensions = self.signed or self.needs_cells()
        """Whether named quantities keep dimensions that no step reads: where single cells matter, not their sums."""
        self.sources: dict[str, Source | Num] = {}
        self.minors: dict[str, str] = {}
        """The variables of the rounded lines written so far."""
        self.loops: list[Callable[[], None]] = []

    def pipelines(self) -> list[tuple[ir.Step, ...]]:
        """The steps whose bounds count units: of quantities, of charges on them, and of tiers chosen by them."""
        steps = [self.quantities[name].steps for name in self.reads if name in self.quantities]
        for line in self.plan.lines:
            if isinstance(line, ir.Charge):
                steps.append(line.steps if isinstance(line.source, str) else steps_on_quantities(line.steps))
        return steps

    def needs_cells(self) -> bool:
        """Whether a used quantity can have cells below zero, or free units are shared over cells."""
        for name in self.reads:
            quantity = self.quantities.get(name)
            if quantity is not None and (self.can_fall(quantity) or any(term.factor < 0 for term in quantity.terms)):
                return True
        steps = [step for pipeline in self.pipelines() for step in all_steps(pipeline)]
        return any(isinstance(step, ir.Include) and step.policy is not None for step in steps)

    def can_fall(self, quantity: ir.Quantity) -> bool:
        """Whether steps of a quantity can take it below zero."""
        return any(
            isinstance(step, ir.AtMost)
            or (isinstance(step, ir.Weigh) and self.operations.tables.smallest(step.factor) < 0)
            for step in quantity.steps
        )

    # --- what pipelines ask for ---

    def quantity_scale(self) -> Scale:
        return (self.unit,)

    def read(self, ref: ir.Ref, keys: tuple[str, ...], key: str) -> Num:
        """A quantity's total (of the group `key`), or a line's rounded amount."""
        if ref.kind == "line":
            return Num(self.minors[ref.name], (self.cents,))
        source = self.sources[ref.name]
        if isinstance(source, Num):
            return source
        slot = source.slot(self.names, (), keys or None)
        if not keys:
            return Num(slot.name, source.scale)
        return Num(f"{slot.name}.get({key}, 0)", source.scale)

    def internal_source(self, writer: Writer, groups: str, source: Source) -> None:
        self.loops.append(lambda: dict_loop(writer, self.names, source, groups))

    # --- the function ---

    def meter(self, meter: ir.Meter) -> None:
        source = Source(meter.name, meter.dimensions, (self.unit,), meter.name in self.charged, self.signed)
        self.sources[meter.name] = source
        required = self.reads[meter.name]
        cells_max = CELLS_MAX // max(len(self.program.meters), 1)
        loop = MeterLoop(meter, source, required, cells_max, self.reader, self.read_quantity, self.scale == 1)
        writer = self.body.part()
        self.loops.append(lambda: loop.write(writer, self.names))

    # --- quantities ---

    def quantity(self, name: str) -> None:
        """A named quantity as a source, after those that it is made of."""
        if name in self.sources:
            return
        quantity = self.quantities[name]
        for other in made_of(quantity):
            if other in self.quantities:
                self.quantity(other)
        charging = name in self.charged
        if quantity.expression is not None:
            self.sources[name] = self.expression_quantity(quantity.expression, charging)
            return
        dimensions = quantity.dimensions
        if not self.keeps_dimensions:
            dimensions = tuple(d for d in dimensions if d in self.reads[name])
        if quantity.source is not None:
            self.piped_quantity(quantity, quantity.source, dimensions, charging)
        else:
            self.sum_quantity(quantity, dimensions, charging)

    def is_signed(self, quantity: ir.Quantity) -> bool:
        """Whether cells of the quantity can be below zero."""
        if self.signed or self.can_fall(quantity) or any(term.factor < 0 for term in quantity.terms):
            return True
        return any(self.is_signed_source(other) for other in made_of(quantity))

    def is_signed_source(self, name: str) -> bool:
        source = self.sources.get(name)
        return isinstance(source, Num) or (source is not None and source.signed)

    def expression_quantity(self, expression: ir.Expression, charging: bool) -> Num:
        for ref in expression_reads(expression):
            source = self.sources[ref.name]
            if isinstance(source, Source):
                source.slot(self.names, (), None, charging=charging)
        value = ExpressionCode(self.names, self.body, lambda ref: self.read(ref, (), "()")).value(expression)
        return self.kept(Num(value.text, common(value.scale, ())))

    def kept(self, value: Num) -> Num:
        """A quantity in a variable, on a scale on which the plan's bounds are whole."""
        scale = common(value.scale, (self.unit,))
        name = self.names.new("q")
        self.body.line(f"{name} = {self.names.raised(value, scale)}")
        return Num(name, scale)

    def sum_quantity(self, quantity: ir.Quantity, dimensions: tuple[str, ...], charging: bool) -> None:
        """Terms, added cell by cell over the dimensions they share."""
        parts: list[tuple[Num, str | None]] = []
        for term in quantity.terms:
            factor = self.names.constant(term.factor)
            source = self.sources[term.name]
            if isinstance(source, Num):
                parts.append((Num(product(source.text, factor.text), (*source.scale, *factor.scale)), None))
                continue
            slot = source.slot(self.names, (), dimensions or None, charging=charging)
            text = "v" if dimensions else slot.name
            scale = (*source.scale, *factor.scale)
            parts.append((Num(product(text, factor.text), scale), slot.name if dimensions else None))
        scale = common(*(part.scale for part, _ in parts))
        if not dimensions:
            text = " + ".join(self.names.raised(part, scale) for part, _ in parts)
            self.sources[quantity.name] = self.kept(Num(f"({text})", scale))
            return
        target = self.names.new("g")
        self.body.line(f"{target} = {{}}")
        for part, name in parts:
            assert name is not None
            with self.body.block(f"for k, v in {name}.items():"):
                self.body.line(f"{target}[k] = {target}.get(k, 0) + {self.names.raised(part, scale)}")
        self.keep_source(quantity.name, target, dimensions, scale, signed=self.is_signed(quantity))

    def keep_source(self, name: str, groups: str, dimensions: tuple[str, ...], scale: Scale, *, signed: bool) -> None:
        """Cells in a dict as the source of what is on them."""
        source = Source(name, dimensions, scale, name in self.charged, signed)
        self.sources[name] = source
        self.internal_source(self.body.part(), groups, source)

    def piped_quantity(self, quantity: ir.Quantity, on: str, dimensions: tuple[str, ...], charging: bool) -> None:
        """A source and quantity steps."""
        money = Atom("none", 1)
        state, _ = self.start(on, quantity.steps)
        pipeline = Pipeline(
            self, self.body, state, money, always=True, charging=charging, counts_entered=False
        )  # fmt: skip
        pipeline.run(quantity.steps)
        negative = pipeline.state.can_be_negative or self.is_signed(quantity)
        keys = dimensions if dimensions else None
        sums = pipeline.finish(keys)
        if keys is None:
            self.sources[quantity.name] = self.kept(sums.amount.value)
            return
        groups = self.unfactored(sums.amount)
        self.keep_source(quantity.name, groups, dimensions, sums.amount.scale, signed=negative)

    def unfactored(self, collected: Collected) -> str:
        """A dict with its factor multiplied in."""
        if collected.factor is None:
            return collected.name
        target = self.names.new("g")
        self.body.line(f"{target} = {{k: {collected.times_factor('v')} for k, v in {collected.name}.items()}}")
        return target

    def start(self, on: str, steps: tuple[ir.Step, ...]) -> tuple[Cells | Groups, Num]:
        """The state at the start of a pipeline on a source, and the whole quantity."""
        source = self.sources[on]
        if isinstance(source, Num):
            return self.scalar_state(source), source
        path: tuple[Operation, ...] = ()
        scale = source.scale
        entries = self.operations.entries(steps)
        if entries is not None:
            path, scale = (entries,), (*scale, self.names.atom(1))
        whole_quantity = Num("0", ())
        if self.statement:
            whole_quantity = Num(source.slot(self.names, (), None).name, source.scale)
        return Cells(source, path, scale, (), source.signed), whole_quantity

    def scalar_state(self, value: Num) -> Groups:
        """One number as the pool of a whole charge."""
        name = self.names.new("v")
        before = self.body.later()
        self.body.line(f"{name} = {value.text}")
        numbers = Numbers(self.names, self.operations.tables)
        return Groups((), (), None, name, value.scale, False, True, numbers, before, before)

    def named(self, value: Num) -> Num:
        """A value in a variable."""
        name = self.names.new("e")
        self.body.line(f"{name} = {value.text}")
        return Num(name, value.scale)


def steps_on_quantities(steps: tuple[ir.Step, ...]) -> tuple[ir.Step, ...]:
    """The steps of a derived charge whose bounds are in the units of another quantity."""
    return tuple(step for step in all_steps(steps) if isinstance(step, ir.Volume) and step.on is not None)


def made_of(quantity: ir.Quantity) -> list[str]:
    """The meters and quantities that a quantity is computed from."""
    names = [quantity.source] if quantity.source is not None else [term.name for term in quantity.terms]
    expressions = [] if quantity.expression is None else [quantity.expression]
    for step in all_steps(quantity.steps):
        if isinstance(step, ir.Include | ir.AtLeast | ir.AtMost):
            expressions.append(step.amount)
    names += [ref.name for expression in expressions for ref in expression_reads(expression)]
    return list(dict.fromkeys(names))


def charged_sources(quantities: dict[str, ir.Quantity], plan: ir.Plan) -> frozenset[str]:
    """Meters and quantities that a charge is on, directly or through a quantity."""
    found: set[str] = set()

    def add(name: str) -> None:
        if name in found:
            return
        found.add(name)
        quantity = quantities.get(name)
        if quantity is None:
            return
        names = [quantity.source] if quantity.source is not None else [term.name for term in quantity.terms]
        if quantity.expression is not None:
            names += [ref.name for ref in expression_reads(quantity.expression)]
        for other in names:
            add(other)

    for line in plan.lines:
        if isinstance(line, ir.Charge) and isinstance(line.source, str):
            add(line.source)
    return frozenset(found)
