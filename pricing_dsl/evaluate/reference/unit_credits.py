"""Step 7: credits in units, which pay after the quantity steps and directly before the price (rule 32).

What they pay counts in no tier: it is taken out of the cumulative quantity at a segment's end (b) and at its start (a),
so the segment's own units fall by what is drawn in it. Credits pay in time, in burn order and line order, so the walks
of all charges have come to their prices before the first is priced. A meter that does not add over time is whole in
every segment and counts by the segment's share (rule 3), and so does what is paid of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from pricing_dsl.evaluate.reference.balances import Ledger
from pricing_dsl.evaluate.reference.cells import ZERO, Cell, Group, Key, key_of, key_order
from pricing_dsl.evaluate.reference.counters import Instants
from pricing_dsl.evaluate.reference.draws import covers_cell, described
from pricing_dsl.evaluate.reference.free_units import eligible_cells, share_free_units
from pricing_dsl.evaluate.reference.lots import Account, Lot, decimal_down
from pricing_dsl.evaluate.reference.pipeline import Walk
from pricing_dsl.evaluate.reference.quantity_steps import Groups
from pricing_dsl.evaluate.reference.reasons import number, pair
from pricing_dsl.evaluate.reference.segments import SegmentTime
from pricing_dsl.evaluate.statement import Draw, Reason
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.numbers import decimal_text

RULE = "rule 32: units that a credit pays cost nothing and count in no tier"

Walks = Mapping[str, Sequence[Walk]]
"""The charges on a meter or quantity in statement order, each with its walks in time order."""

Path = tuple[tuple[str, tuple[ir.Key, ...]], ...]
"""The arms of `match` that a group lies in, from the outside: the dimension and the keys of each."""


@dataclass(slots=True)
class Units:
    """The units that one segment adds to a group, cell by cell, and what credits have paid of each."""

    group: Group
    cells: tuple[Cell, ...]
    paid: list[Fraction]

    @property
    def left(self) -> tuple[Cell, ...]:
        pairs = zip(self.cells, self.paid, strict=True)
        return tuple(replace(cell, quantity=cell.quantity - paid) for cell, paid in pairs)


@dataclass(slots=True)
class Offer:
    """One pipeline in one segment that meets a price: what credits may pay of it.

    `order` is its place among the arms as written; `later` are the steps from the price on.
    """

    walk: Walk
    path: Path
    order: tuple[int, ...]
    later: tuple[ir.Step, ...]
    units: list[Units]

    @property
    def segment(self) -> int:
        return self.walk.segment.index


def pay_units(ledger: Ledger, walks: Walks, segments: Sequence[SegmentTime]) -> None:
    """Let the balances in units pay: what they paid is gone from the walks' `instants`, and stands in the ledger."""
    if not ledger.of_units:
        return
    offers = {line: [offer for walk in each for offer in offers_of(walk)] for line, each in walks.items()}
    for segment in segments:
        for account in ledger.of_units:
            account.enter(segment.start)
        here = {
            line: sorted((o for o in each if o.segment == segment.index), key=lambda o: o.order)
            for line, each in offers.items()
        }
        ledger.draws.extend(pay_segment(ledger, here, segment.index))
    for each in offers.values():
        for run in counting_runs(each):
            without_paid(run)


# --- what may be paid ----------------------------------------------------------------------------------------------


def offers_of(
    walk: Walk, later: tuple[ir.Step, ...] = (), path: Path = (), order: tuple[int, ...] = ()
) -> Iterator[Offer]:
    """The pipelines of a charge in one segment whose quantity meets a price: its own, or those of the arms."""
    terms = walk.segment.terms
    if isinstance(terms.price, ir.Match):
        behind = (*terms.amount, *later)
        for i, (arm, inner) in enumerate(zip(terms.price.arms, walk.arms, strict=True)):
            yield from offers_of(inner, behind, (*path, (terms.price.dimension, arm.keys)), (*order, i))
    elif terms.price is not None:
        groups = sorted(walk.instants.end, key=lambda group: key_order(group.key))
        added = [added_units(walk, group) for group in groups if group.sign > 0]
        yield Offer(walk, path, order, (terms.price, *terms.amount, *later), added)


def added_units(walk: Walk, group: Group) -> Units:
    """What a segment adds to a group: b - a, by the segment's share where the meter does not add over time."""
    before = quantities_of(walk.instants.start or ())
    share = walk.segment.share
    cells = tuple(
        replace(cell, quantity=(cell.quantity - before.get(by_values(cell), ZERO)) * share) for cell in group.cells
    )
    return Units(group, cells, [ZERO] * len(cells))


def by_values(cell: Cell) -> Key:
    """What tells the cells of one pipeline apart."""
    return key_of(cell.dimensions, sorted(cell.dimensions))


# --- the draws -----------------------------------------------------------------------------------------------------


def pay_segment(ledger: Ledger, offers: Mapping[str, Sequence[Offer]], segment: int) -> Iterator[Draw]:
    """The lots of one segment pay in burn order, each its lines one after the other."""
    lots = [(account, lot) for account in ledger.of_units for lot in account.lots if lot.amount > 0]
    lots.sort(key=lambda each: each[0].order(each[1]))
    for account, lot in lots:
        for line, where in covers_of(account.balance, offers):
            drawn = draw(account, lot, where, offers.get(line, ()))
            if drawn:
                rivals = [each for owner, each in lots if line in dict(covers_of(owner.balance, offers))]
                place = next(i for i, each in enumerate(rivals, start=1) if each is lot)
                why = f"{place} of {len(rivals)} in burn order, {described(account, lot)}"
                yield Draw(account.balance.name, line, segment, Decimal(decimal_text(drawn)), why)


def covers_of(balance: ir.Balance, offers: Mapping[str, Sequence[Offer]]) -> Iterator[tuple[str, ir.Expression | None]]:
    """The covered lines in the order of `covers`; else those that count the unit, in statement order."""
    if balance.covers is not None:
        yield from ((cover.line, cover.where) for cover in balance.covers)
        return
    for line, each in offers.items():
        if each and each[0].walk.run.unit == balance.unit:
            yield line, None


def draw(account: Account, lot: Lot, where: ir.Expression | None, offers: Sequence[Offer]) -> Fraction:
    """What one lot pays of one line in one segment: its groups in code point order, arms as written."""
    left = lot.amount
    for offer in offers:
        for units in offer.units:
            for i, taken in shared(account.balance, offer, units, where, left).items():
                units.paid[i] += taken
                left -= taken
    drawn = decimal_down(lot.amount - left)
    account.pay(lot, drawn)
    return drawn


def shared(
    balance: ir.Balance, offer: Offer, units: Units, where: ir.Expression | None, left: Fraction
) -> dict[int, Fraction]:
    """How many units of each cell `left` units pay: in the order of the policy, else of the cells' values."""
    cells = units.left
    payable = [i for i, cell in enumerate(cells) if cell.quantity > 0 and covers_cell(where, cell.dimensions)]
    if balance.policy is None:
        taken: dict[int, Fraction] = {}
        for i in sorted(payable, key=lambda i: key_order(by_values(cells[i]))):
            taken[i] = min(left, cells[i].quantity)
            left -= taken[i]
        return taken
    step = ir.Include(balance.amount, balance.policy, None)
    group = replace(units.group, cells=cells)
    pooled = max(units.group.quantity - sum(units.paid, ZERO) - left, ZERO)
    found = eligible_cells(offer.walk.run, step, offer.later, group, pooled)
    return share_free_units(step, left, [each for each in found if each.number in payable], cells)


# --- what is left to price -----------------------------------------------------------------------------------------


def counting_runs(offers: Sequence[Offer]) -> Iterator[list[Offer]]:
    """The segments of each pipeline in time order, a new list where its counting begins anew."""
    runs: dict[Path, list[Offer]] = {}
    for offer in offers:
        begins = offer.walk.instants.start is None
        if begins and offer.path in runs:
            yield runs.pop(offer.path)
        runs.setdefault(offer.path, []).append(offer)
    yield from runs.values()


def without_paid(run: Sequence[Offer]) -> None:
    """Take what was paid out of cumulative quantities: at each segment's end and start, and at the period's end."""
    for i, offer in enumerate(run):
        at = offer.walk.instants
        start = None if at.start is None else tuple(less(group, run[:i]) for group in at.start)
        old, new = quantities_of(at.start or ()), quantities_of(start or ())
        out = {values: quantity - new[values] for values, quantity in old.items()}
        paid = paid_here(offer)
        for values, units in paid.items():
            out[values] = out.get(values, ZERO) + units / offer.walk.segment.share
        end = tuple(segment_less(offer.walk, group, out, paid) for group in at.end)
        offer.walk.instants = Instants(end, start, None if at.whole is None else tuple(less(g, run) for g in at.whole))


def quantities_of(groups: Groups) -> dict[Key, Fraction]:
    """The quantity of each cell of a pipeline."""
    return {by_values(cell): cell.quantity for group in groups for cell in group.cells}


def paid_here(offer: Offer) -> dict[Key, Fraction]:
    """What a segment had paid of each cell."""
    pairs = (each for units in offer.units for each in zip(units.cells, units.paid, strict=True))
    return {by_values(cell): paid for cell, paid in pairs}


def less(group: Group, offers: Sequence[Offer]) -> Group:
    """A cumulative group without what some segments have had paid of it, never below zero."""
    cells = []
    for cell in group.cells:
        paid = sum((paid_of(cell, offer) for offer in offers), ZERO)
        cells.append(replace(cell, quantity=max(cell.quantity - paid, min(cell.quantity, ZERO))))
    return replace(group, cells=tuple(cells))


def paid_of(cell: Cell, offer: Offer) -> Fraction:
    """What was paid of a cell in a segment; a pool has what was paid of the cells that are in it now."""
    mine = set(by_values(cell))
    return sum((paid for values, paid in paid_here(offer).items() if mine <= set(values)), ZERO)


def segment_less(walk: Walk, group: Group, out: Mapping[Key, Fraction], paid: Mapping[Key, Fraction]) -> Group:
    """b without what is gone at a and what this segment had paid, so that b - a falls by just that."""
    cells = []
    for cell in group.cells:
        left = cell.quantity - out.get(by_values(cell), ZERO)
        cells.append(replace(cell, quantity=max(left, min(cell.quantity, ZERO))))
    reduced = replace(group, cells=tuple(cells))
    if not walk.run.explain or group.quantity == reduced.quantity:
        return reduced
    here = sum((paid.get(by_values(cell), ZERO) for cell in group.cells), ZERO)
    inputs = (pair("quantity", group.quantity), pair("paid by credits in this segment", here))
    formula = f"{number(group.quantity)} - {number(group.quantity - reduced.quantity)}"
    return reduced.noted(Reason("credits in units", RULE, None, inputs, formula, reduced.quantity, walk.run.unit))
