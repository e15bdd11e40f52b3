"""All plugins of a process: what they provide by name, which were refused and why, and their observers.

`plugins()` loads those that are installed when somebody first asks; importing `pricing_dsl` does not, and neither does
a program that uses built-in names only. The built-in aggregations, functions and price shapes are a plugin like the
others. A name belongs to one plugin: where two want it nobody gets it, so that installing a plugin never changes what
a program means.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from threading import RLock
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import pluggy

from pricing_dsl.limits import PLUGIN_LOAD_SECONDS_MAX
from pricing_dsl.plugin import trace
from pricing_dsl.plugin.checks import KINDS
from pricing_dsl.plugin.contract import Aggregation, Command, Exporter, Function, Importer, Lint, PriceShape
from pricing_dsl.plugin.discovery import OWN_PACKAGE, Choice, Found, choice_from, given, installed
from pricing_dsl.plugin.loading import HOOKS, Loading, Refused, load_plugin, said, where
from pricing_dsl.plugin.trace import traced
from pricing_dsl.version import VERSION

T = TypeVar("T")
Result = TypeVar("Result")


class PluginFailure(Exception):  # noqa: N818 - what happened, in the words of this package
    """Something a plugin provides raised. `refused` says which, where and how to mend it; `cause` is what it raised."""

    def __init__(self, refused: Refused, cause: Exception) -> None:
        super().__init__(str(refused))
        self.refused = refused
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Provided(Generic[T]):
    """One thing that a plugin provides, with the plugin's name and version."""

    value: T
    plugin: str
    version: str
    hook: str

    @property
    def who(self) -> str:
        """The plugin with its version, as messages name it."""
        return f"`{self.plugin}` {self.version}".rstrip()

    def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call into the plugin: traced, and what it raises becomes a `PluginFailure` that names it."""
        name = str(getattr(self.value, "name", ""))
        try:
            return traced(self.plugin, f"{KINDS[self.hook].noun} {name}", function, *arguments)
        except Exception as error:
            noun = KINDS[self.hook].noun
            refused = Refused(
                self.plugin, self.version, self.hook, f"it raised {said(error)}", where(error), noun, name
            )
            raise PluginFailure(refused, error) from error


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A plugin that is in: the hooks it implements, and the names it provides by kind ("aggregations": ...)."""

    name: str
    package: str
    version: str
    hooks: tuple[str, ...]
    provides: Mapping[str, tuple[str, ...]]


class Plugins:
    """What a set of plugins provides. Does not change once made; made by `load`."""

    def __init__(
        self, loadings: tuple[Loading, ...], refused: tuple[Refused, ...], found: tuple[Found, ...] = ()
    ) -> None:
        self._found = found
        everything, clashes = _by_name(loadings)
        all_refused = (*refused, *(r for each in loadings for r in each.refused), *clashes)
        self.refused: tuple[Refused, ...] = tuple(sorted(all_refused, key=lambda each: each.plugin))
        self.aggregations: Mapping[str, Provided[Aggregation]] = everything["aggregations"]
        self.functions: Mapping[str, Provided[Function]] = everything["functions"]
        self.price_shapes: Mapping[str, Provided[PriceShape]] = everything["price_shapes"]
        self.lints: tuple[Provided[Lint], ...] = tuple(everything["lints"].values())
        self.importers: Mapping[str, Provided[Importer]] = everything["importers"]
        self.exporters: Mapping[str, Provided[Exporter]] = everything["exporters"]
        self.commands: Mapping[str, Provided[Command]] = everything["commands"]
        self.loaded: tuple[PluginInfo, ...] = tuple(_info(each, everything) for each in loadings if each.is_in)
        self._observers: tuple[tuple[Found, str, pluggy.HookImpl], ...] = tuple(
            (each.found, hook, implementation) for each in loadings for hook, implementation in each.observers
        )

    def observe(self, hook: str, **arguments: Any) -> tuple[Refused, ...]:
        """Tell the observers of `hook`, in the order of their plugins.

        One that raises does not keep the others from being told; it is logged, and returned so that a host can show it.
        """
        failed: list[Refused] = []
        tracing = trace.is_on()
        for found, name, implementation in self._observers:
            if name != hook:
                continue
            values = [arguments[argument] for argument in implementation.argnames]
            try:
                if tracing:
                    traced(found.name, hook, implementation.function, *values)
                else:
                    implementation.function(*values)
            except Exception as error:
                failed.append(Refused(found.name, found.version, hook, f"it raised {said(error)}", where(error)))
        if failed:
            import logging

            for each in failed:
                logging.getLogger(__name__).error("%s; %s", each, each.help)
        return tuple(failed)

    def refusals_of(self, noun: str, name: str) -> tuple[Refused, ...]:
        """Why there is no `noun` called `name`: refusals of it, and of plugins or hooks whose source declares it."""
        return tuple(
            refused
            for refused in self.refused
            if (refused.noun, refused.name) == (noun, name)
            or (not refused.name and refused.noun in ("", noun) and self._declares(refused.plugin, noun, name))
        )

    def _declares(self, plugin: str, noun: str, name: str) -> bool:
        from pricing_dsl.plugin.declared import declared_names

        modules = [found.module for found in self._found if found.name == plugin]
        return any((noun, name) in declared_names(module) for module in modules)


def _by_name(loadings: tuple[Loading, ...]) -> tuple[dict[str, Mapping[str, Any]], list[Refused]]:
    """Everything by kind and name. A built-in name stays; a name that two plugins want is given to neither."""
    claims: dict[tuple[str, str], list[tuple[Loading, Any]]] = {}
    for loading in loadings:
        for hook, item in loading.items if loading.is_in else ():
            claims.setdefault((hook, item.name), []).append((loading, item))
    everything: dict[str, dict[str, Any]] = {kind.provides: {} for kind in KINDS.values()}
    clashes: list[Refused] = []
    for (hook, name), claimed in claims.items():
        first, item = claimed[0]
        built_in = first.found.name == OWN_PACKAGE
        if built_in or len(claimed) == 1:
            everything[KINDS[hook].provides][name] = Provided(item, first.found.name, first.found.version, hook)
        if len(claimed) > 1:
            losers = claimed[1:] if built_in else claimed
            clashes += [_clash(loading, hook, name, claimed) for loading, _ in losers]
    return {kind: MappingProxyType(named) for kind, named in everything.items()}, clashes


def _clash(loading: Loading, hook: str, name: str, claimed: list[tuple[Loading, Any]]) -> Refused:
    noun = KINDS[hook].noun
    others = sorted({other.found.name for other, _ in claimed if other is not loading})
    if not others:
        reason, mend = f"it provides two of the name `{name}`", "give each a name of its own"
    elif claimed[0][0].found.name == OWN_PACKAGE:
        reason, mend = f"there is a built-in {noun} `{name}`", "give it another name"
    else:
        named = ", ".join(f"`{other}`" for other in others)
        reason = f"the plugin {named} provides `{name}` too, so neither is used"
        mend = f"leave one out, as in `PRICING_PLUGINS_WITHOUT={others[0]}`, or rename one"
    return Refused(loading.found.name, loading.found.version, hook, reason, mend, noun, name)


def _info(loading: Loading, everything: Mapping[str, Mapping[str, Any]]) -> PluginInfo:
    found = loading.found
    provides = {
        kind: tuple(name for name, provided in named.items() if provided.plugin == found.name)
        for kind, named in everything.items()
    }
    return PluginInfo(
        found.name,
        found.package,
        found.version,
        tuple(hook for hook in HOOKS if hook in loading.hooks),
        MappingProxyType({kind: names for kind, names in provides.items() if names}),
    )


def load(
    only: frozenset[str] | set[str] | None = None,
    but: frozenset[str] | set[str] = frozenset(),
    *,
    also: Mapping[str, Any] | None = None,
    seconds_max: float = PLUGIN_LOAD_SECONDS_MAX,
) -> Plugins:
    """Load the built-in plugin, those that are installed, and `also` these modules or objects by name.

    `only` and `but` choose among the installed ones, by the name of the plugin or of its package.
    """
    choice = Choice(None if only is None else frozenset(only), frozenset(but))
    return _load((*installed(), *given(also or {})), choice, frozenset(also or {}), seconds_max)


def _load(found: tuple[Found, ...], choice: Choice, always: frozenset[str], seconds_max: float) -> Plugins:
    refused: list[Refused] = []
    loadings = [_built_in_loading()]
    names = [each.name for each in found]
    for each in found:
        against = None if each.name in always else choice.against(each)
        if against is not None:
            why, mend = against
            refused.append(Refused(each.name, each.version, "", f"it is left out: {why}", mend))
        elif names.count(each.name) > 1 or each.name == OWN_PACKAGE:
            packages = ", ".join(sorted({f"`{other.package}`" for other in found if other.name == each.name}))
            reason = f"several plugins have this name (packages {packages})"
            refused.append(Refused(each.name, each.version, "", reason, "rename one, or uninstall one"))
        else:
            loadings.append(load_plugin(each, seconds_max))
    missing = sorted((choice.only or frozenset()) - set(names) - {each.package for each in found})
    for name in missing:
        mend = "install its package, or take it off the list"
        refused.append(Refused(name, "", "", f"{choice.only_word} names it, but it is not installed", mend))
    return Plugins(tuple(loadings), tuple(refused), found)


@cache
def _built_in_loading() -> Loading:
    """The built-in plugin; it is loaded as any other, and must be in order."""
    from pricing_dsl.plugin import builtin

    loading = load_plugin(Found(OWN_PACKAGE, OWN_PACKAGE, VERSION, lambda: builtin))
    assert not loading.refused, loading.refused
    return loading


# --- the process's plugins -------------------------------------------------------------------------------------------

_USED: ContextVar[Plugins | None] = ContextVar("plugins", default=None)
_LOCK = RLock()
_LOADED: list[Plugins] = []


@cache
def built_in() -> Plugins:
    """Only what is built in; quick, and looks at no installed package."""
    return Plugins((_built_in_loading(),), ())


def plugins() -> Plugins:
    """The plugins of this process: those installed that the environment does not leave out, loaded when first asked."""
    used = _USED.get()
    if used is not None:
        return used
    with _LOCK:
        if not _LOADED:
            _LOADED.append(_load(installed(), choice_from(os.environ), frozenset(), PLUGIN_LOAD_SECONDS_MAX))
        return _LOADED[0]


@contextmanager
def using(chosen: Plugins) -> Iterator[Plugins]:
    """Within this block (and this context) `plugins()` are these: for tests, and for hosts that choose by tenant.

    >>> with using(load(only=set())):
    ...     sorted(plugins().price_shapes) == sorted(built_in().price_shapes)
    True
    """
    token = _USED.set(chosen)
    try:
        yield chosen
    finally:
        _USED.reset(token)


def find_aggregation(name: str) -> Provided[Aggregation] | None:
    """The aggregation of that name; plugins are loaded only when no built-in one has it."""
    return built_in().aggregations.get(name) or plugins().aggregations.get(name)


def find_function(name: str) -> Provided[Function] | None:
    """The function of that name; plugins are loaded only when no built-in one has it."""
    return built_in().functions.get(name) or plugins().functions.get(name)


def find_price_shape(name: str) -> Provided[PriceShape] | None:
    """The price shape of that name; plugins are loaded only when no built-in one has it."""
    return built_in().price_shapes.get(name) or plugins().price_shapes.get(name)
