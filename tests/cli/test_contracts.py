"""`pricing preview`, `explain` and `test` on contracts: segments, draws, balances, opening state, every wrong input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from pricing_dsl.cli.agreed import blocks, grouped, sums
from pricing_dsl.evaluate.statement import BalanceMovement, Draw, Invoiced, Lot, Statement

from .conftest import Pricing

ROOT = Path(__file__).parents[2]
DEAL = """currency USD

meter calls { from "api.request"  measure count()  by region }
meter jobs { from "job.run"  measure count() }

plan list "List" {
  fee base "Base fee" 100
  charge calls "API calls" on calls { price 2 per 1k  show by region }
  charge jobs "Jobs" on jobs { counted yearly  graduated { to 1000: 1  above: 0.50 } }
}

contract acme "Acme" {
  customer "cus_acme"
  plan list
  term 2026-01-01 to 2027-01-01
  override calls { times 0.9 }
  from 2026-03-16 { override calls { times 0.8 } }
  commit annual 1_000 prepaid { covers calls  overage times 1.1 }
  credit welcome 50
}

example "a month that nothing cuts" on acme period 2026-02 {
  calls[region: "eu"] = 100_000
  expect base = 100.00
  expect calls = 180.00
  expect total = 280.00
  expect due = 50.00
}
"""
SEGMENTS = json.dumps(
    [
        {"from": start, "to": end, "usage": {"calls": [{"quantity": calls, "region": region}], "jobs": jobs}}
        for start, end, calls, region, jobs in (
            ("2026-03-01", "2026-03-16", 200_000, "eu", 700),
            ("2026-03-16", "2026-04-01", 100_000, "us", 400),
        )
    ]
)
STATE = ("--balances", '{"annual": "400.00", "welcome": 50}', "--counters", '{"jobs": 500}')
MARCH = ("--on", "acme", "--period", "2026-03", "--usage", SEGMENTS, *STATE)


@pytest.fixture
def deal(folder: Path) -> str:
    (folder / "deal.pricing").write_text(DEAL)
    return "deal.pricing"


def cells(text: str) -> dict[str, list[str]]:
    """Each printed row by its first column: the others, as far as two spaces keep them apart."""
    rows = [[cell for cell in line.strip().split("  ") if cell] for line in text.splitlines() if line.strip()]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


# --- preview -------------------------------------------------------------------------------------------------------


def test_from_lines_to_due(pricing: Pricing, deal: str) -> None:
    result = pricing("preview", deal, *MARCH)
    assert (result.exit_code, result.stderr) == (0, "")
    shown = cells(result.stdout)
    assert result.stdout.startswith("acme of deal.pricing, 2026-03-01 to 2026-04-01, in USD\n")
    assert "100.00" in shown["Base fee"]
    # 200k at 2 per 1k times 0.9, and 100k at 2 per 1k times 0.8
    assert shown["API calls"][:2] == ["300_000 calls", "520.00"]
    # the counter goes from 500 over 1_000 to 1_600: 500 x 1 + 600 x 0.5
    assert shown["Jobs"][:2] == ["1_100 jobs", "800.00"]
    # 520 - 400 that annual pays, less 50 of welcome on the base fee: 120 x 1.1 are left to pay
    assert shown["balance_factors_calls"][0] == "12.00"
    assert shown["total"] == ["USD", "1_432.00"]
    assert shown["paid by annual"] == ["-400.00", "calls"]
    assert shown["paid by welcome"] == ["-50.00", "base"]
    assert shown["due"] == ["USD", "982.00"]


def test_segments_draws_balances_and_counters(pricing: Pricing, deal: str) -> None:
    shown = cells(pricing("preview", deal, *MARCH).stdout)
    assert shown["0"] == ["2026-03-01 to 2026-03-16"]
    assert shown["1"] == ["2026-03-16 to 2026-04-01"]
    assert shown["annual"][:3] == ["40.00", "calls", "1"], "the last draw of annual, in the second segment"
    assert shown["welcome"][:3] == ["50.00", "base", "0"]
    assert shown["annual, USD"] == ["400.00", "0.00", "400.00", "0.00", "0.00", "0.00"]
    assert shown["welcome, USD"] == ["50.00", "0.00", "50.00", "0.00", "0.00", "0.00"]
    assert shown["jobs"] == ["1_600"]
    assert not any(name.startswith("assumed") for name in shown)


def test_json_has_the_same_and_opens_the_next_period(pricing: Pricing, deal: str, folder: Path) -> None:
    march = json.loads(pricing("preview", deal, *MARCH, "--format", "json").stdout)
    assert (march["total"], march["due"]) == ("1432.00", "982.00")
    assert march["segments"][1] == {"from": "2026-03-16", "to": "2026-04-01"}
    assert [(draw["balance"], draw["line"], draw["segment"], draw["amount"]) for draw in march["draws"]] == [
        ("annual", "calls", 0, "360.00"), ("welcome", "base", 0, "50.00"), ("annual", "calls", 1, "40.00"),
    ]  # fmt: skip
    assert march["balances"]["annual"]["closing"] == "0.00"
    assert march["counters"] == {"jobs": "1600"}
    assert "assumed" not in march
    (folder / "march.json").write_text(json.dumps(march))
    words = ("--on", "acme", "--period", "2026-04", "--usage", '{"jobs": 100}')
    april = pricing("preview", deal, *words, "--balances", "march.json", "--counters", "march.json").stdout
    assert cells(april)["Jobs"][:2] == ["100 jobs", "50.00"], "above 1_000 of the contract's year"
    assert cells(april)["due"] == ["USD", "150.00"]
    assert "assumed" not in april


def test_what_is_not_given_is_assumed_and_said(pricing: Pricing, deal: str) -> None:
    words = ("--on", "acme", "--period", "2026-02", "--usage", '{"jobs": 10}')
    result = pricing("preview", deal, *words)
    assert result.exit_code == 0
    joined = " ".join(result.stdout.split())
    assert "assumed: `balance annual`, `balance welcome`, `counter jobs`" in joined
    assert "a statement that assumes cannot be finalised" in joined
    document = json.loads(pricing("preview", deal, *words, "--format", "json").stdout)
    assert set(document["assumed"]) == {"balance annual", "balance welcome", "counter jobs"}


def test_the_first_period_of_the_term_and_what_is_invoiced(pricing: Pricing, deal: str) -> None:
    result = pricing("preview", deal, "--on", "acme", "--usage", '{"calls": [{"quantity": 1000, "region": "eu"}]}')
    shown = cells(result.stdout)
    assert result.stdout.startswith("acme of deal.pricing, 2026-01-01 to 2026-02-01, in USD\n")
    assert shown["invoiced for annual"] == ["1_000.00", "on 2026-01-01"]
    assert shown["paid by annual"] == ["-1.80", "calls"]
    assert shown["due"] == ["USD", "1_050.00"]
    assert shown["annual, USD"][:6] == ["0.00", "1_000.00", "1.80", "0.00", "0.00", "998.20"]
    assert shown["annual, USD"][6] == "2027-01-01"


def test_a_plot_of_a_contract(pricing: Pricing, deal: str) -> None:
    words = ("preview", deal, "--on", "acme", "--period", "2026-04", "--usage", '{"jobs": 100}', *STATE)
    result = pricing(*words, "--plot", "jobs")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "acme: charge by usage of jobs" in result.stdout
    cut = pricing("preview", deal, *MARCH, "--plot", "jobs")
    assert cut.exit_code == 2
    assert "usage in segments cannot be drawn" in cut.stderr


# --- explain and test ------------------------------------------------------------------------------------------------


def test_explain_hangs_draws_under_the_tree(pricing: Pricing, deal: str) -> None:
    result = pricing("explain", deal, *MARCH)
    assert result.exit_code == 0
    assert "annual pays 360.00 of calls from 2026-03-01 to 2026-03-16" in result.stdout
    assert "in burn order" in result.stdout
    assert "due 982.00 USD" in result.stdout
    override = DEAL[: DEAL.index("times 0.8")].count("\n") + 1
    assert f"deal.pricing:{override}" in result.stdout
    one = pricing("explain", deal, *MARCH, "--line", "base").stdout
    assert "welcome pays 50.00 of base" in one
    assert "annual pays" not in one
    assert "due" not in one


def test_explain_quotes_the_override_that_won_and_those_it_sets_aside(pricing: Pricing, deal: str) -> None:
    text = DEAL.replace(
        "from 2026-03-16 { override calls { times 0.8 } }", "override calls { times 0.8  price 1 per 1k }"
    )
    Path(deal).write_text(text)
    result = pricing("explain", deal, "--on", "acme", "--period", "2026-02", "--usage", "{}", "--line", "calls")
    said = [line.strip(" │├└─") for line in result.stdout.splitlines()]
    lost, won = (text[: text.index(step)].count("\n") + 1 for step in ("times 0.9", "times 0.8"))
    at = said.index(f"override times: times 0.8  deal.pricing:{won}")
    assert said[at + 1 : at + 4] == [
        "the last written, sets aside 1",
        "rule 19: of the overrides in force the last written wins, kind by kind",
        f"set aside: times 0.9  deal.pricing:{lost}",
    ]
    list_price = text[: text.index("price 2 per 1k")].count("\n") + 1
    assert f"override price: price 1 per 1k  deal.pricing:{won}" in said
    assert f"set aside: price 2 per 1k  deal.pricing:{list_price}" in said


def test_examples_on_contracts(pricing: Pricing, deal: str, folder: Path) -> None:
    assert pricing("test", deal).stdout.endswith("1 example passed\n")
    phased = DEAL.replace("from 2026-03-16 {", "from 2026-03-01 { fee spring 5 }\n  from 2026-03-16 {")
    late = phased.replace("expect base = 100.00", "expect spring = 5.00")
    (folder / "late.pricing").write_text(late)
    result = pricing("test", "late.pricing")
    assert result.exit_code == 1
    assert "spring is not in force in this period, expected 5" in result.stdout
    (folder / "cut.pricing").write_text(DEAL.replace("period 2026-02", "period 2026-03"))
    cut = pricing("test", "cut.pricing")
    assert cut.exit_code == 1
    assert "R0310" in cut.stdout


# --- wrong input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--balances", '{"anual": 5}'], "error[R0104]: `acme` keeps no balance `anual`", "did you mean `annual`?"),
        (["--counters", '{"calls": 5}'], "error[R0104]: `acme` keeps no counter `calls`", "`jobs`"),
        (["--balances", '{"annual": true}'], "error[R0501]: the balance `annual` is", "decimal text"),
        (["--balances", '{"annual": -5}'], "error[R0501]: the balance `annual` is negative", "an empty balance is 0"),
        (["--balances", '{"annual": 0.005}'], "error[R0501]: the balance `annual` is finer", "2 decimals"),
        (["--balances", '{"annual": "much"}'], "error[R0501]", "decimal text"),
        (["--balances", '{"annual": [5]}'], "error[R0501]: lot 1 of the balance `annual` is 5, not", "give lots"),
        (
            ["--balances", '{"annual": [{"amount": 5, "until": 1}]}'],
            "lot 1 of the balance `annual` has `until`,",
            "lots",
        ),
        (
            ["--balances", '{"annual": [{"end": null}]}'],
            "lot 1 of the balance `annual` does not say its `amount`",
            "lots",
        ),
        (["--balances", '{"annual": [{"amount": 5, "end": "soon"}]}'], 'balance `annual` is "soon"', "give a date"),
        (["--balances", '{"annual": [{"amount": 5, "rolled": null}]}'], "balance `annual` is null", "true or false"),
        (["--balances", '{"annual": {"amount": 5, "end": null}}'], "one lot where a list", "in brackets"),
        (["--balances", '{"annual": {"closing": 5}}'], "which has no `lots`", "a list of lots"),
        (
            ["--balances", '{"annual": [{"amount": 5, "end": "2026-01-31"}]}'],
            "`annual` has a lot that ended on 2026-01-31, before the period begins on 2026-02-01",
            "has expired",
        ),
        (["--balances", '{"annual": 1'], "this is not JSON", 'write {"annual"'),
        (["--balances", "5.json"], "cannot read 5.json", ""),
        (["--balances", '{"annual": 1, "annual": 2}'], "`annual` is given twice", 'write {"annual"'),
        (["--counters", '{"jobs": null}'], "error[R0501]: the counter of `jobs` is null", "decimal text"),
        (
            ["--counters", '{"jobs": [{"count": 5}]}'],
            "error[R0501]: cell 1 of the counter of `jobs` does",
            "give cells",
        ),
        (["--counters", '{"jobs": -5}'], "error[R0201]", "`counters` open that of `jobs` below zero"),
        (["--counters", '{"jobs": NaN}'], "NaN is not a quantity", 'write {"requests"'),
        (["--period", "2028-01"], "error[R0105]", "of the term: the first is 2026-01-01 to 2026-02-01"),
        (["--period", "2026-01-01..2026-03-01"], "error[R0105]", "price one monthly period"),
    ],
)
def test_wrong_opening_state_and_periods(
    pricing: Pricing, deal: str, words: list[str], message: str, hint: str
) -> None:
    for command in ("preview", "explain"):
        result = pricing(command, deal, "--on", "acme", "--period", "2026-02", "--usage", '{"jobs": 1}', *words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr
        assert hint in result.stderr
        as_json = pricing(
            command, deal, "--on", "acme", "--period", "2026-02", "--usage", '{"jobs": 1}', *words, "--format", "json"
        )
        assert set(json.loads(as_json.stdout)["error"]) == {"code", "message", "help"}


@pytest.mark.parametrize(
    "usage",
    [
        '{"jobs": 5}',
        '[{"from": "2026-03-01", "to": "2026-03-10", "usage": {"jobs": 5}}]',
        '[{"from": "2026-03-01", "to": "2026-04-01", "usage": {"jobs": 5}}]',
        '[{"from": "2026-03-01", "usage": {"jobs": 5}}]',
        "[]",
    ],
)
def test_usage_that_does_not_follow_the_cuts(pricing: Pricing, deal: str, usage: str) -> None:
    result = pricing("preview", deal, "--on", "acme", "--period", "2026-03", "--usage", usage)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error[R0")
    assert "help: " in result.stderr


def test_plans_have_no_opening_state(pricing: Pricing, deal: str) -> None:
    words = ("preview", deal, "--on", "list", "--usage", '{"jobs": 1}')
    result = pricing(*words, "--balances", '{"annual": 5}')
    assert result.exit_code == 2
    assert "the plan `list` keeps no balance `annual`" in result.stderr
    cut = pricing("preview", deal, "--on", "list", "--usage", SEGMENTS)
    assert cut.exit_code == 2
    assert "error[R0309]" in cut.stderr


def test_a_process_of_its_own(folder: Path, deal: str) -> None:
    (folder / "usage.json").write_text(SEGMENTS)
    (folder / "balances.json").write_text('{"annual": [{"amount": "400.00", "end": "2027-01-01"}], "welcome": "50"}')
    command = [sys.executable, "-c", "from pricing_dsl.cli import main; main()", "preview", deal, "--on", "acme"]
    words = [
        "--period",
        "2026-03",
        "--usage",
        "usage.json",
        "--balances",
        "balances.json",
        "--counters",
        '{"jobs": 500}',
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    done = subprocess.run([*command, *words], cwd=folder, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert cells(done.stdout)["due"] == ["USD", "982.00"]


# --- what is shown of statements that the programs above do not make -------------------------------------------------


def text_of(statement: Statement, width: int = 100) -> str:
    from rich.console import Console

    console = Console(width=width, no_color=True)
    with console.capture() as page:
        console.print(*blocks(statement, width), sep="\n")
    return page.get()


def test_units_lots_and_cells_of_counters() -> None:
    zero = Decimal(0)
    lots = (Lot(Decimal("1500000"), "2026-04-01", False), Lot(Decimal("20"), None, True))
    granted, drawn = Decimal(2_000_020), Decimal(500_000)
    movement = BalanceMovement(
        "units", "credit", "token", zero, granted, drawn, zero, zero, granted - drawn, lots, False
    )
    statement = Statement(
        "acme", "USD", 2, ("2026-03-01", "2026-04-01"), "UTC", [], [], 0, 9_500,
        balances={"units": movement},
        draws=(Draw("units", "tokens", 0, Decimal(500_000), "1 of 1 in burn order"),),
        invoiced=(Invoiced("units", Decimal("95.00"), "2026-03-01"),),
        counters={"tokens": [{"quantity": "12000.5", "model": "gpt-5"}, {"quantity": "1/3", "model": "x"}]},
    )  # fmt: skip
    assert list(sums(statement)) == [("invoiced for units", Decimal("95.00"), "on 2026-03-01")], "units are not money"
    text = text_of(statement)
    assert "500_000 token" in text
    joined = " ".join(text.split())
    assert "1_500_000 until 2026-04-01" in joined
    assert "20 for ever (rolled over)" in joined
    assert 'tokens[model: "gpt-5"] 12_000.5' in joined
    assert 'tokens[model: "x"] 1/3' in joined
    assert "segments" not in text
    narrow = text_of(statement, 40)
    assert max(map(len, narrow.splitlines())) <= 40
    for number in (grouped(movement.granted), grouped(movement.drawn), grouped(movement.closing), "20"):
        assert number in narrow.replace(",", "").split(), "no number is cut"


def test_a_plans_statement_shows_none_of_it() -> None:
    statement = Statement("list", "USD", 2, None, "UTC", [], [], 0, 0)
    assert list(blocks(statement, 80)) == []
    assert list(sums(statement)) == []
    assert set(statement.to_dict()) == {
        "target", "currency", "period", "timezone", "lines", "adjustments", "total", "due", "unpriced", "unused",
    }  # fmt: skip
