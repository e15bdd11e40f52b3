"""`GET /v1/balances`: what commits and credits have left, with every movement."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from api.auth import Caller
from api.balances import schemas
from api.schemas import problems
from api.state import allowed, state_of
from runtime.store.repositories import programs, statements

router = APIRouter(prefix="/v1/balances", tags=["balances"])


@router.get("", operation_id="getBalances", responses=problems(404))
def get_balances(
    request: Request,
    caller: Annotated[Caller, Depends(allowed("finance"))],
    customer: Annotated[str, Query(min_length=1, max_length=200)],
    contract: Annotated[str | None, Query(max_length=200)] = None,
) -> schemas.Balances:
    """The balances of a customer's contract."""
    with state_of(request).database.reading() as work:
        row = programs.contract(work, caller.tenant_id, customer, contract)
        assert row.id is not None
        sums = statements.balances(work, row.id)
        entries = statements.entries(work, row.id)
    return schemas.Balances(
        customer=customer,
        contract=row.name,
        balances={name: f"{amount:f}" for name, amount in sums.items()},
        entries=[
            schemas.Entry(
                id=each.id or 0,
                balance=each.balance,
                kind=each.kind,
                amount=f"{each.amount:f}",
                unit=each.unit,
                line=each.line,
                statement=each.statement_id,
                at=each.at.isoformat(),
            )
            for each in entries
        ],
    )
