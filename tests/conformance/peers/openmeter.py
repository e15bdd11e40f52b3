"""Vectors of OpenMeter, said in the language.

`up_to` is inclusive and any fraction above it lies in the next tier; the flat fee of the first tier is due at zero
usage; free units come first, then the price, the percentage discount, the cap, the minimum; each line is rounded.
Progressive billing invoices what the price of all usage so far has grown by. A function returns None where the language
cannot say the vector yet.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

from tests.conformance.peers import balances
from tests.conformance.peers.case import (
    Case,
    Check,
    Vector,
    exact,
    increment,
    less,
    one,
    rounded,
    states,
    total,
)
from tests.conformance.peers.words import SPEND, USAGE, Tier, charge, clamps, plan, tiers

MID_PERIOD = "mid_period_split (neither first nor last line)"


def tier_step(kind: Literal["graduated", "volume"], params: dict[str, Any]) -> str:
    steps = (Tier(t["up_to"], t.get("unit_amount", "0"), t.get("flat_amount", "0")) for t in params["tiers"])
    return tiers(kind, steps, zero_pays=True)


def rate_card(params: dict[str, Any]) -> str | None:
    """The program of a rate card: one charge `x` on `usage`; None for a flat fee."""
    before = [f"include {params['usage_discount_quantity']}"] if "usage_discount_quantity" in params else []
    after = [f"discount {params['percentage_discount']}%"] if "percentage_discount" in params else []
    after += clamps(params)
    match params["price_model"]:
        case "dynamic":
            percent = format(Decimal(params["multiplier"]) * 100, "f")
            return charge(*before, f"price {percent}%", *after, meters=(SPEND.replace("meter spend", "meter usage"),))
        case "package":
            return charge(*before, f"price {params['amount']} per started {params['package_size']}", *after)
        case "volume" | "graduated" as kind:
            return charge(*before, tier_step(kind, params), *after)
        case "standard" if "unit_config" in params:
            unit = params["unit_config"]
            assert (unit["operation"], unit["rounding"]) == ("divide", "ceiling")
            steps = ("weigh 0.001", "round up to 1", f"price {params['unit_amount']}")
            assert unit["factor"] == "1000"
            return charge(*before, *steps, *after)
        case "standard":
            return charge(*before, f"price {params['unit_amount']}", *after)
        case _:
            return None


def rate(v: Vector) -> Case | None:
    """One invoice line; in the middle of a period it is what the price has grown by since the invoice before it."""
    params, usage, expect = v["params"], v["usage"], v["expect"]
    is_middle = params["line_position"] == MID_PERIOD
    if "error" in expect:
        return None
    if params["price_model"] == "flat":
        if is_middle:
            return balances.middle_of_a_fee(v)
        timing = "in advance" if params["payment_term"] == "in_advance" else "in arrears"
        return one(plan(f"fee x {params['amount']} {timing}"), {}, states(rounded("x"), expect["amount"]))
    program = rate_card(params)
    assert program is not None
    if "credits" in params:
        return balances.paid_by_credits(v, program)
    if is_middle and "minimum_amount" in params:
        return balances.middle_of_a_minimum(
            v, rate_card({name: value for name, value in params.items() if name != "minimum_amount"})
        )
    check = states(rounded("x"), expect["amount"])
    if "quantity_before_line" not in usage or "unit_config" in params:
        return one(program, {"usage": usage["quantity"]}, check)
    before = Decimal(usage["quantity_before_line"])
    upto = before + Decimal(usage["quantity"])
    checks = [states(increment(rounded("x")), expect["amount"])]
    if "previously_billed_amount" in usage:
        checks.append(states(increment(rounded("x"), 0), usage["previously_billed_amount"], "billed before"))
    return Case(program, ({"usage": str(before)}, {"usage": str(upto)}), tuple(checks))


def delta(v: Vector) -> Case | None:
    """Each phase books the price of all usage so far less what is booked already; a minimum waits for the last."""
    params, expect = v["params"], v["expect"]
    program = rate_card(params)
    assert program is not None
    usages = tuple({"usage": quantity} for quantity in v["usage"]["cumulative_quantities"])
    checks = [states(rounded("x"), expect["amount"])]
    if "minimum_amount" not in params:
        for index, phase in enumerate(expect["phases"]):
            checks.append(states(increment(rounded("x"), index), phase["total"], f"phase {index + 1}"))
    return Case(program, usages, tuple(checks))


def late(v: Vector) -> Case | None:
    """Late usage re-rates the whole: each phase books the difference to what was known before."""
    program = rate_card(v["params"])
    assert program is not None
    known = [phase[-1] for phase in v["usage"]["cumulative_usage_by_phase"]]
    checks: list[Check] = [states(rounded("x"), v["expect"]["amount"])]
    for index, phase in enumerate(v["expect"]["phases"]):
        checks.append(states(increment(rounded("x"), index), phase["total"], f"phase {index + 1}"))
    return Case(program, tuple({"usage": quantity} for quantity in known), tuple(checks))


def max_spend(v: Vector) -> Case | None:
    """A cap over what was billed before and this line together."""
    before = v["usage"]["previously_billed_amount"]
    assert v["params"]["line_amount"] == "1000 (10 x 100)"
    program = plan(
        "charge before on spend { price 100% }",
        "charge x on usage { price 100 }",
        f"maximum {v['params']['maximum_amount']}",
        meters=(USAGE, SPEND),
    )
    whole_cents = str(Decimal(before).quantize(Decimal("0.01")))
    check = states(less(total, whole_cents), v["expect"]["amount"])
    return one(program, {"spend": before, "usage": "10"}, check)


def rounding(v: Vector) -> Case | None:
    currency = v["params"]["currency"]
    meter = f'meter spend {{ from "spend"  measure sum(amount)  unit {currency} }}'
    program = charge("price 100%", meters=(meter,), on="spend", currency=currency)
    return one(program, {"spend": v["usage"]["amount"]}, states(rounded("x"), v["expect"]["amount"]))


def tiered_total(v: Vector) -> Case | None:
    """The total, or which tier the quantity lies in: there each tier costs its own number."""
    params, quantity = v["params"], v["usage"]["quantity"]
    kind: Literal["graduated", "volume"] = "graduated" if v["model"] == "graduated" else "volume"
    if "tier_index" in v["expect"]:
        numbered = (Tier(tier["up_to"], "0", str(number)) for number, tier in enumerate(params["tiers"]))
        check = states(exact("x"), v["expect"]["tier_index"], "tier")
        return one(charge(tiers(kind, numbered, zero_pays=True)), {"usage": quantity}, check)
    return one(charge(tier_step(kind, params)), {"usage": quantity}, states(exact("x"), v["expect"]["amount"]))


def unit_config(v: Vector) -> Case | None:
    """The converted quantity, priced at 1 to see it."""
    params = v["params"]
    assert (params["operation"], params["factor"]) == ("divide", "1000")
    program = charge("weigh 0.001", f"round {params['rounding']} to 1", "price 1")
    return one(program, {"usage": v["usage"]["quantity"]}, states(exact("x"), v["expect"]["quantity"], "quantity"))


def usage_discount(v: Vector) -> Case | None:
    """Free units that an earlier line has used up: what is left of both lines, priced at 1 to see it."""
    usage, expect = v["usage"], v["expect"]
    upto = str(Decimal(usage["quantity_before_line"]) + Decimal(usage["quantity"]))
    program = charge(f"include {v['params']['usage_discount_quantity']}", "price 1")
    checks = (
        states(increment(exact("x"), 0), expect["quantity_before_line"], "quantity before"),
        states(increment(exact("x")), expect["quantity"], "quantity"),
    )
    return Case(program, ({"usage": usage["quantity_before_line"]}, {"usage": upto}), checks)


def packages(v: Vector) -> Case | None:
    program = charge(f"price 1 per started {v['params']['package_size']}")
    return one(program, {"usage": v["usage"]["quantity"]}, states(exact("x"), v["expect"]["packages"], "packages"))


def proration(v: Vector) -> Case | None:
    """A fee by the share of its month; without proration it is due in full. Periods end where the month does."""
    params = v["params"]
    start, end = v["usage"]["service_period"].split("..")
    if end > "2026-02-01":
        return None
    prorated = " prorated by second" if params["enabled"] else ""
    program = plan(f"fee x {params['amount']}{prorated}", currency=params["currency"])
    return one(program, {}, states(rounded("x"), v["expect"]["amount"]), period=(start, end))


FAMILIES: dict[str, Callable[[Vector], Case | None]] = {
    "openmeter-delta": delta,
    "openmeter-late": late,
    "openmeter-maxspend": max_spend,
    "openmeter-packages": packages,
    "openmeter-proration": proration,
    "openmeter-rate": rate,
    "openmeter-rounding": rounding,
    "openmeter-tieredtotal": tiered_total,
    "openmeter-unitconfig": unit_config,
    "openmeter-usagediscount": usage_discount,
}
