"""What changed between two programs: each kind of change in words, and that nothing that changes amounts is missed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pricing_dsl.compilation import compile as compile_program
from pricing_dsl.compilation import format_source
from pricing_dsl.diagnostics.diagnostic import ProgramError
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.compare import compare_programs
from pricing_dsl.ir.json import content_hash

ROOT = Path(__file__).parents[2]
SMALL = sorted(path for path in ROOT.glob("examples/*/*.pricing") if path.stem != "llm_platform")

PROGRAM = """
currency USD
unit token | tokens
unit GB
meter tokens { from "llm.completion" where ok  measure sum(tokens)  unit token  by model, region }
meter egress { from "net.sampled"  measure sum(gb)  unit GB  by region }
meter volume { from "payment"  measure sum(amount)  unit USD }
quantity heavy on tokens { where model == "gpt-5"  weigh 2 }
rates llm per 1M tokens by model { model | price   "gpt-5" | 1.25   "gpt-*" | 3   "g*" | 4 }
rates factor by region { region | value   "eu" | 1.1   else | 1 }
curve bulk graduated { to 1M: 0.50 per 1k  above: 0.40 per 1k }
plan scale "Scale" {
  bill monthly on day 15
  fee platform "Platform" 499 monthly in advance prorated by day
  charge tokens on tokens { price llm  times factor  discount 10% }
  charge heavy on heavy { include 100k  price bulk  minimum 50 }
  charge egress on egress {
    each region
    round up to 10
    match region { "eu" { price 0.05 } else { volume { to 100: 0.09 above: 0.07 plus 5 } } }
    total
  }
  charge payments on volume { price 2.9%  plus 0.30 }
  charge support = 5% of (tokens + heavy) { minimum 100 }
  discount graduated { above 10_000: 5%  above 50_000: 10% } on tokens
  minimum 1_000 as floor
}
contract acme "Acme" {
  customer "cus_acme"
  plan scale
  term 2026-01-01 to 2028-01-01
  override tokens { times 0.85 }
  from month 7 { override tokens { times 0.80 } fee extra 50 }
  commit annual 120_000 prepaid yearly { covers heavy, tokens where model == "gpt-5"  rollover 20%  overage times 1.1 }
  commit reserve 500 postpaid quarterly
  credit welcome 100 { valid 2026-01-01 to 2026-04-01  priority 1 }
}
"""


def changes(replacements: dict[str, str]) -> list[str]:
    """What comparing the program with the one after these replacements says: `place: old -> new`."""
    new = PROGRAM
    for old_text, new_text in replacements.items():
        assert PROGRAM.count(old_text) == 1, old_text
        new = new.replace(old_text, new_text)
    found = compare_programs(compile_program(PROGRAM).ir, compile_program(new).ir)
    return [f"{', '.join(change.where)}: {change.old} -> {change.new}" for change in found]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("where ok", "where not ok", ["meter tokens, where: ok -> not ok"]),
        ("measure sum(gb)", "measure sum(gb or 0)", ["meter egress, measure: sum(gb) -> sum(gb or 0)"]),
        ("weigh 2", "weigh 3", ["quantity heavy: weigh 2 -> weigh 3"]),
        ("1.25", "1.50", ['rates llm, "gpt-5": 1.25 -> 1.5']),
        ('"gpt-5" | 1.25', '"gpt-6" | 1.25', ['rates llm, "gpt-5": 1.25 -> None', 'rates llm, "gpt-6": None -> 1.25']),
        ('"eu" | 1.1', '"eu" | -', ['rates factor, "eu": 1.1 -> -']),
        ("per 1M tokens", "per 1k tokens", [
            "plan scale, charge tokens: price llm per 1M -> price llm per 1k",
        ]),
        ("to 1M: 0.50 per 1k  above: 0.40", "to 2M: 0.50 per 1k  above: 0.30", [
            "plan scale, charge heavy, graduated: to 1M: 0.5 per 1k -> to 2M: 0.5 per 1k",
            "plan scale, charge heavy, graduated: above: 0.4 per 1k -> above: 0.3 per 1k",
        ]),
        ("on day 15", "on day 1", ["plan scale, bill: monthly on day 15 -> monthly on day 1"]),
        ('499 monthly in advance prorated by day', '599 monthly in arrears', [
            "plan scale, fee platform: 499 monthly in advance prorated by day -> 599 monthly in arrears",
        ]),
        ('"Platform" 499', '"Base" 499', ["plan scale, fee platform, label: Platform -> Base"]),
        ("discount 10% }", "discount 12% plus 3 }", [
            "plan scale, charge tokens: discount 10% -> discount 12%",
            "plan scale, charge tokens: None -> plus 3",
        ]),
        ("include 100k  ", "", ["plan scale, charge heavy: include 100k -> None"]),
        ("round up to 10", "round down to 10", ["plan scale, charge egress: round up to 10 -> round down to 10"]),
        ('"eu" { price 0.05 }', '"eu" { price 0.04 }', [
            'plan scale, charge egress, match region "eu": price 0.05 -> price 0.04',
        ]),
        ("above: 0.07 plus 5", "above: 0.07 plus 6", [
            "plan scale, charge egress, match region else, volume: above: 0.07 plus 5 -> above: 0.07 plus 6",
        ]),
        ("price 2.9%", "price 2.5%", ["plan scale, charge payments: price 2.9% -> price 2.5%"]),
        ("5% of (tokens + heavy)", "5% of tokens", [
            "plan scale, charge support: = 0.05 * (tokens + heavy) -> = 0.05 * tokens",
        ]),
        ("above 50_000: 10%", "above 60_000: 10%", [
            "plan scale, adjustment: discount graduated { above 10_000: 5%  above 50_000: 10% } on tokens -> "
            "discount graduated { above 10_000: 5%  above 60_000: 10% } on tokens",
        ]),
        ("minimum 1_000 as floor", "minimum 900 as floor", [
            "plan scale, adjustment floor: minimum 1_000 as floor -> minimum 900 as floor",
        ]),
        ("minimum 1_000 as floor", "", ["plan scale, adjustment floor: minimum 1_000 as floor -> None"]),
        ('customer "cus_acme"', 'customer "cus_2"', ["contract acme, customer: cus_acme -> cus_2"]),
        ("to 2028-01-01", "to 2029-01-01", [
            "contract acme, term: from 2026-01-01 to 2028-01-01 -> from 2026-01-01 to 2029-01-01",
        ]),
        ("times 0.80", "times 0.75", [
            "contract acme, from 2026-07-01 to 2028-01-01, charge tokens: times 0.8 -> times 0.75",
        ]),
        ("times 0.85", "times 0.9", [
            "contract acme, from 2026-01-01 to 2026-07-01, charge tokens: times 0.85 -> times 0.9",
        ]),
        ("month 7", "month 10", [
            "contract acme, from 2026-07-01 to 2026-10-01, charge tokens: times 0.8 -> times 0.85",
            "contract acme, from 2026-07-01 to 2026-10-01, fee extra: 50 monthly in advance -> None",
        ]),
        ("commit annual 120_000", "commit annual 150_000", [
            "contract acme, commit annual, amount: 120_000 -> 150_000",
            "contract acme, commit annual, invoiced: 120_000 -> 150_000",
        ]),
        ("rollover 20%  overage times 1.1", "overage reject", [
            "contract acme, commit annual, rollover: 20% -> not said",
            "contract acme, commit annual, overage: times 1.1 -> reject",
        ]),
        ("covers heavy, tokens where", "covers tokens where", [
            'contract acme, commit annual, covers: heavy, tokens where model == "gpt-5" -> '
            'tokens where model == "gpt-5"',
        ]),
        ("commit reserve 500 postpaid quarterly", "commit reserve 600 postpaid yearly", [
            "contract acme, commit reserve, amount: 500 -> 600",
            "contract acme, commit reserve, grant: postpaid quarterly -> postpaid yearly",
        ]),
        ("to 2026-04-01  priority 1", "to 2026-05-01", [
            "contract acme, credit welcome, valid: from 2026-01-01 to 2026-04-01 -> from 2026-01-01 to 2026-05-01",
            "contract acme, credit welcome, priority: 1 -> not said",
        ]),
        ("credit welcome 100 { valid 2026-01-01 to 2026-04-01  priority 1 }", "", [
            "contract acme, credit welcome: 100, valid from 2026-01-01 to 2026-04-01, covers every line, "
            "priority 1 -> None",
        ]),
    ],
)  # fmt: skip
def test_each_change_in_words(old: str, new: str, said: list[str]) -> None:
    found = changes({old: new})
    mine = said[0].startswith("contract")
    assert [each for each in found if each.startswith("contract") == mine] == said
    if not mine:
        assert [each for each in found if each.startswith("contract")] == [], "a contract repeats nothing of its plan"


def test_what_the_contract_does_not_take_from_the_plan_is_not_told_twice() -> None:
    found = changes({"discount 10% }": "discount 12% }", "fee extra 50": "fee extra 60"})
    assert found == [
        "plan scale, charge tokens: discount 10% -> discount 12%",
        "contract acme, from 2026-07-01 to 2028-01-01, fee extra: 50 monthly in advance -> 60 monthly in advance",
    ]


def test_declarations_and_lines_come_and_go() -> None:
    found = changes({'plan scale "Scale" {': 'plan free { fee base 0 }\nplan scale "Scale" {'})
    assert found == ['plan free: None -> "free"']
    (gone, come) = changes({"charge payments on volume { price 2.9%  plus 0.30 }": "fee payments 30"})
    assert gone == "plan scale, charge payments: on volume { price 2.9%  plus 0.3 } -> None"
    assert come == "plan scale, fee payments: None -> 30 monthly in advance"


AGREED = """contract stark {
  customer "cus_stark"
  plan scale
  term 2026-01-01 to 2028-01-01
  from month 7 { override heavy { times 0.80 } remove egress }
  discount 5%
  commit annual 120_000 prepaid { priority 1 }
  credit monthly 50 monthly
  commit least 10 postpaid quarterly
}
contract wayne { fee retainer 500 }
"""
SAYS = [
    ("contract stark", "on plan scale, customer cus_stark, from 2026-01-01 to 2028-01-01"),
    ("contract stark, adjustment", "discount 5%"),
    ("contract stark, from 2026-07-01 to 2028-01-01, charge heavy", "times 0.8"),
    ("contract stark, commit annual", "120_000 prepaid, covers every line, priority 1, invoiced 120_000"),
    ("contract stark, credit monthly", "50 monthly, covers every line"),
    ("contract stark, commit least", "10 postpaid quarterly, covers every line"),
    ("contract wayne", "no term"),
    ("contract wayne, fee retainer", "500 monthly in advance"),
]


def test_a_contract_that_one_program_lacks_is_told_by_what_it_makes_of_its_plan() -> None:
    """Overrides and phases as differences from the list, over time; a discount through both phases is told once."""
    old, new = compile_program(PROGRAM).ir, compile_program(PROGRAM + AGREED).ir
    come, gone = compare_programs(old, new), compare_programs(new, old)
    assert [(", ".join(each.where), each.new) for each in come if each.old is None] == SAYS
    assert [(", ".join(each.where), each.old) for each in gone if each.new is None] == SAYS
    for changes_, sign in ((come, "old"), (gone, "new")):
        (dropped,) = [each for each in changes_ if getattr(each, sign) is not None]
        assert ", ".join(dropped.where) == "contract stark, from 2026-07-01 to 2028-01-01, charge egress"
        assert all(getattr(each, f"{sign}_span") is None for each in changes_), "the other program says nothing of it"


def test_the_order_of_pattern_rows_matters() -> None:
    (found,) = changes({'"gpt-*" | 3   "g*" | 4': '"g*" | 4   "gpt-*" | 3'})
    assert found == 'rates llm, order of rows: "gpt-*"; "g*" -> "g*"; "gpt-*"'


def test_a_currency_is_one_change() -> None:
    new = PROGRAM.replace("currency USD", "currency EUR").replace("unit USD", "unit EUR")
    found = compare_programs(compile_program(PROGRAM).ir, compile_program(new).ir)
    assert [change.where for change in found] == [("currency",)]


def test_changes_know_where_they_stand() -> None:
    new = PROGRAM.replace("include 100k", "include 50k")
    (change,) = compare_programs(compile_program(PROGRAM).ir, compile_program(new).ir)
    assert change.old_span is not None
    assert change.new_span is not None
    assert PROGRAM[change.old_span.start : change.old_span.end] == "include 100k"
    assert new[change.new_span.start : change.new_span.end] == "include 50k"


# --- laws ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [None, *SMALL], ids=lambda path: path.stem if path else "contract")
def test_layout_comments_and_names_of_curves_change_nothing(path: Path | None) -> None:
    text = PROGRAM if path is None else path.read_text(encoding="utf-8")
    old = compile_program(text).ir
    assert compare_programs(old, old) == ()
    assert compare_programs(old, compile_program("# a comment\n" + format_source(text)).ir) == ()
    in_place = "{ graduated { to 1M: 0.50 per 1k  above: 0.40 per 1k } minimum 50"
    if path is None:
        inlined = text.replace("price bulk  minimum 50", in_place[2:]).replace("curve bulk", "curve other")
        assert compare_programs(old, compile_program(inlined).ir) == ()


@pytest.mark.parametrize("path", [None, *SMALL], ids=lambda path: path.stem if path else "contract")
def test_every_number_that_changes_the_meaning_is_reported(path: Path | None) -> None:
    text = PROGRAM if path is None else path.read_text(encoding="utf-8")
    old = compile_program(text).ir
    tried = 0
    for match in re.finditer(r"(?<![\w.\"*-])[0-9][0-9_]*(?:\.[0-9]+)?(?=[kMBT%\s}\]),]|$)", text):
        new_text = f"{text[: match.end()]}1{text[match.end() :]}"
        try:
            new = compile_program(new_text).ir
        except ProgramError:
            continue
        said = compare_programs(old, new)
        assert bool(said) == (meaning(old) != meaning(new)), new_text[match.start() - 40 : match.end() + 20]
        assert len(compare_programs(new, old)) == len(said)
        tried += 1
    assert tried > 3


def meaning(program: ir.Program) -> str:
    """What decides amounts. Which override won over which is where the program says so, not what it means."""
    contracts = (
        replace(contract, versions=tuple(replace(version, overrides=()) for version in contract.versions))
        for contract in program.contracts
    )
    return content_hash(replace(program, contracts=tuple(contracts)))
