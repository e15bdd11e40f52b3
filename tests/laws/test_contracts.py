"""Laws of contracts: what a cut, an override that says nothing and the order of statements must not change.

And of balances: what they had is where it went, and they pay nothing that they do not cover.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pricing_dsl.compilation import Compilation, Program
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.source import Source
from tests.laws.contracts import CHARGES, DAYS, PERIOD, Agreement, Segments, agreements, grants

few = settings(max_examples=settings.default.max_examples // 3)
"""A contract is a plan, its versions and its state: each costs several plans to try."""


def compiled(text: str) -> Program:
    return Compilation(Source(text)).program


def evaluated(text: str, usage: Any) -> Statement:
    return compiled(text).evaluator("c")(usage, PERIOD)


def priced(agreement: Agreement) -> Statement:
    return evaluated(agreement.text, agreement.segments)


def amounts(statement: Statement) -> dict[str, Any]:
    """All amounts of the lines and adjustments."""
    lines = {line.id: (line.exact, line.amount, line.net) for line in statement.lines}
    return {"lines": lines, "rows": [(row.id, row.amount) for row in statement.adjustments], "total": statement.total}


@few
@given(agreements(), st.data())
def test_a_cut_where_nothing_changes_changes_no_amount(agreement: Agreement, data: st.DataObject) -> None:
    plain = agreement.without("balances")
    finer: Segments = []
    for segment in plain.segments:
        share = data.draw(st.integers(0, 100))
        at = (date.fromisoformat(segment["from"]) + timedelta(days=data.draw(st.integers(1, 6)))).isoformat()
        calls = segment["usage"]["calls"]
        early = [{**cell, "quantity": str(int(cell["quantity"]) * share // 100)} for cell in calls]
        late = [
            {**cell, "quantity": str(int(cell["quantity"]) - int(first["quantity"]))}
            for cell, first in zip(calls, early, strict=True)
        ]
        halves = ((segment["from"], at, early), (at, segment["to"], late))
        finer += [
            {"from": start, "to": end, "usage": {**segment["usage"], "calls": cells}} for start, end, cells in halves
        ]
    assert amounts(evaluated(plain.text, finer)) == amounts(priced(plain))


@few
@given(agreements(), st.sampled_from([*CHARGES, "all"]))
def test_an_override_by_one_changes_no_amount(agreement: Agreement, line: str) -> None:
    """It loses to every override written after it, and where there is none it multiplies by one."""
    plain = agreement.without("balances")
    phase = f"from {DAYS[1]} to {DAYS[3]} {{ override {line} {{ times 1 }} }}"
    statements = [phase, *(item for stream in plain.streams for item in stream)]
    assert amounts(evaluated(plain.ordered(statements), plain.segments)) == amounts(priced(plain))


@few
@given(agreements())
def test_a_contract_that_says_nothing_is_its_plan(agreement: Agreement) -> None:
    bare = agreement.without("overrides", "adjustments", "balances")
    program = compiled(bare.text)
    plan_text = re.sub(r"counted yearly  ", "", bare.text[: bare.text.index("contract c")])
    plan = compiled(plan_text).evaluator("p")(bare.whole, PERIOD)
    for usage in (bare.whole, bare.segments):
        assert amounts(program.evaluator("c")(usage, PERIOD)) == amounts(plan)


@few
@given(agreements())
def test_balances_keep_to_their_lots_and_lines(agreement: Agreement) -> None:
    """What a balance had is where it went; it pays lines that it covers, and no more of them than they cost."""
    statement = priced(agreement)
    for name, movement in statement.balances.items():
        assert movement.opening + movement.granted == movement.drawn + movement.expired + movement.closing
        assert movement.closing == sum((lot.amount for lot in movement.lots), Decimal(0))
        drawn = sum((draw.amount for draw in statement.draws if draw.balance == name), Decimal(0))
        assert 0 <= drawn == movement.drawn <= movement.opening + movement.granted
    covers = {text.split()[1]: covered(text) for text in agreement.balances}
    for draw in statement.draws:
        allowed = covers[draw.balance]
        assert draw.amount > 0
        assert allowed is None or draw.line in allowed
    for line in statement.lines:
        drawn = sum((draw.amount for draw in statement.draws if draw.line == line.id), Decimal(0))
        assert drawn == 0 or drawn <= line.net


def covered(text: str) -> set[str] | None:
    """The lines that a balance names, `None` for all."""
    said = re.search(r"covers (.*?)(?:  | })", text)
    return None if said is None else set(re.findall(r"\b[xyf]\b", said[1]))


@few
@given(agreements())
def test_a_statement_foots(agreement: Agreement) -> None:
    statement = priced(agreement)
    rows = sum((row.amount for row in statement.adjustments), Decimal(0))
    assert statement.total == sum((line.amount for line in statement.lines), rows)
    invoiced = sum((entry.amount for entry in statement.invoiced), Decimal(0))
    assert statement.due == statement.total - sum((draw.amount for draw in statement.draws), Decimal(0)) + invoiced


@few
@given(agreements(), st.data())
def test_the_order_of_independent_statements_changes_nothing(agreement: Agreement, data: st.DataObject) -> None:
    """Overrides, adjustments and balances each keep their own order and are shuffled into one another."""
    order = [number for number, stream in enumerate(agreement.streams) for _ in stream]
    assume(len(set(order)) > 1)
    streams = [iter(stream) for stream in agreement.streams]
    items = [next(streams[number]) for number in data.draw(st.permutations(order))]
    shuffled = evaluated(agreement.ordered(items), agreement.segments).to_dict()
    assert {**shuffled, "draws": None} == {**priced(agreement).to_dict(), "draws": None}


@few
@given(agreements())
def test_explaining_changes_nothing(agreement: Agreement) -> None:
    explained = compiled(agreement.text).evaluator("c").explain(agreement.segments, PERIOD).to_dict()
    for kind in ("lines", "adjustments"):
        assert all(entry.pop("reason") for entry in explained[kind])
    assert explained == priced(agreement).to_dict()


@few
@given(grants())
def test_what_is_assumed_is_what_untouched_grants_leave(text: str) -> None:
    """Month after month without usage: what one statement closes is what the next would assume (rule 34)."""
    evaluate = compiled(text).evaluator("c")
    months = [date(2026 + number // 12, number % 12 + 1, 1) for number in range(15)]
    lots: list[dict[str, Any]] = []
    for start, end in pairwise(months):
        carried = evaluate({}, (start, end), {"b": lots}).balances["b"]
        assumed = evaluate({}, (start, end)).balances["b"]
        assert assumed._replace(assumed=False) == carried._replace(assumed=False)
        lots = [lot.to_dict() for lot in carried.lots]
