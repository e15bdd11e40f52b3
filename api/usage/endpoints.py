"""`GET /v1/usage`: what a customer has used in a period, meter by meter and cell by cell."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.requests import Answer
from api.schemas import problems
from api.state import allowed, state_of
from api.usage import schemas
from runtime.rating.preview import dates_of

router = APIRouter(prefix="/v1/usage", tags=["usage"])

Moment = Annotated[str | None, Query(max_length=40, examples=["2026-03-01"])]


@router.get("", operation_id="getUsage", response_model=schemas.StoredUsage, responses=problems(404, 409))
def get_usage(
    request: Request,
    caller: Annotated[Caller, Depends(allowed("preview"))],
    customer: Annotated[str, Query(min_length=1, max_length=200)],
    contract: Annotated[str | None, Query(max_length=200)] = None,
    from_: Annotated[Moment, Query(alias="from")] = None,
    to: Moment = None,
) -> Response:
    """Stored usage of a period, in the segments that the contract is cut into; else of the first of its term."""
    period = None if from_ is None or to is None else (from_, to)
    found = state_of(request).previewer.preview(caller.tenant_id, customer, period, contract=contract)
    start, end = dates_of(found.period)
    document = {
        "customer": customer,
        "contract": found.contract.name,
        "period": {"from": str(start), "to": str(end)},
        "usage": found.usage,
    }
    return Answer(200, document).response()
