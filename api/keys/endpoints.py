"""`/v1/keys`: made, rotated, revoked, listed."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request

from api.auth import Caller, create_key, keys_of, revoke_key, rotate_key, shown
from api.keys import schemas
from api.programs.endpoints import instant
from api.requests import Cursor, Limit, page, position_of
from api.schemas import problems
from api.state import allowed, state_of

router = APIRouter(prefix="/v1/keys", tags=["keys"])

Admin = Annotated[Caller, Depends(allowed("admin"))]
Id = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


@router.post("", operation_id="createKey", status_code=201, responses=problems())
def create(request: Request, given: schemas.NewKey, caller: Admin) -> schemas.KeyWithToken:
    """Make a key. Its token is in the answer and nowhere else."""
    state = state_of(request)
    with state.database.transaction() as work:
        row, token = create_key(
            work,
            caller.tenant_id,
            given.name,
            given.scopes,
            state.clock(),
            expires_at=instant(given.expires_at),
            requests_per_second=given.requests_per_second,
        )
        return schemas.KeyWithToken(**shown(row), token=token)


@router.get("", operation_id="listKeys", responses=problems())
def list_keys(request: Request, caller: Admin, limit: Limit = 50, cursor: Cursor = None) -> schemas.Keys:
    """The keys of a tenant, without their secrets."""
    after = position_of(cursor, tuple[str, str]) or ("", "")
    with state_of(request).database.reading() as work:
        rows = [row for row in keys_of(work, caller.tenant_id) if (row.created_at.isoformat(), row.id) > after]
    return schemas.Keys(**page(rows[: limit + 1], limit, lambda row: [row.created_at.isoformat(), row.id], shown))


@router.post("/{key_id}/rotation", operation_id="rotateKey", status_code=201, responses=problems(404))
def rotate(request: Request, key_id: Id, given: schemas.Rotation, caller: Admin) -> schemas.KeyWithToken:
    """A new secret for a key; the old one goes on for a while."""
    state = state_of(request)
    with state.database.transaction() as work:
        grace = timedelta(seconds=given.grace_seconds)
        row, token = rotate_key(work, caller.tenant_id, key_id, state.clock(), grace)
        answer = schemas.KeyWithToken(**shown(row), token=token)
    state.keys.forget(key_id)
    return answer


@router.delete("/{key_id}", operation_id="revokeKey", responses=problems(404))
def revoke(request: Request, key_id: Id, caller: Admin) -> schemas.Key:
    """End a key."""
    state = state_of(request)
    with state.database.transaction() as work:
        answer = schemas.Key(**shown(revoke_key(work, caller.tenant_id, key_id, state.clock())))
    state.keys.forget(key_id)
    return answer
