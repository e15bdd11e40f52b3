"""Shape and numbers apart: one code object for plans that differ in numbers only, and caches that stay small."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from pricing_dsl.compilation import Compilation
from pricing_dsl.evaluate import reference
from pricing_dsl.evaluate.scalar import Fallback, ScalarPlan, compile_plan
from pricing_dsl.evaluate.scalar import plan as bindings
from pricing_dsl.evaluate.scalar.function import Form
from pricing_dsl.evaluate.scalar.sources import MEMO_ENTRIES_MAX, Resolver
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Source
from pricing_dsl.values.periods import BillingPeriod
from tests.evaluate.scalar_programs import PLANS, program

CONTRACT = """
currency {currency}
meter tokens {{ from "t" measure sum(amount) by model, kind }}
meter requests {{ from "r" measure count() }}
rates llm per {per} by model {{ model | price
  "gpt-5" | {rate}
  "{pattern}" | {other}
  else | 1 }}
plan p {{
  fee base {fee}
  charge tokens on tokens {{ weigh kind {{ "output": {weight}  else: 1 }} price llm times {times} }}
  charge requests on requests {{ include {free} graduated {{ to {bound}: {rate}  above: 0.{bound} }} minimum {least} }}
  discount {percent}% on tokens above {least}
  minimum {fee} as floor
}}
"""
NUMBERS = (
    "currency=USD per=1k rate=0.5 pattern=gpt-* other=2 fee=99 weight=4 times=1.25 free=10 bound=50 least=3 percent=10",
    "currency=USD per=1M rate=0.000123 pattern=*-mini other=free fee=0.01 weight=0.5 times=0.333 free=2.5 bound=12 "
    "least=0.005 percent=33.3",
    "currency=USD per=7 rate=12 pattern=o* other=- fee=1000 weight=3.7 times=2 free=0 bound=99 least=1000 percent=100",
)
USAGE = {
    "tokens": [
        {"quantity": 1234, "model": "gpt-5", "kind": "output"},
        {"quantity": "77.125", "model": "gpt-5-mini", "kind": "input"},
    ],
    "requests": 61,
}


def contract(numbers: str) -> tuple[ir.Program, ir.Plan]:
    values = dict(item.split("=") for item in numbers.split())
    made = Compilation(Source(CONTRACT.format(**values))).program.ir
    return made, made.plans[0]


def undated(plan: ir.Plan) -> BillingPeriod:
    return BillingPeriod.resolve(plan.bill, plan.timezone, None)


FORMS: tuple[Form, ...] = ("amounts", "statement", "agreed amounts", "agreed statement")


def text_of(scalar: ScalarPlan, period: BillingPeriod, form: Form) -> str:
    text, _ = scalar.text(scalar.binding(period), form)
    return text


def test_plans_that_differ_in_numbers_share_their_code() -> None:
    bindings.compiled.cache_clear()
    totals = set()
    for numbers in NUMBERS:
        made, plan = contract(numbers)
        scalar, period = compile_plan(made, plan), undated(plan)
        expected = reference.evaluate(made, plan, USAGE, period, explain=False)
        assert not expected.unpriced
        assert scalar.statement(USAGE, period).to_dict() == expected.to_dict()
        totals.add(scalar.amounts(USAGE, period)["total"])
        assert expected.total_minor in totals
    assert len(totals) == len(NUMBERS)
    # Both functions once for whole quantities, and once for those with decimal places.
    assert bindings.compiled.cache_info().currsize == 4


@pytest.mark.parametrize("name", PLANS)
def test_the_text_does_not_change_with_the_share_of_the_period(name: str) -> None:
    made = Compilation(Source(program(PLANS[name]))).program.ir
    plan = made.plans[0]
    scalar = compile_plan(made, plan)
    dates = [("2026-03-10", "2026-04-01"), ("2026-02-05", "2026-02-15")]
    periods = [BillingPeriod.resolve(plan.bill, plan.timezone, period) for period in dates]
    for form in FORMS:
        assert len({text_of(scalar, period, form) for period in periods}) == 1


def test_quantities_of_any_form_mean_the_same() -> None:
    made, plan = contract(NUMBERS[0])
    scalar, period = compile_plan(made, plan), undated(plan)
    expected = scalar.amounts({"requests": 61}, period)
    for form in (
        "61",
        "61.000",
        Decimal("61"),
        Decimal("6.1E1"),
        [{"quantity": "61"}],
        ({"quantity": 60}, {"quantity": 1}),
    ):
        assert scalar.amounts({"requests": form}, period) == expected
    for form in (61, "61", "60.5", Decimal("60.123456789"), "60.000000000000000000000001"):
        statement = scalar.statement({"requests": form}, period)
        assert (
            statement.to_dict() == reference.evaluate(made, plan, {"requests": form}, period, explain=False).to_dict()
        )
    for form in ("1e2", "1/3", " 61", "6" * 50):
        with pytest.raises(Fallback):
            scalar.amounts({"requests": form}, period)


def test_periods_are_bound_and_forgotten() -> None:
    made = Compilation(Source(program(PLANS["proration"]))).program.ir
    plan = made.plans[0]
    scalar = compile_plan(made, plan)
    for hour in range(bindings.BINDINGS_MAX + 5):
        start = f"2026-03-{1 + hour // 24:02}T{hour % 24:02}:00Z"
        period = BillingPeriod.resolve(plan.bill, plan.timezone, (start, "2026-04-01"))
        usage = {"requests": 40 + hour, "storage": 7}
        expected = reference.evaluate(made, plan, usage, period, explain=False)
        assert scalar.amounts(usage, period)["total"] == expected.total_minor
    assert len(scalar._runs.entries) == bindings.BINDINGS_MAX


def test_many_dimension_values_do_not_grow_memory() -> None:
    found: list[str] = []

    def find(dimensions: Any) -> int:
        found.append(dimensions["user"])
        return len(dimensions["user"])

    resolver = Resolver(("user",), find)
    for i in range(MEMO_ENTRIES_MAX + 10):
        assert resolver(f"u{i}") == len(f"u{i}")
    assert len(found) == MEMO_ENTRIES_MAX + 10
    assert len(resolver.memo) == 10


UNSUPPORTED = {
    "`mirror` before a `match`": "each region mirror match region { else { price 1 } }",
    "a discount of parts that may be below zero": "price -1 plus 1 discount 5%",
    "free units across cells after a pool step": "each region include 1 include 2 across cells in order price 1",
    "`where` or `weigh` before the `total` of an arm": (
        "match region { else { weigh 2 each model graduated { above: 1 } total } }"
    ),
}


@pytest.mark.parametrize("reason", UNSUPPORTED)
def test_what_is_left_to_the_reference_is_named(reason: str) -> None:
    made = Compilation(Source(program(f"\n  charge a on tokens {{ {UNSUPPORTED[reason]} }}"))).program.ir
    scalar = compile_plan(made, made.plans[0])
    assert scalar.reason == reason
    with pytest.raises(Fallback, match=re.escape(reason)):
        scalar.amounts({}, undated(made.plans[0]))


SHOWN_BY_THE_REFERENCE = {
    "largest": "each region price 1 show by region largest",
    "in an arm": "match region { else { price 1 show by region } }",
    "below zero": "price -1 show by region plus 3",
}


@pytest.mark.parametrize("reason", SHOWN_BY_THE_REFERENCE)
def test_a_statement_alone_may_be_left_to_the_reference(reason: str) -> None:
    text = program(f"\n  charge a on requests {{ {SHOWN_BY_THE_REFERENCE[reason]} }}")
    made = Compilation(Source(text)).program.ir
    scalar, period = compile_plan(made, made.plans[0]), undated(made.plans[0])
    usage = {"requests": [{"quantity": 3, "region": "eu"}, {"quantity": 2, "region": "us"}]}
    expected = reference.evaluate(made, made.plans[0], usage, period, explain=False)
    assert scalar.amounts(usage, period)["a"] == expected.lines[0].minor
    assert expected.lines[0].parts
    for _ in range(2):
        with pytest.raises(Fallback, match=reason):
            scalar.statement(usage, period)
