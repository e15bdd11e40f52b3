"""Everything checked against everything: statements computed again, lines, balances and the ledger added up.

Finance runs it when it wants to; it changes nothing. A clean audit says that every amount that was ever finalised is
still what its program makes of its usage, that statements follow each other, and that every balance is the sum of its
entries. It also tells of late usage that has no price, which no correction can show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pricing_dsl
from pricing_dsl.diagnostics.diagnostic import ProgramError
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.ir import json as ir_json
from pricing_dsl.ir import nodes as ir
from runtime.errors import RuntimeProblem
from runtime.rating.bound import Binder
from runtime.rating.corrections import closing_counters, late_usage, name_of, versions_of
from runtime.rating.documents import loaded
from runtime.rating.finalise import LineOf, lines_of
from runtime.rating.ledger import Movement, movements
from runtime.rating.replay import replay
from runtime.store.database import Work
from runtime.store.repositories import programs, statements
from runtime.store.tables import Contract, LedgerEntry, Program, Statement


class AuditFinding(NamedTuple):
    """Something that does not agree: what it is about, and what was found there."""

    about: str
    what: str


class Audited(NamedTuple):
    """What was checked, and what does not agree."""

    contracts: int
    statements: int
    entries: int
    findings: tuple[AuditFinding, ...]


def audit(
    work: Work,
    binder: Binder,
    tenant_id: str,
    *,
    customer: str | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Audited:
    """Check all that is finalised of a tenant, or of one of its customers. Raises `RuntimeProblem` X0101."""
    programs.require_tenant(work, tenant_id)
    findings: list[AuditFinding] = []
    checked, entries = 0, 0
    contracts = programs.contracts(work, tenant_id, customer=customer)
    for name in sorted({row.program for row in contracts}):
        for version in programs.versions(work, tenant_id, name):
            findings.extend(of_program(version))
    for number, row in enumerate(contracts, start=1):
        assert row.id is not None
        finalised, its_entries = statements.statements_of(work, row.id), statements.entries(work, row.id)
        checked += len(finalised)
        entries += len(its_entries)
        findings.extend(of_contract(work, binder, row, finalised, its_entries))
        for each in finalised:
            findings.extend(of_statement(work, binder, tenant_id, row, each))
        progress(number, len(contracts))
    return Audited(len(contracts), checked, entries, tuple(findings))


def of_program(version: Program) -> Iterator[AuditFinding]:
    """One version: its text still says what it was compiled to, and that is what its hash is of."""
    about = f"program {version.name} {version.version}"
    kept = ir_json.loads(version.ir)
    if ir_json.content_hash(kept) != version.hash:
        yield AuditFinding(about, "what it was compiled to is not that of its hash")
    if version.language_version != ir.LANGUAGE_VERSION:
        return
    try:
        made = pricing_dsl.compile(version.source, name=f"{version.name}.pricing", files=loaded(version.files)).hash
    except ProgramError as error:
        made = f"errors: {error.diagnostics[0].message}"
    if made != version.hash:
        yield AuditFinding(about, f"its text does not say what it was compiled to any more: {made}")


# --- statements ------------------------------------------------------------------------------------------------------


def of_statement(
    work: Work, binder: Binder, tenant_id: str, row: Contract, statement: Statement
) -> Iterator[AuditFinding]:
    """One statement: computed again, and its columns and lines against its document."""
    about = f"statement {statement.id}"
    try:
        for place, kept, computed in replay(work, binder, tenant_id, statement.id).differences:
            yield AuditFinding(about, f"{place} is {kept}, and computed again {computed}")
    except (RuntimeProblem, EvaluationError) as error:
        yield AuditFinding(about, f"it cannot be computed again: {error.message}")
    document = loaded(statement.document)
    columns = (statement.customer, statement.currency, statement.total, statement.due)
    if columns != (row.customer, document["currency"], Decimal(document["total"]), Decimal(document["due"])):
        yield AuditFinding(about, "its customer, currency, total or due is not that of its document")
    lines = [LineOf(e.line, e.kind, e.quantity, e.unit, e.amount, e.net) for e in statements.lines(work, statement.id)]
    if lines != list(lines_of(document)):
        yield AuditFinding(about, "its lines are not those of its document")
    if sum(each.amount for each in lines) != statement.total:
        yield AuditFinding(about, "its lines do not add up to its total")


# --- contracts -------------------------------------------------------------------------------------------------------


def of_contract(
    work: Work, binder: Binder, row: Contract, finalised: Sequence[Statement], entries: Sequence[LedgerEntry]
) -> Iterator[AuditFinding]:
    """One contract: its statements follow each other, and its ledger is what they moved."""
    about = f"contract {row.name} of {row.customer}"
    before: Statement | None = None
    for statement in finalised:
        if before is not None:
            yield from in_order(about, before, statement)
        before = statement
    yield from in_ledger(binder, work, row, finalised, entries)
    try:
        for statement, entry in late_usage(work, binder, row).unpriced:
            yield AuditFinding(f"statement {statement.id}", f"late usage on `{entry.line}` is unpriced: {entry.reason}")
    except (RuntimeProblem, EvaluationError) as error:
        yield AuditFinding(about, f"late usage cannot be evaluated: {error.message}")


def in_order(about: str, before: Statement, after: Statement) -> Iterator[AuditFinding]:
    """A statement begins where and with what the one before it ended."""
    if before.period_end != after.period_start:
        yield AuditFinding(about, f"there is no statement from {before.period_end.isoformat()}")
    inputs = loaded(after.inputs)
    closing = loaded(before.document).get("balances", {})
    for name, opened in inputs["balances"].items():
        if opened != closing.get(name):
            left = closing.get(name, {}).get("closing", "nothing")
            yield AuditFinding(
                about, f"{name} opens with {opened.get('closing')} on {after.id}, after closing with {left}"
            )
    counters = inputs["restated"].get(name_of(before), closing_counters(before))
    if before.programs == after.programs:
        is_same = inputs["counters"] == counters
    else:  # another version may count cell by cell what was pooled
        is_same = pooled(inputs["counters"]) == pooled(counters)
    if not is_same:
        yield AuditFinding(about, f"the counters of {after.id} are not those that the statement before it left")


def pooled(counters: Mapping[str, Any]) -> dict[str, Fraction]:
    """What each counter comes to in all."""
    return {
        name: sum((Fraction(cell["quantity"]) for cell in counter), Fraction(0))
        if isinstance(counter, list)
        else Fraction(counter)
        for name, counter in counters.items()
    }


def in_ledger(
    binder: Binder, work: Work, row: Contract, finalised: Sequence[Statement], entries: Sequence[LedgerEntry]
) -> Iterator[AuditFinding]:
    """Every entry is of a statement, and says what that moved; each balance is the sum of its entries."""
    about = f"contract {row.name} of {row.customer}"
    kept: dict[str | None, list[Movement]] = {}
    sums: dict[str, Decimal] = {}
    for entry in entries:
        kept.setdefault(entry.statement_id, []).append(
            Movement(entry.balance, entry.kind, entry.amount, entry.unit, entry.line)
        )
        sums[entry.balance] = sums.get(entry.balance, Decimal(0)) + entry.amount
    closing: dict[str, Decimal] = {}
    for statement in finalised:
        document = loaded(statement.document)
        contract = binder.bind(work, row, versions_of(statement)).contract
        moved = list(movements(contract, document, brought=is_brought(statement, finalised[0])))
        if kept.pop(statement.id, []) != moved:
            yield AuditFinding(f"statement {statement.id}", "the ledger does not say what it moved")
        floors = {floor.name for floor in contract.floors}
        balances: Mapping[str, Any] = document.get("balances", {})
        closing.update({name: Decimal(each["closing"]) for name, each in balances.items() if name not in floors})
    for statement_id in kept:
        yield AuditFinding(about, f"the ledger has entries of {statement_id or 'no statement'}")
    for name in sorted({*sums, *closing}):
        if sums.get(name, Decimal(0)) != closing.get(name, Decimal(0)):
            yield AuditFinding(
                about,
                f"the entries of {name} add up to {sums.get(name, 0)}, and its statements to {closing.get(name, 0)}",
            )


def is_brought(statement: Statement, first: Statement) -> bool:
    """Whether a statement opens with balances that were kept elsewhere before."""
    return statement is first and bool(loaded(statement.inputs)["balances"])
