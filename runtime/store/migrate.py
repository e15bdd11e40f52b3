"""Bringing a database to a revision with Alembic, from the scripts that are shipped beside this file.

Each upgrade is one transaction, on both databases: one that fails leaves the revision before it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from runtime.errors import RuntimeProblem

SCRIPTS: Final = Path(__file__).parent / "migrations"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring a database, empty or at any earlier revision, to `revision`."""
    if revision == "head" and current(engine) == newest():
        return
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def current(engine: Engine) -> str | None:
    """The revision that a database is at; `None` for an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The revision of the tables."""
    head = _scripts().get_current_head()
    assert head is not None, "there are migrations"
    return head


def revisions() -> tuple[str, ...]:
    """All revisions, the oldest first."""
    return tuple(reversed([script.revision for script in _scripts().walk_revisions()]))


def require_newest(engine: Engine) -> None:
    """Raise `RuntimeProblem` X0201 for a database at another revision."""
    at = current(engine)
    if at != newest():
        raise RuntimeProblem(
            "X0201",
            f"the database is at revision {at or 'none'}, and this version needs {newest()}",
            "run `pricing db upgrade`",
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
