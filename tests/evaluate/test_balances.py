"""Balances of money in one billing period: opened, drawn from in burn order, expired and closed (rules 27 to 31, 34).

Programs give the contract; the shares of its lines are made by hand, so that what a balance does is seen by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from pricing_dsl.compilation import Compilation
from pricing_dsl.evaluate.opening import read_balances
from pricing_dsl.evaluate.reference import expressions
from pricing_dsl.evaluate.reference.balances import Settlement, grant_instants, open_balances, settle, term_of
from pricing_dsl.evaluate.reference.lines import Rounding
from pricing_dsl.evaluate.reference.segments import LineShare, SegmentTime
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Source
from pricing_dsl.values.periods import instant, moment_of, seconds_of, text

HEAD = """currency USD
meter calls { from "call"  measure count()  by region }
meter seats { from "seat"  measure max(n)  carried }
plan p { charge tokens on calls { price 1 }  charge requests on calls { price 1 }  fee base 10  %s }
"""
TERM = "2026-01-01 to 2028-01-01"
MARCH = ("2026-03-01", "2026-04-01")


def contract_of(items: str, *, term: str = TERM, plan: str = "") -> tuple[ir.Program, ir.Contract]:
    program = Compilation(Source(f"{HEAD % plan} contract c {{ plan p  term {term}  {items} }}")).program.ir
    return program, program.contracts[0]


@dataclass(frozen=True)
class Bill:
    """One billing period of a contract. `shares`: line, amount, then perhaps its segment and dimensions."""

    items: str
    period: tuple[str, str] = MARCH
    term: str = TERM
    given: Mapping[str, Any] | None = None
    quantities: Mapping[str, int] | None = None
    plan: str = ""

    def segments(self, program: ir.Program, contract: ir.Contract) -> list[SegmentTime]:
        zone = term_of(contract).zone
        start, end = (seconds_of(instant(day, zone)) for day in self.period)
        given = read_balances(program, contract, self.given)
        cuts = [start, *grant_instants(contract, start, end, given), end]
        return [SegmentTime(i, a, b) for i, (a, b) in enumerate(pairwise(cuts))]

    def settle(self, *shares: LineShare, explain: bool = False) -> Settlement:
        program, contract = contract_of(self.items, term=self.term, plan=self.plan)
        segments = self.segments(program, contract)
        known = {name: Fraction(value) for name, value in (self.quantities or {}).items()}

        def amount_of(expression: ir.Expression) -> Fraction:
            return expressions.number(expression, lambda ref: known[ref.name])

        rounding, given = Rounding(2, contract.rounding), read_balances(program, contract, self.given)
        ledger = open_balances(contract, segments[0].start, given, amount_of, rounding, "USD", explain=explain)
        return settle(ledger, shares, segments)


def share(line: str, amount: str, segment: int = 0, **dimensions: str | None) -> LineShare:
    return LineShare(line, "line", segment, dimensions, int(Decimal(amount) * 100))


def row(line: str, amount: str, segment: int = 0) -> LineShare:
    return LineShare(line, "row", segment, {}, int(Decimal(amount) * 100))


def figures(settled: Settlement, shares: Sequence[LineShare]) -> tuple[str, str]:
    """Total and due, what is invoiced for commits left aside."""
    total = sum(each.net_minor for each in shares) + sum(each.minor for each in settled.rows)
    return tuple(str(Decimal(minor).scaleb(-2)) for minor in (total, total - settled.drawn_minor))  # type: ignore[return-value]


def draws(settled: Settlement) -> list[tuple[str, str, int, str]]:
    return [(each.balance, each.line, each.segment, str(each.amount)) for each in settled.draws]


def moved(settled: Settlement, name: str) -> dict[str, str]:
    """What of a balance is not zero."""
    movement = settled.movements[name]
    names = ("opening", "granted", "drawn", "expired", "rolled_over", "closing")
    return {each: str(getattr(movement, each)) for each in names if getattr(movement, each)}


def lots(settled: Settlement, name: str) -> list[tuple[str, str | None, bool]]:
    return [(str(lot.amount), lot.end, lot.rolled) for lot in settled.movements[name].lots]


# --- rule 27 ---


def test_rule_27_draws_come_off_what_adjustments_have_left() -> None:
    shares = [share("tokens", "180.00")]  # 200 less 10%
    settled = Bill("commit c 100 prepaid { not invoiced }", ("2026-01-01", "2026-02-01")).settle(*shares)
    assert figures(settled, shares) == ("180.00", "80.00")
    assert moved(settled, "c") == {"granted": "100.00", "drawn": "100.00"}
    assert (settled.rows, settled.invoiced_minor) == ((), 0)


def test_what_a_commit_is_invoiced_is_told_apart_from_its_draws() -> None:
    january = ("2026-01-01", "2026-02-01")
    settled = Bill("commit c 100 prepaid", january).settle(share("tokens", "30.00"))
    assert [(each.commit, str(each.amount), each.at) for each in settled.invoiced] == [("c", "100.00", "2026-01-01")]
    assert (settled.drawn_minor, settled.invoiced_minor) == (3_000, 10_000)
    assert Bill("credit c 100", january).settle().invoiced == ()


# --- rule 28 ---


def test_rule_28_a_pays_tokens_and_b_finds_nothing() -> None:
    shares = [share("tokens", "100.00"), share("requests", "100.00")]
    items = "credit a 100 { covers tokens, requests }  credit b 100 { covers tokens }"
    settled = Bill(items, ("2026-01-01", "2026-02-01")).settle(*shares)
    assert draws(settled) == [("a", "tokens", 0, "100.00")]
    assert figures(settled, shares) == ("200.00", "100.00")


@pytest.mark.parametrize(
    ("items", "order"),
    [
        ("credit a 1  credit b 1", "ab"),
        ("credit a 1  credit b 1 { priority 7 }", "ba"),
        ("credit a 1 { priority 2 }  credit b 1 { priority 1 }", "ba"),
        ("credit a 1  credit b 1 { valid 2026-01-01 to 2027-01-01 }", "ba"),
        ("credit a 1 { priority 0 }  credit b 1 { valid 2026-01-01 to 2027-01-01 }", "ab"),
        ("credit a 1 { valid 2026-01-01 to 2027-01-01 }  credit b 1 { valid 2026-01-01 to 2026-02-01 }", "ba"),
    ],
)
def test_rule_28_priority_then_end_then_as_written(items: str, order: str) -> None:
    settled = Bill(items, ("2026-01-01", "2026-02-01")).settle(share("tokens", "2.00"))
    assert "".join(each.balance for each in settled.draws) == order
    assert [each.why.split(",")[0] for each in settled.draws] == ["1 of 2 in burn order", "2 of 2 in burn order"]


def test_a_draw_says_why_it_came_first() -> None:
    items = "credit a 1 { priority 3  valid 2026-01-01 to 2027-01-01 }"
    (drawn,) = Bill(items, ("2026-01-01", "2026-02-01")).settle(share("tokens", "2.00")).draws
    assert drawn.why == "1 of 1 in burn order, priority 3, ends 2027-01-01"


def test_rule_28_of_lots_that_end_together_the_older_pays_first() -> None:
    given = {"a": [{"amount": "5", "end": "2026-06-01"}, {"amount": "7", "end": "2026-06-01"}]}
    settled = Bill("credit a 10 monthly { valid for 3 months }", given=given).settle(share("tokens", "6.00"))
    assert lots(settled, "a") == [("6.00", "2026-06-01", False), ("10.00", "2026-06-01", False)]


def test_rule_28_lines_in_the_order_of_covers_else_of_the_statement_then_top_ups() -> None:
    january = ("2026-01-01", "2026-02-01")
    shares = [row("floor", "50.00"), share("tokens", "10.00"), share("requests", "20.00")]
    settled = Bill("credit a 60", january).settle(*shares)
    assert draws(settled) == [("a", "tokens", 0, "10.00"), ("a", "requests", 0, "20.00"), ("a", "floor", 0, "30.00")]
    settled = Bill("credit a 60 { covers requests, tokens }", january).settle(*shares)
    assert draws(settled) == [("a", "requests", 0, "20.00"), ("a", "tokens", 0, "10.00")]


def test_rule_28_never_on_a_line_that_is_zero_or_negative() -> None:
    shares = [share("tokens", "-30.00"), share("requests", "0.00"), share("base", "5.00")]
    settled = Bill("credit a 60", ("2026-01-01", "2026-02-01")).settle(*shares)
    assert draws(settled) == [("a", "base", 0, "5.00")]


def test_a_line_that_is_negative_as_a_whole_is_not_paid_in_the_segment_where_it_is_positive() -> None:
    bill = Bill("credit a 500 { valid 2026-03-01 to 2026-03-16 }")
    assert draws(bill.settle(share("tokens", "100.00", 0), share("tokens", "-150.00", 1))) == []
    assert draws(bill.settle(share("tokens", "100.00", 0), share("tokens", "-70.00", 1))) == [
        ("a", "tokens", 0, "30.00")
    ]


def test_covers_where_pays_those_cells_only() -> None:
    items = 'credit a 500 { covers tokens where region == "eu" }'
    shares = [share("tokens", "100.00", region="eu"), share("tokens", "40.00", region="us")]
    settled = Bill(items, ("2026-01-01", "2026-02-01")).settle(*shares)
    assert draws(settled) == [("a", "tokens", 0, "100.00")]


def test_a_cell_that_has_lost_the_dimension_of_where_is_not_covered() -> None:
    items = 'credit a 500 { covers tokens where region != "eu" }'
    assert draws(Bill(items, ("2026-01-01", "2026-02-01")).settle(share("tokens", "100.00"))) == []


def test_balances_on_overlapping_cells_share_what_is_left() -> None:
    europe = 'covers tokens where region == "eu"'
    items = f"credit a 30 {{ {europe} }}  credit b 50  credit c 500 {{ {europe} }}"
    shares = [share("tokens", "100.00", region="eu"), share("tokens", "30.00", region="us")]
    settled = Bill(items, ("2026-01-01", "2026-02-01")).settle(*shares)
    # a leaves eu 70 and us 30; b pays half of both; c the 35 of eu
    assert draws(settled) == [
        ("a", "tokens", 0, "30.00"),
        ("b", "tokens", 0, "50.00"),
        ("c", "tokens", 0, "35.00"),
    ]


# --- rule 29 ---


def test_rule_29_funded_and_overage() -> None:
    shares = [share("tokens", "100.00")]
    items = "commit c 50 prepaid { funded times 0.85  overage times 1.1  not invoiced }"
    settled = Bill(items, ("2026-01-01", "2026-02-01")).settle(*shares, explain=True)
    assert figures(settled, shares) == ("95.29", "45.29")
    (factors,) = settled.rows
    assert (factors.id, factors.kind, str(factors.amount)) == ("balance_factors_tokens", "balance_factors", "-4.71")
    assert factors.reason is not None
    assert (factors.reason.formula, factors.reason.value) == ("50 + 45.29 - 100", Fraction(-471, 100))
    assert settled.draws[0].why.endswith("; pays 1000/17 at 0.85")


def test_rule_29_a_balance_that_is_large_enough_pays_net_times_factor() -> None:
    shares = [share("tokens", "0.99")]
    settled = Bill("credit c 50 { funded times 0.85 }", ("2026-01-01", "2026-02-01")).settle(*shares)
    assert draws(settled) == [("c", "tokens", 0, "0.84")]  # 0.8415
    assert figures(settled, shares) == ("0.84", "0.00")


def test_rule_29_funded_on_one_line() -> None:
    items = "credit c 500 { funded times 0.5 on requests }"
    settled = Bill(items, ("2026-01-01", "2026-02-01")).settle(share("tokens", "10.00"), share("requests", "10.00"))
    assert draws(settled) == [("c", "tokens", 0, "10.00"), ("c", "requests", 0, "5.00")]
    assert [(each.id, str(each.amount)) for each in settled.rows] == [("balance_factors_requests", "-5.00")]


def test_rule_29_the_rest_is_multiplied_once_by_the_last_commit_that_states_a_factor() -> None:
    items = """commit a 10 prepaid { overage times 2  not invoiced }
               commit b 10 prepaid { overage times 3  not invoiced }
               commit last 10 prepaid { not invoiced }
               commit first 10 prepaid { priority 1  overage times 5  not invoiced }"""
    shares = [share("tokens", "100.00")]
    settled = Bill(items, ("2026-01-01", "2026-02-01")).settle(*shares)
    assert figures(settled, shares) == ("220.00", "180.00")  # 40 paid, 60 x 3


def test_rule_29_a_commit_that_is_spent_still_states_its_factor_and_one_that_is_over_does_not() -> None:
    items = "commit c 10 prepaid { overage times 2  not invoiced  valid 2026-01-01 to 2026-03-16 }"
    shares = [share("tokens", "10.00", 0), share("tokens", "10.00", 1)]
    assert figures(Bill(items, given={"c": "0"}).settle(*shares), shares) == ("30.00", "30.00")


def test_rule_29_the_rest_of_a_line_is_rounded_once() -> None:
    items = "commit c 10 prepaid { overage times 1.5  not invoiced  valid 2026-01-01 to 2026-03-16 }"
    shares = [share("tokens", "0.01", 0, region="eu"), share("tokens", "0.01", 0, region="us")]
    assert figures(Bill(items, given={"c": "0"}).settle(*shares), shares) == ("0.03", "0.03")


def test_rule_29_a_negative_rest_is_not_multiplied() -> None:
    shares = [share("tokens", "-10.00")]
    settled = Bill("commit c 10 prepaid { overage times 2 }", ("2026-01-01", "2026-02-01")).settle(*shares)
    assert figures(settled, shares) == ("-10.00", "-10.00")


def test_rule_29_overage_reject_leaves_the_rest_unpriced() -> None:
    shares = [share("tokens", "80.00", region="eu"), share("tokens", "20.00", region="us")]
    items = 'commit c 50 prepaid { covers tokens where region == "eu"  overage reject  not invoiced }'
    settled = Bill(items, ("2026-01-01", "2026-02-01")).settle(*shares)
    (entry,) = settled.rejected
    assert (entry.line, entry.quantity, entry.unit, entry.dimensions) == ("tokens", 30, "USD", (("region", "eu"),))
    assert figures(settled, shares) == ("70.00", "20.00")


# --- rule 30 ---


def test_rule_30_a_share_of_what_is_left_rolls_over() -> None:
    bill = Bill("commit c 120_000 prepaid yearly { rollover 20% }", ("2026-12-01", "2027-01-01"), given={"c": "50000"})
    settled = bill.settle()
    assert moved(settled, "c") == {
        "opening": "50000.00",
        "expired": "40000.00",
        "rolled_over": "10000.00",
        "closing": "10000.00",
    }
    assert lots(settled, "c") == [("10000.00", "2028-01-01", True)]


def test_rule_30_rounded_down_and_once_only() -> None:
    items, december = "commit c 100 prepaid yearly { rollover 50% }", ("2026-12-01", "2027-01-01")
    given = {"c": [{"amount": "0.03", "end": "2027-01-01"}, {"amount": "8", "end": "2027-01-01", "rolled": True}]}
    settled = Bill(items, december, given=given).settle()
    assert (lots(settled, "c"), moved(settled, "c")["expired"]) == ([("0.01", "2028-01-01", True)], "8.02")


def test_rule_30_usage_before_the_end_is_paid_first() -> None:
    bill = Bill("credit c 100 { rollover 50%  valid 2026-01-01 to 2026-03-16 }", given={"c": "100"})
    settled = bill.settle(share("tokens", "30.00", 0), share("tokens", "50.00", 1))
    assert draws(settled) == [("c", "tokens", 0, "30.00"), ("c", "tokens", 1, "35.00")]


@pytest.mark.parametrize(
    ("clause", "term", "ends"),
    [
        ("rollover 50%", TERM, "2028-01-01"),
        ("rollover 50% for 3 months", TERM, "2027-04-01"),
        ("rollover 50%", "2026-01-01 to 2027-07-01", "2027-07-01"),
    ],
)
def test_rule_30_how_long_what_rolls_over_lives(clause: str, term: str, ends: str) -> None:
    bill = Bill(f"credit c 100 yearly {{ {clause} }}", ("2026-12-01", "2027-01-01"), term=term, given={"c": "10"})
    assert lots(bill.settle(), "c") == [("5.00", ends, True)]


def test_rule_30_nothing_rolls_over_past_the_term() -> None:
    bill = Bill("credit c 100 yearly { rollover 50% }", ("2027-12-01", "2028-01-01"), given={"c": "10"})
    assert moved(bill.settle(), "c") == {"opening": "10.00", "expired": "10.00"}


def test_a_balance_that_lived_no_whole_months_lives_as_many_days_again() -> None:
    items = "credit c 100 { valid 2026-02-20 to 2026-03-16  rollover 50% }"
    settled = Bill(items, given={"c": "100"}).settle()
    assert lots(settled, "c") == [("50.00", "2026-04-09", True)]  # 24 days


def test_rule_30_a_grant_ends_when_the_next_begins_unless_it_says_how_long_it_lives() -> None:
    assert moved(Bill("credit c 10 monthly", given={"c": "0"}).settle(), "c") == {
        "granted": "10.00",
        "expired": "10.00",
    }
    longer = Bill("credit c 10 monthly { valid for 2 months }", given={"c": "0"}).settle()
    assert lots(longer, "c") == [("10.00", "2026-05-01", False)]


def test_grants_stand_at_the_starts_of_the_contracts_own_months() -> None:
    bill = Bill("credit c 10 monthly", ("2026-03-01", "2026-04-01"), term="2026-01-31 to 2027-01-31", given={"c": "4"})
    settled = bill.settle(share("tokens", "3.00", 0), share("tokens", "3.00", 1))
    program, contract = contract_of(bill.items, term=bill.term)
    zone = term_of(contract).zone
    starts = [text(moment_of(each.start, zone)) for each in bill.segments(program, contract)]
    assert starts == ["2026-03-01", "2026-03-31"]
    assert moved(settled, "c") == {
        "opening": "4.00",
        "granted": "10.00",
        "drawn": "6.00",
        "expired": "1.00",
        "closing": "7.00",
    }


# --- rule 31 ---


def test_rule_31_a_balance_pays_for_its_own_segments_only() -> None:
    bill = Bill("credit c 1_000 { valid 2026-01-01 to 2026-03-16 }", given={"c": "1000"})
    shares = [share("tokens", "100.00", 0), share("tokens", "200.00", 1)]
    settled = bill.settle(*shares)
    assert figures(settled, shares) == ("300.00", "200.00")
    assert moved(settled, "c") == {"opening": "1000.00", "drawn": "100.00", "expired": "900.00"}


def test_rule_31_start_and_end_of_balances_lots_and_floors_cut() -> None:
    items = """credit a 10 { valid 2026-03-05 to 2026-03-10  rollover 10% }
               commit floor 10 postpaid { valid 2026-03-20 to 2026-04-01 }
               credit b 10"""
    bill = Bill(items, given={"b": [{"amount": "1", "end": "2026-03-25"}]})
    program, contract = contract_of(items)
    days = [text(moment_of(each.start, term_of(contract).zone)) for each in bill.segments(program, contract)]
    assert days == [f"2026-03-{day}" for day in ("01", "05", "10", "15", "20", "25")]


# --- rule 34 ---


def test_rule_34_what_is_granted_at_the_first_instant_is_not_in_the_opening_balance() -> None:
    settled = Bill("credit c 100 monthly", given={"c": "40"}).settle(share("tokens", "10.00"))
    assert moved(settled, "c") == {"opening": "40.00", "granted": "100.00", "drawn": "10.00", "expired": "130.00"}


def test_rule_34_a_bare_number_ends_with_the_grant_in_force() -> None:
    settled = Bill("credit c 100 yearly", given={"c": "40"}).settle()
    assert (lots(settled, "c"), settled.assumed) == ([("40.00", "2027-01-01", False)], ())


def test_a_bare_number_after_the_grant_has_ended_is_what_rolled_over() -> None:
    items = "credit c 100 { valid 2026-01-01 to 2026-02-01  rollover 50% for 6 months }"
    settled = Bill(items, given={"c": "40"}).settle()
    assert lots(settled, "c") == [("40.00", "2026-08-01", True)]


def test_rule_34_not_given_it_opens_with_what_earlier_grants_would_have_left_untouched() -> None:
    settled = Bill("credit c 100 monthly { valid for 3 months }").settle()
    assert (moved(settled, "c")["opening"], settled.assumed) == ("200.00", ("balance c",))
    assert settled.movements["c"].assumed
    year_later = Bill("credit c 100 yearly { rollover 20% }", ("2027-01-01", "2027-02-01")).settle()
    assert moved(year_later, "c") == {"opening": "20.00", "granted": "100.00", "closing": "120.00"}


@pytest.mark.parametrize(
    ("items", "period", "left"),
    [
        ("credit c 100 yearly { rollover 20% }", ("2027-01-01", "2027-02-01"), ("20.00", "2028-01-01", True)),
        ("credit c 100 monthly { rollover 20% for 1 months }", MARCH, ("20.00", "2026-04-01", True)),
        ("credit c 100 { valid 2026-01-01 to 2026-03-01  rollover 50% }", MARCH, ("50.00", "2026-05-01", True)),
        ("credit c 100 { valid 2026-01-01 to 2026-04-01 }", MARCH, ("100.00", "2026-04-01", False)),
    ],
)
def test_rule_34_what_has_ended_at_the_first_instant_has_rolled_over_once(
    items: str, period: tuple[str, str], left: tuple[str, str, bool]
) -> None:
    """Step 20 of the period before: a bare number and what is assumed are what it closed with."""
    carried = {"c": [{"amount": left[0], "end": left[1], "rolled": left[2]}]}
    handed_over, as_number, assumed = (Bill(items, period, given=g).settle() for g in (carried, {"c": left[0]}, None))
    assert handed_over.movements["c"] == as_number.movements["c"] == assumed.movements["c"]._replace(assumed=False)
    assert handed_over.movements["c"].opening == Decimal(left[0])


@pytest.mark.parametrize(
    "items",
    ["credit c 100 monthly", "credit c 100 { valid 2026-01-01 to 2026-03-01 }", "credit c 1 monthly { rollover 0% }"],
)
def test_rule_34_what_has_ended_at_the_first_instant_and_left_nothing_does_not_expire_again(items: str) -> None:
    movement = Bill(items).settle().movements["c"]
    assert (str(movement.opening), movement.expired) == ("0.00", movement.granted)


def test_nothing_is_assumed_of_a_balance_that_has_granted_nothing_before() -> None:
    settled = Bill("credit c 100 monthly", ("2026-01-01", "2026-02-01")).settle()
    assert (settled.assumed, settled.movements["c"].assumed) == ((), False)


def test_an_amount_may_read_the_quantities_of_the_period_in_which_the_grant_begins() -> None:
    items = "commit c 10 USD * seats prepaid monthly"
    settled = Bill(items, given={"c": "0"}, quantities={"seats": 7}).settle(share("tokens", "100.00"))
    assert moved(settled, "c") == {"granted": "70.00", "drawn": "70.00"}
    assert settled.invoiced_minor == 7_000


# --- what is invoiced ---


@pytest.mark.parametrize(
    ("items", "period", "at"),
    [
        ("commit c 100 prepaid yearly", ("2027-01-01", "2027-02-01"), ["2027-01-01"]),
        ("commit c 100 prepaid yearly", MARCH, []),
        ("commit c 100 prepaid yearly { invoiced 30 quarterly }", ("2026-04-01", "2026-05-01"), ["2026-04-01"]),
        ("commit c 100 prepaid { invoiced 30 monthly  valid for 3 months }", MARCH, ["2026-03-01"]),
        ("commit c 100 prepaid { invoiced 30 monthly  valid for 2 months }", MARCH, []),
        ("commit c 100 prepaid { invoiced 30 monthly  valid 2026-03-10 to 2026-04-01 }", MARCH, ["2026-03-10"]),
    ],
)
def test_when_a_commit_is_invoiced(items: str, period: tuple[str, str], at: list[str]) -> None:
    assert [each.at for each in Bill(items, period).settle().invoiced] == at


def test_amounts_of_any_length_stay_exact() -> None:
    """A balance, its draws and the statement are exact far beyond the 28 digits of a decimal context."""
    huge = "9" * 50
    text_of = f"{HEAD % ''} contract c {{ plan p  term {TERM}  commit c {huge} prepaid {{ covers tokens }} }}"
    evaluator = Compilation(Source(text_of)).program.evaluator("c")
    statement = evaluator({"calls": "1" + "0" * 40}, ("2026-01-01", "2026-02-01"))
    assert str(statement.balances["c"].granted) == str(statement.invoiced[0].amount) == f"{huge}.00"
    assert str(statement.draws[0].amount) == str(statement.line("tokens").amount) == "1" + "0" * 40 + ".00"
    assert Fraction(statement.balances["c"].closing) == int(huge) - 10**40
    assert Fraction(statement.total) == 2 * 10**40 + 10
    assert Fraction(statement.due) == 10**40 + 10 + int(huge)
