"""What one event gives a meter: its cells, and in each the value that is aggregated (language reference, section 3).

Exact throughout: numbers are ints, Decimals, Fractions or decimal text, never floats. A property that is missing or
null is an error for the event unless the expression gives a default; nothing is ever counted as zero. Which meters read
an event's type is the caller's to know, and how values are aggregated too. Imports the IR and values only.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import isfinite
from typing import Any, Final, Literal, assert_never, cast
from zoneinfo import ZoneInfo

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.functions import aggregates_texts, called, function_named
from pricing_dsl.evaluate.lookup import Missing, TableIndex, pattern
from pricing_dsl.ir import nodes as ir
from pricing_dsl.limits import DIGITS_MAX
from pricing_dsl.plugin.builtin import FUNCTIONS
from pricing_dsl.values.numbers import decimal_text, fraction_from_decimal

Event = Mapping[str, Any]
"""The properties of one event, its instant under `time`: an aware datetime or text such as `2026-03-01T06:00:00Z`."""
Value = Fraction | str | bool | float
"""A value in an expression. A float is only ever the text of a dimension: as a number it is refused."""
Contribution = tuple[tuple[str, ...], Fraction | str]
"""Dimension values in the order of `Meter.dimensions`, and the value: a number, for `unique` a text, for `count` 1."""

TIME: Final = "time"
NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?", re.ASCII)
TOO_LARGE: Final = 10**DIGITS_MAX
HOW_NUMBERS_ARE_GIVEN: Final = 'send an integer, or decimal text such as "0.125"'

ARITHMETIC: dict[str, Callable[..., Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "neg": operator.neg,
    **{function.name: cast("Callable[..., Fraction]", function.call) for function in FUNCTIONS},
}
ORDER: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
CLOCK: dict[str, Callable[[datetime], Fraction | str]] = {
    "hour": lambda at: Fraction(at.hour),
    "minute": lambda at: Fraction(at.minute),
    "weekday": lambda at: Fraction(at.isoweekday()),
    "day": lambda at: at.date().isoformat(),
}


class Absent:
    """The value of a property that is missing, or of a table without a row: what a default stands in for."""

    def __init__(self, error: EvaluationError) -> None:
        self.error = error


def measure_event(program: ir.Program, meter: ir.Meter, event: Event) -> tuple[Contribution, ...]:
    """What one event gives one meter; nothing where its `where` does not hold. For many events keep a `Measurer`.

    Raises `EvaluationError`: R0401 a property is missing, R0402 not an exact number, R0403 a value of another kind,
    R0404 a negative arm of `measure by` (rule 6), R0405 a table has no row, R0406 no time, R0202 division by zero,
    P0301 to P0303 a function of a plugin fails, gives something else, is not there.

    >>> from pricing_dsl.compilation import compile
    >>> program = compile('currency USD meter tokens { from "llm" measure sum(n) by model } plan p { fee f 1 }').ir
    >>> measure_event(program, program.meters[0], {"n": 12, "model": "gpt-5"})
    ((('gpt-5',), Fraction(12, 1)),)
    """
    return Measurer(program).measure(meter, event)


class Measurer:
    """Measures events for a program's meters; holds its tables ready."""

    def __init__(self, program: ir.Program) -> None:
        self._tables = {table.name: table for table in program.tables}
        self._indexes: dict[str, TableIndex] = {}

    def measure(self, meter: ir.Meter, event: Event) -> tuple[Contribution, ...]:
        """As `measure_event`."""
        reading = Reading(meter, event, self.index)
        if meter.where is not None and not reading.truth(meter.where):
            return ()
        values = {dimension.name: reading.text(dimension.expression) for dimension in meter.event_dimensions}
        return tuple(self._contributions(meter, reading, values))

    def _contributions(self, meter: ir.Meter, reading: Reading, values: dict[str, str]) -> list[Contribution]:
        made: list[Contribution] = []
        for measure in meter.measures:
            value: Fraction | str
            if not measure.arguments:
                value = Fraction(1)
            elif aggregates_texts(measure.aggregation):
                value = reading.text(measure.arguments[0])
            else:
                value = reading.number(measure.arguments[0])
            if measure.value is None:
                cell = values
            else:
                assert meter.measured_by is not None
                cell = {**values, meter.measured_by: measure.value}
                if isinstance(value, Fraction) and value < 0:
                    raise EvaluationError(
                        "R0404",
                        f"`{measure.value}` of `{meter.name}` is {decimal_text(value)} for this event",
                        "one event cannot take usage of one kind away: write `max(..., 0)` if that is meant",
                    )
            made.append((tuple([cell[name] for name in meter.dimensions]), value))
        return made

    def index(self, name: str) -> TableIndex:
        """A table of the program, ready for look-ups."""
        found = self._indexes.get(name)
        if found is None:
            found = self._indexes[name] = TableIndex(self._tables[name])
        return found


@dataclass
class Reading:
    """One event as a meter's expressions see it."""

    meter: ir.Meter
    event: Event
    table: Callable[[str], TableIndex]
    clock: datetime | None = field(default=None)

    # --- values of a kind ---

    def number(self, expression: ir.Expression) -> Fraction:
        """An exact number."""
        value = self.value(expression)
        made = as_number(value)
        if made is None:
            raise EvaluationError("R0402", f"{said(expression)} is {shown(value)}, not a number", HOW_NUMBERS_ARE_GIVEN)
        return made

    def text(self, expression: ir.Expression) -> str:
        """A text; of a number its shortest decimal, of a truth value `true` or `false` (rule 16)."""
        return as_text(self.value(expression))

    def truth(self, expression: ir.Expression) -> bool:
        """Whether a condition holds."""
        value = self.value(expression)
        if isinstance(value, bool):
            return value
        raise EvaluationError(
            "R0403", f"{said(expression)} is {shown(value)}, neither true nor false", "send true or false"
        )

    def value(self, expression: ir.Expression) -> Value:
        """The value of an expression. Raises where there is none."""
        value = self.optional(expression)
        if isinstance(value, Absent):
            raise value.error
        return value

    # --- expressions ---

    def optional(self, expression: ir.Expression) -> Value | Absent:
        """The value of an expression, or that it has none."""
        match expression:
            case ir.Const(value=value):
                return value
            case ir.Ref(name=name):
                return self.property(name)
            case ir.Apply(operator="default", arguments=(wanted, fallback)):
                found = self.optional(wanted)
                return self.optional(fallback) if isinstance(found, Absent) else found
            case ir.Apply(operator="if", arguments=(condition, then, otherwise)):
                return self.optional(then if self.truth(condition) else otherwise)
            case ir.Apply(operator=word, arguments=arguments) if word.startswith("table:"):
                return self.look_up(word.removeprefix("table:"), arguments)
            case ir.Apply(operator=word, arguments=arguments) if word.startswith("function:"):
                return self.call(word.removeprefix("function:"), arguments)
            case ir.Apply(operator=word, arguments=arguments):
                return self.apply(word, arguments)

    def apply(self, word: str, arguments: tuple[ir.Expression, ...]) -> Value:
        """An operator that always has a value."""
        if word in ARITHMETIC:
            return ARITHMETIC[word](*[self.number(argument) for argument in arguments])
        if word in ORDER:
            return ORDER[word](self.number(arguments[0]), self.number(arguments[1]))
        if word in CLOCK:
            return CLOCK[word](self.time())
        match word:
            case "/":
                divisor = self.number(arguments[1])
                if divisor == 0:
                    raise EvaluationError("R0202", f"{said(arguments[1])} is 0, and `{self.meter.name}` divides by it")
                return self.number(arguments[0]) / divisor
            case "and":
                return all(self.truth(argument) for argument in arguments)
            case "or":
                return any(self.truth(argument) for argument in arguments)
            case "not":
                return not self.truth(arguments[0])
            case "==":
                return equal(self.value(arguments[0]), self.value(arguments[1]))
            case "!=":
                return not equal(self.value(arguments[0]), self.value(arguments[1]))
            case "in":
                value = self.value(arguments[0])
                return any(equal(value, self.value(item)) for item in arguments[1:])
            case "like":
                return pattern(self.text(arguments[1])).fullmatch(self.text(arguments[0])) is not None
            case _:
                raise AssertionError(f"{word} is no operation on events")

    def call(self, name: str, arguments: tuple[ir.Expression, ...]) -> Value:
        """A function of a plugin, its arguments and its result each of the declared kind, numbers exact."""
        provided = function_named(name)
        kinds = provided.value.parameters
        given = [self.of_kind(kinds[min(i, len(kinds) - 1)], argument) for i, argument in enumerate(arguments)]
        return called(provided, given)

    def of_kind(self, kind: Literal["number", "text", "truth"], expression: ir.Expression) -> Value:
        """A value of a declared kind."""
        match kind:
            case "number":
                return self.number(expression)
            case "text":
                return self.text(expression)
            case "truth":
                return self.truth(expression)
            case _:
                assert_never(kind)

    def property(self, name: str) -> Value | Absent:
        """A property as a value; missing and null are the same."""
        value = self.event.get(name)
        match value:
            case None:
                return Absent(
                    EvaluationError(
                        "R0401",
                        f"the event has no `{name}`, which `{self.meter.name}` reads",
                        f"send it, or write a default such as `{name} or 0` in the meter",
                    )
                )
            case bool() | str() | float() | Fraction():
                return value
            case int():
                if -TOO_LARGE < value < TOO_LARGE:
                    return Fraction(value)
                raise EvaluationError("R0402", f"`{name}` has more than {DIGITS_MAX} digits", HOW_NUMBERS_ARE_GIVEN)
            case Decimal():
                made = as_number(str(value))
                if made is None:
                    raise EvaluationError("R0402", f"`{name}` is {value}, not a number", HOW_NUMBERS_ARE_GIVEN)
                return made
            case _:
                raise EvaluationError(
                    "R0403",
                    f"`{name}` is {str(value)[:60]!r}, not a single value",
                    "send text, a number, true or false",
                )

    def look_up(self, name: str, keys: tuple[ir.Expression, ...]) -> Value | Absent:
        """A table of plain numbers at its keys; no row and "not sold" have no value."""
        index = self.table(name)
        values = dict(zip(index.table.dimensions, [self.text(key) for key in keys], strict=True))
        found = index.find(values)
        if not isinstance(found, Missing):
            return found.value
        keys_said = ", ".join(f'{dimension} "{value}"' for dimension, value in values.items())
        return Absent(
            EvaluationError(
                "R0405",
                f"`{name}` has no number for {keys_said}",
                f"add a row or `else` to the table, or write a default such as `{name}(...) or 0`",
            )
        )

    def time(self) -> datetime:
        """The event's instant in the meter's time zone."""
        if self.clock is None:
            given = self.event.get(TIME)
            try:
                at = datetime.fromisoformat(given) if isinstance(given, str) else given
            except ValueError:
                at = None
            if not isinstance(at, datetime) or at.tzinfo is None:
                raise EvaluationError(
                    "R0406",
                    f"the event has no instant as its `time`, which `{self.meter.name}` reads",
                    "send a time with its zone, such as `2026-03-01T06:00:00Z`",
                )
            self.clock = at.astimezone(zone(self.meter.timezone))
        return self.clock


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def as_number(value: Value) -> Fraction | None:
    """A number, or decimal text that is one; `None` for anything else and for more digits than are allowed."""
    if isinstance(value, Fraction):
        return value
    if not isinstance(value, str) or len(value) > 2 * DIGITS_MAX + 2 or not NUMBER.fullmatch(value):
        return None
    decimal = Decimal(value)
    _, digits, exponent = decimal.as_tuple()
    if max(len(digits), len(digits) + int(exponent), -int(exponent)) > DIGITS_MAX:
        return None
    return fraction_from_decimal(decimal)


def as_text(value: Value) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case Fraction():
            return decimal_text(value)
        case float():
            return decimal_text(Fraction(repr(value))) if isfinite(value) else str(value)


def equal(one: Value, other: Value) -> bool:
    """Numbers are equal as numbers, however they are written; anything else as text."""
    if isinstance(one, Fraction) or isinstance(other, Fraction):
        left, right = as_number(one), as_number(other)
        if left is not None and right is not None:
            return left == right
    return as_text(one) == as_text(other)


def said(expression: ir.Expression) -> str:
    return f"`{expression.name}`" if isinstance(expression, ir.Ref) else "a value"


def shown(value: Value) -> str:
    match value:
        case str():
            return f"the text {value[:60]!r}"
        case bool():
            return "true" if value else "false"
        case float():
            return f"the binary floating-point number {value!r}"
        case Fraction():
            return decimal_text(value)
