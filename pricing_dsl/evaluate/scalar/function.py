"""The whole function of a plan: meters, quantities, lines in the order of their dependencies, adjustments, result.

One pass over the IR gives the text of a factory and the parameters it is called with. The text depends on the program's
shape only; the numbers, the power of ten of the quantities and the shares of the period are parameters. There are two
functions per plan: `amounts` (minor units of lines, and the total) and `statement`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

from pricing_dsl.evaluate.scalar.adjustments import AdjustmentCode
from pricing_dsl.evaluate.scalar.cells import Operations, Shares
from pricing_dsl.evaluate.scalar.expressions import ExpressionCode
from pricing_dsl.evaluate.scalar.groups import Cells, Collected, Groups
from pricing_dsl.evaluate.scalar.literals import all_steps, counts_entered, money_denominator, quantity_denominator
from pricing_dsl.evaluate.scalar.meters import MeterLoop
from pricing_dsl.evaluate.scalar.pipeline import Pipeline
from pricing_dsl.evaluate.scalar.prices import Numbers
from pricing_dsl.evaluate.scalar.runtime import quantity_reader
from pricing_dsl.evaluate.scalar.sources import Operation, Source, dict_loop
from pricing_dsl.evaluate.scalar.tables import Tables
from pricing_dsl.evaluate.scalar.writing import Atom, Names, Num, Scale, Writer, common, product, running, whole
from pricing_dsl.evaluate.statement import LineInfo
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import expression_reads, sources_read
from pricing_dsl.limits import CELLS_MAX
from pricing_dsl.values.rounding import round_to_minor


@dataclass(frozen=True, slots=True)
class Binding:
    """What a plan is bound to besides its own numbers.

    `places`: decimal places of quantities. `shares`: of the billing period that is priced. `fees`: the shares of the
    service periods that each fee is billed for.
    """

    places: int
    shares: tuple[tuple[str, Fraction], ...]
    fees: tuple[tuple[str, tuple[Fraction, ...]], ...]


class FunctionCode:
    """Writes the function of one plan for one binding."""

    def __init__(
        self, program: ir.Program, plan: ir.Plan, tables: Tables, binding: Binding, others: Callable[[Any], Any],
        *, statement: bool,
    ) -> None:  # fmt: skip
        self.program = program
        self.plan = plan
        self.names = Names()
        self.shares: Shares = dict(binding.shares)
        self.fees = dict(binding.fees)
        self.operations = Operations(tables, self.shares)
        self.others = others
        self.statement = statement
        self.body = Writer(2)
        self.reads = sources_read(program, plan)
        self.meters = {meter.name: meter for meter in program.meters}
        self.quantities = {quantity.name: quantity for quantity in program.quantities}
        self.charged = charged_sources(self.quantities, plan)
        own = lcm(*(quantity_denominator(steps, self.shares) for steps in self.pipelines()))
        self.scale = lcm(10**binding.places, own)
        self.unit = Atom("Q", self.scale)
        self.cents = Atom("cents", 10**program.digits)
        self.kept_whole = {
            line.source
            for line in self.plan.lines
            if isinstance(line, ir.Charge) and isinstance(line.source, str) and shares_free_units(line.steps)
        } | {q.source for q in program.quantities if q.source is not None and shares_free_units(q.steps)}
        """Quantities whose cells some pipeline shares free units over: it needs them with all their dimensions."""
        self.signed = any(
            isinstance(step, ir.Mirror | ir.AtLeast) for steps in self.pipelines() for step in all_steps(steps)
        )
        self.read_quantity = quantity_reader(self.scale, binding.places)
        self.reader = self.names.parameter(self.read_quantity)
        self.sources: dict[str, Source | Num] = {}
        self.minors: dict[str, str] = {}
        self.lines: dict[str, tuple[str, ...]] = {}
        """Per line: the variables or parameters that a `Line` is made of, but for its net amount."""
        self.loops: list[Callable[[], None]] = []

    def pipelines(self) -> list[tuple[ir.Step, ...]]:
        """The steps of the quantities and the charges that are on them."""
        steps = [self.quantities[name].steps for name in self.reads if name in self.quantities]
        return steps + [line.steps for line in self.plan.lines if isinstance(line, ir.Charge) and is_on_source(line)]

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

    def write(self) -> tuple[str, list[Any]]:
        """The text of the factory and its parameters."""
        body = self.body
        body.line("get = usage.get")
        body.line("left = len(usage)")
        if self.statement:
            body.line("unused = ()")
        for name in sorted(name for name in self.reads if name in self.meters):
            self.meter(self.meters[name])
        with body.block("if left:"):
            others = self.names.parameter(self.others)
            body.line(f"unused = {others}(usage)" if self.statement else f"{others}(usage)")
        for name in self.reads:
            if name in self.quantities:
                self.quantity(name)
        lines = {line.name: line for line in self.plan.lines}
        for name in self.plan.order:
            line = lines[name]
            if isinstance(line, ir.Fee):
                self.fee(line)
            else:
                self.charge(line)
        self.result()
        for loop in self.loops:
            loop()
        text = "\n".join(body.render())
        count = len(self.names.parameters)
        unpacked = "".join(f"p{i}, " for i in range(count))
        head = f"def make(parameters):\n    {unpacked}= parameters\n" if count else "def make(parameters):\n"
        arguments = "usage, period" if self.statement else "usage"
        return f"{head}    def run({arguments}):\n{text}\n    return run\n", self.names.parameters

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
        if not self.is_signed(quantity) and name not in self.kept_whole:
            dimensions = tuple(d for d in dimensions if d in self.reads[name])
        if quantity.source is not None:
            self.piped_quantity(quantity, quantity.source, dimensions, charging)
        else:
            self.sum_quantity(quantity, dimensions, charging)

    def is_signed(self, quantity: ir.Quantity) -> bool:
        """Whether cells of the quantity can be below zero."""
        return (
            self.signed
            or any(term.factor < 0 for term in quantity.terms)
            or any(
                isinstance(step, ir.Weigh) and self.operations.tables.smallest(step.factor) < 0
                for step in quantity.steps
            )
            or any(isinstance(step, ir.AtMost) for step in quantity.steps)
            or any(self.is_signed_source(other) for other in made_of(quantity))
        )

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

    # --- lines ---

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

    def charge(self, charge: ir.Charge) -> None:
        """One charge: its pipeline, rounded once."""
        steps = charge.steps
        money = self.names.atom(
            lcm(2 * 10**self.program.digits, money_denominator(steps, self.operations.tables, self.shares))
        )
        if isinstance(charge.source, str):
            state, quantity = self.start(charge.source, steps)
        else:
            value = ExpressionCode(self.names, self.body, lambda ref: self.read(ref, (), "()")).value(charge.source)
            finer = self.names.atom(quantity_denominator(steps, self.shares))
            quantity = self.named(Num(product(value.text, self.names.literal(Fraction(1), (finer,))),
                                      (*value.scale, finer)))  # fmt: skip
            state = self.scalar_state(quantity)
        pipeline = Pipeline(
            self, self.body, state, money, always=True, charging=True, counts_entered=counts_entered(steps)
        )
        if charge.priced:
            pipeline.run(steps)
        else:
            pipeline.run(steps[: charge.first_amount_step])
            groups = pipeline.pooled()
            groups.entered = Num(self.named(Num(groups.value, groups.scale)).text, groups.scale)
            groups.raise_to(self.body, self.names, (*groups.scale, money))
            groups.is_money = True
            pipeline.run(steps[charge.first_amount_step :])
        exact = self.named(pipeline.finish(None).amount.value)
        self.round_line(charge, exact, quantity)

    def named(self, value: Num) -> Num:
        """A value in a variable."""
        name = self.names.new("e")
        self.body.line(f"{name} = {value.text}")
        return Num(name, value.scale)

    def round_line(self, charge: ir.Charge, exact: Num, quantity: Num) -> None:
        """Half up, away from zero, or half even, to the minor unit."""
        minor = self.names.new("m")
        cent = Fraction(1, 10**self.program.digits)
        unit = self.names.literal(cent, exact.scale)
        if self.plan.rounding == "half_even":
            self.body.line(f"{minor} = half_even({exact.text}, {unit})")
        else:
            half = self.names.literal(cent / 2, exact.scale)
            e = exact.text
            self.body.line(f"{minor} = ({e} + {half}) // {unit} if {e} >= 0 else -(({half} - {e}) // {unit})")
        self.minors[charge.name] = minor
        info = LineInfo(charge.name, charge.label, "charge", charge.unit, self.program.digits)
        self.lines[charge.name] = (
            (self.names.parameter(info), minor, exact.text, self.size(exact.scale), quantity.text,
             self.size(quantity.scale), "()")
            if self.statement
            else ()
        )  # fmt: skip

    def size(self, scale: Scale) -> str:
        """A scale as a number."""
        return product(self.names.parameter(whole(scale)), *running(scale))

    def fee(self, fee: ir.Fee) -> None:
        """A fee does not depend on usage: all of it is known when the plan is bound."""
        shares = self.fees[fee.name]
        exact = fee.amount * sum(shares, Fraction(0))
        minor = self.names.parameter(round_to_minor(exact, self.program.digits, self.plan.rounding))
        self.minors[fee.name] = minor
        if self.statement:
            info = LineInfo(fee.name, fee.label, "fee", "period", self.program.digits)
            numbers = (exact.numerator, exact.denominator, len(shares), 1)
            texts = [self.names.parameter(number) for number in numbers]
            self.lines[fee.name] = (self.names.parameter(info), minor, *texts, "()")

    # --- adjustments and result ---

    def result(self) -> None:
        spreads = self.statement or any(adjustment.lines is not None for adjustment in self.plan.adjustments)
        code = AdjustmentCode(self.names, self.body, self.plan, self.program.digits, self.shares, spreads=spreads)
        total = code.write([self.minors[line.name] for line in self.plan.lines])
        if not self.statement:
            entries = "".join(f"{line.name!r}: {self.minors[line.name]}, " for line in self.plan.lines)
            self.body.line(f"return {{{entries}'total': {total}}}")
            return
        made = []
        for index, line in enumerate(self.plan.lines):
            info, minor, exact, over, quantity, per, parts = self.lines[line.name]
            net = code.nets[index]
            made.append(f"Line({info}, {minor}, {exact}, {over}, {net}, {quantity}, {per}, {parts})")
        rows = []
        for position, (adjustment, (row, changed)) in enumerate(zip(self.plan.adjustments, code.rows, strict=True), 1):
            name = adjustment.name or f"{adjustment.kind}_{position}"
            rows.append(f"Row({name!r}, {adjustment.kind!r}, {row}, {self.program.digits}, {changed})")
        head = f"{self.plan.name!r}, {self.program.currency!r}, {self.program.digits}, period"
        self.body.line(
            f"return Statement({head}, [{', '.join(made)}], [{', '.join(rows)}], {total}, {total}, (), unused)"
        )


def is_on_source(charge: ir.Charge) -> bool:
    return isinstance(charge.source, str)


def shares_free_units(steps: tuple[ir.Step, ...]) -> bool:
    """Whether free units are shared over cells."""
    return any(isinstance(step, ir.Include) and step.policy is not None for step in all_steps(steps))


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
