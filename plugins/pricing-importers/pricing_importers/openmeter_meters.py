"""OpenMeter's features and meters: what a rate card counts.

A rate card names a feature, a feature names a meter and may filter it, a meter says its events and aggregation. What
the file does not hold is taken for a sum of `value` over events of the feature's name, and that is listed as lost.
After OpenMeter's API specification (Meter, Feature).
"""

from __future__ import annotations

from collections.abc import Mapping

from pricing_importers.reading import Json
from pricing_importers.writing import Meter, Sheet, property_of, text

AGGREGATIONS: Mapping[str, str] = {
    "SUM": "sum({})",
    "COUNT": "count()",
    "AVG": "mean({})",
    "MIN": "min({})",
    "MAX": "max({})",
    "UNIQUE_COUNT": "unique({})",
    "LATEST": "last({})",
}


class Meters:
    """The features and meters of a file, read when a rate card asks for them."""

    def __init__(self, root: Json, sheet: Sheet) -> None:
        self._sheet = sheet
        self._features = {each.need("key").key(): each for each in root.list_of("features")}
        self._meters = {each.need("slug").key(): each for each in root.list_of("meters")}
        self._used: set[int] = set()

    def of(self, card: Json, is_money: bool) -> str:
        """The name of the meter that a rate card counts, declared where it is new."""
        named = card.get("featureKey")
        if named is None:
            card.refuse("it is priced by usage and has no `featureKey`", "say which feature it counts")
        key = named.key()
        meter = self._meter(named, key, self._sheet.currency if is_money else "")
        return self._sheet.meter(f"{key}_amount" if is_money else key, meter)

    def lose_unused(self) -> None:
        """Say of what nobody asked for that it is not carried over."""
        for each in (*self._features.values(), *self._meters.values()):
            if id(each) not in self._used:
                each.lose("no rate card of these plans counts it")

    def _meter(self, named: Json, key: str, unit: str) -> Meter:
        feature = self._features.get(key)
        if feature is None and key not in self._meters:
            named.lose("the file does not hold this feature and its meter: a sum of `value` is assumed")
            return Meter(key, "sum(value)", unit=unit)
        where = ""
        slug = key
        if feature is not None:
            self._used.add(id(feature))
            feature.text_of("name")
            slug = feature.text_of("meterSlug", key)
            where = _where(feature)
        place = self._meters.get(slug)
        if place is None:
            named.lose("the file does not hold the meter of this feature: a sum of `value` is assumed")
            return Meter(slug, "sum(value)", unit=unit, where=where)
        self._used.add(id(place))
        place.text_of("name")
        for _, path in place.need("groupBy").fields() if place.has("groupBy") else ():
            path.skip()
        measure = AGGREGATIONS[place.need("aggregation").one_of(*AGGREGATIONS)]
        return Meter(place.need("eventType").key(), measure.format(_property(place)), unit=unit, where=where)


def _property(place: Json) -> str:
    """The property that a JSON path such as `$.tokens` names."""
    path = place.get("valueProperty")
    if path is None:
        return "value"
    wanted = path.text().removeprefix("$.")
    found = property_of(wanted)
    if found != wanted:
        path.lose(f"a property of an event is a plain name: send it as `{found}`")
    return found


def _where(feature: Json) -> str:
    """The condition on events that a feature puts on its meter."""
    filters = feature.get("meterGroupByFilters")
    conditions: list[str] = []
    for key, value in filters.fields() if filters else ():
        found = property_of(key)
        if found != key:
            value.lose(f"a property of an event is a plain name: send it as `{found}`")
        conditions.append(f'({found} or "") == {text(value.text())}')
    return " and ".join(conditions)
