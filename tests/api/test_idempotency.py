"""An Idempotency-Key: one effect, one answer, for as long as it is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import func
from sqlmodel import select

from api import idempotency
from api.idempotency import KEPT
from runtime.rating import publish as publishing
from runtime.store.tables import Idempotency, Program
from tests.api.setting import NOW, PROGRAM, Server, Tenant, problem

KEY = {"Idempotency-Key": "k"}
ASKED = {"source": PROGRAM}


def count(server: Server, table: type[Any], tenant: Tenant) -> int:
    with server.database.reading() as work:
        return work.session.exec(select(func.count()).select_from(table).where(table.tenant_id == tenant.id)).one()


def test_replay(tenant: Tenant) -> None:
    one = tenant.call("PUT", "/v1/programs/p", json=ASKED, headers=KEY)
    tenant.publish(PROGRAM + "\n", name="p")
    again = tenant.call("PUT", "/v1/programs/p", json=ASKED, headers=KEY)
    assert (again.status_code, again.content, again.headers["etag"]) == (201, one.content, one.headers["etag"])
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in one.headers
    assert count(tenant.server, Program, tenant) == 2


@pytest.mark.parametrize("path", ["/v1/programs/p", "/v1/programs/q"])
def test_another_request(tenant: Tenant, path: str) -> None:
    tenant.call("PUT", "/v1/programs/p", json=ASKED, headers=KEY)
    other = {"source": PROGRAM + "\n"} if path.endswith("p") else ASKED
    problem(tenant.call("PUT", path, json=other, headers=KEY), 409, "A0203")
    assert count(tenant.server, Program, tenant) == 1


def test_keys_belong_to_tenants(tenant: Tenant) -> None:
    other = tenant.server.tenant()
    for each in (tenant, other):
        assert each.call("PUT", "/v1/programs/p", json=ASKED, headers=KEY).status_code == 201
    assert count(tenant.server, Program, other) == 1


def test_what_failed_may_be_sent_again(tenant: Tenant) -> None:
    asked = {"program": "prices", "contract": "acme"}
    problem(tenant.call("POST", "/v1/contracts", json=asked, headers=KEY), 404, "X0102")
    assert count(tenant.server, Idempotency, tenant) == 0
    tenant.publish()
    assert tenant.call("POST", "/v1/contracts", json=asked, headers=KEY).status_code == 201


def test_in_work(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = Event(), Event()
    real = publishing.require_examples

    def slowly(program: Any) -> None:
        begun.set()
        assert go_on.wait(10)
        real(program)

    monkeypatch.setattr(publishing, "require_examples", slowly)
    first = tenant.begin("PUT", "/v1/programs/p", json=ASKED, headers=KEY)
    assert begun.wait(10)
    problem(tenant.call("PUT", "/v1/programs/p", json=ASKED, headers=KEY), 409, "A0204")
    go_on.set()
    assert first.result(10).status_code == 201
    again = tenant.call("PUT", "/v1/programs/p", json=ASKED, headers=KEY)
    assert again.headers["idempotent-replayed"] == "true"


def test_two_processes_at_once(tenant: Tenant) -> None:
    """Another process does not know what is in work here: the database lets one of them through."""
    token = {"Authorization": f"Bearer {tenant.token}", **KEY}
    with Server(tenant.server.database) as other:
        asked = [
            each.begin("POST", "/v1/keys", json={"name": "k", "scopes": ["author"]}, headers=token)
            for each in (tenant.server, other) * 3
        ]
        answers = [each.result(20) for each in asked]
    assert {each.status_code for each in answers} <= {201, 409}
    assert len({each.json()["id"] for each in answers if each.status_code == 201}) == 1
    assert {each.json()["code"] for each in answers if each.status_code == 409} <= {"A0204"}
    assert len(tenant.get("/v1/keys")["items"]) == 2


def test_after_its_time_a_key_is_free_again(tenant: Tenant) -> None:
    tenant.call("PUT", "/v1/programs/p", json=ASKED, headers=KEY)
    with tenant.server.clock.later(KEPT):
        problem(tenant.call("PUT", "/v1/programs/q", json=ASKED, headers=KEY), 409, "A0203")
    with tenant.server.clock.later(KEPT + timedelta(seconds=1)):
        assert tenant.call("PUT", "/v1/programs/q", json=ASKED, headers=KEY).status_code == 201
    assert count(tenant.server, Idempotency, tenant) == 1


def test_old_answers_are_forgotten_in_pieces(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "FORGOTTEN_AT_ONCE", 2)
    for number in range(5):
        tenant.post("/v1/keys", {"name": "k", "scopes": ["author"]}, 201, Idempotency_Key=f"old-{number}")
    with tenant.server.clock.later(timedelta(hours=1)):
        tenant.post("/v1/keys", {"name": "k", "scopes": ["author"]}, 201, Idempotency_Key="new")
    transactions: list[int] = []
    run = tenant.server.database.run

    def counted(work: Callable[[Any], Any]) -> Any:
        transactions.append(1)
        return run(work)

    monkeypatch.setattr(tenant.server.database, "run", counted)
    tenant.server.app.state.answers.forget(NOW + KEPT + timedelta(minutes=1))
    assert count(tenant.server, Idempotency, tenant) == 1
    assert len(transactions) >= 3


@pytest.mark.parametrize("key", ["", "a b", "k" * 201, "\x7f"])
def test_what_is_no_key(tenant: Tenant, key: str) -> None:
    answer = tenant.call("PUT", "/v1/programs/p", json=ASKED, headers={"Idempotency-Key": key})
    problem(answer, 422, "A0201")
    assert count(tenant.server, Program, tenant) == 0
