"""Terminals: whether there are colours, how wide the page is, where findings and errors go.

Colours need a terminal, no `NO_COLOR` and a `TERM` other than `dumb`; everything else gets plain text. rich is imported
only by what prints in colour or prints a table.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from pricing_dsl.cli.files import CallError
from pricing_dsl.diagnostics import text
from pricing_dsl.diagnostics.diagnostic import Diagnostic
from pricing_dsl.diagnostics.layout import printable
from pricing_dsl.source import Source, Span

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

PLAIN_WIDTH = 120
"""Columns of a page that goes to a file or a pipe, unless `COLUMNS` says otherwise."""

QUOTED_MAX = 60
"""Characters that are quoted of a program."""


def has_colours(stream: TextIO) -> bool:
    """Whether this stream is a terminal that shows colours and whose reader wants them."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def page_width(stream: TextIO) -> int:
    """Columns to fill."""
    fallback = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns if stream.isatty() else PLAIN_WIDTH
    stated = os.environ.get("COLUMNS", "")
    return max(int(stated) if stated.isascii() and stated.isdigit() else fallback, 40)


def console(stream: TextIO | None = None) -> Console:
    """A rich console on standard output (or `stream`) that follows the rules above."""
    from rich.console import Console

    target = sys.stdout if stream is None else stream
    colours = has_colours(target)
    return Console(
        file=target,
        force_terminal=colours,
        no_color=not colours,
        width=page_width(target),
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )


def show(*renderables: RenderableType) -> None:
    """Tables, trees and texts on standard output; on a page without colours no line ends in spaces."""
    out = console()
    if has_colours(sys.stdout):
        out.print(*renderables, sep="\n")
        return
    with out.capture() as page:
        out.print(*renderables, sep="\n")
    for line in page.get().splitlines():
        say(line.rstrip())


def say(words: str, stream: TextIO | None = None) -> None:
    """One line of plain text."""
    print(words, file=sys.stdout if stream is None else stream)


def say_json(document: Any) -> None:
    """One JSON document on standard output."""
    say(json.dumps(document, indent=2, ensure_ascii=False))


def say_findings(source: Source, diagnostics: Sequence[Diagnostic], stream: TextIO | None = None) -> None:
    """Findings about one program with their lines, and a blank line after them."""
    target = sys.stdout if stream is None else stream
    if not diagnostics:
        return
    width = page_width(target)
    if has_colours(target):
        console(target).print(text.render_rich(source, diagnostics, width), soft_wrap=True)
    else:
        say(text.render(source, diagnostics, width), target)


def say_call_error(error: CallError) -> None:
    """What was wrong with the call, on standard error."""
    heading = f"error[{error.code}]" if error.code else "error"
    words = printable(error.message)
    if has_colours(sys.stderr):
        from rich.text import Text

        out = console(sys.stderr)
        out.print(Text.assemble((heading, "bold red"), (f": {words}", "bold")), soft_wrap=True)
        if error.help:
            out.print(Text.assemble(" = ", ("help", "bold cyan"), f": {printable(error.help)}"), soft_wrap=True)
        return
    say(f"{heading}: {words}", sys.stderr)
    if error.help:
        say(f" = help: {printable(error.help)}", sys.stderr)


def quoted(source: Source, span: Span) -> str:
    """What a program says there, on one line, cut where it is long."""
    text = printable(" ".join(source.text[span.start : span.end].split()))
    return text if len(text) <= QUOTED_MAX else text[: QUOTED_MAX - 3] + "..."


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> count(1, "error"), count(2, "error")
    ('1 error', '2 errors')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """How many errors and warnings.

    >>> summary([])
    'no errors'
    """
    severities = [diagnostic.severity for diagnostic in diagnostics]
    errors, warnings = severities.count("error"), severities.count("warning")
    said = count(errors, "error") if errors else "no errors"
    return f"{said}, {count(warnings, 'warning')}" if warnings else said
