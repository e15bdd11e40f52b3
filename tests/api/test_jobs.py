"""`/v1/jobs`: begun, watched, cancelled; they survive a restart, a crash and another process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from api.jobs import runner as running
from api.jobs.runner import STALE, Pieces, Runner
from runtime.store.database import Database
from runtime.store.repositories import jobs
from tests.api.setting import PERIOD, PROGRAM, Server, Tenant, event, problem
from tests.databases import database_url

JANUARY = {"from": "2026-01-01", "to": "2026-02-01"}
MORE = PROGRAM.replace('"a"   | 1', '"a"   | 3')
CUSTOMERS = [f"cus_{number}" for number in range(5)]


def waited(tenant: Tenant, job_id: str) -> dict[str, Any]:
    """A job that has ended."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = tenant.get(f"/v1/jobs/{job_id}")
        if found["state"] not in ("waiting", "running"):
            return found  # type: ignore[no-any-return]
        time.sleep(0.02)
    raise AssertionError(found)


@pytest.fixture
def many(tenant: Tenant) -> Tenant:
    """A tenant with five customers who use one token more each."""
    return five(tenant)


def five(tenant: Tenant) -> Tenant:
    tenant.publish()
    for number, customer in enumerate(CUSTOMERS):
        tenant.post("/v1/contracts", {"program": "prices", "contract": "acme", "customer": customer}, 201)
        tenant.send(event(customer, number + 1, subject=customer))
    return tenant


def backtest(**more: Any) -> dict[str, Any]:
    return {
        "before": {"program": {"name": "prices"}},
        "after": {"inline": {"source": MORE}},
        "periods": [PERIOD],
        **more,
    }


def test_a_backtest(many: Tenant) -> None:
    answer = many.call("POST", "/v1/backtests", json=backtest())
    assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/jobs/{answer.json()['id']}")
    ended = waited(many, answer.json()["id"])
    assert (ended["state"], ended["done"], ended["total"], ended["problem"]) == ("done", 5, 5, None)
    first = many.get(f"/v1/jobs/{ended['id']}/results", limit=3)
    rest = many.get(f"/v1/jobs/{ended['id']}/results", limit=3, cursor=first["next"])
    found = first["items"] + rest["items"]
    assert [(each["customer"], each["difference"]) for each in found] == [
        (customer, f"{2 * number}.00") for number, customer in enumerate(CUSTOMERS, start=1)
    ]
    assert found[0]["why"] == [{"line": "tokens", "before": "1.00", "after": "3.00"}]
    assert rest["next"] is None


def test_some_customers(many: Tenant) -> None:
    begun = many.post("/v1/backtests", backtest(customers=["cus_3"]), 202)
    assert waited(many, begun["id"])["total"] == 1
    assert [each["customer"] for each in many.get(f"/v1/jobs/{begun['id']}/results")["items"]] == ["cus_3"]


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"before": {}}, 422, "A0201"),
        ({"before": {"program": {"name": "none"}}}, 404, "X0102"),
        ({"after": {"inline": {"source": "plan"}}}, 400, "A0401"),
        ({"periods": []}, 422, "A0201"),
        ({"customers": ["x"] * 100_000, "periods": [PERIOD] * 11}, 422, "A0201"),
    ],
)
def test_what_cannot_be_begun(many: Tenant, more: dict[str, Any], status: int, code: str) -> None:
    problem(many.call("POST", "/v1/backtests", json=backtest(**more)), status, code)
    assert many.get("/v1/jobs")["items"] == []


def test_a_job_that_fails_says_why(many: Tenant) -> None:
    begun = many.post("/v1/backtests", backtest(after={"inline": {"source": MORE.replace("USD", "EUR")}}), 202)
    ended = waited(many, begun["id"])
    assert (ended["state"], ended["problem"]["code"]) == ("failed", "X0404")


def test_many_statements(many: Tenant) -> None:
    """One customer's problem stops no other."""
    many.post("/v1/statements", {"customer": "cus_1", "period": JANUARY}, 201)
    asked = {"period": {"from": "2026-02-01", "to": "2026-03-01"}}
    ended = waited(many, many.post("/v1/statements/batch", asked, 202)["id"])
    found = {each["customer"]: each for each in many.get(f"/v1/jobs/{ended['id']}/results")["items"]}
    assert found["cus_1"]["total"] == "0.00"
    assert {found[each]["problem"]["code"] for each in CUSTOMERS if each != "cus_1"} == {"X0405"}
    assert len(many.get("/v1/statements")["items"]) == 2


def test_watching_a_job(many: Tenant) -> None:
    begun = many.post("/v1/backtests", backtest(), 202)
    answer = many.call("GET", f"/v1/jobs/{begun['id']}/events", headers={"Accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [each for each in answer.text.split("\n\n") if "event: " in each]
    assert "event: end" in events[-1]
    assert '"state":"done"' in events[-1]
    assert many.server.app.edge.watchers == 0
    problem(many.call("GET", f"/v1/jobs/{'0' * 32}/events"), 404, "X0105")


def test_a_job_is_begun_once_for_a_key(many: Tenant) -> None:
    begun = [many.post("/v1/backtests", backtest(), 202, Idempotency_Key="b") for _ in range(3)]
    assert len({each["id"] for each in begun}) == 1
    assert len(many.get("/v1/jobs")["items"]) == 1


def test_an_ended_job_stays_as_it_ended(many: Tenant) -> None:
    ended = waited(many, many.post("/v1/backtests", backtest(), 202)["id"])
    assert many.post(f"/v1/jobs/{ended['id']}/cancellation", None)["state"] == "done"
    problem(many.call("POST", f"/v1/jobs/{'0' * 32}/cancellation"), 404, "X0105")


# --- restarts, on servers of their own -------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def alone(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Tenant]:
    """A tenant whose server runs no jobs: tests run them."""
    with database_url(request.param, tmp_path) as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runner, "start", lambda _self: None)
        patch.setattr(running, "PIECES_AT_ONCE", 1)
        server = Server(Database.open(url))
        yield five(server.tenant())
        server.close()


def stepped(runner: Runner, steps: int) -> Any:
    """Claim a job and stop after some steps, as a process does that is killed: it writes nothing more."""
    job = runner._claimed()
    assert job is not None
    mine = job
    for _, step in zip(range(steps), runner._steps(job), strict=False):
        mine = runner._move(mine, results=step.found, done=step.done, total=step.total)  # type: ignore[assignment]
    return mine


def results(tenant: Tenant, job_id: str) -> list[str]:
    return [each["customer"] for each in tenant.get(f"/v1/jobs/{job_id}/results")["items"]]


def test_after_a_crash_it_goes_on_where_it_was(alone: Tenant) -> None:
    begun = alone.post("/v1/backtests", backtest(), 202)
    runner = Runner(alone.server.app.state)
    stepped(runner, 2)
    assert results(alone, begun["id"]) == CUSTOMERS[:2]
    assert runner._claimed() is None  # its owner may be alive
    with alone.server.clock.later(STALE + timedelta(seconds=1)):
        again = runner._claimed()
        assert again is not None
        runner._work(again)
    assert results(alone, begun["id"]) == CUSTOMERS
    assert alone.get(f"/v1/jobs/{begun['id']}")["state"] == "done"


def test_who_stood_still_too_long_writes_nothing_any_more(alone: Tenant) -> None:
    begun = alone.post("/v1/backtests", backtest(), 202)
    slow, quick = Runner(alone.server.app.state), Runner(alone.server.app.state)
    mine = stepped(slow, 1)
    with alone.server.clock.later(STALE + timedelta(seconds=1)):
        taken = quick._claimed()
        assert taken is not None
        assert slow._move(mine, results=['{"customer":"double"}']) is None
        quick._work(taken)
    assert slow._move(mine, state=jobs.FAILED) is None
    assert results(alone, begun["id"]) == CUSTOMERS
    assert alone.get(f"/v1/jobs/{begun['id']}")["state"] == "done"


def test_cancelled_while_it_runs(alone: Tenant) -> None:
    begun = alone.post("/v1/backtests", backtest(), 202)
    runner = Runner(alone.server.app.state)
    mine = stepped(runner, 2)
    assert alone.post(f"/v1/jobs/{begun['id']}/cancellation", None)["state"] == "cancelled"
    assert runner._move(mine, results=['{"customer":"more"}']) is None
    assert results(alone, begun["id"]) == CUSTOMERS[:2]
    assert runner._claimed() is None


def test_a_server_that_stops_hands_its_job_on(alone: Tenant) -> None:
    begun = alone.post("/v1/backtests", backtest(), 202)
    runner = Runner(alone.server.app.state)
    runner.stop()
    job = runner._claimed()
    assert job is not None
    runner._work(job)
    assert alone.get(f"/v1/jobs/{begun['id']}")["state"] == "waiting"
    assert results(alone, begun["id"]) == CUSTOMERS[:1]
    next_one = Runner(alone.server.app.state)
    job = next_one._claimed()
    assert job is not None
    next_one._work(job)
    assert results(alone, begun["id"]) == CUSTOMERS


def test_pieces_do_not_wait_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pieces = Pieces()
    assert not pieces.add({"n": 1})
    now = running.PIECES_SECONDS
    assert pieces.add({"n": 2})
    assert pieces.taken() == ['{"n":1}', '{"n":2}']
    assert pieces.taken() == []
