"""Steps 9 to 11 over several segments: whose amount steps act, on which parts, in which order.

Cell steps on money act on the parts of their own segment, as it has them. Steps on sums, and those that begin, end or
list groups, act once, as they stand in the last segment. They interleave as written (step 10): a segment's cell step
acts before those steps of the last segment that it stands before in its own pipeline, steps being told by their kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from pricing_dsl.evaluate.reference.amounts import AmountStep, CellStep, amount_step, on_parts
from pricing_dsl.evaluate.reference.cells import Key, Priced
from pricing_dsl.evaluate.reference.context import Run
from pricing_dsl.ir import nodes as ir

GROUP_STEPS = (ir.Each, ir.Total, ir.Largest, ir.ShowBy)
"""Steps that change no amount of a group."""


def amount_steps(
    segments: Sequence[tuple[int, Run, tuple[ir.Step, ...]]],
    groups: tuple[Priced, ...],
    outer: Sequence[Key],
    *,
    sums_act: bool,
) -> tuple[Priced, ...]:
    """The amount steps of all segments (index, run and steps) on their priced groups."""
    _, last_run, last_steps = segments[-1]
    once = [as_amount_step(step) for step in last_steps if not isinstance(step, CellStep)]
    cell_steps = [(index, run, placed(steps, last_steps)) for index, run, steps in segments]
    for place in range(len(once) + 1):
        for index, run, stages in cell_steps:
            for step in stages[place]:
                groups = tuple(on_parts(run, step, group, index) for group in groups)
        if place < len(once) and (sums_act or isinstance(once[place], GROUP_STEPS)):
            groups = amount_step(last_run, once[place], groups, outer)
    return groups


def as_amount_step(step: ir.Step) -> AmountStep:
    assert isinstance(step, AmountStep), "the checker lets only amount steps stand after the price"
    return step


def placed(steps: tuple[ir.Step, ...], last: tuple[ir.Step, ...]) -> list[list[CellStep]]:
    """A segment's cell steps by how many of the last segment's other steps come before them."""
    before = [0]
    for step in last:
        before.append(before[-1] + (not isinstance(step, CellStep)))
    stages: list[list[CellStep]] = [[] for _ in range(before[-1] + 1)]
    matcher = SequenceMatcher(None, [kind(step) for step in steps], [kind(step) for step in last], autojunk=False)
    place, at = 0, 0
    for block in matcher.get_matching_blocks():
        for step in steps[at : block.a]:
            if isinstance(step, CellStep):
                stages[place].append(step)
        for i in range(block.size):
            step = steps[block.a + i]
            if isinstance(step, CellStep):
                stages[before[block.b + i]].append(step)
            place = before[block.b + i + 1]
        at = block.a + block.size
    return stages


def kind(step: ir.Step) -> str:
    """By what steps of two segments are told to be the same."""
    return step.word if isinstance(step, ir.Times) else type(step).__name__
