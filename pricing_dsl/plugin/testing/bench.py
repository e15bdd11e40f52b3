"""A monoid on the bench: its operations with what they raise named, states compared by result and by bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any

from pricing_dsl.plugin.contract import HOUR, Interval, Monoid, Number, Value
from pricing_dsl.plugin.testing.drawing import PERIOD, START, Event, shown
from pricing_dsl.plugin.testing.problem import Breach, Law

DEPTH_MAX = 12
"""How deep a state is searched for floats."""


class OperationError(Exception):
    """An operation of the monoid raised, or returned what no law can be asked of."""


class Bench:
    """States are made anew whenever they are needed, since `merge` may change its first argument."""

    def __init__(self, monoid: Monoid[Any], same_bytes: Law) -> None:
        self._monoid = monoid
        self._same_bytes = same_bytes

    def zero(self) -> Any:
        return self._do("zero", self._monoid.zero)

    def add(self, state: Any, event: Event) -> Any:
        return self._do("add", self._monoid.add, state, event.value, event.time, event.event)

    def merge(self, state: Any, other: Any) -> Any:
        return self._do("merge", self._monoid.merge, state, other)

    def result(self, state: Any, period: Interval = PERIOD) -> Number:
        result: Number = self._do("result", self._monoid.result, state, period)
        if not isinstance(result, Fraction | int | Decimal | float) or (
            isinstance(result, float) and not isfinite(result)
        ):
            raise OperationError(f"`result` returned {shown(result)}, which is no number")
        return result

    def encode(self, state: Any) -> bytes:
        data: bytes = self._do("encode", self._monoid.encode, state)
        if type(data) is not bytes:
            raise OperationError(f"`encode` returned {shown(data)}, which is no `bytes`")
        return data

    def decode(self, data: bytes) -> Any:
        return self._do("decode", self._monoid.decode, data)

    def state(self, events: Iterable[Event]) -> Any:
        """The state of events, added one by one."""
        state = self.zero()
        for event in events:
            state = self.add(state, event)
        return state

    def by_hour(self, events: list[Event], hours: int) -> list[tuple[Interval, list[Event]]]:
        """The events of each hour of the period."""
        spans = [Interval(START + hour * HOUR, START + (hour + 1) * HOUR) for hour in range(hours)]
        return [(span, [event for event in events if span.start <= event.time < span.end]) for span in spans]

    def difference(self, one: Any, one_is: str, other: Any, other_is: str) -> Breach | None:
        """Whether two states that must be the same are not. Bytes alone that differ break another law."""
        first, second = self.result(one), self.result(other)
        if first != second:
            return Breach(f"{one_is} comes to {shown(first)}, and {other_is} to {shown(second)}")
        if self.encode(one) != self.encode(other):
            return Breach(f"{one_is} and {other_is} come to the same, but their bytes differ", self._same_bytes)
        return None

    def _do(self, operation: str, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception as error:
            text = " ".join(str(error).split())
            raised = f"`{operation}` raised {type(error).__name__}" + (f": {text}" if text else "")
            raise OperationError(raised) from error


def is_exact(result: object) -> bool:
    """Whether a result is a `Fraction` or an `int`, and no truth value."""
    return isinstance(result, Fraction | int) and not isinstance(result, bool)


def float_in(state: Any, depth: int = 0) -> float | None:
    """A float anywhere inside a state."""
    if isinstance(state, float):
        return state
    if state is None or isinstance(state, str | bytes | int | Fraction) or depth > DEPTH_MAX:
        return None
    inside: list[Any] = []
    if isinstance(state, Mapping):
        inside = [*state.keys(), *state.values()]
    elif isinstance(state, list | tuple | set | frozenset):
        inside = list(state)
    else:
        slots = [name for kind in type(state).__mro__ for name in getattr(kind, "__slots__", ())]
        inside = [getattr(state, name, None) for name in slots] + list(getattr(state, "__dict__", {}).values())
    return next((found for each in inside if (found := float_in(each, depth + 1)) is not None), None)


def constants_said(constants: Iterable[Value]) -> str:
    """The constants of a form, as they stand behind the value."""
    said = ", ".join(each if isinstance(each, str) else shown(each) for each in constants)
    return f"with the constant {said}: " if said else ""
