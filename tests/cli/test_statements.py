"""`pricing preview` and `pricing explain`: the statement, why each amount, drawings, and every wrong input."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from pricing_dsl.cli.plotting import sampled
from pricing_dsl.cli.statements import Inputs, parse_period
from pricing_dsl.compilation import compile as compile_program

from .conftest import SHOP, Pricing

TWO = '{"calls": [{"quantity": 100000, "region": "eu"}, {"quantity": 50000, "region": "us"}]}'


def rows(text: str) -> dict[str, list[str]]:
    """The words of each printed row, by the words before its first gap of two spaces."""
    return {row.split("  ")[0]: row.split() for row in text.splitlines() if row.strip()}


def test_preview_shows_lines_adjustments_and_totals(pricing: Pricing) -> None:
    result = pricing("preview", "shop.pricing", "--on", "starter", "--usage", TWO)
    assert (result.exit_code, result.stderr) == (0, "")
    shown = rows(result.stdout)
    assert result.stdout.startswith("starter of shop.pricing, in USD\n")
    assert "29.00" in shown["Base fee"]
    assert shown["API calls"][2:5] == ["150_000", "call", "320.00"]
    assert "100_000 x 0.0022 (eu) + 50_000 x 0.002 (us)" in result.stdout
    assert "-(max(320 - 100, 0) x 0.1) on calls" in result.stdout
    assert "-22.00" in shown["loyalty"]
    assert shown["total"][1:] == ["USD", "327.00"]
    assert shown["due"][1:] == ["USD", "327.00"]
    assert "(220.00)" in result.stdout
    assert "(100.00)" in result.stdout


def test_on_a_narrow_page_the_reasons_stand_below(pricing: Pricing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "48")
    result = pricing("preview", "shop.pricing", "--on", "tiered", "--usage", '{"calls": 210000}')
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 48
    assert lines[2].split() == ["line", "quantity", "amount"]
    assert lines[3].split() == ["calls", "210_000", "call", "350.00"]
    joined = " ".join(result.stdout.split())
    assert "calls: 200_000 after include 10_000; 100_000 x 0.002 (to 100_000) + 100_000 x 0.0015 (above)" in joined


def test_preview_reads_usage_from_a_file_and_from_standard_input(pricing: Pricing, folder: Path) -> None:
    (folder / "usage.json").write_text(TWO)
    inline = pricing("preview", "shop.pricing", "--on", "starter", "--usage", TWO).stdout
    assert pricing("preview", "shop.pricing", "--on", "starter", "--usage", "usage.json").stdout == inline
    assert pricing("preview", "shop.pricing", "--on", "starter", "--usage", "-", stdin=TWO).stdout == inline


def test_without_usage_there_is_none_and_it_says_so(pricing: Pricing) -> None:
    empty = pricing("preview", "shop.pricing", "--on", "starter", "--usage", "{}").stdout
    silent = pricing("preview", "shop.pricing", "--on", "starter")
    assert (silent.exit_code, silent.stderr) == (0, "")
    assert silent.stdout == f"{empty}\nno usage was given: `--usage` takes a JSON file, or JSON itself\n"
    as_json = pricing("preview", "shop.pricing", "--on", "starter", "--format", "json")
    assert json.loads(as_json.stdout)["total"] == "29.00"


def test_preview_json_is_the_statement(pricing: Pricing) -> None:
    result = pricing("preview", "shop.pricing", "--on", "starter", "--usage", TWO, "--format", "json")
    document = json.loads(result.stdout)
    assert (document["target"], document["total"], document["period"]) == ("starter", "327.00", None)
    assert [line["amount"] for line in document["lines"]] == ["29.00", "320.00"]
    assert document["adjustments"][0]["amount"] == "-22.00"
    assert document["unpriced"] == []


def test_the_period_is_a_month_or_a_range(pricing: Pricing) -> None:
    month = pricing("preview", "shop.pricing", "--on", "starter", "--usage", TWO, "--period", "2026-02")
    assert "2026-02-01 to 2026-03-01" in month.stdout
    part = ("preview", "shop.pricing", "--on", "starter", "--usage", TWO, "--format", "json")
    document = json.loads(pricing(*part, "--period", "2026-03-01..2026-03-16").stdout)
    assert document["period"] == {"from": "2026-03-01", "to": "2026-03-16"}
    assert parse_period("2024-02") == ("2024-02-01", "2024-03-01")


@pytest.mark.parametrize(
    ("period", "code"),
    [
        ("2026-13", ""),
        ("March", ""),
        ("2026-03-01..", ""),
        ("2026-03-01..2026-05-01", "[R0105]"),
        ("2026-03-16..2026-03-01", "[R0105]"),
        ("first..last", "[R0105]"),
        ("2026-02-30..2026-03-01", "[R0105]"),
        ("9999-12", "[R0105]"),
    ],
)
def test_periods_that_cannot_be_priced(pricing: Pricing, period: str, code: str) -> None:
    result = pricing("preview", "shop.pricing", "--on", "starter", "--usage", TWO, "--period", period)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"error{code}: ")


def test_unpriced_usage_is_said_clearly_and_how_to_mend_it(pricing: Pricing) -> None:
    usage = '{"calls": [{"quantity": 1234, "region": "ap"}, {"quantity": 1000, "region": "us"}], "egress": 3}'
    result = pricing("preview", "shop.pricing", "--on", "starter", "--usage", usage)
    assert result.exit_code == 0
    assert 'unpriced: 1_234 call of `calls`[region: "ap"]' in " ".join(result.stdout.split()).replace("\n", " ")
    assert "help: add a row for it, or `else`" in result.stdout
    assert "This is a preview only" in result.stdout
    assert "unused: usage of `egress` was given, but no line mentions it" in result.stdout
    document = json.loads(
        pricing("preview", "shop.pricing", "--on", "starter", "--usage", usage, "--format", "json").stdout
    )
    assert document["unpriced"][0]["quantity"] == "1234"
    assert document["unused"] == ["egress"]


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--on", "startr", "--usage", TWO], "error[R0101]: there is no plan or contract `startr`", "`starter`"),
        (["--usage", TWO], "error: shop.pricing has 2 plans and contracts", "`--on` starter or tiered"),
        (["--on", "tiered", "--usage", '{"cals": 1}'], "error[R0301]: there is no meter `cals`", "`calls`"),
        (["--on", "starter", "--usage", '{"calls": "many"}'], "error[R03", ""),
        (["--on", "starter", "--usage", '{"calls": 5}'], "error[R0305]", ""),
        (["--on", "starter", "--usage", "{calls: 5}"], "error: --usage:1:2: this is not JSON", "write {"),
        (["--on", "starter", "--usage", "absent.json"], "error: cannot read absent.json", ""),
    ],
)
def test_calls_that_cannot_be_priced(pricing: Pricing, words: list[str], message: str, hint: str) -> None:
    for command in ("preview", "explain"):
        result = pricing(command, "shop.pricing", *words)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert message in result.stderr
        assert hint in result.stderr
        as_json = pricing(command, "shop.pricing", *words, "--format", "json")
        assert as_json.exit_code == 2
        assert set(json.loads(as_json.stdout)["error"]) == {"code", "message", "help"}


def test_a_program_with_errors_is_not_priced(pricing: Pricing) -> None:
    for command in ("preview", "explain"):
        result = pricing(command, "wrong.pricing", "--usage", "{}")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "error[U0301]" in result.stderr
        as_json = pricing(command, "wrong.pricing", "--usage", "{}", "--format", "json")
        assert as_json.exit_code == 1
        assert json.loads(as_json.stdout)["diagnostics"][0]["code"] == "U0301"
        assert pricing(command, "absent.pricing", "--usage", "{}").exit_code == 2


def test_explain_shows_rule_place_inputs_and_formula(pricing: Pricing) -> None:
    result = pricing("explain", "shop.pricing", "--on", "tiered", "--usage", '{"calls": 210000}')
    assert result.exit_code == 0
    include = SHOP.splitlines().index("    include 10_000") + 1
    assert "total 350.00 USD" in result.stdout
    assert "calls 350.00 USD" in result.stdout
    assert f"shop.pricing:{include}" in result.stdout
    assert f"shop.pricing:{include + 1}" in result.stdout
    assert "210_000" in result.stdout


def test_explain_of_one_line(pricing: Pricing) -> None:
    whole = pricing("explain", "shop.pricing", "--on", "starter", "--usage", TWO).stdout
    assert "base 29.00 USD" in whole
    one = pricing("explain", "shop.pricing", "--on", "starter", "--usage", TWO, "--line", "loyalty").stdout
    assert "loyalty -22.00 USD" in one
    assert "base 29.00 USD" not in one
    document = json.loads(
        pricing(
            "explain", "shop.pricing", "--on", "starter", "--usage", TWO, "--line", "calls", "--format", "json"
        ).stdout
    )
    assert [line["id"] for line in document["lines"]] == ["calls"]
    assert document["lines"][0]["reason"]["value"] == "320"
    assert document["adjustments"] == []
    wrong = pricing("explain", "shop.pricing", "--on", "starter", "--usage", TWO, "--line", "call")
    assert wrong.exit_code == 2
    assert "`starter` has no line `call`" in wrong.stderr
    assert "did you mean `calls`?" in wrong.stderr


# --- plots ---------------------------------------------------------------------------------------------------------


def test_a_plot_in_the_terminal(pricing: Pricing) -> None:
    result = pricing("preview", "shop.pricing", "--on", "tiered", "--usage", '{"calls": 210000}', "--plot", "calls")
    assert result.exit_code == 0
    assert "tiered: charge by usage of API calls" in result.stdout
    assert "\x1b" not in result.stdout
    assert "420_000" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.mark.parametrize(("suffix", "head"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_a_plot_in_a_file(pricing: Pricing, folder: Path, suffix: str, head: bytes) -> None:
    words = ("preview", "shop.pricing", "--on", "starter", "--usage", TWO, "--plot", "calls", "--to", "200_000")
    result = pricing(*words, "--plot-file", f"out{suffix}", "--format", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["total"] == "327.00"
    first = (folder / f"out{suffix}").read_bytes()
    assert first.startswith(head)
    pricing(*words, "--plot-file", f"out{suffix}")
    assert (folder / f"out{suffix}").read_bytes() == first


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--plot", "cals"], "there is no meter `cals`"),
        (["--plot", "calls", "--to", "much"], "`--to much` is not a quantity above 0"),
        (["--plot", "calls", "--to", "-1"], "`--to -1` is not a quantity above 0"),
        (["--plot", "calls", "--to", "NaN"], "`--to NaN` is not a quantity above 0"),
        (["--plot", "calls", "--plot-file", "out.gif"], "cannot draw into out.gif"),
        (["--plot", "calls", "--plot-file", "absent/out.png"], "cannot write absent/out.png"),
        (["--to", "5"], "`--plot-file` and `--to` belong to a plot"),
        (["--plot", "calls", "--format", "json"], "a plot has no JSON form"),
    ],
)
def test_plots_that_cannot_be_drawn(pricing: Pricing, words: list[str], message: str) -> None:
    result = pricing("preview", "shop.pricing", "--on", "tiered", "--usage", '{"calls": 210000}', *words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_what_is_drawn_are_the_exact_amounts_on_both_sides_of_a_bound() -> None:
    program = compile_program(SHOP)
    evaluator = program.evaluator("tiered")
    meter = next(meter for meter in program.ir.meters if meter.name == "calls")
    drawing = sampled(evaluator, Inputs({"calls": 210_000}, None, None, None), meter, None)
    assert (drawing.quantities[0], drawing.quantities[-1]) == (0, 420_000)
    assert {100_000, 100_001} <= set(drawing.quantities)
    (total,) = drawing.curves
    assert total.name == "total"
    for quantity, amount in zip(drawing.quantities, total.amounts, strict=True):
        assert amount == evaluator({"calls": quantity}).total
    assert amount == Decimal("665.00")


def test_usage_by_dimensions_keeps_its_mix_and_lines_that_change_are_drawn() -> None:
    program = compile_program(SHOP)
    meter = next(meter for meter in program.ir.meters if meter.name == "calls")
    usage = {"calls": [{"quantity": 100_000, "region": "eu"}, {"quantity": 50_000, "region": "us"}]}
    drawing = sampled(program.evaluator("starter"), Inputs(usage, None, None, None), meter, "300000")
    assert [curve.name for curve in drawing.curves] == ["total", "API calls"]
    middle = drawing.quantities.index(Decimal(150_000))
    assert drawing.curves[1].amounts[middle] == Decimal("320.00")
    assert drawing.curves[1].amounts[-1] == Decimal("640.00")
    assert not drawing.unpriced
