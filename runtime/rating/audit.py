"""Everything checked against everything: statements computed again, lines, balances and the ledger added up.

Finance runs it when it wants to; it changes nothing. A clean audit says that every amount that was ever finalised is
still what its program makes of its usage, and that every balance is the sum of its entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from pricing_dsl.ir import json as ir_json
from runtime.rating.bound import Binder
from runtime.rating.documents import loaded
from runtime.rating.replay import replay
from runtime.store.database import Work
from runtime.store.repositories import programs, statements
from runtime.store.tables import Contract, Statement


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


def audit(work: Work, binder: Binder, tenant_id: str, *, customer: str | None = None) -> Audited:
    """Check all that is finalised of a tenant, or of one of its customers."""
    findings: list[AuditFinding] = []
    checked, entries = 0, 0
    contracts = programs.contracts(work, tenant_id, customer=customer)
    for name in sorted({row.program for row in contracts}):
        for version in programs.versions(work, tenant_id, name):
            if ir_json.content_hash(ir_json.loads(version.ir)) != version.hash:
                findings.append(AuditFinding(f"program {name} {version.version}", "its IR is not that of its hash"))
    for row in contracts:
        assert row.id is not None
        finalised = statements.statements_of(work, row.id)
        checked += len(finalised)
        entries += len(statements.entries(work, row.id))
        findings.extend(of_contract(work, row, finalised))
        for each in finalised:
            findings.extend(of_statement(work, binder, tenant_id, each))
    return Audited(len(contracts), checked, entries, tuple(findings))


def of_statement(work: Work, binder: Binder, tenant_id: str, statement: Statement) -> Iterator[AuditFinding]:
    """One statement: computed again, and its columns and lines against its document."""
    about = f"statement {statement.id}"
    for place, kept, computed in replay(work, binder, tenant_id, statement.id).differences:
        yield AuditFinding(about, f"{place} is {kept}, and computed again {computed}")
    document = loaded(statement.document)
    if (Decimal(document["total"]), Decimal(document["due"])) != (statement.total, statement.due):
        yield AuditFinding(about, "its total or its due is not that of its document")
    kept_lines = [(line.line, line.amount) for line in statements.lines(work, statement.id)]
    said = [(line["id"], Decimal(line["amount"])) for line in (*document["lines"], *document["adjustments"])]
    if kept_lines != said:
        yield AuditFinding(about, "its lines are not those of its document")
    if sum(amount for _, amount in kept_lines) != statement.total:
        yield AuditFinding(about, "its lines do not add up to its total")


def of_contract(work: Work, row: Contract, finalised: list[Statement]) -> Iterator[AuditFinding]:
    """One contract: its statements follow each other, and its ledger adds up to what they closed with."""
    about = f"contract {row.name} of {row.customer}"
    assert row.id is not None
    closing: dict[str, Decimal] = {}
    for before, after in pairwise(finalised):
        if before.period_end != after.period_start:
            yield AuditFinding(about, f"no statement from {before.period_end.isoformat()}")
    for statement in finalised:
        for name, movement in loaded(statement.document).get("balances", {}).items():
            opening = closing.get(name, Decimal(0))
            if Decimal(movement["opening"]) != opening:
                yield AuditFinding(
                    about, f"{name} opens with {movement['opening']} on {statement.id}, after closing with {opening}"
                )
            closing[name] = Decimal(movement["closing"])
    sums = statements.balances(work, row.id)
    for name in sorted(sums):
        if sums[name] != closing.get(name, Decimal(0)):
            yield AuditFinding(
                about, f"the entries of {name} add up to {sums[name]}, and its statements to {closing.get(name, 0)}"
            )
