"""Every endpoint: who may call it, and what everybody else is answered. A new endpoint without a row fails.

Nobody ever gets another tenant's data: what belongs to the other one is not there (404), and lists show one's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from api.auth import SCOPES
from tests.api.setting import NOW, PERIOD, PROGRAM, Server, Tenant, event, problem
from tests.api.test_jobs import waited

JANUARY = {"from": "2026-01-01", "to": "2026-02-01"}
SECRET = "What nobody else may see"
THEIRS = PROGRAM.replace('"Tokens"', f'"{SECRET}"')


@dataclass(frozen=True)
class Row:
    """One endpoint, asked as a stranger does who knows another tenant's names and ids.

    `stranger` is the status then: 404, or 200 with one's own things, or what a tenant may do that has nothing yet.
    """

    method: str
    path: str
    scope: str
    stranger: int
    body: Any = None
    query: str = ""


NONE = "none"
"""No key is needed."""

TABLE = [
    Row("POST", "/v1/programs/check", "author", 200, {"source": PROGRAM}),
    Row("POST", "/v1/programs/format", "author", 200, {"source": PROGRAM}),
    Row("PUT", "/v1/programs/{name}", "author", 201, {"source": PROGRAM}),
    Row("GET", "/v1/programs", "preview", 200),
    Row("GET", "/v1/programs/{name}/versions", "preview", 404),
    Row("GET", "/v1/programs/{name}/versions/{version}", "preview", 404),
    Row("POST", "/v1/contracts", "author", 404, {"program": "prices", "contract": "acme"}),
    Row("GET", "/v1/contracts", "preview", 200, query="customer=cus_1"),
    Row("GET", "/v1/contracts/{contract_id}", "preview", 404),
    Row("POST", "/v1/events", "ingest", 200, [event("1")]),
    Row("GET", "/v1/events/rejected", "ingest", 200),
    Row("GET", "/v1/usage", "preview", 404, query="customer=cus_1"),
    Row("POST", "/v1/previews", "preview", 404, {"customer": "cus_1", "period": PERIOD}),
    Row("POST", "/v1/previews/increment", "preview", 404, {"customer": "cus_1", "add": {"seats": 1}}),
    Row("POST", "/v1/previews/batch", "preview", 200, {"previews": [{"customer": "cus_1"}]}),
    Row(
        "POST",
        "/v1/backtests",
        "finance",
        404,
        {"before": {"program": {"name": "prices"}}, "after": {"program": {"name": "prices"}}, "periods": [PERIOD]},
    ),
    Row("POST", "/v1/statements", "finance", 404, {"customer": "cus_1", "period": JANUARY}),
    Row("POST", "/v1/statements/batch", "finance", 202, {"period": JANUARY, "customers": ["cus_1"]}),
    Row("GET", "/v1/statements", "finance", 200, query="customer=cus_1"),
    Row("GET", "/v1/statements/{statement_id}", "finance", 404),
    Row("GET", "/v1/statements/{statement_id}/replay", "finance", 404),
    Row("GET", "/v1/balances", "finance", 404, query="customer=cus_1"),
    Row("GET", "/v1/jobs", "finance", 200),
    Row("GET", "/v1/jobs/{job_id}", "finance", 404),
    Row("GET", "/v1/jobs/{job_id}/results", "finance", 404),
    Row("GET", "/v1/jobs/{job_id}/events", "finance", 404),
    Row("POST", "/v1/jobs/{job_id}/cancellation", "finance", 404),
    Row("GET", "/v1/plugins", "author", 200),
    Row("POST", "/v1/keys", "admin", 201, {"name": "k", "scopes": ["author"]}),
    Row("GET", "/v1/keys", "admin", 200),
    Row("GET", "/v1/keys/{key_id}", "admin", 404),
    Row("POST", "/v1/keys/{key_id}/rotation", "admin", 404, {}),
    Row("DELETE", "/v1/keys/{key_id}", "admin", 404),
    Row("GET", "/livez", NONE, 200),
    Row("GET", "/readyz", NONE, 200),
    Row("GET", "/metrics", NONE, 200),
    Row("GET", "/errors/{code}", NONE, 200),
]
GUARDED = [row for row in TABLE if row.scope != NONE]


def named(row: Row) -> str:
    return f"{row.method} {row.path}"


@dataclass(frozen=True)
class Owner:
    """A tenant that has one of everything, and the ids of it."""

    tenant: Tenant
    ids: dict[str, Any]

    def call(self, row: Row, **said: Any) -> Any:
        path = row.path.format(**self.ids) + (f"?{row.query}" if row.query else "")
        return self.tenant.server.call(row.method, path, json=row.body, **said)


@pytest.fixture(scope="module")
def owner(server: Server) -> Owner:
    tenant = server.tenant().set_up(THEIRS)
    tenant.send(event("mine"), event("bad", type=SECRET))
    statement = tenant.post("/v1/statements", {"customer": "cus_1", "period": JANUARY}, 201)
    asked = {"before": {"program": {"name": "prices"}}, "after": {"inline": {"source": THEIRS}}, "periods": [PERIOD]}
    job = waited(tenant, tenant.post("/v1/backtests", asked, 202)["id"])
    assert job["state"] == "done"
    key = tenant.post("/v1/keys", {"name": SECRET, "scopes": ["author"]}, 201)
    ids = {
        "name": "prices", "version": 1, "contract_id": tenant.get("/v1/contracts")["items"][0]["id"], "code": "A0101",
        "statement_id": statement["id"], "job_id": job["id"], "key_id": key["id"],
    }  # fmt: skip
    return Owner(tenant, ids)


def everything(tenant: Tenant) -> list[Any]:
    """All that a tenant has, as it sees it."""
    paths = ("programs", "contracts", "events/rejected", "statements", "jobs", "keys")
    return [tenant.get(f"/v1/{path}", limit=200)["items"] for path in paths]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_every_endpoint_has_a_row(server: Server) -> None:
    document = server.call("GET", "/openapi.json").json()
    there = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert there == {named(row) for row in TABLE}
    for row in TABLE:
        operation = document["paths"][row.path][row.method.lower()]
        assert operation["security"] == ([] if row.scope == NONE else [{"key": []}]), named(row)
        assert operation.get("x-scope", NONE) == row.scope, named(row)


@pytest.mark.parametrize("row", TABLE, ids=named)
def test_the_owner_with_the_scope(owner: Owner, row: Row) -> None:
    """What follows means something: with the right key, the same requests are done."""
    if row.path == "/v1/keys/{key_id}" and row.method == "DELETE":
        made = owner.tenant.post("/v1/keys", {"name": "k", "scopes": ["author"]}, 201)
        owner = Owner(owner.tenant, {**owner.ids, "key_id": made["id"]})
    token = owner.tenant.key([row.scope]) if row.scope != NONE else None
    answer = owner.call(row, headers=bearer(token) if token else {})
    assert answer.status_code in (200, 201, 202), answer.text


@pytest.mark.parametrize("row", GUARDED, ids=named)
def test_without_a_key(owner: Owner, row: Row) -> None:
    before = everything(owner.tenant)
    answer = owner.call(row)
    problem(answer, 401, "A0101")
    assert SECRET not in answer.text
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert everything(owner.tenant) == before


@pytest.mark.parametrize("row", GUARDED, ids=named)
def test_with_a_wrong_expired_or_revoked_key(owner: Owner, row: Row) -> None:
    before = everything(owner.tenant)
    assert len(before[-1]) < 200
    expired = owner.tenant.key([row.scope], expires_at=NOW - timedelta(seconds=1))
    for token in (expired, owner.tenant.token + "x", f"{'0' * 16}.{'x' * 43}"):
        answer = owner.call(row, headers=bearer(token))
        problem(answer, 401, "A0101")
        assert SECRET not in answer.text
    key_id = expired.partition(".")[0]
    *after, keys = everything(owner.tenant)
    assert [*after, [each for each in keys if each["id"] != key_id]] == before


@pytest.mark.parametrize("row", GUARDED, ids=named)
def test_with_every_other_scope(owner: Owner, row: Row) -> None:
    others = [scope for scope in SCOPES if scope not in (row.scope, "admin")]
    token = owner.tenant.key(others)
    before = everything(owner.tenant)
    answer = owner.call(row, headers=bearer(token))
    found = problem(answer, 403, "A0102")
    assert f"`{row.scope}`" in found["detail"]
    assert SECRET not in answer.text
    assert row.scope in answer.headers["www-authenticate"]
    assert everything(owner.tenant) == before


@pytest.mark.parametrize("row", GUARDED, ids=named)
def test_another_tenant(owner: Owner, row: Row) -> None:
    """A stranger who knows all names and ids sees nothing and changes nothing of the owner's."""
    stranger = owner.tenant.server.tenant()
    before = everything(owner.tenant)
    answer = owner.call(row, headers=bearer(stranger.token))
    assert answer.status_code == row.stranger, answer.text
    assert SECRET not in answer.text
    assert owner.tenant.id not in answer.text
    if answer.status_code == 200 and "items" in answer.json():
        mine = [each for each in answer.json()["items"] if each.get("id") != stranger.token.partition(".")[0]]
        assert mine == [] or row.path == "/v1/plugins"
    if row.path == "/v1/previews/batch":
        assert answer.json()["results"][0]["status"] == 404
    if row.path == "/v1/statements/batch":
        assert waited(stranger, answer.json()["id"])["total"] == 0
    assert everything(owner.tenant) == before


def test_events_of_two_tenants_with_the_same_ids_are_two(owner: Owner) -> None:
    other = owner.tenant.server.tenant().set_up()
    before = used(owner.tenant)
    assert other.send(event("mine", 7))["accepted"] == 1
    assert owner.tenant.send(event("mine", 7))["duplicates"] == 1
    assert [used(owner.tenant), used(other)] == [before, 7]


def used(tenant: Tenant) -> int:
    """Tokens in March, over the segments that new versions cut it into."""
    found = tenant.get("/v1/usage", customer="cus_1", **PERIOD)["usage"]
    segments = [each["usage"] for each in found] if isinstance(found, list) else [found]
    return sum(int(cell["quantity"]) for segment in segments for cell in segment["tokens"])


@pytest.mark.parametrize("scope", SCOPES)
def test_admin_may_everything_and_others_their_own(owner: Owner, scope: str) -> None:
    token = owner.tenant.key([scope])
    for row in GUARDED:
        if row.method == "GET":
            expected = 200 if scope in (row.scope, "admin") else 403
            assert owner.call(row, headers=bearer(token)).status_code == expected, named(row)
