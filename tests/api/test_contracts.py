"""`/v1/contracts`: bound once, read, listed."""

from __future__ import annotations

from tests.api.setting import PROGRAM, Tenant, problem


def test_bound_once(tenant: Tenant) -> None:
    tenant.publish()
    asked = {"program": "prices", "contract": "acme"}
    one = tenant.post("/v1/contracts", asked, 201)
    again = tenant.post("/v1/contracts", asked, 201)
    assert one == again
    assert (one["customer"], one["contract"], one["program"], one["version"]) == ("cus_1", "acme", "prices", None)
    assert tenant.get(f"/v1/contracts/{one['id']}") == one
    problem(tenant.call("POST", "/v1/contracts", json={**asked, "version": 1}), 409, "X0403")


def test_at_the_same_time_it_is_bound_once(tenant: Tenant) -> None:
    tenant.publish()
    asked = {"program": "prices", "contract": "acme"}
    answers = [each.result(30) for each in [tenant.begin("POST", "/v1/contracts", json=asked) for _ in range(8)]]
    assert {each.status_code for each in answers} == {201}
    assert len({each.json()["id"] for each in answers}) == 1


def test_what_cannot_be_bound(tenant: Tenant) -> None:
    tenant.publish()
    post = "/v1/contracts"
    problem(tenant.call("POST", post, json={"program": "none", "contract": "acme"}), 404, "X0102")
    problem(tenant.call("POST", post, json={"program": "prices", "contract": "none"}), 404, "X0103")
    problem(tenant.call("POST", post, json={"program": "prices", "contract": "acme", "version": 2}), 404, "X0102")
    found = problem(tenant.call("POST", post, json={"program": "prices"}), 422, "A0201")
    assert found["pointer"] == "/contract"
    found = problem(tenant.call("POST", post, json={"program": "prices", "contract": "acme", "x": 1}), 422, "A0201")
    assert found["pointer"] == "/x"
    unprintable = {"program": "prices", "contract": "acme", "customer": "a\u2028b"}
    problem(tenant.call("POST", post, json=unprintable), 422, "X0407")


def test_listed_by_customer_and_name(tenant: Tenant) -> None:
    tenant.publish(PROGRAM.replace('customer "cus_1" ', ""))
    customers = ["b", "a", "c"]
    for customer in customers:
        tenant.post("/v1/contracts", {"program": "prices", "contract": "acme", "customer": customer}, 201)
    first = tenant.get("/v1/contracts", limit=2)
    rest = tenant.get("/v1/contracts", limit=2, cursor=first["next"])
    assert [each["customer"] for each in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert rest["next"] is None
    assert [each["customer"] for each in tenant.get("/v1/contracts", customer="b")["items"]] == ["b"]
    assert tenant.get("/v1/contracts", customer="nobody")["items"] == []
    problem(tenant.call("GET", "/v1/contracts/999999"), 404, "X0103")
