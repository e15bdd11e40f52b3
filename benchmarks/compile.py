"""How long compiling 10,000 lines takes, all checks and the IR included, against Lark only parsing them.

Lark is given the project's own grammar, with its LALR parser and contextual lexer, and builds its plain tree. Both run
in this process, in turns; what is compared is processor time of the fastest turn.
"""

from __future__ import annotations

import time

from lark import Lark

import pricing_dsl
from benchmarks.programs import program_of
from grammar.generate import load_grammar

TURNS = 5
LINES = 10_000


def seconds_compiling(text: str) -> float:
    """Processor time from text to IR."""
    start = time.process_time()
    program = pricing_dsl.compile(text)
    assert program.ir.plans
    return time.process_time() - start


def seconds_parsing(parser: Lark, text: str) -> float:
    """Processor time of the bare parse."""
    start = time.process_time()
    parser.parse(text)
    return time.process_time() - start


def measure() -> tuple[float, float]:
    """Seconds of our compilation and of the bare parse."""
    text = program_of(LINES)
    parser = load_grammar()
    turns = [(seconds_compiling(text), seconds_parsing(parser, text)) for _ in range(TURNS)]
    ours, theirs = zip(*turns, strict=True)
    return min(ours), min(theirs)
