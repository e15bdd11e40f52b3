"""Credits in units: they pay before the price, in time, burn order and line order, and count in no tier (rule 32)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pricing_dsl
from pricing_dsl.evaluate.statement import Statement

HEAD = """currency USD
unit call | calls
meter calls { from "call"  measure sum(n)  unit call  by region, model }
meter seats { from "seat"  measure max(n)  carried  unit call }
rates by_model per 1 call by model { model | price  "a" | 1  "b" | 2  "free" | free }
"""
MARCH = ("2026-03-01", "2026-04-01")
CUT = "credit cut 1 { valid 2026-03-16 to 2026-04-01  covers nothing }  fee nothing 0"
"""Cuts March on the 16th and pays nothing."""


def cells(*amounts: tuple[str, str, int]) -> list[dict[str, object]]:
    return [{"region": region, "model": model, "quantity": quantity} for region, model, quantity in amounts]


def halves(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The usage of March, cut on the 16th."""
    return [
        {"from": "2026-03-01", "to": "2026-03-16", "usage": first},
        {"from": "2026-03-16", "to": "2026-04-01", "usage": second},
    ]


def march(steps: str, items: str, usage: Any, **state: Any) -> Statement:
    """One charge `x` on calls under a contract; the same with reasons must come to the same."""
    source = f"{HEAD} plan p {{ {steps} }} contract c {{ plan p  term 2026-03-01 to 2027-03-01  {items} }}"
    evaluator = pricing_dsl.compile(source).evaluator("c")
    statement = evaluator(usage, MARCH, **state)
    assert evaluator.explain(usage, MARCH, **state).total == statement.total
    return statement


def draws(statement: Statement) -> list[tuple[str, str, int, str]]:
    return [(each.balance, each.line, each.segment, str(each.amount)) for each in statement.draws]


TIERS = "charge x on calls { graduated { to 100: 2  above: 1 } }"


def test_rule_32_units_that_are_paid_count_in_no_tier() -> None:
    steps = "charge x on calls { graduated { to 1M: 0.50 per 1k  above: 0.40 per 1k } }"
    statement = march(steps, "credit gift 1M calls", {"calls": cells(("eu", "a", 1_500_000))})
    assert str(statement.line("x").amount) == "250.00"
    movement = statement.balances["gift"]
    assert (movement.unit, str(movement.drawn), str(movement.closing)) == ("call", "1000000", "0")
    assert statement.total == statement.due


def test_they_are_taken_out_of_both_ends_of_a_segment() -> None:
    usage = halves({"calls": cells(("eu", "a", 100))}, {"calls": cells(("eu", "a", 100))})
    statement = march(TIERS, f"credit gift 60 calls  {CUT}", usage)
    # 40 at 2; then 60 at 2 and 40 at 1
    assert str(statement.line("x").amount) == "240.00"
    assert draws(statement) == [("gift", "x", 0, "60")]


def test_segments_are_paid_in_time_before_lines() -> None:
    plan = 'charge x on calls { where region == "eu"  price 1 }  charge y on calls { where region != "eu"  price 1 }'
    usage = halves(
        {"calls": cells(("eu", "a", 80), ("us", "a", 80))}, {"calls": cells(("eu", "a", 80), ("us", "a", 0))}
    )
    statement = march(plan, f"credit gift 170 calls  {CUT}", usage)
    assert draws(statement) == [("gift", "x", 0, "80"), ("gift", "y", 0, "80"), ("gift", "x", 1, "10")]


def test_they_pay_in_burn_order_and_in_the_order_of_covers() -> None:
    plan = 'charge x on calls { where region == "eu"  price 1 }  charge y on calls { where region != "eu"  price 1 }'
    items = "credit a 30 calls { covers y, x }  credit b 60 calls { priority 1 }"
    statement = march(plan, items, {"calls": cells(("eu", "a", 50), ("us", "a", 50))})
    assert draws(statement) == [("b", "x", 0, "50"), ("b", "y", 0, "10"), ("a", "y", 0, "30")]
    assert statement.draws[2].why.startswith("2 of 2 in burn order, no priority")


def test_a_lot_pays_only_while_it_is_valid() -> None:
    usage = halves({"calls": cells(("eu", "a", 50))}, {"calls": cells(("eu", "a", 50))})
    items = "credit gift 80 calls { valid 2026-03-16 to 2026-09-01 }"
    statement = march("charge x on calls { price 1 }", items, usage)
    assert (str(statement.total), draws(statement)) == ("50.00", [("gift", "x", 1, "50")])


def test_groups_in_code_point_order() -> None:
    usage = {"calls": cells(("us", "a", 10), ("eu", "a", 10))}
    statement = march("charge x on calls { each region  price 1  show by region }", "credit gift 15 calls", usage)
    assert shown(statement) == {"us": "5.00"}  # nothing of eu is left to enter the price


def test_arms_as_written() -> None:
    plan = 'charge x on calls { match region { "us" { price 1 }  else { price 3 } } }'
    usage = {"calls": cells(("us", "a", 10), ("eu", "a", 10))}
    assert str(march(plan, "credit gift 15 calls", usage).total) == "15.00"


def shown(statement: Statement) -> dict[str, str]:
    return {dict(part.dimensions)["region"]: str(part.amount) for part in statement.line("x").parts}


@pytest.mark.parametrize(
    ("policy", "granted", "amount"),
    [
        ("cheapest first", 60, "80.00"),
        ("dearest first", 60, "40.00"),
        ("in order", 60, "80.00"),
        ("pro rata", 50, "75.00"),
    ],
)
def test_where_cells_differ_in_price_a_policy_says_which_are_paid(policy: str, granted: int, amount: str) -> None:
    usage = {"calls": cells(("eu", "b", 50), ("eu", "a", 50), ("eu", "free", 50))}
    statement = march(
        "charge x on calls { price by_model }", f"credit gift {granted} calls across cells {policy}", usage
    )
    assert str(statement.total) == amount


def test_a_condition_of_covers_names_the_cells_that_are_paid() -> None:
    usage = {"calls": cells(("eu", "b", 50), ("eu", "a", 50))}
    items = 'credit gift 60 calls across cells dearest first { covers x where model == "a" }'
    statement = march("charge x on calls { price by_model }", items, usage)
    assert (str(statement.total), str(statement.balances["gift"].drawn)) == ("100.00", "50")


def test_volume_takes_its_tier_without_what_was_paid() -> None:
    steps = "charge x on calls { volume { to 100: 2  above: 1 } }"
    usage = halves({"calls": cells(("eu", "a", 60))}, {"calls": cells(("eu", "a", 60))})
    assert str(march(steps, f"credit gift 30 calls  {CUT}", usage).total) == "180.00"  # 90 at 2
    assert str(march(steps, f"credit gift 10 calls  {CUT}", usage).total) == "110.00"  # 110 at 1


def test_free_units_and_other_quantity_steps_come_first() -> None:
    statement = march("charge x on calls { include 50  round up to 10  price 1 }", "credit gift 60 calls",
                      {"calls": cells(("eu", "a", 103))})  # fmt: skip
    assert (str(statement.total), str(statement.balances["gift"].closing)) == ("0.00", "0")


def test_a_quantity_that_a_mirror_has_turned_round_is_not_paid() -> None:
    statement = march(
        "charge x on calls { mirror  price 1 }", "credit gift 60 calls", {"calls": cells(("eu", "a", -20))}
    )
    assert (str(statement.total), statement.draws) == ("-20.00", ())


def test_terms_that_change_never_make_less_than_nothing() -> None:
    """The first half is paid; then 300 units are free, and the start of the second half falls to zero."""
    items = "credit gift 100 calls  from 2026-03-16 { override x { include 300 } }"
    usage = halves({"calls": cells(("eu", "a", 100))}, {"calls": cells(("eu", "a", 400))})
    assert str(march("charge x on calls { include 0  price 1 }", items, usage).total) == "200.00"


def test_what_does_not_add_over_time_is_paid_by_the_segments_share() -> None:
    usage = halves({"seats": 10}, {"seats": 10})
    statement = march("charge x on seats { price 31 }", f"credit gift 3 calls  {CUT}", usage)
    assert str(statement.total) == "217.00"  # 7 of 10, as in a period that nothing cuts
    assert draws(statement) == [("gift", "x", 0, "3")]


def test_under_a_counter_what_is_paid_is_not_counted_on() -> None:
    steps = "charge x on calls { counted yearly  graduated { to 100: 2  above: 1 } }"
    statement = march(steps, "credit gift 60 calls", {"calls": cells(("eu", "a", 120))})
    assert str(statement.total) == "120.00"
    source = f"{HEAD} plan p {{ {steps} }} contract c {{ plan p  term 2026-03-01 to 2027-03-01  credit gift 60 calls }}"
    april = pricing_dsl.compile(source).evaluator("c")(
        {"calls": cells(("eu", "a", 60))}, ("2026-04-01", "2026-05-01"), {"gift": 0}, statement.counters
    )
    assert str(april.total) == "100.00"  # 40 at 2, 20 at 1


def test_the_explanation_says_what_was_paid() -> None:
    source = f"{HEAD} plan p {{ {TIERS} }} contract c {{ plan p  term 2026-03-01 to 2027-03-01  credit gift 60 calls }}"
    statement = pricing_dsl.compile(source).evaluator("c").explain({"calls": cells(("eu", "a", 100))}, MARCH)
    pending, found = [statement.line("x").reason], []
    while pending:
        node = pending.pop()
        assert node is not None
        pending.extend(node.children)
        if node.what == "credits in units":
            found.append((node.formula, node.value))
    assert found == [("100 - 60", 40)]


quantity = st.integers(0, 300)
region_model = st.tuples(st.sampled_from(["eu", "us"]), st.sampled_from(["a", "b"]), quantity)
usages = st.lists(region_model, min_size=1, max_size=4).map(lambda found: {"calls": cells(*found)})
plans = st.sampled_from(
    [
        TIERS,
        "charge x on calls { each region  graduated { to 100: 2  above: 1 }  total }",
        "charge x on calls { volume { to 100: 2  above: 1 } }",
        'charge x on calls { match region { "eu" { price 1 }  else { graduated { to 50: 3  above: 1 } } } }',
        "charge x on calls { price 5 per started 100 }",
        "charge x on calls { price 1 }",
    ]
)


@settings(max_examples=40, deadline=None)
@given(plans, usages, usages, st.integers(1, 900), st.booleans())
def test_draws_are_at_most_what_is_granted_and_used(
    plan: str, first: dict[str, Any], second: dict[str, Any], granted: int, cut: bool
) -> None:
    usage: Any = halves(first, second) if cut else first
    used = sum(cell["quantity"] for half in ([first, second] if cut else [first]) for cell in half["calls"])
    statement = march(plan, f"credit gift {granted} calls  {CUT if cut else ''}", usage)
    movement = statement.balances["gift"]
    assert movement.drawn == min(granted, used)
    assert movement.drawn == sum((draw.amount for draw in statement.draws), Decimal(0))
    assert movement.opening + movement.granted == movement.drawn + movement.expired + movement.closing
    if granted >= used:
        assert statement.total == 0


@settings(max_examples=30, deadline=None)
@given(usages, usages, st.integers(1, 900))
def test_a_cut_changes_nothing_where_nothing_changes(
    first: dict[str, Any], second: dict[str, Any], granted: int
) -> None:
    whole: Sequence[dict[str, Any]] = [*first["calls"], *second["calls"]]
    uncut = march(TIERS, f"credit gift {granted} calls", {"calls": whole})
    assert march(TIERS, f"credit gift {granted} calls  {CUT}", halves(first, second)).total == uncut.total
