"""What the formatter prints: the tokens and comments of a program in order, each with what stands before it.

The tree is asked only where something begins (an item of a block), what is called (`max(`) and which minus is a sign
(`-5`); the pieces themselves are the text's own, so formatting can neither lose nor change a token.
May import `source`, `nodes`, `lexer`, `parse`.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, fields

from pricing_dsl.syntax import nodes
from pricing_dsl.syntax.parse import Parsed

_ITEMS: frozenset[type] = frozenset(
    {
        *nodes.Declaration.__args__,
        *nodes.MeterClause.__args__,
        *nodes.ContractItem.__args__,
        *nodes.Step.__args__,
        *nodes.BalanceClause.__args__,
        nodes.MeasureArm,
        nodes.Row,
        nodes.FileColumn,
        nodes.Tier,
        nodes.KeyedFactor,
        nodes.Arm,
        nodes.Band,
        nodes.ExampleUsage,
        nodes.Expect,
    }
)
"""What stands on a line of its own in a block."""

_NO_SPACE_AFTER = frozenset({"LPAR", "LSQB", "RANGE"})
_NO_SPACE_BEFORE = frozenset({"RPAR", "RSQB", "LSQB", "COMMA", "COLON", "RANGE"})
_BREAK_BEFORE = frozenset({"AND", "OR", "THEN", "ELSE", "PLUS"})


@dataclass(slots=True)
class Piece:
    """A token or a comment. `item` is the class of what begins here; a header row is a `Row` too."""

    kind: str
    text: str
    space: bool
    """One space goes before it on its line."""
    lines_before: int
    """Line ends between the piece before and this one."""
    item: type | None = None
    may_break: bool = False
    """A line that is too long may end before it."""
    partner: int = -1
    """Of a `{`: the place of its `}`."""
    commented: bool = False
    """Of a `{`: a comment stands in the block."""
    spread: bool = False
    """Of a `{`: the block takes more than one line in the text."""


@dataclass(slots=True)
class _Marks:
    items: dict[int, type] = field(default_factory=dict)
    calls: set[int] = field(default_factory=set)
    signs: set[int] = field(default_factory=set)


def _parts(node: nodes.Node) -> list[object]:
    return [getattr(node, part.name) for part in fields(node) if part.name != "span"]


def _mark(parsed: Parsed) -> _Marks:
    """Offsets at which items begin, functions are called, and a minus is a sign."""
    marks = _Marks()
    text = parsed.tokens.source.text
    waiting: list[object] = [parsed.program]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend(node)
        if not isinstance(node, nodes.Node):
            continue
        start = node.span.start
        match node:
            case nodes.Number() | nodes.Negate() if text[start] == "-":
                marks.signs.add(start)
            case nodes.Call(function=name) | nodes.PriceWith(shape=name):
                marks.calls.add(name.span.start)
            case nodes.InlineTable(header=(first, *_)):
                marks.items[first.span.start] = nodes.Row
            case nodes.FileTable(where=nodes.Node() as condition):
                marks.items[_where_before(parsed, condition.span.start)] = nodes.WhereClause
        if type(node) in _ITEMS:
            marks.items[start] = type(node)
        waiting.extend(_parts(node))
    return marks


def _where_before(parsed: Parsed, offset: int) -> int:
    """Offset of the `where` whose condition begins at `offset`, or behind parentheses."""
    at = bisect_left(parsed.tokens.starts, offset)
    while parsed.tokens.kinds[at] != "WHERE" or parsed.tokens.starts[at] == offset:
        at -= 1
    return parsed.tokens.starts[at]


def build_pieces(parsed: Parsed) -> list[Piece]:
    """All pieces of a program that parses, in order, with the places of braces and breaks."""
    tokens, marks = parsed.tokens, _mark(parsed)
    text = tokens.source.text
    places = [(tokens.starts[i], tokens.ends[i], kind) for i, kind in enumerate(tokens.kinds[:-1])]
    places += [(span.start, span.end, "COMMENT") for span in parsed.comments]
    places.sort()
    pieces: list[Piece] = []
    opened: list[int] = []
    end, before, called, sign = 0, "", False, False
    for start, stop, kind in places:
        space = not (before in _NO_SPACE_AFTER or kind in _NO_SPACE_BEFORE or (kind == "LPAR" and called) or sign)
        lines = text.count("\n", end, start) if pieces else 0
        piece = Piece(kind, text[start:stop].rstrip(), space, lines, marks.items.get(start))
        piece.may_break = kind in _BREAK_BEFORE or before == "COMMA"
        for at in opened:
            pieces[at].spread = pieces[at].spread or lines > 0
            pieces[at].commented = pieces[at].commented or kind == "COMMENT"
        if kind == "LBRACE":
            opened.append(len(pieces))
        elif kind == "RBRACE":
            pieces[opened.pop()].partner = len(pieces)
        pieces.append(piece)
        called, sign = start in marks.calls, kind == "MINUS" and start in marks.signs
        end, before = stop, kind
    return pieces
