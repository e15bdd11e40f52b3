"""What tests of metering share: a tenant with a program, events, and what was kept of them in a form to compare."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from pricing_dsl.plugin.contract import SECOND, Interval
from runtime.metering.batch import EPOCH, monoid_of
from runtime.metering.ingest import Ingester
from runtime.rating.publish import publish
from runtime.store.database import Database
from runtime.store.repositories import meters, programs

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
TOKENS = """currency USD
meter tokens { from "llm" measure sum(tokens) by model }
plan p { fee f 1 }
"""
ENCODER = msgspec.json.Encoder(decimal_format="number")
Place = tuple[str, str, int, str]
"""A meter's name, a customer, an hour, a cell."""


def tenant_with(database: Database, *texts: str) -> str:
    """A new tenant that has published these programs."""
    tenant = uuid.uuid4().hex
    with database.transaction() as work:
        programs.ensure_tenant(work, tenant, NOW)
        for number, text in enumerate(texts):
            publish(work, tenant, f"p{number}", text, NOW)
    return tenant


def ingester_with(database: Database, *texts: str) -> Ingester:
    return Ingester(database, tenant_with(database, *texts))


def event(number: int | str = 0, **changes: Any) -> dict[str, Any]:
    """An event of three tokens a minute before now, its `data` given by `data` and the rest by name."""
    made = {
        "id": f"e{number}",
        "source": "gateway",
        "type": "llm",
        "subject": "acme",
        "time": NOW - timedelta(minutes=1),
        "data": {"tokens": 3, "model": "gpt-5"},
    }
    return {**made, **changes}


def batch(*events: Mapping[str, Any]) -> bytes:
    return ENCODER.encode(list(events))


def kept(database: Database, tenant: str) -> dict[Place, tuple[Fraction | None, bytes | None, Any]]:
    """All buckets of a tenant: value, state, and last value."""
    query = (
        "SELECT m.name, b.customer, b.hour, b.cell, b.value, b.state, b.last "
        "FROM usage_buckets b JOIN meters m ON m.id = b.meter_id WHERE m.tenant_id = '%s'"
    )
    with database.reading() as work:
        rows = work.connection.exec_driver_sql(query.replace("%s", tenant)).all()
    return {
        (name, customer, hour, cell): (
            None if value is None else Fraction(Decimal(value)),
            None if state is None else bytes(state),
            None if last is None else _last(last),
        )
        for name, customer, hour, cell, value, state, last in rows
    }


def _last(text: str) -> tuple[int, str, Fraction]:
    time, event_id, value = json.loads(text)
    return time, event_id, Fraction(value)


def numbers(database: Database, tenant: str) -> dict[Place, Fraction]:
    """The buckets of a tenant that keep one number."""
    return {place: value for place, (value, _, _) in kept(database, tenant).items() if value is not None}


def results(database: Database, tenant: str) -> dict[Place, Fraction]:
    """What each bucket comes to over its own hour."""
    with database.reading() as work:
        definitions = [each for epoch in meters.measuring(work, tenant) for each in epoch.definitions]
    by_name = {each.meter.name: each.meter for each in definitions}
    made: dict[Place, Fraction] = {}
    for place, (value, state, _) in kept(database, tenant).items():
        meter, hour = by_name[place[0]], place[2] * 3600 * SECOND
        if state is not None:
            monoid = monoid_of(meter.measures[0])
            value = Fraction(monoid.result(monoid.decode(state), Interval(hour, hour + 3600 * SECOND)))
        assert value is not None
        made[place] = value
    return made


def rejected(database: Database, tenant: str) -> list[tuple[str, str, str]]:
    """Code, reason and event of all that were rejected, in order."""
    query = f"SELECT code, reason, event FROM rejected_events WHERE tenant_id = '{tenant}' ORDER BY id"
    with database.reading() as work:
        return [(row[0], row[1], row[2]) for row in work.connection.exec_driver_sql(query)]


def ids_kept(database: Database) -> int:
    with database.reading() as work:
        indexed = int(work.connection.exec_driver_sql("SELECT count(*) FROM event_ids").scalar_one())
        recent = work.connection.exec_driver_sql("SELECT coalesce(sum(length(ids)), 0) FROM recent_event_ids")
        return indexed + int(recent.scalar_one()) // 20


def microseconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1)


def decoded(*events: Mapping[str, Any]) -> Sequence[Any]:
    """Events as the ingester sees them."""
    from runtime.metering.events import read_batch

    return read_batch(batch(*events))
