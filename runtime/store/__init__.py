"""The store: SQLModel tables, the types that keep decimals and instants exact, units of work, Alembic migrations."""
