"""One database, SQLite or PostgreSQL, and the transactions that work is done in.

`transaction()` writes: it commits once, at its end, or not at all. `reading()` sees one snapshot. `run()` begins a
transaction anew where another one stood in its way. On SQLite a writer takes the lock when it begins (BEGIN IMMEDIATE),
so that nothing it has read can change under it, and a commit is on the disk when it returns (synchronous FULL).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, create_engine

from runtime.errors import RuntimeProblem
from runtime.limits import TRANSACTION_TRIES_MAX
from runtime.store import migrate, sqlite

Result = TypeVar("Result")
Dialect = Literal["sqlite", "postgresql"]

READING: Final = "pricing_reading"
IN_THE_WAY: Final = ("40001", "40P01", "55P03")
"""SQLSTATE of a serialization failure, a deadlock, and a lock that is not available."""
FIRST_PAUSE_S: Final = 0.005


class Work:
    """One transaction: `session` for rows as objects, `connection` for statements, `driver` for bulk."""

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self.connection = connection
        self.dialect: Dialect = dialect
        self.session = Session(bind=connection, autoflush=False, expire_on_commit=False)

    @property
    def driver(self) -> Any:
        """The driver's own connection: `sqlite3.Connection` or `psycopg.Connection`."""
        return self.connection.connection.driver_connection


class Database:
    """A store. Made by `open`; thread-safe, as its pool is. `close` gives its connections back."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect: Dialect = "postgresql" if engine.dialect.name == "postgresql" else "sqlite"

    @classmethod
    def open(cls, url: str, *, upgrade: bool = True) -> Database:
        """The database at `sqlite:///FILE`, `sqlite://` (in memory, for tests) or `postgresql://...`.

        `upgrade` brings it to the newest revision; without, another revision is an error.

        Raises `RuntimeProblem`: X0201 another revision, X0202 not reachable or no such kind of database.
        """
        database = cls.connect(url)
        try:
            if upgrade:
                migrate.upgrade(database.engine)
            else:
                migrate.require_newest(database.engine)
        except RuntimeProblem:
            database.close()
            raise
        except OperationalError as error:
            database.close()
            raise RuntimeProblem(
                "X0202", f"the database cannot be reached: {_first_line(error)}", "see PRICING_DATABASE_URL"
            ) from None
        return database

    @classmethod
    def connect(cls, url: str) -> Database:
        """The database at whatever revision it is, which only `migrate` may work on."""
        return cls(_engine(_url(url)))

    @contextmanager
    def transaction(self) -> Iterator[Work]:
        """A transaction that writes: committed at the end of the block, rolled back where the block raises."""
        with self.engine.connect() as connection, connection.begin():
            work = Work(connection, self.dialect)
            with work.session:
                yield work
                work.session.flush()

    @contextmanager
    def reading(self) -> Iterator[Work]:
        """A transaction that sees one snapshot and writes nothing."""
        options: dict[str, Any] = {READING: True}
        if self.dialect == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            work = Work(connection, self.dialect)
            with work.session:
                yield work

    def run(self, work: Callable[[Work], Result]) -> Result:
        """`work` in a transaction, begun anew where another one stood in its way: it may run several times."""
        pause = FIRST_PAUSE_S
        for attempt in range(1, TRANSACTION_TRIES_MAX + 1):
            try:
                with self.transaction() as transaction:
                    return work(transaction)
            except (DBAPIError, psycopg.Error) as error:
                if attempt == TRANSACTION_TRIES_MAX or not is_in_the_way(error):
                    raise
            time.sleep(pause * (1 + random.random()))
            pause *= 2
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        self.engine.dispose()


def is_in_the_way(error: DBAPIError | psycopg.Error) -> bool:
    """Whether a transaction failed only because of another one. Bulk paths raise the driver's own errors."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) in IN_THE_WAY or "database is locked" in str(cause)


def _url(url: str) -> URL:
    made = make_url(url)
    match made.get_backend_name():
        case "sqlite":
            return made
        case "postgresql":
            return made.set(drivername="postgresql+psycopg")
        case other:
            raise RuntimeProblem(
                "X0202", f"`{other}` is no database that is known here", "give sqlite:///FILE or postgresql://..."
            )


def _engine(url: URL) -> Engine:
    """Errors of this engine name no values: they go to logs."""
    if url.get_backend_name() == "postgresql":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    in_memory = url.database in (None, "", ":memory:")
    options: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {}
    engine = create_engine(url, connect_args={"check_same_thread": False}, hide_parameters=True, **options)
    event.listen(engine, "connect", sqlite.prepare)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get(READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", error)).strip().splitlines()[0]
