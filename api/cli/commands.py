"""The commands and their options."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from runtime.cli.commands import DatabaseUrl, Format, Tenant, command
from runtime.cli.store import end

serve = command()


@serve.command()
def serve_api(
    host: Annotated[str | None, typer.Option("--host", help="Where it listens; else PRICING_HOST, 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65_535, help="0 for a free one; else PRICING_PORT, 8420.")
    ] = None,
    database: DatabaseUrl = None,
    log_format: Annotated[
        Literal["console", "json"] | None, typer.Option("--log-format", help="Else PRICING_LOG_FORMAT, console.")
    ] = None,
) -> None:
    """Serve the HTTP API. On its first start it makes a key, and prints how to use it."""
    from api.cli import serving

    end(lambda: serving.run(host, port, database, log_format))


keys = command()


@keys.callback()
def _keys() -> None:
    """Keys of the HTTP API."""


@keys.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    scope: Annotated[list[str], typer.Option("--scope", help="author, ingest, preview, finance or admin; repeat it.")],
    expires: Annotated[str | None, typer.Option("--expires", metavar="DATE", help="When it ends.")] = None,
    per_second: Annotated[
        int | None, typer.Option("--per-second", min=1, max=1_000_000, help="Requests it may send a second.")
    ] = None,
    database: DatabaseUrl = None,
    tenant: Tenant = None,
) -> None:
    """Make a key. Its token is printed this once."""
    from api.cli import key_ring

    end(lambda: key_ring.create(name, scope, expires, per_second, database, tenant))


@keys.command("list")
def list_keys(format_: Format = "text", database: DatabaseUrl = None, tenant: Tenant = None) -> None:
    """List the keys of a tenant: what they may do, when they end, when they were last used."""
    from api.cli import key_ring

    end(lambda: key_ring.show(format_, database, tenant))


@keys.command("rotate")
def rotate(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="A key.")],
    grace_hours: Annotated[
        int, typer.Option("--grace-hours", min=0, max=720, help="How long the old secret goes on.")
    ] = 24,
    database: DatabaseUrl = None,
    tenant: Tenant = None,
) -> None:
    """Give a key a new secret."""
    from api.cli import key_ring

    end(lambda: key_ring.rotate(key_id, grace_hours, database, tenant))


@keys.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="A key.")],
    database: DatabaseUrl = None,
    tenant: Tenant = None,
) -> None:
    """End a key."""
    from api.cli import key_ring

    end(lambda: key_ring.revoke(key_id, database, tenant))
