"""The pages beside the cases are complete and point at what exists."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conformance.peers.test_peers import CASES

HERE = Path(__file__).parent
MODELS = [f"{number:02d}" for number in range(1, 37)] + ["L1", "L2", "L3"]
RULES = range(1, 37)
CAPABILITIES = list(range(1, 122))


def test_every_price_model_is_a_program() -> None:
    numbers = {path.name.split("_")[0] for path in (HERE / "models").glob("*.pricing")}
    assert set(MODELS) <= numbers


def test_every_rule_has_a_case_or_a_reason() -> None:
    rules = HERE / "rules"
    found = [*rules.rglob("[0-9][0-9]_*.pricing"), *(rules / "contracts").glob("[0-9][0-9]_*.toml")]
    cases = {int(path.name[:2]) for path in found}
    reasons = {int(number) for number in re.findall(r"(?m)^\| (\d+) \|", (HERE / "rules_not_yet.md").read_text())}
    assert sorted(cases | reasons) == list(RULES)


def test_every_capability_has_a_row() -> None:
    rows = re.findall(r"(?m)^\| (\d+) \|", (HERE / "capabilities.md").read_text())
    assert [int(row) for row in rows] == CAPABILITIES


def test_what_the_pages_name_exists() -> None:
    text = (HERE / "capabilities.md").read_text() + (HERE / "rules_not_yet.md").read_text()
    named = set(re.findall(r"\b(?:examples/contracts|models|rules(?:/errors|/contracts)?)/\w+", text))
    named -= {"rules/errors", "rules/contracts"}
    assert named
    places = {name: HERE.parents[1] if name.startswith("examples") else HERE for name in named}
    assert [name for name in sorted(named) if not list(places[name].glob(f"{name}.*"))] == []


AGREEMENTS = range(62, 96)
"""Capabilities under "Credits and commits" and "Contract and time"."""


def test_every_capability_of_contracts_has_a_program_or_says_what_it_lacks() -> None:
    rows = re.findall(r"(?m)^\| (\d+) \| [^|]+ \| ([^|]+) \|$", (HERE / "capabilities.md").read_text())
    shown = {int(number): where for number, where in rows}
    program = re.compile(r"\b(?:examples/contracts|models|rules(?:/contracts)?)/\w+")
    assert set(AGREEMENTS) <= shown.keys()
    assert [n for n in AGREEMENTS if not program.search(shown[n]) and "lacks: " not in shown[n]] == []


def test_the_vectors_that_the_page_names_are_said() -> None:
    named = re.findall(r"peers \(`([\w-]+)`", (HERE / "capabilities.md").read_text())
    assert named
    assert [name for name in named if not any(case.startswith(name) for case in CASES)] == []
