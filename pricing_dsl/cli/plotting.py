"""Draw a charge against the usage of one meter, all other usage as given: in the terminal, or as PNG or SVG.

The amounts are sampled exactly with the evaluator: at even steps, and on both sides of every tier bound. Usage that is
given by dimensions keeps its mix. Amounts stay exact up to the drawing library, which makes pixels of them; nothing
that is drawn here is ever read back. matplotlib is an optional extra and is asked for only by `--plot-file`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pricing_dsl.cli import output
from pricing_dsl.cli.files import CallError
from pricing_dsl.evaluate.usage import read_usage
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.numbers import decimal_text, grouped_text
from pricing_dsl.values.rounding import share_out

if TYPE_CHECKING:
    from pricing_dsl.cli.statements import Inputs
    from pricing_dsl.evaluate.evaluator import Evaluator
    from pricing_dsl.evaluate.statement import SegmentedUsage, Usage

STEPS = 120
"""Even steps between 0 and the end of the axis."""

GRAIN = 10**6
"""Parts of a unit in which usage that need not be whole is sampled."""

LINES_MAX = 6
"""Lines drawn beside the total: those that change most."""

SUFFIXES = {".png", ".svg"}


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of the drawing: its name and its amount at each sampled quantity."""

    name: str
    amounts: tuple[Decimal, ...]

    @property
    def change(self) -> Decimal:
        return max(self.amounts) - min(self.amounts)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn. `quantities` ascend; `unpriced` says that some of the usage on the way reaches no price."""

    title: str
    across: str
    upward: str
    quantities: tuple[Decimal, ...]
    curves: tuple[Curve, ...]
    unpriced: bool


def draw(
    evaluator: Evaluator,
    inputs: Inputs,
    meter: str,
    to: str | None,
    file: str | None,
) -> None:
    """Draw the total, and each line that changes, against usage of `meter` from 0 to `to`.

    Raises `CallError` for an unknown meter or file type, `EvaluationError` where usage on the way cannot be priced.
    """
    if file is not None and Path(file).suffix.lower() not in SUFFIXES:
        raise CallError(f"cannot draw into {file}", "name a file that ends in .png or .svg")
    drawing = sampled(evaluator, inputs, _require_meter(evaluator.program, meter), to)
    if file is None:
        _draw_in_terminal(drawing)
    else:
        _draw_into_file(drawing, file)
        output.say(f"drew {file}", sys.stderr)
    if drawing.unpriced:
        output.say(f"in this drawing some usage of `{meter}` reaches no price and costs nothing", sys.stderr)


def sampled(evaluator: Evaluator, inputs: Inputs, meter: ir.Meter, to: str | None) -> Drawing:
    """The exact amounts along the axis. Opening balances and counters are the same at every quantity."""
    usage = _require_whole(inputs.usage)
    grain = 1 if meter.whole else GRAIN
    plan = _plan_of(evaluator, inputs.period)
    cells = read_usage(evaluator.program, plan, usage).get(meter.name, {})
    bounds = sorted(set(_tier_bounds(evaluator.program, plan, meter.name)))
    end = _end(to, sum(cells.values(), Fraction(0)), bounds)
    places = _places(end, bounds, grain)
    statements = [
        evaluator(_with(usage, meter, cells, place, grain), inputs.period, inputs.balances, inputs.counters)
        for place in places
    ]
    total = Curve("total", tuple(statement.total for statement in statements))
    lines = [
        Curve(line.label or line.id, tuple(statement.line(line.id).amount for statement in statements))
        for line in statements[0].lines
    ]
    changing = [curve for curve in lines if curve.change and curve.amounts != total.amounts]
    most = sorted(changing, key=lambda curve: curve.change, reverse=True)[:LINES_MAX]
    first = statements[0]
    return Drawing(
        title=f"{first.target}: charge by usage of {meter.label or meter.name}",
        across=meter.unit,
        upward=first.currency,
        quantities=tuple(Decimal(place) / grain for place in places),
        curves=(total, *(curve for curve in changing if curve in most)),
        unpriced=any(statement.unpriced for statement in statements),
    )


def _require_whole(usage: Usage | SegmentedUsage) -> Usage:
    if isinstance(usage, Mapping):
        return usage
    raise CallError("usage in segments cannot be drawn", "draw a period that nothing cuts, and give its usage as one")


def _plan_of(evaluator: Evaluator, period: tuple[str, str] | None) -> ir.Plan:
    """The plan whose tiers are sampled: of a contract, what is in force when the period starts."""
    if isinstance(evaluator.target, ir.Plan):
        return evaluator.target
    start = evaluator.contract_period(period).start
    return next(version.plan for version in evaluator.target.versions if version.start <= start < version.end)


def _require_meter(program: ir.Program, name: str) -> ir.Meter:
    from pricing_dsl.check.scope import did_you_mean

    known = {meter.name: meter for meter in program.meters}
    if name not in known:
        near = did_you_mean(name, known)
        raise CallError(
            f"there is no meter `{name}`",
            f"did you mean `{near}`?" if near else "there are: " + ", ".join(f"`{known_}`" for known_ in known),
        )
    return known[name]


def _end(to: str | None, given: Fraction, bounds: Sequence[Fraction]) -> Fraction:
    """Where the axis ends: as said, else past the last tier bound and at least twice the usage given."""
    if to is None:
        past_tiers = bounds[-1] * Fraction(5, 4) if bounds else Fraction(0)
        return max(2 * given, past_tiers) or Fraction(1000)
    try:
        end = Fraction(Decimal(to.replace("_", "")))
    except (ArithmeticError, ValueError):
        end = Fraction(0)
    if end <= 0:
        raise CallError(f"`--to {to}` is not a quantity above 0", "write a number: --to 2_000_000")
    return end


def _places(end: Fraction, bounds: Iterable[Fraction], grain: int) -> list[int]:
    """The quantities to sample, in grains: even steps, and each bound with the next grain after it."""
    last = max(int(end * grain), 1)
    even = (last * step // STEPS for step in range(STEPS + 1))
    near = chain.from_iterable((int(bound * grain), int(bound * grain) + 1) for bound in bounds)
    return sorted({place for place in chain(even, near) if 0 <= place <= last})


def _with(
    usage: Usage, meter: ir.Meter, cells: Mapping[tuple[str | None, ...], Fraction], place: int, grain: int
) -> Usage:
    """The usage with `meter` at `place` grains, shared over its cells as they are mixed in `usage`."""
    if not cells:
        return {**usage, meter.name: decimal_text(Fraction(place, grain))}
    sizes = [abs(quantity) for quantity in cells.values()]
    made: list[dict[str, Any]] = []
    for key, share in zip(cells, share_out(place, sizes), strict=True):
        dimensions = {name: value for name, value in zip(meter.dimensions, key, strict=True) if value is not None}
        made.append({"quantity": decimal_text(Fraction(share, grain)), **dimensions})
    return {**usage, meter.name: made}


def _tier_bounds(program: ir.Program, plan: ir.Plan, meter: str) -> Iterator[Fraction]:
    """Upper bounds of all tiers in charges that read this meter, directly or through a quantity."""
    quantities = {quantity.name: quantity for quantity in program.quantities}

    def reads(source: object) -> bool:
        quantity = quantities.get(source) if isinstance(source, str) else None
        if quantity is None:
            return source == meter
        return reads(quantity.source) or any(reads(term.name) for term in quantity.terms)

    for line in plan.lines:
        if isinstance(line, ir.Charge) and reads(line.source):
            yield from (tier.upper for tier in _tiers(line.steps) if tier.upper is not None)


def _tiers(node: object) -> Iterator[ir.Tier]:
    """All tiers inside IR nodes."""
    if isinstance(node, ir.Tier):
        yield node
    if isinstance(node, tuple):
        for item in node:
            yield from _tiers(item)
    elif is_dataclass(node):
        for field in fields(node):
            yield from _tiers(getattr(node, field.name))


def _draw_in_terminal(drawing: Drawing) -> None:
    import plotext  # type: ignore[import-untyped]

    colours = output.has_colours(sys.stdout)
    figure = plotext.figure
    figure.clear()
    figure.theme("default" if colours else "colorless")
    figure.plot_size(min(output.page_width(sys.stdout), 110), 24)
    # Without colours each line needs a sign of its own.
    signs = "●○x+*#@" if not colours else [None] * len(drawing.curves)
    for curve, sign in zip(drawing.curves, signs, strict=False):
        # Fractions meet the floats of the library without complaint, and become floats of its own making.
        across, upward = [[Fraction(value) for value in values] for values in (drawing.quantities, curve.amounts)]
        signal = figure.signal(across, upward, marker=sign)
        figure.draw(signal.label(curve.name).lines())
    figure.title(drawing.title)
    figure.label(drawing.across, "x")
    figure.label(drawing.upward, "y")
    amounts = [amount for curve in drawing.curves for amount in curve.amounts]
    for axis, low, high in (("x", Decimal(0), drawing.quantities[-1]), ("y", min(amounts), max(amounts))):
        ticks = _ticks(low, high)
        figure.ruler(axis).ticks(list(ticks.values()), list(ticks))
    output.say(figure.build().string(colorless=not colours))


def _ticks(low: Decimal, high: Decimal) -> dict[str, Fraction]:
    """Five marks on an axis, fewer where they are alike: as written, and where they stand. Three digits say enough."""
    scale = 10 ** max(0, 2 - max(abs(low), abs(high)).adjusted())
    marks = [Fraction(low) + Fraction(high - low) * step / 4 for step in range(5)]
    rounded = [Fraction(round(mark * scale), scale) for mark in marks]
    return {grouped_text(mark): mark for mark in rounded}


def _draw_into_file(drawing: Drawing, file: str) -> None:
    try:
        import numpy as np
        from matplotlib import rc_context
        from matplotlib.figure import Figure
        from matplotlib.ticker import FuncFormatter
    except ImportError:
        raise CallError("drawing into a file needs matplotlib", "pip install 'pricing-dsl[plot]'") from None

    svg = Path(file).suffix.lower() == ".svg"
    with rc_context({"svg.hashsalt": "pricing", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.add_subplot()
        for number, curve in enumerate(drawing.curves):
            across, upward = np.array(drawing.quantities, object), np.array(curve.amounts, object)
            axes.plot(across, upward, label=curve.name, linewidth=2.2 if number == 0 else 1.4)
        axes.set_title(drawing.title)
        axes.set_xlabel(drawing.across)
        axes.set_ylabel(drawing.upward)
        axes.set_xlim(left=0)
        grouped = FuncFormatter(lambda value, _: f"{value:,.0f}" if abs(value) >= 10 or value == 0 else f"{value:,.2f}")
        axes.xaxis.set_major_formatter(grouped)
        axes.yaxis.set_major_formatter(grouped)
        axes.grid(alpha=0.3)
        if len(drawing.curves) > 1:
            axes.legend()
        try:
            # Without a date the same statement draws the same file.
            figure.savefig(file, metadata={"Date": None} if svg else None, dpi=144)
        except OSError as error:
            raise CallError(f"cannot write {file}: {error.strerror or error}") from None
