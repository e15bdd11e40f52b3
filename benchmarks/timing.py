"""How benchmarks measure: two sides, alternately, many short repeats in one process; minimum and median of each.

The minimum is what the code costs when nothing disturbs it; the median what it costs on this machine now. Both sides of
a ratio saw the same machine at the same time, so the ratio can be compared between machines where times cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter_ns

REPEATS = 41
REPEAT_NS_MIN = 2_000_000


@dataclass(frozen=True, slots=True)
class Ratio:
    """What `name` costs in units of `baseline`: by the fastest repeats, and by the median ones."""

    name: str
    baseline: str
    minimum: float
    median: float
    baseline_ns: float

    def __str__(self) -> str:
        return (
            f"{self.name:<48} {self.minimum:7.2f} x (median {self.median:.2f} x) of {self.baseline},"
            f" {self.baseline_ns / 1000:,.2f} us a call"
        )


def calls_for(function: Callable[[], object]) -> int:
    """How many calls make one repeat long enough to be timed."""
    calls = 1
    while time_of(function, calls) < REPEAT_NS_MIN:
        calls *= 2
    return calls


def time_of(function: Callable[[], object], calls: int) -> int:
    """Nanoseconds that some calls take."""
    repeat = range(calls)
    start = perf_counter_ns()
    for _ in repeat:
        function()
    return perf_counter_ns() - start


def compare(name: str, function: Callable[[], object], baseline_name: str, baseline: Callable[[], object]) -> Ratio:
    """Time two functions alternately."""
    function()
    baseline()
    calls, baseline_calls = calls_for(function), calls_for(baseline)
    ours, theirs = [], []
    for _ in range(REPEATS):
        ours.append(time_of(function, calls) / calls)
        theirs.append(time_of(baseline, baseline_calls) / baseline_calls)
    return Ratio(name, baseline_name, min(ours) / min(theirs), median(ours) / median(theirs), min(theirs))
