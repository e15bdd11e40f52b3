"""What one event gives its meters, fast: a meter's expressions printed as Python that handles what events usually are.

Usual are texts where texts are read and whole numbers or decimals where numbers are. For everything else (a number sent
as text, a property that is missing, an expression that is rarely written) the printed code steps aside, and the
reference, `pricing_dsl.evaluate.measure`, says what the event gives or why it cannot be taken. Both give the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from pricing_dsl.evaluate.lookup import pattern
from pricing_dsl.evaluate.measure import Measurer
from pricing_dsl.ir import nodes as ir

Number = int | Decimal | Fraction
Taken = list[tuple[int, tuple[str, ...], Any]]
"""For each measure of each meter that the event counts in: the measure's index, its cell, and the value."""

DIGITS_FAST_MAX: Final = 30
"""Decimals of more digits are left to the reference, and whole numbers from `FAST_MAX` on."""
FAST_MAX: Final = 10**18


class StepsAside(Exception):  # noqa: N818 - no error: the reference takes over
    """The event is not what the printed code handles."""


class Measured(NamedTuple):
    """One meter with its id in the store and the program that has its tables."""

    meter_id: int
    meter: ir.Meter
    measurer: Measurer


class EventType:
    """All meters that read one type of event. `slots` numbers their measures, `first` being the first one's number."""

    def __init__(self, meters: Sequence[Measured], first: int) -> None:
        self.meters = tuple(meters)
        self.first = first
        self.slots = [(each, index) for each in meters for index in range(len(each.meter.measures))]
        self._printed = _printed(self.meters, first)

    def take(self, data: Mapping[str, Any], time: datetime) -> Taken:
        """What the event gives. Raises `EvaluationError` where a meter cannot take it: then none does (rule 6)."""
        if self._printed is not None:
            try:
                return self._printed(data, time)
            except StepsAside:
                pass
        return self.take_by_reference(data, time)

    def take_by_reference(self, data: Mapping[str, Any], time: datetime) -> Taken:
        """As `take`, by the reference."""
        taken: Taken = []
        slot = self.first
        event = {**data, "time": time}
        for each in self.meters:
            contributions = each.measurer.measure(each.meter, event)
            for index, (cell, value) in enumerate(contributions):
                taken.append((slot + index, cell, plain(value)))
            slot += len(each.meter.measures)
        return taken


def plain(value: Fraction | str) -> Number | str:
    """A number in its simplest exact form: whole, with an end, or a fraction."""
    if not isinstance(value, Fraction):
        return value
    if value.denominator == 1:
        return value.numerator
    power = decimal_places(value.denominator)
    if power is None:
        return value
    return Decimal(value.numerator * 10**power // value.denominator).scaleb(-power)


def decimal_places(denominator: int) -> int | None:
    """How many decimal places a fraction in lowest terms has; `None` where it has no end."""
    twos = fives = 0
    while denominator % 2 == 0:
        denominator //= 2
        twos += 1
    while denominator % 5 == 0:
        denominator //= 5
        fives += 1
    return max(twos, fives) if denominator == 1 else None


# --- printing --------------------------------------------------------------------------------------------------------


class NotPrinted(Exception):  # noqa: N818 - no error: the reference does it
    """An expression that the printer leaves to the reference."""


def _printed(meters: Sequence[Measured], first: int) -> Callable[[Mapping[str, Any], datetime], Taken] | None:
    """The function for an event type; `None` where a meter has an expression that is not printed."""
    printer = _Printer()
    try:
        slot = first
        for each in meters:
            printer.meter(each.meter, slot)
            slot += len(each.meter.measures)
    except NotPrinted:
        return None
    source = "\n".join(["def take(data, time):", "    taken = []", *printer.lines, "    return taken"])
    scope: dict[str, Any] = {"Decimal": Decimal, "FAST_MAX": FAST_MAX, "StepsAside": StepsAside, "narrow": _narrow}
    scope.update(printer.constants)
    exec(compile(source, "<meters of an event type>", "exec"), scope)
    made: Callable[[Mapping[str, Any], datetime], Taken] = scope["take"]
    return made


def _narrow(value: Decimal) -> Decimal:
    """A decimal of few digits; `StepsAside` for others, and for what is no number."""
    if not value.is_finite():
        raise StepsAside
    _, digits, exponent = value.as_tuple()
    if len(digits) > DIGITS_FAST_MAX or not -DIGITS_FAST_MAX <= int(exponent) <= 0:
        raise StepsAside
    return value


class _Printer:
    """Prints meters one after the other. Properties are read and checked once for each kind that is asked of them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {}
        self.indent = "    "
        self._known: dict[tuple[str, str], str] = {}

    def line(self, text: str) -> None:
        self.lines.append(self.indent + text)

    def constant(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def meter(self, meter: ir.Meter, slot: int) -> None:
        """What one meter takes of the event."""
        if meter.where is not None:
            self.line(f"if {self.truth(meter.where)}:")
            self.indent += "    "
        known = dict(self._known)
        values = {d.name: self.text(d.expression, meter) for d in meter.event_dimensions}
        for index, measure in enumerate(meter.measures):
            cell = values if measure.value is None else {**values, str(meter.measured_by): repr(measure.value)}
            names = [cell[name] for name in meter.dimensions]
            cell_text = f"({', '.join(names)},)" if names else "()"
            value = self.value(measure)
            if measure.value is not None and measure.arguments and measure.aggregation != "unique":
                value = self.named(value)
                self.line(f"if {value} < 0: raise StepsAside")
            self.line(f"taken.append(({slot + index}, {cell_text}, {value}))")
        if meter.where is not None:
            self.indent = self.indent[:-4]
            self._known = known  # what was read under the condition is not known behind it

    def value(self, measure: ir.Measure) -> str:
        if not measure.arguments:
            return "1"
        if measure.aggregation == "unique":
            return self.text(measure.arguments[0])
        return self.number(measure.arguments[0])

    # --- expressions ---

    def text(self, expression: ir.Expression, meter: ir.Meter | None = None) -> str:
        match expression:
            case ir.Ref(kind="property", name=name):
                return self.property(name, "text", "if type({0}) is not str: raise StepsAside")
            case ir.Const(value=str(value)):
                return repr(value)
            case ir.Apply(operator="hour" | "minute" | "weekday" | "day" as word) if meter is not None:
                return self.named(CLOCK_TEXT[word].format(self.clock(meter.timezone)))
            case _:
                raise NotPrinted

    def clock(self, timezone: str) -> str:
        known = self._known.get(("time", timezone))
        if known is None:
            known = self._known["time", timezone] = self.named(f"time.astimezone({self.constant(ZoneInfo(timezone))})")
        return known

    def number(self, expression: ir.Expression, *, whole: bool = False) -> str:
        """An exact number; `whole` where it is computed with, for decimals are rounded by a context."""
        match expression:
            case ir.Ref(kind="property", name=name):
                return self.property(name, "whole" if whole else "number", WHOLE if whole else NUMBER)
            case ir.Const(value=Fraction(denominator=1) as value):
                return f"({value.numerator})"
            case ir.Apply(operator="+" | "-" | "*" as word, arguments=(one, other)):
                return f"({self.number(one, whole=True)} {word} {self.number(other, whole=True)})"
            case ir.Apply(operator="neg", arguments=(one,)):
                return f"(-{self.number(one, whole=True)})"
            case ir.Apply(operator="min" | "max" as word, arguments=arguments) if len(arguments) > 1:
                return f"{word}({', '.join(self.number(each, whole=whole) for each in arguments)})"
            case ir.Apply(operator="default", arguments=(ir.Ref(kind="property", name=name), ir.Const() as fallback)):
                otherwise = self.number(fallback)
                check = f"if {{0}} is None: {{0}} = {otherwise}\n" + (WHOLE if whole else NUMBER)
                return self.property(name, f"{'whole' if whole else 'number'} or {otherwise}", check)
            case _:
                raise NotPrinted

    def truth(self, expression: ir.Expression) -> str:
        match expression:
            case ir.Apply(operator="==" | "!=" as word, arguments=(ir.Ref() as one, ir.Const(value=str()) as other)):
                return f"({self.text(one)} {word} {self.text(other)})"
            case ir.Apply(operator="in", arguments=(ir.Ref() as one, *others)) if all(
                isinstance(other, ir.Const) and isinstance(other.value, str) for other in others
            ):
                items = self.constant(frozenset(other.value for other in others if isinstance(other, ir.Const)))
                return f"({self.text(one)} in {items})"
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

    def property(self, name: str, kind: str, check: str) -> str:
        """A property of the event, of the kind that `check` lets through."""
        if name == "time":
            raise NotPrinted  # the event's own
        known = self._known.get((name, kind))
        if known is None:
            known = self._known[name, kind] = self.named(f"data.get({name!r})")
            for line in check.format(known).splitlines():
                self.line(line)
        return known

    def named(self, value: str) -> str:
        name = f"v{len(self.lines)}"
        self.line(f"{name} = {value}")
        return name


WHOLE: Final = "if type({0}) is not int or not -FAST_MAX < {0} < FAST_MAX: raise StepsAside"
NUMBER: Final = (
    "if type({0}) is Decimal: narrow({0})\n"
    "elif type({0}) is not int or not -FAST_MAX < {0} < FAST_MAX: raise StepsAside"
)
CLOCK_TEXT: Final = {
    "hour": "str({0}.hour)",
    "minute": "str({0}.minute)",
    "weekday": "str({0}.isoweekday())",
    "day": "{0}.date().isoformat()",
}
