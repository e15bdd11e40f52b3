"""Programs and everything the checker has to say about them.

Each `tests/golden/check/{good,bad}/*.pricing` stands beside the full text of its diagnostics. `good` programs compile,
perhaps with warnings; `bad` ones do not. Data files (`*.csv`) of the folder are handed over to all of its programs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pricing_dsl.check.program import from_syntax
from pricing_dsl.diagnostics.codes import CODES
from pricing_dsl.diagnostics.diagnostic import Diagnostic
from pricing_dsl.diagnostics.text import render
from pricing_dsl.source import Source
from pricing_dsl.syntax.parse import from_source

FOLDER = Path(__file__).parents[1] / "golden" / "check"
PROGRAMS = sorted(FOLDER.glob("*/*.pricing"))


def checked(path: Path) -> tuple[Source, tuple[Diagnostic, ...]]:
    source = Source(path.read_text(), path.name)
    parsed = from_source(source)
    assert parsed.diagnostics == (), "what does not parse belongs to the goldens of the parser"
    files = {file.name: file.read_bytes() for file in path.parent.glob("*.csv")}
    return source, from_syntax(parsed.program, source, files).diagnostics


@pytest.mark.parametrize("path", [pytest.param(path, id=f"{path.parent.name}-{path.stem}") for path in PROGRAMS])
def test_diagnostics(path: Path, rewrite: bool) -> None:
    source, diagnostics = checked(path)
    assert {d.severity for d in diagnostics} <= ({"warning"} if path.parent.name == "good" else {"warning", "error"})
    assert path.parent.name == "good" or any(d.severity == "error" for d in diagnostics)
    assert {d.code for d in diagnostics} <= CODES.keys()
    text = render(source, diagnostics) if diagnostics else "no findings\n"
    expected = path.with_suffix(".txt")
    if rewrite:
        expected.write_text(text)
    assert text == expected.read_text()


def test_every_finding_is_explained() -> None:
    """Each has a place in the program, and says what to write."""
    for path in PROGRAMS:
        for diagnostic in checked(path)[1]:
            assert diagnostic.help, f"{path.name}: {diagnostic.message}"
            assert diagnostic.span.start < diagnostic.span.end, f"{path.name}: {diagnostic.message}"
