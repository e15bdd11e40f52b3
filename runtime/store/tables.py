"""The tables. Names, units and what may change; `migrations/` brings a database to them.

What is finance's evidence never changes once written: programs, statements, their lines, ledger entries (triggers
refuse UPDATE and DELETE, so that no code path can). Hours are whole hours since 1970 in UTC; JSON is canonical text,
so that it can be compared; amounts are exact decimals in the currency's units.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Column, Index, LargeBinary, MetaData, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from runtime.store.columns import ExactDecimal, UtcInstant

METADATA = MetaData(
    naming_convention={
        "ix": "%(table_name)s_by_%(column_0_N_name)s",
        "uq": "%(table_name)s_unique_%(column_0_N_name)s",
        "fk": "%(table_name)s_%(column_0_N_name)s_to_%(referred_table_name)s",
        "pk": "%(table_name)s_key",
    }
)


class Row(SQLModel):
    """What every table is: kept apart from the tables of a host that uses SQLModel too."""

    metadata = METADATA


class Tenant(Row, table=True):
    """Whose data it is: every other row belongs to one tenant, and no query crosses tenants."""

    __tablename__ = "tenants"

    id: str = Field(primary_key=True, max_length=64)
    name: str
    created_at: datetime = Field(sa_type=UtcInstant)


# --- programs and contracts ------------------------------------------------------------------------------------------


class Program(Row, table=True):
    """One immutable version of a program: its text, its data files, and what it was compiled to.

    `effective_at`: from when contracts that follow the latest version are priced by it; a price change inside a period
    cuts the period there. `hash` is the content hash of the IR, `files` the data files it reads, name -> text.
    """

    __tablename__ = "programs"
    __table_args__ = (UniqueConstraint("tenant_id", "name", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    tenant_id: str = Field(foreign_key="tenants.id", max_length=64)
    name: str = Field(max_length=200)
    version: int
    source: str = Field(sa_type=Text)
    files: str = Field(sa_type=Text)
    ir: str = Field(sa_type=Text)
    hash: str = Field(max_length=64)
    language_version: int
    plugins: str = Field(sa_type=Text)
    """The plugins it was compiled with, name -> version."""
    effective_at: datetime = Field(sa_type=UtcInstant)
    published_at: datetime = Field(sa_type=UtcInstant)


class Contract(Row, table=True):
    """A contract of a program bound to a customer: to one version of the program, or (`None`) to the latest."""

    __tablename__ = "contracts"
    __table_args__ = (
        UniqueConstraint("tenant_id", "customer", "name"),
        Index("contracts_by_program", "tenant_id", "program"),
    )

    id: int | None = Field(default=None, primary_key=True)
    tenant_id: str = Field(foreign_key="tenants.id", max_length=64)
    customer: str = Field(max_length=200)
    name: str = Field(max_length=200)
    """The name of the contract in the program."""
    program: str = Field(max_length=200)
    version: int | None = None
    created_at: datetime = Field(sa_type=UtcInstant)


# --- metering --------------------------------------------------------------------------------------------------------


class Meter(Row, table=True):
    """One definition of a meter. Programs whose definitions of a meter are the same share its aggregates.

    `hash` is that of the meter's IR and of the tables it reads; usage is known `since` its first publication.
    """

    __tablename__ = "meters"
    __table_args__ = (UniqueConstraint("tenant_id", "name", "hash"),)

    id: int | None = Field(default=None, primary_key=True)
    tenant_id: str = Field(foreign_key="tenants.id", max_length=64)
    name: str = Field(max_length=200)
    hash: str = Field(max_length=64)
    definition: str = Field(sa_type=Text)
    """The IR of a program of this meter and its tables alone."""
    since: datetime = Field(sa_type=UtcInstant)


class ProgramMeter(Row, table=True):
    """Which definitions a program version reads."""

    __tablename__ = "program_meters"

    program_id: int = Field(foreign_key="programs.id", primary_key=True)
    meter_id: int = Field(foreign_key="meters.id", primary_key=True)


class UsageBucket(Row, table=True):
    """What one customer used of one meter in one hour, by dimension values: a mergeable aggregate.

    `cell` are the dimension values as a JSON list, in the order of the meter's dimensions. Aggregations that are one
    number which SQL can merge (sum, count, max, min) keep it in `value`; all others keep their encoded `state`. A
    `carried` meter keeps the hour's last value and its event in `last`: `[time in microseconds, event id, value]`.
    """

    __tablename__ = "usage_buckets"
    __table_args__ = ({"sqlite_with_rowid": False},)

    meter_id: int = Field(foreign_key="meters.id", primary_key=True)
    customer: str = Field(primary_key=True, max_length=200)
    hour: int = Field(primary_key=True)
    cell: str = Field(sa_column=Column(Text, primary_key=True))
    value: Decimal | None = Field(default=None, sa_type=ExactDecimal)
    state: bytes | None = Field(default=None, sa_type=LargeBinary)
    last: str | None = Field(default=None, sa_type=Text)


class EventId(Row, table=True):
    """An event that was accepted: `key` is the 16-byte BLAKE2b of tenant, source and id; kept for the dedup window.

    `hour` is that of the event's time: an event older than the window is refused, so its id may be forgotten.
    """

    __tablename__ = "event_ids"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key: bytes = Field(sa_column=Column(LargeBinary(16), primary_key=True))
    hour: int


class RecentEventIds(Row, table=True):
    """On SQLite, ids of one batch that are not in `event_ids` yet: 16 bytes of key and 4 of the hour each.

    `token` is the 16-byte BLAKE2b of `ids`. On PostgreSQL there are none.
    """

    __tablename__ = "recent_event_ids"

    run: int | None = Field(default=None, primary_key=True)
    token: bytes = Field(sa_column=Column(LargeBinary(16), nullable=False, unique=True))
    ids: bytes = Field(sa_type=LargeBinary)


class RejectedEvent(Row, table=True):
    """An event that was not taken, whole, with the reason. Mended, it may be sent again under its id (rule 6)."""

    __tablename__ = "rejected_events"
    __table_args__ = (Index("rejected_events_by_time", "tenant_id", "received_at"),)

    id: int | None = Field(default=None, primary_key=True)
    tenant_id: str = Field(foreign_key="tenants.id", max_length=64)
    received_at: datetime = Field(sa_type=UtcInstant)
    code: str = Field(max_length=8)
    reason: str = Field(sa_type=Text)
    event: str = Field(sa_type=Text)


# --- statements and the ledger ---------------------------------------------------------------------------------------


class Statement(Row, table=True):
    """A finalised statement, with everything that is needed to compute it again: it never changes.

    `programs` are the ids of the program versions that priced it, with the instants they begin at; `inputs` are the
    usage, opening balances, counters and corrections it was computed from; `document` is `Statement.to_dict()`.
    """

    __tablename__ = "statements"
    __table_args__ = (UniqueConstraint("contract_id", "period_start"),)

    id: str = Field(primary_key=True, max_length=64)
    tenant_id: str = Field(foreign_key="tenants.id", max_length=64, index=True)
    contract_id: int = Field(foreign_key="contracts.id")
    customer: str = Field(max_length=200)
    period_start: datetime = Field(sa_type=UtcInstant)
    period_end: datetime = Field(sa_type=UtcInstant)
    programs: str = Field(sa_type=Text)
    inputs: str = Field(sa_type=Text)
    document: str = Field(sa_type=Text)
    currency: str = Field(max_length=3)
    total: Decimal = Field(sa_type=ExactDecimal)
    due: Decimal = Field(sa_type=ExactDecimal)
    finalised_at: datetime = Field(sa_type=UtcInstant)


class StatementLine(Row, table=True):
    """One line or adjustment row of a finalised statement, for queries; the statement's document says the same."""

    __tablename__ = "statement_lines"

    statement_id: str = Field(foreign_key="statements.id", primary_key=True, max_length=64)
    position: int = Field(primary_key=True)
    line: str = Field(max_length=200)
    kind: str = Field(max_length=40)
    quantity: str | None = Field(default=None, sa_type=Text)
    """Exact: a decimal, or `n/d` where it has no end."""
    unit: str | None = Field(default=None, max_length=200)
    amount: Decimal = Field(sa_type=ExactDecimal)
    net: Decimal = Field(sa_type=ExactDecimal)


class LedgerEntry(Row, table=True):
    """One movement of a balance. A balance is the sum of its entries: nothing is ever changed or taken out.

    `kind`: grant, draw, expiry, rollover (two entries that cancel: out of a lot and into the next), adjustment.
    `amount` is signed, in `unit` (a currency or a unit's name); `lot_end` is the end of the lot it moves.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (Index("ledger_entries_by_balance", "contract_id", "balance"),)

    id: int | None = Field(default=None, primary_key=True)
    tenant_id: str = Field(foreign_key="tenants.id", max_length=64)
    contract_id: int = Field(foreign_key="contracts.id")
    balance: str = Field(max_length=200)
    statement_id: str | None = Field(default=None, foreign_key="statements.id", max_length=64)
    kind: str = Field(max_length=20)
    amount: Decimal = Field(sa_type=ExactDecimal)
    unit: str = Field(max_length=200)
    line: str | None = Field(default=None, max_length=200)
    lot_end: datetime | None = Field(default=None, sa_type=UtcInstant)
    at: datetime = Field(sa_type=UtcInstant)
    note: str | None = Field(default=None, sa_type=Text)


# --- the API ---------------------------------------------------------------------------------------------------------


class ApiKey(Row, table=True):
    """A key of the API: `id.secret`, of which only a hash of the secret is kept.

    `scopes` is a JSON list. A rotated key goes on taking its last secret until `previous_until`.
    """

    __tablename__ = "api_keys"

    id: str = Field(primary_key=True, max_length=32)
    tenant_id: str = Field(foreign_key="tenants.id", max_length=64, index=True)
    name: str = Field(max_length=200)
    scopes: str = Field(sa_type=Text)
    secret_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    previous_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), nullable=True))
    previous_until: datetime | None = Field(default=None, sa_type=UtcInstant)
    requests_per_second: int | None = None
    created_at: datetime = Field(sa_type=UtcInstant)
    expires_at: datetime | None = Field(default=None, sa_type=UtcInstant)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcInstant)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcInstant)


class Idempotency(Row, table=True):
    """The answer to a request with an Idempotency-Key, written in the transaction of its effect.

    `request` is the hash of method, path and body: the same key for another request is refused.
    """

    __tablename__ = "idempotency"
    __table_args__ = (Index("idempotency_by_time", "created_at"),)

    tenant_id: str = Field(primary_key=True, foreign_key="tenants.id", max_length=64)
    key: str = Field(primary_key=True, max_length=200)
    request: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    status: int
    headers: str = Field(sa_type=Text)
    body: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=UtcInstant)


class Job(Row, table=True):
    """Work that takes longer than a request: a backtest, many statements finalised. It survives a restart.

    `state`: waiting, running, done, failed, cancelled. `request` is what was asked for, `done` of `total` its progress.
    """

    __tablename__ = "jobs"

    id: str = Field(primary_key=True, max_length=32)
    tenant_id: str = Field(foreign_key="tenants.id", max_length=64, index=True)
    kind: str = Field(max_length=40)
    state: str = Field(max_length=20)
    request: str = Field(sa_type=Text)
    done: int
    total: int
    problem: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=UtcInstant)
    updated_at: datetime = Field(sa_type=UtcInstant)
    """A running job's owner moves it on; one that has stood still is taken over."""


class JobResult(Row, table=True):
    """One piece of what a job found, in order."""

    __tablename__ = "job_results"

    job_id: str = Field(foreign_key="jobs.id", primary_key=True, max_length=32)
    position: int = Field(primary_key=True)
    document: str = Field(sa_type=Text)
