"""Reading usage: exact numbers only, dimensions checked and written as text, cells merged, zeros dropped."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from pricing_dsl.diagnostics.codes import CODES
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.usage import read_usage
from pricing_dsl.ir import nodes as ir
from pricing_dsl.limits import DIGITS_MAX


def meter(name: str, *dimensions: str, adds: bool = True) -> ir.Meter:
    return ir.Meter(
        name, name, name, dimensions, False, False, adds, adds, (name,), None, None, (), (), False, "UTC"
    )  # fmt: skip


PRICE = ir.Price(ir.Linear(ir.Const(Fraction(1))))
METERS = (meter("tokens", "model", "region"), meter("users", "model", adds=False), meter("seats"))


def charge(source: str, *steps: ir.Step) -> ir.Charge:
    return ir.Charge(source, source, source, source, (), (*steps, PRICE), True, len(steps) + 1)


BILL = ir.Bill("monthly", None, False)
LINES = (charge("tokens", ir.Each(("model",))), charge("users"), charge("seats"))
PLAN = ir.Plan("p", "p", BILL, "UTC", "half_up", LINES, ("tokens", "users", "seats"), ())
PROGRAM = ir.Program(1, "USD", 2, METERS, (), (), (PLAN,))


def read(usage: Any) -> dict[str, dict[tuple[str | None, ...], Fraction]]:
    return read_usage(PROGRAM, PLAN, usage)


def cell(quantity: object, **dimensions: object) -> dict[str, object]:
    return {"quantity": quantity, "model": "a", **dimensions}


@pytest.mark.parametrize(
    ("given", "exact"),
    [
        (12, Fraction(12)),
        (-3, Fraction(-3)),
        ("0.1", Fraction(1, 10)),
        ("-1250000.5", Fraction(-2500001, 2)),
        ("1e3", Fraction(1000)),
        ("1/3", Fraction(1, 3)),
        (Decimal("0.000000150"), Fraction(15, 10**8)),
        (Decimal("1E+3"), Fraction(1000)),
        (Fraction(2, 7), Fraction(2, 7)),
        (10 ** (DIGITS_MAX - 1), Fraction(10 ** (DIGITS_MAX - 1))),
    ],
)
def test_numbers_are_read_exactly(given: object, exact: Fraction) -> None:
    assert read({"seats": given}) == {"seats": {(): exact}}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (1.5, "R0303"),
        (float("nan"), "R0303"),
        (True, "R0303"),
        (None, "R0303"),
        ("", "R0303"),
        ("twelve", "R0303"),
        ("1_000", "R0303"),
        ("1,000", "R0303"),
        (" 1", "R0303"),
        ("NaN", "R0303"),
        ("Infinity", "R0303"),
        ("1/0", "R0303"),
        ("٣", "R0303"),
        (Decimal("NaN"), "R0303"),
        (Decimal("-Infinity"), "R0303"),
        (10**DIGITS_MAX, "R0304"),
        ("1" * (DIGITS_MAX + 1), "R0304"),
        ("1e9999", "R0304"),
        ("1e-61", "R0304"),
        ("1" * 10_000, "R0304"),
        (Decimal("1e999999"), "R0304"),
    ],
)
def test_what_is_not_an_exact_number_is_refused(given: object, code: str) -> None:
    with pytest.raises(EvaluationError) as refused:
        read({"seats": given})
    assert refused.value.code == code
    assert refused.value.help


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("gpt-5", "gpt-5"),
        ("", ""),
        (4, "4"),
        (Decimal("4.00"), "4"),
        (Decimal("0.50"), "0.5"),
        (0.5, "0.5"),
        (True, "true"),
        (False, "false"),
    ],
)
def test_dimension_values_become_their_shortest_text(value: object, text: str) -> None:
    assert read({"tokens": [cell(1, model=value)]}) == {"tokens": {(text, None): 1}}


@pytest.mark.parametrize("value", [["a"], {"a": 1}, Decimal("NaN"), float("inf"), b"a"])
def test_other_dimension_values_are_refused(value: object) -> None:
    with pytest.raises(EvaluationError, match="R0306"):
        read({"tokens": [cell(1, model=value)]})


def test_cells_of_one_combination_are_added() -> None:
    cells = [cell(1, region="eu"), cell(2, region="eu"), cell("0.5", region="us")]
    assert read({"tokens": cells}) == {"tokens": {("a", "eu"): 3, ("a", "us"): Fraction(1, 2)}}


def test_cells_of_zero_are_no_cells() -> None:
    assert read({"tokens": [cell(0), cell(5, region="eu"), cell(-5, region="eu")]}) == {"tokens": {}}


def test_what_does_not_add_up_may_be_given_twice_only_if_equal() -> None:
    assert read({"users": [cell(7), cell("7.0")]}) == {"users": {("a",): 7}}
    with pytest.raises(EvaluationError, match=r"R0308: `users\[model: a\]` is given as 7 and as 8") as refused:
        read({"users": [cell(7), cell(8)]})
    assert "once" in refused.value.help


def test_a_dimension_that_a_step_reads_must_be_there() -> None:
    assert read({"tokens": [cell(1)], "users": 5}) == {"tokens": {("a", None): 1}, "users": {(None,): 5}}
    for given in ({"quantity": 1}, {"quantity": 1, "model": None}):
        with pytest.raises(EvaluationError, match="R0305: usage of `tokens` does not say its `model`"):
            read({"tokens": [given]})
    with pytest.raises(EvaluationError, match="R0305"):
        read({"tokens": 12})


def test_zero_needs_no_dimensions() -> None:
    assert read({"tokens": 0}) == {"tokens": {}}


@pytest.mark.parametrize(
    ("usage", "code", "help_text"),
    [
        ({"tokns": 1}, "R0301", "did you mean `tokens`?"),
        ({"xyz": 1}, "R0301", "there are: `tokens`, `users`, `seats`"),
        ({"tokens": [cell(1, regoin="eu")]}, "R0302", "did you mean `region`?"),
        ({"seats": [{"quantity": 1, "model": "a"}]}, "R0302", "it has no dimensions"),
        (
            {"tokens": [{"model": "a"}]},
            "R0309",
            'give cells such as {"quantity": "100", "model": "...", "region": "..."}',
        ),
        ({"tokens": ["1"]}, "R0309", 'give cells such as {"quantity": "100", "model": "...", "region": "..."}'),
        ([("tokens", 1)], "R0309", 'give a mapping such as {"requests": "2300000"}'),
        ({"tokens": {"quantity": 1}}, "R0309", "put it in brackets: [{...}]"),
        ({"tokens": [cell("x")]}, "R0303", 'give a whole number or decimal text such as "1250000.5"'),
    ],
)
def test_errors_say_what_to_give(usage: object, code: str, help_text: str) -> None:
    with pytest.raises(EvaluationError) as refused:
        read(usage)
    assert (refused.value.code, refused.value.help) == (code, help_text)
    assert str(refused.value) == f"{code}: {refused.value.message}"


def test_too_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pricing_dsl.evaluate.usage.CELLS_MAX", 3)
    assert read({"seats": 1, "tokens": [cell(1), cell(2)]})
    with pytest.raises(EvaluationError, match="R0307"):
        read({"seats": 1, "tokens": [cell(1), cell(2), cell(3)]})


def test_every_code_is_registered() -> None:
    assert {f"R03{number:02}" for number in range(1, 10)} <= CODES.keys()
