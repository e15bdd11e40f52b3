"""What only statements of contracts have, in the terminal: segments, draws, balances, counters, what was assumed.

`sums` are the rows between total and due; `blocks` stand below the table of a statement, `add_draws` hangs draws and
what is invoiced into the tree of an explanation, `add_override` which override won over what. For the statement of a
plan all of them add nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from pricing_dsl.cli import output
from pricing_dsl.diagnostics.layout import printable
from pricing_dsl.evaluate.statement import MOVEMENTS, BalanceMovement, Draw, Lot, Reason, Statement
from pricing_dsl.source import Source, Span

CELLS_MAX = 10
"""Cells shown of one counter; JSON has them all."""

FOLDED = 16
"""Columns that a reason needs beside numbers."""


def sums(statement: Statement) -> Iterator[tuple[str, Decimal, str]]:
    """What leads from total to due: name, amount and reason. Units that a credit paid are in neither."""
    paid: dict[str, Decimal] = {}
    for draw in statement.draws:
        if is_money(draw.balance, statement):
            paid[draw.balance] = paid.get(draw.balance, Decimal(0)) + draw.amount
    for name, amount in paid.items():
        lines = dict.fromkeys(draw.line for draw in statement.draws if draw.balance == name)
        yield f"paid by {name}", -amount, ", ".join(lines)
    for entry in statement.invoiced:
        yield f"invoiced for {entry.commit}", entry.amount, f"on {entry.at}"


def is_money(balance: str, statement: Statement) -> bool:
    movement = statement.balances.get(balance)
    return movement is None or movement.unit == statement.currency


def blocks(statement: Statement, width: int) -> Iterator[RenderableType]:
    """Each block begins with an empty line; `width` are the columns of the page."""
    if len(statement.segments) > 1:
        pieces = [f"  {number}  {start} to {end}" for number, (start, end) in enumerate(statement.segments)]
        yield Text("\nsegments: what is in force changes within the period\n" + "\n".join(pieces))
    if statement.draws:
        yield Text("\ndraws, in the order paid")
        yield _draws(statement, width)
    if statement.balances:
        yield Text("\nbalances")
        yield _balances(statement.balances.values(), width)
    if statement.counters:
        yield Text("\ncounters at the end of the period")
        yield Text("\n".join(_counters(statement.counters)))
    if statement.assumed:
        named = ", ".join(f"`{words}`" for words in statement.assumed)
        opens, it = ("it opens", "it") if len(statement.assumed) == 1 else ("they open", "them")
        words = printable(f": {named} not given; {opens} as if nothing had been used before")
        yield Text.assemble("\n", ("assumed", "yellow"), words)
        yield Text(
            f"  = help: give {it} with `--balances` or `--counters`; a statement that assumes cannot be finalised"
        )


def _grid(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: int, width: int) -> RenderableType:
    """A table whose last column folds and whose columns 1 to `numbers` are numbers.

    On a page too narrow for it each row is a sentence: no number is ever cut.
    """
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    if sum(widths[:-1]) + 2 * len(widths) + min(widths[-1], FOLDED) > width:
        said = ([f"{name} {cell}" for name, cell in zip(columns[1:], row[1:], strict=True) if cell] for row in rows)
        return Text("\n".join(f"{row[0]}: {', '.join(cells)}" for row, cells in zip(rows, said, strict=True)))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for number, column in enumerate(columns[:-1]):
        table.add_column(column, justify="right" if 1 <= number <= numbers else "left", no_wrap=True)
    table.add_column(columns[-1], overflow="fold", style="dim", ratio=1)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _draws(statement: Statement, width: int) -> RenderableType:
    cut = len(statement.segments) > 1
    columns = ["balance", "amount", "line", *(["segment"] if cut else []), "because"]
    rows = [
        [
            draw.balance,
            _amount(draw, statement),
            printable(draw.line),
            *([str(draw.segment)] if cut else []),
            printable(draw.why),
        ]
        for draw in statement.draws
    ]
    return _grid(columns, rows, 1, width)


def _amount(draw: Draw, statement: Statement) -> str:
    movement = statement.balances.get(draw.balance)
    unit = "" if is_money(draw.balance, statement) or movement is None else f" {movement.unit}"
    return grouped(draw.amount) + unit


def _balances(movements: Iterable[BalanceMovement], width: int) -> RenderableType:
    columns = ["balance", *(name.replace("_", " ") for name in MOVEMENTS), "left until"]
    rows = [
        [
            f"{movement.name}, {movement.unit}",
            *(grouped(getattr(movement, name)) for name in MOVEMENTS),
            ", ".join(_lot(lot, alone=len(movement.lots) == 1) for lot in movement.lots),
        ]
        for movement in movements
    ]
    return _grid(columns, rows, len(MOVEMENTS), width)


def _lot(lot: Lot, *, alone: bool) -> str:
    """`1_500 until 2026-04-01 (rolled over)`; without its amount where it is the only one."""
    end = "for ever" if lot.end is None else lot.end if alone else f"until {lot.end}"
    said = end if alone else f"{grouped(lot.amount)} {end}"
    return f"{said} (rolled over)" if lot.rolled else said


def _counters(counters: Mapping[str, Any]) -> Iterator[str]:
    for line, value in counters.items():
        if not isinstance(value, list | tuple):
            yield printable(f"  {line}  {_number(value)}")
            continue
        for cell in value[:CELLS_MAX]:
            dimensions = ", ".join(f'{name}: "{given}"' for name, given in cell.items() if name != "quantity")
            yield printable(f"  {line}[{dimensions}]  {_number(cell['quantity'])}")
        if len(value) > CELLS_MAX:
            yield f"  ... and {len(value) - CELLS_MAX:_} more cells; `--format json` has them all"


def _number(value: Any) -> str:
    """A counter's number, in groups where it is a decimal."""
    return str(value) if "/" in str(value) else grouped(Decimal(str(value)))


def grouped(amount: Decimal) -> str:
    """`120_000.00`.

    >>> grouped(Decimal("-120000.50"))
    '-120_000.50'
    """
    return f"{amount:,f}".replace(",", "_")


def add_override(tree: Tree, reason: Reason, source: Source) -> None:
    """The step that won as the program says it, and below it those that it sets aside, each with its place."""
    said = _quotation(reason.what, reason.span, source)
    branch = tree.add(said.append(f"\n{printable(reason.formula)}").append(f"\n{reason.rule}", "dim italic"))
    for loser in reason.children:
        branch.add(_quotation(loser.what, loser.span, source))


def _quotation(what: str, span: Span | None, source: Source) -> Text:
    """`override times: times 0.85  acme.pricing:13`."""
    if span is None:
        return Text(printable(what))
    said = Text.assemble(printable(f"{what}: "), (output.quoted(source, span), "green"))
    return said.append(f"  {source.name}:{source.position(span.start).line}", "cyan")


def add_draws(tree: Tree, statement: Statement, only: str | None) -> None:
    """Under the tree: what balances paid (of the line `only`, if given), what is invoiced, and what is due."""
    draws = [draw for draw in statement.draws if only in (None, draw.line)]
    if draws:
        branch = tree.add(Text("paid by balances", "bold"))
        for draw in draws:
            start, end = statement.segments[draw.segment] if statement.segments else ("", "")
            when = f" from {start} to {end}" if len(statement.segments) > 1 else ""
            said = Text.assemble(printable(f"{draw.balance} pays "), (_amount(draw, statement), "green"))
            branch.add(said.append(printable(f" of {draw.line}{when}")).append(f"\n{printable(draw.why)}", "dim"))
    if only is not None:
        return
    for entry in statement.invoiced:
        tree.add(
            Text.assemble(
                printable(f"invoiced for {entry.commit} "), (grouped(entry.amount), "green"), f" on {entry.at}"
            )
        )
    if statement.draws or statement.invoiced:
        tree.add(Text.assemble(("due ", "bold"), (f"{grouped(statement.due)} {statement.currency}", "bold green")))
