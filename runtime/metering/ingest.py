"""Events in: one transaction for each batch, which is answered only when it is durable.

An event is accepted once for its tenant, source and id. Every event of a batch gets an answer: accepted, duplicate, or
rejected with a reason (and kept, so that it can be mended and sent again). A batch that meets another one is begun
anew; one whose answer was lost may be sent again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Final, Literal, NamedTuple

from sqlalchemy import insert

from pricing_dsl.plugin.manager import plugins
from runtime.errors import RuntimeProblem
from runtime.limits import (
    BATCH_EVENTS_MAX,
    CELL_BYTES_MAX,
    CELLS_PER_HOUR_MAX,
    DEDUP_DAYS,
    FORGET_AFTER_HOURS,
    PLACES_KEPT,
    REASON_CHARACTERS_MAX,
)
from runtime.metering.batch import (
    EPOCH,
    Bucket,
    Counted,
    Merged,
    Metering,
    Rejected,
    Sources,
    bucket_of,
    count,
    key_of,
    merged,
    refused_by,
    state_of,
)
from runtime.metering.events import Event, Given, as_mapping, read_batch, storable, written
from runtime.metering.merging import Merging, Place
from runtime.metering.on_postgres import PostgresMerging
from runtime.metering.on_sqlite import SqliteMerging
from runtime.metering.recent import move, recent_of
from runtime.store.database import Database, Work
from runtime.store.repositories import meters, programs
from runtime.store.tables import RejectedEvent

Outcome = Literal["accepted", "duplicate", "rejected"]

UNCHECKED_CELLS: Final = CELLS_PER_HOUR_MAX // 16
"""Cells of an hour up to which a process counts its own only: the limit is exact for up to 16 writers."""


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
        self._metering: tuple[meters.Stamp, Metering] | None = None
        self._room = Room()
        self._forgotten = b""
        """Up to which key ids were looked at lately: those beyond the dedup window go, a piece with each batch."""

    def ingest(self, batch: bytes | Sequence[Given], now: datetime) -> Ingested:
        """Take a batch; when this returns, what it says is on the disk.

        Raises `RuntimeProblem`: X0101 no such tenant, X0305 a batch that cannot be read or is too large.
        """
        given = self.read(batch)
        answer = self.database.run(lambda work: self.take(work, given, now))
        self.announce(given, answer)
        return answer

    def read(self, batch: bytes | Sequence[Given]) -> Sequence[Given]:
        """The events of a batch. Raises `RuntimeProblem` X0305."""
        try:
            given = read_batch(batch) if isinstance(batch, bytes) else batch
        except ValueError as error:
            raise RuntimeProblem("X0305", str(error), "send smaller batches of events, as JSON") from None
        if len(given) > BATCH_EVENTS_MAX:
            raise RuntimeProblem(
                "X0305",
                f"a batch has at most {BATCH_EVENTS_MAX:_} events, and this one {len(given):_}",
                "send it in parts",
            )
        return given

    def announce(self, given: Sequence[Given], answer: Ingested) -> None:
        """Tell plugins of the events that were not taken, once that is durable."""
        for each in answer.rejected:
            plugins().observe("usage_rejected", event=as_mapping(given[each.place]), reason=each.reason)

    def take(self, work: Work, given: Sequence[Given], now: datetime) -> Ingested:
        """The same in a caller's transaction: its caller announces the answer once that is durable.

        Raises `RuntimeProblem` X0101.
        """
        metering = self._current(work)
        merging = merging_for(work)
        without: set[int] = set()
        duplicates: set[int] = set()
        refused: list[Rejected] = []
        while True:
            counted = count(metering, self.tenant_id, given, now, without)
            with work.connection.begin_nested() as savepoint:
                known = merging.remember(counted.ids)
                if known:  # without them; what is remembered stays so
                    repeated = {p for key, p in zip(counted.ids, counted.places, strict=True) if key in known}
                    duplicates.update(repeated, counted.repeated)
                    counted = count(metering, self.tenant_id, given, now, without | duplicates)
                again = self._merge(metering, merging, given, counted)
                if not again:
                    break
                savepoint.rollback()
            refused += again
            without.update(each.place for each in again)
            duplicates = set()
        duplicates.update(counted.repeated)
        rejected, repeated = self._unknown(merging, given, counted, [*counted.rejected, *refused])
        duplicates |= repeated
        self._keep(work, given, rejected, now)
        self._forget(merging, len(given), now)
        outcomes: list[Outcome] = ["accepted"] * len(given)
        for place in duplicates:
            outcomes[place] = "duplicate"
        for each in rejected:
            outcomes[each.place] = "rejected"
        return Ingested(tuple(outcomes), tuple(rejected))

    def _current(self, work: Work) -> Metering:
        stamp = meters.stamp(work, self.tenant_id)
        known = self._metering
        if known is None or known[0] != stamp:
            programs.require_tenant(work, self.tenant_id)
            self._metering = known = stamp, Metering(meters.measuring(work, self.tenant_id))
        return known[1]

    def _merge(self, metering: Metering, merging: Merging, given: Sequence[Given], counted: Counted) -> list[Rejected]:
        """Merge what a batch counts; or the events for which there is no room, and then what was merged is void."""
        sums, refused = merged(metering, given, counted.sums)
        if refused:  # without what is kept of them; with it, others may be to blame
            kept = merging.states_of(list(refused))
            return once_each(
                one
                for bucket, found in refused.items()
                for one in refused_of(metering, given, counted, bucket, kept.get(bucket)) or found
            )
        too_long = {bucket for bucket in sums.buckets() if len(bucket.cell.encode()) > CELL_BYTES_MAX}
        if too_long:
            why = f"its dimension values have more than {CELL_BYTES_MAX:_} bytes"
            return refused_in(metering, given, counted, too_long, "X0308", why)
        crowded = self._room.crowded(merging, sums)
        if crowded:
            why = (
                f"its hour has {CELLS_PER_HOUR_MAX:_} combinations of dimension values already: "
                "give its meter fewer dimensions"
            )
            return refused_in(metering, given, counted, crowded, "X0309", why)
        for merge, pairs in sums.numbers.items():
            if pairs:
                merging.numbers(merge, pairs)
        full = merging.states(sums.states) if sums.states else []
        return once_each(
            one
            for each in full
            for one in refused_of(metering, given, counted, each.bucket, each.kept)
            or [
                refused_by(place, event, each.cause)
                for place, event in events_of(metering, given, counted, each.bucket)
            ]
        )

    def _unknown(
        self, merging: Merging, given: Sequence[Given], counted: Counted, rejected: Sequence[Rejected]
    ) -> tuple[list[Rejected], set[int]]:
        """Rejected events but for those that were accepted before: nothing is wrong with sending those again."""
        sources = Sources(self.tenant_id)
        found = [(each, given[each.place]) for each in rejected]
        keys = {each.place: key_of(sources, event) for each, event in found if isinstance(event, Event)}
        known = merging.known_among(set(keys.values())).difference(counted.ids) if keys else set()
        repeated = {place for place, key in keys.items() if key in known}
        return sorted(each for each in rejected if each.place not in repeated), repeated

    def _keep(self, work: Work, given: Sequence[Given], rejected: Iterable[Rejected], now: datetime) -> None:
        rows = [
            {
                "tenant_id": self.tenant_id,
                "received_at": now,
                "code": each.code,
                "reason": storable(each.reason[:REASON_CHARACTERS_MAX]),
                "event": storable(written(given[each.place])),
            }
            for each in rejected
        ]
        if rows:
            work.connection.execute(insert(RejectedEvent), rows)

    def _forget(self, merging: Merging, ids: int, now: datetime) -> None:
        """Forget ids beyond the dedup window, looking at as many as came in: most of the time half of all are newer."""
        if ids:
            self._forgotten = merging.forget(self._forgotten, ids, oldest_hour(now))[0] or b""


class Room:
    """How many cells hours have, as far as a process knows: counted where it sees one first, then by what it adds."""

    def __init__(self) -> None:
        self._cells: dict[Place, int] = {}
        self._lock = Lock()

    def crowded(self, merging: Merging, sums: Merged) -> set[Bucket]:
        """The buckets of a batch that an hour has no room for, the last by name."""
        mine: dict[Place, list[Bucket]] = {}
        for bucket in sums.buckets():
            mine.setdefault(bucket[:3], []).append(bucket)
        with self._lock:
            bounds = {place: self._cells.get(place) for place in mine}
        there = merging.cells([place for place, known in bounds.items() if known is None])
        crowded: set[Bucket] = set()
        for place, buckets in mine.items():
            known = bounds[place]
            bound = (there[place] if known is None else known) + len(buckets)
            if bound > UNCHECKED_CELLS:
                fresh = sorted(set(buckets) - merging.cells_among(buckets))
                counted = merging.cells([place])[place]
                room = max(CELLS_PER_HOUR_MAX - counted, 0)
                crowded.update(fresh[room:])
                bound = counted + min(len(fresh), room)
            bounds[place] = bound
        self._learn(bounds)
        return crowded

    def _learn(self, bounds: dict[Place, int | None]) -> None:
        with self._lock:
            for place, bound in bounds.items():
                self._cells.pop(place, None)
                self._cells[place] = bound or 0
            while len(self._cells) > PLACES_KEPT:
                del self._cells[next(iter(self._cells))]


def merging_for(work: Work) -> Merging:
    """What the transaction's database does for a batch."""
    if work.dialect == "sqlite":
        return SqliteMerging(work.driver, recent_of(work.connection.engine))
    return PostgresMerging(work.driver)


def forget(database: Database, now: datetime, piece: int = BATCH_EVENTS_MAX) -> int:
    """Forget all ids of events beyond the dedup window, `piece` by `piece`; how many that were."""

    def forget_behind(key: bytes, work: Work) -> tuple[bytes | None, int]:
        return merging_for(work).forget(key, piece, oldest_hour(now))

    if database.dialect == "sqlite":
        database.run(lambda work: move(work.driver))
    key: bytes | None = b""
    forgotten = 0
    while key is not None:
        key, count = database.run(partial(forget_behind, key))
        forgotten += count
    return forgotten


def oldest_hour(now: datetime) -> int:
    """The first hour whose ids are kept: an event before it is refused by any clock that is not a day wrong."""
    return int((now - EPOCH).total_seconds()) // 3600 - DEDUP_DAYS * 24 - FORGET_AFTER_HOURS


def refused_of(
    metering: Metering, given: Sequence[Given], counted: Counted, bucket: Bucket, kept: bytes | None
) -> list[Rejected]:
    """The events whose value does not go into what is kept of a bucket, looked at one by one."""
    return [
        each
        for key, values in counted.sums.values.items()
        if bucket_of(metering, key) == bucket
        for each in state_of(metering.slots[key[0]], given, values, kept)[1]
    ]


def events_of(metering: Metering, given: Sequence[Given], counted: Counted, bucket: Bucket) -> list[tuple[int, Event]]:
    """The events with a value in a bucket that keeps a state, each with its place."""
    places = {
        place
        for key, values in counted.sums.values.items()
        if bucket_of(metering, key) == bucket
        for place, _ in values
    }
    return [(place, event) for place in sorted(places) if isinstance(event := given[place], Event)]


def refused_in(
    metering: Metering, given: Sequence[Given], counted: Counted, buckets: set[Bucket], code: str, why: str
) -> list[Rejected]:
    """The events that count in some of these buckets: each is counted alone, to see where it goes."""
    rejected: list[Rejected] = []
    for place in counted.places:
        event = given[place]
        assert isinstance(event, Event)
        sums = count(metering, "", [event], event.time, frozenset()).sums
        keys = [*sums.added, *sums.largest, *sums.smallest, *sums.values]
        if any(bucket_of(metering, key) in buckets for key in keys):
            rejected.append(Rejected(place, event.id, code, why))
    return rejected


def once_each(rejected: Iterable[Rejected]) -> list[Rejected]:
    """Each event once, with the first reason."""
    first: dict[int, Rejected] = {}
    for each in rejected:
        first.setdefault(each.place, each)
    return list(first.values())
