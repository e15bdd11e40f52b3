"""The tables are those of the grammar, and the parser reads as Lark's own parser of that grammar does."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from time import process_time

import pytest
from lark import Lark

from grammar import tables
from grammar.generate import TABLES_FILE, generate_tables, load_grammar
from pricing_dsl.source import Source
from pricing_dsl.syntax.build import Builder
from pricing_dsl.syntax.parse import from_source

GOOD = sorted((Path(__file__).parents[1] / "golden" / "syntax" / "good").glob("*.pricing"))
PAGE = next(path for path in GOOD if path.stem == "page")


@cache
def lark_parser() -> Lark:
    return load_grammar()


def test_tables_are_generated_from_the_grammar() -> None:
    assert TABLES_FILE.read_text(encoding="utf-8") == generate_tables()


def test_every_rule_has_a_function_and_the_builder_no_other() -> None:
    named = {name for _, _, name, _ in tables.RULES if name not in ("", "+")}
    public = {name for name in dir(Builder) if not name.startswith("_")}
    assert named - public == set()
    assert public - named == {"report", "recovered", "words", "sequence"}


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in GOOD])
def test_tokens_are_those_of_the_contextual_lexer(path: Path) -> None:
    """Each token of Lark's run is ours, a name where ours is a word that Lark's state did not expect.

    Lark asks once per token, in a state that may also expect words of other places (LALR); so it refuses a word behind
    a number where we go on to read a name, and those names are left out here.
    """
    text = path.read_text()
    if path.stem == "words_after_numbers":
        text = text.replace("minimum =", "a =").replace("fee =", "b =").replace("total =", "c =")
    tokens = from_source(Source(text)).tokens
    ours = dict(zip(zip(tokens.starts, tokens.ends, strict=True), tokens.kinds, strict=True))
    run = lark_parser().parse_interactive(text)
    theirs = {(token.start_pos, token.end_pos): token.type for token in run.iter_parse()}
    assert theirs.keys() == ours.keys() - {(len(text), len(text))}
    words = set(tables.KEYWORDS.values())
    for place, kind in theirs.items():
        assert kind == ours[place] or (kind == "NAME" and ours[place] in words), text[slice(*place)]


def test_ten_thousand_lines_take_no_longer_than_half_as_much_again_as_lark_alone() -> None:
    page = PAGE.read_text()
    text = page * (10_000 // page.count("\n") + 1)
    lark = lark_parser()

    def seconds(parse: object) -> float:
        assert callable(parse)
        start = process_time()
        parse()
        return process_time() - start

    ours = min(seconds(lambda: from_source(Source(text))) for _ in range(2))
    theirs = min(seconds(lambda: lark.parse(text)) for _ in range(2))
    assert ours <= 1.5 * theirs


def test_reading_a_program_needs_no_lark() -> None:
    """Loading the parser costs the tables, not the library that made them."""
    code = "import sys, pricing_dsl.syntax.parse; sys.exit('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
