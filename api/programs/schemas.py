from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.examples import PROGRAM
from api.limits import FILE_CHARACTERS_MAX, FILES_MAX, SOURCE_CHARACTERS_MAX
from api.schemas import Given, Instant, Line, Moment, Schema


class Source(Schema):
    """A program's text, and the data files it reads."""

    source: Annotated[str, Field(max_length=SOURCE_CHARACTERS_MAX, examples=[PROGRAM])]
    name: Annotated[Line, Field(description="What findings call it.")] = "program.pricing"
    files: Annotated[
        dict[Line, Annotated[str, Field(max_length=FILE_CHARACTERS_MAX)]],
        Field(max_length=FILES_MAX, description="Data files by the names that the program gives them."),
    ] = {}


class NewVersion(Schema):
    source: Annotated[str, Field(max_length=SOURCE_CHARACTERS_MAX, examples=[PROGRAM])]
    files: Annotated[
        dict[Line, Annotated[str, Field(max_length=FILE_CHARACTERS_MAX)]],
        Field(max_length=FILES_MAX),
    ] = {}
    effective_at: Annotated[
        Moment | None,
        Field(
            description="In force from, on the full hour; if not said, the next one, for a first version this one.",
            examples=["2026-03-01T00:00Z"],
        ),
    ] = None


class Checked(Given):
    """`ok`: there are no errors; `diagnostics` are errors and warnings in source order."""

    ok: bool
    diagnostics: list[dict[str, Any]]
    plans: list[str] = []
    contracts: list[str] = []


class Formatted(Given):
    source: str
    changed: bool


class Version(Given):
    """One version of a program; it never changes."""

    name: str
    version: int
    hash: str
    language_version: int
    plugins: dict[str, str]
    effective_at: Instant
    published_at: Instant


class WholeVersion(Version):
    source: str
    files: dict[str, str]


class Versions(Given):
    items: list[Version]
    next: str | None = None
