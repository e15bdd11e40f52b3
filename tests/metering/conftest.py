from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.store.database import Database
from tests.databases import KINDS, database_url


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    with database_url(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """A database of each kind with all tables."""
    opened = Database.open(url)
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=KINDS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database of each kind for a whole module, whose tests take a new tenant each."""
    with database_url(request.param, tmp_path_factory.mktemp("shared")) as made:
        opened = Database.open(made)
        yield opened
        opened.close()
