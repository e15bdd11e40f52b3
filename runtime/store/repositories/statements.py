"""Finalised statements and the ledger of balances: only ever added to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlmodel import col, select

from runtime.errors import RuntimeProblem
from runtime.store.database import Work
from runtime.store.tables import Contract, LedgerEntry, Statement, StatementLine


def statement(work: Work, tenant_id: str, statement_id: str) -> Statement:
    """A finalised statement. Raises `RuntimeProblem` X0104."""
    found = work.session.get(Statement, statement_id)
    if found is None or found.tenant_id != tenant_id:
        raise RuntimeProblem("X0104", f"there is no statement `{statement_id}`", "")
    return found


def statement_of(work: Work, contract_id: int, period_start: datetime) -> Statement | None:
    """The statement of one period of a contract, if it is finalised."""
    rows = select(Statement).where(Statement.contract_id == contract_id, Statement.period_start == period_start)
    return work.session.exec(rows).first()


class Made(NamedTuple):
    """A statement without what it says."""

    id: str
    period_start: datetime
    period_end: datetime
    finalised_at: datetime


def made(work: Work, contract_id: int) -> list[Made]:
    """The statements of a contract in the order of their periods."""
    columns = select(Statement.id, Statement.period_start, Statement.period_end, Statement.finalised_at)
    rows = columns.where(Statement.contract_id == contract_id).order_by(col(Statement.period_start))
    return [Made(*row) for row in work.session.exec(rows)]


def statements_of(work: Work, contract_id: int, *, since: datetime | None = None) -> list[Statement]:
    """The statements of a contract in the order of their periods, those of a period that starts `since` or later."""
    rows = select(Statement).where(Statement.contract_id == contract_id)
    if since is not None:
        rows = rows.where(Statement.period_start >= since)
    return list(work.session.exec(rows.order_by(col(Statement.period_start))))


def statements(
    work: Work, tenant_id: str, *, customer: str | None = None, after: str = "", limit: int = 100
) -> list[Statement]:
    """The statements of a tenant by id, those after one id."""
    rows = select(Statement).where(Statement.tenant_id == tenant_id, Statement.id > after)
    if customer is not None:
        rows = rows.where(Statement.customer == customer)
    return list(work.session.exec(rows.order_by(col(Statement.id)).limit(limit)))


def lines(work: Work, statement_id: str) -> list[StatementLine]:
    """The lines and rows of a statement in its order."""
    rows = select(StatementLine).where(StatementLine.statement_id == statement_id)
    return list(work.session.exec(rows.order_by(col(StatementLine.position))))


def finalised_until(work: Work, tenant_id: str, program: str) -> datetime | None:
    """The end of the last period that is finalised for any contract that follows the versions of a program."""
    rows = (
        select(Statement.period_end)
        .join(Contract, col(Contract.id) == col(Statement.contract_id))
        .where(Contract.tenant_id == tenant_id, Contract.program == program, col(Contract.version).is_(None))
    )
    return work.session.exec(rows.order_by(col(Statement.period_end).desc()).limit(1)).first()


def add(work: Work, made: Statement, its_lines: Sequence[StatementLine], entries: Sequence[LedgerEntry]) -> None:
    """Keep a statement with its lines and what it moves in the ledger."""
    work.session.add(made)
    work.session.flush()
    work.session.add_all(its_lines)
    work.session.add_all(entries)
    work.session.flush()


# --- the ledger ------------------------------------------------------------------------------------------------------


def entries(work: Work, contract_id: int) -> list[LedgerEntry]:
    """The movements of a contract's balances, in the order in which they were written."""
    rows = select(LedgerEntry).where(LedgerEntry.contract_id == contract_id)
    return list(work.session.exec(rows.order_by(col(LedgerEntry.id))))


def balances(work: Work, contract_id: int) -> dict[str, Decimal]:
    """Each balance of a contract: the sum of its entries, added here so that no database rounds."""
    sums: dict[str, Decimal] = {}
    for entry in entries(work, contract_id):
        sums[entry.balance] = sums.get(entry.balance, Decimal(0)) + entry.amount
    return sums
