"""The meters of an event type printed as one Python function, for what events usually are.

Usual are texts where texts are read and whole numbers or decimals where numbers are. For everything else (a number sent
as text, a property that is missing, a quotient without an end) the printed code steps aside before it has counted
anything, and the reference says what the event gives or why it cannot be taken. A meter with an expression that is
not printed is measured by the reference each time. Arithmetic is that of `EXACT`: what would be rounded raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import Any, Final
from zoneinfo import ZoneInfo

from pricing_dsl.evaluate.lookup import Missing, TableIndex, pattern
from pricing_dsl.evaluate.measure import NUMBER as NUMBER_TEXT
from pricing_dsl.ir import nodes as ir
from runtime.limits import LOOKUPS_KEPT, MEASURED_DIGITS_MAX
from runtime.metering.measures import Measured, plain, put, taken_by
from runtime.store.repositories.meters import expressions_of

WHOLE_TEXT: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
Count = Callable[..., None]
"""Counts an event: `(data, time, customer, hour, place, sums)`. Raises `StepsAside` or `ArithmeticError`, and then has
counted nothing; `EvaluationError` as the reference does."""

NARROW_DIGITS_MAX: Final = 30
"""Decimals of more digits are left to the reference, and whole numbers from `WHOLE_MAX` on."""
WHOLE_MAX: Final = 10**18
LITERAL_DIGITS_MAX: Final = 60
DEPTH_MAX: Final = 50
"""Python has a limit of its own for parentheses."""


class StepsAside(Exception):  # noqa: N818 - no error: the reference takes over
    """The event is not what the printed code handles."""


class NotPrinted(Exception):  # noqa: N818 - no error: the reference does it
    """An expression that the printer leaves to the reference."""


def printed(meters: Sequence[Measured]) -> Count:
    """The function for an event type. Its text is its `__doc__`."""
    printer = _Printer()
    for number, each in enumerate(meters):
        printer.one(each, number)
    uses = [f"    {name} = sums.{name}" for name in sorted(printer.used)]
    lines = ["def count(data, time, customer, hour, place, sums):", *printer.lines, *uses, *printer.ends]
    source = "\n".join([*lines, "    return"])
    scope: dict[str, Any] = {"Decimal": Decimal, "WHOLE_MAX": WHOLE_MAX, "StepsAside": StepsAside, "narrow": _narrow}
    scope["numeric"] = _numeric
    scope.update(printer.constants)
    exec(compile(source, "<meters of an event type>", "exec"), scope)
    made: Count = scope["count"]
    made.__doc__ = source
    return made


def _narrow(value: Decimal) -> None:
    """Lets decimals of few digits pass; `StepsAside` for others, and for what is no number."""
    if not value.is_finite():
        raise StepsAside
    _, digits, exponent = value.as_tuple()
    if len(digits) > NARROW_DIGITS_MAX or not -NARROW_DIGITS_MAX <= int(exponent) <= 0:
        raise StepsAside


def _numeric(text: str) -> int | Decimal:
    """A number that was sent as text, as files do; `StepsAside` for a long one, and for what is none."""
    if len(text) <= NARROW_DIGITS_MAX and WHOLE_TEXT.fullmatch(text):
        whole = int(text)
        if -WHOLE_MAX < whole < WHOLE_MAX:
            return whole
    elif len(text) <= NARROW_DIGITS_MAX and NUMBER_TEXT.fullmatch(text):
        value = Decimal(text)
        _narrow(value)
        return value
    raise StepsAside


def _digits(expression: ir.Expression) -> int:
    """A bound on the digits of a number that printed code computes."""
    match expression:
        case ir.Ref():
            return NARROW_DIGITS_MAX
        case ir.Const():
            return LITERAL_DIGITS_MAX
        case ir.Apply(operator="*", arguments=arguments):
            return sum(map(_digits, arguments))
        case ir.Apply(operator=word) if word.startswith("table:"):
            return LITERAL_DIGITS_MAX
        case ir.Apply(arguments=arguments):
            return 1 + max(map(_digits, arguments), default=0)


def _depth(expression: ir.Expression) -> int:
    return 1 + max(map(_depth, expression.arguments), default=0) if isinstance(expression, ir.Apply) else 1


def _looking_up(index: TableIndex) -> Callable[..., int | Decimal]:
    """A table as a function of its keys. Steps aside where there is no number."""

    @lru_cache(maxsize=LOOKUPS_KEPT)
    def look_up(*keys: str) -> int | Decimal:
        found = index.find(dict(zip(index.table.dimensions, keys, strict=True)))
        index.known.clear()  # what events ask for has no bound; this cache has one
        value = None if isinstance(found, Missing) else plain(found.value)
        if not isinstance(value, int | Decimal):
            raise StepsAside
        return value

    return look_up


class _Printer:
    """Prints meters one after the other: first all that is computed and checked, then (`ends`) what is counted.

    Properties are read and checked once for each kind that is asked of them.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ends: list[str] = []
        self.used: set[str] = set()
        self.constants: dict[str, Any] = {}
        self._indent = "    "
        self._known: dict[tuple[str, str, str | None], str] = {}
        self._meter: ir.Meter
        self._measured: Measured

    def line(self, text: str) -> None:
        self.lines.append(self._indent + text)

    def constant(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def named(self, value: str) -> str:
        name = f"v{len(self.lines)}"
        self.line(f"{name} = {value}")
        return name

    def one(self, measured: Measured, number: int) -> None:
        """One meter, printed or left to the reference."""
        lines, ends, used, known = len(self.lines), len(self.ends), set(self.used), dict(self._known)
        try:
            self._print(measured, number)
        except NotPrinted:
            del self.lines[lines:], self.ends[ends:]
            self.used, self._known, self._indent = used, known, "    "
            meter = self.constant(measured)
            taken = self.named(f"{self.constant(taken_by)}({meter}, data, time)")
            self.ends.append(f"    {self.constant(put)}({meter}, {taken}, customer, hour, place, sums)")

    def _print(self, measured: Measured, number: int) -> None:
        meter = self._meter = measured.meter
        self._measured = measured
        if max(map(_depth, expressions_of(meter)), default=0) > DEPTH_MAX:
            raise NotPrinted
        known = dict(self._known)
        if meter.where is not None:
            self.line(f"w{number} = {self.truth(meter.where)}")
            self.line(f"if w{number}:")
            self.ends.append(f"    if w{number}:")
            self._indent += "    "
        values = {each.name: self.text(each.expression) for each in meter.event_dimensions}
        for index, measure in enumerate(meter.measures):
            cell = values if measure.value is None else {**values, str(meter.measured_by): repr(measure.value)}
            names = [cell[name] for name in meter.dimensions]
            key = f"({', '.join([str(measured.first + index), 'customer', 'hour', *names])})"
            self._count(measured.merges[index], key, self.value(measure))
        if meter.where is not None:
            self.line("pass")
            self._indent = "    "
            self._known = known  # what was read under the condition is not known behind it

    def _count(self, merge: str, key: str, value: str) -> None:
        indent = self._indent
        match merge:
            case "add":
                self.used.add("added")
                self.ends.append(f"{indent}added[{key}] += {value}")
            case "max" | "min":
                name, word = ("largest", ">") if merge == "max" else ("smallest", "<")
                self.used.add(name)
                self.ends += [f"{indent}key = {key}", f"{indent}known = {name}.get(key)"]
                self.ends.append(f"{indent}if known is None or {value} {word} known: {name}[key] = {value}")
            case _:
                self.used.add("values")
                self.ends.append(f"{indent}values[{key}].append((place, {value}))")

    def value(self, measure: ir.Measure) -> str:
        """What a measure aggregates, as the name of a variable or a literal."""
        if not measure.arguments:
            return "1"
        if measure.aggregation == "unique":
            return self.named(self.text(measure.arguments[0]))
        if _digits(measure.arguments[0]) > MEASURED_DIGITS_MAX:
            raise NotPrinted
        value = self.named(self.number(measure.arguments[0]))
        if measure.value is not None:
            self.line(f"if {value} < 0: raise StepsAside")
        return value

    # --- expressions ---

    def text(self, expression: ir.Expression) -> str:
        match expression:
            case ir.Ref(kind="property", name=name):
                return self.property(name, "text", TEXT)
            case ir.Const(value=str(value)):
                return repr(value)
            case ir.Apply(
                operator="default", arguments=(ir.Ref(kind="property", name=name), ir.Const(value=str(other)))
            ):
                return self.property(name, "text", TEXT, otherwise=repr(other))
            case ir.Apply(operator="if", arguments=(condition, then, otherwise)):
                return f"({self.text(then)} if {self.truth(condition)} else {self.text(otherwise)})"
            case ir.Apply(operator="day"):
                return self.named(f"{self.clock()}.date().isoformat()")
            case ir.Apply(operator="hour" | "minute" | "weekday"):
                return self.named(f"str({self.number(expression)})")
            case _:
                raise NotPrinted

    def clock(self) -> str:
        """The event's instant in the meter's time zone."""
        timezone = self._meter.timezone
        known = self._known.get((timezone, "clock", None))
        if known is None:
            known = self.named(f"time.astimezone({self.constant(ZoneInfo(timezone))})")
            self._known[timezone, "clock", None] = known
        return known

    def number(self, expression: ir.Expression) -> str:
        match expression:
            case ir.Ref(kind="property", name=name):
                return self.property(name, "number", NUMBER)
            case ir.Const(value=Fraction() as value):
                return self.literal(value)
            case ir.Apply(operator="+" | "-" | "*" as word, arguments=(one, other)):
                return f"({self.number(one)} {word} {self.number(other)})"
            case ir.Apply(operator="neg", arguments=(one,)):
                return f"(-{self.number(one)})"
            case ir.Apply(operator="abs", arguments=(one,)):
                return f"abs({self.number(one)})"
            case ir.Apply(operator="min" | "max" as word, arguments=arguments) if len(arguments) > 1:
                return f"{word}({', '.join(self.number(each) for each in arguments)})"
            case ir.Apply(operator="ceil" | "floor" as word, arguments=(one,)):
                return self.rounded(word, one)
            case ir.Apply(
                operator="default", arguments=(ir.Ref(kind="property", name=name), ir.Const(value=Fraction() as other))
            ):
                return self.property(name, "number", NUMBER, otherwise=self.literal(other))
            case ir.Apply(operator="if", arguments=(condition, then, otherwise)):
                return f"({self.number(then)} if {self.truth(condition)} else {self.number(otherwise)})"
            case ir.Apply(operator="hour" | "minute" as word):
                return f"{self.clock()}.{word}"
            case ir.Apply(operator="weekday"):
                return f"{self.clock()}.isoweekday()"
            case ir.Apply(operator=word, arguments=keys) if word.startswith("table:"):
                look_up = self.constant(_looking_up(self._measured.measurer.index(word.removeprefix("table:"))))
                return self.named(f"{look_up}({', '.join(self.text(key) for key in keys)})")
            case _:
                raise NotPrinted

    def literal(self, value: Fraction) -> str:
        made = plain(value)
        if isinstance(made, int):
            return f"({made})"
        if isinstance(made, Decimal):
            return self.constant(made)
        raise NotPrinted

    def rounded(self, word: str, inner: ir.Expression) -> str:
        """`ceil` or `floor`: of a number, or of a property that is whole divided by a whole constant."""
        match inner:
            case ir.Apply(
                operator="/", arguments=(ir.Ref(kind="property", name=name), ir.Const(value=Fraction() as by))
            ):
                if by.denominator != 1 or by <= 0:
                    raise NotPrinted
                whole = self.property(name, "whole", WHOLE)
                return f"({whole} // {by.numerator})" if word == "floor" else f"(-(-{whole} // {by.numerator}))"
            case ir.Apply() | ir.Ref():
                return f"{self.constant(ROUNDED[word])}({self.number(inner)})"
            case _:
                raise NotPrinted

    def truth(self, expression: ir.Expression) -> str:
        match expression:
            case ir.Ref(kind="property", name=name):
                return self.property(name, "truth", "if type({0}) is not bool: raise StepsAside")
            case ir.Apply(operator="==" | "!=" as word, arguments=(ir.Ref() as one, ir.Const(value=value) as other)):
                read = self.text if isinstance(value, str) else self.number
                return f"({read(one)} {word} {read(other)})"
            case ir.Apply(operator="in", arguments=(ir.Ref() as one, *others)):
                values = [other.value for other in others if isinstance(other, ir.Const)]
                if len(values) == len(others) and all(isinstance(value, str) for value in values):
                    return f"({self.text(one)} in {self.constant(frozenset(values))})"
                raise NotPrinted
            case ir.Apply(operator="like", arguments=(ir.Ref() as one, ir.Const(value=str(value)))):
                matches: Callable[[str], re.Match[str] | None] = pattern(value).fullmatch
                return f"({self.constant(matches)}({self.text(one)}) is not None)"
            case ir.Apply(operator="<" | "<=" | ">" | ">=" as word, arguments=(one, other)):
                return f"({self.number(one)} {word} {self.number(other)})"
            case ir.Apply(operator="and" | "or" as word, arguments=arguments):
                return f"({f' {word} '.join(self.truth(each) for each in arguments)})"
            case ir.Apply(operator="not", arguments=(one,)):
                return f"(not {self.truth(one)})"
            case _:
                raise NotPrinted

    def property(self, name: str, kind: str, check: str, *, otherwise: str | None = None) -> str:
        """A property of the event, of the kind that `check` lets through; what stands in where it is missing."""
        if name == "time":
            raise NotPrinted  # the event's own
        known = self._known.get((name, kind, otherwise))
        if known is None:
            known = self._known[name, kind, otherwise] = self.named(f"data.get({name!r})")
            if otherwise is not None:
                self.line(f"if {known} is None: {known} = {otherwise}")
            for line in check.format(known).splitlines():
                self.line(line)
        return known


ROUNDED: Final[dict[str, Callable[[Any], int]]] = {"ceil": ceil, "floor": floor}
TEXT: Final = "if type({0}) is not str: raise StepsAside"
WHOLE: Final = "if type({0}) is not int or not -WHOLE_MAX < {0} < WHOLE_MAX: raise StepsAside"
NUMBER: Final = (
    "if type({0}) is int:\n"
    "    if not -WHOLE_MAX < {0} < WHOLE_MAX: raise StepsAside\n"
    "elif type({0}) is Decimal: narrow({0})\n"
    "elif type({0}) is str: {0} = numeric({0})\n"
    "else: raise StepsAside"
)
