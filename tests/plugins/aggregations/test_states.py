"""States as bytes: those written by the first version are read for ever, and anything else is refused."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing_dsl.plugin.aggregations import BUILT_IN
from pricing_dsl.plugin.aggregations.encoding import Reader, Writer
from pricing_dsl.plugin.contract import HOUR, SECOND, Interval, Value

BY_NAME = {aggregation.name: aggregation for aggregation in BUILT_IN}
START = 1_772_323_200 * SECOND
"""2026-03-01T00:00Z."""
PERIOD = Interval(START, START + 4 * HOUR)
MILLION = Fraction(10**12 + 1, 10**6)
NUMBERS: list[tuple[Value, int, str]] = [
    (Fraction(3), START, "a"),
    (Fraction(-5, 4), START + 1, "b"),
    (MILLION, START + HOUR, "c"),
    (Fraction(3), START + 1, "c"),
]
TEXTS: list[tuple[Value, int, str]] = [(text, START, text) for text in ("ada", "adam", "", "über", "ada")]

GOLDEN: list[tuple[str, Sequence[Value], str, Fraction | int, str]] = [
    ("sum", (), "0153c601d1a9db1562c30f4240", 3 - Fraction(5, 4) + MILLION + 3, "01530001"),
    ("count", (), "014304", 4, "014300"),
    ("max", (), "0158c601d1a94a2002c30f4240", MILLION, "0158"),
    ("min", (), "014e0904", Fraction(-5, 4), "014e"),
    ("last", (), "014cc70c97d7faae08000163c601d1a94a2002c30f4240", MILLION, "014c"),
    ("mean", (), "0141c601d1a9db1562c30f424004", (3 - Fraction(5, 4) + MILLION + 3) / 4, "0141000100"),
    (
        "time_weighted",
        ("hour",),
        "015403c70c97d64d86c000016106010201630601c501ad2747fe0163c601d1a94a2002c30f4240",
        3 + 3 * MILLION,
        "015400",
    ),
    ("unique", (), "0151040000000361646103016d0005c3bc626572", 4, "015100"),
    (
        "unique",
        ("approximate",),
        "01553002030300001acc9304000000000000000edbe89fbea0d5165c4e631274fc6f3d2ca69fc5e33ee1564da3b985aea1666a",
        4,
        "01550801030300001ecc93",
    ),
    ("percentile", (Fraction(95),), "015003090401060102c601d1a94a2002c30f424001", MILLION, "015000"),
    ("percentile", (Fraction(95), "approximate"), "015203090401060102c31e84800101", 10**6, "015200"),
]
"""Name, constants, the state of the events above as version 1 wrote it, what it comes to, the state of no events."""


@pytest.mark.parametrize(("name", "constants", "written", "expected", "empty"), GOLDEN)
def test_states_of_version_1_are_read_and_written_for_ever(
    name: str, constants: Sequence[Value], written: str, expected: Fraction | int, empty: str
) -> None:
    """A change here makes stored usage unreadable: a new form gets a new version, and this stays."""
    monoid = BY_NAME[name].make(constants)
    state = monoid.zero()
    assert monoid.encode(state).hex() == empty
    for value, time, event in TEXTS if name == "unique" else NUMBERS:
        state = monoid.add(state, value, time, event)
    assert monoid.encode(state).hex() == written
    decoded = monoid.decode(bytes.fromhex(written))
    assert monoid.result(decoded, PERIOD) == expected
    assert monoid.encode(decoded).hex() == written
    assert monoid.result(monoid.decode(bytes.fromhex(empty)), PERIOD) == 0


def test_every_built_in_has_a_golden_state() -> None:
    assert {name for name, *_ in GOLDEN} == set(BY_NAME)


@pytest.mark.parametrize(
    ("name", "constants", "written", "empty"),
    [(name, constants, written, empty) for name, constants, written, _, empty in GOLDEN],
)
def test_other_bytes_are_refused(name: str, constants: Sequence[Value], written: str, empty: str) -> None:
    monoid = BY_NAME[name].make(constants)
    good = bytes.fromhex(written)
    with pytest.raises(ValueError, match="form of version 2"):
        monoid.decode(b"\x02" + good[1:])
    with pytest.raises(ValueError, match="of kind '~'"):
        monoid.decode(good[:1] + b"~" + good[2:])
    for length in range(2, len(good)):
        if good[:length].hex() != empty:
            with pytest.raises(ValueError, match="no state of"):
                monoid.decode(good[:length])
    with pytest.raises(ValueError, match="too short"):
        monoid.decode(b"")
    with pytest.raises(ValueError, match="1 are left over"):
        monoid.decode(good + b"\0")


wide = st.integers(-(2**80), 2**80) | st.sampled_from([191, 192, 2**496 - 1, 2**496, -(2**4000)])


@given(wide, st.fractions(), st.text() | st.just("\ud800"))
def test_what_is_written_is_read(integer: int, number: Fraction, text: str) -> None:
    writer = Writer("A")
    writer.integer(integer)
    writer.natural(abs(integer))
    writer.number(number)
    writer.text(text)
    reader = Reader(writer.done(), "A")
    assert (reader.integer(), reader.natural(), reader.number(), reader.text()) == (integer, abs(integer), number, text)
    reader.end()
