"""Instants and stretches of time: local time for what a calendar says, real seconds for what comes first and how long.

An instant is an aware `datetime` in the zone of its plan. Two of one zone compare by their local time, which repeats an
hour where clocks go back; here they compare by the seconds since 1970. Reads no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Literal
from zoneinfo import ZoneInfo

Moment = str | date | datetime
Share = Literal["day", "second"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEARS = range(1900, 9999)
"""The years in which dates may lie: months before and after them can still be counted."""


class PeriodError(ValueError):
    """A period that cannot be priced; `help` says what to give instead."""

    def __init__(self, message: str, help: str) -> None:  # noqa: A002 - the word of every diagnostic
        super().__init__(message)
        self.message = message
        self.help = help


@dataclass(frozen=True, slots=True)
class Interval:
    """A half open stretch of time between two aware instants of one zone."""

    start: datetime
    end: datetime

    def clipped(self, other: Interval) -> Interval | None:
        """What both have in common; `None` when nothing is."""
        start, end = later(self.start, other.start), earlier(self.end, other.end)
        return Interval(start, end) if is_before(start, end) else None

    def length(self, by: Share) -> int:
        """Local calendar days, or real seconds."""
        if by == "day":
            return (self.end.date() - self.start.date()).days
        return seconds_of(self.end) - seconds_of(self.start)

    def share_of(self, whole: Interval, by: Share) -> Fraction:
        return Fraction(self.length(by), whole.length(by))


def seconds_of(moment: datetime) -> int:
    """An aware instant as whole seconds since 1970."""
    since = moment.astimezone(UTC) - EPOCH
    return since.days * 86_400 + since.seconds


def is_before(one: datetime, other: datetime) -> bool:
    """Whether an instant comes before another one in real time: local time repeats an hour where clocks go back."""
    return seconds_of(one) < seconds_of(other)


def earlier(one: datetime, other: datetime) -> datetime:
    return other if is_before(other, one) else one


def later(one: datetime, other: datetime) -> datetime:
    return other if is_before(one, other) else one


def moment_of(instant: int, zone: ZoneInfo) -> datetime:
    """Seconds since 1970 as an instant in a zone."""
    return (EPOCH + timedelta(seconds=instant)).astimezone(zone)


def instant(moment: Moment, zone: ZoneInfo) -> datetime:
    """A date (its local midnight) or an instant, in `zone`. Text is ISO 8601. Raises `PeriodError`."""
    if isinstance(moment, str):
        try:
            moment = date.fromisoformat(moment) if len(moment) == 10 else datetime.fromisoformat(moment)
        except ValueError:
            raise PeriodError(
                f"`{moment}` is not a date", "write a date such as 2026-03-01 or an instant such as 2026-03-01T06:00Z"
            ) from None
    if moment.year not in YEARS:
        raise PeriodError(f"`{moment}` lies beyond the calendar", f"dates lie in the years {YEARS[0]} to {YEARS[-1]}")
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    return midnight(moment, zone)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day starts."""
    return datetime.combine(day, time(), tzinfo=zone)


def text(moment: datetime) -> str:
    """The start of a local day as its date, any other instant in full.

    Where clocks go forward at midnight a day starts at one; where they go back to it, at the first of two midnights.
    """
    starts_day = seconds_of(moment) == seconds_of(datetime.combine(moment.date(), time(), tzinfo=moment.tzinfo))
    return moment.date().isoformat() if starts_day else moment.isoformat()
