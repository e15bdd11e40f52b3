"""One tenant as tests use it: programs published, events sent, periods previewed and finalised, at told times."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from pricing_dsl.evaluate.evaluator import Period
from runtime.metering.ingest import Ingester
from runtime.rating.audit import AuditFinding, audit
from runtime.rating.documents import loaded
from runtime.rating.finalise import Finaliser
from runtime.rating.preview import Previewer
from runtime.rating.publish import bind, publish
from runtime.rating.replay import replay
from runtime.store.database import Database
from runtime.store.repositories import programs, statements
from runtime.store.tables import Contract, Program, Statement

IDS = count(1)

Event = tuple[str, datetime, dict[str, Any]]
"""Type, time, properties."""


def at(month: int, day: int, hour: int = 0, *, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def month(number: int, year: int = 2026) -> tuple[str, str]:
    after = (number % 12 + 1, year + number // 12)
    return f"{year}-{number:02d}-01", f"{after[1]}-{after[0]:02d}-01"


class Billing:
    """A tenant on a database. `now` is the clock, moved on by what is done."""

    def __init__(self, database: Database, tenant: str) -> None:
        self.database = database
        self.tenant = tenant
        self.previewer = Previewer(database)
        self.binder = self.previewer.binder
        self.finaliser = Finaliser(database, self.binder)
        self.ingester = Ingester(database, tenant)
        with database.transaction() as work:
            programs.ensure_tenant(work, tenant, at(1, 1))

    def publish(
        self, source: str, now: datetime, *, effective: datetime | None = None, name: str = "prices"
    ) -> Program:
        with self.database.transaction() as work:
            return publish(work, self.tenant, name, source, now, effective_at=effective)

    def bind(
        self,
        contract: str = "acme",
        *,
        customer: str | None = None,
        version: int | None = None,
        program: str = "prices",
        now: datetime | None = None,
    ) -> Contract:
        with self.database.transaction() as work:
            made = bind(work, self.tenant, program, contract, now or at(1, 1), customer=customer, version=version)
            work.session.expunge_all()
            return made

    def send(self, now: datetime, *events: Event, customer: str = "cus", ids: Sequence[str] | None = None) -> None:
        """Events that must all be accepted, under new ids if none are given."""
        batch = [
            {
                "id": str(next(IDS)) if ids is None else ids[number],
                "source": "test",
                "type": kind,
                "subject": customer,
                "time": time.isoformat(),
                "data": data,
            }
            for number, (kind, time, data) in enumerate(events)
        ]
        answer = self.ingester.ingest(json.dumps(batch).encode(), now)
        assert answer.accepted == len(events), answer.rejected

    def preview(self, period: Period | None, *, customer: str = "cus", **given: Any) -> dict[str, Any]:
        made = self.previewer.preview(self.tenant, customer, period, **given)
        document: dict[str, Any] = made.statement.to_dict()
        return document

    def finalise(
        self, period: Period, now: datetime, *, customer: str = "cus", contract: str | None = None, **given: Any
    ) -> dict[str, Any]:
        """The document of a finalised statement."""
        made = self.finaliser.finalise(self.tenant, customer, period, now, contract=contract, **given)
        return {"id": made.id, **loaded(made.document)}

    def statements(self) -> Sequence[Statement]:
        with self.database.reading() as work:
            return statements.statements(work, self.tenant, limit=1_000)

    def balances(self, contract: Contract) -> dict[str, Decimal]:
        assert contract.id is not None
        with self.database.reading() as work:
            return statements.balances(work, contract.id)

    def findings(self) -> tuple[AuditFinding, ...]:
        """What an audit finds, and each statement computed again."""
        with self.database.reading() as work:
            return audit(work, self.binder, self.tenant).findings

    def differences(self, statement_id: str) -> Sequence[tuple[str, str, str]]:
        with self.database.reading() as work:
            return replay(work, self.binder, self.tenant, statement_id).differences


def lines(document: dict[str, Any]) -> dict[str, str]:
    return {line["id"]: line["amount"] for line in document["lines"]}


def rows(document: dict[str, Any], kind: str) -> dict[str, str]:
    """The adjustments of one kind: id to amount."""
    return {row["id"]: row["amount"] for row in document["adjustments"] if row["kind"] == kind}
