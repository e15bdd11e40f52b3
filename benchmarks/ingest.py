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
    """Seconds that batches took, side by side. `fresh` took the batches of the last tenth into an empty database."""

    floor: list[float]
    ingest: list[float]
    fresh: list[float]

    def kept(self) -> float:
        """How many of the floor's events a second ingesting keeps, all batches together."""
        return sum(self.floor) / sum(self.ingest)

    def last_tenth(self) -> float:
        """How many of a first tenth's events a second the last tenth keeps: the same events at the same time."""
        return sum(self.fresh) / sum(self.ingest[-len(self.fresh) :])


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
    for kind, bare, against in (
        ("sqlite", sqlite_floor, "SQLite, against a bare executemany"),
        ("postgresql", postgres_floor, "PostgreSQL, against a binary COPY"),
    ):
        with (
            tempfile.TemporaryDirectory() as folder,
            tempfile.TemporaryDirectory() as other,
            database_url(kind, Path(folder)) as url,
            database_url(kind, Path(other)) as fresh,
        ):
            speeds = compared(bare(url, Path(folder)), Taking(url), Taking(fresh))
        middle = median(a / b for a, b in zip(speeds.floor, speeds.ingest, strict=True))
        rate = EVENTS / sum(speeds.ingest)
        yield f"{against:<40} {speeds.kept():5.0%} of its events/s (median batch {middle:.0%}), {rate:,.0f}/s"
        yield f"{'  last tenth, random ids':<40} {speeds.last_tenth():5.0%} of the first tenth's events/s"


class Taking:
    """A tenant of a new database, and its ingester."""

    def __init__(self, url: str) -> None:
        self.database = Database.open(url)
        with self.database.transaction() as work:
            programs.ensure_tenant(work, "t", END)
            publish(work, "t", "program", PROGRAM, END - timedelta(days=30))
        self.ingester = Ingester(self.database, "t")

    def __call__(self, batch: Batch) -> None:
        assert self.ingester.ingest(batch.body, END).accepted == len(batch.rows)


def compared(floor: Callable[[list[Row]], None], taking: Taking, fresh: Taking) -> Speeds:
    """Each batch taken by both, in turns, and of the last tenth each by an empty database too."""
    speeds = Speeds([], [], [])
    sides: list[tuple[list[float], Callable[[Batch], None]]]
    sides = [(speeds.floor, lambda batch: floor(batch.rows)), (speeds.ingest, taking)]
    for number, batch in enumerate(batches(EVENTS)):
        if number * BATCH == EVENTS * 9 // 10:
            sides.append((speeds.fresh, fresh))
        for times, side in sides if number % 2 else reversed(sides):
            gc.collect()  # what making the batch has left
            start = perf_counter()
            side(batch)
            times.append(perf_counter() - start)
    taking.database.close()
    fresh.database.close()
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
