"""One batch on its way to the store: what each event gives its meters, added up by customer, meter, hour and cell.

Nothing here touches a database. Amounts are added without rounding: whole numbers, decimals, and encoded states where
an aggregation needs more than one number. Which events are new is not known yet; where some are not, or some find no
room, the batch is added up again without them.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence, Set
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.measure import Measurer
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.verify import walk_expression
from pricing_dsl.plugin.aggregations import LimitError
from pricing_dsl.plugin.contract import Monoid
from pricing_dsl.plugin.manager import plugins
from runtime.limits import DEDUP_DAYS, FUTURE_HOURS_MAX
from runtime.metering.events import Event, Given, Malformed
from runtime.metering.measures import Key, Measured, Merge, Sums, add_by_reference, decimal_places
from runtime.metering.printing import Count, StepsAside, printed
from runtime.store.repositories.meters import Definition, Measuring
from runtime.store.sqlite import EXACT

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
KEY_BYTES: Final = 16


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


class Last(NamedTuple):
    """The last value of a carried meter: of events at one instant that of the greatest id (rule 16)."""

    time: int
    id: str
    value: Fraction


class StateOf(NamedTuple):
    """What a batch adds to a bucket that keeps a state: the state, and for a carried meter its last value."""

    monoid: Monoid[Any]
    state: Any
    last: Last | None


class EventType(NamedTuple):
    """All meters that read one type of event, and the function printed for them."""

    printed: Count
    meters: tuple[Measured, ...]


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
                if definition.id not in known:
                    known[definition.id] = self._measured(definition)
                for name in definition.meter.event_types:
                    types.setdefault(name, []).append(known[definition.id])
            made = {name: EventType(printed(meters), tuple(meters)) for name, meters in types.items()}
            self.epochs.append(Epoch(each.start, made))
        self._starts = [epoch.start for epoch in self.epochs[1:] if epoch.start is not None]

    def _measured(self, definition: Definition) -> Measured:
        meter, first = definition.meter, len(self.slots)
        self.slots.extend(slot_of(definition.id, meter, measure) for measure in meter.measures)
        merges = tuple(slot.merge for slot in self.slots[first:])
        return Measured(definition.id, meter, Measurer(definition.program), first, merges)

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


class Counted:
    """A batch, or a part of it, added up as if all its events were new."""

    def __init__(self) -> None:
        self.sums = Sums()
        self.ids: dict[bytes, int] = {}
        """The key of each event that counts, and the hour of its time."""
        self.places: list[int] = []
        """Of the same events their places in the batch."""
        self.repeated: list[int] = []
        """Events that came before in this batch."""
        self.rejected: list[Rejected] = []


class Customers(dict[str, bool]):
    """Whether a customer is one that every database can keep, by name."""

    def __missing__(self, name: str) -> bool:
        self[name] = found = "\0" not in name
        return found


class Sources(dict[str, Any]):
    """Hashes of a tenant and a source, to which an event's id is added: `key_of`."""

    def __init__(self, tenant_id: str) -> None:
        super().__init__()
        self._tenant = f"{len(tenant_id)}:{tenant_id}"

    def __missing__(self, source: str) -> Any:
        self[source] = made = blake2b(f"{self._tenant}{len(source)}:{source}".encode(), digest_size=KEY_BYTES)
        return made


def key_of(sources: Sources, event: Event) -> bytes:
    """What an event is known by: a hash of its tenant, source and id."""
    hashing = sources[event.source].copy()
    hashing.update(event.id.encode())
    made: bytes = hashing.digest()
    return made


def count(metering: Metering, tenant_id: str, given: Sequence[Given], now: datetime, without: Set[int]) -> Counted:
    """Add up the events of a batch, but for some; those that cannot be taken are rejected with the reason.

    This is where the time of ingesting goes, so it calls as little as it can for each event.
    """
    made = Counted()
    sums, ids, places, rejected = made.sums, made.ids, made.places, made.rejected
    oldest, newest = now - timedelta(days=DEDUP_DAYS), now + timedelta(hours=FUTURE_HOURS_MAX)
    sources, customers, epoch = Sources(tenant_id), Customers(), EPOCH
    types = metering.epochs[0].types if len(metering.epochs) == 1 else None
    with localcontext(EXACT):
        for place, event in enumerate(given):
            if without and place in without:
                continue
            if isinstance(event, Malformed):
                rejected.append(Rejected(place, "", "X0301", event.why))
                continue
            time, customer = event.time, event.subject
            event_type = (types or metering.types_at(time)).get(event.type)
            if event_type is None or not oldest <= time <= newest or not customers[customer]:
                rejected.append(refused(place, event, oldest, newest))
                continue
            hashing = sources[event.source].copy()
            hashing.update(event.id.encode())
            key = hashing.digest()
            if key in ids:
                made.repeated.append(place)
                continue
            since = time - epoch
            hour = since.days * 24 + since.seconds // 3600
            try:
                try:
                    event_type.printed(event.data, time, customer, hour, place, sums)
                except (StepsAside, ArithmeticError):
                    add_by_reference(event_type.meters, event.data, time, customer, hour, place, sums)
            except EvaluationError as error:
                rejected.append(Rejected(place, event.id, error.code, f"{error.message}; {error.help}".rstrip("; ")))
                continue
            ids[key] = hour
            places.append(place)
    return made


def refused(place: int, event: Event, oldest: datetime, newest: datetime) -> Rejected:
    """Why an event cannot be measured."""
    if "\0" in event.subject:
        return Rejected(place, event.id, "X0301", "its `subject` has a zero character")
    if event.time < oldest:
        why = f"its time, {event.time.isoformat()}, is more than {DEDUP_DAYS} days ago: it may be known already"
        return Rejected(place, event.id, "X0303", why)
    if event.time > newest:
        why = f"its time, {event.time.isoformat()}, is more than {FUTURE_HOURS_MAX} hours ahead"
        return Rejected(place, event.id, "X0304", why)
    return Rejected(place, event.id, "X0302", f"no meter reads events of type `{event.type}`")


# --- a batch ---------------------------------------------------------------------------------------------------------


class Merged(NamedTuple):
    """A batch as buckets: numbers by how they merge. All are sorted, so that writers do not wait in a ring."""

    numbers: dict[Merge, list[tuple[Bucket, Any]]]
    states: list[tuple[Bucket, StateOf]]

    def buckets(self) -> list[Bucket]:
        return [bucket for pairs in (*self.numbers.values(), self.states) for bucket, _ in pairs]


class Cells(dict[Key, str]):
    """Dimension values as a JSON list: how the store keeps a cell."""

    def __missing__(self, cell: Key) -> str:
        self[cell] = text = json.dumps(cell, ensure_ascii=False, separators=(",", ":"))
        return text


def merged(metering: Metering, given: Sequence[Given], sums: Sums) -> tuple[Merged, dict[Bucket, list[Rejected]]]:
    """What was counted as buckets; and the events whose values these refuse: then all are worth nothing."""
    slots, cells = metering.slots, Cells()
    numbers: dict[Merge, list[tuple[Bucket, Any]]] = {}
    given_by: tuple[tuple[Merge, dict[Key, Any]], ...] = (
        ("add", sums.added),
        ("max", sums.largest),
        ("min", sums.smallest),
    )
    for merge, found in given_by:
        pairs = [
            (Bucket(slots[key[0]].meter_id, key[1], key[2], cells[key[3:]]), value) for key, value in found.items()
        ]
        pairs.sort(key=first_of)
        numbers[merge] = pairs
    states: list[tuple[Bucket, StateOf]] = []
    refused: dict[Bucket, list[Rejected]] = {}
    for key, values in sums.values.items():
        slot = slots[key[0]]
        state, failed = state_of(slot, given, values)
        states.append((Bucket(slot.meter_id, key[1], key[2], cells[key[3:]]), state))
        if failed:
            refused[states[-1][0]] = failed
    states.sort(key=first_of)
    return Merged(numbers, states), refused


def bucket_of(metering: Metering, key: Key) -> Bucket:
    """Where a value is kept."""
    return Bucket(metering.slots[key[0]].meter_id, key[1], key[2], Cells()[key[3:]])


def first_of(pair: tuple[Bucket, Any]) -> Bucket:
    return pair[0]


def state_of(
    slot: Slot, given: Sequence[Given], values: Sequence[tuple[int, Any]], kept: bytes | None = None
) -> tuple[StateOf, list[Rejected]]:
    """The state of some values, begun with one that is kept; and those events whose value does not go into it.

    An aggregation that raises harms the events it raises for and no other: a full one leaves its state as it was
    (`LimitError`), after anything else the state is taken from before.
    """
    assert slot.monoid is not None
    monoid = slot.monoid
    state = monoid.zero() if kept is None else monoid.decode(kept)
    last: Last | None = None
    rejected: list[Rejected] = []
    careful = False
    at = 0
    while at < len(values):
        place, value = values[at]
        event = given[place]
        assert isinstance(event, Event)
        time = (event.time - EPOCH) // MICROSECOND
        exact = Fraction(value) if isinstance(value, Decimal) else value
        before = monoid.encode(state) if careful else b""
        try:
            state = monoid.add(state, exact, time, event.id)
        except LimitError as error:
            rejected.append(refused_by(place, event, error))
        except Exception as error:  # of an aggregation, perhaps a plugin's
            if not careful:  # what it has made of its state nobody knows: again, with a copy before each value
                careful, at, last, rejected = True, 0, None, []
                state = monoid.zero() if kept is None else monoid.decode(kept)
                continue
            rejected.append(refused_by(place, event, error))
            state = monoid.decode(before)
        else:
            if slot.carried:
                last = later(last, Last(time, event.id, Fraction(exact)))
        at += 1
    return StateOf(monoid, state, last), rejected


def later(one: Last | None, other: Last | None) -> Last | None:
    """The later of two last values."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def refused_by(place: int, event: Event, error: Exception) -> Rejected:
    """An event that an aggregation has no room for, or fails on."""
    if isinstance(error, LimitError):
        return Rejected(place, event.id, "X0306", f"{error}; {error.help}")
    return Rejected(place, event.id, "X0307", f"its aggregation raised {type(error).__name__}: {error}")
