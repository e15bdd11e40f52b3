"""`pricing serve`: its first start, its second, its settings, and how it ends."""

from __future__ import annotations

import http.client
import json
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api_cli.served import END_SECONDS_MAX, pricing, served

PROGRAM = {"source": "currency USD"}


def ask(url: str, method: str, path: str, token: str | None = None, body: Any = None) -> tuple[int, Any]:
    """One request; its status, and its JSON."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=END_SECONDS_MAX)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text)


def test_the_first_start_makes_a_key_that_works_and_the_second_makes_none(tmp_path: Path) -> None:
    with served(tmp_path) as first:
        assert (tmp_path / "pricing.db").exists()
        assert ask(first.url, "POST", "/v1/programs/check", first.token, PROGRAM)[0] == 200
        assert ask(first.url, "POST", "/v1/programs/check", None, PROGRAM)[0] == 401
        assert first.end() == 0
    with served(tmp_path) as second:
        assert second.token is None
        assert "has keys; `pricing keys create` makes another" in second.said
        assert ask(second.url, "POST", "/v1/programs/check", first.token, PROGRAM)[0] == 200


def test_what_it_says_to_try_can_be_tried(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        words = server.said.partition("Try it:\n")[2]
        tried = subprocess.run(shlex.split(words), capture_output=True, text=True, timeout=END_SECONDS_MAX, check=True)
    assert json.loads(tried.stdout)["ok"] is True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_0_when_told_and_finishes_what_it_has_accepted(tmp_path: Path, number: signal.Signals) -> None:
    with served(tmp_path) as server:
        body = json.dumps(PROGRAM).encode()
        with socket.create_connection(urlsplit(server.url).netloc.split(":")) as link:  # type: ignore[arg-type]
            head = (
                f"POST /v1/programs/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            link.sendall(head.encode() + body[:5])
            time.sleep(0.3)
            server.process.send_signal(number)
            time.sleep(0.3)
            assert server.process.poll() is None
            link.sendall(body[5:])
            link.settimeout(END_SECONDS_MAX)
            assert link.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert server.process.wait(END_SECONDS_MAX) == 0
        with pytest.raises(ConnectionRefusedError):
            ask(server.url, "GET", "/livez")


def test_a_port_in_use_is_said_and_costs_no_key(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = pricing(tmp_path, "serve", "--port", port)
    assert refused.returncode == 2
    assert f"cannot listen at 127.0.0.1:{port}: Address already in use" in refused.stderr
    assert "Traceback" not in refused.stderr
    with served(tmp_path) as server:
        assert server.token is not None


def test_two_servers_work_on_one_store(tmp_path: Path) -> None:
    with served(tmp_path) as one, served(tmp_path) as other:
        assert ask(other.url, "POST", "/v1/programs/check", one.token, PROGRAM)[0] == 200
        assert ask(one.url, "POST", "/v1/programs/check", one.token, PROGRAM)[0] == 200
        assert (one.end(), other.end()) == (0, 0)


@pytest.mark.parametrize(
    ("words", "env", "said"),
    [
        (["--port", "70000"], {}, "70000"),
        (["--host", "no.such.host.invalid"], {}, "cannot listen at no.such.host.invalid"),
        (["--log-format", "xml"], {}, "xml"),
        ([], {"PRICING_PORT": "many"}, "PRICING_PORT cannot be `many`"),
        ([], {"PRICING_REQUESTS_MAX": "0"}, "PRICING_REQUESTS_MAX cannot be `0`"),
        ([], {"PRICING_LOG_LEVEL": "loud"}, "PRICING_LOG_LEVEL cannot be `loud`"),
        (["--database", "oracle://x"], {}, "oracle"),
        (["--database", "sqlite:///no/such/folder/a.db"], {}, "no/such/folder"),
    ],
)
def test_a_wrong_call_is_said_in_a_sentence(tmp_path: Path, words: list[str], env: dict[str, str], said: str) -> None:
    refused = pricing(tmp_path, "serve", "--port", "0", *words, env=env)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_settings_come_from_the_environment_and_the_call_has_the_last_word(tmp_path: Path) -> None:
    env = {
        "PRICING_DATABASE_URL": "sqlite:///other.db",
        "PRICING_TENANT": "acme",
        "PRICING_FIRST_KEY": "false",
        "PRICING_LOG_FORMAT": "json",
        "PRICING_PORT": "1",
        "PRICING_BODY_BYTES_MAX": "2000",
    }
    with served(tmp_path, env=env) as server:
        assert server.token is None
        assert "The tenant `acme` has no key; `pricing keys create` makes one." in server.said
        assert (tmp_path / "other.db").exists()
        assert ask(server.url, "GET", "/livez") == (200, {"status": "ok"})
        made = pricing(tmp_path, "keys", "create", "mine", "--scope", "author", env=env)
        token = made.stdout.splitlines()[-1]
        assert ask(server.url, "POST", "/v1/programs/check", token, PROGRAM)[0] == 200
        assert ask(server.url, "POST", "/v1/programs/check", token, {"source": "#" * 3_000})[0] == 413
        assert server.end() == 0
    lines = [json.loads(line) for line in server.log.read_text(encoding="utf-8").splitlines()]
    asked = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["path"], line["status"]) for line in asked] == [
        ("GET", "/livez", 200),
        ("POST", "/v1/programs/check", 200),
        ("POST", "/v1/programs/check", 413),
    ]
    assert not any(token.partition(".")[2] in json.dumps(line) for line in lines)


def test_the_level_warning_leaves_requests_out(tmp_path: Path) -> None:
    with served(tmp_path, env={"PRICING_LOG_LEVEL": "warning"}) as server:
        assert ask(server.url, "GET", "/livez")[0] == 200
        assert server.end() == 0
    assert server.log.read_text(encoding="utf-8") == ""


def test_the_password_of_the_store_is_not_shown(tmp_path: Path) -> None:
    env = {"PRICING_DATABASE_URL": "postgresql://pricing:hush@127.0.0.1:1/pricing"}
    refused = pricing(tmp_path, "serve", "--port", "0", env=env | {"PGCONNECT_TIMEOUT": "2"})
    assert refused.returncode == 2
    assert "hush" not in refused.stderr + refused.stdout
    assert "Traceback" not in refused.stderr


def test_answers_are_not_held_back_by_the_network(tmp_path: Path) -> None:
    """Small answers go out at once: an answer in two pieces must not wait for the first to be acknowledged."""
    with served(tmp_path) as server:
        netloc = urlsplit(server.url).netloc
        connection = http.client.HTTPConnection(netloc, timeout=END_SECONDS_MAX)
        spent = []
        for _ in range(20):
            started = time.perf_counter()
            connection.request("GET", "/livez")
            connection.getresponse().read()
            spent.append(time.perf_counter() - started)
        connection.close()
    assert min(spent) < 0.03, f"an answer took {min(spent):.3f} s at best"
