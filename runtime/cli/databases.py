"""`pricing db`: the revision of the database."""

from __future__ import annotations

from pricing_dsl.cli import output
from runtime.settings import Settings
from runtime.store import migrate
from runtime.store.database import Database


def upgrade(url: str | None) -> int:
    database = Database.connect(url or Settings().database_url)
    before = migrate.current(database.engine)
    migrate.upgrade(database.engine)
    after = migrate.newest()
    output.say(f"at revision {after} already" if before == after else f"from revision {before or 'none'} to {after}")
    database.close()
    return 0


def status(url: str | None) -> int:
    database = Database.connect(url or Settings().database_url)
    at, newest = migrate.current(database.engine), migrate.newest()
    output.say(f"at revision {at or 'none'}; the newest is {newest}")
    database.close()
    return 0 if at == newest else 1
