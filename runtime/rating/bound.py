"""A contract with the program versions that price it, ready to evaluate; and a cache, for compiling takes its time."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from threading import Lock
from typing import NamedTuple

from sqlmodel import col, select

from pricing_dsl.evaluate.evaluator import Evaluator
from pricing_dsl.ir import json as ir_json
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.splice import Part, Spliced, splice
from pricing_dsl.values.periods import seconds_of
from runtime.errors import RuntimeProblem
from runtime.limits import EVALUATORS_KEPT
from runtime.store.database import Work
from runtime.store.repositories import programs
from runtime.store.tables import Contract, Meter, Program, ProgramMeter

Versions = tuple[tuple[int, int], ...]
"""What prices a contract: ids of programs, each with the second since 1970 from which it is in force."""


class Bound(NamedTuple):
    """A contract's evaluator. `meters` are the store's ids of the meters that its program reads, by name."""

    versions: Versions
    evaluator: Evaluator
    contract: ir.Contract
    meters: dict[str, int]


class Binder:
    """Makes bound contracts and keeps the newest used. Thread-safe."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Versions, str], Bound] = OrderedDict()
        self._lock = Lock()

    def bind(self, work: Work, contract: Contract, versions: Versions | None = None) -> Bound:
        """A contract as it stands, or as some versions had it.

        Raises `RuntimeProblem`: X0103 where its program has no such contract any more.
        """
        versions = versions or versions_of(work, contract)
        key = versions, contract.name
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
        made = made_of(work, contract, versions)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > EVALUATORS_KEPT:
                self._kept.popitem(last=False)
        return made


def versions_of(work: Work, contract: Contract) -> Versions:
    """The versions that price a contract: the one it is bound to, or all of its program in their order."""
    if contract.version is not None:
        row = programs.version(work, contract.tenant_id, contract.program, contract.version)
        assert row.id is not None
        return ((row.id, 0),)
    rows = programs.versions(work, contract.tenant_id, contract.program)
    starts = [0, *(seconds_of(row.effective_at) for row in rows[1:])]
    return tuple((row.id, start) for row, start in zip(rows, starts, strict=True) if row.id is not None)


def made_of(work: Work, contract: Contract, versions: Versions) -> Bound:
    rows = {
        row.id: row for row in work.session.exec(select(Program).where(col(Program.id).in_([v[0] for v in versions])))
    }
    loaded = {program_id: ir_json.loads(rows[program_id].ir) for program_id, _ in versions}
    parts = [Part(start, loaded[program_id]) for program_id, start in versions]
    parts = [part for part in parts if any(each.name == contract.name for each in part.program.contracts)]
    if not parts:
        raise RuntimeProblem(
            "X0103", f"`{contract.program}` has no contract `{contract.name}` any more", "publish one that has it"
        )
    spliced = splice(parts, contract.name)
    ids = {id(loaded[program_id]): program_id for program_id, _ in versions}
    agreed = spliced.program.contracts[0]
    return Bound(versions, Evaluator(spliced.program, agreed), agreed, meters_of(work, spliced, ids))


def meters_of(work: Work, spliced: Spliced, ids: dict[int, int]) -> dict[str, int]:
    """The store's id of each meter of a spliced program: that of the version it is of."""
    found: dict[str, int] = {}
    for meter in spliced.program.meters:
        part, name = spliced.origin(meter.name)
        rows = (
            select(Meter.id)
            .join(ProgramMeter, col(ProgramMeter.meter_id) == col(Meter.id))
            .where(ProgramMeter.program_id == ids[id(part.program)], Meter.name == name)
        )
        meter_id = work.session.exec(rows).one()
        assert meter_id is not None
        found[meter.name] = meter_id
    return found


def instant(seconds: int) -> datetime:
    """Seconds since 1970 as an instant."""
    return datetime.fromtimestamp(seconds, UTC)
