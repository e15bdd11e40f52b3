"""Answers by Idempotency-Key."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, tuple_
from sqlmodel import col, select

from runtime.store.database import Work
from runtime.store.tables import Idempotency


def answer(work: Work, tenant_id: str, key: str) -> Idempotency | None:
    """What was answered to a tenant's request with a key."""
    return work.session.get(Idempotency, (tenant_id, key))


def add(work: Work, made: Idempotency) -> None:
    """Keep an answer. Where another request has kept one, the database refuses it (`IntegrityError`)."""
    work.session.add(made)
    work.session.flush()


def drop(work: Work, known: Idempotency) -> None:
    """Forget one answer."""
    work.session.delete(known)
    work.session.flush()
    work.session.expunge_all()


def forget(work: Work, before: datetime, limit: int) -> int:
    """Forget at most `limit` answers, of all tenants, that were given before an instant; how many that were."""
    mine = col(Idempotency.tenant_id), col(Idempotency.key)
    old = select(*mine).where(col(Idempotency.created_at) < before).order_by(col(Idempotency.created_at)).limit(limit)
    found = [tuple(row) for row in work.session.exec(old)]
    if found:
        work.connection.execute(delete(Idempotency).where(tuple_(*mine).in_(found)))
    return len(found)
