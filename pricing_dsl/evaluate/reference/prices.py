"""Step 8: the price step, on the cumulative cells of a segment at one instant.

F is everything from the quantity to the price step. It is a function of cells and nothing else: a segment costs F at
its end less F at its start, the first of a counting period F at its end (rule 1). `match` is not here: its arms are
pipelines of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pricing_dsl.evaluate.lookup import REJECTED
from pricing_dsl.evaluate.reference.cells import ZERO, Cell, Group, Part, Priced, cells_by, pool
from pricing_dsl.evaluate.reference.context import Run
from pricing_dsl.evaluate.reference.quantity_steps import Groups
from pricing_dsl.evaluate.reference.reasons import key_text, number, pair, reason, sum_text
from pricing_dsl.evaluate.reference.tiers import (
    Cost,
    graduated_cost,
    packages,
    price_cost,
    rate_cost,
    rate_text,
    tier_at,
    tier_name,
    volume_cost,
)
from pricing_dsl.ir import nodes as ir

LeafPrice = ir.Price | ir.Graduated | ir.Volume


def price_at(run: Run, step: LeafPrice, groups: Groups) -> tuple[Priced, ...]:
    """F: what each group costs, with one part for each of its cells (or its pool)."""
    return tuple(price_group(run, step, group) for group in groups)


def price_group(run: Run, step: LeafPrice, group: Group) -> Priced:
    """Price one group; `mirror` gives the amounts their sign back."""
    match step:
        case ir.Price(rate=ir.Linear() as rate):
            priced = price_cells(run, step, rate, group)
        case ir.Price(rate=ir.Package() as rate):
            priced = price_packages(run, step, rate, group)
        case ir.Price(rate=ir.Reject()):
            priced = price_nothing(run, step, group)
        case ir.Graduated():
            priced = price_pool(run, step, pool(group))
        case ir.Volume() if step.is_by_cell:
            priced = price_by_tier_reached(run, step, group)
        case ir.Volume():
            priced = price_pool(run, step, pool(group))
        case _:
            raise AssertionError("a price is linear, a package or rejected")
    if group.sign == 1:
        return priced
    mirrored = replace(priced, parts=tuple(replace(part, amount=-part.amount) for part in priced.parts))
    if not run.explain:
        return mirrored
    formula = f"-{number(priced.amount)}"
    return mirrored.noted(reason("mirror", "mirror", step.span, formula, mirrored.amount, run.currency))


def price_cells(run: Run, step: ir.Price, rate: ir.Linear, group: Group) -> Priced:
    """A rate or a rate table, cell by cell."""
    parts = []
    for cell in group.cells:
        run.require_not_negative(cell)
        parts.append(part_of(run, step, cell, rate, rate_cost(run, rate, cell.quantity, cell.dimensions)))
    return with_price_note(run, step, "price", group, parts)


def price_packages(run: Run, step: ir.Price, rate: ir.Package, group: Group) -> Priced:
    """Packages of the pool; a table counts them per combination of its own dimensions (rule 11)."""
    if not isinstance(rate.price, ir.Lookup) or group.pooled:
        group = pool(group)
        cells = list(group.cells)
    else:
        kept = (*(name for name, _ in group.key), *run.tables.table(rate.price).dimensions)
        names = tuple(dict.fromkeys(kept))
        cells = [pooled_cell(dict(key), inside) for key, inside in cells_by(group.cells, names).items()]
    parts = []
    for cell in cells:
        run.require_not_negative(cell)
        parts.append(part_of(run, step, cell, rate, rate_cost(run, rate, cell.quantity, cell.dimensions)))
    return with_price_note(run, step, "package", group, parts)


def pooled_cell(dimensions: dict[str, str | None], cells: Sequence[Cell]) -> Cell:
    """Cells added up."""
    quantity = sum((cell.quantity for cell in cells), ZERO)
    origins = frozenset().union(*(cell.origins for cell in cells))
    return Cell(dimensions, quantity, origins, tuple(note for cell in cells for note in cell.notes))


def price_nothing(run: Run, step: ir.Price, group: Group) -> Priced:
    """`reject`: each cell, or the group where it was pooled, is one entry of `unpriced`."""
    for cell in group.cells:
        if cell.quantity:
            run.refuse(cell, cell.quantity, REJECTED)
    notes = group.notes
    if run.explain:
        notes = (*notes, reason("reject", "reject", step.span, "refused", ZERO, run.currency))
    return Priced(group.key, (), notes)


def price_by_tier_reached(run: Run, step: ir.Volume, group: Group) -> Priced:
    """`volume` of rates: the tier is chosen by the pooled quantity (or `on`), each cell pays its rate (rule 11)."""
    chooser = run.choice(step, group.key, group.quantity) if step.on is None else run.number(step.on, group.key)
    tier = tier_at(step.tiers, chooser)
    assert isinstance(tier.price, ir.Linear | ir.Reject)
    parts = []
    for cell in group.cells:
        run.require_not_negative(cell)
        cost = price_cost(run, tier.price, cell.quantity, cell.dimensions)
        if cost.refused:
            run.refuse(cell, cost.refused, cost.reason)
        elif isinstance(tier.price, ir.Linear):
            parts.append(part_of(run, step, cell, tier.price, cost))
    inputs = [pair("quantity", group.quantity), ("tier", tier_name(tier))]
    if step.on is not None or chooser != group.quantity:
        inputs.append(pair("tier chosen by", chooser))
    return with_price_note(run, step, "volume", group, parts, inputs)


def price_pool(run: Run, step: ir.Graduated | ir.Volume, group: Group) -> Priced:
    """Tiers on the pooled quantity."""
    (cell,) = group.cells
    run.require_not_negative(cell)
    if isinstance(step, ir.Graduated):
        cost = graduated_cost(run, step, cell.quantity, cell.dimensions)
    else:
        chooser = run.choice(step, group.key, cell.quantity) if step.on is None else run.number(step.on, group.key)
        cost = volume_cost(run, step, cell.quantity, chooser, cell.dimensions)
    if cost.refused:
        run.refuse(cell, cost.refused, cost.reason)
    part = Part(cell.dimensions, cell.quantity - cost.refused, cost.amount)
    return Priced(group.key, (part,), (*group.notes, *cost.notes))


# --- parts and their explanation ---


def part_of(run: Run, step: LeafPrice, cell: Cell, rate: ir.Linear | ir.Package, cost: Cost) -> Part:
    """What one cell costs at a rate. Cells without an entry have left in step 4."""
    assert not cost.refused, "a cell without an entry passed step 4"
    if not run.explain:
        return Part(cell.dimensions, cell.quantity, cost.amount)
    formula = rate_text(run, rate, cell.quantity, cell.dimensions)
    rule = "price" if isinstance(rate, ir.Linear) else "package"
    inputs = [pair("quantity", cell.quantity)]
    if isinstance(rate, ir.Package):
        inputs.append(pair("packages", packages(rate, cell.quantity)))
    children = (*cell.notes, *cost.notes)
    note = reason(key_text(cell.dimensions), rule, step.span, formula, cost.amount, run.currency, inputs, children)
    return Part(cell.dimensions, cell.quantity, cost.amount, notes=(note,))


def with_price_note(
    run: Run, step: LeafPrice, rule: str, group: Group, parts: list[Part], inputs: Sequence[tuple[str, str]] = ()
) -> Priced:
    """The group priced, with one node over the nodes of its parts, or for one part just that node."""
    priced = Priced(group.key, tuple(replace(part, notes=()) for part in parts), group.notes)
    if not run.explain:
        return priced
    what = "volume" if rule == "volume" else "price"
    if len(parts) == 1 and len(parts[0].notes) == 1:
        (note,) = parts[0].notes
        values = [(name, value) for name, value in parts[0].dimensions.items() if value is not None]
        return priced.noted(replace(note, what=what, inputs=(*values, *note.inputs, *inputs)))
    children = [note for part in parts for note in part.notes]
    formula = sum_text([part.amount for part in parts])
    return priced.noted(reason(what, rule, step.span, formula, priced.amount, run.currency, inputs, children))
