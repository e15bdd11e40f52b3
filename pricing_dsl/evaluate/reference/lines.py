"""Step 12: fees and charges as lines of the statement, each exact inside and rounded once, at its end.

The line's segments foot to it by largest remainder, their cells to them, and so do the parts that `show by` lists
(language reference, section 6). Derived charges read the segments' rounded parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from pricing_dsl.evaluate.reference.amounts import group_note
from pricing_dsl.evaluate.reference.cells import ZERO, Key, Origin, Part, Priced, Refusal, key_of, key_order
from pricing_dsl.evaluate.reference.charges import Charging
from pricing_dsl.evaluate.reference.context import Context
from pricing_dsl.evaluate.reference.fees import Billed, billed_note
from pricing_dsl.evaluate.reference.reasons import number, override_notes, pair, reason
from pricing_dsl.evaluate.reference.timeline import Timeline
from pricing_dsl.evaluate.statement import Line, LineInfo, Reason
from pricing_dsl.evaluate.statement import Part as ShownPart
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.rounding import round_to_minor

PERIODS = "period"
"""The unit of a fee's quantity: service periods billed."""


class LineCell(NamedTuple):
    """What one cell of a line comes to in one segment, in minor units, before adjustments."""

    segment: int
    dimensions: Key
    minor: int


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A line before adjustments: `cells` add up to `minor`. And which usage reached a price in it."""

    info: LineInfo
    minor: int
    exact: Fraction
    quantity: Fraction
    parts: tuple[ShownPart, ...]
    reason: Reason | None
    cells: tuple[LineCell, ...]
    origins: frozenset[Origin] = frozenset()
    taken: frozenset[Origin] = frozenset()
    refused: tuple[Refusal, ...] = ()

    @property
    def by_segment(self) -> dict[int, int]:
        """Minor units by segment."""
        found: dict[int, int] = {}
        for cell in self.cells:
            found[cell.segment] = found.get(cell.segment, 0) + cell.minor
        return found

    def line(self, net_minor: int) -> Line:
        """The statement's line, once its shares of the adjustments are known."""
        exact, quantity = self.exact, self.quantity
        return Line(
            self.info, self.minor, exact.numerator, exact.denominator, net_minor,
            quantity.numerator, quantity.denominator, self.parts, self.reason,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rounding:
    """How lines are rounded: the currency's minor digits and the plan's mode."""

    digits: int
    mode: ir.Rounding

    def minor(self, amount: Fraction) -> int:
        return round_to_minor(amount, self.digits, self.mode)

    def money(self, minor: int) -> Fraction:
        return Fraction(minor, 10**self.digits)


# --- step 12 ---


def rounded_line(
    timeline: Timeline,
    context: Context,
    rounding: Rounding,
    name: str,
    billed: Sequence[Billed],
    charging: Charging | None,
    groups: Sequence[Priced],
) -> Evaluated:
    """One line, added up and rounded once: what is billed of it as a fee, and its groups priced as a charge.

    A line may be a fee in one segment and a charge in another; it is shown as the last one has it.
    """
    there = timeline.lines(name)
    line = there[-1][1]
    exact = sum((each.amount for each in billed), ZERO) + sum((group.amount for group in groups), ZERO)
    minor = rounding.minor(exact)
    cells = rounded_cells(rounding, minor, [s.index for s, _ in there], billed, groups)
    stages = () if charging is None else charging.stages
    if isinstance(line, ir.Fee):
        info = LineInfo(name, line.label, "fee", PERIODS, rounding.digits)
        quantity = Fraction(len(billed))
    else:
        info = LineInfo(name, line.label, "charge", line.unit, rounding.digits)
        quantity = sum((stage.quantity for stage in stages), ZERO)
    node = None
    if context.explain:
        refused = [refusal for stage in stages for refusal in stage.refused_here]
        children = [*children_of(timeline, context, line, exact, billed, groups), *map(refused_note, refused)]
        node = rounded_note(context, rounding, line.label or line.name, line, exact, minor, children)
    return Evaluated(
        info,
        minor,
        exact,
        quantity,
        shown_parts([part for group in groups for part in group.parts], minor, rounding.digits),
        node,
        cells,
        frozenset().union(*(stage.origins for stage in stages)),
        frozenset().union(*(stage.taken for stage in stages)),
        tuple(refusal for stage in stages for refusal in stage.refused),
    )


def rounded_cells(
    rounding: Rounding, minor: int, segments: Sequence[int], billed: Sequence[Billed], groups: Sequence[Priced]
) -> tuple[LineCell, ...]:
    """The line's cells: its segments are rounded so that they add up to it, then the cells of each segment."""
    exact: dict[int, dict[Key, Fraction]] = {segment: {} for segment in segments}
    for each in billed:
        cells = exact.setdefault(each.segment, {})
        cells[()] = cells.get((), ZERO) + each.amount
    for part in (part for group in groups for part in group.parts):
        cells = exact.setdefault(part.segment, {})
        key = key_of(part.dimensions, part.dimensions)
        cells[key] = cells.get(key, ZERO) + part.amount
    scale = 10**rounding.digits
    order = sorted(exact)
    wholes = footing_shares(minor, [sum(exact[segment].values(), ZERO) * scale for segment in order])
    found: list[LineCell] = []
    for segment, whole in zip(order, wholes, strict=True):
        cells = exact[segment] or {(): ZERO}
        shares = footing_shares(whole, [amount * scale for amount in cells.values()])
        found.extend(LineCell(segment, key, share) for key, share in zip(cells, shares, strict=True))
    return tuple(found)


def children_of(
    timeline: Timeline,
    context: Context,
    line: ir.Fee | ir.Charge,
    exact: Fraction,
    billed: Sequence[Billed],
    groups: Sequence[Priced],
) -> list[Reason]:
    """What a line is made of: the overrides in force, its service periods, its groups."""
    in_force = [segment.version.overrides for segment in timeline.segments]
    children = override_notes(timeline.texts, in_force, line.name, exact, context.currency)
    fee = billed[-1].fee if billed else line
    if isinstance(fee, ir.Fee):
        children.append(billed_note(timeline, context.currency, fee, billed))
    children.extend(groups[0].notes if len(groups) == 1 else [group_note(context.currency, group) for group in groups])
    return children


def refused_note(refusal: Refusal) -> Reason:
    """Usage that this charge does not price: unpriced, unless another charge takes it (section 4)."""
    values = ", ".join(f"{name}: {value}" for name, value in refusal.dimensions)
    what = f"not priced here: {values}" if values else "not priced here"
    return reason(what, "refused", None, refusal.reason, refusal.quantity, refusal.unit)


def rounded_note(
    context: Context,
    rounding: Rounding,
    label: str,
    line: ir.Fee | ir.Charge,
    exact: Fraction,
    minor: int,
    children: Sequence[Reason],
) -> Reason:
    """The root of a line's explanation: exact -> rounded."""
    amount = rounding.money(minor)
    step = Fraction(1, 10**rounding.digits)
    formula = f"{number(exact)} rounded {rounding.mode} to {number(step)}"
    return reason(label, "line", line.span, formula, amount, context.currency, [pair("exact", exact)], children)


# --- show by ---


def shown_parts(parts: Sequence[Part], minor: int, digits: int) -> tuple[ShownPart, ...]:
    """The parts that `show by` lists, in the order of their values; they add up to the line.

    Listed is what entered the price: `price 0` at 0.00, but not usage that free units left nothing of.
    """
    if all(part.shown is None for part in parts):
        return ()
    amounts: dict[Key, Fraction] = {}
    for part in parts:
        if not part.quantity and not part.amount:
            continue
        key = part.shown or ()
        amounts[key] = amounts.get(key, ZERO) + part.amount
    keys = sorted(amounts, key=key_order)
    shares = footing_shares(minor, [amounts[key] * 10**digits for key in keys])
    return tuple(
        ShownPart(tuple((name, value or "") for name, value in key), share, digits)
        for key, share in zip(keys, shares, strict=True)
    )


def footing_shares(whole: int, exact: Sequence[Fraction]) -> list[int]:
    """Round amounts of either sign so that they add up to `whole`, their rounded sum: largest remainder, ties earlier.

    >>> footing_shares(100, [Fraction(100, 3)] * 3)
    [34, 33, 33]
    """
    shares = [amount.numerator // amount.denominator for amount in exact]
    missing = whole - sum(shares)
    by_remainder = sorted(range(len(exact)), key=lambda i: shares[i] - exact[i])
    for i in by_remainder[:missing]:
        shares[i] += 1
    return shares
