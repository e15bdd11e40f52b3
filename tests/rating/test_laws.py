"""Laws of statements on generated histories, on both databases; `FUZZ=1` tries many more."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.store.repositories import statements
from tests.rating.billing import Billing, at, month
from tests.rating.histories import History, histories

NewTenant = Callable[[], Billing]

EXAMPLES = 500 if os.environ.get("FUZZ") else 15

law = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@law
@given(history=histories())
def test_an_audit_of_any_history_is_clean(new_tenant: NewTenant, history: History) -> None:
    """Every statement computed again is the same, opening + entries = closing, the ledger is what statements moved."""
    billing = new_tenant()
    made = history.play(billing)
    assert billing.findings() == ()
    for document in made:
        assert not billing.differences(str(document["id"]))
    with billing.database.reading() as work:
        ledger = statements.balances(work, billing.statements()[0].contract_id)
    closing = {
        name: Decimal(moved["closing"])
        for name, moved in last_balances(made).items()
        if name != "f" and any(Decimal(moved[each]) for each in ("granted", "opening", "closing"))
    }
    assert {name: ledger.get(name, Decimal(0)) for name in closing} == closing


def last_balances(made: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = made[-1].get("balances", {})
    return found


@law
@given(history=histories(counted=False, commits=False))
def test_late_usage_comes_to_what_it_would_have_on_time(new_tenant: NewTenant, history: History) -> None:
    """Rule 35: over all statements the totals are those of periods whose usage was there when they were finalised."""
    late, on_time = history.play(new_tenant()), history.play(new_tenant(), on_time=True)
    assert sum(Decimal(str(each["total"])) for each in late) == sum(Decimal(str(each["total"])) for each in on_time)


@law
@given(history=histories(commits=False, changes=False))
def test_counters_run_on_with_late_usage(new_tenant: NewTenant, history: History) -> None:
    """The same under `counted`: every later period of the counting period is corrected too."""
    late, on_time = history.play(new_tenant()), history.play(new_tenant(), on_time=True)
    assert sum(Decimal(str(each["total"])) for each in late) == sum(Decimal(str(each["total"])) for each in on_time)
    assert late[-1].get("counters") == on_time[-1].get("counters")


@law
@given(history=histories(), seed=st.integers(0, 2**32))
def test_the_order_of_events_changes_no_statement(new_tenant: NewTenant, history: History, seed: int) -> None:
    """Any permutation and batching of the same events gives the same statements, to the last digit."""
    documents = []
    for shuffled in (False, True):
        billing = new_tenant()
        billing.publish(history.source, at(1, 1))
        billing.bind()
        events = [(str(number), event) for number, (_, event) in enumerate(history.events) if event[1] < at(2, 1)]
        choice = random.Random(seed)
        if shuffled:
            choice.shuffle(events)
        while events:
            size = choice.randint(1, len(events))
            ids, batch = zip(*events[:size], strict=True)
            billing.send(at(1, 31), *batch, ids=ids)
            events = events[size:]
        made = billing.finalise(month(1), at(2, 1))
        documents.append({name: value for name, value in made.items() if name != "id"})
    assert documents[0] == documents[1]


@law
@given(history=histories())
def test_a_preview_is_what_finalising_makes_of_it(new_tenant: NewTenant, history: History) -> None:
    billing = new_tenant()
    history.play(billing, months=2)
    shown = billing.preview(month(3))
    made = billing.finalise(month(3), at(4, 20))
    assert {name: made[name] for name in shown} == shown
