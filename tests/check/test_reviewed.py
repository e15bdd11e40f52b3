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
