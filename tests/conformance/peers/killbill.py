"""Vectors of Kill Bill, said in the language.

Tiers are sized in blocks: `block_size` x `max_blocks` units each, a started block is paid in full, units beyond the
last tier are not foreseen. Capacity plans charge one flat price by the peaks of several units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from tests.conformance.peers.case import Case, Vector, exact, one, states, total
from tests.conformance.peers.words import charge, plan


def block_tiers(kind: str, blocks: Sequence[dict[str, Any]]) -> str:
    """Tier by tier, the bounds adding up; `-1` blocks have no end."""
    lines: list[str] = []
    upto = 0
    for block in blocks:
        rate = f"{block['price_per_block']} per started {block['block_size']}"
        if block["max_blocks"] == "-1":
            return f"{kind} {{ {'  '.join(lines)}  above: {rate} }}"
        upto += int(block["block_size"]) * int(block["max_blocks"])
        lines.append(f"to {upto}: {rate}")
    return f"{kind} {{ {'  '.join(lines)}  above: reject }}"


def consumable(v: Vector) -> Case | None:
    params, usage, stated = v["params"], v["usage"], v["expect"]["amount"]
    if "units" in usage:
        return several_units(v)
    if "events" in usage:
        quantity = str(sum(Decimal(event) for event in usage["events"]))
        program = plan(
            f"charge x on usage {{ {block_tiers('graduated', params['tiers'])} }}",
            f"discount {usage['already_billed']} as already_billed",
        )
        gross = states(exact("x"), v["expect"]["gross"], "gross")
        return one(program, {"usage": quantity}, gross, states(total, stated))
    step = block_tiers(v["model"], params["tiers"])
    return one(charge(step), {"usage": usage["quantity"]}, states(exact("x"), stated))


def identifier(unit: str) -> str:
    return unit.lower().replace("-", "_")


def several_units(v: Vector) -> Case | None:
    """One plan over several kinds of unit; each has its own progress through the tiers."""
    tiers = v["params"]["tiers"]
    units = [block["unit"] for block in tiers[0]]
    charges, meters = [], []
    for unit in units:
        blocks = [next(block for block in tier if block["unit"] == unit) for tier in tiers]
        name = identifier(unit)
        meters.append(f'meter {name} {{ from "usage"  measure sum({name}) }}')
        charges.append(f"charge {name} on {name} {{ {block_tiers('graduated', blocks)} }}")
    usage = {identifier(unit): quantity for unit, quantity in v["usage"]["units"].items()}
    check = states(exact(*(identifier(unit) for unit in units)), v["expect"]["amount"])
    return one(plan(*charges, meters=meters), usage, check)


def capacity(v: Vector) -> Case | None:
    """The flat price of the lowest tier in which every unit's peak stays within its limit."""
    tiers, usage = v["params"]["tiers"], v["usage"]
    units = list(tiers[0]["limits"])
    meters = [
        "unit item",
        *(f'meter {identifier(u)} {{ from "level"  measure max({identifier(u)}) carried  unit item }}' for u in units),
    ]
    formula = ""
    for tier in tiers:
        within = [
            f"quantity({identifier(unit)}) <= {limit}" for unit, limit in tier["limits"].items() if limit != "unlimited"
        ]
        formula += f"if {' and '.join(within)} then {tier['price']} else " if within else tier["price"]
    if formula.endswith("else "):
        formula += "0"
    items = [f"charge x = {formula}"]
    checks = [states(total, v["expect"]["amount"])]
    if "already_billed" in usage:
        items.append(f"discount {usage['already_billed']} as already_billed")
        if "gross" in v["expect"]:
            checks.append(states(exact("x"), v["expect"]["gross"], "gross"))
    peaks = usage.get("peak_units") or {u: max(values, key=Decimal) for u, values in usage["events"].items()}
    return one(plan(*items, meters=meters), {identifier(u): q for u, q in peaks.items()}, *checks)


FAMILIES: dict[str, Callable[[Vector], Case | None]] = {"killbill": consumable, "killbill-capacity": capacity}
