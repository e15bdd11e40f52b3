"""Reading usage buckets: plain tuples, for they may be many."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from runtime.store.database import Work

Row = tuple[int, str, Any, bytes | None]
"""Hour, cell, value (text on SQLite, Decimal on PostgreSQL) and state."""
Number = int | Decimal

MINE = "meter_id = ? AND customer = ? AND hour >= ? AND hour < ?"


def buckets(work: Work, meter_id: int, customer: str, start_hour: int, end_hour: int) -> list[Row]:
    """The buckets of one meter of a customer in `[start_hour, end_hour)`."""
    sql = f"SELECT hour, cell, value, state FROM usage_buckets WHERE {MINE}"
    return _rows(work, sql, (meter_id, customer, start_hour, end_hour))


def sums(
    work: Work, meter_id: int, customer: str, start_hour: int, end_hour: int
) -> tuple[list[tuple[str, Number]], list[tuple[str, None, bytes]]]:
    """The same of a meter that adds over time: numbers by cell, to be added up, and encoded states by cell.

    PostgreSQL adds exactly, so a cell comes once; SQLite does not, and gives every hour's.
    """
    parameters = (meter_id, customer, start_hour, end_hour)
    if work.dialect == "sqlite":
        rows = work.driver.execute(f"SELECT cell, value, state FROM usage_buckets WHERE {MINE}", parameters).fetchall()
        numbers = [(cell, number_of(value)) for cell, value, _ in rows if value is not None]
        return numbers, [(cell, None, state) for cell, value, state in rows if value is None]
    added = f"SELECT cell, sum(value) FROM usage_buckets WHERE {MINE} AND value IS NOT NULL GROUP BY cell"
    states = f"SELECT cell, NULL, state FROM usage_buckets WHERE {MINE} AND value IS NULL"
    return _rows(work, added, parameters), _rows(work, states, parameters)


def number_of(text: str) -> Number:
    """A number as SQLite keeps it."""
    return Decimal(text) if "." in text else int(text)


def last_before(work: Work, meter_id: int, customer: str, hour: int) -> list[tuple[str, str]]:
    """Of each cell of a carried meter, the last value before an hour: cell and `last`."""
    sql = (
        "SELECT b.cell, b.last FROM usage_buckets b JOIN ("
        "SELECT cell, max(hour) AS hour FROM usage_buckets "
        "WHERE meter_id = ? AND customer = ? AND hour < ? GROUP BY cell) l ON b.cell = l.cell AND b.hour = l.hour "
        "WHERE b.meter_id = ? AND b.customer = ?"
    )
    return _rows(work, sql, (meter_id, customer, hour, meter_id, customer))


def customers(work: Work, meter_ids: Sequence[int]) -> set[str]:
    """The customers that have used any of some meters."""
    sql = (
        "WITH RECURSIVE found (customer) AS ("
        "SELECT min(customer) FROM usage_buckets WHERE meter_id = ? UNION ALL "
        "SELECT (SELECT min(customer) FROM usage_buckets WHERE meter_id = ? AND customer > found.customer) "
        "FROM found WHERE found.customer IS NOT NULL) SELECT customer FROM found WHERE customer IS NOT NULL"
    )
    return {row[0] for meter_id in meter_ids for row in _rows(work, sql, (meter_id, meter_id))}


def is_used_since(work: Work, meter_id: int, hour: int) -> bool:
    """Whether any customer has used a meter in an hour or later."""
    sql = "SELECT 1 FROM usage_buckets WHERE meter_id = ? AND customer = ? AND hour >= ? LIMIT 1"
    return any(_rows(work, sql, (meter_id, customer, hour)) for customer in customers(work, [meter_id]))


def _rows(work: Work, sql: str, parameters: tuple[Any, ...]) -> list[Any]:
    if work.dialect == "sqlite":
        return list(work.driver.execute(sql, parameters).fetchall())
    with work.driver.cursor(binary=True) as cursor:
        cursor.execute(sql.replace("?", "%s"), parameters)
        return list(cursor.fetchall())
