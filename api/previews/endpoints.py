"""`/v1/previews`: one, many, and what one more piece of usage costs. The hot path: structs in, bytes out."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.previews import schemas
from api.previews.service import Previews
from api.problems import Problem, body_of
from api.requests import decoded
from api.schemas import problems
from api.state import state_of

router = APIRouter(prefix="/v1/previews", tags=["previews"])

T = TypeVar("T")
INLINE_BYTES_MAX = 65_536
"""A body of up to this size is priced where it is read; a larger one in a thread, beside the others."""

_PREVIEW = msgspec.json.Decoder(schemas.PreviewStruct, float_hook=Decimal)
_INCREMENT = msgspec.json.Decoder(schemas.IncrementStruct, float_hook=Decimal)
_BATCH = msgspec.json.Decoder(schemas.BatchStruct, float_hook=Decimal)
_ENCODE = msgspec.json.Encoder().encode


def body_schema(name: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return {"requestBody": {"required": True, "content": content}}


async def answered(
    request: Request, decoder: msgspec.json.Decoder[T], work: Callable[[Previews, Caller, T], Any]
) -> Response:
    """Read the body, price it, answer in bytes."""
    state = state_of(request)
    caller = state.keys.caller(request, "preview")
    kind = request.headers.get("content-type", "application/json")
    if not kind.startswith("application/json"):
        raise Problem("A0208", f"`{kind}` is not read here", "send `Content-Type: application/json`")
    body = await request.body()
    asked = decoded(decoder, body)
    previews: Previews = request.app.state.previews
    if len(body) > INLINE_BYTES_MAX or b'"inline"' in body or b'"explain"' in body:
        document = await run_in_threadpool(work, previews, caller, asked)
    else:
        document = work(previews, caller, asked)
    return Response(_ENCODE(document), media_type="application/json")


@router.post(
    "",
    operation_id="preview",
    response_model=schemas.Statement,
    responses=problems(400, 404, 409, 415),
    openapi_extra=body_schema("Preview"),
)
async def preview(request: Request) -> Response:
    """What usage costs, before anything is kept."""
    return await answered(request, _PREVIEW, Previews.preview)


@router.post(
    "/increment",
    operation_id="previewIncrement",
    response_model=schemas.Incremented,
    responses=problems(400, 404, 409, 415),
    openapi_extra=body_schema("Increment"),
)
async def increment(request: Request) -> Response:
    """What one more piece of usage costs, after what was used so far: the price of a request before it is sent."""
    return await answered(request, _INCREMENT, Previews.increment)


@router.post(
    "/batch",
    operation_id="previewBatch",
    response_model=schemas.BatchResults,
    responses=problems(415),
    openapi_extra=body_schema("Batch"),
)
async def batch(request: Request) -> Response:
    """Many previews at once; each has its own result, a statement or a problem."""
    return await answered(request, _BATCH, batch_of)


def batch_of(previews: Previews, caller: Caller, asked: schemas.BatchStruct) -> dict[str, Any]:
    results: list[dict[str, Any]] = []
    for each in asked.previews:
        try:
            results.append({"status": 200, "preview": previews.preview(caller, each)})
        except Exception as error:
            status, problem = body_of(error)
            if status >= 500:
                raise
            results.append({"status": status, "problem": problem})
    return {"results": results}
