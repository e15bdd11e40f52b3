"""Whatever is wrong with a request, its answer is a problem (RFC 9457) and never the server's failure."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from api.problems import CODES
from api.requests import PAGE_MAX
from tests.api.setting import PROGRAM, Server, Tenant, problem

JSON = {"Content-Type": "application/json"}
READERS = ("/v1/programs", "/v1/contracts", "/v1/events/rejected", "/v1/statements", "/v1/jobs", "/v1/keys")
HOSTILE = ["a\0b", "\x01", "a" * 201, "\ud800"]
BODIES = {
    "/v1/programs/check": {"source": PROGRAM},
    "/v1/programs/format": {"source": PROGRAM},
    "/v1/contracts": {"program": "prices", "contract": "acme"},
    "/v1/previews": {"customer": "cus_1"},
    "/v1/previews/increment": {"customer": "cus_1", "add": {}},
    "/v1/previews/batch": {"previews": [{"customer": "cus_1"}]},
    "/v1/backtests": {"before": {}, "after": {}, "periods": [{"from": "2026-01-01", "to": "2026-02-01"}]},
    "/v1/statements": {"customer": "cus_1", "period": {"from": "2026-01-01", "to": "2026-02-01"}},
    "/v1/statements/batch": {"period": {"from": "2026-01-01", "to": "2026-02-01"}},
    "/v1/keys": {"name": "k", "scopes": ["author"]},
}
NOT_JSON = {
    "nothing": b"",
    "no value": b"{",
    "two values": b"{} {}",
    "no UTF-8": b'{"source": "\xff"}',
    "half a character": b'{"customer": "\\ud800", "source": "\\ud800", "name": "\\ud800", "program": "\\ud800"}',
    "deep": b'{"usage": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "digits": b'{"usage": {"tokens": ' + b"9" * 10_000 + b"}}",
    "NaN": b'{"usage": {"tokens": NaN}}',
    "a list": b"[1]",
    "a number": b"1",
    "null": b"null",
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_bodies_that_are_none(tenant: Tenant, path: str, body: bytes) -> None:
    found = problem(tenant.call("POST", path, content=body, headers=JSON), 422, "A0201")
    assert len(found["detail"]) <= 1_000


@pytest.mark.parametrize("path", BODIES)
def test_what_nobody_knows_is_refused(tenant: Tenant, path: str) -> None:
    found = problem(tenant.call("POST", path, json={**BODIES[path], "custmer": "x"}), 422, "A0201")
    assert "custmer" in found["detail"] + found.get("pointer", "")
    found = problem(tenant.call("POST", f"{path}?custmer=x", json=BODIES[path]), 422, "A0201")
    assert found["pointer"] == "custmer"


def every_text(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of the texts in a body."""
    match value:
        case str():
            return [place]
        case dict():
            return [found for name, each in value.items() for found in every_text(each, (*place, name))]
        case list():
            return [found for number, each in enumerate(value) for found in every_text(each, (*place, number))]
        case _:
            return []


def replaced(value: Any, place: tuple[Any, ...], by: str) -> Any:
    if not place:
        return by
    copy = value.copy()
    copy[place[0]] = replaced(value[place[0]], place[1:], by)
    return copy


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_texts_that_cannot_be_kept(tenant: Tenant, path: str, text: str) -> None:
    """In any place of any body: refused, or (in a program's text) found wanting, on both databases."""
    tenant.set_up()
    for place in every_text(BODIES[path]):
        body = json.dumps(replaced(BODIES[path], place, text))
        answer = tenant.call("POST", path, content=body, headers=JSON)
        assert answer.status_code in (400, 422) or (path, place) == ("/v1/programs/check", ("source",)), answer.text
        assert answer.status_code < 500


def test_a_zero_inside_a_program_is_no_failure(tenant: Tenant) -> None:
    """A text in a program may have any character for the compiler; a database may not keep it."""
    source = PROGRAM.replace('"Tokens"', '"To\0kens"')
    answer = tenant.call("PUT", "/v1/programs/p", json={"source": source})
    assert answer.status_code in (201, 400, 422), answer.text
    files = {"a\tb": "x"}
    problem(tenant.call("PUT", "/v1/programs/p", json={"source": PROGRAM, "files": files}), 422, "A0201")
    kept = tenant.call("PUT", "/v1/programs/q", json={"source": PROGRAM, "files": {"x.csv": "a\0b"}})
    assert kept.status_code == 201
    assert tenant.get("/v1/programs/q/versions/1")["files"] == {"x.csv": "a\0b"}


@pytest.mark.parametrize("text", ["%00", "a%00b", "%01", "%ff", "%ed%a0%80", "x" * 300, "%E2%80%A8" * 70])
def test_parameters_that_cannot_be(tenant: Tenant, text: str) -> None:
    tenant.set_up()
    for path in ("contracts", "statements", "balances", "usage"):
        answer = tenant.call("GET", f"/v1/{path}?customer={text}")
        assert answer.status_code in (200, 404, 422), answer.text
    for path in ("programs/{}/versions", "statements/{}", "contracts/{}", "jobs/{}", "keys/{}", "jobs/{}/results"):
        assert tenant.call("GET", f"/v1/{path.format(text)}").status_code in (404, 422)
    assert tenant.call("PUT", f"/v1/programs/{text}", json={"source": PROGRAM}).status_code in (404, 422)
    assert tenant.server.call("GET", f"/errors/{text}").status_code == 422


@pytest.mark.parametrize("number", ["0", "-1", "2147483648", "9" * 19, "9" * 400, "1.5", "x", "%C2%B2", "1e3"])
def test_numbers_that_cannot_be(tenant: Tenant, number: str) -> None:
    tenant.publish()
    problem(tenant.call("GET", f"/v1/contracts/{number}"), 422, "A0201")
    problem(tenant.call("GET", f"/v1/programs/prices/versions/{number}"), 422, "A0201")
    for path in READERS:
        problem(tenant.call("GET", f"{path}?limit={number}"), 422, "A0201")
    problem(tenant.call("GET", f"/v1/keys?limit={PAGE_MAX + 1}"), 422, "A0201")


def coded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    ["", "!", "é", "AA", "a" * 1_001, coded(None), coded({}), coded([1, 2, 3]), coded(2**63), coded(-5), coded(1.5),
     coded("\0"), coded("\ud800"), coded(["\0", "a"]), coded(["a", "\ud800"]), coded(True), coded([[[]]])],
)  # fmt: skip
def test_cursors_that_are_none(tenant: Tenant, cursor: str) -> None:
    tenant.publish()
    for path in (*READERS, "/v1/programs/prices/versions"):
        answer = tenant.call("GET", path, params={"cursor": cursor})
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code == 422:
            assert problem(answer, 422, "A0201")["pointer"] in ("cursor",)
    assert tenant.call("GET", "/v1/keys", params={"cursor": coded(1)}).status_code == 422
    assert tenant.call("GET", "/v1/events/rejected", params={"cursor": coded("x")}).status_code == 422


def test_a_parameter_twice(tenant: Tenant) -> None:
    assert problem(tenant.call("GET", "/v1/keys?limit=1&limit=2"), 422, "A0201")["pointer"] == "limit"


def test_nothing_there(tenant: Tenant) -> None:
    for path in ("/", "/v1", "/v2/keys", "/errors", "/livez/", "//livez"):
        problem(tenant.call("GET", path), 404, "A0206")
    for path in ("/v1/", "/v1/nothing", "/v1/keys/", "/v1/programs/a%2Fb/versions"):
        problem(tenant.call("GET", path), 404, "A0206")
        problem(tenant.server.call("GET", path), 401, "A0101")


def test_methods(tenant: Tenant) -> None:
    for path, allowed in (
        ("/v1/keys", "GET, HEAD, OPTIONS, POST"), ("/v1/programs/p", "OPTIONS, PUT"), ("/livez", "GET, HEAD, OPTIONS"),
        ("/v1/previews", "OPTIONS, POST"), (f"/v1/keys/{'0' * 16}", "DELETE, GET, HEAD, OPTIONS"),
    ):  # fmt: skip
        answer = tenant.call("PATCH", path)
        problem(answer, 405, "A0207")
        assert answer.headers["allow"] == allowed
        answer = tenant.call("OPTIONS", path)
        assert (answer.status_code, answer.headers["allow"], answer.content) == (204, allowed, b"")
        problem(tenant.call("BREW", path), 405, "A0207")


def test_head_is_get_without_a_body(tenant: Tenant) -> None:
    for path in ("/livez", "/v1/plugins", "/v1/nothing"):
        head, get = tenant.call("HEAD", path), tenant.call("GET", path)
        assert (head.status_code, head.content) == (get.status_code, b"")
    same = tenant.call("HEAD", "/livez").headers["content-length"]
    assert same == tenant.call("GET", "/livez").headers["content-length"]


def test_a_store_that_does_not_answer(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise OperationalError("SELECT", {}, Exception("gone"))

    tenant.get("/v1/plugins")  # the key is known
    monkeypatch.setattr(tenant.server.database, "reading", away)
    for path in ("/v1/keys", "/v1/usage?customer=x"):
        answer = tenant.call("GET", path)
        problem(answer, 503, "A0301")
        assert answer.headers["retry-after"] == "1"
    problem(tenant.call("POST", "/v1/previews", json={"customer": "c"}), 503, "A0301")
    problem(tenant.call("POST", "/v1/previews/batch", json={"previews": [{"customer": "c"}]}), 503, "A0301")
    problem(tenant.server.call("GET", "/readyz"), 503, "A0301")
    assert tenant.server.call("GET", "/livez").status_code == 200


def test_what_nobody_expected(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The caller is told no more than the request's id; the log says where, without any value."""

    def fail(*_given: Any, **_more: Any) -> Any:
        a_local = "s3cret"
        raise ZeroDivisionError(len(a_local))

    monkeypatch.setattr(tenant.server.app.state.previewer, "preview", fail)
    found = problem(tenant.call("GET", "/v1/usage?customer=x"), 500, "A0302")
    assert "ZeroDivision" not in json.dumps(found)
    said = capfd.readouterr().err
    assert found["request_id"] in said
    assert "ZeroDivisionError" in said
    assert "s3cret" not in said
    monkeypatch.setattr("api.previews.service.Previews.ready", fail)
    problem(tenant.call("POST", "/v1/previews", json={"customer": "c"}), 500, "A0302")
    problem(tenant.call("POST", "/v1/previews/batch", json={"previews": [{"customer": "c"}]}), 500, "A0302")
    assert tenant.server.app.edge.in_work == 0


def test_codes_are_explained(server: Server) -> None:
    for code in (*CODES, "X0103", "U0301", "R0103"):
        found = server.call("GET", f"/errors/{code}").json()
        assert found["code"] == code
        assert found["title"]
    problem(server.call("GET", "/errors/A9999"), 404, "A0206")


def test_every_code_is_in_the_docs() -> None:
    """docs/api/errors.md has a line for every code, with its status and title."""
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "api" / "errors.md").read_text(encoding="utf-8")
    for code, (status, title) in CODES.items():
        assert f"| {code} | {status} | {title} |" in page, code
    assert page.count("\n| A") == len(CODES)
