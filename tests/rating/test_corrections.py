"""Late usage of finalised periods: what goes on the next statement, once, and what stays as it was (rule 35)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rating.billing import Billing, Event, at, month, rows

PROGRAM = """currency USD
meter calls {{ from "call" measure sum(n) by region }}
plan p {{ charge calls on calls {{ {steps} }} {plan} }}
contract acme {{ customer "cus" plan p term 2026-01-01 to 2028-01-01 {contract} }}
"""


def program(steps: str = "price 2", plan: str = "", contract: str = "") -> str:
    return PROGRAM.format(steps=steps, plan=plan, contract=contract)


def call(month: int, day: int, n: int, region: str = "eu") -> Event:
    return "call", at(month, day), {"n": n, "region": region}


def corrections(document: dict[str, Any]) -> dict[str, str]:
    return rows(document, "correction")


def begin(billing: Billing, source: str, *events: Event) -> None:
    billing.publish(source, at(1, 1))
    billing.bind()
    billing.send(at(1, 31), *events)
    billing.finalise(month(1), at(2, 1))


def test_late_usage_is_corrected_once(billing: Billing) -> None:
    begin(billing, program(), call(1, 3, 10))
    billing.send(at(2, 2), call(1, 30, 5))
    assert billing.preview(month(2))["total"] == "10.00"
    assert corrections(billing.finalise(month(2), at(3, 1))) == {"calls 2026-01-01": "10.00"}
    assert corrections(billing.finalise(month(3), at(4, 1))) == {}
    assert corrections(billing.finalise(month(4), at(5, 1))) == {}
    assert billing.findings() == ()


def test_late_usage_comes_twice_and_is_taken_back(billing: Billing) -> None:
    begin(billing, program(), call(1, 3, 10))
    billing.send(at(2, 2), call(1, 30, 5))
    billing.finalise(month(2), at(3, 1))
    billing.send(at(3, 2), call(1, 29, 1), call(2, 7, 3), call(1, 30, -2))
    made = billing.finalise(month(3), at(4, 1))
    assert corrections(made) == {"calls 2026-01-01": "-2.00", "calls 2026-02-01": "6.00"}
    assert made["total"] == "4.00"
    assert corrections(billing.finalise(month(4), at(5, 1))) == {}
    assert billing.findings() == ()


def test_usage_taken_back_to_what_it_was_takes_the_correction_back(billing: Billing) -> None:
    begin(billing, program(), call(1, 3, 10))
    billing.send(at(2, 2), call(1, 30, 5))
    billing.finalise(month(2), at(3, 1))
    billing.send(at(3, 2), call(1, 30, -5))
    assert corrections(billing.finalise(month(3), at(4, 1))) == {"calls 2026-01-01": "-10.00"}
    assert corrections(billing.finalise(month(4), at(5, 1))) == {}
    assert billing.findings() == ()


def test_a_minimum_that_was_topped_up_takes_late_usage_in(billing: Billing) -> None:
    """The example of rule 35: corrections +50 and -50."""
    begin(billing, program("price 1", "minimum 1_000"), call(1, 3, 900))
    billing.send(at(2, 2), call(1, 30, 50))
    made = billing.finalise(month(2), at(3, 1))
    assert corrections(made) == {"calls 2026-01-01": "50.00", "minimum minimum_1 2026-01-01": "-50.00"}
    assert made["total"] == "1000.00"


def test_a_finalised_period_is_corrected_at_its_own_prices(billing: Billing) -> None:
    begin(billing, program(), call(1, 3, 10))
    billing.publish(program("price 7"), at(2, 2), effective=at(2, 3))
    billing.send(at(2, 4), call(1, 30, 5), call(2, 4, 1))
    made = billing.finalise(month(2), at(3, 1))
    assert (corrections(made), made["total"]) == ({"calls 2026-01-01": "10.00"}, "17.00")
    assert billing.findings() == ()


def test_a_correction_is_paid_by_the_balances_of_its_statement(billing: Billing) -> None:
    begin(billing, program(contract="commit c 100 prepaid { not invoiced }"), call(1, 3, 10))
    billing.send(at(2, 2), call(1, 30, 5))
    made = billing.finalise(month(2), at(3, 1))
    assert (made["total"], made["due"], made["balances"]["c"]["closing"]) == ("10.00", "0.00", "70.00")
    assert billing.findings() == ()


def test_late_usage_counts_towards_a_postpaid_commit_that_still_runs(billing: Billing) -> None:
    begin(billing, program(contract="commit f 100 postpaid quarterly"), call(1, 3, 10))
    billing.send(at(2, 2), call(1, 30, 5))
    assert billing.finalise(month(2), at(3, 1))["balances"]["f"]["closing"] == "30.00"
    assert rows(billing.finalise(month(3), at(4, 1)), "true_up") == {"f": "70.00"}
    billing.send(at(4, 2), call(3, 30, 5))
    made = billing.finalise(month(4), at(5, 1))
    assert (made["total"], made["balances"]["f"]["closing"]) == ("10.00", "0.00")
    assert billing.findings() == ()


# --- counters --------------------------------------------------------------------------------------------------------

COUNTED = "counted yearly graduated { to 100: 2 above: 1 }"


def test_every_later_period_of_a_counter_is_corrected(billing: Billing) -> None:
    begin(billing, program(COUNTED), call(1, 3, 60))
    billing.send(at(2, 28), call(2, 3, 60))
    assert billing.finalise(month(2), at(3, 1))["total"] == "100.00"  # 40 x 2 + 20
    billing.send(at(3, 2), call(1, 30, 10))
    march = billing.finalise(month(3), at(4, 1))
    assert corrections(march) == {"calls 2026-01-01": "20.00", "calls 2026-02-01": "-10.00"}
    assert march["counters"] == {"calls": "130"}
    billing.send(at(4, 20), call(4, 3, 1))
    april = billing.finalise(month(4), at(5, 1))
    assert (april["total"], corrections(april)) == ("1.00", {})
    assert billing.findings() == ()


def test_what_is_known_when_a_period_is_finalised_counts_in_it(billing: Billing) -> None:
    begin(billing, program(COUNTED), call(1, 3, 60))
    billing.send(at(2, 28), call(1, 30, 30), call(2, 3, 60))
    february = billing.finalise(month(2), at(3, 1))
    assert corrections(february) == {"calls 2026-01-01": "60.00"}
    assert february["lines"][0]["amount"] == "70.00"  # 10 x 2 + 50
    assert billing.preview(month(3))["total"] == "0.00"
    assert corrections(billing.finalise(month(3), at(4, 1))) == {}
    assert billing.findings() == ()


def test_counters_stay_restated_when_no_more_usage_can_come(billing: Billing) -> None:
    """January is closed long before February, whose opening counter lacks what came late for January."""
    begin(billing, program(COUNTED), call(1, 3, 60))
    billing.send(at(2, 28), call(2, 3, 60))
    billing.finalise(month(2), at(3, 1))
    billing.send(at(3, 5), call(1, 30, 20))
    billing.finalise(month(3), at(4, 1))
    for number in range(4, 9):
        billing.send(at(number, 20), call(number, 3, 1))
        made = billing.finalise(month(number), at(number + 1, 1))
        assert (made["total"], corrections(made)) == ("1.00", {})
    assert billing.findings() == ()


def test_counters_that_were_right_stay_so_when_an_earlier_period_closes(billing: Billing) -> None:
    """February has counted on with what came late for January, so only January was ever restated."""
    begin(billing, program(COUNTED), call(1, 3, 60))
    billing.send(at(2, 20), call(1, 30, 20), call(2, 3, 30))
    billing.finalise(month(2), at(3, 1))
    for number in range(3, 7):
        billing.send(at(number, 20), call(number, 3, 1))
        made = billing.finalise(month(number), at(number + 1, 1))
        assert (made["total"], corrections(made)) == ("1.00", {})
    assert billing.findings() == ()


def test_a_pooled_counter_is_counted_cell_by_cell_by_a_version_that_reads_cells(billing: Billing) -> None:
    begin(billing, program(COUNTED), call(1, 3, 60), call(1, 4, 30, "us"))
    source = program(f"each region {COUNTED} total")
    billing.publish(source, at(2, 1), effective=at(2, 15))
    billing.send(at(2, 28), call(2, 20, 50), call(2, 20, 50, "us"))
    february = billing.finalise(month(2), at(3, 1))
    assert february["lines"][0]["amount"] == "190.00"  # eu 40 x 2 + 10, us 50 x 2
    billing.send(at(3, 2), call(1, 30, 10, "us"))
    march = billing.finalise(month(3), at(4, 1))
    assert corrections(march) == {"calls 2026-01-01": "20.00"}
    billing.send(at(4, 20), call(4, 5, 15, "us"))
    assert billing.preview(month(4))["total"] == "25.00"  # from 90 to 105
    assert billing.findings() == ()


def test_a_counter_that_begins_anew_is_not_corrected_further(billing: Billing) -> None:
    begin(billing, program("counted quarterly graduated { to 100: 2 above: 1 }"), call(1, 3, 60))
    billing.finalise(month(2), at(3, 1))
    billing.finalise(month(3), at(4, 1))
    billing.send(at(4, 2), call(4, 1, 60), call(3, 3, 60))
    made = billing.finalise(month(4), at(5, 1))
    assert (made["lines"][0]["amount"], corrections(made)) == ("120.00", {"calls 2026-03-01": "100.00"})
    assert billing.findings() == ()


# --- credits in units ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cadence", ["", "monthly"])
def test_a_credit_in_units_pays_no_late_usage_of_a_finalised_period(billing: Billing, cadence: str) -> None:
    """Its draws are never reopened: what is left of it is for usage to come."""
    begin(billing, program(contract=f"credit free 100 calls {cadence}"), call(1, 3, 60))
    billing.send(at(2, 2), call(1, 30, 30), call(1, 2, 1))
    made = billing.finalise(month(2), at(3, 1))
    assert corrections(made) == {"calls 2026-01-01": "62.00"}
    assert made["balances"]["free"]["closing"] == ("40" if not cadence else "0")
    assert corrections(billing.finalise(month(3), at(4, 1))) == {}
    assert billing.findings() == ()


def test_late_usage_in_tiers_after_a_credit_in_units(billing: Billing) -> None:
    begin(billing, program("graduated { to 100: 2 above: 1 }", contract="credit free 100 calls"), call(1, 3, 150))
    billing.send(at(2, 2), call(1, 30, 80))
    made = billing.finalise(month(2), at(3, 1))
    assert corrections(made) == {"calls 2026-01-01": "130.00"}  # 50 x 2 + 30
    assert billing.findings() == ()


def test_a_credit_in_units_in_two_segments(billing: Billing) -> None:
    contract = "credit free 100 calls from 2026-01-16 { override calls { price 3 } }"
    begin(billing, program(contract=contract), call(1, 3, 60), call(1, 20, 60))
    billing.send(at(2, 2), call(1, 30, 5))
    assert corrections(billing.finalise(month(2), at(3, 1))) == {"calls 2026-01-01": "15.00"}
    assert billing.findings() == ()


# --- what cannot be corrected ----------------------------------------------------------------------------------------


def test_late_usage_without_a_price_is_found_by_an_audit(billing: Billing) -> None:
    begin(billing, program('match region { "eu" { price 2 } else { price reject } }'), call(1, 3, 10))
    billing.send(at(2, 2), call(1, 30, 5, "ap"), call(1, 30, 1))
    assert corrections(billing.finalise(month(2), at(3, 1))) == {"calls 2026-01-01": "2.00"}
    (finding,) = billing.findings()
    assert "late usage on `calls` is unpriced" in finding.what


def test_what_a_commit_rejects_of_late_usage_is_corrected(billing: Billing) -> None:
    begin(billing, program(contract="commit c 20 prepaid { overage reject }"), call(1, 3, 10))
    billing.send(at(2, 2), call(1, 30, 5))
    assert corrections(billing.preview(month(2))) == {"calls 2026-01-01": "10.00"}
