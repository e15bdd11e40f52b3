"""What an event is, and reading batches: a JSON array, CloudEvents in batch form, or one event a line.

An event is a CloudEvent whose `subject` is the customer and whose `data` are the properties that meters read. Numbers
stay exact: one with a fraction becomes a `Decimal`, never a float. A batch of which one event is wrong is read event by
event, so that one bad event harms no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from runtime.limits import BATCH_BYTES_MAX, EVENT_NAME_CHARACTERS_MAX


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event. `time` has a zone; `id` is unique within its `source`."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any] = {}


class Malformed(NamedTuple):
    """What is no event: its text, and why."""

    text: str
    why: str


Given = Event | Malformed

_WHOLE = msgspec.json.Decoder(list[Event], float_hook=Decimal)
_PIECES = msgspec.json.Decoder(list[msgspec.Raw])
_ONE = msgspec.json.Decoder(Event, float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def read_batch(data: bytes) -> list[Given]:
    """The events of a JSON array, or of newline-delimited JSON. What is no event comes back as `Malformed`.

    Raises `ValueError` for a batch that is too large or an array that does not end.
    """
    if len(data) > BATCH_BYTES_MAX:
        raise ValueError(f"a batch is at most {BATCH_BYTES_MAX:_} bytes, and this one is {len(data):_}")
    if data.lstrip()[:1] != b"[":
        return [_read_one(line) for line in data.splitlines() if line.strip()]
    try:
        return list(_WHOLE.decode(data))
    except msgspec.MsgspecError:
        pass
    try:
        pieces = _PIECES.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(f"the batch is no JSON array: {error}") from None
    return [_read_one(bytes(piece)) for piece in pieces]


def read_mappings(events: Iterable[Any]) -> Iterator[Given]:
    """Events that are mappings already, from a file of another form."""
    for event in events:
        try:
            yield msgspec.convert(event, Event)
        except msgspec.ValidationError as error:
            yield Malformed(str(event), str(error))


def written(event: Given) -> str:
    """An event as JSON text, to be kept with the reason why it was not taken."""
    return event.text if isinstance(event, Malformed) else _ENCODER.encode(event).decode()


def fault(event: Event) -> str | None:
    """Why an event cannot be taken whatever its meters are; `None` where nothing is wrong with it."""
    for name, text in (("id", event.id), ("source", event.source), ("type", event.type), ("subject", event.subject)):
        if not text:
            return f"its `{name}` is empty"
        if len(text) > EVENT_NAME_CHARACTERS_MAX:
            return f"its `{name}` has more than {EVENT_NAME_CHARACTERS_MAX} characters"
        if "\0" in text:
            return f"its `{name}` has a zero character"
    if event.time.tzinfo is None:
        return "its `time` has no zone: write 2026-03-01T06:00:00Z"
    return None


def _read_one(data: bytes) -> Given:
    try:
        return _ONE.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return Malformed(data.decode(errors="replace"), str(error))
