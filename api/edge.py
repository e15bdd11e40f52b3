"""Pure ASGI around everything: request ids, sizes, shedding, a time limit, metrics, the access log, a clean stop.

More requests in work than the server may have are answered 503 with `Retry-After` at once, so that what is accepted is
answered in time and memory stays bounded. While the server stops, what was accepted is finished and the rest refused.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.logs import log_request
from api.metrics import IN_WORK, SHED, Answered
from api.problems import Problem, response_of

REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
UNGUARDED: Final = ("/livez", "/readyz", "/metrics")
"""What is answered however much there is to do."""

log = structlog.get_logger("pricing.api")


class Edge:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, *, in_work_max: int, body_bytes_max: int, seconds_max: float) -> None:
        self.app = app
        self.in_work_max = in_work_max
        self.body_bytes_max = body_bytes_max
        self.seconds_max = seconds_max
        self.in_work = 0
        self.stopping = False
        self.answered = Answered()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = id_of(scope)
        scope["request_id"] = request_id
        exchange = Exchange(send, request_id)
        started = time.perf_counter()
        problem = self._refusal(scope)
        try:
            if problem is not None:
                SHED.inc()
                await response_of(problem, request_id)(scope, receive, exchange.send)
            else:
                await self._work(scope, receive, exchange)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "unknown")
            self.answered.count(scope["method"], route, exchange.status, seconds)
            log_request(request_id, scope["method"], scope["path"], exchange.status, seconds)

    def _refusal(self, scope: Scope) -> Problem | None:
        if scope["path"] in UNGUARDED:
            return None
        if self.stopping:
            return Problem("A0301", "the server is stopping", headers={"Retry-After": "1", "Connection": "close"})
        if self.in_work >= self.in_work_max:
            return Problem("A0301", f"{self.in_work} requests are in work", headers={"Retry-After": "1"})
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self.body_bytes_max:
                return Problem(
                    "A0202", f"a body is at most {self.body_bytes_max:_} bytes", headers={"Connection": "close"}
                )
        return None

    def _too_large(self) -> Problem:
        return Problem("A0202", f"a body is at most {self.body_bytes_max:_} bytes", headers={"Connection": "close"})

    async def _work(self, scope: Scope, receive: Receive, exchange: Exchange) -> None:
        bounded = BoundedBody(receive, self.body_bytes_max)
        self.in_work += 1
        IN_WORK.set(self.in_work)
        try:
            if scope["path"].endswith("/events") and b"text/event-stream" in accepted(scope):
                await self.app(scope, bounded.receive, exchange.send)  # as long as there is something to tell
            else:
                async with asyncio.timeout(self.seconds_max):
                    await self.app(scope, bounded.receive, exchange.send)
        except TooLarge:
            await exchange.answer(scope, receive, self._too_large())
        except TimeoutError:
            await exchange.answer(
                scope,
                receive,
                Problem("A0301", f"this took longer than {self.seconds_max:g} s", "ask for less at once"),
            )
        except Exception as error:
            log.exception("failed", id=exchange.request_id, path=scope["path"])
            await exchange.answer(scope, receive, error)
        finally:
            self.in_work -= 1
            IN_WORK.set(self.in_work)

    async def drain(self, seconds: float) -> None:
        """Refuse what comes, and wait for what is in work."""
        self.stopping = True
        until = time.monotonic() + seconds
        while self.in_work and time.monotonic() < until:
            await asyncio.sleep(0.01)


class TooLarge(Exception):  # noqa: N818 - answered with a problem
    """More came than the body may have."""


class BoundedBody:
    """A body that may be sent in pieces, counted as it comes."""

    def __init__(self, receive: Receive, bytes_max: int) -> None:
        self._receive = receive
        self._left = bytes_max

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooLarge
        return message


class Exchange:
    """What is sent for one request: its status is remembered, its id added."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self.request_id.encode())]
        await self._send(message)

    async def answer(self, scope: Scope, receive: Receive, error: Exception) -> None:
        """A problem, unless an answer has begun already."""
        if self.status == 0:
            await response_of(error, self.request_id)(scope, receive, self.send)


def id_of(scope: Scope) -> str:
    """The id that the caller gave, or a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return str(value.decode())
    return secrets.token_hex(8)


def accepted(scope: Scope) -> bytes:
    headers: list[tuple[Any, Any]] = scope["headers"]
    return b",".join(value for name, value in headers if name == b"accept")
