"""A finalised statement computed again from what was kept with it, and compared to the last digit."""

from __future__ import annotations

from typing import Any, NamedTuple

from pricing_dsl.values.periods import seconds_of
from runtime.rating.bound import Binder
from runtime.rating.documents import loaded, written
from runtime.rating.evaluation import Opening, evaluate
from runtime.store.database import Work
from runtime.store.repositories import programs, statements
from runtime.store.tables import Statement


class Replayed(NamedTuple):
    """A statement, and where computing it again gives something else: the place in the document, kept and computed."""

    statement: Statement
    differences: tuple[tuple[str, str, str], ...]


def replay(work: Work, binder: Binder, tenant_id: str, statement_id: str) -> Replayed:
    """Compute a statement again: the same program versions, usage, balances, counters and corrections.

    Raises `RuntimeProblem` X0104.
    """
    kept = statements.statement(work, tenant_id, statement_id)
    row = programs.contract_by_id(work, tenant_id, kept.contract_id)
    versions = tuple((program_id, start) for program_id, start in loaded(kept.programs))
    bound = binder.bind(work, row, versions, at=seconds_of(kept.period_start))
    inputs = loaded(kept.inputs)
    period = bound.evaluator.contract_period((kept.period_start, kept.period_end))
    opening = Opening(inputs["balances"], inputs["counters"], None)
    again = evaluate(bound, inputs["usage"], period, opening, inputs["corrections"])
    document = {**again.to_dict(), "customer": row.customer, "contract": row.name}
    return Replayed(kept, tuple(differences(loaded(kept.document), loaded(written(document)), "")))


def differences(kept: Any, computed: Any, place: str) -> list[tuple[str, str, str]]:
    """Where two documents differ, as JSON pointers.

    >>> differences({"a": [1, 2]}, {"a": [1, 3]}, "")
    [('/a/1', '2', '3')]
    """
    if isinstance(kept, dict) and isinstance(computed, dict):
        names = dict.fromkeys([*kept, *computed])
        return [d for name in names for d in differences(kept.get(name), computed.get(name), f"{place}/{name}")]
    if isinstance(kept, list) and isinstance(computed, list) and len(kept) == len(computed):
        pairs = enumerate(zip(kept, computed, strict=True))
        return [d for index, (one, other) in pairs for d in differences(one, other, f"{place}/{index}")]
    return [] if kept == computed else [(place, written(kept), written(computed))]
