"""The hooks: what a plugin may implement. Each returns what it provides; the built-in ones come through the same.

Hooks are called once, when plugins are loaded, except the observers, which are called as things happen. A hook that
raises or returns another type is reported with its plugin and version, and what it would have provided is refused.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import pluggy

from pricing_dsl.plugin.contract import Aggregation, Command, Exporter, Function, Importer, Lint, PriceShape

PROJECT = "pricing_dsl"
"""The name of the entry point group and of the markers."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function as the implementation of the hook of its name."""


@hookspec
def register_aggregations() -> Sequence[Aggregation]:  # type: ignore[empty-body]
    """Aggregations for meters, found by name in `measure NAME(...)`."""


@hookspec
def register_functions() -> Sequence[Function]:  # type: ignore[empty-body]
    """Functions for the expressions of meters."""


@hookspec
def register_price_shapes() -> Sequence[PriceShape]:  # type: ignore[empty-body]
    """Price shapes for `price with NAME(args)`."""


@hookspec
def register_lints() -> Sequence[Lint]:  # type: ignore[empty-body]
    """Rules of a company, which every program without errors is checked by."""


@hookspec
def register_importers() -> Sequence[Importer]:  # type: ignore[empty-body]
    """Readers of other systems' prices, for `pricing import NAME FILE`."""


@hookspec
def register_exporters() -> Sequence[Exporter]:  # type: ignore[empty-body]
    """Writers of statements in other systems' forms, for `pricing export NAME FILE`."""


@hookspec
def register_commands() -> Sequence[Command]:  # type: ignore[empty-body]
    """Commands of `pricing`."""


@hookspec
def statement_finalised(statement: Mapping[str, Any]) -> None:
    """Observer: a statement, as `Statement.to_dict` gives it, was finalised and stored."""


@hookspec
def usage_rejected(event: Mapping[str, Any], reason: str) -> None:
    """Observer: an event was not accepted, and is kept with this reason."""


def parameters(hook: str) -> tuple[str, ...]:
    """The names of a hook's parameters.

    >>> parameters("usage_rejected")
    ('event', 'reason')
    """
    return tuple(inspect.signature(globals()[hook]).parameters)
