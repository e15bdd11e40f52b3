"""Runs jobs one after the other in a thread. What is done is written down as it comes, so a restart goes on there.

A job belongs to the process that moves it on; one that has stood still for `STALE` is taken over, and whoever had it
finds that out when it writes next.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from threading import Event, Thread
from typing import Any, Final, NamedTuple

import structlog

from api.metrics import JOBS
from api.problems import body_of
from api.state import State
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.ir import json as ir_json
from runtime.errors import RuntimeProblem
from runtime.rating.backtest import Candidate, Compared, backtest
from runtime.rating.documents import written
from runtime.store.database import Work
from runtime.store.repositories import jobs, programs
from runtime.store.tables import Job

STALE: Final = timedelta(seconds=60)
PIECES_AT_ONCE: Final = 20
"""Results that are written down together,"""
PIECES_SECONDS: Final = 2.0
"""or those of this long."""
READ_AT_ONCE: Final = 1_000
IDLE_SECONDS: Final = 0.5
AFTER_FAILURE_SECONDS: Final = 5

log = structlog.get_logger("pricing.jobs")


class Step(NamedTuple):
    """How far a job has come, and what it found since the step before."""

    done: int
    total: int
    found: Sequence[str]


class Runner:
    """The jobs of one process."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.wake = Event()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the piece that is in work; the job goes on when a server starts again."""
        self._stop.set()
        self.wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                job = self._claimed()
                if job is not None:
                    self._work(job)
                    continue
            except Exception:
                log.exception("jobs stand still")
                self._stop.wait(AFTER_FAILURE_SECONDS)
            self.wake.wait(IDLE_SECONDS)
            self.wake.clear()

    def _claimed(self) -> Job | None:
        now = self.state.clock()
        with self.state.database.reading() as work:
            if not jobs.is_any(work, now, STALE):
                return None
        return self.state.database.run(lambda work: jobs.claim(work, now, STALE))

    def _work(self, job: Job) -> None:
        mine: Job | None = job
        try:
            for step in self._steps(job):
                mine = self._move(mine, results=step.found, done=step.done, total=step.total)
                if mine is None:
                    JOBS.labels(job.kind, "given up").inc()
                    return
                if self._stop.is_set():
                    self._move(mine, state=jobs.WAITING)
                    return
        except (RuntimeProblem, EvaluationError) as problem:
            self._end(job, mine, jobs.FAILED, written(body_of(problem)[1]))
        except Exception as error:
            log.exception("job failed", job=job.id)
            self._end(job, mine, jobs.FAILED, written(body_of(error)[1]))
        else:
            self._end(job, mine, jobs.DONE)

    def _end(self, job: Job, mine: Job | None, state: str, problem: str | None = None) -> None:
        ended = self._move(mine, state=state, problem=problem)
        JOBS.labels(job.kind, state if ended else "given up").inc()

    def _move(self, mine: Job | None, **changes: Any) -> Job | None:
        if mine is None:
            return None
        return self.state.database.run(lambda work: jobs.move(work, mine, self.state.clock(), **changes))

    def _steps(self, job: Job) -> Iterator[Step]:
        asked = json.loads(job.request)
        return self._backtest(job, asked) if job.kind == "backtest" else self._finalise(job, asked)

    def _known(self, job: Job, place: Callable[[dict[str, Any]], Any]) -> set[Any]:
        """What was found before a restart, by its place."""
        known: set[Any] = set()
        after = -1
        while True:
            with self.state.database.reading() as work:
                rows = jobs.results(work, job.id, after, READ_AT_ONCE)
            known.update(place(json.loads(row.document)) for row in rows)
            if len(rows) < READ_AT_ONCE:
                return known
            after = rows[-1].position

    def _backtest(self, job: Job, asked: dict[str, Any]) -> Iterator[Step]:
        with self.state.database.reading() as work:
            before, after = (candidate(self.state, work, job.tenant_id, asked[side]) for side in ("before", "after"))
        periods = [(each["from"], each["to"]) for each in asked["periods"]]
        progress = [0, 0]

        def tell(done: int, total: int) -> None:
            progress[:] = done, total

        known = self._known(job, lambda found: (found["customer"], found["period"]))
        pieces = Pieces()
        compared = backtest(
            self.state.database, job.tenant_id, before, after, periods, asked["customers"], done=known, progress=tell
        )
        for each in compared:
            if pieces.add(document_of(each)):
                yield Step(progress[0], progress[1], pieces.taken())
        yield Step(progress[1], progress[1], pieces.taken())

    def _finalise(self, job: Job, asked: dict[str, Any]) -> Iterator[Step]:
        with self.state.database.reading() as work:
            rows = programs.contracts(work, job.tenant_id)
        wanted = None if asked["customers"] is None else set(asked["customers"])
        todo = [(row.customer, row.name) for row in rows if wanted is None or row.customer in wanted]
        known = self._known(job, lambda found: (found["customer"], found["contract"]))
        period = asked["period"]["from"], asked["period"]["to"]
        pieces = Pieces()
        for number, (customer, contract) in enumerate(todo, start=1):
            if (customer, contract) not in known and pieces.add(self._finalised(job, customer, contract, period)):
                yield Step(number, len(todo), pieces.taken())
        yield Step(len(todo), len(todo), pieces.taken())

    def _finalised(self, job: Job, customer: str, contract: str, period: tuple[str, str]) -> dict[str, Any]:
        result: dict[str, Any] = {"customer": customer, "contract": contract}
        try:
            made = self.state.finaliser.finalise(job.tenant_id, customer, period, self.state.clock(), contract=contract)
        except (RuntimeProblem, EvaluationError) as error:
            return {**result, "problem": body_of(error)[1]}
        self.state.kept.forget(job.tenant_id)
        return {**result, "statement": made.id, "total": made.total, "due": made.due, "currency": made.currency}


class Pieces:
    """Results that wait to be written down: not many, and not for long."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._since = time.monotonic()

    def add(self, document: dict[str, Any]) -> bool:
        """Whether it is time to write them down."""
        self._found.append(written(document))
        return len(self._found) >= PIECES_AT_ONCE or time.monotonic() - self._since >= PIECES_SECONDS

    def taken(self) -> list[str]:
        found, self._found = self._found, []
        self._since = time.monotonic()
        return found


def document_of(compared: Compared) -> dict[str, Any]:
    """One customer in one period of a backtest."""
    return {
        "customer": compared.customer,
        "period": compared.period,
        "before": compared.before,
        "after": compared.after,
        "difference": compared.difference,
        "currency": compared.currency,
        "why": [{"line": line, "before": one, "after": other} for line, one, other in compared.why],
        "error": compared.error,
    }


def candidate(state: State, work: Work, tenant_id: str, side: dict[str, Any]) -> Candidate:
    """One side of a backtest. Raises `ProgramError`, `RuntimeProblem` X0102."""
    if side["inline"] is not None:
        return Candidate(
            state.compiler.inline(tenant_id, side["inline"]["source"], side["inline"]["files"]).ir, side["on"]
        )
    row = programs.version(work, tenant_id, side["program"]["name"], side["program"]["version"])
    return Candidate(ir_json.loads(row.ir), side["on"])
