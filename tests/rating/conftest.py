from collections.abc import Callable, Iterator
from itertools import count

import pytest

from runtime.store.database import Database
from tests.databases import KINDS, database_url
from tests.rating.billing import Billing

NUMBERS = count(1)


@pytest.fixture(scope="module", params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database of each kind for a whole module, whose tests take a new tenant each."""
    with database_url(request.param, tmp_path_factory.mktemp("rating")) as made:
        opened = Database.open(made)
        yield opened
        opened.close()


@pytest.fixture
def new_tenant(database: Database) -> Callable[[], Billing]:
    """Makes tenants: one for each drawn example of a law."""
    return lambda: Billing(database, f"tenant_{next(NUMBERS)}")


@pytest.fixture
def billing(new_tenant: Callable[[], Billing]) -> Billing:
    """A tenant of one's own on a database of each kind."""
    return new_tenant()
