"""Source text to the syntax tree: `from_source`, the syntax stage's one way in.

Tokens, then braces, then the automaton, which calls the builder for every construct that it has read. Where it cannot
go on, `recover` says what is wrong and how to go on, so that one run reports every mistake and still gives the rest of
the tree. Never raises; bounded in time and memory by `limits`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grammar import tables
from pricing_dsl.diagnostics.diagnostic import Diagnostic, in_source_order
from pricing_dsl.limits import DIAGNOSTICS_MAX, EXPRESSION_DEPTH_MAX, NESTING_MAX, SOURCE_CHARACTERS_MAX
from pricing_dsl.source import Source, Span
from pricing_dsl.syntax import nodes
from pricing_dsl.syntax.automaton import ACTIONS, END, GOTO, NAME, SPELLINGS, WORDS
from pricing_dsl.syntax.braces import match_braces
from pricing_dsl.syntax.build import Builder
from pricing_dsl.syntax.lexer import Tokens, tokenize
from pricing_dsl.syntax.recover import Recovery

Rule = tuple[str, int, Callable[..., Any] | None, tuple[int, ...]]
"""Symbol, number of symbols, the function to call (`None`: hand on or list), positions of its arguments."""


_STACK_MAX = NESTING_MAX * 16 + EXPRESSION_DEPTH_MAX * 6
"""States on the automaton's stack: what the deepest program within the limits can need."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a text says. `program` is complete when there are no diagnostics, else it lacks what is broken.

    `comments` are the places of the comments, `tokens` all tokens in order, for the formatter.
    """

    program: nodes.Program
    diagnostics: tuple[Diagnostic, ...]
    comments: tuple[Span, ...]
    tokens: Tokens


def from_source(source: Source) -> Parsed:
    """Parse one program; language reference, sections 1 to 10.

    >>> from_source(Source("currency USD")).program.declarations[0].code.text
    'USD'
    """
    size = len(source.text)
    if size > SOURCE_CHARACTERS_MAX:
        message = f"this program has {size} characters; {SOURCE_CHARACTERS_MAX} are allowed"
        too_long = Diagnostic("S0130", message, Span(0, 1), help="split it, or move its tables to data files")
        return _nothing(Tokens(source), [too_long])
    tokens = tokenize(source)
    braces = match_braces(tokens)
    if braces.too_deep:
        return _nothing(tokens, tokens.diagnostics)
    builder = Builder(source)
    recovery = Recovery(tokens, braces, builder)
    program = _run(tokens, builder, recovery)
    found = [*tokens.diagnostics, *recovery.diagnostics, *builder.problems]
    return Parsed(program, _bounded(found), tuple(tokens.comments), tokens)


def _nothing(tokens: Tokens, diagnostics: list[Diagnostic]) -> Parsed:
    program = nodes.Program((), span=Span(0, len(tokens.source.text)))
    return Parsed(program, _bounded(diagnostics), tuple(tokens.comments), tokens)


def _bounded(diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """In source order, and no more than the limit; then one that says so."""
    ordered = in_source_order(diagnostics)
    if len(ordered) <= DIAGNOSTICS_MAX:
        return ordered
    message = f"this program has more than {DIAGNOSTICS_MAX} errors; the rest is not shown"
    more = Diagnostic("S0134", message, ordered[DIAGNOSTICS_MAX].span, help="mend the first ones and check again")
    return (*ordered[:DIAGNOSTICS_MAX], more)


def _run(tokens: Tokens, builder: Builder, recovery: Recovery) -> nodes.Program:
    """The automaton's loop: shift tokens, reduce rules, and ask `recovery` where neither is possible."""
    rules: list[Rule] = [
        (symbol, size, getattr(builder, name) if name not in ("", "+") else None, arguments)
        for symbol, size, name, arguments in tables.RULES
    ]
    text, kinds, starts, ends = tokens.source.text, tokens.kinds, tokens.starts, tokens.ends
    states, begins = [tables.START], [0]
    values: list[Any] = [None]
    end = index = 0
    while True:
        kind = kinds[index]
        action = ACTIONS[states[-1]].get(kind)
        while action is None or action < 0:
            if action is None:
                if kind not in WORDS:
                    break
                kind = NAME
                action = ACTIONS[states[-1]].get(NAME)
                continue
            symbol, size, function, arguments = rules[~action]
            if size == 1 and function is None and symbol[0] != "_":
                states[-1] = state = GOTO[states[-2]][symbol]
                action = ACTIONS[state].get(kind)
                continue
            value: Any = None
            begin = begins[-size] if size else end
            if function is not None:
                children = values[-size:] if size else []
                children.append(None)
                value = function(_span(begin, end), *[children[at] for at in arguments])
            elif size and len(arguments) == 2:
                value = values[-size]
                value.append(values[arguments[1] - size])
            elif size:
                value = values[arguments[0] - size]
                value = [value] if symbol[0] == "_" else value
            if size:
                del states[-size:], values[-size:], begins[-size:]
            state = GOTO[states[-1]][symbol]
            if kind == END and state == tables.END:
                program: nodes.Program = value
                return program
            states.append(state)
            values.append(value)
            begins.append(begin)
            action = ACTIONS[state].get(kind)
        if action is None or len(states) > _STACK_MAX:
            index = recovery.too_deep(index, states) if action is not None else recovery.mend(index, states)
            del values[len(states) :], begins[len(states) :]
            continue
        start, end = starts[index], ends[index]
        states.append(action)
        begins.append(start)
        values.append(SPELLINGS.get(kind) or text[start:end])
        index += 1


def _span(start: int, end: int) -> Span:
    return tuple.__new__(Span, (start, end))
