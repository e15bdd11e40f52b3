"""`percentile(x, 95)`: the nearest rank, exactly, or with `approximate` of values to four significant digits.

Nearest rank: of n values in order the one at place ceil(n x rank / 100), so every result is a value that occurred.
The exact state counts each different value, at most `PERCENTILE_VALUES_MAX` of them; beyond it the event is refused.

Why not KLL, the usual sketch: it drops values by the throw of a coin that cannot be seeded (four sketches of the same
100,000 values gave 94_878, 95_086, 95_110 and 95_340 as the 95th percentile of 0 to 100_002), its bytes differ from
run to run, and its error is one of rank, so that the value may be anything. An amount must come out the same for ever,
so `approximate` rounds each value half up to four significant digits and counts those, again exactly: the state is a
function of the values alone, has at most 18,000 entries per power of ten, and since rounding keeps the order the
result is the exact percentile to four significant digits, off by at most 1/2000 of itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from pricing_dsl.limits import PERCENTILE_VALUES_MAX
from pricing_dsl.plugin.aggregations.encoding import Reader, Writer
from pricing_dsl.plugin.aggregations.refusal import LimitError
from pricing_dsl.plugin.contract import Aggregation, Interval, NumberConstant, Value

Counts = dict[tuple[int, int], int]
"""A value as numerator and denominator -> how often it occurred. (Pairs hash ten times as fast as fractions.)"""
DIGITS = 4
ERROR_BOUND = Fraction(1, 2_000)
"""Relative: half a unit of the fourth digit of 1.000."""


class Percentile:
    """The value at a rank above 0 and at most 100."""

    _letter = "P"

    def __init__(self, rank: Fraction) -> None:
        self._rank = rank

    def zero(self) -> Counts:
        return {}

    def add(self, state: Counts, value: Value, time: int, event: str) -> Counts:  # noqa: ARG002
        assert not isinstance(value, str)
        key = value.numerator, value.denominator
        state[key] = state.get(key, 0) + 1
        if len(state) > PERCENTILE_VALUES_MAX:
            del state[key]
            raise _too_many()
        return state

    def merge(self, state: Counts, other: Counts) -> Counts:
        for key, count in other.items():
            state[key] = state.get(key, 0) + count
        if len(state) > PERCENTILE_VALUES_MAX:
            raise _too_many()
        return state

    def result(self, state: Counts, period: Interval) -> Fraction:  # noqa: ARG002
        wanted = -(-sum(state.values()) * self._rank // 100)
        seen = 0
        for value, count in _in_order(state):
            seen += count
            if seen >= wanted:
                return value
        return Fraction(0)

    def encode(self, state: Counts) -> bytes:
        writer = Writer(self._letter)
        writer.natural(len(state))
        for value, count in _in_order(state):
            writer.number(value)
            writer.natural(count)
        return writer.done()

    def decode(self, data: bytes) -> Counts:
        reader = Reader(data, self._letter)
        state: Counts = {}
        for _ in range(reader.natural()):
            value, count = reader.number(), reader.natural()
            state[value.numerator, value.denominator] = count
        reader.end()
        return state


class PercentileApproximate(Percentile):
    """The same of values rounded half up (away from zero) to four significant digits."""

    _letter = "R"
    error_bound = ERROR_BOUND

    def add(self, state: Counts, value: Value, time: int, event: str) -> Counts:
        assert not isinstance(value, str)
        return super().add(state, four_digits(value), time, event)


def four_digits(value: Fraction | int) -> Fraction:
    """A number to four significant digits, half up.

    >>> [str(four_digits(Fraction(text))) for text in ("12345", "-0.00123450001", "99995", "1234", "1/3", "0")]
    ['12350', '-247/200000', '100000', '1234', '3333/10000', '0']
    """
    numerator, denominator = abs(value.numerator), value.denominator
    if numerator == 0:
        return Fraction(0)
    # As many digits as the whole part of numerator/denominator has; at most one too many, which the check mends.
    digits = len(str(numerator)) - len(str(denominator)) + 1
    if numerator * 10 ** max(0, 1 - digits) < denominator * 10 ** max(0, digits - 1):
        digits -= 1
    up, down = 10 ** max(0, DIGITS - digits), 10 ** max(0, digits - DIGITS)
    rounded = (2 * numerator * up + denominator * down) // (2 * denominator * down)
    made = Fraction(rounded * down, up)
    return made if value > 0 else -made


def _in_order(state: Counts) -> list[tuple[Fraction, int]]:
    return sorted((Fraction(numerator, denominator), count) for (numerator, denominator), count in state.items())


def _too_many() -> LimitError:
    return LimitError(
        f"`percentile` keeps up to {PERCENTILE_VALUES_MAX:,} different values, and there are more",
        "write `percentile(x, 95, approximate)`, which counts values to four significant digits, "
        "or round the values in the measure, as in `percentile(ceil(x), 95)`",
    )


def make_percentile(constants: Sequence[Value]) -> Percentile:
    rank, *word = constants
    assert not isinstance(rank, str)
    assert 0 < rank <= 100
    assert word in ([], ["approximate"])
    return PercentileApproximate(Fraction(rank)) if word else Percentile(Fraction(rank))


PERCENTILE = Aggregation(
    name="percentile",
    form="percentile(x, 95)",
    value="number",
    constant=NumberConstant("rank", 0, 100, word="approximate"),
    adds_over_dimensions=False,
    adds_over_time=False,
    whole=False,
    carried="allowed",
    unit="value",
    make=make_percentile,
    about=f"The nearest rank, exactly, of up to {PERCENTILE_VALUES_MAX:,} different values; with `approximate` of any "
    f"number, within {float(100 * ERROR_BOUND):.2f}%.",
)
