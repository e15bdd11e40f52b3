"""Which plugins are installed: the entry points of group `pricing_dsl`, in an order that no machine changes.

No plugin is imported here: `loading` does that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from pricing_dsl.plugin.entry_points import read_entry_points

OWN_PACKAGE = "pricing-dsl"
"""The project itself. Its further rooms add commands through the hook a plugin would use."""


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin that is there but not imported yet: `name` of its entry point, the package, its version, the module."""

    name: str
    package: str
    version: str
    load: Callable[[], Any]
    module: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which plugins are wanted: `only` those named (`None`: all), `but` not those. The words say who chose, and how.

    The project's own package is not subject to `only`: leaving out other people's plugins must not remove a command.
    """

    only: frozenset[str] | None = None
    but: frozenset[str] = frozenset()
    only_word: str = "the list of plugins"
    but_word: str = "the list of plugins that are left out"

    def against(self, found: Found) -> tuple[str, str] | None:
        """Why this plugin is left out, and what to change to use it; `None` where it is wanted."""
        if found.name in self.but or found.package in self.but:
            return f"{self.but_word} names it", f"take it off {self.but_word}"
        if self.only is None or found.package == OWN_PACKAGE or found.name in self.only or found.package in self.only:
            return None
        return f"{self.only_word} does not name it", f"add it to {self.only_word}"


def choice_from(environment: Mapping[str, str]) -> Choice:
    """`PRICING_PLUGINS=a,b` names the only plugins that are loaded, `PRICING_PLUGINS_WITHOUT=c` those that are not.

    >>> choice_from({"PRICING_PLUGINS_WITHOUT": "focus, llm"}).but == {"focus", "llm"}
    True
    """
    only, but = environment.get("PRICING_PLUGINS"), environment.get("PRICING_PLUGINS_WITHOUT", "")
    return Choice(None if only is None else _names(only), _names(but), "`PRICING_PLUGINS`", "`PRICING_PLUGINS_WITHOUT`")


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def installed() -> tuple[Found, ...]:
    """Every plugin that is installed, by name and then by package."""
    found = [Found(point.name, point.package, point.version, point.load, point.module) for point in read_entry_points()]
    return tuple(sorted(found, key=lambda each: (each.name, each.package)))


def given(plugins: Mapping[str, Any]) -> tuple[Found, ...]:
    """Plugins that a host or a test hands over as modules or objects instead of installing them."""
    return tuple(
        Found(name, name, str(getattr(plugin, "__version__", "")), partial(_itself, plugin))
        for name, plugin in sorted(plugins.items())
    )


def _itself(plugin: Any) -> Any:
    return plugin


def module_of(plugin: Any) -> ModuleType | None:
    """The module that a plugin is, or in which it is defined."""
    if isinstance(plugin, ModuleType):
        return plugin
    return sys.modules.get(getattr(plugin, "__module__", None) or type(plugin).__module__)
