"""Periods previewed and finalised one after the other, and what stays the same when they are."""

from __future__ import annotations

from datetime import datetime

import pytest

from runtime.errors import RuntimeProblem
from tests.rating.billing import Billing, Event, at, lines, month, rows

CALLS = """currency USD
meter calls {{ from "call" measure sum(n) by region }}
meter seats {{ from "seat" measure last(n) carried }}
rates list per 1 calls by region {{ region | price  "eu" | {eu}  "us" | 3 }}
plan p {{ charge calls on calls {{ price list }}  charge seats on seats {{ price 10 }} {plan} }}
contract acme {{ customer "cus" plan p term 2026-01-01 to 2027-01-01 {contract} }}
"""


def calls(eu: str = "2", plan: str = "", contract: str = "") -> str:
    return CALLS.format(eu=eu, plan=plan, contract=contract)


def call(day: int, n: int | str, region: str = "eu", month: int = 1, hour: int = 0) -> Event:
    return "call", at(month, day, hour), {"n": n, "region": region}


def test_a_preview_is_what_finalising_makes(billing: Billing) -> None:
    billing.publish(calls(plan="minimum 100 discount 10%", contract="commit c 1_000 prepaid yearly"), at(1, 1))
    billing.bind()
    billing.send(at(1, 20), call(3, 100), call(4, 50, "us"), ("seat", at(1, 5), {"n": 7}))
    shown = billing.preview(month(1))
    made = billing.finalise(month(1), at(2, 1))
    assert lines(made) == {"calls": "350.00", "seats": "70.00"}
    assert {name: made[name] for name in shown} == shown
    assert billing.findings() == ()


def test_finalised_again_it_is_the_same_statement(billing: Billing) -> None:
    billing.publish(calls(), at(1, 1))
    billing.bind()
    billing.send(at(1, 20), call(3, 100))
    first = billing.finalise(month(1), at(2, 1))
    billing.send(at(2, 2), call(30, 5))
    assert billing.finalise(month(1), at(2, 3)) == first
    assert len(billing.statements()) == 1


@pytest.mark.parametrize(
    ("period", "now", "says"),
    [
        (month(1), at(1, 31), "the period ends at 2026-02-01"),
        (month(2), at(3, 1), "the period from 2026-01-01 is not finalised"),
        (("2026-01-01", "2026-01-16"), at(2, 1), "only whole billing periods"),
    ],
)
def test_what_is_not_finalised(billing: Billing, period: tuple[str, str], now: datetime, says: str) -> None:
    billing.publish(calls(), at(1, 1))
    billing.bind()
    with pytest.raises(RuntimeProblem, match=says) as refused:
        billing.finalise(period, now)
    assert refused.value.code == "X0405"
    assert refused.value.help


def test_unpriced_usage_is_not_finalised(billing: Billing) -> None:
    billing.publish(calls(), at(1, 1))
    billing.bind()
    billing.send(at(1, 20), call(3, 100, "ap"))
    with pytest.raises(RuntimeProblem, match="1 entries of usage are unpriced, the first on `calls`"):
        billing.finalise(month(1), at(2, 1))
    billing.publish(calls().replace('"us" | 3', '"us" | 3 "ap" | 1'), at(1, 31), effective=at(1, 1))
    assert billing.finalise(month(1), at(2, 1))["total"] == "100.00"


def test_levels_are_carried_through_months_without_events(billing: Billing) -> None:
    billing.publish(calls(), at(1, 1))
    billing.bind()
    billing.send(at(1, 20), ("seat", at(1, 5), {"n": 7}), ("seat", at(1, 9, 3), {"n": 4}))
    totals = [billing.finalise(month(number), at(number + 1, 1))["total"] for number in range(1, 5)]
    billing.send(at(5, 20), ("seat", at(5, 20), {"n": 0}))
    totals += [billing.finalise(month(number), at(number + 1, 1))["total"] for number in range(5, 7)]
    assert totals == ["40.00", "40.00", "40.00", "40.00", "0.00", "0.00"]
    assert billing.findings() == ()


def test_first_and_last_periods_end_with_the_term(billing: Billing) -> None:
    source = calls().replace("2026-01-01 to 2027-01-01", "2026-01-15 to 2026-03-10T06:00Z")
    billing.publish(source, at(1, 1))
    billing.bind()
    billing.send(at(1, 20), call(14, 1_000), call(15, 10), call(20, 1))
    assert billing.finalise(month(1), at(2, 1))["period"] == {"from": "2026-01-15", "to": "2026-02-01"}
    assert billing.finalise(month(2), at(3, 1))["total"] == "0.00"
    billing.send(at(3, 10, 12), call(10, 7, month=3, hour=5), call(10, 1_000, month=3, hour=6))
    last = billing.finalise(month(3), at(3, 11))
    assert (last["total"], last["period"]["to"]) == ("14.00", "2026-03-10T06:00:00+00:00")
    assert billing.findings() == ()


def test_two_discounts_without_names_are_two_rows(billing: Billing) -> None:
    billing.publish(calls(plan="discount 10% discount 10% discount 5 as gift"), at(1, 1))
    billing.bind()
    billing.send(at(1, 20), call(3, 100))
    made = billing.finalise(month(1), at(2, 1))
    assert rows(made, "discount") == {"discount_1": "-20.00", "discount_2": "-18.00", "gift": "-5.00"}
    billing.send(at(2, 2), call(5, 100))
    assert rows(billing.finalise(month(2), at(3, 1)), "correction") == {
        "calls 2026-01-01": "200.00",
        "discount discount_1 2026-01-01": "-20.00",
        "discount discount_2 2026-01-01": "-18.00",
    }
    assert billing.findings() == ()
