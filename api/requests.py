"""What handlers share: exact JSON in, JSON out, pages with cursors, ETags."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import InvalidOperation
from typing import Annotated, Any, Final, TypeVar

import msgspec
from fastapi import Header, Query
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.depth import DEPTH_MAX, is_deep
from api.problems import Problem
from runtime.rating.documents import written

T = TypeVar("T")

IDEMPOTENCY_KEY_MAX: Final = 200
PAGE_MAX: Final = 200
CURSOR_MAX: Final = 1_000
ROW_MAX: Final = 2**63 - 1

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
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=400, description="The ETag that was read: refused where it is another by now."),
]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="How many to give at once.")]
Cursor = Annotated[
    str | None,
    Query(max_length=CURSOR_MAX, description="`next` of the page before; else the first one."),
]


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer. `kept` is what is said when it is asked for again, where that is less: a secret is said once."""

    status: int
    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    kept: Any = None

    def response(self) -> Response:
        return Response(written(self.document).encode(), self.status, dict(self.headers), "application/json")

    def kept_body(self) -> bytes:
        return written(self.document if self.kept is None else self.kept).encode()


# --- bodies ----------------------------------------------------------------------------------------------------------


async def raw_body(request: Request) -> bytes:
    """A dependency: the body as it came."""
    return await request.body()


async def whole_body(request: Request) -> bytes:
    """The same for who reads it once: the usual body comes in one piece. Raises `ClientDisconnect`."""
    message = await request.receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        return bytes(message.get("body", b""))
    pieces = []
    while message["type"] == "http.request":
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)
        message = await request.receive()
    raise ClientDisconnect


def media_type_of(request: Request) -> str:
    """What the body is said to be, `application/json` where nothing is said."""
    return request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()


def decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Bytes as what a decoder reads. Raises `Problem` A0201 with the place."""
    if is_deep(body):
        raise Problem("A0201", f"the body is no JSON, or nested more than {DEPTH_MAX} deep")
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `")
        raise Problem("A0201", message, "see the schema in /openapi.json", pointer_of(place)) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidOperation) as error:
        raise Problem("A0201", f"the body is no JSON: {error}", "send one JSON value in UTF-8") from None


def pointer_of(place: str) -> str:
    """A place as msgspec names it, as a JSON pointer as far as that is known.

    >>> pointer_of("$.period.from`"), pointer_of("$.previews[...].on`"), pointer_of("key` in `$.inline.files`")
    ('/period/from', '/previews/-/on', '/inline/files')
    """
    path = place.rstrip("`").rpartition("$")[2]
    return path.replace("[...]", "/-").replace("[", "/").replace("]", "").replace(".", "/")


def instant(text: str | None, name: str) -> datetime | None:
    """A date or an instant, in UTC; where no zone is said, it is meant in UTC. Raises `Problem` A0201."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem("A0201", f"`{text}` is no instant", "write 2026-03-01T00:00Z", f"/{name}") from None


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
        found = msgspec.convert(json.loads(base64.b64decode(padded.encode("ascii"), b"-_", validate=True)), kind)
        require_keepable(found)
    except (binascii.Error, ValueError, RecursionError, msgspec.ValidationError):
        raise Problem("A0201", "`cursor` is none of this list", "give `next` of the page before", "cursor") from None
    return found


def require_keepable(position: Any) -> None:
    """Raise `ValueError` for what no database takes as a value."""
    for each in position if isinstance(position, tuple) else (position,):
        if isinstance(each, str) and "\0" in each.encode().decode():
            raise ValueError("a zero character")
        if isinstance(each, int) and not -1 <= each <= ROW_MAX:
            raise ValueError("a number that is too large")


def page(items: list[Any], limit: int, place: Callable[[Any], Any], shown: Callable[[Any], Any]) -> dict[str, Any]:
    """A page out of `limit` + 1 items: what is shown of each, and where the next page begins, if there is one."""
    more = len(items) > limit
    return {
        "items": [shown(item) for item in items[:limit]],
        "next": cursor_of(place(items[limit - 1])) if more else None,
    }


# --- ETags -----------------------------------------------------------------------------------------------------------


def etag_of(*parts: Any) -> str:
    """A strong ETag of what a resource is made of."""
    return '"' + hashlib.sha256(repr(parts).encode()).hexdigest()[:32] + '"'


def is_among(tag: str | None, header: str) -> bool:
    """Whether an If-Match or If-None-Match names a tag (`None`: there is no such thing yet).

    >>> is_among('"a"', 'W/"b", "a"'), is_among('"a"', "*"), is_among(None, "*")
    (True, True, False)
    """
    if tag is None:
        return False
    given = [each.strip().removeprefix("W/") for each in header.split(",")]
    return "*" in given or tag in given


def require_match(tag: str | None, if_match: str | None) -> None:
    """Raise `Problem` A0205 where what is there is not what the caller has read."""
    if if_match is not None and not is_among(tag, if_match):
        raise Problem("A0205", "it is not what `If-Match` says", "read it, then decide again", "If-Match")
