"""The runtime as a plugin: its commands come to `pricing` through the hook that any plugin uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pricing_dsl.plugin import Command, hookimpl

PRICING_API = 1


def _command(name: str) -> Any:
    from runtime.cli import commands

    return getattr(commands, name)


@hookimpl
def register_commands() -> Sequence[Command]:
    return [
        Command("program", lambda: _command("program"), "Publish programs; every version stays."),
        Command("contract", lambda: _command("contract"), "Bind contracts to customers."),
        Command("ingest", lambda: _command("ingest"), "Take in usage events."),
        Command("rate", lambda: _command("rate"), "Price what a customer has used, and finalise it."),
        Command("statement", lambda: _command("statement"), "Show finalised statements."),
        Command("balances", lambda: _command("balances"), "Show balances with their ledger."),
        Command("replay", lambda: _command("replay"), "Compute a finalised statement again."),
        Command("audit", lambda: _command("audit"), "Check all that is finalised."),
        Command("backtest", lambda: _command("backtest"), "Price stored usage by two programs."),
        Command("db", lambda: _command("db"), "Upgrade the database."),
    ]
