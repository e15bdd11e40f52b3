"""The public face: what `pricing_dsl` names, that it is all there, and the evaluator's door for contracts."""

from __future__ import annotations

import inspect
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import pricing_dsl
from pricing_dsl import BalanceMovement, EvaluationError, Statement

CONTRACT = """
currency USD
unit token | tokens
meter calls { from "call"  measure count()  by region }
meter tokens { from "llm"  measure sum(tokens)  unit token }
plan list {
  fee base 100
  charge calls on calls { counted yearly  price 2 }
  charge tokens on tokens { price 1 per 1k }
}
plan later { fee base 1  from 2026-06-01 { fee extra 2 } }
contract acme {
  customer "cus_acme"
  plan list
  term 2026-01-01 to 2027-01-01
  commit annual 1_000 prepaid { covers calls, base }
  commit pack 1M tokens prepaid { covers tokens  not invoiced }
  commit reserve 500 postpaid
}
contract phased { plan later  term 2026-01-01 to 2027-01-01 }
"""
MARCH = ("2026-03-01", "2026-04-01")


@pytest.fixture(scope="module")
def program() -> pricing_dsl.Program:
    return pricing_dsl.compile(CONTRACT)


def test_the_names_are_sorted_there_and_documented() -> None:
    assert pricing_dsl.__all__ == sorted(pricing_dsl.__all__)
    for name in pricing_dsl.__all__:
        assert inspect.getdoc(getattr(pricing_dsl, name)), name
    with pytest.raises(AttributeError, match="has no attribute 'Contract'"):
        pricing_dsl.Contract  # noqa: B018


def test_checking_a_program_loads_no_evaluator() -> None:
    loaded = "print('pricing_dsl.evaluate.evaluator' in sys.modules)"
    code = f"import sys, pricing_dsl; pricing_dsl.check('currency USD'); {loaded}"
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "False\n"


# --- evaluators of contracts ---------------------------------------------------------------------------------------


def test_names_lead_to_contracts_and_plans(program: pricing_dsl.Program) -> None:
    assert (program.plans, program.contracts) == (("list", "later"), ("acme", "phased"))
    assert program.evaluator("acme") is program.evaluator("acme")
    assert program.evaluator("phased")({}, ("2026-06-01", "2026-07-01")).total == Decimal("3.00")
    with pytest.raises(EvaluationError, match="R0102: `later` cannot be evaluated alone: it has phases"):
        program.evaluator("later")
    with pytest.raises(EvaluationError, match="R0101: there is no plan or contract `acm`"):
        program.evaluator("acm")


def test_explain_and_amounts_agree_with_the_statement(program: pricing_dsl.Program) -> None:
    acme = program.evaluator("acme")
    usage = {"calls": [{"quantity": 30, "region": "eu"}], "tokens": 2_000_000}
    statement, explained = acme(usage, MARCH), acme.explain(usage, MARCH)
    assert statement.to_dict() == without_reasons(explained.to_dict())
    assert all(line.reason is not None for line in explained.lines)
    amounts = acme.amounts(usage, MARCH)
    assert amounts == {line.id: line.minor for line in statement.lines} | {"total": statement.total_minor}


def without_reasons(document: Any) -> Any:
    if isinstance(document, dict):
        return {name: without_reasons(value) for name, value in document.items() if name != "reason"}
    return [without_reasons(value) for value in document] if isinstance(document, list) else document


def test_a_year_month_by_month_keeps_the_books(program: pricing_dsl.Program) -> None:
    acme = program.evaluator("acme")
    balances: Any = {}
    counters: Any = {}
    statements: list[Statement] = []
    for month in range(1, 13):
        start, end = f"2026-{month:02}-01", f"2026-{month + 1:02}-01" if month < 12 else "2027-01-01"
        usage = {"calls": [{"quantity": 10 * month, "region": "eu"}], "tokens": 90_000 * month}
        statements.append(acme(usage, (start, end), balances, counters))
        balances, counters = statements[-1].balances, statements[-1].counters
        # 100 base, 2 a call, 1 per 1k tokens that the pack of a million has not paid
        assert_foots(statements[-1])
    assert [statement.is_final for statement in statements[1:]] == [True] * 11
    assert statements[10].counters == {"calls": "660"}
    assert counters == {"calls": "0"}, "the contract's year has ended"
    drawn = sum(statement.balances["annual"].drawn for statement in statements)
    assert drawn == Decimal("1000.00"), "2_760 were covered"
    assert sum(statement.balances["pack"].drawn for statement in statements) == 1_000_000
    assert sum((statement.line("tokens").amount for statement in statements), Decimal(0)) == Decimal("6020.00")
    assert sum((statement.due for statement in statements), Decimal(0)) == 1200 + 1560 + 6020 - 1000 + 1000


def assert_foots(statement: Statement) -> None:
    lines = sum(line.minor for line in statement.lines)
    assert statement.total_minor == lines + sum(row.minor for row in statement.adjustments)
    money = [draw.amount for draw in statement.draws if statement.balances[draw.balance].unit == "USD"]
    invoiced = [entry.amount for entry in statement.invoiced]
    assert statement.due == statement.total - sum(money) + sum(invoiced)
    for movement in statement.balances.values():
        assert movement.opening + movement.granted == movement.drawn + movement.expired + movement.closing


@pytest.mark.parametrize(
    ("balances", "annual"),
    [
        ({"annual": 250}, "250.00"),
        ({"annual": "250.00"}, "250.00"),
        ({"annual": Decimal("2.5e2")}, "250.00"),
        ({"annual": Fraction(1000, 4)}, "250.00"),
        ({"annual": [{"amount": 200, "end": "2027-01-01"}, {"amount": "50.00", "end": None}]}, "250.00"),
        ({"annual": []}, "0.00"),
        ({"annual": {"closing": "7", "lots": [{"amount": "250", "end": "2027-01-01", "rolled": True}]}}, "250.00"),
    ],
)
def test_balances_as_they_may_be_given(program: pricing_dsl.Program, balances: Any, annual: str) -> None:
    statement = program.evaluator("acme")({}, MARCH, {"pack": 5, "reserve": "120.50", **balances}, {"calls": 3})
    movement = statement.balances["annual"]
    assert isinstance(movement, BalanceMovement)
    assert (str(movement.opening), movement.assumed) == (annual, False)
    assert statement.balances["pack"].opening == 5
    assert statement.balances["reserve"].opening == Decimal("120.50")
    assert (statement.assumed, statement.is_final) == ((), True)


@pytest.mark.parametrize(
    ("balances", "counters", "code"),
    [
        ({"anual": 5}, None, "R0104"),
        ({"annual": 2.5}, None, "R0501"),
        ({"annual": float("nan")}, None, "R0501"),
        ({"annual": Decimal("NaN")}, None, "R0501"),
        ({"annual": Decimal("1e80")}, None, "R0501"),
        ({"annual": 10**70}, None, "R0501"),
        ({"annual": True}, None, "R0501"),
        ({"annual": None}, None, "R0501"),
        ({"annual": "-1"}, None, "R0501"),
        ({"annual": "0.001"}, None, "R0501"),
        ({"pack": Fraction(1, 3)}, None, "R0501"),
        ({"annual": [{"amount": 2.5, "end": None}]}, None, "R0501"),
        ({"annual": [{"amount": 1, "end": 20270101}]}, None, "R0501"),
        ({"annual": [{"amount": 1, "rolled": "no"}]}, None, "R0501"),
        ({"annual": [{"end": "2027-01-01"}]}, None, "R0501"),
        ({"reserve": [{"amount": 1}]}, None, "R0501"),
        ([("annual", 5)], None, "R0501"),
        (None, {"tokens": 5}, "R0104"),
        (None, {"cals": 5}, "R0104"),
        (None, {"calls": 2.5}, "R0501"),
        (None, {"calls": "five"}, "R0501"),
        (None, {"calls": [5]}, "R0501"),
        (None, {"calls": [{"region": "eu"}]}, "R0501"),
        (None, "calls", "R0501"),
    ],
)
def test_opening_state_that_cannot_be_meant(
    program: pricing_dsl.Program, balances: Any, counters: Any, code: str
) -> None:
    acme = program.evaluator("acme")
    for evaluate in (acme, acme.explain):
        with pytest.raises(EvaluationError) as caught:
            evaluate({}, MARCH, balances, counters)
        assert caught.value.code == code
        assert caught.value.help


def test_plans_take_no_state_and_no_segments(program: pricing_dsl.Program) -> None:
    plan = program.evaluator("list")
    for state in ({"balances": {"annual": 5}}, {"counters": {"calls": 5}}):
        with pytest.raises(EvaluationError, match="R0104: the plan `list` keeps no"):
            plan({}, None, **state)
    segments = [{"from": "2026-03-01", "to": "2026-04-01", "usage": {}}]
    for evaluate in (plan, plan.explain, plan.amounts):
        with pytest.raises(EvaluationError, match="R0309"):
            evaluate(segments)  # type: ignore[operator]
