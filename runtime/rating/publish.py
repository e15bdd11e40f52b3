"""Programs made versions: checked, their examples run, their meters known to metering; contracts bound to them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime, timedelta

import pricing_dsl
from pricing_dsl.ir import json as ir_json
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.splice import Unlike, require_alike
from pricing_dsl.ir.verify import walk_expression
from pricing_dsl.plugin.manager import plugins
from pricing_dsl.values.periods import seconds_of
from runtime.errors import RuntimeProblem
from runtime.limits import NAME_CHARACTERS_MAX
from runtime.rating.bound import Binder
from runtime.rating.usage import require_hours
from runtime.store.database import Work
from runtime.store.repositories import meters, programs, statements, usage
from runtime.store.tables import Contract, Program


def publish(
    work: Work,
    tenant_id: str,
    name: str,
    source: str,
    now: datetime,
    *,
    files: Mapping[str, str] | None = None,
    effective_at: datetime | None = None,
    compiled: pricing_dsl.Program | None = None,
) -> Program:
    """Keep a program as its name's newest version, in force from `effective_at` (the next full hour) on.

    The same text published again is the version that is there already. Contracts that follow the newest version change
    their prices at `effective_at`; what a period has been finalised by stays as it is. The first version counts from
    the start of terms on. `compiled` is the program where its caller has compiled it, which others need not wait for.

    Raises `pricing_dsl.ProgramError` with what is wrong with the program; `RuntimeProblem`: X0401 an example fails,
    X0402 it would change what is past, X0403 a contract that follows the program cannot follow it so, X0406 in force
    inside an hour.
    """
    programs.require_tenant(work, tenant_id)
    require_name("a program", name)
    files = dict(files or {})
    compiled = compiled or pricing_dsl.compile(source, name=f"{name}.pricing", files=files)
    ids = meters.register(work, tenant_id, compiled.ir, now)  # from here on no other version is published
    before = programs.newest(work, tenant_id, name)
    written_files = json.dumps(files, sort_keys=True, ensure_ascii=False)
    if before is not None and (before.source, before.files) == (source, written_files):
        return before
    require_examples(compiled)
    if before is None:
        effective_at = effective_at or now.replace(minute=0, second=0, microsecond=0)
    else:
        effective_at = effective_at or hour_from(now)
        require_in_order(work, before, effective_at)
        require_unmeasured(work, before, compiled.ir, effective_at, ids)
        require_followed(work, before, compiled.ir, effective_at)
    require_hours(math.ceil(effective_at.timestamp()))
    made = Program(
        tenant_id=tenant_id,
        name=name,
        version=1 if before is None else before.version + 1,
        source=source,
        files=written_files,
        ir=ir_json.dumps(compiled.ir),
        hash=compiled.hash,
        language_version=compiled.ir.language,
        plugins=json.dumps(plugins_of(compiled.ir), sort_keys=True),
        effective_at=effective_at,
        published_at=now,
    )
    return programs.add(work, made, list(ids.values()))


def hour_from(now: datetime) -> datetime:
    """The full hour that an instant is, or that comes next: usage is kept by the hour.

    >>> from datetime import UTC
    >>> hour_from(datetime(2026, 3, 1, 9, 0, 1, tzinfo=UTC)).isoformat()
    '2026-03-01T10:00:00+00:00'
    """
    begun = now.replace(minute=0, second=0, microsecond=0)
    return begun if begun == now else begun + timedelta(hours=1)


def require_examples(program: pricing_dsl.Program) -> None:
    """Raise `RuntimeProblem` X0401 where an example of the program fails."""
    for result in program.run_examples():
        if not result.passed:
            failed = "; ".join(
                f"`{check.target}` is {check.actual}, not {check.expected}"
                for check in result.checks
                if not check.passed
            )
            raise RuntimeProblem(
                "X0401",
                f'the example "{result.label}" fails: {result.error or failed}',
                "`pricing test` shows it whole",
            )


def require_in_order(work: Work, before: Program, effective_at: datetime) -> None:
    """Raise `RuntimeProblem` X0402 for a version that begins before another one, or in a finalised period."""
    if effective_at < before.effective_at:
        raise RuntimeProblem(
            "X0402",
            f"version {before.version} is in force from {before.effective_at.isoformat()}",
            "let the new one begin then or later",
        )
    until = statements.finalised_until(work, before.tenant_id, before.name)
    if until is not None and effective_at < until:
        raise RuntimeProblem(
            "X0402", f"a period until {until.isoformat()} is finalised", "let the new version begin there or later"
        )


def require_unmeasured(
    work: Work, before: Program, program: ir.Program, effective_at: datetime, ids: Mapping[str, int]
) -> None:
    """Raise `RuntimeProblem` X0402 where events that a new definition reads were measured without it already."""
    assert before.id is not None
    known = set(programs.meter_ids(work, before.id))
    new = {kind for meter in program.meters if ids[meter.name] not in known for kind in meter.event_types}
    measuring = {d.id: d for epoch in meters.measuring(work, before.tenant_id) for d in epoch.definitions}
    hour = int(effective_at.timestamp()) // 3_600
    for definition in measuring.values():
        if not new.isdisjoint(definition.meter.event_types) and usage.is_used_since(work, definition.id, hour):
            changed = ", ".join(f"`{meter.name}`" for meter in program.meters if ids[meter.name] not in known)
            raise RuntimeProblem(
                "X0402",
                f"{changed} would be measured in a new way from {effective_at.isoformat()} on, and there is usage "
                "after that already",
                "let the version begin later, at the next full hour if not said",
            )


def require_followed(work: Work, before: Program, program: ir.Program, effective_at: datetime) -> None:
    """Raise `RuntimeProblem` X0403 where a contract that follows the program has no place in the new version."""
    older = ir_json.loads(before.ir)
    known = {each.name: each for each in older.contracts}
    new = {each.name: each for each in program.contracts}
    start = seconds_of(effective_at)
    for row in programs.contracts(work, before.tenant_id, program=before.name):
        mine = known.get(row.name)
        if row.version is not None or mine is None or mine.end <= start:
            continue
        if row.name not in new:
            raise RuntimeProblem(
                "X0403",
                f"the new version has no contract `{row.name}`, which prices `{row.customer}`",
                "keep it; to end it, let its term end",
            )
        try:
            if mine.start < start:
                require_alike(older, mine, program, new[row.name])
        except Unlike as unlike:
            raise RuntimeProblem(
                "X0403",
                f"`{row.name}`, which prices `{row.customer}`, cannot go on in the new version: {unlike}",
                "let its term end, and give a contract of another name the rest",
            ) from None


def require_name(what: str, name: str) -> None:
    """Raise `RuntimeProblem` X0407 for a name that cannot be kept."""
    if not 0 < len(name) <= NAME_CHARACTERS_MAX or not name.isprintable():
        raise RuntimeProblem(
            "X0407", f"{what} has a name of 1 to {NAME_CHARACTERS_MAX} characters, not {name[:40]!r}", "name it so"
        )


def plugins_of(program: ir.Program) -> dict[str, str]:
    """The plugins whose aggregations and functions a program's meters need, with their versions."""
    provided = plugins()
    used = [
        provided.aggregations[measure.aggregation]
        for meter in program.meters
        for measure in meter.measures
        if measure.aggregation in provided.aggregations
    ]
    names = {each.plugin: each.version for each in used}
    for meter in program.meters:
        expressions = [argument for measure in meter.measures for argument in measure.arguments]
        expressions += [dimension.expression for dimension in meter.event_dimensions]
        expressions += [] if meter.where is None else [meter.where]
        for each in (inner for expression in expressions for inner in walk_expression(expression)):
            if isinstance(each, ir.Apply) and each.operator.startswith("function:"):
                function = provided.functions[each.operator.removeprefix("function:")]
                names[function.plugin] = function.version
    return names


def bind(
    work: Work,
    tenant_id: str,
    program: str,
    contract: str,
    now: datetime,
    *,
    customer: str | None = None,
    version: int | None = None,
) -> Contract:
    """Bind a contract of a program to a customer: the one that it names, if none is given.

    `version` binds it to that version for ever; otherwise it follows the newest. Bound again the same way, it is the
    one that is there. Raises `RuntimeProblem`: X0102, X0103, X0403 no customer, or bound otherwise already.
    """
    programs.require_tenant(work, tenant_id)
    row = programs.version(work, tenant_id, program, version)
    made = ir_json.loads(row.ir)
    agreed = next((each for each in made.contracts if each.name == contract), None)
    if agreed is None:
        there = ", ".join(f"`{each.name}`" for each in made.contracts) or "none"
        raise RuntimeProblem("X0103", f"`{program}` has no contract `{contract}`", f"there are: {there}")
    customer = customer or agreed.customer
    if customer is None:
        raise RuntimeProblem(
            "X0403", f"`{contract}` names no customer", 'write `customer "..."` in it, or say the customer here'
        )
    known = next((c for c in programs.contracts(work, tenant_id, customer=customer) if c.name == contract), None)
    if known is not None:
        if (known.program, known.version) == (program, version):
            return known
        how = "the newest version" if known.version is None else f"version {known.version}"
        raise RuntimeProblem(
            "X0403", f"`{contract}` of `{customer}` is bound to {how} of `{known.program}`", "bind under another name"
        )
    require_name("a customer", customer)
    bound = Contract(
        tenant_id=tenant_id, customer=customer, name=contract, program=program, version=version, created_at=now
    )
    Binder().bind(work, bound)
    return programs.add_contract(work, bound)
