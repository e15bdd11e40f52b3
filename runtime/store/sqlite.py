"""What a SQLite connection is given before it is used: durability, room, and exact arithmetic in SQL.

SQLite has no exact decimals: they are text (see `columns`), and `exact_add`, `exact_max` and `exact_min` are how an
upsert merges them.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal, Inexact, Overflow
from typing import Any, Final

from runtime.limits import SQLITE_BUSY_MS_MAX, SQLITE_CACHE_KIB, SQLITE_CHECKPOINT_PAGES

EXACT: Final = Context(prec=2_000, traps=[Inexact, Overflow])
"""Decimals without rounding: what would not fit raises."""

PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    f"busy_timeout = {SQLITE_BUSY_MS_MAX}",
    f"cache_size = -{SQLITE_CACHE_KIB}",
    f"wal_autocheckpoint = {SQLITE_CHECKPOINT_PAGES}",
    "temp_store = MEMORY",
)


def prepare(connection: Any, _record: Any) -> None:
    """A new connection of the driver, brought to what the project expects of it."""
    connection.isolation_level = None  # the driver begins nothing by itself
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()
    for name, function in FUNCTIONS.items():
        connection.create_function(name, 2, function, deterministic=True)


def exact_add(one: str, other: str) -> str:
    """The sum of two decimals.

    >>> exact_add("0.1", "123456789012345678901234567890.2")
    '123456789012345678901234567890.3'
    """
    return f"{EXACT.add(Decimal(one), Decimal(other)):f}"


def exact_max(one: str, other: str) -> str:
    return other if Decimal(other) > Decimal(one) else one


def exact_min(one: str, other: str) -> str:
    return other if Decimal(other) < Decimal(one) else one


FUNCTIONS: Final[dict[str, Callable[[str, str], str]]] = {
    "exact_add": exact_add,
    "exact_max": exact_max,
    "exact_min": exact_min,
}
