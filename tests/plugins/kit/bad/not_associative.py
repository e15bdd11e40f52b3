"""An average of averages: what comes of it depends on which states are merged first."""

# ruff: noqa: ARG002 (the contract has these parameters)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pricing_dsl.plugin import Aggregation, hookimpl
from tests.plugins.kit.bad.common import Good, aggregation

PRICING_API = 1
__version__ = "0.1"


class Bad(Good):
    def zero(self) -> Any:
        return None

    def add(self, state: Any, value: Any, time: int, event: str) -> Any:
        return self.merge(state, value)

    def merge(self, state: Any, other: Any) -> Any:
        if state is None or other is None:
            return other if state is None else state
        return (state + other) / 2

    def result(self, state: Any, period: Any) -> Any:
        return 0 if state is None else state

    def encode(self, state: Any) -> bytes:
        return b"" if state is None else super().encode(state)

    def decode(self, data: bytes) -> Any:
        return super().decode(data) if data else None


@hookimpl
def register_aggregations() -> Sequence[Aggregation]:
    return [aggregation("bad", lambda _: Bad())]
