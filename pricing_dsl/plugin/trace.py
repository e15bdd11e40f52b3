"""`PRICING_TRACE_PLUGINS=1`: every call that the host makes into a plugin, on standard error, with its time."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any, TypeVar

Result = TypeVar("Result")


def is_on() -> bool:
    """Whether calls are printed."""
    return os.environ.get("PRICING_TRACE_PLUGINS", "") not in ("", "0")


def traced(plugin: str, what: str, function: Callable[..., Result], *arguments: Any) -> Result:
    """Call `function`; where tracing is on, print the plugin, `what` it was called for, its result and its time."""
    if not is_on():
        return function(*arguments)
    start = perf_counter()
    try:
        result = function(*arguments)
    except BaseException as error:
        _say(plugin, what, f"raised {type(error).__name__}: {error}", start)
        raise
    _say(plugin, what, _shown(result), start)
    return result


def _say(plugin: str, what: str, outcome: str, start: float) -> None:
    print(f"[plugin {plugin}] {what} -> {outcome} ({(perf_counter() - start) * 1000:.2f} ms)", file=sys.stderr)


def _shown(result: object) -> str:
    if isinstance(result, list | tuple):
        return f"{len(result)} " + ", ".join(str(getattr(item, "name", type(item).__name__)) for item in result[:8])
    text = repr(result)
    return text if len(text) <= 80 else text[:77] + "..."
