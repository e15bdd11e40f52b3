"""JSON of another system, read field by field, so that what nobody read can be listed.

A `Document` knows which places of it were read. `Document.lost` walks the rest: a field that no importer read is lost,
with its JSON pointer (RFC 6901), unless it is empty or its name is on the importer's list of fields that say nothing
of a price. Numbers are exact: JSON numbers and numeric texts alike become a `Fraction`, a float never occurs.
Every error is a `ValueError` that says where, what, and how to mend it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, NoReturn

from pricing_dsl.plugin import Lost

DIGITS_MAX = 60
"""Digits before and behind the point of one number; a program's literals have no more."""


class Document:
    """One JSON text and the record of what was read of it."""

    def __init__(self, data: bytes, ignored: Mapping[str, str], reasons: Mapping[str, str]) -> None:
        """`ignored`: fields that say nothing of a price, and why; `reasons`: why others are lost, by their names."""
        self.value = _parsed(data)
        self.ignored = ignored
        self.reasons = reasons
        self.read: set[str] = set()
        self.opened: set[str] = set()
        self.said: dict[str, str] = {}

    @property
    def root(self) -> Json:
        """The whole document."""
        return Json(self, self.value, "")

    def lost(self) -> tuple[Lost, ...]:
        """What the importer said is lost and what nobody read, in the order of the document."""
        return tuple(Lost(pointer or "/", why) for pointer, why in self._lost_in(self.value, "", ""))

    def header(self, said: str) -> tuple[str, ...]:
        """What stands above the program: what it was made of, and the fields left aside as no part of a price."""
        ignored = ", ".join(f"`{name}`" for name in sorted(set(self._ignored_in(self.value, ""))))
        return (f"Made from {said}.", *([f"Left out, as no part of an amount: {ignored}."] if ignored else []))

    def _lost_in(self, value: Any, pointer: str, name: str) -> Iterator[tuple[str, str]]:
        if pointer in self.said:
            yield pointer, self.said[pointer]
            return
        if pointer in self.read or _is_empty(value) or self._is_ignored(pointer, name):
            return
        if pointer not in self.opened:
            yield pointer, self.reasons.get(name, f"`{name}` has no counterpart in a program")
            return
        for key, inner in _children(value):
            yield from self._lost_in(inner, f"{pointer}/{_escaped(key)}", key)

    def _ignored_in(self, value: Any, pointer: str) -> Iterator[str]:
        for key, inner in _children(value) if pointer in self.opened else ():
            place = f"{pointer}/{_escaped(key)}"
            if place not in self.read and not _is_empty(inner) and self._is_ignored(place, key):
                yield key
            yield from self._ignored_in(inner, place)

    def _is_ignored(self, pointer: str, name: str) -> bool:
        return name in self.ignored and pointer not in self.opened


class Json:
    """One value of a document, at its JSON pointer. Reading it marks it as read."""

    def __init__(self, document: Document, value: Any, pointer: str) -> None:
        self.document = document
        self.value = value
        self.pointer = pointer

    # --- inside it ---------------------------------------------------------------------------------------------------

    def get(self, name: str) -> Json | None:
        """The field of that name of an object; `None` where it is absent or null."""
        value = self._object().get(name)
        if value is None:
            return None
        return Json(self.document, value, f"{self.pointer}/{_escaped(name)}")

    def need(self, name: str, mend: str = "") -> Json:
        """The field of that name, which must be there."""
        found = self.get(name)
        if found is None:
            self.refuse(f"it has no `{name}`", mend or f"give it a `{name}`")
        return found

    def fields(self) -> Iterator[tuple[str, Json]]:
        """The fields of an object that are not null, with their names."""
        for name, value in self._object().items():
            if value is not None:
                yield name, Json(self.document, value, f"{self.pointer}/{_escaped(name)}")

    def open(self) -> None:
        """Say that this object is understood, so that its fields are lost one by one and not as a whole."""
        self._object()

    def items(self) -> tuple[Json, ...]:
        """The elements of a list."""
        if not isinstance(self.value, list):
            self.refuse(f"it is {_said(self.value)}, not a list", "put it in `[` and `]`")
        self.document.opened.add(self.pointer)
        return tuple(Json(self.document, each, f"{self.pointer}/{index}") for index, each in enumerate(self.value))

    def list_of(self, name: str) -> tuple[Json, ...]:
        """The elements of a list in a field; none where the field is absent or null."""
        found = self.get(name)
        return found.items() if found else ()

    def is_object(self) -> bool:
        """Whether it is an object; asking reads nothing."""
        return isinstance(self.value, dict)

    def has(self, name: str) -> bool:
        """Whether it is an object with that field, not null; asking reads nothing."""
        return isinstance(self.value, dict) and self.value.get(name) is not None

    # --- as a value --------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """A text."""
        if not isinstance(self.value, str):
            self.refuse(f"it is {_said(self.value)}, not a text", "write it in quotes")
        self.document.read.add(self.pointer)
        return self.value

    def key(self) -> str:
        """A text that names something: not empty."""
        found = self.text()
        if not found.strip():
            self.refuse("it is empty", "write the name that it has in the other system")
        return found

    def truth(self) -> bool:
        """`true` or `false`."""
        if not isinstance(self.value, bool):
            self.refuse(f"it is {_said(self.value)}", "write `true` or `false`")
        self.document.read.add(self.pointer)
        return self.value

    def number(self) -> Fraction:
        """A number, written as one or as a text of one, exactly."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | Decimal | str):
            self.refuse(f"it is {_said(self.value)}, not a number", "write a decimal number")
        try:
            exact = Decimal(self.value)
        except InvalidOperation:
            exact = Decimal("NaN")
        if not exact.is_finite():
            self.refuse(f"`{self.value}` is no number", "write a decimal number")
        digits, exponent = exact.as_tuple().digits, exact.as_tuple().exponent
        assert isinstance(exponent, int)  # finite
        if len(digits) + abs(exponent) > DIGITS_MAX:
            self.refuse(f"the number has more than {DIGITS_MAX} digits", "round it")
        self.document.read.add(self.pointer)
        return Fraction(exact)

    def positive(self) -> Fraction:
        """A number above zero."""
        found = self.number()
        if found <= 0:
            self.refuse(f"it is {self.value}, and must be above 0", "write a number above 0")
        return found

    def whole(self) -> int:
        """A whole number."""
        found = self.number()
        if found.denominator != 1:
            self.refuse(f"{self.value} is no whole number", "write a whole number")
        return int(found)

    def one_of(self, *words: str) -> str:
        """A text that is one of `words`."""
        found = self.text()
        if found not in words:
            known = ", ".join(f"`{word}`" for word in words)
            self.refuse(f"`{found}` is not known here", f"known are {known}")
        return found

    # --- fields of it, as values -------------------------------------------------------------------------------------

    def text_of(self, name: str, otherwise: str = "") -> str:
        """The text in a field, or `otherwise` where it is absent or null."""
        found = self.get(name)
        return found.text() if found else otherwise

    def truth_of(self, name: str, otherwise: bool = False) -> bool:
        """The truth value in a field, or `otherwise` where it is absent or null."""
        found = self.get(name)
        return found.truth() if found else otherwise

    def number_of(self, name: str, otherwise: Fraction | int = 0) -> Fraction:
        """The number in a field, or `otherwise` where it is absent or null."""
        found = self.get(name)
        return found.number() if found else Fraction(otherwise)

    # --- what becomes of it ------------------------------------------------------------------------------------------

    def lose(self, why: str) -> None:
        """Say that this is not carried over, and why."""
        self.document.said[self.pointer] = why

    def lose_field(self, name: str, why: str) -> None:
        """Say that a field is not carried over, where it is there."""
        found = self.get(name)
        if found is not None:
            found.lose(why)

    def skip(self) -> None:
        """Mark it as read, with all inside it: it is said elsewhere in the document."""
        self.document.read.add(self.pointer)

    def refusal(self, what: str, mend: str) -> ValueError:
        """The error for this place: where, what, and how to mend it."""
        return ValueError(f"{self.pointer or 'the document'}: {what}; {mend}")

    def refuse(self, what: str, mend: str) -> NoReturn:
        """Raise the error for this place."""
        raise self.refusal(what, mend)

    def _object(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            self.refuse(f"it is {_said(self.value)}, not an object", "write it as `{...}`")
        self.document.opened.add(self.pointer)
        return self.value


def _parsed(data: bytes) -> Any:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start}: the file is no UTF-8 text; save it as UTF-8") from None
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"{place}: this is no JSON ({error.msg}); export the file anew, or mend it there") from None
    except RecursionError:
        raise ValueError("the document: it is nested too deeply; give the prices alone") from None


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"the document: `{word}` is no JSON number; write a decimal number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the document: an object has two fields `{twice}`; remove one")
    return made


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            yield from value.items()
        case list():
            yield from ((str(index), each) for index, each in enumerate(value))


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _said(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return f"the number {value}"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"
