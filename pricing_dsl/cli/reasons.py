"""One sentence for an amount, made from its reason tree: what `pricing preview` prints beside it.

`200_000 after include 10_000; 100_000 x 0.002 (to 100_000) + 100_000 x 0.0015 (above)`: what the quantity steps left,
what the price made of it, and each amount step. The whole tree is what `pricing explain` prints. Pure text.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from pricing_dsl.evaluate.statement import Line, Reason, Row
from pricing_dsl.values.numbers import grouped_text

PRICES = frozenset({"price", "graduated", "volume", "amount"})
"""Reasons whose parts are what was priced; those of other steps are said by their result."""

REFUSED = "not priced here"
"""How reasons of usage that a charge refuses begin."""

SEGMENT = "segment "
"""How reasons of the segments of a period begin."""

LOOK_UP = "section 4"
"""The rule of reasons that tell which row of a table was read."""

ONE_PERIOD = " x 1"
"""How the formula of a fee ends that is due for one whole service period."""

PARTS_MAX = 3
"""Cells, tiers or arms named in a sentence; of more, the number is said."""


def is_override(reason: Reason) -> bool:
    """Whether a reason tells which override won, not how an amount came about."""
    return reason.what.startswith("override ")


def line_sentence(line: Line) -> str:
    """Why a line is its amount. Empty for a line that was not explained; who won over whom is told by `explain`."""
    if line.reason is None:
        return ""
    steps = [step for step in line.reason.children if not is_override(step)]
    if line.kind == "fee":
        return "; ".join(_fee(step) for step in steps)
    refused = [step for step in steps if step.what.startswith(REFUSED)]
    said = _priced(line, [step for step in steps if step not in refused])
    if refused:
        said = [sentence for sentence in said if sentence != "no usage"]
        said.append(f"{short_number(sum((step.value for step in refused), Fraction(0)))} {refused[0].unit} {REFUSED}")
    return "; ".join(said) or "no usage"


def _priced(line: Line, steps: Sequence[Reason]) -> list[str]:
    """What entered the price, and what each step on money made of it."""
    assert line.reason is not None
    before = [step for step in steps if step.unit != line.reason.unit]
    cuts = sum(step.what.startswith(SEGMENT) for step in steps)
    after = [step for step in steps if step.unit == line.reason.unit]
    said = [_price_or_amount(step, cuts > 1) for step in after]
    if before:
        said.insert(0, f"{short_number(before[-1].value)} after {', '.join(step.what for step in before)}")
    return said


def row_sentence(row: Row) -> str:
    """Why an adjustment is its amount, and which lines it is spread over."""
    if row.reason is None:
        return ""
    lines = [name for name, _ in row.shares]
    named = ", ".join(lines) if len(lines) <= PARTS_MAX else f"{len(lines)} lines"
    return f"{row.reason.formula} on {named}" if lines else row.reason.formula


def short_number(value: Fraction) -> str:
    """A number in a few digits: exact where six places are enough, otherwise to four places and marked with `~`.

    >>> short_number(Fraction(1, 8)), short_number(Fraction(200_000, 3))
    ('0.125', '~66_666.6667')
    """
    text = grouped_text(value)
    if "/" not in text and len(text.partition(".")[2]) <= 6:
        return text
    return "~" + grouped_text(Fraction(round(value * 10_000), 10_000))


def _fee(step: Reason) -> str:
    """`monthly in advance`, with the number of service periods or the shares of one where it is not one whole."""
    words = step.what.removeprefix("fee ")
    return words if step.formula.endswith(ONE_PERIOD) else f"{words}: {step.formula}"


def _price_or_amount(step: Reason, is_cut: bool) -> str:
    """A step that made or changed money: the formulas of its parts, or its own."""
    parts = [part for part in step.children if part.unit == step.unit and not part.rule.startswith(LOOK_UP)]
    if step.what in PRICES:
        return _added(parts) if parts else step.formula
    of_counter = step.what.startswith(SEGMENT) and step.formula  # what its end costs, less what its start did
    if of_counter or not parts:
        return f"{step.what if is_cut or not of_counter else 'counter'}: {step.formula}"
    return f"{step.what} = {short_number(step.value)}"


def _added(parts: Sequence[Reason]) -> str:
    """`100_000 x 0.0022 (eu) + 50_000 x 0.002 (us)`."""
    named = [f"{part.formula} ({_short(part.what)})" for part in parts[:PARTS_MAX]]
    more = len(parts) - PARTS_MAX
    return " + ".join([*named, f"{more} more"] if more > 0 else named)


def _short(what: str) -> str:
    """The values of a cell without their dimensions, a tier without the word."""
    return ", ".join(piece.partition(": ")[2] or piece for piece in what.removeprefix("tier ").split(", "))
