"""Ids of events as they came, on SQLite, before they go to their index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "recent_event_ids",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("token", sa.LargeBinary(length=16), nullable=False),
        sa.Column("ids", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run", name=op.f("recent_event_ids_key")),
        sa.UniqueConstraint("token", name=op.f("recent_event_ids_unique_token")),
    )
