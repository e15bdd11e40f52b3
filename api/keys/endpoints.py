"""`/v1/keys`: made, rotated, revoked, listed."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, create_key, etag_of_key, require_key, revoke_key, rotate_key, shown
from api.keys import schemas
from api.problems import Problem
from api.requests import (
    Answer,
    Cursor,
    IdempotencyKey,
    IfMatch,
    Limit,
    instant,
    page,
    position_of,
    raw_body,
    require_match,
)
from api.schemas import problems
from api.state import allowed, state_of
from runtime.store.database import Work
from runtime.store.repositories import pages
from runtime.store.tables import ApiKey

router = APIRouter(prefix="/v1/keys", tags=["keys"])

Admin = Annotated[Caller, Depends(allowed("admin"))]
Id = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
Body = Annotated[bytes, Depends(raw_body)]


@router.post(
    "",
    operation_id="createKey",
    status_code=201,
    response_model=schemas.KeyWithToken,
    responses=problems(409),
)
def create(request: Request, given: schemas.NewKey, caller: Admin, body: Body, key: IdempotencyKey = None) -> Response:
    """Make a key. Its token is in the answer and nowhere else."""
    state = state_of(request)
    now = state.clock()
    expires_at = instant(given.expires_at, "expires_at")
    if expires_at is not None and expires_at <= now:
        raise Problem("A0201", "the key would have expired already", "give a later instant", "/expires_at")

    def effect(work: Work) -> Answer:
        row, token = create_key(
            work,
            caller.tenant_id,
            given.name,
            given.scopes,
            now,
            expires_at=expires_at,
            requests_per_second=given.requests_per_second,
        )
        return with_token(row, token)

    return state.answers.once(caller.tenant_id, key, request, body, now, effect)


@router.get("", operation_id="listKeys", responses=problems())
def list_keys(request: Request, caller: Admin, limit: Limit = 50, cursor: Cursor = None) -> schemas.Keys:
    """The keys of a tenant by id, without their secrets."""
    after = position_of(cursor, str) or ""
    with state_of(request).database.reading() as work:
        rows = pages.keys(work, caller.tenant_id, after, limit + 1)
    return schemas.Keys(**page(rows, limit, lambda row: row.id, shown))


@router.get("/{key_id}", operation_id="getKey", response_model=schemas.Key, responses=problems(404))
def get_key(request: Request, key_id: Id, caller: Admin) -> Response:
    """One key, without its secret."""
    with state_of(request).database.reading() as work:
        row = require_key(work, caller.tenant_id, key_id)
    return Answer(200, shown(row), {"ETag": etag_of_key(row)}).response()


@router.post(
    "/{key_id}/rotation",
    operation_id="rotateKey",
    status_code=201,
    response_model=schemas.KeyWithToken,
    responses=problems(404, 409, 412),
)
def rotate(
    request: Request,
    key_id: Id,
    given: schemas.Rotation,
    caller: Admin,
    body: Body,
    key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """A new secret for a key; the old one goes on for a while."""
    state = state_of(request)
    now = state.clock()

    def effect(work: Work) -> Answer:
        row = require_key(work, caller.tenant_id, key_id, lock=True)
        require_match(etag_of_key(row), if_match)
        if row.revoked_at is not None:
            raise Problem("A0211", "the key is revoked", "make another one")
        return with_token(*rotate_key(work, caller.tenant_id, key_id, now, timedelta(seconds=given.grace_seconds)))

    answer = state.answers.once(caller.tenant_id, key, request, body, now, effect)
    state.keys.forget(key_id)
    return answer


@router.delete("/{key_id}", operation_id="revokeKey", response_model=schemas.Key, responses=problems(404, 409, 412))
def revoke(
    request: Request, key_id: Id, caller: Admin, key: IdempotencyKey = None, if_match: IfMatch = None
) -> Response:
    """End a key: this server refuses it from now on, others within a second."""
    state = state_of(request)
    now = state.clock()

    def effect(work: Work) -> Answer:
        require_match(etag_of_key(require_key(work, caller.tenant_id, key_id, lock=True)), if_match)
        row = revoke_key(work, caller.tenant_id, key_id, now)
        return Answer(200, shown(row), {"ETag": etag_of_key(row)})

    answer = state.answers.once(caller.tenant_id, key, request, b"", now, effect)
    state.keys.forget(key_id)
    return answer


def with_token(row: ApiKey, token: str) -> Answer:
    """A key with its token, which is kept nowhere: asked for again, the answer has none."""
    document = shown(row)
    return Answer(201, {**document, "token": token}, {"ETag": etag_of_key(row)}, kept={**document, "token": None})
