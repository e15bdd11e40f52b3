"""Plugins as packages on a path: what `pip install` leaves behind, made in a folder of the test."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

IMPORTS = """
from fractions import Fraction
from pricing_dsl.plugin import *
PRICING_API = 1
"""
COUNTED = """
class Counted:
    def zero(self): return 0
    def add(self, state, value, time, event): return state + 1
    def merge(self, state, other): return state + other
    def result(self, state, period): return state
    def encode(self, state): return str(state).encode()
    def decode(self, data): return int(data)

def counted(name):
    return Aggregation(name, f"{name}(x)", "number", None, True, True, True, "allowed", "count",
                       lambda constants: Counted(), "How many values there were.")
"""


class Shelf:
    """A folder that packages are installed into, on `sys.path` while the test runs."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        monkeypatch.syspath_prepend(str(folder))

    def install(self, name: str, code: str, version: str = "1.2", package: str = "") -> None:
        """A package with one module and its entry point `name`; `code` follows the usual imports."""
        package = package or f"pricing-{name}"
        module = f"{package.replace('-', '_')}_{version.replace('.', '_')}"
        (self.folder / f"{module}.py").write_text(code, encoding="utf-8")
        info = self.folder / f"{package.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[pricing_dsl]\n{name} = {module}\n")

    def install_plugin(self, name: str, hooks: str, version: str = "1.2", package: str = "") -> None:
        """The same with the imports of an author, and `counted(name)`, an aggregation that counts values."""
        self.install(name, IMPORTS + COUNTED + textwrap.dedent(hooks), version, package)

    def forget(self) -> None:
        """Drop the modules of this folder, so that the next test imports its own."""
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", "") or "").startswith(str(self.folder)):
                del sys.modules[name]
