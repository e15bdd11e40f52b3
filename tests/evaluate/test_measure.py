"""One event, measured: what reaches a meter's cells, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from pricing_dsl.check.program import from_syntax
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.measure import Measurer, measure_event
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Source
from pricing_dsl.syntax.parse import from_source

TABLE = 'rates limit by model, kind { model | input | output  "gpt-*" | 200 | -  o3 | 5 | 6 }'


def program(clauses: str) -> ir.Program:
    source = Source(
        f'currency USD meter m {{ from "e" {clauses} }} {TABLE} plan p {{ fee f 1 charge m on m {{ price free }} }}'
    )
    checked = from_syntax(from_source(source).program, source, {}).program
    assert checked is not None
    return checked


def measured(clauses: str, **event: Any) -> object:
    """The contributions; the bare value of a meter without dimensions."""
    made = program(clauses)
    contributions = measure_event(made, made.meters[0], event)
    if len(contributions) == 1 and contributions[0][0] == ():
        return contributions[0][1]
    return contributions


@pytest.mark.parametrize(
    ("expression", "event", "expected"),
    [
        ("a + b * 2 - c / 4", {"a": 1, "b": Decimal("0.1"), "c": "0.2"}, Fraction(23, 20)),
        ("-a + abs(b)", {"a": 5, "b": -7}, 2),
        ("min(a, b, 3) + max(a, b)", {"a": 5, "b": 9}, 12),
        ("floor(a / b) + ceil(a / b)", {"a": -7, "b": 2}, -7),
        ("5% of a", {"a": 3}, Fraction(3, 20)),
        ("a or b or 7", {}, 7),
        ("a or b or 7", {"b": 2}, 2),
        ("a or 7", {"a": 0}, 0),
        ("a or 7", {"a": None}, 7),
        ("if a > 5 then a else missing", {"a": 6}, 6),
        ("limit(a, b)", {"a": "gpt-5", "b": "input"}, 200),
        ('limit(a, "output") or -1', {"a": "gpt-5"}, -1),
        ('limit(a, "image") or -1', {"a": "o3"}, -1),
        ('limit(a, "input") or -1', {"a": "o3"}, 5),
        ("a", {"a": "1.5e3"}, 1500),
    ],
)
def test_numbers_are_exact(expression: str, event: dict[str, Any], expected: Fraction | int) -> None:
    assert measured(f"measure sum({expression})", **event) == expected


@pytest.mark.parametrize(
    ("condition", "event", "holds"),
    [
        ('a == "x" and b > 5', {"a": "x", "b": 6}, True),
        ('a == "x" and b > 5', {"a": "y"}, False),
        ('a == "x" or b > 5', {"a": "y", "b": 6}, True),
        ('not a like "gpt-*"', {"a": "o3"}, True),
        ('a like "gpt-*-mini"', {"a": "gpt-5-mini"}, True),
        ('a in ("x", "y")', {"a": "y"}, True),
        ('a not in ("x", "y")', {"a": "y"}, False),
        ("a == 200", {"a": "200.0"}, True),
        ("a != 200", {"a": 201}, True),
        ('a == "200"', {"a": 200}, True),
        ("a == b", {"a": 5, "b": "5.00"}, True),
        ("a == b", {"a": "5", "b": "5.00"}, False),
        ("a or false", {}, False),
        ("a or b", {"a": False, "b": True}, True),
        ("a == true", {"a": True}, True),
        ("hour(time) < 6 and minute(time) == 30 and weekday(time) == 7", {"time": "2026-03-01T04:30:00Z"}, True),
    ],
)
def test_conditions(condition: str, event: dict[str, Any], holds: bool) -> None:
    assert measured(f"measure count() where {condition}", **event) == (1 if holds else ())


def test_arms_feed_the_measured_dimension_which_comes_last() -> None:
    clauses = "measure by kind { input: sum(a - b) cached: sum(b) } by model, long: a > 5"
    assert measured(clauses, a=10, b=4, model="gpt-5") == (
        (("gpt-5", "true", "input"), 6),
        (("gpt-5", "true", "cached"), 4),
    )


def test_dimension_text() -> None:
    """Rule 16: of a number its shortest decimal, of a boolean `true` or `false`."""
    clauses = "measure count() by a, b, c, d, e: x * 2"
    event = {"a": Decimal("1.50"), "b": True, "c": 7, "d": 0.1, "x": "0.25"}
    assert measured(clauses, **event) == ((("1.5", "true", "7", "0.1", "0.5"), 1),)


def test_time_is_local_to_the_meter() -> None:
    clauses = 'measure count() by hour, day, weekday, half: minute(time) timezone "Europe/Paris"'
    expected = ((("1", "2026-04-01", "3", "15"), 1),)
    assert measured(clauses, time="2026-03-31T23:15:00Z") == expected
    assert measured(clauses, time=datetime(2026, 3, 31, 23, 15, tzinfo=UTC)) == expected


def test_unique_takes_text_and_other_aggregations_take_numbers() -> None:
    assert measured("measure unique(user)", user=17) == "17"
    assert measured("measure percentile(mbps, 95)", mbps="3.5") == Fraction(7, 2)
    assert measured("measure sum(n)", n=-3) == -3


@pytest.mark.parametrize(
    ("clauses", "event", "code", "said"),
    [
        ("measure sum(n)", {}, "R0401", "no `n`"),
        ("measure sum(n)", {"n": None}, "R0401", "no `n`"),
        ("measure count() by model", {}, "R0401", "no `model`"),
        ('measure count() where status == "ok"', {}, "R0401", "no `status`"),
        ("measure sum(n)", {"n": 0.5}, "R0402", "floating-point"),
        ("measure sum(n)", {"n": "five"}, "R0402", "'five'"),
        ("measure sum(n)", {"n": True}, "R0402", "`n` is true"),
        ("measure sum(n)", {"n": Decimal("NaN")}, "R0402", "NaN"),
        ("measure sum(n)", {"n": 10**60}, "R0402", "60 digits"),
        ("measure sum(n)", {"n": "1e999"}, "R0402", "1e999"),
        ("measure sum(n)", {"n": [1]}, "R0403", "single value"),
        ("measure count() where ok", {"ok": 1}, "R0403", "neither true nor false"),
        ("measure by k { a: sum(n - m) b: sum(m) }", {"n": 1, "m": 2}, "R0404", "`a` of `m` is -1"),
        ('measure sum(limit(a, "output"))', {"a": "gpt-5"}, "R0405", 'model "gpt-5", kind "output"'),
        ('measure sum(limit(a, "input") or 0)', {}, "R0401", "no `a`"),
        ("measure sum(ceil(n / m))", {"n": 1, "m": 0}, "R0202", "`m` is 0"),
        ("measure count() by hour", {}, "R0406", "`time`"),
        ("measure count() by hour", {"time": "2026-03-01T06:00:00"}, "R0406", "`time`"),
        ("measure count() by hour", {"time": "yesterday"}, "R0406", "`time`"),
    ],
)
def test_what_cannot_be_counted_is_an_error_for_the_event(
    clauses: str, event: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(EvaluationError) as caught:
        measured(clauses, **event)
    assert caught.value.code == code
    assert said in caught.value.message


def test_a_measurer_serves_many_events() -> None:
    made = program('measure sum(limit(model, "input")) by model')
    measurer = Measurer(made)
    values = [measurer.measure(made.meters[0], {"model": model}) for model in ("gpt-5", "o3", "gpt-4")]
    assert values == [((("gpt-5",), 200),), ((("o3",), 5),), ((("gpt-4",), 200),)]
