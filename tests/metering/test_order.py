"""Law: what is kept of events depends neither on their order, nor on how they are batched, nor on how often they come.

It is compared with every aggregation's values added one by one to exact fractions, so sums are exact too.
"""

from __future__ import annotations

import os
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

import pricing_dsl
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.measure import Measurer
from pricing_dsl.ir import nodes as ir
from pricing_dsl.plugin.contract import Interval
from pricing_dsl.plugin.manager import plugins
from runtime.metering.batch import Cells, monoid_of
from runtime.metering.ingest import Ingester
from runtime.store.database import Database
from tests.metering import generated
from tests.metering.setting import NOW, Place, batch, decoded, kept, microseconds, rejected, tenant_with

EXAMPLES = 1_000 if os.environ.get("FUZZ") else 40
LAW = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not os.environ.get("FUZZ"),
    suppress_health_check=list(HealthCheck),
    print_blob=False,
    phases=(Phase.explicit, Phase.generate),
)


@st.composite
def sendings(draw: st.DrawFn, events: list[Any]) -> list[list[Any]]:
    """All of some events, some of them repeatedly, in any order and any batches."""
    extra = draw(st.lists(st.sampled_from(events), max_size=5))
    order = draw(st.permutations([*events, *extra]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    return [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]


def expected(program: ir.Program, events: list[Any]) -> dict[Place, tuple[Any, bytes, Any]]:
    """What events come to, value by value: the result of a number, the encoded state, the last value."""
    measurer = Measurer(program)
    made: dict[Place, tuple[Any, Any, Any]] = {}
    cells = Cells()
    for each in decoded(*events):
        meters = [meter for meter in program.meters if each.type in meter.event_types]
        try:
            found = [(m, measurer.measure(m, {**each.data, "time": each.time})) for m in meters]
        except EvaluationError:
            continue
        at = microseconds(each.time)
        for meter, contributions in found:
            for measure, (cell, value) in zip(meter.measures, contributions, strict=False):
                monoid = monoid_of(measure)
                place = (meter.name, each.subject, at // 3_600_000_000, cells[cell])
                _, state, last = made.get(place, (monoid, monoid.zero(), None))
                now = None if isinstance(value, str) else (at, each.id, value)
                last = max(last, now) if last and now else last or now
                made[place] = (monoid, monoid.add(state, value, at, each.id), last if meter.carried else None)
    return {
        place: (monoid.result(state, Interval(0, 1)) if is_number(monoid) else None, monoid.encode(state), last)
        for place, (monoid, state, last) in made.items()
    }


def is_number(monoid: Any) -> bool:
    """Whether the store may keep it as one number."""
    words = ("sum", "count", "max", "min")
    return type(monoid) in {type(plugins().aggregations[word].value.make([])) for word in words}


@LAW
@given(program=generated.programs(), data=st.data())
def test_order_batches_and_repeats_change_nothing(shared: Database, program: str, data: st.DataObject) -> None:
    compiled = pricing_dsl.compile(program)
    count = data.draw(st.integers(1, 8))
    # two sources may use the same id
    events = [
        data.draw(generated.events(n // 2 * 2, generated.complete)) | {"source": f"s{n % 2}"} for n in range(count)
    ]
    events += data.draw(st.lists(generated.events(100), max_size=1))
    right = expected(compiled.ir, events)
    refusals = []
    for _ in range(2):
        tenant = tenant_with(shared, program)
        ingester = Ingester(shared, tenant)
        accepted = 0
        for part in data.draw(sendings(events)):
            accepted += ingester.ingest(batch(*part), NOW).accepted
        found = kept(shared, tenant)
        note(str(found))
        assert found.keys() == right.keys()
        for place, (value, state, last) in found.items():
            result, encoded, carried = right[place]
            if state is None:
                assert value == result
            else:
                assert (value, state) == (None, encoded)
            assert last == (None if carried is None else (carried[0], carried[1], Fraction(carried[2])))
        refusals.append({text for _, _, text in rejected(shared, tenant)})
        assert accepted == len(events) - len(refusals[-1])
    assert refusals[0] == refusals[1]
