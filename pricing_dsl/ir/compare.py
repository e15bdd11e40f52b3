"""What changed between two programs, told in the words of the language: the content of `pricing diff`.

Works on meanings: layout, comments, and a curve written in place or by name make no difference. A change says where it
is (`plan scale`, `charge requests`, `tier to 1M`), what was there and what is there now, and the spans of both. Tables
are compared cell by cell, tiers and steps one by one. Contracts are compared over time, without what their plan
already says. Pure: two programs in, changes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import partial
from typing import Any, Protocol, TypeVar

from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir import words
from pricing_dsl.source import Span
from pricing_dsl.values.numbers import grouped_text

Where = tuple[str, ...]
Sides = tuple[bool, bool]
"""Whether a quantity is money in the old program, and in the new one."""

AnyT = TypeVar("AnyT")


class Spanned(Protocol):
    """Whatever knows where it stands."""

    @property
    def span(self) -> Span: ...


class Named(Spanned, Protocol):
    @property
    def name(self) -> str: ...


SpannedT = TypeVar("SpannedT", bound=Spanned)
NamedT = TypeVar("NamedT", bound=Named)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `old` is `None` for what was added, `new` for what was removed.

    `where` leads from the declaration to the place, each in the words of the language. Spans are in the old and the new
    program; `None` where there is no node of its own.
    """

    where: Where
    old: str | None
    new: str | None
    old_span: Span | None = None
    new_span: Span | None = None

    @property
    def says(self) -> tuple[Where, str | None, str | None]:
        """What it says, wherever in the programs that stands."""
        return self.where, self.old, self.new


def compare_programs(old: ir.Program, new: ir.Program) -> tuple[Change, ...]:
    """All changes, in the order of the language page: units and money, meters, tables, plans, contracts."""
    from pricing_dsl.ir.compare_contracts import compare_contracts

    currencies = old.currency, new.currency
    changes: list[Change] = []
    if old.currency != new.currency:
        changes.append(Change(("currency",), *currencies))
    changes += declared("meter", old.meters, new.meters, compare_meters, lambda m: f"in {m.unit}")
    changes += declared("rates", old.tables, new.tables, compare_tables, lambda t: f"by {', '.join(t.dimensions)}")
    changes += declared("quantity", old.quantities, new.quantities, compare_quantities, quantity_source)
    plan_by_plan = partial(compare_plans, currencies=currencies)
    of_plans = list(declared("plan", old.plans, new.plans, plan_by_plan, lambda p: f'"{p.label}"'))
    changes += of_plans
    changes += compare_contracts(old, new, currencies, of_plans)
    return tuple(changes)


def declared(
    word: str,
    old: Sequence[NamedT],
    new: Sequence[NamedT],
    compare: Callable[[NamedT, NamedT, Where], Iterator[Change]],
    summary: Callable[[NamedT], str],
) -> Iterator[Change]:
    """Declarations of one kind by name: the removed, the added, and what `compare(old, new, where)` finds."""
    before, after = {node.name: node for node in old}, {node.name: node for node in new}
    for name in dict.fromkeys([*before, *after]):
        where = (f"{word} {name}",)
        one, other = before.get(name), after.get(name)
        if one is None or other is None:
            yield change(where, one, other, summary)
        elif one != other:
            yield from compare(one, other, where)


def said(where: Where, old: str, new: str, one: Spanned, other: Spanned) -> Iterator[Change]:
    """One change, if there is one."""
    if old != new:
        yield Change(where, old, new, one.span, other.span)


# --- what is counted ----------------------------------------------------------------------------------------------


def compare_meters(old: ir.Meter, new: ir.Meter, where: Where) -> Iterator[Change]:
    """What a meter counts and how; a change here changes usage, not rates."""
    yield from compare_units(old, new, where, (old.money, new.money))
    for part, say in METER_PARTS.items():
        yield from said((*where, part), say(old), say(new), old, new)


METER_PARTS: dict[str, Any] = {
    "label": lambda m: m.label,
    "from": lambda m: ", ".join(m.event_types),
    "where": lambda m: "every event" if m.where is None else words.expression(m.where),
    "measure": lambda m: "  ".join(map(words.measure, m.measures)),
    "by": lambda m: ", ".join(_dimension(d) for d in m.event_dimensions) or "nothing",
    "measure by": lambda m: m.measured_by or "nothing",
    "carried": lambda m: "carried" if m.carried else "not carried",
    "timezone": lambda m: m.timezone,
}


def _dimension(node: ir.EventDimension) -> str:
    of = words.expression(node.expression)
    return node.name if of == node.name else f"{node.name}: {of}"


class HasUnit(Spanned, Protocol):
    @property
    def unit(self) -> str: ...


def compare_units(old: HasUnit, new: HasUnit, where: Where, shares: Sides) -> Iterator[Change]:
    """What is counted; money is money, whatever the currency of the program."""
    if shares != (True, True):
        yield from said((*where, "unit"), old.unit, new.unit, old, new)


def compare_quantities(old: ir.Quantity, new: ir.Quantity, where: Where) -> Iterator[Change]:
    yield from compare_units(old, new, where, (old.money, new.money))
    yield from said(where, quantity_source(old), quantity_source(new), old, new)
    yield from compare_steps(old.steps, new.steps, where, (old.money, new.money))


def quantity_source(node: ir.Quantity) -> str:
    if node.source is not None:
        return f"on {node.source}"
    if node.expression is not None:
        return f"= {words.expression(node.expression)}"
    return "= " + " + ".join(
        term.name if term.factor == 1 else f"{words.quantity(term.factor)} * {term.name}" for term in node.terms
    )


def compare_tables(old: ir.Table, new: ir.Table, where: Where) -> Iterator[Change]:
    """Cell by cell, by the keys of its row and its column."""
    yield from said(where, f"by {', '.join(old.dimensions)}", f"by {', '.join(new.dimensions)}", old, new)
    if old.dimensions != new.dimensions:
        return
    before, after = cells(old), cells(new)
    for place in dict.fromkeys([*before, *after]):
        one, other = before.get(place), after.get(place)
        if one != other:
            yield Change((*where, place), one, other, old.span, new.span)
    kept = [[row.keys for row in table.rows if by_pattern(row)] for table in (old, new)]
    common = set(kept[0]) & set(kept[1])
    before_order, after_order = ("; ".join(words.keys(keys) for keys in rows if keys in common) for rows in kept)
    yield from said((*where, "order of rows"), before_order, after_order, old, new)


def by_pattern(row: ir.Row) -> bool:
    """Rows whose keys are all exact are found wherever they stand."""
    return any(key.kind != "exact" for key in row.keys)


def cells(table: ir.Table) -> dict[str, str]:
    """The cells as written, by the keys of their row and their column."""
    found: dict[str, str] = {}
    for row in table.rows:
        for number, cell in enumerate(row.cells):
            column = table.columns[number : number + 1]
            place = words.keys((*row.keys, *column))
            found[place] = "-" if cell is None else grouped_text(cell)
    return found


# --- plans -----------------------------------------------------------------------------------------------------------


def compare_plans(old: ir.Plan, new: ir.Plan, where: Where, currencies: tuple[str, str]) -> Iterator[Change]:
    """Terms, then lines in statement order, then adjustments."""
    yield from said((*where, "label"), old.label, new.label, old, new)
    yield from said((*where, "bill"), words.bill(old.bill), words.bill(new.bill), old.bill, new.bill)
    yield from said((*where, "timezone"), old.timezone, new.timezone, old, new)
    yield from said((*where, "round"), old.rounding, new.rounding, old, new)
    yield from compare_lines(old.lines, new.lines, where, currencies)
    yield from compare_adjustments(old.adjustments, new.adjustments, where)


def compare_lines(
    old: Sequence[ir.Fee | ir.Charge], new: Sequence[ir.Fee | ir.Charge], where: Where, currencies: tuple[str, str]
) -> Iterator[Change]:
    """Lines by name: added, removed, amended, and put in another order."""
    before, after = {node.name: node for node in old}, {node.name: node for node in new}
    for name in dict.fromkeys([*before, *after]):
        one, other = before.get(name), after.get(name)
        if one is None or other is None or type(one) is not type(other):
            if one is not None:
                yield Change((*where, line_name(one)), words.line(one, currencies[0]), None, one.span)
            if other is not None:
                yield Change((*where, line_name(other)), None, words.line(other, currencies[1]), None, other.span)
        elif one != other:
            yield from compare_line(one, other, (*where, line_name(other)), currencies)
    orders = [[name for name in names if name in before and name in after] for names in (before, after)]
    if orders[0] != orders[1]:
        yield Change((*where, "order of lines"), ", ".join(orders[0]), ", ".join(orders[1]))


def line_name(node: ir.Fee | ir.Charge) -> str:
    return f"{'fee' if isinstance(node, ir.Fee) else 'charge'} {node.name}"


def compare_line(
    old: ir.Fee | ir.Charge, new: ir.Fee | ir.Charge, where: Where, currencies: tuple[str, str]
) -> Iterator[Change]:
    yield from said((*where, "label"), old.label, new.label, old, new)
    if isinstance(old, ir.Charge) and isinstance(new, ir.Charge):
        yield from said(where, words.source(old), words.source(new), old, new)
        shares = (old.unit == currencies[0], new.unit == currencies[1])
        yield from compare_units(old, new, where, shares)
        yield from compare_steps(old.steps, new.steps, where, shares)
    else:
        yield from said(where, words.line(old, currencies[0]), words.line(new, currencies[1]), old, new)


def compare_adjustments(old: Sequence[ir.Adjustment], new: Sequence[ir.Adjustment], where: Where) -> Iterator[Change]:
    """By name, those without one by their kind, in order."""
    for one, other in paired(old, new, lambda a: (a.name or "", a.kind if a.name is None else "")):
        if one != other:
            node = other or one
            assert node is not None
            place = "adjustment" if node.name is None else f"adjustment {node.name}"
            yield change((*where, place), one, other, words.adjustment)


# --- steps -----------------------------------------------------------------------------------------------------------


def compare_steps(old: Sequence[ir.Step], new: Sequence[ir.Step], where: Where, shares: Sides) -> Iterator[Change]:
    """Step by step; those of a kind are compared with each other. `shares`: the quantities are money."""
    for one, other in paired(old, new, step_kind):
        if one == other:
            continue
        if isinstance(one, ir.Graduated | ir.Volume) and type(one) is type(other):
            assert isinstance(other, ir.Graduated | ir.Volume)
            if replace(one, tiers=()) == replace(other, tiers=()):
                yield from compare_tiers(one.tiers, other.tiers, (*where, step_kind(one)[1]), shares)
                continue
        if isinstance(one, ir.Match) and isinstance(other, ir.Match) and one.dimension == other.dimension:
            yield from compare_arms(one, other, where, shares)
            continue
        yield change(where, one, other, *(partial(words.step, share=share) for share in shares))


def step_kind(step: ir.Step) -> tuple[str, str]:
    """What a step may take the place of, and its word."""
    word = type(step).__name__.lower()
    match step:
        case ir.Graduated() | ir.Volume() | ir.Match() | ir.Price():
            return "price", word
        case ir.Times(word=word, factor=ir.Lookup(table=ir.Table(dimensions=dimensions))):
            return f"{word} {dimensions}", word
        case ir.Times(word=word):
            return word, word
        case ir.Discount() | ir.DiscountAbove() | ir.DiscountMoney() | ir.DiscountGraduated():
            return "discount", word
        case _:
            return word, word


def compare_tiers(old: Sequence[ir.Tier], new: Sequence[ir.Tier], where: Where, shares: Sides) -> Iterator[Change]:
    """Tier by tier: by place where there are as many as before, else by their bounds."""
    in_place = len(old) == len(new)
    for one, other in paired(old, new, lambda tier: "" if in_place else words.bound(tier)):
        if one == other:
            continue
        yield change(where, one, other, *(partial(words.tier, share=share) for share in shares))


def compare_arms(old: ir.Match, new: ir.Match, where: Where, shares: Sides) -> Iterator[Change]:
    """Arm by arm, by their keys."""
    for one, other in paired(old.arms, new.arms, lambda arm: words.keys(arm.keys) or "else"):
        if one == other:
            continue
        node = one or other
        assert node is not None
        if one is not None and other is not None:
            place = f"match {new.dimension} {words.keys(node.keys) or 'else'}"
            yield from compare_steps(one.steps, other.steps, (*where, place), shares)
        else:
            say = (partial(words.arm, share=share) for share in shares)
            yield change((*where, f"match {new.dimension}"), one, other, *say)


# --- pairs -----------------------------------------------------------------------------------------------------------


def change(
    where: Where,
    old: SpannedT | None,
    new: SpannedT | None,
    say: Callable[[SpannedT], str],
    say_new: Callable[[SpannedT], str] | None = None,
) -> Change:
    """A node that was added, removed or changed, in words."""
    return Change(
        where,
        None if old is None else say(old),
        None if new is None else (say_new or say)(new),
        None if old is None else old.span,
        None if new is None else new.span,
    )


def paired(
    old: Sequence[AnyT], new: Sequence[AnyT], kind: Callable[[AnyT], object]
) -> Iterator[tuple[AnyT | None, AnyT | None]]:
    """Nodes of both sides in order, paired where they are of one kind; alone where the other side has none.

    >>> list(paired(["a1", "b1"], ["a2", "c2", "b1"], lambda each: each[0]))
    [('a1', 'a2'), (None, 'c2'), ('b1', 'b1')]
    """
    matcher = SequenceMatcher(None, [repr(kind(node)) for node in old], [repr(kind(node)) for node in new], False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            yield from zip(old[old_from:old_to], new[new_from:new_to], strict=True)
        else:
            yield from ((node, None) for node in old[old_from:old_to])
            yield from ((None, node) for node in new[new_from:new_to])
