"""Events go through the imported meters: conditions, filters, bounds of single events, groups."""

from __future__ import annotations

import json
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pricing_importers
import pytest

import pricing_dsl
from pricing_dsl.evaluate.measure import measure_event

SAMPLES = Path(__file__).parent / "samples"


def amounts(imported: pricing_importers.Imported, plan: str, events: list[dict[str, Any]]) -> dict[str, Fraction]:
    """What each line comes to when meters that add up count these events."""
    program = pricing_dsl.compile(imported.program)
    usage: dict[str, list[dict[str, Any]]] = {}
    for meter in program.ir.meters:
        cells: dict[tuple[str, ...], Fraction] = defaultdict(Fraction)
        for event in events:
            if event["type"] in meter.event_types:
                for keys, value in measure_event(program.ir, meter, event):
                    assert isinstance(value, Fraction)
                    cells[keys] += value
        usage[meter.name] = [
            {**dict(zip(meter.dimensions, keys, strict=True)), "quantity": value} for keys, value in cells.items()
        ]
    statement = program.evaluator(plan)(usage)
    return {line.id: line.exact for line in statement.lines}


def lago(*charges: dict[str, Any], metric: dict[str, Any]) -> pricing_importers.Imported:
    plan = {"name": "P", "code": "p", "interval": "monthly", "amount_cents": 0, "amount_currency": "USD"}
    document = {"plan": {**plan, "charges": list(charges)}, "billable_metrics": [metric]}
    return pricing_importers.read_lago(json.dumps(document).encode())


SUM = {"name": "Spend", "code": "spend", "aggregation_type": "sum_agg", "field_name": "amount"}


def spend(*values: int, **more: str) -> list[dict[str, Any]]:
    return [{"type": "spend", "amount": value, **more} for value in values]


def test_bounds_hold_for_each_event() -> None:
    """2.99% of 10, 80 and 10,000 is 0.299, 2.392 and 299, at least 1.75 and at most 12 each."""
    properties = {"rate": "2.99", "fixed_amount": "0", "per_transaction_min_amount": "1.75"}
    properties["per_transaction_max_amount"] = "12"
    charge = {"billable_metric_code": "spend", "charge_model": "percentage", "properties": properties}
    assert amounts(lago(charge, metric=SUM), "p", spend(10, 80, 10_000))["spend"] == Fraction("16.142")


def test_a_fixed_fee_is_due_for_each_event() -> None:
    properties = {"rate": "1.3", "fixed_amount": "2.0"}
    charge = {"billable_metric_code": "spend", "charge_model": "percentage", "properties": properties}
    assert amounts(lago(charge, metric=SUM), "p", spend(500, 100, 100, 100))["spend"] == Fraction("18.4")


def test_the_filter_with_more_keys_wins_and_the_rest_has_its_own_price() -> None:
    filters = [
        {"values": {"region": ["europe"]}, "properties": {"amount": "10"}},
        {"values": {"region": ["europe", "usa"], "cloud": ["AWS"]}, "properties": {"amount": "20"}},
        {"values": {"cloud": ["__ALL_FILTER_VALUES__"]}, "properties": {"amount": "5"}},
    ]
    charge = {"billable_metric_code": "spend", "charge_model": "standard", "properties": {"amount": "1"}}
    imported = lago({**charge, "filters": filters}, metric=SUM)
    for event, amount in (
        ({"region": "europe", "cloud": "AWS"}, 20),
        ({"region": "europe", "cloud": "GCP"}, 10),
        ({"region": "asia", "cloud": "GCP"}, 5),
        ({"region": "asia"}, 1),
        ({}, 1),
    ):
        assert amounts(imported, "p", spend(1, **event)) == {"spend": amount}, event
    assert [each.where for each in imported.lost] == ["/plan/charges/0/filters/2/values/cloud"]


def test_a_highest_value_is_taken_over_all_values_of_a_filter() -> None:
    """Not the sum of the highest of each: the program keeps the filter, not the region, as its dimension."""
    filters = [{"values": {"region": ["europe", "usa"]}, "properties": {"amount": "10"}}]
    charge = {"billable_metric_code": "peak", "charge_model": "standard", "properties": {"amount": "1"}}
    metric = {"name": "Peak", "code": "peak", "aggregation_type": "max_agg", "field_name": "mbps"}
    imported = lago({**charge, "filters": filters}, metric=metric)
    program = pricing_dsl.compile(imported.program)
    (meter,) = program.ir.meters
    keys = [measure_event(program.ir, meter, {"mbps": 3, "region": region}) for region in ("europe", "usa", "asia")]
    assert [found[0][0] for found in keys] == [("region=europe|usa",), ("region=europe|usa",), ("rest",)]
    statement = program.evaluator("p")({meter.name: [{meter.dimensions[0]: "region=europe|usa", "quantity": 7}]})
    assert statement.total == 70


@pytest.mark.parametrize(
    ("kind", "more", "measure"),
    [
        ("count_agg", {}, "count()"),
        ("sum_agg", {}, "sum(x)"),
        ("max_agg", {}, "max(x)"),
        ("unique_count_agg", {}, "unique(x)"),
        ("latest_agg", {}, "last(x)"),
        ("weighted_sum_agg", {"weighted_interval": "seconds", "recurring": True}, "time_weighted(x)\n  carried"),
        ("custom_agg", {}, "sum(x)"),
        ("sum_agg", {"recurring": True}, "last(x)\n  carried"),
    ],
)
def test_aggregations_of_lago(kind: str, more: dict[str, Any], measure: str) -> None:
    charge = {"billable_metric_code": "m", "charge_model": "standard", "properties": {"amount": "1"}}
    metric = {"name": "M", "code": "m", "aggregation_type": kind, "field_name": "x", **more}
    assert f"measure {measure}\n}}" in lago(charge, metric=metric).program


@pytest.mark.parametrize(
    ("function", "precision", "step"),
    [("ceil", None, "round up to 1"), ("floor", 2, "round down to 0.01"), ("round", -1, "round half_up to 10")],
)
def test_rounding_of_the_quantity_of_lago(function: str, precision: int | None, step: str) -> None:
    charge = {"billable_metric_code": "spend", "charge_model": "standard", "properties": {"amount": "1"}}
    imported = lago(charge, metric={**SUM, "rounding_function": function, "rounding_precision": precision})
    assert f"    {step}\n    price 1\n" in imported.program


def test_free_units_of_lago_that_depend_on_the_order_of_events_are_listed() -> None:
    properties = {"rate": "1.2", "fixed_amount": "0.1", "free_units_per_events": 3}
    properties["free_units_per_total_aggregation"] = "500"
    charge = {"billable_metric_code": "spend", "charge_model": "percentage", "properties": properties}
    assert [each.where for each in lago(charge, metric=SUM).lost] == [
        "/plan/charges/0/properties/free_units_per_events",
        "/plan/charges/0/properties/free_units_per_total_aggregation",
    ]


def test_a_feature_of_openmeter_filters_its_meter() -> None:
    imported = pricing_importers.read_openmeter((SAMPLES / "openmeter_plan.json").read_bytes())
    program = pricing_dsl.compile(imported.program)
    tokens = next(meter for meter in program.ir.meters if meter.name == "ai_tokens")
    assert measure_event(program.ir, tokens, {"tokens": 300, "type": "output"}) == ()
    assert measure_event(program.ir, tokens, {"tokens": 300, "type": "input"}) == (((), Fraction(300)),)
    requests = next(meter for meter in program.ir.meters if meter.name == "requests")
    assert measure_event(program.ir, requests, {}) == (((), Fraction(1)),)


def test_orb_caps_the_fee_of_each_payment_and_filters_events() -> None:
    imported = pricing_importers.read_orb((SAMPLES / "orb_prices.json").read_bytes())
    payments = [{"type": "metric_payments_capped", "value": value} for value in (4_000, 40_000)]
    exports = [{"type": "metric_filtered", "value": 11, "kind": kind} for kind in ("export", "import")]
    found = amounts(imported, "orb_monthly", [*payments, *exports])
    assert (found["payments_capped"], found["filtered"]) == (35, 11)
