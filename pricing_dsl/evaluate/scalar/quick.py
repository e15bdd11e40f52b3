"""Draws of a period that nothing cuts, where all amounts are whole: what is drawn in all, and the rows of overage.

The usual contract: no `funded times`, and nothing has just rolled over. Lots pay in burn order, each its lines; the
same as `Till.settle` comes to, which tells who paid what when it is asked. Burn order and overages stand before any
usage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pricing_dsl.evaluate.scalar.runtime import half_even, half_up
from pricing_dsl.evaluate.scalar.tills import Begins, Till
from pricing_dsl.evaluate.scalar.writing import Fallback
from pricing_dsl.evaluate.statement import Row


class Payer(NamedTuple):
    """A lot: its slot among those that are there before the period, or what it grants; and the lines it pays."""

    slot: int | None
    granted: int
    covers: tuple[int, ...] | None


class Over(NamedTuple):
    """What the rest of a line is multiplied by; rejected where `numerator` is negative."""

    line: int
    row: str
    numerator: int
    denominator: int


class Quick:
    """A till of one segment. `payers` are in burn order; `rows_over` is what the rest of top-ups is multiplied by."""

    def __init__(self, till: Till, payers: tuple[Payer, ...]) -> None:
        self.payers = payers
        self.count = len(till.lines)
        self.digits = till.digits
        self.rounded = half_even if till.mode == "half_even" else half_up
        factors = till.overage(till.stages[0], set())
        stated = [(i, factor) for i, factor in enumerate(factors) if factor is not None and factor != 1]
        self.overs = [
            Over(i, f"balance_factors_{till.lines[i]}", *factor.as_integer_ratio())
            for i, factor in stated
            if i < self.count
        ]
        self.rows_over = [factor.as_integer_ratio() for i, factor in stated if i == self.count]
        over = {i for i, _ in stated}
        self.main = next((payer for payer in payers if payer.covers is None or over <= set(payer.covers)), None)
        """A lot that pays every line that may have a rest to multiply, if it lasts."""
        covers = None if self.main is None else self.main.covers
        self.main_lines = None if covers is None else tuple(till.lines[i] for i in dict.fromkeys(covers))

    def pays_all(self, opening: Sequence[int], amounts: Mapping[str, int]) -> bool:
        """Whether one lot is as large as all that could be multiplied, whatever the adjustments take off each line.

        `amounts` are lines before adjustments, none of which adds to a line, and the `total` after them.
        """
        if self.main is None:
            return False
        amount = self.main.granted if self.main.slot is None else opening[self.main.slot]
        if self.main_lines is None:
            return amounts["total"] <= amount and min(amounts.values()) >= 0
        due = 0
        for name in self.main_lines:
            minor = amounts[name]
            if minor > 0:
                due += minor
        return due <= amount

    def settle(
        self, opening: Sequence[int], nets: Sequence[int], tops: Sequence[tuple[str, int]]
    ) -> tuple[int, list[Row]]:
        """What the lots pay of net amounts and top-ups, and what overage adds to the rest."""
        left = [*nets, *[minor for _, minor in tops]] if tops else [*nets]
        drawn = 0
        for slot, amount, covers in self.payers:
            if slot is not None:
                amount = opening[slot]
            if not amount:
                continue
            for line in range(len(left)) if covers is None else covers:
                due = left[line]
                if due <= 0:
                    continue
                if due >= amount:
                    left[line] = due - amount
                    drawn += amount
                    break
                left[line] = 0
                drawn += due
                amount -= due
        rows: list[Row] = []
        for line, name, numerator, denominator in self.overs:
            rest = left[line]
            if rest > 0:
                self.add(rows, name, rest, numerator, denominator)
        if self.rows_over and tops:
            ((numerator, denominator),) = self.rows_over
            for (name, _), rest in zip(tops, left[self.count :], strict=True):
                if rest > 0:
                    self.add(rows, f"balance_factors_{name}", rest, numerator, denominator)
        return drawn, rows

    def add(self, rows: list[Row], name: str, rest: int, numerator: int, denominator: int) -> None:
        """The row by which the rest of a line differs from its net (rule 29)."""
        if numerator < 0:
            raise Fallback("`overage reject` of what no balance has paid")
        minor = self.rounded(rest * numerator, denominator) - rest
        if minor:
            rows.append(Row(name, "balance_factors", minor, self.digits))


def quick(till: Till) -> Quick | None:
    """The till as a quick one; `None` where it needs more than whole amounts in one segment."""
    if len(till.stages) != 1:
        return None
    (stage,) = till.stages
    there = sum(len(slots) for slots in till.opening)
    granted = {event.slot: event.minor for event in stage.events if isinstance(event, Begins)}
    if any(overage.rolled for overage in stage.overages):
        return None
    payers: list[Payer] = []
    for slot in stage.slots:
        if slot.factors is not None or (slot.index >= there and slot.index not in granted):
            return None
        payers.append(Payer(slot.index if slot.index < there else None, granted.get(slot.index, 0), slot.covers))
    return Quick(till, tuple(payers))
