"""What a stage says about a program: one sentence, the exact place, where each side came from, what to write.

A `Diagnostic` is data. Which codes exist is in `codes`; how it looks is decided by the renderers (`text`, `json`,
`sarif`, `github`). Stages collect diagnostics and return them; only the edges raise `ProgramError`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pricing_dsl.source import Source, Span

Severity = Literal["error", "warning"]

PLUGIN_WARNINGS = frozenset({"P0202", "P0203"})
"""Findings about plugins, and of their lints, that keep nothing from compiling."""


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that explains the first: `tokens` is declared in `token` here."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `label` is the short text under the carets; `help` says what to write instead."""

    code: str
    message: str
    span: Span
    label: str = ""
    labels: tuple[Label, ...] = ()
    help: str = ""

    @property
    def severity(self) -> Severity:
        """Codes that start with W are warnings, and those of plugins that say so; all others are errors."""
        return "warning" if self.code.startswith("W") or self.code in PLUGIN_WARNINGS else "error"


def in_source_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The order in which people read them, otherwise as they were found; equal ones at one place are said once."""
    unique = dict.fromkeys(diagnostics)
    return tuple(sorted(unique, key=lambda d: (d.span.start, d.span.end)))


class ProgramError(Exception):
    """A program that does not compile. `diagnostics` are all findings, warnings included, in source order."""

    def __init__(self, source: Source, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.source = source
        self.diagnostics = diagnostics
        errors = [d for d in diagnostics if d.severity == "error"]
        first = errors[0]
        at = source.position(first.span.start)
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{source.name}:{at.line}:{at.column}: {first.code}: {first.message}{more}")
