"""Statements and explanations in the terminal: a table of lines with their reasons, a tree of how they came about.

Quantities and amounts are grouped as programs write them, `1_250_000.50`. What blocks a statement (usage without a
price) is red, and says how to mend it. Everything here prints through one console and changes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from pricing_dsl.cli import agreed, output
from pricing_dsl.cli.reasons import PRICES, is_override, line_sentence, row_sentence, short_number
from pricing_dsl.diagnostics.layout import printable
from pricing_dsl.evaluate import lookup
from pricing_dsl.evaluate.statement import Line, Reason, Row, Statement, Unpriced
from pricing_dsl.source import Source
from pricing_dsl.values.numbers import grouped_text

if TYPE_CHECKING:
    from pricing_dsl.compilation import Program

WIDTH_FOR_REASONS = 80
"""Columns from which on a statement has room for a column of reasons."""

MENDS = {
    lookup.NO_ROW: "add a row for it, or `else`",
    lookup.NO_COLUMN: "add a column for it, or `else`",
    lookup.NO_KEY: "add a key for it, or `else`",
    lookup.NO_ARM: "add an arm for it, or `else`",
    lookup.NOT_SOLD: "write a price or `free` in that cell if it is sold",
    lookup.REJECTED: "write a price there if this usage is sold",
    lookup.NO_CHARGE: "write a charge that takes it, or `where ... else free` to give it away",
}
"""What to write for each reason that usage reached no price."""


def say_statement(program: Program, statement: Statement) -> None:
    """The statement as a table, then what needs attention. On a narrow page the reasons stand below the table."""
    width = output.page_width(sys.stdout)
    beside = width >= WIDTH_FOR_REASONS
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("line", overflow="fold")
    table.add_column("quantity", justify="right", no_wrap=True, overflow="fold")
    table.add_column("amount", justify="right", no_wrap=True, overflow="fold")
    if beside:
        table.add_column("because", overflow="fold", style="dim", ratio=1)
    below: list[Text] = []
    for name, quantity, amount, because in _rows(statement):
        if beside:
            table.add_row(name, quantity, amount, because)
            continue
        table.add_row(name, quantity, amount)
        if because:
            below.append(Text(f"{name}: {because}", "dim"))
    notes = [_unpriced(entry) for entry in statement.unpriced]
    if statement.unpriced:
        notes.append(Text("This is a preview only: a statement with unpriced usage cannot be finalised.", "bold red"))
    for meter in statement.unused:
        notes.append(Text.assemble(("unused", "yellow"), f": usage of `{meter}` was given, but no line mentions it"))
    blocks = [block for block in (below, notes) if block]
    written = [text for block in blocks for text in (Text(), *block)]
    output.show(_heading(program, statement), table, *agreed.blocks(statement, width), *written)


def _rows(statement: Statement) -> Iterator[tuple[Text, Text, Text, str]]:
    """Name, quantity, amount and reason of every row: lines with their parts, adjustments, total and due."""
    nothing = Text()
    for line in statement.lines:
        name = Text(printable(line.label or line.id))
        yield name, _quantity(line), _amount(line.minor, statement), printable(line_sentence(line))
        for part in line.parts:
            values = printable(", ".join(value for _, value in part.dimensions))
            yield Text(f"  {values}", "dim"), nothing, Text(f"({_money(part.minor, statement)})", "dim"), ""
    for row in statement.adjustments:
        yield Text(row.id), nothing, _amount(row.minor, statement), printable(row_sentence(row))
    yield nothing, nothing, nothing, ""
    currency = Text(statement.currency)
    yield Text("total", "bold"), currency, Text(_money(statement.total_minor, statement), "bold"), ""
    for what, amount, because in agreed.sums(statement):
        yield Text(printable(what)), nothing, Text(agreed.grouped(amount), "green" if amount < 0 else ""), because
    yield Text("due", "bold"), currency, Text(_money(statement.due_minor, statement), "bold"), ""


def say_explanation(program: Program, statement: Statement, only: str | None) -> None:
    """A tree from the total over lines and adjustments to the steps, each with its rule, place, inputs and formula."""
    total = Text.assemble(("total ", "bold"), (_with_currency(statement.total_minor, statement), "bold"))
    tree = Tree(total)
    rows: list[Line | Row] = [*statement.lines, *statement.adjustments]
    for row in rows:
        if only is None or row.id == only:
            said = Text.assemble((f"{row.id} ", "bold"), (_with_currency(row.minor, statement), "bold green"))
            branch = tree.add(said)
            if row.reason is not None:
                said.append_text(_details(row.reason, program.source))
                for step in row.reason.children:
                    if is_override(step):
                        agreed.add_override(branch, step, program.source)
                    else:
                        _add_reason(branch, step, program.source)
    agreed.add_draws(tree, statement, only)
    output.show(_heading(program, statement), tree, *map(_unpriced, statement.unpriced))


def _add_reason(tree: Tree, reason: Reason, source: Source) -> None:
    exact = grouped_text(reason.value)
    about = f" ({short_number(reason.value)})" if "/" in exact else ""
    value = f"{exact} {reason.unit}".rstrip() + about
    what = printable(reason.what) + _shape(reason, source)
    branch = tree.add(Text.assemble(what, " = ", (value, "green"), _details(reason, source)))
    for child in reason.children:
        _add_reason(branch, child, source)


def _shape(reason: Reason, source: Source) -> str:
    """The price shape that stands in the program for what is explained: `, of price with declining(...)`."""
    if reason.span is None or reason.what not in PRICES:
        return ""
    written = output.quoted(source, reason.span)
    return f", of {written}" if written.startswith("price with ") else ""


def _details(reason: Reason, source: Source) -> Text:
    """What stands behind and below a value: its place in the program, formula, inputs and rule."""
    said = Text()
    if reason.span is not None:
        said.append(f"  {source.name}:{source.position(reason.span.start).line}", "cyan")
    if reason.formula and reason.formula != grouped_text(reason.value):
        said.append(f"\n{printable(reason.formula)}")
    if reason.inputs:
        inputs = ", ".join(f"{name} = {given}" for name, given in reason.inputs)
        said.append(f"\nwith {printable(inputs)}", "dim")
    if reason.rule:
        said.append(f"\n{reason.rule}", "dim italic")
    return said


def _heading(program: Program, statement: Statement) -> Text:
    period = "" if statement.period is None else f", {statement.period[0]} to {statement.period[1]}"
    return Text.assemble((statement.target, "bold"), f" of {program.source.name}{period}, in {statement.currency}\n")


def _quantity(line: Line) -> Text:
    if line.kind == "fee" or not line.quantity:
        return Text("" if line.kind == "fee" else "0")
    return Text(f"{short_number(line.quantity)} {line.unit}".rstrip())


def _amount(minor: int, statement: Statement) -> Text:
    return Text(_money(minor, statement), "green" if minor < 0 else "")


def _money(minor: int, statement: Statement) -> str:
    """Minor units as an amount: 204900 with two digits is `2_049.00`."""
    whole, rest = divmod(abs(minor), 10**statement.digits)
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole:_}.{rest:0{statement.digits}}" if statement.digits else f"{sign}{whole:_}"


def _with_currency(minor: int, statement: Statement) -> str:
    return f"{_money(minor, statement)} {statement.currency}"


def _unpriced(entry: Unpriced) -> Text:
    dimensions = _dimensions(entry.dimensions)
    quantity = f"{short_number(entry.quantity)} {entry.unit}".rstrip()
    said = Text.assemble(
        ("unpriced", "bold red"),
        (f": {quantity} of `{entry.source}`{dimensions} in `{entry.line}`: {entry.reason}", "red"),
    )
    mend = MENDS.get(entry.reason)
    if mend:
        said.append(f"\n  = help: {mend}")
    return said


def _dimensions(pairs: Iterable[tuple[str, str]]) -> str:
    named = ", ".join(f'{name}: "{value}"' for name, value in pairs)
    return f"[{printable(named)}]" if named else ""
