"""Steps 12 to 14: fees and charges as lines of the statement, each exact inside and rounded once, at its end.

A charge is on a meter or quantity, or derived: then its quantity is an amount over rounded lines and quantities. Parts
that `show by` lists are rounded by largest remainder, so that they add up to it (language reference, section 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pricing_dsl.evaluate.reference import expressions
from pricing_dsl.evaluate.reference.amounts import group_note
from pricing_dsl.evaluate.reference.cells import ZERO, Cell, Key, Origin, Part, Refusal, key_order
from pricing_dsl.evaluate.reference.context import Context, Run
from pricing_dsl.evaluate.reference.entries import without_entryless
from pricing_dsl.evaluate.reference.pipeline import Segment, Terms, price_segments
from pricing_dsl.evaluate.reference.quantities import Quantities, Reading
from pricing_dsl.evaluate.reference.quantity_steps import whole_pool
from pricing_dsl.evaluate.reference.reasons import number, pair, reason
from pricing_dsl.evaluate.statement import Line, LineInfo, Reason
from pricing_dsl.evaluate.statement import Part as ShownPart
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.rounding import round_to_minor

PERIODS = "period"
"""The unit of a fee's quantity: service periods billed."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A line before adjustments, and which usage reached a price in it."""

    info: LineInfo
    minor: int
    exact: Fraction
    quantity: Fraction
    parts: tuple[ShownPart, ...]
    reason: Reason | None
    origins: frozenset[Origin] = frozenset()
    taken: frozenset[Origin] = frozenset()
    refused: tuple[Refusal, ...] = ()

    def line(self, net_minor: int) -> Line:
        """The statement's line, once its shares of the adjustments are known."""
        exact, quantity = self.exact, self.quantity
        return Line(
            self.info, self.minor, exact.numerator, exact.denominator, net_minor,
            quantity.numerator, quantity.denominator, self.parts, self.reason,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rounding:
    """How lines are rounded: the currency's minor digits and the plan's mode."""

    digits: int
    mode: ir.Rounding

    def minor(self, amount: Fraction) -> int:
        return round_to_minor(amount, self.digits, self.mode)

    def money(self, minor: int) -> Fraction:
        return Fraction(minor, 10**self.digits)


# --- step 13 ---


def fee_line(context: Context, rounding: Rounding, fee: ir.Fee) -> Evaluated:
    """Billed once for each service period that starts (in advance) or ends (in arrears) in this period (rule 24)."""
    shares = context.period.fee_shares(fee.cadence, fee.timing, fee.prorated)
    exact = fee.amount * sum(shares, ZERO)
    minor = rounding.minor(exact)
    info = LineInfo(fee.name, fee.label, "fee", PERIODS, rounding.digits)
    node = None
    if context.explain:
        formula = " + ".join(f"{number(fee.amount)} x {number(share)}" for share in shares) or "no service period"
        inputs = [pair("amount", fee.amount), pair("service periods", Fraction(len(shares)))]
        billed = reason(f"fee {fee.cadence} {fee.timing}", "fee", fee.span, formula, exact, context.currency, inputs)
        node = rounded_note(context, rounding, fee.label or fee.name, fee, exact, minor, (billed,))
    return Evaluated(info, minor, exact, Fraction(len(shares)), (), node)


# --- steps 4 to 12, and 14 ---


def charge_line(quantities: Quantities, rounding: Rounding, charge: ir.Charge) -> Evaluated:
    """One charge: its quantity through its steps, added up and rounded once."""
    context = quantities.context
    if isinstance(charge.source, str):
        run = Run(context, charge.name, charge.source, charge.unit)
        reading = quantities.read(charge.source)
    else:
        run = Run(context, charge.name, charge.name, charge.unit)
        reading = derived_reading(run, charge.source)
    terms = Terms.of(charge.steps, charge.first_amount_step)
    cells = without_entryless(run, charge.steps, reading.cells)
    groups = price_segments(run, [Segment(terms, whole_pool(cells))], [()])
    exact = sum((group.amount for group in groups), ZERO)
    minor = rounding.minor(exact)
    refused = (*reading.refused, *run.refused)
    parts = shown_parts([part for group in groups for part in group.parts], minor, rounding.digits)
    node = None
    if context.explain:
        children = groups[0].notes if len(groups) == 1 else tuple(group_note(run, group) for group in groups)
        children = (*children, *(refused_note(refusal) for refusal in run.refused))
        node = rounded_note(context, rounding, charge.label or charge.name, charge, exact, minor, children)
    info = LineInfo(charge.name, charge.label, "charge", charge.unit, rounding.digits)
    return Evaluated(
        info, minor, exact, reading.quantity, parts, node, reading.origins, reading.taken - run.lost, refused
    )


def refused_note(refusal: Refusal) -> Reason:
    """Usage that this charge does not price: unpriced, unless another charge takes it (section 4)."""
    values = ", ".join(f"{name}: {value}" for name, value in refusal.dimensions)
    what = f"not priced here: {values}" if values else "not priced here"
    return reason(what, "refused", None, refusal.reason, refusal.quantity, refusal.unit)


def derived_reading(run: Run, expression: ir.Expression) -> Reading:
    """Step 14: an amount over rounded lines, before any adjustment, and whole quantities."""
    amount = run.number(expression, ())
    notes: tuple[Reason, ...] = ()
    if run.explain:
        text, inputs = expressions.text(expression), run.inputs(expression, ())
        notes = (reason("amount", "derived", expression.span, text, amount, run.currency, inputs),)
    return Reading((Cell({}, amount, frozenset(), notes),), frozenset(), frozenset())


def rounded_note(
    context: Context,
    rounding: Rounding,
    label: str,
    line: ir.Fee | ir.Charge,
    exact: Fraction,
    minor: int,
    children: Sequence[Reason],
) -> Reason:
    """The root of a line's explanation: exact -> rounded."""
    amount = rounding.money(minor)
    step = Fraction(1, 10**rounding.digits)
    formula = f"{number(exact)} rounded {rounding.mode} to {number(step)}"
    return reason(label, "line", line.span, formula, amount, context.currency, [pair("exact", exact)], children)


# --- show by ---


def shown_parts(parts: Sequence[Part], minor: int, digits: int) -> tuple[ShownPart, ...]:
    """The parts that `show by` lists, in the order of their values; they add up to the line.

    Listed is what entered the price: `price 0` at 0.00, but not usage that free units left nothing of.
    """
    if all(part.shown is None for part in parts):
        return ()
    amounts: dict[Key, Fraction] = {}
    for part in parts:
        if not part.quantity and not part.amount:
            continue
        key = part.shown or ()
        amounts[key] = amounts.get(key, ZERO) + part.amount
    keys = sorted(amounts, key=key_order)
    shares = footing_shares(minor, [amounts[key] * 10**digits for key in keys])
    return tuple(
        ShownPart(tuple((name, value or "") for name, value in key), share, digits)
        for key, share in zip(keys, shares, strict=True)
    )


def footing_shares(whole: int, exact: Sequence[Fraction]) -> list[int]:
    """Round amounts of either sign so that they add up to `whole`, their rounded sum: largest remainder, ties earlier.

    >>> footing_shares(100, [Fraction(100, 3)] * 3)
    [34, 33, 33]
    """
    shares = [amount.numerator // amount.denominator for amount in exact]
    missing = whole - sum(shares)
    by_remainder = sorted(range(len(exact)), key=lambda i: shares[i] - exact[i])
    for i in by_remainder[:missing]:
        shares[i] += 1
    return shares
