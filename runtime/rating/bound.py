"""A contract with the program versions that price it, ready to evaluate; and a cache, for compiling takes its time.

A billing period is priced by the versions in force by its end: what is published for later changes nothing of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from pricing_dsl.evaluate.evaluator import Evaluator, Period
from pricing_dsl.ir import json as ir_json
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.splice import Part, Spliced, Unlike, splice
from pricing_dsl.values.periods import ContractPeriod, seconds_of
from runtime.errors import RuntimeProblem
from runtime.limits import EVALUATORS_KEPT, PROGRAMS_KEPT
from runtime.store.database import Work
from runtime.store.repositories import programs
from runtime.store.tables import Contract

Kept = TypeVar("Kept")

Versions = tuple[tuple[int, int], ...]
"""What prices a contract: ids of programs, each with the second since 1970 from which it is in force."""


class Source(NamedTuple):
    """Where the usage of a meter is: its definition's id in the store, and the seconds in which that is in force.

    `carried_from` are earlier definitions of a `carried` meter, the latest first: its levels go on from theirs.
    """

    meter_id: int
    start: int
    end: int
    carried_from: tuple[int, ...] = ()


class Bound(NamedTuple):
    """A contract's evaluator, and where the usage of each meter that its program reads is."""

    versions: Versions
    evaluator: Evaluator
    contract: ir.Contract
    meters: dict[str, Source]


class Binder:
    """Makes bound contracts and keeps the newest used. Thread-safe."""

    def __init__(self) -> None:
        self._bound: Cache[Bound] = Cache(EVALUATORS_KEPT)
        self._programs: Cache[ir.Program] = Cache(PROGRAMS_KEPT)

    def for_period(self, work: Work, contract: Contract, period: Period | None) -> tuple[Bound, ContractPeriod]:
        """A contract as it prices a billing period (the first of its term for `None`), and that period.

        Raises `RuntimeProblem`: X0103 where its program has no such contract, X0403 where two versions cannot be one;
        and `EvaluationError` R0105 for what is no period of the contract.
        """
        versions = versions_of(work, contract)
        newest = self.bind(work, contract, versions)
        asked = newest.evaluator.contract_period(period)
        until = tuple(each for each in versions if each[1] < asked.end) or versions[:1]
        bound = self.bind(work, contract, until, at=asked.start)
        return bound, asked if bound is newest else bound.evaluator.contract_period(period)

    def bind(self, work: Work, contract: Contract, versions: Versions | None = None, *, at: int | None = None) -> Bound:
        """A contract as its newest version has it, or as some versions had it in the period that starts `at`.

        Raises `RuntimeProblem` as `for_period` does.
        """
        versions = versions or versions_of(work, contract)
        known_at = None if at is None else max((start for _, start in versions if start <= at), default=0)
        if known_at == versions[-1][1]:
            known_at = None  # the newest is in force all the time
        key = versions, contract.name, known_at
        return self._bound.get(key, lambda: self._made(work, contract, versions, known_at))

    def _made(self, work: Work, contract: Contract, versions: Versions, at: int | None) -> Bound:
        loaded = [(each, self._program(work, each[0])) for each in versions]
        found = [
            (program_id, Part(start, program))
            for (program_id, start), program in loaded
            if any(each.name == contract.name for each in program.contracts)
        ]
        if not found:
            raise RuntimeProblem(
                "X0103", f"`{contract.program}` has no contract `{contract.name}` any more", "publish one that has it"
            )
        try:
            spliced = splice([part for _, part in found], contract.name, at)
        except Unlike as unlike:
            raise RuntimeProblem(
                "X0403",
                f"`{contract.name}` cannot follow the versions of `{contract.program}`: {unlike}",
                "bind it to one version",
            ) from None
        agreed = spliced.program.contracts[0]
        ids = {id(part.program): program_id for program_id, part in found}
        return Bound(versions, Evaluator(spliced.program, agreed), agreed, sources_of(work, spliced, ids))

    def _program(self, work: Work, program_id: int) -> ir.Program:
        return self._programs.get(program_id, lambda: ir_json.loads(programs.by_id(work, program_id).ir))


class Cache(Generic[Kept]):
    """A bounded cache that forgets what was not used for the longest time. Thread-safe."""

    def __init__(self, entries_max: int) -> None:
        self.entries_max = entries_max
        self._entries: OrderedDict[Hashable, Kept] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._entries

    def get(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """What is kept under a key, made where there is none."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        made = make()
        with self._lock:
            self._entries[key] = made
            while len(self._entries) > self.entries_max:
                self._entries.popitem(last=False)
        return made


def versions_of(work: Work, contract: Contract) -> Versions:
    """The versions that price a contract: the one it is bound to, or all of its program in their order."""
    found = programs.timeline(work, contract.tenant_id, contract.program)
    if contract.version is not None:
        return tuple((each.id, 0) for each in found if each.version == contract.version)
    starts = [0, *(seconds_of(each.effective_at) for each in found[1:])]
    return tuple((each.id, start) for each, start in zip(found, starts, strict=True))


def sources_of(work: Work, spliced: Spliced, ids: dict[int, int]) -> dict[str, Source]:
    """Where the usage of each meter of a spliced program is; `ids` are those of its versions in the store."""
    stored = {program_id: programs.meter_ids_by_name(work, program_id) for program_id in set(ids.values())}
    own = {name: stored[ids[id(each.part.program)]][each.name] for name, each in spliced.definitions.items()}
    meters = {meter.name: meter for meter in spliced.program.meters}
    return {
        name: Source(
            own[name],
            each.start,
            each.end,
            tuple(own[other] for other in spliced.before(name) if goes_on(meters[other], meters[name])),
        )
        for name, each in spliced.definitions.items()
    }


def goes_on(older: ir.Meter, newer: ir.Meter) -> bool:
    """Whether levels of an older definition of a meter go on under a newer one: the same cells, in the same unit."""
    return older.carried and newer.carried and (older.dimensions, older.unit) == (newer.dimensions, newer.unit)


def instant(seconds: int) -> datetime:
    """Seconds since 1970 as an instant."""
    return datetime.fromtimestamp(seconds, UTC)
