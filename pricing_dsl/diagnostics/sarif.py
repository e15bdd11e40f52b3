"""Diagnostics as SARIF 2.1.0, the exchange format of code scanning (OASIS standard).

One log with one run for all programs that were checked. A finding is a result with its region in characters
(`columnKind` is `unicodeCodePoints`); its labels are related locations; every code that occurs is a rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from pricing_dsl.diagnostics.codes import page, title
from pricing_dsl.diagnostics.diagnostic import Diagnostic
from pricing_dsl.source import Source, Span

Json = dict[str, Any]

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def to_log(findings: Iterable[tuple[Source, Sequence[Diagnostic]]], version: str) -> Json:
    """The log of one check of several programs. `version` is that of the tool."""
    found = [(source, diagnostic) for source, diagnostics in findings for diagnostic in diagnostics]
    codes = sorted({diagnostic.code for _, diagnostic in found})
    driver = {"name": "pricing", "semanticVersion": version, "version": version, "rules": [_rule(c) for c in codes]}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(source, diagnostic, codes.index(diagnostic.code)) for source, diagnostic in found],
            }
        ],
    }


def _rule(code: str) -> Json:
    return {
        "id": code,
        "shortDescription": {"text": title(code)},
        "help": {"text": f"{page(code)} explains this finding with an example."},
        "defaultConfiguration": {"level": "warning" if code.startswith("W") else "error"},
    }


def _result(source: Source, diagnostic: Diagnostic, rule: int) -> Json:
    message = f"{diagnostic.message}\n{diagnostic.help}" if diagnostic.help else diagnostic.message
    result: Json = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity,
        "message": {"text": message},
        "locations": [{"physicalLocation": _place(source, diagnostic.span)}],
    }
    if diagnostic.label:
        result["locations"][0]["message"] = {"text": diagnostic.label}
    if diagnostic.labels:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _place(source, label.span), "message": {"text": label.text}}
            for number, label in enumerate(diagnostic.labels, start=1)
        ]
    return result


def _place(source: Source, span: Span) -> Json:
    start, end = source.position(span.start), source.position(span.end)
    region = {
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
        "charOffset": span.start,
        "charLength": span.end - span.start,
    }
    return {"artifactLocation": {"uri": _uri(source.name)}, "region": region}


def _uri(name: str) -> str:
    """A file's name as a URI reference: relative ones stay relative, absolute ones become `file:`."""
    path = PurePath(name)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
