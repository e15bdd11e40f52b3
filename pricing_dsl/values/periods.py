"""Billing periods: which one an evaluation prices, and what share of time a clipped part is worth.

Periods are half open and laid in local time (language reference, sections 6 and 8). Days count alike, the day of a
start counts and that of an end does not; seconds are real elapsed seconds. Shares are exact fractions of the whole
billing (or service) period. Months, quarters and years of a contract run from the start of its term. Reads no clock:
without dates a plan is in a whole first period.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from pricing_dsl.values.moments import (
    EPOCH,
    YEARS,
    Interval,
    Moment,
    PeriodError,
    Share,
    earlier,
    instant,
    is_before,
    later,
    midnight,
    moment_of,
    seconds_of,
    text,
)

__all__ = [
    "YEARS",
    "BillLike",
    "BillingPeriod",
    "Cadence",
    "ContractPeriod",
    "Interval",
    "Moment",
    "PeriodError",
    "Service",
    "Share",
    "Term",
    "Timing",
    "containing",
    "instant",
    "midnight",
    "moment_of",
    "month_start",
    "seconds_of",
    "text",
]  # fmt: skip

Cadence = Literal["daily", "weekly", "monthly", "quarterly", "yearly"]
Timing = Literal["in advance", "in arrears"]

MONTHS: dict[str, int] = {"monthly": 1, "quarterly": 3, "yearly": 12}
DAYS: dict[str, int] = {"daily": 1, "weekly": 7}
LAST_DAY = date(9000, 1, 1)
"""Later than any term: what has no end ends here."""
LAST = (date.max - EPOCH.date()).days * 86_400 + 2 * 86_400
"""An instant after the end of every term: what lasts longer is cut by the term anyway."""
LENGTH_ORDER = ("daily", "weekly", "monthly", "quarterly", "yearly")
WHOLE_RATIOS: dict[tuple[str, str], int] = {
    ("weekly", "daily"): 7,
    ("quarterly", "monthly"): 3,
    ("yearly", "monthly"): 12,
    ("yearly", "quarterly"): 4,
}
"""How many service periods a whole billing period holds, where that is the same in every one."""


class BillLike(Protocol):
    """What a period needs to know of a plan's `bill` statement."""

    @property
    def cadence(self) -> Cadence: ...
    @property
    def day(self) -> int | None: ...
    @property
    def from_term(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Service:
    """One service period of a fee, and the part of it in which the fee is in force."""

    whole: Interval
    in_force: Interval


@dataclass(frozen=True, slots=True)
class BillingPeriod:
    """One billing period or a part of one. `priced` and `whole` are `None` for an undated, whole first period."""

    cadence: Cadence
    day: int | None
    from_term: bool
    zone: ZoneInfo
    priced: Interval | None
    whole: Interval | None

    @classmethod
    def resolve(cls, bill: BillLike, timezone: str, period: tuple[Moment, Moment] | None) -> BillingPeriod:
        """The period to price. Raises `PeriodError` when it is empty or crosses a boundary of the bill's periods."""
        zone = ZoneInfo(timezone)
        if period is None:
            return cls(bill.cadence, bill.day, bill.from_term, zone, None, None)
        priced = Interval(*(instant(moment, zone) for moment in period))
        require_ordered(priced)
        anchor = priced.start.date() if bill.from_term else None
        whole = containing(bill.cadence, bill.day, zone, priced.start, anchor)
        require_within(priced, whole, bill.cadence)
        return cls(bill.cadence, bill.day, bill.from_term, zone, priced, whole)

    @property
    def bounds(self) -> tuple[str, str] | None:
        """The priced period as the statement writes it: dates where both ends are local midnights."""
        return None if self.priced is None else (text(self.priced.start), text(self.priced.end))

    @property
    def agreed(self) -> Interval:
        """The time in which anything is in force: a plan's first period begins its term, a part of one ends it too."""
        assert self.priced is not None
        assert self.whole is not None
        is_cut = is_before(self.priced.end, self.whole.end)
        return Interval(self.priced.start, self.priced.end if is_cut else midnight(LAST_DAY, self.zone))

    @property
    def term_start(self) -> datetime:
        """Where months, quarters and years of the term are counted from."""
        assert self.priced is not None
        return self.priced.start

    def share(self, by: Share) -> Fraction:
        """The share of the whole billing period that is priced (rule 26)."""
        return Fraction(1) if self.priced is None else self.share_of([self.priced], by)

    def share_of(self, stretches: Iterable[Interval], by: Share) -> Fraction:
        """The share of the whole billing period, before the term cuts it, that some stretches of it are (rule 26)."""
        if self.whole is None:
            return Fraction(1)
        return Fraction(sum(stretch.length(by) for stretch in stretches), self.whole.length(by))

    def fee_shares(self, cadence: str, timing: Timing, by: Share | None) -> tuple[Fraction, ...]:
        """One entry per service period of a fee that this bill carries: 1, or its share in force when prorated by `by`.

        Service periods not longer than the bill's are laid as the bill's; longer ones start with the term, which is
        here the start of the period (rule 24: a plan without a contract is in its first period).
        """
        if cadence == "once":
            return (Fraction(1),)
        if self.priced is None or self.whole is None:
            if LENGTH_ORDER.index(cadence) > LENGTH_ORDER.index(self.cadence):
                return (Fraction(1),) if timing == "in advance" else ()
            return (Fraction(1),) * self._undated_count(cadence)
        services = self.services(cadence, timing, self.agreed)
        return tuple(Fraction(1) if by is None else s.in_force.share_of(s.whole, by) for s in services)

    def services(self, cadence: str, timing: Timing, in_force: Interval) -> Iterator[Service]:
        """The service periods of a fee, clipped to the time in which it is in force, that are billed here (rule 24).

        In advance those that start in the priced period, in arrears those that end in it.
        """
        assert self.priced is not None
        known = in_force.clipped(self.agreed)
        if known is None:
            return
        at, end = later(known.start, self.priced.start), earlier(known.end, self.priced.end)
        while is_before(at, end):
            whole = self.service(cadence, at)
            clipped = whole.clipped(known)
            assert clipped is not None
            began_before, ends_after = (
                is_before(clipped.start, self.priced.start),
                is_before(self.priced.end, clipped.end),
            )
            if not (began_before if timing == "in advance" else ends_after):
                yield Service(whole, clipped)
            at = whole.end

    def service(self, cadence: str, at: datetime) -> Interval:
        """The whole service period that holds an instant: laid as the bill's, a longer one from the start of the term.

        That of a fee that is billed `once` is all the time in which anything is in force.
        """
        if cadence == "once":
            return self.agreed
        if LENGTH_ORDER.index(cadence) > LENGTH_ORDER.index(self.cadence):
            term = Term(seconds_of(self.term_start), seconds_of(self.agreed.end), self.zone)
            start, end = term.containing(cadence, seconds_of(at))
            return Interval(moment_of(start, self.zone), moment_of(end, self.zone))
        day = self.day if cadence == self.cadence or (cadence in MONTHS and self.cadence in MONTHS) else None
        anchor = self.term_start.date() if self.from_term else None
        return containing(cadence, day, self.zone, at, anchor)

    def _undated_count(self, cadence: str) -> int:
        if cadence == self.cadence:
            return 1
        count = WHOLE_RATIOS.get((self.cadence, cadence))
        if count is None:
            raise PeriodError(
                f"how often a {cadence} fee falls into a {self.cadence} bill depends on the dates",
                "give a period, such as 2026-03-01 to 2026-04-01",
            )
        return count


@dataclass(frozen=True, slots=True)
class ContractPeriod(BillingPeriod):
    """One billing period of a contract, or a part of one, clipped to its term."""

    term: Term

    @classmethod
    def of_term(cls, bill: BillLike, term: Term, period: tuple[Moment, Moment] | None) -> ContractPeriod:
        """The period to price; left out, the first of the term.

        Raises `PeriodError` when it is empty, crosses a boundary of the bill's periods, or lies outside the term.
        """
        zone = term.zone
        agreed = Interval(moment_of(term.start, zone), moment_of(term.end, zone))
        anchor = agreed.start.date() if bill.from_term else None
        first = containing(bill.cadence, bill.day, zone, agreed.start, anchor)
        if period is None:
            given = whole = first
        else:
            given = Interval(*(instant(moment, zone) for moment in period))
            require_ordered(given)
            whole = containing(bill.cadence, bill.day, zone, given.start, anchor)
            require_within(given, whole, bill.cadence)
        priced = given.clipped(agreed)
        if priced is None:
            raise PeriodError(
                f"the period from {text(given.start)} to {text(given.end)} lies outside the term, "
                f"{text(agreed.start)} to {text(agreed.end)}",
                "price a period of the term: the first is "
                f"{text(agreed.start)} to {text(earlier(first.end, agreed.end))}",
            )
        return cls(bill.cadence, bill.day, bill.from_term, zone, priced, whole, term)

    @property
    def agreed(self) -> Interval:
        """The term; a part of a billing period counts as if the term began or ended there (section 8)."""
        assert self.priced is not None
        assert self.whole is not None
        start, end = moment_of(self.term.start, self.zone), moment_of(self.term.end, self.zone)
        if is_before(self.whole.start, self.priced.start):
            start = later(start, self.priced.start)
        if is_before(self.priced.end, self.whole.end):
            end = earlier(end, self.priced.end)
        return Interval(start, end)

    @property
    def term_start(self) -> datetime:
        return moment_of(self.term.start, self.zone)

    @property
    def start(self) -> int:
        """The first instant priced, in seconds since 1970."""
        assert self.priced is not None
        return seconds_of(self.priced.start)

    @property
    def end(self) -> int:
        """The first instant that is priced no more, in seconds since 1970."""
        assert self.priced is not None
        return seconds_of(self.priced.end)


def require_ordered(period: Interval) -> None:
    """Raise `PeriodError` for a period that is empty."""
    if not is_before(period.start, period.end):
        raise PeriodError(
            f"the period from {text(period.start)} to {text(period.end)} is empty",
            "a period ends after it starts: [from, to)",
        )


def require_within(period: Interval, whole: Interval, cadence: Cadence) -> None:
    """Raise `PeriodError` for a period that crosses the end of the billing period it begins in."""
    if is_before(whole.end, period.end):
        raise PeriodError(
            f"the period from {text(period.start)} to {text(period.end)} crosses the end of a billing period, "
            f"{text(whole.end)}",
            f"price one {cadence} period or a part of one: {text(whole.start)} to {text(whole.end)}",
        )


@dataclass(frozen=True, slots=True)
class Term:
    """The term `[start, end)` of a contract in seconds since 1970, and the zone in which its months are laid."""

    start: int
    end: int
    zone: ZoneInfo

    def after_months(self, months: int) -> int:
        """The instant that lies so many months after the start: same day and time, or a shorter month's last day.

        Beyond the calendar it is `LAST`, which lies after the end of every term.
        """
        first = moment_of(self.start, self.zone)
        if first.year * 12 + first.month + months > 9999 * 12:
            return LAST
        day = month_start(first.date(), months, first.day)
        return seconds_of(datetime.combine(day, first.time(), tzinfo=self.zone))

    def containing(self, cadence: str, at: int) -> tuple[int, int]:
        """The contract month, quarter or year (or, for `term`, the term) that holds the instant `at`, not clipped."""
        if cadence == "term":
            return self.start, self.end
        months = MONTHS[cadence]
        first, local = moment_of(self.start, self.zone), moment_of(at, self.zone)
        index = ((local.year - first.year) * 12 + local.month - first.month) // months
        while self.after_months(index * months) > at:
            index -= 1
        while self.after_months((index + 1) * months) <= at:
            index += 1
        return self.after_months(index * months), self.after_months((index + 1) * months)

    def months_later(self, at: int, months: int) -> int:
        """The same day and time so many months after `at`; a boundary of the contract's months stays one."""
        first, local = moment_of(self.start, self.zone), moment_of(at, self.zone)
        index = (local.year - first.year) * 12 + local.month - first.month
        if self.after_months(index) == at:
            return self.after_months(index + months)
        if local.year * 12 + local.month + months > 9999 * 12:
            return LAST
        day = month_start(local.date(), months, local.day)
        return seconds_of(datetime.combine(day, local.time(), tzinfo=self.zone))

    def days_later(self, at: int, days: int) -> int:
        """The same time of day so many local days after `at`; at most `LAST`."""
        local = moment_of(at, self.zone)
        if local.toordinal() + days > date.max.toordinal():
            return LAST
        return seconds_of(datetime.combine(local.date() + timedelta(days=days), local.time(), tzinfo=self.zone))

    def starts(self, cadence: str, start: int, end: int) -> Iterator[int]:
        """The instants in `[start, end)` at which a month, quarter or year of the contract begins."""
        at, after = self.containing(cadence, start)
        if at < start:
            at = after
        while at < min(end, self.end):
            yield at
            at = self.containing(cadence, at)[1]


def containing(cadence: str, day: int | None, zone: ZoneInfo, at: datetime, anchor: date | None) -> Interval:
    """The whole period of a cadence that holds the instant `at`.

    Calendar periods begin on the first (or on `day`, or the last day of a shorter month); weeks on Monday (or ISO
    weekday `day`). With `anchor` they count from that day, as `from term` demands.
    """
    local = at.date()
    if cadence in DAYS:
        length = DAYS[cadence]
        origin = anchor or date(2001, 1, 1) + timedelta(days=(day or 1) - 1)  # 2001-01-01 was a Monday
        start = local - timedelta(days=(local - origin).days % length)
        return Interval(midnight(start, zone), midnight(start + timedelta(days=length), zone))
    months = MONTHS[cadence]
    origin = anchor or date(2001, 1, 1)
    day_of_month = anchor.day if anchor else (day or 1)
    index = ((local.year - origin.year) * 12 + local.month - origin.month) // months
    while month_start(origin, index * months, day_of_month) > local:
        index -= 1
    while month_start(origin, (index + 1) * months, day_of_month) <= local:
        index += 1
    return Interval(
        midnight(month_start(origin, index * months, day_of_month), zone),
        midnight(month_start(origin, (index + 1) * months, day_of_month), zone),
    )


def month_start(origin: date, months: int, day: int) -> date:
    """`day` of the month that lies `months` after the month of `origin`, or that month's last day if it is shorter."""
    year, month = divmod(origin.year * 12 + origin.month - 1 + months, 12)
    return date(year, month + 1, min(day, monthrange(year, month + 1)[1]))
