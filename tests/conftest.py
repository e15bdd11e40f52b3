"""What all tests share: the flag that rewrites expected files, to be reviewed in the diff."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="rewrite the expected files of golden tests")


@pytest.fixture
def rewrite(request: pytest.FixtureRequest) -> bool:
    """Whether golden tests write what they see instead of comparing with what was expected."""
    return bool(request.config.getoption("--rewrite"))
