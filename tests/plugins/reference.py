"""The reference page of the plugin contract, made from the hookspecs and the contract types themselves."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields, is_dataclass
from typing import Any

from pricing_dsl import plugin
from pricing_dsl.diagnostics.codes import CODES
from pricing_dsl.plugin import hookspecs
from pricing_dsl.plugin.checks import KINDS
from pricing_dsl.plugin.contract import Monoid
from pricing_dsl.plugin.loading import HOOKS
from pricing_dsl.plugin.shapes import ShapeBuilder

HEAD = """# Plugins: reference

Made from `pricing_dsl/plugin/hookspecs.py`, `contract.py` and `shapes.py`; a test sees to it that nothing is missing.
The [guide](README.md) builds three plugins step by step.

A plugin is a module or object named by an entry point of group `pricing_dsl`. It says `PRICING_API = 1` and marks
functions of these names with `pricing_dsl.plugin.hookimpl`. A function may leave out parameters that it does not need.
"""
CONTRACT = tuple(name for name in plugin.__all__ if is_dataclass(getattr(plugin, name)))
OTHERS = tuple(name for name in plugin.__all__ if name not in CONTRACT)


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## Hooks\n"]
    parts += [hook_section(hook) for hook in HOOKS]
    parts.append("## What hooks return\n")
    parts += [type_section(name) for name in CONTRACT]
    parts.append("## How an aggregation computes\n")
    parts.append(class_section(Monoid, "`Aggregation.make` returns an object with these methods, a `Monoid`."))
    parts.append(f"## How a price shape builds\n\n{about(ShapeBuilder)}\n")
    parts.append(class_section(ShapeBuilder, "`PriceShape.build` gets a `ShapeBuilder` with these methods."))
    parts.append("## Names\n")
    parts += [f"- `{name}`{value_of(name)}" for name in OTHERS]
    parts.append("\n## Codes\n")
    parts += [f"- [{code}](../errors/{code}.md): {title}" for code, title in CODES.items() if code.startswith("P")]
    return "\n".join(parts) + "\n"


def hook_section(hook: str) -> str:
    function = getattr(hookspecs, hook)
    kind = "called once, when plugins are loaded" if hook in KINDS else "an observer, called as it happens"
    return f"### {hook}\n\n```text\n{signature(hook, function)}\n```\n\n{about(function)} It is {kind}.\n"


def type_section(name: str) -> str:
    made: Any = getattr(plugin, name)
    lines = [f"    {field.name}: {made.__annotations__[field.name]}{default(field)}," for field in fields(made)]
    return "\n".join([f"### {name}\n", "```text", f"{name}(", *lines, ")", "```", "", about(made), ""])


def class_section(made: type, lead: str) -> str:
    rows = [
        f"- `{signature(name, method)}`: {' '.join(about(method).split())}"
        for name, method in vars(made).items()
        if inspect.isfunction(method) and not name.startswith("_")
    ]
    return "\n".join([f"{lead}\n", *rows, ""])


def signature(name: str, function: Any) -> str:
    made = inspect.signature(function)
    shown = [
        str(parameter.replace(annotation=inspect.Parameter.empty)).split("=")[0]
        + f": {parameter.annotation}"
        + ("" if parameter.default is inspect.Parameter.empty else f" = {parameter.default!r}")
        for parameter in made.parameters.values()
        if parameter.name != "self"
    ]
    first_named = next((i for i, p in enumerate(made.parameters.values()) if p.kind is p.KEYWORD_ONLY), None)
    if first_named is not None:
        shown.insert(first_named - ("self" in made.parameters), "*")
    return f"{name}({', '.join(shown)}) -> {made.return_annotation}"


def default(field: Any) -> str:
    return "" if repr(field.default).startswith("<dataclasses._MISSING") else f" = {field.default!r}"


def about(documented: Any) -> str:
    """The docstring on one paragraph per paragraph, without doctests."""
    text = inspect.cleandoc(documented.__doc__).split(">>>")[0].strip()
    return "\n\n".join(re.sub(r"\s*\n\s*", " ", part) for part in text.split("\n\n"))


def value_of(name: str) -> str:
    value = getattr(plugin, name)
    if isinstance(value, int):
        return f" = {value:_}"
    return f": {about(value).splitlines()[0]}" if inspect.isclass(value) else ": marks a function as a hook of its name"
