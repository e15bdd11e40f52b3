"""Lists page by page, without what is large in their rows: what comes behind a place, at most so many."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, tuple_
from sqlalchemy import select as columns
from sqlmodel import col, select

from runtime.errors import RuntimeProblem
from runtime.store.database import Work
from runtime.store.repositories.programs import known_as
from runtime.store.tables import ApiKey, Contract, LedgerEntry, Program


class Version(NamedTuple):
    """A version of a program without its texts."""

    name: str
    version: int
    hash: str
    language_version: int
    plugins: str
    effective_at: datetime
    published_at: datetime


COLUMNS = (
    Program.name,
    Program.version,
    Program.hash,
    Program.language_version,
    Program.plugins,
    Program.effective_at,
    Program.published_at,
)


def newest_versions(work: Work, tenant_id: str, after: str, limit: int) -> list[Version]:
    """The newest version of every program, by name."""
    newest = select(func.max(Program.id)).where(Program.tenant_id == tenant_id, Program.name > after)
    ids = newest.group_by(col(Program.name)).order_by(col(Program.name)).limit(limit)
    rows = _columns().where(col(Program.id).in_(ids.subquery().select())).order_by(col(Program.name))
    return [Version(*row) for row in work.connection.execute(rows)]


def versions(work: Work, tenant_id: str, name: str, after: int, limit: int) -> list[Version]:
    """The versions of a program, the oldest first. Raises `RuntimeProblem` X0102 where there is no such program."""
    mine = Program.tenant_id == tenant_id, Program.name == name
    if work.session.exec(select(Program.id).where(*mine).limit(1)).first() is None:
        raise RuntimeProblem("X0102", f"there is no program `{name}`", known_as(work, tenant_id))
    rows = _columns().where(*mine, col(Program.version) > after).order_by(col(Program.version)).limit(limit)
    return [Version(*row) for row in work.connection.execute(rows)]


def _columns() -> Any:
    return columns(*COLUMNS)


def contracts(
    work: Work, tenant_id: str, after: tuple[str, str], limit: int, *, customer: str | None = None
) -> list[Contract]:
    """The contracts of a tenant, by customer and name."""
    place = tuple_(col(Contract.customer), col(Contract.name))
    rows = select(Contract).where(Contract.tenant_id == tenant_id, place > tuple_(*after))
    if customer is not None:
        rows = rows.where(Contract.customer == customer)
    return list(work.session.exec(rows.order_by(col(Contract.customer), col(Contract.name)).limit(limit)))


def keys(work: Work, tenant_id: str, after: str, limit: int) -> list[ApiKey]:
    """The keys of a tenant by id."""
    rows = select(ApiKey).where(ApiKey.tenant_id == tenant_id, ApiKey.id > after)
    return list(work.session.exec(rows.order_by(col(ApiKey.id)).limit(limit)))


def entries(work: Work, contract_id: int, after: int, limit: int) -> list[LedgerEntry]:
    """The movements of a contract's balances, in the order in which they were written."""
    rows = select(LedgerEntry).where(LedgerEntry.contract_id == contract_id, col(LedgerEntry.id) > after)
    return list(work.session.exec(rows.order_by(col(LedgerEntry.id)).limit(limit)))
