"""Late usage of finalised periods: each is evaluated again as it was, on the usage that there is now (rule 35).

The program versions, opening balances and counters are those of the finalised statement. What each row before draws
has changed by, less what later statements have corrected already, goes on the next statement. Where a counter runs on,
every later finalised period of its counting period is evaluated again with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from runtime.limits import DEDUP_DAYS, FUTURE_HOURS_MAX
from runtime.rating.bound import Binder, Bound
from runtime.rating.documents import loaded
from runtime.rating.preview import Opening, evaluate, pieces_of
from runtime.rating.usage import stored_usage
from runtime.store.database import Work
from runtime.store.repositories import statements
from runtime.store.tables import Contract, Statement

AFTER_ADJUSTMENTS = ("correction", "true_up", "balance_factors")
"""Kinds of rows that come of later steps, or of other periods: no row of theirs is corrected."""

Correction = dict[str, str]
"""`period` (the start of the one it corrects), `row`, `line` (of a line's row) and `amount`."""


def corrections(work: Work, binder: Binder, row: Contract) -> list[Correction]:
    """What late usage has changed on a contract's finalised statements, and no statement has corrected yet."""
    assert row.id is not None
    finalised = statements.statements_of(work, row.id)
    issued: dict[tuple[str, str], Decimal] = {}
    for each in finalised:
        for correction in loaded(each.inputs)["corrections"]:
            key = correction["period"], correction["row"]
            issued[key] = issued.get(key, Decimal(0)) + Decimal(correction["amount"])
    found: list[Correction] = []
    counters: Mapping[str, Any] | None = None
    for number, each in enumerate(finalised):
        if counters is None and is_closed(each, finalised[number + 1 :]):
            continue
        inputs = loaded(each.inputs)
        opened = inputs["counters"] if counters is None else {**inputs["counters"], **counters}
        bound = binder.bind(work, row, tuple((program_id, start) for program_id, start in loaded(each.programs)))
        opening = Opening(inputs["balances"], opened, None)
        document = again(work, row, bound, each, opening)
        counters = document.get("counters") or None
        if counters == (loaded(each.document).get("counters") or None):
            counters = None
        found.extend(differences(each, rows_of(loaded(each.document)), rows_of(document), issued))
    return found


def is_closed(statement: Statement, later: Iterable[Statement]) -> bool:
    """Whether a later statement was made when no more usage of this one's period could come in."""
    until = statement.period_end + timedelta(days=DEDUP_DAYS, hours=FUTURE_HOURS_MAX)
    return any(each.finalised_at > until for each in later)


def again(work: Work, row: Contract, bound: Bound, statement: Statement, opening: Opening) -> Mapping[str, Any]:
    """A finalised period on the usage that there is now."""
    period = bound.evaluator.contract_period((statement.period_start, statement.period_end))
    usage = stored_usage(work, bound, row.customer, pieces_of(bound, period, opening))
    return evaluate(bound, usage, period, opening).to_dict()


def rows_of(document: Mapping[str, Any]) -> dict[str, tuple[str | None, Decimal]]:
    """The rows of a statement before corrections and draws: the line of each, where it has one, and its amount."""
    rows: dict[str, tuple[str | None, Decimal]] = {
        line["id"]: (line["id"], Decimal(line["amount"])) for line in document["lines"]
    }
    for row in document["adjustments"]:
        if row["kind"] not in AFTER_ADJUSTMENTS:
            rows[f"{row['kind']} {row['id']}"] = None, Decimal(row["amount"])
    return rows


def differences(
    statement: Statement,
    old: Mapping[str, tuple[str | None, Decimal]],
    new: Mapping[str, tuple[str | None, Decimal]],
    issued: Mapping[tuple[str, str], Decimal],
) -> list[Correction]:
    """What is still to be corrected of one statement, row by row."""
    period = statement.period_start.isoformat()
    found: list[Correction] = []
    for name in dict.fromkeys([*old, *new]):
        line = (new.get(name) or old[name])[0]
        was, now = old.get(name, (None, Decimal(0)))[1], new.get(name, (None, Decimal(0)))[1]
        amount = now - was - issued.get((period, name), Decimal(0))
        if amount:
            made = {"period": period, "row": name, "amount": f"{amount:f}"}
            found.append(made if line is None else {**made, "line": line})
    return found
