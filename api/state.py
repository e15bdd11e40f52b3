"""What a process keeps between requests: the database, keys, evaluators, ingesters, answers, the jobs that run here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

from fastapi.dependencies.utils import get_flat_params
from fastapi.params import ParamTypes
from starlette.requests import Request

from api.auth import Caller, Keys, Scope, forbidden
from api.compiling import Compiler
from api.idempotency import Answers
from api.kept import Kept
from api.problems import Problem
from api.settings import ServerSettings
from pricing_dsl.ir import nodes as ir
from runtime.limits import EVALUATORS_KEPT, PROGRAMS_KEPT
from runtime.metering.ingest import Ingester
from runtime.rating.bound import Binder, Cache
from runtime.rating.finalise import Finaliser
from runtime.rating.preview import Previewer
from runtime.store.database import Database

INGESTERS_KEPT: Final = 1_000
"""Tenants of whom a process keeps what their events are measured by."""


class State:
    """One server's state. Handlers find it as `request.app.state.pricing`."""

    def __init__(
        self, settings: ServerSettings, database: Database, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.settings = settings
        self.database = database
        self.clock = clock or (lambda: datetime.now(UTC))
        self.keys = Keys(database, settings.requests_per_second, self.clock)
        self.answers = Answers(database)
        self.compiler = Compiler()
        self.kept = Kept()
        self.programs: Cache[ir.Program] = Cache(PROGRAMS_KEPT)
        self.priced: Cache[Any] = Cache(EVALUATORS_KEPT)
        self.binder = Binder()
        self.previewer = Previewer(database, self.binder)
        self.finaliser = Finaliser(database, self.binder)
        self._ingesters: Cache[Ingester] = Cache(INGESTERS_KEPT)

    def ingester(self, tenant_id: str) -> Ingester:
        """The tenant's ingester, which remembers what its events are measured by."""
        return self._ingesters.get(tenant_id, lambda: Ingester(self.database, tenant_id))


def state_of(request: Request) -> State:
    found: State = request.app.state.pricing
    return found


def allowed(scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: the caller of a request, who may do what `scope` names."""

    async def caller(request: Request) -> Caller:
        return caller_of(request, scope)

    caller.scope = scope  # type: ignore[attr-defined]
    return caller


def caller_of(request: Request, scope: Scope) -> Caller:
    """The caller, whom the edge knows. Raises `Problem`: A0102 not allowed, A0201 an unknown parameter."""
    caller: Caller = request.scope["caller"]
    if not caller.may(scope):
        raise forbidden(caller, scope)
    if request.scope["query_string"]:
        require_known_query(request)
    return caller


def require_known_query(request: Request) -> None:
    """Raise `Problem` A0201 for a parameter that would be without effect: one not known, one given twice."""
    dependant = getattr(request.scope["route"], "dependant", None)
    parameters = [] if dependant is None else get_flat_params(dependant)
    known = {each.alias for each in parameters if getattr(each.field_info, "in_", None) == ParamTypes.query}
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            raise Problem("A0201", f"there is no parameter `{name}` here", "see /openapi.json", name)
        if given.count(name) > 1:
            raise Problem("A0201", f"`{name}` is given twice", "give it once", name)
