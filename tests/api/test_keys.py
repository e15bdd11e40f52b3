"""Keys: made, used, limited, rotated, expired, revoked; their secrets are in one answer and nowhere else."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from api.auth import BURST_SECONDS, KEY_SECONDS_MAX, Bucket
from tests.api.setting import NOW, Server, Tenant, problem

LATER = timedelta(hours=1)


def works(tenant: Tenant, token: str) -> bool:
    answer = tenant.call("GET", "/v1/plugins", token=token)
    if answer.status_code != 200:
        assert problem(answer, 401, "A0101")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    return answer.status_code == 200


def make(tenant: Tenant, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = tenant.post("/v1/keys", {"name": "k", "scopes": ["author"], **more}, 201)
    return made


def test_made_and_used(tenant: Tenant) -> None:
    made = make(tenant)
    assert works(tenant, made["token"])
    listed = tenant.get("/v1/keys")["items"]
    shown = next(each for each in listed if each["id"] == made["id"])
    assert (shown["scopes"], shown["last_used_at"]) == (["author"], None)
    assert "token" not in shown
    assert tenant.get(f"/v1/keys/{made['id']}") == shown
    keys = tenant.server.app.state.keys
    keys.write_used(keys.take_used())
    assert tenant.get(f"/v1/keys/{made['id']}")["last_used_at"] == NOW.isoformat()


def test_its_secret_is_kept_nowhere(tenant: Tenant) -> None:
    made = tenant.post("/v1/keys", {"name": "k", "scopes": ["author"]}, 201, Idempotency_Key="once")
    again = tenant.post("/v1/keys", {"name": "k", "scopes": ["author"]}, 201, Idempotency_Key="once")
    assert again == {**made, "token": None}
    assert len(tenant.get("/v1/keys")["items"]) == 2
    secret = made["token"].partition(".")[2]
    with tenant.server.database.reading() as work:
        for table in ("api_keys", "idempotency"):
            for row in work.connection.execute(text(f"SELECT * FROM {table}")):
                assert not any(secret.encode() in (v if isinstance(v, bytes) else str(v).encode()) for v in row)


def test_expiry(tenant: Tenant) -> None:
    made = make(tenant, expires_at=(NOW + LATER).isoformat())
    assert works(tenant, made["token"])
    with tenant.server.clock.later(LATER):
        assert not works(tenant, made["token"])
    problem(
        tenant.call("POST", "/v1/keys", json={"name": "k", "scopes": ["author"], "expires_at": NOW.isoformat()}),
        422,
        "A0201",
    )


def test_rotation_has_a_grace(tenant: Tenant) -> None:
    old = make(tenant)
    new = tenant.post(f"/v1/keys/{old['id']}/rotation", {"grace_seconds": 3600}, 201)
    assert works(tenant, old["token"])
    assert works(tenant, new["token"])
    with tenant.server.clock.later(LATER):
        assert not works(tenant, old["token"])
        assert works(tenant, new["token"])
    newer = tenant.post(f"/v1/keys/{old['id']}/rotation", {"grace_seconds": 0}, 201)
    assert [works(tenant, each["token"]) for each in (old, new, newer)] == [False, False, True]


def test_rotated_once_for_a_key(tenant: Tenant) -> None:
    old = make(tenant)
    path = f"/v1/keys/{old['id']}/rotation"
    new = tenant.post(path, {"grace_seconds": 60}, 201, Idempotency_Key="r")
    assert tenant.post(path, {"grace_seconds": 60}, 201, Idempotency_Key="r")["token"] is None
    assert works(tenant, new["token"])
    assert works(tenant, old["token"])


def test_revoked_at_once(tenant: Tenant) -> None:
    made = make(tenant)
    assert works(tenant, made["token"])
    assert tenant.call("DELETE", f"/v1/keys/{made['id']}").json()["revoked_at"] == NOW.isoformat()
    assert not works(tenant, made["token"])
    assert tenant.call("DELETE", f"/v1/keys/{made['id']}").status_code == 200
    problem(tenant.call("POST", f"/v1/keys/{made['id']}/rotation", json={}), 409, "A0211")


def test_revoked_elsewhere(tenant: Tenant) -> None:
    made = make(tenant)
    headers = {"Authorization": f"Bearer {made['token']}"}
    with Server(tenant.server.database) as other:
        assert other.call("GET", "/v1/plugins", headers=headers).status_code == 200
        tenant.call("DELETE", f"/v1/keys/{made['id']}")
        time.sleep(KEY_SECONDS_MAX)
        assert other.call("GET", "/v1/plugins", headers=headers).status_code == 401


def test_what_was_read_must_still_be_so(tenant: Tenant) -> None:
    made = make(tenant)
    path = f"/v1/keys/{made['id']}"
    tag = tenant.call("GET", path).headers["etag"]
    rotated = tenant.call("POST", f"{path}/rotation", json={}, headers={"If-Match": tag})
    assert rotated.status_code == 201
    problem(tenant.call("POST", f"{path}/rotation", json={}, headers={"If-Match": tag}), 412, "A0205")
    problem(tenant.call("DELETE", path, headers={"If-Match": tag}), 412, "A0205")
    assert tenant.call("DELETE", path, headers={"If-Match": rotated.headers["etag"]}).status_code == 200


def test_what_is_no_key(tenant: Tenant) -> None:
    key_id, _, secret = tenant.token.partition(".")
    for token in (
        "", ".", "x", f"{key_id}.", f"{key_id}.x", f".{secret}", f"{'0' * 16}.{secret}", f"{key_id}{secret}",
        f"{key_id.upper()}x.{secret}", "a" * 5_000,
    ):  # fmt: skip
        assert not works(tenant, token or ".")
    for value in (None, tenant.token, f"Basic {tenant.token}", f"Bearer {tenant.token}\xe9", "Bearer \xff.\xff"):
        header = {} if value is None else {b"Authorization": value.encode("latin-1")}
        problem(tenant.server.call("GET", "/v1/plugins", headers=header), 401, "A0101")
    twice = [("Authorization", f"Bearer {tenant.token}"), ("Authorization", f"Bearer {tenant.token}")]
    problem(tenant.server.call("GET", "/v1/plugins", headers=twice), 401, "A0101")
    assert works(tenant, tenant.token)


def test_each_key_has_its_rate(tenant: Tenant) -> None:
    slow, other = tenant.key(["author"], requests_per_second=2), tenant.key(["author"], requests_per_second=2)
    answers = [tenant.call("GET", "/v1/plugins", token=slow) for _ in range(8)]
    assert [each.status_code for each in answers[: 2 * BURST_SECONDS]] == [200] * 2 * BURST_SECONDS
    refused = [each for each in answers if each.status_code == 429]
    assert refused
    problem(refused[-1], 429, "A0103")
    assert int(refused[-1].headers["retry-after"]) >= 1
    assert tenant.call("GET", "/v1/plugins", token=other).status_code == 200
    time.sleep(1)
    assert tenant.call("GET", "/v1/plugins", token=slow).status_code == 200


def test_a_bucket_fills_with_time_and_no_further() -> None:
    bucket = Bucket(10, 0.0)
    assert [bucket.take(10, 0.0) for _ in range(20)] == [0] * 20
    assert bucket.take(10, 0.0) == pytest.approx(0.1)
    assert bucket.take(10, 0.1) == 0
    assert bucket.take(10, 0.1) > 0
    assert [bucket.take(10, 1e9) for _ in range(20)] == [0] * 20
    assert bucket.take(10, 1e9) > 0


@pytest.mark.parametrize(
    "given",
    [
        {"name": "", "scopes": ["author"]}, {"name": "k", "scopes": []}, {"name": "k", "scopes": ["root"]},
        {"name": "k\0", "scopes": ["author"]}, {"name": "k", "scopes": ["author"], "requests_per_second": 0},
        {"name": "k", "scopes": ["author"], "requests_per_second": 2**80},
        {"name": "k", "scopes": ["author"], "expires_at": "9999-12-31T23:59-14:00"},
        {"name": "k", "scopes": ["author"], "expires_at": "0001-01-01T00:00+14:00"},
    ],
)  # fmt: skip
def test_what_cannot_be_made(tenant: Tenant, given: dict[str, Any]) -> None:
    problem(tenant.call("POST", "/v1/keys", json=given), 422, "A0201")
    assert len(tenant.get("/v1/keys")["items"]) == 1


def test_keys_page_by_page(tenant: Tenant) -> None:
    ids = {make(tenant)["id"] for _ in range(3)} | {tenant.token.partition(".")[0]}
    first = tenant.get("/v1/keys", limit=3)
    rest = tenant.get("/v1/keys", limit=3, cursor=first["next"])
    assert [each["id"] for each in first["items"] + rest["items"]] == sorted(ids)
