"""`/v1/contracts`: bind and read."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.contracts import schemas
from api.requests import Answer, Cursor, IdempotencyKey, Limit, page, position_of, raw_body
from api.schemas import ROW_ID_MAX, Customer, problems
from api.state import allowed, state_of
from runtime.rating.publish import bind
from runtime.store.database import Work
from runtime.store.repositories import pages, programs
from runtime.store.tables import Contract

router = APIRouter(prefix="/v1/contracts", tags=["contracts"])


@router.post(
    "",
    operation_id="bindContract",
    status_code=201,
    response_model=schemas.Contract,
    responses=problems(400, 404, 409),
)
def bind_contract(
    request: Request,
    given: schemas.Binding,
    caller: Annotated[Caller, Depends(allowed("author"))],
    body: Annotated[bytes, Depends(raw_body)],
    key: IdempotencyKey = None,
) -> Response:
    """Bind a contract to a customer, so that its usage is priced by it; bound so already, it is the one there is."""
    state = state_of(request)
    now = state.clock()

    def effect(work: Work) -> Answer:
        made = bind(
            work,
            caller.tenant_id,
            given.program,
            given.contract,
            now,
            customer=given.customer,
            version=given.version,
        )
        return Answer(201, contract_of(made))

    answer = state.answers.once(caller.tenant_id, key, request, body, now, effect)
    state.kept.forget(caller.tenant_id)
    return answer


@router.get("", operation_id="listContracts", responses=problems())
def list_contracts(
    request: Request,
    caller: Annotated[Caller, Depends(allowed("preview"))],
    customer: Annotated[Customer | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> schemas.Contracts:
    """The contracts of a tenant, by customer and name."""
    after = position_of(cursor, tuple[str, str]) or ("", "")
    with state_of(request).database.reading() as work:
        rows = pages.contracts(work, caller.tenant_id, after, limit + 1, customer=customer)
    return schemas.Contracts(**page(rows, limit, lambda row: [row.customer, row.name], contract_of))


@router.get("/{contract_id}", operation_id="getContract", responses=problems(404))
def get_contract(
    request: Request,
    contract_id: Annotated[int, Path(ge=1, le=ROW_ID_MAX)],
    caller: Annotated[Caller, Depends(allowed("preview"))],
) -> schemas.Contract:
    """One contract."""
    with state_of(request).database.reading() as work:
        return schemas.Contract(**contract_of(programs.contract_by_id(work, caller.tenant_id, contract_id)))


def contract_of(row: Contract) -> dict[str, Any]:
    return {
        "id": row.id,
        "customer": row.customer,
        "contract": row.name,
        "program": row.program,
        "version": row.version,
        "created_at": row.created_at.isoformat(),
    }
