"""Vectors of Meteroid, said in the language: packages, and discounts that are spread over lines."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.conformance.peers.case import Case, Vector, adjusted, exact, net, one, states, total
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


def not_yet(_: Vector) -> Case | None:
    return None


FAMILIES: dict[str, Callable[[Vector], Case | None]] = {
    "meteroid": package,
    "meteroid-discount": discount,
    "meteroid-proration": not_yet,
}
