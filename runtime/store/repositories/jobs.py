"""Jobs and what they found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import col, or_, select

from runtime.errors import RuntimeProblem
from runtime.store.database import Work
from runtime.store.tables import Job, JobResult

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"


def job(work: Work, tenant_id: str, job_id: str) -> Job:
    """A job. Raises `RuntimeProblem` X0105."""
    found = work.session.get(Job, job_id)
    if found is None or found.tenant_id != tenant_id:
        raise RuntimeProblem("X0105", f"there is no job `{job_id}`", "")
    return found


def jobs(work: Work, tenant_id: str, after: str, limit: int) -> list[Job]:
    """The jobs of a tenant behind one id."""
    rows = select(Job).where(Job.tenant_id == tenant_id, Job.id > after).order_by(col(Job.id))
    return list(work.session.exec(rows.limit(limit)))


def claim(work: Work, now: datetime, stale: timedelta) -> Job | None:
    """The next job that waits, or whose owner has stood still for too long: it is the caller's now."""
    rows = (
        select(Job)
        .where(or_(Job.state == WAITING, (col(Job.state) == RUNNING) & (col(Job.updated_at) < now - stale)))
        .order_by(col(Job.created_at), col(Job.id))
        .limit(1)
    )
    if work.dialect == "postgresql":
        rows = rows.with_for_update(skip_locked=True)
    found = work.session.exec(rows).first()
    if found is not None:
        found.state, found.updated_at = RUNNING, now
        work.session.add(found)
        work.session.flush()
    return found


def move(
    work: Work,
    job_id: str,
    now: datetime,
    *,
    results: Sequence[str] = (),
    done: int | None = None,
    total: int | None = None,
    state: str | None = None,
    problem: str | None = None,
) -> str:
    """Write down how far a job has come; its state afterwards. One that was cancelled stays so."""
    found = work.session.get(Job, job_id, with_for_update=work.dialect == "postgresql", populate_existing=True)
    assert found is not None
    if found.state != RUNNING:
        return found.state
    last = work.session.exec(select(func.max(JobResult.position)).where(JobResult.job_id == job_id)).one()
    first = 0 if last is None else last + 1
    for position, document in enumerate(results, start=first):
        work.session.add(JobResult(job_id=job_id, position=position, document=document))
    found.done = found.done if done is None else done
    found.total = found.total if total is None else total
    found.problem = problem or found.problem
    found.state = state or found.state
    found.updated_at = now
    work.session.add(found)
    work.session.flush()
    return found.state


def results(work: Work, job_id: str, after: int, limit: int) -> list[JobResult]:
    """What a job found, behind one position."""
    rows = select(JobResult).where(JobResult.job_id == job_id, col(JobResult.position) > after)
    return list(work.session.exec(rows.order_by(col(JobResult.position)).limit(limit)))
