"""The edge: what is let in, how long it may take, what is told of it, and how the server stops."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from api import edge as edges
from api.limits import COMPILES_AT_ONCE_MAX, COMPILES_WAITING_MAX
from api.logs import configure
from runtime.store.database import Database
from tests.api.setting import PROGRAM, Server, Tenant, problem

BODY_MAX = 20_000


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes little and waits for little."""
    url = f"sqlite:///{tmp_path_factory.mktemp('edge') / 'pricing.db'}"
    with Server(Database.open(url), requests_max=4, body_bytes_max=BODY_MAX, request_seconds_max=1) as made:
        yield made


@pytest.fixture
def tenant(small: Server) -> Tenant:
    return small.tenant()


class Held:
    """Handlers that do not come to an end before they are let go."""

    def __init__(self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = Event()
        self.ended = 0

        def held(*_given: Any, **_more: Any) -> Any:
            assert self.go.wait(20)
            self.ended += 1
            raise ZeroDivisionError

        monkeypatch.setattr(tenant.server.app.state.previewer, "preview", held)


def until(said: Any) -> None:
    for _ in range(500):
        if said():
            return
        time.sleep(0.01)
    raise AssertionError


def counted(server: Server, name: str) -> float:
    answer = server.call("GET", "/metrics")
    assert answer.status_code == 200
    lines = answer.text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_large_bodies(tenant: Tenant) -> None:
    exactly = json.dumps({"source": ""}).encode()
    exactly += b" " * (BODY_MAX - len(exactly))
    kind = {"Content-Type": "application/json"}
    assert tenant.call("POST", "/v1/programs/check", content=exactly, headers=kind).status_code == 200
    answer = tenant.call("POST", "/v1/programs/check", content=exactly + b" ", headers=kind)
    problem(answer, 413, "A0202")
    assert answer.headers["connection"] == "close"


def test_large_bodies_in_pieces(tenant: Tenant) -> None:
    """Counted as they come: nobody has to say how long they are."""

    async def pieces(count: int) -> AsyncIterator[bytes]:
        yield b'{"source": ""'
        for _ in range(count):
            yield b" " * 1_000
        yield b"}"

    kind = {"Content-Type": "application/json"}
    assert tenant.call("POST", "/v1/programs/check", content=pieces(10), headers=kind).status_code == 200
    for path in ("/v1/programs/check", "/v1/previews", "/v1/events"):
        problem(tenant.call("POST", path, content=pieces(1_000), headers=kind), 413, "A0202")
    assert tenant.server.app.edge.bytes_in_work == 0


def test_who_has_no_key_sends_no_body(small: Server) -> None:
    read = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b" " * 1_000

    problem(small.call("POST", "/v1/events", content=pieces()), 401, "A0101")
    assert read == 0


# --- time ------------------------------------------------------------------------------------------------------------


def test_a_request_that_takes_too_long(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is answered in time; what its thread does goes on, is counted until it ends, and breaks nothing."""
    held = Held(tenant, monkeypatch)
    late = counted(tenant.server, "pricing_requests_late_total")
    started = time.monotonic()
    answer = tenant.begin("GET", "/v1/usage?customer=x")
    until(lambda: tenant.server.app.edge.in_work == 1)
    time.sleep(1.5)
    assert tenant.server.app.edge.in_work == 1
    held.go.set()
    found = answer.result(5)
    problem(found, 503, "A0301")
    assert found.headers["retry-after"] == "1"
    assert time.monotonic() - started < 5
    until(lambda: tenant.server.app.edge.in_work == 0)
    assert held.ended == 1
    assert counted(tenant.server, "pricing_requests_late_total") == late + 1
    assert tenant.get("/v1/plugins")


def test_a_body_that_comes_too_slowly(tenant: Tenant) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)
        yield b"}"

    kind = {"Content-Type": "application/json"}
    for path in ("/v1/programs/check", "/v1/previews", "/v1/events"):
        started = time.monotonic()
        problem(tenant.call("POST", path, content=pieces(), headers=kind), 408, "A0209")
        assert time.monotonic() - started < 4
    assert tenant.server.app.edge.in_work == 0


# --- too much --------------------------------------------------------------------------------------------------------


def test_more_than_it_may_have_in_work(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(tenant, monkeypatch)
    shed = counted(tenant.server, "pricing_requests_shed_total")
    in_work = [tenant.begin("GET", "/v1/usage?customer=x") for _ in range(4)]
    until(lambda: tenant.server.app.edge.in_work == 4)
    answer = tenant.call("GET", "/v1/plugins")
    problem(answer, 503, "A0301")
    assert answer.headers["retry-after"] == "1"
    for path in ("/livez", "/readyz", "/metrics"):
        assert tenant.server.call("GET", path).status_code == 200
    held.go.set()
    assert {each.result(5).status_code for each in in_work} == {500}
    until(lambda: tenant.server.app.edge.in_work == 0)
    assert tenant.get("/v1/plugins")
    assert counted(tenant.server, "pricing_requests_shed_total") == shed + 1


def test_large_bodies_at_once(tenant: Tenant) -> None:
    edge = tenant.server.app.edge
    edge.bytes_in_work += edges.BODIES_IN_WORK_MAX * BODY_MAX + 1
    try:
        problem(tenant.call("GET", "/v1/plugins"), 503, "A0301")
    finally:
        edge.bytes_in_work = 0


def test_programs_that_wait_to_be_compiled(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few are compiled at once, few wait, and previews go on meanwhile."""
    tenant = server.tenant().set_up()
    asked = {"customer": "cus_1", "usage": {}}
    tenant.post("/v1/previews", asked)
    go = Event()
    compiler = server.app.state.compiler
    real = compiler.checked

    def slowly(*given: Any) -> Any:
        assert go.wait(20)
        return real(*given)

    monkeypatch.setattr(compiler, "checked", slowly)
    line = COMPILES_AT_ONCE_MAX + COMPILES_WAITING_MAX
    waiting = [tenant.begin("POST", "/v1/programs/check", json={"source": PROGRAM}) for _ in range(line)]
    until(lambda: compiler._there == line)
    problem(tenant.call("POST", "/v1/programs/check", json={"source": PROGRAM}), 503, "A0301")
    assert tenant.post("/v1/previews", asked)["total"] == "0.00"
    go.set()
    assert {each.result(20).status_code for each in waiting} == {200}
    assert tenant.post("/v1/programs/check", {"source": PROGRAM})["ok"]


# --- what is told ----------------------------------------------------------------------------------------------------


def test_request_ids(small: Server) -> None:
    assert small.call("GET", "/livez", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    for bad in ("", "a b", "x" * 65, "a\tb"):
        given = small.call("GET", "/livez", headers={"X-Request-Id": bad}).headers["x-request-id"]
        assert given != bad
        assert given.isalnum()
    ids = {small.call("GET", "/livez").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


def test_the_access_log_has_no_secrets(tenant: Tenant, capfd: pytest.CaptureFixture[str]) -> None:
    configure("json")
    try:
        secret = tenant.token.partition(".")[2]
        tenant.call("GET", f"/v1/usage?customer={secret}")
        tenant.call("GET", "/v1/a%0A%22b", token=tenant.token + "x")
    finally:
        configure("console")
    said = capfd.readouterr().err
    assert secret not in said
    lines = [json.loads(line) for line in said.splitlines()]
    assert [each["status"] for each in lines] == [404, 401]
    assert (lines[0]["path"], lines[0]["key"]) == ("/v1/usage", tenant.token.partition(".")[0])
    assert lines[1]["path"] == "/v1/a%0A%22b"


def test_metrics_name_routes_and_no_more(tenant: Tenant) -> None:
    """What a caller makes up makes no series."""
    for number in range(3):
        tenant.call("GET", f"/v1/nothing/{number}")
        tenant.call(f"MADEUP{number}", "/livez")
        tenant.call("GET", f"/v1/programs/p{number}/versions")
    said = tenant.server.call("GET", "/metrics").text
    assert "MADEUP" not in said
    assert 'route="/v1/programs/{name}/versions"' in said
    assert "nothing" not in said


def test_metrics_of_the_work(tenant: Tenant) -> None:
    names = ("pricing_previews_total", "pricing_events_total", "pricing_compile_seconds_count")
    before = [counted(tenant.server, name) for name in names]
    tenant.set_up()
    tenant.post("/v1/previews", {"customer": "cus_1", "usage": {}})
    tenant.send({"id": 1})
    after = [counted(tenant.server, name) for name in names]
    assert [one - other for one, other in zip(after, before, strict=True)] == [1, 1, 1]


# --- the end ---------------------------------------------------------------------------------------------------------


def test_stopping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was accepted is answered; what comes is refused; the store is closed when nothing needs it any more."""
    server = Server(Database.open(f"sqlite:///{tmp_path / 'pricing.db'}"))
    tenant = server.tenant()
    go = Event()
    real = server.app.state.previewer.preview

    def slowly(*given: Any, **more: Any) -> Any:
        assert go.wait(20)
        return real(*given, **more)

    monkeypatch.setattr(server.app.state.previewer, "preview", slowly)
    accepted = tenant.begin("GET", "/v1/usage?customer=x")
    until(lambda: server.app.edge.in_work == 1)
    server._loop.call_soon_threadsafe(server._ends.set)
    until(lambda: server.app.edge.stopping)
    answer = tenant.call("GET", "/v1/plugins")
    problem(answer, 503, "A0301")
    assert answer.headers["connection"] == "close"
    problem(server.call("GET", "/readyz"), 503, "A0301")
    assert server.call("GET", "/livez").status_code == 200
    assert not server._life.done()
    go.set()
    problem(accepted.result(10), 404, "X0103")
    server.close()


def test_watchers_end_when_the_server_stops(tmp_path: Path) -> None:
    from api.jobs.runner import Runner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runner, "start", lambda _self: None)
        server = Server(Database.open(f"sqlite:///{tmp_path / 'pricing.db'}"))
        tenant = server.tenant().set_up()
        asked = {"period": {"from": "2026-01-01", "to": "2026-02-01"}}
        job = tenant.post("/v1/statements/batch", asked, 202)
        watching = tenant.begin("GET", f"/v1/jobs/{job['id']}/events")
        until(lambda: server.app.edge.watchers == 1)
        assert server.app.edge.in_work == 0
        started = time.monotonic()
        server.close()
        assert time.monotonic() - started < 5
        answer = watching.result(5)
        assert answer.status_code == 200
        assert "event: end" not in answer.text
