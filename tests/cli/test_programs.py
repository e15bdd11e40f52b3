"""`pricing check`, `pricing fmt` and `pricing test`: what they print, what they change, how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pricing_dsl.cli import starters
from pricing_dsl.compilation import check

from .conftest import SHOP, WRONG, Pricing


def test_check_says_that_nothing_is_wrong(pricing: Pricing) -> None:
    result = pricing("check", "shop.pricing")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "shop.pricing: no errors\n", "")


def test_check_shows_each_finding_with_its_place(pricing: Pricing) -> None:
    result = pricing("check", "wrong.pricing")
    assert result.exit_code == 1
    assert result.stdout.startswith("error[U0301]: ")
    column = WRONG.splitlines()[7].index("0.09 per GB") + 1
    assert f" --> wrong.pricing:8:{column}\n" in result.stdout
    assert "8 | plan starter { charge calls on calls { price 0.09 per GB } }\n" in result.stdout
    assert result.stdout.endswith("\n\nwrong.pricing: 1 error\n")


def test_check_sums_up_several_files_and_reads_each_once(pricing: Pricing) -> None:
    result = pricing("check", "shop.pricing", "wrong.pricing", "shop.pricing")
    assert result.exit_code == 1
    assert result.stdout.endswith("2 programs: 1 error\n")


def test_check_goes_on_after_a_file_that_is_not_there(pricing: Pricing) -> None:
    result = pricing("check", "absent.pricing", "wrong.pricing")
    assert result.exit_code == 2
    assert result.stderr == "error: cannot read absent.pricing: no such file or directory\n"
    assert "U0301" in result.stdout


def test_check_reads_standard_input(pricing: Pricing) -> None:
    result = pricing("check", "-", stdin=WRONG)
    assert result.exit_code == 1
    assert " --> <stdin>:8:" in result.stdout


def test_check_json_is_one_list_over_all_files(pricing: Pricing) -> None:
    result = pricing("check", "shop.pricing", "wrong.pricing", "--format", "json")
    assert result.exit_code == 1
    (found,) = json.loads(result.stdout)
    assert (found["code"], found["file"], found["start"]["line"]) == ("U0301", "wrong.pricing", 8)
    assert json.loads(pricing("check", "shop.pricing", "--format", "json").stdout) == []


def test_check_sarif_and_github(pricing: Pricing) -> None:
    log = json.loads(pricing("check", "wrong.pricing", "--format", "sarif").stdout)
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == ["U0301"]
    result = pricing("check", "wrong.pricing", "--format", "github")
    assert result.exit_code == 1
    assert result.stdout.startswith("::error file=wrong.pricing,line=8,endLine=8,col=")
    assert pricing("check", "shop.pricing", "--format", "github").stdout == ""


def test_warnings_do_not_fail_a_check(pricing: Pricing, folder: Path) -> None:
    (folder / "unused.pricing").write_text('currency USD\nmeter m { from "e" measure count() }\n')
    result = pricing("check", "unused.pricing")
    assert result.exit_code == 0
    assert result.stdout.startswith("warning[W")
    assert result.stdout.endswith("unused.pricing: no errors, 1 warning\n")


@pytest.mark.parametrize(
    "words",
    [
        ["check"],
        ["check", "shop.pricing", "--format", "xml"],
        ["frobnicate"],
        ["test", "shop.pricing", "--no-such-option"],
        ["preview"],
        ["explain"],
    ],
)
def test_a_call_that_makes_no_sense_ends_with_2(pricing: Pricing, words: list[str]) -> None:
    result = pricing(*words)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr


@pytest.mark.parametrize("command", [["check"], ["test"], ["fmt"], ["fmt", "--check"]])
def test_a_program_that_is_not_text(pricing: Pricing, folder: Path, command: list[str]) -> None:
    (folder / "bytes.pricing").write_bytes(b"currency \xff\xfe")
    result = pricing(*command, "bytes.pricing")
    assert result.exit_code == 2
    assert "bytes.pricing is not UTF-8 text: line 1 has the byte 0xff" in result.stderr
    assert "help: save the file as UTF-8" in result.stderr


def test_data_files_are_handed_over_from_beside_the_program(pricing: Pricing, folder: Path) -> None:
    (folder / "sub").mkdir()
    program = (
        'currency USD unit call meter calls { from "e" measure count() unit call by region } '
        'rates r per 1 call by region from "%s" { price: price region: region } '
        "plan p { charge calls on calls { price r } }\n"
    )
    (folder / "sub" / "rates.csv").write_text("region,price\neu,2\n")
    (folder / "rates.csv").write_text("region,price\neu,3\n")
    (folder / "sub" / "beside.pricing").write_text(program % "rates.csv")
    (folder / "sub" / "outside.pricing").write_text(program % "../rates.csv")
    assert pricing("check", "sub/beside.pricing").exit_code == 0
    outside = pricing("check", "sub/outside.pricing")
    assert outside.exit_code == 1
    assert "../rates.csv" in outside.stdout
    priced = pricing("preview", "sub/beside.pricing", "--usage", '{"calls": [{"quantity": 2, "region": "eu"}]}')
    assert "4.00" in priced.stdout


# --- fmt -----------------------------------------------------------------------------------------------------------

UNTIDY = SHOP.replace("\n  fee base", "\n\n\n fee   base").replace("{ price by_region", "{price by_region")


@pytest.fixture
def untidy(folder: Path) -> Path:
    """A program that is right but not laid out."""
    file = folder / "untidy.pricing"
    file.write_text(UNTIDY)
    return file


def test_fmt_rewrites_and_is_then_content(pricing: Pricing, untidy: Path) -> None:
    first = pricing("fmt", "untidy.pricing")
    assert (first.exit_code, first.stdout) == (0, "")
    assert first.stderr == "formatted untidy.pricing\n1 program formatted\n"
    written = untidy.read_text()
    assert written != UNTIDY
    assert check(written) == ()
    assert written == SHOP
    second = pricing("fmt", "untidy.pricing", "--check")
    assert (second.exit_code, second.stderr) == (0, "1 program unchanged\n")


def test_fmt_check_and_diff_change_nothing(pricing: Pricing, untidy: Path) -> None:
    checked = pricing("fmt", "--check", "untidy.pricing")
    assert checked.exit_code == 1
    assert "would format untidy.pricing" in checked.stderr
    diffed = pricing("fmt", "--diff", "untidy.pricing")
    assert diffed.exit_code == 0
    assert diffed.stdout.startswith("--- untidy.pricing\n+++ untidy.pricing (formatted)\n@@")
    assert untidy.read_text() == UNTIDY


def test_fmt_of_standard_input_goes_to_standard_output(pricing: Pricing, untidy: Path) -> None:
    result = pricing("fmt", "-", stdin=UNTIDY)
    pricing("fmt", "untidy.pricing")
    assert result.exit_code == 0
    assert result.stdout == untidy.read_text()


def test_fmt_leaves_alone_what_does_not_parse(pricing: Pricing, folder: Path, untidy: Path) -> None:
    (folder / "broken.pricing").write_text("plan {")
    result = pricing("fmt", "broken.pricing", "untidy.pricing")
    assert result.exit_code == 1
    assert "error[S" in result.stderr
    assert "1 program formatted, 1 program not formatted: it does not parse" in result.stderr
    assert (folder / "broken.pricing").read_text() == "plan {"
    assert untidy.read_text() == SHOP


# --- test ----------------------------------------------------------------------------------------------------------


def test_examples_that_pass(pricing: Pricing) -> None:
    result = pricing("test", "shop.pricing")
    assert result.exit_code == 0
    assert result.stdout == "shop.pricing\n  ok    two regions (starter)\n1 example passed\n"


def test_an_example_that_fails_shows_both_amounts_and_the_place(pricing: Pricing, folder: Path) -> None:
    (folder / "shop.pricing").write_text(SHOP.replace("expect calls = 320.00", "expect calls = 321.00"))
    result = pricing("test", "shop.pricing")
    assert result.exit_code == 1
    line = SHOP.splitlines().index("  expect calls = 320.00") + 1
    assert "  FAIL  two regions (starter)\n" in result.stdout
    assert f"shop.pricing:{line}:3: calls is 320, expected 321\n" in result.stdout
    assert result.stdout.endswith("1 example of 1 failed\n")


def test_an_example_that_cannot_be_priced_fails(pricing: Pricing, folder: Path) -> None:
    average = "  charge average = 1000 / quantity(egress)\n  discount 10%"
    (folder / "shop.pricing").write_text(SHOP.replace("  discount 10%", average))
    result = pricing("test", "shop.pricing", "--format", "json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["passed"], document["failed"], document["diagnostics"]) == (0, 1, [])
    assert document["examples"][0]["error"].startswith("R0202")


def test_a_proof_is_said_to_be_undecided(pricing: Pricing, folder: Path) -> None:
    proof = "prove starter never decreases in\n  calls"
    (folder / "shop.pricing").write_text(SHOP + proof)
    result = pricing("test", "shop.pricing")
    assert "  --    prove starter never decreases in calls: deciding proofs is not built yet\n" in result.stdout
    document = json.loads(pricing("test", "shop.pricing", "--format", "json").stdout)
    assert document["undecided"] == ["prove starter never decreases in calls"]


def test_examples_as_json(pricing: Pricing) -> None:
    document = json.loads(pricing("test", "shop.pricing", "wrong.pricing", "--format", "json").stdout)
    assert (document["passed"], document["failed"]) == (1, 0)
    (example,) = document["examples"]
    line = SHOP.splitlines().index('example "two regions" on starter {') + 1
    assert (example["file"], example["label"], example["line"]) == ("shop.pricing", "two regions", line)
    assert [(c["target"], c["expected"], c["actual"]) for c in example["checks"]] == [
        ("calls", "320", "320"),
        ("total", "327", "327"),
    ]
    assert [found["code"] for found in document["diagnostics"]] == ["U0301"]


def test_a_program_with_errors_runs_no_example_and_fails(pricing: Pricing) -> None:
    result = pricing("test", "wrong.pricing")
    assert result.exit_code == 1
    assert "error[U0301]" in result.stderr
    assert result.stdout == "no examples were run\n"


# --- new -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", starters.names())
def test_a_new_program_checks_cleanly_is_formatted_and_passes(pricing: Pricing, folder: Path, template: str) -> None:
    assert pricing("new", "mine.pricing", "--template", template).exit_code == 0
    assert pricing("check", "mine.pricing").stdout == "mine.pricing: no errors\n"
    tested = pricing("test", "mine.pricing")
    assert tested.exit_code == 0
    assert "passed" in tested.stdout
    assert pricing("fmt", "--check", "mine.pricing").exit_code == 0
    assert pricing("new", "-", "--template", template).stdout == (folder / "mine.pricing").read_text()


def test_the_templates_that_help_names_are_those_there_are(pricing: Pricing) -> None:
    shown = pricing("new", "--help").stdout
    assert set(starters.names()) == {"api", "llm", "payments", "seats"}
    assert "api, llm, seats or payments" in " ".join(shown.split())


def test_new_never_overwrites_and_knows_its_templates(pricing: Pricing, folder: Path) -> None:
    taken = pricing("new", "shop.pricing")
    assert taken.exit_code == 2
    assert "shop.pricing is already there" in taken.stderr
    assert (folder / "shop.pricing").read_text() == SHOP
    unknown = pricing("new", "mine.pricing", "--template", "seat")
    assert unknown.exit_code == 2
    assert "there is no template `seat`" in unknown.stderr
    assert "did you mean `seats`?" in unknown.stderr
    assert pricing("new", "absent/mine.pricing").exit_code == 2


def test_version_and_help(pricing: Pricing) -> None:
    assert pricing("--version").stdout.startswith("pricing ")
    shown = pricing("--help").stdout
    for command in ("check", "fmt", "test", "preview", "explain", "new", "demo"):
        assert f"  {command} " in shown
