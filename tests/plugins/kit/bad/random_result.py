"""Adds a little that nobody asked for."""

# ruff: noqa: ARG002 (the contract has these parameters)

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import random
from typing import Any

from pricing_dsl.plugin import Aggregation, hookimpl
from tests.plugins.kit.bad.common import Good, aggregation

PRICING_API = 1
__version__ = "0.1"


class Bad(Good):
    def result(self, state: Any, period: Any) -> Any:
        return state + Fraction(str(random())) if state else state


@hookimpl
def register_aggregations() -> Sequence[Aggregation]:
    return [aggregation("bad", lambda _: Bad())]
