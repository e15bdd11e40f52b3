"""Diagnostics as JSON: a list of plain objects, stable, for editors and scripts.

Each object has `code`, `severity` ("error" or "warning"), `message`, `file`, `start` and `end` (`line` and `column`
from 1, `offset` from 0, all in characters; `end` is the first place after the range), `label`, `labels` (`message`,
`start`, `end`), `help` (empty when there is none) and `url`, the page that explains the code.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pricing_dsl.diagnostics.codes import page
from pricing_dsl.diagnostics.diagnostic import Diagnostic
from pricing_dsl.source import Source, Span

Json = dict[str, Any]


def to_objects(source: Source, diagnostics: Iterable[Diagnostic]) -> list[Json]:
    """One object per finding, in the order given."""
    return [_object(source, diagnostic) for diagnostic in diagnostics]


def _object(source: Source, diagnostic: Diagnostic) -> Json:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": source.name,
        **_range(source, diagnostic.span),
        "label": diagnostic.label,
        "labels": [{"message": label.text, **_range(source, label.span)} for label in diagnostic.labels],
        "help": diagnostic.help,
        "url": page(diagnostic.code),
    }


def _range(source: Source, span: Span) -> Json:
    return {"start": _place(source, span.start), "end": _place(source, span.end)}


def _place(source: Source, offset: int) -> Json:
    at = source.position(offset)
    return {"line": at.line, "column": at.column, "offset": offset}
