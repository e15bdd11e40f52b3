"""The register of diagnostic codes: one line each, and the page that explains it.

A code is a letter and four digits. The letter says what kind of finding it is, and a code never changes its meaning:
one that is no longer given stays retired. Titles are short and general; the message of a `Diagnostic` is exact.
Renderers do not read the titles except for lists of rules (SARIF), and nothing here knows how a finding looks.
"""

from __future__ import annotations

CODES: dict[str, str] = {
    # --- S: what does not parse ---
    # --- N: names, unknown dimensions, cycles ---
    "N0106": "unknown unit",
    # --- T: kinds and pipelines ---
    # --- U: units and currencies ---
    # --- D: tiers, tables, dates ---
    # --- W: warnings ---
    # --- R: evaluation ---
    "R0201": "negative quantity at a price",
    # --- P: plugins ---
}
"""Code -> short title."""

SECTIONS: dict[str, str] = {
    "S": "What does not parse",
    "N": "Names, dimensions and cycles",
    "T": "Kinds and pipelines",
    "U": "Units and currencies",
    "D": "Tiers, tables and dates",
    "W": "Warnings",
    "R": "Evaluation",
    "P": "Plugins",
}
"""First letter of a code -> what its codes are about, in the order in which the pages list them."""


def title(code: str) -> str:
    """The short title of a code. Raises `KeyError` for a code that is not registered."""
    return CODES[code]


def page(code: str) -> str:
    """The page that explains a code, as a path from the project's root."""
    return f"docs/errors/{code}.md"
