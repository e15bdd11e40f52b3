"""Tenants, programs, contracts, usage, statements and the ledger; what is evidence refuses to change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.store.columns import ExactDecimal, UtcInstant

revision = "0001"
down_revision = None

EVIDENCE = ("programs", "statements", "statement_lines", "ledger_entries")


def upgrade() -> None:
    create_tables()
    for table in EVIDENCE:
        refuse_change(table)


def create_tables() -> None:
    op.create_table(
        "event_ids",
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("event_ids_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tenants",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", UtcInstant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("tenants_key")),
    )
    op.create_table(
        "contracts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("program", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcInstant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("contracts_tenant_id_to_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("contracts_key")),
        sa.UniqueConstraint("tenant_id", "customer", "name", name=op.f("contracts_unique_tenant_id_customer_name")),
    )
    op.create_index("contracts_by_program", "contracts", ["tenant_id", "program"], unique=False)
    op.create_table(
        "meters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("since", UtcInstant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("meters_tenant_id_to_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("meters_key")),
        sa.UniqueConstraint("tenant_id", "name", "hash", name=op.f("meters_unique_tenant_id_name_hash")),
    )
    op.create_table(
        "programs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("ir", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("language_version", sa.Integer(), nullable=False),
        sa.Column("plugins", sa.Text(), nullable=False),
        sa.Column("effective_at", UtcInstant(), nullable=False),
        sa.Column("published_at", UtcInstant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("programs_tenant_id_to_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("programs_key")),
        sa.UniqueConstraint("tenant_id", "name", "version", name=op.f("programs_unique_tenant_id_name_version")),
    )
    op.create_table(
        "rejected_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("received_at", UtcInstant(), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("rejected_events_tenant_id_to_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("rejected_events_key")),
    )
    op.create_index("rejected_events_by_time", "rejected_events", ["tenant_id", "received_at"], unique=False)
    op.create_table(
        "program_meters",
        sa.Column("program_id", sa.Integer(), nullable=False),
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["meter_id"], ["meters.id"], name=op.f("program_meters_meter_id_to_meters")),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("program_meters_program_id_to_programs")),
        sa.PrimaryKeyConstraint("program_id", "meter_id", name=op.f("program_meters_key")),
    )
    op.create_table(
        "statements",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("contract_id", sa.Integer(), nullable=False),
        sa.Column("customer", sa.String(length=200), nullable=False),
        sa.Column("period_start", UtcInstant(), nullable=False),
        sa.Column("period_end", UtcInstant(), nullable=False),
        sa.Column("programs", sa.Text(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total", ExactDecimal(), nullable=False),
        sa.Column("due", ExactDecimal(), nullable=False),
        sa.Column("finalised_at", UtcInstant(), nullable=False),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=op.f("statements_contract_id_to_contracts")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("statements_tenant_id_to_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("statements_key")),
        sa.UniqueConstraint("contract_id", "period_start", name=op.f("statements_unique_contract_id_period_start")),
    )
    op.create_index(op.f("statements_by_tenant_id"), "statements", ["tenant_id"], unique=False)
    op.create_table(
        "usage_buckets",
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.Column("customer", sa.String(length=200), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("cell", sa.Text(), nullable=False),
        sa.Column("value", ExactDecimal(), nullable=True),
        sa.Column("state", sa.LargeBinary(), nullable=True),
        sa.Column("last", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["meter_id"], ["meters.id"], name=op.f("usage_buckets_meter_id_to_meters")),
        sa.PrimaryKeyConstraint("meter_id", "customer", "hour", "cell", name=op.f("usage_buckets_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("contract_id", sa.Integer(), nullable=False),
        sa.Column("balance", sa.String(length=200), nullable=False),
        sa.Column("statement_id", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("amount", ExactDecimal(), nullable=False),
        sa.Column("unit", sa.String(length=200), nullable=False),
        sa.Column("line", sa.String(length=200), nullable=True),
        sa.Column("lot_end", UtcInstant(), nullable=True),
        sa.Column("at", UtcInstant(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contracts.id"], name=op.f("ledger_entries_contract_id_to_contracts")
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statements.id"], name=op.f("ledger_entries_statement_id_to_statements")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("ledger_entries_tenant_id_to_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("ledger_entries_key")),
    )
    op.create_index("ledger_entries_by_balance", "ledger_entries", ["contract_id", "balance"], unique=False)
    op.create_table(
        "statement_lines",
        sa.Column("statement_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=True),
        sa.Column("unit", sa.String(length=200), nullable=True),
        sa.Column("amount", ExactDecimal(), nullable=False),
        sa.Column("net", ExactDecimal(), nullable=False),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statements.id"], name=op.f("statement_lines_statement_id_to_statements")
        ),
        sa.PrimaryKeyConstraint("statement_id", "position", name=op.f("statement_lines_key")),
    )


def refuse_change(table: str) -> None:
    """Triggers that refuse every UPDATE and DELETE of a table."""
    if op.get_bind().dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_never_{event.lower()} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} never change'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_never_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} never change'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_never_change()"
    )
