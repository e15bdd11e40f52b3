"""Text to tokens: one pass over the whole program, before the parser's work.

A token is a kind (a terminal of the grammar) and a span. Words that are keywords somewhere carry their keyword's kind;
the parser reads them as names where it expects no such keyword. What can be no token is reported here, each with
what to write instead, and the parser sees what was meant or nothing at all. Comments are kept beside the tokens.
Bounds: the length of the text, of names and of numbers. May import `grammar`, `source`, `limits`, `diagnostics`.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field

from grammar.tables import KEYWORDS, PATTERNS, SIGNS
from pricing_dsl.diagnostics.diagnostic import Diagnostic
from pricing_dsl.limits import DIAGNOSTICS_MAX, DIGITS_MAX, NAME_CHARACTERS_MAX
from pricing_dsl.source import Source, Span

_SIGNS = "|".join(re.escape(sign) for sign in sorted(SIGNS, key=len, reverse=True))
_CONTROL = "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f\ud800-\udfff"
_QUOTES = "'`\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"
_TOKEN = re.compile(
    "[ \\t\\r\\n]*+(?:"
    f"(?P<NAME>{PATTERNS['NAME']})"
    "|(?P<SEMICOLON>;)|(?P<SLASHES>//[^\\n]*)"
    f"|(?P<SIGN>{_SIGNS})"
    f"|(?P<INSTANT>{PATTERNS['INSTANT']})|(?P<DATE>{PATTERNS['DATE']})|(?P<YEAR_MONTH>{PATTERNS['YEAR_MONTH']})"
    f"|(?P<PERCENT>{PATTERNS['PERCENT']})|(?P<NUMBER>{PATTERNS['NUMBER']})"
    f"|(?P<STRING>{PATTERNS['STRING']})|(?P<COMMENT>{PATTERNS['COMMENT']})"
    "|(?P<END>\\Z)"
    f"|(?P<QUOTED>[{_QUOTES}][^{_QUOTES}\\n]*+[{_QUOTES}])"
    '|(?P<OPEN_QUOTE>")'
    "|(?P<PERCENT_SIGN>%)|(?P<CURRENCY_SIGN>[$\u00a2-\u00a5\u20a0-\u20bf])"
    f"|(?P<CONTROL>[{_CONTROL}]++)"
    f'|(?P<FOREIGN>[^ \\t\\r\\n{_CONTROL}A-Za-z0-9_"#{{}}()\\[\\]]))'
)
_BAD_IN_TEXT = re.compile(f"[{_CONTROL}]")
_GUESSED_END = re.compile(r"\s*[|{}\],:\n#]|\s{2}|\s+(?:on|where|from)\b")
_MEANT = {
    "&": "AND",
    "!": "NOT",
    "\u2212": "MINUS",
    "\u2013": "MINUS",
    "\u2014": "MINUS",
    "\u00d7": "STAR",
    "\u00f7": "SLASH",
    "\u2264": "AT_MOST",
    "\u2265": "AT_LEAST",
    "\u2260": "UNEQUAL",
}
"""Signs of other languages, and the terminal that is meant."""
_SPELLINGS = {kind: text for text, kind in (KEYWORDS | SIGNS).items()}
_INSTEAD = {
    "^": "the language has no powers",
    "\u00a0": "write an ordinary space",
    "\ufeff": "delete it",
    ".": "a decimal has a digit on each side of its point: write `0.5`, `5.0` or `5`",
}


@dataclass(slots=True)
class Tokens:
    """Kinds and spans of the tokens, in order; the last one is `$END`.

    `broken` are the indexes of tokens beside which something was reported: what the parser stumbles over there has
    been said already.
    """

    source: Source
    kinds: list[str] = field(default_factory=list)
    starts: array[int] = field(default_factory=lambda: array("l"))
    ends: array[int] = field(default_factory=lambda: array("l"))
    comments: list[Span] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    broken: set[int] = field(default_factory=set)

    def add(self, kind: str, start: int, end: int) -> None:
        self.kinds.append(kind)
        self.starts.append(start)
        self.ends.append(end)

    def insert(self, index: int, kind: str, span: Span) -> None:
        """Put a token in before the one at `index`."""
        self.kinds.insert(index, kind)
        self.starts.insert(index, span.start)
        self.ends.insert(index, span.end)

    def span(self, index: int) -> Span:
        return Span(self.starts[index], self.ends[index])

    def text(self, index: int) -> str:
        return self.source.text[self.starts[index] : self.ends[index]]

    def report(self, code: str, message: str, span: Span, write: str, *, mended: bool = False) -> None:
        """Say what can be no token; unless `mended` the tokens on both sides count as broken.

        Beyond the bound of diagnostics nothing is kept.
        """
        if len(self.diagnostics) <= DIAGNOSTICS_MAX:
            self.diagnostics.append(Diagnostic(code, message, span, help=write))
        if not mended:
            self.broken.update((len(self.kinds) - 1, len(self.kinds)))


def tokenize(source: Source) -> Tokens:
    """All tokens of a text; language reference, section 2.

    >>> tokenize(Source("fee f 5%")).kinds
    ['FEE', 'NAME', 'PERCENT', '$END']
    """
    text = source.text
    tokens = Tokens(source)
    kinds, add_kind, add_start, add_end = tokens.kinds, tokens.kinds.append, tokens.starts.append, tokens.ends.append
    keyword = KEYWORDS.get
    matches = _TOKEN.match
    at = 1 if text.startswith("\ufeff") else 0
    while True:
        match = matches(text, at)
        assert match is not None
        kind = match.lastgroup
        start, at = match.span(kind)  # type: ignore[arg-type]
        if kind == "NAME":
            if at - start > NAME_CHARACTERS_MAX:
                _too_long(tokens, start, at)
            add_kind(keyword(text[start:at], "NAME"))
        elif kind == "SIGN":
            add_kind(SIGNS[text[start:at]])
        elif kind in ("NUMBER", "PERCENT"):
            if at - start > DIGITS_MAX:
                _too_many_digits(tokens, start, at)
            add_kind(kind)
        elif kind == "STRING":
            if _BAD_IN_TEXT.search(text, start, at):
                _control_in_text(tokens, start, at)
            add_kind(kind)
        elif kind == "COMMENT":
            tokens.comments.append(Span(start, at))
            continue
        elif kind == "YEAR_MONTH" and (not kinds or kinds[-1] != "PERIOD"):
            # Outside `period 2026-03` this is a subtraction: take the number, then go on behind it.
            at = start + 4
            add_kind("NUMBER")
        elif kind == "END":
            tokens.add("$END", len(text), len(text))
            return tokens
        elif kind in ("INSTANT", "DATE", "YEAR_MONTH"):
            add_kind(kind)
        else:
            at = _no_token(tokens, str(kind), start, at)
            continue
        add_start(start)
        add_end(at)


def _too_long(tokens: Tokens, start: int, end: int) -> None:
    message = f"this name has {end - start} characters; {NAME_CHARACTERS_MAX} are allowed"
    tokens.report("S0133", message, Span(start, end), "write a shorter name", mended=True)


def _too_many_digits(tokens: Tokens, start: int, end: int) -> None:
    digits = sum(character.isdigit() for character in tokens.source.text[start:end])
    if digits > DIGITS_MAX:
        message = f"this number has {digits} digits; {DIGITS_MAX} are allowed"
        tokens.report("S0132", message, Span(start, end), "write a shorter number", mended=True)


def _control_in_text(tokens: Tokens, start: int, end: int) -> None:
    for found in _BAD_IN_TEXT.finditer(tokens.source.text, start, end):
        span = Span(*found.span())
        tokens.report("S0114", f"this text holds {_described(found[0])}", span, "delete it", mended=True)
        if len(tokens.diagnostics) > DIAGNOSTICS_MAX:
            return


def _described(character: str) -> str:
    if "\ud800" <= character <= "\udfff":
        return f"half of a surrogate pair, U+{ord(character):04X}, which is no character"
    return f"the control character U+{ord(character):04X}"


def _no_token(tokens: Tokens, kind: str, start: int, end: int) -> int:
    """Report what can be no token, add the token that was meant if there is one, and say where to go on."""
    text = tokens.source.text
    span = Span(start, end)
    match kind:
        case "QUOTED":
            inner = text[start + 1 : end - 1]
            message = "text stands in straight double quotes"
            tokens.report("S0112", message, span, f'write `"{inner}"`', mended=True)
            tokens.add("STRING", start, end)
        case "OPEN_QUOTE":
            end = _open_quote(tokens, start)
        case "PERCENT_SIGN":
            last = len(tokens.kinds) - 1
            if last >= 0 and tokens.kinds[last] == "NUMBER" and text[tokens.ends[last] : start].isspace():
                number = tokens.text(last)
                where = Span(tokens.starts[last], end)
                message = "a percentage has no space before its `%`"
                tokens.report("S0106", message, where, f"write `{number}%`", mended=True)
                tokens.kinds[last] = "PERCENT"
                tokens.ends[last] = end
            else:
                tokens.report("S0110", "`%` stands only behind a number", span, "write a percentage as `5%`")
        case "CURRENCY_SIGN":
            message = f"`{text[start:end]}` has no meaning: money is a bare number in the program's currency"
            tokens.report("S0107", message, span, f"delete `{text[start:end]}`")
        case "SEMICOLON":
            tokens.report("S0110", "`;` has no meaning: nothing ends a line", span, "delete `;`", mended=True)
        case "SLASHES":
            tokens.report("S0115", "a comment begins with `#`", Span(start, start + 2), "write `#` for `//`")
            tokens.comments.append(span)
        case "CONTROL":
            tokens.report("S0114", f"here stands {_described(text[start])}", span, "delete it")
        case _:
            end = _foreign(tokens, start)
    return end


def _foreign(tokens: Tokens, start: int) -> int:
    """A character outside the language: a letter with the rest of its word, anything else with its repetitions."""
    text = tokens.source.text
    character = text[start]
    end = start + 1
    if character.isalpha():
        while end < len(text) and text[end].isalnum():
            end += 1
        write = "names are made of `A` to `Z`, `a` to `z`, `0` to `9` and `_`; put other text in double quotes"
    else:
        while end < len(text) and text[end] == character:
            end += 1
        write = _INSTEAD.get(character, "delete it, or put text in double quotes")
    meant = _MEANT.get(character)
    if meant:
        write = f"write `{_SPELLINGS[meant]}`"
    shown = f"`{character}`" if character.isprintable() else f"U+{ord(character):04X}"
    tokens.report("S0110", f"{shown} has no meaning in a program", Span(start, end), write, mended=meant is not None)
    if meant:
        tokens.add(meant, start, end)
    return end


def _open_quote(tokens: Tokens, start: int) -> int:
    """A quote that nothing closes on its line: the text is taken to end where the next sign begins, or the line."""
    text = tokens.source.text
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    end = line_end
    if text.find('"', start + 1, line_end) < 0:
        guess = _GUESSED_END.search(text, start + 1, line_end)
        end = guess.start() if guess else len(text[:line_end].rstrip()) if line_end - start < 1000 else line_end
    tokens.report("S0111", "this text has no closing quote on its line", Span(start, end), 'write `"` at its end')
    tokens.add("STRING", start, end)
    return end
