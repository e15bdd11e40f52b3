"""`/v1/statements`: finalise, list, read, replay."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.requests import Answer, Cursor, IdempotencyKey, Limit, page, position_of, raw_body
from api.schemas import Customer, problems
from api.state import allowed, state_of
from api.statements import schemas
from runtime.rating.documents import loaded
from runtime.rating.finalise import announce
from runtime.rating.replay import replay
from runtime.store.database import Work
from runtime.store.repositories import statements
from runtime.store.tables import Statement

router = APIRouter(prefix="/v1/statements", tags=["statements"])

Finance = Annotated[Caller, Depends(allowed("finance"))]
Id = Annotated[str, Path(max_length=64, pattern="^[0-9a-f]{32}$")]


@router.post(
    "",
    operation_id="finaliseStatement",
    status_code=201,
    response_model=schemas.Statement,
    responses=problems(404, 409),
)
def finalise(
    request: Request,
    given: schemas.Finalise,
    caller: Finance,
    body: Annotated[bytes, Depends(raw_body)],
    key: IdempotencyKey = None,
) -> Response:
    """Finalise a period. It is refused while usage is unpriced; finalised already, it is the statement there is."""
    state = state_of(request)
    now = state.clock()
    new: list[Statement] = []

    def effect(work: Work) -> Answer:
        period = given.period.from_, given.period.to
        made, is_new = state.finaliser.finalise_in(work, caller.tenant_id, given.customer, period, now, given.contract)
        new[:] = [made] if is_new else []
        return Answer(201, statement_of(made))

    answer = state.answers.once(caller.tenant_id, key, request, body, now, effect, snapshot=True)
    state.kept.forget(caller.tenant_id)
    for made in new:
        announce(made)
    return answer


@router.get("", operation_id="listStatements", responses=problems())
def list_statements(
    request: Request,
    caller: Finance,
    customer: Annotated[Customer | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> schemas.Statements:
    """Finalised statements by id."""
    after = position_of(cursor, str) or ""
    with state_of(request).database.reading() as work:
        rows = statements.statements(work, caller.tenant_id, customer=customer, after=after, limit=limit + 1)
    return schemas.Statements(**page(rows, limit, lambda row: row.id, statement_of))


@router.get("/{statement_id}", operation_id="getStatement", responses=problems(404))
def get_statement(request: Request, statement_id: Id, caller: Finance) -> schemas.Statement:
    """One finalised statement."""
    with state_of(request).database.reading() as work:
        return schemas.Statement(**statement_of(statements.statement(work, caller.tenant_id, statement_id)))


@router.get("/{statement_id}/replay", operation_id="replayStatement", responses=problems(404))
def replay_statement(request: Request, statement_id: Id, caller: Finance) -> schemas.Replay:
    """Compute a statement again from what was kept with it, and compare."""
    state = state_of(request)
    with state.database.reading() as work:
        found = replay(work, state.binder, caller.tenant_id, statement_id)
    places = [{"pointer": place, "kept": kept, "computed": again} for place, kept, again in found.differences]
    return schemas.Replay(same=not places, differences=places)


def statement_of(row: Statement) -> dict[str, Any]:
    return {"id": row.id, "finalised_at": row.finalised_at.isoformat(), **loaded(row.document)}
