"""`/v1/programs`: check, format, publish, read."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path
from starlette.requests import Request
from starlette.responses import Response

import pricing_dsl
from api.auth import Caller
from api.metrics import COMPILING
from api.problems import Problem
from api.programs import schemas
from api.requests import Answer, Cursor, IdempotencyKey, Limit, once, page, position_of, raw_body
from api.schemas import NAME_PATTERN, problems
from api.state import allowed, state_of
from pricing_dsl.compilation import Compilation
from pricing_dsl.diagnostics.json import to_objects
from pricing_dsl.source import Source
from runtime.rating.publish import publish
from runtime.store.database import Work
from runtime.store.repositories import programs
from runtime.store.tables import Program

router = APIRouter(prefix="/v1/programs", tags=["programs"])

AUTHOR = Depends(allowed("author"))
Author = Annotated[Caller, AUTHOR]
Reader = Annotated[Caller, Depends(allowed("preview"))]
Name = Annotated[str, Path(pattern=NAME_PATTERN, examples=["api"])]


@router.post("/check", operation_id="checkProgram", responses=problems(), dependencies=[AUTHOR])
def check(given: schemas.Source) -> schemas.Checked:
    """Check a program while it is typed: every finding with its code, place and help. Errors are no failure here."""
    started = time.perf_counter()
    compilation = Compilation(Source(given.source, given.name), given.files)
    found = compilation.diagnostics
    ok = not any(diagnostic.severity == "error" for diagnostic in found)
    COMPILING.observe(time.perf_counter() - started)
    names = (compilation.program.plans, compilation.program.contracts) if ok else ((), ())
    return schemas.Checked(
        ok=ok, diagnostics=to_objects(compilation.source, found), plans=list(names[0]), contracts=list(names[1])
    )


@router.post("/format", operation_id="formatProgram", responses=problems(400), dependencies=[AUTHOR])
def format_(given: schemas.Source) -> schemas.Formatted:
    """Give a program the one layout there is; comments are kept."""
    made = pricing_dsl.format_source(given.source, given.name)
    return schemas.Formatted(source=made, changed=made != given.source)


@router.put(
    "/{name}",
    operation_id="publishProgram",
    status_code=201,
    response_model=schemas.Version,
    responses=problems(400, 409, 412) | {200: {"model": schemas.Version, "description": "That text is the version."}},
)
def publish_version(
    request: Request,
    name: Name,
    given: schemas.NewVersion,
    caller: Author,
    body: Annotated[bytes, Depends(raw_body)],
    key: IdempotencyKey = None,
    if_match: Annotated[str | None, Header(alias="If-Match", description="The version that is the newest.")] = None,
) -> Response:
    """Publish a program's newest version: checked, its examples run, in force from `effective_at` on."""
    state = state_of(request)
    now = state.clock()

    def effect(work: Work) -> Answer:
        before = programs.newest(work, caller.tenant_id, name)
        if if_match is not None and if_match != (etag(before) if before else "*"):
            raise Problem("A0205", f"the newest version of `{name}` is another one", "read it, then publish on it")
        made = publish(
            work, caller.tenant_id, name, given.source, now, files=given.files, effective_at=instant(given.effective_at)
        )
        is_new = before is None or made.id != before.id
        return Answer(201 if is_new else 200, version_of(made), {"ETag": etag(made)})

    return once(state.database, caller.tenant_id, key, request, body, now, effect)


@router.get("", operation_id="listPrograms", responses=problems())
def list_programs(request: Request, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> schemas.Versions:
    """The newest version of every program, by name."""
    after = position_of(cursor, str) or ""
    with state_of(request).database.reading() as work:
        rows = [row for row in programs.listed(work, caller.tenant_id) if row.name > after]
    return schemas.Versions(**page(rows[: limit + 1], limit, lambda row: row.name, version_of))


@router.get("/{name}/versions", operation_id="listVersions", responses=problems(404))
def list_versions(
    request: Request, name: Name, caller: Reader, limit: Limit = 50, cursor: Cursor = None
) -> schemas.Versions:
    """All versions of a program, the oldest first."""
    after = position_of(cursor, int) or 0
    with state_of(request).database.reading() as work:
        rows = [row for row in programs.versions(work, caller.tenant_id, name) if row.version > after]
    return schemas.Versions(**page(rows[: limit + 1], limit, lambda row: row.version, version_of))


@router.get(
    "/{name}/versions/{version}",
    operation_id="getVersion",
    response_model=schemas.WholeVersion,
    responses=problems(404) | {304: {"description": "You have it: `If-None-Match` is its ETag."}},
)
def get_version(
    request: Request,
    name: Name,
    version: Annotated[int, Path(ge=1, le=2_147_483_647)],
    caller: Reader,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response:
    """One version with its text and its data files."""
    with state_of(request).database.reading() as work:
        row = programs.version(work, caller.tenant_id, name, version)
    if if_none_match == etag(row):
        return Response(status_code=304, headers={"ETag": etag(row)})
    document = {**version_of(row), "source": row.source, "files": json.loads(row.files)}
    return Answer(200, document, {"ETag": etag(row)}).response()


def version_of(row: Program) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.version,
        "hash": row.hash,
        "language_version": row.language_version,
        "plugins": json.loads(row.plugins),
        "effective_at": row.effective_at.isoformat(),
        "published_at": row.published_at.isoformat(),
    }


def etag(row: Program) -> str:
    return f'"{row.version}-{row.hash[:16]}"'


def instant(text: str | None) -> datetime | None:
    """A date or an instant; in UTC where no zone is said. Raises `Problem` A0201."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Problem("A0201", f"`{text}` is no instant", "write 2026-03-01T00:00Z", "/effective_at") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
