"""Events that were not taken."""

from __future__ import annotations

from sqlmodel import col, select

from runtime.store.database import Work
from runtime.store.tables import RejectedEvent


def listed(work: Work, tenant_id: str, after: int, limit: int) -> list[RejectedEvent]:
    """Rejected events behind one id, in the order in which they came."""
    rows = select(RejectedEvent).where(RejectedEvent.tenant_id == tenant_id, col(RejectedEvent.id) > after)
    return list(work.session.exec(rows.order_by(col(RejectedEvent.id)).limit(limit)))
