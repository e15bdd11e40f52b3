"""Several processes that ingest at the same time; and what else may happen meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from multiprocessing import get_context
from typing import Any

from runtime.metering.ingest import Ingested, Ingester
from runtime.store.database import Database
from tests.metering.setting import NOW

WAIT_S_MAX = 300.0


def write(url: str, tenant: str, batches: Sequence[bytes], answers: Any, gate: Any) -> None:
    """One writer: it waits for the others, then sends its batches one after the other."""
    database = Database.open(url, upgrade=False)
    ingester = Ingester(database, tenant)
    gate.wait(WAIT_S_MAX)
    try:
        answers.put([tuple(ingester.ingest(batch, NOW)) for batch in batches])
    except Exception as error:  # a writer that fails says so, and its test fails
        answers.put(error)
        raise
    finally:
        database.close()


def all_at_once(
    url: str, tenant: str, parts: Sequence[Sequence[bytes]], meanwhile: Callable[[], None] | None = None
) -> list[list[Ingested]]:
    """Each part by a writer of its own; what they were answered. `meanwhile` is called again and again until then."""
    context: Any = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    answers, gate = context.Queue(), context.Barrier(len(parts))
    processes = [context.Process(target=write, args=(url, tenant, part, answers, gate), daemon=True) for part in parts]
    for process in processes:
        process.start()
    found: list[list[Ingested]] = []
    while len(found) < len(parts):
        if meanwhile is not None and answers.empty():
            meanwhile()
            continue
        answer = answers.get(timeout=WAIT_S_MAX)
        assert not isinstance(answer, Exception), answer
        found.append([Ingested(*each) for each in answer])
    for process in processes:
        process.join()
    return found
