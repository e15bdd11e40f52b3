"""Vectors of Meteroid, said in the language: packages, and discounts that are spread over lines."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.conformance.peers.case import Case, Vector, adjusted, exact, less, net, one, states, total
from tests.conformance.peers.words import charge, plan


def money(cents: str) -> str:
    return format(Decimal(cents).scaleb(-2), "f")


def package(v: Vector) -> Case | None:
    program = charge(f"price {v['params']['amount']} per started {v['params']['package_size']}")
    return one(program, {"usage": v["usage"]["quantity"]}, states(exact("x"), v["expect"]["amount"]))


def discount(v: Vector) -> Case | None:
    """Percentages compound on what is left; an amount is spread over lines by largest remainder."""
    params, usage, stated = v["params"], v["usage"], v["expect"]["amount"]
    if "coupons" in params:
        fee = f"fee base {money(usage['subtotal_cents'])}"
        program = plan(fee, *(f"discount {coupon['percentage']}%" for coupon in params["coupons"]))
        return one(program, {}, states(lambda statements: -adjusted(statements), stated))
    names = [f"f{number}" for number in range(len(usage["line_cents"]))]
    fees = [f"fee {name} {money(cents)}" for name, cents in zip(names, usage["line_cents"], strict=True)]
    nets = [
        states(net(name), money(cents), f"net of {name}")
        for name, cents in zip(names, v["expect"]["net_line_cents"], strict=True)
    ]
    return one(plan(*fees, f"discount {money(params['discount_cents'])}"), {}, states(total, stated), *nets)


def proration(v: Vector) -> Case | None:
    """A plan that changes within the month: what was used carries on, and none of it is prorated."""
    params = v["params"]
    if params.get("component") != "usage fee":
        return None
    change = v["usage"]["change_date"]
    program = "\n".join(
        [
            plan("charge x on usage { price 1 }"),
            "plan bigger { charge x on usage { price 1 }  fee seats 0 }",
            f"contract c {{ plan p  term 2025-01-01 to 2026-01-01  from {change} {{ plan bigger }} }}",
        ]
    )
    halves = [("2025-01-01", change, "40"), (change, "2025-02-01", "60")]
    usage = [{"from": start, "to": end, "usage": {"usage": quantity}} for start, end, quantity in halves]
    # Without the change 100 units cost 100: what the change itself costs is the rest.
    check = states(less(total, "100"), v["expect"]["amount"])
    return Case(program, (usage,), (check,), ("2025-01-01", "2025-02-01"), target="c")


FAMILIES: dict[str, Callable[[Vector], Case | None]] = {
    "meteroid": package,
    "meteroid-discount": discount,
    "meteroid-proration": proration,
}
