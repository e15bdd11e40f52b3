"""Usage that reaches no price is listed with its reason and costs nothing there; giving away is said (section 4).

What an `example` cannot state: entries of `unpriced`, unused meters, and how dimension values are read (rule 16).
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

import pricing_dsl
from pricing_dsl.evaluate.statement import Statement

METER = 'currency USD\nmeter calls { from "call"  measure sum(n)  by model, region }\n'


def statement_of(program: str, usage: dict[str, Any], *, explained: bool) -> Statement:
    evaluator = pricing_dsl.compile(METER + program).evaluator("p")
    return evaluator.explain(usage) if explained else evaluator(usage)


both_ways = pytest.mark.parametrize("explained", [False, True], ids=["fast", "explained"])


@both_ways
def test_reject_tier_of_graduated_refuses_only_the_part_in_it(explained: bool) -> None:
    program = "plan p { charge x on calls { graduated { to 100: 1  above: reject } } }"
    statement = statement_of(program, {"calls": "130"}, explained=explained)
    assert statement.line("x").exact == 100
    assert [(entry.line, entry.quantity) for entry in statement.unpriced] == [("x", Fraction(30))]
    assert not statement.is_final


@both_ways
def test_what_is_refused_after_a_weigh_counts_its_unit(explained: bool) -> None:
    tiers = "graduated { to 100: 1  above: reject }"
    program = f"unit credit | credits\nplan p {{ charge x on calls {{ weigh 2 as credit  {tiers} }} }}"
    statement = statement_of(program, {"calls": "65"}, explained=explained)
    assert [(entry.quantity, entry.unit) for entry in statement.unpriced] == [(Fraction(30), "credit")]


@both_ways
def test_reject_tier_of_volume_refuses_the_whole(explained: bool) -> None:
    program = "plan p { charge x on calls { volume { to 100: 1  above: reject } } }"
    statement = statement_of(program, {"calls": "130"}, explained=explained)
    assert statement.line("x").exact == 0
    assert [entry.quantity for entry in statement.unpriced] == [130]


@both_ways
def test_each_group_is_one_entry(explained: bool) -> None:
    program = "plan p { charge x on calls { each region  graduated { to 100: 1  above: reject }  total } }"
    cells = [{"region": "eu", "quantity": "130"}, {"region": "us", "quantity": "150"}]
    statement = statement_of(program, {"calls": cells}, explained=explained)
    assert statement.line("x").exact == 200
    assert sorted(entry.quantity for entry in statement.unpriced) == [30, 50]


@both_ways
def test_no_row_and_not_sold(explained: bool) -> None:
    program = """
    rates llm by model { model | price  "a" | 1  "b" | - }
    plan p { charge x on calls { price llm } }
    """
    cells = [{"model": name, "quantity": "10"} for name in ("a", "b", "c")]
    statement = statement_of(program, {"calls": cells}, explained=explained)
    assert statement.line("x").exact == 10
    assert sorted(dict(entry.dimensions)["model"] for entry in statement.unpriced) == ["b", "c"]


@both_ways
def test_a_where_that_nothing_else_takes_up(explained: bool) -> None:
    program = 'plan p { charge x on calls { where region == "eu"  price 1 } }'
    cells = [{"region": "eu", "quantity": "10"}, {"region": "us", "quantity": "20"}]
    statement = statement_of(program, {"calls": cells}, explained=explained)
    assert statement.total == Decimal("10.00")
    assert [entry.quantity for entry in statement.unpriced] == [20]


@both_ways
def test_what_another_charge_takes_is_priced(explained: bool) -> None:
    program = """
    plan p {
      charge x on calls { where region == "eu"  price 1 }
      charge y on calls { where region != "eu"  price 2 }
    }
    """
    cells = [{"region": "eu", "quantity": "10"}, {"region": "us", "quantity": "20"}]
    statement = statement_of(program, {"calls": cells}, explained=explained)
    assert statement.total == Decimal("50.00")
    assert statement.is_final


@both_ways
def test_meters_that_no_line_mentions_are_unused_and_block_nothing(explained: bool) -> None:
    program = """
    meter others { from "other"  measure count() }
    plan p { charge x on calls { price 1 } }
    """
    statement = statement_of(program, {"calls": "1", "others": "5"}, explained=explained)
    assert statement.unused == ("others",)
    assert statement.is_final


@both_ways
@pytest.mark.parametrize(
    ("value", "row"), [(4, "4"), (Decimal("4.00"), "4"), (Decimal("0.50"), "0.5"), (True, "true"), (False, "false")]
)
def test_dimension_text_is_the_shortest(value: object, row: str, explained: bool) -> None:
    program = f"""
    rates llm by model {{ model | price  "{row}" | 3 }}
    plan p {{ charge x on calls {{ price llm }} }}
    """
    statement = statement_of(program, {"calls": [{"model": value, "quantity": "2"}]}, explained=explained)
    assert statement.line("x").exact == Fraction(6)
