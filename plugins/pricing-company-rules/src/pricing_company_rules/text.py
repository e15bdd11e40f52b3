"""What a rule reads in a program's text: approvals in comments, and where in a step a number stands.

The IR says what a program means; its spans say where. Comments are not in the IR, and a band of a graduated discount or
a cell of a table has no span of its own, so both are looked up in the text. What stands in a string or behind `#` is
never taken for a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from pricing_dsl.source import Source, Span

_STRING = r'"(?:[^"\\\n]|\\[^\n])*"'
_TOKEN = re.compile(
    rf"(?P<comment>\#[^\n]*)|{_STRING}|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>[0-9][0-9_]*(?:\.[0-9][0-9_]*)?)(?P<scale>[kMBT]?)(?P<percent>\s*%)?"
)
_SCALES = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_APPROVAL = re.compile(r"#\s*approved\s*:\s*(?P<rest>.*)", re.IGNORECASE)
_NAME_AND_DATE = re.compile(r"(?P<name>[^,]*\S)\s*,\s*(?P<date>\d{4}-\d{2}-\d{2})\b")

HOW = "`# approved: NAME, DATE`"
"""How an approval is written; the date as 2026-03-01."""


class Approvals(NamedTuple):
    """The lines, counted from 1, that have an approval, and those whose approval lacks its name or its date."""

    given: frozenset[int]
    incomplete: frozenset[int]


def approvals(source: Source) -> Approvals:
    """What is approved: the line of each approving comment, and the next one where the comment has its line to itself.

    >>> approvals(Source("price 1  # approved: Ada, 2026-03-01"))
    Approvals(given=frozenset({1}), incomplete=frozenset())
    >>> sorted(approvals(Source("# approved: Ada\\nprice 1")).incomplete)
    [1, 2]
    """
    given: set[int] = set()
    incomplete: set[int] = set()
    for match in _TOKEN.finditer(source.text):
        approval = match["comment"] and _APPROVAL.fullmatch(match["comment"].rstrip())
        if not approval:
            continue
        line = source.position(match.start()).line
        alone = source.line(line).lstrip().startswith("#")
        (given if _is_complete(approval["rest"]) else incomplete).update((line, line + 1) if alone else (line,))
    return Approvals(frozenset(given), frozenset(incomplete - given))


def _is_complete(rest: str) -> bool:
    match = _NAME_AND_DATE.match(rest)
    if match is None:
        return False
    try:
        date.fromisoformat(match["date"])
    except ValueError:
        return False
    return True


def number_spans(source: Source, within: Span, value: Fraction) -> Iterator[Span]:
    """Where inside a span this number is written; a percentage is a hundredth of what stands before its sign.

    >>> text = 'discount graduated { above 50_000: 50% }  # 50%'
    >>> [text[span.start : span.end] for span in number_spans(Source(text), Span(0, len(text)), Fraction(1, 2))]
    ['50%']
    """
    for match in _TOKEN.finditer(source.text, within.start, within.end):
        if match["number"]:
            written = Fraction(match["number"].replace("_", "")) * _SCALES[match["scale"]]
            if value == (written / 100 if match["percent"] else written):
                yield Span(match.start(), match.end())


def word_span(source: Source, within: Span, word: str) -> Span | None:
    """Where inside a span this word stands first."""
    for match in _TOKEN.finditer(source.text, within.start, within.end):
        if match["word"] == word:
            return Span(match.start(), match.end())
    return None
