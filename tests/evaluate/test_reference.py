"""The reference evaluator where an `example` cannot look: unpriced usage and where it came from, parts, errors.

Amounts of the rules have their cases in `tests/conformance`; here stands what a statement says beside them.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from pricing_dsl.compilation import Compilation
from pricing_dsl.evaluate import reference
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.lookup import NO_ARM, NO_CHARGE, NO_COLUMN, NO_KEY, NO_ROW, NOT_SOLD, REJECTED
from pricing_dsl.evaluate.reference.lines import footing_shares
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.source import Source
from pricing_dsl.values.periods import BillingPeriod

METERS = """
currency USD
unit GB
meter calls   { from "call"  measure sum(n)  by model, region }
meter storage { from "hour"  measure sum(gb)  unit GB  by region }
"""


def evaluate(text: str, usage: dict[str, Any] | None = None, period: tuple[str, str] | None = None) -> Statement:
    program = Compilation(Source(METERS + text)).program.ir
    (plan,) = program.plans
    resolved = BillingPeriod.resolve(plan.bill, plan.timezone, period)
    return reference.evaluate(program, plan, usage or {}, resolved, explain=False)


def calls(**quantities: object) -> dict[str, Any]:
    """Usage of `calls` by `model_region`."""
    cells = []
    for name, quantity in quantities.items():
        model, _, region = name.partition("_")
        cells.append({"quantity": quantity, "model": model, "region": region})
    return {"calls": cells}


def exact(text: str, usage: dict[str, Any] | None = None) -> Fraction:
    return evaluate(f"plan p {{ charge x on calls {{ {text} }} }}", usage).line("x").exact


def unpriced(statement: Statement) -> list[tuple[str, str, str, Fraction, str]]:
    return [
        (entry.line, entry.source, " ".join(value for _, value in entry.dimensions), entry.quantity, entry.reason)
        for entry in statement.unpriced
    ]


# --- unpriced usage --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ('match model { "b" { price 1 } }', NO_ARM),
        ('price 1  times model { "b": 2 }', NO_KEY),
        ('weigh model { "b": 2 }  price 1', NO_KEY),
        ("price by_model", NO_ROW),
        ("price by_both", NO_COLUMN),
        ("price not_sold", NOT_SOLD),
        ("price reject", REJECTED),
        ('match model { "b" { price 1 }  else { price reject } }', REJECTED),
        ("volume { to 10: by_model  above: by_model }", NO_ROW),
    ],
)
def test_reasons(steps: str, reason: str) -> None:
    text = f"""
    rates by_model by model {{ model | price  "b" | 1 }}
    rates by_both by region, model {{ region | b  else | 1 }}
    rates not_sold by model {{ model | price  "a" | -  "b" | 1 }}
    plan p {{ charge x on calls {{ {steps} }} }}
    """
    statement = evaluate(text, calls(a_eu=5, b_eu=3))
    listed = [entry for entry in unpriced(statement) if entry[2] == "a eu"]
    assert listed == [("x", "calls", "a eu", 5, reason)]
    assert not statement.is_final


def test_other_usage_is_priced_as_if_the_refused_were_not_there() -> None:
    table = 'rates t by model { model | price  "a" | 1 }'
    text = f"{table} plan p {{ charge x on calls {{ include 10 across cells in order  price t  times 2 }} }}"
    assert evaluate(text, calls(a_eu=15, b_eu=15)).line("x").exact == 10
    step = 'match model { "a" { graduated { to 10: 2  above: 1 } } }'
    assert exact(step, calls(a_eu=15, b_eu=15)) == 25


def test_a_cell_that_a_keyed_step_lacks_does_not_count_in_the_tiers() -> None:
    steps = 'each model  graduated { to 10: 2  above: 1 }  times model { "a": 10 }  total'
    statement = evaluate(f"plan p {{ charge x on calls {{ {steps} }} }}", calls(a_eu=20, b_eu=20))
    assert statement.line("x").exact == 300
    assert unpriced(statement) == [("x", "calls", "b eu", 20, NO_KEY)]


def test_a_cell_that_one_tier_lacks_counts_for_the_choice_of_the_tier() -> None:
    text = """
    rates low  by region { region | price  "eu" | 2  "us" | 2 }
    rates high by region { region | price  "eu" | 1 }
    plan p { charge x on calls { volume { to 10: low  above: high } } }
    """
    assert evaluate(text, calls(a_eu=4, a_us=6)).line("x").exact == 20
    statement = evaluate(text, calls(a_eu=5, a_us=6))
    assert statement.line("x").exact == 5
    assert unpriced(statement) == [("x", "calls", "a us", 6, NO_ROW)]


def test_a_refusal_is_not_listed_where_another_charge_prices_the_cell() -> None:
    text = """
    plan p {
      charge x on calls { match model { "a" { price 1 } } }
      charge y on calls { match model { "b" { price 2 } } }
    }
    """
    statement = evaluate(text, calls(a_eu=1, b_eu=1))
    assert statement.total == Decimal("3.00")
    assert statement.is_final
    both = evaluate(text, calls(a_eu=1, c_us=7, c_eu=7))
    assert unpriced(both) == [(line, "calls", place, 7, NO_ARM) for line in ("x", "y") for place in ("c eu", "c us")]


def test_a_refused_group_stays_listed_unless_all_its_cells_are_priced_elsewhere() -> None:
    text = """
    plan p {
      charge x on calls { each model  graduated { to 10: 1  above: reject }  total }
      charge y on calls { where region == "eu"  price 2 }
    }
    """
    assert evaluate(text, calls(a_eu=15)).is_final
    statement = evaluate(text, calls(a_eu=15, a_us=1, b_eu=11))
    assert unpriced(statement) == [("x", "calls", "a", 6, REJECTED)]


def test_cells_that_every_where_drops_are_listed_once() -> None:
    text = """
    plan p {
      charge x on calls { where region == "eu"  price 1 }
      charge y on calls { where region == "us"  price 1 }
    }
    """
    statement = evaluate(text, calls(a_eu=1, a_us=1, b_ap=4, a_ap=3))
    assert unpriced(statement) == [("x", "calls", "a ap", 3, NO_CHARGE), ("x", "calls", "b ap", 4, NO_CHARGE)]


def test_else_free_takes_what_it_drops() -> None:
    statement = evaluate('plan p { charge x on calls { where region == "eu"  else free  price 1 } }', calls(a_us=9))
    assert (statement.total, statement.is_final) == (0, True)


def test_cells_are_known_through_quantities() -> None:
    text = """
    quantity european on calls { where region == "eu" }
    quantity both = european + other
    quantity other on calls { where region == "us" }
    plan p { charge x on both { price 1 } }
    """
    statement = evaluate(text, calls(a_eu=1, a_us=2, a_ap=4))
    assert statement.line("x").exact == 3
    assert [entry[2:4] for entry in unpriced(statement)] == [("a ap", 4)]


def test_a_quantity_that_refuses_says_so_for_the_charge_on_it() -> None:
    text = """
    quantity weighed on calls { weigh model { "a": 2 } }
    plan p { charge x on weighed { price 1 } }
    """
    statement = evaluate(text, calls(a_eu=1, b_eu=4))
    assert statement.line("x").exact == 2
    assert unpriced(statement) == [("x", "calls", "b eu", 4, NO_KEY)]


def test_usage_that_is_only_read_is_neither_unpriced_nor_unused() -> None:
    statement = evaluate(
        "plan p { charge x on calls { price 1 }  charge y = if quantity(storage) > 5 then 10 else 0 }",
        {"storage": [{"quantity": 6, "region": "eu"}]},
    )
    assert (statement.line("y").exact, statement.unused, statement.is_final) == (10, (), True)


def test_a_derived_charge_lists_its_own_refusal() -> None:
    text = "plan p { fee f 500  charge x = f { graduated { to 100: 10%  above: reject } } }"
    statement = evaluate(text)
    assert statement.line("x").exact == 10
    assert unpriced(statement) == [("x", "x", "", 400, REJECTED)]
    assert statement.unpriced[0].unit == "USD"


# --- groups ----------------------------------------------------------------------------------------------------------


def test_a_group_exists_only_if_usage_is_left_after_where_and_weigh() -> None:
    minimum = "price 1  minimum 10  total"
    usage = calls(a_eu=1, b_us=1)
    assert exact(f"each region  {minimum}", usage) == 20
    assert exact(f'each region  where model == "a"  else free  {minimum}', usage) == 10
    assert exact(f'weigh model {{ "a": 0  else: 1 }}  each region  {minimum}', usage) == 10
    assert exact(f'each region  weigh model {{ "a": 0  else: 1 }}  {minimum}', usage) == 10
    assert exact(f"each region  include 5  {minimum}", usage) == 20


def test_total_and_largest_of_quantities() -> None:
    usage = calls(a_eu=10, b_eu=2, a_us=7)
    assert exact("each region  at most 8  total  graduated { to 10: 2  above: 1 }", usage) == 25
    assert exact("each region  largest  price 2", usage) == 24
    assert exact("each region  at least 20  total  price 1", {}) == 0


def test_each_after_the_price() -> None:
    usage = calls(a_eu=10, b_eu=2, a_us=7)
    assert exact("price 1  each model  minimum 5  total  plus 1", usage) == 17 + 5 + 1


def test_groups_inside_arms() -> None:
    steps = 'match region { "eu" { each model  price 1  minimum 5  largest  plus 1 }  else { price 1  minimum 3 } }'
    assert exact(steps, calls(a_eu=10, b_eu=2, a_us=1)) == 10 + 1 + 3
    assert exact(steps, {}) == 0
    assert exact(f"each region  {steps}  plus 100  total", calls(a_eu=1, a_us=1, a_ap=9)) == 5 + 1 + 3 + 9 + 300


def test_largest_keeps_the_smaller_key_of_equals() -> None:
    steps = 'each region  price 1  times region { "eu": 1  else: 1 }  show by region  largest'
    statement = evaluate(f"plan p {{ charge x on calls {{ {steps} }} }}", calls(a_us=5, a_eu=5, a_ap=5))
    assert [part.to_dict() for part in statement.line("x").parts] == [
        {"dimensions": {"region": "ap"}, "amount": "5.00"}
    ]


# --- free units over cells -------------------------------------------------------------------------------------------


def test_in_order_follows_the_arms_then_the_rows() -> None:
    text = """
    rates t by region { region | price  "us" | 1  "eu" | 10 }
    plan p {
      charge x on calls {
        include 25 across cells in order
        match model { "b" { price 100 }  else { price t } }
      }
    }
    """
    usage = calls(a_eu=10, a_us=10, b_eu=10)
    assert evaluate(text, usage).line("x").exact == 50


def test_the_tier_reached_after_the_free_units_prices_the_cells() -> None:
    text = """
    rates low  by region { region | price  "us" | 3  "eu" | 2 }
    rates high by region { region | price  "us" | 1  "eu" | free }
    plan p { charge x on calls { include 10 across cells cheapest first  volume { to 20: low  above: high } } }
    """
    assert evaluate(text, calls(a_eu=15, a_us=15)).line("x").exact == 5 * 2 + 15 * 3
    assert evaluate(text, calls(a_eu=20, a_us=20)).line("x").exact == 10


def test_free_units_skip_what_is_refused_or_left_out() -> None:
    steps = 'include 10 across cells pro rata  match model { "a" { price 1 }  else { price reject } }'
    assert exact(steps, calls(a_eu=15, b_eu=15)) == 5
    assert exact('include 10 across cells in order when region == "eu"  price 1', calls(a_eu=5, a_us=15)) == 15


def test_dearest_first_goes_by_the_price_after_every_cell_step() -> None:
    steps = 'include 10 across cells dearest first  price 1  times model { "b": 9  else: 1 }'
    assert exact(f'weigh model {{ "a": 4  else: 1 }}  {steps}', calls(a_eu=5, b_eu=5)) == 15


def test_free_units_in_an_arm_count_the_steps_behind_the_match() -> None:
    arm = "include 10 across cells cheapest first  price 1"
    steps = f'match region {{ "eu" {{ {arm} }}  else {{ price 1 }} }}'
    assert exact(f'{steps}  times model {{ "a": 9  else: 2 }}', calls(a_eu=10, b_eu=10)) == 90
    assert exact(f'{steps}  times model {{ "a": 2  else: 9 }}', calls(a_eu=10, b_eu=10)) == 90


# --- parts -----------------------------------------------------------------------------------------------------------


def shown(text: str, usage: dict[str, Any]) -> dict[str, str]:
    line = evaluate(f"plan p {{ charge x on calls {{ {text} }} }}", usage).line("x")
    assert sum(part.minor for part in line.parts) == line.minor
    return {" ".join(value for _, value in part.dimensions): str(part.amount) for part in line.parts}


def test_parts_are_rounded_by_largest_remainder() -> None:
    usage = calls(a_eu=1, b_eu=1, c_us=1)
    assert shown("price 0.335  show by model", usage) == {"a": "0.34", "b": "0.34", "c": "0.33"}
    assert shown("price 0.335  show by region", usage) == {"eu": "0.67", "us": "0.34"}


def test_sum_steps_keep_the_parts_that_show_by_lists() -> None:
    usage = calls(a_eu=30, b_us=10)
    assert shown("price 1  show by region  minimum 100", usage) == {"eu": "75.00", "us": "25.00"}
    assert shown("price 1  show by model  discount 50% above 20", usage) == {"a": "22.50", "b": "7.50"}
    assert shown("price free  show by model  plus 5", usage) == {"a": "2.50", "b": "2.50"}


@pytest.mark.parametrize(
    ("whole", "amounts", "shares"),
    [
        (0, [Fraction(1, 2), Fraction(-1, 2)], [1, -1]),
        (-1, [Fraction(-1, 3)] * 3, [0, 0, -1]),
        (7, [Fraction(15, 2), Fraction(-1, 2)], [8, -1]),
        (5, [Fraction(5)], [5]),
    ],
)
def test_footing_shares_of_either_sign(whole: int, amounts: list[Fraction], shares: list[int]) -> None:
    assert footing_shares(whole, amounts) == shares


# --- lines, errors ---------------------------------------------------------------------------------------------------


def test_a_line_says_its_whole_quantity_before_any_step() -> None:
    text = "plan p { fee f 10 daily  charge x on calls { include 5  price 1 }  charge y = 2 * x { price 1% } }"
    statement = evaluate(text, calls(a_eu=7), ("2026-03-01", "2026-04-01"))
    assert [(line.id, line.kind, line.quantity, line.unit, line.exact) for line in statement.lines] == [
        ("f", "fee", 31, "period", 310),
        ("x", "charge", 7, "calls", 2),
        ("y", "charge", 4, "USD", Fraction(4, 100)),
    ]
    assert statement.period == ("2026-03-01", "2026-04-01")


def test_derived_charges_see_rounded_lines_whatever_the_order() -> None:
    text = "plan p { charge y = x * 1000  charge x on calls { price 0.004 } }"
    assert evaluate(text, calls(a_eu=2)).line("y").exact == 10


@pytest.mark.parametrize(
    ("steps", "fails"),
    [
        ("price 1", True),
        ("graduated { above: 1 }", False),
        ("each region  graduated { above: 1 }", True),
        ("at least 0  price 1", False),
        ("mirror  price 1", False),
        ("volume { above: 1 }", True),
        ("price 1 per started 10", False),
        ("price reject", False),
    ],
)
def test_a_negative_quantity_is_asked_for_where_it_is_priced(steps: str, fails: bool) -> None:
    usage = calls(a_eu=-5, a_us=20)
    if not fails:
        exact(steps, usage)
        return
    with pytest.raises(EvaluationError, match=r"R0201: `x` prices `calls\[.*region: eu\]`, .* negative: -5") as error:
        exact(steps, usage)
    assert "mirror" in error.value.help


def test_mirror_gives_the_amount_the_sign_of_the_quantity() -> None:
    steps = "mirror  graduated { to 10: 2  above: 1 }  plus 3"
    assert [exact(steps, calls(a_eu=quantity)) for quantity in (15, -15, 0)] == [28, -22, 3]


def test_division_by_zero() -> None:
    text = "plan p { charge x on calls { price 1 }  charge y = x / quantity(storage) }"
    assert evaluate(text, calls(a_eu=6) | {"storage": [{"quantity": 4}]}).line("y").exact == Fraction(3, 2)
    with pytest.raises(EvaluationError, match="R0202: 6 is divided by zero"):
        evaluate(text, calls(a_eu=6))
