"""The contracts in examples/contracts over several bills, and in periods that they cut: what an `example` cannot show.

Amounts are worked out by hand in the comments beside them. Balances and counters are carried from bill to bill as a
runtime would: what one statement closes opens the next.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import pricing_dsl
from pricing_dsl.evaluate.evaluator import Evaluator
from pricing_dsl.evaluate.statement import Statement

FOLDER = Path(__file__).parents[2] / "examples" / "contracts"
PROGRAMS = sorted(FOLDER.glob("*.pricing"))
CONTRACTS_MIN = 10


@cache
def evaluator(name: str) -> Evaluator:
    """The evaluator of the one contract of a program."""
    text = (FOLDER / f"{name}.pricing").read_text(encoding="utf-8")
    program = pricing_dsl.compile(text, name=f"{name}.pricing")
    (contract,) = program.contracts
    return program.evaluator(contract)


def usage_file(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def month(year: int, number: int) -> tuple[str, str]:
    after = (year + number // 12, number % 12 + 1)
    return f"{year}-{number:02d}-01", f"{after[0]}-{after[1]:02d}-01"


def lots(statement: Statement) -> dict[str, list[dict[str, Any]]]:
    """The closing balances as the next period opens with them."""
    return {name: [lot.to_dict() for lot in movement.lots] for name, movement in statement.balances.items()}


def drawn(statement: Statement) -> Mapping[str, Decimal]:
    return {name: movement.drawn for name, movement in statement.balances.items()}


def test_there_are_contracts() -> None:
    assert len(PROGRAMS) >= CONTRACTS_MIN


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_examples_are_of_several_periods(path: Path) -> None:
    program = pricing_dsl.compile(path.read_text(encoding="utf-8"), name=path.name)
    assert len(program.contracts) == 1
    assert len({str(example.period) for example in program.examples}) > 1


def test_an_upgrade_in_the_middle_of_march() -> None:
    statement = evaluator("mid_month_upgrade")(usage_file("mid_month_upgrade.march"), month(2026, 3))
    # 15 of 31 days of 310, 16 of 31 days of 620
    assert statement.line("platform").amount == Decimal("470.00")
    # 800,000 at 0.50 per 1,000; then, on the new tiers, 200,000 at 0.40 and 1,000,000 at 0.30
    assert statement.line("requests").amount == Decimal("780.00")
    assert statement.due == Decimal("1250.00")


def test_june_is_cut_where_the_marketplace_commitment_ends() -> None:
    opening = {"marketplace": "2500", "direct": "50000"}
    statement = evaluator("two_commits")(usage_file("two_commits.june"), month(2026, 6), opening)
    # Until the 15th tokens cost 3,000 and GPUs 400: the marketplace pays its last 2,500, the direct commitment 900.
    # From the 15th 2,000 and 600: the direct commitment alone.
    assert drawn(statement) == {"direct": Decimal("3500.00"), "marketplace": Decimal("2500.00")}
    assert statement.total == Decimal("6000.00")
    assert statement.due == Decimal("0.00")


def test_what_the_marketplace_has_left_does_not_pay_after_its_end() -> None:
    opening = {"marketplace": "20000", "direct": "1000"}
    statement = evaluator("two_commits")(usage_file("two_commits.june"), month(2026, 6), opening)
    # Until the 15th 3,000 of the marketplace and 400 of the direct one; then its last 600 against 2,600. In the burn
    # order tokens come first, so 1,400 of tokens and 600 of GPUs are left, at 1.05.
    assert drawn(statement) == {"direct": Decimal("1000.00"), "marketplace": Decimal("3000.00")}
    assert statement.balances["marketplace"].expired == Decimal("17000.00")
    assert statement.due == Decimal("2100.00")


def test_a_year_of_prepaid_usage_rolls_a_fifth_over() -> None:
    evaluate = evaluator("annual_prepaid")
    opening: dict[str, Any] = {}
    dues = []
    for number in range(1, 13):
        # 700 million tokens: 8,400 a month, 100,800 in the year; the fee of 1,000 is due each month.
        statement = evaluate({"tokens": [{"model": "pro-5", "quantity": "700000000"}]}, month(2026, number), opening)
        opening = lots(statement)
        dues.append(statement.due)
    assert dues == [Decimal("121000.00"), *[Decimal("1000.00")] * 11]
    # 19,200 are left; a fifth, 3,840, moves into the next year.
    assert statement.balances["annual"].rolled_over == Decimal("3840.00")
    assert statement.balances["annual"].expired == Decimal("15360.00")
    statement = evaluate({"tokens": [{"model": "pro-5", "quantity": "10500000000"}]}, month(2027, 1), opening)
    # 126,000 of tokens: 3,840 and 120,000 are paid, 2,160 cost 2,376; the fee, and the year's 120,000.
    assert statement.due == Decimal("123376.00")
    assert statement.is_final


def test_the_quarter_is_trued_up_in_march() -> None:
    evaluate = evaluator("monthly_minimum")
    opening: dict[str, Any] = {}
    totals = []
    for number, calls in ((1, "1500000"), (2, "100000"), (3, "500000")):
        usage = {"requests": [{"endpoint": "/search", "quantity": calls}]}
        statement = evaluate(usage, month(2026, number), opening)
        opening = {"quarter": str(statement.balances["quarter"].closing)}
        totals.append(statement.total)
    # 6,000; 400 topped up to 4,000; 2,000 topped up to 4,000, and 20,000 - 14,000 for the quarter
    assert totals == [Decimal("6000.00"), Decimal("4000.00"), Decimal("10000.00")]


def test_minutes_are_counted_over_the_year_of_the_contract() -> None:
    evaluate = evaluator("contract_year_volume")
    counters: dict[str, Any] = {}
    amounts = []
    for number in (4, 5, 6):
        statement = evaluate({"minutes": "800000"}, month(2026, number), counters=counters)
        counters = dict(statement.counters)
        amounts.append(statement.line("minutes").amount)
    # 800,000 at 0.006; 200,000 at 0.006 and 600,000 at 0.005; 800,000 at 0.005
    assert amounts == [Decimal("4800.00"), Decimal("4200.00"), Decimal("4000.00")]
    assert counters == {"minutes": "2400000"}


def test_credits_by_family_end_with_their_period() -> None:
    statement = evaluator("model_families")(
        {"tokens": [{"model": "opal-2", "quantity": "100000000"}]}, month(2026, 8), {"opal": "500", "start": "1000"}
    )
    # 2,000: 500 from the family's credit, 1,000 from the other
    assert statement.due == Decimal("500.00")
    assert statement.balances["opal"].closing == Decimal("0.00")


def test_the_commitment_of_a_year_is_lost_at_its_end() -> None:
    statement = evaluator("ramped_commit")({}, month(2026, 12), {"first": "400000"})
    assert statement.balances["first"].expired == Decimal("400000.00")
    assert statement.balances["first"].closing == Decimal("0.00")
    assert statement.due == Decimal("10000.00")
