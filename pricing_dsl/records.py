"""Frozen dataclasses that cost little to define: what the many small node classes are declared with.

Type checkers see `dataclasses.dataclass` and its `frozen=True`. At run time one exec per class instead of six:
equality, hash and text are shared functions over the compared fields, and freezing is left to the type checker. The
node classes of the syntax tree and the IR would otherwise take most of the time in which `pricing check` starts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(*, frozen: bool, slots: bool):
        """Stands in for `dataclass(frozen=True, slots=True)`.

        >>> from dataclasses import field
        >>> @record(frozen=True, slots=True)
        ... class Point:
        ...     x: int
        ...     note: str = field(default="", compare=False)
        >>> Point(1, "a") == Point(1, "b"), Point(1) == Point(2), hash(Point(1)) == hash(Point(1)), Point(3)
        (True, False, True, Point(x=3, note=''))
        """
        assert frozen
        assert slots
        return _define


def _define(cls: Any) -> Any:
    made = dataclass(slots=True, eq=False, repr=False)(cls)
    compared = [field.name for field in fields(made) if field.compare]
    read = attrgetter(*compared) if compared else _nothing

    def equal(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self is other or read(self) == read(other)

    def hashed(self: Any) -> int:
        return hash((made, read(self)))

    for name, function in (("__eq__", equal), ("__hash__", hashed), ("__repr__", _text)):
        setattr(made, name, function)
    return made


def _nothing(_: object) -> tuple[()]:
    return ()


def _text(self: Any) -> str:
    inside = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self))
    return f"{type(self).__qualname__}({inside})"


__all__ = ["record"]
