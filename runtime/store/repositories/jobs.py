"""Jobs and what they found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func
from sqlmodel import col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from runtime.errors import RuntimeProblem
from runtime.store.database import Work
from runtime.store.tables import Job, JobResult

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"

TICK: Final = timedelta(microseconds=1)


def add(work: Work, made: Job) -> None:
    """Keep a job that waits."""
    work.session.add(made)
    work.session.flush()


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


def is_any(work: Work, now: datetime, stale: timedelta) -> bool:
    """Whether `claim` would find a job: asking does not write."""
    return work.session.exec(_claimable(now, stale)).first() is not None


def claim(work: Work, now: datetime, stale: timedelta) -> Job | None:
    """The next job that waits, or whose owner has stood still for too long: it is the caller's now."""
    rows = _claimable(now, stale)
    if work.dialect == "postgresql":
        rows = rows.with_for_update(skip_locked=True)
    found = work.session.exec(rows).first()
    if found is not None:
        _touch(work, found, RUNNING, now)
    return found


def _claimable(now: datetime, stale: timedelta) -> SelectOfScalar[Job]:
    is_stale = (col(Job.state) == RUNNING) & (col(Job.updated_at) < now - stale)
    rows = select(Job).where(or_(Job.state == WAITING, is_stale))
    return rows.order_by(col(Job.created_at), col(Job.id)).limit(1)


def _touch(work: Work, row: Job, state: str, now: datetime) -> None:
    """Every change makes `updated_at` later, so that an owner sees whether a job is still its own."""
    row.state, row.updated_at = state, max(now, row.updated_at + TICK)
    work.session.add(row)
    work.session.flush()


def cancel(work: Work, tenant_id: str, job_id: str, now: datetime) -> Job:
    """End a job that has not ended. Raises `RuntimeProblem` X0105."""
    job(work, tenant_id, job_id)
    found = _locked(work, job_id)
    if found.state in (WAITING, RUNNING):
        _touch(work, found, CANCELLED, now)
    return found


def move(
    work: Work,
    owned: Job,
    now: datetime,
    *,
    results: Sequence[str] = (),
    done: int | None = None,
    total: int | None = None,
    state: str = RUNNING,
    problem: str | None = None,
) -> Job | None:
    """Write down how far a job has come. `None` where it is no longer its owner's: cancelled, or taken over.

    `owned` is the job as its owner has last written it.
    """
    found = _locked(work, owned.id)
    if found.state != RUNNING or found.updated_at != owned.updated_at:
        return None
    last = work.session.exec(select(func.max(JobResult.position)).where(JobResult.job_id == owned.id)).one()
    first = 0 if last is None else last + 1
    for position, document in enumerate(results, start=first):
        work.session.add(JobResult(job_id=owned.id, position=position, document=document))
    found.done = found.done if done is None else done
    found.total = found.total if total is None else total
    found.problem = problem or found.problem
    _touch(work, found, state, now)
    return found


def _locked(work: Work, job_id: str) -> Job:
    found = work.session.get(Job, job_id, with_for_update=work.dialect == "postgresql", populate_existing=True)
    assert found is not None, "jobs stay"
    return found


def results(work: Work, job_id: str, after: int, limit: int) -> list[JobResult]:
    """What a job found, behind one position."""
    rows = select(JobResult).where(JobResult.job_id == job_id, col(JobResult.position) > after)
    return list(work.session.exec(rows.order_by(col(JobResult.position)).limit(limit)))
