"""Billing periods: calendar and anchored, clipped, across daylight saving, and the shares they are worth."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing_dsl.ir.nodes import Bill
from pricing_dsl.values.periods import BillingPeriod, Cadence, PeriodError

MONTHLY = Bill("monthly", None, False)
CADENCES: tuple[Cadence, ...] = ("daily", "weekly", "monthly", "quarterly", "yearly")


def resolve(start: str, end: str, bill: Bill = MONTHLY, zone: str = "UTC") -> BillingPeriod:
    return BillingPeriod.resolve(bill, zone, (start, end))


def test_a_whole_month_is_worth_one() -> None:
    period = resolve("2026-02-01", "2026-03-01")
    assert (period.share("day"), period.share("second"), period.bounds) == (1, 1, ("2026-02-01", "2026-03-01"))


def test_rule_26_by_day_and_by_second_differ_in_a_month_with_a_clock_change() -> None:
    period = resolve("2026-03-29", "2026-04-01", zone="Europe/Paris")
    assert 310 * period.share("day") == 30
    # 3 days less the hour that is skipped on the 29th, of a month that is an hour short
    assert period.share("second") == Fraction(3 * 86_400 - 3_600, 31 * 86_400 - 3_600)


def test_rule_26_the_day_of_a_start_counts() -> None:
    assert resolve("2026-03-15T12:00Z", "2026-04-01").share("day") == Fraction(17, 31)


def test_the_day_of_an_end_does_not_count() -> None:
    assert resolve("2026-03-01", "2026-03-15T12:00Z").share("day") == Fraction(14, 31)


def test_a_period_that_crosses_a_boundary_is_refused_with_the_period_to_give() -> None:
    with pytest.raises(PeriodError, match="crosses the end") as caught:
        resolve("2026-03-15", "2026-04-15")
    assert "2026-03-01 to 2026-04-01" in caught.value.help


def test_an_empty_period_is_refused() -> None:
    with pytest.raises(PeriodError, match="empty"):
        resolve("2026-03-01", "2026-03-01")


def test_text_that_is_no_date_is_refused() -> None:
    with pytest.raises(PeriodError, match="not a date"):
        resolve("march", "2026-03-01")


def test_a_bill_on_day_31_starts_on_the_last_day_of_a_shorter_month() -> None:
    bill = Bill("monthly", 31, False)
    assert resolve("2026-02-28", "2026-03-31", bill).share("day") == 1
    with pytest.raises(PeriodError, match="crosses"):
        resolve("2026-02-01", "2026-03-01", bill)


def test_from_term_counts_from_the_first_day() -> None:
    assert resolve("2026-01-17", "2026-02-17", Bill("monthly", None, True)).share("day") == 1


def test_weeks_begin_on_monday_or_on_the_day_said() -> None:
    assert resolve("2026-11-23", "2026-11-30", Bill("weekly", None, False)).share("day") == 1
    assert resolve("2026-11-25", "2026-12-02", Bill("weekly", 3, False)).share("day") == 1


def test_quarters_and_years() -> None:
    assert resolve("2026-04-01", "2026-07-01", Bill("quarterly", None, False)).share("day") == 1
    assert resolve("2026-01-01", "2027-01-01", Bill("yearly", None, False)).share("day") == 1


def test_a_monthly_fee_on_a_quarterly_bill_is_billed_three_times() -> None:
    period = resolve("2026-01-01", "2026-04-01", Bill("quarterly", None, False))
    assert period.fee_shares("monthly", "in advance", None) == (1, 1, 1)


def test_a_prorated_fee_is_billed_its_share_of_each_service_period() -> None:
    period = resolve("2026-01-16", "2026-04-01", Bill("quarterly", None, False))
    assert period.fee_shares("monthly", "in arrears", "day") == (Fraction(16, 31), 1, 1)


def test_rule_24_a_week_over_the_end_of_a_month_is_billed_once() -> None:
    january = resolve("2026-01-01", "2026-02-01")
    # weeks end on 5, 12, 19 and 26 January; the one from the 26th ends in February
    assert january.fee_shares("weekly", "in arrears", None) == (1, 1, 1, 1)
    # in advance the last one starts here and is carried whole; the first began before the term
    assert january.fee_shares("weekly", "in advance", "day") == (Fraction(4, 7), 1, 1, 1, 1)


def test_a_fee_longer_than_the_bill_runs_from_the_start_of_the_term() -> None:
    period = resolve("2026-01-01", "2026-02-01")
    assert period.fee_shares("yearly", "in advance", None) == (1,)
    assert period.fee_shares("yearly", "in arrears", None) == ()


def test_a_part_ends_the_term_and_clips_a_longer_fee() -> None:
    period = resolve("2026-01-01", "2026-01-16")
    assert period.fee_shares("yearly", "in arrears", "day") == (Fraction(15, 365),)


def test_without_dates_a_plan_is_in_a_whole_first_period() -> None:
    period = BillingPeriod.resolve(Bill("yearly", None, False), "UTC", None)
    assert (period.share("day"), period.bounds) == (1, None)
    assert period.fee_shares("monthly", "in advance", "day") == (1,) * 12
    assert period.fee_shares("once", "in advance", None) == (1,)


def test_without_dates_the_number_of_weeks_in_a_month_is_not_guessed() -> None:
    period = BillingPeriod.resolve(MONTHLY, "UTC", None)
    with pytest.raises(PeriodError, match="depends on the dates"):
        period.fee_shares("weekly", "in advance", None)


ZONES = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Asia/Tokyo"])
DAYS = st.dates(date(1990, 1, 1), date(2090, 1, 1))


@given(st.sampled_from(CADENCES), DAYS, ZONES)
def test_law_the_parts_of_a_period_add_up_to_it_by_second(cadence: Cadence, day: date, zone: str) -> None:
    bill = Bill(cadence, None, False)
    whole = BillingPeriod.resolve(bill, zone, (day.isoformat(), f"{day.isoformat()}T12:00")).whole
    assert whole is not None
    assert whole.start.date() <= day < whole.end.date()
    cut = whole.start.replace(hour=18)
    parts = [BillingPeriod.resolve(bill, zone, ends) for ends in ((whole.start, cut), (cut, whole.end))]
    assert sum(part.share("second") for part in parts) == 1


@given(st.sampled_from(CADENCES), DAYS, ZONES)
def test_law_from_term_starts_on_the_first_day(cadence: Cadence, day: date, zone: str) -> None:
    period = BillingPeriod.resolve(Bill(cadence, None, True), zone, (day.isoformat(), f"{day.isoformat()}T12:00"))
    assert period.whole is not None
    assert period.whole.start.date() == day
