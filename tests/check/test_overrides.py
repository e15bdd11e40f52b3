"""Overrides in an extending plan: who wins, kind by kind and cell by cell (rules 17 to 19), shown by amounts."""

from __future__ import annotations

import pytest

import pricing_dsl

BASE = """
currency USD
meter calls {{ from "call"  measure count()  by model }}
plan base {{ fee platform 100  charge x on calls {{ {steps} }} }}
plan cut extends base {{ {overrides} }}
"""
EU = [{"quantity": 10, "model": "eu"}, {"quantity": 20, "model": "us"}]


def amount(steps: str, overrides: str, usage: object, line: str = "x") -> str:
    program = pricing_dsl.compile(BASE.format(steps=steps, overrides=overrides))
    return str(program.evaluator("cut")({"calls": usage}).line(line).amount)


@pytest.mark.parametrize(
    ("steps", "overrides", "usage", "expected"),
    [
        # rule 17: `times` works under the plan's floor, `minimum` lowers it
        ("price 1 minimum 100", "override x { times 0.8 }", 60, "100.00"),
        ("price 1 minimum 100", "override x { minimum 50 }", 60, "60.00"),
        # rule 18: a price ends the multipliers written before it, and keeps those in its own override
        ("price 2", "override x { times 0.85 } override x { price 1.00 }", 1000, "1000.00"),
        ("price 2", "override x { price 1.00 } override x { times 0.85 }", 1000, "850.00"),
        ("price 2", "override x { price 1.00 times 0.5 }", 1000, "500.00"),
        # the plan's own later steps stay, and an override's multipliers join before them
        ("price 1 times 2 plus 10", "override x { times 0.5 }", 100, "110.00"),
        # rule 19: the last written wins its kind only
        ("price 1", "override x { times 0.9 markup 10% } override x { times 0.5 }", 100, "55.00"),
        ("price 1", "override all { times 0.9 } override x { times 0.5 }", 100, "50.00"),
        ("price 1", "override x { times 0.5 } override all { times 0.9 }", 100, "90.00"),
        # quantity steps join before the price, a step of a kind the line has takes its place
        ("price 1", "override x { include 40 }", 100, "60.00"),
        ("include 10 price 1", "override x { include 40 }", 100, "60.00"),
        # a whole price step is replaced
        ("graduated { to 10: 1 above: 0.5 }", "override x { price 3 }", 100, "300.00"),
        # with `when`, cell by cell
        ("price 1", 'override x { times 2 } override x { times 3 when model == "eu" }', EU, "70.00"),
        ("price 1", 'override x { times 3 when model == "eu" } override x { times 2 }', EU, "60.00"),
    ],
)
def test_who_wins(steps: str, overrides: str, usage: object, expected: str) -> None:
    assert amount(steps, overrides, usage) == expected


def test_a_match_holds_one_price_and_follows_the_list_elsewhere() -> None:
    override = 'override x { match model { "eu" { price 5 } else { price 1 } } }'
    assert amount("price 1", override, EU) == "70.00"


@pytest.mark.parametrize(
    ("override", "expected"),
    [("price 80", "80.00"), ("times 0.9", "90.00"), ("discount 10% plus 5", "95.00"), ("maximum 60", "60.00")],
)
def test_a_fee_takes_a_price_and_amount_steps(override: str, expected: str) -> None:
    assert amount("price 1", f"override platform {{ {override} }}", 1, "platform") == expected


@pytest.mark.parametrize(
    ("steps", "overrides", "code"),
    [
        ("price 1", "override x { each model }", "T0401"),
        ("price 1", 'override x { where model == "eu" }', "T0401"),
        ("price 1 minimum 5 minimum 10", "override x { minimum 7 }", "T0402"),
        ("price 1", "override platform { include 5 }", "T0403"),
        ("price 1", "override y { times 2 }", "N0301"),
        ("price 1", "override x { price 5 per 1 GB }", "N0106"),
        ("price 1", 'override x { minimum 5 when model == "eu" }', "T0207"),
    ],
)
def test_what_cannot_be_overridden(steps: str, overrides: str, code: str) -> None:
    found = pricing_dsl.check(BASE.format(steps=steps, overrides=overrides))
    assert code in {d.code for d in found}
