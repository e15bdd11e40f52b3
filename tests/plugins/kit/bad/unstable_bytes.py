"""A set of values, written in the order in which they came."""

# ruff: noqa: ARG002 (the contract has these parameters)

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pricing_dsl.plugin import Aggregation, hookimpl
from tests.plugins.kit.bad.common import Good, aggregation

PRICING_API = 1
__version__ = "0.1"


class Bad(Good):
    def zero(self) -> Any:
        return {}

    def add(self, state: Any, value: Any, time: int, event: str) -> Any:
        state[value] = True
        return state

    def merge(self, state: Any, other: Any) -> Any:
        state.update(other)
        return state

    def result(self, state: Any, period: Any) -> Any:
        return len(state)

    def encode(self, state: Any) -> bytes:
        return json.dumps(state).encode()

    def decode(self, data: bytes) -> Any:
        return json.loads(data)


@hookimpl
def register_aggregations() -> Sequence[Aggregation]:
    return [aggregation("bad", lambda _: Bad(), value="any", whole=True, unit="count")]
