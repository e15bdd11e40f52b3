"""A mean that divides as Python does."""

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
        return 0, 0

    def add(self, state: Any, value: Any, time: int, event: str) -> Any:
        return state[0] + value, state[1] + 1

    def merge(self, state: Any, other: Any) -> Any:
        return state[0] + other[0], state[1] + other[1]

    def result(self, state: Any, period: Any) -> Any:
        return float(state[0]) / state[1] if state[1] else 0

    def encode(self, state: Any) -> bytes:
        return f"{state[0]} {state[1]}".encode()

    def decode(self, data: bytes) -> Any:
        total, count = data.decode().split()
        return Fraction(total), int(count)


@hookimpl
def register_aggregations() -> Sequence[Aggregation]:
    return [aggregation("bad", lambda _: Bad())]
