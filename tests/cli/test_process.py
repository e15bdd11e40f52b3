"""`pricing` as a process of its own: exit codes, pipes that close, Ctrl-C, colours, and what it imports to start."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pricing_dsl.cli import output

COMMAND = [sys.executable, "-c", "from pricing_dsl.cli import main; main()"]


def run(*words: str, cwd: Path, stdin: bytes | None = None, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *words], cwd=cwd, input=stdin, capture_output=True, env={**os.environ, **environment}, check=False
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["check", "shop.pricing"], 0),
        (["check", "wrong.pricing"], 1),
        (["check", "absent.pricing"], 2),
        (["--version"], 0),
        (["no-such-command"], 2),
        ([], 2),
        (["preview", "shop.pricing", "--on", "tiered", "--usage", "{}"], 0),
        (["preview", "shop.pricing", "--on", "nobody", "--usage", "{}"], 2),
        (["preview", "wrong.pricing", "--usage", "{}"], 1),
        (["test", "shop.pricing"], 0),
    ],
)
def test_exit_codes_and_never_a_traceback(folder: Path, words: list[str], code: int) -> None:
    result = run(*words, cwd=folder)
    assert result.returncode == code
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize(
    "files", [["shop.pricing"], ["wrong.pricing", "shop.pricing"], ["absent.pricing", "wrong.pricing"], ["-"]]
)
def test_a_plain_check_says_the_same_with_and_without_options(folder: Path, files: list[str]) -> None:
    plain = run("check", *files, cwd=folder, stdin=b"plan {")
    spelt_out = run("check", "--format", "text", *files, cwd=folder, stdin=b"plan {")
    assert plain.stdout + plain.stderr
    assert (plain.returncode, plain.stdout, plain.stderr) == (
        spelt_out.returncode,
        spelt_out.stdout,
        spelt_out.stderr,
    )


def test_a_pipe_that_closes_ends_quietly(folder: Path) -> None:
    many = "currency USD\n" + "".join(f"unit u{number}\n" for number in range(3000))
    names = [f"many{number}.pricing" for number in range(20)]
    for name in names:
        (folder / name).write_text(many)
    with subprocess.Popen(
        [*COMMAND, "check", *names], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 1


def test_ctrl_c_ends_with_130_and_without_a_traceback(folder: Path) -> None:
    os.mkfifo(folder / "endless.pricing")
    with subprocess.Popen(
        [*COMMAND, "check", "endless.pricing"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        with open(folder / "endless.pricing", "wb"):  # opens only once the process reads
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 130
        assert process.stderr.read() == b""


def test_a_screen_that_lacks_a_character_stops_nothing(folder: Path) -> None:
    (folder / "wide.pricing").write_text("currency USD\nunit 価\n", encoding="utf-8")
    result = run("check", "wide.pricing", cwd=folder, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert result.returncode == 1
    assert b"unit ?" in result.stdout


def on_a_terminal(*words: str, cwd: Path, **environment: str) -> str:
    """What a terminal of 80 columns shows."""
    leader, follower = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
        env={**env, "TERM": "xterm-256color", **environment},
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # a terminal whose last writer left
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    process.wait(timeout=60)
    return shown.decode()


def test_colours_only_on_a_terminal_that_wants_them(folder: Path) -> None:
    coloured = on_a_terminal("check", "wrong.pricing", cwd=folder)
    assert "\x1b[1;31merror[U0301]\x1b[0m" in coloured
    plain = on_a_terminal("check", "wrong.pricing", cwd=folder, NO_COLOR="1")
    assert "error[U0301]: " in plain
    assert "\x1b" not in plain
    assert b"\x1b" not in run("check", "wrong.pricing", cwd=folder).stdout


def test_statements_and_wrong_calls_have_colours_too(folder: Path) -> None:
    usage = '{"calls": [{"quantity": 5, "region": "ap"}]}'
    statement = on_a_terminal("preview", "shop.pricing", "--on", "starter", "--usage", usage, cwd=folder)
    assert "\x1b[1;31munpriced\x1b[0m" in statement
    wrong = on_a_terminal("preview", "shop.pricing", "--on", "nobody", "--usage", usage, cwd=folder)
    assert "\x1b[1;31merror[R0101]\x1b[0m" in wrong


def test_the_page_is_as_wide_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for stated, width in (("72", 72), ("7", 40), ("wide", output.PLAIN_WIDTH), ("", output.PLAIN_WIDTH)):
        monkeypatch.setenv("COLUMNS", stated)
        with open(os.devnull, "w") as stream:
            assert output.page_width(stream) == width


def test_a_check_starts_without_what_it_does_not_need(folder: Path) -> None:
    script = (
        "import sys; sys.argv = ['pricing', 'check', 'shop.pricing']\n"
        "from pricing_dsl.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "print(*sorted(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    modules = set(loaded.stdout.splitlines()[-1].split())
    assert "pricing_dsl.cli.programs" in modules
    heavy = {"typer", "pydantic", "rich", "matplotlib", "plotext", "numpy", "jsonschema", "pricing_dsl.cli.tables"}
    assert not heavy & modules
