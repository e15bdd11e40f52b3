"""What a database does for a batch: tell which ids are new, and merge its sums into the buckets, set by set.

`on_sqlite` and `on_postgres` do it, each as its database does it best.
All happens in the caller's transaction. Rows are written in the order of their keys, so writers that meet wait for each
other and do not lock up.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

from runtime.metering.batch import Bucket, Last, StateOf, later
from runtime.metering.measures import Merge, plain

Place = tuple[int, str, int]
"""A meter, a customer and an hour."""


class Full(NamedTuple):
    """A bucket whose state cannot take in what the batch adds to it."""

    bucket: Bucket
    kept: bytes | None
    cause: Exception


class Merging(Protocol):
    """What a database does for a batch."""

    def remember(self, ids: Mapping[bytes, int]) -> set[bytes]:
        """Remember all keys of events, with the hours of their times; those that were known already."""
        ...

    def known_among(self, keys: Collection[bytes]) -> set[bytes]:
        """Those of some keys that are known."""
        ...

    def numbers(self, merge: Merge, pairs: Sequence[tuple[Bucket, Any]]) -> None:
        """Merge numbers into their buckets."""
        ...

    def states(self, pairs: Sequence[tuple[Bucket, StateOf]]) -> list[Full]:
        """Merge states into their buckets; where some cannot be, none is, and those are returned."""
        ...

    def states_of(self, buckets: Sequence[Bucket]) -> dict[Bucket, bytes]:
        """The encoded states of some buckets, where there are any."""
        ...

    def cells(self, places: Collection[Place]) -> dict[Place, int]:
        """How many buckets there are in some hours."""
        ...

    def cells_among(self, buckets: Iterable[Bucket]) -> set[Bucket]:
        """Those of some buckets that there are."""
        ...

    def forget(self, after: bytes, count: int, before_hour: int) -> tuple[bytes | None, int]:
        """Of the next `count` ids behind a key, forget those of hours before `before_hour`.

        Returns the last key looked at, `None` at the end of all, and how many are forgotten.
        """
        ...


Row = tuple[bytes, str | None]
"""An encoded state, and the last value of a carried meter as `[time in microseconds, event id, value]`."""


def merged_row(kept: tuple[bytes | None, str | None] | None, new: StateOf) -> Row:
    """A bucket once what the batch adds is merged in. Raises what the aggregation raises."""
    state, last = new.state, new.last
    if kept is not None and kept[0] is not None:
        state = new.monoid.merge(new.monoid.decode(kept[0]), state)
        last = later(last, None if kept[1] is None else read_last(kept[1]))
    return new.monoid.encode(state), None if last is None else write_last(last)


def read_last(text: str) -> Last:
    time, event, value = json.loads(text)
    return Last(time, event, Fraction(value))


def write_last(last: Last) -> str:
    return json.dumps([last.time, last.id, str(plain(last.value))], ensure_ascii=False)


def merged_rows(
    pairs: Sequence[tuple[Bucket, StateOf]], kept: Mapping[Bucket, tuple[bytes | None, str | None]]
) -> tuple[list[Row], list[Full]]:
    """The rows of some buckets, and those that cannot be merged."""
    rows: list[Row] = []
    full: list[Full] = []
    for bucket, new in pairs:
        known = kept.get(bucket)
        try:
            rows.append(merged_row(known, new))
        except Exception as error:  # of an aggregation, perhaps a plugin's: its events are looked at one by one
            full.append(Full(bucket, None if known is None else known[0], error))
    return rows, full
