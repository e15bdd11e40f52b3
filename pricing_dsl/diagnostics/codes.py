"""The register of diagnostic codes: one line each, and the page that explains it.

A code is a letter and four digits. The letter says what kind of finding it is, and a code never changes its meaning:
one that is no longer given stays retired. Titles are short and general; the message of a `Diagnostic` is exact.
Renderers do not read the titles except for lists of rules (SARIF), and nothing here knows how a finding looks.
"""

from __future__ import annotations

CODES: dict[str, str] = {
    # --- S: what does not parse ---
    "S0101": "something else is expected here",
    "S0102": "misspelt word",
    "S0103": "missing sign or word",
    "S0104": "`=` and `==` mixed up",
    "S0105": "commas in a number",
    "S0106": "space before `%`",
    "S0107": "currency written beside an amount",
    "S0109": "sign inside a name",
    "S0110": "character without meaning",
    "S0111": "text without closing quote",
    "S0112": "text in other quotes",
    "S0113": "unknown escape in a text",
    "S0114": "control character",
    "S0115": "comment without `#`",
    "S0116": "`if` inside an expression",
    "S0117": "malformed date",
    "S0120": "`{` that is never closed",
    "S0121": "`}` that closes nothing",
    "S0130": "program too long",
    "S0131": "nested too deeply",
    "S0132": "number with too many digits",
    "S0133": "name too long",
    "S0134": "too many errors",
    "S0140": "item of a contract in a plan",
    "S0141": "`from term` without `bill`",
    "S0142": "name without a quantity in an example",
    "S0143": "table without a header",
    # --- N: names, unknown dimensions, cycles ---
    "N0101": "declared twice",
    "N0102": "unknown meter or quantity",
    "N0103": "unknown rate table or curve",
    "N0104": "unknown plan",
    "N0105": "reserved name",
    "N0106": "unknown unit",
    "N0107": "said twice",
    "N0201": "unknown dimension",
    "N0301": "unknown line",
    "N0302": "a meter where a line must stand",
    "N0303": "unknown function",
    "N0304": "curve made of itself",
    "N0305": "quantity made of itself",
    "N0306": "plan extends itself",
    "N0307": "charge derived from itself",
    # --- T: kinds and pipelines ---
    "T0101": "quantity step after the price",
    "T0102": "amount step before the price",
    "T0105": "step that takes no `when`",
    "T0108": "percentage of what is not money",
    "T0109": "percentage with `per`",
    "T0110": "bare rate on money",
    "T0111": "curve where a table must stand",
    "T0112": "plain numbers where rates must stand",
    "T0113": "rates where plain numbers must stand",
    "T0114": "discount by table with bounds",
    "T0115": "bound on a minimum or maximum",
    "T0202": "second price step",
    "T0203": "no price step",
    "T0204": "money step in a quantity",
    "T0205": "`each` said twice",
    "T0206": "dimension pooled before it is used",
    "T0207": "`when` on a pooled dimension",
    "T0208": "pooling what does not add",
    "T0209": "quantity without the group's dimension",
    "T0210": "amount in a counted volume tier",
    "T0211": "order of cells without cell prices",
    "T0212": "`counted` said twice",
    "T0213": "counting what does not add over time",
    "T0214": "`total` or `largest` without `each`",
    "T0301": "percentage where money must stand",
    "T0302": "number where a percentage must stand",
    "T0303": "percentage where a quantity must stand",
    "T0304": "order of dimension values",
    "T0305": "not a condition",
    "T0306": "condition without a dimension",
    "T0307": "bare value in a condition",
    "T0308": "not an amount of units",
    "T0309": "division by a quantity",
    "T0310": "division by zero",
    "T0311": "quantity times quantity",
    "T0312": "condition and amount mixed up",
    "T0313": "not an amount",
    "T0314": "wrong arguments",
    "T0315": "money multiplied by money",
    "T0316": "quantity that counts nothing",
    # --- U: units and currencies ---
    "U0301": "rate per another unit",
    "U0302": "ambiguous bare number",
    "U0303": "quantity in another unit",
    "U0304": "unit where money must stand",
    "U0305": "unit on a plain number",
    "U0306": "units that do not meet",
    # --- D: tiers, tables, dates ---
    "D0101": "bounds that do not ascend",
    "D0102": "tier after `above`",
    "D0103": "no `above` tier",
    "D0104": "bound that is not positive",
    "D0105": "`even at zero` on a later tier",
    "D0106": "`even at zero` without an amount",
    "D0107": "minimum above maximum",
    "D0201": "key that is never reached",
    "D0301": "rate per nothing",
    "D0302": "rounding to nothing",
    "D0303": "negative free units",
    "D0304": "margin of 100% or more",
    "D0305": "negative discount",
    "D0306": "impossible day of a bill",
    "D0401": "date that does not exist",
    # --- W: warnings ---
    "W0201": "volume cliff",
    "W0301": "impossible value",
    "W0302": "missing entry",
    "W0303": "discount after a minimum",
    "W0304": "rounded twice",
    "W0305": "factor of 0",
    "W0306": "discount above 100%",
    # --- R: evaluation ---
    "R0101": "unknown plan or contract",
    "R0102": "not evaluated by this version",
    "R0103": "unpriced usage in a bare result",
    "R0104": "unknown balance or counter",
    "R0105": "impossible period",
    "R0201": "negative quantity at a price",
    # --- P: plugins ---
    "P0101": "unknown price shape",
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
