"""Burstable bandwidth: `measure burstable(mbps)`, the 95th percentile of five-minute averages, as carriers bill it.

The samples of each five minutes are averaged, the averages of the period are sorted, the top 5% are dropped, and the
next one is billed: in 30 days the 432 busiest of 8,640 intervals, 36 hours, cost nothing. An interval without a sample
counts as 0, as that of an idle port does; `burstable(mbps, measured)` leaves it out instead, for collectors that may
lose samples. A state keeps the exact sum and the number of samples of each interval, so hours merge in any order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction

from pricing_dsl.plugin import SECOND, Aggregation, Interval, WordConstant, hookimpl
from pricing_dsl.plugin.contract import Value

PRICING_API = 1

SLOT = 300 * SECOND
"""The interval that one average is taken over, in microseconds. Intervals begin at whole multiples of it in UTC."""
DROPPED_PERCENT = 5
"""The share of intervals, the busiest ones, that costs nothing; part of an interval is not dropped."""
STATE_VERSION = 1

Slots = dict[int, tuple[Fraction, int]]
"""Number of an interval since 1970 -> sum of its samples, and how many there were."""


class Burstable:
    """The 95th percentile of five-minute averages; intervals without a sample are 0, or with `measured` left out."""

    def __init__(self, measured: bool) -> None:
        self._measured = measured

    def zero(self) -> Slots:
        return {}

    def add(self, state: Slots, value: Value, time: int, event: str) -> Slots:  # noqa: ARG002 - the contract's form
        assert not isinstance(value, str)
        slot = time // SLOT
        total, samples = state.get(slot, (0, 0))
        state[slot] = (total + value, samples + 1)
        return state

    def merge(self, state: Slots, other: Slots) -> Slots:
        for slot, (more, further) in other.items():
            total, samples = state.get(slot, (0, 0))
            state[slot] = (total + more, samples + further)
        return state

    def result(self, state: Slots, period: Interval) -> Fraction:
        averages = [total / samples for total, samples in state.values()]
        if not self._measured:
            in_period = -(-period.end // SLOT) - period.start // SLOT
            averages += [Fraction(0)] * (in_period - len(averages))
        if not averages:
            return Fraction(0)
        averages.sort(reverse=True)
        return averages[len(averages) * DROPPED_PERCENT // 100]

    def encode(self, state: Slots) -> bytes:
        slots = [[slot, str(total), samples] for slot, (total, samples) in sorted(state.items())]
        return bytes([STATE_VERSION]) + json.dumps(slots, separators=(",", ":")).encode()

    def decode(self, data: bytes) -> Slots:
        if data[:1] != bytes([STATE_VERSION]):
            raise ValueError(
                f"this state of `burstable` has version {data[0] if data else 'none'}, not {STATE_VERSION}"
            )
        return {slot: (Fraction(total), samples) for slot, total, samples in json.loads(data[1:])}


def make(constants: Sequence[Value]) -> Burstable:
    """What computes `burstable(x)` or, with the word, `burstable(x, measured)`."""
    return Burstable(measured=bool(constants))


BURSTABLE = Aggregation(
    name="burstable",
    form="burstable(x)",
    value="number",
    constant=WordConstant("measured"),
    adds_over_dimensions=False,
    adds_over_time=False,
    whole=False,
    carried="refused",
    unit="value",
    make=make,
    about="The 95th percentile of five-minute averages; intervals without a sample are 0, or left out if `measured`.",
)


@hookimpl
def register_aggregations() -> Sequence[Aggregation]:
    return [BURSTABLE]
