"""What installed plugins cost a price: the same evaluations with ten idle plugins and with none, in one run.

An idle plugin provides one of everything that a program may use, and observers that do nothing; the programs here use
none of it. Compiling, pricing and measuring are compared. Finalising a statement tells the observers, which pricing
does not: what ten of them cost is compared on its own, without the writing to a database that goes with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import pricing_dsl
from benchmarks.evaluate import HEAD, plan_text, usage_of
from benchmarks.timing import REPEATS, Ratio, calls_for, time_of
from pricing_dsl.evaluate.measure import Measurer
from pricing_dsl.plugin import Aggregation, Function, PriceShape, hookimpl
from pricing_dsl.plugin.manager import Plugins, built_in, load, plugins, using

IDLE = 10
PLAN = "plan p { charge a on tokens { price 2 }  charge b on requests { price 1 }  charge c on images { price 3 } }"
EVENT = {"n": "1200", "model": "model-3", "token_type": "input", "context": "long"}


class Idle:
    """A plugin that nothing uses."""

    PRICING_API = 1

    def __init__(self, number: int) -> None:
        self.number = number

    @hookimpl
    def register_aggregations(self) -> list[Aggregation]:
        from dataclasses import replace

        name = f"idle_sum_{self.number}"
        return [replace(built_in().aggregations["sum"].value, name=name, form=f"{name}(x)")]

    @hookimpl
    def register_functions(self) -> list[Function]:
        name = f"idle_{self.number}"
        return [Function(name, f"{name}(x)", ("number",), "number", (None,), abs, "Not used.")]

    @hookimpl
    def register_price_shapes(self) -> list[PriceShape]:
        name = f"idle_price_{self.number}"
        return [PriceShape(name, f"{name}(1)", ("rate",), lambda shape, rate: shape.linear(rate), "Not used.")]

    @hookimpl
    def statement_finalised(self, statement: Mapping[str, Any]) -> None:
        pass

    @hookimpl
    def usage_rejected(self, event: Mapping[str, Any]) -> None:
        pass


def run() -> list[Ratio]:
    """Pricing and measuring with ten idle plugins, in units of the same with none."""
    none = load(only=set())
    ten = load(only=set(), also={f"idle{number}": Idle(number) for number in range(IDLE)})
    assert len(ten.loaded) == len(none.loaded) + IDLE
    assert ten.refused == none.refused
    program = pricing_dsl.compile(plan_text())
    evaluator, measurer = program.evaluator("scale"), Measurer(program.ir)
    usage, meter = usage_of(20), program.ir.meters[0]

    def told() -> object:
        return plugins().observe("statement_finalised", statement=evaluator(usage).to_dict())

    return [
        pair("compiling", lambda: pricing_dsl.compile(HEAD + PLAN), ten, none),
        pair("amounts of a statement", lambda: evaluator.amounts(usage), ten, none),
        pair("a statement", lambda: evaluator(usage), ten, none),
        pair("a statement, all observers told", told, ten, none),
        pair("measuring an event", lambda: measurer.measure(meter, EVENT), ten, none),
    ]


def pair(name: str, function: Callable[[], object], ten: Plugins, none: Plugins) -> Ratio:
    """The same function under both sets of plugins, alternately, each side first in every other turn."""
    function()
    calls = calls_for(function)
    ours: list[float] = []
    theirs: list[float] = []
    for turn in range(2 * REPEATS):
        for installed in (ten, none) if turn % 2 else (none, ten):
            with using(installed):
                (ours if installed is ten else theirs).append(time_of(function, calls) / calls)
    return Ratio(
        f"{name}, {IDLE} idle plugins", "none", min(ours) / min(theirs), median(ours) / median(theirs), min(theirs)
    )
