"""Findings that may only follow from text that did not parse: said once, as what did not parse.

Recovery keeps the rest of the tree, but what was lost may have held a price, or the declaration of a name. A finding
inside the damaged statement, or about a name that stands in the damaged text, is left out; every other one stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pricing_dsl.diagnostics.diagnostic import Diagnostic
from pricing_dsl.source import Source, Span
from pricing_dsl.syntax import nodes as syntax

WORD = re.compile(r"[A-Za-z_]\w*")


def without_follow_ups(
    findings: Iterable[Diagnostic], damage: Iterable[Diagnostic], program: syntax.Program, source: Source
) -> list[Diagnostic]:
    """The errors among `findings` that the damaged places cannot have caused."""
    statements = sorted(statement_spans(program))
    regions = [damaged_region(d.span.start, statements, len(source.text)) for d in damage]
    lost = {word for region in regions for word in WORD.findall(source.excerpt(region))}
    kept = []
    for finding in findings:
        inside = any(region.start <= finding.span.start < region.end for region in regions)
        about_lost_name = finding.code.startswith("N") and source.excerpt(finding.span) in lost
        if finding.severity == "error" and not inside and not about_lost_name:
            kept.append(finding)
    return kept


def statement_spans(program: syntax.Program) -> Iterator[Span]:
    """The spans of the smallest statements: plan and contract items, other declarations whole."""
    for declaration in program.declarations:
        if isinstance(declaration, syntax.Plan | syntax.Contract):
            yield from (item.span for item in declaration.items)
        else:
            yield declaration.span


def damaged_region(at: int, statements: list[Span], length: int) -> Span:
    """The statement that holds a place, or the gap between two statements."""
    before, after = 0, length
    for span in statements:
        if span.start <= at < span.end:
            return span
        if span.end <= at:
            before = max(before, span.end)
        elif span.start > at:
            after = min(after, span.start)
    return Span(before, after)
