"""Where a parse that failed could go on: one token that mends it, and the heights to which its stack may be cut.

Only looks: nothing here changes a token or a stack. `recover` decides and reports.
May import `automaton`, `expected`, `lexer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from grammar import tables
from pricing_dsl.syntax.automaton import END, NAME, SPELLINGS, advance
from pricing_dsl.syntax.expected import starters
from pricing_dsl.syntax.lexer import Tokens

AHEAD = 4
"""How many tokens behind a mend are tried on the automaton."""

STARTERS = frozenset[str]().union(*starters().values())
"""The keywords with which an item of some block begins."""

_CONNECTORS = (
    "COLON", "__ANON_0", "EQUAL", "VBAR", "COMMA", "LPAR", "RPAR", "LSQB", "RSQB", "RANGE", "LBRACE",
    "ON", "TO", "BY", "AS", "OF", "IN", "THEN", "ELSE", "AT",
)  # fmt: skip
"""What may be put in or read instead: signs and joining words, never a word that begins something."""

Repair = tuple[Literal["put in", "read as", "leave out"], str]
"""What to do with the token that cannot follow, and the terminal put in or read instead."""
_OPENERS = frozenset({"LPAR", "LSQB", "LBRACE"})
_ORDER = ("put in", "read as", "leave out")


def find_repairs(tokens: Tokens, index: int, states: list[int], *, may_open: bool) -> list[Repair]:
    """The mends after which the automaton takes most: at least two tokens more, or one that ends its line.

    All of them are of one kind: putting in goes before reading as another, and that before leaving out. A `{` may be
    put in only where `may_open`.
    """
    kind = tokens.kinds[index]
    is_start = kind in STARTERS or kind in (END, "LBRACE", "RBRACE") or tokens.is_first_on_line(index)
    tried: dict[Repair, float] = {}
    for other in _CONNECTORS:
        if not advance(states, (other,), words_as_names=False) or (other == "LBRACE" and not may_open):
            continue
        if other != "EQUAL":
            tried["put in", other] = _taken(tokens, index, states, (other,))
        if other not in _OPENERS and not is_start and (kind in SPELLINGS or kind == NAME):
            tried["read as", other] = _taken(tokens, index + 1, states, (other,))
    if not is_start:
        tried["leave out", ""] = _taken(tokens, index + 1, states, ())
    best = max(tried.values(), default=0)
    repairs = [repair for repair, taken in tried.items() if taken == best > 0]
    how = min((how for how, _ in repairs), key=_ORDER.index, default=None)
    return [repair for repair in repairs if repair[0] == how]


def _taken(tokens: Tokens, index: int, states: list[int], before: tuple[str, ...]) -> float:
    """How many tokens from `index` on are taken behind `before`, if enough: two, one that ends its line, or all."""
    ahead = tokens.kinds[index : index + AHEAD]
    taken = advance(states, (*before, *ahead)) - len(before)
    if taken == 1 < len(ahead):
        return 1.5 if tokens.is_first_on_line(index + 1) else 0
    return taken


def heights(states: list[int]) -> Iterator[int]:
    """Heights to which the stack may be cut, from its own down: never through a block, open or complete.

    The last is that of the innermost `{` still open, or 1 for the beginning of the program.
    """
    complete = 0
    for height in range(len(states), 0, -1):
        symbol = tables.SYMBOLS[states[height - 1]]
        if not complete:
            yield height
        if symbol == "RBRACE":
            complete += 1
        elif symbol == "LBRACE":
            if not complete:
                return
            complete -= 1
