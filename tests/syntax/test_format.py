"""The one layout: pairs of programs as written and as printed, and what printing may never change.

Each `tests/golden/format/*.pricing` stands beside its layout (`.formatted`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pricing_dsl.diagnostics.diagnostic import ProgramError
from pricing_dsl.source import Source
from pricing_dsl.syntax.format import COLUMNS_MAX, format_program
from pricing_dsl.syntax.parse import from_source

FOLDER = Path(__file__).parents[1] / "golden"
PAIRS = [pytest.param(path, id=path.stem) for path in sorted((FOLDER / "format").glob("*.pricing"))]
PROGRAMS = [
    pytest.param(path, id=f"{path.parent.name}-{path.stem}")
    for path in [*sorted((FOLDER / "format").glob("*.pricing")), *sorted((FOLDER / "syntax/good").glob("*.pricing"))]
]


def formatted(text: str) -> str:
    return format_program(Source(text))


@pytest.mark.parametrize("path", PAIRS)
def test_layout(path: Path, rewrite: bool) -> None:
    text = formatted(path.read_text())
    expected = path.with_suffix(".formatted")
    if rewrite:
        expected.write_text(text)
    assert text == expected.read_text()


@pytest.mark.parametrize("path", PROGRAMS)
def test_nothing_is_lost(path: Path) -> None:
    """The tree, the tokens and the comments stay; a second run changes nothing."""
    text = path.read_text()
    once = formatted(text)
    before, after = from_source(Source(text)), from_source(Source(once))
    assert after.program == before.program
    assert [after.tokens.text(i) for i in range(len(after.tokens.kinds))] == [
        before.tokens.text(i) for i in range(len(before.tokens.kinds))
    ]
    assert [once[start:end] for start, end in after.comments] == [text[a:b].rstrip() for a, b in before.comments]
    assert formatted(once) == once


@pytest.mark.parametrize("path", PROGRAMS)
def test_squeezed_and_torn_programs_get_the_same_items(path: Path) -> None:
    """Line ends carry no meaning: a program on one line, or with every token on its own, prints to the same tree."""
    text = path.read_text()
    parsed = from_source(Source(text))
    tokens = [parsed.tokens.text(i) for i in range(len(parsed.tokens.kinds))]
    for between in (" ", "\n", "\n\n\n"):
        once = formatted(between.join(tokens))
        assert from_source(Source(once)).program == parsed.program
        assert formatted(once) == once
        assert "\n\n\n" not in once
        assert not any(line.endswith(" ") for line in once.splitlines())


def test_a_program_with_errors_is_not_printed() -> None:
    with pytest.raises(ProgramError, match="S0101"):
        formatted("plan p { fee }")


def test_the_empty_program_stays_empty() -> None:
    assert formatted("") == ""
    assert formatted("\n \n") == ""
    assert formatted("# only this  \n\n\n\n# and this") == "# only this\n\n# and this\n"


def test_a_block_on_one_line_stays_there_while_it_fits() -> None:
    name = "m" * (COLUMNS_MAX - len("meter  { measure count() }"))
    fits = f"meter {name} {{ measure count() }}\n"
    assert len(fits) == COLUMNS_MAX + 1
    assert formatted(fits) == fits
    assert formatted(fits.replace(name, name + "m")) == f"meter {name}m {{\n  measure count()\n}}\n"


def test_a_long_item_is_broken_where_it_may_be() -> None:
    terms = [f"quantity_of_part_{number}" for number in range(12)]
    lines = formatted(f"quantity all = {' + '.join(terms)}").splitlines()
    assert len(lines) > 1
    assert all(len(line) <= COLUMNS_MAX for line in lines)
    assert all(line.startswith("    + ") for line in lines[1:])
