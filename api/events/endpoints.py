"""`/v1/events`: a batch in one transaction, answered when it is durable; and the events that were not taken."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.events import schemas
from api.metrics import EVENTS
from api.problems import Problem
from api.requests import Answer, Cursor, IdempotencyKey, Limit, media_type_of, page, position_of
from api.schemas import problems
from api.state import allowed, state_of
from runtime.metering.ingest import Ingested
from runtime.store.database import Work
from runtime.store.repositories import rejected
from runtime.store.tables import RejectedEvent

router = APIRouter(prefix="/v1/events", tags=["events"])

JSON_KINDS = ("application/json", "application/cloudevents-batch+json")
NDJSON_KINDS = ("application/x-ndjson", "application/jsonl")
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            **{kind: {"schema": {"$ref": "#/components/schemas/Events"}} for kind in JSON_KINDS},
            **{
                kind: {"schema": {"type": "string", "description": "One event a line."}, "example": '{"id": "..."}'}
                for kind in NDJSON_KINDS
            },
        },
    }
}


@router.post(
    "",
    operation_id="ingestEvents",
    response_model=schemas.Ingested,
    responses=problems(409, 415),
    openapi_extra=BODY,
)
async def ingest(
    request: Request, caller: Annotated[Caller, Depends(allowed("ingest"))], key: IdempotencyKey = None
) -> Response:
    """Take a batch of events. Every event gets an answer; a batch whose answer was lost may be sent again.

    An event counts once for its `source` and `id`, however often it is sent. With an `Idempotency-Key`, a batch that is
    sent again is answered as it was the first time; without, its events are `duplicate` then.
    """
    kind = media_type_of(request)
    if kind not in JSON_KINDS + NDJSON_KINDS:
        raise Problem("A0208", f"`{kind}` is not read here", "send application/json or application/x-ndjson")
    body = await request.body()
    if kind in JSON_KINDS and body.lstrip()[:1] != b"[":
        raise Problem("A0201", "the body is no JSON array", "send a list of events, or application/x-ndjson")
    return await run_in_threadpool(take, request, caller, body, key)


def take(request: Request, caller: Caller, body: bytes, key: str | None) -> Response:
    state = state_of(request)
    ingester = state.ingester(caller.tenant_id)
    given = ingester.read(body)
    now = state.clock()
    taken: list[Ingested] = []

    def effect(work: Work) -> Answer:
        taken[:] = [ingester.take(work, given, now)]
        return Answer(200, document_of(taken[0]))

    response = state.answers.once(caller.tenant_id, key, request, body, now, effect)
    if "idempotent-replayed" not in response.headers:
        for outcome in ("accepted", "duplicate", "rejected"):
            EVENTS.labels(outcome).inc(taken[0].outcomes.count(outcome))
        ingester.announce(given, taken[0])
    return response


def document_of(answer: Ingested) -> dict[str, Any]:
    results: list[dict[str, str]] = [{"outcome": outcome} for outcome in answer.outcomes]
    for each in answer.rejected:
        results[each.place] |= {"code": each.code, "reason": each.reason}
    return {
        "accepted": answer.accepted,
        "duplicates": answer.duplicates,
        "rejected": len(answer.rejected),
        "results": results,
    }


@router.get("/rejected", operation_id="listRejectedEvents", responses=problems())
def list_rejected(
    request: Request,
    caller: Annotated[Caller, Depends(allowed("ingest"))],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> schemas.RejectedEvents:
    """The events that were not taken, whole, each with the reason, the oldest first."""
    after = position_of(cursor, int) or 0
    with state_of(request).database.reading() as work:
        rows = rejected.listed(work, caller.tenant_id, after, limit + 1)
    return schemas.RejectedEvents(**page(rows, limit, lambda row: row.id, rejected_of))


def rejected_of(row: RejectedEvent) -> dict[str, Any]:
    return {
        "id": row.id,
        "received_at": row.received_at.isoformat(),
        "code": row.code,
        "reason": row.reason,
        "event": row.event,
    }
