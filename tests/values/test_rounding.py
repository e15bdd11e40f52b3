"""Rounding with its mode, and shares that foot."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from pricing_dsl.values.numbers import decimal_text, grouped_text
from pricing_dsl.values.rounding import Mode, round_ratio, round_to_minor, round_to_multiple, share_out


def test_rule_20_ten_percent_of_two_small_lines_is_one_cent() -> None:
    assert round_to_minor(Fraction(1, 100), 2, "half_up") == 1
    assert share_out(1, [5, 5]) == [1, 0]


def test_half_up_is_away_from_zero() -> None:
    assert [round_to_minor(Fraction(n, 1000), 2, "half_up") for n in (125, -125, 124, -124)] == [13, -13, 12, -12]


def test_half_even() -> None:
    assert [round_ratio(n, 2, "half_even") for n in (1, 3, 5, -1, -3, -5)] == [0, 2, 2, 0, -2, -2]


def test_up_and_down_to_a_multiple() -> None:
    assert round_to_multiple(Fraction(401), Fraction(100), "up") == 500
    assert round_to_multiple(Fraction(401), Fraction(100), "down") == 400
    assert round_to_multiple(Fraction(100), Fraction(100), "up") == 100


@given(st.fractions(), st.sampled_from(["half_up", "half_even", "up", "down"]))
def test_law_rounding_moves_by_less_than_one(value: Fraction, mode: Mode) -> None:
    rounded = round_ratio(value.numerator, value.denominator, mode)
    assert abs(rounded - value) < 1
    if mode.startswith("half"):
        assert abs(rounded - value) <= Fraction(1, 2)


@given(st.integers(-10_000, 10_000), st.lists(st.integers(0, 1000), min_size=1, max_size=8))
def test_law_shares_foot_and_stay_within_one_of_their_exact_share(whole: int, weights: list[int]) -> None:
    shares = share_out(whole, weights)
    assert sum(shares) == whole
    total = sum(weights)
    if total:
        for share, weight in zip(shares, weights, strict=True):
            assert abs(share - Fraction(whole * weight, total)) < 1
            assert share == 0 or weight > 0


@given(st.fractions())
def test_law_decimal_text_is_exact(value: Fraction) -> None:
    assert Fraction(decimal_text(value)) == value
    assert Fraction(grouped_text(value).replace("_", "")) == value
