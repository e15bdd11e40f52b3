"""The scalar evaluator gives the reference evaluator's statements, to the last digit, on every step of the language."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pricing_dsl.compilation import Compilation
from pricing_dsl.evaluate import reference
from pricing_dsl.evaluate.scalar import Fallback, ScalarPlan, compile_plan
from pricing_dsl.evaluate.scalar.literals import all_steps
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Source
from pricing_dsl.values.periods import BillingPeriod
from tests.evaluate.scalar_programs import BY, DIMENSIONS, PLANS, REJECTING, program

USAGES = 25
PERIODS = (None, ("2026-03-10", "2026-04-01"), ("2026-02-01", "2026-02-15"))
STEPS = (
    ir.Where, ir.Weigh, ir.Each, ir.Include, ir.RoundQuantity, ir.AtLeast, ir.AtMost, ir.Mirror, ir.Price, ir.Graduated,
    ir.Volume, ir.Match, ir.Times, ir.Discount, ir.DiscountAbove, ir.DiscountMoney, ir.DiscountGraduated, ir.Plus,
    ir.Minimum, ir.Maximum, ir.Total, ir.Largest, ir.Prorate, ir.RoundMoney, ir.ShowBy,
)  # fmt: skip


def lowered(items: str) -> tuple[ir.Program, ir.Plan]:
    made = Compilation(Source(program(items))).program.ir
    return made, made.plans[0]


def random_usage(chance: random.Random, *, decimals: bool, signed: bool) -> dict[str, Any]:
    """Usage as people give it: cells in any order, cells given twice, numbers as ints or as text."""

    def quantity() -> Any:
        size = chance.choice([0, 1, 7, 10, 50, 99, 100, 101, 300, 500, 1000, chance.randrange(1, 3000)])
        if signed and chance.random() < 0.3:
            size = -size
        if decimals and chance.random() < 0.5:
            return f"{size}.{chance.randrange(1000):03}"
        return chance.choice([size, str(size)])

    usage: dict[str, Any] = {}
    for meter, names in BY.items():
        if chance.random() < 0.15:
            continue
        if not names:
            usage[meter] = quantity()
            continue
        cells = [
            {"quantity": quantity(), **{name: chance.choice(DIMENSIONS[name]) for name in names}}
            for _ in range(chance.randrange(0, 9))
        ]
        if meter == "users":
            cells = list({cell["region"]: cell for cell in cells}.values())
        usage[meter] = cells
    return usage


def by_reference(made: ir.Program, plan: ir.Plan, usage: dict[str, Any], period: BillingPeriod) -> Statement:
    return reference.evaluate(made, plan, usage, period, explain=False)


def compare(made: ir.Program, plan: ir.Plan, usage: dict[str, Any], dates: Any, scalar: ScalarPlan) -> bool:
    """Assert that both evaluators agree; whether the scalar one did it itself, which it must if all is priced."""
    period = BillingPeriod.resolve(plan.bill, plan.timezone, dates)
    try:
        statement = scalar.statement(usage, period)
        amounts = scalar.amounts(usage, period)
    except Fallback:
        return False
    expected = by_reference(made, plan, usage, period)
    assert statement.to_dict() == expected.to_dict(), usage
    assert amounts == {**{line.id: line.minor for line in expected.lines}, "total": expected.total_minor}
    assert list(amounts) == [*(line.id for line in expected.lines), "total"]
    return True


@pytest.mark.parametrize("name", PLANS)
def test_statements_equal_the_reference(name: str) -> None:
    made, plan = lowered(PLANS[name])
    scalar = compile_plan(made, plan)
    assert scalar.reason is None
    chance = random.Random(name)
    done = 0
    for i in range(USAGES):
        usage = random_usage(chance, decimals=i % 2 == 1, signed=name == "mirror" and i % 3 == 0)
        done += compare(made, plan, usage, PERIODS[i % 3], scalar)
    assert done > USAGES // 2, "generated code does this plan, it does not hand it over"


def test_the_plans_have_every_step() -> None:
    found: set[type] = set()
    for items in PLANS.values():
        _, plan = lowered(items)
        found |= {type(step) for line in plan.lines if isinstance(line, ir.Charge) for step in all_steps(line.steps)}
    assert found >= set(STEPS)


@pytest.mark.parametrize("name", PLANS)
def test_no_usage(name: str) -> None:
    made, plan = lowered(PLANS[name])
    assert compare(made, plan, {}, None, compile_plan(made, plan))


def test_unpriced_usage_is_handed_over() -> None:
    made, plan = lowered(REJECTING)
    scalar = compile_plan(made, plan)
    period = BillingPeriod.resolve(plan.bill, plan.timezone, None)
    tokens = [{"quantity": 5, "model": "gpt-5", "region": "eu", "kind": "input"}]
    assert scalar.amounts({"tokens": tokens, "requests": [{"quantity": 100, "region": "eu"}]}, period)["total"] == 10001
    unpriced = [
        {"tokens": [{"quantity": 5, "model": "other", "region": "eu", "kind": "output"}]},
        {"requests": [{"quantity": 60, "region": "eu"}, {"quantity": 41, "region": "us"}]},
    ]
    for usage in unpriced:
        assert by_reference(made, plan, usage, period).unpriced
        with pytest.raises(Fallback):
            scalar.statement(usage, period)
        with pytest.raises(Fallback):
            scalar.amounts(usage, period)


def test_a_cell_that_one_charge_refuses_and_another_takes_is_priced() -> None:
    made, plan = lowered(
        '\n  charge a on tokens { price llm }\n  charge b on tokens { where kind == "output" price 1 }'
    )
    usage = {"tokens": [{"quantity": 5, "model": "other", "region": "eu", "kind": "output"}]}
    assert compare(made, plan, usage, None, compile_plan(made, plan))


CELL = {"quantity": 5, "region": "eu"}
ODD = {
    "an unknown meter": {"requsts": [CELL]},
    "an unknown dimension": {"requests": [{**CELL, "zone": "a"}]},
    "an unknown dimension instead of one": {"requests": [{"quantity": 5, "zone": "a"}]},
    "a missing dimension": {"requests": [{"quantity": 5}]},
    "a number where a dimension is read": {"requests": 5},
    "a float": {"requests": [{"quantity": 5.0, "region": "eu"}]},
    "a truth value": {"requests": [{"quantity": True, "region": "eu"}]},
    "a float as a meter": {"seats": 1.5},
    "not a number": {"seats": "many"},
    "infinite": {"seats": "Infinity"},
    "below zero": {"requests": [{"quantity": -1, "region": "eu"}]},
    "below zero as text": {"seats": "-1"},
    "too many digits": {"seats": 10**60},
    "no text as a dimension": {"requests": [{"quantity": 5, "region": 7.5}]},
    "a list as a dimension": {"requests": [{"quantity": 5, "region": ["eu"]}]},
    "no quantity": {"requests": [{"region": "eu"}]},
    "a cell that is no mapping": {"requests": [5]},
    "no mapping": [CELL],
    "nothing": {"seats": None},
    "a float of a meter that no line uses": {"storage": [{"quantity": 1.0, "region": "eu"}]},
    "a cell twice in a meter that does not add": {"users": [CELL, {**CELL, "quantity": 6}]},
}


@pytest.mark.parametrize("what", ODD)
def test_odd_usage_is_handed_over(what: str) -> None:
    made, plan = lowered(
        "\n  charge a on requests { price low }\n  charge b on seats { price 1 }\n"
        "  charge c on users { each region price 1 total }"
    )
    scalar = compile_plan(made, plan)
    period = BillingPeriod.resolve(plan.bill, plan.timezone, None)
    assert scalar.amounts({"requests": [CELL], "seats": 1, "users": [CELL, CELL]}, period)["total"] == 850
    for run in (scalar.amounts, scalar.statement):
        with pytest.raises(Fallback):
            run(ODD[what], period)  # type: ignore[arg-type]


def test_meters_that_no_line_uses_are_listed() -> None:
    made, plan = lowered("\n  charge b on seats { price 1 }")
    usage = {"seats": 3, "storage": [], "requests": [CELL]}
    assert compare(made, plan, usage, None, compile_plan(made, plan))
    period = BillingPeriod.resolve(plan.bill, plan.timezone, None)
    assert compile_plan(made, plan).statement(usage, period).unused == ("requests", "storage")


def test_dimensions_that_no_step_reads_may_be_left_out() -> None:
    made, plan = lowered("\n  charge a on requests { price 0.1 }\n  charge b on tokens { price low }")
    usage = {"requests": "1200", "tokens": [{"quantity": 4, "region": "eu"}, {**CELL, "model": "x", "kind": None}]}
    assert compare(made, plan, usage, None, compile_plan(made, plan))
