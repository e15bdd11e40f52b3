"""`time_weighted`: the average of a level over a period, each value counting for as long as it stood.

A value stands from its instant until the next one, the last until the period's end; before the first one the level is
0, unless the caller adds the carried value at the period's start (under the id "", which any event at that instant
beats). Time is exact to the microsecond: the average is (sum of value x time) / (the period's time), and with `hour`
the sum stays undivided, in value-hours. States keep every instant's value, since a late event may fall between two of
them; of events at one instant the greatest id stands (rule 16), so the order in which they came changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from pricing_dsl.limits import TIME_WEIGHTED_INSTANTS_MAX
from pricing_dsl.plugin.aggregations.encoding import Reader, Writer
from pricing_dsl.plugin.aggregations.refusal import LimitError
from pricing_dsl.plugin.aggregations.totals import Parts, put, total
from pricing_dsl.plugin.contract import HOUR, Aggregation, Interval, Number, Value, WordConstant

Points = dict[int, tuple[str, Number]]
"""Instant -> the id of the event that stands, and its value."""


class TimeWeighted:
    """The average level, or with `hours` the level times hours."""

    def __init__(self, hours: bool) -> None:
        self._hours = hours

    def zero(self) -> Points:
        return {}

    def add(self, state: Points, value: Value, time: int, event: str) -> Points:
        assert not isinstance(value, str)
        point = event, value
        if point > state.setdefault(time, point):
            state[time] = point
        if len(state) > TIME_WEIGHTED_INSTANTS_MAX:
            del state[time]
            raise _too_many()
        return state

    def merge(self, state: Points, other: Points) -> Points:
        for time, point in other.items():
            if point > state.setdefault(time, point):
                state[time] = point
        if len(state) > TIME_WEIGHTED_INSTANTS_MAX:
            raise _too_many()
        return state

    def result(self, state: Points, period: Interval) -> Fraction:
        parts: Parts = {}
        for start, end in pairwise([*sorted(state), period.end]):
            stood = min(end, period.end) - max(start, period.start)
            if stood > 0:
                value = state[start][1]
                put(parts, value.numerator * stood, value.denominator)
        area = total(parts)
        return area / HOUR if self._hours else area / (period.end - period.start)

    def encode(self, state: Points) -> bytes:
        writer = Writer("T")
        writer.natural(len(state))
        before = 0
        for time in sorted(state):
            event, value = state[time]
            writer.integer(time - before)
            writer.text(event)
            writer.number(value)
            before = time
        return writer.done()

    def decode(self, data: bytes) -> Points:
        reader = Reader(data, "T")
        state: Points = {}
        time = 0
        for _ in range(reader.natural()):
            time += reader.integer()
            state[time] = reader.text(), reader.number()
        reader.end()
        return state


def _too_many() -> LimitError:
    return LimitError(
        f"`time_weighted` has values at more than {TIME_WEIGHTED_INSTANTS_MAX:,} instants in one period",
        "send the level when it changes, or less often, or measure `sum` of value x time that the sender adds up",
    )


def make_time_weighted(constants: Sequence[Value]) -> TimeWeighted:
    assert list(constants) in ([], ["hour"])
    return TimeWeighted(hours=bool(constants))


TIME_WEIGHTED = Aggregation(
    name="time_weighted",
    form="time_weighted(x)",
    value="number",
    constant=WordConstant("hour"),
    adds_over_dimensions=True,
    adds_over_time=False,
    whole=False,
    carried="wanted",
    unit="value",
    make=make_time_weighted,
    about="The average over the period, each value for as long as it stood; with `hour` the sum of value x hours.",
)
