"""Steps 9 to 11: the amount steps of a pipeline, on priced groups.

Cell steps on money (`times`, `discount P%`, `prorate`) act on every part. All others act once on the group's sum, and
their change is spread over the group's parts in proportion to what is positive, or evenly where nothing is, so that
parts keep their dimensions for `show by`. Both kinds interleave as written (step 10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple, assert_never

from pricing_dsl.evaluate.lookup import Missing, holds
from pricing_dsl.evaluate.reference.cells import ZERO, Key, Part, Priced, inside, key_of, key_order
from pricing_dsl.evaluate.reference.context import Run
from pricing_dsl.evaluate.reference.discounts import graduated_discount, money_discount, percent_discount
from pricing_dsl.evaluate.reference.reasons import key_text, largest_text, look_up, number, pair, reason, sum_text
from pricing_dsl.evaluate.reference.tiers import rate_cost
from pricing_dsl.evaluate.statement import Reason
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import expression_reads, step_lookups
from pricing_dsl.values.rounding import round_to_multiple

CellStep = ir.Times | ir.Discount | ir.Prorate
"""Steps that act on every part of their own segment; all others act once (`stages`)."""
SumStep = ir.Plus | ir.Minimum | ir.Maximum | ir.DiscountAbove | ir.DiscountMoney | ir.DiscountGraduated | ir.RoundMoney
AmountStep = SumStep | ir.Each | ir.Total | ir.Largest | ir.ShowBy


def amount_step(run: Run, step: AmountStep, groups: tuple[Priced, ...], outer: Sequence[Key]) -> tuple[Priced, ...]:
    """What one step makes of the priced groups."""
    match step:
        case ir.ShowBy():
            return tuple(shown_by(step, group) for group in groups)
        case ir.Each():
            return tuple(inner for group in groups for inner in split(run, step, group))
        case ir.Total() | ir.Largest():
            return tuple(ended(run, step, key, within) for key, within in inside(groups, outer).items())
        case _:
            return tuple(on_sum(run, step, group) for group in groups)


# --- step 9: cell steps ---


def on_parts(run: Run, step: CellStep, group: Priced, segment: int) -> Priced:
    """A cell step on every part of one segment that its condition holds for."""
    parts: list[Part] = []
    notes: list[Reason] = []
    for part in group.parts:
        if part.segment != segment or not acts_on(run, step, part):
            parts.append(part)
            continue
        new = replace(part, amount=changed_part(run, step, part))
        parts.append(new)
        if run.explain:
            notes.append(part_note(run, step, part, new.amount))
    group = replace(group, parts=tuple(parts))
    if not notes:
        return group
    rule, word = word_of(step)
    if len(run.context.segment_texts) > 1:
        word = f"{word} in {run.context.segment_texts[segment]}"
    here = [part.amount for part in parts if part.segment == segment]
    if len(notes) == 1 and len(here) == 1:
        return group.noted(replace(notes[0], what=word))
    return group.noted(reason(word, rule, step.span, sum_text(here), sum(here, ZERO), run.currency, (), notes))


def acts_on(run: Run, step: CellStep, part: Part) -> bool:
    """Whether a cell step acts on a part: its condition holds, and the part has what the step reads.

    Cells without an entry have left in step 4; but a change that was spread by time (rule 1) may lie in a segment that
    has no such cell, and a step of that segment that asks for more than the part has leaves it as it is.
    """
    lookups = list(step_lookups(step))
    names = {name for lookup in lookups for name in run.tables.table(lookup).dimensions}
    if not (names | names_read(step.when)) <= part.dimensions.keys():
        return False
    is_known = not any(isinstance(run.tables.find(lookup, part.dimensions), Missing) for lookup in lookups)
    return is_known and holds(step.when, part.dimensions)


def names_read(condition: ir.Expression | None) -> set[str]:
    """The dimensions that a condition asks."""
    return set() if condition is None else {ref.name for ref in expression_reads(condition)}


def word_of(step: CellStep) -> tuple[str, str]:
    """The rule that explains a cell step, and its word."""
    match step:
        case ir.Times(word=word):
            return "times", word
        case ir.Discount():
            return "discount", "discount"
        case ir.Prorate(by=by):
            return "prorate", f"prorate by {by}"
        case _:
            assert_never(step)


def part_factor(run: Run, factor: ir.Factor, part: Part) -> Fraction:
    """The factor of a part; cells without an entry have left in step 4."""
    found = run.tables.factor(factor, part.dimensions)
    assert not isinstance(found, Missing), "a cell without an entry passed step 4"
    return found


def changed_part(run: Run, step: CellStep, part: Part) -> Fraction:
    """`times`, a discount of what is positive, or the share of the period that is priced."""
    match step:
        case ir.Times(factor=factor):
            return part.amount * part_factor(run, factor, part)
        case ir.Discount(share=share):
            positive = max(part.amount, ZERO)
            return part.amount - min(positive * part_factor(run, share, part) * run.share(step), positive)
        case ir.Prorate():
            return part.amount * run.share(step)
        case _:
            assert_never(step)


def part_note(run: Run, step: CellStep, part: Part, after: Fraction) -> Reason:
    """One part's node: `150 x 2`."""
    children: tuple[Reason, ...] = ()
    factor = step.factor if isinstance(step, ir.Times) else step.share if isinstance(step, ir.Discount) else None
    if isinstance(factor, ir.Lookup):
        children = look_up(run.tables, factor, part.dimensions, "")
    what, inputs = key_text(part.dimensions), [pair("amount", part.amount)]
    formula = part_formula(run, step, part)
    return reason(what, word_of(step)[0], step.span, formula, after, run.currency, inputs, children)


def part_formula(run: Run, step: CellStep, part: Part) -> str:
    """What a cell step does to one part, in numbers."""
    before = number(part.amount)
    match step:
        case ir.Times(factor=factor):
            return f"{before} x {number(part_factor(run, factor, part))}"
        case ir.Discount(share=share, prorated=prorated):
            prorate = "" if prorated is None else f" x {number(run.share(step))}"
            return f"{before} - {before} x {number(part_factor(run, share, part))}{prorate}"
        case ir.Prorate():
            return f"{before} x {number(run.share(step))}"
        case _:
            assert_never(step)


def shown_by(step: ir.ShowBy, group: Priced) -> Priced:
    """Remember under which values each part is listed."""
    parts = tuple(replace(part, shown=key_of(part.dimensions, step.dimensions)) for part in group.parts)
    return replace(group, parts=parts)


# --- step 10: sum steps ---


class Change(NamedTuple):
    """What a sum step makes of a group's amount, and how to explain it."""

    after: Fraction
    what: str
    rule: str
    formula: str


def on_sum(run: Run, step: SumStep, group: Priced) -> Priced:
    """A pool step: once per group, its change spread over the parts. A group of an earlier segment may be another
    `each`'s, which has not the dimension that a condition or a rate of this step asks for: the step leaves it.
    """
    key = dict(group.key)
    if not names_read(step.when) <= key.keys() or not holds(step.when, key):
        return group
    before = group.amount
    change = changed_sum(run, step, group)
    group = spread(run, group, change.after - before)
    if not run.explain:
        return group
    inputs = [pair("amount", before)]
    if not isinstance(step, ir.RoundMoney) and step.prorated is not None:
        inputs.append(pair(f"share by {step.prorated}", run.share(step)))
    return group.noted(reason(change.what, change.rule, step.span, change.formula, change.after, run.currency, inputs))


def changed_sum(run: Run, step: SumStep, group: Priced) -> Change:
    """The group's amount after one sum step; prorated ones count with their share of the period."""
    before, text = group.amount, number(group.amount)
    match step:
        case ir.Plus(amount=amount):
            added = amount * run.share(step)
            return Change(before + added, "plus", "plus", f"{text} + {number(added)}")
        case ir.Minimum(bound=bound):
            least = bound_of(run, bound, group)
            least = before if least is None else least * run.share(step)
            return Change(max(before, least), "minimum", "minimum", f"max({text}, {number(least)})")
        case ir.Maximum(bound=bound):
            most = bound_of(run, bound, group)
            most = before if most is None else most * run.share(step)
            return Change(min(before, most), "maximum", "maximum", f"min({text}, {number(most)})")
        case ir.DiscountAbove(share=share, above=above, up_to=up_to):
            taken = percent_discount(before, share, above, up_to, run.share(step))
        case ir.DiscountMoney(amount=amount, above=above, up_to=up_to):
            taken = money_discount(before, amount, above, up_to, run.share(step))
        case ir.DiscountGraduated(bands=bands):
            taken = graduated_discount(before, bands, None, run.share(step))
        case ir.RoundMoney(mode=mode, to=to):
            after = round_to_multiple(before, to, mode)
            return Change(after, f"round {mode} to {number(to)}", "round money", f"{text} {mode} to {number(to)}")
        case _:
            assert_never(step)
    return Change(before - taken.amount, "discount", "discount", f"{text} - {taken.formula}")


def bound_of(run: Run, bound: Fraction | ir.Linear | ir.Package, group: Priced) -> Fraction | None:
    """Money, or a rate on the quantity that entered the price of this group.

    `None` where the last segment's table has no entry for a group that only earlier segments have.
    """
    if isinstance(bound, Fraction):
        return bound
    rate = bound.rate if isinstance(bound, ir.Linear) else bound.price
    if isinstance(rate, ir.Lookup) and not set(run.tables.table(rate).dimensions) <= dict(group.key).keys():
        return None
    cost = rate_cost(run, bound, group.quantity, dict(group.key))
    return None if cost.refused else cost.amount


def spread(run: Run, group: Priced, change: Fraction) -> Priced:
    """Spread a change over the parts: in proportion to the positive amounts, where there are none to time (rule 1)."""
    if change == 0:
        return group
    if not any(part.amount > 0 for part in group.parts):
        return spread_by_time(run, group, change)
    weights = [max(part.amount, ZERO) for part in group.parts]
    whole = sum(weights, ZERO)
    parts = zip(group.parts, weights, strict=True)
    return replace(
        group, parts=tuple(replace(part, amount=part.amount + change * weight / whole) for part, weight in parts)
    )


def spread_by_time(run: Run, group: Priced, change: Fraction) -> Priced:
    """Over the segments by their length, inside each evenly over the cells that the group has anywhere."""
    parts = {(part.segment, listed_key(part)): part for part in group.parts}
    cells = {listed_key(part): part for part in group.parts} or {None: Part(dict(group.key), ZERO, ZERO)}
    seconds = sum(run.seconds.values())
    for segment, length in run.seconds.items():
        for key, cell in cells.items():
            empty = replace(cell, segment=segment, quantity=ZERO, amount=ZERO, notes=())
            part = parts.get((segment, key), empty)
            parts[segment, key] = replace(part, amount=part.amount + change * length / seconds / len(cells))
    return replace(group, parts=tuple(parts.values()))


def listed_key(part: Part) -> tuple[Key, Key | None] | None:
    """What tells the parts of one segment apart."""
    return key_of(part.dimensions, sorted(part.dimensions)), part.shown


# --- groups of amounts ---


def split(run: Run, step: ir.Each, group: Priced) -> list[Priced]:
    """`each` after the price: parts go to their groups, which exist only where there was usage (rule 14).

    What happened before is told once, with the first group.
    """
    used = {key_of(part.dimensions, step.dimensions) for part in group.parts if part.quantity}
    found: dict[Key, list[Part]] = {key: [] for key in used}
    for part in group.parts:
        if (key := key_of(part.dimensions, step.dimensions)) in used:
            found[key].append(part)
    groups = [Priced((*group.key, *key), tuple(found[key])) for key in sorted(found, key=key_order)]
    if run.explain and groups:
        formula = sum_text([inner.amount for inner in groups])
        what = f"before each {', '.join(step.dimensions)}"
        node = reason(what, "each", step.span, formula, group.amount, run.currency, (), group.notes)
        groups[0] = groups[0].noted(node)
    return groups


def ended(run: Run, step: ir.Total | ir.Largest, key: Key, groups: list[Priced]) -> Priced:
    """Step 11: `total` adds the groups up, `largest` keeps one (ties: the smaller key); one group remains, always."""
    kept = groups
    if isinstance(step, ir.Largest) and groups:
        kept = [max(groups, key=lambda group: group.amount)]
    result = Priced(key, tuple(part for group in kept for part in group.parts))
    if not run.explain:
        return result
    word = "total" if isinstance(step, ir.Total) else "largest"
    amounts = [group.amount for group in groups]
    formula = sum_text(amounts) if word == "total" else largest_text(amounts)
    children = [group_note(run.currency, group) for group in groups]
    return result.noted(reason(word, word, step.span, formula, result.amount, run.currency, (), children))


def group_note(currency: str, group: Priced) -> Reason:
    """One group of `each` as a node over what happened in it."""
    what = f"each {key_text(group.key)}"
    return reason(what, "total", None, number(group.amount), group.amount, currency, (), group.notes)
