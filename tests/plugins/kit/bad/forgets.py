"""A last value whose bytes leave out its time."""

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
        return 0, "", Fraction(0)

    def add(self, state: Any, value: Any, time: int, event: str) -> Any:
        return max(state, (time, event, value))

    def merge(self, state: Any, other: Any) -> Any:
        return max(state, other)

    def result(self, state: Any, period: Any) -> Any:
        return state[2]

    def encode(self, state: Any) -> bytes:
        return str(state[2]).encode()

    def decode(self, data: bytes) -> Any:
        return 0, "", Fraction(data.decode())


@hookimpl
def register_aggregations() -> Sequence[Aggregation]:
    return [aggregation("bad", lambda _: Bad())]
