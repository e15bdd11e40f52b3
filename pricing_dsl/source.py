"""A program's text, and places in it.

`Source` holds the text of one program and turns offsets into lines and columns; `Span` is a half open range of
character offsets. Everything downstream (tokens, nodes, IR, diagnostics, explanations) points back here by span.
Imports nothing of the project.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple


class Span(NamedTuple):
    """Half open range of character offsets `[start, end)` into one source."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other`."""
        return Span(self.start, other.end)


class Position(NamedTuple):
    """A place as people say it: line and column, both counted from 1, the column in characters."""

    line: int
    column: int


class Source:
    """The text of one program under the name that diagnostics show.

    >>> Source("a\\nbc", "x.pricing").position(3)
    Position(line=2, column=2)
    """

    __slots__ = ("__dict__", "name", "text")

    def __init__(self, text: str, name: str = "<program>") -> None:
        self.text = text
        self.name = name

    @cached_property
    def line_starts(self) -> list[int]:
        """Offset of the first character of each line; a line ends at a newline."""
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        return starts

    def position(self, offset: int) -> Position:
        """Line and column of an offset; the end of the text is a valid place."""
        line = bisect_right(self.line_starts, offset)
        return Position(line, offset - self.line_starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), without its line end."""
        starts = self.line_starts
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r")

    def excerpt(self, span: Span) -> str:
        """The text under a span."""
        return self.text[span.start : span.end]
