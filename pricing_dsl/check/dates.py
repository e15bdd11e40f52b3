"""Dates of contracts, phases, balances and examples (language reference, sections 7 and 8).

An interval is half open. `month N` of a term is the instant at which its Nth month starts, counted from 1. Dates
without a time are taken at midnight UTC: that is close enough to order them, and the evaluator lays them in the
contract's own zone.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pricing_dsl.check.scope import Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax
from pricing_dsl.values.periods import YEARS

WHOLE_MAX = 1_000_000_000
"""The largest number of days, months, years, a priority or a version."""


@dataclass(frozen=True, slots=True)
class Term:
    """A contract's term `[start, end)`."""

    start: datetime
    end: datetime
    span: Span


def instant(value: date | datetime) -> datetime:
    """A date as the midnight it begins with."""
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)


def check_dates(scope: Scope, start: syntax.Date, end: syntax.Date, what: str) -> bool:
    """Whether `start to end` is in order and in the calendar."""
    if not all([in_calendar(scope, start), in_calendar(scope, end)]):
        return False
    if instant(start.value) < instant(end.value):
        return True
    report_order(scope, start.span, end.span, what)
    return False


def in_calendar(scope: Scope, node: syntax.Date) -> bool:
    """Whether a date lies where months before and after it can be counted."""
    if node.value.year in YEARS:
        return True
    scope.report(
        "D0611", node.span, "this date lies beyond the calendar", help=f"write a year from {YEARS[0]} to {YEARS[-1]}"
    )
    return False


def report_order(scope: Scope, start: Span, end: Span, what: str) -> None:
    scope.report(
        "D0602",
        end,
        f"{what} must end after it starts",
        label="the end, which is not part of it",
        labels=[Label(start, "the start")],
        help="write the earlier date first; the later one is the first instant that is no part of it",
    )


def check_interval(
    scope: Scope, start: syntax.When | None, end: syntax.When | None, term: Term | None, what: str
) -> None:
    """A phase or a balance's `valid`: ordered, relative dates from 1 and only of a term, and inside the term."""
    at = None if start is None else check_when(scope, start, term, what)
    until = None if end is None else check_when(scope, end, term, what)
    if start is not None and end is not None:
        out_of_order = at is not None and until is not None and at >= until
        if not out_of_order and isinstance(start, syntax.RelativeDate) and isinstance(end, syntax.RelativeDate):
            out_of_order = start.unit == end.unit and start.number.value >= end.number.value
        if out_of_order:
            report_order(scope, start.span, end.span, what)
            return
    if term is None:
        return
    if start is not None and at is not None and not term.start <= at < term.end:
        report_outside(scope, start.span, term, f"{what} starts {'before' if at < term.start else 'after'} the term")
    elif end is not None and until is not None and not term.start < until <= term.end:
        report_outside(scope, end.span, term, f"{what} ends outside the term")


def report_outside(scope: Scope, span: Span, term: Term, message: str) -> None:
    scope.report(
        "D0603",
        span,
        message,
        label="outside the term",
        labels=[Label(term.span, "the term")],
        help="write a date of the term; what has no end lasts as long as the term",
    )


def check_when(scope: Scope, when: syntax.When, term: Term | None, what: str) -> datetime | None:
    """The instant that is meant, where it can be told. Relative numbers are whole and count from 1."""
    if isinstance(when, syntax.Date):
        return instant(when.value) if in_calendar(scope, when) else None
    number = whole_number(scope, when.number, f"the {when.unit}s of a term are counted", 1)
    if number is None or term is None:
        return None
    try:
        return moved(term.start, when.unit, number - 1)
    except (OverflowError, ValueError):
        report_outside(scope, when.span, term, f"{what} lies outside the term")
        return None


def moved(start: datetime, unit: str, count: int) -> datetime:
    """So many days, months or years later; a month that is too short gives its last day."""
    if unit == "day":
        return start + timedelta(days=count)
    months = start.year * 12 + start.month - 1 + count * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    return start.replace(year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1]))


def whole_number(scope: Scope, number: syntax.Number, what: str, least: int) -> int | None:
    """A whole number of at least `least`; `what` says what such numbers are, as in "months are counted"."""
    if number.value > WHOLE_MAX:
        scope.report("D0604", number.span, f"{what} up to {WHOLE_MAX:_}", help="write a smaller number")
        return None
    if number.value.denominator == 1 and number.value >= least and number.unit is None and not number.percent:
        return int(number.value)
    scope.report("D0604", number.span, f"{what} in whole numbers from {least}", help="write a whole number")
    return None
