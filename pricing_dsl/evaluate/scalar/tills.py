"""Steps 18 to 20 in integers: what balances of money pay of one period's lines (rules 27 to 31).

Which lots there are, when they end and what they cover is known before any usage is: a `Till` is laid out once per
period and form of the opening balances, by the reference evaluator's own schedules. What is left at each evaluation is
amounts of money, whole minor units except where `funded times` has paid a part. Draws are in burn order as the lots
stand at the start of a segment. Whatever `overage reject` would leave unpriced ends in `Fallback`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from pricing_dsl.evaluate.reference.balances import Ledger, invoices
from pricing_dsl.evaluate.reference.lots import BurnPlace, Lot
from pricing_dsl.evaluate.reference.reasons import number
from pricing_dsl.evaluate.reference.segments import SegmentTime
from pricing_dsl.evaluate.scalar.writing import Fallback
from pricing_dsl.evaluate.statement import BalanceMovement, Draw, Invoiced, Row
from pricing_dsl.evaluate.statement import Lot as ShownLot
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.numbers import minor_decimal
from pricing_dsl.values.rounding import Mode, round_ratio

Amount = int | Fraction
"""Minor units: whole, but for what `funded times` has left of a line."""


@dataclass(slots=True, eq=False)
class Slot:
    """The place of one lot, whatever it holds: of which account, when it ends, where it stands in the burn order."""

    index: int
    account: int
    lot: Lot
    order: BurnPlace
    why: str
    covers: tuple[int, ...] | None
    """The lines it pays, in their order; `None` for all, and for top-ups that stand alone."""
    factors: tuple[Fraction, ...] | None
    """`funded times` by line (the last: of rows); `None` where all are 1."""


class Ends(NamedTuple):
    """A lot ends: what is left expires, but for the share that moves to another."""

    slot: int
    target: int | None
    share: Fraction


class Begins(NamedTuple):
    """A grant is added."""

    slot: int
    minor: int


Event = Ends | Begins


@dataclass(frozen=True, slots=True)
class Overage:
    """A commit that states an overage, in one segment: the places of its lots that are there, and of those that may be.

    A lot that holds what has rolled over is there if anything has.
    """

    account: int
    place: BurnPlace | None
    rolled: tuple[tuple[BurnPlace, int], ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """One segment: what happens at its start, the slots that may pay in it in burn order, the overages stated in it."""

    events: tuple[Event, ...]
    slots: tuple[Slot, ...]
    overages: tuple[Overage, ...]


@dataclass(slots=True)
class Settled:
    """What the balances made of one statement, in minor units.

    `moved` is by account: what was granted, drawn, has expired and has moved to a new lot. `left` is by slot.
    """

    drawn: int
    draws: list[Draw]
    rows: list[Row]
    opening: list[int]
    moved: list[list[int]]
    left: list[int]


@dataclass
class Till:
    """The balances of one period, laid out. `opening` are the slots of each account that are there before it."""

    ledger: Ledger
    lines: tuple[str, ...]
    slots: list[Slot] = field(default_factory=list)
    opening: list[list[int]] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    closing: tuple[Event, ...] = ()
    closing_slots: list[list[int]] = field(default_factory=list)
    whys: dict[tuple[int, int, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.accounts = self.ledger.accounts
        self.digits = self.ledger.rounding.digits
        self.mode: Mode = self.ledger.rounding.mode
        balances = [account.balance for account in self.accounts]
        self.has_factors = any(b.funded is not None or b.overage is not None or b.overage_rejects for b in balances)
        self.assumed = tuple(f"balance {account.balance.name}" for account in self.accounts if account.assumed)
        self.names = [account.balance.name for account in self.accounts]

    # --- an evaluation ---

    def settle(
        self, opening: Sequence[int], parts: Sequence[Sequence[int]], rows: Sequence[tuple[str, int]]
    ) -> Settled:
        """Pay `parts`, for each segment the net amounts of lines by their place, and rows that stand in the last.

        `opening` are the amounts of the lots that are there before, by slot.
        """
        lots = [*opening, *[0] * (len(self.slots) - len(opening))]
        rolled_to: set[int] = set()
        moved = [[0, 0, 0, 0] for _ in self.accounts]
        pay = Payment(self, lots, moved)
        last = len(parts) - 1
        nets: Sequence[int] = parts[0] if last == 0 else [sum(each) for each in zip(*parts, strict=True)]
        whole: list[Amount] = list(nets)
        lefts: list[list[Amount]] = []
        factors: list[Sequence[Fraction | None] | None] = []
        for index, (stage, part) in enumerate(zip(self.stages, parts, strict=True)):
            self.happen(stage.events, lots, moved, rolled_to)
            here: list[Amount] = list(part)
            if index == last and rows:
                here.extend(minor for _, minor in rows)
                whole.extend(minor for _, minor in rows)
            lefts.append(here)
            factors.append(self.overage(stage, rolled_to) if stage.overages else None)
            pay.segment(index, stage, here, whole if last else None, rows)
        self.happen(self.closing, lots, moved, rolled_to)
        made = self.factor_rows(pay, nets, lefts, factors, rows) if self.has_factors else []
        return Settled(pay.drawn, pay.draws, made, [sum(lots0) for lots0 in self.opened(opening)], moved, lots)

    def opened(self, opening: Sequence[int]) -> Iterator[list[int]]:
        for slots in self.opening:
            yield [opening[slot] for slot in slots]

    def happen(self, events: Sequence[Event], lots: list[int], moved: list[list[int]], rolled_to: set[int]) -> None:
        """What has ended expires and rolls over, once only and rounded down; grants that begin are added."""
        for event in events:
            account = moved[self.slots[event.slot].account]
            if isinstance(event, Begins):
                lots[event.slot] = event.minor
                account[0] += event.minor
                continue
            amount, lots[event.slot] = lots[event.slot], 0
            kept = 0
            if event.target is not None and amount > 0:
                kept = amount * event.share.numerator // event.share.denominator
                lots[event.target] = kept
                if kept:
                    rolled_to.add(event.target)
            account[2] += amount - kept
            account[3] += kept

    # --- factors (rule 29) ---

    def overage(self, stage: Stage, rolled_to: set[int]) -> list[Fraction | None]:
        """By line, and at last for rows: the `overage times` of the last commit in burn order; `None` for none.

        `overage reject` is minus one: what it would leave unpriced is for the reference evaluator to say.
        """
        valid: list[tuple[BurnPlace, ir.Balance]] = []
        for each in stage.overages:
            places = [place for place, slot in each.rolled if slot in rolled_to]
            if each.place is not None:
                places.append(each.place)
            if places:
                valid.append((max(places), self.accounts[each.account].balance))
        found: list[Fraction | None] = [None] * (len(self.lines) + 1)
        for _, balance in sorted(valid, key=lambda each: each[0]):
            factor = Fraction(-1) if balance.overage_rejects else balance.overage
            lines = covered_lines(balance, self.lines)
            for index in range(len(found)) if lines is None else lines:
                found[index] = factor
        return found

    def factor_rows(
        self,
        pay: Payment,
        nets: Sequence[int],
        lefts: Sequence[Sequence[Amount]],
        factors: Sequence[Sequence[Fraction | None] | None],
        rows: Sequence[tuple[str, int]],
    ) -> list[Row]:
        """Draws + the rounded rest - net, for each line that a factor has changed."""
        made: list[Row] = []
        count = len(self.lines)
        for index, name in enumerate([*self.lines, *(name for name, _ in rows)]):
            pieces: list[tuple[Amount, Fraction | None]] = []
            for here, by_line in zip(lefts, factors, strict=True):
                if index < len(here) and here[index]:
                    pieces.append((here[index], None if by_line is None else by_line[min(index, count)]))
            left = sum(piece for piece, _ in pieces)
            net = nets[index] if index < count else rows[index - count][1]
            charged: Amount = left
            if left > 0:
                if any(factor is not None and factor < 0 for _, factor in pieces):
                    raise Fallback("`overage reject` of what no balance has paid")
                charged = sum(piece if factor is None else piece * factor for piece, factor in pieces)
            rest = charged if charged.__class__ is int else self.rounded(charged)
            minor = pay.drawn_of.get(index, 0) + int(rest) - net
            if minor:
                made.append(Row(f"balance_factors_{name}", "balance_factors", minor, self.digits))
        return made

    def rounded(self, minor: Amount) -> int:
        """Minor units, rounded by the plan's mode."""
        return round_ratio(minor.numerator, minor.denominator, self.mode)

    # --- what the statement says ---

    def told(
        self, settled: Settled, floors: Mapping[str, BalanceMovement]
    ) -> tuple[tuple[Draw, ...], Mapping[str, BalanceMovement]]:
        """Draws in the order paid, and the movements of balances, then of postpaid commits."""
        movements = {movement.name: movement for movement in self.movements(settled)}
        return tuple(settled.draws), {**movements, **floors}

    def movements(self, settled: Settled) -> Iterator[BalanceMovement]:
        """What happened to each balance, in the order written."""
        for position, account in enumerate(self.accounts):
            amounts = [settled.opening[position], *settled.moved[position]]
            slots = [self.slots[slot] for slot in self.closing_slots[position] if settled.left[slot]]
            lots = tuple(
                ShownLot(
                    self.shown(settled.left[slot.index]),
                    None if slot.lot.end is None else self.ledger.date(slot.lot.end),
                    slot.lot.rolled,
                )
                for slot in sorted(slots, key=lambda slot: slot.order)
            )
            closing = sum(settled.left[slot.index] for slot in slots)
            assert amounts[0] + amounts[1] == amounts[2] + amounts[3] + closing, "movements add up (rule 34)"
            opening, granted, drawn, expired, rolled, left = [self.shown(amount) for amount in (*amounts, closing)]
            yield BalanceMovement(
                account.balance.name,
                account.balance.kind,
                self.ledger.currency,
                opening,
                granted,
                drawn,
                expired,
                rolled,
                left,
                lots,
                account.assumed,
            )

    def shown(self, minor: int) -> Decimal:
        return minor_decimal(minor, self.digits)

    def invoiced(self, segments: Sequence[SegmentTime]) -> tuple[tuple[Invoiced, ...], int]:
        """What commits themselves are invoiced, and in minor units."""
        found = tuple(invoices(self.ledger, segments[0].start, segments[-1].end))
        return tuple(entry for entry, _ in found), sum(minor for _, minor in found)


@dataclass(slots=True)
class Payment:
    """The draws of one evaluation on their way (step 18)."""

    till: Till
    lots: list[int]
    moved: list[list[int]]
    drawn: int = 0
    draws: list[Draw] = field(default_factory=list)
    drawn_of: dict[int, int] = field(default_factory=dict)

    def segment(
        self,
        segment: int,
        stage: Stage,
        here: list[Amount],
        whole: list[Amount] | None,
        rows: Sequence[tuple[str, int]],
    ) -> None:
        """The lots pay in burn order, each its lines one after the other, never what is zero or negative (rule 28).

        `here` is what is left of lines and rows in the segment, `whole` in the billing period where that has others.
        """
        lots = self.lots
        present = [slot for slot in stage.slots if lots[slot.index] > 0]
        for slot in present:
            covers = range(len(here)) if slot.covers is None else slot.covers
            for line in covers:
                amount = lots[slot.index]
                if not amount:
                    break
                left = here[line]
                if whole is not None and whole[line] < left:
                    left = whole[line]
                if left <= 0:
                    continue
                factor: Fraction | None = None
                paid: Amount = left
                if slot.factors is None and isinstance(left, int):
                    if amount < left:
                        paid = amount
                    draw = int(paid)
                else:
                    factor = Fraction(1) if slot.factors is None else slot.factors[min(line, len(slot.factors) - 1)]
                    draw = self.till.rounded(left * factor)
                    if amount < draw:
                        draw, paid = amount, amount / factor
                here[line] -= paid
                if whole is not None:
                    whole[line] -= paid
                lots[slot.index] = amount - draw
                if draw:
                    self.drawn += draw
                    self.moved[slot.account][1] += draw
                    self.drawn_of[line] = self.drawn_of.get(line, 0) + draw
                    self.tell(segment, present, slot, line, draw, factor, paid, rows)

    def tell(
        self,
        segment: int,
        present: Sequence[Slot],
        slot: Slot,
        line: int,
        draw: int,
        factor: Fraction | None,
        paid: Amount,
        rows: Sequence[tuple[str, int]],
    ) -> None:
        """One draw as the statement lists it, with its place among the lots that cover the line."""
        till = self.till
        place = of = 0
        for each in present:
            if each.covers is None or line in each.covers:
                of += 1
                if each is slot:
                    place = of
        why = till.whys.get((slot.index, place, of))
        if why is None:
            why = till.whys[slot.index, place, of] = f"{place} of {of} in burn order, {slot.why}"
        if factor is not None and factor != 1:
            why += f"; pays {number(Fraction(paid) / 10**till.digits)} at {number(factor)}"
        count = len(till.lines)
        name = till.lines[line] if line < count else rows[line - count][0]
        self.draws.append(Draw(till.names[slot.account], name, segment, till.shown(draw), why))


def covered_lines(balance: ir.Balance, lines: Sequence[str]) -> tuple[int, ...] | None:
    """The places of the lines that a balance covers, in its order; `None` for all."""
    if balance.covers is None:
        return None
    return tuple(lines.index(cover.line) for cover in balance.covers if cover.line in lines)
