"""Late usage of finalised periods: each is evaluated again as it was, on the usage that there is now (rule 35).

The program versions, opening balances and counters are those of the finalised statement. What each row before draws
has changed by, less what later statements have corrected already, goes on the next statement. Where a counter runs on,
every later finalised period of its counting period is evaluated again with it, and the next period opens with what the
counters are now: they are restated, and kept with the statement that is made then. Past draws are never reopened: a
credit in units pays of late usage what it has paid already, and the rest is priced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from pricing_dsl.evaluate.evaluator import Evaluator
from pricing_dsl.evaluate.reference.draws import OVERAGE_REJECTED
from pricing_dsl.evaluate.statement import Unpriced
from pricing_dsl.values.periods import moment_of, seconds_of, text
from runtime.limits import DEDUP_DAYS, FUTURE_HOURS_MAX
from runtime.rating.bound import Binder, Bound, Versions
from runtime.rating.documents import loaded, written
from runtime.rating.evaluation import Opening, closing_of, evaluate, opened_with, pieces_of
from runtime.rating.usage import stored_usage
from runtime.store.database import Work
from runtime.store.repositories import statements
from runtime.store.tables import Contract, Statement

AFTER_ADJUSTMENTS = ("correction", "true_up", "balance_factors")
"""Kinds of rows that come of later steps, or of other periods: no row of theirs is corrected."""

Correction = dict[str, str]
"""`period` (the start of the one it corrects), `row`, `line` (of a line's row) and `amount`."""
Rows = Mapping[str, tuple[str | None, Decimal]]
"""The rows of a statement before corrections and draws: the line of each, where it has one, and its amount."""
Counters = Mapping[str, Any]


class Late(NamedTuple):
    """What late usage makes of a contract's finalised statements.

    `corrections` no statement has made yet. `restated` are the closing counters, as they are now, of statements whose
    usage may have come late, by the start of their period. `unpriced` is late usage that no correction can show.
    """

    corrections: list[Correction]
    restated: dict[str, Counters]
    unpriced: list[tuple[Statement, Unpriced]]


class Again(NamedTuple):
    """A finalised period evaluated again: its rows then and now, its counters, and what has no price."""

    old: Rows
    new: Rows
    counters: Counters
    unpriced: tuple[Unpriced, ...]


def late_usage(work: Work, binder: Binder, row: Contract) -> Late:
    """What usage that came late has changed on a contract's finalised statements."""
    assert row.id is not None
    before, finalised = still_open(work, row.id)
    issued: dict[tuple[str, str], Decimal] = {}
    restated: dict[str, Counters] = {}
    for each in finalised:
        inputs = loaded(each.inputs)
        restated.update(inputs["restated"])
        for correction in inputs["corrections"]:
            key = correction["period"], correction["row"]
            issued[key] = issued.get(key, Decimal(0)) + Decimal(correction["amount"])
    late = Late([], {}, [])
    counters = None if before is None else restated.get(name_of(before))
    for each in finalised:
        if before is not None and counters is not None:
            counters = carried_over(work, binder, row, before, counters, versions_of(each))
        found = again(work, binder, row, each, counters)
        late.corrections.extend(differences(each, found.old, found.new, issued))
        late.unpriced.extend((each, entry) for entry in found.unpriced)
        before, counters = each, found.counters
        late.restated[name_of(each)] = counters
    return late


def left_by(work: Work, binder: Binder, row: Contract, statement: Statement, late: Late, following: Bound) -> Opening:
    """What a statement leaves to the next: what it closed with, and the counters as they are now."""
    closing = closing_of(loaded(statement.document))
    counters = late.restated.get(name_of(statement), closing.counters)
    return closing._replace(counters=carried_over(work, binder, row, statement, counters, following.versions))


def carried_over(
    work: Work, binder: Binder, row: Contract, after: Statement, counters: Counters, versions: Versions
) -> Counters:
    """The counters after a statement as other versions of the contract count.

    A later version may read of a counter what an earlier one has pooled, so that all that was counted is counted anew.
    """
    if not counters or versions_of(after) == versions:
        return counters
    assert row.id is not None
    found: Counters | None = None
    for each in statements.statements_of(work, row.id):
        if each.period_start <= after.period_start:
            found = again(work, binder, row, each, found, versions).counters
    assert found is not None, "there is a statement to carry over from"
    return found


def still_open(work: Work, contract_id: int) -> tuple[Statement | None, list[Statement]]:
    """A contract's statements whose usage could still come in when the last one of them was made, and the one before.

    Those before them were corrected for good: the dedup window refuses what is older.
    """
    made = statements.made(work, contract_id)
    for number, each in enumerate(made):
        until = each.period_end + timedelta(days=DEDUP_DAYS, hours=FUTURE_HOURS_MAX)
        if all(later.finalised_at <= until for later in made[number + 1 :]):
            since = made[max(number - 1, 0)].period_start
            found = statements.statements_of(work, contract_id, since=since)
            return (found[0], found[1:]) if number else (None, found)
    return None, []


def again(
    work: Work,
    binder: Binder,
    row: Contract,
    statement: Statement,
    counters: Counters | None,
    versions: Versions | None = None,
) -> Again:
    """A finalised period on the usage that there is now, opening with `counters`, or else as it did.

    Other `versions` than those it was made by tell its counters as they would have counted.
    """
    inputs, document = loaded(statement.inputs), loaded(statement.document)
    bound = binder.bind(work, row, versions or versions_of(statement), at=seconds_of(statement.period_start))
    period = bound.evaluator.contract_period((statement.period_start, statement.period_end))
    opened = inputs["counters"] if counters is None else counters
    opening = opened_with(bound, Opening(inputs["balances"], opened, None))
    usage = stored_usage(work, bound, row.customer, pieces_of(bound, period, opening))
    then = rows_of(document)
    is_same = versions is None and opened == inputs["counters"]
    if is_same and written(usage) == written(inputs["usage"]):
        return Again(then, then, closing_counters(statement), ())
    if any(balance.unit is not None for balance in bound.contract.balances):
        ends = text(moment_of(period.end, period.zone))
        bound, opening = as_drawn(bound, opening, document, ends)
        if versions is None:
            first = opening._replace(counters=inputs["counters"])
            then = rows_of(loaded(written(evaluate(bound, inputs["usage"], period, first).to_dict())))
    made = evaluate(bound, usage, period, opening)
    now = loaded(written(made.to_dict()))
    unpriced = tuple(entry for entry in made.unpriced if entry.reason != OVERAGE_REJECTED)
    return Again(then, rows_of(now), now.get("counters", {}), unpriced)


def as_drawn(bound: Bound, opening: Opening, document: Mapping[str, Any], ends: str) -> tuple[Bound, Opening]:
    """A contract whose credits in units have just what they paid on a statement, until the end of the same segment."""
    in_units = {balance.name for balance in bound.contract.balances if balance.unit is not None}
    drawn: dict[tuple[str, int], Decimal] = {}
    for draw in document.get("draws", ()):
        if draw["balance"] in in_units:
            key = draw["balance"], draw["segment"]
            drawn[key] = drawn.get(key, Decimal(0)) + Decimal(draw["amount"])
    segments = [segment["to"] for segment in document.get("segments", ())] or [ends]
    lots = {
        name: [{"amount": amount, "end": segments[i]} for (of, i), amount in sorted(drawn.items()) if of == name]
        for name in in_units
    }
    balances = tuple(
        replace(each, cadence=None, end=each.start, rollover=None, rollover_months=None)
        if each.name in in_units
        else each
        for each in bound.contract.balances
    )
    contract = replace(bound.contract, balances=balances)
    program = replace(bound.evaluator.program, contracts=(contract,))
    capped = bound._replace(contract=contract, evaluator=Evaluator(program, contract))
    return capped, opening._replace(balances={**opening.balances, **lots})


def rows_of(document: Mapping[str, Any]) -> Rows:
    """The rows of a statement before corrections and draws."""
    rows: dict[str, tuple[str | None, Decimal]] = {
        line["id"]: (line["id"], Decimal(line["amount"])) for line in document["lines"]
    }
    for row in document["adjustments"]:
        if row["kind"] not in AFTER_ADJUSTMENTS:
            rows[f"{row['kind']} {row['id']}"] = None, Decimal(row["amount"])
    return rows


def differences(
    statement: Statement, old: Rows, new: Rows, issued: Mapping[tuple[str, str], Decimal]
) -> list[Correction]:
    """What is still to be corrected of one statement, row by row."""
    period = name_of(statement)
    gone = [row for of, row in issued if of == period]
    found: list[Correction] = []
    for name in dict.fromkeys([*old, *new, *gone]):
        line = (new.get(name) or old.get(name) or (None,))[0]
        was, now = old.get(name, (None, Decimal(0)))[1], new.get(name, (None, Decimal(0)))[1]
        amount = now - was - issued.get((period, name), Decimal(0))
        if amount:
            made = {"period": period, "row": name, "amount": f"{amount:f}"}
            found.append(made if line is None else {**made, "line": line})
    return found


def name_of(statement: Statement) -> str:
    """How a correction calls a statement: the start of its period."""
    return statement.period_start.isoformat()


def versions_of(statement: Statement) -> Versions:
    """The versions that priced a statement."""
    return tuple((program_id, start) for program_id, start in loaded(statement.programs))


def closing_counters(statement: Statement) -> Counters:
    counters: Counters = loaded(statement.document).get("counters", {})
    return counters
