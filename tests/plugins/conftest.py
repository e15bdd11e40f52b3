"""What the tests of plugins share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.packages import Shelf


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """A folder to install plugins into."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    made = Shelf(folder, monkeypatch)
    yield made
    made.forget()
