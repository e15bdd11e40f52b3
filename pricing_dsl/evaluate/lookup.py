"""Look-up in tables and conditions on cells: what a cell's dimension values decide (language reference, section 4).

A row whose keys are all exact wins, then the first row, top to bottom, whose keys all match; columns and the arms of a
`match` the same. Then the cell is read and no other row is tried. What is not found has one of the reasons below, which
is what an `unpriced` entry of the statement says. Imports the IR only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple, assert_never

from pricing_dsl.ir import nodes as ir

Value = str | None
"""A dimension's value; `None` where the usage did not give it (and no step reads it)."""
Dimensions = Mapping[str, Value]

NO_ROW: Final = "no row of the table matches"
NO_COLUMN: Final = "no column of the table matches"
NO_KEY: Final = "no key matches"
NO_ARM: Final = "no arm of the match takes it"
NOT_SOLD: Final = "not sold: the cell is `-`"
REJECTED: Final = "the price is `reject`"
NO_CHARGE: Final = "no charge takes it"


class Found(NamedTuple):
    """The entry that a cell reads: its value, scaled to the place of use, and where it stands in the table."""

    value: Fraction
    row: int
    column: int


class Missing(NamedTuple):
    """There is no entry; `reason` is one of the phrases of this module."""

    reason: str


class TableIndex:
    """One table prepared for look-ups, so that a table of many exact rows is not walked per cell."""

    def __init__(self, table: ir.Table) -> None:
        self.table = table
        self.exact: dict[tuple[str, ...], int] = {}
        self.patterned: list[int] = []
        self.known: dict[tuple[str, ...], Found | Missing] = {}
        """What was found before, by values: cells differ less than their number."""
        for number, row in enumerate(table.rows):
            if all(key.kind == "exact" for key in row.keys):
                self.exact.setdefault(tuple(key.text for key in row.keys), number)
            else:
                self.patterned.append(number)

    def find(self, dimensions: Dimensions) -> Found | Missing:
        """The entry for a cell, in the table's own unit."""
        values = tuple([dimensions[name] or "" for name in self.table.dimensions])
        found = self.known.get(values)
        if found is None:
            found = self.known[values] = self._search(values)
        return found

    def _search(self, values: tuple[str, ...]) -> Found | Missing:
        table = self.table
        keys = values[:-1] if table.columns else values
        row = self.exact.get(keys)
        if row is None:
            row = next((n for n in self.patterned if all(map(key_matches, table.rows[n].keys, keys))), None)
        if row is None:
            return Missing(NO_ROW if table.name else NO_KEY)
        column = best_key(table.columns, values[-1]) if table.columns else 0
        if column is None:
            return Missing(NO_COLUMN)
        cell = table.rows[row].cells[column]
        return Missing(NOT_SOLD) if cell is None else Found(cell, row, column)


class Tables:
    """The tables of a program by name, and those that stand inline in its steps."""

    def __init__(self, program: ir.Program) -> None:
        self._named = {table.name: table for table in program.tables}
        self._indexes: dict[int, TableIndex] = {}

    def table(self, lookup: ir.Lookup) -> ir.Table:
        """The table that a look-up reads."""
        return lookup.table if isinstance(lookup.table, ir.Table) else self._named[lookup.table]

    def find(self, lookup: ir.Lookup, dimensions: Dimensions) -> Found | Missing:
        """The entry for a cell, multiplied by the look-up's scale."""
        table = self.table(lookup)
        index = self._indexes.get(id(table))  # the index keeps its table alive, so the id stays its own
        if index is None:
            index = self._indexes[id(table)] = TableIndex(table)
        found = index.find(dimensions)
        return found if isinstance(found, Missing) else found._replace(value=found.value * lookup.scale)

    def factor(self, factor: ir.Factor, dimensions: Dimensions) -> Fraction | Missing:
        """A number, or a table's entry for a cell."""
        match factor:
            case ir.Const(value=value):
                assert isinstance(value, Fraction)
                return value
            case ir.Lookup():
                found = self.find(factor, dimensions)
                return found if isinstance(found, Missing) else found.value
            case _:
                assert_never(factor)


@lru_cache(maxsize=4096)
def pattern(text: str) -> re.Pattern[str]:
    """A pattern in which `*` stands for any text, also none.

    >>> bool(pattern("gpt-*").fullmatch("gpt-5")), bool(pattern("gpt-*").fullmatch("o3"))
    (True, False)
    """
    return re.compile(".*".join(re.escape(piece) for piece in text.split("*")), re.DOTALL)


def key_matches(key: ir.Key, value: str) -> bool:
    """Whether a key of a table, a keyed step or a `match` matches a dimension value."""
    match key.kind:
        case "exact":
            return key.text == value
        case "pattern":
            return pattern(key.text).fullmatch(value) is not None
        case "else":
            return True
        case _:
            assert_never(key.kind)


def best_key(keys: Sequence[ir.Key], value: str) -> int | None:
    """The number of the key that a value reads: an exact one wins, then the first that matches."""
    for number, key in enumerate(keys):
        if key.kind == "exact" and key.text == value:
            return number
    return next((number for number, key in enumerate(keys) if key_matches(key, value)), None)


def best_arm(step: ir.Match, dimensions: Dimensions) -> int | None:
    """The number of the arm that a cell goes to: an exact key wins, then patterns top to bottom, then `else`."""
    value = dimensions[step.dimension] or ""
    keys = [(key, number) for number, arm in enumerate(step.arms) for key in arm.keys if key.kind != "else"]
    found = best_key([key for key, _ in keys], value)
    if found is not None:
        return keys[found][1]
    for number, arm in enumerate(step.arms):
        if not arm.keys or any(key.kind == "else" for key in arm.keys):
            return number
    return None


def holds(condition: ir.Expression | None, dimensions: Dimensions) -> bool:
    """A condition on dimensions, asked of a cell or a group; no condition always holds (section 5, `when`)."""
    if condition is None:
        return True
    match condition:
        case ir.Apply(operator="and", arguments=arguments):
            return all(holds(argument, dimensions) for argument in arguments)
        case ir.Apply(operator="or", arguments=arguments):
            return any(holds(argument, dimensions) for argument in arguments)
        case ir.Apply(operator="not", arguments=(argument,)):
            return not holds(argument, dimensions)
        case ir.Apply(operator=operator, arguments=(left, *rest)):
            return compare(operator, text_of(left, dimensions), [text_of(other, dimensions) for other in rest])
        case ir.Const(value=bool() as value):
            return value
        case _:
            raise AssertionError(f"{condition} is no condition on dimensions")


def compare(operator: str, value: Value, others: list[Value]) -> bool:
    """`==`, `!=`, `in` and `like` on dimension values."""
    match operator:
        case "==":
            return value == others[0]
        case "!=":
            return value != others[0]
        case "in":
            return value in others
        case "like":
            return pattern(others[0] or "").fullmatch(value or "") is not None
        case _:
            raise AssertionError(f"{operator} does not compare dimensions")


def text_of(operand: ir.Expression, dimensions: Dimensions) -> Value:
    """A dimension's value or a text."""
    match operand:
        case ir.Const(value=str() as value):
            return value
        case ir.Ref(kind="dimension", name=name):
            return dimensions[name]
        case _:
            raise AssertionError(f"{operand} is neither a dimension nor a text")
