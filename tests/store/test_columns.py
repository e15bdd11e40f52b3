"""What is stored comes back as it was: decimals digit by digit, instants as the same instant, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text
from sqlalchemy.exc import StatementError

from runtime.store.columns import ExactDecimal, UtcInstant
from runtime.store.database import Database

KEPT = Table(
    "kept",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("amount", ExactDecimal),
    Column("at", UtcInstant),
)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40, places=20)
INSTANTS = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - the zone is drawn apart
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.builds(lambda hours: timezone(timedelta(hours=hours)), st.integers(-12, 12)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(amount=DECIMALS, at=INSTANTS)
def test_decimals_and_instants_come_back_as_they_were(database: Database, amount: Decimal, at: datetime) -> None:
    with database.engine.connect() as connection, connection.begin() as transaction:
        KEPT.create(connection)
        connection.execute(insert(KEPT).values(id=1, amount=amount, at=at))
        kept = connection.execute(select(KEPT.c.amount, KEPT.c.at)).one()
        transaction.rollback()
    assert (f"{kept.amount:f}", kept.at) == (f"{amount:f}", at)
    assert kept.at.tzinfo is UTC


def test_decimals_of_sqlite_are_its_text(tmp_path: object) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/exact.db")
    with database.transaction() as work:
        KEPT.create(work.connection)
        work.connection.execute(insert(KEPT).values(id=1, amount=Decimal("0.10")))
        assert work.connection.execute(text("SELECT amount, typeof(amount) FROM kept")).one() == ("0.10", "text")
    database.close()


@pytest.mark.parametrize("amount", [0.1, 1, Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_exact_decimal_is_refused(database: Database, amount: object) -> None:
    with database.engine.connect() as connection:
        KEPT.create(connection)
        with pytest.raises(StatementError, match="finite decimals"):
            connection.execute(insert(KEPT).values(id=1, amount=amount))


def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    with database.engine.connect() as connection:
        KEPT.create(connection)
        with pytest.raises(StatementError, match="has a time zone"):
            connection.execute(insert(KEPT).values(id=1, at=datetime(2026, 3, 1)))  # noqa: DTZ001
