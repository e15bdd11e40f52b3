"""Events in: one transaction for each batch, which is answered only when it is durable.

An event is accepted once for its tenant, source and id. Every event of a batch gets an answer: accepted, duplicate, or
rejected with a reason (and kept, so that it can be mended and sent again). A batch that meets another one is begun
anew; one whose answer was lost may be sent again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from sqlalchemy import insert

from pricing_dsl.plugin.manager import plugins
from runtime.errors import RuntimeProblem
from runtime.limits import BATCH_EVENTS_MAX, CELL_CHARACTERS_MAX, CELLS_PER_HOUR_MAX
from runtime.metering.batch import (
    Bucket,
    Counted,
    Metering,
    Rejected,
    Sums,
    add_up,
    bucket_of,
    measure,
    refused_by,
)
from runtime.metering.events import Given, Malformed, read_batch, written
from runtime.metering.merging import BucketFull, Merging, merging_for
from runtime.store.database import Database, Work
from runtime.store.repositories import meters
from runtime.store.tables import RejectedEvent

Outcome = Literal["accepted", "duplicate", "rejected"]

UNCHECKED_CELLS: Final = CELLS_PER_HOUR_MAX // 16
"""New cells of an hour that a process adds before it counts what is there: exact for up to 16 writers."""


class Ingested(NamedTuple):
    """The answer for a batch: what became of each event, in order, and why some were rejected."""

    outcomes: tuple[Outcome, ...]
    rejected: tuple[Rejected, ...]

    @property
    def accepted(self) -> int:
        return self.outcomes.count("accepted")

    @property
    def duplicates(self) -> int:
        return self.outcomes.count("duplicate")


class Ingester:
    """Takes batches for one tenant. Keeps what events are measured by until a program is published; thread-safe."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        self.database = database
        self.tenant_id = tenant_id
        self._metering: tuple[tuple[int, int, int], Metering] | None = None
        self._cells: dict[tuple[int, str, int], int] = {}

    def ingest(self, batch: bytes | Sequence[Given], now: datetime) -> Ingested:
        """Take a batch; when this returns, what it says is on the disk.

        Raises `RuntimeProblem`: X0305 for a batch that cannot be read or is too large.
        """
        try:
            given = read_batch(batch) if isinstance(batch, bytes) else batch
        except ValueError as error:
            raise RuntimeProblem("X0305", str(error), "send smaller batches of events") from None
        if len(given) > BATCH_EVENTS_MAX:
            raise RuntimeProblem(
                "X0305",
                f"a batch has at most {BATCH_EVENTS_MAX:_} events, and this one {len(given):_}",
                "send it in parts",
            )
        answer = self.database.run(lambda work: self._take(work, given, now))
        for each in answer.rejected:
            event = json.loads(written(given[each.place])) if not isinstance(given[each.place], Malformed) else {}
            plugins().observe("usage_rejected", event=event, reason=each.reason)
        return answer

    def _take(self, work: Work, given: Sequence[Given], now: datetime) -> Ingested:
        metering = self._current(work)
        counted, rejected = measure(metering, self.tenant_id, given, now)
        merging = merging_for(work)
        outcomes: list[Outcome] = ["accepted"] * len(given)
        while True:
            with work.connection.begin_nested() as savepoint:
                new, duplicates = without_known(merging, counted)
                refused = self._merge(metering, merging, new)
                if refused:
                    savepoint.rollback()
            if not refused:
                break
            rejected.extend(refused)
            gone = {each.place for each in refused}
            counted = [each for each in counted if each.place not in gone]
        for index in duplicates:
            outcomes[index] = "duplicate"
        rejected.sort()
        for each in rejected:
            outcomes[each.place] = "rejected"
        self._keep(work, given, rejected, now)
        return Ingested(tuple(outcomes), tuple(rejected))

    def _current(self, work: Work) -> Metering:
        stamp = meters.stamp(work, self.tenant_id)
        if self._metering is None or self._metering[0] != stamp:
            self._metering = stamp, Metering(meters.measuring(work, self.tenant_id))
        return self._metering[1]

    def _merge(self, metering: Metering, merging: Merging, new: Sequence[Counted]) -> list[Rejected]:
        """Merge the sums of the events that are new; those for which there is no room, and then nothing counts."""
        sums, refused = add_up(metering, new)
        if refused:
            return refused
        too_long = {bucket for bucket in buckets_of(sums) if len(bucket.cell) > CELL_CHARACTERS_MAX}
        if too_long:
            why = f"its dimension values have more than {CELL_CHARACTERS_MAX:_} characters"
            return events_in(metering, new, too_long, "X0308", why)
        crowded = self._crowded(merging, sums)
        if crowded:
            why = f"its hour has more than {CELLS_PER_HOUR_MAX:_} combinations of dimension values already"
            return events_in(metering, new, crowded, "X0309", f"{why}: give its meter fewer dimensions")
        for merge, pairs in sums.numbers.items():
            if pairs:
                merging.numbers(merge, pairs)
        try:
            if sums.states:
                merging.states(sums.states)
        except BucketFull as full:
            return [refused_by(each, full.cause) for each in counted_in(metering, new, {full.bucket})]
        return []

    def _crowded(self, merging: Merging, sums: Sums) -> set[Bucket]:
        """The buckets of a batch that an hour has no room for, the last by name."""
        crowded: set[Bucket] = set()
        for place, more in sums.cells.items():
            bound = self._cells.get(place, 0) + more
            if bound > UNCHECKED_CELLS:
                mine = [bucket for bucket in buckets_of(sums) if bucket[:3] == place]
                fresh = sorted(set(mine) - merging.cells_among(mine))
                there = merging.cells(*place)
                room = max(CELLS_PER_HOUR_MAX - there, 0)
                crowded.update(fresh[room:])
                bound = there + min(len(fresh), room)
            self._cells[place] = bound
        if len(self._cells) > UNCHECKED_CELLS:
            self._cells.clear()
        return crowded

    def _keep(self, work: Work, given: Sequence[Given], rejected: Iterable[Rejected], now: datetime) -> None:
        rows = [
            {
                "tenant_id": self.tenant_id,
                "received_at": now,
                "code": each.code,
                "reason": each.reason,
                "event": written(given[each.place]),
            }
            for each in rejected
        ]
        if rows:
            work.connection.execute(insert(RejectedEvent), rows)


def without_known(merging: Merging, counted: Sequence[Counted]) -> tuple[list[Counted], list[int]]:
    """The events that are new, once each, and the places of the others."""
    first: dict[bytes, Counted] = {}
    for each in counted:
        first.setdefault(each.key, each)
    known = merging.known_ids([(each.key, each.hour) for each in first.values()])
    if not known and len(first) == len(counted):
        return list(counted), []
    new = [each for key, each in first.items() if key not in known]
    fresh = {each.place for each in new}
    return new, [each.place for each in counted if each.place not in fresh]


def buckets_of(sums: Sums) -> Iterable[Bucket]:
    for pairs in sums.numbers.values():
        yield from (bucket for bucket, _ in pairs)
    yield from (bucket for bucket, _ in sums.states)


def counted_in(metering: Metering, counted: Iterable[Counted], buckets: set[Bucket]) -> list[Counted]:
    """The events that count in some of these buckets."""
    texts: dict[tuple[str, ...], str] = {}
    return [
        each
        for each in counted
        if any(
            bucket_of(metering.slots, (slot, each.event.subject, each.hour, cell), texts) in buckets
            for slot, cell, _ in each.taken
        )
    ]


def events_in(
    metering: Metering, counted: Iterable[Counted], buckets: set[Bucket], code: str, why: str
) -> list[Rejected]:
    return [Rejected(each.place, each.event.id, code, why) for each in counted_in(metering, counted, buckets)]
