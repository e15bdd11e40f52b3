"""Pure ASGI around everything: request ids, keys, sizes, shedding, a time limit, metrics, the access log, a clean stop.

Who has no key is refused before a body is read. More requests in work than the server may have are answered 503 with
`Retry-After` at once, so that what is accepted is answered in time and memory stays bounded. While the server stops,
what was accepted is finished and the rest refused.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import time
from typing import Any, Final

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import Keys
from api.deadlines import Deadlines
from api.limits import BODIES_IN_WORK_MAX, WATCHERS_MAX
from api.logs import log_request
from api.metrics import IN_WORK, LATE, SHED, WATCHED, Answered
from api.problems import Problem, busy, response_of

REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
UNGUARDED: Final = ("/livez", "/readyz", "/metrics")
"""What is answered however much there is to do."""
GUARDED: Final = "/v1/"
"""What needs a key."""
PATH_LOGGED_MAX: Final = 200
GONE: Final = 499
"""The status in log and metrics of a request whose client did not wait."""

_PROCESS: Final = secrets.token_hex(6)
_COUNTED: Final = itertools.count()

log = structlog.get_logger("pricing.api")


class Edge:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, keys: Keys, *, in_work_max: int, body_bytes_max: int, seconds_max: float) -> None:
        self.app = app
        self.keys = keys
        self.in_work_max = in_work_max
        self.body_bytes_max = body_bytes_max
        self.seconds_max = seconds_max
        self.in_work = 0
        self.bytes_in_work = 0
        self.watchers = 0
        self.stopping = False
        self.answered = Answered()
        self.deadlines = Deadlines(seconds_max)
        IN_WORK.set_function(lambda: self.in_work)
        WATCHED.set_function(lambda: self.watchers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        exchange = Exchange(self, receive, send, id_of(scope))
        scope["request_id"] = exchange.request_id
        scope["exchange"] = exchange
        if scope["method"] == "HEAD":  # what GET would say, whose body the server leaves out
            scope = {**scope, "method": "GET"}
        try:
            await exchange.run(scope)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "unknown")
            self.answered.count(scope["method"], route, exchange.status, seconds)
            log_request(exchange.request_id, scope["method"], path_of(scope), exchange.status, seconds, exchange.key_id)

    def refusal(self, scope: Scope) -> Problem | None:
        """Why a request is not begun, if it is not."""
        if scope["path"] in UNGUARDED:
            return None
        if self.stopping:
            return Problem("A0301", "the server is stopping", headers={"Retry-After": "1", "Connection": "close"})
        if self.in_work >= self.in_work_max:
            return busy(f"{self.in_work} requests are in work")
        if self.bytes_in_work > self.body_bytes_max * BODIES_IN_WORK_MAX:
            return busy("large requests are in work")
        return None

    def too_large(self) -> Problem:
        return Problem("A0202", f"a body is at most {self.body_bytes_max:_} bytes", headers={"Connection": "close"})

    def stop(self) -> None:
        """Refuse what comes; what is in work goes on, and what only watches ends."""
        self.stopping = True

    async def drain(self, seconds: float) -> None:
        """Refuse what comes, and wait for what is in work."""
        self.stop()
        until = time.monotonic() + seconds
        while (self.in_work or self.watchers) and time.monotonic() < until:
            await asyncio.sleep(0.01)


class Exchange:
    """One request and its answer: counted, timed, measured, answered once."""

    def __init__(self, edge: Edge, receive: Receive, send: Send, request_id: str) -> None:
        self.edge = edge
        self.request_id = request_id
        self.status = 0
        self.key_id: str | None = None
        self.is_late = False
        self._receive = receive
        self._send = send
        self._bytes = 0
        self._is_receiving = False
        self._is_watching = False
        self._was_cut = False
        self._task: asyncio.Task[Any] | None = None
        self._late_answer: asyncio.Task[None] | None = None

    async def run(self, scope: Scope) -> None:
        """Refuse the request, or have it done and answered."""
        problem = self.edge.refusal(scope)
        if problem is not None:
            SHED.inc()
            await self.answer(scope, problem)
            return
        edge = self.edge
        edge.in_work += 1
        self._task = asyncio.current_task()
        edge.deadlines.begin(self, lambda: self._too_late(scope))
        try:
            await self._do(scope)
        finally:
            edge.deadlines.end(self)
            edge.bytes_in_work -= self._bytes
            if self._is_watching:
                edge.watchers -= 1
            else:
                edge.in_work -= 1
            if self._late_answer is not None:
                await self._late_answer

    async def _do(self, scope: Scope) -> None:
        try:
            self._require_size(scope)
            if scope["path"].startswith(GUARDED):
                caller = await self.edge.keys.caller(scope)
                scope["caller"] = caller
                self.key_id = caller.key_id
            await self.edge.app(scope, self.receive, self.send)
        except Problem as error:
            await self.answer(scope, error)
        except ClientDisconnect:
            self.status = self.status or GONE
        except asyncio.CancelledError:
            if not self._was_cut:
                raise
            assert self._task is not None
            self._task.uncancel()
            self.status = self.status or GONE
        except Exception as error:
            log.exception("failed", id=self.request_id)
            await self.answer(scope, error)

    def _require_size(self, scope: Scope) -> None:
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value[:20]) > self.edge.body_bytes_max:
                raise self.edge.too_large()

    def _too_late(self, scope: Scope) -> None:
        """The time for the request is over. What a thread does for it goes on, and is counted until it ends."""
        if self._is_watching:
            return
        LATE.inc()
        self.is_late = True
        if self.status == 0 and not self._is_receiving:
            self._late_answer = asyncio.create_task(self._say_late(scope))
        elif self._task is not None:
            self._was_cut = True
            self._task.cancel()

    async def _say_late(self, scope: Scope) -> None:
        seconds = self.edge.seconds_max
        problem = busy(f"this took longer than {seconds:g} s", "ask for less at once; what it does may yet take effect")
        self.status = 503
        await response_of(problem, self.request_id)(scope, self._receive, self._with_id)

    def watch(self) -> None:
        """Go on for as long as there is something to tell. Raises `Problem` A0301."""
        edge = self.edge
        if edge.watchers >= WATCHERS_MAX:
            raise busy(f"{edge.watchers} jobs are watched", "ask for the job instead")
        self._is_watching = True
        edge.in_work -= 1
        edge.watchers += 1

    async def receive(self) -> Message:
        """A piece of the body, counted. Raises `Problem` A0202, A0209."""
        self._is_receiving = True
        try:
            message = await self._receive()
        except asyncio.CancelledError:
            if not self._was_cut:
                raise
            assert self._task is not None
            self._task.uncancel()
            self._was_cut = False
            raise Problem("A0209", "the body came too slowly", headers={"Connection": "close"}) from None
        finally:
            self._is_receiving = False
        size = len(message.get("body", b""))
        self._bytes += size
        self.edge.bytes_in_work += size
        if self._bytes > self.edge.body_bytes_max:
            raise self.edge.too_large()
        return message

    async def send(self, message: Message) -> None:
        """A piece of the answer, unless it came too late."""
        if self._late_answer is None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            await self._with_id(message)

    async def _with_id(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self.request_id.encode())]
        await self._send(message)

    async def answer(self, scope: Scope, error: Exception) -> None:
        """A problem, unless an answer has begun already."""
        if self.status == 0:
            await response_of(error, self.request_id)(scope, self._receive, self.send)


def id_of(scope: Scope) -> str:
    """The id that the caller gave, or a new one: the process's and a number."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return str(value.decode())
    return f"{_PROCESS}{next(_COUNTED):08x}"


def path_of(scope: Scope) -> str:
    """The path as it was sent, percent-encoded: what is in a log cannot be mistaken for another line of it."""
    path: bytes = scope.get("raw_path") or b""
    return path[:PATH_LOGGED_MAX].partition(b"?")[0].decode("ascii", "backslashreplace")
