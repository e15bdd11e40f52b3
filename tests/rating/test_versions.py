"""Programs that change while contracts run: prices, meters, commits, terms; and what a change may not do."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pricing_dsl.diagnostics.diagnostic import ProgramError
from runtime.errors import RuntimeProblem
from tests.rating.billing import Billing, Event, at, lines, month, rows

PROGRAM = """currency USD
meter calls {{ from "call" measure {measure} {meter} }}
meter seats {{ from "seat" measure last(n) carried {seats} }}
plan p {{ {bill} charge calls on calls {{ {steps} }} {plan} }}
contract acme {{ customer "cus" plan p term {term} {contract} }}
"""


def program(**parts: str) -> str:
    given = {
        "measure": "sum(n)", "meter": "", "seats": "", "bill": "", "steps": "price 2", "plan": "",
        "term": "2026-01-01 to 2027-01-01", "contract": "",
    }  # fmt: skip
    return PROGRAM.format(**{**given, **parts})


def call(month: int, day: int, n: int, hour: int = 0) -> Event:
    return "call", at(month, day, hour), {"n": n}


def test_a_price_change_cuts_the_period(billing: Billing) -> None:
    billing.publish(program(), at(1, 1))
    billing.bind()
    billing.publish(program(steps="price 3"), at(1, 10), effective=at(1, 16))
    billing.send(at(1, 31), call(1, 15, 10, 23), call(1, 16, 100))
    made = billing.finalise(month(1), at(2, 1))
    assert made["total"] == "320.00"
    assert made["segments"] == [{"from": "2026-01-01", "to": "2026-01-16"}, {"from": "2026-01-16", "to": "2026-02-01"}]
    billing.send(at(2, 28), call(2, 1, 1))
    assert billing.finalise(month(2), at(3, 1))["total"] == "3.00"
    assert billing.findings() == ()


def test_what_is_published_for_later_changes_nothing_before(billing: Billing) -> None:
    contract = "commit c {} prepaid monthly {{ not invoiced {} }}"
    billing.publish(program(contract=contract.format(100, "")), at(1, 1))
    billing.bind()
    billing.send(at(1, 20), call(1, 2, 500))
    before = billing.preview(month(1))
    billing.publish(program(contract=contract.format(900, "overage times 2")), at(1, 21), effective=at(2, 1))
    assert billing.preview(month(1)) == before
    assert billing.preview(month(2))["balances"]["c"]["granted"] == "900.00"
    billing.finalise(month(1), at(2, 1))
    assert billing.finalise(month(2), at(3, 1))["balances"]["c"]["granted"] == "900.00"
    assert billing.findings() == ()


def test_a_graduated_counter_runs_on_through_a_change_of_the_counted_year(billing: Billing) -> None:
    tiers = "counted yearly graduated {{ to 100: {} above: {} }}"
    billing.publish(program(steps=tiers.format(2, 1)), at(1, 1))
    billing.bind()
    billing.send(at(1, 31), call(1, 3, 90))
    billing.finalise(month(1), at(2, 1))
    billing.publish(program(steps=tiers.format(20, 10)), at(2, 1), effective=at(2, 15))
    billing.send(at(2, 28), call(2, 14, 20), call(2, 20, 5))
    made = billing.finalise(month(2), at(3, 1))
    assert made["total"] == "80.00"  # 10 x 2 + 10 x 1, then 5 x 10
    assert made["counters"] == {"calls": "115"}
    assert billing.findings() == ()


def test_a_contract_of_one_version_keeps_it(billing: Billing) -> None:
    billing.publish(program(), at(1, 1))
    billing.bind(version=1)
    billing.publish(program(steps="price 3"), at(1, 1), effective=at(1, 16))
    billing.bind(customer="other")
    billing.send(at(1, 31), call(1, 20, 10))
    billing.send(at(1, 31), call(1, 20, 10), customer="other")
    assert billing.finalise(month(1), at(2, 1))["total"] == "20.00"
    assert billing.finalise(month(1), at(2, 1), customer="other")["total"] == "30.00"


# --- meters ----------------------------------------------------------------------------------------------------------


def test_usage_of_each_segment_is_of_the_meters_in_force_there(billing: Billing) -> None:
    billing.publish(program(), at(1, 1))
    billing.bind()
    billing.publish(program(measure="sum(n * 10)"), at(1, 10), effective=at(1, 16))
    billing.send(at(1, 31), call(1, 15, 1), call(1, 16, 1))
    made = billing.preview(month(1))
    assert (made["total"], made["lines"][0]["quantity"]) == ("22.00", "11")


@pytest.mark.parametrize("steps", ["price 28", "graduated { to 5: 28 above: 14 }"])
def test_what_does_not_add_over_time_counts_by_the_time_of_its_definition(billing: Billing, steps: str) -> None:
    billing.publish(program(measure="max(n)", steps=steps), at(1, 1))
    billing.bind()
    billing.finalise(month(1), at(2, 1))
    billing.publish(program(measure="max(n * 2)", steps=steps), at(2, 1), effective=at(2, 15))
    billing.send(at(2, 28), call(2, 2, 4), call(2, 20, 2))
    assert billing.finalise(month(2), at(3, 1))["total"] == "112.00"  # 4 in both halves
    assert billing.findings() == ()


def test_levels_go_on_under_a_new_definition(billing: Billing) -> None:
    seats = "charge seats on seats { price 28 }"
    billing.publish(program(plan=seats), at(1, 1))
    billing.bind()
    billing.send(at(1, 31), ("seat", at(1, 5), {"n": 6}))
    billing.finalise(month(1), at(2, 1))
    billing.publish(
        program(plan=seats, seats="").replace('"seat" measure', '"seat" where n < 1_000 measure'),
        at(2, 1),
        effective=at(2, 15),
    )
    billing.send(at(2, 14), ("seat", at(2, 10), {"n": 8}))
    february = billing.finalise(month(2), at(3, 1))
    assert february["total"] == "224.00"  # 8 at the end of the old one, 8 all through the new one
    assert billing.finalise(month(3), at(4, 1))["total"] == "224.00"
    assert billing.findings() == ()


def test_a_charge_that_begins_inside_a_period_has_the_whole_maximum(billing: Billing) -> None:
    """Rule 3: what does not add over time is the whole period's, and counts by its share of the time."""
    source = program(measure="max(n)", contract="from 2026-02-15 { charge peak on calls { price 10 } }")
    billing.publish(source, at(1, 1))
    billing.bind()
    billing.finalise(month(1), at(2, 1))
    billing.send(at(2, 28), call(2, 2, 8), call(2, 20, 4))
    assert lines(billing.finalise(month(2), at(3, 1))) == {"calls": "16.00", "peak": "40.00"}


def test_a_meter_moved_in_the_text_is_the_same_meter(billing: Billing) -> None:
    billing.publish(program(measure="max(n)"), at(1, 1))
    billing.bind()
    billing.publish("# moved\n\n" + program(measure="max(n)", steps="price 4"), at(1, 10), effective=at(1, 16))
    billing.send(at(1, 31), call(1, 2, 10), call(1, 20, 31))
    usage = billing.previewer.preview(billing.tenant, "cus", month(1)).usage
    assert [list(segment["usage"]) for segment in usage] == [["calls"], ["calls"]]
    assert billing.preview(month(1))["total"] == "94.00"  # 31 x (2 x 15 + 4 x 16) / 31


# --- commits and credits ---------------------------------------------------------------------------------------------


def commit(amount: int, more: str = "") -> str:
    return f"commit c {amount} prepaid {more} {{ not invoiced }}"


def test_a_new_commit_is_granted_when_its_version_begins(billing: Billing) -> None:
    billing.publish(program(), at(1, 1))
    bound = billing.bind()
    billing.finalise(month(1), at(2, 1))
    billing.publish(program(contract=commit(1_000)), at(2, 1), effective=at(2, 15))
    billing.send(at(2, 28), call(2, 2, 10), call(2, 20, 100))
    made = billing.finalise(month(2), at(3, 1))
    assert (made["due"], made["balances"]["c"]["closing"]) == ("20.00", "800.00")
    assert billing.finalise(month(3), at(4, 1))["balances"]["c"]["closing"] == "800.00"
    assert billing.balances(bound) == {"c": Decimal("800.00")}
    assert billing.findings() == ()


@pytest.mark.parametrize(("more", "left"), [("", "700.00"), ("monthly", "0.00")])
def test_what_is_left_of_a_commit_that_is_gone_pays_until_it_ends(billing: Billing, more: str, left: str) -> None:
    billing.publish(program(contract=commit(1_000, more)), at(1, 1))
    bound = billing.bind()
    billing.send(at(1, 31), call(1, 2, 100))
    billing.finalise(month(1), at(2, 1))
    billing.publish(program(), at(2, 1), effective=at(2, 15))
    billing.send(at(2, 28), call(2, 20, 50))
    february = billing.finalise(month(2), at(3, 1))
    assert (february["due"], february["balances"]["c"]["closing"]) == ("0.00", left)
    march = billing.finalise(month(3), at(4, 1))
    assert (march["balances"]["c"]["granted"], march["balances"]["c"]["closing"]) == ("0.00", left)
    assert billing.balances(bound)["c"] == Decimal(left)
    assert billing.findings() == ()


def test_a_commit_that_changes_keeps_what_was_granted(billing: Billing) -> None:
    billing.publish(program(contract=commit(1_000, "monthly")), at(1, 1))
    billing.bind()
    billing.publish(program(contract=commit(3_000, "monthly")), at(1, 2), effective=at(1, 15))
    granted = [billing.finalise(month(number), at(number + 1, 1))["balances"]["c"]["granted"] for number in (1, 2)]
    assert granted == ["1000.00", "3000.00"]
    assert billing.findings() == ()


def test_a_postpaid_commit_comes_and_goes_with_its_version(billing: Billing) -> None:
    billing.publish(program(contract="commit f 500 postpaid yearly"), at(1, 1))
    billing.bind()
    billing.send(at(1, 31), call(1, 2, 10))
    assert billing.finalise(month(1), at(2, 1))["balances"]["f"]["closing"] == "20.00"
    billing.publish(program(contract="commit g 100 postpaid monthly"), at(2, 1), effective=at(2, 15))
    billing.send(at(2, 28), call(2, 14, 1), call(2, 20, 5))
    february = billing.finalise(month(2), at(3, 1))
    assert list(february["balances"]) == ["g"]
    assert rows(february, "true_up") == {"g": "90.00"}
    assert billing.findings() == ()


# --- what is refused -------------------------------------------------------------------------------------------------


def refused(billing: Billing, source: str, code: str, says: str, **given: object) -> None:
    with pytest.raises(RuntimeProblem, match=says) as found:
        billing.publish(source, **{"now": at(3, 1), **given})  # type: ignore[arg-type]
    assert (found.value.code, bool(found.value.help)) == (code, True)


def test_examples_come_first(billing: Billing) -> None:
    wrong = program() + 'example "e" on acme period 2026-01 { calls = 10 expect calls = 21 }'
    refused(billing, wrong, "X0401", 'the example "e" fails: `calls` is 20, not 21')
    with pytest.raises(ProgramError):
        billing.publish("plan", at(1, 1))
    with pytest.raises(RuntimeProblem, match="there is no program `prices`"):
        billing.bind()


def test_the_same_text_is_the_same_version(billing: Billing) -> None:
    first = billing.publish(program(), at(1, 1))
    assert billing.publish(program(), at(1, 5)).id == first.id
    second = billing.publish(program(steps="price 3"), at(1, 5, 0))
    assert second.version == 2
    assert billing.publish(program(), at(1, 6)).version == 3


def test_versions_begin_in_their_order_and_on_the_hour(billing: Billing) -> None:
    billing.publish(program(), at(1, 1))
    second = billing.publish(program(steps="price 3"), at(1, 5).replace(minute=20, second=3))
    assert second.effective_at == at(1, 5, 1)
    third = billing.publish(program(steps="price 4"), at(1, 5).replace(minute=40))
    assert (third.version, third.effective_at) == (3, at(1, 5, 1))
    refused(billing, program(steps="price 5"), "X0402", "version 3 is in force from", effective=at(1, 4))
    inside = at(2, 1).replace(minute=30)
    refused(billing, program(steps="price 5"), "X0406", "2026-02-01T00:30", effective=inside)
    billing.bind()
    billing.send(at(1, 31), call(1, 5, 10))
    billing.send(at(1, 31), call(1, 5, 1, 1))
    assert billing.finalise(month(1), at(2, 1))["total"] == "24.00"


def test_what_is_finalised_stays_priced_as_it_was(billing: Billing) -> None:
    billing.publish(program(), at(1, 1))
    billing.bind()
    billing.finalise(month(1), at(2, 1))
    refused(billing, program(steps="price 3"), "X0402", "a period until 2026-02-01", effective=at(1, 31))
    assert billing.publish(program(steps="price 3"), at(3, 1), effective=at(2, 1)).version == 2


def test_usage_that_was_measured_is_not_measured_anew(billing: Billing) -> None:
    billing.publish(program(), at(1, 1))
    billing.bind()
    billing.send(at(1, 31), call(1, 20, 1))
    refused(
        billing, program(measure="sum(2 * n)"), "X0402", "`calls` would be measured in a new way", effective=at(1, 20)
    )
    new_meter = program() + 'meter count { from "call" measure count() }\n'
    refused(billing, new_meter, "X0402", "`count` would be measured in a new way", effective=at(1, 20))
    assert billing.publish(program(measure="sum(2 * n)"), at(1, 31), effective=at(1, 21)).version == 2


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"bill": "bill quarterly"}, "how it is billed changes from monthly to quarterly"),
        ({"bill": 'timezone "Europe/Paris"'}, "the time zone changes from UTC to Europe/Paris"),
        ({"term": "2026-02-01 to 2027-01-01"}, "the start of the term changes from 2026-01-01 to 2026-02-01"),
        ({"contract": "commit c 5 postpaid"}, "what `c` is changes from a balance of money to a postpaid commit"),
        ({"contract": "credit c 5 calls"}, "what `c` is changes from a balance of money to a balance of calls"),
    ],
)
def test_what_a_contract_cannot_change(billing: Billing, parts: dict[str, str], says: str) -> None:
    billing.publish(program(contract=commit(10)), at(1, 1))
    billing.bind()
    refused(billing, program(**{"contract": commit(10), **parts}), "X0403", says)
    renamed = program(contract=commit(10)).replace("contract acme", "contract other")
    refused(billing, renamed, "X0403", "has no contract `acme`, which prices `cus`")
    yen = program(contract=commit(10)).replace("USD", "EUR")
    refused(billing, yen, "X0403", "the currency changes from USD to EUR")


def test_a_term_is_lengthened(billing: Billing) -> None:
    billing.publish(program(term="2026-01-01 to 2026-03-01"), at(1, 1))
    billing.bind()
    billing.finalise(month(1), at(2, 1))
    billing.finalise(month(2), at(3, 1))
    billing.publish(program(steps="price 3"), at(3, 5), effective=at(3, 10))
    billing.send(at(3, 31), call(3, 2, 10), call(3, 20, 1))
    assert billing.finalise(month(3), at(4, 1))["total"] == "23.00"
    assert billing.findings() == ()


def test_a_contract_is_ended_early(billing: Billing) -> None:
    billing.publish(program(), at(1, 1))
    billing.bind()
    billing.publish(program(term="2026-01-01 to 2026-01-20"), at(1, 10), effective=at(1, 15))
    billing.send(at(1, 31), call(1, 19, 10), call(1, 20, 1_000))
    assert billing.finalise(month(1), at(2, 1))["total"] == "20.00"
    done = list(billing.finaliser.finalise_due(billing.tenant, at(4, 1)))
    assert done == []
