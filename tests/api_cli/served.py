"""`pricing` as processes of their own: commands that end, and servers that go on until they are told."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PRICING = str(Path(sys.executable).with_name("pricing"))
TOKEN = re.compile(r"^  ([0-9a-f]{16}\.\S+)$", re.MULTILINE)
ADDRESS = re.compile(r"^pricing is at (http://\S+),", re.MULTILINE)
END_SECONDS_MAX = 30


def environment(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process that works in a folder, with the project's own commands and no other plugin."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PRICING_")}
    return (
        kept
        | {"PRICING_PLUGINS": "api,runtime", "NO_COLOR": "1", "COLUMNS": "100", "HOME": str(folder)}
        | {**(more or {})}
    )


def pricing(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command, run in a folder to its end."""
    return subprocess.run(
        [PRICING, *words],
        cwd=folder,
        env=environment(folder, env),
        capture_output=True,
        text=True,
        timeout=END_SECONDS_MAX,
        check=False,
    )


@dataclass
class Served:
    """A server that runs. `said` is what it has printed before it took requests."""

    process: subprocess.Popen[str]
    said: str
    log: Path

    @property
    def url(self) -> str:
        found = ADDRESS.search(self.said)
        assert found is not None, self.said
        return found[1]

    @property
    def token(self) -> str | None:
        """The first key's, if one was made."""
        found = TOKEN.search(self.said)
        return None if found is None else found[1]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS_MAX)


@contextmanager
def served(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> Iterator[Served]:
    """`pricing serve` in a folder, at a free port; ended afterwards, if it is still there."""
    log = folder / "serve.log"
    with log.open("a", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [PRICING, "serve", "--port", "0", *words],
            cwd=folder,
            env=environment(folder, env),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    try:
        yield Served(process, first_words(process), log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(END_SECONDS_MAX)
        process.stdout.close()


def first_words(process: subprocess.Popen[str]) -> str:
    """What a server prints as it starts: two lines, or the first key with how to use it."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "pricing keys create" in line or line.startswith("    -H 'Content-Type"):
            break
    return "".join(lines)
