"""How deep JSON is nested, without reading it: a bound on what is decoded and walked afterwards."""

from __future__ import annotations

import re
from typing import Final

DEPTH_MAX: Final = 32
"""How deep the JSON of a body may be nested."""

ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)
TO_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
OTHERS: Final = bytes(each for each in range(256) if each not in b"[]{}")


def is_deep(body: bytes) -> bool:
    r"""Whether JSON is nested deeper than `DEPTH_MAX`; what is no JSON may be called deep.

    Brackets outside of strings are taken away level by level, the innermost first.

    >>> is_deep(b"[" * 32 + b"]" * 32), is_deep(b"[" * 33 + b"]" * 33)
    (False, True)
    >>> is_deep(b'["' + b"[" * 100 + b'\\"]"]')
    False
    """
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX:
        return False
    plain = ESCAPE.sub(b"", body) if b"\\" in body else body
    marks = b"".join(plain.split(b'"')[::2]).translate(TO_ONE_KIND, OTHERS)
    for _ in range(DEPTH_MAX):
        if not marks:
            return False
        marks = marks.replace(b"[]", b"")
    return bool(marks)
