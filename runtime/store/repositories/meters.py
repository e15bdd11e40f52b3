"""The definitions of meters: what events are measured by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import text
from sqlmodel import col, select

from pricing_dsl.ir import json as ir_json
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.verify import walk_expression
from runtime.store.database import Work
from runtime.store.tables import Contract, Meter, Program, ProgramMeter

METERING_LOCK: Final = 3
"""Tells the advisory locks of metering from others of the same tenant."""


def expressions_of(meter: ir.Meter) -> list[ir.Expression]:
    """All that a meter reads of an event."""
    expressions = [each.expression for each in meter.event_dimensions]
    expressions += [argument for measure in meter.measures for argument in measure.arguments]
    return expressions if meter.where is None else [*expressions, meter.where]


def definition_of(program: ir.Program, meter: ir.Meter) -> ir.Program:
    """A program of one meter and the tables that its expressions read: what its aggregates depend on, and no more.

    How the meter is called by its label, and where it stands in the text, take no part in it.
    """
    operations = [each for expression in expressions_of(meter) for each in walk_expression(expression)]
    read = {each.operator.removeprefix("table:") for each in operations if isinstance(each, ir.Apply)}
    tables = tuple(table for table in program.tables if table.name in read)
    return replace(program, meters=(replace(meter, label=""),), tables=tables, quantities=(), plans=(), contracts=())


def register(work: Work, tenant_id: str, program: ir.Program, now: datetime) -> Mapping[str, int]:
    """The ids of a program's meters by name; a definition that is new is measured from now on.

    Waits until no batch is on its way, and lets none begin before the transaction ends.
    """
    _lock(work, tenant_id, shared=False)
    ids: dict[str, int] = {}
    for meter in program.meters:
        definition = definition_of(program, meter)
        key = ir_json.content_hash(definition)
        known = work.session.exec(
            select(Meter).where(Meter.tenant_id == tenant_id, Meter.name == meter.name, Meter.hash == key)
        ).first()
        if known is None:
            known = Meter(
                tenant_id=tenant_id,
                name=meter.name,
                hash=key,
                definition=ir_json.dumps(definition, spans=False),
                since=now,
            )
            work.session.add(known)
            work.session.flush()
        assert known.id is not None
        ids[meter.name] = known.id
    return ids


def known(work: Work, tenant_id: str, name: str, key: str) -> int | None:
    """The id of a definition by its meter's name and its hash, if it is measured."""
    return work.session.exec(
        select(Meter.id).where(Meter.tenant_id == tenant_id, Meter.name == name, Meter.hash == key)
    ).first()


class Definition(NamedTuple):
    """A meter's definition: its id, and the program of that one meter."""

    id: int
    program: ir.Program

    @property
    def meter(self) -> ir.Meter:
        return self.program.meters[0]


class Measuring(NamedTuple):
    """Which definitions measure events whose time is at or after `start` (`None`: since ever) and before the next's."""

    start: datetime | None
    definitions: tuple[Definition, ...]


Stamp = tuple[int, int, int]
STAMP: Final = text(
    "SELECT coalesce((SELECT max(id) FROM programs WHERE tenant_id = :tenant), 0), count(*), coalesce(sum(version), 0) "
    "FROM contracts WHERE tenant_id = :tenant AND version IS NOT NULL"
)


def stamp(work: Work, tenant_id: str) -> Stamp:
    """Changes whenever what `measuring` says changes, for programs and contracts are only ever added.

    Until the transaction ends no program is published (`register` waits), so that no event is measured by what is not
    in force at its time.
    """
    _lock(work, tenant_id, shared=True)
    return tuple(work.connection.execute(STAMP, {"tenant": tenant_id}).one())


def measuring(work: Work, tenant_id: str) -> list[Measuring]:
    """By which definitions events are measured, by their time: those of the version of each program then in force.

    A program's first version counts as in force since ever, so that usage of the past may come in after it; a version
    that a contract is bound to is always in force. Measured by all its versions, a definition that was mended would go
    on refusing events.
    """
    rows = work.session.exec(select(Meter).where(Meter.tenant_id == tenant_id))
    meters = {row.id: Definition(row.id, ir_json.loads(row.definition)) for row in rows if row.id is not None}
    reads: dict[int, list[int]] = {}
    links = select(ProgramMeter).join(Program, col(Program.id) == col(ProgramMeter.program_id))
    for link in work.session.exec(links.where(Program.tenant_id == tenant_id)):
        reads.setdefault(link.program_id, []).append(link.meter_id)
    versions: dict[str, list[tuple[datetime, int, int]]] = {}
    found = select(Program.name, Program.effective_at, Program.version, Program.id).where(
        Program.tenant_id == tenant_id
    )
    for name, effective_at, version, program_id in work.session.exec(found):
        assert program_id is not None
        versions.setdefault(name, []).append((effective_at, version, program_id))
    pinned = set(
        work.session.exec(
            select(Contract.program, Contract.version).where(
                Contract.tenant_id == tenant_id, col(Contract.version).is_not(None)
            )
        )
    )
    always = {each[2] for name, rows_ in versions.items() for each in rows_ if (name, each[1]) in pinned}
    starts = sorted({each[0] for rows_ in versions.values() for each in sorted(rows_)[1:]})
    made: list[Measuring] = []
    for start in (None, *starts):
        in_force = set(always)
        for rows_ in versions.values():
            ordered = sorted(rows_)
            then = [each for each in ordered if start is not None and each[0] <= start]
            in_force.add((then or ordered)[0 if not then else -1][2])
        ids = sorted({meter_id for program_id in in_force for meter_id in reads.get(program_id, ())})
        made.append(Measuring(start, tuple(meters[each] for each in ids)))
    return made


def _lock(work: Work, tenant_id: str, *, shared: bool) -> None:
    """Keep those that publish from those that measure. On SQLite a writer is alone anyhow."""
    if work.dialect == "postgresql":
        word = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        work.driver.execute(f"SELECT {word}(hashtextextended(%s, {METERING_LOCK}))", (tenant_id,))
