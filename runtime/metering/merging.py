"""A batch made durable, set by set: which ids are new, and its sums merged into the buckets. Once for each database.

All happens in the caller's transaction. Rows are written in the order of their keys, so writers that meet wait for each
other and do not lock up.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple, Protocol

from runtime.metering.batch import Bucket, Last, StateOf, later
from runtime.metering.measures import Merge, plain
from runtime.store.database import Work

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


def merging_for(work: Work) -> Merging:
    return SqliteMerging(work.driver) if work.dialect == "sqlite" else PostgresMerging(work.driver)


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


# --- SQLite ----------------------------------------------------------------------------------------------------------

SQLITE_MERGE: Final[dict[Merge, str]] = {"add": "exact_add", "max": "exact_max", "min": "exact_min"}
SQLITE_BUCKET: Final = "meter_id = ? AND customer = ? AND hour = ? AND cell = ?"


class SqliteMerging:
    """On SQLite, where one writer is alone."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def remember(self, ids: Mapping[bytes, int]) -> set[bytes]:
        rows = sorted(ids.items())
        insert = "INSERT OR IGNORE INTO event_ids (key, hour) VALUES (?, ?)"
        self.driver.execute("SAVEPOINT ids")
        known: set[bytes] = set()
        if self.driver.executemany(insert, rows).rowcount < len(rows):
            self.driver.execute("ROLLBACK TO ids")
            known = self.known_among(ids)
            self.driver.executemany(insert, [row for row in rows if row[0] not in known])
        self.driver.execute("RELEASE ids")
        return known

    def known_among(self, keys: Collection[bytes]) -> set[bytes]:
        there = "SELECT 1 FROM event_ids WHERE key = ?"
        return {key for key in sorted(keys) if self.driver.execute(there, (key,)).fetchone()}

    def numbers(self, merge: Merge, pairs: Sequence[tuple[Bucket, Any]]) -> None:
        self.driver.executemany(
            "INSERT INTO usage_buckets (meter_id, customer, hour, cell, value) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (meter_id, customer, hour, cell) DO UPDATE "
            f"SET value = {SQLITE_MERGE[merge]}(value, excluded.value)",
            [(*bucket, str(value) if type(value) is int else f"{value:f}") for bucket, value in pairs],
        )

    def states(self, pairs: Sequence[tuple[Bucket, StateOf]]) -> list[Full]:
        read = f"SELECT state, last FROM usage_buckets WHERE {SQLITE_BUCKET}"
        found = [(bucket, self.driver.execute(read, bucket).fetchone()) for bucket, _ in pairs]
        rows, full = merged_rows(pairs, {bucket: row for bucket, row in found if row is not None})
        if not full:
            self.driver.executemany(
                "INSERT INTO usage_buckets (meter_id, customer, hour, cell, state, last) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (meter_id, customer, hour, cell) "
                "DO UPDATE SET state = excluded.state, last = excluded.last",
                [(*bucket, *row) for (bucket, _), row in zip(pairs, rows, strict=True)],
            )
        return full

    def states_of(self, buckets: Sequence[Bucket]) -> dict[Bucket, bytes]:
        read = f"SELECT state FROM usage_buckets WHERE {SQLITE_BUCKET}"
        found = [(bucket, self.driver.execute(read, bucket).fetchone()) for bucket in buckets]
        return {bucket: row[0] for bucket, row in found if row is not None}

    def cells(self, places: Collection[Place]) -> dict[Place, int]:
        counted = "SELECT count(*) FROM usage_buckets WHERE meter_id = ? AND customer = ? AND hour = ?"
        return {place: self.driver.execute(counted, place).fetchone()[0] for place in places}

    def cells_among(self, buckets: Iterable[Bucket]) -> set[Bucket]:
        there = f"SELECT 1 FROM usage_buckets WHERE {SQLITE_BUCKET}"
        return {bucket for bucket in buckets if self.driver.execute(there, bucket).fetchone()}

    def forget(self, after: bytes, count: int, before_hour: int) -> tuple[bytes | None, int]:
        end = self.driver.execute(
            "SELECT key FROM event_ids WHERE key > ? ORDER BY key LIMIT 1 OFFSET ?", (after, count - 1)
        ).fetchone()
        if end is None:
            done = self.driver.execute("DELETE FROM event_ids WHERE key > ? AND hour < ?", (after, before_hour))
            return None, done.rowcount
        done = self.driver.execute(
            "DELETE FROM event_ids WHERE key > ? AND key <= ? AND hour < ?", (after, end[0], before_hour)
        )
        return end[0], done.rowcount


# --- PostgreSQL ------------------------------------------------------------------------------------------------------

POSTGRES_MERGE: Final[dict[Merge, str]] = {
    "add": "b.value + excluded.value",
    "max": "greatest(b.value, excluded.value)",
    "min": "least(b.value, excluded.value)",
}
POSTGRES_BUCKETS: Final = "unnest(%s::int[], %s::text[], %s::int[], %s::text[]"


class PostgresMerging:
    """On PostgreSQL, where others may write at the same time."""

    def __init__(self, driver: Any) -> None:
        self.cursor = driver.cursor(binary=True)

    def remember(self, ids: Mapping[bytes, int]) -> set[bytes]:
        rows = sorted(ids.items())
        keys = [key for key, _ in rows]
        self.cursor.execute(
            "INSERT INTO event_ids (key, hour) SELECT * FROM unnest(%s::bytea[], %s::int[]) "
            "ON CONFLICT DO NOTHING RETURNING key",
            (keys, [hour for _, hour in rows]),
        )
        if self.cursor.rowcount == len(rows):
            return set()
        return set(keys).difference(bytes(row[0]) for row in self.cursor.fetchall())

    def known_among(self, keys: Collection[bytes]) -> set[bytes]:
        self.cursor.execute("SELECT key FROM event_ids WHERE key = ANY(%s::bytea[])", (sorted(keys),))
        return {bytes(row[0]) for row in self.cursor.fetchall()}

    def numbers(self, merge: Merge, pairs: Sequence[tuple[Bucket, Any]]) -> None:
        self.cursor.execute(
            "INSERT INTO usage_buckets AS b (meter_id, customer, hour, cell, value) "
            f"SELECT * FROM {POSTGRES_BUCKETS}, %s::numeric[]) "
            f"ON CONFLICT (meter_id, customer, hour, cell) DO UPDATE SET value = {POSTGRES_MERGE[merge]}",
            (*columns(bucket for bucket, _ in pairs), [Decimal(value) for _, value in pairs]),
        )

    def states(self, pairs: Sequence[tuple[Bucket, StateOf]]) -> list[Full]:
        buckets = columns(bucket for bucket, _ in pairs)
        self.cursor.execute(
            "INSERT INTO usage_buckets (meter_id, customer, hour, cell) "
            f"SELECT * FROM {POSTGRES_BUCKETS}) ON CONFLICT DO NOTHING",
            buckets,
        )
        self.cursor.execute(
            "SELECT b.meter_id, b.customer, b.hour, b.cell, b.state, b.last "
            f"FROM {POSTGRES_BUCKETS}) AS k (meter_id, customer, hour, cell) "
            "JOIN usage_buckets b USING (meter_id, customer, hour, cell) "
            "ORDER BY 1, 2, 3, 4 FOR UPDATE OF b",
            buckets,
        )
        rows, full = merged_rows(pairs, {Bucket(*row[:4]): (row[4], row[5]) for row in self.cursor.fetchall()})
        if not full:
            self.cursor.execute(
                "UPDATE usage_buckets b SET state = k.state, last = k.last "
                f"FROM {POSTGRES_BUCKETS}, %s::bytea[], %s::text[]) AS k (meter_id, customer, hour, cell, state, last) "
                "WHERE (b.meter_id, b.customer, b.hour, b.cell) = (k.meter_id, k.customer, k.hour, k.cell)",
                (*buckets, [state for state, _ in rows], [last for _, last in rows]),
            )
        return full

    def states_of(self, buckets: Sequence[Bucket]) -> dict[Bucket, bytes]:
        self.cursor.execute(
            "SELECT b.meter_id, b.customer, b.hour, b.cell, b.state "
            f"FROM {POSTGRES_BUCKETS}) AS k (meter_id, customer, hour, cell) "
            "JOIN usage_buckets b USING (meter_id, customer, hour, cell)",
            columns(buckets),
        )
        return {Bucket(*row[:4]): bytes(row[4]) for row in self.cursor.fetchall()}

    def cells(self, places: Collection[Place]) -> dict[Place, int]:
        self.cursor.execute(
            "SELECT k.meter_id, k.customer, k.hour, (SELECT count(*) FROM usage_buckets b WHERE "
            "(b.meter_id, b.customer, b.hour) = (k.meter_id, k.customer, k.hour)) "
            "FROM unnest(%s::int[], %s::text[], %s::int[]) AS k (meter_id, customer, hour)",
            tuple([place[column] for place in places] for column in range(3)),
        )
        return {row[:3]: row[3] for row in self.cursor.fetchall()}

    def cells_among(self, buckets: Iterable[Bucket]) -> set[Bucket]:
        self.cursor.execute(
            "SELECT b.meter_id, b.customer, b.hour, b.cell "
            f"FROM {POSTGRES_BUCKETS}) AS k (meter_id, customer, hour, cell) "
            "JOIN usage_buckets b USING (meter_id, customer, hour, cell)",
            columns(buckets),
        )
        return {Bucket(*row) for row in self.cursor.fetchall()}

    def forget(self, after: bytes, count: int, before_hour: int) -> tuple[bytes | None, int]:
        self.cursor.execute(
            "SELECT key FROM event_ids WHERE key > %s ORDER BY key LIMIT 1 OFFSET %s", (after, count - 1)
        )
        end = self.cursor.fetchone()
        until = "" if end is None else "AND key <= %s"
        self.cursor.execute(
            "DELETE FROM event_ids WHERE key IN (SELECT key FROM event_ids "
            f"WHERE key > %s {until} AND hour < %s ORDER BY key FOR UPDATE SKIP LOCKED)",
            (after, *(() if end is None else end), before_hour),
        )
        return None if end is None else bytes(end[0]), self.cursor.rowcount


def columns(buckets: Iterable[Bucket]) -> tuple[list[int], list[str], list[int], list[str]]:
    """Buckets as the four arrays that a statement takes."""
    rows = list(buckets)
    return (
        [row.meter_id for row in rows],
        [row.customer for row in rows],
        [row.hour for row in rows],
        [row.cell for row in rows],
    )
