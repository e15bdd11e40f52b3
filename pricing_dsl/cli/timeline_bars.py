"""A contract's timeline as bars over time: a line's bar changes where the line changes, a balance's at each grant.

In the terminal with rich, into PNG or SVG with matplotlib (an optional extra). Only times are drawn, never amounts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pricing_dsl.cli import output
from pricing_dsl.cli.files import CallError
from pricing_dsl.cli.plotting import SUFFIXES
from pricing_dsl.cli.timeline import Timeline, change_words
from pricing_dsl.diagnostics.layout import printable
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir import words
from pricing_dsl.ir.compare import compare_adjustments, compare_lines, line_name
from pricing_dsl.values.periods import moment_of

if TYPE_CHECKING:
    from rich.text import Text

LINE_SIGNS, BALANCE_SIGNS = "█▓▒░", "▆▃"
"""One for each state of a line in turn, and for each grant of a balance."""

COLOURS = ("blue", "cyan", "magenta", "yellow", "green")
SPAN_MAX = 40 * 366 * 86_400
"""Terms longer than forty years (a contract without a term has no end) are drawn around what changes in them."""

YEAR = 366 * 86_400


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a bar; `state` counts what is different on the bar from 0, `says` what made it so."""

    start: ir.Instant
    end: ir.Instant
    state: int
    says: str


@dataclass(frozen=True, slots=True)
class Bar:
    name: str
    is_balance: bool
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Bars in the window `[start, end)` that is drawn; `marks` are the instants at which something in force changes."""

    title: str
    zone: ZoneInfo
    start: ir.Instant
    end: ir.Instant
    marks: tuple[ir.Instant, ...]
    bars: tuple[Bar, ...]


def build_picture(timeline: Timeline) -> Picture:
    """Every line, adjustment and balance of the contract as a bar."""
    contract = timeline.contract
    start, end = _window(timeline)
    bars = (*_line_bars(timeline), *_adjustment_bars(timeline), *_balance_bars(timeline))
    return Picture(
        f"{contract.name}: {timeline.instant(start)} to {timeline.instant(end)}",
        ZoneInfo(contract.timezone),
        start,
        end,
        tuple(version.start for version in contract.versions[1:]),
        tuple(_clipped(bar, start, end) for bar in bars),
    )


def _window(timeline: Timeline) -> tuple[ir.Instant, ir.Instant]:
    contract = timeline.contract
    if contract.end - contract.start <= SPAN_MAX:
        return contract.start, contract.end
    changing = [version.start for version in contract.versions[1:]]
    changing += [at for kept in timeline.balances for at in (kept.node.start, kept.node.end)]
    inside = [at for at in changing if contract.start < at < contract.end] or [contract.start]
    return max(contract.start, min(inside) - YEAR), min(contract.end, max(inside) + YEAR)


def _clipped(bar: Bar, start: ir.Instant, end: ir.Instant) -> Bar:
    kept = (p for p in bar.pieces if p.start < end and p.end > start)
    pieces = tuple(Piece(max(p.start, start), min(p.end, end), p.state, p.says) for p in kept)
    return Bar(bar.name, bar.is_balance, pieces)


def _line_bars(timeline: Timeline) -> Iterator[Bar]:
    versions = timeline.contract.versions
    for name in dict.fromkeys(line_name(line) for version in versions for line in version.plan.lines):
        stretches = [
            (v.start, v.end, next((line for line in v.plan.lines if line_name(line) == name), None)) for v in versions
        ]
        yield Bar(name, False, tuple(_pieces(timeline, stretches)))


def _adjustment_bars(timeline: Timeline) -> Iterator[Bar]:
    versions = timeline.contract.versions
    names = dict.fromkeys(name for version in versions for name in _named(version.plan))
    for name in names:
        yield Bar(name, False, tuple(_pieces(timeline, [(v.start, v.end, _named(v.plan).get(name)) for v in versions])))


def _named(plan: ir.Plan) -> dict[str, ir.Adjustment]:
    """Adjustments by what they are called on statements."""
    return {a.name or f"{a.kind} {number}": a for number, a in enumerate(plan.adjustments, start=1)}


Stretches = Sequence[tuple[ir.Instant, ir.Instant, ir.Fee | ir.Charge | ir.Adjustment | None]]


def _pieces(timeline: Timeline, stretches: Stretches) -> Iterator[Piece]:
    """The pieces of one line or adjustment: neighbours in which it is the same are one."""
    state, last = -1, None
    open_: Piece | None = None
    for start, end, node in stretches:
        if open_ is not None and node is not None and node == last:
            open_ = Piece(open_.start, end, open_.state, open_.says)
            continue
        if open_ is not None:
            yield open_
        open_ = None
        if node is not None:
            state += 1
            open_ = Piece(start, end, state, _says(timeline, last, node))
            last = node
    if open_ is not None:
        yield open_


def _says(
    timeline: Timeline,
    old: ir.Fee | ir.Charge | ir.Adjustment | None,
    new: ir.Fee | ir.Charge | ir.Adjustment,
) -> str:
    """What changed, or all of it for the first."""
    currency = timeline.currency
    if old is None:
        return words.adjustment(new) if isinstance(new, ir.Adjustment) else words.line(new, currency)
    if isinstance(old, ir.Adjustment) or isinstance(new, ir.Adjustment):
        assert isinstance(old, ir.Adjustment)
        assert isinstance(new, ir.Adjustment)
        changes = compare_adjustments((old,), (new,), ())
    else:
        changes = compare_lines((old,), (new,), (), (currency, currency))
    return "; ".join(change.new or f"without {change.old}" for change in changes)


def _balance_bars(timeline: Timeline) -> Iterator[Bar]:
    for kept in timeline.balances:
        amount = kept.node.amount
        says = words.money(amount) if not isinstance(amount, ir.Expression) else words.expression(amount, amount=True)
        pieces = (Piece(start, end, number, says) for number, (start, end) in enumerate(kept.grants))
        yield Bar(kept.title, True, tuple(pieces))


# --- in the terminal -------------------------------------------------------------------------------------------------


def draw_in_terminal(timeline: Timeline) -> None:
    """The bars, one line each, above an axis with the dates at which something changes."""
    from rich.text import Text

    picture = build_picture(timeline)
    names = max((len(bar.name) for bar in picture.bars), default=0)
    width = max(output.page_width(sys.stdout) - names - 2, 20)
    rows: list[Text] = [
        Text.assemble(printable(f"{bar.name:<{names}}  "), _bar_text(bar, picture, width)) for bar in picture.bars
    ]
    rows += [Text(" " * (names + 2) + row, "dim") for row in _axis(picture, width)]
    output.show(*rows)


def _column(at: ir.Instant, picture: Picture, width: int) -> int:
    return (at - picture.start) * width // (picture.end - picture.start)


def _bar_text(bar: Bar, picture: Picture, width: int) -> Text:
    from rich.text import Text

    signs = BALANCE_SIGNS if bar.is_balance else LINE_SIGNS
    cells = [(" ", "")] * width
    for piece in bar.pieces:
        first = min(_column(piece.start, picture, width), width - 1)
        last = max(_column(piece.end, picture, width), first + 1)
        sign, colour = signs[piece.state % len(signs)], COLOURS[piece.state % len(COLOURS)]
        cells[first:last] = [(sign, colour)] * (last - first)
    return Text.assemble(*cells)


def _axis(picture: Picture, width: int) -> tuple[str, str]:
    """Ticks at both ends and where something changes, and the dates below them as far as there is room."""
    last = width - 1
    marks = {min(_column(at, picture, width), last): at for at in reversed(picture.marks) if picture.start < at}
    ticks = "".join("├" if n == 0 else "┤" if n == last else "┴" if n in marks else "─" for n in range(width))
    labels = [" "] * width
    start, end = (_date(at, picture.zone) for at in (picture.start, picture.end))
    labels[: len(start)] = start
    labels[width - len(end) :] = end
    for column, at in sorted(marks.items()):
        date = _date(at, picture.zone)
        first = max(column - len(date) // 2, 0)
        around = labels[max(first - 1, 0) : first + len(date) + 1]
        if len(around) == len(date) + 2 and set(around) == {" "}:
            labels[first : first + len(date)] = date
    return ticks, "".join(labels).rstrip()


def _date(at: ir.Instant, zone: ZoneInfo) -> str:
    return moment_of(at, zone).date().isoformat()


# --- into a file -----------------------------------------------------------------------------------------------------


def draw_into_file(timeline: Timeline, file: str) -> None:
    """The same as PNG or SVG. Raises `CallError` for another file type and where matplotlib is not installed."""
    if Path(file).suffix.lower() not in SUFFIXES:
        raise CallError(f"cannot draw into {file}", "name a file that ends in .png or .svg")
    try:
        from matplotlib import colormaps, dates, rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise CallError("drawing into a file needs matplotlib", "pip install 'pricing-dsl[plot]'") from None

    picture = build_picture(timeline)
    svg = Path(file).suffix.lower() == ".svg"
    library: Any = dates

    def place(at: ir.Instant) -> float:
        """Where an instant stands on the axis: local time as the library counts days."""
        local: datetime = moment_of(at, picture.zone).replace(tzinfo=None)
        return float(library.date2num(local))

    with rc_context({"svg.hashsalt": "pricing", "svg.fonttype": "none"}):
        figure = Figure(figsize=(10, 1.4 + 0.42 * len(picture.bars)), layout="constrained")
        axes = figure.add_subplot()
        shades = {False: colormaps["Set2"], True: colormaps["Pastel2"]}
        for row, bar in enumerate(picture.bars):
            for piece in bar.pieces:
                left, right = place(piece.start), place(piece.end)
                colour = shades[bar.is_balance](piece.state % 8)
                (drawn,) = axes.barh(row, right - left, 0.72, left, color=colour, edgecolor="white")
                label = axes.text(left, row, f" {piece.says}", va="center", fontsize=7)
                label.set_clip_path(drawn)
        for at in picture.marks:
            axes.axvline(place(at), color="grey", linewidth=0.8, linestyle=":")
        axes.set_xlim(place(picture.start), place(picture.end))
        axes.set_yticks(range(len(picture.bars)), [bar.name for bar in picture.bars])
        axes.set_ylim(len(picture.bars) - 0.5, -0.5)
        locator = library.AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(library.ConciseDateFormatter(locator))
        axes.set_title(picture.title)
        try:
            # Without a date the same contract draws the same file.
            figure.savefig(file, metadata={"Date": None} if svg else None, dpi=144)
        except OSError as error:
            raise CallError(f"cannot write {file}: {error.strerror or error}") from None
    output.say(f"drew {file}", sys.stderr)


__all__ = ["Bar", "Picture", "Piece", "build_picture", "change_words", "draw_in_terminal", "draw_into_file"]
