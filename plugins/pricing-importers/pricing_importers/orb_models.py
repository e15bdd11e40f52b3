"""Orb's pricing models: what a quantity costs, as steps of a charge.

Bounds follow Orb's API reference: `first_unit` and `tier_lower_bound` are exclusive, `last_unit` and `maximum_units`
inclusive. Older tiers that begin one after the last (1 to 10, 11 on) mean the same bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from pricing_importers.reading import Json
from pricing_importers.writing import (
    Kind,
    Sheet,
    Tier,
    cost_of,
    identifier,
    number,
    percent,
    price,
    property_of,
    text,
    tiered,
)

Cost = Callable[[Fraction], Fraction]


@dataclass(frozen=True)
class Priced:
    """The steps of a charge and the meter they need; `cost` prices a fixed quantity, where the model can."""

    steps: tuple[str, ...]
    cost: Cost | None = None
    measure: str = "sum(value)"
    is_money: bool = False
    by: tuple[str, ...] = ()
    where: str = ""
    is_prorated: bool = False


@dataclass(frozen=True)
class Place:
    """Where a model is read: its configuration, the name of the line, the sheet for tables."""

    config: Json
    name: str
    sheet: Sheet


def priced(each: Json, model: str, name: str, sheet: Sheet, is_fixed: bool) -> Priced:
    """The price of one model."""
    config = each.need(f"{model}_config")
    found = MODELS[model](Place(config, name, sheet))
    if found.is_prorated and not is_fixed:
        for field in ("prorated", "prorate"):
            config.lose_field(field, "usage of part of a period is charged as it is")
    return found


def _unit(place: Place) -> Priced:
    amount = place.config.need("unit_amount").number()
    factor = place.config.number_of("scaling_factor", 1)
    weigh = (f"weigh {number(factor)}",) if factor != 1 else ()
    return Priced((*weigh, price(amount)), lambda quantity: quantity * factor * amount, is_prorated=_prorated(place))


def _prorated(place: Place) -> bool:
    return any([place.config.truth_of("prorated"), place.config.truth_of("prorate")])


def _tiered(place: Place) -> Priced:
    tiers: list[Tier] = []
    for each in place.config.need("tiers").items():
        first, last = each.need("first_unit").number(), each.get("last_unit")
        before = tiers[-1].upper if tiers else Fraction(0)
        if before is None or first not in (before, before + 1):
            each.refuse(f"`first_unit` is {first} and does not follow the tier before", "let tiers follow one another")
        tiers.append(Tier(last.number() if last else None, each.need("unit_amount").number()))
    return _in_tiers(place, "graduated", tiers)


def _bulk(place: Place) -> Priced:
    tiers = [
        _upper(each, "maximum_units", each.need("unit_amount").number()) for each in place.config.need("tiers").items()
    ]
    return _in_tiers(place, "volume", tiers)


def _upper(each: Json, field: str, amount: Fraction) -> Tier:
    bound = each.get(field)
    return Tier(bound.number() if bound else None, amount)


def _in_tiers(place: Place, kind: Kind, tiers: Sequence[Tier]) -> Priced:
    step = tiered(place.config, kind, tiers)
    return Priced((step,), lambda quantity: cost_of(kind, tiers, quantity), is_prorated=_prorated(place))


def _lower_bounds(place: Place, amount: str) -> list[Tier]:
    """Tiers that say where they begin; each ends where the next begins."""
    places = place.config.need("tiers").items()
    lowers = [each.number_of("tier_lower_bound") for each in places]
    if not places or lowers[0] != 0:
        place.config.need("tiers").refuse("the first tier does not begin at 0", "give it `tier_lower_bound` 0")
    uppers: list[Fraction | None] = [*lowers[1:], None]
    return [
        Tier(upper, each.need(amount).number(), minimum=each.number_of("minimum_amount"))
        for each, upper in zip(places, uppers, strict=True)
    ]


def _tiered_from(place: Place) -> Priced:
    return _in_tiers(place, "graduated", _lower_bounds(place, "unit_amount"))


def _bulk_from(place: Place) -> Priced:
    return _in_tiers(place, "volume", _lower_bounds(place, "unit_amount"))


def _tiered_with_minimum(place: Place) -> Priced:
    """Graduated, and each tier that is entered costs at least its minimum."""
    place.config.truth_of("hide_zero_amount_tiers")
    tiers = _lower_bounds(place, "unit_amount")
    place.config.need("tiers").items()[0].lose_field(
        "minimum_amount", "it is read as the least that its own tier costs; the reference does not say more"
    )
    return Priced((tiered(place.config, "graduated", tiers),), is_prorated=_prorated(place))


def _package(place: Place) -> Priced:
    amount, size = place.config.need("package_amount").number(), place.config.need("package_size").positive()
    return Priced(
        (price(amount, f" per started {number(size)}"),), cost=lambda quantity: ceil(quantity / size) * amount
    )


def _package_with_allocation(place: Place) -> Priced:
    free = place.config.need("allocation").number()
    found = _package(place)
    return Priced((f"include {number(free)}", *found.steps)) if free else found


def _tiered_package(place: Place) -> Priced:
    """The quantity is rounded up to whole packages, which are then graduated by units."""
    size = place.config.need("package_size").positive()
    tiers = _lower_bounds(place, "per_unit")
    behind = f" per {number(size)}"
    return Priced((f"round up to {number(size)}", tiered(place.config, "graduated", tiers, behind=behind)))


def _matrix(place: Place) -> Priced:
    """A rate for each combination of one or two properties, and one for the rest."""
    by, names = _dimensions([each for each in place.config.need("dimensions").items() if each.value is not None])
    if not names:
        place.config.refuse("it has no `dimensions`", "give it one or two properties of events")
    rows: list[tuple[list[str | None], str]] = []
    for each in place.config.need("matrix_values").items():
        keys = [key.text() if key.value is not None else None for key in each.need("dimension_values").items()]
        if len(keys) < len(names):
            each.refuse(f"it has {len(keys)} values for {len(names)} dimensions", "give it one for each")
        cell = each.need("unit_amount").number() * each.number_of("scaling_factor", 1)
        rows.append((keys[: len(names)], number(cell) if cell else "free"))
    rest = place.config.need("default_unit_amount").number() * place.config.number_of("scaling_factor", 1)
    rows.append(([None] * len(names), number(rest) if rest else "free"))
    return Priced((f"price {place.sheet.table(place.name, names, rows)}",), by=by)


def _matrix_with_display_name(place: Place) -> Priced:
    by, names = _dimensions([place.config.need("dimension")])
    rows: list[tuple[list[str | None], str]] = []
    for each in place.config.need("unit_amounts").items():
        each.text_of("display_name")
        cell = each.need("unit_amount").number()
        rows.append(([each.need("dimension_value").text()], number(cell) if cell else "free"))
    return Priced((f"price {place.sheet.table(place.name, names, rows)}",), by=by)


def _dimensions(places: Sequence[Json]) -> tuple[tuple[str, ...], list[str]]:
    """Dimensions of a meter for properties of its events, as it declares them, and their names."""
    words: list[str] = []
    names: list[str] = []
    for each in places:
        found = property_of(each.text())
        if found != each.value:
            each.lose(f"a property of an event is a plain name: send it as `{found}`")
        names.append(identifier(found))
        words.append(f'{identifier(found)}: {found} or ""')
    return tuple(words), names


def _unit_with_percent(place: Place) -> Priced:
    share = place.config.need("percent").number() / 100
    return Priced((price(place.config.need("unit_amount").number()), f"times {number(share)}"))


def _threshold_total_amount(place: Place) -> Priced:
    """The total of the highest threshold that the quantity has passed."""
    places = place.config.need("consumption_table").items()
    bounds = [each.need("threshold").number() for each in places]
    totals = [Fraction(0), *(each.need("total_amount").number() for each in places)]
    tiers = [
        Tier(upper, Fraction(0), total) for upper, total in zip([*bounds, None], totals, strict=True) if upper != 0
    ]
    return _in_tiers(place, "volume", tiers)


def _bps(place: Place) -> Priced:
    """A share of the amount of each event, in hundredths of a percent, at most `per_unit_maximum` for one event."""
    share, bound = place.config.need("bps").number() / 100, place.config.get("per_unit_maximum")
    if bound is None:
        return Priced((f"price {percent(share)}",), is_money=True)
    measure = f"sum(min(value * {percent(share)}, {number(bound.number())}))"
    return Priced(("price 100%",), measure=measure, is_money=True)


def _bulk_bps(place: Place) -> Priced:
    return _bps_tiers(place, "volume")


def _tiered_bps(place: Place) -> Priced:
    return _bps_tiers(place, "graduated")


def _bps_tiers(place: Place, kind: Kind) -> Priced:
    """Shares by tiers of the total; the most that one event costs is not carried over."""
    tiers: list[Tier] = []
    for each in place.config.need("tiers").items():
        each.lose_field("per_unit_maximum", "what one event costs at most is lost in tiers of the total of all events")
        each.number_of("minimum_amount")  # of a graduated tier: where it begins
        tiers.append(_upper(each, "maximum_amount", each.need("bps").number() / 100))
    return Priced((tiered(place.config, kind, tiers, behind="%"),), is_money=True)


def _grouped(inner: Callable[[Place], Priced], ends: str = "total") -> Callable[[Place], Priced]:
    """The same price for each value of a property on its own; then the amounts are added, or the largest is taken."""

    def read(place: Place) -> Priced:
        by, (name,) = _dimensions([place.config.need("grouping_key")])
        found = inner(place)
        return Priced((f"each {name}", *found.steps, ends), by=by, is_prorated=found.is_prorated)

    return read


def _allocated(place: Place) -> Priced:
    free, rate = place.config.need("allocation").number(), place.config.need("overage_unit_rate").number()
    return Priced((f"include {number(free)}", price(rate)))


def _with_minimum(place: Place) -> Priced:
    rate, least = place.config.need("unit_rate").number(), place.config.need("minimum").number()
    return Priced((price(rate), f"minimum {number(least)} prorated by second"))


def _between(place: Place) -> Priced:
    low, high = place.config.need("minimum_charge").number(), place.config.need("maximum_charge").number()
    rate = place.config.need("per_unit_rate").number()
    return Priced((price(rate), f"maximum {number(high)}", f"minimum {number(low)}"))


def _with_filters(place: Place) -> Priced:
    """Only events with all of these properties are counted."""
    conditions: list[str] = []
    for each in place.config.need("filters").items():
        _, (name,) = _dimensions([each.need("property_key")])
        conditions.append(f'({name} or "") == {text(each.need("property_value").text())}')
    found = _bulk_from(place)
    return Priced(found.steps, where=" and ".join(conditions))


MODELS: Mapping[str, Callable[[Place], Priced]] = {
    "unit": _unit,
    "tiered": _tiered,
    "bulk": _bulk,
    "package": _package,
    "matrix": _matrix,
    "tiered_package": _tiered_package,
    "tiered_with_minimum": _tiered_with_minimum,
    "package_with_allocation": _package_with_allocation,
    "unit_with_percent": _unit_with_percent,
    "threshold_total_amount": _threshold_total_amount,
    "bps": _bps,
    "bulk_bps": _bulk_bps,
    "tiered_bps": _tiered_bps,
    "matrix_with_display_name": _matrix_with_display_name,
    "bulk_with_filters": _with_filters,
    "grouped_tiered": _grouped(_tiered_from),
    "grouped_allocation": _grouped(_allocated),
    "grouped_tiered_package": _grouped(_tiered_package),
    "grouped_with_prorated_minimum": _grouped(_with_minimum),
    "grouped_with_min_max_thresholds": _grouped(_between),
}
"""The models that a program can say, by `model_type`."""
