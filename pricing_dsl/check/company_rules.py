"""The lints of plugins: rules of a company, asked of every program that has no errors of its own.

What a lint finds is a finding like any other (P0201 an error, P0202 a warning) that names the lint and its plugin. A
lint that raises, or returns what is no finding, is reported as a warning (P0203) and keeps nothing from compiling.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pricing_dsl.diagnostics.diagnostic import Diagnostic
from pricing_dsl.ir import nodes as ir
from pricing_dsl.plugin.contract import Finding, Lint
from pricing_dsl.plugin.manager import PluginFailure, Provided, plugins
from pricing_dsl.source import Source, Span


def check_company_rules(program: ir.Program, source: Source) -> tuple[Diagnostic, ...]:
    """The findings of all lints, in the order of their plugins."""
    return tuple(found for lint in plugins().lints for found in _findings(lint, program, source))


def _findings(lint: Provided[Lint], program: ir.Program, source: Source) -> Iterator[Diagnostic]:
    try:
        found: list[Any] = lint.call(_run, lint.value, program, source.text)
    except PluginFailure as failure:
        yield _broken(lint, source, failure.refused.reason, failure.refused.help)
        return
    for finding in found:
        if not _is_in_order(finding, source):
            words = "it returned something else than a `Finding` with a severity, texts and a span of this program"
            yield _broken(lint, source, words, "mend the lint, or leave its plugin out")
            continue
        code = "P0201" if finding.severity == "error" else "P0202"
        yield Diagnostic(
            code, f"{finding.message} (lint `{lint.value.name}` of {lint.who})", finding.span, help=finding.help
        )


def _run(lint: Lint, program: ir.Program, text: str) -> list[Any]:
    return list(lint.check(program, text))


def _is_in_order(finding: object, source: Source) -> bool:
    return (
        isinstance(finding, Finding)
        and finding.severity in ("error", "warning")
        and isinstance(finding.message, str)
        and isinstance(finding.help, str)
        and isinstance(finding.span, Span)
        and 0 <= finding.span.start <= finding.span.end <= len(source.text)
    )


def _broken(lint: Provided[Lint], source: Source, reason: str, mend: str) -> Diagnostic:
    start = len(source.text) - len(source.text.lstrip())
    return Diagnostic(
        "P0203",
        f"the lint `{lint.value.name}` of the plugin {lint.who} does not work: {reason}",
        Span(start, start),
        help=mend,
    )
