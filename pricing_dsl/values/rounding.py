"""Rounding, always visible where it happens and always with its mode, on exact integers.

Modes: `half_up` (away from zero at the half), `half_even`, `up` (towards plus infinity) and `down` (towards minus
infinity) for multiples of a step. Largest remainder keeps shares footing (language reference, sections 5 and 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, assert_never

Mode = Literal["half_up", "half_even", "up", "down"]


def round_ratio(numerator: int, denominator: int, mode: Mode) -> int:
    """`numerator / denominator` to a whole number; `denominator` is positive.

    >>> round_ratio(5, 2, "half_up"), round_ratio(-5, 2, "half_up"), round_ratio(5, 2, "half_even")
    (3, -3, 2)
    """
    match mode:
        case "half_up":
            if numerator >= 0:
                return (2 * numerator + denominator) // (2 * denominator)
            return -((2 * -numerator + denominator) // (2 * denominator))
        case "half_even":
            whole, rest = divmod(numerator, denominator)
            if 2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1):
                return whole + 1
            return whole
        case "up":
            return -(-numerator // denominator)
        case "down":
            return numerator // denominator
        case _:
            assert_never(mode)


def round_to_multiple(value: Fraction, step: Fraction, mode: Mode) -> Fraction:
    """The multiple of `step` (positive) that `value` rounds to."""
    ratio = value / step
    return round_ratio(ratio.numerator, ratio.denominator, mode) * step


def round_to_minor(value: Fraction, digits: int, mode: Mode) -> int:
    """An amount of money in minor units, rounded once: 12.345 USD -> 1235.

    >>> round_to_minor(Fraction(12345, 1000), 2, "half_up")
    1235
    """
    return round_ratio(value.numerator * 10**digits, value.denominator, mode)


def share_out(whole: int, weights: Sequence[int | Fraction]) -> list[int]:
    """Split `whole` units in proportion to non-negative `weights` by largest remainder; ties go to the earlier one.

    The shares add up to `whole` (either sign). With no positive weight, the first takes all; no weights, no shares.

    >>> share_out(1, [5, 5]), share_out(-10, [1, 1, 1])
    ([1, 0], [-4, -3, -3])
    """
    if not weights:
        return []
    total = sum(weights)
    if total == 0:
        return [whole] + [0] * (len(weights) - 1)
    sign = -1 if whole < 0 else 1
    size = abs(whole)
    exact = [Fraction(size * weight) / total for weight in weights]
    shares = [share.numerator // share.denominator for share in exact]
    missing = size - sum(shares)
    by_remainder = sorted(range(len(weights)), key=lambda i: shares[i] - exact[i])
    for i in by_remainder[:missing]:
        shares[i] += 1
    return [sign * share for share in shares]
