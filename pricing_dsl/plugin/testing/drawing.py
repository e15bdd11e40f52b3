"""Examples: what the kit tries a law on, and how it finds the smallest one that breaks it.

Hypothesis draws and shrinks; it is imported here only, when the kit runs, so that a program that uses a plugin never
needs it. The same examples are drawn in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from pricing_dsl.plugin.contract import HOUR, SECOND, Interval, Value
from pricing_dsl.plugin.testing.problem import Breach, KitError
from pricing_dsl.values.numbers import decimal_text

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

EXAMPLES = 150
"""Tried for each law."""
START = 1_772_323_200 * SECOND
"""2026-03-01T00:00Z."""
BITS_SHOWN_MAX = 256
"""Numbers longer than this are not written out."""
HOURS = 3
PERIOD = Interval(START, START + HOURS * HOUR)
"""The period of results."""

Drawn = TypeVar("Drawn")


class Event(NamedTuple):
    """One event; `key` orders another arrival of the same events, `part` deals them into states to be merged."""

    value: Value
    time: int
    event: str
    key: int
    part: int


def strategies() -> Any:
    """The module `hypothesis.strategies`. Raises `KitError` where Hypothesis is not installed."""
    try:
        from hypothesis import strategies as st
    except ImportError:
        raise KitError(
            "the kit draws its examples with Hypothesis, which is not installed; run `pip install hypothesis`"
        ) from None
    return st


def draw(strategy: SearchStrategy[Drawn], examples: int = EXAMPLES) -> list[Drawn]:
    """That many examples, the same in every run."""
    strategies()
    from hypothesis import Phase, find
    from hypothesis.errors import NoSuchExample

    drawn: list[Drawn] = []

    def is_kept(example: Drawn) -> bool:
        drawn.append(example)
        return False

    with suppress(NoSuchExample):
        find(strategy, is_kept, settings=_settings(examples, Phase.generate), random=Random(0))
    return drawn


def smallest(
    strategy: SearchStrategy[Drawn], drawn: Sequence[Drawn], breach: Callable[[Drawn], Breach | None]
) -> tuple[Drawn, Breach] | None:
    """An example that breaks a law, made as small as can be, and how; `None` where none of `drawn` does.

    Where the same example breaks it at one time and not at another, that itself is the breach.
    """
    last = next(((example, how) for example in drawn if (how := breach(example)) is not None), None)
    if last is None:
        return None
    from hypothesis import Phase, find
    from hypothesis.errors import Flaky, NoSuchExample

    def is_broken_by(example: Drawn) -> bool:
        nonlocal last
        how = breach(example)
        if how is not None:
            last = example, how
        return how is not None

    try:
        find(strategy, is_broken_by, settings=_settings(EXAMPLES, Phase.generate, Phase.shrink), random=Random(0))
    except (NoSuchExample, Flaky):
        example, how = last
        if breach(example) is None:
            return example, Breach(f"{how.message}; at another try of the same it did not", how.law)
    return last


def _settings(examples: int, *phases: Any) -> Any:
    from hypothesis import settings

    return settings(max_examples=examples, deadline=None, database=None, phases=phases, print_blob=False)


def numbers() -> SearchStrategy[Fraction]:
    """Numbers as events have them: small and large, negative, with decimals, and quotients."""
    st = strategies()
    drawn: SearchStrategy[Fraction] = (
        st.integers(-20, 20).map(Fraction)
        | st.integers(-500, 500).map(lambda hundredths: Fraction(hundredths, 100))
        | st.sampled_from([Fraction(1, 3), Fraction(-7, 6), Fraction(10**15 + 1, 10**6), Fraction(10**20)])
    )
    return drawn


def decimals() -> SearchStrategy[Fraction]:
    """Numbers that are finite decimals."""
    return numbers().filter(lambda number: "/" not in decimal_text(number))


def texts() -> SearchStrategy[str]:
    """Texts, equal ones often, among them the empty one and such as need more than one byte a letter."""
    st = strategies()
    drawn: SearchStrategy[str] = st.sampled_from(["a", "b", "ab", "", "7", "ü"]) | st.text(max_size=4)
    return drawn


def events(value: Literal["number", "any"] | None) -> SearchStrategy[list[Event]]:
    """Events of one cell in one period, with different ids; many at one instant."""
    st = strategies()
    values = st.just(Fraction(1)) if value is None else numbers() if value == "number" else texts()
    edges = [0, 1, HOUR - 1, HOUR, HOUR + SECOND, 2 * HOUR, HOURS * HOUR - 1]
    times = (st.sampled_from(edges) | st.integers(0, HOURS * HOUR - 1)).map(lambda after: START + after)
    names = st.sampled_from([f"e{number}" for number in range(1, 10)])
    event = st.builds(Event, values, times, names, st.integers(0, 9), st.integers(0, 2))
    drawn: SearchStrategy[list[Event]] = st.lists(event, max_size=7, unique_by=lambda one: one.event)
    return drawn


def shown(value: object) -> str:
    """A value as messages quote it."""
    if isinstance(value, Fraction):
        bits = value.numerator.bit_length() + value.denominator.bit_length()
        return decimal_text(value) if bits <= BITS_SHOWN_MAX else f"a fraction of {bits:,} binary digits"
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


def shown_events(drawn: list[Event]) -> str:
    """Events in a line: value, time in the period, id."""
    return ", ".join(f"{shown(one.value)} at {_clock(one.time - START)} ({one.event})" for one in drawn) or "no events"


def _clock(after: int) -> str:
    seconds, micros = divmod(after, SECOND)
    text = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{micros:06}" if micros else text
