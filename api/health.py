"""`/livez`, `/readyz`, `/metrics`, and the page of an error's code."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from api.metrics import REGISTRY
from api.problems import CODES, Problem
from api.state import state_of
from pricing_dsl.diagnostics import codes
from runtime.errors import CODES as RUNTIME_CODES

router = APIRouter(tags=["health"])


@router.get("/livez", operation_id="livez")
def livez() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", operation_id="readyz", responses={503: {"description": "The store does not answer."}})
def readyz(request: Request) -> dict[str, str]:
    """The store answers too."""
    try:
        with state_of(request).database.reading() as work:
            work.connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        raise Problem("A0301", "the store does not answer", headers={"Retry-After": "1"}) from None
    return {"status": "ok"}


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics() -> Response:
    """What Prometheus reads."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


@router.get("/errors/{code}", operation_id="getErrorCode", responses={404: {"description": "No such code."}})
def error(code: Annotated[str, Path(pattern="^[A-Z][0-9]{4}$")]) -> dict[str, Any]:
    """What a code of a problem or of a finding means."""
    titles = {**codes.CODES, **RUNTIME_CODES, **{each: title for each, (_, title) in CODES.items()}}
    if code not in titles:
        raise Problem("A0206", f"there is no code {code}")
    return {"code": code, "title": titles[code]}
