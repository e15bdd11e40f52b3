"""Answers by idempotency key, found by their age: old ones are forgotten."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_index("idempotency_by_time", "idempotency", ["created_at"], unique=False)
