"""The whole function of a plan: meters, quantities, lines in the order of their dependencies, adjustments, result.

One pass over the IR gives the text of a factory and the parameters it is called with. The text depends on the program's
shape only; the numbers, the power of ten of the quantities and the shares of the period are parameters. There are
several functions per plan, told apart by their `Form`.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import lcm
from typing import Any, Literal, assert_never

from pricing_dsl.evaluate.scalar.adjustments import AdjustmentCode
from pricing_dsl.evaluate.scalar.expressions import ExpressionCode
from pricing_dsl.evaluate.scalar.literals import (
    SUM_STEPS,
    all_steps,
    can_be_below_zero,
    counts_entered,
    money_denominator,
    quantity_denominator,
)
from pricing_dsl.evaluate.scalar.named import Binding, SourceCode
from pricing_dsl.evaluate.scalar.pipeline import Pipeline
from pricing_dsl.evaluate.scalar.tables import Tables
from pricing_dsl.evaluate.scalar.writing import (
    Fallback,
    Num,
    Scale,
    product,
    running,
    whole,
)
from pricing_dsl.evaluate.statement import LineInfo
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.rounding import round_to_minor

Form = Literal["amounts", "statement", "agreed amounts", "agreed statement", "exact"]
"""What a generated function gives back.

`amounts`: minor units of lines and the total. `statement`: a `Statement`. The agreed forms are of a contract, which
goes on with them: `(amounts, total, nets, top-ups, rows of top-ups that stand alone)`, and for a statement `(lines,
rows, total, nets, top-ups, rows of top-ups that stand alone, unused meters)`. `exact`: of each line `(numerator,
denominator, numerator of its quantity, denominator)`, neither rounded nor adjusted, for a segment of a period that is
cut.
"""


class FunctionCode(SourceCode):
    """Writes the function of one plan for one binding. `others` reads usage of meters that no line mentions."""

    def __init__(
        self, program: ir.Program, plan: ir.Plan, tables: Tables, binding: Binding, others: Callable[[Any], Any],
        form: Form,
    ) -> None:  # fmt: skip
        super().__init__(program, plan, tables, binding, statement=form not in ("amounts", "agreed amounts"))
        self.others = others
        self.form = form
        self.lines: dict[str, tuple[str, ...]] = {}
        """Per line: the variables or parameters that a `Line` is made of, but for its net amount."""

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
        arguments = "usage, period" if self.form == "statement" else "usage"
        return f"{head}    def run({arguments}):\n{text}\n    return run\n", self.names.parameters

    # --- lines ---

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
            self, self.body, state, money, always=True, charging=True, counts_entered=self.counts_entered(steps)
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
        steps_after = pipeline.weights is not None
        exact = self.named(pipeline.finish(None).amount.value)
        if self.form == "exact":
            self.lines[charge.name] = (exact.text, self.size(exact.scale), quantity.text, self.size(quantity.scale))
            return
        unit = self.round_line(charge, exact)
        if self.statement:
            parts = self.parts(pipeline, charge, exact, unit, steps_after=steps_after)
            info = LineInfo(charge.name, charge.label, "charge", charge.unit, self.program.digits)
            self.lines[charge.name] = (
                self.names.parameter(info),
                self.minors[charge.name],
                exact.text,
                self.size(exact.scale),
                quantity.text,
                self.size(quantity.scale),
                parts,
            )

    def counts_entered(self, steps: tuple[ir.Step, ...]) -> bool:
        """Whether the quantity that entered the price is asked for: by a bound, or to list parts."""
        return counts_entered(steps) or (
            self.shows_parts and any(isinstance(step, ir.ShowBy) for step in all_steps(steps))
        )

    def parts(self, pipeline: Pipeline, charge: ir.Charge, exact: Num, unit: str, *, steps_after: bool) -> str:
        """The parts of a line that `show by` lists."""
        if pipeline.shown is None or not (pipeline.weights and pipeline.sizes and pipeline.added_up):
            return "()"
        changes = any(isinstance(step, (*SUM_STEPS, ir.Discount)) for step in charge.steps)
        if changes and can_be_below_zero(charge.steps, self.operations.tables):
            raise Fallback("`show by` of parts that may be below zero")
        flat = list(all_steps(charge.steps))
        if any(isinstance(s, ir.Weigh) for s in flat) and any(isinstance(s, ir.Include) and s.policy for s in flat):
            raise Fallback("`show by` after `weigh` and free units across cells")
        names = self.names.parameter(pipeline.shown)
        added_up, after = (pipeline.added_up.name, exact.text) if steps_after else ("1", "1")
        minor, digits = self.minors[charge.name], self.program.digits
        parts = f"{pipeline.weights.name}, {pipeline.sizes.name}"
        return f"shown_parts({parts}, {minor}, {added_up}, {after}, {unit}, {names}, {digits})"

    def round_line(self, charge: ir.Charge, exact: Num) -> str:
        """Half up, away from zero, or half even, to the minor unit; the text of that unit."""
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
        return unit

    def size(self, scale: Scale) -> str:
        """A scale as a number."""
        return product(self.names.parameter(whole(scale)), *running(scale))

    def fee(self, fee: ir.Fee) -> None:
        """A fee does not depend on usage: all of it is known when the plan is bound."""
        exact, services = self.fees[fee.name]
        minor = self.names.parameter(round_to_minor(exact, self.program.digits, self.plan.rounding))
        self.minors[fee.name] = minor
        if self.statement:
            info = LineInfo(fee.name, fee.label, "fee", "period", self.program.digits)
            numbers = (exact.numerator, exact.denominator, services, 1)
            texts = [self.names.parameter(number) for number in numbers]
            self.lines[fee.name] = (self.names.parameter(info), minor, *texts, "()")

    # --- adjustments and result ---

    def result(self) -> None:
        """Adjustments, and what the form gives back."""
        if self.form == "exact":
            entries = "".join(f"({', '.join(self.lines[line.name])}), " for line in self.plan.lines)
            self.body.line(f"return ({entries})")
            return
        spreads = self.form != "amounts" or any(adjustment.lines is not None for adjustment in self.plan.adjustments)
        code = AdjustmentCode(self.names, self.body, self.plan, self.program.digits, self.shares, spreads=spreads)
        total = code.write([self.minors[line.name] for line in self.plan.lines])
        left = f"({''.join(f'{net}, ' for net in code.nets)}), {'tops' if code.stands_alone else '()'}"
        left = f"{left}, ({''.join(f'{row}, ' for row in code.alone)})"
        match self.form:
            case "amounts":
                self.body.line(f"return {self.amounts(total)}")
            case "agreed amounts":
                self.body.line(f"return {self.amounts(total)}, {total}, {left}")
            case "agreed statement":
                lines, rows = self.statement_lines(code)
                self.body.line(f"return [{lines}], [{rows}], {total}, {left}, unused")
            case "statement":
                lines, rows = self.statement_lines(code)
                head = f"{self.plan.name!r}, {self.program.currency!r}, {self.program.digits}"
                head = f"{head}, period, {self.plan.timezone!r}"
                self.body.line(f"return Statement({head}, [{lines}], [{rows}], {total}, {total}, (), unused)")
            case _:
                assert_never(self.form)

    def amounts(self, total: str) -> str:
        """A dict of minor units."""
        entries = "".join(f"{line.name!r}: {self.minors[line.name]}, " for line in self.plan.lines)
        return f"{{{entries}'total': {total}}}"

    def statement_lines(self, code: AdjustmentCode) -> tuple[str, str]:
        """The lines and the rows of a statement."""
        made = []
        for index, line in enumerate(self.plan.lines):
            info, minor, exact, over, quantity, per, parts = self.lines[line.name]
            net = code.nets[index]
            made.append(f"Line({info}, {minor}, {exact}, {over}, {net}, {quantity}, {per}, {parts})")
        rows = []
        for position, (adjustment, (row, changed)) in enumerate(zip(self.plan.adjustments, code.rows, strict=True), 1):
            name = adjustment.name or f"{adjustment.kind}_{position}"
            rows.append(f"Row({name!r}, {adjustment.kind!r}, {row}, {self.program.digits}, {changed})")
        return ", ".join(made), ", ".join(rows)
