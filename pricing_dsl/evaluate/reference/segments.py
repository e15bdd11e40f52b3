"""Segments: the pieces into which what is in force cuts a billing period, and what a line comes to in each of them.

A segment knows its place in time, the plan that is in force in it, and its own usage. Balances see lines as shares:
one for each segment and cell, in minor units, after all adjustments (steps 1, 2, 12 and 18; rules 1, 3 and 5). A plan
without a contract is in one segment. Imports the IR only, so that balances can be written against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pricing_dsl.evaluate.lookup import Value
from pricing_dsl.ir import nodes as ir


@dataclass(frozen=True, slots=True)
class SegmentTime:
    """One segment `[start, end)` of the billing period, in seconds since 1970; `index` counts from 0 in time order."""

    index: int
    start: ir.Instant
    end: ir.Instant

    @property
    def seconds(self) -> int:
        """How long it is: what zero amounts are spread by (rule 1)."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class LineShare:
    """What one line (or top-up row) comes to in one segment and cell, after all adjustments, in minor units.

    `line` is the line's name, or the row's id with `kind` "row": a top-up that belongs to no line stands in the last
    segment (rule 5). The shares of a line add up to its net amount. `dimensions` are those that the line's cell still
    has after its price step; a fee and a pooled charge have none.
    """

    line: str
    kind: Literal["line", "row"]
    segment: int
    dimensions: Mapping[str, Value]
    net_minor: int
