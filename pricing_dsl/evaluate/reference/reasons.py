"""How the explanation is worded: one `Reason` per step that acted, numbers exact, in the words of the pricing field.

Every function is pure; evaluators call them only when an explanation was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from pricing_dsl.evaluate.lookup import Found, Tables, Value
from pricing_dsl.evaluate.reference.cells import Key
from pricing_dsl.evaluate.statement import Reason
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Span
from pricing_dsl.values.numbers import grouped_text

RULES: dict[str, str] = {
    "where": "step 4: `where` keeps the cells its condition holds for",
    "weigh": "step 4: `weigh` multiplies each cell's quantity",
    "each": "step 5: what follows runs separately for each value",
    "include": "step 6: free units are taken off, never below zero",
    "include across cells": "rule 9: free units go only to cells with a price above zero, in the order said",
    "round": "step 6: `round` makes the pool's quantity a multiple",
    "at least": "step 6: `at least` lifts the pool's quantity",
    "at most": "step 6: `at most` caps the pool's quantity",
    "mirror": "step 6: `mirror` prices the size of the quantity and gives the amount its sign",
    "counted": "rule 4: the counter of the counting period, which opens at zero",
    "price": "step 8: quantity times rate",
    "package": "rule 11: packages of the pooled quantity times their price",
    "graduated": "section 5: each unit at the price of the tier it falls in",
    "volume": "section 5: all units at the price of the tier the whole quantity falls in",
    "tier": "rule 15: rate, then plus, then minimum, then maximum, once the tier is entered",
    "reject": "rule 15: what comes here is refused and costs nothing",
    "refused": "section 4: what one charge does not price is unpriced, unless another charge takes it",
    "match": "rule 10: each arm is one pool",
    "table": "section 4: all keys exact, else the first row that matches",
    "times": "step 9: acts on every cell",
    "discount": "a discount takes at most what it is computed on, nothing from what is not positive",
    "plus": "rule 8: once per group, due at zero usage too",
    "minimum": "step 10: once per group, as it stands after the steps before",
    "maximum": "step 10: once per group, as it stands after the steps before",
    "prorate": "section 8: the share of the whole billing period that is priced",
    "round money": "step 10: rounds the group's amount to a multiple",
    "total": "step 11: the groups are added up",
    "largest": "step 11: the group with the largest amount is kept",
    "line": "step 12: a line is exact inside and rounded once, at its end",
    "fee": "step 13: billed once for each service period of this bill",
    "derived": "step 14: read on rounded lines, before any adjustment",
    "adjustment": "rule 20: computed on the sum of its lines as the ones before left them, rounded once",
    "segment": "rule 1: a segment costs what the end of it costs, less what its start did",
    "override": "rule 19: of the overrides in force the last written wins, kind by kind",
}

TERMS_MAX = 12
"""Terms that a formula writes out; the children of the node show them all."""


def reason(
    what: str,
    rule: str,
    span: Span | None,
    formula: str,
    value: Fraction,
    unit: str,
    inputs: Iterable[tuple[str, str]] = (),
    children: Sequence[Reason] = (),
) -> Reason:
    """One node; `rule` is a key of `RULES`."""
    return Reason(what, RULES[rule], span, tuple(inputs), formula, value, unit, tuple(children))


def number(value: Fraction) -> str:
    """A number as people write it, exact: `1_250_000.5` or `1/3`."""
    return grouped_text(value)


def sum_text(values: Sequence[Fraction]) -> str:
    """The sum of a few numbers; of many, how many they are."""
    if len(values) > TERMS_MAX:
        return f"sum of {len(values)}"
    return " + ".join(map(number, values)) or "no usage"


def largest_text(values: Sequence[Fraction]) -> str:
    """The largest of a few numbers; of many, how many they are."""
    if len(values) > TERMS_MAX:
        return f"largest of {len(values)}"
    return f"max({', '.join(map(number, values))})" if values else "no usage"


def key_text(key: Key | Mapping[str, Value]) -> str:
    """Dimension values as a program writes them: `model: gpt-5, token_type: input`."""
    pairs = key.items() if isinstance(key, Mapping) else key
    return ", ".join(f"{name}: {value}" for name, value in pairs if value is not None)


def pair(name: str, value: Fraction) -> tuple[str, str]:
    return name, number(value)


def look_up(tables: Tables, lookup: ir.Lookup, dimensions: Mapping[str, Value], unit: str) -> tuple[Reason, ...]:
    """The row (and column) that won, as a node."""
    found = tables.find(lookup, dimensions)
    if not isinstance(found, Found):
        return ()
    table = tables.table(lookup)
    row = table.rows[found.row]
    where = "row " + ", ".join(entry_text(key) for key in row.keys)
    if table.columns:
        where += f", column {entry_text(table.columns[found.column])}"
    cell = row.cells[found.column]
    assert cell is not None
    formula = number(cell)
    if lookup.scale != 1:
        per = 1 / lookup.scale
        formula += f" / {number(per)}" if per.denominator == 1 else f" x {number(lookup.scale)}"
    inputs = [(name, dimensions[name] or "") for name in table.dimensions]
    what = f"table {table.name}" if table.name else f"by {', '.join(table.dimensions)}"
    return (reason(f"{what}: {where}", "table", lookup.span, formula, found.value, unit, inputs),)


def entry_text(key: ir.Key) -> str:
    """A key of a table as it is written."""
    return "else" if key.kind == "else" else f'"{key.text}"'


def override_notes(
    texts: Sequence[str], in_force: Sequence[Sequence[ir.Override]], line: str, amount: Fraction, currency: str
) -> list[Reason]:
    """The overrides in force on a line of that exact amount, each with those it sets aside; `texts`: the segments."""
    found: dict[ir.Override, list[int]] = {}
    for segment, overrides in enumerate(in_force):
        for override in overrides:
            if override.line == line:
                found.setdefault(override, []).append(segment)
    notes = []
    for override, segments in found.items():
        where = "" if len(segments) == len(texts) else " in " + ", ".join(texts[i] for i in segments)
        losers = [reason("set aside", "override", span, "", Fraction(0), "") for span in override.losers]
        formula = f"the last written, sets aside {len(losers)}" if losers else "the last written"
        what = f"override {override.kind}{where}"
        notes.append(reason(what, "override", override.winner, formula, amount, currency, (), losers))
    return notes
