"""`GET /v1/balances`: what commits and credits have left, with every movement."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from api.auth import Caller
from api.balances import schemas
from api.requests import Cursor, Limit, page, position_of
from api.schemas import Customer, Line, problems
from api.state import allowed, state_of
from runtime.store.repositories import pages, programs, statements
from runtime.store.tables import LedgerEntry

router = APIRouter(prefix="/v1/balances", tags=["balances"])


@router.get("", operation_id="getBalances", responses=problems(404))
def get_balances(
    request: Request,
    caller: Annotated[Caller, Depends(allowed("finance"))],
    customer: Annotated[Customer, Query()],
    contract: Annotated[Line | None, Query()] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> schemas.Balances:
    """The balances of a customer's contract, with their movements, the oldest first."""
    after = position_of(cursor, int) or 0
    with state_of(request).database.reading() as work:
        row = programs.contract(work, caller.tenant_id, customer, contract)
        assert row.id is not None
        sums = statements.balances(work, row.id)
        rows = pages.entries(work, row.id, after, limit + 1)
    shown = page(rows, limit, lambda each: each.id, entry_of)
    return schemas.Balances(
        customer=customer,
        contract=row.name,
        balances={name: f"{amount:f}" for name, amount in sums.items()},
        entries=shown["items"],
        next=shown["next"],
    )


def entry_of(row: LedgerEntry) -> schemas.Entry:
    return schemas.Entry(
        id=row.id or 0,
        balance=row.balance,
        kind=row.kind,
        amount=f"{row.amount:f}",
        unit=row.unit,
        line=row.line,
        statement=row.statement_id,
        at=row.at.isoformat(),
    )
