"""Migrations: from empty and from every revision to the tables, on both databases; evidence refuses to change."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from runtime.errors import RuntimeProblem
from runtime.store import migrate
from runtime.store.database import Database
from runtime.store.tables import METADATA, Contract, LedgerEntry, Program, Statement, StatementLine, Tenant

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("earlier", [None, *migrate.revisions()])
def test_every_revision_comes_to_the_tables(url: str, earlier: str | None) -> None:
    database = Database.connect(url)
    assert migrate.current(database.engine) is None
    if earlier is not None:
        migrate.upgrade(database.engine, earlier)
        assert migrate.current(database.engine) == earlier
    migrate.upgrade(database.engine)
    assert migrate.current(database.engine) == migrate.newest()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    database.close()


def test_a_table_that_is_missing_would_be_found(url: str) -> None:
    database = Database.open(url)
    with database.engine.connect() as connection:
        connection.execute(text("DROP TABLE rejected_events"))
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA)[0][0] == "add_table"
    database.close()


def test_another_revision_is_an_error_that_says_what_to_run(url: str) -> None:
    with pytest.raises(RuntimeProblem, match=r"X0201: .* at revision none, .* \(run `pricing db upgrade`\)"):
        Database.open(url, upgrade=False)


EVIDENCE = (
    Program(
        id=1, tenant_id="t", name="p", version=1, source="", files="{}", ir="{}", hash="h", language_version=1,
        plugins="{}", effective_at=NOW, published_at=NOW,
    ),
    Statement(
        id="s", tenant_id="t", contract_id=1, customer="c", period_start=NOW, period_end=NOW, programs="[]",
        inputs="{}", document="{}", currency="USD", total=Decimal(1), due=Decimal(1), finalised_at=NOW,
    ),
    StatementLine(statement_id="s", position=1, line="x", kind="charge", amount=Decimal(1), net=Decimal(1)),
    LedgerEntry(
        id=1, tenant_id="t", contract_id=1, balance="b", kind="grant", amount=Decimal(1), unit="USD", at=NOW
    ),
)  # fmt: skip


@pytest.mark.parametrize("row", EVIDENCE, ids=lambda row: str(row.__tablename__))
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_evidence_refuses_to_change(database: Database, row: object, change: str) -> None:
    with database.transaction() as work:
        work.session.add(Tenant(id="t", name="t", created_at=NOW))
        work.session.flush()
        work.session.add(Contract(id=1, tenant_id="t", customer="c", name="c", program="p", created_at=NOW))
        work.session.flush()
        for needed in EVIDENCE:
            work.session.add(type(needed)(**needed.model_dump()))
            work.session.flush()
    table = str(type(row).__tablename__)  # type: ignore[attr-defined]
    column = METADATA.tables[table].primary_key.columns.values()[0].name
    with pytest.raises(DBAPIError, match=f"{table} never change"), database.transaction() as work:
        work.connection.execute(text(change.format(table, column, column)))
