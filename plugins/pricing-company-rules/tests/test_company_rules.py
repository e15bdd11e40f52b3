"""The rules of the company: for each, programs in which it finds something and programs in which it does not."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pricing_company_rules
import pytest
from pricing_company_rules.rules import GIFTS, LARGE_DISCOUNTS, LONG_CONTRACTS

import pricing_dsl
from pricing_dsl.plugin import Finding, Lint
from pricing_dsl.plugin.manager import load, using
from pricing_dsl.plugin.testing import assert_plugin

README = Path(pricing_company_rules.__file__).parents[2] / "README.md"

HEAD = """
currency USD
unit token | tokens
meter tokens { from "llm.completion"  measure sum(n)  unit token  by model }
meter seats { from "seat.changed"  measure max(n)  carried }
"""
PLAN = "plan p {{ charge seats on seats {{ price 10 }}  charge tokens on tokens {{ price 2 per 1k }} {} }}"
CONTRACT = "contract acme {{ plan p  term 2026-01-01 to 2028-01-01\n{}\n}}"


def found(lint: Lint, text: str) -> list[tuple[str, str]]:
    """What is underlined, and the message."""
    with using(load(only=set())):
        program = pricing_dsl.compile(HEAD + text, files={"off.csv": "model,off\na,0.6\nb,0.1\n"})
    findings: list[Finding] = list(lint.check(program.ir, HEAD + text))
    assert all(each.severity == "error" and each.help for each in findings)
    return [((HEAD + text)[each.span.start : each.span.end], each.message) for each in findings]


def plan(of: str) -> str:
    return PLAN.format(of)


def contract(of: str) -> str:
    return plan("") + "\n" + CONTRACT.format(of)


def underlined(lint: Lint, text: str) -> list[str]:
    return [where for where, _ in found(lint, text)]


# --- large discounts ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plan p { charge seats on seats { price 10  discount 50% } }", ["50%"]),
        ("plan p { charge seats on seats { price 10  discount 41% above 1_000 up to 41 } }", ["41%"]),
        ("plan p { charge seats on seats { price 10  discount graduated { above 10: 5%  above 60: 60% } } }", ["60%"]),
        (plan("discount 45.5% on tokens"), ["45.5%"]),
        (plan("discount graduated { above 10: 5%  above 100: 70%  above 200: 80% }"), ["70%", "80%"]),
        (contract("override seats { discount 90% }"), ["90%"]),
        (contract("from month 3 to month 5 { override all { discount 41% } }"), ["41%"]),
        (contract("discount 55% on seats  # for the launch"), ["55%"]),
        ('rates off by model { model | value  "a" | 0.5  "b" | 0.41  else | 0.1 }\n'
         "plan p { charge tokens on tokens { price 2 per 1k  discount off } }", ["0.5", "0.41"]),
        ('rates off by model from "off.csv" { price: off }\n'
         "plan p { charge tokens on tokens { price 2 per 1k  discount off } }",
         ['rates off by model from "off.csv" { price: off }']),
        ("plan a { charge seats on seats { price 10 } }  plan b extends a { override seats { discount 50% } }",
         ["50%"]),
        ("plan a { charge seats on seats { price 10  discount 50% } }  plan b extends a { }  plan c extends b { }",
         ["50%"]),
    ],
)  # fmt: skip
def test_a_large_discount_is_found(text: str, expected: list[str]) -> None:
    assert underlined(LARGE_DISCOUNTS, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        plan("discount 40%"),
        plan("discount 1_000"),
        plan("minimum 50"),
        "plan p { charge seats on seats { price 10  times 0.1 } }",
        "plan p { charge seats on seats { price 10  discount 50 } }",
        plan("discount 50%  # approved: Ada, 2026-03-01\n"),
        plan("\n# approved: Ada Byron, 2026-03-01, until the end of the year\n discount 50%"),
        plan("\n discount graduated {\n above 10: 40%\n above 60: 60%  # approved: Ada, 2026-03-01\n }"),
        'rates off by model { model | value  "a" | 0.5  else | 0.1 }\n' + plan(""),
    ],
)
def test_a_discount_that_is_small_or_approved_is_not(text: str) -> None:
    assert found(LARGE_DISCOUNTS, text) == []


@pytest.mark.parametrize(
    ("comment", "reason"),
    [
        ("# approved: Ada", "its approval has no name or no date"),
        ("# approved: 2026-03-01", "its approval has no name or no date"),
        ("# approved: Ada, 2026-02-30", "its approval has no name or no date"),
        ("# Ada approved this", "nobody has approved it"),
    ],
)
def test_half_an_approval_is_none(comment: str, reason: str) -> None:
    assert found(LARGE_DISCOUNTS, plan(f"discount 50%  {comment}\n")) == [
        ("50%", f"this discount of 50% is above 40%, and {reason}")
    ]


def test_an_approval_is_for_its_own_line() -> None:
    """A comment behind something else approves that only, and what stands in a string approves nothing."""
    text = plan("discount 41%  # approved: Ada, 2026-03-01\n discount 42%")
    assert underlined(LARGE_DISCOUNTS, text) == ["42%"]
    named = 'plan p "# approved: Ada, 2026-03-01" { charge seats on seats { price 10  discount 50% } }'
    assert underlined(LARGE_DISCOUNTS, named) == ["50%"]


# --- long contracts ---


def term(dates: str, of: str = "") -> str:
    return plan("") + f"\ncontract acme {{ # term\n plan p  term {dates} {of} }}"


@pytest.mark.parametrize(
    "dates", ["2026-01-01 to 2029-01-02", "2024-02-29 to 2027-03-02", '2026-01-01 to 2029-01-02 timezone "Asia/Tokyo"']
)
def test_a_long_contract_is_found(dates: str) -> None:
    ((where, message),) = found(LONG_CONTRACTS, term(dates))
    assert where == "term"
    assert re.fullmatch(r"`acme` runs until \d{4}-\d\d-\d\d, longer than 3 years, and nobody has approved it", message)


@pytest.mark.parametrize(
    "dates",
    [
        "2026-01-01 to 2029-01-01",
        "2024-02-29 to 2027-03-01",
        '2026-01-01 to 2029-01-01 timezone "Asia/Tokyo"',
        "2026-01-01 to 2036-01-01  # approved: Ada, 2026-03-01\n",
    ],
)
def test_three_years_or_an_approval_are_not(dates: str) -> None:
    assert found(LONG_CONTRACTS, term(dates)) == []


# --- gifts ---


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ("override seats { price free }", ["free"]),
        ("override seats { price 0 }", ["0"]),
        ('override tokens { graduated { to 10: free  above: 1 } }', ["free"]),
        ("override seats { times 0.49 }", ["0.49"]),
        ('override tokens { times model { "a": 0.4  else: 1 } }', ["0.4"]),
        ("commit annual 100 prepaid { funded times 0.3 }", ["0.3"]),
        ('charge gpu on tokens { where model == "a" else free  price 1 }', ["free"]),
    ],
)  # fmt: skip
def test_a_gift_in_a_contract_is_found(of: str, expected: list[str]) -> None:
    assert underlined(GIFTS, contract(of)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "plan p { charge seats on seats { graduated { to 5: free  above: 10 } } }\n" + CONTRACT.format(""),
        "plan p { charge seats on seats { price 10  times 0.2 } }\n" + CONTRACT.format(""),
        contract("override seats { times 0.5 }"),
        contract("override seats { markup 20% }"),
        contract("override seats { price free }  # approved: Ada, 2026-03-01"),
        contract("commit annual 100 prepaid { funded times 0.9 }"),
    ],
)
def test_what_the_plan_gives_or_is_approved_is_not(text: str) -> None:
    assert found(GIFTS, text) == []


# --- as a plugin ---


def test_it_keeps_the_laws_of_the_kit() -> None:
    assert_plugin(pricing_company_rules)


def test_its_hook_provides_them() -> None:
    assert pricing_company_rules.register_lints() == [LARGE_DISCOUNTS, LONG_CONTRACTS, GIFTS]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("shown", [block for block in blocks("console") if ".pricing" in block])
def test_the_readme_shows_what_is_found(shown: str, tmp_path: Path) -> None:
    (program,) = blocks("pricing")
    (tmp_path / "initech.pricing").write_text(program)
    command, _, expected = shown.partition("\n")
    pricing = str(Path(sys.executable).with_name("pricing"))
    ran = subprocess.run(
        [pricing, *shlex.split(command.removeprefix("$ pricing "))], cwd=tmp_path, capture_output=True, text=True,
        check=False, env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PRICING_PLUGINS": "company_rules"},
    )  # fmt: skip
    assert (ran.stdout + ran.stderr, ran.returncode) == (expected, 1)


def test_the_program_of_the_readme_has_none_once_approved() -> None:
    """With the lines that the README shows in the places of those that were found."""
    (program,), (approved,) = blocks("pricing"), blocks("text")
    start, end = program.index("  term"), program.index("}\n", program.index("price free"))
    with using(load(only={"company_rules"})):
        assert pricing_dsl.check(program[:start] + approved + program[end + 2 :]) == ()


def test_the_rule_that_the_readme_writes_finds_what_it_says() -> None:
    (code,) = blocks("python")
    made: dict[str, Any] = {}
    exec(compile(code, str(README), "exec"), made)
    text = HEAD + "plan p { fee setup 50 once  fee platform 100 }"
    with using(load(only=set())):
        findings = list(made["NO_SETUP_FEES"].check(pricing_dsl.compile(text).ir, text))
    assert [text[each.span.start : each.span.end] for each in findings] == ["fee setup 50 once"]
