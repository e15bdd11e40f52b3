"""Steps 4 to 11: a pipeline from cells to priced groups, segment by segment.

The billing period is a list of segments, each with its own terms and its cumulative cells at its end and its start
(rule 5: a segment's own terms at both). A *walk* is one segment's way through the quantity steps, at both instants;
then its price at both is subtracted, and the amount steps act on the parts of all segments together. A `match` deals
cells out to arms, which are pipelines of the same kind. An uncut billing period is one segment without a start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from pricing_dsl.evaluate.lookup import best_arm
from pricing_dsl.evaluate.reference.cells import Group, Key, Part, Priced, inside, key_of, key_order
from pricing_dsl.evaluate.reference.context import Run, Runs
from pricing_dsl.evaluate.reference.counters import Counter, Counting, Instants, Path, place_of
from pricing_dsl.evaluate.reference.prices import price_at
from pricing_dsl.evaluate.reference.quantity_steps import Groups, QuantityStep, quantity_step
from pricing_dsl.evaluate.reference.reasons import key_text, number, pair, reason
from pricing_dsl.evaluate.reference.stages import amount_steps
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
    """A stretch of the billing period with terms of its own, and its cells at three instants.

    `instants` are cumulative: at its end, at its start (`None` in the first segment of a counting period, which costs
    F(end)), and at the period's end, where that is needed to choose a tier (rule 2). Usage that does not add over time
    is whole in every segment and counts by `share` (rule 3).
    """

    index: int
    terms: Terms
    runs: Runs
    instants: Instants
    share: Fraction = Fraction(1)


@dataclass
class Walk:
    """A segment that has come to its price: `instants` after the quantity steps, and for a `match` the arms' walks.

    `names` are the dimensions that `each` keeps around the pipeline.
    """

    segment: Segment
    names: tuple[str, ...]
    instants: Instants
    arms: tuple[Walk, ...] = ()

    @property
    def price(self) -> ir.PriceStep | None:
        return self.segment.terms.price

    @property
    def run(self) -> Run:
        return self.segment.runs.end

    def outer(self) -> Iterator[Key]:
        """The groups around the pipeline in which usage reaches it at any instant."""
        for groups in (*self.segment.instants, *self.instants):
            yield from (group.key[: len(self.names)] for group in groups or ())

    def leaves(self) -> Iterator[Walk]:
        """The walks whose quantity meets a price: itself, or those of the arms."""
        if not isinstance(self.price, ir.Match):
            yield self
        for arm in self.arms:
            yield from arm.leaves()


# --- steps 4 to 6 ---


def walk(
    segment: Segment,
    counter: Counter | None = None,
    names: tuple[str, ...] = (),
    later: tuple[ir.Step, ...] = (),
    path: Path = (),
) -> Walk:
    """The quantity steps of a charge or an arm, at every instant.

    `names` are the dimensions that `each` keeps around it, `later` the steps behind it, `path` the arms it lies in.
    """
    steps, price = segment.terms.quantity, segment.terms.price
    kept = kept_by_each(steps, names)
    place = place_of(steps)
    instants = stepped(segment, 0, place, segment.instants, len(names), later)
    segment = replace(segment, runs=segment.runs.after(steps))
    if place is not None:
        step = steps[place]
        assert isinstance(step, ir.Counted)
        assert counter is not None, "a charge that counts has a counter"
        counting = Counting(step, kept_by_each(steps[:place], names), is_pooled_by(steps[:place]), path)
        instants = counter.count(segment.runs.end, counting, instants)
        instants = stepped(segment, place + 1, None, instants, len(names), later)
    if not isinstance(price, ir.Match):
        return Walk(segment, names, instants)
    arms = []
    for index, arm in enumerate(price.arms):
        inner = replace(segment, terms=Terms.of(arm.steps), instants=deal(instants, price, index))
        arms.append(walk(inner, counter, kept, (*segment.terms.amount, *later), (*path, (price, index))))
    return Walk(segment, names, instants, tuple(arms))


def kept_by_each(steps: Sequence[ir.Step], names: tuple[str, ...]) -> tuple[str, ...]:
    """The dimensions that groups have after some steps, `names` before them."""
    kept = names
    for step in steps:
        match step:
            case ir.Each(dimensions=dimensions):
                kept = (*kept, *dimensions)
            case ir.Total() | ir.Largest():
                kept = names
            case _:
                pass
    return kept


def is_pooled_by(steps: Sequence[ir.Step]) -> bool:
    """Whether steps leave each group with one pooled quantity."""
    cell_steps = (ir.Where, ir.Weigh, ir.Each, ir.Counted)
    return any(not isinstance(s, cell_steps) and not (isinstance(s, ir.Include) and s.policy) for s in steps)


def stepped(
    segment: Segment, first: int, last: int | None, at: Instants, depth: int, later: tuple[ir.Step, ...]
) -> Instants:
    """Some of the quantity steps, at the period's end first, so that tiers are known."""
    steps, following = segment.terms.quantity[first:last], (*segment.terms.steps[first:], *later)

    def after_steps(run: Run, groups: Groups) -> Groups:
        return quantity_steps(run, steps, following, groups, around(groups, depth))

    runs = segment.runs
    whole = None if at.whole is None else after_steps(runs.whole, at.whole)
    return Instants(
        after_steps(runs.end, at.end), None if at.start is None else after_steps(runs.start, at.start), whole
    )


def around(groups: Iterable[Group], depth: int) -> list[Key]:
    """The groups around a pipeline, of `depth` dimensions, in which its own lie."""
    return sorted({group.key[:depth] for group in groups}, key=key_order)


def quantity_steps(
    run: Run, steps: Sequence[ir.Step], following: tuple[ir.Step, ...], groups: Groups, outer: Sequence[Key]
) -> Groups:
    """Quantity steps in the order written; `following` are these and all that come after them."""
    for i, step in enumerate(steps):
        assert isinstance(step, QuantityStep), "the checker lets only quantity steps stand before the price"
        run = run.after(step)
        groups = quantity_step(run, step, following[i + 1 :], groups, outer)
    return groups


def run_quantity_steps(run: Run, terms: Terms, groups: Groups) -> Groups:
    """All quantity steps of a pipeline that nothing surrounds, at one instant."""
    return quantity_steps(run, terms.quantity, terms.steps, groups, [()])


def deal(at: Instants, step: ir.Match, arm: int) -> Instants:
    """The cells that go to one arm; an arm exists where usage other than zero reaches it (rule 14)."""

    def dealt(groups: Groups) -> Groups:
        return tuple(filter(None, (dealt_group(group, step, arm) for group in groups)))

    start = None if at.start is None else dealt(at.start)
    return Instants(dealt(at.end), start, None if at.whole is None else dealt(at.whole))


def dealt_group(group: Group, step: ir.Match, arm: int) -> Group | None:
    cells = tuple(cell for cell in group.cells if cell.quantity and best_arm(step, cell.dimensions) == arm)
    return replace(group, cells=cells, always=False, notes=()) if cells else None


# --- step 8 ---


def cost_of(walk: Walk) -> tuple[Priced, ...]:
    """What a segment costs: F(end) - F(start), the first F(end) (rule 1)."""
    segment, at, price = walk.segment, walk.instants, walk.price
    if at.whole is not None:
        front(segment.runs.whole, price, at.whole)
    end = {group.key: group for group in front(segment.runs.end, price, at.end)}
    if at.start is None:
        return tuple(first_cost(segment, group) for group in end.values())
    start = {group.key: group for group in front(segment.runs.start, price, at.start)}
    return tuple(less(segment, key, end.get(key), start.get(key)) for key in dict.fromkeys([*end, *start]))


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


def first_cost(segment: Segment, group: Priced) -> Priced:
    """F(end), by the segment's share for what does not add over time (rule 3)."""
    share, run = segment.share, segment.runs.end
    parts = tuple(
        replace(part, segment=segment.index, amount=part.amount * share, quantity=part.quantity * share)
        for part in group.parts
    )
    priced = replace(group, parts=parts)
    if not run.explain or len(run.context.segment_texts) == 1:
        return priced
    formula, inputs = number(group.amount), []
    if share != 1:
        formula, inputs = f"{formula} x {number(share)}", [pair("share of the time", share)]
    return segment_noted(segment, priced, formula, inputs)


def less(segment: Segment, key: Key, end: Priced | None, start: Priced | None) -> Priced:
    """A group's parts less what they had cost at the segment's start; what is only there at one of them counts as 0."""
    run = segment.runs.end
    parts = {part_key(part): replace(part, segment=segment.index) for part in (() if end is None else end.parts)}
    for old in () if start is None else start.parts:
        part = parts.get(part_key(old), Part(old.dimensions, Fraction(0), Fraction(0), segment.index))
        amount, quantity = part.amount - old.amount, part.quantity - old.quantity
        parts[part_key(old)] = replace(part, amount=amount, quantity=quantity)
    priced = Priced(key, tuple(parts.values()), () if end is None else end.notes)
    if not run.explain:
        return priced
    at_end, at_start = (Fraction(0) if group is None else group.amount for group in (end, start))
    inputs = [pair("at its end", at_end), pair("at its start", at_start)]
    return segment_noted(segment, priced, f"{number(at_end)} - {number(at_start)}", inputs)


def segment_noted(segment: Segment, priced: Priced, formula: str, inputs: Sequence[tuple[str, str]]) -> Priced:
    """One node for a segment over what happened in it."""
    run = segment.runs.end
    what = f"segment {run.context.segment_texts[segment.index]}".rstrip()
    node = reason(what, "segment", None, formula, priced.amount, run.currency, inputs, priced.notes)
    return replace(priced, notes=(node,))


def part_key(part: Part) -> Key:
    return key_of(part.dimensions, sorted(part.dimensions))


def merged(segments: Sequence[tuple[Priced, ...]]) -> list[Priced]:
    """The groups of all segments; one group has the parts of every segment that it exists in."""
    found: dict[Key, list[Priced]] = {}
    for groups in segments:
        for group in groups:
            found.setdefault(group.key, []).append(group)
    return [joined(key, found[key]) for key in sorted(found, key=key_order)]


def joined(key: Key, groups: Sequence[Priced]) -> Priced:
    """Several as one: all their parts, all their notes."""
    parts = tuple(part for group in groups for part in group.parts)
    return Priced(key, parts, tuple(note for group in groups for note in group.notes))


# --- steps 8 to 11 ---


def priced(walks: Sequence[Walk], outer: Sequence[Key], *, last_in_force: bool = True) -> tuple[Priced, ...]:
    """Price a charge or an arm in all its segments, and take its amount steps.

    Not `last_in_force`: an arm that the period's last segment does not have, so its steps on sums do not act (step 10).
    """
    found: dict[Key, list[Priced]] = {}
    for each in walks:
        if isinstance(each.price, ir.Match):
            for group in each.instants.end:
                found.setdefault(group.key, []).append(Priced(group.key, (), group.notes))
    leaves = merged([cost_of(each) for each in walks if not isinstance(each.price, ir.Match)])
    for cost in still_there(leaves, walks):
        found.setdefault(cost.key, []).append(cost)
    for label, arm_walks in arms_of(walks):
        around_arm = sorted({key for each in arm_walks for key in each.outer()}, key=key_order)
        if not around_arm:
            continue
        is_last = last_in_force and arm_walks[-1].segment.index == walks[-1].segment.index
        for key, within in inside(priced(arm_walks, around_arm, last_in_force=is_last), around_arm).items():
            found.setdefault(key, []).extend(arm_noted(walks[-1].run, label, group) for group in within)
    groups = tuple(joined(key, found[key]) for key in sorted(found, key=key_order))
    terms = [(each.segment.index, each.run, each.segment.terms.amount) for each in walks]
    return amount_steps(terms, groups, outer, sums_act=last_in_force)


def still_there(groups: list[Priced], walks: Sequence[Walk]) -> list[Priced]:
    """Without groups whose usage came to nothing by the period's end: they were never there (rule 14)."""
    at_end = {group.key for group in walks[-1].instants.end}
    return [group for group in groups if group.key in at_end or group.amount or group.quantity]


Label = tuple[str, ir.Arm]
"""The dimension of a `match`, and one of its arms."""


def arms_of(walks: Sequence[Walk]) -> Iterator[tuple[Label, list[Walk]]]:
    """The arms of every segment, those of one dimension and the same keys together, the last segment's first."""
    found: dict[tuple[str, tuple[ir.Key, ...]], tuple[Label, list[Walk]]] = {}
    for each in reversed(walks):
        if isinstance(each.price, ir.Match):
            for arm, inner in zip(each.price.arms, each.arms, strict=True):
                label = each.price.dimension, arm
                found.setdefault((each.price.dimension, arm.keys), (label, []))[1].insert(0, inner)
    yield from found.values()


def arm_noted(run: Run, label: Label, priced: Priced) -> Priced:
    """An arm's group with one node over its own."""
    if not run.explain:
        return priced
    dimension, arm = label
    keys = ", ".join(f'"{key.text}"' for key in arm.keys) or "else"
    values = key_text(priced.key)
    what = f"match {dimension} {keys}" + (f": {values}" if values else "")
    node = reason(what, "match", arm.span, number(priced.amount), priced.amount, run.currency, (), priced.notes)
    return replace(priced, notes=(node,))
