"""`/v1/events`: every event has its answer, and counts once."""

from __future__ import annotations

import json

import pytest

from tests.api.setting import PERIOD, Tenant, event, problem

SURROGATE = b'[{"id":"x\\ud800","source":"s","type":"llm.request","subject":"c","time":"2026-03-02T00:00:00Z"}]'


def used(tenant: Tenant) -> str:
    cells = tenant.get("/v1/usage", customer="cus_1", **PERIOD)["usage"]["tokens"]
    return str(cells[0]["quantity"]) if cells else "0"


def test_every_event_has_its_answer(tenant: Tenant) -> None:
    tenant.set_up()
    answer = tenant.send(event("1"), event("1"), event("2"), {"id": 1}, event("3", type="unread"))
    assert [each["outcome"] for each in answer["results"]] == [
        "accepted", "duplicate", "accepted", "rejected", "rejected",
    ]  # fmt: skip
    assert (answer["accepted"], answer["duplicates"], answer["rejected"]) == (2, 1, 2)
    assert [each.get("code") for each in answer["results"]][3:] == ["X0301", "X0302"]
    assert used(tenant) == "20"
    assert tenant.send(event("2"), event("4"))["duplicates"] == 1
    assert used(tenant) == "30"


def test_other_forms(tenant: Tenant) -> None:
    tenant.set_up()
    lines = "\n".join(json.dumps(event(str(number))) for number in range(3))
    for kind in ("application/x-ndjson", "application/jsonl"):
        answer = tenant.call("POST", "/v1/events", content=lines, headers={"Content-Type": kind})
        assert (answer.status_code, len(answer.json()["results"])) == (200, 3)
    batch = json.dumps([event("9")])
    kind = "application/cloudevents-batch+json; charset=utf-8"
    answer = tenant.call("POST", "/v1/events", content=batch, headers={"Content-Type": kind})
    assert answer.json()["accepted"] == 1
    assert used(tenant) == "40"


def test_what_is_no_batch(tenant: Tenant) -> None:
    tenant.set_up()
    kind = {"Content-Type": "application/json"}
    problem(tenant.call("POST", "/v1/events", content="a", headers={"Content-Type": "text/csv"}), 415, "A0208")
    problem(tenant.call("POST", "/v1/events", content='{"id": "1"}', headers=kind), 422, "A0201")
    problem(tenant.call("POST", "/v1/events", content="", headers=kind), 422, "A0201")
    problem(tenant.call("POST", "/v1/events", content="[1, ", headers=kind), 422, "X0305")
    many = b"[" + b",".join([b"1"] * 50_001) + b"]"
    problem(tenant.call("POST", "/v1/events", content=many, headers=kind), 422, "X0305")


@pytest.mark.parametrize(
    "body",
    [
        SURROGATE,
        b'[{"id":"\\u0000","source":"s","type":"llm.request","subject":"\\u0000","time":"2026-03-02T00:00:00Z"}]',
        b'[{"id":"1","source":"s","type":"llm.request","subject":"c","time":"0001-01-01T00:00:00+14:00"}]',
        b'[{"id":"1","source":"s","type":"llm.request","subject":"c","time":"9999-12-31T23:59:59-14:00"}]',
        b'[{"id":"1","source":"s","type":"llm.request","subject":"c","time":"2026-03-02T00:00:00Z","data":{"n":1e9999}}]',
        b'[{"id":"1","source":"s","type":"llm.request","subject":"c","time":"2026-03-02T00:00:00Z","data":{"n":'
        + b"9" * 5_000
        + b"}}]",
        b'[{"id":"1","source":"s","type":"llm.request","subject":"c","time":"2026-03-02T00:00:00Z","data":'
        + b'{"n":' * 900
        + b"1"
        + b"}" * 901
        + b"]",
        b"[" * 100_000,
        b'[{"id":"\xff"}]',
    ],
    ids=["surrogate", "zero", "year 1", "year 9999", "exponent", "digits", "depth", "brackets", "no UTF-8"],
)
def test_hostile_events_are_refused_one_by_one(tenant: Tenant, body: bytes) -> None:
    """None of them is the server's failure, and the tenant's other events are taken all the same."""
    tenant.set_up()
    answer = tenant.call("POST", "/v1/events", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        assert {each["outcome"] for each in answer.json()["results"]} <= {"rejected", "accepted"}
        tenant.get("/v1/events/rejected")
    assert tenant.send(event("after"))["accepted"] == 1


def test_rejected_events_are_kept_and_listed(tenant: Tenant) -> None:
    tenant.set_up()
    tenant.send(*[event(str(number), type="unread") for number in range(5)])
    first = tenant.get("/v1/events/rejected", limit=3)
    rest = tenant.get("/v1/events/rejected", limit=3, cursor=first["next"])
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (3, 2, None)
    assert [json.loads(each["event"])["id"] for each in first["items"] + rest["items"]] == ["0", "1", "2", "3", "4"]
    assert {each["code"] for each in first["items"]} == {"X0302"}


def test_an_answer_that_was_lost_is_given_again(tenant: Tenant) -> None:
    tenant.set_up()
    say = {"Idempotency-Key": "batch-1"}
    one = tenant.call("POST", "/v1/events", json=[event("1"), event("2", type="unread")], headers=say)
    again = tenant.call("POST", "/v1/events", json=[event("1"), event("2", type="unread")], headers=say)
    assert one.content == again.content
    assert (one.json()["accepted"], again.headers.get("idempotent-replayed")) == (1, "true")
    assert len(tenant.get("/v1/events/rejected")["items"]) == 1
    problem(tenant.call("POST", "/v1/events", json=[event("3")], headers=say), 409, "A0203")
    assert used(tenant) == "10"


def test_events_that_come_at_the_same_time(tenant: Tenant) -> None:
    tenant.set_up()
    batches = [[event(f"{number % 5}") for number in range(begin, begin + 10)] for begin in range(12)]
    answers = [each.result(30) for each in [tenant.begin("POST", "/v1/events", json=batch) for batch in batches]]
    assert {each.status_code for each in answers} == {200}
    assert sum(each.json()["accepted"] for each in answers) == 5
    assert used(tenant) == "50"
