"""What flows through a charge: cells of usage, groups of cells, and the parts of a price.

A *cell* is a quantity with its dimension values, and knows the cells of meters that it came from. A *group* holds the
cells that one pool of `each` (or the whole charge) has; pooled, it has exactly one cell. After the price step a group
is *priced*: it holds *parts*, each the amount of one cell in one segment (language reference, section 5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

from pricing_dsl.evaluate.lookup import Value
from pricing_dsl.evaluate.statement import Reason

ZERO = Fraction(0)

Key = tuple[tuple[str, Value], ...]
"""Dimensions and their values, in the order in which `each` named them; `()` is the whole charge."""

Origin = tuple[str, tuple[Value, ...], int]
"""A cell of a meter in one segment: the meter's name, the values of its dimensions, the segment's index."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A quantity in the unit it has at this step; `notes` explain what the cell went through."""

    dimensions: Mapping[str, Value]
    quantity: Fraction
    origins: frozenset[Origin]
    notes: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """The cells of one pool. `pooled`: they are added up to one cell that has only the dimensions of `key`.

    `always`: the pool of a whole charge, which exists at zero usage too (rule 14). `sign` is what `mirror` took off.
    """

    key: Key
    cells: tuple[Cell, ...]
    pooled: bool = False
    always: bool = False
    sign: int = 1
    notes: tuple[Reason, ...] = ()

    @property
    def quantity(self) -> Fraction:
        return sum((cell.quantity for cell in self.cells), ZERO)

    @property
    def origins(self) -> frozenset[Origin]:
        return frozenset().union(*(cell.origins for cell in self.cells))

    def noted(self, *notes: Reason) -> Group:
        return replace(self, notes=(*self.notes, *notes))


@dataclass(frozen=True, slots=True)
class Part:
    """What one cell (or pool) costs in one segment: `quantity` entered the price, `amount` is money, exact.

    `shown` are the values that `show by` lists it under, `None` before such a step.
    """

    dimensions: Mapping[str, Value]
    quantity: Fraction
    amount: Fraction
    segment: int = 0
    shown: Key | None = None
    notes: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Priced:
    """A group after its price step."""

    key: Key
    parts: tuple[Part, ...]
    notes: tuple[Reason, ...] = ()

    @property
    def amount(self) -> Fraction:
        return sum((part.amount for part in self.parts), ZERO)

    @property
    def quantity(self) -> Fraction:
        return sum((part.quantity for part in self.parts), ZERO)

    def noted(self, *notes: Reason) -> Priced:
        return replace(self, notes=(*self.notes, *notes))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Usage that reached no price in one charge; listed as unpriced where no other charge takes it."""

    source: str
    dimensions: Key
    quantity: Fraction
    unit: str
    reason: str
    origins: frozenset[Origin]


def key_of(dimensions: Mapping[str, Value], names: Iterable[str]) -> Key:
    """The values of `names`; a dimension that is not there is left out."""
    return tuple((name, dimensions[name]) for name in names if name in dimensions)


def key_order(key: Key) -> tuple[str, ...]:
    """What keys are sorted by: the values in code point order."""
    return tuple(value or "" for _, value in key)


def pool(group: Group) -> Group:
    """A pool step begins: the cells are added up, and the dimensions that no `each` keeps are gone (step 5)."""
    if group.pooled:
        return group
    notes = tuple(note for cell in group.cells for note in cell.notes)
    cell = Cell(dict(group.key), group.quantity, group.origins)
    return replace(group, cells=(cell,), pooled=True, notes=(*group.notes, *notes))


def cells_by(cells: Iterable[Cell], names: tuple[str, ...]) -> dict[Key, list[Cell]]:
    """Cells by the values of some dimensions, keys in code point order."""
    found: dict[Key, list[Cell]] = {}
    for cell in cells:
        found.setdefault(key_of(cell.dimensions, names), []).append(cell)
    return {key: found[key] for key in sorted(found, key=key_order)}


Grouped = TypeVar("Grouped", Group, Priced)


def inside(groups: Iterable[Grouped], outer: Sequence[Key]) -> dict[Key, list[Grouped]]:
    """Groups by the group around their pipeline that they lie in, keys in code point order.

    `outer` are the groups around it, which their own keys begin with. Segments whose terms group otherwise may have
    keys of several lengths; then the longest that fits takes them.
    """
    found: dict[Key, list[Grouped]] = {key: [] for key in outer}
    depths = sorted({len(key) for key in outer}, reverse=True)
    for group in sorted(groups, key=lambda group: key_order(group.key)):
        around = next((group.key[:depth] for depth in depths if group.key[:depth] in found), group.key)
        found.setdefault(around, []).append(group)
    return found
