"""Loading one plugin without trusting it: import, API version, signatures, what its hooks return.

Whatever goes wrong becomes a `Refused` that names the plugin, its version, the hook and how to mend it; nothing is
raised. A plugin is loaded on a thread of its own, so that one that hangs is given up after a named time.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any

import pluggy

from pricing_dsl.limits import PLUGIN_LOAD_SECONDS_MAX
from pricing_dsl.plugin import hookspecs
from pricing_dsl.plugin.checks import KINDS, wrong_with, wrong_with_result
from pricing_dsl.plugin.contract import API_VERSION
from pricing_dsl.plugin.discovery import Found, module_of
from pricing_dsl.plugin.trace import traced

HOOKS = tuple(name for name, value in vars(hookspecs).items() if hasattr(value, f"{hookspecs.PROJECT}_spec"))
"""All hooks, in the order of `hookspecs`."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What is not used, and why: a whole plugin (`hook` is empty), all that a hook provides, or one thing by `name`.

    `reason` and `help` are sentences: what is wrong, and what to change. `noun` says what `name` would have been.
    """

    plugin: str
    version: str
    hook: str
    reason: str
    help: str
    noun: str = ""
    name: str = ""

    @property
    def who(self) -> str:
        """The plugin with its version, as messages name it."""
        return f"`{self.plugin}` {self.version}".rstrip()

    def __str__(self) -> str:
        where = f", hook `{self.hook}`" if self.hook else ""
        what = f", {self.noun} `{self.name}`" if self.name else ""
        return f"plugin {self.who}{where}{what}: {self.reason}"


@dataclass
class Loading:
    """One plugin on its way in. `items` are (hook, value) pairs that are as they should be; `observers` by hook."""

    found: Found
    hooks: list[str] = field(default_factory=list)
    items: list[tuple[str, Any]] = field(default_factory=list)
    observers: list[tuple[str, pluggy.HookImpl]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    is_in: bool = False
    """Whether it was imported, speaks this API, and its hooks are those of the hookspecs."""

    def refuse(self, hook: str, reason: str, help: str, noun: str = "", name: str = "") -> None:  # noqa: A002
        """Report the plugin, one of its hooks, or one thing of it."""
        self.refused.append(Refused(self.found.name, self.found.version, hook, reason, help, noun, name))


def load_plugin(found: Found, seconds_max: float = PLUGIN_LOAD_SECONDS_MAX) -> Loading:
    """Import a plugin and ask its hooks; at most `seconds_max`, then it is given up."""
    done = Loading(found)
    loading = Loading(found)
    start = perf_counter()
    thread = Thread(target=_load, args=(loading,), name=f"loading {found.name}", daemon=True)
    thread.start()
    thread.join(seconds_max)
    if not thread.is_alive() and perf_counter() - start <= seconds_max:
        return loading
    done.refuse(
        "",
        f"it was not loaded within {seconds_max:g} seconds",
        "import what takes long inside the functions that need it, not at the top of the module",
    )
    return done


def _load(loading: Loading) -> None:
    try:
        plugin = traced(loading.found.name, "import", loading.found.load)
    except BaseException as error:  # also `SystemExit`: a plugin must not end its host
        loading.refuse("", f"it cannot be imported: {said(error)}", where(error))
        return
    try:
        if _speaks_this_api(loading, plugin) and _has_right_hooks(loading, plugin):
            loading.is_in = True
            _register(loading, plugin)
    except BaseException as error:  # an attribute or a description that raises when it is looked at
        loading.is_in = False
        loading.refuse("", f"it cannot be looked at: {said(error)}", where(error))


def _speaks_this_api(loading: Loading, plugin: Any) -> bool:
    """Whether the plugin, or else its module, declares this API version."""
    stated = getattr(plugin, "PRICING_API", getattr(module_of(plugin), "PRICING_API", None))
    if stated == API_VERSION and not isinstance(stated, bool):
        return True
    if stated is None:
        reason = "it does not say which version of the plugin API it is written for"
        mend = f"write `PRICING_API = {API_VERSION}` in its module"
    else:
        reason = f"it is written for version {stated!r} of the plugin API, and this is version {API_VERSION}"
        mend = f"install a version of it that says `PRICING_API = {API_VERSION}`"
    loading.refuse("", reason, mend)
    return False


def _has_right_hooks(loading: Loading, plugin: Any) -> bool:
    """Whether what is marked as a hook is one, with the hook's parameters; a misspelt one would never be called."""
    marked = [name for name in dir(plugin) if _is_marked(plugin, name)]
    for name in marked:
        if name not in HOOKS:
            near = get_close_matches(name, HOOKS, n=1)
            there = "the hooks are: " + ", ".join(HOOKS)
            loading.refuse(name, f"there is no hook `{name}`", f"did you mean `{near[0]}`?" if near else there)
    if not marked:
        loading.refuse(
            "", "it implements no hook", "mark a function with `@hookimpl`, as in `@hookimpl def register_functions()`"
        )
    return not loading.refused


def _is_marked(plugin: Any, name: str) -> bool:
    try:
        return hasattr(getattr(plugin, name), f"{hookspecs.PROJECT}_impl")
    except Exception:  # an attribute that raises is no hook
        return False


def _register(loading: Loading, plugin: Any) -> None:
    """Check signatures against the hookspecs and call each registering hook once."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin, name=loading.found.name)
    except pluggy.PluginValidationError as error:
        loading.is_in = False
        hook = next((name for name in HOOKS if repr(name) in str(error)), "")
        words = ", ".join(hookspecs.parameters(hook)) if hook else ""
        loading.refuse(
            hook,
            f"`{hook}` takes other arguments than the hook has",
            f"write `def {hook}({words})`; arguments that are not needed may be left out",
        )
        return
    for hook in HOOKS:
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            loading.hooks.append(hook)
            if hook in KINDS:
                _collect(loading, hook, implementation.function)
            else:
                loading.observers.append((hook, implementation))


def _collect(loading: Loading, hook: str, function: Callable[[], Any]) -> None:
    """What a registering hook provides, each thing on its own feet."""
    kind = KINDS[hook]
    try:
        result = traced(loading.found.name, hook, function)
    except BaseException as error:  # reported, never passed on
        loading.refuse(hook, f"it raised {said(error)}", where(error), kind.noun)
        return
    wrong = wrong_with_result(hook, result)
    if wrong is not None:
        loading.refuse(hook, wrong, f"return a list of `{kind.type.__name__}` from `{hook}`", kind.noun)
        return
    for item in result:
        wrong = wrong_with(hook, item)
        if wrong is None:
            loading.items.append((hook, item))
        else:
            name = item.name if isinstance(item.name, str) else ""
            loading.refuse(hook, wrong, f"mend the {kind.noun} that `{hook}` returns", kind.noun, name)


def said(error: BaseException) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def where(error: BaseException) -> str:
    """The last line of the plugin's code on the way to an exception: where to look."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and Path(frame.filename).parent != Path(__file__).parent
    ]
    if not frames:
        return "mend the plugin, or leave it out with `PRICING_PLUGINS_WITHOUT`"
    return f"look at line {frames[-1].lineno} of {frames[-1].filename}"
