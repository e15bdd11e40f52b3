"""A batch merged into SQLite, where one writer is alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from runtime.metering.batch import Bucket, StateOf
from runtime.metering.measures import Merge
from runtime.metering.merging import Full, Place, merged_rows
from runtime.metering.recent import Recent

SQLITE_MERGE: Final[dict[Merge, str]] = {"add": "exact_add", "max": "exact_max", "min": "exact_min"}
SQLITE_BUCKET: Final = "meter_id = ? AND customer = ? AND hour = ? AND cell = ?"


class SqliteMerging:
    """On SQLite, where one writer is alone."""

    def __init__(self, driver: Any, recent: Recent) -> None:
        self.driver = driver
        self.recent = recent

    def remember(self, ids: Mapping[bytes, int]) -> set[bytes]:
        known = self.recent.known_among(self.driver, ids)
        self.recent.add(self.driver, {key: hour for key, hour in ids.items() if key not in known} if known else ids)
        return known

    def known_among(self, keys: Collection[bytes]) -> set[bytes]:
        return self.recent.known_among(self.driver, keys)

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
