"""Diagnostics as people read them in a terminal (language reference, section 10).

The place of the finding with its lines and carets, then every other place that explains it, in source order, with
dashes, then what to write instead. `render` gives plain text, `render_rich` the same with colours; both print the same
characters. rich is imported only when colours are asked for, so that a check starts fast.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal, NamedTuple

from pricing_dsl.diagnostics.diagnostic import Diagnostic
from pricing_dsl.diagnostics.layout import printable, shown_line, text_width
from pricing_dsl.source import Source, Span

if TYPE_CHECKING:
    from rich.text import Text

WIDTH = 120
"""Columns that source lines may take unless the caller says otherwise."""

Style = Literal["plain", "title", "error", "warning", "gutter", "label", "help"]


class Piece(NamedTuple):
    """A run of characters in one style."""

    text: str
    style: Style


Row = list[Piece]


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch `[start, end)` of one line, in characters from 0, to be underlined, and what to write there."""

    line: int
    start: int
    end: int
    text: str
    main: bool


def render(source: Source, diagnostics: Iterable[Diagnostic], width: int = WIDTH) -> str:
    """All findings about one program as plain text, one blank line between them; empty without findings."""
    rows = _all_rows(source, diagnostics, width)
    return "".join("".join(piece.text for piece in row).rstrip() + "\n" for row in rows)


def render_rich(source: Source, diagnostics: Iterable[Diagnostic], width: int = WIDTH) -> Text:
    """The same characters with colours, for a rich console."""
    from rich.text import Text  # costs more than a whole check of a small program

    colours: dict[Style, str] = {
        "plain": "",
        "title": "bold",
        "error": "bold red",
        "warning": "bold yellow",
        "gutter": "bold blue",
        "label": "bold blue",
        "help": "bold cyan",
    }
    text = Text()
    for row in _all_rows(source, diagnostics, width):
        for piece in row:
            text.append(piece.text, colours[piece.style])
        text.append("\n")
    return text


def _all_rows(source: Source, diagnostics: Iterable[Diagnostic], width: int) -> Iterator[Row]:
    for number, diagnostic in enumerate(diagnostics):
        if number:
            yield []
        yield from _rows(source, diagnostic, width)


def _rows(source: Source, diagnostic: Diagnostic, width: int) -> Iterator[Row]:
    """One finding: heading, place, its lines, the lines of its labels, help."""
    severity = diagnostic.severity
    at = source.position(diagnostic.span.start)
    main = _marks(source, diagnostic.span, diagnostic.label, main=True)
    shared_lines = {mark.line for mark in main}
    labels = [m for label in diagnostic.labels for m in _marks(source, label.span, label.text, main=False)]
    here = [mark for mark in labels if mark.line in shared_lines]
    elsewhere = [mark for mark in labels if mark.line not in shared_lines]
    digits = len(str(max(mark.line for mark in (*main, *labels))))
    gutter = Piece(" " * digits + " |", "gutter")

    heading = Piece(f"{severity}[{diagnostic.code}]", severity)
    yield [heading, Piece(f": {printable(diagnostic.message)}", "title")]
    yield [Piece(" " * digits + "--> ", "gutter"), Piece(f"{printable(source.name)}:{at.line}:{at.column}", "plain")]
    for marks in ([*main, *here], elsewhere):
        if marks:
            yield [gutter]
            yield from _snippet(source, marks, digits, severity, width)
    if diagnostic.help:
        first, *more = diagnostic.help.splitlines()
        yield [Piece(" " * digits + " = ", "gutter"), Piece("help", "help"), Piece(f": {printable(first)}", "plain")]
        for line in more:
            yield [Piece(" " * (digits + 3) + " " * len("help: "), "plain"), Piece(printable(line), "plain")]


def _marks(source: Source, span: Span, text: str, *, main: bool) -> list[Mark]:
    """A span as marks of single lines: of one over several lines the first and the last, which carries the text."""
    first, column = source.position(span.start)
    last, end = source.position(max(span.start, span.end - 1))
    length = len(source.line(first))
    if first == last:
        start = min(column - 1, length)
        stop = min(end, length) if span.end > span.start else start
        return [Mark(first, start, max(stop, start + 1), text, main)]
    closing = source.line(last)
    opening = Mark(first, min(column - 1, length), max(length, column), "", main)
    return [opening, Mark(last, len(closing) - len(closing.lstrip()), max(min(end, len(closing)), 1), text, main)]


def _snippet(source: Source, marks: list[Mark], digits: int, severity: Style, width: int) -> Iterator[Row]:
    """The lines of `marks` in source order, each with its underlines; `...` where lines between are left out."""
    previous: int | None = None
    by_line = sorted(marks, key=lambda mark: mark.line)
    for line, group in groupby(by_line, key=lambda mark: mark.line):
        if previous is not None and line > previous + 1:
            yield [Piece("...", "gutter")]
        previous = line
        yield from _line_rows(source, line, list(group), digits, severity, width)


def _line_rows(source: Source, line: int, marks: list[Mark], digits: int, severity: Style, width: int) -> Iterator[Row]:
    """One line of the program, the underlines below it, and the texts that do not fit beside their underline."""
    focus = next((mark for mark in marks if mark.main), marks[0])
    shown = shown_line(source.line(line), focus.start, focus.end, max(width - digits - 3, 20))
    yield [Piece(f"{line:>{digits}} | ", "gutter"), Piece(shown.text, "plain")]

    gutter = Piece(" " * digits + " | ", "gutter")
    cells: dict[int, Piece] = {}
    places: list[tuple[int, int, Mark]] = []
    for mark in sorted(marks, key=lambda m: m.main):  # the carets of the finding are drawn over the dashes of labels
        start = shown.column(mark.start)
        end = max(shown.column(mark.end), start + 1)
        places.append((start, end, mark))
        for column in range(start, end):
            cells[column] = Piece("^", severity) if mark.main else Piece("-", "label")

    told = sorted((place for place in places if place[2].text), key=lambda place: (place[0], place[2].main))
    inline = told[-1] if told and told[-1][1] >= max(end for _, end, _ in places) else None
    hanging = [place for place in told if place is not inline]
    row = _row(gutter, cells)
    if inline is not None:
        row.append(Piece(f" {printable(inline[2].text)}", severity if inline[2].main else "label"))
    yield row
    for number in reversed(range(len(hanging))):
        start, _, mark = hanging[number]
        style: Style = severity if mark.main else "label"
        if number == len(hanging) - 1:
            yield _row(gutter, _bars(hanging, severity))
        left = _bars([place for place in hanging[:number] if place[0] < start], severity)
        yield [*_row(gutter, left | {start: Piece(printable(mark.text), style)})]


def _bars(places: list[tuple[int, int, Mark]], severity: Style) -> dict[int, Piece]:
    return {start: Piece("|", severity if mark.main else "label") for start, _, mark in places}


def _row(gutter: Piece, cells: dict[int, Piece]) -> Row:
    """Pieces at their columns, with spaces between them."""
    row, at = [gutter], 0
    for column, piece in sorted(cells.items()):
        if column > at:
            row.append(Piece(" " * (column - at), "plain"))
            row.append(piece)
        elif row[-1].style == piece.style and row[-1] is not gutter:
            row[-1] = Piece(row[-1].text + piece.text, piece.style)
        else:
            row.append(piece)
        at = column + text_width(piece.text)
    return row
