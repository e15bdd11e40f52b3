"""What a process keeps between requests: the database, keys, evaluators, ingesters, the jobs that run here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

from starlette.requests import Request

from api.auth import Caller, Keys, Scope
from api.settings import ServerSettings
from runtime.metering.ingest import Ingester
from runtime.rating.bound import Binder
from runtime.rating.finalise import Finaliser
from runtime.rating.preview import Previewer
from runtime.store.database import Database


class State:
    """One server's state. Handlers find it as `request.app.state.pricing`."""

    def __init__(
        self, settings: ServerSettings, database: Database, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.settings = settings
        self.database = database
        self.clock = clock or (lambda: datetime.now(UTC))
        self.keys = Keys(database, settings.requests_per_second, self.clock)
        self.binder = Binder()
        self.previewer = Previewer(database, self.binder)
        self.finaliser = Finaliser(database, self.binder)
        self._ingesters: dict[str, Ingester] = {}
        self._lock = Lock()

    def ingester(self, tenant_id: str) -> Ingester:
        """The tenant's ingester, which remembers what its events are measured by."""
        with self._lock:
            return self._ingesters.setdefault(tenant_id, Ingester(self.database, tenant_id))


def state_of(request: Request) -> State:
    found: State = request.app.state.pricing
    return found


def allowed(scope: Scope) -> Callable[[Request], Caller]:
    """A dependency: the caller of a request, who may do what `scope` names."""

    def caller(request: Request) -> Caller:
        return state_of(request).keys.caller(request, scope)

    return caller
