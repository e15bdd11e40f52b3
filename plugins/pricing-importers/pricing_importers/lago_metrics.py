"""Lago's billable metrics: what a meter counts for a charge.

After Lago's documentation, "Aggregation types". A metric that the file does not hold is taken for a sum of `value`, and
that is listed as lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from pricing_importers.reading import Json
from pricing_importers.writing import number, property_of

AGGREGATIONS: Mapping[str, str] = {
    "count_agg": "count()",
    "sum_agg": "sum({})",
    "max_agg": "max({})",
    "unique_count_agg": "unique({})",
    "latest_agg": "last({})",
    "weighted_sum_agg": "time_weighted({})",
    "custom_agg": "sum({})",
}
"""`aggregation_type` -> what a meter measures of the field."""

ROUNDING: Mapping[str, str] = {"ceil": "up", "floor": "down", "round": "half_up"}
LEVEL = "its events carry changes, and a meter reads the level after each: send that"


@dataclass(frozen=True)
class Metric:
    """A billable metric: its code, the field that is aggregated, and the quantity step that rounds the sum."""

    code: str
    said: str = ""
    measured: str = "sum({})"
    field: str = "value"
    carried: bool = False
    rounding: str = ""

    @property
    def measure(self) -> str:
        """What the meter measures."""
        return self.measured.format(self.field)

    @property
    def adds_up(self) -> bool:
        """Whether the quantities of parts of the usage add up to that of all of it."""
        return not self.measured.startswith(("max", "unique"))


class Metrics:
    """The billable metrics of a file, read when a charge asks for them."""

    def __init__(self, root: Json) -> None:
        places = [*root.list_of("billable_metrics")] if root.has("billable_metrics") else []
        if root.has("billable_metric"):
            places.append(root.need("billable_metric"))
        self._places = {each.need("code").key(): each for each in places}
        self._read: dict[str, Metric] = {}

    def of(self, charge: Json) -> Metric:
        """The metric that a charge counts."""
        place = charge.get("billable_metric_code")
        if place is None:
            charge.refuse(
                "it has no `billable_metric_code`",
                "export the plan from the API, which names the metrics by their codes",
            )
        code = place.key()
        if code not in self._read:
            if code not in self._places:
                place.lose("the file does not hold this billable metric: a sum of `value` is assumed")
                return Metric(code)
            self._read[code] = _metric(code, self._places[code])
        return self._read[code]

    def lose_unused(self) -> None:
        """Say of what nobody asked for that it is not carried over."""
        for code, place in self._places.items():
            if code not in self._read:
                place.lose("no charge of these plans counts this metric")


def _metric(code: str, place: Json) -> Metric:
    kind = place.need("aggregation_type")
    found = kind.one_of(*AGGREGATIONS)
    field, named = "value", place.get("field_name")
    if named is not None:
        field = property_of(named.key())
        if field != named.value:
            named.lose(f"a property of an event is a plain name: send it as `{field}`")
    elif found not in ("count_agg", "custom_agg"):
        place.refuse("it has no `field_name`", "give it the property that is aggregated")
    is_recurring = place.truth_of("recurring")
    if found == "weighted_sum_agg":
        kind.lose(LEVEL)
        interval = place.get("weighted_interval")
        if interval is not None:
            interval.one_of("seconds")
    elif found == "custom_agg":
        kind.lose("its own code computes the quantity: send it as `value`")
    elif is_recurring:
        place.lose_field(
            "recurring", f"units of earlier periods stay counted: {LEVEL}" if found == "sum_agg" else LEVEL
        )
    place.lose_field("expression", f"a formula of Lago computes `{field}`: send its result")
    _read_filters(place)
    return Metric(
        code,
        place.text_of("name"),
        "last({})" if is_recurring and found == "sum_agg" else AGGREGATIONS[found],
        field,
        carried=is_recurring and found in ("sum_agg", "max_agg", "latest_agg", "weighted_sum_agg"),
        rounding=_rounding(place),
    )


def _read_filters(place: Json) -> None:
    """The values that filters may have; a charge names those that it prices."""
    for each in place.list_of("filters"):
        each.need("key").text()
        for value in each.list_of("values"):
            value.text()


def _rounding(place: Json) -> str:
    """The step that rounds the whole quantity before its price."""
    function, precision = place.get("rounding_function"), place.get("rounding_precision")
    digits = precision.whole() if precision else 0
    if function is None:
        return ""
    mode = ROUNDING[function.one_of(*ROUNDING)]
    return f"round {mode} to {number(Fraction(10) ** -digits)}"
