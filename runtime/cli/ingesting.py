"""`pricing ingest`: a file of events taken in, with progress, and a summary of what was not taken."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pricing_dsl.cli import output
from pricing_dsl.cli.files import STDIN, CallError
from runtime.cli.store import now, opened
from runtime.metering.files import Format, Piece, read_events
from runtime.metering.ingest import Ingested, Ingester


@dataclass
class Reason:
    """Why events were rejected: how many, and the first of them."""

    count: int
    line: int
    said: str


@dataclass
class Summary:
    """What became of a file."""

    accepted: int = 0
    duplicates: int = 0
    reasons: dict[str, Reason] = field(default_factory=dict)

    def add(self, piece: Piece, answer: Ingested) -> None:
        self.accepted += answer.accepted
        self.duplicates += answer.duplicates
        for each in answer.rejected:
            known = self.reasons.get(each.code)
            if known is None:
                self.reasons[each.code] = Reason(1, piece.lines[each.place], each.reason)
            else:
                known.count += 1

    @property
    def rejected(self) -> int:
        return sum(each.count for each in self.reasons.values())


def ingest_file(file: str, format_: Format | None, as_json: bool, url: str | None, tenant: str | None) -> int:
    """Take in a file: exit code 0 where all was taken or known, 1 where some events were rejected.

    Stopped half way, it may be run again: what was taken is known then.
    """
    summary = Summary()
    with opened(url, tenant) as (database, name), reading(file) as (stream, size), progress(file, size) as advance:
        ingester = Ingester(database, name)
        for piece in read_events(stream, file, format_):
            summary.add(piece, ingester.ingest(piece.events, now()))
            advance(piece.bytes_read, summary)
    output.say(as_document(summary) if as_json else as_text(summary))
    return 1 if summary.rejected else 0


def as_document(summary: Summary) -> str:
    reasons = [
        {"code": code, "count": each.count, "first_line": each.line, "reason": each.said}
        for code, each in summary.reasons.items()
    ]
    made = {"accepted": summary.accepted, "duplicates": summary.duplicates, "rejected": reasons}
    return json.dumps(made, indent=2, ensure_ascii=False)


def as_text(summary: Summary) -> str:
    lines = [f"{summary.accepted:,} accepted, {summary.duplicates:,} duplicates, {summary.rejected:,} rejected"]
    for code, each in sorted(summary.reasons.items(), key=lambda pair: -pair[1].count):
        lines.append(f"  {each.count:>9,}  {code}  line {each.line}: {each.said[:200]}")
    return "\n".join(lines)


@contextmanager
def reading(file: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """The file's bytes, and how many there are where that is known. Raises `CallError`."""
    if file == STDIN:
        yield sys.stdin.buffer, None
        return
    try:
        with Path(file).open("rb") as stream:
            yield stream, Path(file).stat().st_size
    except OSError as error:
        raise CallError(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from None


@contextmanager
def progress(file: str, size: int | None) -> Iterator[Callable[[int, Summary], None]]:
    """What shows how far it is: a bar on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _bytes_read, _summary: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"), TimeRemainingColumn())
    with Progress(*columns, console=output.console(sys.stderr), transient=True) as bar:
        task = bar.add_task(file, total=size, said="")

        def advance(bytes_read: int, summary: Summary) -> None:
            said = f"{summary.accepted:,} accepted, {summary.duplicates:,} known, {summary.rejected:,} rejected"
            bar.update(task, completed=bytes_read, said=said)

        yield advance
