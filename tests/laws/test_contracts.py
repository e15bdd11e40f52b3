"""Laws of contracts: what a cut, an override that says nothing and the order of statements must not change.

Each law counts what its examples really show, and fails where they show too little of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pricing_dsl.evaluate.statement import Statement
from tests.laws.contracts import PERIOD, Agreement, Segments, agreements, compiled, evaluated, evaluation_of, is_sound
from tests.laws.contracts_clauses import DAYS, STREAMS, Item, within
from tests.laws.contracts_lines import CHARGES
from tests.laws.contracts_shown import Seen, facts_of, require_shown, show

few = settings(max_examples=settings.default.max_examples // 3)
"""A contract is a plan, its versions and its state: each costs several plans to try."""

fewest = settings(max_examples=settings.default.max_examples // 4)


def priced(agreement: Agreement, usage: Any = None) -> Statement:
    return evaluated(agreement.text, agreement.segments if usage is None else usage)


def amounts(statement: Statement) -> dict[str, Any]:
    """All amounts of the lines and adjustments."""
    lines = {line.id: (line.exact, line.amount, line.net) for line in statement.lines}
    return {"lines": lines, "rows": [(row.id, row.amount) for row in statement.adjustments], "total": statement.total}


def test_the_contracts_show_what_the_laws_speak_of() -> None:
    seen: Seen = Counter()

    @given(agreements())
    def count(agreement: Agreement) -> None:
        show(seen, *facts_of(priced(agreement)))

    count()
    require_shown(seen, 0.2, "is cut", "draws", "adjusts")
    require_shown(seen, 0.05, "tops up", "counts", "draws units", "invoices", "expires")
    require_shown(seen, 0.005, "factors", "trues up", "rolls over")


# --- cuts ------------------------------------------------------------------------------------------------------------


def test_usage_cut_where_nothing_changes_changes_nothing() -> None:
    """Usage in finer segments than the period has: every amount, draw and closing balance stays."""
    seen: Seen = Counter()

    @few
    @given(agreements(), st.data())
    def law(agreement: Agreement, data: st.DataObject) -> None:
        statement = priced(agreement)
        assert priced(agreement, finer(agreement, data)).to_dict() == statement.to_dict()
        show(seen, *facts_of(statement))

    law()
    require_shown(seen, 0.05, "is cut", "draws", "adjusts")


def finer(agreement: Agreement, data: st.DataObject) -> Segments:
    """The usage of the days, those with usage in two halves, at some hour of the day."""
    found: Segments = []
    for segment in agreement.segments:
        if segment["usage"]["calls"]:
            at = f"{segment['from']}T{data.draw(st.integers(1, 20)):02}:00Z"
            found += halves(segment, at, data.draw(st.integers(0, 100)))
        else:
            found.append(segment)
    return found


def halves(segment: dict[str, Any], at: str, share: int) -> Segments:
    """A segment of usage in two, with `share` percent of the calls in the first."""
    calls = segment["usage"]["calls"]
    early = [{**cell, "quantity": str(int(cell["quantity"]) * share // 100)} for cell in calls]
    pairs = zip(calls, early, strict=True)
    late = [{**cell, "quantity": str(int(cell["quantity"]) - int(first["quantity"]))} for cell, first in pairs]
    return [
        {"from": segment["from"], "to": at, "usage": {**segment["usage"], "calls": early}},
        {"from": at, "to": segment["to"], "usage": {**segment["usage"], "calls": late}},
    ]


CUTS = st.sampled_from(["2026-03-04", "2026-03-10T12:00Z", "2026-03-20", "2026-03-29T02:00Z", *DAYS[1:-1]])


def test_a_period_cut_where_nothing_changes_keeps_its_amounts() -> None:
    """A credit for a line of nothing begins and ends in the month and cuts it: all that is charged stays.

    Balances pay segment by segment, in time before lines (rule 28), so what is due stays where one of them pays.
    """
    seen: Seen = Counter()

    @few
    @given(
        agreements(whole=True, plain=True), st.lists(CUTS, min_size=2, max_size=2, unique=True).map(sorted), st.data()
    )
    def law(agreement: Agreement, ends: list[str], data: st.DataObject) -> None:
        assume(agreement.term[0] <= ends[0] and ends[1] <= agreement.term[1])
        balances = [item for item in agreement.stream("balances") if "valid" not in item.text][:1]
        nothing = Item("lines", "fee nothing 0")
        items = (*agreement.without("balances").items, *balances, nothing)
        uncut = replace(agreement, items=items)
        cut = replace(
            agreement,
            items=(*items, Item("balances", f"credit cut 1 {{ covers nothing  valid {ends[0]} to {ends[1]} }}")),
        )
        usage = cut_usage(agreement, ends, data)
        before, after = priced(uncut, usage), priced(cut, usage)
        assert amounts(after) == amounts(before)
        facts = [*facts_of(before), *(["cuts more"] if len(after.segments) > len(before.segments) else [])]
        if not any(word in item.text for item in balances for word in ("monthly", "quarterly", "where")):
            assert after.due == before.due
            facts.append("due, with draws" if before.draws else "due")
        show(seen, *facts)

    law()
    require_shown(seen, 0.05, "is cut", "cuts more", "adjusts")
    require_shown(seen, 0.05, "due, with draws")


def cut_usage(agreement: Agreement, ends: list[str], data: st.DataObject) -> Segments:
    """The agreement's usage, of which each cut leaves a share before it: some of what is used later comes earlier."""
    found = agreement.segments
    for at in ends:
        place = next((i for i, segment in enumerate(found) if segment["from"] <= at < segment["to"]), None)
        if place is None:
            continue  # it is the end of the term
        if found[place]["from"] != at:
            found[place : place + 1] = halves(found[place], at, 0)
        used = max((i for i in range(place) if found[i]["usage"]["calls"]), default=None)
        if used is not None:
            early, late = halves(found[used], at, data.draw(st.integers(0, 100)))
            found[used] = {**early, "to": found[used]["to"]}
            late["usage"]["calls"] += found[place]["usage"]["calls"]
            found[place] = {**found[place], "usage": {**late["usage"], "calls": merged(late["usage"]["calls"])}}
    return found


def merged(cells: list[dict[str, str]]) -> list[dict[str, str]]:
    """Cells of the same dimensions as one."""
    found: dict[tuple[str, str], int] = {}
    for cell in cells:
        key = cell["region"], cell["model"]
        found[key] = found.get(key, 0) + int(cell["quantity"])
    return [{"region": key[0], "model": key[1], "quantity": str(quantity)} for key, quantity in found.items()]


def test_a_phase_cut_in_two_is_the_same_phase() -> None:
    """What is in force is the same, so nothing of the statement changes. It is cut where the period is cut anyway."""
    seen: Seen = Counter()

    @few
    @given(agreements(phased=True), st.data())
    def law(agreement: Agreement, data: st.DataObject) -> None:
        inside = {item: days for item in agreement.items if (days := days_inside(agreement, item))}
        assume(inside)
        item = data.draw(st.sampled_from(list(inside)))
        at = data.draw(st.sampled_from(inside[item]))
        cut = (
            Item("lines", "fee nothing 0"),
            Item("balances", f"credit cut 1 {{ covers nothing  valid {at} to {agreement.term[1]} }}"),
        )
        start, end = ends_of(agreement, item)
        two = [f"from {start} to {at}", f"from {at}" + (f" to {end}" if end else "")]
        if data.draw(st.booleans()):
            two.reverse()
        split = [replace(item, phase=phase) for phase in two]
        items = tuple(new for old in agreement.items for new in (split if old is item else [old]))
        statement = priced(replace(agreement, items=(*agreement.items, *cut)))
        assert priced(replace(agreement, items=(*items, *cut))).to_dict() == statement.to_dict()
        show(seen, item.stream, *facts_of(statement))

    law()
    require_shown(seen, 0.05, "overrides", "adjustments", "is cut")


def days_inside(agreement: Agreement, item: Item) -> list[str]:
    """The days at which a phase can be cut in two."""
    if not item.phase:
        return []
    start, end = ends_of(agreement, item)
    return [day for day in within(agreement.term) if start < day < (end or agreement.term[1])]


def ends_of(agreement: Agreement, item: Item) -> tuple[str, str | None]:
    """The days between which a phase lies."""
    term = date.fromisoformat(agreement.term[0])
    days = item.phase.replace("from ", "").split(" to ")
    found = [
        (term + timedelta(days=int(day.split()[1]) - 1)).isoformat() if day.startswith("day") else day for day in days
    ]
    return found[0], found[1] if len(found) > 1 else None


def test_a_phase_over_the_whole_term_is_no_phase() -> None:
    seen: Seen = Counter()

    @few
    @given(agreements(), st.data())
    def law(agreement: Agreement, data: st.DataObject) -> None:
        whole = data.draw(st.sampled_from([f"from {agreement.term[0]}", "from day 1", "from month 1", "from year 1"]))
        items = tuple(
            item if item.phase or " as " in item.text else replace(item, phase=whole) for item in agreement.items
        )
        statement = priced(agreement)
        assert priced(replace(agreement, items=items)).to_dict() == statement.to_dict()
        show(seen, *facts_of(statement), *(item.stream for item in items if item.phase == whole))

    law()
    require_shown(seen, 0.05, "overrides", "adjustments", "balances")


def test_a_percentage_in_a_phase_is_of_its_own_segments() -> None:
    """`discount 10%` takes that of the parts of lines in the segments in which it is in force (rule 21)."""
    seen: Seen = Counter()

    @few
    @given(agreements(plain=True), st.data())
    def law(agreement: Agreement, data: st.DataObject) -> None:
        plain = agreement.without("adjustments", "balances")
        start = data.draw(st.sampled_from(within(plain.term)))
        end = data.draw(st.sampled_from([*(day for day in within(plain.term) if day > start), plain.term[1]]))
        items = (*plain.items, Item("adjustments", "discount 10%", f"from {start} to {end}"))
        discounted = replace(plain, items=items)
        evaluation = evaluation_of(discounted)
        begins = [segment[:10] for segment, _ in evaluation.timeline.cut_texts or [(start, end)]]
        inside = [index for index, day in enumerate(begins) if start <= day < end]
        lines = evaluation.lines(evaluation.quantities()).values()
        base = sum(line.by_segment.get(index, 0) for line in lines for index in inside)
        rows = [row.minor for row in priced(discounted).adjustments]
        assert rows == [-((max(base, 0) + 5) // 10)]
        outside = len(inside) < len(evaluation.timeline.segments)
        show(seen, *(["outside"] if outside and base else []))

    law()
    require_shown(seen, 0.1, "outside")


# --- clauses that say nothing ----------------------------------------------------------------------------------------


def test_an_override_by_one_changes_nothing() -> None:
    """It loses to every override written after it, and where there is none it multiplies by one."""
    seen: Seen = Counter()

    @few
    @given(agreements(), st.sampled_from([*CHARGES, "all", "s", "d", "f"]))
    def law(agreement: Agreement, line: str) -> None:
        nothing = Item("overrides", f"override {line} {{ times 1 }}")
        agreement = replace(agreement, rise="")  # what the plan says of its own is written before
        statement = priced(agreement)
        assert priced(replace(agreement, items=(nothing, *agreement.items))).to_dict() == statement.to_dict()
        show(seen, *facts_of(statement), *([] if agreement.stream("overrides") else ["alone"]))

    law()
    require_shown(seen, 0.05, "is cut", "draws", "adjusts", "alone")


def test_an_override_by_one_in_a_phase_changes_no_amount() -> None:
    """It cuts the period, and changes nothing in the segment that it makes."""
    seen: Seen = Counter()

    @few
    @given(agreements(whole=True, plain=True), st.sampled_from([*CHARGES, "all", "s"]), st.data())
    def law(agreement: Agreement, line: str, data: st.DataObject) -> None:
        plain = replace(agreement.without("balances"), rise="")
        days = within(plain.term)
        start, end = data.draw(st.sampled_from(days)), data.draw(st.sampled_from([*days, ""]))
        assume(not end or start < end)
        phase = f"from {start}" + (f" to {end}" if end else "")
        nothing = Item("overrides", f"override {line} {{ times 1 }}", phase)
        before, after = priced(plain), priced(replace(plain, items=(nothing, *plain.items)))
        assert amounts(after) == amounts(before)
        show(seen, *facts_of(before), *(["cuts more"] if len(after.segments) > len(before.segments) else []))

    law()
    require_shown(seen, 0.05, "is cut", "cuts more", "adjusts")


def test_a_contract_that_says_nothing_is_its_plan() -> None:
    seen: Seen = Counter()

    @given(agreements(bare=True), st.booleans())
    def law(agreement: Agreement, in_segments: bool) -> None:
        term = (PERIOD[0] if agreement.term[0] < PERIOD[0] else agreement.term[0], "2027-03-01")
        bare = replace(agreement, rise="", items=(), term=term)
        program = compiled(bare.text)
        plan = program.evaluator("p")(bare.whole, (term[0], PERIOD[1])).to_dict()
        usage = bare.segments if in_segments else bare.whole
        agreed = evaluated(bare.text, usage).to_dict()
        assert {key: value for key, value in agreed.items() if key not in ("target", "counters")} == {
            key: value for key, value in plan.items() if key != "target"
        }
        show(seen, "in segments" if in_segments else "whole", *(["clipped"] if term[0] > PERIOD[0] else []))

    law()
    require_shown(seen, 0.05, "in segments", "whole", "clipped")


# --- the order of statements -----------------------------------------------------------------------------------------


def test_the_order_of_independent_statements_changes_nothing() -> None:
    """Each stream keeps its own order and is shuffled into the others; phases are split and joined by it."""
    seen: Seen = Counter()

    @few
    @given(agreements(), st.data())
    def law(agreement: Agreement, data: st.DataObject) -> None:
        order = [item.stream for item in agreement.items]
        assume(len(set(order)) > 1)
        streams = {stream: iter(agreement.stream(stream)) for stream in STREAMS}
        items = tuple(next(streams[stream]) for stream in data.draw(st.permutations(order)))
        statement = priced(agreement)
        assert priced(replace(agreement, items=items)).to_dict() == statement.to_dict()
        show(seen, *set(order), *facts_of(statement))

    law()
    require_shown(seen, 0.05, "overrides", "adjustments", "balances")


@pytest.mark.parametrize("stream", ["overrides", "adjustments", "balances"])
def test_the_order_inside_a_stream_counts(stream: Any) -> None:
    """Of overrides the last wins, adjustments run as written, balances of equal rank burn as written."""
    seen: Seen = Counter()

    @fewest
    @given(agreements())
    def count(agreement: Agreement) -> None:
        mine = agreement.stream(stream)
        assume(len(mine) > 1)
        backwards = replace(agreement, items=(*agreement.without(stream).items, *reversed(mine)))
        forwards = replace(agreement, items=(*agreement.without(stream).items, *mine))
        assume(is_sound(backwards))
        first, second = (priced(each).to_dict() for each in (forwards, backwards))
        changed = any(first.get(key) != second.get(key) for key in ("total", "due", "draws"))
        show(seen, *(["changed"] if changed else []))

    count()
    require_shown(seen, 0.005, "changed")
