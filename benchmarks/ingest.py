"""Ingesting events against what the database itself can do: the same rows inserted, and nothing else done.

The floor is a bare `executemany` of one row for each event into SQLite (the same pragmas, the same transactions of
5,000), and a binary COPY of the same rows into PostgreSQL; the tables have the events' id as their primary key. Both
sides take turns, batch by batch, in one process. Also: the last tenth of all events against the first, their ids being
random. `EVENTS` sets another number of events.
"""

from __future__ import annotations

import gc
import os
import random
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final, NamedTuple

import msgspec
import psycopg

from runtime.metering.ingest import Ingester
from runtime.rating.publish import publish
from runtime.store import sqlite
from runtime.store.database import Database
from runtime.store.repositories import programs
from tests.databases import database_url

EVENTS: Final = int(os.environ.get("EVENTS", "1_000_000"))
BATCH: Final = 5_000
CUSTOMERS: Final = 200
MODELS: Final = ("gpt-5", "gpt-5-mini", "o3", "claude-opus-4", "gemini-2.5-pro")
PER_SECOND: Final = 20
"""Events in a second of the events' own time: an hour spans many batches."""
END: Final = datetime(2026, 3, 20, tzinfo=UTC)
PROGRAM: Final = """currency USD
meter tokens { from "llm.request" measure sum(tokens) by model }
plan p { fee f 1 }
"""
Row = tuple[str, str, str, str, int, int, str, Any]
"""Tenant, source, id, customer, meter, hour, cell, value."""
COLUMNS: Final = (
    "tenant text, source text, id text, customer text, meter integer, hour integer, cell text, value {}, "
    "PRIMARY KEY (tenant, source, id)"
)


class Batch(NamedTuple):
    """Some events as they come in, and as rows."""

    body: bytes
    rows: list[Row]


class Speeds(NamedTuple):
    """Seconds that batches took, side by side."""

    floor: list[float]
    ingest: list[float]

    def ratio(self) -> float:
        """How many of the floor's events a second ingesting keeps, all batches together."""
        return sum(self.floor) / sum(self.ingest)

    def median_ratio(self) -> float:
        return median(floor / ingest for floor, ingest in zip(*self, strict=True))


def batches(count: int) -> Iterator[Batch]:
    """Events of one process that sends them as they happen, a little late and out of order."""
    chance = random.Random(1)
    begin = END - timedelta(seconds=count / PER_SECOND)
    for first in range(0, count, BATCH):
        events, rows = [], []
        for number in range(first, min(first + BATCH, count)):
            at = begin + timedelta(seconds=number / PER_SECOND - chance.random() * 30)
            key, customer = str(uuid.UUID(int=chance.getrandbits(128))), f"customer-{chance.randrange(CUSTOMERS)}"
            model, tokens = chance.choice(MODELS), chance.randrange(5_000)
            data = {"model": model, "tokens": tokens}
            events.append(
                {"id": key, "source": "gateway", "type": "llm.request", "subject": customer, "time": at, "data": data}
            )
            rows.append(("t", "gateway", key, customer, 1, int(at.timestamp()) // 3600, f'["{model}"]', tokens))
        yield Batch(msgspec.json.encode(events), rows)


def run() -> Iterable[str]:
    """The ratios of the two databases."""
    for kind, bare in (("sqlite", sqlite_floor), ("postgresql", postgres_floor)):
        with tempfile.TemporaryDirectory() as folder, database_url(kind, Path(folder)) as url:
            speeds = compared(url, bare(url, Path(folder)))
        name = "SQLite, against a bare executemany" if kind == "sqlite" else "PostgreSQL, against a binary COPY"
        rate = EVENTS / sum(speeds.ingest)
        middle = speeds.median_ratio()
        yield f"{name:<40} {speeds.ratio():5.0%} of its events/s (median batch {middle:.0%}), {rate:,.0f}/s"
        tenth = len(speeds.ingest) // 10
        last = median(speeds.ingest[:tenth]) / median(speeds.ingest[-tenth:])
        floor = median(speeds.floor[:tenth]) / median(speeds.floor[-tenth:])
        yield f"{'  last tenth, random ids':<40} {last:5.0%} of the first tenth's events/s (the floor's {floor:.0%})"


def compared(url: str, floor: Callable[[list[Row]], None]) -> Speeds:
    """Each batch taken by both, in turns."""
    database = Database.open(url)
    with database.transaction() as work:
        programs.ensure_tenant(work, "t", END)
        publish(work, "t", "program", PROGRAM, END - timedelta(days=30))
    ingester = Ingester(database, "t")
    speeds = Speeds([], [])

    def ingest(batch: Batch) -> None:
        assert ingester.ingest(batch.body, END).accepted == len(batch.rows)

    for number, batch in enumerate(batches(EVENTS)):
        sides = [(speeds.floor, lambda b: floor(b.rows)), (speeds.ingest, ingest)]
        for times, side in sides if number % 2 else reversed(sides):
            gc.collect()  # of what making the batch has left
            start = perf_counter()
            side(batch)
            times.append(perf_counter() - start)
    database.close()
    return speeds


def sqlite_floor(_url: str, folder: Path) -> Callable[[list[Row]], None]:
    connection = sqlite3.connect(folder / "floor.db")
    sqlite.prepare(connection, None)
    connection.execute(f"CREATE TABLE floor ({COLUMNS.format('text')})")

    def insert(rows: list[Row]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO floor VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")

    return insert


def postgres_floor(url: str, _folder: Path) -> Callable[[list[Row]], None]:
    connection = psycopg.connect(url)
    connection.execute(f"CREATE TABLE floor ({COLUMNS.format('bigint')})")
    connection.commit()
    types = ["text", "text", "text", "text", "int4", "int4", "text", "int8"]

    def insert(rows: list[Row]) -> None:
        with connection.cursor() as cursor, cursor.copy("COPY floor FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
        connection.commit()

    return insert
