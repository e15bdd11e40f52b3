"""What could stand in a place, in the words of a pricing author.

The automaton knows the terminals that it would take; here they are put together to "a step", "a number", "an
operator", so that a message says what to write rather than how the grammar is made. May import `automaton`.
"""

from __future__ import annotations

import re
from functools import cache

from grammar import tables
from pricing_dsl.syntax.automaton import ACTIONS, END, SPELLINGS, WORDS

_PLACES = {
    "start": ("a declaration", "at the top of a program"),
    "items": ("a line or another item of a plan", "in a plan or a contract"),
    "clauses": ("a clause of the meter", "in a meter"),
    "steps": ("a step", "in a charge, a quantity or an override"),
    "tiers": ("a tier", "among tiers"),
    "bands": ("`above`", "in `discount graduated`"),
    "balance_clauses": ("a clause of the balance", "in a commit or a credit"),
    "example_items": ("`expect`", "in an example"),
}
_LIST = re.compile(r"__(\w+)_star_[0-9]+")

_PHRASES: tuple[tuple[frozenset[str], frozenset[str], str], ...] = (
    # what must be expected, what is then said with it, the phrase
    (
        frozenset({"NAME", "NUMBER", "LPAR", "MINUS"}),
        frozenset({"NAME", "NUMBER", "LPAR", "MINUS", "PERCENT", "STRING", "IF", "NOT"}),
        "an expression",
    ),
    (
        frozenset({"PLUS", "MINUS", "STAR", "SLASH"}),
        frozenset(
            {"PLUS", "MINUS", "STAR", "SLASH", "EQUAL", "UNEQUAL", "LESSTHAN", "MORETHAN", "AT_MOST", "AT_LEAST"}
            | {"AND", "OR", "NOT", "IN", "LIKE", "LPAR"}
        ),
        "an operator",
    ),
    (frozenset({"AND", "OR"}), frozenset({"AND", "OR"}), "`and`, `or`"),
    (frozenset({"NAME", "STRING", "ELSE"}), frozenset({"NAME", "STRING", "ELSE"}), "a key"),
    (frozenset({"NUMBER", "PERCENT", "MINUS"}), frozenset({"NUMBER", "PERCENT", "MINUS"}), "a number or a percentage"),
    (frozenset({"NUMBER", "MINUS"}), frozenset({"NUMBER", "MINUS"}), "a number"),
    (frozenset({"PERCENT", "MINUS"}), frozenset({"PERCENT", "MINUS"}), "a percentage"),
    (frozenset({"DATE", "INSTANT"}), frozenset({"DATE", "INSTANT"}), "a date"),
)
_TERMINALS = {
    "NAME": "a name",
    "STRING": "a text in quotes",
    "NUMBER": "a number",
    "PERCENT": "a percentage",
    "DATE": "a date",
    "INSTANT": "an instant",
    "YEAR_MONTH": "a month such as `2026-03`",
    END: "the end of the program",
}
_SHOWN_MAX = 8


@cache
def starters() -> dict[str, frozenset[str]]:
    """Per kind of block: the keywords with which its items begin."""
    found: dict[str, frozenset[str]] = {}
    for state, symbol in enumerate(tables.SYMBOLS):
        match = _LIST.fullmatch(symbol)
        if match and match[1] in _PLACES:
            words = {kind for kind, action in ACTIONS[state].items() if action >= 0 and kind in WORDS}
            found[match[1]] = found.get(match[1], frozenset()) | words
    return found


def describe(kinds: frozenset[str]) -> tuple[str, str]:
    """`a step, `per` or `}``: what could stand here, groups first, the closing sign last; and the first of it."""
    left = set(kinds)
    said: list[str] = []
    for place, words in starters().items():
        if len(words) > 2 and len(words & left) >= 0.8 * len(words):
            said.append(_PLACES[place][0])
            left -= words
    for needed, covered, phrase in _PHRASES:
        if needed <= left:
            said.append(phrase)
            left -= covered
    closing = [f"`{SPELLINGS[kind]}`" for kind in ("RPAR", "RSQB", "RBRACE") if kind in left]
    closing += [_TERMINALS[END]] if END in left and not said else []
    left -= {"RPAR", "RSQB", "RBRACE", END}
    said += [_TERMINALS[kind] for kind in sorted(left & _TERMINALS.keys())]
    said += [f"`{SPELLINGS[kind]}`" for kind in sorted(left & SPELLINGS.keys())]
    if len(said) > _SHOWN_MAX:
        said = [*said[: _SHOWN_MAX - 1], "another joining word"]
    said += closing
    return " or ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said), said[0]


def found_words(kind: str, text: str) -> str:
    """How a message calls the token that was found."""
    if kind == END:
        return "the end of the program"
    if not text:
        return "the end of the block"
    return f"`{text}`" if len(text) <= 40 else f"`{text[:37]}...`"


def place_of(kind: str) -> str:
    """Where items that begin with this keyword stand, or nothing if none does."""
    places = [_PLACES[place][1] for place, words in starters().items() if kind in words]
    return ", or ".join(places)
