"""Programs, version by version, and the contracts that are bound to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func
from sqlmodel import col, select

from runtime.errors import RuntimeProblem
from runtime.store.database import Work
from runtime.store.tables import Contract, Meter, Program, ProgramMeter, Tenant


def require_tenant(work: Work, tenant_id: str) -> Tenant:
    """The tenant. Raises `RuntimeProblem` X0101."""
    found = work.session.get(Tenant, tenant_id)
    if found is None:
        raise RuntimeProblem("X0101", f"there is no tenant `{tenant_id}`", "create it first")
    return found


def ensure_tenant(work: Work, tenant_id: str, now: datetime) -> Tenant:
    """The tenant, made where there is none."""
    found = work.session.get(Tenant, tenant_id)
    if found is None:
        found = Tenant(id=tenant_id, name=tenant_id, created_at=now)
        work.session.add(found)
        work.session.flush()
    return found


def versions(work: Work, tenant_id: str, name: str) -> list[Program]:
    """All versions of a program, the oldest first. Raises `RuntimeProblem` X0102 where there is none."""
    rows = select(Program).where(Program.tenant_id == tenant_id, Program.name == name).order_by(col(Program.version))
    found = list(work.session.exec(rows))
    if not found:
        raise RuntimeProblem("X0102", f"there is no program `{name}`", known_as(work, tenant_id))
    return found


def known_as(work: Work, tenant_id: str) -> str:
    names = list(work.session.exec(select(Program.name).where(Program.tenant_id == tenant_id).distinct()))
    return "there are " + ", ".join(f"`{name}`" for name in sorted(names)) if names else "publish one first"


def version(work: Work, tenant_id: str, name: str, number: int | None) -> Program:
    """One version of a program, the newest for `None`. Raises `RuntimeProblem` X0102."""
    there = timeline(work, tenant_id, name)
    for each in there:
        if each.version == (number or there[-1].version):
            return by_id(work, each.id)
    raise RuntimeProblem("X0102", f"`{name}` has no version {number}", f"its newest is {there[-1].version}")


class InForce(NamedTuple):
    """A version of a program, and from when it is in force."""

    id: int
    version: int
    effective_at: datetime


def timeline(work: Work, tenant_id: str, name: str) -> list[InForce]:
    """All versions of a program, the oldest first, without their texts. Raises `RuntimeProblem` X0102."""
    rows = select(Program.id, Program.version, Program.effective_at).where(
        Program.tenant_id == tenant_id, Program.name == name
    )
    found = [
        InForce(row_id, number, effective_at)
        for row_id, number, effective_at in work.session.exec(rows.order_by(col(Program.version)))
        if row_id is not None
    ]
    if not found:
        raise RuntimeProblem("X0102", f"there is no program `{name}`", known_as(work, tenant_id))
    return found


def by_id(work: Work, program_id: int) -> Program:
    """One version of a program."""
    found = work.session.get(Program, program_id)
    assert found is not None, "what names a program by its id keeps it"
    return found


def newest(work: Work, tenant_id: str, name: str) -> Program | None:
    """The newest version of a program, if there is any."""
    rows = select(Program).where(Program.tenant_id == tenant_id, Program.name == name)
    return work.session.exec(rows.order_by(col(Program.version).desc()).limit(1)).first()


def listed(work: Work, tenant_id: str) -> list[Program]:
    """The newest version of every program, by name."""
    newest_ids = select(func.max(Program.id)).where(Program.tenant_id == tenant_id).group_by(col(Program.name))
    rows = select(Program).where(col(Program.id).in_(newest_ids)).order_by(col(Program.name))
    return list(work.session.exec(rows))


def add(work: Work, program: Program, meter_ids: Sequence[int]) -> Program:
    """Keep a version and say which definitions it reads."""
    work.session.add(program)
    work.session.flush()
    assert program.id is not None
    for meter_id in sorted(set(meter_ids)):
        work.session.add(ProgramMeter(program_id=program.id, meter_id=meter_id))
    work.session.flush()
    return program


def meter_ids(work: Work, program_id: int) -> list[int]:
    """The definitions that a version reads."""
    return list(work.session.exec(select(ProgramMeter.meter_id).where(ProgramMeter.program_id == program_id)))


def meter_ids_by_name(work: Work, program_id: int) -> dict[str, int]:
    """The definitions that a version reads, by the names of their meters."""
    rows = (
        select(Meter.name, Meter.id)
        .join(ProgramMeter, col(ProgramMeter.meter_id) == col(Meter.id))
        .where(ProgramMeter.program_id == program_id)
    )
    return {name: meter_id for name, meter_id in work.session.exec(rows) if meter_id is not None}


# --- contracts -------------------------------------------------------------------------------------------------------


def contract(work: Work, tenant_id: str, customer: str, name: str | None = None, *, lock: bool = False) -> Contract:
    """A customer's contract: that of the name, or the only one. `lock` keeps others from it until the end.

    Raises `RuntimeProblem` X0103.
    """
    rows = select(Contract).where(Contract.tenant_id == tenant_id, Contract.customer == customer)
    if name is not None:
        rows = rows.where(Contract.name == name)
    if lock and work.dialect == "postgresql":
        rows = rows.with_for_update()
    found = list(work.session.exec(rows.order_by(col(Contract.name))))
    if len(found) == 1:
        return found[0]
    if not found:
        what = f"contract `{name}` of `{customer}`" if name else f"contract of `{customer}`"
        raise RuntimeProblem("X0103", f"there is no {what}", "bind one: `pricing contract bind`")
    there = ", ".join(f"`{each.name}`" for each in found)
    raise RuntimeProblem("X0103", f"`{customer}` has several contracts: {there}", "say which one")


def contract_by_id(work: Work, tenant_id: str, contract_id: int) -> Contract:
    """A contract by its id. Raises `RuntimeProblem` X0103."""
    found = work.session.get(Contract, contract_id)
    if found is None or found.tenant_id != tenant_id:
        raise RuntimeProblem("X0103", f"there is no contract {contract_id}", "")
    return found


def contracts(work: Work, tenant_id: str, *, program: str | None = None, customer: str | None = None) -> list[Contract]:
    """The contracts of a tenant, by customer and name."""
    rows = select(Contract).where(Contract.tenant_id == tenant_id)
    if program is not None:
        rows = rows.where(Contract.program == program)
    if customer is not None:
        rows = rows.where(Contract.customer == customer)
    return list(work.session.exec(rows.order_by(col(Contract.customer), col(Contract.name))))


def add_contract(work: Work, bound: Contract) -> Contract:
    """Keep a contract. Where another one bound it meanwhile, the database refuses it (`IntegrityError`)."""
    work.session.add(bound)
    work.session.flush()
    return bound
