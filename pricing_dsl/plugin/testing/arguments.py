"""Arguments for price shapes: those that a shape's `form` shows, as in `declining(0.50, 100k, 80%, 5)`."""

from __future__ import annotations

import re
from fractions import Fraction

from pricing_dsl.plugin.contract import PriceShape

_NUMBER = re.compile(r"(-?[0-9][0-9_]*(?:\.[0-9]+)?)\s*([kMBT%]?)(\s+[A-Za-z_]+)?")
_SUFFIXES = {
    "": Fraction(1),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "B": Fraction(10**9),
    "T": Fraction(10**12),
    "%": Fraction(1, 100),
}


def arguments_from_form(shape: PriceShape) -> list[Fraction] | None:
    """The numbers in the brackets of a form; `None` where these are not as many numbers as there are parameters.

    >>> from pricing_dsl.plugin.builtin import PRICE_SHAPES
    >>> [str(number) for number in arguments_from_form(PRICE_SHAPES[0])]
    ['1/2', '100000', '4/5', '5']
    """
    inside = shape.form.partition("(")[2].rpartition(")")[0].strip()
    written = [part.strip() for part in inside.split(",")] if inside else []
    matches = [_NUMBER.fullmatch(part) for part in written]
    found = [Fraction(match[1].replace("_", "")) * _SUFFIXES[match[2]] for match in matches if match is not None]
    return found if len(found) == len(written) == len(shape.parameters) else None
