"""Lago's charges: what each charge model costs, as steps of a charge.

A charge has its properties, and others for usage that a filter selects; each filter is a fee of its own, an arm of a
`match`. Ranges include their `to_value`, and the flat amount of the first is due at zero usage. After Lago's
documentation, "Charge models": one page for each of standard, graduated, graduated percentage, package, percentage,
volume and dynamic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from pricing_importers.currencies import from_minor
from pricing_importers.lago_metrics import Metric, Metrics
from pricing_importers.reading import Json
from pricing_importers.writing import (
    Meter,
    Plan,
    Sheet,
    Tier,
    identifier,
    number,
    percent,
    price,
    property_of,
    text,
    tiered,
)

MODELS = ("standard", "graduated", "graduated_percentage", "package", "percentage", "volume", "dynamic", "custom")
ALL_VALUES = "__ALL_FILTER_VALUES__"
FILTER = "_filter"
"""Behind the name of a charge: the dimension that tells its filters apart."""
GROUPED = ("pricing_group_keys", "grouped_by")
IN_ORDER = "which events are free depends on their order, and a program counts them together"


@dataclass(frozen=True)
class Filter:
    """Usage that has prices of its own: a condition on its events, the properties that price it, and its name."""

    condition: str
    keys: tuple[str, ...]
    values: tuple[str, ...]
    properties: Json
    name: str


def add_charge(each: Json, plan: Plan, sheet: Sheet, metrics: Metrics) -> None:
    """Write one charge into the plan."""
    metric = metrics.of(each)
    model = each.need("charge_model").one_of(*MODELS)
    name = plan.names.give(each.text_of("code") or metric.code)
    said = each.text_of("invoice_display_name") or metric.said
    properties = each.get("properties") or each
    filters = tuple(_filter(place) for place in each.list_of("filters"))
    kind = _kind(model, [properties, *(each.properties for each in filters)], bool(filters))
    steps = [metric.rounding] if kind == "units" else []
    by, dimension = _dimension(filters, metric, name)
    groups = _groups(properties)
    if groups and filters:
        _lose_groups(properties)
        groups = ()
    by += tuple(f'{identifier(group)}: {property_of(group)} or ""' for group in groups)
    meter = sheet.meter(_meter_name(metric, kind, by), _meter(metric, model, kind, by, properties, sheet), metric.said)
    if groups:
        steps.append("each " + ", ".join(identifier(group) for group in groups))
    steps += _arms(model, kind, properties, filters, dimension)
    conversion = each.get("applied_pricing_unit")
    if conversion is not None:
        conversion.text_of("code")
        steps.append(f"times {number(conversion.need('conversion_rate').positive())}")
    if groups:
        steps += [f"round half_up to {sheet.cent}", "total"]
    minimum = from_minor(each.number_of("min_amount_cents"), sheet.currency)
    if minimum:
        steps.append(f"minimum {number(minimum)} prorated by day")
    _billing(each)
    plan.charge(name, said, meter, steps, f"Metric {metric.code}, {model}")


def _kind(model: str, places: Sequence[Json], has_filters: bool) -> Literal["units", "money", "parts", "bounded"]:
    """What the meter counts: units, money, the money and the number of events, or fees worked out event by event."""
    if model in ("graduated_percentage", "dynamic", "custom"):
        return "money"
    if model != "percentage":
        return "units"
    bounds = [
        each for each in places if each.has("per_transaction_min_amount") or each.has("per_transaction_max_amount")
    ]
    if bounds and not has_filters:
        return "bounded"
    for each in bounds:
        for bound in ("per_transaction_min_amount", "per_transaction_max_amount"):
            each.lose_field(bound, "bounds for each event are not carried over where a charge has filters")
    has_fees = any(each.has("fixed_amount") and each.need("fixed_amount").number() for each in places)
    return "parts" if has_fees else "money"


def _meter_name(metric: Metric, kind: str, by: Sequence[str]) -> str:
    behind = {"units": "", "money": "_amount", "parts": "_parts", "bounded": "_fees"}[kind]
    dims = "".join(f"_{dimension.split(':')[0]}" for dimension in by)
    return metric.code + behind + (f"_by{dims}" if by else "")


def _meter(metric: Metric, model: str, kind: str, by: tuple[str, ...], properties: Json, sheet: Sheet) -> Meter:
    if kind == "units":
        return Meter(metric.code, metric.measure, metric.carried, by=by)
    amount = {"dynamic": f"precise_total_amount_cents / {10**sheet.digits}", "custom": "amount"}.get(
        model, metric.field
    )
    if kind == "parts":
        return Meter(metric.code, f"by part {{ amount: sum({amount}) events: count() }}", by=by)
    if kind == "bounded":
        return Meter(metric.code, f"sum({_bounded(properties, amount)})", unit=sheet.currency, by=by)
    return Meter(metric.code, f"sum({amount})", unit=sheet.currency, by=by)


def _bounded(properties: Json, amount: str) -> str:
    """The fee of one event: its rate and fixed amount, not above the one bound and not below the other."""
    fee = f"{amount} * {percent(properties.need('rate').number())}"
    fixed = properties.number_of("fixed_amount")
    fee += f" + {number(fixed)}" if fixed else ""
    high, low = properties.get("per_transaction_max_amount"), properties.get("per_transaction_min_amount")
    if high is not None:
        fee = f"min({fee}, {number(high.number())})"
    if low is not None:
        fee = f"max({fee}, {number(low.number())})"
    for field in ("free_units_per_events", "free_units_per_total_aggregation"):
        free = properties.get(field)
        if free is not None and free.number():
            free.lose(IN_ORDER)
    return fee


# --- filters and groups ----------------------------------------------------------------------------------------------


def _filter(place: Json) -> Filter:
    """One filter of a charge: all of its keys must have one of their values."""
    conditions: list[str] = []
    keys: list[str] = []
    names: list[str] = []
    values: tuple[str, ...] = ()
    for key, listed in place.need("values").fields():
        property_name = property_of(key)
        if property_name != key:
            listed.lose(f"a property of an event is a plain name: send it as `{property_name}`")
        values = tuple(each.text() for each in listed.items())
        if not values:
            listed.refuse("it has no values", "give it at least one, or remove the key")
        if ALL_VALUES in values:
            listed.lose("it stands for all values of the metric's filter: any value that is not empty is taken")
            conditions.append(f'({property_name} or "") != ""')
        elif len(values) == 1:
            conditions.append(f'({property_name} or "") == {text(values[0])}')
        else:
            conditions.append(f'({property_name} or "") in ({", ".join(text(each) for each in values)})')
        keys.append(key)
        names.append(f"{key}=" + "|".join("*" if value == ALL_VALUES else value for value in values))
    if not keys:
        place.refuse("the filter has no `values`", "give it a key with its values, or remove it")
    place.text_of("invoice_display_name")
    return Filter(" and ".join(conditions), tuple(keys), values, place.need("properties"), ", ".join(names))


def _is_simple(filters: Sequence[Filter], metric: Metric) -> bool:
    """Whether all filters ask for values of one property, so that it can be the dimension itself.

    Not where values may not be added up (the `max` of a filter of two values is that of both).
    """
    keys = {each.keys for each in filters}
    is_one = len(keys) == 1 and len(filters[0].keys) == 1 and not any(ALL_VALUES in each.values for each in filters)
    return is_one and metric.adds_up


def _dimension(filters: Sequence[Filter], metric: Metric, name: str) -> tuple[tuple[str, ...], str]:
    """The dimension that tells filters apart, as the meter declares it, and its name.

    Of filters that both match, Lago takes the one with more keys, and of those the first.
    """
    if not filters:
        return (), ""
    if _is_simple(filters, metric):
        key = filters[0].keys[0]
        return (f'{identifier(key)}: {property_of(key)} or ""',), identifier(key)
    order = sorted(filters, key=lambda each: -len(each.keys))
    words = "".join(f"if {each.condition} then {text(each.name)} else " for each in order)
    return (f'{name}{FILTER}: {words}"rest"',), f"{name}{FILTER}"


def _arms(model: str, kind: str, properties: Json, filters: Sequence[Filter], dimension: str) -> list[str]:
    """The price of the charge: one, or one for each filter and one for the rest."""
    if not filters:
        return _steps(model, kind, properties)
    rest = _steps(model, kind, properties) if properties.value else ["price free"]
    is_simple = not dimension.endswith(FILTER)
    words = [f"match {dimension} {{"]
    for each in filters:
        keys = ", ".join(text(value) for value in each.values) if is_simple else text(each.name)
        words.append(_arm(keys, _steps(model, kind, each.properties), "" if is_simple else dimension))
    return ["\n".join([*words, _arm("else", rest, "" if is_simple else dimension), "}"])]


def _arm(keys: str, steps: Sequence[str], each: str) -> str:
    """An arm; `each` names the dimension that has one value in it, where a meter may not add over it."""
    return "\n".join([f"{keys} {{", *([f"each {each}"] if each else []), *steps, "}"])


def _groups(properties: Json) -> tuple[str, ...]:
    """The properties by which a charge has one fee each."""
    for field in GROUPED:
        if properties.has(field):
            return tuple(each.text() for each in properties.list_of(field))
    return ()


def _lose_groups(properties: Json) -> None:
    for field in GROUPED:
        properties.lose_field(field, "fees by group are added up where a charge has filters")


def _billing(each: Json) -> None:
    """When and how the charge is billed: what a program does not say is lost."""
    advance = each.get("pay_in_advance")
    if advance is not None and advance.truth():
        advance.lose("each event is billed at once; the line comes to the same at the end of the period")
    prorated = each.get("prorated")
    if prorated is not None and prorated.truth():
        prorated.lose("units are charged for the days that they were there: measure `time_weighted` of the level")
    invoiced = each.get("invoiceable")
    if invoiced is not None and not invoiced.truth():
        invoiced.lose("its fees are not put on invoices; the line is on the statement")


# --- charge models ---------------------------------------------------------------------------------------------------


def _steps(model: str, kind: str, properties: Json) -> list[str]:
    """The steps from the quantity to the amount."""
    match model:
        case "standard":
            return [price(properties.need("amount").number())]
        case "graduated":
            return [tiered(properties, "graduated", ranges_of(properties, "graduated_ranges"), even_at_zero=True)]
        case "volume":
            return [tiered(properties, "volume", ranges_of(properties, "volume_ranges"), even_at_zero=True)]
        case "graduated_percentage":
            tiers = ranges_of(properties, "graduated_percentage_ranges", "rate")
            return [tiered(properties, "graduated", tiers, behind="%", even_at_zero=True)]
        case "package":
            size = number(properties.need("package_size").positive())
            return [
                *_included(properties.get("free_units")),
                price(properties.need("amount").number(), f" per started {size}"),
            ]
        case "percentage":
            return ["price 100%"] if kind == "bounded" else _percentage(properties, kind)
        case _:
            for field, inner in properties.fields():
                if field not in GROUPED:
                    inner.lose("the events carry the amount")
            return ["price 100%"]


def _percentage(properties: Json, kind: str) -> list[str]:
    """A share of the amounts and a fixed fee for each event; what is free of the one is free of the other in order."""
    rate, fixed = properties.need("rate").number(), properties.number_of("fixed_amount")
    free_events, free_amount = (
        properties.get("free_units_per_events"),
        properties.get("free_units_per_total_aggregation"),
    )
    amount = [*_included(free_amount), price(rate, "%") if kind == "money" else price(rate / 100)]
    events = [*_included(free_events), price(fixed)]
    if free_amount is not None and free_amount.number() and (fixed or (free_events and free_events.number())):
        free_amount.lose(f"events within the free amount pay no fixed fee either: {IN_ORDER}")
    if free_events is not None and free_events.number() and rate:
        free_events.lose(f"the amounts of the free events are free of the rate too: {IN_ORDER}")
    if kind == "money":
        return amount
    return ['match part {\n"amount" {\n' + "\n".join(amount) + '\n}\n"events" {\n' + "\n".join(events) + "\n}\n}"]


def _included(free: Json | None) -> list[str]:
    units = free.number() if free else Fraction(0)
    return [f"include {number(units)}"] if units else []


def ranges_of(properties: Json, field: str, rate: str = "per_unit_amount") -> list[Tier]:
    """The tiers of a list of ranges; each begins where the one before ends."""
    tiers: list[Tier] = []
    before = Fraction(0)
    for each in properties.need(field).items():
        start = each.need("from_value").number()
        if start not in (before, before + 1):
            each.refuse(
                f"it begins at {start} while the range before ends at {before}", "let ranges follow one another"
            )
        upper = each.get("to_value")
        bound = upper.number() if upper else None
        tiers.append(Tier(bound, each.number_of(rate), each.number_of("flat_amount")))
        before = bound if bound is not None else before
    return tiers
