"""The LALR(1) automaton: the tables of the grammar, and what a stack of states would accept.

`ACTIONS[state]` maps a terminal to the next state or to `~rule`; `GOTO[state]` maps a symbol to the next state. A row
is read from its text when its state is first met, so that loading costs nothing. A word is read as its keyword and,
where no such keyword can follow, as a name: the contextual lexer's rule, asked anew after every reduction.
May import `grammar`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from grammar import tables

END = "$END"
NAME = "NAME"
WORDS = frozenset(tables.KEYWORDS.values())
"""Terminals that are keywords; each may also be read as a name."""

SPELLINGS = {kind: text for text, kind in (tables.KEYWORDS | tables.SIGNS).items()}
"""Terminals of fixed text, and their text."""


class Rows(dict[int, dict[str, int]]):
    """The rows of one table by state, each read when it is first asked for."""

    def __init__(self, rows: Sequence[str]) -> None:
        super().__init__()
        self._rows = rows

    def __missing__(self, state: int) -> dict[str, int]:
        row: dict[str, int] = {}
        for entry in self._rows[state].split():
            target, symbols = entry.split(":")
            row.update(dict.fromkeys(symbols.split(","), int(target)))
        self[state] = row
        return row


ACTIONS = Rows(tables.ACTIONS)
GOTO = Rows(tables.GOTO)


def advance(
    states: Sequence[int], kinds: Iterable[str], *, height: int | None = None, words_as_names: bool = True
) -> int:
    """How many of these terminals in turn the automaton takes from this stack, without changing it.

    `height` looks at the lowest states of the stack only. What is pushed is kept aside, so the cost does not depend on
    the stack.

    >>> advance([tables.START], ["CURRENCY", "NAME", "NAME"])
    2
    """
    base = len(states) if height is None else height
    pushed: list[int] = []
    state = states[base - 1]
    taken = 0
    for kind in kinds:
        while True:
            action = ACTIONS[state].get(kind)
            if action is None and words_as_names and kind in WORDS:
                kind = NAME
                action = ACTIONS[state].get(NAME)
            if action is None:
                return taken
            if action >= 0:
                pushed.append(action)
                state = action
                break
            symbol, size, _, _ = tables.RULES[~action]
            kept = len(pushed) - size
            if kept < 0:
                base += kept
                kept = 0
            del pushed[kept:]
            state = GOTO[pushed[-1] if pushed else states[base - 1]][symbol]
            if kind == END and state == tables.END:
                return taken + 1
            pushed.append(state)
        taken += 1
    return taken


def expected(states: Sequence[int], height: int | None = None) -> frozenset[str]:
    """The terminals that the automaton would take next from the lowest `height` states of this stack (else all)."""
    row = ACTIONS[states[-1 if height is None else height - 1]]
    return frozenset(kind for kind in row if advance(states, (kind,), height=height, words_as_names=False))
