"""Events out of files, piece by piece, so that a file may be of any size: one event a line as JSON, CSV, Parquet.

A CSV or Parquet file has a column for each of `id`, `source`, `type`, `subject` and `time`; all others are properties
of the event, and an empty or null one is missing. CSV keeps numbers as the text they are, Parquet its decimals and
integers, so both stay exact; a binary floating-point number is none to a meter and only ever the text of a dimension.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, NamedTuple

from runtime.errors import RuntimeProblem
from runtime.limits import BATCH_BYTES_MAX, FILE_BATCH_BYTES, FILE_BATCH_EVENTS
from runtime.metering.events import Given, read_batch, read_each, read_mappings

Format = Literal["ndjson", "csv", "parquet"]
SUFFIXES: Final[dict[str, Format]] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
    ".csv": "csv",
    ".parquet": "parquet",
}
NAMES: Final = ("id", "source", "type", "subject", "time")
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Piece(NamedTuple):
    """Some events of a file, where each stands (a line or a row, from 1), and how many bytes are read so far."""

    events: Sequence[Given]
    lines: Sequence[int]
    bytes_read: int


def format_of(name: str, stated: Format | None) -> Format:
    """The format that is stated, else that of the file's name; what comes in without a name is NDJSON."""
    return stated or SUFFIXES.get(Path(name).suffix.lower(), "ndjson")


def read_events(stream: BinaryIO, name: str, stated: Format | None = None) -> Iterator[Piece]:
    """The events of a file. What is no event comes with the others, as `Malformed`.

    Raises `RuntimeProblem` X0310 where the file as a whole cannot be read, with the line.
    """
    match format_of(name, stated):
        case "ndjson":
            return read_lines(stream)
        case "csv":
            return read_csv(stream)
        case "parquet":
            return read_parquet(stream, name)


def read_lines(stream: BinaryIO) -> Iterator[Piece]:
    """One event a line; a file that begins with `[` is one JSON array."""
    lines: list[bytes] = []
    numbers: list[int] = []
    size = total = number = 0
    while line := stream.readline(FILE_BATCH_BYTES + 1):
        number, total = number + 1, total + len(line)
        text = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
        if text.lstrip()[:1] == b"[" and not numbers:
            yield from array(text, stream)
            return
        if len(line) > FILE_BATCH_BYTES:
            raise unreadable(f"line {number} has more than {FILE_BATCH_BYTES:_} bytes", "write one event a line")
        if not text.strip():
            continue
        lines.append(text)
        numbers.append(number)
        size += len(text)
        if len(lines) == FILE_BATCH_EVENTS or size >= FILE_BATCH_BYTES:
            yield Piece(read_each(lines), numbers, total)
            lines, numbers, size = [], [], 0
    if lines:
        yield Piece(read_each(lines), numbers, total)


def array(begun: bytes, stream: BinaryIO) -> Iterator[Piece]:
    """A file that is one JSON array; its events are numbered."""
    data = begun + stream.read(BATCH_BYTES_MAX)
    try:
        events = read_batch(data)
    except ValueError as error:
        raise unreadable(str(error), "write one event a line: such a file may be of any length") from None
    for start in range(0, len(events), FILE_BATCH_EVENTS):
        some = events[start : start + FILE_BATCH_EVENTS]
        yield Piece(some, range(start + 1, start + len(some) + 1), len(data))


def read_csv(stream: BinaryIO) -> Iterator[Piece]:
    """Rows as events; a row that is longer or shorter than the header is none."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(text, strict=True)
    try:
        header = next(reader, [])
        require_columns(header)
        numbered = ((reader.line_num, row) for row in reader if row)
        while rows := list(islice(numbered, FILE_BATCH_EVENTS)):
            events = list(read_mappings(as_event(header, row) for _, row in rows))
            yield Piece(events, [number for number, _ in rows], stream.tell() if stream.seekable() else 0)
    except csv.Error as error:
        raise unreadable(f"line {reader.line_num}: {error}", "the file is no CSV") from None
    finally:
        text.detach()


def as_event(header: Sequence[str], row: Sequence[str]) -> Any:
    """A row as an event; as it stands where it has not one value for each column."""
    if len(row) != len(header):
        return row
    return event_of({name: value for name, value in zip(header, row, strict=True) if value != ""})


def event_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """An event out of flat values."""
    event = {name: values[name] for name in NAMES if name in values}
    event["data"] = {name: value for name, value in values.items() if name not in NAMES and value is not None}
    return event


def read_parquet(stream: BinaryIO, name: str) -> Iterator[Piece]:
    """Rows as events; `time` is a timestamp with a zone, or text."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise unreadable("Parquet needs pyarrow", "install pyarrow, or write the events as NDJSON or CSV") from None
    if not stream.seekable():
        raise unreadable(f"{name} cannot be read as Parquet", "give it as a file: its columns are found at its end")
    try:
        file = parquet.ParquetFile(stream)
        require_columns(file.schema_arrow.names)
        number = 1
        for batch in file.iter_batches(FILE_BATCH_EVENTS):
            events = list(read_mappings(map(event_of, rows_of(batch))))
            yield Piece(events, range(number, number + len(events)), stream.tell())
            number += len(events)
    except ArrowException as error:
        raise unreadable(f"{name} cannot be read as Parquet: {str(error).splitlines()[0]}", "") from None


def rows_of(batch: Any) -> list[dict[str, Any]]:
    """Rows as mappings. Timestamps of nanoseconds are cut to microseconds; a date is the text that it is."""
    from pyarrow import string, timestamp, types

    columns = {}
    for field, column in zip(batch.schema, batch.columns, strict=True):
        kind = field.type
        if types.is_timestamp(kind):
            column = column.cast(timestamp("us", kind.tz), safe=False)
        elif types.is_date(kind):
            column = column.cast(string())
        columns[field.name] = column.to_pylist()
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def require_columns(names: Iterable[str]) -> None:
    """Raise `RuntimeProblem` X0310 where a column that every event has is missing, or one stands there twice."""
    found = list(names)
    missing = [f"`{name}`" for name in NAMES if name not in found]
    if missing:
        there = ", ".join(f"`{name}`" for name in found) or "none"
        raise unreadable(f"the file has no column {', '.join(missing)}", f"its columns are: {there}")
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice is not None:
        raise unreadable(f"the file has two columns `{twice}`", "give each a name of its own")


def unreadable(message: str, how: str) -> RuntimeProblem:
    return RuntimeProblem("X0310", message, how)
