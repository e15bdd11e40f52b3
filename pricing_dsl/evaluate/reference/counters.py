"""Counters: what a `counted` charge has counted since its contract's year, quarter or term began (rule 4).

A counter is the quantity where `counted` stands, after the steps before it (they are of each bill), per line and cell.
It runs on through the segments: each adds what the steps before `counted` make of its end, less what they make of its
start. It keeps the dimensions that any version of the contract reads later, so it survives overrides. Opening counters
come in by line, a number or cells as usage has them; closing ones go out the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.lookup import best_arm
from pricing_dsl.evaluate.reference.cells import ZERO, Cell, Group, Key, Origin, key_order
from pricing_dsl.evaluate.reference.context import Run
from pricing_dsl.evaluate.reference.quantity_steps import Groups
from pricing_dsl.evaluate.reference.reasons import number, pair, reason
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import expression_reads, step_lookups
from pricing_dsl.values.numbers import decimal_text

Path = tuple[tuple[ir.Match, int], ...]
"""The arms that a pipeline lies in, from the outside: the `match` and the arm's number."""


class Instants(NamedTuple):
    """Groups at a segment's end, at its start (`None`: it costs F(end)), and, where asked for, at the period's end."""

    end: Groups
    start: Groups | None = None
    whole: Groups | None = None


class Counting(NamedTuple):
    """A `counted` step in its place: the dimensions that `each` keeps there, whether groups are pooled, the arms."""

    step: ir.Counted
    names: tuple[str, ...]
    is_pooled: bool
    path: Path


@dataclass
class Tally:
    """What one cell counts, and what it came from."""

    quantity: Fraction = ZERO
    origins: frozenset[Origin] = frozenset()


@dataclass
class Counter:
    """The counter of one line on its way through a billing period.

    `keeps` are the dimensions its cells have, `reads` those that the segment on its way reads. `is_first`: that segment
    is the first of a counting period, so it costs F(end). `cells` are by dimension values, sorted by dimension.
    """

    line: str
    keeps: frozenset[str]
    cells: dict[Key, Fraction] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()
    is_first: bool = True
    has_begun: bool = False

    def begin(self, reads: frozenset[str], *, is_first: bool) -> None:
        """A segment begins; a counting period opens at zero, or with what was given for its first instant."""
        if is_first and self.has_begun:
            self.cells = {}
        self.reads = reads
        self.is_first = is_first and not self.cells
        self.has_begun = True

    def count(self, run: Run, counting: Counting, at: Instants) -> Instants:
        """The counter at the segment's end and start; `at` is what its own steps make of the period so far."""
        before = {key: quantity for key, quantity in self.cells.items() if self.is_here(key, counting)}
        end, start = self.tallies(at.end, counting), self.tallies(at.start or (), counting)
        after = counted_on(before, end, start)
        for key in before:
            del self.cells[key]
        self.cells.update((key, tally.quantity) for key, tally in after.items() if tally.quantity)
        opened = {key: Tally(quantity) for key, quantity in before.items()}
        whole = None if at.whole is None else counted_on(before, self.tallies(at.whole, counting), start)
        template = {group.key: group for group in at.end}
        return Instants(
            self.noted(run, counting, groups_of(counting, template, after), before),
            None if self.is_first else groups_of(counting, template, opened),
            None if whole is None else groups_of(counting, template, whole),
        )

    def is_here(self, key: Key, counting: Counting) -> bool:
        """Whether a cell of the counter belongs to the arms that a `counted` step lies in."""
        dimensions = dict(key)
        reads = () if counting.is_pooled else sorted(self.reads)
        for name in (*counting.names, *(step.dimension for step, _ in counting.path), *reads):
            if name not in dimensions:
                raise EvaluationError(
                    "R0501",
                    f"the counter of `{self.line}` has a cell that does not say its `{name}`, which the contract reads",
                    f'give cells such as {{"quantity": "100", "{name}": "..."}}',
                )
        return all(best_arm(step, dimensions) == arm for step, arm in counting.path)

    def tallies(self, groups: Groups, counting: Counting) -> dict[Key, Tally]:
        """What groups count, by the cells of the counter."""
        found: dict[Key, Tally] = {}
        for group in groups:
            for cell in group.cells:
                dimensions = {name: value for name, value in cell.dimensions.items() if name in self.keeps}
                dimensions.update(group.key)
                for step, arm in counting.path:
                    dimensions.setdefault(step.dimension, arm_text(step.arms[arm]))
                tally = found.setdefault(tuple(sorted(dimensions.items())), Tally())
                tally.quantity += cell.quantity
                tally.origins |= cell.origins
        return found

    def noted(self, run: Run, counting: Counting, groups: Groups, before: Mapping[Key, Fraction]) -> Groups:
        """The groups at the segment's end, each with a node that shows the counter."""
        if not run.explain:
            return groups
        return tuple(group.noted(self.note(run, counting, group, before)) for group in groups)

    def note(self, run: Run, counting: Counting, group: Group, before: Mapping[Key, Fraction]) -> Any:
        """`1_200_000 + 50_000`."""
        inside = dict(group.key).items()
        opening = sum((quantity for key, quantity in before.items() if inside <= dict(key).items()), ZERO)
        formula = f"{number(opening)} + {number(group.quantity - opening)}"
        inputs = [pair("opening", opening), pair("closing", group.quantity)]
        what = f"counted {counting.step.cadence}"
        return reason(what, "counted", counting.step.span, formula, group.quantity, run.unit, inputs)

    def take_out(self, units: Mapping[Key, Fraction]) -> None:
        """Take out what credits in units have paid of cells: it counts in no tier (rule 32)."""
        for values, amount in units.items():
            mine = [key for key in self.cells if set(values) <= set(key) and self.cells[key] > 0]
            whole = sum((self.cells[key] for key in mine), ZERO)
            for key in mine:
                self.cells[key] -= min(amount, whole) * self.cells[key] / whole
        self.cells = {key: quantity for key, quantity in self.cells.items() if quantity}

    def closing(self) -> str | list[dict[str, str]]:
        """The counter as a statement gives it: one number, or cells as usage has them."""
        if not any(self.cells):
            return decimal_text(sum(self.cells.values(), ZERO))
        return [
            {"quantity": decimal_text(self.cells[key]), **{name: value for name, value in key if value is not None}}
            for key in sorted(self.cells, key=key_order)
        ]


def counted_on(
    before: Mapping[Key, Fraction], end: Mapping[Key, Tally], start: Mapping[Key, Tally]
) -> dict[Key, Tally]:
    """The counter before, and what a segment adds to it."""
    nothing = Tally()
    return {
        key: Tally(
            before.get(key, ZERO) + end.get(key, nothing).quantity - start.get(key, nothing).quantity,
            end.get(key, nothing).origins,
        )
        for key in dict.fromkeys([*before, *end, *start])
    }


def groups_of(counting: Counting, template: Mapping[Key, Group], tallies: Mapping[Key, Tally]) -> Groups:
    """A counter's cells as groups; those of `each` exist where anything other than zero was counted (rule 14)."""
    hidden = {step.dimension for step, _ in counting.path} if counting.is_pooled else set()
    inside: dict[Key, dict[Key, Tally]] = {key: {} for key, group in template.items() if group.always}
    for key, tally in tallies.items():
        if tally.quantity:
            dimensions = dict(key)
            group_key = tuple((name, dimensions[name]) for name in counting.names)
            kept = tuple((name, value) for name, value in key if name not in hidden or name in counting.names)
            inside.setdefault(group_key, {})[kept] = tally
    return tuple(group_of(counting, template.get(key), key, inside[key]) for key in sorted(inside, key=key_order))


def group_of(counting: Counting, template: Group | None, key: Key, tallies: Mapping[Key, Tally]) -> Group:
    """One group of the counter."""
    cells = tuple(Cell(dict(cell), tally.quantity, tally.origins) for cell, tally in tallies.items())
    if counting.is_pooled:
        origins = frozenset().union(*(cell.origins for cell in cells))
        cells = (Cell(dict(key), sum((cell.quantity for cell in cells), ZERO), origins),)
    if template is None:
        return Group(key, cells, counting.is_pooled)
    notes = (*template.notes, *(note for cell in template.cells for note in cell.notes))
    return Group(key, cells, counting.is_pooled, template.always, template.sign, notes)


def arm_text(arm: ir.Arm) -> str:
    """A value of the `match`'s dimension that an arm takes: what tells pooled counters of arms apart."""
    return arm.keys[0].text if arm.keys and arm.keys[0].kind != "else" else "else"


# --- opening ---


def opening_cells(given: Any) -> dict[Key, Fraction]:
    """A counter as people give it, checked before: a number, or cells."""
    cells = given if isinstance(given, list | tuple) else [{"quantity": given}]
    opened: dict[Key, Fraction] = {}
    for cell in cells:
        key = tuple(sorted((name, str(value)) for name, value in cell.items() if name != "quantity"))
        opened[key] = opened.get(key, ZERO) + Fraction(cell["quantity"])
    return {key: quantity for key, quantity in opened.items() if quantity}


def kept_dimensions(program: ir.Program, contract: ir.Contract | None, charges: Sequence[ir.Charge]) -> frozenset[str]:
    """What a line's counter keeps: the dimensions of its groups, those read later, and those that covers ask for."""
    tables = {table.name: table for table in program.tables}
    kept = {name for charge in charges for name in read_after_counted(tables, charge.steps)}
    clauses: Sequence[ir.Balance | ir.Floor] = () if contract is None else (*contract.balances, *contract.floors)
    for clause in clauses:
        for cover in clause.covers or ():
            if cover.where is not None and cover.line == charges[0].name:
                kept.update(ref.name for ref in expression_reads(cover.where) if ref.kind == "dimension")
    return frozenset(kept)


def place_of(steps: Sequence[ir.Step]) -> int | None:
    """How many steps of a pipeline come before its counter; `None` where it has none of its own."""
    return next((i for i, step in enumerate(steps) if isinstance(step, ir.Counted)), None)


def counted_step(steps: Sequence[ir.Step]) -> ir.Counted | None:
    """The `counted` step of a pipeline or of one of its arms."""
    for step in steps:
        if isinstance(step, ir.Counted):
            return step
        if isinstance(step, ir.Match):
            for arm in step.arms:
                found = counted_step(arm.steps)
                if found is not None:
                    return found
    return None


def read_after_counted(tables: Mapping[str, ir.Table], steps: Sequence[ir.Step]) -> Iterator[str]:
    """The dimensions that steps after `counted` read, and those whose groups count each on its own."""
    place = place_of(steps)
    if place is not None:
        yield from read_by(tables, [step for step in steps[:place] if isinstance(step, ir.Each)])
        yield from read_by(tables, steps[place + 1 :])
        return
    for i, step in enumerate(steps):
        if isinstance(step, ir.Match) and counted_step([step]) is not None:
            yield from read_by(tables, [step for step in steps[:i] if isinstance(step, ir.Each)])
            yield step.dimension
            for arm in step.arms:
                yield from read_after_counted(tables, arm.steps)
            yield from read_by(tables, steps[i + 1 :])
            return


def read_by(tables: Mapping[str, ir.Table], steps: Sequence[ir.Step]) -> Iterator[str]:
    """The dimensions that steps read, in their conditions, tables and keys."""
    for step in steps:
        if step.when is not None:
            yield from (ref.name for ref in expression_reads(step.when) if ref.kind == "dimension")
        for lookup in step_lookups(step):
            yield from (lookup.table if isinstance(lookup.table, ir.Table) else tables[lookup.table]).dimensions
        match step:
            case ir.Each(dimensions=dimensions) | ir.ShowBy(dimensions=dimensions):
                yield from dimensions
            case ir.Where(condition=condition):
                yield from (ref.name for ref in expression_reads(condition) if ref.kind == "dimension")
            case ir.Match(dimension=dimension, arms=arms):
                yield dimension
                for arm in arms:
                    yield from read_by(tables, arm.steps)
            case _:
                pass
