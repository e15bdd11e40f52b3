"""Vectors of Autumn, said in the language.

Usage is rounded up to whole multiples of `billing_units` first, whose price the tiers name; bounds are inclusive; an
allowance is a free tier in front that moves every bound; negative usage counts as zero unless `allow_negative`; amounts
are never rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Literal

from tests.conformance.peers.case import Case, Vector, exact, one, states
from tests.conformance.peers.words import Tier, charge, plan, tiers


def tiered(v: Vector) -> Case | None:
    params, quantity = v["params"], v["usage"]["quantity"]
    kind: Literal["graduated", "volume"] = "graduated" if v["model"] == "graduated" else "volume"
    allowance = Decimal(params.get("allowance", "0"))
    steps = [Tier(str(allowance))] if allowance else []
    for tier in params["tiers"]:
        bound = None if tier["up_to"] is None else str(Decimal(tier["up_to"]) + allowance)
        steps.append(Tier(bound, tier["unit_amount"]))
    units = params.get("billing_units")
    sign = ["mirror" if params.get("allow_negative") else "at least 0"] if quantity.startswith("-") else []
    whole = [f"round up to {units}"] if units else []
    step = tiers(kind, steps, behind=f" per {units}" if units else "")
    return one(charge(*sign, *whole, step), {"usage": quantity}, states(exact("x"), v["expect"]["amount"]))


def markup(v: Vector) -> Case | None:
    """Base prices per million tokens, then the markup of the model, else of its provider, else of all."""
    params, usage = v["params"], v["usage"]
    rows = []
    for name, model, provider in (
        ("model_markup_percent", '"m1"', "else"),
        ("provider_markup_percent", "else", '"acme"'),
        ("default_markup_percent", "else", "else"),
    ):
        if name in params:
            rows.append(f"  {model} | {provider} | {1 + Decimal(params[name]) / 100}")
    program = plan(
        "charge x on tokens { price base  times markups }",
        meters=(
            "unit token | tokens",
            'meter tokens { from "llm"  measure by token_type { input: sum(i)  output: sum(o) }  unit token  '
            "by model, provider }",
            "rates base per 1M tokens by token_type { token_type | price",
            f"  input | {params['input_price_per_million']}  output | {params['output_price_per_million']} }}",
            "rates markups by model, provider { model | provider | value",
            *rows,
            "}",
        ),
    )
    cells = [
        {"model": "m1", "provider": "acme", "token_type": kind, "quantity": usage[f"{kind}_tokens"]}
        for kind in ("input", "output")
    ]
    return one(program, {"tokens": cells}, states(exact("x"), v["expect"]["amount"]))


FAMILIES: dict[str, Callable[[Vector], Case | None]] = {"autumn": tiered, "autumn-markup": markup}
