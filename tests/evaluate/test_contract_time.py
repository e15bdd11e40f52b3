"""Contracts in time, by hand: clocks that change, terms from a 31st, fees in phases, lines that come and go.

Rules 1 to 5, 20, 21, 24 and 26 of the language reference where the worked figures of the rules do not reach.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import pricing_dsl
from pricing_dsl.diagnostics.diagnostic import ProgramError
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.statement import Statement

HEAD = """currency USD
unit call | calls
meter calls { from "call"  measure sum(n)  unit call  by region }
"""
YEAR = "term 2026-01-01 to 2027-01-01"
MARCH = ("2026-03-01", "2026-04-01")


def bill(program: str, usage: Any = None, period: tuple[str, str] | None = MARCH, **state: Any) -> Statement:
    """A statement of the contract `c`; the same with reasons must come to the same."""
    evaluator = pricing_dsl.compile(HEAD + program).evaluator("c")
    statement = evaluator(usage or {}, period, **state)
    explained = evaluator.explain(usage or {}, period, **state)
    assert (explained.total, explained.due, explained.counters) == (statement.total, statement.due, statement.counters)
    return statement


def calls(quantity: int) -> dict[str, Any]:
    return {"calls": [{"region": "eu", "quantity": quantity}]}


def cut(first: int, second: int, at: str = "2026-03-16") -> list[dict[str, Any]]:
    """The calls of March in two segments."""
    return [
        {"from": MARCH[0], "to": at, "usage": calls(first)},
        {"from": at, "to": MARCH[1], "usage": calls(second)},
    ]


def lines(statement: Statement) -> dict[str, str]:
    return {line.id: str(line.amount) for line in statement.lines}


def rows(statement: Statement) -> dict[str, str]:
    return {row.id: str(row.amount) for row in statement.adjustments}


# --- clocks ----------------------------------------------------------------------------------------------------------

BERLIN = 'plan p { timezone "Europe/Berlin"  charge x on calls { price 1 } }'


def test_a_month_that_is_an_hour_short() -> None:
    """From 29 March: 3 of 31 days; by second 71 of 743 hours."""
    phase = "minimum 310 on x prorated by day  minimum 743 prorated by second"
    statement = bill(
        f"{BERLIN} contract c {{ plan p  {YEAR}  from 2026-03-29 {{ {phase} }} }}", cut(0, 0, "2026-03-29")
    )
    # the first top-up is on x, so the second is of what is left: 71 - 30
    assert rows(statement) == {"minimum_1": "30.00", "minimum_2": "41.00"}


def test_a_month_that_is_an_hour_long() -> None:
    """From 25 October: 7 of 31 days; by second 169 of 745 hours."""
    plan = 'plan p { timezone "Europe/Berlin"  fee d 310 prorated by day  fee s 745 prorated by second }'
    contract = "contract c { plan p  term 2026-10-25 to 2027-10-25 }"
    statement = bill(f"{plan} {contract}", period=("2026-10-25", "2026-11-01"))
    assert lines(statement) == {"d": "70.00", "s": "169.00"}


def test_the_hour_that_local_time_repeats_is_an_hour() -> None:
    """Two phases begin at 02:30 of one night, an hour apart: 744 hours at 1 and one hour at 2."""
    plan = 'plan p { timezone "Europe/Berlin"  fee s 745 prorated by second }'
    phase = "from 2026-10-25T00:30Z to 2026-10-25T01:30Z { fee s 1490 prorated by second }"
    october = ("2026-10-01", "2026-11-01")
    statement = bill(f"{plan} contract c {{ plan p  {YEAR}  {phase} }}", period=october)
    assert lines(statement) == {"s": "746.00"}
    assert statement.segments[1] == ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00")


def test_a_day_that_has_no_midnight() -> None:
    """In the Azores clocks go from midnight to one on 29 March; the day is whole all the same."""
    plan = 'plan p { timezone "Atlantic/Azores"  bill daily  fee d 1 prorated by day  fee s 23 prorated by second }'
    contract = "contract c { plan p  term 2026-03-01 to 2026-06-01  credit g 5 { valid 2026-03-29 to 2026-04-01 } }"
    statement = bill(f"{plan} {contract}", period=("2026-03-29", "2026-03-30"))
    assert (lines(statement), str(statement.due)) == ({"d": "1.00", "s": "23.00"}, "19.00")
    assert statement.period == ("2026-03-29", "2026-03-30")


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu"])
def test_zones_that_are_not_whole_hours_are_refused(zone: str) -> None:
    with pytest.raises(ProgramError, match="D0601"):
        pricing_dsl.compile(f'{HEAD} plan p {{ timezone "{zone}"  fee f 1 }}')


# --- a term from a 31st ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("month", "until", "at"),
    [
        ("2026-01-01", "2026-02-01", "2026-01-31"),
        ("2026-02-01", "2026-03-01", "2026-02-28"),
        ("2026-06-01", "2026-07-01", "2026-06-30"),
        ("2028-02-01", "2028-03-01", "2028-02-29"),
    ],
)
def test_months_from_a_31st_begin_on_the_last_day_of_a_shorter_one(month: str, until: str, at: str) -> None:
    contract = "contract c { plan p  term 2025-12-31 to 2028-12-31  commit m 10 prepaid monthly { } }"
    statement = bill(f"plan p {{ fee f 0 }} {contract}", period=(month, until))
    assert [(each.at, str(each.amount)) for each in statement.invoiced] == [(at, "10.00")]
    assert statement.segments == ((month, at), (at, until))


def test_quarters_of_a_counter_from_a_31st() -> None:
    """The second quarter ends on 30 June: 40 calls above 50 before it, none after."""
    plan = "plan p { charge x on calls { counted quarterly  graduated { to 50: 2  above: 1 } } }"
    usage = [
        {"from": "2026-06-01", "to": "2026-06-30", "usage": calls(40)},
        {"from": "2026-06-30", "to": "2026-07-01", "usage": calls(10)},
    ]
    june = ("2026-06-01", "2026-07-01")
    contract = "contract c { plan p  term 2025-12-31 to 2027-12-31 }"
    statement = bill(f"{plan} {contract}", usage, june, counters={"x": 50})
    assert (lines(statement), dict(statement.counters)) == ({"x": "60.00"}, {"x": "10"})


# --- fees in phases --------------------------------------------------------------------------------------------------


def by_month(program: str, line: str, months: range) -> list[str]:
    """What a fee comes to in months of 2026, where it is in force."""
    found = []
    for month in months:
        amounts = lines(bill(program, period=(f"2026-{month:02}-01", f"2026-{month + 1:02}-01")))
        found.append(amounts.get(line, "-"))
    return found


QUARTERLY = """plan p {{ fee f 900 quarterly {timing} prorated by day  fee z 0 }}
contract c {{ plan p  term 2026-01-01 to 2027-01-01
  from 2026-02-15 {{ override f {{ price 1800 }} }}
  from 2026-05-16 {{ remove f }} }}"""


def test_a_quarterly_fee_takes_each_price_for_its_days() -> None:
    """January to March: 45 days at 900 / 90 and 45 at 1800 / 90; April to 16 May: 45 of 91 days of 1800."""
    in_advance, in_arrears = (QUARTERLY.format(timing=timing) for timing in ("in advance", "in arrears"))
    assert by_month(in_advance, "f", range(1, 7)) == ["1350.00", "0.00", "0.00", "890.11", "0.00", "-"]
    assert by_month(in_arrears, "f", range(1, 7)) == ["0.00", "0.00", "1350.00", "0.00", "890.11", "-"]


def test_quarters_of_a_fee_that_a_phase_brings() -> None:
    """In force from 10 February to 10 May: two quarters of the term, each clipped, each billed whole."""
    phase = "from 2026-02-10 to 2026-05-10 { fee a 70 quarterly in advance  fee b 90 quarterly in arrears }"
    program = f"plan p {{ fee z 0 }} contract c {{ plan p  {YEAR}  {phase} }}"
    assert by_month(program, "a", range(1, 7)) == ["-", "70.00", "0.00", "70.00", "0.00", "-"]
    assert by_month(program, "b", range(1, 7)) == ["-", "0.00", "90.00", "0.00", "90.00", "-"]


def test_once_is_billed_when_the_line_becomes_such_a_fee() -> None:
    """A monthly fee that turns into one billed once is billed then; what comes back later is not billed again."""
    program = f"""plan p {{ fee f 62  fee z 0 }} contract c {{ plan p  {YEAR}
      from 2026-03-16 to 2026-05-01 {{ fee f 50 once }}  from 2026-05-01 {{ remove f }}
      from 2026-06-10 {{ fee f 80 once }} }}"""
    assert by_month(program, "f", range(2, 7)) == ["62.00", "112.00", "0.00", "-", "0.00"]


def test_an_upgrade_within_a_month() -> None:
    """15 days of 310 and 16 of 620; the counter of the year runs on: 30 at 2 and 10 at 2, then 30 of the new plan."""
    tiers = "charge x on calls {{ counted yearly  graduated {{ to 100: {}  above: {} }} }}"
    program = f"""plan a {{ fee f 310 prorated by day  {tiers.format(2, 1)} }}
      plan b {{ fee f 620 prorated by day  {tiers.format(1, "0.5")} }}
      contract c {{ plan a  {YEAR}  from 2026-03-16 {{ plan b }} }}"""
    statement = bill(program, cut(30, 40), counters={"x": 60})
    # F of a: 180 - 120; F of b: 115 - 90
    assert lines(statement) == {"f": "470.00", "x": "85.00"}
    assert dict(statement.counters) == {"x": "130"}


# --- lines that come and go, adjustments that stay -------------------------------------------------------------------

TWO = "plan p {{ charge x on calls {{ price 1 }}  charge y on calls {{ price 2 }}  {} }}"


def amended(adjustment: str, phase: str) -> Statement:
    """x is 30 + 40; y, where it is in force, 60 + 80."""
    program = f"{TWO.format(adjustment)} contract c {{ plan p  {YEAR}  from 2026-03-16 {{ {phase} }} }}"
    return bill(program, cut(30, 40))


def test_an_adjustment_stays_on_a_line_that_is_removed() -> None:
    assert rows(amended("minimum 310 on x, y prorated by day", "remove y")) == {"minimum_1": "180.00"}
    assert rows(amended("maximum 100 on x, y", "remove y")) == {"maximum_1": "-30.00"}
    assert rows(amended("discount 10% on x, y", "remove y")) == {"discount_1": "-13.00"}


def test_an_adjustment_of_all_except_some_takes_in_a_line_that_comes() -> None:
    assert rows(amended("minimum 310 on all except x prorated by day", "fee f 10")) == {"minimum_1": "160.00"}
    assert rows(amended("discount 10% on all except x", "fee f 10")) == {"discount_1": "-15.00"}


def test_two_adjustments_of_the_same_words_on_two_lines_are_two() -> None:
    statement = amended("minimum 100 on x  minimum 100 on y", "remove y")
    assert rows(statement) == {"minimum_1": "30.00"}
    program = """plan a { charge x on calls { price 1 }  minimum 50 on x }
      plan b { charge y on calls { price 1 }  minimum 50 on y }
      contract c { plan a  term 2026-01-01 to 2027-01-01  from 2026-03-16 { plan b } }"""
    # only the one in force at the end acts, on its own line
    assert rows(bill(program, cut(10, 40))) == {"minimum_1": "10.00"}


def test_discount_tiers_see_the_spend_of_all_segments() -> None:
    """100 of the 300 above 50 at 10 %, 50 more, then 100 at 25 %: 15 + 25."""
    tiers = "discount graduated { above 50: 10%  above 200: 25% }"
    for steps, after, amount in (("", tiers, "300.00"), (tiers, "", "260.00")):
        plan = f"plan p {{ charge x on calls {{ price 1  {steps} }}  {after} }}"
        statement = bill(
            f"{plan} contract c {{ plan p  {YEAR}  from 2026-03-16 {{ override x {{ times 1 }} }} }}", cut(150, 150)
        )
        assert (lines(statement), str(statement.total)) == ({"x": amount}, "260.00")


def test_a_derived_charge_goes_on_through_a_cut() -> None:
    """10 % of 80, then from 80 to 160: 20 at 10 % and 60 at 5 %."""
    plan = "plan p { charge x on calls { price 1 }  charge d = x { graduated { to 100: 10%  above: 5% } } }"
    program = f"{plan} contract c {{ plan p  {YEAR}  from 2026-03-16 {{ override x {{ times 1 }} }} }}"
    assert lines(bill(program, cut(80, 80))) == {"x": "160.00", "d": "13.00"}


def test_a_change_spread_by_time_is_left_by_steps_that_ask_for_cells() -> None:
    """Without usage the `plus` of the second plan is spread over both segments, and there are no cells to multiply."""
    program = f"""plan a {{ charge x on calls {{ price 2  discount 100%  times region {{ eu: 3  else: 1 }} }} }}
      plan b {{ charge x on calls {{ price 3  plus 31  discount 50% }} }}
      contract c {{ plan a  {YEAR}  from 2026-03-16 {{ plan b }} }}"""
    # 15 days' share of the 31 is discounted by the first plan's 100 %, 16 days' by the second's 50 %
    assert lines(bill(program)) == {"x": "8.00"}


def test_a_step_of_groups_leaves_a_group_of_another_plan() -> None:
    """Before the upgrade there is one group, after it one for each region; the condition asks only those."""
    program = f"""plan a {{ charge x on calls {{ price 1 }} }}
      plan b {{ charge x on calls {{ each region  price 1  minimum 100 when region == "eu"  total }} }}
      contract c {{ plan a  {YEAR}  from 2026-03-16 {{ plan b }} }}"""
    assert lines(bill(program, cut(30, 40))) == {"x": "130.00"}


def test_steps_on_the_sum_of_an_arm_that_has_ended_do_not_act() -> None:
    """They act as they stand in the last segment (step 10), which has no arms: 30 at 1 and 40 at 3."""
    program = f"""plan p {{ charge x on calls {{ match region {{ eu {{ price 1  plus 10 }}  else {{ price 2 }} }} }} }}
      contract c {{ plan p  {YEAR}  from 2026-03-16 {{ override x {{ price 3 }} }} }}"""
    assert lines(bill(program, cut(30, 40))) == {"x": "150.00"}


# --- counters and credits --------------------------------------------------------------------------------------------


def test_units_paid_before_a_counter_begins_anew_are_not_taken_out_of_it() -> None:
    """The contract's second year begins on 16 March with nothing counted; a credit has paid 50 of the first year's."""
    program = """plan p { charge x on calls { counted yearly  price 1 } }
      contract c { plan p  term 2025-03-16 to 2027-03-16  credit g 50 calls { valid 2026-03-01 to 2026-03-16 } }"""
    statement = bill(program, cut(70, 80), counters={"x": 0}, balances={"g": 0})
    assert (lines(statement), dict(statement.counters)) == ({"x": "100.00"}, {"x": "80"})


def test_units_paid_of_a_line_that_is_not_counted_yet_are_not_taken_out_of_its_counter() -> None:
    program = f"""plan p {{ charge x on calls {{ price 1 }} }}
      contract c {{ plan p  {YEAR}  from 2026-03-16 {{ override x {{ counted yearly }} }}
        credit g 50 calls {{ valid 2026-03-01 to 2026-03-16 }} }}"""
    statement = bill(program, cut(70, 80))
    assert lines(statement) == {"x": "100.00"}
    assert dict(statement.counters) == {"x": "80"}


def test_a_counter_keeps_what_a_later_plan_counts_each() -> None:
    """The pool of the first plan is counted by region, for the second plan has tiers for each."""
    tiers = "counted yearly  graduated { to 50: 2  above: 1 }"
    program = f"""plan a {{ charge x on calls {{ {tiers} }} }}
      plan b {{ charge x on calls {{ each region  {tiers}  total }} }}
      contract c {{ plan a  term 2026-03-01 to 2027-03-01  from 2026-03-16 {{ plan b }} }}"""
    usage = cut(40, 0)
    usage[1]["usage"] = {"calls": [{"region": "eu", "quantity": 20}, {"region": "us", "quantity": 30}]}
    statement = bill(program, usage)
    # 40 at 2; then eu has 10 at 2 and 10 at 1, us 30 at 2
    assert lines(statement) == {"x": "170.00"}
    assert statement.counters["x"] == [{"quantity": "60", "region": "eu"}, {"quantity": "30", "region": "us"}]


def test_a_counter_that_does_not_run_is_carried_until_its_year_ends() -> None:
    """Removed for February and March; the year of the contract ends on 1 April."""
    program = """plan p { charge x on calls { counted yearly  price 1 }  fee f 1 }
      contract c { plan p  term 2025-04-01 to 2027-04-01  from 2026-02-01 to 2026-05-01 { remove x } }"""
    february = bill(program, period=("2026-02-01", "2026-03-01"), counters={"x": Decimal("70.50")})
    assert (dict(february.counters), february.assumed) == ({"x": "70.5"}, ())
    march = bill(program, counters=february.counters)
    assert (dict(march.counters), march.assumed) == ({"x": "0"}, ())


# --- usage of a period that is cut -----------------------------------------------------------------------------------


def test_usage_that_is_not_split_is_an_error_that_names_the_instants() -> None:
    phases = "from 2026-03-16 { override x { times 2 } }  from 2026-03-20T06:00Z { minimum 3 }"
    program = f"plan p {{ charge x on calls {{ price 1 }} }} contract c {{ plan p  {YEAR}  {phases} }}"
    with pytest.raises(EvaluationError) as refused:
        bill(program, calls(80))
    assert refused.value.code == "R0310"
    assert "2026-03-16, 2026-03-20T06:00:00+00:00" in str(refused.value)
