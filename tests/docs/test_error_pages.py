"""Every code has a page, and every page keeps its word: its bad program gives the code, its good one gives nothing.

A page holds `pricing bad` and `pricing good`, or `python bad` and `python good` where a program alone cannot show it.
A `csv NAME` block is a data file that stands beside the programs after it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pricing_dsl.compilation import check
from pricing_dsl.diagnostics.codes import CODES, SECTIONS, page, title
from pricing_dsl.diagnostics.diagnostic import Diagnostic, ProgramError
from pricing_dsl.evaluate.errors import EvaluationError

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "errors"
PAGES = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "README")
BLOCK = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

Block = tuple[str, str, str]


def blocks(code: str) -> list[Block]:
    """The fenced blocks of a page: language, the word behind it, text."""
    return BLOCK.findall((ROOT / page(code)).read_text(encoding="utf-8"))


def codes_of_programs(code: str, wanted: str) -> list[set[str]]:
    """The codes that each program of a page gives, of those marked `wanted`, with the data files above it."""
    files: dict[str, str] = {}
    found: list[set[str]] = []
    for language, word, text in blocks(code):
        if language == "csv":
            files[word] = text
        elif language == "pricing" and word == wanted:
            found.append({diagnostic.code for diagnostic in check(text, files=files)})
    return found


def codes_of_snippets(code: str, wanted: str) -> list[set[str]]:
    """The codes that each Python snippet of a page ends with or leaves in `diagnostics`, of those marked `wanted`."""
    found: list[set[str]] = []
    for language, word, text in blocks(code):
        if language == "python" and word == wanted:
            try:
                names: dict[str, tuple[Diagnostic, ...]] = {}
                exec(compile(text, f"{code}.md", "exec"), names)
                found.append({diagnostic.code for diagnostic in names.get("diagnostics", ())})
            except EvaluationError as error:
                found.append({error.code})
            except ProgramError as error:
                found.append({diagnostic.code for diagnostic in error.diagnostics})
    return found


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(PAGES) == set(CODES)


@pytest.mark.parametrize("code", PAGES)
def test_a_page_keeps_its_word(code: str) -> None:
    bad = codes_of_programs(code, "bad") + codes_of_snippets(code, "bad")
    good = codes_of_programs(code, "good") + codes_of_snippets(code, "good")
    assert len(bad) == len(good) == 1
    assert code in bad[0]
    assert bad == [{code}] or code == "S0134", "a page shows its own code and no other"
    assert good == [set()]


@pytest.mark.parametrize("code", PAGES)
def test_a_page_says_what_it_is_about_and_why(code: str) -> None:
    heading, empty, why, *_ = (ROOT / page(code)).read_text(encoding="utf-8").split("\n")
    assert heading == f"# {code}: {title(code)}"
    assert (empty, why[:1].isupper() or why[:1] in '`"0123456789') == ("", True)


def test_the_index_lists_every_code_under_its_section() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[(\w+)\]\((\w+)\.md\): (.+)$", index, re.MULTILINE)
    assert listed == [(code, code, CODES[code]) for letter in SECTIONS for code in sorted(CODES) if code[0] == letter]
    assert re.findall(r"^## (\w): (.+)$", index, re.MULTILINE) == [
        (letter, words) for letter, words in SECTIONS.items() if any(code[0] == letter for code in CODES)
    ]
