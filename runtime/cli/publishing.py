"""`pricing program` and `pricing contract`: what prices whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePath

import pricing_dsl
from pricing_dsl.cli import output
from pricing_dsl.cli.files import CallError, FilesBeside, read_program
from runtime.cli.store import now, opened
from runtime.rating.publish import bind, publish
from runtime.store.repositories import programs


def publish_file(file: str, name: str | None, effective: str | None, url: str | None, tenant: str | None) -> int:
    source, beside = read_program(file), Read(FilesBeside(file))
    pricing_dsl.compile(source.text, name=source.name, files=beside)
    data = {name: content.decode("utf-8-sig") for name, content in beside.read.items()}
    named = name or (PurePath(file).stem if file != "-" else "program")
    with opened(url, tenant, make=True) as (database, tenant_id), database.transaction() as work:
        made = publish(work, tenant_id, named, source.text, now(), files=data, effective_at=instant(effective))
        output.say(
            f"{made.name}, version {made.version}, in force from {made.effective_at.isoformat()}\nhash {made.hash}"
        )
    return 0


class Read(Mapping[str, bytes]):
    """The files beside a program, and which of them it has read: those are published with it."""

    def __init__(self, beside: FilesBeside) -> None:
        self.beside = beside
        self.read: dict[str, bytes] = {}

    def __getitem__(self, name: str) -> bytes:
        self.read[name] = content = self.beside[name]
        return content

    def __contains__(self, name: object) -> bool:
        return name in self.beside

    def __iter__(self) -> Iterator[str]:
        return iter(self.beside)

    def __len__(self) -> int:
        return len(self.beside)


def instant(text: str | None) -> datetime | None:
    """A date or an instant; UTC where no zone is said."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CallError(f"`{text}` is no date", "write 2026-03-01 or 2026-03-01T06:00Z") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def list_programs(format_: str, url: str | None, tenant: str | None) -> int:
    with opened(url, tenant) as (database, tenant_id), database.reading() as work:
        rows = [
            version
            for newest in programs.listed(work, tenant_id)
            for version in programs.versions(work, tenant_id, newest.name)
        ]
        documents = [
            {
                "name": row.name,
                "version": row.version,
                "effective_at": row.effective_at.isoformat(),
                "published_at": row.published_at.isoformat(),
                "hash": row.hash,
            }
            for row in rows
        ]
    if format_ == "json":
        output.say_json(documents)
    elif not documents:
        output.say("no program is published")
    for each in documents if format_ == "text" else ():
        output.say(f"{each['name']} {each['version']}  from {each['effective_at']}  {str(each['hash'])[:12]}")
    return 0


def bind_contract(
    program: str, contract: str, customer: str | None, version: int | None, url: str | None, tenant: str | None
) -> int:
    with opened(url, tenant) as (database, tenant_id), database.transaction() as work:
        row = bind(work, tenant_id, program, contract, now(), customer=customer, version=version)
        follows = "the newest version" if row.version is None else f"version {row.version}"
        output.say(f"{row.name} of {row.customer} is priced by {follows} of {row.program}")
    return 0


def list_contracts(format_: str, url: str | None, tenant: str | None) -> int:
    with opened(url, tenant) as (database, tenant_id), database.reading() as work:
        documents = [
            {"customer": row.customer, "contract": row.name, "program": row.program, "version": row.version}
            for row in programs.contracts(work, tenant_id)
        ]
    if format_ == "json":
        output.say_json(documents)
    elif not documents:
        output.say("no contract is bound")
    for each in documents if format_ == "text" else ():
        follows = "newest" if each["version"] is None else f"version {each['version']}"
        output.say(f"{each['customer']}  {each['contract']}  {each['program']} ({follows})")
    return 0
