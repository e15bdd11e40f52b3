"""Contracts in generated code: what is shared, remembered, told when asked, and handed over by name."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from pricing_dsl.compilation import Compilation
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.evaluator import Evaluator
from pricing_dsl.evaluate.opening import read_balances
from pricing_dsl.evaluate.reference.agreement import evaluate_contract
from pricing_dsl.evaluate.scalar import Fallback
from pricing_dsl.evaluate.scalar import plan as bindings
from pricing_dsl.evaluate.scalar.agreement import PERIODS_MAX
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Source

HEAD = """currency USD
meter calls { from "c" measure sum(n) by region }
meter seats { from "s" measure max(n) carried }
"""
PLAN = """plan p {
  fee base 31 prorated by day
  charge calls on calls { include 10  graduated { to 100: 2  above: 1 }  minimum 20 }
  charge seats on seats { price 5 }
  discount 10% as deal
  minimum 40
}
"""
AGREED = """contract c {
  plan p  term 2026-01-01 to 2028-01-01
  override calls { times 0.8 }
  from 2026-03-16 { override calls { times 0.5 } }
  commit annual 100 prepaid yearly { covers calls  rollover 20%  overage times 1.1  invoiced 30 quarterly }
  credit gift 15 monthly { priority 1 }
  commit floor 90 postpaid quarterly { }
}
"""
USAGE = {"calls": [{"quantity": 150, "region": "eu"}, {"quantity": 7, "region": "us"}], "seats": 3}
FEBRUARY = ("2026-02-01", "2026-03-01")
MARCH = ("2026-03-01", "2026-04-01")


def evaluator_of(agreed: str = AGREED, plan: str = PLAN, head: str = HEAD) -> Evaluator:
    return Compilation(Source(head + plan + agreed)).program.evaluator("c")


def by_reference(evaluator: Evaluator, usage: Any, period: Any, balances: Any) -> Statement:
    contract = evaluator.target
    assert isinstance(contract, ir.Contract)
    opening = read_balances(evaluator.program, contract, balances)
    resolved = evaluator.contract_period(period)
    return evaluate_contract(evaluator.program, contract, usage, resolved, opening, {}, explain=False)


def by_scalar(evaluator: Evaluator, usage: Any, period: Any, balances: Any = None) -> Statement:
    scalar = evaluator._contract
    return scalar.statement(usage, scalar.period(period, evaluator.contract_period), balances)


OPENINGS = (
    None,
    {},
    {"annual": "83.50"},
    {"annual": 12, "gift": Decimal("3.1")},
    {"annual": "0", "floor": "44.40"},
    {"annual": [{"amount": "5", "end": "2026-02-10"}, {"amount": "60", "end": "2027-01-01", "rolled": True}]},
    {"gift": [{"amount": "9.99", "end": None}]},
)


@pytest.mark.parametrize("balances", OPENINGS)
def test_opening_balances_in_every_form(balances: Any) -> None:
    evaluator = evaluator_of()
    cut = [{"from": "2026-02-01", "to": "2026-02-10", "usage": USAGE}]
    cut.append({"from": "2026-02-10", "to": "2026-03-01", "usage": USAGE})
    for usage in ([USAGE] if "02-10" not in str(balances) else []) + [cut]:
        expected = by_reference(evaluator, usage, FEBRUARY, balances)
        assert by_scalar(evaluator, usage, FEBRUARY, balances).to_dict() == expected.to_dict()


def test_what_one_statement_closes_opens_the_next() -> None:
    evaluator = evaluator_of()
    closing: dict[str, Any] = {}
    for month in range(1, 3):
        period = (f"2026-{month:02}-01", f"2026-{month + 1:02}-01")
        statement = by_scalar(evaluator, USAGE, period, closing)
        assert statement.to_dict() == by_reference(evaluator, USAGE, period, closing).to_dict()
        closing = dict(statement.balances)
    assert statement.is_final


@pytest.mark.parametrize(
    ("balances", "code"),
    [
        ({"annuall": 1}, "R0104"),
        ({"annual": -1}, "R0501"),
        ({"annual": "0.001"}, "R0501"),
        ({"annual": 0.5}, "R0501"),
        ({"annual": [{"amount": 5, "end": "2026-01-31"}]}, "R0501"),
        ([1], "R0501"),
        ([], "R0501"),
        ("annual", "R0501"),
    ],
)
def test_wrong_opening_balances_are_said(balances: Any, code: str) -> None:
    """By generated code as by the evaluator, so that neither hides what the other says."""
    evaluator = evaluator_of()
    for evaluate in (evaluator, evaluator.explain, partial(by_scalar, evaluator)):
        with pytest.raises(EvaluationError) as said:
            evaluate(USAGE, FEBRUARY, balances)
        assert said.value.code == code


def test_a_lot_that_ends_with_the_period_before_ends_in_this_one() -> None:
    """It was there at the instant before the period (rule 34); what has ended expires or rolls over first (step 18)."""
    for evaluate in (evaluator_of(), partial(by_scalar, evaluator_of())):
        annual = evaluate(USAGE, FEBRUARY, {"annual": [{"amount": 5, "end": "2026-02-01"}]}).balances["annual"]
        assert (annual.opening, annual.expired, annual.rolled_over) == (5, 4, 1)


def test_a_period_means_the_same_in_every_form() -> None:
    evaluator = evaluator_of()
    expected = evaluator(USAGE, FEBRUARY).to_dict()
    dates = (date(2026, 2, 1), date(2026, 3, 1))
    instants = (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
    for period in (dates, instants, list(FEBRUARY), ("2026-02-01T00:00Z", "2026-03-01T00:00Z")):
        given: Any = period
        assert evaluator(USAGE, given).to_dict() == expected


def test_contracts_of_one_shape_share_their_code() -> None:
    numbers = [("0.8", "0.5", 100, 15, 90), ("0.85", "0.1", 777, 1, 12), ("0.123", "2", 5, 9, 1_000)]
    contracts = [
        AGREED.replace("contract c", f"contract c{i}")
        .replace("times 0.8 ", f"times {a} ")
        .replace("times 0.5", f"times {b}")
        .replace("annual 100", f"annual {c}")
        .replace("gift 15", f"gift {d}")
        .replace("floor 90", f"floor {e}")
        for i, (a, b, c, d, e) in enumerate(numbers)
    ]
    program = Compilation(Source(HEAD + PLAN + "".join(contracts))).program
    bindings.compiled.cache_clear()
    totals = {program.evaluator(f"c{i}")(USAGE, FEBRUARY).due for i in range(len(numbers))}
    assert len(totals) == len(numbers)
    assert bindings.compiled.cache_info().currsize == 1


def test_periods_are_remembered_and_forgotten() -> None:
    evaluator = evaluator_of(AGREED.replace("from 2026-03-16 {", "from 2027-12-31 {"))
    for day in range(1, PERIODS_MAX + 5):
        by_scalar(evaluator, USAGE, (f"2026-03-{day:02}", "2026-04-01"))
    assert len(evaluator._contract.periods.entries) == PERIODS_MAX


def test_threads_get_the_same_statements() -> None:
    evaluator = evaluator_of()
    periods = [(f"2026-{month:02}-01", f"2026-{month + 1:02}-01") for month in (1, 2, 4, 5, 6)] * 20
    expected = {period: by_reference(evaluator, USAGE, period, None).to_dict() for period in set(periods)}
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda period: (period, evaluator(USAGE, period).to_dict()), periods)
        assert all(statement == expected[period] for period, statement in found)


def test_draws_and_movements_are_told_when_asked_for() -> None:
    statement = by_scalar(evaluator_of(), USAGE, FEBRUARY, {"annual": "50", "gift": 0, "floor": 0})
    assert statement.is_final
    drawn = sum(draw.amount for draw in statement.draws)
    invoiced = sum(entry.amount for entry in statement.invoiced)
    assert statement.due == statement.total - drawn + invoiced
    assert statement.balances["annual"].drawn + statement.balances["gift"].drawn == drawn
    assert not hasattr(statement, "nothing")
    for made in (copy.copy(statement), pickle.loads(pickle.dumps(statement))):
        assert made.to_dict() == statement.to_dict()


def phases(steps: str, charge: str = "charge x on calls { price 2 }") -> tuple[str, str]:
    """A plan of one charge, and a contract with a phase in the middle of March."""
    agreed = f"contract c {{ plan p  term 2026-01-01 to 2027-01-01  from 2026-03-16 {{ {steps} }} }}"
    return agreed, f"plan p {{ {charge} }}\n"


HANDED_OVER = {
    "`covers ... where`, which asks the cells of a line": (
        'contract c { plan p  term 2026-01-01 to 2027-01-01  credit g 5 { covers calls where region == "eu" } }',
        "plan p { charge calls on calls { price 2 } }",
    ),
    "credits in units, which pay before the price": (
        "contract c { plan p  term 2026-01-01 to 2027-01-01  credit g 5 calls { covers calls } }",
        "plan p { charge calls on calls { price 2 } }",
    ),
    "a grant that is counted by usage": (
        "contract c { plan p  term 2026-01-01 to 2027-01-01  credit g 0.1 * paid { covers s } }",
        'meter paid { from "p" measure sum(n) unit USD }  plan p { charge s on seats { price 2 } }',
    ),
    "`counted`, whose counters are carried": phases("discount 1", "charge x on calls { counted yearly  price 2 }"),
    "a charge that is in force in a part of the period": phases("charge y on calls { price 1 }"),
    "a prorated step that is in force in a part of the period": phases("override x { plus 3 prorated by day }"),
    "`show by` in a period that is cut": phases("discount 1", "charge x on calls { price 2  show by region }"),
    "a rate as a bound in a period that is cut": phases("discount 1", "charge x on calls { price 2  minimum 1 per 2 }"),
    "a charge that changes what it is on": phases(
        "charge x on seats { price 1 }",
        "charge x on calls { price 2 }  charge y on calls { price 1 }  charge z on seats { price 1 }",
    ),
    "`largest` in a period that is cut": phases("discount 1", "charge x on calls { each region  price 2  largest }"),
    "steps on cells after steps on sums in a period that is cut": phases(
        "discount 1", "charge x on calls { price 2  plus 1  times 3 }"
    ),
    "a `volume` in groups, whose tiers are reached at the end of the period": phases(
        "discount 1", "charge x on calls { each region  volume { to 5: 2  above: 1 } }"
    ),
    "steps on the amounts of groups in a period that is cut": phases(
        "discount 1", "charge x on calls { each region  price 2  minimum 5 }"
    ),
    "amounts that may be below zero in a period that is cut": phases(
        "discount 1", "charge x on calls { price -2  plus 1 }"
    ),
    "steps that read quantities in a period that is cut": phases(
        "discount 1", "charge x on calls { include 3 calls * seats  price 2 }"
    ),
    "a derived charge with a price in a period that is cut": phases(
        "discount 1", "charge x on calls { price 2 }  charge d = x { graduated { to 5: 10%  above: 5% } }"
    ),
    "a derived charge that reads quantities in a period that is cut": phases(
        "discount 1", "charge x on calls { price 2 }  charge d = if quantity(seats) > 3 then x else 1"
    ),
}


@pytest.mark.parametrize("reason", HANDED_OVER)
def test_what_is_handed_over_is_named_and_done(reason: str) -> None:
    evaluator = evaluator_of(*HANDED_OVER[reason])
    usage: Any = [{"from": "2026-03-01", "to": "2026-03-16", "usage": USAGE}]
    usage.append({"from": "2026-03-16", "to": "2026-04-01", "usage": USAGE})
    with pytest.raises(Fallback) as refused:
        by_scalar(evaluator, usage, MARCH)
    assert str(refused.value) == reason
    assert evaluator(usage, MARCH).to_dict() == by_reference(evaluator, usage, MARCH, None).to_dict()


CUT = {
    "graduated": phases(
        "override x { times 0.5 }", "charge x on calls { include 5  graduated { to 100: 2  above: 1 } }"
    ),
    "volume": phases(
        "override x { times 0.8 }", "charge x on calls { volume { to 200: 1.00  above: 0.50 }  minimum 9 }"
    ),
    "seats": phases("override x { price 7 }", "charge x on seats { price 5 }"),
    "nothing": phases("override x { times 0.5 }", "charge x on calls { price 0  minimum 31 }"),
    "derived": phases("override d { times 0.5 }", "charge x on calls { price 2 }  charge d = x / 3 { maximum 50 }"),
    "fees": phases("fee g 62 prorated by day", "fee f 30 in arrears  charge x on calls { price 0.333 }"),
    "a price that falls": phases(
        "override x { price 0.1 }", "charge x on calls { price 2 per started 10  discount 3 }"
    ),
}


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("decimals", ["", ".25"])
def test_a_period_that_is_cut(name: str, decimals: str) -> None:
    evaluator = evaluator_of(*CUT[name])
    pieces = [("2026-03-01", "2026-03-07", 90), ("2026-03-07", "2026-03-16", 0), ("2026-03-16", "2026-04-01", 120)]
    usage = [
        {
            "from": start,
            "to": end,
            "usage": {"calls": [{"quantity": f"{count}{decimals}", "region": "eu"}], "seats": 4},
        }
        for start, end, count in pieces
    ]
    expected = by_reference(evaluator, usage, MARCH, None)
    assert expected.segments
    assert by_scalar(evaluator, usage, MARCH).to_dict() == expected.to_dict()
    assert evaluator.amounts(usage, MARCH)["total"] == expected.total_minor  # type: ignore[arg-type]
