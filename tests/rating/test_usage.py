"""What comes out of the buckets: in other time zones, across cuts, for each way to aggregate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import pricing_dsl
from pricing_dsl.evaluate.errors import EvaluationError
from runtime.errors import RuntimeProblem
from tests.rating.billing import Billing, Event, at, lines, month

PLAN = """currency USD
meter used {{ from "use" measure {measure} }}
plan p {{ {bill} charge used on used {{ {steps} }} }}
contract acme {{ customer "cus" plan p term 2026-01-01 to 2027-01-01 {contract} }}
"""


def program(measure: str = "sum(n)", steps: str = "price 1", bill: str = "", contract: str = "") -> str:
    return PLAN.format(measure=measure, steps=steps, bill=bill, contract=contract)


def use(time: datetime, **data: Any) -> Event:
    return "use", time, data


def set_up(billing: Billing, source: str, *events: Event) -> None:
    billing.publish(source, at(1, 1))
    billing.bind()
    billing.send(at(2, 5), *events)


SPREAD = [(1, 2, 3), (1, 2, 9), (1, 20, 5), (1, 25, 1)]
"""Month, day, n."""


@pytest.mark.parametrize(
    ("measure", "quantity"),
    [
        ("sum(n)", "18"),
        ("count()", "4"),
        ("max(n)", "9"),
        ("min(n)", "1"),
        ("last(n)", "1"),
        ("mean(n)", "4.5"),
        ("unique(user)", "2"),
        ("percentile(n, 50)", "3"),
    ],
)
@pytest.mark.parametrize("contract", ["", "from 2026-01-16 { override used { price 1 } }"])
def test_each_aggregation_is_the_same_whole_and_in_segments(
    billing: Billing, measure: str, quantity: str, contract: str
) -> None:
    """A period that is cut without a change of price comes to the same: shares of time add up to 1."""
    events = [use(at(month, day), n=n, user=f"u{n % 4}") for month, day, n in SPREAD]
    set_up(billing, program(measure, contract=contract), *events)
    made = billing.finalise(month(1), at(2, 5))
    assert made["lines"][0]["quantity"] == quantity
    assert float(made["total"]) == float(quantity)
    assert billing.findings() == ()


def test_time_weighted_levels_are_carried_to_the_second(billing: Billing) -> None:
    source = program("time_weighted(n, hour) carried")
    set_up(billing, source, use(at(1, 31, 23).replace(minute=30), n=2))
    assert billing.finalise(month(1), at(2, 5))["total"] == "1.00"
    assert billing.finalise(month(2), at(3, 1))["total"] == "1344.00"  # 2 x 28 x 24


def test_a_month_of_another_time_zone_is_cut_at_its_own_hours(billing: Billing) -> None:
    paris = ZoneInfo("Europe/Paris")
    source = program(bill='timezone "Europe/Paris"')
    billing.publish(source, at(1, 1))
    billing.bind()
    inside = [datetime(2026, 4, 1, tzinfo=paris), datetime(2026, 4, 30, 23, 59, tzinfo=paris)]
    outside = [datetime(2026, 3, 31, 23, 59, tzinfo=paris), datetime(2026, 5, 1, tzinfo=paris)]
    billing.send(at(5, 2), *(use(time.astimezone(UTC), n=1) for time in inside))
    billing.send(at(5, 2), *(use(time.astimezone(UTC), n=100) for time in outside))
    for number in (1, 2, 3):
        billing.finalise(month(number), at(5, 2))
    made = billing.finalise(month(4), at(5, 2))
    assert (made["total"], made["period"]) == ("2.00", {"from": "2026-04-01", "to": "2026-05-01"})
    billing.send(at(5, 3), use(inside[0].astimezone(UTC), n=1))
    assert billing.finalise(month(5), at(6, 2))["adjustments"][0]["id"] == "used 2026-04-01"
    assert billing.findings() == ()


@pytest.mark.parametrize(
    ("bill", "periods"),
    [
        ("bill monthly on day 15", ["2026-01-15", "2026-02-15", "2026-03-15"]),
        ("bill monthly from term", ["2026-02-01", "2026-03-01", "2026-04-01"]),
        ("bill weekly", ["2026-01-05", "2026-01-12", "2026-01-19"]),
        ("bill quarterly", ["2026-04-01", "2026-07-01", "2026-10-01"]),
    ],
)
def test_periods_that_are_due_follow_each_other(billing: Billing, bill: str, periods: list[str]) -> None:
    billing.publish(program(bill=bill), at(1, 1))
    billing.bind()
    until = datetime.fromisoformat(periods[-1]).replace(tzinfo=UTC)
    told: list[tuple[int, int]] = []
    done = list(
        billing.finaliser.finalise_due(
            billing.tenant, at(12, 31), until=until, progress=lambda *done: told.append(done)
        )
    )
    ends = [each.statement.period_end.date().isoformat() for each in done if each.statement is not None]
    assert (ends, told) == (periods, [(1, 1)])
    assert list(billing.finaliser.finalise_due(billing.tenant, at(12, 31), until=until)) == []
    assert billing.findings() == ()


def test_a_term_that_begins_inside_an_hour_is_told(billing: Billing) -> None:
    billing.publish(program().replace("2026-01-01 to", "2026-01-01T00:30Z to"), at(1, 1))
    billing.bind()
    with pytest.raises(RuntimeProblem, match="the period is cut at 2026-01-01T00:30:00") as refused:
        billing.preview(month(1))
    assert refused.value.code == "X0406"


def test_what_is_due_goes_on_past_a_contract_that_cannot_be_finalised(billing: Billing) -> None:
    source = program() + 'contract zebra { customer "zed" plan p term 2026-01-01 to 2027-01-01 }'
    billing.publish(source.replace("charge used on used { price 1 }", "charge used on used { price reject }"), at(1, 1))
    billing.bind()
    billing.bind("zebra")
    billing.send(at(1, 31), use(at(1, 2), n=1))
    done = list(billing.finaliser.finalise_due(billing.tenant, at(3, 1)))
    assert [(each.customer, each.statement is None) for each in done] == [("cus", True), ("zed", False), ("zed", False)]
    assert done[0].problem is not None
    assert "unpriced" in done[0].problem.message


# --- previews --------------------------------------------------------------------------------------------------------


def test_supplied_usage_instead_of_stored_or_with_it(billing: Billing) -> None:
    source = program().replace("measure sum(n)", "measure sum(n) by region")
    set_up(billing, source, use(at(1, 2), n=5, region="eu"))
    given = {"used": [{"region": "eu", "quantity": "1.5"}, {"region": "us", "quantity": 2}]}
    assert billing.preview(month(1), usage=given, source="supplied")["total"] == "3.50"
    assert billing.preview(month(1), usage=given, source="both")["total"] == "8.50"
    assert billing.preview(month(1), usage={}, source="both")["total"] == "5.00"
    assert billing.preview(month(1), usage=given)["total"] == "5.00"


def test_supplied_usage_in_the_segments_of_a_period_that_is_cut(billing: Billing) -> None:
    source = program(contract="from 2026-01-16 { override used { price 3 } }")
    set_up(billing, source, use(at(1, 2), n=5), use(at(1, 20), n=1))
    given = [
        {"from": "2026-01-01", "to": "2026-01-16", "usage": {"used": 1}},
        {"from": "2026-01-16", "to": "2026-02-01", "usage": {}},
    ]
    assert billing.preview(month(1), usage=given, source="both")["total"] == "9.00"
    with pytest.raises(RuntimeProblem, match="in the segments that the period is cut into, 2026-01-01") as refused:
        billing.preview(month(1), usage={"used": 1}, source="both")
    assert refused.value.code == "X0404"
    with pytest.raises(RuntimeProblem, match="in the segments"):
        billing.preview(month(1), usage=["x", given[1]], source="both")


@pytest.mark.parametrize(
    ("usage", "code"),
    [
        ({"used": "many"}, "R0303"),
        ({"used": 1.5}, "R0303"),
        ({"used": [{}]}, "R0309"),
        ({"usde": 1}, "R0301"),
        ({"used": [{"quantity": 1, "place": "x"}]}, "R0302"),
    ],
)
def test_supplied_usage_that_is_none(billing: Billing, usage: dict[str, Any], code: str) -> None:
    set_up(billing, program(), use(at(1, 2), n=5))
    with pytest.raises(EvaluationError) as wrong:
        billing.preview(month(1), usage=usage, source="both")
    assert wrong.value.code == code


def test_what_does_not_add_up_is_not_added(billing: Billing) -> None:
    set_up(billing, program("max(n)"), use(at(1, 2), n=5))
    with pytest.raises(RuntimeProblem, match="`used` does not add up"):
        billing.preview(month(1), usage={"used": 1}, source="both")
    assert billing.preview(month(2), usage={"used": 1}, source="both")["total"] == "1.00"


def test_a_preview_stands_on_periods_that_are_not_finalised(billing: Billing) -> None:
    set_up(billing, program(contract="commit c 100 prepaid { not invoiced }"), use(at(1, 2), n=30), use(at(2, 3), n=20))
    preview = billing.previewer.preview(billing.tenant, "cus", month(3))
    assert preview.opening.since == "2026-01-01"
    assert str(preview.statement.balances["c"].opening) == "50.00"
    billing.finalise(month(1), at(2, 5))
    assert billing.previewer.preview(billing.tenant, "cus", month(3)).opening.since == "2026-02-01"
    billing.finalise(month(2), at(3, 1))
    assert billing.previewer.preview(billing.tenant, "cus", month(3)).opening.since is None


def test_a_part_of_a_period_opens_with_what_the_part_before_it_left(billing: Billing) -> None:
    events = use(at(1, 2), n=30), use(at(1, 20), n=20)
    set_up(billing, program(contract="commit c 100 prepaid { not invoiced }"), *events)
    part = billing.preview(("2026-01-10", "2026-02-01"))
    assert (part["balances"]["c"]["opening"], part["balances"]["c"]["closing"]) == ("70.00", "50.00")
    billing.finalise(month(1), at(2, 5))
    assert billing.preview(("2026-01-10", "2026-02-01")) == part


def test_a_draft_is_priced_over_stored_usage(billing: Billing) -> None:
    set_up(billing, program(), use(at(1, 2), n=5))
    draft = pricing_dsl.compile(program(steps="price 3")).ir
    assert str(billing.previewer.draft(billing.tenant, "cus", draft, month(1)).statement.total) == "15.00"
    other = pricing_dsl.compile(program("sum(2 * n)")).ir
    with pytest.raises(RuntimeProblem, match="usage of `used` was not measured as the program says"):
        billing.previewer.draft(billing.tenant, "cus", other, month(1))
    supplied = billing.previewer.draft(billing.tenant, "cus", other, month(1), usage={"used": 2}, source="supplied")
    assert str(supplied.statement.total) == "2.00"
    billing.publish(program("sum(2 * n)"), at(2, 6))
    with pytest.raises(RuntimeProblem, match="usage of `used` is not measured as the program says from 2026-01-01"):
        billing.previewer.draft(billing.tenant, "cus", other, month(1))


def test_several_contracts_of_a_customer_price_the_same_usage(billing: Billing) -> None:
    source = program() + "plan q { fee base 7 } contract extra { plan q term 2026-01-01 to 2027-01-01 }"
    billing.publish(source, at(1, 1))
    billing.bind()
    billing.bind("extra", customer="cus")
    with pytest.raises(RuntimeProblem, match="`cus` has several contracts: `acme`, `extra`") as refused:
        billing.preview(month(1))
    assert refused.value.code == "X0103"
    assert lines(billing.finalise(month(1), at(2, 1), contract="extra")) == {"base": "7.00"}
    assert lines(billing.finalise(month(1), at(2, 1), contract="acme")) == {"used": "0.00"}
    assert billing.findings() == ()
