"""Diagnostics as workflow commands of GitHub Actions, which shows them beside the lines of a pull request.

One line per finding: `::error file=F,line=L,endLine=L,col=C,endColumn=C,title=T::MESSAGE`. Escaping follows GitHub's
own toolkit: `%` and line ends in the message, and also `:` and `,` in the properties.
"""

from __future__ import annotations

from collections.abc import Iterable

from pricing_dsl.diagnostics.codes import title
from pricing_dsl.diagnostics.diagnostic import Diagnostic
from pricing_dsl.source import Source


def render(source: Source, diagnostics: Iterable[Diagnostic]) -> str:
    """One command per line; empty without findings. A range over several lines has no columns, as GitHub wants it."""
    return "".join(_command(source, diagnostic) + "\n" for diagnostic in diagnostics)


def _command(source: Source, diagnostic: Diagnostic) -> str:
    start, end = source.position(diagnostic.span.start), source.position(diagnostic.span.end)
    properties = {"file": source.name, "line": str(start.line), "endLine": str(end.line)}
    if start.line == end.line:
        properties |= {"col": str(start.column), "endColumn": str(max(end.column, start.column + 1))}
    properties["title"] = f"{diagnostic.code}: {title(diagnostic.code)}"
    joined = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = f"{diagnostic.message}\n{diagnostic.help}" if diagnostic.help else diagnostic.message
    return f"::{diagnostic.severity} {joined}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
