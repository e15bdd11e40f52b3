"""`pricing diff`: what changed between two programs, in the words of the language, and what it changes in money.

JSON: `{"old", "new", "changes", "priced"}`. A change has `where` (a list from the declaration to the place), `kind`
(`added`, `removed`, `changed`), `old` and `new` (words or null), `old_line` and `new_line` (or null). `priced` is null
without usage; else `target`, `currency`, `lines`, `adjustments`, `total`, `settled` (what leads from it to) and `due`,
with `old`, `new` and `difference`, and `unpriced`, the number of entries on each side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pricing_dsl.cli import output
from pricing_dsl.cli.files import CallError
from pricing_dsl.cli.programs import Format, load, say_program_error
from pricing_dsl.diagnostics.diagnostic import ProgramError
from pricing_dsl.diagnostics.layout import printable
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.ir.compare import Change, compare_programs
from pricing_dsl.source import Source, Span

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from pricing_dsl.cli.statements import Inputs
    from pricing_dsl.compilation import Program
    from pricing_dsl.evaluate.statement import Line, Row, Statement

CHANGES_MAX = 20
"""Changes shown of one declaration in text; JSON has them all."""

SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


@dataclass(frozen=True, slots=True)
class Given:
    """What to price under both programs, as given in the call; nothing is priced without usage."""

    on: str | None = None
    usage: str | None = None
    period: str | None = None
    balances: str | None = None
    counters: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One line, adjustment or sum under both programs; `None` where a side does not have it."""

    name: str
    old: Decimal | None
    new: Decimal | None

    @property
    def difference(self) -> Decimal:
        return (self.new or Decimal(0)) - (self.old or Decimal(0))


@dataclass(frozen=True, slots=True)
class Priced:
    """Two statements side by side."""

    old: Statement
    new: Statement
    lines: tuple[Difference, ...]
    adjustments: tuple[Difference, ...]
    total: Difference
    settled: tuple[Difference, ...]
    """What leads from total to due: paid by a balance (negative), invoiced for a commit."""
    due: Difference


def compare(old_file: str, new_file: str, given: Given, format_: Format) -> int:
    """Print what changed. Returns the exit code: 0 whether or not anything did, 1 where a program has errors."""
    if given.usage is None and given != Given():
        raise CallError("`--on`, `--period`, `--balances` and `--counters` belong to usage", "say `--usage` too")
    try:
        old, new = load(old_file), load(new_file)
    except ProgramError as error:
        return say_program_error(error, format_)
    changes = compare_programs(old.ir, new.ir)
    try:
        priced = None if given.usage is None else price_both(old, new, given.on, read_inputs(given, given.usage))
    except (EvaluationError, CallError) as error:
        if format_ == "json":
            output.say_json({"error": {"code": error.code, "message": error.message, "help": error.help}})
        raise CallError(error.message, error.help, error.code) from None
    if format_ == "json":
        output.say_json(document(old, new, changes, priced))
    else:
        say_changes(old, new, changes)
        if priced is not None:
            say_priced(priced)
    return 0


def read_inputs(given: Given, usage: str) -> Inputs:
    from pricing_dsl.cli.statements import Inputs, Request

    return Inputs.read(Request("", given.on, usage, given.period, given.balances, given.counters))


# --- money ---------------------------------------------------------------------------------------------------------


def price_both(old: Program, new: Program, on: str | None, inputs: Inputs) -> Priced:
    """The same usage under both. Raises `CallError` where they cannot be compared, `EvaluationError` from either."""
    if old.ir.currency != new.ir.currency:
        raise CallError(f"amounts in {old.ir.currency} and {new.ir.currency} are not compared", "leave out `--usage`")
    name = common_target(old, new, on)
    one, other = (_priced(program, name, inputs, side) for program, side in ((old, "old"), (new, "new")))
    return Priced(
        one,
        other,
        tuple(_side_by_side(one.lines, other.lines)),
        tuple(_side_by_side(one.adjustments, other.adjustments)),
        Difference("total", one.total, other.total),
        tuple(_paired(_settled(one), _settled(other))),
        Difference("due", one.due, other.due),
    )


def common_target(old: Program, new: Program, on: str | None) -> str:
    """The plan or contract that both programs have: the one named, or the only one."""
    sides = [(*program.plans, *program.contracts) for program in (old, new)]
    both = [name for name in sides[0] if name in sides[1]]
    if on is not None:
        for program, names in zip((old, new), sides, strict=True):
            if on not in names:
                raise CallError(f"{program.source.name} has no plan or contract `{on}`", _there_are(both))
        return on
    if len(both) == 1:
        return both[0]
    if not both:
        raise CallError("the programs have no plan or contract in common", "leave out `--usage`")
    raise CallError(f"the programs have {len(both)} plans and contracts in common", "say `--on` " + " or ".join(both))


def _there_are(names: Sequence[str]) -> str:
    known = ", ".join(f"`{name}`" for name in names)
    return f"both have: {known}" if names else "the programs have none in common: leave out `--usage`"


def _priced(program: Program, name: str, inputs: Inputs, side: str) -> Statement:
    try:
        return program.evaluator(name)(inputs.usage, inputs.period, inputs.balances, inputs.counters)
    except EvaluationError as error:
        where = f"under the {side} program, {program.source.name}: "
        raise EvaluationError(error.code, where + error.message, error.help) from None


def _side_by_side(old: Iterable[Line | Row], new: Iterable[Line | Row]) -> Iterator[Difference]:
    return _paired({row.id: row.amount for row in old}, {row.id: row.amount for row in new})


def _settled(statement: Statement) -> dict[str, Decimal]:
    """Each sum between total and due by what it is; what is invoiced for one commit at several times is one."""
    from pricing_dsl.cli.agreed import sums

    found: dict[str, Decimal] = {}
    for name, amount, _ in sums(statement):
        found[name] = found.get(name, Decimal(0)) + amount
    return found


def _paired(before: Mapping[str, Decimal], after: Mapping[str, Decimal]) -> Iterator[Difference]:
    for name in dict.fromkeys([*before, *after]):
        yield Difference(name, before.get(name), after.get(name))


# --- text ----------------------------------------------------------------------------------------------------------


def say_changes(old: Program, new: Program, changes: Sequence[Change]) -> None:
    """Changes by declaration, each with a sign and its place."""
    from rich.text import Text

    if not changes:
        output.say(f"no changes: {old.source.name} and {new.source.name} mean the same")
        return
    blocks: list[RenderableType] = []
    for declaration, grouped in groupby(changes, lambda change: change.where[0]):
        several = list(grouped)
        blocks.append(Text(declaration, "bold"))
        blocks.append(_changes(several[:CHANGES_MAX], old.source, new.source))
        if len(several) > CHANGES_MAX:
            more = f"  ... and {len(several) - CHANGES_MAX:_} more; `--format json` has them all"
            blocks.append(Text(more, "dim"))
    blocks.append(Text(f"\n{output.count(len(changes), 'change')} from {old.source.name} to {new.source.name}"))
    output.show(*blocks)


def _changes(changes: Sequence[Change], old: Source, new: Source) -> RenderableType:
    """`  ~ charge requests: include 100k -> include 50k  new.pricing:12`, one a row."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1, 0, 0), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for change in changes:
        sign, style = SIGNS[kind(change)]
        place = ", ".join(change.where[1:])
        words = " -> ".join(text for text in (change.old, change.new) if text)
        said = Text(printable(f"{place}: {words}" if place and words else place or words))
        source, span = (old, change.old_span) if change.new is None else (new, change.new_span)
        if span is not None:
            said.append(f"  {source.name}:{source.position(span.start).line}", "cyan")
        table.add_row(Text(f"  {sign}", style), said)
    return table


def kind(change: Change) -> str:
    if change.old is None:
        return "added"
    return "removed" if change.new is None else "changed"


def say_priced(priced: Priced) -> None:
    """Both statements line by line."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("line", overflow="fold")
    for column in ("old", "new", "difference"):
        table.add_column(column, justify="right", no_wrap=True, overflow="fold")
    for row in (*priced.lines, *priced.adjustments):
        table.add_row(Text(row.name), *_amounts(row))
    table.add_row()
    table.add_row(Text("total", "bold"), *_amounts(priced.total))
    for row in priced.settled:
        table.add_row(Text(printable(row.name)), *_amounts(row))
    table.add_row(Text("due", "bold"), *_amounts(priced.due))
    period = "" if priced.new.period is None else f", {priced.new.period[0]} to {priced.new.period[1]}"
    heading = Text.assemble("\n", (priced.new.target, "bold"), f"{period}, in {priced.new.currency}\n")
    notes = [Text(f"\n{words}", "bold red") for words in _notes(priced)]
    output.show(heading, table, *notes)


def _amounts(row: Difference) -> list[Text]:
    from rich.text import Text

    from pricing_dsl.cli.agreed import grouped

    sign, style = ("+", "red") if row.difference > 0 else ("", "green")
    change = Text(sign + grouped(row.difference), style) if row.difference else Text("0", "dim")
    return [*(Text("-" if amount is None else grouped(amount)) for amount in (row.old, row.new)), change]


def _notes(priced: Priced) -> Iterator[str]:
    for side, statement in (("old", priced.old), ("new", priced.new)):
        if statement.unpriced:
            entries = output.count(len(statement.unpriced), "entry", "entries")
            yield f"unpriced under the {side} program: {entries} of usage, at no cost there"


# --- JSON ----------------------------------------------------------------------------------------------------------


def document(old: Program, new: Program, changes: Sequence[Change], priced: Priced | None) -> dict[str, Any]:
    return {
        "old": old.source.name,
        "new": new.source.name,
        "changes": [
            {
                "where": list(change.where),
                "kind": kind(change),
                "old": change.old,
                "new": change.new,
                "old_line": _line(old.source, change.old_span),
                "new_line": _line(new.source, change.new_span),
            }
            for change in changes
        ],
        "priced": None if priced is None else _priced_document(priced),
    }


def _line(source: Source, span: Span | None) -> int | None:
    return None if span is None else source.position(span.start).line


def _priced_document(priced: Priced) -> dict[str, Any]:
    period = priced.new.period
    return {
        "target": priced.new.target,
        "currency": priced.new.currency,
        "period": None if period is None else {"from": period[0], "to": period[1]},
        "lines": [{"id": row.name, **_sides(row)} for row in priced.lines],
        "adjustments": [{"id": row.name, **_sides(row)} for row in priced.adjustments],
        "total": _sides(priced.total),
        "settled": [{"name": row.name, **_sides(row)} for row in priced.settled],
        "due": _sides(priced.due),
        "unpriced": {"old": len(priced.old.unpriced), "new": len(priced.new.unpriced)},
    }


def _sides(row: Difference) -> dict[str, str | None]:
    return {
        "old": None if row.old is None else f"{row.old:f}",
        "new": None if row.new is None else f"{row.new:f}",
        "difference": f"{row.difference:f}",
    }
