"""`pricing serve`: the HTTP API in this process, until it is told to end."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from types import FrameType

import uvicorn
from pydantic import ValidationError
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

WAITING_CONNECTIONS = 2_048
"""Connections that may wait to be taken."""


def run(host: str | None, port: int | None, url: str | None, log_format: str | None) -> int:
    """Serve until SIGTERM or SIGINT; then finish what was accepted, and end with 0."""
    settings = settings_of({"host": host, "port": port, "database_url": url, "log_format": log_format})
    configure(settings.log_format, settings.log_level)
    with listening(settings.host, settings.port) as listener:
        database = Database.open(settings.database_url)
        at = address_of(settings.host, listener)
        output.say(f"pricing is at {at}, its documentation at {at}/docs, its store at {shown(database)}")
        say_keys(database, settings, at)
        sys.stdout.flush()
        serve(Pricing(settings, database), listener)
    return 0


def settings_of(given: dict[str, str | int | None]) -> ServerSettings:
    """What the call says, else the environment. Raises `CallError` for a setting that cannot be."""
    try:
        return ServerSettings.model_validate(
            {**ServerSettings().model_dump(), **{name: value for name, value in given.items() if value is not None}}
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise CallError(
            f"PRICING_{name.upper()} cannot be `{first['input']}`: {first['msg']}", "see docs/api/settings.md"
        ) from None


# --- keys ------------------------------------------------------------------------------------------------------------


def say_keys(database: Database, settings: ServerSettings, at: str) -> None:
    """Make the first key of a tenant that has none, and say how to use it; else how to make another."""
    with database.transaction() as work:
        programs.ensure_tenant(work, settings.tenant, now())
        if keys_of(work, settings.tenant):
            output.say(f"The tenant `{settings.tenant}` has keys; `pricing keys create` makes another.")
            return
        if not settings.first_key:
            output.say(f"The tenant `{settings.tenant}` has no key; `pricing keys create` makes one.")
            return
        token = create_key(work, settings.tenant, "first", ["admin"], now())[1]
    output.say(
        f"The tenant `{settings.tenant}` has its first key, which may do everything. It is shown this once:\n"
        f"  {token}\n"
        "Try it:\n"
        f"  curl {at}/v1/programs/check -H 'Authorization: Bearer {token}' \\\n"
        "    -H 'Content-Type: application/json' -d '{\"source\": \"currency USD\"}'"
    )


def shown(database: Database) -> str:
    """Where the store is, without its password."""
    return str(database.engine.url.render_as_string(hide_password=True))


# --- the server ------------------------------------------------------------------------------------------------------


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that its port is known before anything is said. Raises `CallError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CallError(f"cannot listen at {host}:{port}: {error.strerror}", "give another --host or --port") from None
    listener.listen(WAITING_CONNECTIONS)
    return listener


def address_of(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Serve an application until a signal says to end."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # uvicorn takes them, and raises them again when it has ended
    gc.collect()
    gc.freeze()  # what is there now stays: it is not gone through again and again
    Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    ).run(sockets=[listener])


class Server(uvicorn.Server):
    """uvicorn, which tells the application at once that it is to end: what only watches must not hold it up."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if isinstance(self.config.app, Pricing):
            self.config.app.edge.stop()
        super().handle_exit(sig, frame)
