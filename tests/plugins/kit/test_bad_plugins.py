"""Planted bad plugins: each is caught, by the law it breaks, in a message that names it and says what to mend."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from pricing_dsl.plugin.testing import Problem, verify_plugin

CASES = [
    (
        "not_associative",
        "bad",
        "associative",
        r"merge\(merge\(.*comes to .* and merge\(",
        "keep in the state what adds",
    ),
    ("last_to_come", "bad", "commutative", "the other way round", "never by which state came first"),
    ("float_leak", "bad", "exact", "the result is 0.0, a `float`", "compute with `Fraction`"),
    ("float_inside", "bad", "exact", "the state holds the float 0.0", "compute with `Fraction`"),
    ("unstable_bytes", "bad", "stable bytes", "come to the same, but their bytes differ", "sorted"),
    ("hashed", "bad", "another interpreter", "in another interpreter to", "no `hash()`"),
    ("wrong_unit", "bad", "unit", r'the result is 1, of values times 2 it is 4, and `unit` is "value"', "declare"),
    ("raises_in_result", "bad", "no exception", "`result` raised ZeroDivisionError", "of which `result` is 0"),
    ("forgets", "bad", "round trip", "one decoded before the last events", "times and ids too"),
    ("shares_state", "bad", "second argument", "changes the second state", "copy what `merge` takes"),
    ("not_from_zero", "bad", "zero", "without events the result is -1000", "return 0 from `result`"),
    ("random_result", "bad", "deterministic", "and the same again to", "no random numbers"),
    ("not_whole", "bad", "whole", "the result is 0.01, and `whole=True`", "round the result"),
    ("not_whole", "bad", "adds over time", "hour by hour", "declare `adds_over_time=False`"),
    ("not_monotone", "bad", "monotone", 'declared "increasing", and from .* the result falls', "declare `None`"),
    ("inexact_function", "root", "kind", "a `float`, and no number", "compute with `Fraction`"),
    ("inexact_function", "third", "kind", "1/3, which is no finite decimal", "round what is no finite decimal"),
    ("inexact_function", "half", "whole", "the result is 0.5, and `whole=True`", "declare `whole=False`"),
    ("inexact_function", "length", "monotone", "texts neither rise nor fall", "declare `None`"),
    ("moody_function", "counter", "deterministic", "it gave .* and then", "read nothing but the arguments"),
    ("moody_function", "inverse", "no exception", "it raised ZeroDivisionError", "`raise ValueError`"),
    ("moody_function", "silent", "no exception", "a `ValueError` that says nothing", "`raise ValueError` with"),
    ("moody_function", "hashed", "another interpreter", "in another interpreter to", "no `hash()`"),
    ("bad_shapes", "reads_table", "well formed", "it reads a table", "methods of the builder"),
    ("bad_shapes", "holds_float", "well formed", "it holds -1.0", "methods of the builder"),
    ("bad_shapes", "raises", "no exception", "it raised ZeroDivisionError", "check the arguments first"),
    ("bad_shapes", "wavers", "deterministic", "one step, and then another", "read nothing but the arguments"),
    ("bad_shapes", "ends", "well formed", "the last tier is `above`", "methods of the builder"),
    ("bad_shapes", "unshown", "form", "does not show 1 numbers", "let `form` show"),
    ("bad_edges", "outside", "findings", "lies outside of the program", "the span of the node"),
    ("bad_edges", "trusting", "imports", "it raised KeyError", "`raise ValueError` with where"),
    ("bad_edges", "returns-text", "imports", "which is no `Imported`", "`raise ValueError`"),
    ("bad_edges", "stamped", "exports", "for the same statements", "write no time of writing"),
    ("bad_edges", "nothing", "command", "which is no `typer.Typer`", "return the `typer.Typer`"),
]
"""Module in `bad`, what it provides, the law it breaks, what the message says, what is to be mended."""


@pytest.fixture(scope="module")
def problems_of() -> Callable[[str], tuple[Problem, ...]]:
    """Each bad plugin is verified once."""
    known: dict[str, tuple[Problem, ...]] = {}

    def problems_of(module: str) -> tuple[Problem, ...]:
        if module not in known:
            known[module] = verify_plugin(import_module(f"tests.plugins.kit.bad.{module}")).problems
        return known[module]

    return problems_of


@pytest.mark.parametrize(("module", "name", "law", "message", "mend"), CASES)
def test_it_is_caught(
    problems_of: Callable[[str], tuple[Problem, ...]], module: str, name: str, law: str, message: str, mend: str
) -> None:
    (problem,) = [each for each in problems_of(module) if (each.name, each.law) == (name, law)]
    assert re.search(message, problem.message)
    assert mend in problem.help
    assert problem.hook.startswith("register_")
    assert str(problem).startswith(f"plugin `{module}` 0.1, hook `{problem.hook}`, `{name}`, law {law}: ")


def test_nothing_else_is_found(problems_of: Callable[[str], tuple[Problem, ...]]) -> None:
    """What follows from a broken law is not reported beside it, but for what is another mistake."""
    cases = {(module, name, law) for module, name, law, *_ in CASES}
    follows = {
        ("random_result", "bad", "another interpreter"),
        ("not_whole", "bad", "unit"),
        ("moody_function", "counter", "another interpreter"),
        ("bad_shapes", "wavers", "another interpreter"),
    }
    found = {(module, problem.name, problem.law) for module, *_ in CASES for problem in problems_of(module)}
    assert found == cases | follows


def test_the_example_is_the_smallest(problems_of: Callable[[str], tuple[Problem, ...]]) -> None:
    examples = {problem.law: problem.example for problem in problems_of("last_to_come")}
    assert examples == {"commutative": "0 at 0:00:00 (e1), 1 at 0:00:00 (e2)"}


# --- what loading catches, as a host meets it: by its entry point ---

REGISTER = """
from pricing_dsl.plugin import Aggregation, Function, hookimpl
from tests.plugins.kit.bad.common import Good, aggregation

PRICING_API = 1
"""
LOADING = {
    "bad_import": (
        "import no_such_module",
        "",
        "it cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",
        "line 1 of",
    ),
    "bad_version": (
        REGISTER + "PRICING_API = 2\n@hookimpl\ndef register_aggregations(): return []",
        "",
        "written for version 2 of the plugin API, and this is version 1",
        "PRICING_API = 1",
    ),
    "bad_typo": (
        REGISTER + "@hookimpl\ndef register_agregations(): return []",
        "register_agregations",
        "there is no hook `register_agregations`",
        "did you mean `register_aggregations`?",
    ),
    "bad_signature": (
        REGISTER + "@hookimpl\ndef register_aggregations(config): return []",
        "register_aggregations",
        "takes other arguments than the hook has",
        "def register_aggregations()",
    ),
    "bad_type": (
        REGISTER + "@hookimpl\ndef register_aggregations(): return {'peak': max}",
        "register_aggregations",
        "not a list of `Aggregation`",
        "return a list of `Aggregation`",
    ),
    "bad_raise": (
        REGISTER + "@hookimpl\ndef register_functions(): return [1 / 0]",
        "register_functions",
        "it raised ZeroDivisionError",
        "look at line",
    ),
    "bad_name": (
        REGISTER + "@hookimpl\ndef register_aggregations(): return [aggregation('sum', lambda _: Good())]",
        "register_aggregations",
        "there is a built-in aggregation `sum`",
        "give it another name",
    ),
    "bad_twice": (
        REGISTER + "@hookimpl\ndef register_aggregations(): return [aggregation('own', lambda _: Good())] * 2",
        "register_aggregations",
        "it provides two of the name `own`",
        "a name of its own",
    ),
}
"""Plugin: its module, the hook that is named, the message, what to mend."""


def install(folder: Path, name: str, text: str) -> None:
    """A package as pip would leave it: a module, and metadata with its entry point."""
    (folder / f"{name}.py").write_text(text)
    metadata = folder / f"{name}-0.3.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.3\n")
    (metadata / "entry_points.txt").write_text(f"[pricing_dsl]\n{name} = {name}\n")


@pytest.mark.parametrize("name", LOADING)
def test_what_cannot_be_loaded_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text, hook, message, mend = LOADING[name]
    install(tmp_path, name, text)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        report = verify_plugin(name)
    finally:
        sys.modules.pop(name, None)
    problem = report.problems[0]
    assert (problem.plugin, problem.version, problem.hook, problem.law) == (name, "0.3", hook, "loads")
    assert message in problem.message
    assert mend in problem.help
    assert {check.law for check in report.checks} == {"loads"}, "what was refused is asked nothing more"
