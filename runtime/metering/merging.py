"""A batch made durable, set by set: which ids are new, and its sums merged into the buckets. Once for each database.

All happens in the caller's transaction. Rows are written in the order of their keys, so writers that meet wait for each
other and do not lock up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

from runtime.metering.batch import Bucket, Merge, StateOf
from runtime.store.database import Work

Ids = Sequence[tuple[bytes, int]]
"""Keys of events with the hours of their times, no key twice."""


class BucketFull(Exception):  # noqa: N818 - the batch is tried again without its events
    """What is kept in a bucket cannot take in what the batch adds to it."""

    def __init__(self, bucket: Bucket, cause: Exception) -> None:
        super().__init__(str(cause))
        self.bucket = bucket
        self.cause = cause


class Merging(Protocol):
    """What a database does for a batch."""

    def known_ids(self, ids: Ids) -> set[bytes]:
        """Remember all ids; those that were known already."""
        ...

    def numbers(self, merge: Merge, pairs: Sequence[tuple[Bucket, Decimal]]) -> None:
        """Merge numbers into their buckets."""
        ...

    def states(self, pairs: Sequence[tuple[Bucket, StateOf]]) -> None:
        """Merge states into their buckets. Raises `BucketFull`."""
        ...

    def cells(self, meter_id: int, customer: str, hour: int) -> int:
        """How many buckets there are in one hour of a customer and meter."""
        ...

    def cells_among(self, buckets: Iterable[Bucket]) -> set[Bucket]:
        """Those of some buckets that there are."""
        ...


def merging_for(work: Work) -> Merging:
    return SqliteMerging(work.driver) if work.dialect == "sqlite" else PostgresMerging(work.driver)


def merged_row(bucket: Bucket, kept: tuple[bytes, str | None] | None, new: StateOf) -> tuple[bytes, str | None]:
    """The encoded state of a bucket and its last value, once what the batch adds is merged in."""
    state, last = new.state, new.last
    try:
        if kept is not None:
            state = new.monoid.merge(new.monoid.decode(kept[0]), state)
            if kept[1] is not None:
                before = tuple(json.loads(kept[1]))
                last = before if last is None or before[:2] > last[:2] else last
        return new.monoid.encode(state), None if last is None else json.dumps(last, ensure_ascii=False)
    except Exception as error:
        raise BucketFull(bucket, error) from error


# --- SQLite ----------------------------------------------------------------------------------------------------------

SQLITE_MERGE: Final[dict[Merge, str]] = {"add": "exact_add", "max": "exact_max", "min": "exact_min"}
SQLITE_KEYS_AT_ONCE: Final = 20_000


class SqliteMerging:
    """On SQLite, whose one writer holds the lock."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def known_ids(self, ids: Ids) -> set[bytes]:
        rows = sorted(ids)
        self.driver.execute("SAVEPOINT ids")
        insert = "INSERT OR IGNORE INTO event_ids (key, hour) VALUES (?, ?)"
        known: set[bytes] = set()
        if self.driver.executemany(insert, rows).rowcount < len(rows):
            self.driver.execute("ROLLBACK TO ids")
            for key, _ in rows:
                if self.driver.execute("SELECT 1 FROM event_ids WHERE key = ?", (key,)).fetchone():
                    known.add(key)
            self.driver.executemany(insert, [row for row in rows if row[0] not in known])
        self.driver.execute("RELEASE ids")
        return known

    def numbers(self, merge: Merge, pairs: Sequence[tuple[Bucket, Decimal]]) -> None:
        self.driver.executemany(
            "INSERT INTO usage_buckets (meter_id, customer, hour, cell, value) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (meter_id, customer, hour, cell) DO UPDATE "
            f"SET value = {SQLITE_MERGE[merge]}(value, excluded.value)",
            [(*bucket, f"{value:f}") for bucket, value in pairs],
        )

    def states(self, pairs: Sequence[tuple[Bucket, StateOf]]) -> None:
        read = "SELECT state, last FROM usage_buckets WHERE meter_id = ? AND customer = ? AND hour = ? AND cell = ?"
        rows = [
            (*bucket, *merged_row(bucket, self.driver.execute(read, bucket).fetchone(), new)) for bucket, new in pairs
        ]
        self.driver.executemany(
            "INSERT INTO usage_buckets (meter_id, customer, hour, cell, state, last) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (meter_id, customer, hour, cell) DO UPDATE SET state = excluded.state, last = excluded.last",
            rows,
        )

    def cells(self, meter_id: int, customer: str, hour: int) -> int:
        counted = "SELECT count(*) FROM usage_buckets WHERE meter_id = ? AND customer = ? AND hour = ?"
        return int(self.driver.execute(counted, (meter_id, customer, hour)).fetchone()[0])

    def cells_among(self, buckets: Iterable[Bucket]) -> set[Bucket]:
        there = "SELECT 1 FROM usage_buckets WHERE meter_id = ? AND customer = ? AND hour = ? AND cell = ?"
        return {bucket for bucket in buckets if self.driver.execute(there, bucket).fetchone()}


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

    def known_ids(self, ids: Ids) -> set[bytes]:
        rows = sorted(ids)
        keys = [key for key, _ in rows]
        self.cursor.execute(
            "INSERT INTO event_ids (key, hour) SELECT * FROM unnest(%s::bytea[], %s::int[]) "
            "ON CONFLICT DO NOTHING RETURNING key",
            (keys, [hour for _, hour in rows]),
        )
        if self.cursor.rowcount == len(rows):
            return set()
        return set(keys).difference(bytes(row[0]) for row in self.cursor.fetchall())

    def numbers(self, merge: Merge, pairs: Sequence[tuple[Bucket, Decimal]]) -> None:
        self.cursor.execute(
            "INSERT INTO usage_buckets AS b (meter_id, customer, hour, cell, value) "
            f"SELECT * FROM {POSTGRES_BUCKETS}, %s::numeric[]) "
            f"ON CONFLICT (meter_id, customer, hour, cell) DO UPDATE SET value = {POSTGRES_MERGE[merge]}",
            (*columns(bucket for bucket, _ in pairs), [value for _, value in pairs]),
        )

    def states(self, pairs: Sequence[tuple[Bucket, StateOf]]) -> None:
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
        kept = {Bucket(*row[:4]): row[4:] for row in self.cursor.fetchall()}
        rows = [merged_row(bucket, kept[bucket] if kept[bucket][0] is not None else None, new) for bucket, new in pairs]
        self.cursor.execute(
            "UPDATE usage_buckets b SET state = k.state, last = k.last "
            f"FROM {POSTGRES_BUCKETS}, %s::bytea[], %s::text[]) AS k (meter_id, customer, hour, cell, state, last) "
            "WHERE (b.meter_id, b.customer, b.hour, b.cell) = (k.meter_id, k.customer, k.hour, k.cell)",
            (*buckets, [state for state, _ in rows], [last for _, last in rows]),
        )

    def cells(self, meter_id: int, customer: str, hour: int) -> int:
        self.cursor.execute(
            "SELECT count(*) FROM usage_buckets WHERE meter_id = %s AND customer = %s AND hour = %s",
            (meter_id, customer, hour),
        )
        return int(self.cursor.fetchone()[0])

    def cells_among(self, buckets: Iterable[Bucket]) -> set[Bucket]:
        self.cursor.execute(
            "SELECT b.meter_id, b.customer, b.hour, b.cell "
            f"FROM {POSTGRES_BUCKETS}) AS k (meter_id, customer, hour, cell) "
            "JOIN usage_buckets b USING (meter_id, customer, hour, cell)",
            columns(buckets),
        )
        return {Bucket(*row) for row in self.cursor.fetchall()}


def columns(buckets: Iterable[Bucket]) -> tuple[list[int], list[str], list[int], list[str]]:
    """Buckets as the four arrays that a statement takes."""
    rows = list(buckets)
    return (
        [row.meter_id for row in rows],
        [row.customer for row in rows],
        [row.hour for row in rows],
        [row.cell for row in rows],
    )
