"""Lets the merged state have the lists of the second one, and adds to them."""

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
        return []

    def add(self, state: Any, value: Any, time: int, event: str) -> Any:
        state.append(value)
        return state

    def merge(self, state: Any, other: Any) -> Any:
        if not state:
            return other
        state.extend(other)
        return state

    def result(self, state: Any, period: Any) -> Any:
        return sum(state, Fraction(0))

    def encode(self, state: Any) -> bytes:
        return " ".join(map(str, sorted(state))).encode()

    def decode(self, data: bytes) -> Any:
        return [Fraction(part) for part in data.decode().split()]


@hookimpl
def register_aggregations() -> Sequence[Aggregation]:
    return [aggregation("bad", lambda _: Bad())]
