"""`/livez`, `/readyz`, `/metrics`, and the page of an error's code."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Path
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from api.metrics import REGISTRY
from api.problems import CODES, Problem, busy
from api.schemas import problems
from api.state import state_of
from pricing_dsl.diagnostics import codes
from runtime.errors import CODES as RUNTIME_CODES
from runtime.store.database import Database

router = APIRouter(tags=["health"])

ASKED_AT_ONCE = CapacityLimiter(1)
"""A thread of its own: whether the server is ready is not asked in the line of what it has to do."""


@router.get("/livez", operation_id="livez")
def livez() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", operation_id="readyz", responses=problems(503, always=()))
async def readyz(request: Request) -> dict[str, str]:
    """The store answers too, and the server is not stopping."""
    if request.app.state.edge.stopping:
        raise busy("the server is stopping")
    await to_thread.run_sync(ask, state_of(request).database, limiter=ASKED_AT_ONCE)
    return {"status": "ok"}


def ask(database: Database) -> None:
    try:
        with database.reading() as work:
            work.connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        raise busy("the store does not answer") from None


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics() -> Response:
    """What Prometheus reads."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


@router.get("/errors/{code}", operation_id="getErrorCode", responses=problems(404, 422, always=()))
def error(code: Annotated[str, Path(pattern="^[A-Z][0-9]{4}$")]) -> dict[str, Any]:
    """What a code of a problem or of a finding means."""
    titles = {**codes.CODES, **RUNTIME_CODES, **{each: title for each, (_, title) in CODES.items()}}
    if code not in titles:
        raise Problem("A0206", f"there is no code {code}")
    return {"code": code, "title": titles[code]}
