"""What an event is, and reading batches: a JSON array, CloudEvents in batch form, or one event a line.

An event is a CloudEvent whose `subject` is the customer and whose `data` are the properties that meters read. Numbers
stay exact: one with a fraction becomes a `Decimal`, never a float. A batch of which one event is wrong is read event by
event, so that one bad event harms no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from runtime.limits import BATCH_BYTES_MAX, EVENT_NAME_CHARACTERS_MAX

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=EVENT_NAME_CHARACTERS_MAX)]


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event. `time` has a zone; `id` is unique within its `source`."""

    id: Name
    source: Name
    type: Name
    subject: Name
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    data: dict[str, Any] = {}


class Malformed(NamedTuple):
    """What is no event: its text, and why."""

    text: str
    why: str


Given = Event | Malformed
NOT_READ: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_ARRAY = msgspec.json.Decoder(list[Event], float_hook=Decimal)
_ONE = msgspec.json.Decoder(Event, float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_PARSER = json.JSONDecoder(parse_float=str, parse_int=str)
SPACE: Final = (" ", "\t", "\r", "\n")


def read_batch(data: bytes) -> list[Given]:
    """The events of a JSON array, of newline-delimited JSON, or one event. What is none comes back as `Malformed`.

    Raises `ValueError` for a batch that is too large or an array that cannot be taken apart.
    """
    if len(data) > BATCH_BYTES_MAX:
        raise ValueError(f"a batch is at most {BATCH_BYTES_MAX:_} bytes, and this one has {len(data):_}")
    is_array = data.lstrip()[:1] == b"["
    try:
        return [*(_ARRAY.decode(data) if is_array else _ONE.decode_lines(data))]
    except NOT_READ:
        pass
    if is_array:
        return [_read_one(piece) for piece in _pieces(data)]
    try:
        return [_ONE.decode(data)]
    except NOT_READ:
        return [_read_one(line) for line in data.split(b"\n") if line.strip()]


def read_each(lines: Sequence[bytes]) -> list[Given]:
    """Events of lines that are not empty, one of each."""
    try:
        events: list[Given] = [*_ONE.decode_lines(b"".join(lines))]
    except NOT_READ:
        events = []
    return events if len(events) == len(lines) else [_read_one(line) for line in lines]


def read_mappings(events: Iterable[Any]) -> Iterator[Given]:
    """Events that are mappings already, from a file of another form."""
    for event in events:
        try:
            made = msgspec.convert(event, Event)
            _ENCODER.encode(made)
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
            yield Malformed(json.dumps(event, default=str), _why(error))
        else:
            yield made


def written(event: Given) -> str:
    """An event as JSON text, to be kept with the reason why it was not taken; what is no event as it came."""
    return event.text if isinstance(event, Malformed) else _ENCODER.encode(event).decode()


def as_mapping(event: Given) -> dict[str, Any]:
    """An event as a mapping, its numbers exact; what is none under `text`."""
    if isinstance(event, Malformed):
        return {"text": event.text}
    return {**msgspec.structs.asdict(event), "time": event.time.isoformat()}


def storable(text: str) -> str:
    r"""A text that every database keeps: a zero character and half a surrogate pair are written out.

    >>> storable("a\0b\ud800")
    'a\\x00b\\ud800'
    """
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def _read_one(data: bytes) -> Given:
    try:
        return _ONE.decode(data)
    except NOT_READ as error:
        return Malformed(data.strip().decode("utf-8", "backslashreplace"), _why(error))


def _why(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _pieces(data: bytes) -> Iterator[bytes]:
    """The elements of a JSON array, each as it stands. Raises `ValueError` where it does not end."""
    text = data.decode("utf-8", "surrogateescape")
    at = _behind_space(text, text.index("[") + 1)
    mark = ","
    if text[at : at + 1] == "]":
        mark, at = "]", _behind_space(text, at + 1)
    while mark == ",":
        try:
            _, end = _PARSER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"the batch is no JSON array: at character {at} {_why(error)}") from None
        yield text[at:end].encode("utf-8", "surrogateescape")
        at = _behind_space(text, end)
        mark, at = text[at : at + 1], _behind_space(text, at + 1)
    if mark != "]" or at < len(text):
        raise ValueError(f"the batch is no JSON array: it should go on or end at character {at}")


def _behind_space(text: str, at: int) -> int:
    while text[at : at + 1] in SPACE:
        at += 1
    return at
