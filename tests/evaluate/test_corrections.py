"""Corrections of finalised periods on a statement (step 16; rules 33 and 35)."""

from __future__ import annotations

from typing import Any

import pytest

import pricing_dsl
from pricing_dsl.evaluate.errors import EvaluationError

PLAN = 'currency USD\nmeter calls { from "call" measure count() }\nplan p { charge calls on calls { price 1 } }\n'
PERIOD = ("2026-04-01", "2026-05-01")


def april(items: str, corrections: Any, balances: Any = None, usage: int = 0) -> pricing_dsl.Statement:
    text = f"{PLAN}contract c {{ plan p  term 2026-01-01 to 2027-01-01  {items} }}"
    evaluator = pricing_dsl.compile(text).evaluator("c")
    made = evaluator({"calls": usage}, PERIOD, balances, corrections=corrections)
    explained = evaluator.explain({"calls": usage}, PERIOD, balances, corrections=corrections)
    assert (explained.total, explained.due) == (made.total, made.due)
    return made


def late(amount: str, row: str = "calls", line: str | None = "calls", period: str = "2026-03-01") -> dict[str, str]:
    given = {"period": period, "row": row, "amount": amount}
    return given if line is None else {**given, "line": line}


def rows(statement: pricing_dsl.Statement) -> list[tuple[str, str, str]]:
    return [(row.id, row.kind, str(row.amount)) for row in statement.adjustments]


def test_the_case_of_rule_35() -> None:
    """March: line 900, `minimum 1_000` topped up 100, late usage 50: +50 and -50."""
    statement = april("", [late("50.00"), late("-50.00", "minimum minimum_1", None)])
    assert rows(statement) == [
        ("calls 2026-03-01", "correction", "50.00"),
        ("minimum minimum_1 2026-03-01", "correction", "-50.00"),
    ]
    assert str(statement.total) == "0.00"


def test_no_adjustment_touches_a_correction() -> None:
    assert str(april("discount 50%", [late("50.00")], usage=100).total) == "100.00"


def test_balances_of_this_statement_pay_it() -> None:
    paid = april("commit b 100 prepaid { not invoiced }", [late("30.00")], {"b": "20"})
    assert (str(paid.total), str(paid.due), str(paid.balances["b"].closing)) == ("30.00", "10.00", "0.00")


def test_a_balance_that_covers_lines_does_not() -> None:
    paid = april("commit b 100 prepaid { covers calls  not invoiced }", [late("30.00")], {"b": "20"})
    assert (str(paid.due), str(paid.balances["b"].closing)) == ("30.00", "20.00")


def test_it_may_be_negative_and_so_may_be_what_is_due() -> None:
    assert str(april("", [late("-7.50")]).due) == "-7.50"


@pytest.mark.parametrize(("cadence", "counted"), [("yearly", "150.00"), ("quarterly", "100.00")])
def test_a_postpaid_commit_counts_it_in_the_period_it_corrects(cadence: str, counted: str) -> None:
    """The year of March runs on; its quarter has ended."""
    statement = april(f"commit f 1_000 postpaid {cadence}", [late("50.00")], {"f": "0"}, usage=100)
    assert str(statement.balances["f"].closing) == counted


def test_once_the_commit_period_has_ended_it_does_not_count() -> None:
    statement = april("commit f 1_000 postpaid monthly", [late("50.00")], {"f": "0"}, usage=100)
    assert rows(statement) == [("calls 2026-03-01", "correction", "50.00"), ("f", "true_up", "900.00")]
    assert str(statement.total) == "1050.00"


@pytest.mark.parametrize(
    "given",
    [
        [{"row": "calls", "amount": "5.00"}],
        [{"period": "2026-03-01", "row": 5, "amount": "5.00"}],
        [late("5.001")],
        [late("x")],
        [{**late("5.00"), "amount": 5.0}],
        [{**late("5.00"), "period": "March"}],
        [{**late("5.00"), "colour": "red"}],
        ["calls"],
        5,
        late("5.00"),
    ],
)
def test_what_is_no_correction_is_refused(given: Any) -> None:
    with pytest.raises(EvaluationError) as caught:
        april("", given)
    assert caught.value.code == "R0502"


def test_a_plan_has_nothing_to_correct() -> None:
    with pytest.raises(EvaluationError, match="R0104"):
        pricing_dsl.compile(PLAN).evaluator("p")({"calls": 1}, corrections=[late("5.00")])
