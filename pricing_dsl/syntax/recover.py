"""Going on after a mistake: says what is wrong, mends it if one word can, else drops the smallest broken piece.

A mend is one token put in, left out or read as another, taken only if the automaton then takes what follows. Where
none is found, panic mode: skip to the next token that begins a declaration, an item, a step, a clause, a tier or a row
of the innermost open block (or to the block's end), and cut the stack back to the state that takes it there. Blocks
balance (see `braces`), so nothing is ever dropped beyond one.
May import `automaton`, `braces`, `build`, `lexer`, `expected`.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from grammar import tables
from pricing_dsl.diagnostics.diagnostic import Diagnostic, Label
from pricing_dsl.limits import DIAGNOSTICS_MAX
from pricing_dsl.source import Span
from pricing_dsl.syntax.automaton import ACTIONS, END, NAME, SPELLINGS, WORDS, advance, expected
from pricing_dsl.syntax.braces import Braces
from pricing_dsl.syntax.build import Builder
from pricing_dsl.syntax.expected import describe, found_words, place_of, starters
from pricing_dsl.syntax.lexer import Tokens

_AHEAD = 4
"""How many tokens the automaton must take behind a mend (fewer where the block or the text ends before)."""

_CONNECTORS = (
    "COLON", "__ANON_0", "EQUAL", "VBAR", "COMMA", "LPAR", "RPAR", "LSQB", "RSQB", "RANGE", "LBRACE",
    "ON", "TO", "BY", "AS", "OF", "IN", "THEN", "ELSE", "AT",
)  # fmt: skip
"""What may be put in or read instead: signs and joining words, never a word that begins something."""

_STARTERS = frozenset[str]().union(*starters().values())
_LIST_STATES = frozenset(
    state for state, symbol in enumerate(tables.SYMBOLS) if symbol in ("LBRACE", "header") or "_star_" in symbol
)
_LINE_STARTERS = frozenset({NAME, "STRING", "ELSE"})
_BRACKETS = {"LPAR": 1, "LSQB": 1, "RPAR": -1, "RSQB": -1}
_CLOSING_AHEAD = 200
_MONEY_CODE = re.compile(r"[A-Z]{3}\Z")
_GROUP = re.compile(r"[0-9]{3}\Z")
_LOOSE_DATE = re.compile(r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}(?:T[0-9:]*Z?)?")
_NAMED = frozenset({NAME, "name", "reference"})
_NOT_IN_NAMES = frozenset({"MINUS", "STAR", "SLASH", "NUMBER", "YEAR_MONTH"})


class Recovery:
    """Mends one parse. `diagnostics` holds what was said."""

    def __init__(self, tokens: Tokens, braces: Braces, builder: Builder) -> None:
        self.tokens = tokens
        self.braces = braces
        self.builder = builder
        self.diagnostics: list[Diagnostic] = []

    def mend(self, index: int, states: list[int]) -> int:
        """The token at `index` cannot follow `states`: report it, cut `states` back, and return where to go on."""
        if len(self.diagnostics) > DIAGNOSTICS_MAX:
            del states[2 if len(states) > 1 and advance(states, (END,), height=2) else 1 :]
            return len(self.tokens.kinds) - 1
        known = index in self.tokens.broken or index - 1 in self.tokens.broken
        said = len(self.diagnostics)
        for attempt in (self._special, self._misspelt, self._one_token, self._unexpected):
            at = attempt(index, states)
            if at is not None:
                break
        assert at is not None
        if known:
            del self.diagnostics[said:]
        return at

    def _report(self, code: str, message: str, span: Span, label: str = "", write: str = "") -> None:
        self.diagnostics.append(Diagnostic(code, message, span, label=label, help=write))

    def _takes(self, states: list[int], index: int, *before: str, height: int | None = None) -> int:
        """How many tokens from `index` on are taken from here, `before` put in front; less than 0 if not even those."""
        ahead = self.tokens.kinds[index : index + _AHEAD]
        return advance(states, (*before, *ahead), height=height) - len(before)

    # --- mistakes that people are known to make ---

    def _special(self, index: int, states: list[int]) -> int | None:
        tokens = self.tokens
        kind = tokens.kinds[index]
        before = tokens.kinds[index - 1] if index else ""
        if kind in ("__ANON_0", "EQUAL"):
            return self._equals(index, states)
        if kind == "COMMA" and before == "NUMBER":
            return self._grouped_number(index)
        if kind == NAME and (before in ("NUMBER", "PERCENT") or tokens.kinds[index + 1] == "NUMBER"):
            return self._money_code(index, index + 1, states, 0)
        if kind == "NUMBER" and before == NAME:
            return self._money_code(index - 1, index, states, 2)
        if kind in _NOT_IN_NAMES and before in {NAME, *WORDS} and tokens.ends[index - 1] == tokens.starts[index]:
            return self._name_with_signs(index, states)
        if kind in ("NUMBER", "DATE", "YEAR_MONTH") or before == "DATE":
            return self._loose_date(index, states)
        if before in _STARTERS and self._is_first_on_line(index - 1) and tables.SYMBOLS[states[-1]] in _NAMED:
            return self._next_item(index - 1, states)
        if before == "IF" and tables.SYMBOLS[states[-1]] != "IF":
            message = "`if` stands at the beginning of an expression, or in parentheses"
            self._report("S0116", message, tokens.span(index - 1), write="write `(if ... then ... else ...)`")
            return self._panic(index, states)
        return None

    def _next_item(self, index: int, states: list[int]) -> int | None:
        """The word that begins the next line was read as a name, because what stands before it is not complete."""
        if self._state_that_takes(self.tokens.kinds[index], states, self._base(states)) is None:
            return None
        states.pop()
        self._report_unexpected(index, states)
        return self._panic(index, states)

    def _equals(self, index: int, states: list[int]) -> int | None:
        kinds = self.tokens.kinds
        other = "EQUAL" if kinds[index] == "__ANON_0" else "__ANON_0"
        if advance(states, (other,)) == 0:
            return None
        message = "`=` gives a value, `==` compares" if other == "EQUAL" else "`==` compares, `=` gives a value"
        self._report("S0104", message, self.tokens.span(index), write=f"write `{SPELLINGS[other]}`")
        kinds[index] = other
        return index

    def _money_code(self, code: int, index: int, states: list[int], cuts: int) -> int | None:
        """`5 USD`, or `USD 5` where the code was read as a name: then up to `cuts` states hold it."""
        text = self.tokens.text(code)
        if not _MONEY_CODE.match(text):
            return None
        message = f"`{text}` has no place here: money is a bare number in the program's currency"
        self._report("S0107", message, self.tokens.span(code), write=f"delete `{text}`")
        for height in range(len(states), max(len(states) - cuts - 1, 0), -1):
            if self._takes(states, index, height=height) >= 1:
                del states[height:]
                return index
        return self._panic(index, states)

    def _grouped_number(self, index: int) -> int | None:
        """`1,000`: a comma between digits."""
        tokens = self.tokens
        at = index
        while (
            tokens.kinds[at] == "COMMA"
            and tokens.kinds[at + 1] == "NUMBER"
            and tokens.ends[at - 1] == tokens.starts[at]
            and tokens.ends[at] == tokens.starts[at + 1]
            and _GROUP.match(tokens.text(at + 1)[:3])
        ):
            at += 2
        if at == index:
            return None
        span = Span(tokens.starts[index - 1], tokens.ends[at - 1])
        written = tokens.source.excerpt(span)
        self._report("S0105", "a number has no commas", span, write=f"write `{written.replace(',', '_')}`")
        return at

    def _name_with_signs(self, index: int, states: list[int]) -> int | None:
        """`gpt-5` where a name or a key stands."""
        tokens = self.tokens
        at = index
        while tokens.ends[at - 1] == tokens.starts[at] and tokens.kinds[at] in {
            NAME,
            "PERCENT",
            *_NOT_IN_NAMES,
            *WORDS,
        }:
            at += 1
        span = Span(tokens.starts[index - 1], tokens.ends[at - 1])
        written = tokens.source.excerpt(span)
        message = f"`{written}` is no name: names are made of letters, digits and `_`"
        self._report("S0109", message, span, write=f'write `"{written}"` where a value is meant')
        return at if self._takes(states, at) >= 1 else self._panic(at, states)

    def _loose_date(self, index: int, states: list[int]) -> int | None:
        """`2026-1-1`, `2026-01-01T6:00` where a date stands."""
        tokens = self.tokens
        first = index - 1 if tokens.kinds[index - 1] == "DATE" and index else index
        match = _LOOSE_DATE.match(tokens.source.text, tokens.starts[first])
        if match is None or match.end() <= tokens.ends[first] or not (first < index or "DATE" in ACTIONS[states[-1]]):
            return None
        message = f"`{match[0]}` is no date"
        write = "write a date as `2026-01-01` and an instant as `2026-01-01T06:00Z`"
        self._report("S0117", message, Span(*match.span()), write=write)
        at = index
        while tokens.starts[at] < match.end() and tokens.kinds[at] != END:
            at += 1
        if first == index and advance(states, ("DATE", *tokens.kinds[at : at + _AHEAD])) > 1:
            # Read on as if a date stood there: the last of its tokens takes its place.
            tokens.kinds[at - 1] = "DATE"
            tokens.starts[at - 1], tokens.ends[at - 1] = match.span()
            return at - 1
        return at if self._takes(states, at) >= 1 else self._panic(at, states)

    # --- one word ---

    def _misspelt(self, index: int, states: list[int]) -> int | None:
        """A word that is nearly one that could stand here, or stood before and was read as a unit."""
        tokens = self.tokens
        top = len(states)
        for at, heights in ((index, (top,)), (index - 1, range(top - 1, max(top - 4, 0), -1))):
            if at < 0 or not (tokens.kinds[at] == NAME or (at == index and tokens.kinds[at] in WORDS)):
                continue
            text = tokens.text(at)
            for height in heights:
                words = {SPELLINGS[kind]: kind for kind in expected(states, height) & WORDS}
                for word in get_close_matches(text.lower(), words, n=2, cutoff=0.7):
                    kind = words[word]
                    if self._takes(states, at + 1, kind, height=height) >= 1:
                        label = f"did you mean `{word}`?"
                        self._report(
                            "S0102", f"`{text}` has no meaning here", tokens.span(at), label, f"write `{word}`"
                        )
                        tokens.kinds[at] = kind
                        del states[height:]
                        return at
        return None

    def _one_token(self, index: int, states: list[int]) -> int | None:
        """One token put in, read as another or left out, if the automaton then takes at least two more."""
        tokens = self.tokens
        kind = tokens.kinds[index]
        best, mends = min(1, len(tokens.kinds) - index - 1), list[tuple[str, str]]()
        for other in _CONNECTORS:
            if not advance(states, (other,), words_as_names=False):
                continue
            if other == "LBRACE" and not any(stray.start > tokens.starts[index] for stray in self.braces.strays):
                continue
            options = [("put in", self._takes(states, index, other))] if other != "EQUAL" else []
            if not self._is_start(index) and (kind in SPELLINGS or kind == NAME):
                options.append(("read as", self._takes(states, index + 1, other)))
            for how, taken in options:
                if taken > best:
                    best, mends = taken, [(how, other)]
                elif mends and taken == best:
                    mends.append((how, other))
        if not self._is_start(index) and self._takes(states, index + 1) > best:
            mends = [("leave out", "")]
        if not mends:
            return None
        how, other = min(mends, key=lambda mend: mend[0] != "put in")
        found = found_words(kind, tokens.text(index))
        if how == "put in" and len(mends) == 1:
            sign = SPELLINGS[other]
            behind = index > 0 and self._is_first_on_line(index)
            where = f"after `{tokens.text(index - 1)}`" if behind else f"before {found}"
            span = self._visible(index - behind)
            self._report("S0103", f"`{sign}` is missing {where}", span, write=f"write `{sign}` {where}")
        elif how == "leave out":
            self._report_unexpected(index, states, f"delete {found}")
        else:
            signs = " or ".join(f"`{SPELLINGS[sign]}`" for kept, sign in mends if kept == how)
            self._report_unexpected(index, states, f"write {signs} {'before' if how == 'put in' else 'for'} {found}")
        if how == "leave out":
            return index + 1
        if how == "read as":
            tokens.kinds[index] = other
        else:
            self._put_in(index, other)
        return index

    def _is_start(self, index: int) -> bool:
        """Whether something new probably begins at this token: it must not be left out."""
        kind = self.tokens.kinds[index]
        return kind in _STARTERS or kind in (END, "LBRACE", "RBRACE") or self._is_first_on_line(index)

    def _is_first_on_line(self, index: int) -> bool:
        tokens = self.tokens
        return index == 0 or tokens.source.text.find("\n", tokens.ends[index - 1], tokens.starts[index]) >= 0

    def _put_in(self, index: int, kind: str) -> None:
        """Insert a token of no width. A `{` takes back the first `}` behind it that had been left out as stray."""
        tokens = self.tokens
        at = tokens.starts[index]
        partners = self.braces.partners
        self.braces.partners = {o + (o >= index): c + (c >= index) for o, c in partners.items()}
        tokens.broken = {broken + (broken >= index) for broken in tokens.broken}
        tokens.insert(index, kind, Span(at, at))
        if kind != "LBRACE":
            return
        stray = next(stray for stray in self.braces.strays if stray.start > at)
        self.braces.strays.remove(stray)
        tokens.diagnostics[:] = [d for d in tokens.diagnostics if d.code != "S0121" or d.span != stray]
        closing = next(
            i for i in range(index, len(tokens.kinds)) if tokens.starts[i] > stray.start or tokens.kinds[i] == END
        )
        partners = self.braces.partners
        self.braces.partners = {o + (o >= closing): c + (c >= closing) for o, c in partners.items()} | {index: closing}
        tokens.insert(closing, "RBRACE", stray)

    # --- panic ---

    def too_deep(self, index: int, states: list[int]) -> int:
        """More is open than can be: `not not not ...`, `if ... else if ...` without end."""
        message = "this expression is nested too deeply"
        self._report("S0131", message, self.tokens.span(index), write="split it: name parts of it")
        while states[-1] not in _LIST_STATES and len(states) > 1:
            states.pop()
        return self._panic(index, states)

    def _unexpected(self, index: int, states: list[int]) -> int:
        self._report_unexpected(index, states)
        return self._panic(index, states)

    def _report_unexpected(self, index: int, states: list[int], write: str = "") -> None:
        kind = self.tokens.kinds[index]
        wanted, first = describe(expected(states))
        found = found_words(kind, self.tokens.text(index))
        labels = self._still_open(index, states)
        if write:
            pass
        elif labels:
            write = f"close what is open, or write {first} before {found}"
        elif kind in _STARTERS and self._is_item_place(states):
            write = f"{found} stands {place_of(kind)}"
        elif kind in (END, "RBRACE") or (kind in _STARTERS and self._is_first_on_line(index)):
            write = f"write {first} before it"
        else:
            write = f"write {first} here, or delete {found}"
        span = self._visible(index)
        message = f"expected {wanted}, found {found}"
        self.diagnostics.append(Diagnostic("S0101", message, span, labels=labels, help=write))

    def _visible(self, index: int) -> Span:
        """The token's place, or that of the token before where it has no width."""
        while index and self.tokens.starts[index] == self.tokens.ends[index]:
            index -= 1
        return self.tokens.span(index)

    def _still_open(self, index: int, states: list[int]) -> tuple[Label, ...]:
        """A label on the parenthesis that is open here, if the last one opened is near."""
        depth = 0
        if any(tables.SYMBOLS[state] in ("LPAR", "LSQB") for state in states[-_AHEAD:]):
            for at in range(index - 1, max(index - _CLOSING_AHEAD, -1), -1):
                depth += _BRACKETS.get(self.tokens.kinds[at], 0)
                if depth > 0:
                    return (Label(self.tokens.span(at), "this is still open"),)
        return ()

    def _is_item_place(self, states: list[int]) -> bool:
        return bool(expected(states) & (_STARTERS | {"RBRACE"}))

    def _panic(self, index: int, states: list[int]) -> int:
        """Skip to where the block can go on; cut the stack to the state that takes it; return the place."""
        tokens = self.tokens
        kinds = tokens.kinds
        base = self._base(states)
        at = self._behind_parentheses(index, states[base:])
        known: dict[str, int | None] = {}
        while True:
            kind = kinds[at]
            ends = kind == END or (kind == "RBRACE" and base > 0)
            if ends or kind in _STARTERS or (kind in _LINE_STARTERS and self._is_first_on_line(at)):
                if kind not in known:
                    known[kind] = self._state_that_takes(kind, states, base)
                top = known[kind]
                if top is not None:
                    del states[top + 1 :]
                    self.builder.recovered(tokens.starts[at])
                    return at
            at = self.braces.partners[at] + 1 if kind == "LBRACE" else at + 1

    def _base(self, states: list[int]) -> int:
        """The place on the stack of the innermost open `{`, or of the program's beginning."""
        base = len(states) - 1
        while base and tables.SYMBOLS[states[base]] != "LBRACE":
            base -= 1
        return base

    def _state_that_takes(self, kind: str, states: list[int], base: int) -> int | None:
        """The highest place of the open block's stack from which `kind` is taken; names only where a list goes on."""
        for top in range(len(states) - 1, base - 1, -1):
            if kind in _LINE_STARTERS and states[top] not in _LIST_STATES:
                continue
            if advance(states, (kind,), height=top + 1, words_as_names=False):
                return top
        return None

    def _behind_parentheses(self, index: int, states: list[int]) -> int:
        """Behind the `)` that closes what is open on the stack, if it comes soon; else where we are."""
        depth = sum(_BRACKETS.get(tables.SYMBOLS[state], 0) for state in states)
        if depth <= 0:
            return index
        for at in range(index, min(index + _CLOSING_AHEAD, len(self.tokens.kinds))):
            kind = self.tokens.kinds[at]
            if kind in ("LBRACE", "RBRACE", END):
                return index
            depth += _BRACKETS.get(kind, 0)
            if depth == 0:
                return at + 1
        return index
