"""How text of a program looks on a terminal: the width of characters, tabs, what may not be printed, long lines.

Source text is shown as it is wherever that is safe: a tab becomes four spaces, a wide character takes two columns, a
combining one none, and a character that would steer the terminal or turn the reading direction is shown as `�`.
Works on one line at a time and knows nothing of diagnostics.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from unicodedata import category, combining, east_asian_width

TAB = "    "
UNPRINTABLE = "�"
CUT = "..."


def shown(character: str) -> str:
    """What stands on the screen for one character of the program."""
    if character == "\t":
        return TAB
    return UNPRINTABLE if category(character) in ("Cc", "Cf", "Zl", "Zp") else character


def width(character: str) -> int:
    """The columns that one character of the program takes on the screen.

    >>> width("a"), width("価"), width("\\t"), width("\\u0301")
    (1, 2, 4, 0)
    """
    if character == "\t":
        return len(TAB)
    if character < "\x7f":
        return 1
    if combining(character) or category(character) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(character) in ("W", "F") else 1


def text_width(text: str) -> int:
    """The columns that a text takes on the screen."""
    return sum(map(width, text))


def printable(text: str) -> str:
    """A text with everything in it made safe to print."""
    return text if text.isascii() and text.isprintable() else "".join(map(shown, text))


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One line of a program, or the window of it that fits, and where its characters stand on the screen.

    `columns[i]` is the column (from 0) of character i of the whole line; `left` and `right` bound what is visible, in
    columns; `text` is what to print, with `...` where something was cut.
    """

    text: str
    columns: tuple[int, ...]
    left: int
    right: int
    indent: int

    def column(self, character: int) -> int:
        """The column on the screen of a character of the line, kept inside the window."""
        at = self.columns[min(character, len(self.columns) - 1)]
        return min(max(at, self.left), self.right) - self.left + self.indent


def shown_line(line: str, start: int, end: int, room: int) -> ShownLine:
    """`line` in at most `room` columns, cut around the characters `[start, end)` where it is longer.

    The beginning of the range is always visible, its end where there is room for it.
    """
    columns = (0, *accumulate(map(width, line)))
    total = columns[-1]
    if total <= room:
        return ShownLine(printable(line), columns, 0, total, 0)
    room = max(room - 2 * len(CUT), 1)
    at = columns[min(start, len(line))]
    marked = min(columns[min(end, len(line))], at + room) - at
    first = bisect_right(columns, max(0, min(at - (room - marked) // 2, total - room))) - 1
    last = bisect_right(columns, columns[first] + room) - 1
    before, after = CUT if first > 0 else "", CUT if last < len(line) else ""
    text = before + printable(line[first:last]) + after
    return ShownLine(text, columns, columns[first], columns[last], len(before))
