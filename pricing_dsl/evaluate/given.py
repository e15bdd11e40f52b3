"""What people give an evaluation, in the words of JSON: for messages about what is wrong with it.

Opening state, segments and corrections come from files and from other programs; a message shows them as they are
written there, and names the key that is missing or not known. Says nothing of codes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

SHOWN_MAX = 60
"""Characters of a value that a message shows."""


def as_json(value: Any) -> str:
    """A value as JSON writes it, cut where it is long.

    >>> as_json({"amount": None, "rolled": True}), as_json(range(2))
    ('{"amount": null, "rolled": true}', '"range(0, 2)"')
    """
    try:
        text = json.dumps(value, default=str, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):  # keys that are no texts, what holds itself, endless digits
        return "no JSON"
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 3] + "..."


def wrong_key(what: str, given: Any, required: Iterable[str], optional: Iterable[str] = ()) -> str | None:
    """What is wrong with the keys of a mapping, as a sentence about `what`; `None` where nothing is.

    >>> wrong_key("segment 1", {"from": 1, "until": 2}, ("from", "to"))
    'segment 1 has `until`, which is none of `from`, `to`'
    >>> wrong_key("segment 1", {"from": 1}, ("from", "to"))
    'segment 1 does not say its `to`'
    >>> wrong_key("segment 1", 5, ("from", "to"))
    'segment 1 is 5, not a mapping'
    """
    if not isinstance(given, Mapping):
        return f"{what} is {as_json(given)}, not a mapping"
    wanted = tuple(required)
    known = (*wanted, *optional)
    for key in given:
        if key not in known:
            return f"{what} has `{str(key)[:SHOWN_MAX]}`, which is none of {', '.join(f'`{each}`' for each in known)}"
    missing = [key for key in wanted if key not in given]
    return f"{what} does not say its `{missing[0]}`" if missing else None
