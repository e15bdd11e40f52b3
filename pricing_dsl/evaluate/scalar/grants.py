"""A till laid out for one period: the slots of its lots, and what begins and ends at the start of each segment.

The reference evaluator opens the balances and says when each grant and each lot ends (`lots`); here the accounts are
walked through the segments without amounts, as `Account.enter` and `close` walk them with amounts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pricing_dsl.evaluate.reference.balances import Ledger
from pricing_dsl.evaluate.reference.draws import described, funded_factor
from pricing_dsl.evaluate.reference.lots import Account, Grant, Lot
from pricing_dsl.evaluate.reference.segments import SegmentTime
from pricing_dsl.evaluate.scalar.tills import Begins, Ends, Event, Overage, Slot, Stage, Till, covered_lines
from pricing_dsl.ir import nodes as ir


def laid_out(ledger: Ledger, lines: tuple[str, ...], segments: Sequence[SegmentTime]) -> tuple[Till, list[int]]:
    """The till of a ledger that has been opened, and the opening amounts by slot."""
    till = Till(ledger, lines)
    amounts: list[int] = []
    present: list[list[Slot]] = []
    for position, account in enumerate(ledger.accounts):
        mine = [slot_of(till, position, lot) for lot in account.lots]
        present.append(mine)
        till.opening.append([slot.index for slot in mine])
        amounts.extend(int(slot.lot.amount) for slot in mine)
    end = segments[-1].end
    walks = [Walk(till, slots, account, end) for slots, account in zip(present, ledger.accounts, strict=True)]
    for segment in segments:
        events = [event for walk in walks for event in walk.enter(segment.start)]
        slots = sorted((slot for mine in present for slot in mine), key=lambda slot: slot.order)
        overages = tuple(o for i, walk in enumerate(walks) if (o := walk.overage(i, segment.start)) is not None)
        till.stages.append(Stage(tuple(events), tuple(slots), overages))
    till.closing = tuple(event for walk in walks for event in (*walk.enter(end - 1), *walk.end_lots(end)))
    till.closing_slots = [[slot.index for slot in mine] for mine in present]
    return till, amounts


def slot_of(till: Till, position: int, lot: Lot) -> Slot:
    """A new slot at the end of the till's."""
    account = till.ledger.accounts[position]
    balance = account.balance
    factors = [funded_factor(balance, line) for line in till.lines]
    # A row is never named by `funded ... on`: only a factor on all lines is on rows too.
    rows = Fraction(1) if balance.funded is None or balance.funded_lines is not None else balance.funded
    all_factors = (*factors, rows)
    slot = Slot(
        len(till.slots),
        position,
        lot,
        account.order(lot),
        described(account, lot),
        covered_lines(balance, till.lines),
        None if all(factor == 1 for factor in all_factors) else all_factors,
    )
    till.slots.append(slot)
    return slot


@dataclass
class Walk:
    """One account on its way through the segments, without amounts; as `Account.enter` and `close` go with them."""

    till: Till
    present: list[Slot]
    account: Account
    until: ir.Instant

    def __post_init__(self) -> None:
        self.grants: list[Grant] = []
        for grant in self.account.to_come:
            if grant.start >= self.until:
                break
            self.grants.append(grant)
        self.ages = self.account.ages

    def enter(self, at: ir.Instant) -> Iterator[Event]:
        while self.grants and self.grants[0].start <= at:
            grant = self.grants.pop(0)
            yield from self.end_lots(grant.start)
            slot = slot_of(self.till, self.account.position, Lot(Fraction(0), grant.end, False, self.ages))
            self.ages += 1
            self.present.append(slot)
            yield Begins(slot.index, int(self.account.amount_of_grant()))
        yield from self.end_lots(at)

    def end_lots(self, at: ir.Instant) -> Iterator[Event]:
        while ended := [slot for slot in self.present if slot.lot.end is not None and slot.lot.end <= at]:
            slot = min(ended, key=lambda each: (each.lot.end, each.lot.age))
            assert slot.lot.end is not None
            self.present.remove(slot)
            until = None if slot.lot.rolled else self.account.schedule.rolled_end(slot.lot.end)
            target = None
            if until is not None:
                moved = slot_of(self.till, self.account.position, Lot(Fraction(0), until, True, slot.lot.age))
                self.present.append(moved)
                target = moved.index
            yield Ends(slot.index, target, self.account.balance.rollover or Fraction(0))

    def overage(self, position: int, at: ir.Instant) -> Overage | None:
        """Where a commit that states an overage stands in the burn order, spent or not (rule 29)."""
        balance = self.account.balance
        if balance.kind != "commit" or (balance.overage is None and not balance.overage_rejects):
            return None
        opened = set(self.till.opening[position])
        sure = [s.order for s in self.present if not s.lot.rolled or s.index in opened]
        rolled = tuple((s.order, s.index) for s in self.present if s.lot.rolled and s.index not in opened)
        grant = self.account.schedule.in_force(at)
        if grant is not None:
            sure.append(self.account.order(Lot(Fraction(0), grant.end, False, self.ages)))
        return Overage(position, max(sure, default=None), rolled)
