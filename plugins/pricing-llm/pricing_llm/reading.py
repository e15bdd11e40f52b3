"""JSON of a price list, read exactly: no float occurs, and every place has its JSON pointer (RFC 6901)."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, NoReturn

from pricing_dsl.plugin import Lost

DIGITS_MAX = 60
"""Digits before and behind the point of one number; a program's literals have no more."""


class Losses:
    """What a price list says and a program does not, in the order found."""

    def __init__(self) -> None:
        self._lost: list[Lost] = []

    def add(self, pointer: str, why: str) -> None:
        """One place that is not carried over."""
        self._lost.append(Lost(pointer, why))

    def all(self) -> tuple[Lost, ...]:
        """All of them."""
        return tuple(self._lost)


def parsed(data: bytes) -> Any:
    """The document; numbers with a point or an exponent are `Decimal`s. Raises `ValueError` with the place."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start}: the file is no UTF-8 text; save it as UTF-8") from None
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"{place}: this is no JSON ({error.msg}); download the file anew, or mend it there") from None
    except RecursionError:
        raise ValueError("the document: it is nested too deeply; give the price list alone") from None


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"the document: `{word}` is no JSON number; write a decimal number")


def under(pointer: str, name: str | int) -> str:
    """The pointer to a field or an element.

    >>> under("/openai~1gpt", "a/b")
    '/openai~1gpt/a~1b'
    """
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def price_at(value: Any, pointer: str) -> Fraction:
    """An exact price of zero or more. Raises `ValueError` with the place."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError(f"{pointer}: it is no number; write a decimal number")
    try:
        exact = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{pointer}: `{value}` is no number; write a decimal number") from None
    digits, exponent = exact.as_tuple().digits, exact.as_tuple().exponent
    if not isinstance(exponent, int) or len(digits) + abs(exponent) > DIGITS_MAX:
        raise ValueError(f"{pointer}: `{value}` is no number of at most {DIGITS_MAX} digits; round it")
    if exact < 0:
        raise ValueError(f"{pointer}: the price {value} is negative; a price is zero or more")
    return Fraction(exact)


def object_at(value: Any, pointer: str, mend: str) -> dict[str, Any]:
    """An object. Raises `ValueError` with the place."""
    if not isinstance(value, dict):
        raise ValueError(f"{pointer or 'the document'}: it is no object; {mend}")
    return value


def list_at(value: Any, pointer: str, mend: str) -> list[Any]:
    """A list. Raises `ValueError` with the place."""
    if not isinstance(value, list):
        raise ValueError(f"{pointer or 'the document'}: it is no list; {mend}")
    return value


def text_at(value: Any, pointer: str, mend: str) -> str:
    """A text that is not empty. Raises `ValueError` with the place."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{pointer}: it is no text; {mend}")
    return value
