"""What binding needs to know of tables beyond a look-up: their dimensions, denominators and smallest values.

Generated code never interprets a table or a condition: it asks a memo for the integers that belong to a combination of
dimension values, and only on a miss the functions made here find them, as exact fractions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import lcm

from pricing_dsl.evaluate import lookup
from pricing_dsl.ir import nodes as ir

Dimensions = Mapping[str, str]
"""The values of a cell or a group, by dimension."""

Reader = Callable[[Dimensions], Fraction | None]
"""Reads a factor; `None` where the table has no entry or says "not sold"."""


class Tables:
    """The tables of a program, each prepared once for all bindings of its plans."""

    def __init__(self, program: ir.Program) -> None:
        self.index = lookup.Tables(program)
        self.facts: dict[int, tuple[ir.Table, int, Fraction]] = {}

    def read(self, factor: ir.Factor) -> Reader:
        """A factor as a function of dimension values."""
        match factor:
            case ir.Const():
                value = number(factor)
                return lambda _: value
            case ir.Lookup():

                def find(dimensions: Dimensions) -> Fraction | None:
                    found = self.index.find(factor, dimensions)
                    return None if isinstance(found, lookup.Missing) else found.value

                return find

    def rank(self, factor: ir.Factor, dimensions: Dimensions) -> tuple[int, int]:
        """The row and column that a cell reads (rule 9)."""
        found = self.index.find(factor, dimensions) if isinstance(factor, ir.Lookup) else None
        return (0, 0) if found is None or isinstance(found, lookup.Missing) else (found.row, found.column)

    def dimensions(self, factor: ir.Factor) -> tuple[str, ...]:
        """The dimensions that a factor reads."""
        return self.index.table(factor).dimensions if isinstance(factor, ir.Lookup) else ()

    def denominator(self, factor: ir.Factor) -> int:
        """A common denominator of all values that a factor can have."""
        if isinstance(factor, ir.Const):
            return number(factor).denominator
        return self._facts(factor)[1] * factor.scale.denominator

    def smallest(self, factor: ir.Factor) -> Fraction:
        """The smallest value that a factor can have."""
        return number(factor) if isinstance(factor, ir.Const) else self._facts(factor)[2] * factor.scale

    def _facts(self, factor: ir.Lookup) -> tuple[ir.Table, int, Fraction]:
        table = self.index.table(factor)
        known = self.facts.get(id(table))  # the entry keeps its table alive, so the id stays its own
        if known is None:
            cells = [cell for row in table.rows for cell in row.cells if cell is not None]
            denominator = lcm(*{cell.denominator for cell in cells})
            known = self.facts[id(table)] = (table, denominator, min(cells, default=Fraction(0)))
        return known


def number(constant: ir.Const) -> Fraction:
    """The number of a constant factor."""
    assert isinstance(constant.value, Fraction)
    return constant.value
