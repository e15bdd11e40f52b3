"""`GET /v1/usage`: what a customer has used in a period, meter by meter and cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.problems import Problem
from api.requests import Answer
from api.schemas import Customer, Line, Moment, problems
from api.state import allowed, state_of
from api.usage import schemas
from runtime.rating.evaluation import dates_of

router = APIRouter(prefix="/v1/usage", tags=["usage"])


@router.get("", operation_id="getUsage", response_model=schemas.StoredUsage, responses=problems(404, 409))
def get_usage(
    request: Request,
    caller: Annotated[Caller, Depends(allowed("preview"))],
    customer: Annotated[Customer, Query()],
    contract: Annotated[Line | None, Query()] = None,
    from_: Annotated[Moment | None, Query(alias="from", examples=["2026-03-01"])] = None,
    to: Annotated[Moment | None, Query(examples=["2026-04-01"])] = None,
) -> Response:
    """Stored usage of a period, in the segments that the contract is cut into; else of the first of its term."""
    if (from_ is None) != (to is None):
        raise Problem("A0201", "a period has two ends", "give `from` and `to`, or neither", "to")
    period = None if from_ is None or to is None else (from_, to)
    found = state_of(request).previewer.preview(caller.tenant_id, customer, period, contract=contract)
    assert found.contract is not None
    start, end = dates_of(found.period)
    document = {
        "customer": customer,
        "contract": found.contract.name,
        "period": {"from": start.isoformat(), "to": end.isoformat()},
        "usage": shown(found.usage),
    }
    return Answer(200, document).response()


def shown(usage: Any) -> Any:
    """Usage whose quantities are texts, whatever the store keeps them as."""
    if not isinstance(usage, Mapping):
        return [{**segment, "usage": shown(segment["usage"])} for segment in usage]
    return {meter: [{**cell, "quantity": str(cell["quantity"])} for cell in cells] for meter, cells in usage.items()}
