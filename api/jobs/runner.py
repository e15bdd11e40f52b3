"""Runs jobs one after the other in a thread. What is done is written down as it comes, so a restart goes on there.

A job belongs to the process that moves it on; one that has stood still for `STALE` is taken over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from threading import Event, Thread
from typing import Any, Final

import structlog

import pricing_dsl
from api.metrics import JOBS
from api.problems import body_of
from api.state import State
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.ir import json as ir_json
from runtime.errors import RuntimeProblem
from runtime.rating.backtest import Candidate, backtest
from runtime.rating.documents import written
from runtime.store.database import Work
from runtime.store.repositories import jobs, programs
from runtime.store.tables import Job

STALE: Final = timedelta(seconds=60)
PIECES_AT_ONCE: Final = 20
"""Results that are written down together."""
IDLE_SECONDS: Final = 0.5

log = structlog.get_logger("pricing.jobs")


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
            job = self.state.database.run(lambda work: jobs.claim(work, self.state.clock(), STALE))
            if job is None:
                self.wake.wait(IDLE_SECONDS)
                self.wake.clear()
                continue
            self._work(job)

    def _work(self, job: Job) -> None:
        state = jobs.DONE
        problem = None
        try:
            for done, total, documents in self._pieces(job):
                moved = self._move(job.id, results=documents, done=done, total=total)
                if moved != jobs.RUNNING:
                    return
                if self._stop.is_set():
                    self._move(job.id, state=jobs.WAITING)
                    return
        except Exception as error:
            log.exception("job failed", job=job.id)
            state, problem = jobs.FAILED, written(body_of(error)[1])
        self._move(job.id, state=state, problem=problem)
        JOBS.labels(job.kind, state).inc()

    def _move(self, job_id: str, **changes: Any) -> str:
        return self.state.database.run(lambda work: jobs.move(work, job_id, self.state.clock(), **changes))

    def _pieces(self, job: Job) -> Iterator[tuple[int, int, Sequence[str]]]:
        """What is done, of how many, and what was found since: after every few pieces."""
        asked = json.loads(job.request)
        with self.state.database.reading() as work:
            known = [json.loads(each.document) for each in jobs.results(work, job.id, -1, 10**9)]
        return self._backtest(job, asked, known) if job.kind == "backtest" else self._finalise(job, asked, known)

    def _backtest(
        self, job: Job, asked: dict[str, Any], known: list[dict[str, Any]]
    ) -> Iterator[tuple[int, int, Sequence[str]]]:
        with self.state.database.reading() as work:
            before, after = (candidate(work, job.tenant_id, asked[side]) for side in ("before", "after"))
        periods = [(each["from"], each["to"]) for each in asked["periods"]]
        progress = [0, 0]

        def tell(done: int, total: int) -> None:
            progress[:] = done, total

        found: list[str] = []
        done = [(each["customer"], each["period"]) for each in known]
        for each in backtest(
            self.state.database, job.tenant_id, before, after, periods, asked["customers"], done=done, progress=tell
        ):
            difference = each.difference
            found.append(
                written(
                    {
                        "customer": each.customer,
                        "period": each.period,
                        "before": each.before,
                        "after": each.after,
                        "difference": difference,
                        "currency": each.currency,
                        "why": [{"line": line, "before": one, "after": other} for line, one, other in each.why],
                        "error": each.error,
                    }
                )
            )
            if len(found) >= PIECES_AT_ONCE:
                yield progress[0], progress[1], found
                found = []
        yield progress[1], progress[1], found

    def _finalise(
        self, job: Job, asked: dict[str, Any], known: list[dict[str, Any]]
    ) -> Iterator[tuple[int, int, Sequence[str]]]:
        with self.state.database.reading() as work:
            rows = programs.contracts(work, job.tenant_id)
        wanted = None if asked["customers"] is None else set(asked["customers"])
        todo = [(row.customer, row.name) for row in rows if wanted is None or row.customer in wanted]
        done = {(each["customer"], each["contract"]) for each in known}
        period = asked["period"]["from"], asked["period"]["to"]
        found: list[str] = []
        for number, (customer, contract) in enumerate(todo, start=1):
            if (customer, contract) in done:
                continue
            result: dict[str, Any] = {"customer": customer, "contract": contract}
            try:
                made = self.state.finaliser.finalise(
                    job.tenant_id, customer, period, self.state.clock(), contract=contract
                )
                result |= {"statement": made.id, "total": made.total, "due": made.due, "currency": made.currency}
            except (RuntimeProblem, EvaluationError) as error:
                result["problem"] = body_of(error)[1]
            found.append(written(result))
            if len(found) >= PIECES_AT_ONCE:
                yield number, len(todo), found
                found = []
        yield len(todo), len(todo), found


def candidate(work: Work, tenant_id: str, side: dict[str, Any]) -> Candidate:
    """One side of a backtest."""
    if side["inline"] is not None:
        program = pricing_dsl.compile(side["inline"]["source"], name="inline.pricing", files=side["inline"]["files"])
        return Candidate(program.ir, side["on"])
    name, version = side["program"]["name"], side["program"]["version"]
    if version is None:
        return Candidate(ir_json.loads(programs.versions(work, tenant_id, name)[-1].ir), side["on"])
    return Candidate(ir_json.loads(programs.version(work, tenant_id, name, version).ir), side["on"])
