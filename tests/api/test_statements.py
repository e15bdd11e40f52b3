"""`/v1/statements`, `/v1/balances`, `/v1/usage`: finalised once, never changed, computed again to the last digit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.api.setting import PERIOD, PROGRAM, Tenant, event, problem

TERMS = PROGRAM.replace(
    "term 2026-01-01 to 2027-01-01", "term 2026-01-01 to 2027-01-01\n  commit annual 300 prepaid yearly"
)
JANUARY = {"from": "2026-01-01", "to": "2026-02-01"}
FEBRUARY = {"from": "2026-02-01", "to": "2026-03-01"}


@pytest.fixture
def used(tenant: Tenant) -> Tenant:
    tenant.set_up(TERMS)
    tenant.send(event("1", 100, time="2026-02-25T00:00:00Z"))
    return tenant


def test_finalised_once(used: Tenant) -> None:
    asked = {"customer": "cus_1", "period": JANUARY}
    one = used.post("/v1/statements", asked, 201)
    assert used.post("/v1/statements", asked, 201) == one
    assert used.get(f"/v1/statements/{one['id']}") == one
    two = used.post("/v1/statements", {**asked, "period": FEBRUARY}, 201)
    assert (two["total"], two["customer"], two["contract"]) == ("100.00", "cus_1", "acme")
    assert used.get(f"/v1/statements/{two['id']}/replay") == {"same": True, "differences": []}
    listed = used.get("/v1/statements", customer="cus_1", limit=1)
    rest = used.get("/v1/statements", customer="cus_1", limit=1, cursor=listed["next"])
    assert sorted([listed["items"][0]["id"], rest["items"][0]["id"]]) == sorted([one["id"], two["id"]])
    assert rest["next"] is None
    assert used.get("/v1/statements", customer="other")["items"] == []


def test_at_the_same_time_it_is_finalised_once(used: Tenant) -> None:
    asked = {"customer": "cus_1", "period": JANUARY}
    answers = [each.result(30) for each in [used.begin("POST", "/v1/statements", json=asked) for _ in range(8)]]
    assert {each.status_code for each in answers} == {201}, [each.text for each in answers]
    assert len({each.json()["id"] for each in answers}) == 1
    entries = used.get("/v1/balances", customer="cus_1")["entries"]
    assert [each["kind"] for each in entries] == ["grant"]


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"customer": "nobody", "period": JANUARY}, 404, "X0103"),
        ({"customer": "cus_1", "contract": "none", "period": JANUARY}, 404, "X0103"),
        ({"customer": "cus_1", "period": FEBRUARY}, 409, "X0405"),
        ({"customer": "cus_1", "period": PERIOD}, 409, "X0405"),
        ({"customer": "cus_1", "period": {"from": "2026-01-01", "to": "2026-01-02"}}, 409, "X0405"),
        ({"customer": "cus_1", "period": {"from": "soon", "to": "later"}}, 422, "R0105"),
        ({"customer": "cus_1", "period": {"from": "0001-01-01", "to": "9999-12-31"}}, 422, "R0105"),
        ({"customer": "cus_1", "period": {"from": "9999-12-31", "to": "0001-01-01"}}, 422, "R0105"),
        ({"customer": "cus_1"}, 422, "A0201"),
        ({"customer": "cus_1", "period": None}, 422, "A0201"),
        ({"customer": "", "period": JANUARY}, 422, "A0201"),
        ({"customer": "x" * 201, "period": JANUARY}, 422, "A0201"),
    ],
)
def test_what_cannot_be_finalised(used: Tenant, asked: dict[str, object], status: int, code: str) -> None:
    problem(used.call("POST", "/v1/statements", json=asked), status, code)
    assert used.get("/v1/statements")["items"] == []


def test_balances_are_the_sums_of_their_movements(used: Tenant) -> None:
    for period in (JANUARY, FEBRUARY):
        used.post("/v1/statements", {"customer": "cus_1", "period": period}, 201)
    found = used.get("/v1/balances", customer="cus_1", contract="acme")
    assert found["balances"] == {"annual": "200.00"}
    assert sum(Decimal(each["amount"]) for each in found["entries"]) == 200
    first = used.get("/v1/balances", customer="cus_1", limit=1)
    rest = used.get("/v1/balances", customer="cus_1", limit=1, cursor=first["next"])
    assert first["entries"] + rest["entries"] == found["entries"]
    problem(used.call("GET", "/v1/balances?customer=nobody"), 404, "X0103")
    problem(used.call("GET", "/v1/balances"), 422, "A0201")


def test_usage(used: Tenant) -> None:
    found = used.get("/v1/usage", customer="cus_1", **FEBRUARY)
    assert found["usage"] == {"tokens": [{"model": "a", "quantity": "100"}], "seats": []}
    assert (found["period"]["from"], found["contract"]) == ("2026-02-01T00:00:00+00:00", "acme")
    assert used.get("/v1/usage", customer="cus_1")["period"]["to"] == "2026-02-01T00:00:00+00:00"
    problem(used.call("GET", "/v1/usage?customer=cus_1&from=2026-02-01"), 422, "A0201")
    problem(used.call("GET", "/v1/usage?customer=nobody"), 404, "X0103")


def test_a_statement_that_is_not_there(used: Tenant) -> None:
    problem(used.call("GET", f"/v1/statements/{'0' * 32}"), 404, "X0104")
    problem(used.call("GET", f"/v1/statements/{'0' * 32}/replay"), 404, "X0104")
    problem(used.call("GET", "/v1/statements/x"), 422, "A0201")


def test_what_is_finalised_stays_when_prices_change(used: Tenant) -> None:
    one = used.post("/v1/statements", {"customer": "cus_1", "period": JANUARY}, 201)
    with used.server.clock.later(timedelta(days=1)):
        used.publish(TERMS.replace("price 10", "price 99"))
    assert used.get(f"/v1/statements/{one['id']}") == one
    assert used.get(f"/v1/statements/{one['id']}/replay")["same"]
