"""`/v1/programs`: checked, formatted, published, read; versions never change."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.api.setting import NOW, PROGRAM, Tenant, problem


def test_check_tells_every_finding_and_is_no_failure(tenant: Tenant) -> None:
    found = tenant.post("/v1/programs/check", {"source": "currency USD\nplan p { charge c on calls { price 1 } }"})
    assert not found["ok"]
    assert [each["code"] for each in found["diagnostics"]] == ["N0102"]
    assert found["plans"] == []


def test_check_names_plans_and_contracts(tenant: Tenant) -> None:
    found = tenant.post("/v1/programs/check", {"source": PROGRAM})
    assert (found["ok"], found["plans"], found["contracts"]) == (True, ["pro"], ["acme"])


def test_check_reads_data_files(tenant: Tenant) -> None:
    source = (
        'currency USD\nmeter t { from "x" measure sum(n) by m }\nrates r per 1 t by m from "r.csv" { price: usd }\n'
    )
    source += "plan p { charge c on t { price r } }"
    assert tenant.post("/v1/programs/check", {"source": source, "files": {"r.csv": "m,usd\na,1\n"}})["ok"]
    assert not tenant.post("/v1/programs/check", {"source": source})["ok"]


def test_format(tenant: Tenant) -> None:
    made = tenant.post("/v1/programs/format", {"source": "currency   USD # why\n"})
    again = tenant.post("/v1/programs/format", {"source": made["source"]})
    assert "# why" in made["source"]
    assert (made["changed"], again["changed"]) == (True, False)
    answer = tenant.call("POST", "/v1/programs/format", json={"source": "plan {"})
    assert problem(answer, 400, "A0401")["errors"][0]["code"].startswith("S")


def test_publish_makes_versions_and_keeps_them(tenant: Tenant) -> None:
    first = tenant.call("PUT", "/v1/programs/prices", json={"source": PROGRAM})
    again = tenant.call("PUT", "/v1/programs/prices", json={"source": PROGRAM})
    other = tenant.call("PUT", "/v1/programs/prices", json={"source": PROGRAM.replace("price 10", "price 11")})
    assert [each.status_code for each in (first, again, other)] == [201, 200, 201]
    assert [each.json()["version"] for each in (first, again, other)] == [1, 1, 2]
    assert first.headers["etag"] == again.headers["etag"] != other.headers["etag"]
    assert tenant.get("/v1/programs/prices/versions/1")["source"] == PROGRAM
    assert [each["version"] for each in tenant.get("/v1/programs/prices/versions")["items"]] == [1, 2]
    assert [each["version"] for each in tenant.get("/v1/programs")["items"]] == [2]


def test_publish_refuses_errors_and_failing_examples(tenant: Tenant) -> None:
    found = problem(tenant.call("PUT", "/v1/programs/p", json={"source": "currency EURO"}), 400, "A0401")
    assert found["errors"]
    assert found["detail"].startswith(found["errors"][0]["code"])
    failing = 'currency USD\nmeter c { from "x" measure count() }\nplan p { charge c on c { price 1 } }\n'
    failing += 'example "two" on p { c = 2  expect total = 3.00 }\n'
    problem(tenant.call("PUT", "/v1/programs/p", json={"source": failing}), 400, "X0401")
    problem(tenant.call("GET", "/v1/programs/p/versions"), 404, "X0102")


def test_publish_on_what_was_read(tenant: Tenant) -> None:
    first = tenant.call("PUT", "/v1/programs/p", json={"source": PROGRAM}, headers={"If-Match": '"none"'})
    problem(first, 412, "A0205")
    assert tenant.get("/v1/programs")["items"] == []
    one = tenant.call("PUT", "/v1/programs/p", json={"source": PROGRAM}).headers["etag"]
    new = {"source": PROGRAM + "\n"}
    two = tenant.call("PUT", "/v1/programs/p", json=new, headers={"If-Match": one})
    assert two.status_code == 201
    newer = {"source": PROGRAM + "\n\n"}
    problem(tenant.call("PUT", "/v1/programs/p", json=newer, headers={"If-Match": one}), 412, "A0205")
    assert tenant.get("/v1/programs")["items"][0]["version"] == 2
    answer = tenant.call("PUT", "/v1/programs/p", json=new, headers={"If-Match": one})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)  # done already
    assert tenant.call("PUT", "/v1/programs/p", json=newer, headers={"If-Match": "*"}).status_code == 201


def test_a_version_that_is_known_is_not_sent_again(tenant: Tenant) -> None:
    tag = tenant.call("PUT", "/v1/programs/p", json={"source": PROGRAM}).headers["etag"]
    known = tenant.call("GET", "/v1/programs/p/versions/1", headers={"If-None-Match": f'"other", {tag}'})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert tenant.call("GET", "/v1/programs/p/versions/1", headers={"If-None-Match": '"other"'}).status_code == 200


def test_effective_at(tenant: Tenant) -> None:
    tenant.publish()
    later = tenant.publish(PROGRAM + "\n", effective_at="2026-05-01T02:00+02:00")
    assert later["effective_at"] == "2026-05-01T00:00:00+00:00"
    answer = tenant.call(
        "PUT", "/v1/programs/prices", json={"source": PROGRAM + "\n\n", "effective_at": "2026-04-01T00:00Z"}
    )
    problem(answer, 409, "X0402")


@pytest.mark.parametrize("at", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00", "soon", "2026-02-30", ""])
def test_effective_at_that_is_no_instant(tenant: Tenant, at: str) -> None:
    answer = tenant.call("PUT", "/v1/programs/p", json={"source": PROGRAM, "effective_at": at})
    assert problem(answer, 422, "A0201")["pointer"] == "/effective_at"


@pytest.mark.parametrize("at", ["0001-01-01", "9999-12-31T23:00Z"])
def test_the_ends_of_time(tenant: Tenant, at: str) -> None:
    assert tenant.publish(effective_at=at)["effective_at"].startswith(at[:10])


def test_lists_page_by_page(tenant: Tenant) -> None:
    names = [f"p{number}" for number in range(7)]
    for name in names:
        tenant.publish(name=name)
    seen: list[str] = []
    cursor = None
    while True:
        page = tenant.get("/v1/programs", limit=3, **({"cursor": cursor} if cursor else {}))
        assert len(page["items"]) <= 3
        seen += [each["name"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == names
    assert tenant.get("/v1/programs", limit=7)["next"] is None


def test_a_version_that_is_published_prices_at_once(tenant: Tenant) -> None:
    """What a process keeps for previews is forgotten when it publishes, not a moment later."""
    asked = {"program": {"name": "prices"}, "on": "pro", "usage": {"seats": "1"}}
    for price in range(10, 16):
        with tenant.server.clock.later(timedelta(hours=price)):
            tenant.publish(PROGRAM.replace("price 10", f"price {price}"))
            assert tenant.post("/v1/previews", asked)["total"] == f"{price}.00"


def test_last_published_is_the_clock_of_the_server(tenant: Tenant) -> None:
    assert tenant.publish()["published_at"] == NOW.isoformat()
