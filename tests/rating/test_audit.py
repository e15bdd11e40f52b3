"""An audit finds what was tampered with, once the triggers that refuse it are gone; and statements brought from elsewhere."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy.exc import DBAPIError

from runtime.errors import RuntimeProblem
from runtime.store.database import Database
from tests.databases import KINDS, database_url
from tests.rating.billing import Billing, at, month

PROGRAM = """currency USD
meter calls { from "call" measure sum(n) }
plan p { charge calls on calls { counted yearly price 2 } minimum 30 }
contract acme { customer "cus" plan p term 2026-01-01 to 2027-01-01
  commit c 100 prepaid { rollover 10% not invoiced }
}
"""

TAMPERING = {
    "a total": ("statements", "total = '1.00'", "its customer, currency, total or due"),
    "a customer": ("statements", "customer = 'other'", "its customer, currency, total or due"),
    "a document": ("statements", "document = replace(document, '\"40.00\"', '\"41.00\"')", "computed again"),
    "usage": ("statements", "inputs = replace(inputs, '20', '21')", "computed again"),
    "what it opened with": ("statements", "inputs = replace(inputs, '60.00', '61.00')", "c opens with 61.00"),
    "a counter": ("statements", 'inputs = replace(inputs, \'"calls":"20"\', \'"calls":"21"\')', "counters"),
    "a line": ("statement_lines", "amount = '1.00'", "its lines are not those of its document"),
    "a line's unit": ("statement_lines", "unit = 'coins'", "its lines are not those of its document"),
    "an entry": ("ledger_entries", "amount = '-1.00'", "the ledger does not say what it moved"),
    "an entry's kind": ("ledger_entries", "kind = 'expiry'", "the ledger does not say what it moved"),
    "an entry's statement": ("ledger_entries", "statement_id = NULL", "the ledger has entries of no statement"),
    "a program": ("programs", "ir = replace(ir, 'yearly', 'quarterly')", "not that of its hash"),
    "a program's text": ("programs", "source = replace(source, 'price 2', 'price 3')", "its text does not say"),
}


@pytest.mark.parametrize("what", TAMPERING)
@pytest.mark.parametrize("kind", KINDS)
def test_tampering_is_found(kind: str, what: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    table, change, says = TAMPERING[what]
    with database_url(kind, tmp_path_factory.mktemp("audit")) as url:
        database = Database.open(url)
        billing = Billing(database, "t")
        begin(billing)
        assert billing.findings() == ()
        with pytest.raises(DBAPIError, match="never change"), database.transaction() as work:
            work.connection.exec_driver_sql(f"UPDATE {table} SET {change}")
        with database.transaction() as work:
            for statement in without_triggers(kind, table):
                work.connection.exec_driver_sql(statement)
            work.connection.exec_driver_sql(f"UPDATE {table} SET {change}")
        fresh = Billing(database, "t")
        found = [f"{each.about}: {each.what}" for each in fresh.findings()]
        database.close()
    assert any(says in each for each in found), found


def begin(billing: Billing) -> None:
    billing.publish(PROGRAM, at(1, 1))
    billing.bind()
    billing.send(at(1, 20), ("call", at(1, 3), {"n": 20}))
    for number in (1, 2, 3):
        billing.finalise(month(number), at(number + 1, 1))


def without_triggers(kind: str, table: str) -> list[str]:
    if kind == "sqlite":
        return [f"DROP TRIGGER {table}_never_{event}" for event in ("update", "delete")]
    return [f"DROP TRIGGER {table}_never_change ON {table}"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_that_is_gone_is_missed(kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with database_url(kind, tmp_path_factory.mktemp("audit")) as url:
        database = Database.open(url)
        billing = Billing(database, "t")
        begin(billing)
        gone = sorted(billing.statements(), key=lambda each: each.period_start)[1].id
        with database.transaction() as work:
            for table, column in (
                ("ledger_entries", "statement_id"),
                ("statement_lines", "statement_id"),
                ("statements", "id"),
            ):
                for statement in without_triggers(kind, table):
                    work.connection.exec_driver_sql(statement)
                work.connection.exec_driver_sql(f"DELETE FROM {table} WHERE {column} = '{gone}'")
        found = [each.what for each in billing.findings()]
        database.close()
    assert "there is no statement from 2026-02-01T00:00:00+00:00" in found


# --- brought from elsewhere ------------------------------------------------------------------------------------------


def test_a_contract_that_was_billed_elsewhere_begins_with_what_it_had_there(billing: Billing) -> None:
    billing.publish(PROGRAM, at(1, 1))
    bound = billing.bind()
    billing.send(at(5, 20), ("call", at(5, 3), {"n": 20}))
    with pytest.raises(RuntimeProblem, match="the period from 2026-04-01 is not finalised"):
        billing.finalise(month(5), at(6, 1))
    with pytest.raises(RuntimeProblem, match="it would assume counter calls") as refused:
        billing.finalise(month(5), at(6, 1), balances={"c": "70"})
    assert "hand over" in refused.value.help
    made = billing.finalise(month(5), at(6, 1), balances={"c": "70"}, counters={"calls": "7"})
    assert (made["total"], made["due"], made["counters"]) == ("40.00", "0.00", {"calls": "27"})
    assert billing.balances(bound) == {"c": Decimal("30.00")}
    with pytest.raises(RuntimeProblem, match="has finalised statements, and opens with what they left"):
        billing.finalise(month(6), at(7, 1), balances={"c": "70"}, counters={})
    assert billing.finalise(month(6), at(7, 1))["balances"]["c"]["opening"] == "30.00"
    assert billing.findings() == ()
