"""Step 17: true-ups of postpaid commits (rule 33).

A floor counts what its covered lines cost after adjustments, before draws and factors; without `covers` all lines and
top-ups. Its periods stand alone: at the end of each a true-up brings what counted up to the amount, and the next counts
from zero. What counted so far is carried with the balances. No balance pays a true-up; a short last period is whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from pricing_dsl.evaluate.corrections import Correction
from pricing_dsl.evaluate.reference.balances import Opening, term_of
from pricing_dsl.evaluate.reference.draws import Bill, bills_of, covered
from pricing_dsl.evaluate.reference.lines import Rounding
from pricing_dsl.evaluate.reference.lots import stretches
from pricing_dsl.evaluate.reference.reasons import number, pair
from pricing_dsl.evaluate.reference.segments import LineShare, SegmentTime
from pricing_dsl.evaluate.statement import BalanceMovement, Reason, Row
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.numbers import minor_decimal
from pricing_dsl.values.periods import Term, moment_of, text

RULE = "rule 33: what the covered lines cost before draws and factors is brought up to the amount"


@dataclass(frozen=True, slots=True)
class TrueUps:
    """The rows of floors whose period ends here, in the order written, and what counted so far of every floor.

    A movement opens with what counted before, `granted` is what counted in this period, `expired` what the periods
    that ended had counted, and closes with what counts on. `assumed` are the floors that were not given though they
    have counted before.
    """

    rows: tuple[Row, ...]
    movements: Mapping[str, BalanceMovement]
    assumed: tuple[str, ...]

    @property
    def minor(self) -> int:
        """What all rows come to, in minor units."""
        return sum(row.minor for row in self.rows)


class Counted(NamedTuple):
    """One period of a floor as far as it lies in the billing period: what counts in it, and whether it ends here."""

    start: ir.Instant
    end: ir.Instant
    minor: int
    new: int
    ends: bool


def true_ups(
    contract: ir.Contract,
    segments: Sequence[SegmentTime],
    shares: Sequence[LineShare],
    given: Opening,
    rounding: Rounding,
    currency: str,
    corrections: Sequence[Correction] = (),
    *,
    explain: bool = False,
) -> TrueUps:
    """The true-ups of one billing period. `shares` are net of adjustments; `given` maps floors to what counted.

    A correction counts in the floor's period that it corrects, or, when that has ended, not at all.
    """
    term = term_of(contract)
    bills = bills_of(shares)
    rows: list[Row] = []
    movements: dict[str, BalanceMovement] = {}
    for floor in contract.floors:
        opening = rounding.minor(Fraction(given.get(floor.name, 0)))
        counted = counted_periods(floor, term, segments, bills, opening, corrections)
        ended = [each for each in counted if each.ends]
        if ended:
            rows.append(row_of(floor, term, ended, rounding, currency, explain=explain))
        began_before = any(each.start < segments[0].start for each in counted)
        assumed = began_before and floor.name not in given
        movements[floor.name] = moved(floor, opening, counted, rounding, currency, assumed=assumed)
    names = (f"balance {name}" for name, movement in movements.items() if movement.assumed)
    return TrueUps(tuple(rows), movements, tuple(names))


def counted_periods(
    floor: ir.Floor,
    term: Term,
    segments: Sequence[SegmentTime],
    bills: Sequence[Bill],
    opening: int,
    corrections: Sequence[Correction],
) -> list[Counted]:
    """The floor's periods that touch the billing period, which is cut where they begin and end."""
    start, end = segments[0].start, segments[-1].end
    found = []
    for first, last in stretches(term, floor.cadence, floor.start, floor.end, end, start):
        if last <= start:
            continue
        within = [segment for segment in segments if first <= segment.start < last]
        new = sum(spend(floor, bills, segment.index) for segment in within)
        new += sum(each.minor for each in corrections if first <= each.period < start and corrects(floor, each))
        found.append(Counted(first, last, new + (opening if first < start else 0), new, last <= end))
    return found


def spend(floor: ir.Floor, bills: Sequence[Bill], segment: int) -> int:
    """What the covered lines cost in one segment, in minor units."""
    return sum(piece.share.net_minor for _, pieces in covered(floor, bills, segment) for piece in pieces)


def corrects(floor: ir.Floor, correction: Correction) -> bool:
    """Whether a correction is of what a floor counts; one of a line's cells apart cannot be told from the others."""
    if floor.covers is None:
        return True
    return any(cover.line == correction.line and cover.where is None for cover in floor.covers)


def row_of(
    floor: ir.Floor, term: Term, ended: Sequence[Counted], rounding: Rounding, currency: str, *, explain: bool
) -> Row:
    """One row for the periods of a floor that end here; of 0 where the spend has reached the amount."""
    bound = rounding.minor(floor.amount)
    minor = sum(max(bound - each.minor, 0) for each in ended)
    node = None
    if explain:
        formula = " + ".join(
            f"max({number(rounding.money(bound))} - {number(rounding.money(each.minor))}, 0)" for each in ended
        )
        inputs = [pair("amount", rounding.money(bound))]
        for each in ended:
            dates = " to ".join(text(moment_of(at, term.zone)) for at in (each.start, each.end))
            inputs.append(pair(f"counted {dates}", rounding.money(each.minor)))
        node = Reason(
            f"true-up of {floor.name}", RULE, floor.span, tuple(inputs), formula, rounding.money(minor), currency
        )
    return Row(floor.name, "true_up", minor, rounding.digits, (), node)


def moved(
    floor: ir.Floor, opening: int, counted: Sequence[Counted], rounding: Rounding, currency: str, *, assumed: bool
) -> BalanceMovement:
    """What counted so far, as a balance that carries it on."""
    new = sum(each.new for each in counted)
    closing = sum(each.minor for each in counted if not each.ends)
    ended = opening + new - closing

    def shown(minor: int) -> Decimal:
        return minor_decimal(minor, rounding.digits)

    return BalanceMovement(
        floor.name,
        "floor",
        currency,
        shown(opening),
        shown(new),
        shown(0),
        shown(ended),
        shown(0),
        shown(closing),
        (),
        assumed,
    )
