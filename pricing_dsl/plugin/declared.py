"""What a plugin that is not used would have provided, read from its source without running it.

Asked only for a message: a program names an aggregation that nobody provides, and some plugin could not be imported or
was left out. `Aggregation("peak", ...)` or `Aggregation(name="peak", ...)` anywhere in its package says that it is
this one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from pricing_dsl.plugin.checks import KINDS

FILES_MAX = 200
"""Files of one package that are looked through."""

_NOUNS = {kind.type.__name__: kind.noun for kind in KINDS.values()}


def declared_names(module: str) -> frozenset[tuple[str, str]]:
    """(noun, name) of everything that the package of `module` makes by a literal name; empty where nothing is found."""
    found: set[tuple[str, str]] = set()
    for path in _sources(module.partition(".")[0]):
        try:
            tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                name = _literal_name(node)
                if called in _NOUNS and name is not None:
                    found.add((_NOUNS[called], name))
    return frozenset(found)


def _literal_name(call: ast.Call) -> str | None:
    named = next((keyword.value for keyword in call.keywords if keyword.arg == "name"), None)
    value = named if named is not None else call.args[0] if call.args else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def _sources(package: str) -> Iterator[Path]:
    """The Python files of a top-level package or module, found without importing it."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    folders = spec.submodule_search_locations
    if folders is None:
        if spec.origin is not None:
            yield Path(spec.origin)
        return
    for folder in folders:
        yield from sorted(Path(folder).rglob("*.py"))[:FILES_MAX]
