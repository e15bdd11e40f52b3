"""Makes `grammar/tables.py` from `grammar/pricing.lark`: `python -m grammar`.

Lark reads the grammar and computes the LALR(1) tables; this module writes them down as plain literals, so that
reading a program neither computes them again nor needs Lark. What is written, per table, stands in the header of the
generated file. A test regenerates the file and compares.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from lark import Lark, logger
from lark.grammar import Rule
from lark.lexer import PatternStr
from lark.parsers.lalr_analysis import Shift

GRAMMAR_FILE = Path(__file__).with_name("pricing.lark")
TABLES_FILE = Path(__file__).with_name("tables.py")

KNOWN_CONFLICTS = ("Shift/Reduce conflict for terminal NOT: (resolving as shift)",)
"""`covers x where flag not invoiced`: after a bare `flag` the word `not` begins `not in`. A condition on dimensions
compares, so it never ends in a bare name, and reading on is right."""

_HEADER = '''"""LALR(1) tables of the pricing language. Generated from pricing.lark by `python -m grammar`: do not edit.

RULES     one per reduction: (symbol, number of symbols, function, arguments); an argument is the position of a child
          or -1 for a part not written; function "" hands its argument on, "+" begins or extends a list
ACTIONS   per state: `action:TERMINAL,TERMINAL ...`; an action is the next state, or ~rule to reduce by
GOTO      per state: `state:symbol,symbol ...`
SYMBOLS   per state: the symbol that leads into it
PATTERNS  regular expressions of the terminals that are not fixed text
SIGNS     fixed text of signs -> terminal
KEYWORDS  fixed text of words -> terminal
"""

from __future__ import annotations
'''


class _Conflicts(logging.Handler):
    """Collects the conflicts that Lark resolves silently."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if "conflict" in message.lower():
            self.messages.append(message)


def load_grammar() -> Lark:
    """The grammar as Lark's own parser, with the contextual lexer; ValueError when it has conflicts not known."""
    conflicts = _Conflicts()
    level, handlers = logger.level, logger.handlers
    logger.handlers = [conflicts]
    logger.setLevel(logging.DEBUG)
    try:
        lark = Lark(GRAMMAR_FILE.read_text(encoding="utf-8"), parser="lalr", debug=True, maybe_placeholders=True)
    finally:
        logger.handlers = handlers
        logger.setLevel(level)
    if tuple(conflicts.messages) != KNOWN_CONFLICTS:
        raise ValueError(f"the grammar has conflicts: {conflicts.messages}")
    return lark


def generate_tables() -> str:
    """The text of `tables.py` for the grammar as it stands."""
    lark = load_grammar()
    table: Any = lark.parser.parser._parse_table
    rules: list[Rule] = [rule for rule in lark.rules if rule.origin.name != "$root_start"]
    number = {rule: at for at, rule in enumerate(rules)}
    order = _states_in_order(table)
    place = {state: at for at, state in enumerate(order)}
    actions: list[str] = []
    gotos: list[str] = []
    symbols = [""] * len(order)
    terminals = {terminal.name for terminal in lark.terminals} | {"$END"}
    for state in order:
        row: dict[str, int] = {}
        goto: dict[str, int] = {}
        for symbol, (kind, target) in sorted(table.states[state].items()):
            if kind is Shift:
                symbol = str(symbol)
                (row if symbol in terminals else goto)[symbol] = place[target]
                symbols[place[target]] = symbol
            else:
                row[symbol] = ~number[target]
        actions.append(_row(row))
        gotos.append(_row(goto))
    parts = [
        _HEADER,
        f"START = {place[table.start_states['start']]}",
        f"END = {place[table.end_states['start']]}",
        _listing("RULES: tuple[tuple[str, int, str, tuple[int, ...]], ...]", [_shape(rule) for rule in rules]),
        _listing("ACTIONS: tuple[str, ...]", actions),
        _listing("GOTO: tuple[str, ...]", gotos),
        f"SYMBOLS: tuple[str, ...] = {tuple(symbols)!r}",
        *_terminals(lark),
    ]
    return "\n".join(parts) + "\n"


def _row(entries: dict[str, int]) -> str:
    """One state's entries, those of the same target together: it is read when the state is first met."""
    targets: dict[int, list[str]] = {}
    for symbol, target in entries.items():
        targets.setdefault(target, []).append(symbol)
    return " ".join(f"{target}:{','.join(symbols)}" for target, symbols in sorted(targets.items()))


def _states_in_order(table: Any) -> list[Any]:
    """States numbered as they are met from the start, symbols in alphabetical order: the same on every machine."""
    order = [table.start_states["start"]]
    seen = set(order)
    for state in order:
        for _, (kind, target) in sorted(table.states[state].items()):
            if kind is Shift and target not in seen:
                seen.add(target)
                order.append(target)
    return order


def _shape(rule: Rule) -> tuple[str, int, str, tuple[int, ...]]:
    """What a reduction calls, and with which children: the conventions at the head of the grammar."""
    arguments: list[int] = []
    at = 0
    for missing in rule.options.empty_indices or (False,) * len(rule.expansion):
        if missing:
            arguments.append(-1)
            continue
        symbol: Any = rule.expansion[at]
        if rule.options.keep_all_tokens or not (symbol.is_term and symbol.filter_out):
            arguments.append(at)
        at += 1
    symbol_name = str(rule.origin.name)
    name = str(rule.alias or symbol_name)
    if name.startswith("__"):
        name = "+"
    elif rule.options.expand1 and not rule.alias and len(arguments) == 1:
        name = ""
    return symbol_name, len(rule.expansion), name, tuple(arguments)


def _terminals(lark: Lark) -> list[str]:
    patterns: dict[str, str] = {}
    signs: dict[str, str] = {}
    keywords: dict[str, str] = {}
    for terminal in sorted(lark.terminals, key=lambda t: (-t.priority, t.name)):
        value = terminal.pattern.value
        if not isinstance(terminal.pattern, PatternStr):
            patterns[terminal.name] = value
        elif value.isidentifier():
            keywords[value] = terminal.name
        else:
            signs[value] = terminal.name
    return [
        _mapping("PATTERNS", patterns),
        _mapping("SIGNS", signs),
        _mapping("KEYWORDS", dict(sorted(keywords.items()))),
    ]


def _listing(name: str, items: list[Any]) -> str:
    return f"{name} = (\n" + "".join(f"    {item!r},\n" for item in items) + ")"


def _mapping(name: str, items: dict[str, str]) -> str:
    return (
        f"{name}: dict[str, str] = {{\n" + "".join(f"    {key!r}: {value!r},\n" for key, value in items.items()) + "}"
    )
