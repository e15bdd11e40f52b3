"""Finalising a period: a statement that never changes, and what it moves in the ledger, in one transaction.

It is refused while usage is unpriced, before the period has ended, and before the period that it follows. Finalised
again, it is the statement that is there. What it was computed from is kept with it, so that it can be computed again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from sqlalchemy.exc import IntegrityError

from pricing_dsl.evaluate.evaluator import Period
from pricing_dsl.evaluate.statement import BalanceMovement
from pricing_dsl.evaluate.statement import Statement as Evaluated
from pricing_dsl.plugin.manager import plugins
from pricing_dsl.values.numbers import decimal_text
from pricing_dsl.values.periods import ContractPeriod, moment_of, seconds_of
from runtime.errors import RuntimeProblem
from runtime.rating.bound import Binder, Bound, instant
from runtime.rating.corrections import corrections
from runtime.rating.documents import loaded, written
from runtime.rating.preview import Opening, closing_of, evaluate, period_before, pieces_of
from runtime.rating.usage import stored_usage
from runtime.store.database import Database, Work
from runtime.store.repositories import programs, statements
from runtime.store.tables import Contract, LedgerEntry, Statement, StatementLine


class Finaliser:
    """Finalises periods on one database. Thread-safe."""

    def __init__(self, database: Database, binder: Binder | None = None) -> None:
        self.database = database
        self.binder = binder or Binder()

    def finalise(
        self, tenant_id: str, customer: str, period: Period, now: datetime, *, contract: str | None = None
    ) -> Statement:
        """The finalised statement of one whole billing period of a customer's contract.

        Raises `RuntimeProblem`: X01.. no such tenant or contract, X0405 cannot be finalised (yet), X0406; and
        `EvaluationError` for usage that cannot be evaluated.
        """
        try:
            made, is_new = self.database.run(
                lambda work: self.finalise_in(work, tenant_id, customer, period, now, contract)
            )
        except IntegrityError:  # another one was faster; its statement is the one
            made, is_new = self.database.run(
                lambda work: self.finalise_in(work, tenant_id, customer, period, now, contract)
            )
        if is_new:
            announce(made)
        return made

    def finalise_in(
        self, work: Work, tenant_id: str, customer: str, period: Period, now: datetime, contract: str | None
    ) -> tuple[Statement, bool]:
        """The same in the caller's transaction, and whether it is new: then `announce` it once that is committed."""
        programs.require_tenant(work, tenant_id)
        row = programs.contract(work, tenant_id, customer, contract, lock=True)
        assert row.id is not None
        bound = self.binder.bind(work, row)
        asked = bound.evaluator.contract_period(period)
        known = statements.statement_of(work, row.id, instant(asked.start))
        if known is not None:
            return known, False
        require_whole(asked)
        require_ended(asked, now)
        opening = self._opening(work, row, bound, asked)
        usage = stored_usage(work, bound, row.customer, pieces_of(bound, asked, opening))
        late = corrections(work, self.binder, row)
        statement = evaluate(bound, usage, asked, opening, late)
        require_final(statement)
        inputs = {
            "usage": usage,
            "balances": opening.balances,
            "counters": opening.counters,
            "corrections": late,
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
        statements.add(work, made, list(lines_of(made.id, statement)), list(entries_of(made, bound, statement)))
        return made, True

    def _opening(self, work: Work, row: Contract, bound: Bound, period: ContractPeriod) -> Opening:
        """What the statement before closed with. Raises `RuntimeProblem` X0405 where it is not finalised."""
        if period.start <= bound.contract.start:
            return Opening({}, {}, None)
        before = period_before(bound, period)
        assert row.id is not None
        known = statements.statement_of(work, row.id, instant(before.start))
        if known is None:
            raise RuntimeProblem(
                "X0405",
                f"the period from {instant(before.start).isoformat()} is not finalised",
                "finalise the periods of a contract in their order",
            )
        return closing_of(loaded(known.document), None)


def announce(made: Statement) -> None:
    """Tell the plugins that observe it that a statement was finalised."""
    plugins().observe("statement_finalised", statement=loaded(made.document))


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
            f"finalise {moment_of(start, period.zone).isoformat()} to {moment_of(end, period.zone).isoformat()}",
        )


def require_ended(period: ContractPeriod, now: datetime) -> None:
    """Raise `RuntimeProblem` X0405 for a period that is not over."""
    if now < instant(period.end):
        raise RuntimeProblem(
            "X0405", f"the period ends at {instant(period.end).isoformat()}", "finalise it then; a preview shows it now"
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
            "X0405", f"it would assume {', '.join(statement.assumed)}", "finalise the periods before this one first"
        )


def lines_of(statement_id: str, statement: Evaluated) -> Iterator[StatementLine]:
    """The lines and rows of a statement, one after the other."""
    position = 0
    for line in statement.lines:
        yield StatementLine(
            statement_id=statement_id,
            position=position,
            line=line.id,
            kind=line.kind,
            quantity=decimal_text(line.quantity),
            unit=line.unit,
            amount=line.amount,
            net=line.net,
        )
        position += 1
    for row in statement.adjustments:
        yield StatementLine(
            statement_id=statement_id,
            position=position,
            line=row.id,
            kind=row.kind,
            amount=row.amount,
            net=row.amount,
        )
        position += 1


# --- the ledger ------------------------------------------------------------------------------------------------------


def entries_of(made: Statement, bound: Bound, statement: Evaluated) -> Iterator[LedgerEntry]:
    """What a statement moves in the balances of its contract. What counts towards a postpaid commit is no balance."""
    floors = {floor.name for floor in bound.contract.floors}
    for name, movement in statement.balances.items():
        if name in floors:
            continue
        for kind, amount, line in movements(movement, statement):
            yield LedgerEntry(
                tenant_id=made.tenant_id,
                contract_id=made.contract_id,
                balance=name,
                statement_id=made.id,
                kind=kind,
                amount=amount,
                unit=movement.unit,
                line=line,
                at=made.period_end,
            )


def movements(movement: BalanceMovement, statement: Evaluated) -> Iterator[tuple[str, Decimal, str | None]]:
    """Kind, signed amount and line of each movement: they add up to closing - opening."""
    if movement.granted:
        yield "grant", movement.granted, None
    for draw in statement.draws:
        if draw.balance == movement.name:
            yield "draw", -draw.amount, draw.line
    if movement.expired:
        yield "expiry", -movement.expired, None
    if movement.rolled_over:
        yield "rollover", -movement.rolled_over, None
        yield "rollover", movement.rolled_over, None
