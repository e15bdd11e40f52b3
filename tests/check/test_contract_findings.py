"""What is wrong with a contract: code, place and a cure (language reference, sections 7 and 8)."""

from __future__ import annotations

import pytest

import pricing_dsl

HEAD = """currency USD
unit call | calls
meter calls { from "call"  measure sum(n)  unit call  by region }
meter seats { from "seat"  measure max(n)  carried }
plan p { charge x on calls { price 1 }  charge s on seats { price 1 }  fee f 10  charge d = 5% of x }
"""
TERM = "term 2026-01-01 to 2028-01-01"

WRONG = [
    # lines that are derived from what is removed
    ("remove x", "N0301", "x"),
    ("from 2026-05-01 { remove x }", "N0301", "x"),
    ("remove x  remove d  from month 3 { charge d = 5% of x }", "N0302|N0301", "x"),
    # overrides on nothing
    ("from month 3 { remove f }  from month 4 { override f { times 2 } }", "W0411", "override f { times 2 }"),
    # amounts
    ("commit b 0 prepaid", "D0608", "0"),
    ("commit b -5 prepaid", "D0608", "-5"),
    ("commit b -5 calls prepaid { not invoiced }", "D0608", "-5 calls"),
    ("credit b 0 calls", "D0608", "0 calls"),
    ("commit b 5 calls prepaid", "T0503", "b"),
    ("commit b 5 calls postpaid", "T0502", "5 calls"),
    ("commit b 5 USD * seats postpaid", "T0502", "5 USD * seats"),
    ("commit b 5% prepaid", "T0301", "5%"),
    ("commit b 5 prepaid weekly", "D0607", "b"),
    # clauses
    ("credit b 5 { overage times 2 }", "T0502", "overage times 2"),
    ("credit b 5 { not invoiced }", "T0502", "not invoiced"),
    ("commit b 5 postpaid { rollover 10% }", "T0502", "rollover 10%"),
    ("commit b 5 prepaid { rollover 101% }", "D0609", "101%"),
    ("commit b 5 prepaid { priority 1.5 }", "D0604", "1.5"),
    ("commit b 5 prepaid { priority 99_999_999_999 }", "D0604", "99_999_999_999"),
    ("commit b 5 prepaid { funded times 0 }", "D0610", "0"),
    ("commit b 5 prepaid { covers x  funded times 2 on f }", "N0603", "f"),
    ("commit b 5 prepaid { covers nope }", "N0301", "nope"),
    ('commit b 5 prepaid { covers f where region == "eu" }', "T0505", 'region == "eu"'),
    ('commit b 5 prepaid { covers x where regio == "eu" }', "N0201", "regio"),
    ("commit b 5 prepaid  credit b 6", "N0101", "b"),
    # rows of one name
    ("discount 5% as x", "N0604", "x"),
    ("minimum 5 on x as d", "N0604", "d"),
    ("commit x 5 postpaid", "N0604", "x"),
    ("commit k 5 postpaid  discount 5% as k", "N0604", "k"),
    ("from month 3 { fee g 1 }  from month 4 { discount 5% as g }", "N0604", "g"),
    ("discount 5 as minimum_1  minimum 5", "N0604", "minimum_1"),
    ("from month 3 { fee discount_2 1 }  discount 5", "N0604", "discount_2"),
    ("commit b 5 prepaid { overage times 2 }  minimum 5 as balance_factors_x", "N0604", "balance_factors_x"),
    # time
    ("from 2025-01-01 { fee g 1 }", "D0603", "2025-01-01"),
    ("from month 25 { fee g 1 }", "D0603", "month 25"),
    ("from month 99_999_999 { fee g 1 }", "D0603", "month 99_999_999"),
    ("from month 0 { fee g 1 }", "D0604", "0"),
    ("from month 5 to month 3 { fee g 1 }", "D0602", "month 3"),
    ("from 2026-05-01 to 9999-12-31 { fee g 1 }", "D0611", "9999-12-31"),
    ("commit b 5 prepaid { valid 2026-03-01 to 2026-03-01 }", "D0602", "2026-03-01"),
    ("commit b 5 prepaid { valid month 3 to month 30 }", "D0603", "month 30"),
    ("from month 2 { from month 3 { fee g 1 } }", "T0501", "from month 3 { fee g 1 }"),
]


@pytest.mark.parametrize(("items", "code", "place"), WRONG, ids=[items for items, _, _ in WRONG])
def test_what_is_wrong_and_where(items: str, code: str, place: str) -> None:
    text = f"{HEAD}contract c {{ plan p  {TERM}\n{items} }}"
    found = [each for each in pricing_dsl.check(text) if each.code not in ("W0403", "W0407")]
    assert [(each.code in code.split("|"), text[each.span.start : each.span.end]) for each in found] == [(True, place)]
    assert found[0].help


@pytest.mark.parametrize("term", ["term 0001-01-01 to 2027-01-01", "term 2026-01-01 to 9999-12-31"])
def test_a_term_lies_in_the_calendar(term: str) -> None:
    found = pricing_dsl.check(f'{HEAD}contract c {{ plan p  timezone "Europe/Paris"  {term} }}')
    assert [each.code for each in found] == ["D0611"]


RIGHT = [
    "credit x 5  commit s 5 prepaid",
    "discount 5 as deal  minimum 5 as deal_2  credit deal 5",
    "discount 5 as minimum_1  fee balance_factors_x 5",
    "remove d  discount 5 as d",
    "remove x  remove d",
    "from month 3 { remove x  charge d = 5% of f }",
    "from month 3 { remove x  remove d }  from month 1 to month 3 { override x { times 2 } }",
    "credit b 5 { covers g }  from month 3 { fee g 5 }",
    "from month 3 { fee g 5 }  from month 4 { credit b 5 { covers g } }",
    "commit b 5 USD postpaid",
    "commit b 5 USD * seats prepaid",
    "commit b 5 prepaid { priority 1 }  commit e 5 prepaid { priority 1 }",
    "credit b 5 { valid for 99_999_999 months  rollover 100% for 99_999_999 months }",
]


@pytest.mark.parametrize("items", RIGHT)
def test_what_is_right_compiles_and_runs(items: str) -> None:
    program = pricing_dsl.compile(f"{HEAD}contract c {{ plan p  {TERM}\n{items} }}")
    for start, end in (("2026-01-01", "2026-02-01"), ("2026-05-01", "2026-06-01"), ("2027-12-01", "2028-01-01")):
        statement = program.evaluator("c")({"calls": 100, "seats": 3}, (start, end))
        rows = sum(row.amount for row in statement.adjustments)
        assert statement.total == sum(line.amount for line in statement.lines) + rows


@pytest.mark.parametrize("clauses", ["rollover 10%", "valid for 2 months  rollover 10%", "rollover 10% for 2 months"])
@pytest.mark.parametrize("cadence", ["", "monthly", "yearly"])
def test_a_contract_without_a_term_keeps_balances_as_well(cadence: str, clauses: str) -> None:
    program = pricing_dsl.compile(f"{HEAD}contract c {{ plan p  credit b 5 {cadence} {{ {clauses} }} }}")
    for year in ("1970", "2026"):
        movement = program.evaluator("c")({"calls": 100}, (f"{year}-01-01", f"{year}-02-01")).balances["b"]
        assert movement.opening + movement.granted == movement.drawn + movement.expired + movement.closing


def test_a_price_of_a_fee_is_explained_with_what_it_sets_aside() -> None:
    text = f"{HEAD}contract c {{ plan p  {TERM}  override f {{ price 8 }}  override f {{ price 7 }} }}"
    (version,) = pricing_dsl.compile(text).ir.contracts[0].versions
    (override,) = version.overrides
    said = [text[span.start : span.end] for span in (override.winner, *override.losers)]
    assert (override.line, override.kind, said) == ("f", "price", ["price 7", "10", "price 8"])


def test_every_override_that_wins_some_cells_is_explained() -> None:
    """Rule 19: with `when`, cell by cell."""
    items = 'override x { times 2 }  override x { times 3 when region == "eu" }  override x { markup 5% }'
    text = f"{HEAD}contract c {{ plan p  {TERM}  {items} }}"
    (version,) = pricing_dsl.compile(text).ir.contracts[0].versions
    won = [
        (text[o.winner.start : o.winner.end], [text[span.start : span.end] for span in o.losers])
        for o in version.overrides
    ]
    assert won == [("times 2", []), ('times 3 when region == "eu"', ["times 2"]), ("markup 5%", [])]
