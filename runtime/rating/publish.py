"""Programs made versions: checked, their examples run, their meters known to metering; contracts bound to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

import pricing_dsl
from pricing_dsl.ir import json as ir_json
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.verify import walk_expression
from pricing_dsl.plugin.manager import plugins
from runtime.errors import RuntimeProblem
from runtime.store.database import Work
from runtime.store.repositories import meters, programs, statements
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
) -> Program:
    """Keep a program as its name's newest version, in force from `effective_at` (now, if not said) on.

    The same text published again is the version that is there already. Contracts that follow the newest version change
    their prices at `effective_at`; what a period has been finalised by stays as it is.

    Raises `pricing_dsl.ProgramError` with what is wrong with the program; `RuntimeProblem`: X0401 an example fails,
    X0402 in force before the version it follows, before a finalised period's end, or before its new meters.
    """
    programs.require_tenant(work, tenant_id)
    files = dict(files or {})
    compiled = pricing_dsl.compile(source, name=f"{name}.pricing", files=files)
    require_examples(compiled)
    before = programs.newest(work, tenant_id, name)
    written_files = json.dumps(files, sort_keys=True, ensure_ascii=False)
    if before is not None and (before.source, before.files) == (source, written_files):
        return before
    effective_at = effective_at or now
    ids = meters.register(work, tenant_id, compiled.ir, now)
    if before is not None:
        require_in_order(work, before, effective_at, now, set(ids.values()))
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


def require_examples(program: pricing_dsl.Program) -> None:
    """Raise `RuntimeProblem` X0401 where an example of the program fails."""
    for result in program.run_examples():
        if not result.passed:
            failed = "; ".join(str(check) for check in result.checks if not check.passed)
            raise RuntimeProblem(
                "X0401",
                f'the example "{result.label}" fails: {result.error or failed}',
                "`pricing test` shows it whole",
            )


def require_in_order(work: Work, before: Program, effective_at: datetime, now: datetime, meter_ids: set[int]) -> None:
    """Raise `RuntimeProblem` X0402 for a version that would change what is past."""
    assert before.id is not None
    if effective_at <= before.effective_at:
        raise RuntimeProblem(
            "X0402",
            f"version {before.version} is in force from {before.effective_at.isoformat()}",
            "let the new one begin after it",
        )
    following = programs.contracts(work, before.tenant_id, program=before.name)
    ids = [each.id for each in following if each.version is None and each.id is not None]
    until = statements.finalised_until(work, ids)
    if until is not None and effective_at < until:
        raise RuntimeProblem(
            "X0402", f"a period until {until.isoformat()} is finalised", "let the new version begin there or later"
        )
    if effective_at < now and not meter_ids <= set(programs.meter_ids(work, before.id)):
        raise RuntimeProblem(
            "X0402",
            "the version measures usage in a new way, and usage of the past was not measured so",
            "let it begin now or later",
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
    found = programs.versions(work, tenant_id, program)
    row = found[-1] if version is None else programs.version(work, tenant_id, program, version)
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
    bound = Contract(
        tenant_id=tenant_id, customer=customer, name=contract, program=program, version=version, created_at=now
    )
    work.session.add(bound)
    work.session.flush()
    return bound
