"""Meters: which events they read, what they measure, and the dimensions of their cells (language reference, section 3).

A meter's name, unit and dimensions are known even where the rest of it does not check, so that what uses it leads to no
further finding. Time zones are refused unless they are whole hours from UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pricing_dsl.check.aggregations import check_measure
from pricing_dsl.check.dimensions import check_dimensions
from pricing_dsl.check.events import Event
from pricing_dsl.check.scope import MeterSymbol, Scope, did_you_mean
from pricing_dsl.check.tables import check_table_dimensions
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.plugin.contract import Aggregation
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax
from pricing_dsl.values.currencies import MINOR_DIGITS

ClauseT = TypeVar("ClauseT", bound=syntax.Node)

UTC_ZONE = "UTC"
ZONE_YEARS = (2020, 2037)
"""Years in which a zone must be whole hours from UTC: zones were less tidy before."""

CLAUSE_WORDS: dict[type[syntax.Node], str] = {
    syntax.FromClause: "from",
    syntax.WhereClause: "where",
    syntax.MeasureClause: "measure",
    syntax.MeasureByClause: "measure",
    syntax.CarriedClause: "carried",
    syntax.UnitClause: "unit",
    syntax.ByClause: "by",
    syntax.TimezoneClause: "timezone",
}


@dataclass
class Clauses:
    """A meter's clauses by kind, each said once."""

    events: syntax.FromClause | None = None
    where: syntax.WhereClause | None = None
    measure: syntax.MeasureClause | syntax.MeasureByClause | None = None
    carried: syntax.CarriedClause | None = None
    unit: syntax.UnitClause | None = None
    by: syntax.ByClause | None = None
    timezone: syntax.TimezoneClause | None = None


@dataclass
class Measured:
    """What the arms of a meter amount to."""

    by: syntax.Name | None
    values: frozenset[str] = frozenset()
    measures: list[ir.Measure] = field(default_factory=list)
    aggregations: list[tuple[Aggregation, Span]] = field(default_factory=list)

    @property
    def additive(self) -> list[Aggregation]:
        return [aggregation for aggregation, _ in self.aggregations]


def check_meters(scope: Scope, program: syntax.Program) -> None:
    """Fill `scope.meters`, then ask of the tables, checked before, whether a meter has their dimensions and keys."""
    tables: dict[str, syntax.Rates] = {}
    for node in program.declarations:
        if isinstance(node, syntax.Rates):
            tables.setdefault(node.name.text, node)
    for node in program.declarations:
        if not isinstance(node, syntax.Meter):
            continue
        earlier = scope.meters.get(node.name.text)
        if earlier is None:
            scope.meters[node.name.text] = check_meter(scope, node, tables)
        else:
            scope.report(
                "N0101",
                node.name.span,
                f"the meter `{node.name.text}` is declared twice",
                labels=[Label(earlier.node.name.span, "first declared here")],
                help="rename one: meters and quantities share one name space",
            )
    for symbol in tuple(scope.tables.values()):
        check_table_dimensions(scope, symbol)


def check_meter(scope: Scope, node: syntax.Meter, tables: Mapping[str, syntax.Rates]) -> MeterSymbol:
    """One meter. What does not check is reported and left out; its name, unit and dimensions are still known."""
    clauses = sort_clauses(scope, node)
    event = Event(scope, tables)
    where = None
    if clauses.where is not None:
        condition = event.check(clauses.where.condition, "truth")
        where = None if condition is None else condition.made
    measured = check_measures(scope, event, node, clauses)
    check_carried(scope, clauses, measured)
    unit, unit_span = check_unit(scope, node, clauses.unit)
    dimensions, values = check_dimensions(scope, event, clauses.by, measured.by, measured.values)
    additive = measured.additive
    names = [dimension.name for dimension in dimensions]
    if measured.by is not None and measured.by.text not in names:
        names.append(measured.by.text)
    made = ir.Meter(
        node.name.text,
        node.name.text if node.label is None else node.label.value,
        unit,
        tuple(names),
        unit in MINOR_DIGITS,
        all(aggregation.whole for aggregation in additive),
        all(aggregation.adds_over_dimensions for aggregation in additive),
        all(aggregation.adds_over_time for aggregation in additive),
        check_events(scope, clauses.events),
        where,
        None if measured.by is None else measured.by.text,
        tuple(measured.measures),
        tuple(dimensions),
        clauses.carried is not None,
        UTC_ZONE if clauses.timezone is None else check_zone(scope, clauses.timezone.zone),
        span=node.span,
    )
    return MeterSymbol(node, made, unit_span, values)


# --- clauses -------------------------------------------------------------------------------------------------------


def sort_clauses(scope: Scope, node: syntax.Meter) -> Clauses:
    """Each clause at most once, `from` and `measure` in any case."""
    clauses = Clauses()
    for clause in node.clauses:
        match clause:
            case syntax.FromClause():
                clauses.events = once(scope, clauses.events, clause)
            case syntax.WhereClause():
                clauses.where = once(scope, clauses.where, clause)
            case syntax.MeasureClause() | syntax.MeasureByClause():
                clauses.measure = once(scope, clauses.measure, clause)
            case syntax.CarriedClause():
                clauses.carried = once(scope, clauses.carried, clause)
            case syntax.UnitClause():
                clauses.unit = once(scope, clauses.unit, clause)
            case syntax.ByClause():
                clauses.by = once(scope, clauses.by, clause)
            case syntax.TimezoneClause():
                clauses.timezone = once(scope, clauses.timezone, clause)
    name = node.name
    if clauses.events is None:
        scope.report(
            "T0601",
            name.span,
            f"the meter `{name.text}` does not say which events it reads",
            help='write `from "event.type"` in it',
        )
    if clauses.measure is None:
        scope.report(
            "T0601",
            name.span,
            f"the meter `{name.text}` does not say what it measures",
            help="write `measure count()`, or `measure sum(x)` with a property of the event",
        )
    return clauses


def once(scope: Scope, earlier: ClauseT | None, clause: ClauseT) -> ClauseT:
    """A clause that is said again is an error; the first one stays."""
    if earlier is None:
        return clause
    word = CLAUSE_WORDS[type(clause)]
    scope.report(
        "N0107",
        clause.span,
        f"`{word}` is said twice in this meter",
        labels=[Label(earlier.span, "first here")],
        help='join conditions with `and`: `from "event.type" where a and b`'
        if word == "where"
        else "keep one, or declare a second meter",
    )
    return earlier


def check_events(scope: Scope, clause: syntax.FromClause | None) -> tuple[str, ...]:
    """The event types, each once; a type is the whole text, `*` has no meaning in it."""
    types: dict[str, Span] = {}
    for text in () if clause is None else clause.types:
        if text.value in types:
            scope.report(
                "N0107",
                text.span,
                f'the event type "{text.value}" is named twice',
                labels=[Label(types[text.value], "first here")],
                help="name each type once",
            )
        elif "*" in text.value or not text.value:
            scope.report(
                "T0612",
                text.span,
                "an event type is a whole name, without `*`",
                help='list the types, as in `from "llm.completion", "llm.embedding"`',
            )
        types.setdefault(text.value, text.span)
    return tuple(types)


def check_measures(scope: Scope, event: Event, node: syntax.Meter, clauses: Clauses) -> Measured:
    """`measure AGG(...)`, or an arm for each value of `measure by`."""
    match clauses.measure:
        case None:
            return Measured(None)
        case syntax.MeasureClause(aggregation=call):
            measured = Measured(None)
            add_measure(scope, event, measured, call, None)
            return measured
        case syntax.MeasureByClause(dimension=dimension, arms=arms):
            measured = Measured(dimension)
            seen: dict[str, Span] = {}
            for arm in arms:
                value = arm.value.text if isinstance(arm.value, syntax.Name) else arm.value.value
                if value in seen:
                    scope.report(
                        "N0107",
                        arm.value.span,
                        f"`{value}` is measured twice",
                        labels=[Label(seen[value], "first here")],
                        help=f"say each value of `{dimension.text}` once, and add what belongs together",
                    )
                    continue
                seen[value] = arm.value.span
                add_measure(scope, event, measured, arm.aggregation, value)
            if not arms:
                scope.report(
                    "T0601",
                    clauses.measure.span,
                    f"the meter `{node.name.text}` does not say what it measures by `{dimension.text}`",
                    help="write an arm for each value, as in `input: sum(input_tokens)`",
                )
            measured.values = frozenset(seen)
            return measured


def add_measure(scope: Scope, event: Event, measured: Measured, call: syntax.Call, value: str | None) -> None:
    checked = check_measure(scope, event, call, value)
    if checked is not None:
        aggregation, measure = checked
        measured.aggregations.append((aggregation, call.span))
        measured.measures.append(measure)


def check_carried(scope: Scope, clauses: Clauses, measured: Measured) -> None:
    """A level stays until it changes: without `carried` a quiet period counts none of it (a warning)."""
    for aggregation, span in measured.aggregations:
        if aggregation.carried == "wanted" and clauses.carried is None:
            scope.report(
                "W0401",
                span,
                f"`{aggregation.name}` without `carried` sees only what events of the period say",
                label="a period without events counts nothing",
                help="write `carried` if this is a level that stays until it changes, such as seats or stored bytes",
            )
        elif aggregation.carried == "refused" and clauses.carried is not None:
            scope.report(
                "T0611",
                clauses.carried.span,
                f"`carried` would count the last value before the period again in `{aggregation.name}`",
                label="not with this aggregation",
                labels=[Label(span, "measured here")],
                help="drop `carried`, or measure a level with `max`, `last` or `time_weighted`",
            )


def check_unit(scope: Scope, node: syntax.Meter, clause: syntax.UnitClause | None) -> tuple[str, Span]:
    """The unit a meter counts in, its own name if it says none; `unit USD` counts money."""
    if clause is None:
        symbol = scope.units.get(node.name.text)
        unit = node.name.text if symbol is None else symbol.name
        scope.used.add(("unit", unit))
        return unit, node.name.span
    name = clause.name
    code = name.text if name.text in MINOR_DIGITS else name.text.upper()
    if name.text not in scope.units and code in MINOR_DIGITS:
        report_currency_unit(scope, name, code)
        return code, name.span
    named = scope.unit_named(name)
    return (name.text if named is None else named), name.span


def report_currency_unit(scope: Scope, name: syntax.Name, code: str) -> None:
    """Money in another currency than the program's, or the program's in lower case."""
    if code == scope.currency:
        scope.report(
            "U0102",
            name.span,
            f"`{name.text}` is not a currency code",
            label="unknown currency",
            help=f"write `unit {code}`",
        )
        return
    scope.report(
        "U0104",
        name.span,
        f"this meter counts `{code}`, but the program's money is in `{scope.currency}`",
        label=f"money in {code}",
        labels=[Label(scope.units[scope.currency].span, f"the program is in `{scope.currency}`")],
        help=f"money of two currencies never meets: convert to {scope.currency} before it is metered, "
        f"or write a program in {code}",
    )


# --- time zones ----------------------------------------------------------------------------------------------------


def check_zone(scope: Scope, zone: syntax.Text) -> str:
    """The name of a time zone; one that is not whole hours from UTC is refused: aggregates are hourly (section 8)."""
    name = zone.value
    if name == UTC_ZONE:
        return name
    offset = odd_offset(name)
    if offset is None:
        near = did_you_mean(name, available_timezones())
        scope.report(
            "N0503",
            zone.span,
            f'there is no time zone "{name}"',
            label="unknown time zone",
            help=f'did you mean "{near}"?' if near else 'write a name such as "Europe/Paris" or "UTC"',
        )
        return UTC_ZONE
    if offset:
        scope.report(
            "D0601",
            zone.span,
            f'"{name}" is not whole hours from UTC',
            label=f"{offset} from UTC",
            help="usage is aggregated by the hour: write a zone that is whole hours from UTC",
        )
        return UTC_ZONE
    return name


@lru_cache(maxsize=256)
def odd_offset(name: str) -> str | None:
    """An offset of the zone since 2020 that is not whole hours, as `+05:30`, or none (""). `None`: no such zone."""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    for month in range(12 * (ZONE_YEARS[1] - ZONE_YEARS[0])):
        at = datetime(ZONE_YEARS[0] + month // 12, month % 12 + 1, 1, tzinfo=UTC).astimezone(zone)
        offset = at.utcoffset()
        assert offset is not None
        if offset % timedelta(hours=1):
            return at.strftime("%z")[:3] + ":" + at.strftime("%z")[3:5]
    return ""
