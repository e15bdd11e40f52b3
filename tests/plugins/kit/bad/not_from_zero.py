"""A maximum that begins with minus infinity, nearly."""

# ruff: noqa: ARG002 (the contract has these parameters)

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from pricing_dsl.plugin import Aggregation, hookimpl
from tests.plugins.kit.bad.common import Good, aggregation

PRICING_API = 1
__version__ = "0.1"


class Bad(Good):
    def zero(self) -> Any:
        return Fraction(-(10**30))

    def add(self, state: Any, value: Any, time: int, event: str) -> Any:
        return max(state, value)

    def merge(self, state: Any, other: Any) -> Any:
        return max(state, other)


@hookimpl
def register_aggregations() -> Sequence[Aggregation]:
    return [aggregation("bad", lambda _: Bad())]
