"""What a period of a contract comes to as things stand: stored usage, usage that is handed over, or both together.

A period opens with what the statement before it closed with. Where that one is not finalised yet, the periods since the
last finalised one are evaluated in turn, and the preview says that it stands on them. What late usage has changed on
finalised statements stands on the period that follows them, as it will when that is finalised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pricing_dsl.evaluate.evaluator import Period
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.periods import ContractPeriod, moment_of, text
from runtime.errors import RuntimeProblem
from runtime.limits import UNFINALISED_PERIODS_MAX
from runtime.rating.bound import Binder, Bound, instant
from runtime.rating.corrections import Correction, late_usage, left_by
from runtime.rating.evaluation import (
    NOTHING,
    Opening,
    Usage,
    closing_of,
    evaluate,
    opened_with,
    period_before,
    pieces_of,
)
from runtime.rating.merging import both
from runtime.rating.unbound import agreed_for, require_measured, unbound
from runtime.rating.usage import stored_usage
from runtime.store.database import Database, Work
from runtime.store.repositories import meters, programs, statements
from runtime.store.tables import Contract

__all__ = ["Opening", "Preview", "Previewer", "Source", "Usage", "both", "evaluate", "pieces_of"]

Source = Literal["stored", "supplied", "both"]


@dataclass(frozen=True, slots=True)
class Preview:
    """A statement that is not kept, with what it was computed from. `contract` is `None` for a draft's."""

    statement: Statement
    bound: Bound
    contract: Contract | None
    period: ContractPeriod
    usage: Usage
    opening: Opening
    corrections: Sequence[Correction]


class Previewer:
    """Previews on one database. Keeps evaluators; thread-safe."""

    def __init__(self, database: Database, binder: Binder | None = None) -> None:
        self.database = database
        self.binder = binder or Binder()

    def preview(
        self,
        tenant_id: str,
        customer: str,
        period: Period | None = None,
        *,
        contract: str | None = None,
        usage: Usage | None = None,
        source: Source = "stored",
        balances: Mapping[str, Any] | None = None,
        counters: Mapping[str, Any] | None = None,
        explain: bool = False,
    ) -> Preview:
        """What a period of a customer's contract comes to; without a period, the first of its term.

        `usage` is counted instead of what is stored ("supplied"), or with it ("both": what adds up is added, what does
        not is an error). `balances` and `counters` open the period instead of what the one before closed with. What
        late usage has changed on finalised statements stands on it if this is the period that follows them.

        Raises `RuntimeProblem` (X01..: no such tenant or contract; X0404, X0406) and `EvaluationError`.
        """
        with self.database.reading() as work:
            programs.require_tenant(work, tenant_id)
            row = programs.contract(work, tenant_id, customer, contract)
            bound, asked = self.binder.for_period(work, row, period)
            late: Sequence[Correction] = ()
            if balances is None and counters is None:
                opening, late = self.opening(work, row, bound, asked)
            else:
                opening = Opening(balances or {}, counters or {}, None)
            counted = usage_of(work, customer, bound, asked, opening, usage, source)
        statement = evaluate(bound, counted, asked, opening, late, explain=explain)
        return Preview(statement, bound, row, asked, counted, opening, late)

    def draft(
        self,
        tenant_id: str,
        customer: str,
        program: ir.Program,
        period: Period | None = None,
        *,
        on: str | None = None,
        usage: Usage | None = None,
        source: Source = "stored",
        balances: Mapping[str, Any] | None = None,
        counters: Mapping[str, Any] | None = None,
        explain: bool = False,
    ) -> Preview:
        """The same by a program that need not be published: by its contract `on`, else the one of the customer.

        Stored usage is that of meters which a published program defines in the same way. Raises as `preview` does.
        """
        with self.database.reading() as work:
            programs.require_tenant(work, tenant_id)
            agreed = agreed_for(work, tenant_id, program, customer, on)
            bound = unbound(work, tenant_id, program, agreed, stored=source != "supplied")
            asked = bound.evaluator.contract_period(period)
            opening = Opening(balances or {}, counters or {}, None)
            if source != "supplied":
                require_measured(meters.measuring(work, tenant_id), bound, asked)
            counted = usage_of(work, customer, bound, asked, opening, usage, source)
        statement = evaluate(bound, counted, asked, opening, explain=explain)
        return Preview(statement, bound, None, asked, counted, opening, ())

    def opening(
        self, work: Work, row: Contract, bound: Bound, period: ContractPeriod
    ) -> tuple[Opening, Sequence[Correction]]:
        """What the period before closed with, evaluated where it is not finalised; and what late usage corrects in it.

        Raises `RuntimeProblem` X0405 where too many periods are not.
        """
        assert row.id is not None
        waiting: list[tuple[Bound, ContractPeriod]] = []
        at = bound, period
        known = NOTHING
        late: Sequence[Correction] = ()
        while at[1].start > bound.contract.start:
            at = self.binder.for_period(work, row, period_before(*at))
            finalised = statements.statement_of(work, row.id, instant(at[1].start))
            if finalised is not None and finalised.period_end == instant(at[1].end):
                found = late_usage(work, self.binder, row)
                known, late = left_by(work, self.binder, row, finalised, found, bound), found.corrections
                break
            waiting.append(at)
            if len(waiting) > UNFINALISED_PERIODS_MAX:
                raise RuntimeProblem(
                    "X0405",
                    f"more than {UNFINALISED_PERIODS_MAX} periods before this one are not finalised",
                    "finalise them in their order, or hand over balances and counters",
                )
        since = text(moment_of(waiting[-1][1].start, period.zone)) if waiting else None
        for _, each in reversed(waiting):
            its = self.binder.bind(work, row, bound.versions, at=each.start)  # state as what it opens will count it
            known = opened_with(its, known)
            usage = stored_usage(work, its, row.customer, pieces_of(its, each, known))
            statement = evaluate(its, usage, each, known, late)
            known, late = closing_of(statement.to_dict(), since), ()
        return opened_with(bound, known), late


def usage_of(
    work: Work,
    customer: str,
    bound: Bound,
    period: ContractPeriod,
    opening: Opening,
    usage: Usage | None,
    source: Source,
) -> Usage:
    """Stored usage, what is supplied, or both."""
    if source == "supplied":
        return usage or {}
    stored: Usage = stored_usage(work, bound, customer, pieces_of(bound, period, opening))
    return stored if source == "stored" or not usage else both(bound, stored, usage)
