"""Every error as a problem (RFC 9457): a code, what is wrong, where, and how to mend it.

`type` is `/errors/CODE`, which this server answers. Findings about a program come as `errors`, each with its code, its
place in the text and its help. A handler raises; what is raised becomes a problem here, and nothing else makes one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import psycopg
from sqlalchemy import exc as sql
from starlette.requests import Request
from starlette.responses import Response

from pricing_dsl.diagnostics.codes import CODES as PROGRAM_CODES
from pricing_dsl.diagnostics.diagnostic import ProgramError
from pricing_dsl.diagnostics.json import to_objects
from pricing_dsl.evaluate.errors import EvaluationError
from runtime.errors import CODES as RUNTIME_CODES
from runtime.errors import RuntimeProblem

MEDIA_TYPE: Final = "application/problem+json"
WORDS_MAX: Final = 1_000
"""Characters of what a problem says of a request: it may have been sent much."""

CODES: Final[dict[str, tuple[int, str]]] = {
    "A0101": (401, "no key, or one that is not valid"),
    "A0102": (403, "the key may not do this"),
    "A0103": (429, "too many requests"),
    "A0201": (422, "the request is malformed"),
    "A0202": (413, "the request is too large"),
    "A0203": (409, "the idempotency key was used for another request"),
    "A0204": (409, "a request with this idempotency key is in work"),
    "A0205": (412, "the resource has changed"),
    "A0206": (404, "there is nothing here"),
    "A0207": (405, "this method is not known here"),
    "A0208": (415, "this media type is not read"),
    "A0209": (408, "the body came too slowly"),
    "A0210": (409, "another request was faster"),
    "A0211": (409, "the key is revoked"),
    "A0301": (503, "the server has too much to do"),
    "A0302": (500, "the server failed"),
    "A0401": (400, "the program has errors"),
}
"""Code -> status and title."""

STATUS_OF_RUNTIME: Final[dict[str, int]] = {
    "X0101": 404, "X0102": 404, "X0103": 404, "X0104": 404, "X0105": 404,
    "X0201": 503, "X0202": 503,
    "X0305": 422, "X0401": 400, "X0402": 409, "X0403": 409, "X0404": 409, "X0405": 409, "X0406": 409, "X0407": 422,
}  # fmt: skip

BUSY: Final = (sql.TimeoutError, sql.OperationalError, sql.InterfaceError, psycopg.OperationalError)
"""The store has too much to do, or is not there."""
UNKEPT: Final = (sql.DataError, psycopg.DataError)
"""A value that the store cannot keep: a zero character in a text of PostgreSQL."""


class Problem(Exception):  # noqa: N818 - what it is called where it goes
    """An error of the API itself. `pointer` is a JSON pointer into the body, or the name of a parameter."""

    def __init__(
        self,
        code: str,
        detail: str,
        help: str = "",  # noqa: A002 - the word of every diagnostic
        pointer: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.help = help
        self.pointer = pointer
        self.headers = dict(headers or {})


REFUSALS: Final = (Problem, RuntimeProblem, EvaluationError, ProgramError)
"""What handlers raise to refuse a request; anything else is a failure of the server."""


def busy(detail: str, help: str = "") -> Problem:  # noqa: A002 - the word of every diagnostic
    """The server has too much to do: come again soon."""
    return Problem("A0301", detail, help, headers={"Retry-After": "1"})


def problem_of(error: Exception) -> Problem | RuntimeProblem | EvaluationError | ProgramError:
    """What was raised, as what may be told."""
    match error:
        case Problem() | RuntimeProblem() | EvaluationError() | ProgramError():
            return error
        case sql.DBAPIError(connection_invalidated=True):
            return busy("the store does not answer")
        case _ if isinstance(error, BUSY):
            return busy("the store does not answer")
        case _ if isinstance(error, UNKEPT):
            return Problem("A0201", "a text has a character that cannot be kept", "leave out U+0000")
        case sql.IntegrityError():
            return Problem("A0210", "the same was done by another request at this moment", "read it, then try again")
        case _:
            return Problem("A0302", "something went wrong here", "try again, and tell us the request id")


def body_of(raised: Exception) -> tuple[int, dict[str, Any]]:
    """The status and the problem of what was raised."""
    error = problem_of(raised)
    match error:
        case Problem():
            status, title = CODES[error.code]
            return status, _problem(error.code, title, status, error.detail, error.help, error.pointer)
        case RuntimeProblem():
            status = STATUS_OF_RUNTIME.get(error.code, 400)
            return status, _problem(error.code, RUNTIME_CODES[error.code], status, error.message, error.help)
        case EvaluationError():
            title = PROGRAM_CODES.get(error.code, "the usage cannot be priced")
            return 422, _problem(error.code, title, 422, error.message, error.help)
        case ProgramError():
            findings = to_objects(error.source, error.diagnostics)
            errors = [d for d in error.diagnostics if d.severity == "error"]
            detail = f"{errors[0].code}: {errors[0].message}" if errors else str(error)
            made = _problem("A0401", CODES["A0401"][1], 400, detail, errors[0].help or "" if errors else "")
            return 400, {**made, "errors": findings}


def response_of(raised: Exception, request_id: str) -> Response:
    """The answer for what was raised."""
    error = problem_of(raised)
    status, body = body_of(error)
    headers = dict(error.headers) if isinstance(error, Problem) else {}
    if status in (429, 503):
        headers.setdefault("Retry-After", "1")
    return Response(msgspec.json.encode({**body, "request_id": request_id}), status, headers, MEDIA_TYPE)


def malformed(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """What a validator found: the first place, and several of them in words."""
    first = errors[0]
    place = [str(part) for part in first.get("loc", ())]
    is_body = place[:1] == ["body"]
    where = "/".join(escaped(part) for part in place[1:]) if is_body else ".".join(place[1:])
    said = "; ".join(f"{'.'.join(str(p) for p in each.get('loc', ()))}: {each.get('msg', '')}" for each in errors[:8])
    return Problem("A0201", said, "see the schema in /openapi.json", "/" + where if is_body else where)


def escaped(part: str) -> str:
    """A name as a part of a JSON pointer (RFC 6901)."""
    return part.replace("~", "~0").replace("/", "~1")


def _problem(code: str, title: str, status: int, detail: str, help: str = "", pointer: str = "") -> dict[str, Any]:  # noqa: A002
    made: dict[str, Any] = {
        "type": f"/errors/{code}", "title": title, "status": status, "detail": short(detail), "code": code
    }  # fmt: skip
    if help:
        made["help"] = short(help)
    if pointer:
        made["pointer"] = short(pointer)
    return made


def short(text: str) -> str:
    """Words that go into a problem: not too long, and text that JSON can hold."""
    kept = text if len(text) <= WORDS_MAX else text[: WORDS_MAX - 3] + "..."
    return kept.encode("utf-8", "backslashreplace").decode()


async def handle(request: Request, error: Exception) -> Response:
    """FastAPI's way in."""
    return response_of(error, str(request.scope.get("request_id", "")))
