"""Finalising a period: a statement that never changes, and what it moves in the ledger, in one transaction.

It is refused while usage is unpriced, before the period has ended, and before the period that it follows. Finalised
again, it is the statement that is there. What it was computed from is kept with it, so that it can be computed again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy.exc import IntegrityError

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.evaluator import Period
from pricing_dsl.evaluate.statement import Statement as Evaluated
from pricing_dsl.plugin.manager import plugins
from pricing_dsl.values.periods import ContractPeriod, moment_of, seconds_of, text
from runtime.errors import RuntimeProblem
from runtime.rating.bound import Binder, Bound, instant
from runtime.rating.corrections import Late, late_usage, left_by
from runtime.rating.documents import loaded, written
from runtime.rating.evaluation import (
    NOTHING,
    Opening,
    dates_of,
    evaluate,
    opened_with,
    period_after,
    period_before,
    pieces_of,
)
from runtime.rating.ledger import entries_of
from runtime.rating.usage import stored_usage
from runtime.store.database import Database, Work
from runtime.store.repositories import programs, statements
from runtime.store.tables import Contract, Statement, StatementLine


class Finalised(NamedTuple):
    """One period of a contract that was due: its statement, or why there is none."""

    customer: str
    contract: str
    statement: Statement | None
    problem: RuntimeProblem | EvaluationError | None


class Finaliser:
    """Finalises periods on one database. Thread-safe."""

    def __init__(self, database: Database, binder: Binder | None = None) -> None:
        self.database = database
        self.binder = binder or Binder()

    def finalise(
        self,
        tenant_id: str,
        customer: str,
        period: Period,
        now: datetime,
        *,
        contract: str | None = None,
        balances: Mapping[str, Any] | None = None,
        counters: Mapping[str, Any] | None = None,
    ) -> Statement:
        """The finalised statement of one whole billing period of a customer's contract.

        A contract that was billed elsewhere before begins here with the `balances` and `counters` it had there.

        Raises `RuntimeProblem`: X01.. no such tenant or contract, X0405 cannot be finalised (yet), X0406; and
        `EvaluationError` for usage that cannot be evaluated.
        """
        brought = None if balances is None and counters is None else Opening(balances or {}, counters or {}, None)

        def effect(work: Work) -> tuple[Statement, bool]:
            one_snapshot(work)
            return self.finalise_in(work, tenant_id, customer, period, now, contract, brought)

        try:
            made, is_new = self.database.run(effect)
        except IntegrityError:  # another one was faster; its statement is the one
            made, is_new = self.database.run(effect)
        if is_new:
            announce(made)
        return made

    def finalise_due(
        self,
        tenant_id: str,
        now: datetime,
        *,
        until: datetime | None = None,
        customers: Collection[str] | None = None,
        progress: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> Iterator[Finalised]:
        """Finalise every period that has ended by now (or `until`), contract by contract, each in its order.

        What cannot be finalised comes with its problem, and that contract's later periods wait. `progress` is told how
        many contracts of how many are done. Stopped and begun anew, it goes on where it was.
        """
        with self.database.reading() as work:
            programs.require_tenant(work, tenant_id)
            rows = programs.contracts(work, tenant_id)
        rows = [row for row in rows if customers is None or row.customer in customers]
        for number, row in enumerate(rows, start=1):
            try:
                for period in self._due(row, min(until or now, now)):
                    made = self.finalise(tenant_id, row.customer, period, now, contract=row.name)
                    yield Finalised(row.customer, row.name, made, None)
            except (RuntimeProblem, EvaluationError) as problem:
                yield Finalised(row.customer, row.name, None, problem)
            progress(number, len(rows))

    def _due(self, row: Contract, until: datetime) -> Iterator[Period]:
        """The periods of a contract that have ended and are not finalised, one after the other."""
        assert row.id is not None
        with self.database.reading() as work:
            newest = self.binder.bind(work, row)
            done = statements.made(work, row.id)
        following: tuple[datetime, datetime] | None = None
        if done:
            last = newest.evaluator.contract_period((done[-1].period_start, done[-1].period_end))
            following = period_after(newest, last)
        while following is None or instant(newest.contract.end) > following[0]:
            with self.database.reading() as work:
                bound, asked = self.binder.for_period(work, row, following)
            if instant(asked.end) > until:
                return
            yield dates_of(asked)
            following = period_after(bound, asked)

    def finalise_in(
        self,
        work: Work,
        tenant_id: str,
        customer: str,
        period: Period,
        now: datetime,
        contract: str | None = None,
        brought: Opening | None = None,
    ) -> tuple[Statement, bool]:
        """The same in a caller's transaction, and whether the statement is new: its caller announces it then.

        Where two do so at the same time, one of them is refused by the database (`IntegrityError`) and may try again.
        """
        programs.require_tenant(work, tenant_id)
        row = programs.contract(work, tenant_id, customer, contract, lock=True)
        assert row.id is not None
        bound, asked = self.binder.for_period(work, row, period)
        known = statements.statement_of(work, row.id, instant(asked.start))
        if known is not None:
            require_same(known, asked)
            return known, False
        require_whole(asked)
        require_ended(asked, now)
        opening, late = self._opening(work, row, bound, asked, brought)
        usage = stored_usage(work, bound, row.customer, pieces_of(bound, asked, opening))
        statement = evaluate(bound, usage, asked, opening, late.corrections)
        require_final(statement)
        inputs = {
            "usage": usage,
            "balances": opening.balances,
            "counters": opening.counters,
            "corrections": late.corrections,
            "restated": late.restated,
        }
        document = {**statement.to_dict(), "customer": row.customer, "contract": row.name}
        made = Statement(
            id=uuid.uuid4().hex,
            tenant_id=tenant_id,
            contract_id=row.id,
            customer=row.customer,
            period_start=instant(asked.start),
            period_end=instant(asked.end),
            programs=written(bound.versions),
            inputs=written(inputs),
            document=written(document),
            currency=statement.currency,
            total=statement.total,
            due=statement.due,
            finalised_at=now,
        )
        kept = loaded(made.document)
        lines = [
            StatementLine(statement_id=made.id, position=position, **line._asdict())
            for position, line in enumerate(lines_of(kept))
        ]
        entries = list(entries_of(made, bound.contract, kept, brought=brought is not None))
        statements.add(work, made, lines, entries)
        return made, True

    def _opening(
        self, work: Work, row: Contract, bound: Bound, period: ContractPeriod, brought: Opening | None
    ) -> tuple[Opening, Late]:
        """What the statement before closed with, and what late usage makes of it.

        Raises `RuntimeProblem` X0405 where it is not finalised.
        """
        assert row.id is not None
        if brought is not None:
            if statements.made(work, row.id):
                raise RuntimeProblem(
                    "X0405",
                    f"`{row.name}` has finalised statements, and opens with what they left",
                    "hand over no balances and counters",
                )
            return brought, Late([], {}, [])
        if period.start <= bound.contract.start:
            return NOTHING, Late([], {}, [])
        _, before = self.binder.for_period(work, row, period_before(bound, period))
        known = statements.statement_of(work, row.id, instant(before.start))
        if known is None or known.period_end != instant(period.start):
            raise RuntimeProblem(
                "X0405",
                f"the period from {text(moment_of(before.start, period.zone))} is not finalised",
                "finalise the periods of a contract in their order",
            )
        late = late_usage(work, self.binder, row)
        return opened_with(bound, left_by(work, self.binder, row, known, late, bound)), late


def one_snapshot(work: Work) -> None:
    """Let a transaction that has read nothing yet see one instant only: usage goes on coming in meanwhile."""
    if work.dialect == "postgresql":
        work.connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def announce(made: Statement) -> None:
    """Tell plugins of a statement that is finalised now."""
    plugins().observe("statement_finalised", statement=loaded(made.document))


def require_same(known: Statement, period: ContractPeriod) -> None:
    """Raise `RuntimeProblem` X0405 where a period was finalised when its term was to end in it."""
    if known.period_end != instant(period.end):
        until = text(known.period_end.astimezone(period.zone))
        raise RuntimeProblem(
            "X0405",
            f"the period is finalised until {until}, where the term was to end",
            "let a contract of another name go on from there",
        )


def require_whole(period: ContractPeriod) -> None:
    """Raise `RuntimeProblem` X0405 for a part of a billing period."""
    assert period.whole is not None
    start, end = (
        max(seconds_of(period.whole.start), period.term.start),
        min(seconds_of(period.whole.end), period.term.end),
    )
    if (start, end) != (period.start, period.end):
        raise RuntimeProblem(
            "X0405",
            "only whole billing periods are finalised, and this is a part of one",
            f"finalise {text(moment_of(start, period.zone))} to {text(moment_of(end, period.zone))}",
        )


def require_ended(period: ContractPeriod, now: datetime) -> None:
    """Raise `RuntimeProblem` X0405 for a period that is not over."""
    if now < instant(period.end):
        raise RuntimeProblem(
            "X0405",
            f"the period ends at {text(moment_of(period.end, period.zone))}",
            "finalise it then; a preview shows it now",
        )


def require_final(statement: Evaluated) -> None:
    """Raise `RuntimeProblem` X0405 for a statement that is a preview only."""
    if statement.unpriced:
        first = statement.unpriced[0]
        raise RuntimeProblem(
            "X0405",
            f"{len(statement.unpriced)} entries of usage are unpriced, the first on `{first.line}`: {first.reason}",
            "give that usage a price, or `free`, in a new version of the program",
        )
    if statement.assumed:
        raise RuntimeProblem(
            "X0405",
            f"it would assume {', '.join(statement.assumed)}",
            "finalise the periods before this one first, or hand over what it opens with",
        )


class LineOf(NamedTuple):
    """One line or row of a statement as it is kept for queries."""

    line: str
    kind: str
    quantity: str | None
    unit: str | None
    amount: Decimal
    net: Decimal


def lines_of(document: Mapping[str, Any]) -> Iterator[LineOf]:
    """The lines and rows of a statement, one after the other, told from its document."""
    for line in document["lines"]:
        amount, net = Decimal(line["amount"]), Decimal(line["net"])
        yield LineOf(line["id"], line["kind"], line["quantity"], line["unit"], amount, net)
    for row in document["adjustments"]:
        yield LineOf(row["id"], row["kind"], None, None, Decimal(row["amount"]), Decimal(row["amount"]))
