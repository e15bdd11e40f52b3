"""Reading usage buckets: plain tuples, for they may be many."""

from __future__ import annotations

from typing import Any

from runtime.store.database import Work

Row = tuple[int, str, Any, bytes | None, str | None]
"""Hour, cell, value (text on SQLite, Decimal on PostgreSQL), state, last value of a carried meter."""


def buckets(work: Work, meter_id: int, customer: str, start_hour: int, end_hour: int) -> list[Row]:
    """The buckets of one meter of a customer in `[start_hour, end_hour)`."""
    sql = (
        "SELECT hour, cell, value, state, last FROM usage_buckets "
        "WHERE meter_id = ? AND customer = ? AND hour >= ? AND hour < ?"
    )
    return _rows(work, sql, (meter_id, customer, start_hour, end_hour))


def last_before(work: Work, meter_id: int, customer: str, hour: int) -> list[tuple[str, str]]:
    """Of each cell of a carried meter, the last value before an hour: cell and `last`."""
    sql = (
        "SELECT b.cell, b.last FROM usage_buckets b JOIN ("
        "SELECT cell, max(hour) AS hour FROM usage_buckets "
        "WHERE meter_id = ? AND customer = ? AND hour < ? GROUP BY cell) l ON b.cell = l.cell AND b.hour = l.hour "
        "WHERE b.meter_id = ? AND b.customer = ?"
    )
    return _rows(work, sql, (meter_id, customer, hour, meter_id, customer))


def customers(work: Work, meter_ids: list[int]) -> list[str]:
    """The customers that have used any of some meters."""
    found: set[str] = set()
    for meter_id in meter_ids:
        found.update(
            row[0] for row in _rows(work, "SELECT DISTINCT customer FROM usage_buckets WHERE meter_id = ?", (meter_id,))
        )
    return sorted(found)


def _rows(work: Work, sql: str, parameters: tuple[Any, ...]) -> list[Any]:
    if work.dialect == "sqlite":
        return list(work.driver.execute(sql, parameters).fetchall())
    with work.driver.cursor(binary=True) as cursor:
        cursor.execute(sql.replace("?", "%s"), parameters)
        return list(cursor.fetchall())
