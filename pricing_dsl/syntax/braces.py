"""Finds the partner of every brace before the parser works, and bounds how deeply things nest.

A brace without a partner is reported once, at the place where the indentation says that it went wrong, and mended: a
missing `}` is put in, a stray one is left out. So the parser always sees balanced braces, and a mistake in one block
never reaches the next. Indentation is looked at only in a text whose braces do not balance.
May import `source`, `limits`, `diagnostics`, `automaton`, `lexer`, `repair`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pricing_dsl.diagnostics.diagnostic import Diagnostic, Label
from pricing_dsl.limits import NESTING_MAX
from pricing_dsl.source import Span
from pricing_dsl.syntax.automaton import NAME, WORDS
from pricing_dsl.syntax.lexer import Tokens
from pricing_dsl.syntax.repair import STARTERS

_OPENERS = {"RPAR": "LPAR", "RSQB": "LSQB"}
_BEHIND_A_WORD = frozenset({NAME, "STRING", *WORDS})
"""What may stand behind a misspelt word that begins something, unlike behind a key."""
_BRACKETS = frozenset({"LBRACE", "RBRACE", "LPAR", "RPAR", "LSQB", "RSQB"})


@dataclass(slots=True)
class Braces:
    """Index of each `{` -> index of its `}`. `strays` are the places of `}` that were left out."""

    partners: dict[int, int] = field(default_factory=dict)
    strays: list[Span] = field(default_factory=list)
    unclosed: int = 0
    too_deep: bool = False


def match_braces(tokens: Tokens) -> Braces:
    """Pair all braces, mending `tokens` where one has no partner. Reports to `tokens.diagnostics`."""
    braces = _pair(tokens)
    if braces.too_deep or not (braces.strays or braces.unclosed):
        return braces
    strays = _Mending(tokens, braces.unclosed, len(braces.strays)).mend()
    braces = _pair(tokens)
    braces.strays = strays
    return braces


def _pair(tokens: Tokens) -> Braces:
    braces = Braces()
    kinds = tokens.kinds
    open_: list[int] = []
    for index, kind in enumerate(kinds):
        if kind not in _BRACKETS:
            continue
        if kind in ("LBRACE", "LPAR", "LSQB"):
            open_.append(index)
            if len(open_) > NESTING_MAX:
                message = f"this is nested more than {NESTING_MAX} deep"
                tokens.report("S0131", message, tokens.span(index), "nest less: name parts of it")
                braces.too_deep = True
                return braces
        elif kind == "RBRACE":
            while open_ and kinds[open_[-1]] != "LBRACE":
                open_.pop()
            if open_:
                braces.partners[open_.pop()] = index
            else:
                braces.strays.append(tokens.span(index))
        elif open_ and kinds[open_[-1]] == _OPENERS[kind]:
            open_.pop()
    braces.unclosed = sum(kinds[index] == "LBRACE" for index in open_)
    return braces


@dataclass(slots=True)
class _Opened:
    index: int
    line: int
    indent: int
    first: str
    """Kind of the first token of its line."""


class _Mending:
    """Writes the tokens anew with as many `}` put in and left out as it takes to balance them."""

    def __init__(self, tokens: Tokens, missing: int, strays: int) -> None:
        self.tokens = tokens
        self.missing = missing
        self.stray = strays
        self.mended = Tokens(tokens.source)
        self.opened: list[_Opened] = []
        self.strays: list[Span] = []

    def mend(self) -> list[Span]:
        tokens, mended = self.tokens, self.mended
        source = tokens.source
        starts = source.line_starts
        line = indent = 0
        beginning = ""
        for index, kind in enumerate(tokens.kinds):
            at = tokens.starts[index]
            first = index == 0
            while line < len(starts) and starts[line] <= at:
                line += 1
                first = True
            if first:
                indent, beginning = at - starts[line - 1], kind
                if kind != "$END":
                    self._close_before(index, line, indent)
            if kind == "$END":
                while self.opened:
                    self._put_in(at, "the program ends here")
            if kind == "LBRACE":
                self.opened.append(_Opened(index, line, indent, beginning))
            elif kind == "RBRACE" and self._is_stray(index, line, indent):
                continue
            if index in tokens.broken:
                mended.broken.add(len(mended.kinds))
            mended.add(kind, at, tokens.ends[index])
        tokens.kinds[:] = mended.kinds
        tokens.starts, tokens.ends, tokens.broken = mended.starts, mended.ends, mended.broken
        return self.strays

    def _close_before(self, index: int, line: int, indent: int) -> None:
        """The first token of a line stands left of the line that opened a block, or begins a neighbour of it.

        Then the block has ended before.
        """
        kinds = self.tokens.kinds
        kind = kinds[index]
        while self.missing and self.opened:
            opened = self.opened[-1]
            begins = kind in STARTERS or kind == opened.first or (kind == NAME and kinds[index + 1] in _BEHIND_A_WORD)
            if line == opened.line or indent > opened.indent or (indent == opened.indent and not begins):
                return
            self._put_in(self.tokens.starts[index], "by its indentation this stands outside again")

    def _put_in(self, at: int, why: str) -> None:
        opened = self.opened.pop()
        self.missing -= 1
        span = self.tokens.span(opened.index)
        label = Label(Span(at, min(at + 1, len(self.tokens.source.text))), why)
        message = "this `{` is never closed"
        self.tokens.diagnostics.append(
            Diagnostic("S0120", message, span, labels=(label,), help="write `}` at the end of the block")
        )
        end = self.mended.ends[-1]
        self.mended.add("RBRACE", end, end)

    def _is_stray(self, index: int, line: int, indent: int) -> bool:
        """Whether this `}` closes nothing: no block is open, or the open one began further left on an earlier line."""
        opened = self.opened[-1] if self.opened else None
        if opened is not None and not (self.stray and line > opened.line and indent > opened.indent):
            self.opened.pop()
            return False
        self.stray -= 1
        span = self.tokens.span(index)
        self.strays.append(span)
        self.tokens.report(
            "S0121", "this `}` closes nothing", span, "delete it, or write the `{` that it closes", mended=True
        )
        return True
