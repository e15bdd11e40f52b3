"""Going on after a mistake: says what is wrong, mends it if one word can, else drops the smallest broken piece.

A mend is one token put in, left out or read as another, taken only if the automaton then takes what follows. Where
none is found, panic mode: skip to the next token that begins a declaration, an item, a step, a clause, a tier or a row
of the innermost open block (or to the block's end), and cut the stack back to the state that takes it there. Blocks
balance (see `braces`), so nothing is ever dropped beyond one.
May import `automaton`, `braces`, `build`, `expected`, `lexer`, `repair`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from difflib import get_close_matches
from itertools import islice

from grammar import tables
from pricing_dsl.diagnostics.diagnostic import Diagnostic, Label
from pricing_dsl.limits import DIAGNOSTICS_MAX
from pricing_dsl.source import Span
from pricing_dsl.syntax.automaton import ACTIONS, END, NAME, SPELLINGS, WORDS, advance, expected
from pricing_dsl.syntax.braces import Braces
from pricing_dsl.syntax.build import Builder
from pricing_dsl.syntax.expected import describe, found_words, place_of
from pricing_dsl.syntax.lexer import Tokens
from pricing_dsl.syntax.repair import AHEAD, STARTERS, find_repairs, heights

_STARTER_WORDS = {SPELLINGS[kind]: kind for kind in STARTERS}
_LINES_AHEAD = 3
"""How many lines are looked at for a misspelt word that begins the next item."""
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
        self._begins: list[int] = []

    def mend(self, index: int, states: list[int], begins: list[int]) -> int:
        """The token at `index` cannot follow `states`: report it, cut `states` back, and return where to go on.

        `begins` are the places at which what led into each state begins.
        """
        self._begins = begins
        if len(self.diagnostics) > DIAGNOSTICS_MAX:
            del states[2 if len(states) > 1 and advance(states, (END,), height=2) else 1 :]
            return len(self.tokens.kinds) - 1
        broken = self.tokens.broken
        known = index in broken or (index - 1 in broken and not self.tokens.is_first_on_line(index))
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
        ahead = self.tokens.kinds[index : index + AHEAD]
        return advance(states, (*before, *ahead), height=height) - len(before)

    def _go_on(self, index: int, states: list[int]) -> int:
        """What was wrong is said: go on at `index` if it is taken, or begins a line: that is a place of its own."""
        if self._takes(states, index) >= 1 or self.tokens.is_first_on_line(index):
            return index
        return self._panic(index, states)

    # --- mistakes that people are known to make ---

    def _special(self, index: int, states: list[int]) -> int | None:
        tokens = self.tokens
        kind = tokens.kinds[index]
        before = tokens.kinds[index - 1] if index else ""
        if before in STARTERS and tokens.is_first_on_line(index - 1) and tables.SYMBOLS[states[-1]] in _NAMED:
            at = self._next_item(index - 1, states)
            if at is not None:
                return at
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
        if before == "IF" and tables.SYMBOLS[states[-1]] != "IF":
            message = "`if` stands at the beginning of an expression, or in parentheses"
            self._report("S0116", message, tokens.span(index - 1), write="write `(if ... then ... else ...)`")
            return self._panic(index, states)
        return None

    def _next_item(self, index: int, states: list[int]) -> int | None:
        """The word that begins the next line was read as a name: what stands before is incomplete, or takes a unit."""
        is_unit = tables.SYMBOLS[states[-2]] == "NUMBER"
        if not is_unit and self._height_that_takes(self.tokens.kinds[index], states) is None:
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
        for height in islice(heights(states), cuts + 1):
            if self._takes(states, index, height=height) >= 1:
                del states[height:]
                return index
        return self._go_on(index, states)

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
        is_decimal = written.startswith("0,") or any(len(group) != 3 for group in written.split(",")[1:])
        write = written.replace(",", "." if is_decimal and written.count(",") == 1 else "_")
        self._report("S0105", "a number has no commas", span, write=f"write `{write}`")
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
        return self._go_on(at, states)

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
        if first == index and advance(states, ("DATE", *tokens.kinds[at : at + AHEAD])) > 1:
            # Read on as if a date stood there: the last of its tokens takes its place.
            tokens.kinds[at - 1] = "DATE"
            tokens.starts[at - 1], tokens.ends[at - 1] = match.span()
            return at - 1
        return self._go_on(at, states)

    # --- one word ---

    def _misspelt(self, index: int, states: list[int]) -> int | None:
        """A word that is nearly one that could stand here, or stood before and was read as a unit."""
        tokens = self.tokens
        near = list(islice(heights(states), 4))
        for at, possible in ((index, near[:1]), (index - 1, near[1:])):
            if at < 0 or not (tokens.kinds[at] == NAME or (at == index and tokens.kinds[at] in WORDS)):
                continue
            text = tokens.text(at)
            least = 0 if at == index and tokens.is_first_on_line(at + 1) else 1
            for height in possible:
                words = {SPELLINGS[kind]: kind for kind in expected(states, height) & WORDS}
                for word in get_close_matches(text.lower(), words, n=2, cutoff=0.65 if len(text) > 2 else 0.75):
                    kind = words[word]
                    if self._takes(states, at + 1, kind, height=height) >= least:
                        label = f"did you mean `{word}`?"
                        self._report(
                            "S0102", f"`{text}` has no meaning here", tokens.span(at), label, f"write `{word}`"
                        )
                        tokens.kinds[at] = kind
                        again = at if at == index else self._first_token(states, height)
                        del states[height:]
                        return again
        return None

    def _first_token(self, states: list[int], height: int) -> int:
        """The token with which what stands above `height` begins; one put in before it is not read a second time."""
        tokens = self.tokens
        at = bisect_left(tokens.starts, self._begins[height])
        while tokens.starts[at] == tokens.ends[at] and tokens.kinds[at] != tables.SYMBOLS[states[height]]:
            at += 1
        return at

    def _one_token(self, index: int, states: list[int]) -> int | None:
        """One token put in, read as another or left out."""
        tokens = self.tokens
        kind = tokens.kinds[index]
        repairs = find_repairs(tokens, index, states, may_open=self._stray_behind(index) is not None)
        if not repairs:
            return None
        found = found_words(kind, tokens.text(index))
        how, other = repairs[0]
        signs = " or ".join(f"`{SPELLINGS[sign]}`" for _, sign in repairs if sign)
        match how:
            case "leave out":
                self._report_unexpected(index, states, f"delete {found}")
                return index + 1
            case "read as":
                self._report_unexpected(index, states, f"write {signs} for {found}")
                tokens.kinds[index] = other
            case "put in":
                behind = index > 0 and tokens.is_first_on_line(index)
                where = f"after `{tokens.text(index - 1)}`" if behind else f"before {found}"
                if len(repairs) == 1:
                    span = self._visible(index - behind)
                    self._report("S0103", f"{signs} is missing {where}", span, write=f"write {signs} {where}")
                else:
                    self._report_unexpected(index, states, f"write {signs} {where}")
                self._put_in(index, other)
        return index

    def _put_in(self, index: int, kind: str) -> None:
        """Insert a token of no width. With a `{` the `}` that had been left out as stray comes back."""
        at = self.tokens.starts[index]
        found = self._stray_behind(index) if kind == "LBRACE" else None
        self._insert(index, kind, Span(at, at))
        if found is not None:
            stray, closing = found
            self.braces.strays.remove(stray)
            said = self.tokens.diagnostics
            said[:] = [diagnostic for diagnostic in said if diagnostic.code != "S0121" or diagnostic.span != stray]
            self._insert(closing + 1, "RBRACE", stray)
            self.braces.partners[index] = closing + 1

    def _insert(self, index: int, kind: str, span: Span) -> None:
        self.tokens.insert(index, kind, span)
        self.tokens.broken = {broken + (broken >= index) for broken in self.tokens.broken}
        partners = self.braces.partners
        self.braces.partners = {start + (start >= index): end + (end >= index) for start, end in partners.items()}

    def _stray_behind(self, index: int) -> tuple[Span, int] | None:
        """The first `}` left out as stray behind a token, in the same block, and the token before which it stood."""
        tokens = self.tokens
        at = index
        for stray in self.braces.strays:
            while tokens.starts[at] < stray.start and tokens.kinds[at] not in ("RBRACE", END):
                at = self.braces.partners[at] + 1 if tokens.kinds[at] == "LBRACE" else at + 1
            if tokens.starts[at] < stray.start:
                return None
            if at > index and tokens.starts[at - 1] < stray.start and self._could_close(index, stray):
                return stray, at
        return None

    def _could_close(self, index: int, stray: Span) -> bool:
        """Whether a `}` stands where it would close a block opened at a token: on its line, or below its beginning."""
        text = self.tokens.source.text
        if text.find("\n", self.tokens.starts[index], stray.start) < 0:
            return True
        line = text.rfind("\n", 0, self.tokens.starts[max(index - 1, 0)]) + 1
        stray_line = text.rfind("\n", 0, stray.start) + 1
        before = text[stray_line : stray.start]
        return (
            before == text[line : line + len(before)] and not before.strip() and not text[line + len(before)].isspace()
        )

    # --- panic ---

    def too_deep(self, index: int, states: list[int]) -> int:
        """More is open than can be: `not not not ...`, `if ... else if ...` without end."""
        message = "this expression is nested too deeply"
        self._report("S0131", message, self.tokens.span(index), write="split it: name parts of it")
        del states[next(height for height in heights(states) if states[height - 1] in _LIST_STATES or height == 1) :]
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
        elif kind in STARTERS and self._is_item_place(states):
            write = f"{found} stands {place_of(kind)}"
        elif kind in (END, "RBRACE") or (kind in STARTERS and self.tokens.is_first_on_line(index)):
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
        if any(tables.SYMBOLS[state] in ("LPAR", "LSQB") for state in states[-AHEAD:]):
            for at in range(index - 1, max(index - _CLOSING_AHEAD, -1), -1):
                depth += _BRACKETS.get(self.tokens.kinds[at], 0)
                if depth > 0:
                    return (Label(self.tokens.span(at), "this is still open"),)
        return ()

    def _is_item_place(self, states: list[int]) -> bool:
        return bool(expected(states) & (STARTERS | {"RBRACE"}))

    def _panic(self, index: int, states: list[int]) -> int:
        """Skip to where the block can go on; cut the stack to the state that takes it; return the place."""
        tokens = self.tokens
        kinds = tokens.kinds
        base = min(heights(states))
        at = self._behind_parentheses(index, states[base:])
        known: dict[str, int | None] = {}
        lines = 0
        while True:
            kind = kinds[at]
            ends = kind == END or (kind == "RBRACE" and base > 1)
            if ends or kind in STARTERS or (kind in _LINE_STARTERS and self.tokens.is_first_on_line(at)):
                if kind not in known:
                    known[kind] = self._height_that_takes(kind, states)
                height = known[kind]
                if height is not None:
                    del states[height:]
                    self.builder.recovered(tokens.starts[at])
                    return at
            if at > index and lines < _LINES_AHEAD and tokens.is_first_on_line(at):
                lines += 1
                height = self._height_for_misspelt(at, states) if kind == NAME else None
                if height is not None:
                    del states[height:]
                    return at
                if kind in STARTERS:
                    self._report_unexpected(
                        at, states[: self._height_that_takes(END if base == 1 else "RBRACE", states)]
                    )
            at = self.braces.partners[at] + 1 if kind == "LBRACE" else at + 1

    def _height_for_misspelt(self, at: int, states: list[int]) -> int | None:
        """Where the word that begins a line is nearly one that begins something: that is the next mistake's place."""
        for word in get_close_matches(self.tokens.text(at), _STARTER_WORDS, n=2, cutoff=0.75):
            height = self._height_that_takes(_STARTER_WORDS[word], states)
            if height is not None:
                return height
        return None

    def _height_that_takes(self, kind: str, states: list[int]) -> int | None:
        """The greatest height of the stack from which `kind` is taken; names only where a list goes on."""
        for height in heights(states):
            if kind in _LINE_STARTERS and states[height - 1] not in _LIST_STATES:
                continue
            if advance(states, (kind,), height=height, words_as_names=False):
                return height
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
