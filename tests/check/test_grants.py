"""Commits and credits against the lines they cover: units, conditions, order of cells, validity (rules 28, 32, 33)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

import pricing_dsl
from pricing_dsl.diagnostics.diagnostic import Diagnostic
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.statement import Statement

HEAD = """currency USD
unit call | calls
unit credit | credits
meter calls { from "call"  measure sum(n)  unit call  by region, model, tier }
meter seats { from "seat"  measure max(n)  carried }
rates by_model per 1 call by model { model | price  "a" | 1  "b" | 2 }
rates flat_model per 1 call by model { model | price  "a" | 3  else | 3 }
"""
TERM = "term 2026-01-01 to 2028-01-01"
MARCH = ("2026-03-01", "2026-04-01")


def source(charge: str, items: str) -> str:
    plan = (
        f"plan p {{ charge x on calls {{ {charge} }}  charge s on seats {{ price 1 }}  fee f 10  charge d = 5% of x }}"
    )
    return f"{HEAD}{plan}\ncontract c {{ plan p  {TERM}\n{items} }}"


def errors(charge: str, items: str) -> list[Diagnostic]:
    return [found for found in pricing_dsl.check(source(charge, items)) if found.severity == "error"]


def found(charge: str, items: str) -> list[tuple[str, str]]:
    """Each error's code and what the program says there."""
    text = source(charge, items)
    return [(each.code, text[each.span.start : each.span.end]) for each in errors(charge, items)]


def statement(charge: str, items: str, usage: Any = 100, **state: Any) -> Statement:
    given = usage if isinstance(usage, dict) else {"calls": usage}
    return pricing_dsl.compile(source(charge, items)).evaluator("c")(given, MARCH, **state)


# --- covers ... where -----------------------------------------------------------------------------------------------

EU = 'covers x where region == "eu"'
TIERS = "graduated { to 5: 1  above: 2 }"


@pytest.mark.parametrize(
    ("charge", "item"),
    [
        (TIERS, "commit b 10 prepaid"),
        (TIERS, "commit b 10 postpaid"),
        (TIERS, "credit b 10"),
        ("volume { to 5: 1 plus 2  above: 2 }", "credit b 10"),
        ("price 5 per started 10", "credit b 10"),
        ("include 5  price 1", "credit b 10"),
        ("include 5  price 1", "credit b 10 calls"),
        ("round up to 10  price 1", "credit b 10 calls"),
        ("at most 9  price 1", "credit b 10 calls"),
        ("each region, model  at least 9  total  price 1", "credit b 10"),
        (f"each model  {TIERS}  total", "credit b 10"),
        (f"match model {{ a {{ {TIERS} }}  else {{ include 3  price 1 }} }}", "credit b 10"),
    ],
)
def test_covers_asks_for_a_dimension_that_no_cell_has(charge: str, item: str) -> None:
    assert found(charge, f"{item} {{ {EU} }}") == [("T0206", "region")]
    (error,) = errors(charge, f"{item} {{ {EU} }}")
    assert error.help is not None
    assert "each region" in error.help
    assert len(error.labels) == 1


@pytest.mark.parametrize(
    ("charge", "item"),
    [
        ("price 1", "commit b 10 prepaid"),
        ("price 1  plus 9  minimum 5", "commit b 10 postpaid"),
        (f"each region  {TIERS}  total", "credit b 10"),
        ("volume { to 5: 1  above: 2 }", "credit b 10"),
        ("include 5 across cells pro rata  price 1", "credit b 10"),
        (TIERS, "credit b 10 calls"),
        (f"match model {{ a {{ {TIERS} }}  else {{ price 1 }} }}", "credit b 10"),
    ],
)
def test_covers_asks_for_a_dimension_that_cells_have(charge: str, item: str) -> None:
    assert found(charge, f"{item} {{ {EU} }}") == []


def test_a_phase_that_pools_the_dimension_is_found_too() -> None:
    items = f"credit b 10 {{ {EU} }}  from 2026-07-01 {{ override x {{ {TIERS} }} }}"
    assert found("price 1", items) == [("T0206", "region")]


def test_a_postpaid_commit_counts_the_cells_of_its_condition() -> None:
    """Rule 33, with the condition that `covers` says."""
    usage = [{"region": "eu", "quantity": 60}, {"region": "us", "quantity": 40}]
    items = "commit floor 100 postpaid monthly { %s }"
    assert [str(row.amount) for row in statement("price 1", items % EU, usage).adjustments] == ["40.00"]
    assert [str(row.amount) for row in statement("price 1", items % "covers x", usage).adjustments] == ["0.00"]


def test_usage_says_the_dimensions_that_covers_asks_for_and_no_others() -> None:
    items = f"credit b 50 {{ {EU} }}"
    with pytest.raises(EvaluationError) as refused:
        statement("price 1", items, [{"region": "eu", "quantity": 1}, {"model": "a", "quantity": 1}])
    assert refused.value.code == "R0305"
    assert "`region`" in str(refused.value)
    with pytest.raises(EvaluationError, match="region"):
        statement("price 1", f"commit b 50 postpaid {{ {EU} }}", 100)
    usage = [{"region": "eu", "quantity": 60}, {"region": "us", "quantity": 40}]
    assert str(statement("price 1", items, usage).due) == "65.00"  # 100 less 50, fee 10, 5% of 100
    assert str(statement("price 1", "credit b 50 { covers x }", 100).due) == "65.00"


def test_a_quantity_that_only_a_grant_reads_is_used() -> None:
    """What is granted may use quantities, so their usage is no mistake."""
    text = f"{HEAD} plan p {{ charge x on calls {{ price 1 }} }} contract c {{ plan p {TERM} credit b 3 * seats %s }}"
    calls_per_seat = (text % "monthly").replace("3 * seats", "3 USD * seats")
    made = pricing_dsl.compile(calls_per_seat).evaluator("c")({"calls": 5, "seats": 4}, MARCH)
    assert (str(made.balances["b"].granted), made.unused) == ("12.00", ())
    assert pricing_dsl.compile(calls_per_seat.replace("3 USD * seats", "3")).evaluator("c")(
        {"calls": 5, "seats": 4}, MARCH
    ).unused == ("seats",)


# --- units ----------------------------------------------------------------------------------------------------------

WEIGHED = 'weigh region { "eu": 2  else: 1 } as credit  price 1'


@pytest.mark.parametrize(
    ("charge", "items", "place"),
    [
        (WEIGHED, "credit b 10 calls { covers x }", "x"),
        ("price 1", "credit b 10 credits { covers x }", "x"),
        (f"match model {{ a {{ {WEIGHED} }}  else {{ price 1 }} }}", "credit b 10 calls { covers x }", "x"),
        ("price 1", "credit b 10 calls { covers s }", "s"),
        ("price 1", "credit b 10 calls { covers f }", "f"),
        ("price 1", "credit b 10 calls { covers d }", "d"),
        ("price 1", "credit b 10 credits", "10 credits"),
        (WEIGHED, "credit b 10 calls", "10 calls"),
    ],
)
def test_units_that_the_price_does_not_count(charge: str, items: str, place: str) -> None:
    assert found(charge, items) == [("U0307", place)]


def test_credits_pay_in_the_unit_behind_weigh() -> None:
    usage = [{"region": "eu", "quantity": 30}, {"region": "us", "quantity": 40}]
    paid = statement(WEIGHED, "credit b 25 credits { covers x }", usage, balances={"b": "25"})
    assert (str(paid.line("x").amount), paid.balances["b"].drawn) == ("75.00", Decimal(25))


# --- the order of cells ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("charge", "items"),
    [
        ("price by_model", "credit b 10 calls"),
        ("price by_model", "credit b 10 calls { covers x }"),
        ("price by_model", f"credit b 10 calls {{ {EU} }}"),
        ("each region  price by_model  total", "credit b 10 calls"),
        ("volume { to 5: by_model  above: 2 }", "credit b 10 calls"),
        ('price 1  times tier { "gold": 2  else: 1 }', "credit b 10 calls"),
        ('price 1  times 2 when tier == "gold"', "credit b 10 calls"),
        ('price 1  discount 10% when tier == "gold"', "credit b 10 calls"),
        ("match tier { gold { price by_model }  else { price 1 } }", "credit b 10 calls"),
        ("price 1", "credit b 10 calls  from 2026-07-01 { override x { price by_model } }"),
        ("price by_model", "commit b 10 calls prepaid { not invoiced }"),
    ],
)
def test_cells_of_different_price_need_an_order(charge: str, items: str) -> None:
    assert found(charge, items) == [("T0506", "10 calls")]


@pytest.mark.parametrize(
    ("charge", "items"),
    [
        ("price by_model", "credit b 10 calls across cells pro rata"),
        ("price by_model", "credit b 10"),
        ("price 1", "credit b 10 calls"),
        ("price flat_model", "credit b 10 calls"),
        (TIERS, "credit b 10 calls"),
        ("each model  price by_model  total", "credit b 10 calls"),
        ("price by_model", 'credit b 10 calls { covers x where model == "a" and region != "eu" }'),
        ("match model { a { price by_model }  else { price free } }", "credit b 10 calls"),
        ("match tier { gold { price 2 }  else { price 1 } }", "credit b 10 calls"),
        ('where model == "a"  price by_model', "credit b 10 calls"),
    ],
)
def test_cells_of_one_price_need_none(charge: str, items: str) -> None:
    assert found(charge, items) == []


@pytest.mark.parametrize(
    "charge", [TIERS, "price 5 per started 10", f"match model {{ a {{ {TIERS} }} else {{ {TIERS} }} }}"]
)
def test_an_order_by_price_needs_prices_of_cells(charge: str) -> None:
    assert found(charge, "credit b 10 calls across cells cheapest first") == [("T0211", "10 calls")]
    assert found(charge, "credit b 10 calls across cells in order") == []


def test_an_order_by_price_is_for_the_lines_that_have_one() -> None:
    split = f"match model {{ a {{ {TIERS} }}  else {{ price by_model }} }}"
    assert found(split, "credit b 10 calls across cells dearest first") == []


# --- how long a postpaid commit lasts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "stretch"),
    [
        ("commit b 10 postpaid { valid for 3 months }", ("2026-01-01", "2026-04-01")),
        ("commit b 10 postpaid quarterly { valid for 6 months }", ("2026-01-01", "2026-07-01")),
        ("commit b 10 postpaid { valid for 99_999_999 months }", ("2026-01-01", "2028-01-01")),
        ("from 2026-02-15 { commit b 10 postpaid { valid for 1 months } }", ("2026-02-15", "2026-03-15")),
        ("from 2026-02-15 to 2026-03-01 { commit b 10 postpaid { valid for 1 months } }", ("2026-02-15", "2026-03-01")),
    ],
)
def test_valid_for_some_months_is_how_long_a_postpaid_commit_lasts(items: str, stretch: tuple[str, str]) -> None:
    (floor,) = pricing_dsl.compile(source("price 1", items)).ir.contracts[0].floors
    days = tuple(datetime.fromtimestamp(at, UTC).date().isoformat() for at in (floor.start, floor.end))
    assert days == stretch


def test_the_true_up_stands_where_a_postpaid_commit_ends() -> None:
    made = statement("price 1", "commit b 150 postpaid { covers x  valid for 3 months }", balances={"b": "20"})
    assert [(row.kind, str(row.amount)) for row in made.adjustments] == [("true_up", "30.00")]
