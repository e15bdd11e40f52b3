"""`pricing keys`: made, listed, rotated, revoked; each heard by a server that runs."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.api_cli.served import pricing, served
from tests.api_cli.test_serve import PROGRAM, ask

TOKEN = re.compile(r"[0-9a-f]{16}\.[A-Za-z0-9_-]{43}")


def made(folder: Path, *words: str) -> tuple[str, str]:
    """A new key: its id and its token."""
    done = pricing(folder, "keys", *words)
    assert (done.returncode, done.stderr) == (0, "")
    first, token = done.stdout.splitlines()
    assert TOKEN.fullmatch(token)
    assert first == f"key {token.partition('.')[0]}; its token is shown this once:"
    return token.partition(".")[0], token


def listed(folder: Path, *words: str) -> list[dict[str, Any]]:
    done = pricing(folder, "keys", "list", "--format", "json", *words)
    assert done.returncode == 0
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def status(url: str, token: str) -> int:
    return ask(url, "POST", "/v1/programs/check", token, PROGRAM)[0]


def status_after_a_while(url: str, token: str, wanted: int) -> int:
    """A change of a key is seen everywhere within a second; the status then."""
    until = time.monotonic() + 5
    while (found := status(url, token)) != wanted and time.monotonic() < until:
        time.sleep(0.1)
    return found


def test_a_key_may_do_what_its_scopes_say(tmp_path: Path) -> None:
    _, author = made(tmp_path, "create", "ci", "--scope", "author", "--scope", "preview")
    _, ingest = made(tmp_path, "create", "gateway", "--scope", "ingest", "--per-second", "50")
    with served(tmp_path) as server:
        assert server.token is None
        assert (status(server.url, author), status(server.url, ingest)) == (200, 403)
        assert server.end() == 0
    first, second = listed(tmp_path)
    assert (first["name"], first["scopes"], first["requests_per_second"]) == ("ci", ["author", "preview"], None)
    assert (second["name"], second["scopes"], second["requests_per_second"]) == ("gateway", ["ingest"], 50)
    assert first["last_used_at"] is not None
    assert not any(author.partition(".")[2] in json.dumps(each) for each in (first, second))


def test_the_list_says_what_a_key_is_for_and_when_it_was_used(tmp_path: Path) -> None:
    key_id, _ = made(tmp_path, "create", "ci", "--scope", "author", "--expires", "2099-01-01")
    done = pricing(tmp_path, "keys", "list")
    assert done.stdout == f"{key_id}  ci  author  last used never  until 2099-01-01T00:00:00+00:00\n"


def test_a_rotated_key_has_a_new_secret_and_the_old_one_goes_on_for_a_while(tmp_path: Path) -> None:
    key_id, old = made(tmp_path, "create", "ci", "--scope", "author")
    with served(tmp_path) as server:
        assert status(server.url, old) == 200
        _, new = made(tmp_path, "rotate", key_id)
        assert status_after_a_while(server.url, new, 200) == 200
        assert status(server.url, old) == 200
        _, newer = made(tmp_path, "rotate", key_id, "--grace-hours", "0")
        assert status_after_a_while(server.url, newer, 200) == 200
        assert (status(server.url, new), status(server.url, old)) == (401, 401)
    assert len({old, new, newer}) == 3
    assert [each["id"] for each in listed(tmp_path)] == [key_id]


def test_a_revoked_key_is_refused_by_a_server_that_knew_it(tmp_path: Path) -> None:
    key_id, token = made(tmp_path, "create", "ci", "--scope", "author")
    with served(tmp_path) as server:
        assert status(server.url, token) == 200
        done = pricing(tmp_path, "keys", "revoke", key_id)
        assert (done.returncode, done.stdout) == (0, f"{key_id} is revoked\n")
        assert status_after_a_while(server.url, token, 401) == 401
    assert listed(tmp_path)[0]["revoked_at"] is not None
    assert pricing(tmp_path, "keys", "revoke", key_id).returncode == 0, "revoked twice is revoked"


def test_keys_are_those_of_a_tenant(tmp_path: Path) -> None:
    key_id, _ = made(tmp_path, "create", "ci", "--scope", "author", "--tenant", "acme")
    made(tmp_path, "create", "other", "--scope", "author", "--tenant", "umbrella")
    assert [each["name"] for each in listed(tmp_path, "--tenant", "acme")] == ["ci"]
    for words in (["revoke", key_id], ["rotate", key_id]):
        refused = pricing(tmp_path, "keys", *words, "--tenant", "umbrella")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert f"there is no key `{key_id}`" in refused.stderr
    assert listed(tmp_path, "--tenant", "acme")[0]["revoked_at"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["create", "ci"], "--scope"),
        (["create", "ci", "--scope", "root"], "there is no scope `root`"),
        (["create", "ci", "--scope", "author", "--expires", "soon"], "soon"),
        (["create", "ci", "--scope", "author", "--per-second", "0"], "--per-second"),
        (["create", "", "--scope", "author"], "name"),
        (["create", "x" * 300, "--scope", "author"], "name"),
        (["revoke", "0123456789abcdef"], "there is no key `0123456789abcdef`"),
        (["rotate", "'; DROP TABLE api_keys"], "there is no key"),
        (["rotate", "0123456789abcdef", "--grace-hours", "-1"], "--grace-hours"),
        (["rotate", "0123456789abcdef", "--grace-hours", "99999999999"], "--grace-hours"),
        (["forget"], "forget"),
        (["list", "--tenant", "nobody"], "nobody"),
        (["list", "--database", "nonsense"], "nonsense"),
    ],
)
def test_a_wrong_call_is_said_in_a_sentence(tmp_path: Path, words: list[str], said: str) -> None:
    made(tmp_path, "create", "ci", "--scope", "author")
    refused = pricing(tmp_path, "keys", *words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(listed(tmp_path)) == 1
