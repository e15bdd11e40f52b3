"""What lints, importers and exporters are tried on: small programs, their statements, and bytes that mean nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pricing_dsl.plugin.manager import built_in, using

if TYPE_CHECKING:
    from pricing_dsl.compilation import Program

PROGRAMS = (
    """
currency USD
meter calls { from "call" measure count() by region }
plan free { charge calls on calls { price free } }
""",
    """
currency EUR
meter tokens "Tokens" { from "llm" measure by kind { input: sum(input) output: sum(output) } by model }
meter seats { from "seat" measure last(n) carried }
rates prices per 1M tokens by model, kind {
  model | input | output
  "large" | 2.50 | 10
  "small" | 0.15 | 0.60
}
plan base "Base" {
  fee platform "Platform fee" 49 monthly in advance
  charge tokens on tokens { price prices discount 60% }
  charge seats on seats { include 3 price 12.50 minimum 10 }
  discount 50% on tokens as launch
}
plan large extends base { override seats { price 9 } }
""",
    """
currency JPY
unit gb_hour
meter storage { from "stored" measure time_weighted(gb, hour) carried unit gb_hour }
plan volume { charge storage on storage { volume { to 1k: 3 above: 2 plus 100 } } maximum 100k }
""",
)
"""Programs that compile, with and without discounts, fees, tables and labels."""

USAGE: tuple[tuple[int, str, Mapping[str, Any]], ...] = (
    (0, "free", {"calls": [{"quantity": 12, "region": "eu"}]}),
    (
        1,
        "base",
        {"tokens": [{"quantity": "1200345", "model": "large", "kind": "input"}], "seats": 5},
    ),
    (2, "volume", {"storage": "1234.5"}),
)
"""Program, plan and usage of the statements that exporters are tried on."""

NONSENSE = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b"\xff\xfe\x00",
    b'{"data": 3}',
    b'[{"id": null}]',
    b"a,b\n1",
    b"<x/>",
    b"1e999",
)
"""Files that are no prices."""


def compiled(text: str) -> Program:
    """A program without other plugins: what they find fault with is no matter here."""
    import pricing_dsl

    with using(built_in()):
        return pricing_dsl.compile(text)


def statements() -> list[dict[str, Any]]:
    """Statements as exporters get them."""
    period = ("2026-03-01", "2026-04-01")
    return [compiled(PROGRAMS[number]).evaluator(plan)(usage, period).to_dict() for number, plan, usage in USAGE]
