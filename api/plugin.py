"""The server as a plugin: its commands come to `pricing` through the hook that any plugin uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pricing_dsl.plugin import Command, hookimpl

PRICING_API = 1


def _command(name: str) -> Any:
    from api.cli import commands

    return getattr(commands, name)


@hookimpl
def register_commands() -> Sequence[Command]:
    return [
        Command("serve", lambda: _command("serve"), "Serve the HTTP API."),
        Command("keys", lambda: _command("keys"), "Make, list, rotate and revoke keys of the HTTP API."),
    ]
