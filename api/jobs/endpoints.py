"""`/v1/backtests`, `/v1/statements/batch` and `/v1/jobs`: begun, watched, cancelled."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.auth import Caller
from api.edge import Exchange
from api.jobs import schemas
from api.jobs.runner import candidate
from api.limits import JOB_PIECES_MAX, WATCH_SECONDS_MAX
from api.problems import Problem
from api.requests import Answer, Cursor, IdempotencyKey, Limit, page, position_of, raw_body
from api.schemas import problems
from api.state import State, allowed, state_of
from runtime.rating.documents import written
from runtime.store.database import Work
from runtime.store.repositories import jobs
from runtime.store.tables import Job

router = APIRouter(tags=["jobs"])

Finance = Annotated[Caller, Depends(allowed("finance"))]
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
Body = Annotated[bytes, Depends(raw_body)]
WATCH_SECONDS = 0.2
"""How often a watched job is looked at."""
ALIVE_SECONDS = 15
"""How often something is said where nothing happens, so that nobody in between hangs up."""
RETRY_MS = 1_000
"""When to watch again after the connection has ended."""


@router.post(
    "/v1/backtests",
    operation_id="startBacktest",
    status_code=202,
    response_model=schemas.Job,
    responses=problems(400, 404, 409),
)
async def start_backtest(
    request: Request, given: schemas.Backtest, caller: Finance, body: Body, key: IdempotencyKey = None
) -> Response:
    """Price stored usage by two programs. Answered with a job, whose results come as it goes."""
    for name, side in (("before", given.before), ("after", given.after)):
        if (side.program is None) == (side.inline is None):
            raise Problem("A0201", f"`{name}` is one program", "give `program` or `inline`", f"/{name}")
    pieces = len(given.periods) * len(given.customers or ())
    if pieces > JOB_PIECES_MAX:
        raise Problem("A0201", f"a job compares at most {JOB_PIECES_MAX:_} periods of customers", "begin several")
    asked = given.model_dump(by_alias=True)
    state = state_of(request)

    def look_up() -> None:
        with state.database.reading() as work:
            candidate(state, work, caller.tenant_id, asked["before"])
            candidate(state, work, caller.tenant_id, asked["after"])

    await state.compiler.run(request, look_up)
    return await run_in_threadpool(begin, request, caller, "backtest", asked, body, key)


@router.post(
    "/v1/statements/batch",
    operation_id="finaliseStatements",
    status_code=202,
    response_model=schemas.Job,
    responses=problems(409),
)
def finalise_many(
    request: Request, given: schemas.FinaliseMany, caller: Finance, body: Body, key: IdempotencyKey = None
) -> Response:
    """Finalise a period of many customers. Answered with a job; one customer's problem stops no other."""
    return begin(request, caller, "finalise", given.model_dump(by_alias=True), body, key)


def begin(request: Request, caller: Caller, kind: str, asked: dict[str, Any], body: bytes, key: str | None) -> Response:
    state = state_of(request)
    now = state.clock()

    def effect(work: Work) -> Answer:
        row = Job(
            id=secrets.token_hex(16),
            tenant_id=caller.tenant_id,
            kind=kind,
            state=jobs.WAITING,
            request=written(asked),
            done=0,
            total=0,
            created_at=now,
            updated_at=now,
        )
        jobs.add(work, row)
        return Answer(202, job_of(row), {"Location": f"/v1/jobs/{row.id}"})

    answer = state.answers.once(caller.tenant_id, key, request, body, now, effect)
    request.app.state.runner.wake.set()
    return answer


@router.get("/v1/jobs", operation_id="listJobs", responses=problems())
def list_jobs(request: Request, caller: Finance, limit: Limit = 50, cursor: Cursor = None) -> schemas.Jobs:
    """The jobs of a tenant by id."""
    after = position_of(cursor, str) or ""
    with state_of(request).database.reading() as work:
        rows = jobs.jobs(work, caller.tenant_id, after, limit + 1)
    return schemas.Jobs(**page(rows, limit, lambda row: row.id, job_of))


@router.get("/v1/jobs/{job_id}", operation_id="getJob", responses=problems(404))
def get_job(request: Request, job_id: Id, caller: Finance) -> schemas.Job:
    """How far a job has come."""
    with state_of(request).database.reading() as work:
        return schemas.Job(**job_of(jobs.job(work, caller.tenant_id, job_id)))


@router.get("/v1/jobs/{job_id}/results", operation_id="getJobResults", responses=problems(404))
def get_results(
    request: Request, job_id: Id, caller: Finance, limit: Limit = 100, cursor: Cursor = None
) -> schemas.Results:
    """What a job has found so far, piece by piece."""
    after = position_of(cursor, int)
    with state_of(request).database.reading() as work:
        jobs.job(work, caller.tenant_id, job_id)
        rows = jobs.results(work, job_id, -1 if after is None else after, limit + 1)
    return schemas.Results(**page(rows, limit, lambda row: row.position, lambda row: json.loads(row.document)))


@router.post("/v1/jobs/{job_id}/cancellation", operation_id="cancelJob", responses=problems(404))
def cancel_job(request: Request, job_id: Id, caller: Finance) -> schemas.Job:
    """Stop a job after the piece that is in work. What it has found stays; one that has ended stays as it ended."""
    state = state_of(request)
    return schemas.Job(
        **state.database.run(lambda work: job_of(jobs.cancel(work, caller.tenant_id, job_id, state.clock())))
    )


@router.get(
    "/v1/jobs/{job_id}/events",
    operation_id="watchJob",
    response_class=StreamingResponse,
    responses=problems(404)
    | {
        200: {
            "description": "Server-sent events: `progress` with the job, and `end` when it has ended.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def watch_job(request: Request, job_id: Id, caller: Finance) -> StreamingResponse:
    """Watch a job: an event for every step of its progress, and one when it has ended. Watch again after `retry`."""
    state = state_of(request)
    first = await run_in_threadpool(look, state, caller.tenant_id, job_id)
    exchange: Exchange = request.scope["exchange"]
    exchange.watch()
    return StreamingResponse(
        watched(exchange, state, caller.tenant_id, first),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


def look(state: State, tenant_id: str, job_id: str) -> dict[str, Any]:
    with state.database.reading() as work:
        return job_of(jobs.job(work, tenant_id, job_id))


async def watched(exchange: Exchange, state: State, tenant_id: str, document: dict[str, Any]) -> AsyncIterator[str]:
    """The events of one watcher: until the job ends, the server stops, or it was long enough."""
    until = time.monotonic() + WATCH_SECONDS_MAX
    said_at = time.monotonic()
    yield f"retry: {RETRY_MS}\n{event_of(document)}"
    while document["state"] in (jobs.WAITING, jobs.RUNNING):
        if exchange.edge.stopping or time.monotonic() > until:
            return
        await asyncio.sleep(WATCH_SECONDS)
        before, document = document, await run_in_threadpool(look, state, tenant_id, document["id"])
        if document != before:
            yield event_of(document)
        elif time.monotonic() - said_at > ALIVE_SECONDS:
            yield ": still there\n\n"
        else:
            continue
        said_at = time.monotonic()


def event_of(document: dict[str, Any]) -> str:
    name = "progress" if document["state"] in (jobs.WAITING, jobs.RUNNING) else "end"
    return f"event: {name}\ndata: {written(document)}\n\n"


def job_of(row: Job) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "state": row.state,
        "done": row.done,
        "total": row.total,
        "problem": None if row.problem is None else json.loads(row.problem),
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
    }
