"""The application: its routes, how errors become problems, what happens when it starts and stops.

uvicorn --factory api.app:from_settings
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import psycopg
import structlog
from anyio import to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from api import examples, health
from api.balances.endpoints import router as balances
from api.contracts.endpoints import router as contracts
from api.edge import GONE, Edge
from api.events import schemas as event_schemas
from api.events.endpoints import router as events
from api.hot import Hot
from api.jobs.endpoints import router as jobs
from api.jobs.runner import Runner
from api.keys.endpoints import router as keys
from api.limits import SWITCH_SECONDS, THREADS_MAX
from api.logs import configure, ensure_configured
from api.plugins.endpoints import router as plugins
from api.previews import schemas as preview_schemas
from api.previews.endpoints import increment, preview
from api.previews.endpoints import router as previews
from api.problems import REFUSALS, Problem, handle, malformed, response_of
from api.programs.endpoints import router as programs
from api.schemas import ProblemDocument
from api.settings import ServerSettings
from api.state import State
from api.statements.endpoints import router as statements
from api.usage.endpoints import router as usage
from pricing_dsl import __version__
from runtime.store.database import Database

DRAIN_SECONDS: Final = 30
HOUSEKEEPING_SECONDS: Final = 10
"""How often it is written down when keys were last used, and old answers are forgotten."""
OPEN_PATHS: Final = ("/livez", "/readyz", "/metrics", "/errors/{code}")
"""What needs no key."""

ROUTERS: Final = (
    programs, contracts, events, usage, previews, jobs, statements, balances, plugins, keys, health.router,
)  # fmt: skip

log = structlog.get_logger("pricing.api")


class Pricing:
    """The whole server as one ASGI application: the edge around the routes."""

    def __init__(
        self, settings: ServerSettings, database: Database, clock: Callable[[], datetime] | None = None
    ) -> None:
        ensure_configured()
        self.state = State(settings, database, clock)
        self.fastapi = routes(self.state)
        self.edge = Edge(
            Hot(self.fastapi, {"/v1/previews": preview, "/v1/previews/increment": increment}),
            self.state.keys,
            in_work_max=settings.requests_max,
            body_bytes_max=settings.body_bytes_max,
            seconds_max=settings.request_seconds_max,
        )
        self.fastapi.state.edge = self.edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.edge(scope, receive, send)


def from_settings() -> Pricing:
    """The server as the environment says."""
    settings = ServerSettings()
    configure(settings.log_format, settings.log_level)
    return Pricing(settings, Database.open(settings.database_url))


def routes(state: State) -> FastAPI:
    """The routes around one state."""
    app = FastAPI(
        title="pricing-dsl",
        version=__version__,
        description="Pricing as code: programs published, usage metered, charges previewed, statements finalised.",
        lifespan=lifespan,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.state.pricing = state
    app.state.runner = Runner(state)
    for router in ROUTERS:
        app.include_router(router)
    # An exception that has no handler by its class comes last, and Starlette raises it again for the edge to log.
    for raised in (*REFUSALS, SQLAlchemyError, psycopg.Error, Exception):
        app.add_exception_handler(raised, handle)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, unknown)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """While the server runs, jobs run too. When it stops, what was accepted is finished."""
    state: State = app.state.pricing
    to_thread.current_default_thread_limiter().total_tokens = THREADS_MAX
    sys.setswitchinterval(SWITCH_SECONDS)
    app.state.runner.start()
    keeping = asyncio.create_task(keep_house(state))
    yield
    await app.state.edge.drain(DRAIN_SECONDS)
    keeping.cancel()
    await asyncio.to_thread(app.state.runner.stop)
    await asyncio.to_thread(state.keys.write_used, state.keys.take_used())
    state.kept.close()
    state.database.close()


async def keep_house(state: State) -> None:
    """What is done now and then, whatever happens to it."""
    while True:
        await asyncio.sleep(HOUSEKEEPING_SECONDS)
        used = state.keys.take_used()
        try:
            await asyncio.to_thread(state.keys.write_used, used)
            await asyncio.to_thread(state.answers.forget, state.clock())
        except (SQLAlchemyError, psycopg.Error):
            log.exception("the house was not kept")


# --- errors ----------------------------------------------------------------------------------------------------------


async def invalid(request: Request, error: Exception) -> Response:
    """What pydantic found."""
    assert isinstance(error, RequestValidationError)
    return response_of(malformed(error.errors()), str(request.scope.get("request_id", "")))


async def gone(_request: Request, _error: Exception) -> Response:
    """Nobody waits for this answer: it is for the log."""
    return Response(status_code=GONE)


async def unknown(request: Request, error: Exception) -> Response:
    """What no route takes, and bodies that FastAPI could not read."""
    assert isinstance(error, HTTPException)
    problem: Problem
    if isinstance(error.__cause__, Problem):
        problem = error.__cause__
    elif error.status_code == 405:
        methods = ", ".join(methods_of(request))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": methods})
        problem = Problem(
            "A0207", f"{request.method} is not known here", f"there are: {methods}", "", {"Allow": methods}
        )
    elif error.status_code == 404:
        problem = Problem("A0206", f"there is nothing at {request.url.path}", "/openapi.json says what there is")
    else:
        problem = Problem("A0201", "the body is no JSON", "send one JSON value in UTF-8")
    return response_of(problem, str(request.scope.get("request_id", "")))


def methods_of(request: Request) -> list[str]:
    """The methods that a path knows, over all its routes."""
    found: set[str] = {"OPTIONS"}
    for route in all_routes():
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return sorted(found | {"HEAD"} if "GET" in found else found)


# --- the document ----------------------------------------------------------------------------------------------------


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: FastAPI's, with what the hot path and the keys add to it."""
    if app.openapi_schema is None:
        made = FastAPI.openapi(app)
        schemas = made["components"]["schemas"]
        for name, source in (
            ("ProblemDocument", ProblemDocument),
            ("Events", event_schemas.Events),
            ("Preview", preview_schemas.Preview),
            ("Increment", preview_schemas.Increment),
            ("Batch", preview_schemas.Batch),
        ):
            schema = TypeAdapter(source).json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs", {}))
            schemas[name] = schema
        made["components"]["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "description": "`ID.SECRET`, from `pricing keys create`."}
        }
        for path, operations in made["paths"].items():
            for operation in operations.values():
                operation["security"] = [] if path in OPEN_PATHS else [{"key": []}]
                for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                    if kind.endswith("json"):
                        content["example"] = examples.BODIES[operation["operationId"]]
        for path, method, scope in scopes():
            made["paths"][path][method]["x-scope"] = scope
        app.openapi_schema = made
    return app.openapi_schema


def all_routes() -> Iterator[APIRoute]:
    for router in ROUTERS:
        yield from (route for route in router.routes if isinstance(route, APIRoute))


def scopes() -> Iterator[tuple[str, str, str]]:
    """Path, method and scope of every operation that needs a key."""
    for route in all_routes():
        needed = getattr(route.endpoint, "scope", None) or next(
            (scope for each in route.dependant.dependencies if (scope := getattr(each.call, "scope", None))), None
        )
        if needed is not None:
            for method in route.methods or ():
                yield route.path, method.lower(), needed
