"""Findings that a careful reader missed or found too much: sums over meters that do not add, discounts by table."""

from __future__ import annotations

import pytest

import pricing_dsl

HEAD = """
currency USD
meter users { from "u"  measure unique(user)  by region }
meter calls { from "c"  measure count()  by region }
rates off by region { region | value  "eu" | 1.5  else | 0 }
"""


def codes(text: str) -> set[str]:
    return {d.code for d in pricing_dsl.check(HEAD + text) if not d.code.startswith("W04")}


def test_a_sum_that_keeps_its_dimension_pools_nothing() -> None:
    text = "quantity q = 4 * users plan p { charge x on q { each region price 2 total } }"
    assert codes(text) == set()
    statement = pricing_dsl.compile(HEAD + text).evaluator("p")({"users": [{"quantity": 10, "region": "b"}]})
    assert str(statement.total) == "80.00"


@pytest.mark.parametrize("steps", ["price 2", "graduated { above: 2 }"])
def test_pooling_it_later_is_refused(steps: str) -> None:
    assert codes(f"quantity q = 4 * users plan p {{ charge x on q {{ {steps} }} }}") == {"T0208"}


def test_a_discount_by_table_can_exceed_the_whole() -> None:
    assert codes("plan p { charge x on calls { price 1 discount off } }") == {"W0306"}


TIERS = "volume { to 1000: 1.00  above: 0.50 }"


def test_what_falls_under_a_counter_is_the_price_of_the_bill() -> None:
    """Rule 2: nothing billed is priced again, so no total of the year falls, and no `minimum` may stand in a tier."""
    text = f"{HEAD}plan p {{ charge x on calls {{ counted yearly {TIERS} }} }}"
    (found,) = [each for each in pricing_dsl.check(text) if each.code == "W0201"]
    assert found.message == "all units of a bill cost 0.5 each instead of 1 when the counter passes 1_000 in it"
    assert "minimum" not in found.help
    contract = f"{text} contract c {{ plan p  term 2026-01-01 to 2027-01-01 }}"
    march = ("2026-03-01", "2026-04-01")
    evaluator = pricing_dsl.compile(contract).evaluator("c")
    totals = [str(evaluator({"calls": n}, march, counters={"x": 900}).total) for n in (100, 101)]
    assert totals == ["100.00", "50.50"]


def test_without_a_counter_the_total_falls() -> None:
    text = f"{HEAD}plan p {{ charge x on calls {{ {TIERS} }} }}"
    (found,) = [each for each in pricing_dsl.check(text) if each.code == "W0201"]
    assert found.message == "the total falls from 1_000 to 500 when the quantity passes 1_000"
    assert "`minimum 1_000`" in found.help


def test_an_adjustment_is_called_like_no_line() -> None:
    """Rows of a statement are known by their names; credits have none, so they may share one."""
    line = "charge x on calls { price 1 }"
    assert codes(f"plan p {{ {line}  minimum 5 as x }}") == {"N0604"}
    assert codes(f"plan p {{ {line} }}  plan q extends p {{ discount 5 as x }}") == {"N0604"}
    assert codes(f"plan p {{ {line}  fee minimum_1 5  minimum 5 }}") == {"N0604"}
    assert codes(f"plan p {{ {line}  fee minimum_1 5  minimum 5 as floor }}") == set()


NEGATIVE = [
    ("price 1 minimum -5", {"W0309"}),
    ("price 1 maximum -5", {"W0309"}),
    ("price 1 minimum -1 per 1k", {"W0309"}),
    ("at least -5 price 1", {"W0309"}),
    ("at most -5 price 1", {"W0309"}),
    ("graduated { to 100: 1 minimum -5  above: 1 }", {"W0309"}),
    ("volume { to 100: 1 maximum -5  above: 1 }", {"W0309"}),
    ("price 1 times -1", {"W0310"}),
    ("price 1 times region { eu: -1  else: 1 }", {"W0310"}),
    ("weigh -1 price 1", {"W0310"}),
    ("price 1 markup -200%", {"W0310"}),
    ("price 1 markup -100%", {"W0305"}),
    ("price 1 discount 150%", {"W0306"}),
    ("price 1 discount -5%", {"D0305"}),
    ("price 1 discount below", {"D0305"}),
    ("price 1 discount 5% above -5", {"D0305"}),
    ("price 1 discount 5 up to -5", {"D0305"}),
    ("price 1 discount graduated { above -5: 5% }", {"D0305"}),
    ("include -5 price 1", {"D0303"}),
    # negative where that has a meaning: paid out for usage, taken off, cheaper
    ("price -1", set()),
    ("price 1 plus -5", set()),
    ("price 1 markup -30%", set()),
    ("price 1 margin -50%", set()),
    ("graduated { to 100: flat -5  above: 1 }", set()),
    ("price 1 minimum 0", set()),
]


@pytest.mark.parametrize(("steps", "expected"), NEGATIVE, ids=[steps for steps, _ in NEGATIVE])
def test_negative_numbers_where_they_have_a_meaning(steps: str, expected: set[str]) -> None:
    """Section 2: numbers are negative where that has a meaning; elsewhere it is an error, in between a warning."""
    table = 'rates below by region { region | value  "eu" | -0.1  else | 0 }'
    found = codes(f"{table} plan p {{ charge x on calls {{ {steps} }} }}")
    assert {code for code in found if not code.startswith("P")} == expected


@pytest.mark.parametrize(
    ("item", "expected"),
    [("minimum -5", {"W0309"}), ("maximum -5", {"W0309"}), ("discount 5 above -5", {"D0305"}), ("fee f -5", set())],
)
def test_negative_numbers_beside_the_lines(item: str, expected: set[str]) -> None:
    assert codes(f"plan p {{ charge x on calls {{ price 1 }}  {item} }}") == expected


def test_a_negative_fee_gives_back_and_takes_no_share_of_a_discount() -> None:
    """Rule 20: negative lines count in the sum."""
    text = f"{HEAD}plan p {{ charge x on calls {{ price 1 }}  fee rebate -20  discount 10% }}"
    statement = pricing_dsl.compile(text).evaluator("p")({"calls": 100})
    assert [str(row.amount) for row in statement.adjustments] == ["-8.00"]
    assert dict(statement.adjustments[0].shares) == {"x": -800}
    assert str(statement.total) == "72.00"
