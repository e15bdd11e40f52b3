"""Postpaid commits: what counts, what is brought up at the end of their periods, and what is carried on (rule 33)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from pricing_dsl.evaluate.reference.balances import grant_instants, term_of
from pricing_dsl.evaluate.reference.lines import Rounding
from pricing_dsl.evaluate.reference.segments import LineShare, SegmentTime
from pricing_dsl.evaluate.reference.true_ups import TrueUps, true_ups
from pricing_dsl.values.periods import instant, seconds_of
from tests.evaluate.test_balances import Bill, contract_of, figures, row, share

TERM = "2026-01-01 to 2026-09-01"


def trued_up(
    items: str,
    period: tuple[str, str],
    *shares: LineShare,
    counted: Mapping[str, str] | None = None,
    term: str = TERM,
    explain: bool = False,
) -> TrueUps:
    _, contract = contract_of(items, term=term)
    start, end = (seconds_of(instant(day, term_of(contract).zone)) for day in period)
    cuts = [start, *grant_instants(contract, start, end), end]
    segments = [SegmentTime(i, a, b) for i, (a, b) in enumerate(pairwise(cuts))]
    given = {name: Decimal(amount) for name, amount in (counted or {}).items()}
    return true_ups(contract, segments, shares, given, Rounding(2, "half_up"), "USD", explain=explain)


def carried(found: TrueUps, name: str = "floor") -> tuple[str, str, str, str]:
    """Opening, counted here, what ended periods had counted, closing."""
    movement = found.movements[name]
    assert movement.opening + movement.granted == movement.drawn + movement.expired + movement.closing
    amounts = (movement.opening, movement.granted, movement.expired, movement.closing)
    return tuple(str(amount) for amount in amounts)  # type: ignore[return-value]


def amounts(found: TrueUps) -> list[tuple[str, str, str]]:
    return [(each.id, each.kind, str(each.amount)) for each in found.rows]


MARCH, AUGUST = ("2026-03-01", "2026-04-01"), ("2026-08-01", "2026-09-01")


def test_rule_33_draws_do_not_change_what_counts_and_no_balance_pays_the_true_up() -> None:
    items = "commit floor 1_000 postpaid monthly  commit part 300 prepaid { not invoiced }"
    shares = [share("tokens", "800.00")]
    found = trued_up(items, ("2026-01-01", "2026-02-01"), *shares, counted={"floor": "0"})
    assert amounts(found) == [("floor", "true_up", "200.00")]
    settled = Bill(items, ("2026-01-01", "2026-02-01"), term=TERM).settle(*shares)
    assert figures(settled, shares) == ("800.00", "500.00")


def test_what_counted_so_far_is_carried_until_the_period_ends() -> None:
    items = "commit floor 3_000 postpaid quarterly"
    february = trued_up(items, ("2026-02-01", "2026-03-01"), share("tokens", "800.00"), counted={"floor": "800"})
    assert (amounts(february), carried(february)) == ([], ("800.00", "800.00", "0.00", "1600.00"))
    march = trued_up(items, MARCH, share("tokens", "800.00"), counted={"floor": "1600"})
    assert amounts(march) == [("floor", "true_up", "600.00")]
    assert carried(march) == ("1600.00", "800.00", "2400.00", "0.00")


def test_rule_33_a_short_last_period_does_not_prorate_it() -> None:
    items = "commit floor 3_000 postpaid quarterly"  # the third quarter has two months
    found = trued_up(items, AUGUST, share("tokens", "100.00"), counted={"floor": "100"})
    assert amounts(found) == [("floor", "true_up", "2800.00")]


def test_its_periods_stand_alone() -> None:
    found = trued_up("commit floor 100 postpaid quarterly", ("2026-04-01", "2026-05-01"), share("tokens", "10.00"))
    assert (amounts(found), carried(found)[3]) == ([], "10.00")


def test_a_row_of_nothing_says_that_the_amount_was_reached() -> None:
    found = trued_up("commit floor 100 postpaid monthly", MARCH, share("tokens", "150.00"), counted={"floor": "0"})
    assert amounts(found) == [("floor", "true_up", "0.00")]


@pytest.mark.parametrize(
    ("covers", "true_up"),
    [
        ("", "870.00"),
        ("covers tokens", "900.00"),
        ("covers requests, tokens", "880.00"),
    ],
)
def test_rule_33_what_counts(covers: str, true_up: str) -> None:
    shares = [
        share("tokens", "60.00", region="eu"),
        share("tokens", "40.00", region="us"),
        share("requests", "20.00"),
        row("minimum_1", "10.00"),
    ]
    items = f"commit floor 1_000 postpaid monthly {{ {covers} }}"
    assert amounts(trued_up(items, MARCH, *shares))[0][2] == true_up


def test_rule_33_a_condition_counts_its_cells_only() -> None:
    _, contract = contract_of('commit floor 100 postpaid monthly  credit a 1 { covers tokens where region == "eu" }')
    (floor,), covers = contract.floors, contract.balances[0].covers
    contract = replace(contract, floors=(replace(floor, covers=covers),))
    start, end = (seconds_of(instant(day, term_of(contract).zone)) for day in MARCH)
    shares = [share("tokens", "60.00", region="eu"), share("tokens", "40.00", region="us")]
    segments = [SegmentTime(0, start, end)]
    found = true_ups(contract, segments, shares, {"floor": Decimal(0)}, Rounding(2, "half_up"), "USD")
    assert amounts(found) == [("floor", "true_up", "40.00")]


def test_negative_lines_count() -> None:
    found = trued_up("commit floor 100 postpaid monthly", MARCH, share("tokens", "60.00"), share("requests", "-20.00"))
    assert amounts(found) == [("floor", "true_up", "60.00")]


def test_two_periods_of_a_floor_in_one_bill_are_brought_up_each() -> None:
    items = "commit floor 100 postpaid monthly"
    shares = [share("tokens", "30.00", 0), share("tokens", "150.00", 1)]
    found = trued_up(items, MARCH, *shares, term="2026-01-16 to 2026-04-01", counted={"floor": "20"})
    # 20 + 30 until the 16th; 150 in the last, short period
    assert amounts(found) == [("floor", "true_up", "50.00")]
    assert carried(found) == ("20.00", "180.00", "200.00", "0.00")


def test_a_floor_that_has_not_begun_or_is_over_counts_nothing() -> None:
    items = "commit floor 100 postpaid { valid 2026-04-01 to 2026-05-01 }"
    for period in (MARCH, ("2026-05-01", "2026-06-01")):
        found = trued_up(items, period, share("tokens", "30.00"), counted={"floor": "0"})
        assert (amounts(found), carried(found)) == ([], ("0.00", "0.00", "0.00", "0.00"))


def test_rule_34_one_that_is_not_given_is_assumed() -> None:
    found = trued_up("commit floor 100 postpaid", MARCH, share("tokens", "30.00"))
    assert (found.assumed, found.movements["floor"].assumed) == (("balance floor",), True)
    assert not trued_up("commit floor 100 postpaid", MARCH, counted={"floor": "5"}).assumed


def test_nothing_is_assumed_of_one_that_counts_from_here() -> None:
    for items in ("commit floor 100 postpaid monthly", "commit floor 100 postpaid { valid 2026-03-01 to 2026-05-01 }"):
        assert not trued_up(items, MARCH, share("tokens", "30.00")).assumed


def test_the_reason_shows_what_counted() -> None:
    items = "commit floor 100 postpaid monthly"
    (made,) = trued_up(items, MARCH, share("tokens", "30.00"), counted={"floor": "0"}, explain=True).rows
    assert made.reason is not None
    assert (made.reason.formula, made.reason.value) == ("max(100 - 30, 0)", 70)
    assert dict(made.reason.inputs)["counted 2026-03-01 to 2026-04-01"] == "30"
