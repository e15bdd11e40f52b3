"""Rules of a company: large discounts, long contracts and gifts need an approval, written where they stand.

An approval is a comment `# approved: NAME, DATE` on the line of what it approves or on the line before. Each rule is a
`Lint` that is run on every program without errors; what is not approved is an error, so the program is not published.
The limits are the constants of `rules`: copy the package and change them.
"""

from __future__ import annotations

from collections.abc import Sequence

from pricing_company_rules.rules import GIFTS, LARGE_DISCOUNTS, LONG_CONTRACTS
from pricing_dsl.plugin import Lint, hookimpl

PRICING_API = 1

__all__ = ["PRICING_API", "register_lints"]


@hookimpl
def register_lints() -> Sequence[Lint]:
    return [LARGE_DISCOUNTS, LONG_CONTRACTS, GIFTS]
