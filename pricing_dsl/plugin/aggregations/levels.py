"""`max`, `min`, `last`: aggregations of a level that keep one value.

`last` keeps the event's instant and id beside it, for of events at one instant the greatest id is the later one
(rule 16). A level carried into a period is added by the caller as a value at the period's start under the id "",
which is below every id, so that an event at that very instant wins. Without values the result is 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from pricing_dsl.plugin.aggregations.encoding import Reader, Writer
from pricing_dsl.plugin.contract import Aggregation, Interval, Number, Value

Dated = tuple[int, str, Number]
"""Instant, the event's id, value: the greatest is the last; two values under one id are ordered by size."""


class Extreme:
    """The largest value, or the smallest."""

    def __init__(self, largest: bool) -> None:
        self._largest = largest
        self._letter = "X" if largest else "N"

    def zero(self) -> Number | None:
        return None

    def add(self, state: Number | None, value: Value, time: int, event: str) -> Number:  # noqa: ARG002
        assert not isinstance(value, str)
        return value if state is None or (value > state if self._largest else value < state) else state

    def merge(self, state: Number | None, other: Number | None) -> Number | None:
        if state is None or other is None:
            return other if state is None else state
        return other if (other > state if self._largest else other < state) else state

    def result(self, state: Number | None, period: Interval) -> Number:  # noqa: ARG002
        return 0 if state is None else state

    def encode(self, state: Number | None) -> bytes:
        writer = Writer(self._letter)
        if state is not None:
            writer.number(state)
        return writer.done()

    def decode(self, data: bytes) -> Number | None:
        if len(data) == 2:
            Reader(data, self._letter)
            return None
        reader = Reader(data, self._letter)
        value = reader.number()
        reader.end()
        return value


class Last:
    """The value of the last event."""

    def zero(self) -> Dated | None:
        return None

    def add(self, state: Dated | None, value: Value, time: int, event: str) -> Dated:
        assert not isinstance(value, str)
        if state is None or time > state[0] or (time == state[0] and (event, value) > state[1:]):
            return time, event, value
        return state

    def merge(self, state: Dated | None, other: Dated | None) -> Dated | None:
        return other if state is None or (other is not None and other > state) else state

    def result(self, state: Dated | None, period: Interval) -> Number:  # noqa: ARG002
        return 0 if state is None else state[2]

    def encode(self, state: Dated | None) -> bytes:
        writer = Writer("L")
        if state is not None:
            time, event, value = state
            writer.integer(time)
            writer.text(event)
            writer.number(value)
        return writer.done()

    def decode(self, data: bytes) -> Dated | None:
        reader = Reader(data, "L")
        if len(data) == 2:
            return None
        state = reader.integer(), reader.text(), reader.number()
        reader.end()
        return state


def make_max(constants: Sequence[Value]) -> Extreme:
    assert not constants
    return Extreme(largest=True)


def make_min(constants: Sequence[Value]) -> Extreme:
    assert not constants
    return Extreme(largest=False)


def make_last(constants: Sequence[Value]) -> Last:
    assert not constants
    return Last()


MAX = Aggregation(
    name="max",
    form="max(x)",
    value="number",
    constant=None,
    adds_over_dimensions=False,
    adds_over_time=False,
    whole=False,
    carried="wanted",
    unit="value",
    make=make_max,
    about="The largest value.",
)
MIN = Aggregation(
    name="min",
    form="min(x)",
    value="number",
    constant=None,
    adds_over_dimensions=False,
    adds_over_time=False,
    whole=False,
    carried="wanted",
    unit="value",
    make=make_min,
    about="The smallest value.",
)
LAST = Aggregation(
    name="last",
    form="last(x)",
    value="number",
    constant=None,
    adds_over_dimensions=True,
    adds_over_time=False,
    whole=False,
    carried="wanted",
    unit="value",
    make=make_last,
    about="The value of the latest event; of events at one instant that of the greatest id.",
)
