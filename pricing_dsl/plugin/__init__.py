"""What a plugin author imports: the marker of a hook, the contract types that hooks return, and nothing else.

A plugin is a package with an entry point in group `pricing_dsl`, whose module (or object) has functions marked with
`hookimpl`; `pricing_dsl.plugin.hookspecs` says which there are, and `pricing_dsl.plugin.testing` is the kit that proves
a plugin.
"""

from pricing_dsl.plugin.contract import (
    API_VERSION,
    HOUR,
    SECOND,
    Aggregation,
    Command,
    Exporter,
    Finding,
    Function,
    Imported,
    Importer,
    Interval,
    Lint,
    Lost,
    Monoid,
    NumberConstant,
    PriceShape,
    WordConstant,
)
from pricing_dsl.plugin.hookspecs import hookimpl
from pricing_dsl.plugin.shapes import ShapeBuilder

__all__ = [
    "API_VERSION",
    "HOUR",
    "SECOND",
    "Aggregation",
    "Command",
    "Exporter",
    "Finding",
    "Function",
    "Imported",
    "Importer",
    "Interval",
    "Lint",
    "Lost",
    "Monoid",
    "NumberConstant",
    "PriceShape",
    "ShapeBuilder",
    "WordConstant",
    "hookimpl",
]
