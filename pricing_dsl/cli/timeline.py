"""`pricing timeline`: what is in force when under a contract, as a table and as bars over time.

The table has a row for each stretch of the term in which nothing changes: all that is in force in the first, what is
different in the others, and which overrides won over what; then the commits and credits with their grants.
JSON: `{"contract", "plan", "customer", "timezone", "term", "versions", "balances"}`; a version has `from`, `to`,
`lines` and `adjustments` (in the words of the language), `changes` (`where`, `old`, `new`) and `overrides` (`line`,
`kind`, `winner`, `losers`, each `{"text", "line"}` of the program); a balance has `name`, `words`, and its `grants`.
Bars are drawn by `timeline_bars`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pricing_dsl.cli import output
from pricing_dsl.cli.files import CallError
from pricing_dsl.cli.programs import Format, load, say_program_error
from pricing_dsl.diagnostics.diagnostic import ProgramError
from pricing_dsl.diagnostics.layout import printable
from pricing_dsl.evaluate.reference.lots import Schedule, stretches
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir import words
from pricing_dsl.ir.compare import Change, line_name
from pricing_dsl.ir.compare_contracts import balance_word, balance_words, has_no_term, instant, plan_changes
from pricing_dsl.source import Source, Span
from pricing_dsl.values.periods import Term

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from pricing_dsl.compilation import Program

WIDTH_FOR_COLUMNS = 60
"""Columns from which on dates have columns of their own."""

WORDS_MAX = 160
"""Characters that are said of a line or an adjustment; JSON has all of them."""


HOW_CONTRACTS_ARE_WRITTEN = "write one: contract acme { plan basic  term 2026-01-01 to 2027-01-01 }"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of the term in which nothing changes, and what is different from the piece before."""

    version: ir.Version
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A commit or credit with the pieces of time of its grants (of a postpaid commit: of its periods)."""

    node: ir.Balance | ir.Floor
    grants: tuple[tuple[ir.Instant, ir.Instant], ...]

    @property
    def title(self) -> str:
        return f"{balance_word(self.node)} {self.node.name}"


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is shown of one contract."""

    contract: ir.Contract
    currency: str
    stretches: tuple[Stretch, ...]
    balances: tuple[Kept, ...]

    def instant(self, at: ir.Instant) -> str:
        return instant(at, self.contract.timezone)


def show(file: str, name: str | None, format_: Format, plot_file: str | None) -> int:
    """Print (or draw) the timeline of a contract. Returns the exit code."""
    if plot_file is not None and format_ == "json":
        raise CallError("a drawing has no JSON form", "leave out `--format json` or `--plot-file`")
    try:
        program = load(file)
    except ProgramError as error:
        return say_program_error(error, format_)
    timeline = build_timeline(program.ir.currency, require_contract(program, name))
    if format_ == "json":
        output.say_json(document(timeline, program.source))
        return 0
    from pricing_dsl.cli import timeline_bars

    if plot_file is not None:
        timeline_bars.draw_into_file(timeline, plot_file)
        return 0
    say_table(timeline, program.source)
    timeline_bars.draw_in_terminal(timeline)
    return 0


def require_contract(program: Program, name: str | None) -> ir.Contract:
    """The contract of that name, or the only one. Raises `CallError`."""
    from pricing_dsl.check.scope import did_you_mean

    if name is None:
        if len(program.ir.contracts) == 1:
            return program.ir.contracts[0]
        if not program.contracts:
            raise CallError(f"{program.source.name} has no contract", HOW_CONTRACTS_ARE_WRITTEN)
        known = f"{program.source.name} has {len(program.contracts)} contracts"
        raise CallError(known, "name one behind the file: " + " or ".join(program.contracts))
    for contract in program.ir.contracts:
        if contract.name == name:
            return contract
    if name in program.plans:
        raise CallError(f"`{name}` is a plan", "a timeline shows a contract, whose term lays the dates")
    near = did_you_mean(name, program.contracts)
    there = "there are: " + ", ".join(f"`{known}`" for known in program.contracts)
    hint = f"did you mean `{near}`?" if near else there if program.contracts else HOW_CONTRACTS_ARE_WRITTEN
    raise CallError(f"there is no contract `{name}`", hint)


def build_timeline(currency: str, contract: ir.Contract) -> Timeline:
    """The timeline of a contract in a program of this currency."""
    currencies = currency, currency
    changed = [
        Stretch(after, tuple(plan_changes(before.plan, after.plan, (), currencies)))
        for before, after in pairwise(contract.versions)
    ]
    return Timeline(contract, currency, (Stretch(contract.versions[0], ()), *changed), tuple(_kept(contract)))


def _kept(contract: ir.Contract) -> Iterator[Kept]:
    term = Term(contract.start, contract.end, ZoneInfo(contract.timezone))
    for balance in contract.balances:
        yield Kept(balance, tuple((grant.start, grant.end) for grant in Schedule(balance, term).grants(contract.end)))
    for floor in contract.floors:
        yield Kept(floor, tuple(stretches(term, floor.cadence, floor.start, floor.end, contract.end)))


# --- text ----------------------------------------------------------------------------------------------------------


def say_table(timeline: Timeline, source: Source) -> None:
    """The table: a row for each stretch, the first with everything in force, and a row for each balance."""
    from rich.text import Text

    contract = timeline.contract
    customer = "" if contract.customer is None else f", for {contract.customer}"
    about = printable(f" of {source.name}{customer}, {contract.timezone}")
    heading = Text.assemble((contract.name, "bold"), about, "\n")
    rows = [*_stretch_rows(timeline, source), *_balance_rows(timeline)]
    output.show(heading, *_laid_out(rows))


Row = tuple[str, str, "list[Text]"]
"""From, to, and what is said of the time between."""


def _stretch_rows(timeline: Timeline, source: Source) -> Iterator[Row]:
    for number, stretch in enumerate(timeline.stretches):
        said = _start(timeline, stretch.version) if number == 0 else [_change(change) for change in stretch.changes]
        said += [_override(override, source) for override in stretch.version.overrides]
        yield *_shown(timeline, stretch.version.start, stretch.version.end), said


def _balance_rows(timeline: Timeline) -> Iterator[Row]:
    from rich.text import Text

    for kept in timeline.balances:
        about = f": {balance_words(kept.node, timeline.contract)}{_grants(kept)}"
        said = Text.assemble((kept.title, "bold"), printable(about))
        yield *_shown(timeline, kept.node.start, kept.node.end), [said]


def _shown(timeline: Timeline, start: ir.Instant, end: ir.Instant) -> tuple[str, str]:
    """From and to; a contract without a term has neither."""
    contract = timeline.contract
    is_open = has_no_term(contract)
    return (
        "always" if is_open and start == contract.start else timeline.instant(start),
        "for ever" if is_open and end == contract.end else timeline.instant(end),
    )


def _laid_out(rows: Sequence[Row]) -> Iterator[RenderableType]:
    """Columns; on a narrow page the dates stand above what is said of them."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    if output.page_width(sys.stdout) < WIDTH_FOR_COLUMNS:
        for start, end, said in rows:
            yield Text(f"{start} to {end}", "dim")
            yield from (Padding(one, (0, 0, 0, 2)) for one in said)
            yield Text()
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for column in ("from", "to"):
        table.add_column(column, no_wrap=True)
    table.add_column("in force, and what changes", overflow="fold", ratio=1)
    for start, end, said in rows:
        table.add_row(start, end, Text("\n").join(said))
    yield table
    yield Text()


def _start(timeline: Timeline, version: ir.Version) -> list[Text]:
    """The plan, and every line and adjustment in words."""
    from rich.text import Text

    plan = "no plan" if timeline.contract.plan is None else f"plan {timeline.contract.plan}"
    told = [f"{line_name(line)}: {words.line(line, timeline.currency)}" for line in version.plan.lines]
    told += [words.adjustment(adjustment) for adjustment in version.plan.adjustments]
    return [
        Text(printable(text if len(text) <= WORDS_MAX else text[: WORDS_MAX - 3] + "...")) for text in (plan, *told)
    ]


def _change(change: Change) -> Text:
    from rich.text import Text

    sign, style = ("+", "green") if change.old is None else ("-", "red") if change.new is None else ("~", "yellow")
    return Text.assemble((f"{sign} ", style), printable(change_words(change)))


def change_words(change: Change) -> str:
    """`charge tokens: times 0.85 -> times 0.8`."""
    said = " -> ".join(text for text in (change.old, change.new) if text)
    place = ", ".join(change.where)
    return f"{place}: {said}" if said else place


def _override(override: ir.Override, source: Source) -> Text:
    from rich.text import Text

    said = Text.assemble((f"override {override.line} ", "dim"), *_place(override.winner, source))
    for loser in override.losers:
        said.append_text(Text.assemble((", not ", "dim"), *_place(loser, source)))
    return said


def _place(span: Span, source: Source) -> tuple[str, tuple[str, str]]:
    """What the program says there, and where that is."""
    return output.quoted(source, span), (f" (line {source.position(span.start).line})", "cyan")


def _grants(kept: Kept) -> str:
    word = "grant" if isinstance(kept.node, ir.Balance) else "period"
    return f"; {output.count(len(kept.grants), word)}" if len(kept.grants) > 1 else ""


# --- JSON ----------------------------------------------------------------------------------------------------------


def document(timeline: Timeline, source: Source) -> dict[str, Any]:
    contract = timeline.contract
    return {
        "contract": contract.name,
        "plan": contract.plan,
        "customer": contract.customer,
        "timezone": contract.timezone,
        "term": _ends(timeline, contract.start, contract.end),
        "versions": [
            {
                **_ends(timeline, stretch.version.start, stretch.version.end),
                "lines": {line.name: words.line(line, timeline.currency) for line in stretch.version.plan.lines},
                "adjustments": [words.adjustment(adjustment) for adjustment in stretch.version.plan.adjustments],
                "changes": [
                    {"where": list(change.where), "old": change.old, "new": change.new} for change in stretch.changes
                ],
                "overrides": [
                    {
                        "line": override.line,
                        "kind": override.kind,
                        "winner": _quotation(override.winner, source),
                        "losers": [_quotation(loser, source) for loser in override.losers],
                    }
                    for override in stretch.version.overrides
                ],
            }
            for stretch in timeline.stretches
        ],
        "balances": [
            {
                "name": kept.node.name,
                "words": balance_words(kept.node, contract),
                "grants": [_ends(timeline, *grant) for grant in kept.grants],
            }
            for kept in timeline.balances
        ],
    }


def _ends(timeline: Timeline, start: ir.Instant, end: ir.Instant) -> dict[str, str]:
    return {"from": timeline.instant(start), "to": timeline.instant(end)}


def _quotation(span: Span, source: Source) -> dict[str, Any]:
    return {"text": " ".join(source.text[span.start : span.end].split()), "line": source.position(span.start).line}


__all__ = ["Kept", "Stretch", "Timeline", "build_timeline", "change_words", "document", "show"]
