"""`unique`: how many different values there were, exactly, or with `approximate` by a sketch that says its error.

Exact states are the sets themselves, at most `UNIQUE_EXACT_MAX` values; one more is refused and never approximated in
silence. The sketch is Apache DataSketches' theta sketch: it keeps the smallest hashes, so that it is order-free. An
untrimmed one is not (which hashes it still has depends on the order of events: measured), so it is trimmed to the
K smallest before anything is read from it, which makes it a function of the set of values alone. HLL and CPC have
estimators that depend on the history of merges. The estimate is computed in whole numbers from the sketch's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from pricing_dsl.limits import UNIQUE_EXACT_MAX
from pricing_dsl.plugin.aggregations.encoding import Reader, Writer, to_bytes, to_text
from pricing_dsl.plugin.aggregations.refusal import LimitError
from pricing_dsl.plugin.contract import Aggregation, Interval, Value, WordConstant

LOG_K = 14
"""The sketch keeps 2 to this many hashes: 128 KiB at most."""
ERROR_BOUND = Fraction(157, 10_000)
"""Relative error that 95 of 100 results stay within: 2 / sqrt(K - 2), rounded up. Up to K values it is exact."""
_WHOLE = 1 << 63
"""The theta of a sketch that has left nothing out."""


class Unique:
    """The number of different values, exactly."""

    def zero(self) -> set[str]:
        return set()

    def add(self, state: set[str], value: Value, time: int, event: str) -> set[str]:  # noqa: ARG002
        assert isinstance(value, str)
        state.add(value)
        if len(state) > UNIQUE_EXACT_MAX:
            state.discard(value)
            raise _too_many()
        return state

    def merge(self, state: set[str], other: set[str]) -> set[str]:
        state |= other
        if len(state) > UNIQUE_EXACT_MAX:
            raise _too_many()
        return state

    def result(self, state: set[str], period: Interval) -> int:  # noqa: ARG002
        return len(state)

    def encode(self, state: set[str]) -> bytes:
        """Sorted, each without what it begins with like the one before it."""
        writer = Writer("Q")
        writer.natural(len(state))
        before = b""
        for value in sorted(map(to_bytes, state)):
            shared = _shared(before, value)
            writer.natural(shared)
            writer.raw(value[shared:])
            before = value
        return writer.done()

    def decode(self, data: bytes) -> set[str]:
        reader = Reader(data, "Q")
        state: set[str] = set()
        before = b""
        for _ in range(reader.natural()):
            before = before[: reader.natural()] + reader.raw()
            state.add(to_text(before))
        reader.end()
        return state


class Sketch:
    """Values as they come (an `update_theta_sketch`), and what was merged in (a `theta_union`); `None` until needed."""

    __slots__ = ("merged", "taken")

    def __init__(self, merged: Any = None) -> None:
        self.taken: Any = None
        self.merged: Any = merged


class UniqueApproximate:
    """The number of different values by a theta sketch."""

    error_bound = ERROR_BOUND

    def __init__(self) -> None:
        from hashlib import blake2b

        self._digest = blake2b

    def zero(self) -> Sketch:
        return Sketch()

    def add(self, state: Sketch, value: Value, time: int, event: str) -> Sketch:  # noqa: ARG002
        assert isinstance(value, str)
        if state.taken is None:
            state.taken = _datasketches().update_theta_sketch(LOG_K)
        state.taken.update(int.from_bytes(self._digest(to_bytes(value), digest_size=8).digest(), "big", signed=True))
        return state

    def merge(self, state: Sketch, other: Sketch) -> Sketch:
        if other.taken is not None or other.merged is not None:
            if state.merged is None:
                state.merged = _datasketches().theta_union(LOG_K)
            state.merged.update(_compact(other))
        return state

    def result(self, state: Sketch, period: Interval) -> int:  # noqa: ARG002
        sketch = _compact(state)
        theta = int(sketch.theta64)
        return (2 * int(sketch.num_retained) * _WHOLE + theta) // (2 * theta)

    def encode(self, state: Sketch) -> bytes:
        writer = Writer("U")
        writer.raw(_compact(state).serialize())
        return writer.done()

    def decode(self, data: bytes) -> Sketch:
        reader = Reader(data, "U")
        sketch = reader.raw()
        reader.end()
        library = _datasketches()
        merged = library.theta_union(LOG_K)
        try:
            merged.update(library.compact_theta_sketch.deserialize(sketch))
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"these bytes are no state of `unique(x, approximate)`: {error}") from error
        return Sketch(merged=merged)


def _compact(state: Sketch) -> Any:
    """The K smallest hashes, ordered. Trimming drops only what no result depends on, so the state is the same after."""
    library = _datasketches()
    union = library.theta_union(LOG_K)
    if state.taken is not None:
        state.taken.trim()
        union.update(state.taken)
    if state.merged is not None:
        union.update(state.merged.get_result(True))
    return union.get_result(True)


def _datasketches() -> Any:
    """Imported only where a program asks for a sketch: it takes longer than checking a program."""
    import datasketches  # type: ignore[import-untyped]

    return datasketches


def _shared(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    return next(at for at in range(length) if one[at] != other[at])


def _too_many() -> LimitError:
    return LimitError(
        f"`unique` counts exactly up to {UNIQUE_EXACT_MAX:,} different values, and there are more",
        "write `unique(x, approximate)`, which counts any number with an error of at most "
        f"{float(100 * ERROR_BOUND):.2f}% in 95 of 100 periods",
    )


def make_unique(constants: Sequence[Value]) -> Unique | UniqueApproximate:
    assert list(constants) in ([], ["approximate"])
    return UniqueApproximate() if constants else Unique()


UNIQUE = Aggregation(
    name="unique",
    form="unique(x)",
    value="any",
    constant=WordConstant("approximate"),
    adds_over_dimensions=False,
    adds_over_time=False,
    whole=True,
    carried="refused",
    unit="count",
    make=make_unique,
    about=f"How many different values there were, exactly up to {UNIQUE_EXACT_MAX:,}; with `approximate` any number, "
    f"within {float(100 * ERROR_BOUND):.2f}% in 95 of 100 periods.",
)
