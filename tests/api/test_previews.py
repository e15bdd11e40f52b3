"""`/v1/previews`: what the runtime says, at once; nothing kept is ever another tenant's or out of date."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest

from tests.api.setting import PERIOD, PROGRAM, Tenant, event, problem

TERMS = PROGRAM.replace(
    "term 2026-01-01 to 2027-01-01", "term 2026-01-01 to 2027-01-01\n  commit annual 300 prepaid yearly"
)
USAGE = {"tokens": [{"quantity": "7", "model": "a"}, {"quantity": "2", "model": "b"}]}


def months(*numbers: int) -> list[dict[str, str]]:
    return [{"from": f"2026-{number:02}-01", "to": f"2026-{number + 1:02}-01"} for number in numbers]


def by_runtime(tenant: Tenant, **asked: Any) -> dict[str, Any]:
    """What the runtime says to the same."""
    period = asked.pop("period", None)
    made = tenant.server.app.state.previewer.preview(
        tenant.id, "cus_1", None if period is None else (period["from"], period["to"]), **asked
    )
    since = made.opening.since
    document = {**made.statement.to_dict(), "is_final": made.statement.is_final and since is None}
    return json.loads(json.dumps({**document, "unfinalised_since": since}))  # type: ignore[no-any-return]


@pytest.fixture
def used(tenant: Tenant) -> Tenant:
    """A tenant with a prepaid commit, usage in three months, the first of them finalised, and late usage in it."""
    tenant.set_up(TERMS)
    for month in (1, 2, 3):
        with tenant.server.clock.later(-(tenant.server.clock() - tenant.server.clock().replace(month=month, day=25))):
            tenant.send(event(f"m{month}", 100, time=f"2026-{month:02}-02T00:00:00Z"))
    tenant.post("/v1/statements", {"customer": "cus_1", "period": months(1)[0]}, 201)
    tenant.send(event("late", 5, time="2026-02-27T00:00:00Z"))
    return tenant


@pytest.mark.parametrize("period", [None, *months(1, 2, 3, 4)], ids=["first", "january", "february", "march", "april"])
def test_the_same_as_the_runtime(used: Tenant, period: dict[str, str] | None) -> None:
    said = {} if period is None else {"period": period}
    for again in range(2):  # looked up, and kept
        del again
        assert used.post("/v1/previews", {"customer": "cus_1", **said}) == by_runtime(used, **said)
        supplied = {**said, "usage": USAGE}
        assert used.post("/v1/previews", {"customer": "cus_1", **supplied}) == by_runtime(
            used, **supplied, source="supplied"
        )
        both = used.post("/v1/previews", {"customer": "cus_1", **supplied, "usage_from": "both"})
        assert both == by_runtime(used, **supplied, source="both")
        explained = used.post("/v1/previews", {"customer": "cus_1", **supplied, "explain": True})
        assert explained == by_runtime(used, **supplied, source="supplied", explain=True)
        assert "reason" in explained["lines"][0]


@pytest.mark.parametrize("source", ["stored", "supplied", "both"])
@pytest.mark.parametrize("period", [None, *months(1, 3)], ids=["first", "january", "march"])
def test_an_increment_is_the_difference_of_two_previews(
    used: Tenant, source: str, period: dict[str, str] | None
) -> None:
    asked: dict[str, Any] = {"customer": "cus_1", "usage_from": source}
    asked |= {} if source == "stored" else {"usage": USAGE}
    asked |= {} if period is None else {"period": period}
    before = used.post("/v1/previews", asked)
    more = [{"quantity": "400", "model": "a"}]
    after = used.post("/v1/previews", {**asked, "usage_from": "both", "usage": {"tokens": [*more, *USAGE["tokens"]]}})
    if source == "supplied":
        after = used.post("/v1/previews", {**asked, "usage": {"tokens": [*more, *USAGE["tokens"]]}})
    if source == "stored":
        after = used.post("/v1/previews", {**asked, "usage_from": "both", "usage": {"tokens": more}})
    found = used.post("/v1/previews/increment", {**asked, "add": {"tokens": more}})
    assert Decimal(found["amount"]) == Decimal(after["total"]) - Decimal(before["total"])
    assert found["total"] == after["total"]
    assert found["lines"] == {"tokens": "400.00"}


def test_more_of_what_does_not_add_up_is_refused(tenant: Tenant) -> None:
    tenant.set_up()
    asked = {"customer": "cus_1", "usage": {"seats": "3"}, "add": {"seats": "2"}}
    problem(tenant.call("POST", "/v1/previews/increment", json=asked), 409, "X0404")
    first = tenant.post("/v1/previews/increment", {**asked, "usage": {}})
    assert (first["amount"], first["total"]) == ("20.00", "20.00")


def test_by_a_program(tenant: Tenant) -> None:
    tenant.publish()
    tenant.publish(PROGRAM.replace("price 10", "price 12"), effective_at="2026-04-01T00:00Z")
    asked = {"on": "pro", "usage": {"seats": "2"}}
    assert tenant.post("/v1/previews", {**asked, "program": {"name": "prices"}})["total"] == "24.00"
    assert tenant.post("/v1/previews", {**asked, "program": {"name": "prices", "version": 1}})["total"] == "20.00"
    inline = {"source": PROGRAM.replace("price 10", "price 9")}
    assert tenant.post("/v1/previews", {**asked, "inline": inline})["total"] == "18.00"
    added = tenant.post(
        "/v1/previews/increment", {**asked, "inline": inline, "add": {"tokens": [{"quantity": 1, "model": "a"}]}}
    )
    assert (added["amount"], added["total"]) == ("1.00", "19.00")
    problem(tenant.call("POST", "/v1/previews", json={**asked, "program": {"name": "none"}}), 404, "X0102")
    problem(
        tenant.call("POST", "/v1/previews", json={**asked, "program": {"name": "prices", "version": 3}}), 404, "X0102"
    )
    problem(tenant.call("POST", "/v1/previews", json={**asked, "inline": {"source": "plan"}}), 400, "A0401")


def test_a_draft_over_stored_usage(tenant: Tenant) -> None:
    tenant.set_up()
    tenant.send(event("1", 7))
    draft = {"source": PROGRAM.replace('"a"   | 1', '"a"   | 3')}
    asked = {"customer": "cus_1", "inline": draft, "period": PERIOD}
    assert tenant.post("/v1/previews", asked)["total"] == "21.00"
    more = {"tokens": [{"quantity": "1", "model": "a"}]}
    assert tenant.post("/v1/previews", {**asked, "usage_from": "both", "usage": more})["total"] == "24.00"
    assert tenant.post("/v1/previews/increment", {**asked, "add": more})["amount"] == "3.00"
    found = problem(tenant.call("POST", "/v1/previews", json={"inline": draft, "on": "acme"}), 422, "A0201")
    assert found["pointer"] == "/customer"


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({}, "/customer"),
        ({"customer": "cus_1", "on": "acme"}, "/on"),
        ({"program": {"name": "p"}, "inline": {"source": ""}}, "/inline"),
        ({"program": {"name": "prices"}, "contract": "acme", "usage": {}}, "/contract"),
        ({"program": {"name": "prices"}, "usage": {}}, "/on"),
        ({"program": {"name": "prices"}, "on": "none", "usage": {}}, "/on"),
        ({"customer": "cus_1", "usage": {}, "usage_from": "stored"}, "/usage"),
        ({"customer": 1}, "/customer"),
        ({"customer": "cus_1", "period": {"from": 1, "to": "2026-02-01"}}, "/period/from"),
    ],
)
def test_what_is_not_said_clearly(tenant: Tenant, asked: dict[str, Any], pointer: str) -> None:
    tenant.set_up()
    assert problem(tenant.call("POST", "/v1/previews", json=asked), 422, "A0201")["pointer"] == pointer


@pytest.mark.parametrize(
    "usage",
    [
        {"none": 1}, {"tokens": "1e999999999"}, {"tokens": "NaN"}, {"tokens": [{"model": "a"}]}, [], "x",
        {"tokens": None}, {"tokens": [{"quantity": "1", "model": {"deep": [1]}}]}, {"tokens": True}, {"tokens": 10**70},
        {"tokens": [{"quantity": 1.5, "model": "a"}, 7]},
    ],
)  # fmt: skip
def test_what_is_no_usage(tenant: Tenant, usage: Any) -> None:
    tenant.set_up()
    for path, more in (
        ("/v1/previews", {}),
        ("/v1/previews/increment", {"add": {"tokens": [{"quantity": 1, "model": "a"}]}}),
    ):
        answer = tenant.call("POST", path, json={"customer": "cus_1", "usage": usage, **more})
        assert answer.status_code == 422, answer.text
    answer = tenant.call("POST", "/v1/previews/increment", json={"customer": "cus_1", "usage": {}, "add": usage})
    assert answer.status_code == 422, answer.text


def test_numbers_stay_exact(tenant: Tenant) -> None:
    tenant.set_up()
    cells = '[{"quantity": 0.1, "model": "a"}, {"quantity": "0.20", "model": "a"}]'
    body = f'{{"customer": "cus_1", "usage": {{"tokens": {cells}}}}}'
    answer = tenant.call("POST", "/v1/previews", content=body, headers={"Content-Type": "application/json"})
    assert answer.json()["lines"][0]["quantity"] == "0.3"


def test_a_batch_has_a_result_for_each(tenant: Tenant) -> None:
    tenant.set_up()
    asked = [{"customer": "cus_1", "usage": USAGE}, {"customer": "nobody"}, {"customer": "cus_1", "usage": {"x": 1}}]
    found = tenant.post("/v1/previews/batch", {"previews": asked})["results"]
    assert [each["status"] for each in found] == [200, 404, 422]
    assert found[0]["preview"] == tenant.post("/v1/previews", asked[0])
    assert found[1]["problem"]["code"] == "X0103"
    many = [{"inline": {"source": PROGRAM + "\n" * n}, "on": "pro", "usage": {}} for n in range(5)]
    problem(tenant.call("POST", "/v1/previews/batch", json={"previews": many}), 422, "A0201")
    assert len(tenant.post("/v1/previews/batch", {"previews": many[:4]})["results"]) == 4
    problem(tenant.call("POST", "/v1/previews/batch", json={"previews": []}), 422, "A0201")


def test_usage_is_seen_soon(tenant: Tenant) -> None:
    tenant.set_up()
    asked = {"customer": "cus_1", "period": PERIOD}
    assert tenant.post("/v1/previews", asked)["total"] == "0.00"
    tenant.send(event("1", 3))
    time.sleep(0.3)
    assert tenant.post("/v1/previews", asked)["total"] == "3.00"


def test_tenants_with_the_same_names_are_kept_apart(tenant: Tenant) -> None:
    other = tenant.server.tenant()
    for each, price in ((tenant, "1"), (other, "2")):
        each.set_up(PROGRAM.replace('"a"   | 1', f'"a"   | {price}'))
    for _ in range(3):
        assert tenant.post("/v1/previews", {"customer": "cus_1", "usage": USAGE})["total"] == "17.00"
        assert other.post("/v1/previews", {"customer": "cus_1", "usage": USAGE})["total"] == "24.00"
        by_name = {"program": {"name": "prices"}, "on": "pro", "usage": USAGE}
        assert tenant.post("/v1/previews", by_name)["total"] == "17.00"
        assert other.post("/v1/previews", by_name)["total"] == "24.00"


def test_a_contract_bound_or_a_period_finalised_here_is_seen_at_once(used: Tenant) -> None:
    asked = {"customer": "cus_1", "period": months(3)[0]}
    before = used.post("/v1/previews", asked)
    assert (before["is_final"], before["unfinalised_since"][:10]) == (False, "2026-02-01")
    used.post("/v1/statements", {"customer": "cus_1", "period": months(2)[0]}, 201)
    after = used.post("/v1/previews", asked)
    assert (after["is_final"], after["unfinalised_since"]) == (True, None)
    nobody = {"customer": "new", "usage": USAGE}
    problem(used.call("POST", "/v1/previews", json=nobody), 404, "X0103")
    used.post("/v1/contracts", {"program": "prices", "contract": "acme", "customer": "new"}, 201)
    assert used.post("/v1/previews", nobody)["target"] == "acme"


def test_other_media_types(tenant: Tenant) -> None:
    for path in ("/v1/previews", "/v1/previews/increment", "/v1/previews/batch"):
        answer = tenant.call("POST", path, content="{}", headers={"Content-Type": "text/plain"})
        problem(answer, 415, "A0208")
