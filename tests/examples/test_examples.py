"""The programs in examples/ check without errors, pass their own examples, and price their usage files.

Each is formatted as `pricing fmt` would have it, and each previews to the statement of the slow evaluator.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

import pricing_dsl

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted((ROOT / "examples").rglob("*.pricing"))
PLANS = [path for path in PROGRAMS if path.parent.name != "contracts"]
"""Programs with a usage file beside them; the contracts have tests of their own."""


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def compiled(path: Path) -> pricing_dsl.Program:
    files = {file.name: file.read_bytes() for file in path.parent.glob("*.csv")}
    return pricing_dsl.compile(text_of(path), name=path.name, files=files)


def test_there_are_programs() -> None:
    assert len(PROGRAMS) >= 8


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_examples_pass(path: Path) -> None:
    results = compiled(path).run_examples()
    assert len(results) >= 4, "several examples, boundaries among them"
    assert [(r.label, [c for c in r.checks if not c.passed], r.error) for r in results if not r.passed] == []


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_no_warnings(path: Path) -> None:
    assert [d.code for d in compiled(path).diagnostics] == []


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_is_formatted(path: Path) -> None:
    assert pricing_dsl.format_source(text_of(path)) == text_of(path)


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_usage_file_prices_every_plan(path: Path) -> None:
    program = compiled(path)
    usage = json.loads((path.parent / "usage.json").read_text(encoding="utf-8"))
    assert set(usage) <= {meter.name for meter in program.ir.meters}
    totals = []
    for plan in program.plans:
        statement = program.evaluator(plan)(usage)
        explained = program.evaluator(plan).explain(usage)
        assert [line.exact for line in statement.lines] == [line.exact for line in explained.lines]
        assert statement.total == explained.total
        amounts = [line.amount for line in statement.lines] + [row.amount for row in statement.adjustments]
        assert sum(amounts) == statement.total
        totals.append(statement.total)
    assert max(totals) > 0


def test_the_model_on_no_list_is_unpriced() -> None:
    path = ROOT / "examples/llm/llm_platform.pricing"
    usage = json.loads((path.parent / "usage.json").read_text(encoding="utf-8"))
    statement = compiled(path).evaluator("growth")(usage)
    assert [dict(entry.dimensions)["model"] for entry in statement.unpriced] == ["our-own-7b"]
    assert not statement.is_final
