"""Every program here says what it is about and what it costs; both evaluators must say the same.

`models/` has one program for each price model, `rules/` the rules with their worked figures, `rules/errors/` programs
that must not compile. A program's first comments may say what is expected of it:

    # warns: W0123           the codes of its warnings, none without such a line
    # error: T each          an error of that family whose message or help holds that word
    # refused: R0201 negative   every example is refused with that code and word
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import pricing_dsl
from pricing_dsl.diagnostics.diagnostic import ProgramError
from pricing_dsl.evaluate.examples import example_period, example_usage

HERE = Path(__file__).parent
PROGRAMS = sorted(path for path in HERE.rglob("*.pricing") if path.parent.name != "errors")
ERRORS = sorted((HERE / "rules" / "errors").glob("*.pricing"))


def name_of(path: Path) -> str:
    return str(path.relative_to(HERE).with_suffix(""))


def said(text: str, word: str) -> list[str]:
    """What stands behind `# word:` in a program's comments, in words."""
    found = re.search(rf"(?m)^# {word}: (.*)$", text)
    return found[1].split() if found else []


programs = pytest.mark.parametrize("path", PROGRAMS, ids=name_of)


@programs
def test_examples_hold(path: Path) -> None:
    text = path.read_text()
    results = pricing_dsl.compile(text, name=path.name).run_examples()
    assert results
    refusal = said(text, "refused")
    for result in results:
        if refusal:
            assert result.error is not None, result.label
            assert all(word in result.error for word in refusal), result.error
        else:
            assert result.error is None, result.label
            assert result.checks, result.label
            wrong = [(check.target, check.expected, check.actual) for check in result.checks if not check.passed]
            assert wrong == [], result.label
            assert result.passed


@programs
def test_warns_only_where_it_says_so(path: Path) -> None:
    text = path.read_text()
    found = pricing_dsl.check(text, name=path.name)
    assert sorted({diagnostic.code for diagnostic in found}) == sorted(said(text, "warns"))


def without_reasons(value: Any) -> Any:
    match value:
        case dict():
            return {key: without_reasons(item) for key, item in value.items() if key != "reason"}
        case list():
            return [without_reasons(item) for item in value]
        case _:
            return value


def no_other_unit(meter: str, unit: str) -> Fraction:
    raise AssertionError(f"write the usage of {meter} in its own unit, not in {unit}")


@programs
def test_both_evaluators_agree(path: Path) -> None:
    text = path.read_text()
    if said(text, "refused"):
        return
    program = pricing_dsl.compile(text, name=path.name)
    for example in program.examples:
        evaluator = program.evaluator(example.target.text)
        usage, period = example_usage(example, no_other_unit), example_period(example)
        statement, explained = evaluator(usage, period), evaluator.explain(usage, period).to_dict()
        assert statement.to_dict() == without_reasons(explained)
        assert all("reason" in line for line in explained["lines"])
        lines = {line.id: line.minor for line in statement.lines}
        assert evaluator.amounts(usage, period) == {**lines, "total": statement.total_minor}


@pytest.mark.parametrize("path", ERRORS, ids=name_of)
def test_error_is_found(path: Path) -> None:
    text = path.read_text()
    family, word = said(text, "error")
    errors = [found for found in pricing_dsl.check(text, name=path.name) if found.severity == "error"]
    told = [(found.code, f"{found.message} {found.help}") for found in errors]
    assert any(code.startswith(family) and word in message for code, message in told), told
    with pytest.raises(ProgramError):
        pricing_dsl.compile(text, name=path.name)
