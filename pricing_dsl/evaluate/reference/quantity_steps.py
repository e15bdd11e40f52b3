"""Steps 4 to 6: the quantity steps of a pipeline, each a function from groups to groups.

Cell steps (`where`, `weigh`, `include ... across cells`) act on every cell; `each` splits groups; all others first pool
their group and then act once on it (language reference, section 5, "two classes of steps").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import assert_never

from pricing_dsl.evaluate.lookup import holds
from pricing_dsl.evaluate.reference import expressions
from pricing_dsl.evaluate.reference.cells import ZERO, Cell, Group, Key, cells_by, inside, pool
from pricing_dsl.evaluate.reference.context import Run
from pricing_dsl.evaluate.reference.free_units import include_across_cells
from pricing_dsl.evaluate.reference.reasons import key_text, largest_text, look_up, number, pair, reason, sum_text
from pricing_dsl.evaluate.statement import Reason
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.rounding import round_to_multiple

Groups = tuple[Group, ...]
QuantityStep = (
    ir.Where | ir.Weigh | ir.Each | ir.Include | ir.RoundQuantity | ir.AtLeast | ir.AtMost | ir.Mirror | ir.Counted
    | ir.Total | ir.Largest
)  # fmt: skip


def whole_pool(cells: Sequence[Cell]) -> Groups:
    """The one group of a whole charge, which always exists (rule 14)."""
    return (Group((), tuple(cells), always=True),)


def quantity_step(
    run: Run, step: QuantityStep, later: Sequence[ir.Step], groups: Groups, outer: Sequence[Key]
) -> Groups:
    """What one step makes of the groups. `later` are the steps that follow, `outer` the groups around this pipeline."""
    match step:
        case ir.Where():
            return alive(groups, [where(run, step, group) for group in groups])
        case ir.Weigh():
            return alive(groups, [weigh(run, step, group) for group in groups])
        case ir.Each():
            return each(step, groups)
        case ir.Include(policy=None):
            return tuple(include(run, step, pool(group)) for group in groups)
        case ir.Include():
            return tuple(include_across_cells(run, step, later, group) for group in groups)
        case ir.RoundQuantity() | ir.AtLeast() | ir.AtMost():
            return tuple(changed(run, step, pool(group)) for group in groups)
        case ir.Mirror():
            return tuple(mirror(run, step, pool(group)) for group in groups)
        case ir.Counted():
            return groups  # a charge that counts has a counter of its own (`counters`)
        case ir.Total() | ir.Largest():
            return end_groups(run, step, groups, outer)
        case _:
            assert_never(step)


def alive(before: Groups, after: Sequence[Group]) -> Groups:
    """A group whose last usage a cell step takes away was never reached; the whole pool stays (rule 14)."""
    kept: list[Group] = []
    for old, new in zip(before, after, strict=True):
        had, has = (any(cell.quantity for cell in group.cells) for group in (old, new))
        if new.always or (new.cells and (has or new.pooled or not had)):
            kept.append(new)
    return tuple(kept)


# --- step 4: cell steps ---


def where(run: Run, step: ir.Where, group: Group) -> Group:
    """Keep the cells the condition holds for; the others leave, as free or towards another charge."""
    kept: list[Cell] = []
    left: list[Cell] = []
    for cell in group.cells:
        stays = not holds(step.when, cell.dimensions) or holds(step.condition, cell.dimensions)
        (kept if stays else left).append(cell)
    if not step.else_free:
        run.dropped.update(origin for cell in left if cell.quantity for origin in cell.origins)
    group = replace(group, cells=tuple(kept))
    if not run.explain or not left:
        return group
    rest = sum_text([cell.quantity for cell in left])
    notes = tuple(
        reason(f"left out: {key_text(cell.dimensions)}", "where", step.span, "", cell.quantity, run.unit)
        for cell in left
    )
    what = "where, else free" if step.else_free else "where"
    return group.noted(reason(what, "where", step.span, f"without {rest}", group.quantity, run.unit, (), notes))


def weigh(run: Run, step: ir.Weigh, group: Group) -> Group:
    """Multiply each cell's quantity."""
    return replace(group, cells=tuple(weighed(run, step, cell) for cell in group.cells))


def weighed(run: Run, step: ir.Weigh, cell: Cell) -> Cell:
    if not holds(step.when, cell.dimensions):
        return cell
    factor = run.factor(step.factor, cell)
    quantity = cell.quantity * factor
    if not run.explain:
        return replace(cell, quantity=quantity)
    children = look_up(run.tables, step.factor, cell.dimensions, "") if isinstance(step.factor, ir.Lookup) else ()
    formula = f"{number(cell.quantity)} x {number(factor)}"
    what = ": ".join(filter(None, ["weigh", key_text(cell.dimensions)]))
    note = reason(what, "weigh", step.span, formula, quantity, run.unit, [pair("factor", factor)], children)
    return replace(cell, quantity=quantity, notes=(*cell.notes, note))


# --- step 5: groups ---


def each(step: ir.Each, groups: Groups) -> Groups:
    """Cells go to the groups of `each`, which exist only where usage other than zero reaches them (rule 14)."""
    split: list[Group] = []
    for group in groups:
        used = [cell for cell in group.cells if cell.quantity]
        for key, cells in cells_by(used, step.dimensions).items():
            split.append(replace(group, key=(*group.key, *key), cells=tuple(cells), always=False))
    return tuple(split)


def end_groups(run: Run, step: ir.Total | ir.Largest, groups: Groups, outer: Sequence[Key]) -> Groups:
    """`total` adds the groups up, `largest` keeps the one with the largest quantity; one group remains, always."""
    ended: list[Group] = []
    for key, within in inside(groups, outer).items():
        kept = within
        if isinstance(step, ir.Largest) and within:
            kept = [max(within, key=lambda group: group.quantity)]
        quantity = sum((group.quantity for group in kept), ZERO)
        origins = frozenset().union(*(group.origins for group in kept))
        group = Group(key, (Cell(dict(key), quantity, origins),), pooled=True, always=True)
        ended.append(group.noted(*ended_notes(run, step, within, quantity)) if run.explain else group)
    return tuple(ended)


def ended_notes(
    run: Run, step: ir.Total | ir.Largest, within: Sequence[Group], quantity: Fraction
) -> tuple[Reason, ...]:
    word = "total" if isinstance(step, ir.Total) else "largest"
    children = [
        reason(key_text(group.key), word, step.span, "", group.quantity, run.unit, (), group.notes) for group in within
    ]
    quantitys = [group.quantity for group in within]
    formula = sum_text(quantitys) if word == "total" else largest_text(quantitys)
    return (reason(word, word, step.span, formula, quantity, run.unit, (), children),)


# --- step 6: pool steps ---


def set_quantity(group: Group, quantity: Fraction, *notes: Reason) -> Group:
    """A pooled group with another quantity."""
    (cell,) = group.cells
    return replace(group, cells=(replace(cell, quantity=quantity),)).noted(*notes)


def include(run: Run, step: ir.Include, group: Group) -> Group:
    """Free units, at least zero, clamped so that nothing falls below zero (rules 12 and 13)."""
    if not holds(step.when, dict(group.key)):
        return group
    offered = free_units(run, step, group.key)
    quantity = group.quantity - min(offered, max(group.quantity, ZERO))
    if not run.explain:
        return set_quantity(group, quantity)
    formula = f"max({number(group.quantity)} - {number(offered)}, 0)"
    inputs = [pair("quantity", group.quantity), pair("free units", offered), *run.inputs(step.amount, group.key)]
    if step.prorated is not None:
        inputs.append(pair(f"share by {step.prorated}", run.share(step)))
    what = f"include {expressions.text(step.amount)}"
    return set_quantity(group, quantity, reason(what, "include", step.span, formula, quantity, run.unit, inputs))


def free_units(run: Run, step: ir.Include, key: Key) -> Fraction:
    """How many units are free; at least zero (rule 13)."""
    return max(run.number(step.amount, key), ZERO) * run.share(step)


def changed(run: Run, step: ir.RoundQuantity | ir.AtLeast | ir.AtMost, group: Group) -> Group:
    """`round`, `at least`, `at most`."""
    if not holds(step.when, dict(group.key)):
        return group
    before = group.quantity
    match step:
        case ir.RoundQuantity(mode=mode, to=to):
            after, word = round_to_multiple(before, to, mode), "round"
            what, formula, inputs = f"round {mode} to {number(to)}", f"{number(before)} {mode} to {number(to)}", []
        case ir.AtLeast(amount=amount):
            bound, word = run.number(amount, group.key), "at least"
            after = max(before, bound)
            what, formula = f"at least {expressions.text(amount)}", f"max({number(before)}, {number(bound)})"
            inputs = run.inputs(amount, group.key) if run.explain else []
        case ir.AtMost(amount=amount):
            bound, word = run.number(amount, group.key), "at most"
            after = min(before, bound)
            what, formula = f"at most {expressions.text(amount)}", f"min({number(before)}, {number(bound)})"
            inputs = run.inputs(amount, group.key) if run.explain else []
        case _:
            assert_never(step)
    if not run.explain:
        return set_quantity(group, after)
    return set_quantity(group, after, reason(what, word, step.span, formula, after, run.unit, inputs))


def mirror(run: Run, step: ir.Mirror, group: Group) -> Group:
    """Price the size of the quantity; the price step's amount gets its sign."""
    if not holds(step.when, dict(group.key)):
        return group
    size = abs(group.quantity)
    sign = -group.sign if group.quantity < 0 else group.sign
    mirrored = replace(set_quantity(group, size), sign=sign)
    if not run.explain:
        return mirrored
    return mirrored.noted(reason("mirror", "mirror", step.span, f"|{number(group.quantity)}|", size, run.unit))
