"""A batch merged into PostgreSQL, where others may write at the same time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from runtime.metering.batch import Bucket, StateOf
from runtime.metering.measures import Merge
from runtime.metering.merging import Full, Place, merged_rows

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
