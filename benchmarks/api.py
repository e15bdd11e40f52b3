"""What the HTTP API costs: next to an empty handler on the same server, and next to a bare insert into the database.

Both servers run in a process of their own, with one worker and the settings of `pricing serve`; wrk asks them in turn,
in many short rounds, with the same request. The empty handler neither reads the body nor looks at the key. Latency is
compared at the same concurrency. Events are sent by one client, one batch after the other.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.evaluate import plan_text, usage_of

CONCURRENCY: Final = 16
ROUNDS: Final = 7
ROUND_SECONDS: Final = 2
CELLS: Final = 20
CUSTOMER: Final = "cus_acme"
PERIOD: Final = {"from": "2026-03-01", "to": "2026-04-01"}
NOW: Final = datetime(2026, 3, 20, tzinfo=UTC)
PROGRAM: Final = (
    plan_text() + f'\ncontract acme "Acme" {{ customer "{CUSTOMER}"  plan scale  term 2026-01-01 to 2027-01-01 }}\n'
)
SCRIPT: Final = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer %s"
wrk.body = [==[%s]==]
function done(summary, latency)
  local wrong = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  print(string.format("RESULT %%d %%d %%d %%d", summary.requests, summary.duration, latency:percentile(99),
    wrong + summary.errors.status))
end
"""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the requests or events per second that the floor reaches; `of` says which."""

    name: str
    of: str
    share: float
    floor: float
    wanted: float
    latency: float | None = None
    """The 99th percentile, in units of the floor's."""

    def __str__(self) -> str:
        tail = "" if self.latency is None else f"; p99 {self.latency:.2f} x"
        return f"{self.name:<28} {self.share:6.1%} of {self.of} (at least {self.wanted:.0%}), {self.floor:,.0f}/s{tail}"


def run() -> Iterator[Share | str]:
    """Previews, increments and events, each as a share of its floor."""
    if shutil.which("wrk") is None:
        yield "not measured: this needs wrk; `apt-get install wrk` on Debian"
        return
    yield from requests()


# --- servers ---------------------------------------------------------------------------------------------------------


@contextmanager
def served(kind: str, database: str) -> Iterator[str]:
    """A server in a process of its own; gives where it listens."""
    command = [sys.executable, "-m", "benchmarks.api", kind, database]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def serve(kind: str, database: str) -> None:
    """Be one of the servers: `pricing`, or `empty` with a handler that does nothing."""
    from fastapi import FastAPI

    from api.app import Pricing
    from api.cli.serving import address_of, listening
    from api.cli.serving import serve as serve_until_told
    from api.logs import configure
    from api.settings import ServerSettings
    from runtime.store.database import Database

    configure("json", "warning")
    app: Any = FastAPI()

    @app.post("/empty")
    async def empty() -> dict[str, str]:
        return {}

    if kind == "pricing":
        app = Pricing(ServerSettings(), Database.open(database), clock=lambda: NOW)
    with listening("127.0.0.1", 0) as listener:
        print(address_of("127.0.0.1", listener), flush=True)
        serve_until_told(app, listener)


def prepared(url: str) -> str:
    """A database with a published program and a bound contract; gives a key's token."""
    from api.auth import create_key
    from runtime.rating.publish import bind, publish
    from runtime.store.database import Database
    from runtime.store.repositories import programs

    database = Database.open(url)
    with database.transaction() as work:
        programs.ensure_tenant(work, "bench", NOW)
        token = create_key(work, "bench", "bench", ["admin"], NOW, requests_per_second=1_000_000)[1]
        publish(work, "bench", "scale", PROGRAM, NOW)
        bind(work, "bench", "scale", "acme", NOW)
    database.close()
    return token


# --- requests --------------------------------------------------------------------------------------------------------


def requests() -> Iterator[Share]:
    usage = {
        meter: [{**cell, "quantity": str(cell["quantity"])} for cell in given]
        if isinstance(given, list)
        else str(given)
        for meter, given in usage_of(CELLS).items()
    }
    asked = {"customer": CUSTOMER, "period": PERIOD, "usage": usage}
    more = {"tokens": [{"quantity": "1200", "model": "model-3", "token_type": "input", "context": "long"}]}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = f"sqlite:///{folder / 'bench.db'}"
        token = prepared(database)
        pricing = stack.enter_context(served("pricing", database))
        empty = stack.enter_context(served("empty", database))
        for name, path, body, wanted in (
            (f"preview of {CELLS} cells", "/v1/previews", asked, 0.6),
            ("increment", "/v1/previews/increment", {**asked, "add": more}, 0.7),
        ):
            script = folder / "request.lua"
            script.write_text(SCRIPT % (token, json.dumps(body)), encoding="utf-8")
            yield compared(name, pricing + path, empty + "/empty", script, wanted)


def compared(name: str, ours: str, theirs: str, script: Path, wanted: float) -> Share:
    """Ask both in turn; the medians of the rounds' ratios."""
    asked(ours, script, 1)
    asked(theirs, script, 1)
    rounds = [(asked(ours, script), asked(theirs, script)) for _ in range(ROUNDS)]
    return Share(
        name,
        "an empty handler",
        median(our.per_second / their.per_second for our, their in rounds),
        median(their.per_second for _, their in rounds),
        wanted,
        median(our.p99 / their.p99 for our, their in rounds),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """One round of wrk. `p99` in seconds."""

    per_second: float
    p99: float


def asked(url: str, script: Path, seconds: int = ROUND_SECONDS) -> Asked:
    command = ["wrk", "-t1", f"-c{CONCURRENCY}", f"-d{seconds}s", "-s", str(script), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    line = next(line for line in said.splitlines() if line.startswith("RESULT "))
    count, microseconds, p99, wrong = map(int, line.split()[1:])
    assert wrong == 0, said
    return Asked(count / microseconds * 1e6, p99 / 1e6)


if __name__ == "__main__":
    serve(*sys.argv[1:])
