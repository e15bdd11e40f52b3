"""Factors: a number, a keyed step `DIM { key: factor }`, or a table of plain numbers."""

from __future__ import annotations

from fractions import Fraction

from pricing_dsl.check import numbers
from pricing_dsl.check.flow import Flow, require_dimension
from pricing_dsl.check.rates import key_matches, require_table, require_table_dimensions, warn_uncovered
from pricing_dsl.check.scope import Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax


def check_factor(
    scope: Scope, flow: Flow, factor: syntax.Number | syntax.Name | syntax.Keyed, word: str
) -> ir.Factor | None:
    """What `weigh`, `times` and `discount` multiply by. `None` after a finding."""
    match factor:
        case syntax.Number():
            value = numbers.plain(scope, factor, f"`{word}`")
            numbers.warn_factor(scope, value, factor.span, word)
            return ir.Const(value, span=factor.span)
        case syntax.Name():
            symbol = require_table(scope, factor)
            if symbol is None or not require_table_dimensions(scope, flow, symbol, factor, word):
                return None
            if symbol.kind == "rate":
                scope.report(
                    "T0113",
                    factor.span,
                    f"`{factor.text}` is a table of rates, and `{word}` takes plain numbers",
                    label="rates are money",
                    labels=[Label(symbol.unit_span, "declared with `per` here")],
                    help="declare the table without `per`",
                )
                return None
            warn_uncovered(scope, flow, symbol, factor)
            return ir.Lookup(factor.text, Fraction(1), span=factor.span)
        case syntax.Keyed():
            return keyed(scope, flow, factor, word)


def keyed(scope: Scope, flow: Flow, factor: syntax.Keyed, word: str) -> ir.Factor | None:
    """`context { "long": 2  else: 1 }` as a table of one dimension."""
    known = require_dimension(scope, flow, factor.dimension, word)
    values = flow.dimensions.get(factor.dimension.text)
    rows: list[ir.Row] = []
    seen: dict[ir.Key, Span] = {}
    for entry in factor.entries:
        key = made_key(entry.key)
        value = numbers.plain(scope, entry.factor, f"`{word}`")
        numbers.warn_factor(scope, value, entry.factor.span, word)
        if key in seen or (ir.Key("else", "") in seen):
            scope.report(
                "D0201",
                entry.span,
                "this entry is never reached",
                labels=[Label(seen.get(key) or seen[ir.Key("else", "")], "this one takes it first")],
                help="say each key once, and `else` last",
            )
        seen.setdefault(key, entry.span)
        if values is not None and key.kind != "else" and not any(key_matches(key, v) for v in values):
            scope.report(
                "W0301",
                entry.key.span,
                f'`{factor.dimension.text}` of `{flow.source}` is never "{key.text}"',
                label="impossible value",
                help="it can be: " + ", ".join(f'"{v}"' for v in sorted(values)),
            )
        rows.append(ir.Row((key,), (value,)))
    if values is not None:
        missing = [v for v in sorted(values) if not any(key_matches(row.keys[0], v) for row in rows)]
        if missing:
            scope.report(
                "W0302",
                factor.span,
                f"`{word} {factor.dimension.text}` has no entry for "
                + ", ".join(f'"{v}"' for v in missing)
                + f", which `{flow.source}` produces",
                label="this usage would be unpriced",
                help="add the entry, or `else: 1`",
            )
    if not known:
        return None
    table = ir.Table("", (factor.dimension.text,), (), tuple(rows), span=factor.span)
    return ir.Lookup(table, Fraction(1), span=factor.span)


def made_key(key: syntax.Key) -> ir.Key:
    """A key of a keyed step or arm: a quoted text with `*` is a pattern."""
    match key:
        case syntax.Else():
            return ir.Key("else", "")
        case syntax.Name(text=text):
            return ir.Key("exact", text)
        case syntax.Text(value=value):
            return ir.Key("pattern" if "*" in value else "exact", value)
