"""One batch on its way to the store: what each event gives its meters, added up by customer, meter, hour and cell.

Nothing here touches a database. Amounts are added without rounding: whole numbers, decimals, and encoded states where
an aggregation needs more than one number.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from hashlib import blake2b
from typing import Any, Final, Literal, NamedTuple

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.measure import Measurer
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.verify import walk_expression
from pricing_dsl.plugin.aggregations import LimitError
from pricing_dsl.plugin.contract import Monoid
from pricing_dsl.plugin.manager import plugins
from runtime.limits import DEDUP_DAYS, FUTURE_HOURS_MAX
from runtime.metering.events import Event, Given, Malformed, fault
from runtime.metering.measures import EventType, Measured, Taken, decimal_places
from runtime.store.repositories.meters import Measuring
from runtime.store.sqlite import EXACT

Merge = Literal["add", "max", "min", "state"]
"""How values of a measure come together: three ways that SQL knows, or as states of its aggregation."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


class Rejected(NamedTuple):
    """An event of a batch that was not taken: its place in the batch, and why."""

    place: int
    id: str
    code: str
    reason: str


class Bucket(NamedTuple):
    """Where usage is kept."""

    meter_id: int
    customer: str
    hour: int
    cell: str


class Slot(NamedTuple):
    """One measure of one meter."""

    meter_id: int
    merge: Merge
    monoid: Monoid[Any] | None
    carried: bool


class Counted(NamedTuple):
    """An event that its meters can take: what it gives them."""

    place: int
    event: Event
    key: bytes
    hour: int
    taken: Taken


class StateOf(NamedTuple):
    """What a batch adds to a bucket that keeps a state: the state, and for a carried meter its last value."""

    monoid: Monoid[Any]
    state: Any
    last: tuple[int, str, str] | None


class Epoch(NamedTuple):
    """The event types that are measured from an instant on."""

    start: datetime | None
    types: dict[str, EventType]


class Metering:
    """What a tenant's events are measured by: made once for a stamp of its programs, used by many batches."""

    def __init__(self, measuring: Sequence[Measuring]) -> None:
        self.slots: list[Slot] = []
        self.epochs: list[Epoch] = []
        known: dict[int, Measured] = {}
        for each in measuring:
            types: dict[str, list[Measured]] = {}
            for definition in each.definitions:
                measured = known.get(definition.id)
                if measured is None:
                    measured = Measured(definition.id, definition.meter, Measurer(definition.program))
                    known[definition.id] = measured
                for name in definition.meter.event_types:
                    types.setdefault(name, []).append(measured)
            self.epochs.append(Epoch(each.start, {name: self._event_type(meters) for name, meters in types.items()}))
        self._starts = [epoch.start for epoch in self.epochs[1:] if epoch.start is not None]

    def _event_type(self, meters: Sequence[Measured]) -> EventType:
        made = EventType(meters, len(self.slots))
        for each in meters:
            self.slots.extend(slot_of(each.meter_id, each.meter, measure) for measure in each.meter.measures)
        return made

    def types_at(self, time: datetime) -> dict[str, EventType]:
        """The event types that are measured at an instant."""
        return self.epochs[bisect_right(self._starts, time)].types


def slot_of(meter_id: int, meter: ir.Meter, measure: ir.Measure) -> Slot:
    merge: Merge = "state"
    if not meter.carried:
        match measure.aggregation:
            case "count":
                merge = "add"
            case "sum" if has_an_end(measure.arguments[0]):
                merge = "add"
            case "max" | "min" as word if has_an_end(measure.arguments[0]):
                merge = word
            case _:
                pass
    if merge != "state":
        return Slot(meter_id, merge, None, False)
    return Slot(meter_id, merge, monoid_of(measure), meter.carried)


def monoid_of(measure: ir.Measure) -> Monoid[Any]:
    """What computes a measure's aggregation: made with the constants behind its value."""
    constants = [each.value for each in measure.arguments[1:] if isinstance(each, ir.Const)]
    aggregation = plugins().aggregations[measure.aggregation].value
    return aggregation.make([each for each in constants if not isinstance(each, bool)])


def has_an_end(expression: ir.Expression) -> bool:
    """Whether every value of an expression is a decimal: no division by 3, and no function of a plugin."""
    for each in walk_expression(expression):
        if not isinstance(each, ir.Apply):
            continue
        if each.operator.startswith("function:"):
            return False
        if each.operator == "/":
            divisor = each.arguments[1]
            if not isinstance(divisor, ir.Const) or isinstance(divisor.value, str | bool):
                return False
            if divisor.value == 0 or decimal_places(abs(divisor.value.numerator)) is None:
                return False
    return True


# --- events, one by one ----------------------------------------------------------------------------------------------


def measure(
    metering: Metering, tenant_id: str, given: Sequence[Given], now: datetime
) -> tuple[list[Counted], list[Rejected]]:
    """What the events of a batch give their meters; those that cannot be taken, with the reason."""
    counted: list[Counted] = []
    rejected: list[Rejected] = []
    oldest, newest = now - timedelta(days=DEDUP_DAYS), now + timedelta(hours=FUTURE_HOURS_MAX)
    prefix = tenant_id.encode() + b"\0"
    for index, event in enumerate(given):
        if isinstance(event, Malformed):
            rejected.append(Rejected(index, "", "X0301", event.why))
            continue
        why = fault(event)
        if why is not None:
            rejected.append(Rejected(index, event.id, "X0301", why))
            continue
        time = event.time
        if not oldest <= time <= newest:
            rejected.append(out_of_time(index, event, time < oldest))
            continue
        event_type = metering.types_at(time).get(event.type)
        if event_type is None:
            rejected.append(Rejected(index, event.id, "X0302", f"no meter reads events of type `{event.type}`"))
            continue
        try:
            taken = event_type.take(event.data, time)
        except EvaluationError as error:
            rejected.append(Rejected(index, event.id, error.code, f"{error.message}; {error.help}".rstrip("; ")))
            continue
        since = time - EPOCH
        key = blake2b(prefix + f"{event.source}\0{event.id}".encode(), digest_size=16).digest()
        counted.append(Counted(index, event, key, since.days * 24 + since.seconds // 3600, taken))
    return counted, rejected


def out_of_time(index: int, event: Event, is_old: bool) -> Rejected:
    if is_old:
        why = f"its time, {event.time.isoformat()}, is more than {DEDUP_DAYS} days ago: it may be known already"
        return Rejected(index, event.id, "X0303", why)
    why = f"its time, {event.time.isoformat()}, is more than {FUTURE_HOURS_MAX} hours ahead"
    return Rejected(index, event.id, "X0304", why)


# --- a batch ---------------------------------------------------------------------------------------------------------


class Sums(NamedTuple):
    """A batch added up: numbers by how they merge. All are sorted, so that writers do not wait in a ring."""

    numbers: dict[Merge, list[tuple[Bucket, Decimal]]]
    states: list[tuple[Bucket, StateOf]]
    cells: dict[tuple[int, str, int], int]
    """How many buckets the batch touches, by meter, customer and hour."""


def add_up(metering: Metering, counted: Iterable[Counted]) -> tuple[Sums, list[Rejected]]:
    """The sums of some events, and those that an aggregation does not take: the sums are worth nothing then."""
    slots = metering.slots
    numbers: dict[tuple[int, str, int, tuple[str, ...]], Any] = {}
    states: dict[tuple[int, str, int, tuple[str, ...]], StateOf] = {}
    rejected: list[Rejected] = []
    with localcontext(EXACT):
        for each in counted:
            customer, hour = each.event.subject, each.hour
            for number, cell, value in each.taken:
                slot = slots[number]
                key = (number, customer, hour, cell)
                if slot.merge == "add":
                    numbers[key] = numbers[key] + value if key in numbers else value
                elif slot.merge == "state":
                    try:
                        states[key] = with_value(slot, states.get(key), value, each.event)
                    except Exception as error:  # of an aggregation, perhaps a plugin's: it harms this event only
                        rejected.append(refused_by(each, error))
                elif key not in numbers or (value > numbers[key]) == (slot.merge == "max"):
                    numbers[key] = value
    return sorted_sums(slots, numbers, states), rejected


def sorted_sums(
    slots: Sequence[Slot],
    numbers: dict[tuple[int, str, int, tuple[str, ...]], Any],
    states: dict[tuple[int, str, int, tuple[str, ...]], StateOf],
) -> Sums:
    sums = Sums({"add": [], "max": [], "min": []}, [], {})
    texts: dict[tuple[str, ...], str] = {}
    for key, value in numbers.items():
        bucket = bucket_of(slots, key, texts)
        sums.numbers[slots[key[0]].merge].append((bucket, Decimal(value)))
        count(sums.cells, bucket)
    for key, state in states.items():
        bucket = bucket_of(slots, key, texts)
        sums.states.append((bucket, state))
        count(sums.cells, bucket)
    for pairs in sums.numbers.values():
        pairs.sort()
    sums.states.sort(key=lambda pair: pair[0])
    return sums


def bucket_of(
    slots: Sequence[Slot], key: tuple[int, str, int, tuple[str, ...]], texts: dict[tuple[str, ...], str]
) -> Bucket:
    number, customer, hour, cell = key
    text = texts.get(cell)
    if text is None:
        text = texts[cell] = json.dumps(cell, ensure_ascii=False, separators=(",", ":"))
    return Bucket(slots[number].meter_id, customer, hour, text)


def count(cells: dict[tuple[int, str, int], int], bucket: Bucket) -> None:
    place = bucket[:3]
    cells[place] = cells.get(place, 0) + 1


def refused_by(counted: Counted, error: Exception) -> Rejected:
    """An event that an aggregation has no room for, or fails on."""
    if isinstance(error, LimitError):
        return Rejected(counted.place, counted.event.id, "X0306", f"{error}; {error.help}")
    return Rejected(counted.place, counted.event.id, "X0307", f"its aggregation raised {type(error).__name__}: {error}")


def with_value(slot: Slot, known: StateOf | None, value: Any, event: Event) -> StateOf:
    """A bucket's state with one more value. Raises what the aggregation raises: `LimitError` where it has no room."""
    assert slot.monoid is not None
    value = Fraction(value) if isinstance(value, Decimal) else value
    time = (event.time - EPOCH) // MICROSECOND
    state = slot.monoid.zero() if known is None else known.state
    state = slot.monoid.add(state, value, time, event.id)
    last = None
    if slot.carried:
        last = (time, event.id, str(value))
        if known is not None and known.last is not None and known.last[:2] > last[:2]:
            last = known.last
    return StateOf(slot.monoid, state, last)
