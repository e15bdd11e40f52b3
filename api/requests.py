"""What handlers share: exact JSON in and out, pages, and answers that are given once for an Idempotency-Key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from threading import Lock
from typing import Annotated, Any, Final, TypeVar

import msgspec
from fastapi import Header, Query
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response

from api.problems import Problem
from runtime.rating.documents import written
from runtime.store.database import Database, Work
from runtime.store.tables import Idempotency

T = TypeVar("T")

IDEMPOTENCY_KEY_MAX: Final = 200
PAGE_MAX: Final = 200
DEPTH_MAX: Final = 32
"""How deep JSON may be nested."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=IDEMPOTENCY_KEY_MAX,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key with the same request is answered the same, and takes effect once.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="How many to give at once.")]
Cursor = Annotated[
    str | None, Query(max_length=400, description="`next` of the page before; left out, the first page is given.")
]


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer."""

    status: int
    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        return Response(self.body(), self.status, dict(self.headers), "application/json")

    def body(self) -> bytes:
        return written(self.document).encode()


# --- bodies ----------------------------------------------------------------------------------------------------------


async def raw_body(request: Request) -> bytes:
    """A dependency: the body as it came."""
    return await request.body()


async def exact_json(request: Request) -> Any:
    """The body as JSON whose numbers are `int` or `Decimal`, never floats. Raises `Problem` A0201, A0208."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem("A0208", f"`{kind}` is not read here", "send `Content-Type: application/json`")
    return exact(await request.body())


def exact(body: bytes) -> Any:
    """Bytes as JSON with exact numbers."""
    try:
        return _ANYTHING.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Problem("A0201", f"the body is no JSON: {error}", "send one JSON value in UTF-8") from None


def decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Bytes as what a decoder reads. Raises `Problem` A0201 with the place."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        pointer = place.rstrip("`").replace("[...]", "/-").replace("[", "/").replace("]", "").replace(".", "/")
        raise Problem("A0201", message, "see the schema in /openapi.json", pointer) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Problem("A0201", f"the body is no JSON: {error}", "send one JSON value in UTF-8") from None


_ANYTHING = msgspec.json.Decoder(float_hook=Decimal)


# --- pages -----------------------------------------------------------------------------------------------------------


def cursor_of(position: Any) -> str:
    """A place in a list as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def position_of(cursor: str | None, kind: type[T]) -> T | None:
    """The place that a cursor stands for. Raises `Problem` A0201 for a text that is none."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return msgspec.convert(json.loads(base64.urlsafe_b64decode(padded.encode("ascii"))), kind)
    except (binascii.Error, ValueError, UnicodeError, msgspec.ValidationError):
        raise Problem("A0201", "`cursor` is none of this list", "give `next` of the page before", "cursor") from None


def page(items: list[Any], limit: int, place: Callable[[Any], Any], shown: Callable[[Any], Any]) -> dict[str, Any]:
    """A page out of `limit` + 1 items: what is shown of each, and where the next page begins, if there is one."""
    more = len(items) > limit
    return {
        "items": [shown(item) for item in items[:limit]],
        "next": cursor_of(place(items[limit - 1])) if more else None,
    }


# --- idempotency -----------------------------------------------------------------------------------------------------

_IN_WORK: set[tuple[str, str]] = set()
_LOCK: Final = Lock()


def once(
    database: Database,
    tenant_id: str,
    key: str | None,
    request: Request,
    body: bytes,
    now: datetime,
    effect: Callable[[Work], Answer],
) -> Response:
    """Do `effect` in a transaction and answer; with a key, the same request again is answered by what was said before.

    The answer is written in the transaction of its effect, so neither is ever there without the other. Problems that
    are raised roll both back: such a request may be sent again. Raises `Problem` A0203, A0204.
    """
    if key is None:
        return database.run(effect).response()
    asked = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode() + body).digest()
    place = tenant_id, key
    with _LOCK:
        if place in _IN_WORK:
            raise Problem("A0204", "a request with this Idempotency-Key is in work", "wait for it, then ask again")
        _IN_WORK.add(place)
    try:
        return database.run(lambda work: _once(work, tenant_id, key, asked, now, effect))
    except IntegrityError:  # another process was faster: its answer is there now
        return database.run(lambda work: _once(work, tenant_id, key, asked, now, effect))
    finally:
        _IN_WORK.discard(place)


def _once(
    work: Work, tenant_id: str, key: str, asked: bytes, now: datetime, effect: Callable[[Work], Answer]
) -> Response:
    known = work.session.get(Idempotency, (tenant_id, key))
    if known is not None:
        if known.request != asked:
            raise Problem("A0203", "this Idempotency-Key was used for another request", "use a new key")
        headers = {**json.loads(known.headers), "Idempotent-Replayed": "true"}
        return Response(known.body, known.status, headers, "application/json")
    answer = effect(work)
    work.session.add(
        Idempotency(
            tenant_id=tenant_id,
            key=key,
            request=asked,
            status=answer.status,
            headers=json.dumps(dict(answer.headers)),
            body=answer.body(),
            created_at=now,
        )
    )
    work.session.flush()
    return answer.response()
