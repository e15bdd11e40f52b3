"""Lots: when the grants of a commit or credit begin and end, and what expires, rolls over and is granted in time.

A balance is a list of lots with their ends (rule 34). Grants are laid over the balance's own span: one at its start, or
one in each month, quarter or year of the contract, counted from the start of the term (language reference, sections 6
and 7). At its end a lot expires or, once only, a share of it moves to a new lot (rule 30). Amounts are `Fraction`s:
whole minor units of money, or units of a quantity. An `Account` is one balance's lots on their way through a period.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

from pricing_dsl.evaluate.reference.cells import ZERO
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.numbers import decimal_text
from pricing_dsl.values.periods import MONTHS, Term, moment_of

UNIT_PLACES = 12
"""Decimal places of a balance in units, where an amount has no end as a decimal."""

BurnPlace = tuple[bool, int, bool, int, int, int]
"""Where a lot stands in the burn order; lots are paid from in ascending order."""


class Grant(NamedTuple):
    """One grant: it is added at `start` and ends at `end`."""

    start: ir.Instant
    end: ir.Instant


@dataclass(slots=True)
class Lot:
    """What is left of a grant. `end` is when it expires, `None` for never; `rolled`: it has rolled over once.

    `age` counts the lots of a balance, the oldest first.
    """

    amount: Fraction
    end: ir.Instant | None
    rolled: bool
    age: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a commit or credit grants, and how long what it grants lives."""

    balance: ir.Balance
    term: Term

    def grants(self, before: ir.Instant, since: ir.Instant | None = None) -> Iterator[Grant]:
        """The grants that begin before an instant, in time order; those that can matter at `since` or later.

        With a cadence the first stands at the start of the balance's own span, the others where the next month, quarter
        or year of the contract begins; each ends when the next begins, unless it says `valid for N months`.
        """
        balance, term = self.balance, self.term
        after = None if since is None else since - self.reach_seconds
        for start, end in stretches(term, balance.cadence, balance.start, balance.end, before, after):
            if balance.lifetime_months is not None:
                end = min(term.months_later(start, balance.lifetime_months), term.end)
            yield Grant(start, end)

    def last_grants(self, before: ir.Instant) -> list[Grant]:
        """The last grants that begin before an instant."""
        return list(self.grants(before, before)) or list(self.grants(before))[-1:]

    @property
    def reach_seconds(self) -> int:
        """At least as long as a grant and what rolls over from it live."""
        cadence = MONTHS[self.balance.cadence or "monthly"]
        lives = self.balance.lifetime_months or cadence
        return (cadence + lives + (self.balance.rollover_months or lives)) * 31 * 86_400

    @property
    def end(self) -> ir.Instant:
        """When the commit is valid no more: at the end of its span, or of its one grant."""
        until = min(self.balance.end, self.term.end)
        if self.balance.cadence is not None or self.balance.lifetime_months is None:
            return until
        return max((grant.end for grant in self.grants(until)), default=until)

    def rolled_end(self, end: ir.Instant) -> ir.Instant | None:
        """When what rolls over from a lot that ends at `end` expires; `None` where nothing rolls over."""
        if self.balance.rollover is None:
            return None
        grants = self.last_grants(end)
        same = [grant for grant in grants if grant.end == end] or grants[-1:]
        return self.rolled_from(same[-1], end) if same else None

    def rolled_from(self, grant: Grant, end: ir.Instant) -> ir.Instant | None:
        """The same for a lot of a known grant: N months, without `for` as long as the commit did (rule 30).

        Never past the term, so at its end nothing rolls over.
        """
        if self.balance.rollover is None:
            return None
        if self.balance.rollover_months is not None:
            until = self.term.months_later(end, self.balance.rollover_months)
        else:
            until = as_long_again(self.term, grant, end)
        until = min(until, self.term.end)
        return until if until > end else None

    def instants(self, start: ir.Instant, end: ir.Instant) -> Iterator[ir.Instant]:
        """Every instant of `[start, end)` at which a grant, or what rolls over from it, starts or ends; and others."""
        for grant in self.grants(end, start):
            yield from grant
            rolled = self.rolled_from(grant, grant.end)
            if rolled is not None:
                yield rolled

    def invoices(self, start: ir.Instant, end: ir.Instant) -> Iterator[ir.Instant]:
        """When in `[start, end)` the commit is invoiced: with each grant, or in each period of the cadence it says.

        Then while it is valid, at the start of each such period of the contract (language reference, section 7).
        """
        cadence = self.balance.invoice_cadence
        found: Iterator[tuple[ir.Instant, ir.Instant]] = self.grants(end, start)
        if cadence is not None:
            found = stretches(self.term, cadence, self.balance.start, self.end, end, start)
        yield from (at for at, _ in found if at >= start)

    def in_force(self, at: ir.Instant) -> Grant | None:
        """The last grant that is valid at an instant."""
        found = [grant for grant in self.last_grants(at + 1) if grant.end > at]
        return found[-1] if found else None


def stretches(
    term: Term,
    cadence: Literal["monthly", "quarterly", "yearly"] | None,
    start: ir.Instant,
    end: ir.Instant,
    before: ir.Instant,
    after: ir.Instant | None = None,
) -> Iterator[tuple[ir.Instant, ir.Instant]]:
    """`[start, end)` inside the term, cut where a period of the contract begins; those that begin before `before`.

    Without a cadence it is whole. The first and the last may be short. Those that end before `after` may be left out.
    """
    at, until = max(start, term.start), min(end, term.end)
    if cadence is not None and after is not None and after > at:
        at = max(at, term.containing(cadence, after)[0])
    while at < min(until, before):
        following = until if cadence is None else min(term.containing(cadence, at)[1], until)
        yield at, following
        at = following


def as_long_again(term: Term, grant: Grant, end: ir.Instant) -> ir.Instant:
    """As long after `end` as a grant lives: whole months where it lives whole months, else days."""
    first, last = moment_of(grant.start, term.zone), moment_of(grant.end, term.zone)
    months = (last.year - first.year) * 12 + last.month - first.month
    if months > 0 and term.months_later(grant.start, months) == grant.end:
        return term.months_later(end, months)
    return term.days_later(end, (last.date() - first.date()).days)


# --- one balance in time -------------------------------------------------------------------------------------------


@dataclass
class Account:
    """One balance on its way through a billing period: its lots, the grants to come, and what has moved.

    `amount_of_grant` is what one grant is worth, asked when it begins.
    """

    schedule: Schedule
    position: int
    amount_of_grant: Callable[[], Fraction]
    lots: list[Lot]
    to_come: Iterator[Grant]
    assumed: bool
    opening: Fraction = ZERO
    granted: Fraction = ZERO
    drawn: Fraction = ZERO
    expired: Fraction = ZERO
    rolled_over: Fraction = ZERO
    ages: int = 0
    _next: Grant | None = None

    @property
    def balance(self) -> ir.Balance:
        return self.schedule.balance

    @property
    def left(self) -> Fraction:
        return sum((lot.amount for lot in self.lots), ZERO)

    def enter(self, at: ir.Instant) -> None:
        """Step 18 at the start of a segment: what has ended expires and rolls over, grants that begin are added."""
        while (grant := self.upcoming()) is not None and grant.start <= at:
            self.end_lots(grant.start)
            self.grant(grant)
            self._next = None
        self.end_lots(at)

    def close(self, at: ir.Instant) -> None:
        """Step 20 at the period's end: what ends there expires and rolls over; what begins there does not count."""
        self.enter(at - 1)
        self.end_lots(at)
        assert self.opening + self.granted == self.drawn + self.expired + self.left, "movements add up (rule 34)"

    def upcoming(self) -> Grant | None:
        """The next grant that has not been added."""
        if self._next is None:
            self._next = next(self.to_come, None)
        return self._next

    def grant(self, grant: Grant) -> None:
        amount = self.amount_of_grant()
        self.granted += amount
        self.add(amount, grant.end, rolled=False)

    def add(self, amount: Fraction, end: ir.Instant | None, *, rolled: bool) -> None:
        self.lots.append(Lot(amount, end, rolled, self.ages))
        self.ages += 1

    def end_lots(self, at: ir.Instant) -> None:
        """Expire the lots that have ended by an instant, the first to end first; each may leave one that rolled."""
        while ended := [lot for lot in self.lots if lot.end is not None and lot.end <= at]:
            lot = min(ended, key=lambda each: (each.end, each.age))
            assert lot.end is not None
            moved, until = rolled_share(self.schedule, lot.amount, lot.end, rolled=lot.rolled)
            self.expired += lot.amount - moved
            self.rolled_over += moved
            self.lots.remove(lot)
            if moved:
                self.lots.append(Lot(moved, until, True, lot.age))

    def pay(self, lot: Lot, amount: Fraction) -> None:
        """Take what is drawn off a lot."""
        assert 0 <= amount <= lot.amount, "a draw is at most what is left"
        lot.amount -= amount
        self.drawn += amount

    def order(self, lot: Lot) -> BurnPlace:
        """The burn order: lowest priority, none last; earliest end, no end last; as written; older lot (rule 28)."""
        return burn_order(self.balance.priority, lot.end, self.position, lot.age)


def burn_order(priority: int | None, end: ir.Instant | None, position: int, age: int) -> BurnPlace:
    """What lots are paid from first, as a key to sort by (rule 28)."""
    return (priority is None, priority or 0, end is None, end or 0, position, age)


def rolled_share(
    schedule: Schedule, amount: Fraction, end: ir.Instant, *, rolled: bool
) -> tuple[Fraction, ir.Instant | None]:
    """What moves to a new lot when one ends, and when that one ends: P% rounded down, once only (rule 30).

    Money is rounded down to the minor unit; units that have no end as a decimal, to `UNIT_PLACES`.
    """
    until = None if rolled or amount <= 0 else schedule.rolled_end(end)
    if until is None:
        return ZERO, None
    assert schedule.balance.rollover is not None
    moved = amount * schedule.balance.rollover
    if schedule.balance.unit is None:
        return Fraction(moved.numerator // moved.denominator), until
    return decimal_down(moved), until


def decimal_down(amount: Fraction) -> Fraction:
    """An amount of units that a decimal can hold: itself, or rounded down to `UNIT_PLACES`.

    >>> decimal_down(Fraction(1, 8)), decimal_down(Fraction(1, 3))
    (Fraction(1, 8), Fraction(333333333333, 1000000000000))
    """
    if "/" not in decimal_text(amount):
        return amount
    scaled = amount * 10**UNIT_PLACES
    return Fraction(scaled.numerator // scaled.denominator, 10**UNIT_PLACES)
