"""`pricing serve`: the HTTP API in this process."""

from __future__ import annotations

import socket
import sys

import uvicorn
from starlette.types import ASGIApp

from api.app import DRAIN_SECONDS, Pricing
from api.auth import create_key, keys_of
from api.logs import configure
from api.settings import ServerSettings
from pricing_dsl.cli import output
from pricing_dsl.cli.files import CallError
from runtime.cli.store import now
from runtime.store.database import Database
from runtime.store.repositories import programs


def run(host: str | None, port: int | None, url: str | None, log_format: str | None) -> int:
    settings = ServerSettings()
    given = {"host": host, "port": port, "database_url": url, "log_format": log_format}
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    configure(settings.log_format, settings.log_level)
    database = Database.open(settings.database_url)
    token = first_key(database, settings.tenant)
    with listening(settings.host, settings.port) as listener:
        at = f"http://{settings.host}:{listener.getsockname()[1]}"
        output.say(f"pricing is at {at}, its document at {at}/docs, its store at {settings.database_url}")
        if token is not None:
            output.say(
                f"The tenant `{settings.tenant}` has its first key, which may do everything. It is shown this once:\n"
                f"  {token}\n"
                "Try it:\n"
                f"  curl {at}/v1/programs/check -H 'Authorization: Bearer {token}' \\\n"
                "    -H 'Content-Type: application/json' -d '{\"source\": \"currency USD\"}'"
            )
        sys.stdout.flush()
        uvicorn.Server(configured(Pricing(settings, database))).run(sockets=[listener])
    return 0


def configured(app: ASGIApp) -> uvicorn.Config:
    """How uvicorn serves: the application writes the log and the headers, and finishes what it has accepted."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def first_key(database: Database, tenant: str) -> str | None:
    """A key for a tenant that has none: its token."""
    with database.transaction() as work:
        programs.ensure_tenant(work, tenant, now())
        if keys_of(work, tenant):
            return None
        return create_key(work, tenant, "first", ["admin"], now())[1]


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that its port is known before anything is said."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CallError(f"cannot listen at {host}:{port}: {error.strerror}", "give another --port") from None
    listener.listen(2_048)
    return listener
