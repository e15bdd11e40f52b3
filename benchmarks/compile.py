"""How long compiling 10,000 lines takes, all checks and the IR included, against Lark only parsing them.

Lark is given the project's own grammar, with its LALR parser and contextual lexer, and builds its plain tree.
"""

from __future__ import annotations

import pricing_dsl
from benchmarks.programs import program_of
from benchmarks.timing import Ratio, compare
from grammar.generate import load_grammar

LINES = 10_000


def run() -> list[Ratio]:
    """Compiling a long program, in units of the bare parse."""
    text = program_of(LINES)
    parser = load_grammar()

    def compiling() -> object:
        return pricing_dsl.compile(text).ir

    def parsing() -> object:
        return parser.parse(text)

    return [compare(f"compile, {LINES:,} lines", compiling, "a bare parse by Lark", parsing)]
