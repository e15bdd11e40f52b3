"""Reading one meter's usage: a number, or a list of cells that are validated while they are added up.

The loop accepts what is plainly right (a list of mappings with exactly the meter's dimensions and whole quantities
above zero) at the cost of a few comparisons; everything else goes through a function that knows more, and from there
to the reference evaluator if it is odd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pricing_dsl.evaluate.scalar.runtime import cell_checker, duplicate_merger
from pricing_dsl.evaluate.scalar.sources import SlotCode, Source
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
        given = "if"
        if self.takes_numbers and self.is_whole:
            with writer.block("if u.__class__ is int and 0 < u < TOO_LARGE:"):
                writer.line("left -= 1")
                self.add_number(writer, "u")
            given = "elif"
        with writer.block(f"{given} u is not None:"):
            writer.line("left -= 1")
            with writer.block("if u.__class__ is list or u.__class__ is tuple:"):
                self.write_cells(writer, names)
            with writer.block("else:"):
                self.write_number(writer)

    @property
    def takes_numbers(self) -> bool:
        """Whether a bare number, one cell without dimensions, can be right: no step reads a dimension."""
        return not self.required and not any(slot.path for slot in self.source.slots)

    @property
    def signed(self) -> bool:
        return self.source.signed and all(slot.signed for slot in self.source.slots)

    def write_cells(self, writer: Writer, names: Names) -> None:
        dimensions = self.meter.dimensions
        with writer.block(f"if len(u) > {self.cells_max}:"):
            writer.line("raise Fallback")
        if not self.meter.adds_over_dimensions or self.signed:
            merge = duplicate_merger(dimensions, self.read, adds=self.meter.adds_over_dimensions)
            writer.line(f"u = {names.parameter(merge)}(u)")
        checker = names.parameter(cell_checker(dimensions, self.required))
        with writer.block("for c in u:"):
            self.write_quantity(writer, checker)
            texts = {d: f"c[{d!r}]" for d in dimensions}
            keys = {d for slot in self.source.slots for d in slot.key or ()}
            variables = {d: f"d{i}" if d in keys else texts[d] for i, d in enumerate(dimensions)}
            code = SlotCode(names, self.source, self.source.slots, variables)
            read = {*code.memo_dimensions, *code.key_dimensions}
            odd = [f"len(c) != {len(dimensions) + 1}"]
            odd += [f"{texts[d]}.__class__ is not str" for d in dimensions if d not in read]
            with writer.block(f"if {' or '.join(odd)}:"):
                writer.line(f"{checker}(c)")
            for dimension in dimensions:
                if dimension in keys:
                    writer.line(f"{variables[dimension]} = {texts[dimension]}")
            unproved = [variables[d] for d in dimensions if d in code.key_dimensions]
            if unproved:
                with writer.block(f"if {' or '.join(f'{v}.__class__ is not str' for v in unproved)}:"):
                    writer.line("raise Fallback")
            code.write(writer)

    def write_quantity(self, writer: Writer, checker: str) -> None:
        """`q` of the cell `c`, above zero unless the meter may be below it; cells of zero end here."""
        if self.is_whole:
            writer.line("q = c['quantity']")
            low = "-TOO_LARGE" if self.signed else "0"
            writer.line(f"if q.__class__ is not int or not {low} < q < TOO_LARGE:")
            writer.depth += 1
            writer.line(f"q = {self.reader}(q)")
            writer.depth -= 0 if not self.signed else 1
        else:
            writer.line(f"q = {self.reader}(c['quantity'])")
        with writer.block("if not q:" if self.signed else "if q <= 0:"):
            if not self.signed:
                with writer.block("if q:"):
                    writer.line("raise Fallback")
            writer.line(f"{checker}(c)")
            writer.line("continue")
        if self.is_whole and not self.signed:
            writer.depth -= 1

    def write_number(self, writer: Writer) -> None:
        """A number that is not a plain int above zero."""
        if not self.takes_numbers:
            writer.line("raise Fallback")
            return
        writer.line(f"q = {self.reader}(u)")
        if not self.signed:
            with writer.block("if q < 0:"):
                writer.line("raise Fallback")
        with writer.block("if q:"):
            self.add_number(writer, "q")

    def add_number(self, writer: Writer, number: str) -> None:
        if not self.source.slots:
            writer.line("pass")
        for slot in self.source.slots:
            writer.line(f"{slot.name} = {number}" if slot.key is None else f"{slot.name}[()] = {number}")
