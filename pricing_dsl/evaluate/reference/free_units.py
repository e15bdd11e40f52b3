"""`include N across cells POLICY`: free units shared over cells that have different prices (rule 9).

They go only to cells with a price above zero. `cheapest first` and `dearest first` go by what one more unit would cost
after every cell step that follows; `in order`, and ties, follow the table's rows, then its columns, then the values in
code point order, without a table the arms of the `match` as written. `pro rata` splits exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple, assert_never

from pricing_dsl.evaluate.lookup import Found, best_arm, holds
from pricing_dsl.evaluate.reference import expressions
from pricing_dsl.evaluate.reference.cells import ZERO, Cell, Group, key_of, key_order
from pricing_dsl.evaluate.reference.context import Run
from pricing_dsl.evaluate.reference.reasons import key_text, number, pair, reason
from pricing_dsl.evaluate.reference.tiers import tier_at
from pricing_dsl.evaluate.statement import Reason
from pricing_dsl.ir import nodes as ir

Place = tuple[int, ...]
"""Arm, row and column that a cell's price stands in."""


class UnitPrice(NamedTuple):
    """What one more unit of a cell would cost. `None`: a pool prices it, so there is no price of one unit."""

    amount: Fraction | None
    place: Place


class Eligible(NamedTuple):
    """A cell that free units may go to."""

    number: int
    price: Fraction
    place: Place
    values: tuple[str, ...]


def include_across_cells(run: Run, step: ir.Include, later: Sequence[ir.Step], group: Group) -> Group:
    """Take free units off the cells of one group, in the order of the policy."""
    offered = max(run.number(step.amount, group.key), ZERO) * run.share(step)
    pooled = run.choice(step, group.key, max(group.quantity - offered, ZERO))
    eligible = eligible_cells(run, step, later, group, pooled)
    taken = dict.fromkeys(range(len(group.cells)), ZERO)
    taken.update(share_free_units(step, offered, eligible, group.cells))
    cells = tuple(
        replace(cell, quantity=cell.quantity - taken[i], notes=(*cell.notes, *note(run, step, cell, taken[i])))
        for i, cell in enumerate(group.cells)
    )
    group = replace(group, cells=cells)
    if not run.explain:
        return group
    given = sum(taken.values(), ZERO)
    inputs = [pair("free units", offered), *run.inputs(step.amount, group.key)]
    what = f"include {expressions.text(step.amount)} across cells {step.policy}"
    formula = f"{number(given)} of {number(offered)} free units given"
    return group.noted(reason(what, "include across cells", step.span, formula, group.quantity, run.unit, inputs))


def note(run: Run, step: ir.Include, cell: Cell, taken: Fraction) -> tuple[Reason, ...]:
    """What a cell got, for the explanation."""
    if not run.explain or taken == 0:
        return ()
    formula = f"{number(cell.quantity)} - {number(taken)}"
    what = f"free units for {key_text(cell.dimensions)}"
    return (reason(what, "include across cells", step.span, formula, cell.quantity - taken, run.unit),)


def eligible_cells(
    run: Run, step: ir.Include, later: Sequence[ir.Step], group: Group, pooled: Fraction
) -> list[Eligible]:
    """The cells with usage that the condition holds for and whose price is above zero."""
    found: list[Eligible] = []
    for i, cell in enumerate(group.cells):
        if cell.quantity <= 0 or not holds(step.when, cell.dimensions):
            continue
        price = unit_price(run, later, cell, pooled, group)
        if price is None or (price.amount is not None and price.amount <= 0):
            continue
        values = key_order(key_of(cell.dimensions, cell.dimensions))
        found.append(Eligible(i, ZERO if price.amount is None else price.amount, price.place, values))
    return found


def share_free_units(
    step: ir.Include, offered: Fraction, eligible: list[Eligible], cells: Sequence[Cell]
) -> dict[int, Fraction]:
    """Free units by the number of the cell."""
    assert step.policy is not None
    match step.policy:
        case "in order":
            ordered = sorted(eligible, key=lambda e: (e.place, e.values))
        case "cheapest first":
            ordered = sorted(eligible, key=lambda e: (e.price, e.place, e.values))
        case "dearest first":
            ordered = sorted(eligible, key=lambda e: (-e.price, e.place, e.values))
        case "pro rata":
            whole = sum((cells[e.number].quantity for e in eligible), ZERO)
            part = min(offered / whole, Fraction(1)) if whole else ZERO
            return {e.number: cells[e.number].quantity * part for e in eligible}
        case _:
            assert_never(step.policy)
    taken: dict[int, Fraction] = {}
    for entry in ordered:
        taken[entry.number] = min(offered, cells[entry.number].quantity)
        offered -= taken[entry.number]
    return taken


def unit_price(
    run: Run, steps: Sequence[ir.Step], cell: Cell, pooled: Fraction, group: Group, price: UnitPrice | None = None
) -> UnitPrice | None:
    """What one more unit of a cell costs after every cell step; `None` where it is refused or left out.

    `pooled` is the group's quantity after the free units: it chooses the tier of a `volume`. `price` is what a unit
    costs so far, `None` before the price step; until then `weigh` decides how much one unit counts.
    """
    weight = Fraction(1)
    for step in steps:
        if not holds(step.when, cell.dimensions):
            continue
        match step:
            case ir.Where(condition=condition):
                if not holds(condition, cell.dimensions):
                    return None
            case ir.Weigh(factor=factor):
                weight *= run.factor(factor, cell)
            case ir.Price() | ir.Graduated() | ir.Volume() | ir.Match():
                price = first_price(run, step, cell, pooled, group)
                if price is None:
                    return None
                price = scaled(price, weight)
            case ir.Times(factor=factor) if price is not None:
                price = scaled(price, run.factor(factor, cell))
            case ir.Discount(share=share) if price is not None:
                taken = min(run.factor(share, cell) * run.share(step), Fraction(1))
                price = scaled(price, 1 - taken) if price.amount is not None and price.amount > 0 else price
            case ir.Prorate() if price is not None:
                price = scaled(price, run.share(step))
            case _:
                pass
    return price if price is not None else UnitPrice(None, ())


def scaled(price: UnitPrice, factor: Fraction) -> UnitPrice:
    return price if price.amount is None else price._replace(amount=price.amount * factor)


def first_price(run: Run, step: ir.PriceStep, cell: Cell, pooled: Fraction, group: Group) -> UnitPrice | None:
    """What the price step itself asks for one unit; `None` where it refuses the cell."""
    match step:
        case ir.Price(rate=ir.Linear(rate=rate)):
            return rate_price(run, rate, cell)
        case ir.Price(rate=ir.Package(price=rate, size=size)):
            price = rate_price(run, rate, cell)
            return None if price is None else scaled(price, 1 / size)
        case ir.Price(rate=ir.Reject()):
            return None
        case ir.Volume(on=on, tiers=tiers) if step.is_by_cell:
            tier = tier_at(tiers, pooled if on is None else run.number(on, group.key))
            return rate_price(run, tier.price.rate, cell) if isinstance(tier.price, ir.Linear) else None
        case ir.Graduated() | ir.Volume():
            return UnitPrice(None, ())
        case ir.Match(arms=arms):
            arm = best_arm(step, cell.dimensions)
            assert arm is not None, "a cell without an arm passed step 4"
            inner = unit_price(run, arms[arm].steps, cell, pooled, group)
            return None if inner is None else UnitPrice(inner.amount, (arm, *inner.place))
        case _:
            raise AssertionError("a price is linear, a package or rejected")


def rate_price(run: Run, rate: ir.Factor, cell: Cell) -> UnitPrice | None:
    """A rate, and the place of its row and column in the table."""
    if not isinstance(rate, ir.Lookup):
        return UnitPrice(run.factor(rate, cell), ())
    found = run.tables.find(rate, cell.dimensions)
    return UnitPrice(found.value, (found.row, found.column)) if isinstance(found, Found) else None
