"""Burstable bandwidth: what is billed, the laws of its states, and everything that the README shows."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pricing_percentile_95
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pricing_percentile_95 import BURSTABLE, SLOT, Burstable, Slots, make

from pricing_dsl.plugin import HOUR, Interval
from pricing_dsl.plugin.testing import assert_plugin

README = Path(pricing_percentile_95.__file__).parents[2] / "README.md"
DAY = 24 * HOUR
APRIL_2026 = Interval(20_544 * DAY, 20_574 * DAY)

samples = st.lists(
    st.tuples(st.fractions(min_value=0, max_value=10_000, max_denominator=1_000), st.integers(0, 2 * HOUR - 1)),
    max_size=60,
)


def state_of(values: list[tuple[Fraction, int]], of: Burstable) -> Slots:
    state = of.zero()
    for number, (value, time) in enumerate(values):
        state = of.add(state, value, time, str(number))
    return state


def polled(rates: list[int], start: int = 0) -> list[tuple[Fraction, int]]:
    """One sample in each interval."""
    return [(Fraction(rate), start + slot * SLOT) for slot, rate in enumerate(rates)]


# --- what is billed ---


@pytest.mark.parametrize(
    ("rates", "billed"),
    [
        ([900] * 432 + [340] + [120] * 8_207, 340),  # 36 hours of 30 days cost nothing
        ([900] * 433 + [340] + [120] * 8_206, 900),  # five minutes more are billed
        (list(range(1, 8_641)), 8_208),
        ([7] * 8_640, 7),
    ],
)
def test_36_hours_of_30_days_are_dropped(rates: list[int], billed: int) -> None:
    monoid = make(())
    assert monoid.result(state_of(polled(rates, APRIL_2026.start), monoid), APRIL_2026) == billed


def test_samples_of_five_minutes_are_averaged() -> None:
    """Sixty samples a slot count as one: ranked one by one, the second interval's 900s would be the highest tenth."""
    monoid = make(())
    second = SLOT // 300
    one = [(Fraction(100), at * second) for at in range(0, 300, 5)]
    two = [(Fraction(900 if at < 30 else 0), SLOT + at * second) for at in range(0, 300, 5)]
    assert monoid.result(state_of(one + two, monoid), Interval(0, 2 * SLOT)) == 100
    assert monoid.result(state_of(two, monoid), Interval(SLOT, 2 * SLOT)) == 90


def test_an_average_stays_exact() -> None:
    monoid = make(())
    values = [(Fraction(rate), 0) for rate in (100, 100, 101)]
    assert monoid.result(state_of(values, monoid), Interval(0, SLOT)) == Fraction(301, 3)


def test_silence_is_zero_unless_only_what_is_measured_counts() -> None:
    values = polled([900] * 432, APRIL_2026.start)
    assert make(()).result(state_of(values, make(())), APRIL_2026) == 0
    measured = make(("measured",))
    assert measured.result(state_of(values, measured), APRIL_2026) == 900


@pytest.mark.parametrize("constants", [(), ("measured",)])
def test_no_events_are_zero(constants: tuple[str, ...]) -> None:
    assert make(constants).result({}, APRIL_2026) == 0


@given(st.lists(st.integers(0, 50), min_size=1, max_size=200))
def test_it_is_the_nearest_rank(rates: list[int]) -> None:
    """With a sample in every interval: the smallest rate that at least 95% of the intervals do not exceed."""
    monoid = make(())
    billed = monoid.result(state_of(polled(rates), monoid), Interval(0, len(rates) * SLOT))
    enough = [rate for rate in rates if 100 * sum(other <= rate for other in rates) >= 95 * len(rates)]
    assert billed == min(enough)


# --- the laws of states ---


@given(samples, samples, samples)
def test_states_merge_in_any_order(one: list[tuple[Fraction, int]], two: list[tuple[Fraction, int]],
                                   three: list[tuple[Fraction, int]]) -> None:  # fmt: skip
    monoid = make(())
    whole = state_of(one + two + three, monoid)
    parts = [state_of(each, monoid) for each in (three, one, two)]
    merged = monoid.merge(monoid.merge(monoid.merge(monoid.zero(), parts[0]), parts[1]), parts[2])
    assert merged == whole
    assert monoid.encode(merged) == monoid.encode(whole)


@given(samples)
def test_bytes_give_the_state_back(values: list[tuple[Fraction, int]]) -> None:
    monoid = make(())
    state = state_of(values, monoid)
    data = monoid.encode(state)
    assert data[0] == 1
    assert monoid.decode(data) == state
    assert monoid.encode(monoid.decode(data)) == data


def test_bytes_of_today_are_read_for_ever() -> None:
    state = make(()).decode(b'\x01[[4,"601/2",3],[9,"7",1]]')
    assert state == {4: (Fraction(601, 2), 3), 9: (Fraction(7), 1)}


def test_bytes_of_another_version_are_refused() -> None:
    with pytest.raises(ValueError, match="has version 2, not 1"):
        make(()).decode(b"\x02[]")


def test_the_plugin_passes_the_kit() -> None:
    assert_plugin(pricing_percentile_95)


def test_its_hook_provides_it() -> None:
    assert pricing_percentile_95.register_aggregations() == [BURSTABLE]


# --- the README ---


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("shown", [block for block in blocks("console") if "bandwidth.pricing" in block])
def test_the_program_prices_as_the_readme_says(shown: str, tmp_path: Path) -> None:
    (program,) = blocks("pricing")
    (tmp_path / "bandwidth.pricing").write_text(program)
    command, _, expected = shown.partition("\n")
    pricing = str(Path(sys.executable).with_name("pricing"))
    arguments = shlex.split(command.removeprefix("$ pricing "))
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PRICING_PLUGINS": "percentile_95"}
    ran = subprocess.run(
        [pricing, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == (expected, "", 0)


def test_the_code_prints_what_the_readme_says() -> None:
    (code,), (expected,) = blocks("python"), blocks("output")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(README), "exec"), {})
    assert printed.getvalue() == expected
