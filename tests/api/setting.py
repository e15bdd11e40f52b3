"""A server in process for tests: a real application on a real database, its event loop in a thread of its own.

Tests call it without sockets and without waiting: `tenant.call("GET", "/v1/programs")` gives an `httpx.Response`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import httpx

from api.app import Pricing
from api.auth import SCOPES, create_key
from api.settings import ServerSettings
from runtime.store.database import Database
from runtime.store.repositories import programs

NOW = datetime(2026, 3, 20, 9, 30, tzinfo=UTC)
PERIOD = {"from": "2026-03-01", "to": "2026-04-01"}
PROGRAM = """currency USD
meter tokens "Tokens" { from "llm.request" measure sum(n) by model }
meter seats "Seats" { from "seat" measure max(n) }
rates llm per 1 tokens by model {
  model | price
  "a"   | 1
  else  | 5
}
plan pro {
  charge tokens on tokens { price llm }
  charge seats on seats { price 10 }
}
contract acme { customer "cus_1" plan pro term 2026-01-01 to 2027-01-01 }
"""


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    @contextmanager
    def later(self, by: timedelta) -> Iterator[None]:
        before = self.now
        self.now = before + by
        try:
            yield
        finally:
            self.now = before


class Server:
    """An application that runs."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self.clock = Clock()
        self.database = database
        chosen = {"requests_per_second": 100_000, **settings}
        self.app = Pricing(ServerSettings(**chosen), database, self.clock)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._ends = asyncio.Event()
        started = Event()
        self._life: Future[None] = asyncio.run_coroutine_threadsafe(self._live(started), self._loop)
        assert started.wait(10)

    async def _live(self, started: Event) -> None:
        context = self.app.fastapi.router.lifespan_context
        async with context(self.app.fastapi):
            started.set()
            await self._ends.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._ends.set)
        self._life.result(40)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def call(self, method: str, path: str, **said: Any) -> httpx.Response:
        """Send one request and wait for its answer; several threads may."""
        return self.begin(method, path, **said).result(60)

    def begin(self, method: str, path: str, **said: Any) -> Future[httpx.Response]:
        return asyncio.run_coroutine_threadsafe(self._send(method, path, **said), self._loop)

    async def _send(self, method: str, path: str, **said: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://pricing.test") as client:
            return await client.request(method, path, **said)

    def tenant(self) -> Tenant:
        """A tenant that has nothing yet."""
        return Tenant(self, f"t{uuid.uuid4().hex[:12]}")


class Tenant:
    """A tenant with a key that may do everything."""

    def __init__(self, server: Server, tenant_id: str) -> None:
        self.server = server
        self.id = tenant_id
        with server.database.transaction() as work:
            programs.ensure_tenant(work, tenant_id, NOW)
        self.token = self.key(["admin"])

    def key(self, scopes: Sequence[str] = SCOPES, **options: Any) -> str:
        """The token of a new key."""
        with self.server.database.transaction() as work:
            return create_key(work, self.id, "test", scopes, NOW, **options)[1]

    def begin(self, method: str, path: str, *, token: str | None = None, **said: Any) -> Future[httpx.Response]:
        headers = {"Authorization": f"Bearer {token or self.token}", **said.pop("headers", {})}
        return self.server.begin(method, path, headers=headers, **said)

    def call(self, method: str, path: str, *, token: str | None = None, **said: Any) -> httpx.Response:
        return self.begin(method, path, token=token, **said).result(60)

    def get(self, path: str, **parameters: Any) -> Any:
        """What is there, which must be."""
        answer = self.call("GET", path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, status: int = 200, **headers: str) -> Any:
        answer = self.call("POST", path, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
        assert answer.status_code == status, answer.text
        return answer.json()

    def publish(self, source: str = PROGRAM, name: str = "prices", **more: Any) -> Any:
        answer = self.call("PUT", f"/v1/programs/{name}", json={"source": source, **more})
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def set_up(self, source: str = PROGRAM) -> Tenant:
        """Publish the program and bind its contract."""
        self.publish(source)
        self.post("/v1/contracts", {"program": "prices", "contract": "acme"}, 201)
        return self

    def send(self, *events: dict[str, Any]) -> Any:
        return self.post("/v1/events", list(events))


def event(event_id: str, n: int = 10, **more: Any) -> dict[str, Any]:
    """An event of March."""
    made = {
        "id": event_id, "source": "test", "type": "llm.request", "subject": "cus_1", "time": "2026-03-02T00:00:00Z",
        "data": {"n": n, "model": "a"},
    }  # fmt: skip
    return {**made, **more}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """An answer that must be a problem document of a status and a code."""
    found: dict[str, Any] = answer.json()
    assert (answer.status_code, found["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert found["status"] == status
    assert found["type"] == f"/errors/{code}"
    assert found["request_id"] == answer.headers["x-request-id"]
    assert found["title"]
    assert found["detail"]
    return found
