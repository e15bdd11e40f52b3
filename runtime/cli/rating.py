"""`pricing rate`, `statement`, `balances`, `replay` and `audit`: what customers pay, and why that is right."""

from __future__ import annotations

import pricing_dsl
from pricing_dsl.cli import output
from pricing_dsl.cli.agreed import grouped
from pricing_dsl.cli.files import CallError
from pricing_dsl.cli.statements import parse_period
from runtime.cli.store import now, opened
from runtime.rating.audit import audit
from runtime.rating.bound import Binder
from runtime.rating.documents import loaded
from runtime.rating.finalise import Finaliser
from runtime.rating.preview import Previewer
from runtime.rating.replay import replay
from runtime.store.database import Work
from runtime.store.repositories import programs, statements
from runtime.store.tables import Contract, Statement


def rate(
    customer: str,
    period: str,
    contract: str | None,
    finalise: bool,
    format_: str,
    url: str | None,
    tenant: str | None,
) -> int:
    asked = parse_period(period)
    assert asked is not None
    with opened(url, tenant) as (database, tenant_id):
        if finalise:
            made = Finaliser(database).finalise(tenant_id, customer, asked, now(), contract=contract)
            say_finalised(made, format_)
            return 0
        preview = Previewer(database).preview(tenant_id, customer, asked, contract=contract)
        if format_ == "json":
            output.say_json(preview.statement.to_dict())
            return 0
        from pricing_dsl.cli.tables import say_statement

        assert preview.contract is not None, "only a draft has none"
        with database.reading() as work:
            say_statement(compiled(work, preview.contract), preview.statement)
        if preview.opening.since is not None:
            output.say(f"\nIt stands on periods since {preview.opening.since} that are not finalised.")
    return 0


def compiled(work: Work, contract: Contract) -> pricing_dsl.Program:
    """The newest version that a contract is priced by, as a program."""
    found = programs.versions(work, contract.tenant_id, contract.program)
    row = found[-1] if contract.version is None else found[contract.version - 1]
    return pricing_dsl.compile(row.source, name=f"{row.name} {row.version}", files=loaded(row.files))


def say_finalised(made: Statement, format_: str) -> None:
    document = {"id": made.id, "finalised_at": made.finalised_at.isoformat(), **loaded(made.document)}
    if format_ == "json":
        output.say_json(document)
        return
    period = document["period"]
    output.say(f"{made.id}: {document['contract']} of {made.customer}, {period['from']} to {period['to']}")
    for row in (*document["lines"], *document["adjustments"]):
        output.say(f"  {row['id']:<32} {row['amount']:>16}")
    output.say(f"  {'total':<32} {document['total']:>16} {made.currency}")
    output.say(f"  {'due':<32} {document['due']:>16} {made.currency}")


def statement(statement_id: str | None, customer: str | None, format_: str, url: str | None, tenant: str | None) -> int:
    with opened(url, tenant) as (database, tenant_id), database.reading() as work:
        if statement_id is not None:
            say_finalised(statements.statement(work, tenant_id, statement_id), format_)
            return 0
        found = statements.statements(work, tenant_id, customer=customer, limit=1_000)
        found.sort(key=lambda each: (each.customer, each.period_start))
        if format_ == "json":
            output.say_json([loaded(each.document) | {"id": each.id} for each in found])
            return 0
        for each in found:
            period = f"{each.period_start.date()} to {each.period_end.date()}"
            output.say(f"{each.id}  {each.customer}  {period}  {each.total} {each.currency}, due {each.due}")
        if not found:
            output.say("no statement is finalised")
    return 0


def balances(customer: str, contract: str | None, format_: str, url: str | None, tenant: str | None) -> int:
    with opened(url, tenant) as (database, tenant_id), database.reading() as work:
        row = programs.contract(work, tenant_id, customer, contract)
        assert row.id is not None
        sums = statements.balances(work, row.id)
        entries = statements.entries(work, row.id)
    if format_ == "json":
        movements = [
            {
                "balance": each.balance,
                "kind": each.kind,
                "amount": f"{each.amount:f}",
                "unit": each.unit,
                "line": each.line,
                "at": each.at.isoformat(),
                "statement": each.statement_id,
            }
            for each in entries
        ]
        output.say_json({"balances": {name: f"{sums[name]:f}" for name in sums}, "entries": movements})
        return 0
    if not entries:
        output.say("nothing has moved yet: no period is finalised")
    for name in sums:
        mine = [each for each in entries if each.balance == name]
        output.say(f"{name}: {grouped(sums[name])} {mine[0].unit}")
        for each in mine:
            about = f" on {each.line}" if each.line else ""
            output.say(f"  {each.at.date()}  {each.kind:<10} {grouped(each.amount):>16}{about}")
    return 0


def replay_statement(statement_id: str, url: str | None, tenant: str | None) -> int:
    with opened(url, tenant) as (database, tenant_id), database.reading() as work:
        found = replay(work, Binder(), tenant_id, statement_id)
    if not found.differences:
        output.say(f"{statement_id} is the same: total {found.statement.total}, due {found.statement.due}")
        return 0
    for place, kept, again in found.differences:
        output.say(f"{place}: kept {kept}, computed again {again}")
    return 1


def audit_all(customer: str | None, format_: str, url: str | None, tenant: str | None) -> int:
    with opened(url, tenant) as (database, tenant_id), database.reading() as work:
        found = audit(work, Binder(), tenant_id, customer=customer)
    if customer is not None and not found.contracts:
        raise CallError(f"`{customer}` has no contract", "`pricing contract list` says who has")
    if format_ == "json":
        output.say_json({**found._asdict(), "findings": [each._asdict() for each in found.findings]})
    else:
        output.say(f"{found.contracts} contracts, {found.statements} statements, {found.entries} ledger entries")
        for each in found.findings:
            output.say(f"{each.about}: {each.what}")
        output.say("everything agrees" if not found.findings else f"{len(found.findings)} findings")
    return 1 if found.findings else 0
