"""What the built-in aggregations come to: values worked by hand, and the definitions on generated events."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing_dsl.plugin.aggregations import BUILT_IN, LimitError, distinct, ranked, timed
from pricing_dsl.plugin.aggregations.ranked import DIGITS, ERROR_BOUND, four_digits
from pricing_dsl.plugin.contract import HOUR, SECOND, Aggregation, Interval, Value

BY_NAME: dict[str, Aggregation] = {aggregation.name: aggregation for aggregation in BUILT_IN}
START = 1_772_323_200 * SECOND
"""2026-03-01T00:00Z."""
DAY = Interval(START, START + 24 * HOUR)
Events = Sequence[tuple[Value, int, str]]
"""Value, microseconds after the start, the event's id."""


def state_of(name: str, constants: Sequence[Value], events: Events) -> tuple[Any, Any]:
    monoid = BY_NAME[name].make(constants)
    state = monoid.zero()
    for value, after, event in events:
        state = monoid.add(state, value, START + after, event)
    return monoid, state


def result_of(name: str, constants: Sequence[Value], events: Events) -> Fraction | int:
    monoid, state = state_of(name, constants, events)
    result = monoid.result(state, DAY)
    assert isinstance(result, Fraction | int)
    return result


LEVEL: Events = [(Fraction(10), 6 * HOUR, "a"), (Fraction(40), 12 * HOUR, "b"), (Fraction(0), 18 * HOUR, "c")]
"""Nothing for 6 hours, 10 for 6 hours, 40 for 6 hours, 0 for 6 hours."""
NUMBERS: Events = [(Fraction(number), number, str(number)) for number in (15, 20, 35, 40, 50)]


@pytest.mark.parametrize(
    ("name", "constants", "events", "expected"),
    [
        ("sum", (), [(Fraction(1, 3), 0, "a"), (Fraction(1, 6), 0, "b"), (2, 0, "c")], Fraction(5, 2)),
        ("sum", (), [(Fraction(5), 0, "a"), (Fraction(-7), 0, "b")], -2),
        ("count", (), LEVEL, 3),
        ("max", (), [(Fraction(-3), 0, "a"), (Fraction(-5, 2), 1, "b")], Fraction(-5, 2)),
        ("min", (), [(Fraction(-3), 0, "a"), (Fraction(-5, 2), 1, "b")], -3),
        ("mean", (), [(Fraction(1), 0, "a"), (Fraction(0), 1, "b"), (Fraction(0), 2, "c")], Fraction(1, 3)),
        ("last", (), [(Fraction(7), 2, "a"), (Fraction(9), 1, "z")], 7),
        # Rule 16: of events at one instant the greatest id.
        ("last", (), [(Fraction(7), 5, "b"), (Fraction(9), 5, "a")], 7),
        ("time_weighted", (), [(Fraction(7), 0, "b"), (Fraction(9), 0, "a")], 7),
        # A carried value stands under the id "", so an event at the period's start beats it.
        ("time_weighted", (), [(Fraction(100), 0, ""), (Fraction(4), 0, "a")], 4),
        # (6 x 0 + 6 x 10 + 6 x 40 + 6 x 0) value-hours in 24 hours.
        ("time_weighted", (), LEVEL, Fraction(300, 24)),
        ("time_weighted", ("hour",), LEVEL, 300),
        ("time_weighted", (), [(Fraction(24), 24 * HOUR - SECOND, "a")], Fraction(24, 86_400)),
        # A level from before the period stands in it; one after it does not.
        ("time_weighted", (), [(Fraction(8), -HOUR, "a"), (Fraction(50), 25 * HOUR, "b")], 8),
        ("unique", (), [("a", 0, "1"), ("b", 0, "2"), ("a", 0, "3"), ("", 0, "4")], 3),
        ("unique", ("approximate",), [("a", 0, "1"), ("b", 0, "2"), ("a", 0, "3"), ("", 0, "4")], 3),
        # The textbook's list for nearest ranks: 15 20 35 40 50.
        ("percentile", (Fraction(5),), NUMBERS, 15),
        ("percentile", (Fraction(30),), NUMBERS, 20),
        ("percentile", (Fraction(40),), NUMBERS, 20),
        ("percentile", (Fraction(50),), NUMBERS, 35),
        ("percentile", (Fraction(100),), NUMBERS, 50),
        ("percentile", (Fraction(100), "approximate"), [(Fraction("0.123456"), 0, "a")], Fraction("0.1235")),
    ],
)
def test_what_events_come_to(name: str, constants: Sequence[Value], events: Events, expected: Fraction | int) -> None:
    assert result_of(name, constants, events) == expected


@pytest.mark.parametrize("aggregation", BUILT_IN, ids=lambda each: each.name)
def test_the_entry_says_what_it_is(aggregation: Aggregation) -> None:
    assert aggregation.form.startswith(f"{aggregation.name}(")
    assert aggregation.about.endswith(".")
    assert (aggregation.value is None) == (aggregation.form == "count()")


# --- the definitions on generated events ---

numbers = st.fractions(-1000, 1000, max_denominator=60)
NumberEvents = list[tuple[Fraction, int, str]]
events_of_numbers = st.lists(st.tuples(numbers, st.integers(-3, 20).map(lambda hour: hour * HOUR), st.text("ab")))


@given(events_of_numbers, st.fractions(min_value=Fraction(1, 10), max_value=100, max_denominator=20))
def test_percentile_is_the_nearest_rank(events: NumberEvents, rank: Fraction) -> None:
    ordered = sorted(value for value, *_ in events)
    expected = ordered[ceil(len(ordered) * rank / 100) - 1] if ordered else 0
    assert result_of("percentile", (rank,), events) == expected


@given(events_of_numbers)
def test_time_weighted_adds_the_level_of_every_hour(events: NumberEvents) -> None:
    """All events are on the hour, so the level is constant in each hour: that of the greatest (time, id, value)."""
    hours = Fraction(0)
    for hour in range(24):
        standing = [(after, event, value) for value, after, event in events if after <= hour * HOUR]
        hours += max(standing)[2] if standing else 0
    assert result_of("time_weighted", ("hour",), events) == hours
    assert result_of("time_weighted", (), events) == hours / 24


@given(st.fractions(max_denominator=10**9) | st.integers().map(Fraction))
def test_four_digits_are_within_the_stated_error_and_of_four_digits(value: Fraction) -> None:
    made = four_digits(value)
    assert abs(made - value) <= abs(value) * ERROR_BOUND
    digits = abs(made)
    while digits and digits.denominator != 1:
        digits *= 10
    assert len(str(digits.numerator).rstrip("0")) <= DIGITS
    assert four_digits(made) == made


@given(numbers, numbers)
def test_four_digits_keep_the_order(one: Fraction, other: Fraction) -> None:
    assert (four_digits(one) <= four_digits(other)) or one > other


# --- the sketch ---


def test_the_sketch_is_exact_up_to_its_size_and_within_its_bound_above() -> None:
    # The hash is fixed, so these are the same figures in every run; the bound holds in 95 of 100 draws.
    for number in (1, 1 << distinct.LOG_K, 20_000, 100_000):
        result = result_of("unique", ("approximate",), [(f"user {index}", 0, "") for index in range(number)])
        assert isinstance(result, int)
        if number <= 1 << distinct.LOG_K:
            assert result == number
        else:
            assert result != number
            assert abs(result - number) <= number * distinct.ERROR_BOUND


def test_a_sketch_does_not_depend_on_order_or_batches() -> None:
    """Beyond its size, where an untrimmed theta sketch does."""
    users: list[tuple[Value, int, str]] = [(f"user {index}", 0, "") for index in range(60_000)]
    monoid, state = state_of("unique", ("approximate",), users)
    expected = monoid.encode(state)
    shuffled = random.Random(1).sample(users, len(users))
    _, in_other_order = state_of("unique", ("approximate",), shuffled)
    assert monoid.encode(in_other_order) == expected
    merged = monoid.zero()
    for first in range(0, len(users), 25_000):
        _, batch = state_of("unique", ("approximate",), shuffled[first : first + 25_000])
        merged = monoid.merge(merged, monoid.decode(monoid.encode(batch)) if first else batch)
    for value, after, event in users[:100]:
        merged = monoid.add(merged, value, after, event)
    assert monoid.encode(merged) == expected
    assert monoid.result(merged, DAY) == monoid.result(state, DAY)


# --- limits ---


@pytest.mark.parametrize(
    ("name", "module", "limit", "values", "help_says"),
    [
        ("unique", distinct, "UNIQUE_EXACT_MAX", ["a", "b", "c"], "unique(x, approximate)"),
        ("percentile", ranked, "PERCENTILE_VALUES_MAX", [1, 2, 3], "percentile(x, 95, approximate)"),
        ("time_weighted", timed, "TIME_WEIGHTED_INSTANTS_MAX", [1, 2, 3], "less often"),
    ],
)
def test_beyond_the_limit_an_event_and_a_merge_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, module: Any, limit: str, values: list[Value], help_says: str
) -> None:
    monkeypatch.setattr(module, limit, 2)
    constants = (Fraction(95),) if name == "percentile" else ()
    monoid, full = state_of(name, constants, [(value, place, "e") for place, value in enumerate(values[:2])])
    before = monoid.encode(full)
    with pytest.raises(LimitError, match=r"more than 2|up to 2") as refused:
        monoid.add(full, values[2], START + 2, "e")
    assert help_says in refused.value.help
    assert monoid.encode(full) == before, "a refused event leaves the state as it was"
    again = monoid.add(full, values[1], START + 1, "e")
    assert len(again) == 2, "more of the same is no more values"
    _, third = state_of(name, constants, [(values[2], 2, "e")])
    with pytest.raises(LimitError, match=r"more than 2|up to 2"):
        monoid.merge(full, third)
