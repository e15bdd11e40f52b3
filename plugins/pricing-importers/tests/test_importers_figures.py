"""Every price of every sample, imported, costs what the vendor's documentation says.

`samples/NAME.json` is what the vendor's API gives; `samples/NAME.figures.json` holds for each price a quantity, its
amount and the title of the documentation page, and the places that an import loses. A contract is appended where a plan
has phases.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pricing_importers
import pytest

import pricing_dsl

SAMPLES = Path(__file__).parent / "samples"
NAMES = sorted(path.stem.removesuffix(".figures") for path in SAMPLES.glob("*.figures.json"))
READERS = {
    "stripe": pricing_importers.read_stripe,
    "lago": pricing_importers.read_lago,
    "openmeter": pricing_importers.read_openmeter,
    "orb": pricing_importers.read_orb,
}
CASES = [
    pytest.param(name, figure, id=f"{name}-{number}-{figure['line']}")
    for name in NAMES
    for number, figure in enumerate(json.loads((SAMPLES / f"{name}.figures.json").read_text())["figures"])
]


def imported(name: str) -> pricing_importers.Imported:
    return READERS[name.split("_")[0]]((SAMPLES / f"{name}.json").read_bytes())


def program_of(name: str) -> pricing_dsl.Program:
    expected = json.loads((SAMPLES / f"{name}.figures.json").read_text())
    return pricing_dsl.compile(imported(name).program + expected.get("appended", ""))


@pytest.mark.parametrize(("name", "figure"), CASES)
def test_amount_is_the_documented_one(name: str, figure: dict[str, Any]) -> None:
    period = tuple(figure["period"]) if "period" in figure else None
    statement = program_of(name).evaluator(figure["plan"])(figure["usage"], period=period)
    line = statement.line(figure["line"])
    assert str(line.amount) == figure["amount"], figure["page"]
    if "net" in figure:
        assert str(line.net) == figure["net"], figure["page"]
    if "total" in figure:
        assert str(statement.total) == figure["total"], figure["page"]
    assert statement.unpriced == ()


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_the_program_has_a_figure(name: str) -> None:
    expected = json.loads((SAMPLES / f"{name}.figures.json").read_text())
    program = program_of(name)
    owners = {figure["plan"] for figure in expected["figures"]}
    lines = {
        (owner, line.id)
        for owner in owners
        for figure in expected["figures"]
        if figure["plan"] == owner
        for line in program.evaluator(owner)(figure["usage"], period=figure.get("period")).lines
    }
    assert lines == {(figure["plan"], figure["line"]) for figure in expected["figures"]}
    appended = expected.get("appended", "")
    assert owners == {plan for plan in (*program.plans, *program.contracts) if f"plan {plan} " not in appended}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_lost_is_listed_with_its_place_and_reason(name: str) -> None:
    expected = json.loads((SAMPLES / f"{name}.figures.json").read_text())
    lost = imported(name).lost
    assert [each.where for each in lost] == expected["lost"]
    assert all(each.why for each in lost)


@pytest.mark.parametrize("name", NAMES)
def test_program_is_formatted_and_the_same_every_time(name: str) -> None:
    program = imported(name).program
    assert pricing_dsl.format_source(program) == program
    assert imported(name).program == program
