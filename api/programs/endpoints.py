"""`/v1/programs`: check, format, publish, read."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

import pricing_dsl
from api.auth import Caller
from api.programs import schemas
from api.requests import (
    Answer,
    Cursor,
    IdempotencyKey,
    IfMatch,
    Limit,
    instant,
    is_among,
    page,
    position_of,
    raw_body,
    require_match,
)
from api.schemas import NAME_PATTERN, VersionNumber, problems
from api.state import allowed, state_of
from pricing_dsl.diagnostics.json import to_objects
from pricing_dsl.source import Source
from runtime.rating.publish import publish
from runtime.store.database import Work
from runtime.store.repositories import pages, programs
from runtime.store.tables import Program

router = APIRouter(prefix="/v1/programs", tags=["programs"])

AUTHOR = Depends(allowed("author"))
Author = Annotated[Caller, AUTHOR]
Reader = Annotated[Caller, Depends(allowed("preview"))]
Name = Annotated[str, Path(pattern=NAME_PATTERN, examples=["api"])]


@router.post("/check", operation_id="checkProgram", responses=problems(), dependencies=[AUTHOR])
async def check(request: Request, given: schemas.Source) -> schemas.Checked:
    """Check a program while it is typed: every finding with its code, place and help. Errors are no failure here."""
    compiler = state_of(request).compiler

    def found() -> schemas.Checked:
        compilation = compiler.checked(Source(given.source, given.name), given.files)
        ok = not any(diagnostic.severity == "error" for diagnostic in compilation.diagnostics)
        names = (compilation.program.plans, compilation.program.contracts) if ok else ((), ())
        findings = to_objects(compilation.source, compilation.diagnostics)
        return schemas.Checked(ok=ok, diagnostics=findings, plans=list(names[0]), contracts=list(names[1]))

    return await compiler.run(request, found)


@router.post("/format", operation_id="formatProgram", responses=problems(400), dependencies=[AUTHOR])
async def format_(request: Request, given: schemas.Source) -> schemas.Formatted:
    """Give a program the one layout there is; comments are kept."""
    compiler = state_of(request).compiler
    made = await compiler.run(request, lambda: pricing_dsl.format_source(given.source, given.name))
    return schemas.Formatted(source=made, changed=made != given.source)


@router.put(
    "/{name}",
    operation_id="publishProgram",
    status_code=201,
    response_model=schemas.Version,
    responses=problems(400, 409, 412) | {200: {"model": schemas.Version, "description": "That text is the version."}},
)
async def publish_version(
    request: Request,
    name: Name,
    given: schemas.NewVersion,
    caller: Author,
    body: Annotated[bytes, Depends(raw_body)],
    key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Publish a program's newest version: checked, its examples run, in force from `effective_at` on.

    `If-Match` is the ETag of the version that it follows.
    """
    state = state_of(request)
    now = state.clock()
    effective_at = instant(given.effective_at, "effective_at")
    compiled = await state.compiler.run(
        request, lambda: state.compiler.compiled(given.source, f"{name}.pricing", given.files)
    )

    def effect(work: Work) -> Answer:
        before = programs.newest(work, caller.tenant_id, name)
        made = publish(
            work,
            caller.tenant_id,
            name,
            given.source,
            now,
            files=given.files,
            effective_at=effective_at,
            compiled=compiled,
        )
        is_new = before is None or made.version > before.version
        follows = None if made.version == 1 else programs.version(work, caller.tenant_id, name, made.version - 1)
        if is_new or not is_among(etag(made), if_match or "*"):
            require_match(None if follows is None else etag(follows), if_match)
        return Answer(201 if is_new else 200, version_of(made), {"ETag": etag(made)})

    answer = await run_in_threadpool(state.answers.once, caller.tenant_id, key, request, body, now, effect)
    state.kept.forget(caller.tenant_id)
    return answer


@router.get("", operation_id="listPrograms", responses=problems())
def list_programs(request: Request, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> schemas.Versions:
    """The newest version of every program, by name."""
    after = position_of(cursor, str) or ""
    with state_of(request).database.reading() as work:
        rows = pages.newest_versions(work, caller.tenant_id, after, limit + 1)
    return schemas.Versions(**page(rows, limit, lambda row: row.name, version_of))


@router.get("/{name}/versions", operation_id="listVersions", responses=problems(404))
def list_versions(
    request: Request, name: Name, caller: Reader, limit: Limit = 50, cursor: Cursor = None
) -> schemas.Versions:
    """All versions of a program, the oldest first."""
    after = position_of(cursor, int) or 0
    with state_of(request).database.reading() as work:
        rows = pages.versions(work, caller.tenant_id, name, after, limit + 1)
    return schemas.Versions(**page(rows, limit, lambda row: row.version, version_of))


@router.get(
    "/{name}/versions/{version}",
    operation_id="getVersion",
    response_model=schemas.WholeVersion,
    responses=problems(404) | {304: {"description": "You have it: `If-None-Match` is its ETag."}},
)
def get_version(
    request: Request,
    name: Name,
    version: Annotated[VersionNumber, Path()],
    caller: Reader,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match", max_length=400)] = None,
) -> Response:
    """One version with its text and its data files."""
    with state_of(request).database.reading() as work:
        row = programs.version(work, caller.tenant_id, name, version)
    if if_none_match is not None and is_among(etag(row), if_none_match):
        return Response(status_code=304, headers={"ETag": etag(row)})
    document = {**version_of(row), "source": row.source, "files": json.loads(row.files)}
    return Answer(200, document, {"ETag": etag(row)}).response()


def version_of(row: Program | pages.Version) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.version,
        "hash": row.hash,
        "language_version": row.language_version,
        "plugins": json.loads(row.plugins),
        "effective_at": row.effective_at.isoformat(),
        "published_at": row.published_at.isoformat(),
    }


def etag(row: Program | pages.Version) -> str:
    return f'"{row.version}-{row.hash[:16]}"'
