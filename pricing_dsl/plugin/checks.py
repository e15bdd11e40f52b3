"""Whether what a hook returned is what it says: contract types with the fields, names and forms that they promise.

Asked of every plugin and of the built-in ones, when they are loaded. Says in one sentence what to mend. What types
cannot say (that `merge` is associative, that a function is monotone) is asked by `pricing_dsl.plugin.testing`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from pricing_dsl.limits import NAME_CHARACTERS_MAX
from pricing_dsl.plugin.contract import (
    Aggregation,
    Command,
    Exporter,
    Function,
    Importer,
    Lint,
    NumberConstant,
    PriceShape,
)

CLOCK = ("hour", "minute", "weekday")
"""Functions of an event's time: part of the language, so no plugin may take their names."""
CORE_COMMANDS = (
    "check", "fmt", "test", "preview", "explain", "timeline", "diff", "new", "demo", "plugins", "import", "export",
)  # fmt: skip
"""The commands of `pricing` itself."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class Kind(NamedTuple):
    """What a hook registers: its attribute of `Plugins`, its noun and type, which names it may have and which not."""

    provides: str
    noun: str
    type: type
    reserved: tuple[str, ...] = ()
    name: re.Pattern[str] = _WORD


KINDS: Mapping[str, Kind] = {
    "register_aggregations": Kind("aggregations", "aggregation", Aggregation, name=_IDENTIFIER),
    "register_functions": Kind("functions", "function", Function, (*CLOCK, "day", "time", "quantity"), _IDENTIFIER),
    "register_price_shapes": Kind("price_shapes", "price shape", PriceShape, name=_IDENTIFIER),
    "register_lints": Kind("lints", "lint", Lint),
    "register_importers": Kind("importers", "importer", Importer),
    "register_exporters": Kind("exporters", "exporter", Exporter),
    "register_commands": Kind("commands", "command", Command, CORE_COMMANDS),
}
"""Hook -> what it registers. The hooks that are not here observe."""


def wrong_with_result(hook: str, result: object) -> str | None:
    """What is wrong with what a hook returned as a whole, or `None`."""
    kind = KINDS[hook]
    if not isinstance(result, list | tuple):
        return f"it returned {_said(result)}, not a list of `{kind.type.__name__}`"
    for item in result:
        if not isinstance(item, kind.type):
            return f"it returned {_said(item)} where an `{kind.type.__name__}` must stand"
    return None


def wrong_with(hook: str, item: Any) -> str | None:
    """What is wrong with one thing that a hook returned, or `None`. Its type is known to be right."""
    kind = KINDS[hook]
    for name, hint in _hints(kind.type).items():
        if not fits(getattr(item, name), hint):
            return f"its `{name}` is {_said(getattr(item, name))}, which is no {_hint_said(hint)}"
    if not kind.name.fullmatch(item.name) or len(item.name) > NAME_CHARACTERS_MAX:
        return f"{item.name!r} is no name of {_article(kind.noun)} {kind.noun}"
    if item.name in kind.reserved:
        return f"`{item.name}` is a word of the language or a command of `pricing`"
    if isinstance(item, Aggregation | Function | PriceShape) and not item.form.startswith(f"{item.name}("):
        return f"its `form` is {item.form!r} and must show a call, as in `{item.name}(x)`"
    return _wrong_inside(item)


def _wrong_inside(item: Any) -> str | None:
    """What the fields of one thing must be to one another."""
    match item:
        case Function(parameters=parameters, monotone=monotone) if len(parameters) != len(monotone):
            return "its `monotone` says one thing for each of its `parameters`, and there are not as many"
        case Function(parameters=(), repeats=True):
            return "its last parameter `repeats`, and it has none"
        case Function(whole=True, result=result) if result != "number":
            return "its results are `whole`, and they are no numbers"
        case PriceShape(parameters=parameters) if len(set(parameters)) != len(parameters):
            return "two of its `parameters` have one name"
        case PriceShape(parameters=parameters, quantities=quantities) if not set(quantities) <= set(parameters):
            return "its `quantities` name what is none of its `parameters`"
        case Aggregation(value=None, constant=constant) if constant is not None:
            return "its `constant` stands behind a value, and its `value` is `None`"
        case Aggregation(constant=NumberConstant(above=above, at_most=at_most)) if above >= at_most:
            return f"its constant is above {above} and at most {at_most}, so there is none"
        case Exporter(formats=()):
            return "its `formats` are empty"
        case _:
            return None


def fits(value: object, hint: Any) -> bool:
    """Whether a value is of a field's declared type.

    >>> fits(("a", "b"), tuple[str, ...]), fits(["a"], tuple[str, ...]), fits("x", Literal["x"] | None)
    (True, False, True)
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if hint is None or hint is NoneType:
        return value is None
    if origin in (Union, UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin is tuple:
        return isinstance(value, tuple) and all(fits(item, arguments[0]) for item in value)
    if origin is Callable:
        return callable(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if is_dataclass(hint) and isinstance(hint, type):
        return isinstance(value, hint) and all(fits(getattr(value, name), of) for name, of in _hints(hint).items())
    return isinstance(value, hint)


@lru_cache(maxsize=32)
def _hints(type_: type) -> Mapping[str, Any]:
    hints = get_type_hints(type_)
    return {field.name: hints[field.name] for field in fields(type_)}


def _hint_said(hint: Any) -> str:
    """A field's type in words."""
    arguments = get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return " and no ".join(_hint_said(one) for one in arguments)
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(one) for one in arguments)
    if get_origin(hint) is tuple:
        return f"tuple of {_hint_said(arguments[0])}"
    if get_origin(hint) is Callable:
        return "function"
    words = {str: "text", bool: "truth value", int: "whole number", NoneType: "`None`"}
    return words.get(hint) or f"`{getattr(hint, '__name__', hint)}`"


def _said(value: object) -> str:
    if isinstance(value, str | int | float | Sequence | NoneType):
        text = repr(value)
        return text if len(text) <= 60 else text[:57] + "..."
    return f"{_article(type(value).__name__)} `{type(value).__name__}`"


def _article(noun: str) -> str:
    return "an" if noun[:1].lower() in "aeiou" else "a"
