"""`pricing demo` runs to its end, and what it bills is what the price list says, worked out here by hand."""

from __future__ import annotations

import csv
import tomllib
from fractions import Fraction
from pathlib import Path

import pytest

import pricing_dsl
from pricing_dsl.cli import demo, demo_usage
from pricing_dsl.cli.demo_usage import CUSTOMERS, Customer, Generator
from pricing_dsl.values.rounding import round_to_minor

ROOT = Path(__file__).parents[2]
LLM = ROOT / "examples/llm"
SEARCH = Fraction(10, 1000)


@pytest.fixture(scope="module")
def program() -> pricing_dsl.Program:
    text = (LLM / demo.PROGRAM).read_text(encoding="utf-8")
    return pricing_dsl.compile(text, files={demo.PRICES: (LLM / demo.PRICES).read_bytes()})


@pytest.fixture(scope="module")
def prices() -> dict[tuple[str, str, str], Fraction]:
    with (LLM / demo.PRICES).open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return {(r["model"], r["token_type"], r["tier_above_tokens"]): Fraction(r["unit_price_usd"]) for r in rows}


@pytest.mark.parametrize("customer", CUSTOMERS, ids=lambda customer: customer.plan + " " + customer.name)
def test_cost_by_hand(
    program: pricing_dsl.Program, prices: dict[tuple[str, str, str], Fraction], customer: Customer
) -> None:
    usage = demo_usage.usage(customer)
    by_hand: dict[str, Fraction] = {"searches": int(str(usage["searches"])) * SEARCH}
    for meter in ("tokens", "batch_tokens"):
        cells = usage.get(meter, [])
        assert isinstance(cells, list)
        by_hand[meter] = sum(
            (
                prices.get((c["model"], c["token_type"], c["context"].replace("base", "")), Fraction(0))
                * int(c["quantity"])
                for c in cells
            ),
            Fraction(0),
        )
    statement = program.evaluator("at_cost")(usage)
    exact = {line.id: line.exact for line in statement.lines}
    assert exact == {"tokens": by_hand["tokens"], "batch": by_hand["batch_tokens"], "searches": by_hand["searches"]}
    assert statement.total_minor == sum(round_to_minor(amount, 2, "half_up") for amount in by_hand.values())


def test_the_generator_is_the_same_everywhere() -> None:
    generator = Generator(1)
    assert [generator.below(1000) for _ in range(6)] == [423, 509, 648, 382, 795, 500]


def test_the_demo_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    assert demo.run_demo() == 0
    shown = capsys.readouterr().out
    assert "12,717 list prices" in shown
    assert "unpriced: quill-7b" in shown
    assert "error[U0301]" in shown
    for customer in CUSTOMERS:
        assert customer.name in shown


def test_the_package_ships_what_the_demo_reads() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for name in (demo.PROGRAM, demo.PRICES):
        assert shipped[f"examples/llm/{name}"] == f"pricing_dsl/demo_data/{name}"
        assert (LLM / name).is_file()
    assert demo.program_path() == LLM / demo.PROGRAM
