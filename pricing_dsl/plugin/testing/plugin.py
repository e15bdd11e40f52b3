"""A whole plugin: loaded as a host would, then every law asked of everything that it provides."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from pricing_dsl.plugin.checks import KINDS
from pricing_dsl.plugin.contract import Aggregation, Command, Exporter, Function, Importer, Lint, PriceShape
from pricing_dsl.plugin.discovery import OWN_PACKAGE, installed, module_of
from pricing_dsl.plugin.manager import Plugins, Provided, load
from pricing_dsl.plugin.testing.aggregations import check_aggregation
from pricing_dsl.plugin.testing.fresh import Asked, ask_fresh, modules_of
from pricing_dsl.plugin.testing.functions import check_function
from pricing_dsl.plugin.testing.others import check_command, check_exporter, check_importer, check_lint
from pricing_dsl.plugin.testing.problem import Check, Findings, KitError, Law, Problem, Report, Subject
from pricing_dsl.plugin.testing.shapes import check_price_shape

LOADED = Law(
    "loads",
    "it is imported, speaks this API, and its hooks return what they say",
    "mend what the message names; the host goes on without it",
)


def verify_plugin(plugin: str | ModuleType | object) -> Report:
    """All laws of all that a plugin provides: of an installed one by its name, or of a module or object.

    Raises `KitError` where there is no such plugin, or Hypothesis is not installed.
    """
    if isinstance(plugin, str):
        loaded, name, home = _installed(plugin)
    else:
        name = str(getattr(plugin, "__name__", type(plugin).__name__)).rpartition(".")[2]
        loaded, home = load(only=set(), also={name: plugin}), module_of(plugin)
    checks, version = _loading(loaded, name)
    asked: list[tuple[Findings, Any]] = []
    for provided in _everything(loaded):
        if provided.plugin == name:
            version = provided.version
            findings = Findings(_subject(provided))
            check(provided.value, findings)
            asked.append((findings, provided.value))
    homes = () if home is None else (home.__name__,)
    ask_fresh(
        [
            Asked(findings, item, (*homes, *modules_of(*_functions(item))))
            for findings, item in asked
            if isinstance(item, Aggregation | Function | PriceShape)
        ]
    )
    checks += [each for findings, _ in asked for each in findings.checks()]
    return Report(name, version, tuple(checks))


def assert_plugin(plugin: str | ModuleType | object) -> None:
    """For an author's pytest: an `AssertionError` that lists every problem, with what to mend."""
    problems = verify_plugin(plugin).problems
    assert not problems, "\n\n".join(map(str, problems))


def check(item: Any, findings: Findings) -> None:
    """The laws of one thing, whatever it is."""
    match item:
        case Aggregation():
            check_aggregation(item, findings)
        case Function():
            check_function(item, findings)
        case PriceShape():
            check_price_shape(item, findings)
        case Lint():
            check_lint(item, findings)
        case Importer():
            check_importer(item, findings)
        case Exporter():
            check_exporter(item, findings)
        case Command():
            check_command(item, findings)
        case _:
            raise AssertionError(f"{type(item).__name__} is no contract type")


def _installed(name: str) -> tuple[Plugins, str, ModuleType | None]:
    """The plugins with this one loaded. Raises `KitError` where it is not installed."""
    if name == OWN_PACKAGE:
        from pricing_dsl.plugin import builtin

        return load(only=set()), name, builtin
    found = installed()
    chosen = [each for each in found if name in (each.name, each.package)]
    if not chosen:
        names = [OWN_PACKAGE, *(each.name for each in found)]
        near = get_close_matches(name, names, n=1)
        there = f"did you mean `{near[0]}`?" if near else "installed are: " + ", ".join(names)
        raise KitError(f"there is no plugin `{name}`; {there}")
    loaded = load(only={chosen[0].name})
    home = None
    if any(info.name == chosen[0].name for info in loaded.loaded):
        home = module_of(chosen[0].load())
    return loaded, chosen[0].name, home


def _loading(loaded: Plugins, name: str) -> tuple[list[Check], str]:
    """What the host said while loading this plugin, as checks."""
    checks: list[Check] = []
    version = next((info.version for info in loaded.loaded if info.name == name), "")
    for refused in loaded.refused:
        if refused.plugin == name:
            version = refused.version
            problem = Problem(
                name, version, refused.hook, refused.name, LOADED.name, refused.reason, refused.help or LOADED.help
            )
            checks.append(Check(refused.hook, refused.name, LOADED.name, LOADED.says, "failed", "", problem))
    if not checks:
        checks.append(Check("", "", LOADED.name, LOADED.says, "ok"))
    return checks, version


def _everything(loaded: Plugins) -> list[Provided[Any]]:
    """All that is provided, by kind and in the order of the hooks."""
    everything: list[Provided[Any]] = []
    for kind in KINDS.values():
        provided = getattr(loaded, kind.provides)
        everything += provided if isinstance(provided, tuple) else provided.values()
    return everything


def _subject(provided: Provided[Any]) -> Subject:
    return Subject(provided.plugin, provided.version, provided.hook, KINDS[provided.hook].noun, provided.value.name)


def _functions(item: Any) -> tuple[Callable[..., Any], ...]:
    """The functions that one thing is made of: where they are defined, it may be found."""
    named = ("make", "call", "build")
    return tuple(getattr(item, name) for name in named if hasattr(item, name))
