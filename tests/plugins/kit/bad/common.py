"""What the bad plugins are made from: an aggregation without a mistake, of which each changes one thing."""

# ruff: noqa: ARG002 (the contract has these parameters)

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from pricing_dsl.plugin import Aggregation, Interval


class Good:
    """A sum, kept as one fraction."""

    def zero(self) -> Any:
        return Fraction(0)

    def add(self, state: Any, value: Any, time: int, event: str) -> Any:
        return state + value

    def merge(self, state: Any, other: Any) -> Any:
        return state + other

    def result(self, state: Any, period: Interval) -> Any:
        return state

    def encode(self, state: Any) -> bytes:
        return f"1 {state}".encode()

    def decode(self, data: bytes) -> Any:
        return Fraction(data.decode().removeprefix("1 "))


def aggregation(name: str, make: Callable[[Sequence[Any]], Any], **changes: Any) -> Aggregation:
    """An aggregation of numbers that promises no more than it must."""
    fields: dict[str, Any] = {
        "name": name,
        "form": f"{name}(x)",
        "value": "number",
        "constant": None,
        "adds_over_dimensions": False,
        "adds_over_time": False,
        "whole": False,
        "carried": "allowed",
        "unit": "value",
        "make": make,
        "about": "An aggregation for tests.",
    }
    return Aggregation(**{**fields, **changes})
