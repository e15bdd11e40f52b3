"""A sum that is said to be whole, and to add up hour by hour, of which every hour is rounded."""

# ruff: noqa: ARG002 (the contract has these parameters)

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from pricing_dsl.plugin import Aggregation, hookimpl
from tests.plugins.kit.bad.common import Good, aggregation

PRICING_API = 1
__version__ = "0.1"


class Bad(Good):
    def result(self, state: Any, period: Any) -> Any:
        return state if abs(state) < 10 else ceil(state)


@hookimpl
def register_aggregations() -> Sequence[Aggregation]:
    return [aggregation("bad", lambda _: Bad(), whole=True, adds_over_time=True)]
