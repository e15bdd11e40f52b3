"""Vectors of Flexprice, said in the language.

`up_to` is inclusive, zero usage costs nothing, flat fees of tiers add up; prices are stated unrounded, invoices rounded
half away from zero. A function returns None where the language cannot say the vector yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from tests.conformance.peers.case import (
    Case,
    Check,
    Vector,
    adjusted,
    exact,
    one,
    rounded,
    states,
    total,
)
from tests.conformance.peers.words import Tier, charge, plan, tiers

BUCKETED = 'meter usage { from "usage"  measure sum(quantity)  by bucket }'


def from_tiers(v: Vector) -> tuple[Tier, ...]:
    return tuple(Tier(t["up_to"], t.get("unit_amount", "0"), t.get("flat_amount", "0")) for t in v["params"]["tiers"])


def price(v: Vector) -> Case | None:
    """One charge; values of time buckets or of groups are priced each on its own and added up."""
    params, usage = v["params"], v["usage"]
    check = states(exact("x"), v["expect"]["amount"])
    match v["model"]:
        case "standard":
            step = f"price {params['unit_amount']}"
        case "package":
            mode = "started" if params["round"] == "up" else "full"
            step = f"price {params['amount']} per {mode} {params['package_size']}"
        case "graduated":
            step = tiers("graduated", from_tiers(v))
        case _:
            step = tiers("volume", from_tiers(v))
    apart = usage.get("bucket_values") or usage.get("group_values")
    if apart is None:
        return one(charge(step), {"usage": usage["quantity"]}, check)
    cells = [{"bucket": f"b{number}", "quantity": value} for number, value in enumerate(apart)]
    return one(charge("each bucket", step, "total", meters=(BUCKETED,)), {"usage": cells}, check)


def spend_meter(name: str, currency: str) -> str:
    return f'meter {name} {{ from "spend"  measure sum(amount)  unit {currency} }}'


def rounding(v: Vector) -> Case | None:
    """Amounts worked out elsewhere, billed in whole minor units; lines are rounded before they are added up."""
    params, usage, stated = v["params"], v["usage"], v["expect"]["amount"]
    currency = params["currency"].upper()
    if "quantity" in usage:
        program = charge(f"price {params['unit_amount']}", currency=currency)
        return one(program, {"usage": usage["quantity"]}, states(rounded("x"), stated))
    if "used_amount" in usage:
        program = plan(
            "charge x on spend { price 100% }",
            f"minimum {params['commitment_amount']}",
            meters=(spend_meter("spend", currency),),
            currency=currency,
        )
        return one(program, {"spend": usage["used_amount"]}, states(adjusted, stated))
    amounts = usage.get("line_amounts") or [usage["amount"]]
    steps = "mirror  price 100%" if any(Decimal(amount) < 0 for amount in amounts) else "price 100%"
    names = [f"spend{number}" for number in range(len(amounts))]
    program = plan(
        *(f"charge {name} on {name} {{ {steps} }}" for name in names),
        meters=[spend_meter(name, currency) for name in names],
        currency=currency,
    )
    return one(program, dict(zip(names, amounts, strict=True)), states(total, stated))


def window_tiers(unit_amount: str, commitment: str, factor: str) -> str:
    """A commitment per window: its amount at least, and beyond what it buys the price times the overage factor."""
    bought = Fraction(commitment) / Fraction(unit_amount)
    assert bought.denominator == 1
    over = format(Decimal(unit_amount) * Decimal(factor), "f")
    return f"graduated {{ to {bought}: {unit_amount} minimum {commitment}  above: {over} }}"


def commitment(v: Vector) -> Case | None:
    params, usage, stated = v["params"], v["usage"], v["expect"]["amount"]
    if "window_quantities" in usage:
        step = window_tiers(params["unit_amount"], params["commitment_amount_per_window"], params["overage_factor"])
        meter = 'meter usage { from "usage"  measure sum(quantity)  by window }'
        program = charge("each window", step, "total", meters=(meter,))
        cells = [{"window": f"w{n}", "quantity": q} for n, q in enumerate(usage["window_quantities"])]
        return one(program, {"usage": cells}, states(exact("x"), stated))
    (bucket,) = params["time_of_day_buckets"]
    hours = range(int(bucket["start"][:2]), int(bucket["end"][:2]))
    step = window_tiers(bucket["unit_amount"], bucket["commitment_amount"], bucket["overage_factor"])
    keys = ", ".join(f'"{hour}"' for hour in hours)
    arms = f"match hour {{ {keys} {{ each hour  {step}  total }} else {{ price {params['unit_amount']} }} }}"
    meter = 'meter usage { from "usage"  measure sum(quantity)  by hour }'
    cells = [{"hour": str(int(start[:2])), "quantity": quantity} for start, quantity in usage["windows"]]
    return one(charge(arms, meters=(meter,)), {"usage": cells}, states(exact("x"), stated))


def proration(v: Vector) -> Case | None:
    """A change of price in the middle of a month: what is left of the old price goes back, the new one is charged."""
    params, usage, expect = v["params"], v["usage"], v["expect"]
    if "potential_credit" in usage:
        return capped_credit(v)
    if params["strategy"] != "day_based":
        return None
    old = Decimal(params["old_price"]) * int(params["old_quantity"])
    new = Decimal(params["new_price"]) * int(params["new_quantity"])
    program = plan(f"charge credit = -{old} {{ prorate by day }}", f"charge new = {new} {{ prorate by day }}")
    checks = (
        states(rounded("credit"), expect["credit"], "credit"),
        states(rounded("new"), expect["charge"], "charge"),
        states(total, expect["amount"]),
    )
    return one(program, {}, *checks, period=(params["proration_date"], "2024-04-01"))


def capped_credit(v: Vector) -> Case | None:
    """Never more credit than was charged and not yet credited, never less than nothing."""
    names = ("potential", "original", "previous")
    program = plan(
        "charge x on potential { at least 0  at most max(original - previous, 0)  price 100% }",
        meters=[spend_meter(name, "USD") for name in names],
    )
    usage = {
        "potential": v["usage"]["potential_credit"],
        "original": v["params"]["original_amount"],
        "previous": v["params"]["previous_credits"],
    }
    return one(program, usage, states(exact("x"), v["expect"]["amount"]))


BY_STARTED_PACKAGE = {
    "ceil(api_calls / 1000)": ("api_calls", "price 1 per started 1000"),
    "duration <= 10 ? 0 : ceil(duration / 15) * 15": ("duration", "volume { to 10: free  above: 15 per started 15 }"),
}
"""Formulas that round up, which over a whole quantity is what packages do: meter and price step."""

FORMULA_WORDS = {"min", "max", "if", "then", "else"}


def expression(v: Vector) -> Case | None:
    """A formula over the properties of one event: over meters that counted them, priced at 1 to see it."""
    formula, properties = v["params"]["formula"], v["usage"]["properties"]
    if "pow(" in formula:
        return None
    if formula in BY_STARTED_PACKAGE:
        name, step = BY_STARTED_PACKAGE[formula]
        program = charge(step, meters=(f'meter {name} {{ from "e"  measure sum({name}) }}',), on=name)
        return one(program, {name: properties[name]}, states(exact("x"), v["expect"]["quantity"], "quantity"))
    formula = re.sub(r"^(.+?) \? (.+?) : (.+)$", r"if \1 then \2 else \3", formula)
    read = re.sub(r"[A-Za-z_]\w*", lambda m: m[0] if m[0] in FORMULA_WORDS else f"quantity({m[0]})", formula)
    names = [name for name in dict.fromkeys(re.findall(r"[A-Za-z_]\w*", formula)) if name not in FORMULA_WORDS]
    meters = ["unit item", *(f'meter {name} {{ from "e"  measure sum({name})  unit item }}' for name in names)]
    program = plan(f"charge x = {read}", meters=meters)
    usage = {name: properties[name].strip('" (string)') for name in names}
    if "error" in v["expect"]:
        return Case(program, (usage,), (), is_error=True)
    check: Check = states(exact("x"), v["expect"]["quantity"], "quantity")
    return one(program, usage, check)


FAMILIES: dict[str, Callable[[Vector], Case | None]] = {
    "flexprice-commitment": commitment,
    "flexprice-expression": expression,
    "flexprice-price": price,
    "flexprice-proration": proration,
    "flexprice-rounding": rounding,
}
