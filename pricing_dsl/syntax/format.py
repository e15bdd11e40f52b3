"""One layout for every program: `format_program`.

Two spaces per block, one item per line, tables in columns with their numbers under one another, values behind the
colons of tiers and keys in one column, at most one blank line, comments where they were. A block that its author wrote
on one line stays there while the line has at most 100 columns. The pieces printed are the text's own tokens and
comments in their order, so the meaning is kept by construction. May import `pieces`, `parse`, `nodes`, `diagnostics`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import groupby

from pricing_dsl.diagnostics.diagnostic import ProgramError
from pricing_dsl.source import Source
from pricing_dsl.syntax import nodes
from pricing_dsl.syntax.parse import from_source
from pricing_dsl.syntax.pieces import Piece, build_pieces

COLUMNS_MAX = 100
"""Columns of a line; a line of a table, a text or a comment may be longer."""

_INDENT = "  "
_COLON_ITEMS = (nodes.Tier, nodes.MeasureArm, nodes.KeyedFactor, nodes.FileColumn, nodes.Band)
_WHOLE = re.compile(r"-?[0-9_]*")


def format_program(source: Source) -> str:
    """The program in its one layout, ending in a line end (empty for an empty one).

    Raises `ProgramError` where it does not parse. Formatting twice changes nothing, and the tree stays equal.

    >>> print(format_program(Source("plan p{fee f 1   fee g -2}")), end="")
    plan p { fee f 1  fee g -2 }
    """
    parsed = from_source(source)
    if parsed.diagnostics:
        raise ProgramError(source, parsed.diagnostics)
    pieces = build_pieces(parsed)
    lines = _Printer(pieces).block(0, len(pieces), 0)
    return "".join(f"{line}\n" for line in lines)


@dataclass(slots=True)
class _Entry:
    """One item of a block, or a comment on its own (`item` is `None`), as pieces `[start, stop)`."""

    item: type | None
    start: int
    stop: int


@dataclass(slots=True)
class _Line:
    """A line being put together: words and whether a break may come before them; `tail` is a comment behind it."""

    words: list[str] = field(default_factory=list)
    breaks: list[bool] = field(default_factory=list)
    tail: str = ""
    holds_block: bool = False

    def is_too_long(self, depth: int) -> bool:
        """Whether a block on this line does not fit on it."""
        return self.holds_block and len(_INDENT * depth + "".join(self.words)) > COLUMNS_MAX

    def add(self, word: str, space: bool, may_break: bool) -> None:
        self.words.append(f" {word}" if space and self.words else word)
        self.breaks.append(may_break and bool(self.words))

    def wrapped(self, depth: int) -> list[str]:
        """The line (none if it is empty), broken where it may be once it is too long; the rest stands further in."""
        indent = _INDENT * depth
        done: list[str] = []
        at = 0
        while at < len(self.words):
            width, cut = len(indent), 0
            for number in range(at, len(self.words)):
                if number > at and self.breaks[number] and (width <= COLUMNS_MAX or not cut):
                    cut = number
                width += len(self.words[number])
                if width > COLUMNS_MAX and cut:
                    break
            else:
                cut = len(self.words)
            done.append(indent + "".join(self.words[at:cut]).strip())
            at, indent = cut, _INDENT * (depth + 2)
        if self.tail and done:
            done[-1] += f"  {self.tail}"
        return done


class _Printer:
    def __init__(self, pieces: list[Piece]) -> None:
        self.pieces = pieces

    def block(self, start: int, stop: int, depth: int) -> list[str]:
        """The lines of the items between two braces (or of the program)."""
        entries = self._entries(start, stop)
        rows = [entry for entry in entries if entry.item is nodes.Row and self._is_plain(entry)]
        table = self._table(rows, depth) if rows else {}
        lines: list[str] = []
        section: list[_Entry] = []
        for number, entry in enumerate(entries):
            if number and self.pieces[entry.start].lines_before > 1:
                lines += [*self._section(section, table, depth), ""]
                section = []
            section.append(entry)
        return lines + self._section(section, table, depth)

    def _entries(self, start: int, stop: int) -> list[_Entry]:
        """Items and the comments between them. A comment on an item's last line belongs to the item."""
        entries: list[_Entry] = []
        at = start
        while at < stop:
            piece = self.pieces[at]
            if piece.kind == "COMMENT":
                entries.append(_Entry(None, at, at + 1))
                at += 1
                continue
            end = at + 1
            while end < stop and self.pieces[end].item is None:
                end = self.pieces[end].partner + 1 if self.pieces[end].kind == "LBRACE" else end + 1
            last = end
            while self.pieces[last - 1].kind == "COMMENT" and self.pieces[last - 1].lines_before:
                last -= 1
            entries.append(_Entry(piece.item, at, last))
            at = last
        return entries

    def _section(self, entries: list[_Entry], table: dict[int, list[str]], depth: int) -> list[str]:
        """Lines of entries with no blank line between: neighbours of one kind are aligned with one another."""
        lines = dict(table)
        for kind, group in groupby(filter(self._is_plain, entries), key=lambda entry: entry.item):
            if kind in _COLON_ITEMS:
                lines |= self._columns(list(group), "COLON", depth)
            elif kind is nodes.Expect:
                lines |= self._columns(list(group), "__ANON_0", depth)
        return [line for entry in entries for line in lines.get(entry.start) or self._entry(entry, depth)]

    def _is_plain(self, entry: _Entry) -> bool:
        """An item without a block and with no comment but at its end."""
        return entry.item is not None and all(piece.kind not in ("LBRACE", "COMMENT") for piece in self._inner(entry))

    def _inner(self, entry: _Entry) -> list[Piece]:
        """The pieces of an entry but for a comment at its very end."""
        pieces = self.pieces[entry.start : entry.stop]
        return pieces[:-1] if pieces[-1].kind == "COMMENT" and len(pieces) > 1 else pieces

    def _tail(self, entry: _Entry) -> str:
        last = self.pieces[entry.stop - 1]
        return last.text if last.kind == "COMMENT" else ""

    # --- alignment ---

    def _columns(self, group: list[_Entry], sign: str, depth: int) -> dict[int, list[str]]:
        """`to 1M:  0.50`: what follows the sign stands in one column; before `=` it is the sign itself."""
        heads: list[tuple[_Entry, _Line, int]] = []
        for entry in group:
            pieces = self._inner(entry)
            at = next(number for number, piece in enumerate(pieces) if piece.kind == sign) + (sign == "COLON")
            line = _Line(tail=self._tail(entry))
            for piece in pieces:
                line.add(piece.text, piece.space, piece.may_break)
            heads.append((entry, line, at))
        width = max(len("".join(line.words[:at])) for _, line, at in heads)
        for _, line, at in heads:
            line.words[at] = " " * (width - len("".join(line.words[:at]))) + line.words[at]
        return {entry.start: line.wrapped(depth) for entry, line, _ in heads}

    def _table(self, group: list[_Entry], depth: int) -> dict[int, list[str]]:
        """Rows in columns; in a column with numbers everything stands to the right, the decimal points in line."""
        rows = [self._cells(entry) for entry in group]
        count = max(len(row) for row in rows)
        shown: list[list[str]] = [[] for _ in rows]
        for column in range(count):
            cells = [row[column] if column < len(row) else None for row in rows]
            for place, cell in enumerate(_column(cells)):
                if cells[place] is not None:
                    shown[place].append(cell)
        indent = _INDENT * depth
        lines = {}
        for entry, row in zip(group, shown, strict=True):
            tail = f"  {self._tail(entry)}" if self._tail(entry) else ""
            lines[entry.start] = [f"{indent}{' | '.join(row).rstrip()}{tail}"]
        return lines

    def _cells(self, entry: _Entry) -> list[str]:
        cells = [""]
        for piece in self._inner(entry):
            if piece.kind == "VBAR":
                cells.append("")
            else:
                cells[-1] += piece.text
        return cells

    # --- one item ---

    def _entry(self, entry: _Entry, depth: int) -> list[str]:
        """An item with its blocks on its own line where their author wrote them so and they fit, else spread out."""
        if entry.item is None:
            return [_INDENT * depth + self.pieces[entry.start].text]
        return self._item(entry, depth, spread=False) or self._item(entry, depth, spread=True)

    def _item(self, entry: _Entry, depth: int, *, spread: bool) -> list[str]:
        """The lines of an item, unless `spread` with blocks on one line where they may be; none if that is too long."""
        lines: list[str] = []
        line = _Line()
        continued = 0
        at = entry.start
        while at < entry.stop:
            piece = self.pieces[at]
            if piece.kind == "COMMENT":
                line.tail = "" if piece.lines_before else piece.text
                lines += line.wrapped(depth + continued)
                if piece.lines_before:
                    lines.append(_INDENT * (depth + 2) + piece.text)
                line, continued = _Line(), 2
            elif piece.kind != "LBRACE":
                line.add(piece.text, piece.space, piece.may_break)
            elif piece.partner == at + 1 or not (spread or piece.spread or piece.commented):
                line.add(self._on_one_line(at), True, False)
                line.holds_block = line.holds_block or piece.partner > at + 1
                at = piece.partner
            else:
                line.add("{", True, False)
                start = at + 1
                if self.pieces[start].kind == "COMMENT" and not self.pieces[start].lines_before:
                    line.tail = self.pieces[start].text
                    start += 1
                if line.is_too_long(depth + continued):
                    return []
                lines += [*line.wrapped(depth + continued), *self.block(start, piece.partner, depth + 1)]
                line, continued = _Line(), 0
                line.add("}", False, False)
                at = piece.partner
            at += 1
        if line.is_too_long(depth + continued):
            return []
        return lines + line.wrapped(depth + continued)

    def _on_one_line(self, at: int) -> str:
        """A block as `{ a  b }`: two spaces between items, three between the rows of a table."""
        parts = ["{"]
        for number in range(at + 1, self.pieces[at].partner):
            piece = self.pieces[number]
            first = self.pieces[number - 1].kind == "LBRACE"
            gap = "   " if piece.item is nodes.Row else "  " if piece.item else " " if piece.space else ""
            parts.append((" " if first else gap) + piece.text)
        return "".join([*parts, " }"])


def _column(cells: list[str | None]) -> list[str]:
    """The cells of one column, padded to one width. Cells that a row lacks count for nothing."""
    written = [cell for cell in cells if cell is not None]
    numbers = {cell for cell in written if cell.lstrip("-")[:1].isdigit()}
    width = max(len(cell) for cell in written)
    if not numbers:
        return [(cell or "").ljust(width) for cell in cells]
    behind = {cell: len(cell) - len(_whole(cell)) for cell in numbers}
    most = max(behind.values())
    width = max(width, *(len(_whole(cell)) + most for cell in numbers))
    return [((cell or "") + " " * (most - behind[cell] if cell in behind else 0)).rjust(width) for cell in cells]


def _whole(number: str) -> str:
    """The part of a number before its point, suffix or percent sign."""
    match = _WHOLE.match(number)
    return match[0] if match else ""
