"""Transactions on both databases: all or nothing, one snapshot for a reader, and begun anew when one is in the way."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from runtime.errors import RuntimeProblem
from runtime.store.database import Database, Work
from runtime.store.tables import Tenant

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def tenant(name: str) -> Tenant:
    return Tenant(id=name, name=name, created_at=NOW)


def names(database: Database) -> list[str]:
    with database.reading() as work:
        return list(work.session.exec(select(Tenant.id).order_by(col(Tenant.id))))


def test_a_transaction_commits_once_at_its_end(database: Database) -> None:
    with database.transaction() as work:
        work.session.add(tenant("a"))
        work.session.flush()
        assert names(database) == []
        work.session.add(tenant("b"))
    assert names(database) == ["a", "b"]


def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    def work(transaction: Work) -> None:
        transaction.session.add(tenant("a"))
        transaction.session.flush()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.run(work)
    assert names(database) == []


def test_a_reader_sees_one_snapshot(database: Database) -> None:
    with database.reading() as work:
        assert list(work.session.exec(select(Tenant.id))) == []
        with database.transaction() as other:
            other.session.add(tenant("a"))
        assert list(work.session.exec(select(Tenant.id))) == []
    assert names(database) == ["a"]


def test_writers_that_meet_are_begun_anew_and_lose_nothing(database: Database) -> None:
    """Two rows updated in opposite orders: on PostgreSQL a deadlock, on SQLite a wait."""
    with database.transaction() as work:
        work.session.add(Tenant(id="a", name="0", created_at=NOW))
        work.session.add(Tenant(id="b", name="0", created_at=NOW))
    meet = threading.Barrier(2, timeout=20)
    attempts: list[str] = []

    def add_one(first: str, second: str) -> None:
        def work(transaction: Work) -> None:
            attempts.append(first)
            for key in (first, second):
                number = "CAST(CAST(name AS INTEGER) + 1 AS TEXT)"
                transaction.connection.execute(text(f"UPDATE tenants SET name = {number} WHERE id = :id"), {"id": key})
                if key == first and len(attempts) <= 2 and database.dialect == "postgresql":
                    meet.wait()

        database.run(work)

    threads = [threading.Thread(target=add_one, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as work:
        assert [row.name for row in work.session.exec(select(Tenant))] == ["2", "2"]
    assert len(attempts) == (3 if database.dialect == "postgresql" else 2)


def test_other_errors_are_not_tried_again(database: Database) -> None:
    attempts = []

    def work(transaction: Work) -> None:
        attempts.append(1)
        transaction.connection.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(Exception, match="nowhere"):
        database.run(work)
    assert attempts == [1]


def test_sqlite_is_durable_when_it_answers(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'pricing.db'}")
    with database.transaction() as work:
        pragmas = {
            name: work.connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("synchronous", "journal_mode", "foreign_keys")
        }
    assert pragmas == {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1}
    database.close()


def test_databases_of_other_kinds_and_out_of_reach(tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem, match="X0202: `mysql` is no database"):
        Database.open("mysql://somewhere/pricing")
    with pytest.raises(RuntimeProblem, match="X0202: the database cannot be reached"):
        Database.open(f"sqlite:///{tmp_path}/no/such/folder/pricing.db")
