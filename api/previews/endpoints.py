"""`/v1/previews`: one, many, and what one more piece of usage costs. The hot path: structs in, bytes out."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.limits import BATCH_INLINE_MAX
from api.previews import schemas
from api.previews.service import Previews, Waits
from api.problems import Problem, body_of, busy
from api.requests import decoded, media_type_of, whole_body
from api.schemas import problems
from api.state import State, caller_of, state_of

router = APIRouter(prefix="/v1/previews", tags=["previews"])

T = TypeVar("T")
AT_ONCE_BYTES_MAX = 65_536
"""A body of up to this size is priced where it is read, if nothing must be waited for; a larger one in a thread."""

_PREVIEW = msgspec.json.Decoder(schemas.PreviewStruct, float_hook=Decimal)
_INCREMENT = msgspec.json.Decoder(schemas.IncrementStruct, float_hook=Decimal)
_BATCH = msgspec.json.Decoder(schemas.BatchStruct, float_hook=Decimal)
_ENCODE = msgspec.json.Encoder().encode


def body_schema(name: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return {"requestBody": {"required": True, "content": content}}


async def body_of_json(request: Request) -> bytes:
    """The body, which must be said to be JSON. Raises `Problem` A0208."""
    kind = media_type_of(request)
    if kind != "application/json":
        raise Problem("A0208", f"`{kind}` is not read here", "send `Content-Type: application/json`")
    return await whole_body(request)


async def answered(
    request: Request, decoder: msgspec.json.Decoder[T], work: Callable[[Previews, T], Any], *, is_inline: Any
) -> Response:
    """Read the body, price it, answer in bytes."""
    state = state_of(request)
    caller = caller_of(request, "preview")
    body = await body_of_json(request)
    asked = decoded(decoder, body)
    if is_inline(asked):
        document = await state.compiler.run(request, lambda: work(waiting(state, caller), asked))
    elif len(body) > AT_ONCE_BYTES_MAX:
        document = await run_in_threadpool(work, waiting(state, caller), asked)
    else:
        try:
            document = work(Previews(state, caller.tenant_id, waits=False), asked)
        except Waits:
            document = await run_in_threadpool(work, waiting(state, caller), asked)
    return Response(_ENCODE(document), media_type="application/json")


def waiting(state: State, caller: Caller) -> Previews:
    return Previews(state, caller.tenant_id, waits=True)


def has_inline(asked: schemas.AskedStruct) -> bool:
    return asked.inline is not None


@router.post(
    "",
    operation_id="preview",
    response_model=schemas.Statement,
    responses=problems(400, 404, 409, 415),
    openapi_extra=body_schema("Preview"),
)
async def preview(request: Request) -> Response:
    """What usage costs, before anything is kept. Stored usage is at most a quarter of a second old."""
    return await answered(request, _PREVIEW, Previews.preview, is_inline=has_inline)


@router.post(
    "/increment",
    operation_id="previewIncrement",
    response_model=schemas.Incremented,
    responses=problems(400, 404, 409, 415),
    openapi_extra=body_schema("Increment"),
)
async def increment(request: Request) -> Response:
    """What one more piece of usage costs, after what was used so far: the price of a request before it is sent."""
    return await answered(request, _INCREMENT, Previews.increment, is_inline=has_inline)


@router.post(
    "/batch",
    operation_id="previewBatch",
    response_model=schemas.BatchResults,
    responses=problems(415),
    openapi_extra=body_schema("Batch"),
)
async def batch(request: Request) -> Response:
    """Many previews at once; each has its own result, a statement or a problem."""
    until = time.monotonic() + state_of(request).settings.request_seconds_max

    def work(previews: Previews, asked: schemas.BatchStruct) -> dict[str, Any]:
        return batch_of(previews, asked, until)

    return await answered(
        request, _BATCH, work, is_inline=lambda asked: any(has_inline(each) for each in asked.previews)
    )


def batch_of(previews: Previews, asked: schemas.BatchStruct, until: float) -> dict[str, Any]:
    """Each preview in its turn, until the time for the request is over."""
    inline = {(each.inline.source, *sorted(each.inline.files.items())) for each in asked.previews if each.inline}
    if len(inline) > BATCH_INLINE_MAX:
        help_ = "publish them, or send several batches"
        raise Problem("A0201", f"a batch has at most {BATCH_INLINE_MAX} different inline programs", help_, "/previews")
    if not previews.waits:
        raise Waits
    results: list[dict[str, Any]] = []
    for each in asked.previews:
        if time.monotonic() > until:
            raise busy("there was no time for all previews of the batch", "send smaller batches")
        try:
            results.append({"status": 200, "preview": previews.preview(each)})
        except Exception as error:
            status, problem = body_of(error)
            if status >= 500:
                raise
            results.append({"status": status, "problem": problem})
    return {"results": results}


for _handler in (preview, increment, batch):  # they ask for it themselves: dependencies cost more than they do
    _handler.scope = "preview"  # type: ignore[attr-defined]
