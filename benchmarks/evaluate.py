"""What an evaluation costs, next to an integer function that a good engineer would write by hand for exactly this plan.

The plan has three charges (a table of 20 models x 4 token types with a multiplier, four graduated tiers, a package),
a discount and a minimum. The function by hand returns the same amounts from the same usage; it validates nothing, knows
nothing of other plans, and its numbers are constants. Both are checked to agree before anything is timed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pricing_dsl
from benchmarks.timing import Ratio, compare
from pricing_dsl.values.numbers import decimal_text

Usage = dict[str, Any]

MODELS = [f"model-{i}" for i in range(20)]
TOKEN_TYPES = ["input", "cached_input", "output", "audio"]
RATES = {(m, t): 25 * (i + 1) * (j + 1) for i, m in enumerate(MODELS) for j, t in enumerate(TOKEN_TYPES)}
"""Cents per million tokens."""


HEAD = """currency USD
unit token | tokens
meter tokens { from "llm.completion"  measure sum(n)  unit token  by model, token_type, context }
meter requests { from "llm.completion"  measure count() }
meter images { from "image.made"  measure count() }
"""
PLAN = """
plan scale "Scale" {
  charge tokens "Tokens" on tokens { price llm  times context { "long": 2  else: 1 } }
  charge requests "API requests" on requests {
    graduated { to 100k: free  to 1M: 0.50 per 1k  to 10M: 0.40 per 1k  above: 0.25 per 1k }
  }
  charge images "Images" on images { price 4 per started 100 }
  discount 10%
  minimum 1_000 as floor
}
"""


def plan_text() -> str:
    """The plan of the benchmark, as its author would write it."""
    rows = [
        f'  "{model}" | ' + " | ".join(f"{decimal_text(Fraction(RATES[model, kind], 100))}" for kind in TOKEN_TYPES)
        for model in MODELS
    ]
    header = "  model | " + " | ".join(TOKEN_TYPES)
    table = "\n".join(["rates llm per 1M tokens by model, token_type {", header, *rows, "}"])
    return HEAD + table + PLAN


def by_hand(usage: Mapping[str, Any]) -> dict[str, int]:
    """The same plan by hand, in cents."""
    tokens = 0
    for cell in usage["tokens"]:
        amount = cell["quantity"] * RATES[cell["model"], cell["token_type"]]
        tokens += 2 * amount if cell["context"] == "long" else amount
    tokens = (tokens + 500_000) // 1_000_000
    n = usage["requests"]
    if n <= 100_000:
        requests = 0
    elif n <= 1_000_000:
        requests = (n - 100_000) * 200
    elif n <= 10_000_000:
        requests = 180_000_000 + (n - 1_000_000) * 160
    else:
        requests = 1_620_000_000 + (n - 10_000_000) * 100
    requests = (requests + 2_000) // 4_000
    images = -(-usage["images"] // 100) * 400
    total = tokens + requests + images
    total -= (total * 10 + 50) // 100
    if total < 100_000:
        total = 100_000
    return {"tokens": tokens, "requests": requests, "images": images, "total": total}


def usage_of(cells: int) -> Usage:
    """Usage with so many cells of tokens."""
    tokens = [
        {
            "quantity": 1_000_003 * (i + 7),
            "model": MODELS[i % 20],
            "token_type": TOKEN_TYPES[(i // 20) % 4],
            "context": "long" if i % 5 == 0 else "short",
        }
        for i in range(cells)
    ]
    return {"tokens": tokens, "requests": 2_300_456, "images": 1_234}


def run() -> list[Ratio]:
    """Amounts and whole statements, for small and for larger usage, and one request to a language model."""
    evaluator = pricing_dsl.compile(plan_text(), "scale.pricing").evaluator("scale")
    ratios: list[Ratio] = []
    for cells in (4, 80):
        usage = usage_of(cells)
        assert evaluator.amounts(usage) == by_hand(usage), "both sides price alike"
        assert evaluator(usage).total_minor == by_hand(usage)["total"], "both sides price alike"

        def hand(usage: Usage = usage) -> object:
            return by_hand(usage)

        def amounts(usage: Usage = usage) -> object:
            return evaluator.amounts(usage)

        def statement(usage: Usage = usage) -> object:
            return evaluator(usage)

        ratios.append(compare(f"amounts, {cells} cells", amounts, "the function by hand", hand))
        ratios.append(compare(f"statement, {cells} cells", statement, "the function by hand", hand))
    ratios += one_request()
    return ratios


REQUEST_PROGRAM = """currency USD
unit token | tokens
meter tokens { from "llm.completion"  measure sum(n)  unit token  by model, token_type, above }
rates list per 1 token by model, token_type, above from "llm_prices.csv" {
  price: unit_price_usd  model: model  token_type: token_type  above: tier_above_tokens
}
plan request { charge tokens on tokens { price list } }
"""
PRICES = Path(__file__).parent.parent / "examples" / "llm" / "llm_prices.csv"


def one_request() -> list[Ratio]:
    """One request to `gpt-4o` from the whole list of 12,717 prices, next to litellm's `cost_per_token` of the same."""
    if find_spec("litellm") is None:
        print("  litellm is not installed, so its cost of pricing one request is not compared")
        return []
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # its own price list, nothing from the network
    cost_per_token: Callable[..., tuple[object, object]] = import_module("litellm").cost_per_token
    evaluator = pricing_dsl.compile(REQUEST_PROGRAM, files={"llm_prices.csv": PRICES.read_bytes()}).evaluator("request")
    usage = {
        "tokens": [
            {"quantity": 1_000_000, "model": "gpt-4o", "token_type": "input", "above": ""},
            {"quantity": 500_000, "model": "gpt-4o", "token_type": "output", "above": ""},
        ]
    }

    def ours() -> object:
        return evaluator.amounts(usage)

    def theirs() -> tuple[object, object]:
        return cost_per_token(model="gpt-4o", prompt_tokens=1_000_000, completion_tokens=500_000)

    prompt, completion = theirs()
    assert evaluator(usage).total == Decimal(str(prompt)) + Decimal(str(completion)), "both sides price alike"
    return [compare("litellm's cost_per_token", theirs, "pricing one request here", ours)]
