"""`pricing timeline`: what is in force when, as a table, as bars, as JSON, and every wrong call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pricing_dsl.cli.timeline import build_timeline
from pricing_dsl.cli.timeline_bars import build_picture
from pricing_dsl.compilation import compile as compile_program
from pricing_dsl.values.periods import seconds_of

from .conftest import Pricing

DEAL = """currency USD

meter calls { from "api.request"  measure count() }

plan list "List" {
  fee base "Base fee" 29
  charge calls "API calls" on calls { price 2 }
  minimum 100 as floor
}

contract acme "Acme" {
  customer "cus_acme"
  plan list
  term 2026-01-01 to 2028-01-01

  override calls { times 0.9 }
  from 2026-07-01 {
    override calls { times 0.8 }
    fee extra 10
  }
  from 2027-01-01 to 2027-07-01 { minimum 50 as floor }
  commit annual 12_000 prepaid yearly { covers calls  rollover 20% }
  commit reserve 100 postpaid quarterly
  credit welcome 50 { valid 2026-01-01 to 2026-04-01 }
}

contract endless { plan list  from 2026-03-01 { override calls { price 1 } } }
"""


@pytest.fixture
def deal(folder: Path) -> str:
    (folder / "deal.pricing").write_text(DEAL)
    return "deal.pricing"


def at(text: str) -> int:
    from datetime import UTC, datetime

    return seconds_of(datetime.fromisoformat(text).replace(tzinfo=UTC))


def test_the_table_says_what_changes_when(pricing: Pricing, deal: str) -> None:
    result = pricing("timeline", deal, "acme")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    first, second = (DEAL[: DEAL.index(f"times 0.{n} ")].count("\n") + 1 for n in (9, 8))
    assert lines[0] == "acme of deal.pricing, for cus_acme, UTC"
    assert lines[2] == "from to in force, and what changes"
    assert lines[3:11] == [
        "2026-01-01 2026-07-01 plan list",
        "fee base: 29 monthly in advance",
        "charge calls: on calls { price 2 times 0.9 }",
        "minimum 100 as floor",
        f"override calls times 0.9 (line {first})",
        "2026-07-01 2027-01-01 ~ charge calls: times 0.9 -> times 0.8",
        "+ fee extra: 10 monthly in advance",
        f"override calls times 0.8 (line {second}), not times 0.9 (line {first})",
    ]
    assert "2027-01-01 2027-07-01 ~ adjustment floor: minimum 100 as floor -> minimum 50 as floor" in lines
    assert "2027-07-01 2028-01-01 ~ adjustment floor: minimum 50 as floor -> minimum 100 as floor" in lines
    joined = " ".join(lines)
    assert "commit annual: 12_000 prepaid yearly, covers calls, rollover 20%, invoiced 12_000; 2 grants" in joined
    assert "commit reserve: 100 postpaid quarterly, covers every line; 8 periods" in joined
    assert "2026-01-01 2026-04-01 credit welcome: 50, valid from 2026-01-01 to 2026-04-01" in joined


def test_the_only_contract_needs_no_name(pricing: Pricing, folder: Path) -> None:
    (folder / "one.pricing").write_text(DEAL[: DEAL.index("contract endless")])
    assert pricing("timeline", "one.pricing").stdout == pricing("timeline", "one.pricing", "acme").stdout


def test_on_a_narrow_page_the_dates_stand_above(pricing: Pricing, deal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    lines = pricing("timeline", deal, "acme").stdout.splitlines()
    assert max(map(len, lines)) <= 50
    assert lines[2:6] == [
        "2026-01-01 to 2026-07-01",
        "  plan list",
        "  fee base: 29 monthly in advance",
        "  charge calls: on calls { price 2  times 0.9 }",
    ]
    assert "2026-01-01 to 2026-04-01" in lines, "of the credit"


def test_what_is_long_is_cut_in_the_table_and_whole_in_json(pricing: Pricing, folder: Path) -> None:
    arms = "  ".join(f"region{n} {{ price 0.{n}1 }}" for n in range(1, 10))
    meter = 'currency USD meter calls { from "api.request"  measure count()  by region }'
    plan = f"plan list {{ charge calls on calls {{ match region {{ {arms}  else {{ price 1 }} }} }} }}"
    (folder / "long.pricing").write_text(f"{meter} {plan} contract c {{ plan list  term 2026-01-01 to 2027-01-01 }}")
    shown = " ".join(pricing("timeline", "long.pricing").stdout.split())
    assert "..." in shown
    assert "region9" not in shown
    document = json.loads(pricing("timeline", "long.pricing", "--format", "json").stdout)
    assert "region9" in document["versions"][0]["lines"]["calls"]


def test_bars_fill_the_page_and_change_where_the_line_does(pricing: Pricing, deal: str) -> None:
    shown = pricing("timeline", deal, "acme").stdout.splitlines()
    bars = {line.split("  ")[0]: line for line in shown if "█" in line or "▆" in line}
    assert set(bars) == {
        "fee base", "charge calls", "fee extra", "floor", "commit annual", "commit reserve", "credit welcome",
    }  # fmt: skip
    left, width = len("commit reserve") + 2, 100 - len("commit reserve") - 2
    quarter = width * 181 // 730  # 2026-07-01 of the two years, in days
    assert bars["fee base"][left:] == "█" * width
    assert bars["charge calls"][left:] == "█" * quarter + "▓" * (width - quarter)
    assert bars["fee extra"][left:] == " " * quarter + "█" * (width - quarter)
    assert set(bars["floor"][left:]) == {"█", "▓", "▒"}
    assert bars["commit annual"][left:] == "▆" * (width // 2) + "▃" * (width - width // 2)
    assert bars["credit welcome"][left:] == "▆" * (width * 90 // 730)
    assert (shown[-2].strip()[0], shown[-2].strip()[-1], shown[-2].count("┴")) == ("├", "┤", 3)
    assert shown[-1].split() == ["2026-01-01", "2026-07-01", "2027-01-01", "2027-07-01", "2028-01-01"]


def test_pieces_of_bars_are_exact() -> None:
    program = compile_program(DEAL)
    acme, endless = program.ir.contracts
    picture = build_picture(build_timeline("USD", acme))
    bars = {bar.name: bar.pieces for bar in picture.bars}
    assert [(p.start, p.end, p.says) for p in bars["charge calls"]] == [
        (at("2026-01-01"), at("2026-07-01"), "on calls { price 2  times 0.9 }"),
        (at("2026-07-01"), at("2028-01-01"), "times 0.8"),
    ]
    assert [(p.start, p.end) for p in bars["fee extra"]] == [(at("2026-07-01"), at("2028-01-01"))]
    assert [p.says for p in bars["floor"]] == [
        "minimum 100 as floor", "minimum 50 as floor", "minimum 100 as floor",
    ]  # fmt: skip
    assert len(bars["commit reserve"]) == 8
    assert all(
        one.end == other.start for one, other in zip(bars["commit reserve"], bars["commit reserve"][1:], strict=False)
    )
    open_ended = build_picture(build_timeline("USD", endless))
    assert open_ended.start < at("2026-03-01") < open_ended.end < at("2028-01-01"), "drawn around what changes"


def test_json(pricing: Pricing, deal: str) -> None:
    document = json.loads(pricing("timeline", deal, "acme", "--format", "json").stdout)
    assert (document["contract"], document["plan"], document["customer"]) == ("acme", "list", "cus_acme")
    assert document["term"] == {"from": "2026-01-01", "to": "2028-01-01"}
    assert [version["from"] for version in document["versions"]] == [
        "2026-01-01", "2026-07-01", "2027-01-01", "2027-07-01",
    ]  # fmt: skip
    assert document["versions"][2]["adjustments"] == ["minimum 50 as floor"]
    second = document["versions"][1]
    assert second["changes"][0] == {"where": ["charge calls"], "old": "times 0.9", "new": "times 0.8"}
    (override,) = second["overrides"]
    assert (override["line"], override["winner"]["text"]) == ("calls", "times 0.8")
    assert [loser["text"] for loser in override["losers"]] == ["times 0.9"]
    assert second["lines"]["calls"] == "on calls { price 2  times 0.8 }"
    annual = document["balances"][0]
    assert annual["grants"] == [
        {"from": "2026-01-01", "to": "2027-01-01"},
        {"from": "2027-01-01", "to": "2028-01-01"},
    ]


@pytest.mark.parametrize(("suffix", "head"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_a_drawing_in_a_file_is_the_same_every_time(
    pricing: Pricing, deal: str, folder: Path, suffix: str, head: bytes
) -> None:
    for contract in ("acme", "endless"):
        result = pricing("timeline", deal, contract, "--plot-file", f"out{suffix}")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"drew out{suffix}\n")
        first = (folder / f"out{suffix}").read_bytes()
        assert first.startswith(head)
        pricing("timeline", deal, contract, "--plot-file", f"out{suffix}")
        assert (folder / f"out{suffix}").read_bytes() == first


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["acm"], "there is no contract `acm`", "did you mean `acme`?"),
        (["list"], "`list` is a plan", "a timeline shows a contract"),
        ([], "deal.pricing has 2 contracts", "name one behind the file: acme or endless"),
        (["xyz"], "there is no contract `xyz`", "there are: `acme`, `endless`"),
        (["acme", "--plot-file", "out.gif"], "cannot draw into out.gif", ".png or .svg"),
        (["acme", "--plot-file", "absent/out.png"], "cannot write absent/out.png", ""),
        (["acme", "--plot-file", "out.png", "--format", "json"], "a drawing has no JSON form", "--plot-file"),
    ],
)
def test_wrong_calls(pricing: Pricing, deal: str, words: list[str], message: str, hint: str) -> None:
    result = pricing("timeline", deal, *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert hint in result.stderr


def test_programs_without_contracts_or_with_errors(pricing: Pricing) -> None:
    none = pricing("timeline", "shop.pricing", "acme")
    assert none.exit_code == 2
    assert "write one: contract acme {" in none.stderr
    unnamed = pricing("timeline", "shop.pricing")
    assert unnamed.exit_code == 2
    assert "shop.pricing has no contract" in unnamed.stderr
    wrong = pricing("timeline", "wrong.pricing", "acme")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "error[U0301]" in wrong.stderr
    as_json = pricing("timeline", "wrong.pricing", "acme", "--format", "json")
    assert json.loads(as_json.stdout)["diagnostics"][0]["code"] == "U0301"
    assert pricing("timeline", "absent.pricing", "acme").exit_code == 2


def test_a_contract_without_a_term_is_always_in_force(pricing: Pricing, folder: Path) -> None:
    text = "currency USD contract c { fee f 5  credit gift 10  from 2026-03-01 { fee g 6 } }  # approved: A, 2026-01-01"
    (folder / "open.pricing").write_text(text)
    lines = [" ".join(line.split()) for line in pricing("timeline", "open.pricing").stdout.splitlines()]
    assert lines[3:8] == [
        "always 2026-03-01 no plan",
        "fee f: 5 monthly in advance",
        "2026-03-01 for ever + fee g: 6 monthly in advance",
        "always for ever credit gift: 10, covers every line",
        "",
    ]
