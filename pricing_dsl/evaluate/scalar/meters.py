"""Reading one meter's usage: a number, or a list of cells that are validated while they are added up.

The loop accepts what is plainly right (a list of mappings with exactly the meter's dimensions and whole quantities
above zero) at the cost of a few comparisons; everything else goes through a function that knows more, and from there
to the reference evaluator if it is odd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pricing_dsl.evaluate.scalar.runtime import cell_checker, duplicate_refuser
from pricing_dsl.evaluate.scalar.sources import SlotCode, Source, tuple_text
from pricing_dsl.evaluate.scalar.writing import Names, Writer
from pricing_dsl.ir import nodes as ir


@dataclass(frozen=True, slots=True)
class MeterLoop:
    """One meter of a plan. `required` are the dimensions that steps of the plan read.

    `cells_max` bounds the cells of this meter, `reader` reads quantities that are not plain ints, and `is_whole` says
    that quantities are bound to be whole numbers.
    """

    meter: ir.Meter
    source: Source
    required: frozenset[str]
    cells_max: int
    reader: str
    read: Callable[[object], int]
    is_whole: bool

    def write(self, writer: Writer, names: Names) -> None:
        """`get` and `left` are variables of the generated function."""
        for slot in self.source.slots:
            writer.line(f"{slot.name} = {'0' if slot.key is None else '{}'}")
        writer.line(f"u = get({self.meter.name!r})")
        with writer.block("if u is not None:"):
            writer.line("left -= 1")
            with writer.block("if u.__class__ is list or u.__class__ is tuple:"):
                self.write_cells(writer, names)
            with writer.block("else:"):
                self.write_number(writer)

    @property
    def signed(self) -> bool:
        return self.source.signed and all(slot.signed for slot in self.source.slots)

    def write_quantity(self, writer: Writer, given: str) -> None:
        """`q`, above zero unless the meter may be below it."""
        if not self.is_whole:
            writer.line(f"q = {self.reader}({given})")
            if not self.signed:
                with writer.block("if q < 0:"):
                    writer.line("raise Fallback")
            return
        if given != "q":
            writer.line(f"q = {given}")
        low = "-TOO_LARGE" if self.signed else "0"
        with writer.block(f"if q.__class__ is not int or not {low} < q < TOO_LARGE:"):
            writer.line(f"q = {self.reader}(q)")
            if not self.signed:
                with writer.block("if q < 0:"):
                    writer.line("raise Fallback")

    def write_cells(self, writer: Writer, names: Names) -> None:
        dimensions = self.meter.dimensions
        with writer.block(f"if len(u) > {self.cells_max}:"):
            writer.line("raise Fallback")
        if not self.meter.adds_over_dimensions or self.signed:
            refuser = duplicate_refuser(dimensions, self.read, adds=self.meter.adds_over_dimensions)
            writer.line(f"{names.parameter(refuser)}(u)")
        with writer.block("for c in u:"):
            self.write_quantity(writer, "c['quantity']")
            variables, read, code = self.slot_code(names)
            odd = [f"len(c) != {len(dimensions) + 1}"]
            odd += [f"c[{d!r}].__class__ is not str" for d in dimensions if d not in read]
            with writer.block(f"if {' or '.join(odd)}:"):
                writer.line(f"{names.parameter(cell_checker(dimensions, self.required))}(c)")
            for dimension in read:
                writer.line(f"{variables[dimension]} = c[{dimension!r}]")
            unproved = [variables[d] for d in read if d not in code.memo_dimensions]
            if unproved:
                with writer.block(f"if {' or '.join(f'{v}.__class__ is not str' for v in unproved)}:"):
                    writer.line("raise Fallback")
            with writer.block("if not q:"):
                writer.line("continue")
            code.write(writer)

    def slot_code(self, names: Names) -> tuple[dict[str, str], list[str], SlotCode]:
        variables = {d: f"d{i}" for i, d in enumerate(self.meter.dimensions)}
        code = SlotCode(names, self.source, self.source.slots, variables)
        wanted = {*code.memo_dimensions, *code.key_dimensions}
        return variables, [d for d in self.meter.dimensions if d in wanted], code

    def write_number(self, writer: Writer) -> None:
        """A bare number is one cell without dimensions: right where no step reads one."""
        if self.required or any(slot.path for slot in self.source.slots):
            writer.line("raise Fallback")
            return
        self.write_quantity(writer, "u")
        with writer.block("if q:"):
            writer.line("pass")
            for slot in self.source.slots:
                add = f"{slot.name} += q" if slot.key is None else f"{slot.name}[{tuple_text(())}] = q"
                writer.line(add)
