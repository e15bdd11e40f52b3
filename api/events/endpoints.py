"""`/v1/events`: a batch in one transaction, answered when it is durable; and the events that were not taken."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.events import schemas
from api.metrics import EVENTS
from api.problems import Problem
from api.requests import Cursor, Limit, page, position_of
from api.schemas import problems
from api.state import State, allowed, state_of
from runtime.metering.ingest import Ingested
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
    responses=problems(415),
    openapi_extra=BODY,
)
async def ingest(request: Request, caller: Annotated[Caller, Depends(allowed("ingest"))]) -> Response:
    """Take a batch of events. Every event gets an answer; a batch whose answer was lost may be sent again."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind not in JSON_KINDS + NDJSON_KINDS:
        raise Problem("A0208", f"`{kind}` is not read here", "send application/json or application/x-ndjson")
    body = await request.body()
    if kind in JSON_KINDS and body.lstrip()[:1] != b"[":
        raise Problem("A0201", "the body is no JSON array", "send a list of events, or application/x-ndjson")
    answer = await run_in_threadpool(take, state_of(request), caller, body)
    return Response(msgspec.json.encode(document_of(answer)), 200, media_type="application/json")


def take(state: State, caller: Caller, body: bytes) -> Ingested:
    answer = state.ingester(caller.tenant_id).ingest(body, state.clock())
    for outcome in ("accepted", "duplicate", "rejected"):
        EVENTS.labels(outcome).inc(answer.outcomes.count(outcome))
    return answer


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
