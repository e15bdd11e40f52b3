"""Step 4 for what has no entry: a cell that a keyed step, a table or a `match` on its way does not know leaves first.

Other usage is then priced as if it were not there. Only dimension values decide it, so each cell is walked through the
pipeline before anything is pooled. Which tier is entered is decided later, so a tier's `reject` and a table of one tier
refuse at the price (rule 15); a cell that no tier of a `volume` can price leaves here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, assert_never

from pricing_dsl.evaluate.lookup import NO_ARM, Dimensions, Found, Missing, Tables, best_arm, holds
from pricing_dsl.evaluate.reference.cells import Cell
from pricing_dsl.evaluate.reference.context import Run
from pricing_dsl.ir import nodes as ir


class Passage(NamedTuple):
    """How a walk ended: `reason` why the cell is refused, `left` where a `where` takes it out."""

    reason: str | None = None
    left: bool = False


def without_entryless(run: Run, steps: tuple[ir.Step, ...], cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """The cells that every table, keyed step and `match` on their way has an entry for; the others are refused."""
    kept: list[Cell] = []
    for cell in cells:
        reason = passage(run.tables, steps, cell.dimensions).reason
        if reason is None:
            kept.append(cell)
        else:
            run.refuse(cell, cell.quantity, reason)
    return tuple(kept)


def passage(tables: Tables, steps: tuple[ir.Step, ...], dimensions: Dimensions) -> Passage:
    """Walk one cell's dimension values through the steps that act on it."""
    for step in steps:
        if not holds(step.when, dimensions):
            continue
        if isinstance(step, ir.Where):
            if not holds(step.condition, dimensions):
                return Passage(left=True)
        elif isinstance(step, ir.Match):
            arm = best_arm(step, dimensions)
            if arm is None:
                return Passage(NO_ARM)
            inner = passage(tables, step.arms[arm].steps, dimensions)
            if inner.left or inner.reason is not None:
                return inner
        elif isinstance(step, ir.Volume) and step.is_by_cell:
            reason = no_tier(tables, step, dimensions)
            if reason is not None:
                return Passage(reason)
        else:
            for lookup in own_lookups(step):
                found = tables.find(lookup, dimensions)
                if isinstance(found, Missing):
                    return Passage(found.reason)
    return Passage()


def own_lookups(step: ir.Step) -> Iterator[ir.Lookup]:
    """The tables that a step reads for every cell, whatever the quantity."""
    match step:
        case ir.Weigh(factor=factor) | ir.Times(factor=factor) | ir.Discount(share=factor):
            pass
        case ir.Price(rate=ir.Linear(rate=factor) | ir.Package(price=factor)):
            pass
        case ir.Minimum(bound=ir.Linear(rate=factor) | ir.Package(price=factor)):
            pass
        case ir.Maximum(bound=ir.Linear(rate=factor) | ir.Package(price=factor)):
            pass
        case _:
            return
    if isinstance(factor, ir.Lookup):
        yield factor


def no_tier(tables: Tables, step: ir.Volume, dimensions: Dimensions) -> str | None:
    """Why no tier of a `volume` that prices cell by cell knows a cell; `None` when one does.

    A tier that says `reject` knows every cell: it refuses at the price.
    """
    reason: str | None = None
    for tier in step.tiers:
        match tier.price:
            case ir.Linear(rate=ir.Lookup() as lookup):
                found = tables.find(lookup, dimensions)
                if isinstance(found, Found):
                    return None
                reason = found.reason
            case ir.Linear() | ir.Reject():
                return None
            case ir.Package() | ir.Flat() | ir.Graduated() | ir.Volume():
                raise AssertionError("a volume by cell has rates only")
            case _:
                assert_never(tier.price)
    return reason
