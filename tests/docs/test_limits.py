"""docs/limits.md quotes every bound of pricing_dsl/limits.py, with its value."""

from __future__ import annotations

import re

from pricing_dsl import limits
from tests.docs.blocks import ROOT


def test_the_page_quotes_every_bound() -> None:
    page = (ROOT / "docs/limits.md").read_text(encoding="utf-8")
    quoted = {m[1]: int(m[2].replace(",", "")) for m in re.finditer(r"^\| `(\w+)` \| ([\d,]+) \|", page, re.MULTILINE)}
    named = {name: value for name, value in vars(limits).items() if name.isupper()}
    assert quoted == named
