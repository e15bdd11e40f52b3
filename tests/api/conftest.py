from collections.abc import Iterator

import pytest

from runtime.store.database import Database
from tests.api.setting import Server, Tenant
from tests.databases import KINDS, database_url


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on each kind of database for a whole module, whose tests take a new tenant each."""
    with database_url(request.param, tmp_path_factory.mktemp("api")) as url:
        made = Server(Database.open(url))
        yield made
        made.close()


@pytest.fixture
def tenant(server: Server) -> Tenant:
    return server.tenant()
