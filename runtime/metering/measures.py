"""What one event gives its meters, and adding that up, by the reference: `pricing_dsl.evaluate.measure`.

An event is taken by all meters that read its type or by none (rule 6), so all are measured before any is counted.
`printing` does the same many times faster for the events that are usual, and leaves the others to this.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.measure import HOW_NUMBERS_ARE_GIVEN, Measurer
from pricing_dsl.ir import nodes as ir
from runtime.limits import MEASURED_DIGITS_MAX

Number = int | Decimal | Fraction
Merge = Literal["add", "max", "min", "state"]
"""How values of a measure come together: three ways that SQL knows, or as states of its aggregation."""
Key = tuple[Any, ...]
"""Where a value belongs: the number of its measure, the customer, the hour, then the dimension values."""
Taken = list[tuple[int, tuple[str, ...], Any]]
"""For each measure that an event counts in: its number, the cell, and the value."""


class Sums:
    """What events come to so far. `values` are not added up yet: the event's place in its batch, and the value."""

    __slots__ = ("added", "largest", "smallest", "values")

    def __init__(self) -> None:
        self.added: defaultdict[Key, Any] = defaultdict(int)
        self.largest: dict[Key, Any] = {}
        self.smallest: dict[Key, Any] = {}
        self.values: defaultdict[Key, list[tuple[int, Any]]] = defaultdict(list)


class Measured(NamedTuple):
    """One meter with its id in the store, how the values of its measures merge, and what measures it by reference.

    `first` is the number of its first measure: a meter that reads several types of events has one number in all.
    """

    meter_id: int
    meter: ir.Meter
    measurer: Measurer
    first: int
    merges: tuple[Merge, ...]


def add_by_reference(
    meters: Sequence[Measured],
    data: Mapping[str, Any],
    time: datetime,
    customer: str,
    hour: int,
    place: int,
    sums: Sums,
) -> None:
    """Count an event. Raises `EvaluationError` where a meter cannot take it: then none does (rule 6)."""
    for each, taken in [(each, taken_by(each, data, time)) for each in meters]:
        put(each, taken, customer, hour, place, sums)


def taken_by(measured: Measured, data: Mapping[str, Any], time: datetime) -> Taken:
    """What the reference says that an event gives a meter."""
    contributions = measured.measurer.measure(measured.meter, {**data, "time": time})
    return [
        (index, cell, plain(value, measured.meter.name))
        for index, (cell, value) in enumerate(contributions, measured.first)
    ]


def put(measured: Measured, taken: Taken, customer: str, hour: int, place: int, sums: Sums) -> None:
    """Count what an event gives a meter."""
    for number, cell, value in taken:
        key = (number, customer, hour, *cell)
        match measured.merges[number - measured.first]:
            case "add":
                sums.added[key] += value
            case "max":
                sums.largest[key] = max(sums.largest.get(key, value), value)
            case "min":
                sums.smallest[key] = min(sums.smallest.get(key, value), value)
            case "state":
                sums.values[key].append((place, value))


def plain(value: Fraction | str, meter: str = "") -> Number | str:
    """A number in its simplest exact form: whole, with an end, or a fraction.

    >>> plain(Fraction(10**40 + 1, 1000))
    Decimal('10000000000000000000000000000000000000.001')
    """
    if not isinstance(value, Fraction):
        return value
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MEASURED_DIGITS_MAX * 10 // 3:
        raise EvaluationError(
            "R0402", f"what `{meter}` counts has more than {MEASURED_DIGITS_MAX} digits", HOW_NUMBERS_ARE_GIVEN
        )
    if value.denominator == 1:
        return value.numerator
    places = decimal_places(value.denominator)
    if places is None:
        return value
    whole = value.numerator * 10**places // value.denominator
    return Decimal((whole < 0, tuple(map(int, str(abs(whole)))), -places))


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
