"""Step 7: credits in units, which pay after the quantity steps and directly before the price (rule 32).

What they pay counts in no tier: it is taken out of the cumulative quantity at a segment's end (b) and at its start (a),
so the segment's own units fall by what is drawn in it. Credits pay in time, in burn order and line order, so every
covered line has to be known before the first is priced: a first walk through the charges makes the offers, `allocate`
draws, and in the second walk `take` gives back the groups without what was paid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from pricing_dsl.evaluate.reference.balances import Ledger
from pricing_dsl.evaluate.reference.cells import ZERO, Cell, Group, Key, key_of, key_order
from pricing_dsl.evaluate.reference.context import Run
from pricing_dsl.evaluate.reference.draws import covers_cell, described
from pricing_dsl.evaluate.reference.free_units import eligible_cells, share_free_units
from pricing_dsl.evaluate.reference.lots import Account, Lot, decimal_down
from pricing_dsl.evaluate.reference.quantity_steps import Groups
from pricing_dsl.evaluate.reference.reasons import number, pair
from pricing_dsl.evaluate.reference.segments import SegmentTime
from pricing_dsl.evaluate.statement import Draw, Reason
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.numbers import decimal_text

RULE = "rule 32: units that a credit pays count in no tier and cost nothing"

Arm = tuple[int, ...]
"""Which arm of each `match` around a group, from the outside; `()` outside of any."""


@dataclass(slots=True)
class Offer:
    """The units of one group that one segment adds: what credits may pay.

    `cells` hold what is not paid yet, `paid` what is; `later` are the steps from the price on.
    """

    run: Run
    line: str
    segment: int
    arm: Arm
    group: Group
    later: tuple[ir.Step, ...]
    cells: list[Cell]
    paid: list[Fraction]

    @property
    def order(self) -> tuple[Arm, tuple[str, ...]]:
        """Arms as written, groups in code point order."""
        return self.arm, key_order(self.group.key)

    def remaining(self, number_of_cell: int) -> Fraction:
        return self.cells[number_of_cell].quantity - self.paid[number_of_cell]


@dataclass
class UnitCredits:
    """The balances in units of one evaluation. Without any, `is_needed` is False and nothing has to be walked twice."""

    ledger: Ledger
    segments: Sequence[SegmentTime]
    offers: list[Offer] = field(default_factory=list)
    allocated: bool = False

    @property
    def is_needed(self) -> bool:
        return bool(self.ledger.of_units)

    def take(
        self,
        run: Run,
        segment: int,
        later: Sequence[ir.Step],
        end: Groups,
        start: Groups | None,
        arm: Arm = (),
    ) -> tuple[Groups, Groups | None]:
        """The groups of line `run.name` at a segment's end and start, without what credits have paid.

        `later` are the steps from the price on. Before `allocate` the groups come back as they are.
        """
        if not any(self.covers_line(account, run.name, segment) for account in self.ledger.of_units):
            return end, start
        if not self.allocated:
            self.offers.extend(offers_of(run, segment, tuple(later), end, start or (), arm))
            return end, start
        before = {group.key: group for group in start or ()}
        reduced = tuple(self.paid_off(run, segment, arm, group, before.get(group.key)) for group in end)
        return reduced, None if start is None else tuple(self.at_start(run, segment, arm, group) for group in start)

    def covers_line(self, account: Account, line: str, segment: int) -> bool:
        """Whether a credit may pay a line: one that it names, else one that counts its unit."""
        if account.balance.covers is not None:
            return any(cover.line == line for cover in account.balance.covers)
        return line in self.lines_of_unit(account.balance, segment)

    def lines_of_unit(self, balance: ir.Balance, segment: int) -> list[str]:
        """The charges in force that count the unit of a balance, in statement order."""
        at = self.segments[segment].start
        version = next(each for each in self.ledger.contract.versions if each.start <= at < each.end)
        charges = [line for line in version.plan.lines if isinstance(line, ir.Charge)]
        return [line.name for line in charges if isinstance(line.source, str) and line.unit == balance.unit]

    # --- the draws ---

    def allocate(self) -> None:
        """Draw on every offer, segment by segment in time, in burn order, line by line, group by group."""
        assert not self.allocated, "credits pay once"
        self.allocated = True
        accounts = self.ledger.of_units
        for segment in self.segments:
            for account in accounts:
                account.enter(segment.start)
            lots = [(account, lot) for account in accounts for lot in account.lots if lot.amount > 0]
            lots.sort(key=lambda each: each[0].order(each[1]))
            for account, lot in lots:
                for line, where in self.covers_of(account.balance, segment.index):
                    drawn = self.draw(account, lot, line, where, segment.index)
                    if drawn:
                        rivals = [each for owner, each in lots if self.covers_line(owner, line, segment.index)]
                        place = next(i for i, each in enumerate(rivals, start=1) if each is lot)
                        why = f"{place} of {len(rivals)} in burn order, {described(account, lot)}"
                        amount = Decimal(decimal_text(drawn))
                        self.ledger.draws.append(Draw(account.balance.name, line, segment.index, amount, why))

    def covers_of(self, balance: ir.Balance, segment: int) -> Iterator[tuple[str, ir.Expression | None]]:
        """The covered lines in the order of `covers`, else of the statement."""
        if balance.covers is not None:
            yield from ((cover.line, cover.where) for cover in balance.covers)
        else:
            yield from ((line, None) for line in self.lines_of_unit(balance, segment))

    def draw(self, account: Account, lot: Lot, line: str, where: ir.Expression | None, segment: int) -> Fraction:
        """What one lot pays of one line in one segment."""
        offers = [offer for offer in self.offers if offer.line == line and offer.segment == segment]
        left = lot.amount
        for offer in sorted(offers, key=lambda each: each.order):
            taken = shared(account.balance, offer, where, left, self.paid_of(offer))
            for i, amount in taken.items():
                offer.paid[i] += amount
            left -= sum(taken.values(), ZERO)
        drawn = decimal_down(lot.amount - left)
        account.pay(lot, drawn)
        return drawn

    def paid_of(self, offer: Offer) -> Fraction:
        """What credits have paid so far of the group that an offer belongs to."""
        same = (each for each in self.offers if each.line == offer.line and each.order == offer.order)
        return sum((sum(each.paid, ZERO) for each in same), ZERO)

    # --- the groups without what was paid ---

    def paid_before(self, run: Run, segment: int, arm: Arm, cell: Cell) -> Fraction:
        """What was paid of a cell in earlier segments; a pool has what was paid of the cells that are in it now."""
        mine = set(key_of(cell.dimensions, cell.dimensions))
        earlier = (each for each in self.offers if each.segment < segment and (each.line, each.arm) == (run.name, arm))
        return sum(
            (
                paid
                for offer in earlier
                for other, paid in zip(offer.cells, offer.paid, strict=True)
                if mine <= set(key_of(other.dimensions, other.dimensions))
            ),
            ZERO,
        )

    def at_start(self, run: Run, segment: int, arm: Arm, group: Group) -> Group:
        """a without what earlier segments have had paid."""
        return replace(group, cells=tuple(self.start_cell(run, segment, arm, cell) for cell in group.cells))

    def start_cell(self, run: Run, segment: int, arm: Arm, cell: Cell) -> Cell:
        if cell.quantity <= 0:
            return cell
        return replace(cell, quantity=max(cell.quantity - self.paid_before(run, segment, arm, cell), ZERO))

    def paid_off(self, run: Run, segment: int, arm: Arm, group: Group, start: Group | None) -> Group:
        """b without what was paid up to the segment's end, so that b - a falls by what was drawn in it."""
        mine = [
            offer
            for offer in self.offers
            if (offer.line, offer.segment, offer.arm, offer.group.key) == (run.name, segment, arm, group.key)
        ]
        drawn = {by_values(c): p for offer in mine for c, p in zip(offer.cells, offer.paid, strict=True)}
        before = {by_values(cell): cell for cell in start.cells} if start is not None else {}
        cells = []
        for cell in group.cells:
            old = before.get(by_values(cell))
            out = drawn.get(by_values(cell), ZERO)
            if old is not None:
                out += old.quantity - self.start_cell(run, segment, arm, old).quantity
            cells.append(replace(cell, quantity=max(cell.quantity - out, min(cell.quantity, ZERO))))
        reduced = replace(group, cells=tuple(cells))
        if not run.explain or group.quantity == reduced.quantity:
            return reduced
        return reduced.noted(self.note(run, group, reduced, sum(drawn.values(), ZERO)))

    def note(self, run: Run, group: Group, reduced: Group, drawn: Fraction) -> Reason:
        out = group.quantity - reduced.quantity
        formula = f"{number(group.quantity)} - {number(out)}"
        inputs = (pair("quantity", group.quantity), pair("paid by credits in this segment", drawn))
        return Reason("credits in units", RULE, None, inputs, formula, reduced.quantity, run.unit)


def by_values(cell: Cell) -> Key:
    return key_of(cell.dimensions, sorted(cell.dimensions))


def offers_of(
    run: Run, segment: int, later: tuple[ir.Step, ...], end: Groups, start: Groups, arm: Arm
) -> Iterator[Offer]:
    """What one segment adds to each group, cell by cell; nothing of what a mirror has turned round."""
    before = {group.key: group for group in start}
    for group in end:
        old = {by_values(cell): cell.quantity for cell in before[group.key].cells} if group.key in before else {}
        cells = [replace(cell, quantity=cell.quantity - old.get(by_values(cell), ZERO)) for cell in group.cells]
        if group.sign > 0:
            yield Offer(run, run.name, segment, arm, group, later, cells, [ZERO] * len(cells))


def shared(
    balance: ir.Balance, offer: Offer, where: ir.Expression | None, left: Fraction, paid: Fraction
) -> dict[int, Fraction]:
    """How many units of each cell of an offer `left` units pay: in the order of the policy, else of the values.

    `paid` is what credits have paid of the group so far: with it the policy knows the tier that a `volume` reaches.
    """
    cells = tuple(replace(cell, quantity=offer.remaining(i)) for i, cell in enumerate(offer.cells))
    open_cells = [i for i, cell in enumerate(cells) if cell.quantity > 0 and covers_cell(where, cell.dimensions)]
    if balance.policy is None:
        taken: dict[int, Fraction] = {}
        for i in sorted(open_cells, key=lambda i: key_order(by_values(cells[i]))):
            taken[i] = min(left, cells[i].quantity)
            left -= taken[i]
        return taken
    step = ir.Include(balance.amount, balance.policy, None)
    group = replace(offer.group, cells=cells)
    pooled = max(offer.group.quantity - paid - left, ZERO)
    eligible = [
        each for each in eligible_cells(offer.run, step, offer.later, group, pooled) if each.number in open_cells
    ]
    return share_free_units(step, left, eligible, cells)
