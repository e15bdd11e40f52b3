"""How states of aggregations are written as bytes: compact, the same for equal states, readable for ever.

A state begins with the version of its form and a letter for what it is a state of, so that bytes of another
aggregation or of a later version are refused instead of misread. Behind it stand numbers and texts in an order that
the aggregation fixes (sorted where the state has none). A version, once shipped, is read for ever; a change of form
is a new number. Nothing of the standard library's packers is used whose bytes could change with its version.
"""

from __future__ import annotations

from fractions import Fraction

from pricing_dsl.plugin.contract import Number

VERSION = 1
_SINGLE = 192
"""A byte below it is that number; `_SINGLE + n` says that the number stands in the next n bytes, high byte first."""
_LONG = 255
"""The length of the number stands in the next four bytes."""
_LENGTH_MAX = _LONG - _SINGLE - 1


class Writer:
    """Bytes in the making.

    >>> writer = Writer("S")
    >>> writer.number(Fraction(-5, 2))
    >>> writer.text("eu")
    >>> writer.done().hex()
    '01530902026575'
    """

    def __init__(self, letter: str) -> None:
        self._data = bytearray((VERSION, ord(letter)))

    def natural(self, value: int) -> None:
        """A whole number from 0."""
        if value < _SINGLE:
            self._data.append(value)
            return
        length = (value.bit_length() + 7) // 8
        if length <= _LENGTH_MAX:
            self._data.append(_SINGLE + length)
        else:
            self._data.append(_LONG)
            self._data += length.to_bytes(4, "big")
        self._data += value.to_bytes(length, "big")

    def integer(self, value: int) -> None:
        """A whole number of either sign."""
        self.natural(2 * value if value >= 0 else -2 * value - 1)

    def number(self, value: Number) -> None:
        """An exact number in lowest terms."""
        self.integer(value.numerator)
        self.natural(value.denominator)

    def raw(self, value: bytes) -> None:
        """Bytes with their length."""
        self.natural(len(value))
        self._data += value

    def text(self, value: str) -> None:
        self.raw(to_bytes(value))

    def done(self) -> bytes:
        return bytes(self._data)


class Reader:
    """Reads what `Writer` wrote, in the same order. Raises `ValueError` for bytes that are not such a state."""

    def __init__(self, data: bytes, letter: str) -> None:
        if len(data) < 2:
            raise ValueError("these bytes are no state of an aggregation: they are too short")
        if data[0] != VERSION:
            raise ValueError(f"this state has the form of version {data[0]}; versions up to {VERSION} are known here")
        if data[1] != ord(letter):
            raise ValueError(f"these bytes are a state of kind {chr(data[1])!r}, not of kind {letter!r}")
        self._data = data
        self._at = 2

    def natural(self) -> int:
        first = self._take(1)[0]
        if first < _SINGLE:
            return first
        length = first - _SINGLE if first != _LONG else int.from_bytes(self._take(4), "big")
        return int.from_bytes(self._take(length), "big")

    def integer(self) -> int:
        value = self.natural()
        return -(value + 1) // 2 if value % 2 else value // 2

    def number(self) -> Fraction:
        numerator, denominator = self.integer(), self.natural()
        if denominator == 0:
            raise ValueError("these bytes are no state of an aggregation: a number is divided by 0")
        return Fraction(numerator, denominator)

    def raw(self) -> bytes:
        return self._take(self.natural())

    def text(self) -> str:
        return to_text(self.raw())

    def end(self) -> None:
        """Nothing may be left."""
        if self._at != len(self._data):
            raise ValueError(f"these bytes are no state of an aggregation: {len(self._data) - self._at} are left over")

    def _take(self, length: int) -> bytes:
        taken = self._data[self._at : self._at + length]
        if len(taken) != length:
            raise ValueError("these bytes are no state of an aggregation: they are cut off")
        self._at += length
        return taken


def to_bytes(text: str) -> bytes:
    """A text as UTF-8; half a surrogate pair, which JSON allows, is kept."""
    return text.encode("utf-8", "surrogatepass")


def to_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
