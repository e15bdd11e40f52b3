"""Any text at all: the parser answers with a tree and findings, soon, and never with an exception.

A few hundred broken programs in every run; with `FUZZ=1` a hundred thousand new ones, whose seed the failure shows.
"""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from random import Random, SystemRandom
from time import process_time

import pytest

from grammar.tables import KEYWORDS, SIGNS
from pricing_dsl.diagnostics.codes import CODES
from pricing_dsl.diagnostics.text import render
from pricing_dsl.limits import DIAGNOSTICS_MAX, SOURCE_CHARACTERS_MAX
from pricing_dsl.source import Source, Span
from pricing_dsl.syntax import nodes
from pricing_dsl.syntax.format import format_program
from pricing_dsl.syntax.parse import Parsed, from_source

FUZZ = bool(os.environ.get("FUZZ"))
TEXTS = 100_000 if FUZZ else 400
SEED = SystemRandom().randrange(2**32) if FUZZ else 20260301
GOLDEN = Path(__file__).parents[1] / "golden"
PROGRAMS = [path.read_text() for path in sorted(GOLDEN.glob("*/**/*.pricing"))]
NASTY = [
    "\x00",
    "\ud800",
    "\ufeff",
    "\u00a0",
    "é",
    "“",
    "'",
    '"',
    "\\",
    "`",
    "$",
    "%",
    ";",
    "//",
    "\r",
    "\u2028",
    "1e9",
]
VOCABULARY = [
    *KEYWORDS,
    *SIGNS,
    *NASTY,
    "5",
    "1_000",
    "5%",
    "2026-02-30",
    "2026-03",
    "x",
    '"text"',
    "# note\n",
    "\n",
    " ",
]


def seconds_max(text: str) -> float:
    """What a text may take: generous for a busy machine, far below anything that grows faster than the text."""
    return 2.0 + len(text) / 50_000


def read(text: str) -> Parsed:
    """Parse, and check what holds for every answer."""
    start = process_time()
    source = Source(text)
    parsed = from_source(source)
    assert process_time() - start < seconds_max(text)
    diagnostics = parsed.diagnostics
    assert len(diagnostics) <= DIAGNOSTICS_MAX + 1
    assert [d.span.start for d in diagnostics] == sorted(d.span.start for d in diagnostics)
    for diagnostic in diagnostics:
        assert diagnostic.code in CODES
        assert 0 <= diagnostic.span.start < diagnostic.span.end <= len(text), diagnostic
        assert diagnostic.help, diagnostic
    check_spans(parsed.program, Span(0, len(text)))
    return parsed


def check_spans(value: object, around: Span) -> None:
    """Every node lies within the one that holds it."""
    if isinstance(value, tuple):
        for part in value:
            check_spans(part, around)
    elif isinstance(value, nodes.Node):
        assert around.start <= value.span.start <= value.span.end <= around.end, value
        for field in fields(value):
            if field.name != "span":
                check_spans(getattr(value, field.name), value.span)


def broken(random: Random) -> str:
    """A program with some of it cut, doubled, moved, or overwritten."""
    text = random.choice(PROGRAMS)
    for _ in range(random.randint(1, 8)):
        at = random.randint(0, len(text))
        end = min(len(text), at + random.choice((1, 1, 2, 5, 20, 200)))
        match random.randrange(7):
            case 0:
                text = text[:at] + text[end:]
            case 1:
                text = text[:at] + random.choice(VOCABULARY) + text[at:]
            case 2:
                text = f"{text[:at]} {random.choice(VOCABULARY)} {text[end:]}"
            case 3:
                text = text[:end] + text[at:]
            case 4:
                text = text[:at] + random.choice(PROGRAMS)[: random.randint(0, 300)] + text[at:]
            case 5:
                text = text[:at] + random.choice("{}()[]") + text[at:]
            case _:
                text = text[:at] + text[at:end][::-1] + text[end:]
    return text


def noise(random: Random) -> str:
    """Words and signs in any order."""
    return random.choice(("", " ", "\n")).join(random.choices(VOCABULARY, k=random.randint(0, 120)))


def test_broken_programs_are_read() -> None:
    random = Random(SEED)
    complete = 0
    for number in range(TEXTS):
        text = broken(random) if number % 4 else noise(random)
        try:
            parsed = read(text)
            if parsed.diagnostics:
                render(Source(text), parsed.diagnostics)
            else:
                complete += 1
                once = format_program(Source(text))
                assert format_program(Source(once)) == once
                assert from_source(Source(once)).program == parsed.program
        except Exception as error:
            raise AssertionError(f"seed {SEED}, text {number}: {text!r}") from error
    assert 0 < complete < TEXTS


SIZE = 200_000
HOSTILE = {
    "braces": "{" * 100_000,
    "closing braces": "}" * SIZE,
    "parentheses": "quantity q = " + "(" * SIZE,
    "brackets": 'example "x" on p { ' + "a[" * SIZE,
    "signs": "," * SIZE,
    "names": "a " * SIZE,
    "one name": "a" * SIZE,
    "one number": f"plan p {{ fee f {'1' * 10_000} }}",
    "many long numbers": f"plan p {{ fee f {'1' * 10_000} }}\n" * 20,
    "points": ". " * SIZE,
    "quotes": '"' * SIZE,
    "quotes that escape": '"|\\' * SIZE,
    "single quotes": "'\" " * SIZE,
    "an open text": '"' + "x" * SIZE,
    "spaces": " " * SIZE,
    "line ends": "\n" * SIZE,
    "sums": "quantity q = 1" + "+1" * SIZE,
    "minuses": "quantity q = " + "-" * SIZE + "1",
    "nots": "quantity q = " + "not " * SIZE,
    "ifs": "quantity q = " + "if a then b else " * 20_000,
    "calls": "quantity q = " + "f(" * 20_000,
    "plans without end": "plan p {\n" * 20_000,
    "mistakes": "plan p { fee }\n" * 20_000,
    "mistakes in one block": "plan p {" + " charge x ion y { prc 5 }\n" * 10_000 + "}",
    "missing braces": "plan p {\n" + "  charge a on b { price 1\n" * 60 + "}",
    "stray braces": "plan p { charge a on b price 5 }\n}\n" * 5_000,
    "open parentheses": "meter m { measure sum(\n}\n" * 5_000,
    "semicolons": ";" * SIZE,
    "zeros": "\0" * SIZE,
    "surrogates": "\ud800 " * SIZE,
    "comments": "#\n" * SIZE,
    "commas in a number": "plan p { fee f 1" + ",000" * 20_000 + " }",
    "signs in a name": "plan " + "a-" * SIZE,
    "a long row": "rates r by m { a" + "|1" * SIZE + "}",
    "a broken row": "rates r by m { a" + "|1 2" * SIZE + "}",
    "percent signs": "5 %" * SIZE,
    "dates": "contract c { term 2026-1-1" + "-1" * SIZE,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_read_in_bounded_time(text: str) -> None:
    read(text)


def test_ten_megabytes_are_refused_at_once() -> None:
    start = process_time()
    (diagnostic,) = from_source(Source("plan p { } " * 1_000_000)).diagnostics
    assert diagnostic.code == "S0130"
    assert str(SOURCE_CHARACTERS_MAX) in diagnostic.message
    assert process_time() - start < 1.0


def test_a_program_of_the_full_length_is_read() -> None:
    line = "plan p { charge c on m { include 5  price 0.5 per 1k  minimum 3 } }\n"
    text = line * (SOURCE_CHARACTERS_MAX // 8 // len(line))
    parsed = read(text)
    assert parsed.diagnostics == ()
    assert len(parsed.program.declarations) == text.count("\n")
