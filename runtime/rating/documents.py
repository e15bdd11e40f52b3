"""The JSON that is kept with statements: canonical text, numbers that are not whole as decimal text."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pricing_dsl.values.numbers import decimal_text


def written(document: Any) -> str:
    """A document as text: the same for equal documents.

    >>> written({"b": Decimal("0.10"), "a": 1})
    '{"a":1,"b":"0.10"}'
    """
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)


def loaded(text: str) -> Any:
    """The document of a text."""
    return json.loads(text)


def _plain(value: Any) -> str:
    match value:
        case Decimal():
            return f"{value:f}"
        case Fraction():
            return decimal_text(value)
        case _:
            raise TypeError(f"{type(value).__name__} is no part of a document")
