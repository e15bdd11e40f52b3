"""A lint, importers, an exporter and a command that break what a host needs of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter_ns
from typing import Any

from pricing_dsl.ir import nodes as ir
from pricing_dsl.plugin import Command, Exporter, Finding, Imported, Importer, Lint, hookimpl
from pricing_dsl.source import Span

PRICING_API = 1
__version__ = "0.1"


def outside(program: ir.Program, text: str) -> Iterable[Finding]:
    if program.plans:
        yield Finding("warning", Span(0, len(text) + 1), "This program has a plan.", "Write none.")


def trusting(data: bytes) -> Imported:
    return Imported(json.loads(data)["program"])


def returns_text(data: bytes) -> Any:
    return data.decode("latin-1")


def refuses(data: bytes) -> Imported:
    raise ValueError(f"these {len(data)} bytes are no prices")


def stamped(statements: Sequence[Mapping[str, Any]], form: str) -> bytes:
    return f"{form} {len(statements)} {perf_counter_ns()}".encode()


@hookimpl
def register_lints() -> Sequence[Lint]:
    return [Lint("outside", outside, "Finds fault outside of the program.")]


@hookimpl
def register_importers() -> Sequence[Importer]:
    return [
        Importer("trusting", (".json",), trusting, "Believes every file."),
        Importer("returns-text", (".json",), returns_text, "Returns no `Imported`."),
        Importer("refuses", (".json",), refuses, "Refuses with a sentence, as it should."),
    ]


@hookimpl
def register_exporters() -> Sequence[Exporter]:
    return [Exporter("stamped", ("csv",), stamped, "Writes the time of writing.")]


@hookimpl
def register_commands() -> Sequence[Command]:
    return [Command("nothing", lambda: None, "Loads no app.")]
