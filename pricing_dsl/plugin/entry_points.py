"""Entry points of group `pricing_dsl`, read from the folders of installed packages.

Python's own reader of package metadata takes a third of the time in which a small program is checked. Installers write
a `NAME-VERSION.dist-info` folder with `METADATA` and `entry_points.txt`; where all that is found is such folders they
are read here, else (archives, eggs, import hooks of their own) by `importlib.metadata`. A test compares the two.
"""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Any, NamedTuple

from pricing_dsl.plugin.hookspecs import PROJECT

_HEADING = f"[{PROJECT}]"


class Point(NamedTuple):
    """One entry point: its name, the package, its version, the module and what of that is meant ("": itself)."""

    name: str
    package: str
    version: str
    module: str
    attribute: str

    def load(self) -> Any:
        """Import the module and give the plugin."""
        made: Any = import_module(self.module)
        for part in self.attribute.split(".") if self.attribute else ():
            made = getattr(made, part)
        return made


def read_entry_points() -> tuple[Point, ...]:
    """Every entry point of the group on the path."""
    points = read_folders()
    return read_metadata() if points is None else points


def read_metadata() -> tuple[Point, ...]:
    """The same through `importlib.metadata`."""
    from importlib.metadata import entry_points

    return tuple(
        Point(point.name, point.dist.name, point.dist.version, point.module, point.attr or "")
        for point in entry_points(group=PROJECT)
        if point.dist is not None
    )


def read_folders() -> tuple[Point, ...] | None:
    """The entry points in `.dist-info` folders, or `None` where something else may hold some."""
    if any(hasattr(finder, "find_distributions") and finder is not PathFinder for finder in sys.meta_path):
        return None
    points: list[Point] = []
    seen: set[str] = set()
    for place in sys.path:
        try:
            entries = [entry.path for entry in os.scandir(place or os.curdir)]
        except NotADirectoryError:
            return None  # an archive
        except OSError:
            continue
        for path in entries:
            if path.endswith(".egg-info") and _HEADING in _text(path, "entry_points.txt"):
                return None
            if not path.endswith(".dist-info"):
                continue
            package = _normalised(os.path.basename(path).partition("-")[0])
            if package not in seen:  # the first on the path is the one that is imported
                seen.add(package)
                points += _points_in(path)
    return tuple(points)


def _points_in(folder: str) -> list[Point]:
    text = _text(folder, "entry_points.txt")
    if _HEADING not in text:
        return []
    header = _text(folder, "METADATA").partition("\n\n")[0]
    said = dict(re.findall(r"^(Name|Version): *(\S+) *$", header, re.MULTILINE))
    points: list[Point] = []
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line
        elif section == _HEADING and line and line[0] not in "#;":
            name, _, value = line.partition("=")
            module, _, attribute = value.partition("[")[0].partition(":")
            points.append(Point(name.strip(), said["Name"], said["Version"], module.strip(), attribute.strip()))
    return points


def _text(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""


def _normalised(package: str) -> str:
    return re.sub(r"[-_.]+", "_", package).lower()
