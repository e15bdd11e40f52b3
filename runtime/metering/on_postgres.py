"""A batch merged into PostgreSQL, where others may write at the same time."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import adapters
from psycopg.adapt import Dumper
from psycopg.errors import UniqueViolation
from psycopg.pq import Format

from runtime.metering.batch import Bucket, StateOf
from runtime.metering.measures import Merge
from runtime.metering.merging import Full, Place, merged_rows

MERGED: Final[dict[Merge, str]] = {
    "add": "b.value + excluded.value",
    "max": "greatest(b.value, excluded.value)",
    "min": "least(b.value, excluded.value)",
}
BUCKETS: Final = "unnest(%s::int[], %s::text[], %s::int[], %s::text[]"
COPY_BEGIN: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_END: Final = b"\xff\xff"
"""How a binary COPY begins and ends (PostgreSQL's manual, COPY, "Binary Format")."""


class PostgresMerging:
    """On PostgreSQL, where others may write at the same time."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.cursor = driver.cursor(binary=True)

    def remember(self, ids: Mapping[bytes, int]) -> set[bytes]:
        """Most batches are new from end to end: they are copied in, which is several times faster."""
        try:
            with self.driver.transaction():
                self._copy(ids)
        except UniqueViolation:
            self.cursor.execute(
                "INSERT INTO event_ids (key, hour) SELECT * FROM unnest(%s::bytea[], %s::int[]) AS k (key, hour) "
                "ORDER BY key ON CONFLICT DO NOTHING RETURNING key",
                (list(ids), list(ids.values())),
            )
            return set(ids).difference(bytes(row[0]) for row in self.cursor.fetchall())
        return set()

    def _copy(self, ids: Mapping[bytes, int]) -> None:
        rows = [b"\0\2\0\0\0\x10%b\0\0\0\4%b" % (key, ids[key].to_bytes(4, "big")) for key in sorted(ids)]
        with self.cursor.copy("COPY event_ids (key, hour) FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(b"".join([COPY_BEGIN, *rows, COPY_END]))

    def known_among(self, keys: Collection[bytes]) -> set[bytes]:
        self.cursor.execute("SELECT key FROM event_ids WHERE key = ANY(%s::bytea[])", (sorted(keys),))
        return {bytes(row[0]) for row in self.cursor.fetchall()}

    def numbers(self, merge: Merge, pairs: Sequence[tuple[Bucket, Any]]) -> None:
        values = [str(value) if type(value) is int else f"{value:f}" for _, value in pairs]
        self.cursor.execute(
            "INSERT INTO usage_buckets AS b (meter_id, customer, hour, cell, value) "
            f"SELECT * FROM {BUCKETS}, %s::text[]::numeric[]) "
            f"ON CONFLICT (meter_id, customer, hour, cell) DO UPDATE SET value = {MERGED[merge]}",
            (*columns(bucket for bucket, _ in pairs), array(TEXT, [value.encode() for value in values])),
        )

    def states(self, pairs: Sequence[tuple[Bucket, StateOf]]) -> list[Full]:
        buckets = columns(bucket for bucket, _ in pairs)
        self.cursor.execute(
            "INSERT INTO usage_buckets (meter_id, customer, hour, cell) "
            f"SELECT * FROM {BUCKETS}) ON CONFLICT DO NOTHING",
            buckets,
        )
        self.cursor.execute(
            "SELECT b.meter_id, b.customer, b.hour, b.cell, b.state, b.last "
            f"FROM {BUCKETS}) AS k (meter_id, customer, hour, cell) "
            "JOIN usage_buckets b USING (meter_id, customer, hour, cell) "
            "ORDER BY 1, 2, 3, 4 FOR UPDATE OF b",
            buckets,
        )
        rows, full = merged_rows(pairs, {Bucket(*row[:4]): (row[4], row[5]) for row in self.cursor.fetchall()})
        if not full:
            self.cursor.execute(
                "UPDATE usage_buckets b SET state = k.state, last = k.last "
                f"FROM {BUCKETS}, %s::bytea[], %s::text[]) AS k (meter_id, customer, hour, cell, state, last) "
                "WHERE (b.meter_id, b.customer, b.hour, b.cell) = (k.meter_id, k.customer, k.hour, k.cell)",
                (*buckets, [state for state, _ in rows], [last for _, last in rows]),
            )
        return full

    def states_of(self, buckets: Sequence[Bucket]) -> dict[Bucket, bytes]:
        self.cursor.execute(
            "SELECT b.meter_id, b.customer, b.hour, b.cell, b.state "
            f"FROM {BUCKETS}) AS k (meter_id, customer, hour, cell) "
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
            f"FROM {BUCKETS}) AS k (meter_id, customer, hour, cell) "
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


@dataclass(frozen=True, slots=True)
class Array:
    """An array in PostgreSQL's binary form, made here in one go: the driver looks at every item."""

    data: bytes


class ArrayDumper(Dumper):
    """Hands an array over as it is; the statement says of what it is."""

    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        return obj.data


adapters.register_dumper(Array, ArrayDumper)


INT: Final = 23
TEXT: Final = 25
"""PostgreSQL's numbers of its types."""


def array(type_oid: int, items: Sequence[bytes]) -> Array:
    """One dimension, no nulls: the header, and each item with its length."""
    header = struct.pack("!iiIii", 1, 0, type_oid, len(items), 1) if items else struct.pack("!iiI", 0, 0, type_oid)
    return Array(header + b"".join([b"%b%b" % (len(item).to_bytes(4, "big"), item) for item in items]))


def columns(buckets: Iterable[Bucket]) -> tuple[Array, Array, Array, Array]:
    """Buckets as the four arrays that a statement takes."""
    rows = list(buckets)
    return (
        array(INT, [row.meter_id.to_bytes(4, "big") for row in rows]),
        array(TEXT, [row.customer.encode() for row in rows]),
        array(INT, [row.hour.to_bytes(4, "big", signed=True) for row in rows]),
        array(TEXT, [row.cell.encode() for row in rows]),
    )
