"""What an evaluation costs, next to an integer function that a good engineer would write by hand for exactly this plan.

The plan has three charges (a table of 20 models x 4 token types with a multiplier, four graduated tiers, a package),
a discount and a minimum. The function by hand returns the same amounts from the same usage; it validates nothing, knows
nothing of other plans, and its numbers are constants. Both are checked to agree before anything is timed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from benchmarks.timing import Ratio, compare
from pricing_dsl.evaluate.scalar import compile_plan
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.periods import BillingPeriod

Usage = dict[str, Any]

MODELS = [f"model-{i}" for i in range(20)]
TOKEN_TYPES = ["input", "cached_input", "output", "audio"]
RATES = {(m, t): 25 * (i + 1) * (j + 1) for i, m in enumerate(MODELS) for j, t in enumerate(TOKEN_TYPES)}
"""Cents per million tokens."""


def ir_plan() -> tuple[ir.Program, ir.Plan]:
    """The plan of the benchmark."""
    number = Fraction
    dimensions = ("model", "token_type", "context")
    meters = tuple(
        ir.Meter(name, "", name, by, False, True, True, True, (name,), None, None, (), (), False, "UTC")
        for name, by in (("tokens", dimensions), ("requests", ()), ("images", ()))
    )
    rows = tuple(
        ir.Row((ir.Key("exact", model),), tuple(number(RATES[model, kind], 100) for kind in TOKEN_TYPES))
        for model in MODELS
    )
    table = ir.Table("llm", ("model", "token_type"), tuple(ir.Key("exact", kind) for kind in TOKEN_TYPES), rows)
    twice, once = ir.Row((ir.Key("exact", "long"),), (number(2),)), ir.Row((ir.Key("else", ""),), (number(1),))
    context = ir.Table("", ("context",), (), (twice, once))

    def tier(upper: int | None, rate: str) -> ir.Tier:
        price = ir.Linear(ir.Const(number(rate)))
        return ir.Tier(None if upper is None else number(upper), True, price, None, None, None, False)

    tiers = (tier(100_000, "0"), tier(1_000_000, "0.0005"), tier(10_000_000, "0.0004"), tier(None, "0.00025"))
    charges = (
        ir.Charge(
            "tokens", "Tokens", "tokens", "token", dimensions,
            (ir.Price(ir.Linear(ir.Lookup("llm", number(1, 1_000_000)))),
             ir.Times("times", ir.Lookup(context, number(1)))), True, 1,
        ),
        ir.Charge("requests", "API requests", "requests", "request", (), (ir.Graduated(tiers),), True, 1),
        ir.Charge(
            "images", "Images", "images", "image", (),
            (ir.Price(ir.Package(ir.Const(number(4)), number(100), "started")),), True, 1,
        ),
    )  # fmt: skip
    adjustments = (
        ir.Adjustment("discount", number("0.1"), True, (), None, None, None, None, None),
        ir.Adjustment("minimum", number(1_000), False, (), None, None, None, None, "floor"),
    )
    names = tuple(charge.name for charge in charges)
    bill = ir.Bill("monthly", None, False)
    plan = ir.Plan("scale", "Scale", bill, "UTC", "half_up", charges, names, adjustments)
    return ir.Program(1, "USD", 2, meters, (), (table,), (plan,)), plan


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
    plan = compile_plan(*ir_plan())
    period = BillingPeriod.resolve(plan.plan.bill, "UTC", None)
    ratios: list[Ratio] = []
    for cells in (4, 80):
        usage = usage_of(cells)
        assert plan.amounts(usage, period) == by_hand(usage), "both sides price alike"
        assert plan.statement(usage, period).total_minor == by_hand(usage)["total"], "both sides price alike"

        def hand(usage: Usage = usage) -> object:
            return by_hand(usage)

        def amounts(usage: Usage = usage) -> object:
            return plan.amounts(usage, period)

        def statement(usage: Usage = usage) -> object:
            return plan.statement(usage, period)

        ratios.append(compare(f"amounts, {cells} cells", amounts, "the function by hand", hand))
        ratios.append(compare(f"statement, {cells} cells", statement, "the function by hand", hand))
    ratios += one_request()
    return ratios


def one_request() -> list[Ratio]:
    """One request to a language model, next to litellm's `cost_per_token`, where litellm can be imported."""
    if find_spec("litellm") is None:
        print("  litellm is not installed, so its cost of pricing one request is not compared")
        return []
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # its own price list, nothing from the network
    cost_per_token: Callable[..., object] = import_module("litellm").cost_per_token
    plan = compile_plan(*ir_plan())
    period = BillingPeriod.resolve(plan.plan.bill, "UTC", None)
    usage = usage_of(2)

    def ours() -> object:
        return plan.amounts(usage, period)

    def theirs() -> object:
        return cost_per_token(model="gpt-4o", prompt_tokens=1_000, completion_tokens=500)

    return [compare("one request", ours, "litellm's cost_per_token", theirs)]
