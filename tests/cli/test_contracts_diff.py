"""`pricing diff`: what changed, in words and in money, and every wrong call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import SHOP, Pricing

ROOT = Path(__file__).parents[2]
CALLS = '{"calls": [{"quantity": 100000, "region": "eu"}, {"quantity": 50000, "region": "us"}]}'


@pytest.fixture
def dearer(folder: Path) -> str:
    """The shop with another price, another discount, one plan less and one more."""
    text = SHOP.replace("2.20", "2.50").replace("discount 10% on calls above 100", "discount 20% on calls above 100")
    text = text.replace("plan tiered {", "plan stepped {").replace("expect calls = 320.00", "expect calls = 350.00")
    (folder / "dearer.pricing").write_text(text.replace("expect total = 327.00", "expect total = 329.00"))
    return "dearer.pricing"


def test_changes_in_words_with_their_places(pricing: Pricing, dearer: str) -> None:
    result = pricing("diff", "shop.pricing", dearer)
    assert (result.exit_code, result.stderr) == (0, "")
    cell, adjustment = SHOP.splitlines().index('  "eu"   |  2.20') + 1, SHOP[: SHOP.index("discount")].count("\n") + 1
    lines = result.stdout.splitlines()
    assert lines[0] == "rates by_region"
    assert lines[1].startswith('  ~ "eu": 2.2 -> 2.5  dearer.pricing:')
    assert lines[2:4] == [
        "plan starter",
        "  ~ adjustment loyalty: discount 10% on calls above 100 as loyalty -> discount 20% on calls above",
    ]
    assert f"dearer.pricing:{adjustment}" in result.stdout
    assert cell < adjustment
    assert 'plan tiered\n  - "tiered"  shop.pricing:' in result.stdout
    assert 'plan stepped\n  + "stepped"  dearer.pricing:' in result.stdout
    assert lines[-1] == "4 changes from shop.pricing to dearer.pricing"


def test_the_same_meaning_has_no_changes(pricing: Pricing, folder: Path) -> None:
    (folder / "same.pricing").write_text("# another comment\n" + SHOP.replace("2.20", "2.2").replace("\n\n", "\n"))
    result = pricing("diff", "shop.pricing", "same.pricing")
    assert result.stdout == "no changes: shop.pricing and same.pricing mean the same\n"
    document = json.loads(pricing("diff", "shop.pricing", "same.pricing", "--format", "json").stdout)
    assert (document["changes"], document["priced"]) == ([], None)


def test_json_has_every_change_with_both_lines(pricing: Pricing, dearer: str) -> None:
    document = json.loads(pricing("diff", "shop.pricing", dearer, "--format", "json").stdout)
    first, second, removed, added = document["changes"]
    assert first["where"] == ["rates by_region", '"eu"']
    assert (first["kind"], first["old"], first["new"]) == ("changed", "2.2", "2.5")
    assert (second["old_line"], second["new_line"]) == (second["new_line"], second["old_line"])
    assert SHOP.splitlines()[second["old_line"] - 1].strip().startswith("discount 10% on calls")
    assert (removed["kind"], removed["new"], removed["new_line"]) == ("removed", None, None)
    assert (added["kind"], added["old"], added["old_line"]) == ("added", None, None)


def test_both_are_priced_line_by_line(pricing: Pricing, dearer: str) -> None:
    result = pricing("diff", "shop.pricing", dearer, "--usage", CALLS)
    assert result.exit_code == 0
    shown = {row.split()[0]: row.split()[1:] for row in result.stdout.splitlines() if row.strip()}
    assert shown["base"] == ["29.00", "29.00", "0"]
    assert shown["calls"] == ["320.00", "350.00", "+30.00"]
    assert shown["loyalty"] == ["-22.00", "-50.00", "-28.00"]
    assert shown["total"] == ["327.00", "329.00", "+2.00"]
    assert shown["due"] == ["327.00", "329.00", "+2.00"]
    words = ("diff", "shop.pricing", dearer, "--usage", CALLS, "--on", "starter", "--format", "json")
    priced = json.loads(pricing(*words).stdout)["priced"]
    assert priced["lines"][1] == {"id": "calls", "old": "320.00", "new": "350.00", "difference": "30.00"}
    assert priced["adjustments"] == [{"id": "loyalty", "old": "-22.00", "new": "-50.00", "difference": "-28.00"}]
    assert priced["total"] == {"old": "327.00", "new": "329.00", "difference": "2.00"}
    assert priced["unpriced"] == {"old": 0, "new": 0}


def test_what_balances_pay_under_both(pricing: Pricing, folder: Path) -> None:
    deal = """currency USD
meter calls { from "api.request"  measure count() }
plan list { charge calls on calls { price 1 } }
contract acme { plan list  term 2026-01-01 to 2027-01-01  commit annual 500 prepaid { not invoiced } }
"""
    (folder / "old.pricing").write_text(deal)
    (folder / "new.pricing").write_text(deal.replace("500 prepaid { not invoiced }", "800 prepaid { invoiced 600 }"))
    words = ("diff", "old.pricing", "new.pricing", "--on", "acme", "--usage", '{"calls": 900}')
    shown = [" ".join(row.split()) for row in pricing(*words).stdout.splitlines()]
    assert shown[-4:] == [
        "total 900.00 900.00 0",
        "paid by annual -500.00 -800.00 -300.00",
        "invoiced for annual - 600.00 +600.00",
        "due 400.00 700.00 +300.00",
    ]
    priced = json.loads(pricing(*words, "--format", "json").stdout)["priced"]
    assert priced["settled"] == [
        {"name": "paid by annual", "old": "-500.00", "new": "-800.00", "difference": "-300.00"},
        {"name": "invoiced for annual", "old": None, "new": "600.00", "difference": "600.00"},
    ]


def test_a_line_that_one_side_lacks_and_usage_that_one_side_refuses(pricing: Pricing, folder: Path) -> None:
    text = SHOP.replace('  "us"   |  2.00\n', "").replace('fee base "Base fee" 29', 'fee seat "Seat" 9')
    (folder / "less.pricing").write_text(text.replace("expect calls = 320.00", "").replace("expect total = 327.00", ""))
    result = pricing("diff", "shop.pricing", "less.pricing", "--on", "starter", "--usage", CALLS)
    shown = {row.split()[0]: row.split()[1:] for row in result.stdout.splitlines() if row.strip()}
    assert shown["base"] == ["29.00", "-", "-29.00"]
    assert shown["seat"] == ["-", "9.00", "+9.00"]
    assert "unpriced under the new program: 1 entry of usage, at no cost there" in result.stdout


def test_many_changes_of_one_declaration_are_cut_in_text_only(pricing: Pricing, folder: Path) -> None:
    for name, price in (("old", 1), ("new", 2)):
        rows = "\n".join(f'"model-{number}" | {price}' for number in range(50))
        (folder / f"{name}.pricing").write_text(
            'currency USD meter calls { from "c"  measure count()  by model }\n'
            f"rates r per 1 by model {{ model | price\n{rows} }}\nplan p {{ charge calls on calls {{ price r }} }}\n"
        )
    text = pricing("diff", "old.pricing", "new.pricing").stdout
    assert text.count("~") == 20
    assert "... and 30 more; `--format json` has them all" in text
    assert "50 changes from old.pricing to new.pricing" in text
    assert len(json.loads(pricing("diff", "old.pricing", "new.pricing", "--format", "json").stdout)["changes"]) == 50


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--on", "starter"], "belong to usage", "say `--usage` too"),
        (["--period", "2026-03"], "belong to usage", "say `--usage` too"),
        (["--usage", CALLS, "--on", "startr"], "shop.pricing has no plan or contract `startr`", "`starter`"),
        (["--usage", CALLS, "--on", "tiered"], "dearer.pricing has no plan or contract", "both have: `starter`"),
        (["--usage", "{"], "error: --usage:1:2: this is not JSON", "write {"),
        (["--usage", "absent.json"], "cannot read absent.json", ""),
        (["--usage", '{"cals": 1}'], "error[R0301]: under the old program, shop.pricing: there is", "`calls`"),
        (["--usage", CALLS, "--period", "March"], "`March` is not a period", "write 2026-03"),
        (["--usage", CALLS, "--balances", '{"annual": 5}'], "error[R0104]: under the old program", "contracts"),
        (["--usage", CALLS, "--balances", "[]"], "balances are one JSON object", 'write {"annual"'),
        (["--usage", CALLS, "--counters", "3.json"], "cannot read 3.json", ""),
    ],
)  # fmt: skip
def test_wrong_calls(pricing: Pricing, dearer: str, words: list[str], message: str, hint: str) -> None:
    result = pricing("diff", "shop.pricing", dearer, *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert hint in result.stderr
    assert result.stdout == ""


def test_programs_that_cannot_be_compared(pricing: Pricing, folder: Path) -> None:
    wrong = pricing("diff", "shop.pricing", "wrong.pricing")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "error[U0301]" in wrong.stderr
    assert pricing("diff", "shop.pricing", "absent.pricing").exit_code == 2
    (folder / "euro.pricing").write_text(SHOP.replace("currency USD", "currency EUR"))
    assert "currency\n  ~ USD -> EUR" in pricing("diff", "shop.pricing", "euro.pricing").stdout
    priced = pricing("diff", "shop.pricing", "euro.pricing", "--on", "starter", "--usage", CALLS)
    assert priced.exit_code == 2
    assert "amounts in USD and EUR are not compared" in priced.stderr
    (folder / "other.pricing").write_text("currency USD plan other { fee f 1 }")
    none = pricing("diff", "shop.pricing", "other.pricing", "--usage", "{}", "--format", "json")
    assert json.loads(none.stdout)["error"]["message"] == "the programs have no plan or contract in common"


def test_a_process_of_its_own(folder: Path, dearer: str) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from pricing_dsl.cli import main; main()", "diff", "shop.pricing", dearer]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [*command, *words], cwd=folder, input=CALLS, capture_output=True, text=True, check=False, env=environment
        )

    done = run("--usage", "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert "+30.00" in done.stdout
    failed = run("--on", "starter")
    assert failed.returncode == 2
    assert "Traceback" not in failed.stderr
