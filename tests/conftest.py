"""What all tests share: the flag that rewrites expected files, and plugins only where a test asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pricing_dsl.plugin.manager import load, using


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="rewrite the expected files of golden tests")


@pytest.fixture
def rewrite(request: pytest.FixtureRequest) -> bool:
    """Whether golden tests write what they see instead of comparing with what was expected."""
    return bool(request.config.getoption("--rewrite"))


@pytest.fixture(scope="module", autouse=True)
def _no_foreign_plugins() -> Iterator[None]:
    """What is installed on this machine must not change what a test sees, in this process or in one it starts."""
    with pytest.MonkeyPatch.context() as patch, using(load(only=set())):
        patch.setenv("PRICING_PLUGINS", "")
        yield
