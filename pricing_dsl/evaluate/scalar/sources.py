"""Reading cells: one loop over each meter (or quantity) that feeds every pipeline on it.

A pipeline's steps up to its first pooling are *operations* on one cell. What they make of a cell depends on its
dimension values only, never on its quantity, so generated code adds `quantity x coefficient` into *slots*, and the
coefficients of all slots of a source come from one memo, keyed by the dimension values that some operation reads. A
combination met for the first time is resolved here, from exact fractions; the memo is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Any

from pricing_dsl.evaluate.scalar.tables import Dimensions
from pricing_dsl.evaluate.scalar.writing import Fallback, Names, Scale, Writer

MEMO_ENTRIES_MAX = 10_000
"""Combinations of dimension values remembered per source; beyond it a memo starts anew."""


class Outcome(Enum):
    """What can become of a cell that does not go on.

    `GONE`: it takes no part here. `FREE`: it was given away. `EMPTY`: nothing is left of its quantity, so it makes no
    group exist (rule 14), but it stays a part that `show by` lists.
    """

    GONE = "gone"
    FREE = "free"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Operation:
    """What a cell step makes of a coefficient, given the dimension values it reads.

    `denominator` times the result is whole whenever the coefficient was.
    """

    dimensions: frozenset[str]
    denominator: int
    apply: Callable[[Dimensions, Fraction], Fraction | Outcome]
    keeps_all: bool = True
    """Whether every cell goes on."""
    deals: bool = False
    """Whether it deals cells out to an arm of a `match`, which a cell of zero does not make exist."""


Path = tuple[Operation, ...]

ONE = Fraction(1)


def follow(path: Path, dimensions: Dimensions, coefficient: Fraction = ONE) -> Fraction | Outcome:
    """The coefficient of a cell at the end of a path."""
    for operation in path:
        result = operation.apply(dimensions, coefficient)
        if isinstance(result, Outcome):
            return result
        coefficient = result
    return coefficient


@dataclass(slots=True, eq=False)
class Slot:
    """An accumulator: a number, or with `key` a dict from the values of these dimensions to a number."""

    name: str
    path: Path
    key: tuple[str, ...] | None
    factor: int
    """What makes the coefficients whole."""
    charging: bool
    """Whether a cell that comes here has reached a charge."""
    signed: bool
    """Whether cells below zero may be added up here."""
    keeps_empty: bool = False
    """Whether a cell of which nothing is left has its place here."""

    @property
    def is_plain(self) -> bool:
        """Adds up quantities as they are."""
        return not self.path


@dataclass(slots=True)
class Source:
    """What a pipeline starts from: cells of `dimensions`, over `scale`.

    `charged`: a cell must come to a charging slot, or it is unpriced.
    """

    name: str
    dimensions: tuple[str, ...]
    scale: Scale
    charged: bool
    signed: bool
    """Whether a quantity may be below zero."""
    groups: tuple[str, ...] | None = None
    """For cells that went through a dict: the groups that exist whether or not something is left in them."""
    slots: list[Slot] = field(default_factory=list)

    def slot(
        self,
        names: Names,
        path: Path,
        key: tuple[str, ...] | None,
        *,
        charging: bool = False,
        signed: bool = True,
        keeps_empty: bool = False,
    ) -> Slot:
        """A slot for a path; slots that add up the same thing are one."""
        factor = 1
        for operation in path:
            factor *= operation.denominator
        for slot in self.slots:
            if slot.path == path and slot.key == key and slot.keeps_empty == keeps_empty:
                slot.charging |= charging
                slot.signed &= signed
                return slot
        slot = Slot(names.new("a" if key is None else "g"), path, key, factor, charging, signed, keeps_empty)
        self.slots.append(slot)
        return slot


def constant_part(path: Path) -> Fraction | None:
    """The coefficient of a path that reads no dimension and keeps every cell."""
    if any(operation.dimensions or not operation.keeps_all for operation in path):
        return None
    coefficient = follow(path, {})
    return None if isinstance(coefficient, Outcome) else coefficient


class Resolver:
    """Finds the integers of a combination of dimension values, once; called by generated code on a miss."""

    def __init__(self, dimensions: tuple[str, ...], find: Callable[[Dimensions], Any]) -> None:
        self.dimensions = dimensions
        self.find = find
        self.memo: dict[Any, Any] = {}

    def __call__(self, key: Any) -> Any:
        values = (key,) if len(self.dimensions) == 1 else key
        for value in values:
            if value.__class__ is not str:
                raise Fallback
        found = self.find(dict(zip(self.dimensions, values, strict=True)))
        if len(self.memo) >= MEMO_ENTRIES_MAX:
            self.memo.clear()
        self.memo[key] = found
        return found


def coefficients(slots: Sequence[Slot], all_slots: Sequence[Slot], charged: bool) -> Callable[[Dimensions], Any]:
    """The resolver of a source: one integer per slot, `None` in a keyed slot that a cell does not come to."""

    def find(dimensions: Dimensions) -> Any:
        found = [follow(slot.path, dimensions) for slot in all_slots]
        if charged and not any(
            slot.charging and outcome is not Outcome.GONE for slot, outcome in zip(all_slots, found, strict=True)
        ):
            raise Fallback
        integers: list[int | None] = []
        for slot, outcome in zip(all_slots, found, strict=True):
            if slot not in slots:
                continue
            if outcome is Outcome.EMPTY and slot.keeps_empty:
                integers.append(0)
                continue
            if isinstance(outcome, Outcome):
                integers.append(0 if slot.key is None else None)
                continue
            scaled = outcome * slot.factor
            assert scaled.denominator == 1, "a coefficient is not whole on its scale"
            integers.append(scaled.numerator)
        return tuple(integers) if len(slots) > 1 or slots[0].key is not None else integers[0]

    return find


def tuple_text(items: Sequence[str]) -> str:
    """A key as generated code writes it: one value bare, several as a tuple."""
    return items[0] if len(items) == 1 else f"({', '.join(items)})"


class SlotCode:
    """Writes what is done with one cell: `q` and the values of dimensions are in variables."""

    def __init__(self, names: Names, source: Source, slots: Sequence[Slot], variables: dict[str, str]) -> None:
        self.names = names
        self.source = source
        self.slots = slots
        self.variables = variables
        self.resolved = [slot for slot in slots if not slot.is_plain]
        needs_cover = source.charged and not any(slot.charging and slot.is_plain for slot in slots)
        watched = self.resolved if not needs_cover else [s for s in slots if not s.is_plain or s.charging]
        read = {d for slot in watched for operation in slot.path for d in operation.dimensions}
        self.memo_dimensions = tuple(d for d in source.dimensions if d in read)
        self.key_dimensions = {d for slot in slots for d in slot.key or ()} - set(self.memo_dimensions)

    def write(self, writer: Writer) -> None:
        if self.resolved:
            self._write_coefficients(writer)
        coefficient = {slot.name: f"c{i}" for i, slot in enumerate(self.resolved)}
        for slot in self.slots:
            amount = "q" if slot.is_plain else f"q * {coefficient[slot.name]}"
            if slot.key is None:
                writer.line(f"{slot.name} += {amount}")
                continue
            key = tuple_text([self.variables[d] for d in slot.key])
            add = f"{slot.name}[{key}] = {slot.name}.get({key}, 0) + {amount}"
            tests = []
            if not all(operation.keeps_all for operation in slot.path):
                tests.append(f"{coefficient[slot.name]} is not None")
            if self.needs_usage(slot):
                tests.append("q")
            if not tests:
                writer.line(add)
                continue
            with writer.block(f"if {' and '.join(tests)}:"):
                writer.line(add)

    def needs_usage(self, slot: Slot) -> bool:
        """Whether a cell of zero, left over by free units, must not make a group of this slot exist (rule 14)."""
        if self.source.groups is None or slot.keeps_empty:
            return False
        return any(operation.deals for operation in slot.path) or not set(slot.key or ()) <= set(self.source.groups)

    def _write_coefficients(self, writer: Writer) -> None:
        find = coefficients(self.resolved, self.slots, self.source.charged)
        resolver = Resolver(self.memo_dimensions, find)
        miss = self.names.parameter(resolver)
        if not self.memo_dimensions:
            known = f"{miss}(())"
        else:
            memo = self.names.parameter(resolver.memo.get)
            known = f"{memo}({tuple_text([self.variables[d] for d in self.memo_dimensions])})"
        targets = ", ".join(f"c{i}" for i in range(len(self.resolved)))
        if len(self.resolved) == 1 and self.resolved[0].key is None:
            writer.line(f"c0 = {known}")
            if self.memo_dimensions:
                with writer.block("if c0 is None:"):
                    writer.line(f"c0 = {miss}({tuple_text([self.variables[d] for d in self.memo_dimensions])})")
        elif self.memo_dimensions:
            key = tuple_text([self.variables[d] for d in self.memo_dimensions])
            writer.line(f"{targets}, = {known} or {miss}({key})")
        else:
            writer.line(f"{targets}, = {known}")


def dict_loop(writer: Writer, names: Names, source: Source, variable: str) -> None:
    """The loop over a source that stands in a dict from the values of its dimensions to quantities."""
    if not source.slots:
        return
    for slot in source.slots:
        writer.line(f"{slot.name} = {'0' if slot.key is None else '{}'}")
    variables = {d: f"d{i}" for i, d in enumerate(source.dimensions)}
    code = SlotCode(names, source, source.slots, variables)
    key = tuple_text(list(variables.values())) if variables else "_"
    with writer.block(f"for {key}, q in {variable}.items():"):
        if source.groups is None:
            with writer.block("if not q:"):
                writer.line("continue")
        if source.signed and not all(slot.signed for slot in source.slots):
            with writer.block("if q < 0:"):
                writer.line("raise Fallback")
        code.write(writer)
