"""Steps 4 to 11: a pipeline from cells to priced groups, segment by segment.

The billing period is a list of segments, each with its own terms and its cumulative cells at its end and its start
(rule 5: a segment's own terms at both). The front half, from the quantity to the price, is evaluated at both instants
and subtracted; the amount steps then act on the parts of all segments together. A `match` deals cells out to arms,
which are pipelines of the same kind. An uncut billing period is one segment without a start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pricing_dsl.evaluate.lookup import best_arm
from pricing_dsl.evaluate.reference.amounts import AmountStep, amount_step
from pricing_dsl.evaluate.reference.cells import Group, Key, Part, Priced, inside, key_of, key_order
from pricing_dsl.evaluate.reference.context import Run
from pricing_dsl.evaluate.reference.prices import price_at
from pricing_dsl.evaluate.reference.quantity_steps import Groups, QuantityStep, quantity_step
from pricing_dsl.evaluate.reference.reasons import key_text, number, pair, reason
from pricing_dsl.ir import nodes as ir

PRICE_STEPS = (ir.Price, ir.Graduated, ir.Volume, ir.Match)


@dataclass(frozen=True, slots=True)
class Terms:
    """The steps of a pipeline in its three stretches. Without a price the quantity is the amount already."""

    quantity: tuple[ir.Step, ...]
    price: ir.PriceStep | None
    amount: tuple[ir.Step, ...]

    @classmethod
    def of(cls, steps: tuple[ir.Step, ...], first_amount_step: int | None = None) -> Terms:
        """Split steps at the price; where there is none, `first_amount_step` says where money begins."""
        for i, step in enumerate(steps):
            if isinstance(step, PRICE_STEPS):
                return cls(steps[:i], step, steps[i + 1 :])
        at = len(steps) if first_amount_step is None else first_amount_step
        return cls(steps[:at], None, steps[at:])

    @property
    def steps(self) -> tuple[ir.Step, ...]:
        return (*self.quantity, *(() if self.price is None else (self.price,)), *self.amount)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the billing period with terms of its own: cumulative cells at its `end` and its `start`.

    `start` is `None` in the first segment of a counting period, which costs F(end).
    """

    terms: Terms
    end: Groups
    start: Groups | None = None


def price_segments(
    run: Run, segments: Sequence[Segment], outer: Sequence[Key], later: tuple[ir.Step, ...] = ()
) -> tuple[Priced, ...]:
    """Steps 4 to 11 for a charge or an arm; `outer` are the groups around it, `later` the steps behind it."""
    ready = [quantities_of(run, segment, outer, later) for segment in segments]
    if isinstance(ready[-1].terms.price, ir.Match):
        priced = price_arms(run, ready, ready[-1].terms.price, later)
    else:
        priced = merged([cost_of(run, number, segment) for number, segment in enumerate(ready)])
    for step in ready[-1].terms.amount:
        priced = amount_step(run, as_amount_step(step), priced, outer)
    return priced


def quantities_of(run: Run, segment: Segment, outer: Sequence[Key], later: tuple[ir.Step, ...]) -> Segment:
    """Steps 4 to 7: the quantity steps, at the segment's end and at its start."""
    end = run_quantity_steps(run, segment.terms, segment.end, outer, later)
    start = None
    if segment.start is not None:
        start = run_quantity_steps(run.at_start(), segment.terms, segment.start, outer, later)
    return Segment(segment.terms, end, start)


def run_quantity_steps(
    run: Run, terms: Terms, groups: Groups, outer: Sequence[Key], later: tuple[ir.Step, ...] = ()
) -> Groups:
    """The quantity steps in the order written."""
    for i, step in enumerate(terms.quantity):
        groups = quantity_step(run, as_quantity_step(step), (*terms.steps[i + 1 :], *later), groups, outer)
    return groups


def as_quantity_step(step: ir.Step) -> QuantityStep:
    assert isinstance(step, QuantityStep), "the checker lets only quantity steps stand before the price"
    return step


def as_amount_step(step: ir.Step) -> AmountStep:
    assert isinstance(step, AmountStep), "the checker lets only amount steps stand after the price"
    return step


# --- step 8 ---


def cost_of(run: Run, index: int, segment: Segment) -> tuple[Priced, ...]:
    """What a segment costs: F(end) - F(start), the first F(end) (rule 1)."""
    at_end = front(run, segment.terms.price, segment.end)
    if segment.start is None:
        return tuple(in_segment(group, index) for group in at_end)
    at_start = {group.key: group for group in front(run.at_start(), segment.terms.price, segment.start)}
    return tuple(in_segment(less(run, group, at_start.get(group.key)), index) for group in at_end)


def front(run: Run, price: ir.PriceStep | None, groups: Groups) -> tuple[Priced, ...]:
    """F at one instant; a derived charge without a price is the amount already."""
    if price is None:
        return tuple(amount_already(group) for group in groups)
    assert not isinstance(price, ir.Match)
    return price_at(run, price, groups)


def amount_already(group: Group) -> Priced:
    """A quantity of money that nothing prices."""
    parts = tuple(Part(cell.dimensions, cell.quantity, cell.quantity) for cell in group.cells)
    return Priced(group.key, parts, (*group.notes, *(note for cell in group.cells for note in cell.notes)))


def in_segment(group: Priced, index: int) -> Priced:
    return replace(group, parts=tuple(replace(part, segment=index) for part in group.parts))


def less(run: Run, end: Priced, start: Priced | None) -> Priced:
    """A group's parts less what they had cost at the segment's start."""
    if start is None:
        return end
    before = {part_key(part): part for part in start.parts}
    parts = []
    for part in end.parts:
        old = before.get(part_key(part))
        if old is not None:
            part = replace(part, amount=part.amount - old.amount, quantity=part.quantity - old.quantity)
        parts.append(part)
    result = replace(end, parts=tuple(parts))
    if not run.explain:
        return result
    formula = f"{number(end.amount)} - {number(start.amount)}"
    inputs = [pair("at its end", end.amount), pair("at its start", start.amount)]
    return result.noted(reason("segment", "segment", None, formula, result.amount, run.currency, inputs))


def part_key(part: Part) -> Key:
    return key_of(part.dimensions, sorted(part.dimensions))


def merged(segments: Sequence[tuple[Priced, ...]]) -> tuple[Priced, ...]:
    """The groups of all segments; one group has the parts of every segment that it exists in."""
    found: dict[Key, list[Priced]] = {}
    for groups in segments:
        for group in groups:
            found.setdefault(group.key, []).append(group)
    return tuple(joined(key, found[key]) for key in sorted(found, key=key_order))


def joined(key: Key, groups: Sequence[Priced]) -> Priced:
    """Several as one: all their parts, all their notes."""
    parts = tuple(part for group in groups for part in group.parts)
    return Priced(key, parts, tuple(note for group in groups for note in group.notes))


# --- match ---


def price_arms(run: Run, segments: Sequence[Segment], step: ir.Match, later: tuple[ir.Step, ...]) -> tuple[Priced, ...]:
    """Deal the cells out to the arms, price each, and add the arms up for each group around the `match` (rule 10)."""
    results: dict[Key, list[Priced]] = {}
    for segment in segments:
        for group in segment.end:
            results.setdefault(group.key, [Priced(group.key, (), group.notes)])
    for index, arm in enumerate(step.arms):
        dealt = [deal(segment, step, index, Terms.of(arm.steps)) for segment in segments]
        outer = sorted({group.key for segment in dealt for group in segment.end}, key=key_order)
        if not outer:
            continue
        priced = price_segments(run, dealt, outer, (*segments[-1].terms.amount, *later))
        for key, within in inside(priced, outer).items():
            results[key].extend(arm_noted(run, step, arm, group) for group in within)
    return tuple(joined(key, results[key]) for key in sorted(results, key=key_order))


def deal(segment: Segment, step: ir.Match, arm: int, terms: Terms) -> Segment:
    """The cells of one segment that go to one arm; an arm exists where usage other than zero reaches it (rule 14)."""
    end = tuple(filter(None, (dealt(group, step, arm) for group in segment.end)))
    if segment.start is None:
        return Segment(terms, end)
    return Segment(terms, end, tuple(filter(None, (dealt(group, step, arm) for group in segment.start))))


def dealt(group: Group, step: ir.Match, arm: int) -> Group | None:
    cells = tuple(cell for cell in group.cells if cell.quantity and best_arm(step, cell.dimensions) == arm)
    return replace(group, cells=cells, always=False, notes=()) if cells else None


def arm_noted(run: Run, step: ir.Match, arm: ir.Arm, priced: Priced) -> Priced:
    """An arm's group with one node over its own."""
    if not run.explain:
        return priced
    keys = ", ".join(f'"{key.text}"' for key in arm.keys) or "else"
    values = key_text(priced.key)
    what = f"match {step.dimension} {keys}" + (f": {values}" if values else "")
    node = reason(what, "match", arm.span, number(priced.amount), priced.amount, run.currency, (), priced.notes)
    return replace(priced, notes=(node,))
