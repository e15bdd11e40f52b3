"""A sum that is kept as a float, and said as a whole number."""

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
        return {"sum": 0.0}

    def add(self, state: Any, value: Any, time: int, event: str) -> Any:
        return {"sum": state["sum"] + 1.0}

    def merge(self, state: Any, other: Any) -> Any:
        return {"sum": state["sum"] + other["sum"]}

    def result(self, state: Any, period: Any) -> Any:
        return int(state["sum"])

    def encode(self, state: Any) -> bytes:
        return str(state["sum"]).encode()

    def decode(self, data: bytes) -> Any:
        return {"sum": float(data)}


@hookimpl
def register_aggregations() -> Sequence[Aggregation]:
    return [aggregation("bad", lambda _: Bad(), whole=True, unit="count")]
