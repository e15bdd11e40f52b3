"""What the parser calls when it has read a word, a number, a date or an expression: the builder's first part.

Every method has the name of a rule (or alias) of the grammar and gets the span and the parts that the rule keeps.
A part that is not written is `None`. What is well formed but cannot mean anything (a date that does not exist, an
escape that text does not know, an expression nested too deeply) is reported here and replaced by something harmless.
Source of the rules: language reference, sections 2, 3 and 5.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import lru_cache
from typing import Any

from pricing_dsl.diagnostics.diagnostic import Diagnostic
from pricing_dsl.limits import DIGITS_MAX, EXPRESSION_DEPTH_MAX
from pricing_dsl.source import Source, Span
from pricing_dsl.syntax import nodes

_SUFFIXES = {"k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_ESCAPE = re.compile(r"\\(.)")
_DATE_SIGNS = re.compile("[-/.T]")
_QUOTES = "\"'`‘’“”„«»"


@lru_cache(maxsize=4096)
def number_value(text: str) -> Fraction:
    """The exact value of a number as written; zero for one with more digits than allowed, which the lexer reports.

    >>> number_value("2.5k"), number_value("0.000_000_150"), number_value("5%")
    (Fraction(2500, 1), Fraction(3, 20000000), Fraction(1, 20))
    """
    scale = Fraction(1)
    if text.endswith("%"):
        text, scale = text[:-1].rstrip(), Fraction(1, 100)
    elif text[-1] in _SUFFIXES:
        text, scale = text[:-1], Fraction(_SUFFIXES[text[-1]])
    whole, _, decimals = text.replace("_", "").partition(".")
    if len(whole) + len(decimals) > DIGITS_MAX:
        return Fraction(0)
    return Fraction(int(whole + decimals), 10 ** len(decimals)) * scale


class ExpressionBuilder:
    """Builds the nodes of sections 2 and 3. `problems` collects what is said on the way."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Diagnostic] = []
        self.recovered_at = -1
        """Where the parser last took up its work again: what is empty there is not the author's doing."""
        self._depths: dict[int, int] = {}

    def report(self, code: str, message: str, span: Span, write: str) -> None:
        self.problems.append(Diagnostic(code, message, span, help=write))

    def recovered(self, at: int) -> None:
        """The parser dropped what it was reading and goes on at `at`."""
        self.recovered_at = at
        self._depths.clear()

    # --- words and numbers ---

    def name(self, span: Span, text: str) -> nodes.Name:
        return nodes.Name(text, span=span)

    def text(self, span: Span, raw: str) -> nodes.Text:
        value = raw[1:-1] if len(raw) > 1 and raw[-1] in _QUOTES else raw[1:]
        if "\\" in value:
            value = _ESCAPE.sub(lambda found: self._escape(span, found), value)
        return nodes.Text(value, span=span)

    def _escape(self, span: Span, found: re.Match[str]) -> str:
        if found[1] not in '"\\':
            at = span.start + 1 + found.start()
            message = f"`{found[0]}` has no meaning in a text"
            self.report("S0113", message, Span(at, at + 2), 'write `\\"` for a quote and `\\\\` for a backslash')
        return found[1]

    def number(self, span: Span, text: str) -> nodes.Number:
        return nodes.Number(number_value(text), span=span)

    def negative_number(self, span: Span, text: str) -> nodes.Number:
        return nodes.Number(-number_value(text), span=span)

    def percent(self, span: Span, text: str) -> nodes.Number:
        return nodes.Number(number_value(text), percent=True, span=span)

    def negative_percent(self, span: Span, text: str) -> nodes.Number:
        return nodes.Number(-number_value(text), percent=True, span=span)

    def measure(self, span: Span, text: str, unit: nodes.Name | None) -> nodes.Number:
        return nodes.Number(number_value(text), unit=unit, span=span)

    def negative_measure(self, span: Span, text: str, unit: nodes.Name | None) -> nodes.Number:
        return nodes.Number(-number_value(text), unit=unit, span=span)

    def day_date(self, span: Span, text: str) -> nodes.Date:
        return nodes.Date(self._day(span, text), span=span)

    def instant_date(self, span: Span, text: str) -> nodes.Date:
        day = self._day(span, text[:10])
        hour, minute, second = int(text[11:13]), int(text[14:16]), int(text[17:19]) if len(text) > 17 else 0
        if hour > 23 or minute > 59 or second > 59:
            self.report("D0401", f"there is no time `{text[11:-1]}`", span, "hours run from 00 to 23")
            hour = minute = second = 0
        return nodes.Date(datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC), span=span)

    def _day(self, span: Span, text: str) -> date:
        year, month, day = (int(part) for part in _DATE_SIGNS.split(text)[:3])
        if year < 1 or not 1 <= month <= 12:
            what = "years begin with 0001" if year < 1 else "months run from 01 to 12"
            self.report("D0401", f"there is no date `{text}`", span, what)
            return date(max(year, 1), 1, 1)
        last = monthrange(year, month)[1]
        if not 1 <= day <= last:
            self.report("D0401", f"there is no date `{text}`", span, f"{text[:7]} has the days 01 to {last}")
            day = last
        return date(year, month, day)

    def relative(self, span: Span, unit: Any, number: nodes.Number) -> nodes.RelativeDate:
        return nodes.RelativeDate(unit, number, span=span)

    def words(self, _: Span, *parts: str) -> str:
        """Rules that choose among words: the words themselves, `in advance`."""
        return " ".join(parts)

    per_mode = tier_kind = policy = clock = rounding = counted_cadence = cadence = fee_cadence = timing = words
    round_mode_word = adjustment_bound = payment = or_word = and_word = comparator = sign = scale = words
    not_word = exact = words

    def sequence(self, _: Span, *parts: Any) -> tuple[Any, ...]:
        """Rules that list things: `a, b, c` comes as the first and the rest, `x y z` as one list, nothing as `None`."""
        match parts:
            case () | (None,):
                return ()
            case (list() as items,):
                return tuple(items)
            case (first, rest):
                return (first, *rest)
            case _:
                return parts

    names = arguments = clauses = measure_arms = columns = header = rows = tiers = steps = keyed_factors = sequence
    arms = bands = balance_clauses = opt_ranges = usage_cells = sequence

    def opt_on_names(self, _: Span, names: tuple[nodes.Name, ...] | None) -> tuple[nodes.Name, ...]:
        return names or ()

    # --- expressions ---

    def reference(self, span: Span, text: str) -> nodes.Reference:
        return nodes.Reference(text, span=span)

    def parenthesis(self, _: Span, inner: nodes.Expression) -> nodes.Expression:
        return inner

    def call(self, span: Span, function: nodes.Name, arguments: tuple[nodes.Expression, ...]) -> nodes.Expression:
        return self._nested(nodes.Call(function, arguments, span=span), arguments)

    def minus(self, span: Span, operand: nodes.Expression) -> nodes.Expression:
        if isinstance(operand, nodes.Number):
            return nodes.Number(-operand.value, operand.percent, operand.unit, span=span)
        return self._nested(nodes.Negate(operand, span=span), (operand,))

    def negation(self, span: Span, operand: nodes.Expression) -> nodes.Expression:
        return self._nested(nodes.Not(operand, span=span), (operand,))

    def binary(self, span: Span, left: nodes.Expression, operator: Any, right: nodes.Expression) -> nodes.Expression:
        return self._nested(nodes.Binary(operator, left, right, span=span), (left, right))

    def membership(
        self, span: Span, operand: nodes.Expression, negated: str | None, items: tuple[nodes.Expression, ...]
    ) -> nodes.Expression:
        return self._nested(nodes.In(operand, items, negated is not None, span=span), (operand, *items))

    def likeness(
        self, span: Span, operand: nodes.Expression, negated: str | None, pattern: nodes.Text
    ) -> nodes.Expression:
        return self._nested(nodes.Like(operand, pattern, negated is not None, span=span), (operand,))

    def condition(
        self, span: Span, condition: nodes.Expression, then: nodes.Expression, otherwise: nodes.Expression
    ) -> nodes.Expression:
        return self._nested(nodes.If(condition, then, otherwise, span=span), (condition, then, otherwise))

    def percent_of(self, span: Span, text: str, operand: nodes.Expression) -> nodes.Expression:
        percent = self.percent(Span(span.start, span.start + len(text)), text)
        return self._nested(nodes.PercentOf(percent, operand, span=span), (operand,))

    def _nested(self, node: nodes.Expression, parts: Sequence[nodes.Expression]) -> nodes.Expression:
        """The node, or a plain zero once expressions stand in one another more deeply than the limit allows."""
        depths = self._depths
        depth = 1 + max((depths.get(id(part), 0) for part in parts), default=0)
        if depth > EXPRESSION_DEPTH_MAX:
            message = f"this expression is nested more than {EXPRESSION_DEPTH_MAX} deep"
            self.report("S0131", message, node.span, "split it: name parts of it as quantities or charges of their own")
            depths.clear()
            return nodes.Number(Fraction(0), span=node.span)
        depths[id(node)] = depth
        return node
