"""Vectors of Lago, said in the language.

Ranges are integer tiers (`from` = previous `to` + 1) or adjacent ones; with whole quantities both mean the same upper
bounds, inclusive. Percentages are in percent. The fee of the first range is due at zero usage. Charge models are
stated unrounded, invoices in whole cents. A function returns None where the language cannot say the vector yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

from tests.conformance.peers import balances
from tests.conformance.peers.case import (
    Case,
    Check,
    Measure,
    Vector,
    adjusted,
    exact,
    increment,
    less,
    net,
    one,
    rounded,
    states,
    total,
)
from tests.conformance.peers.words import SPEND, USAGE, Tier, charge, is_zero, plan, tiers

EVENTS = 'meter events { from "spend"  measure count() }'
ORDER_MATTERS = ("free_units_per_events", "free_units_per_total_aggregation")


def money(cents: str) -> str:
    """Cents as a literal in dollars."""
    return format(Decimal(cents).scaleb(-2), "f")


def from_ranges(ranges: Sequence[dict[str, Any]], rate: str = "per_unit_amount") -> tuple[Tier, ...]:
    return tuple(Tier(r["to_value"], r[rate], r["flat_amount"]) for r in ranges)


def only(span: dict[str, Any], rate: str, adjacent: bool) -> tuple[Tier, ...]:
    """One range on its own: what lies below and above it is free."""
    tier = Tier(span["to_value"], span[rate], span["flat_amount"])
    below = Decimal(span["from_value"]) - (0 if adjacent else 1)
    return (*((Tier(str(below)),) if below > 0 else ()), tier, Tier(None))


def graduated(v: Vector) -> Case | None:
    program = charge(tiers("graduated", from_ranges(v["params"]["ranges"]), zero_pays=True))
    return one(program, {"usage": v["usage"]["quantity"]}, states(exact("x"), v["expect"]["amount"]))


def one_range(v: Vector) -> Case | None:
    steps = only(v["params"]["range"], "per_unit_amount", v["params"].get("adjacent", False))
    program = charge(tiers("graduated", steps, zero_pays=True))
    return one(program, {"usage": v["usage"]["total_units"]}, states(exact("x"), v["expect"]["amount"]))


def volume(v: Vector) -> Case | None:
    program = charge(tiers("volume", from_ranges(v["params"]["ranges"]), zero_pays=True))
    return one(program, {"usage": v["usage"]["quantity"]}, states(exact("x"), v["expect"]["amount"]))


def graduated_percentage(v: Vector) -> Case | None:
    params = v["params"]
    steps = only(params["range"], "rate", False) if "range" in params else from_ranges(params["ranges"], "rate")
    step = tiers("graduated", steps, zero_pays=True, behind="%")
    quantity = v["usage"].get("quantity") or v["usage"]["total_units"]
    program = charge(step, meters=(SPEND,), on="spend")
    return one(program, {"spend": quantity}, states(exact("x"), v["expect"]["amount"]))


def percent_price(rate: str) -> str:
    return "price free" if is_zero(rate) else f"price {rate}%"


def percentage(v: Vector) -> Case | None:
    """A percentage of the amount and a fixed fee per event. Allowances used up event by event need their order."""
    params, usage = v["params"], v["usage"]
    if any(not is_zero(params.get(name)) for name in ORDER_MATTERS):
        return None
    program = plan(
        f"charge amount on spend {{ {percent_price(params['rate'])} }}",
        f"charge fixed on events {{ price {params.get('fixed_amount', '0')} }}",
        meters=(SPEND, EVENTS),
    )
    cells = {"spend": usage["quantity"], "events": usage.get("events_count", "0")}
    return one(program, cells, states(exact("amount", "fixed"), v["expect"]["amount"]))


def percentage_by_event(v: Vector) -> Case | None:
    """Events one by one, each clamped on its own: the meter does that, and here there are no events."""
    params, usage = v["params"], v["usage"]
    if usage["event_values"] or any(name in params for name in ORDER_MATTERS):
        return None
    of_event = f"amount * {params['rate']}% + {params['fixed_amount']}"
    low, high = params["per_transaction_min_amount"], params["per_transaction_max_amount"]
    meter = f'meter fees {{ from "spend"  measure sum(max(min({of_event}, {high}), {low}))  unit USD }}'
    return one(
        charge("price 100%", meters=(meter,), on="fees"), {"fees": "0"}, states(rounded("x"), v["expect"]["amount"])
    )


def estimate_percentage(v: Vector) -> Case | None:
    """The fee of one event: rate, then the fixed amount, then the clamps; a negative amount counts as zero."""
    params = v["params"]
    steps = ["at least 0", percent_price(params["rate"])]
    for word, name in (
        ("plus", "fixed_amount"),
        ("maximum", "per_transaction_max_amount"),
        ("minimum", "per_transaction_min_amount"),
    ):
        if name in params:
            steps.append(f"{word} {params[name]}")
    program = charge(*steps, meters=(SPEND,), on="spend")
    return one(program, {"spend": v["usage"]["quantity"]}, states(exact("x"), v["expect"]["amount"]))


def estimate_standard(v: Vector) -> Case | None:
    program = charge("at least 0", "price 1")
    return one(program, {"usage": v["usage"]["quantity"]}, states(exact("x"), v["expect"]["amount"]))


def standard(v: Vector) -> Case | None:
    program = charge(f"price {v['params']['unit_amount']}")
    return one(program, {"usage": v["usage"]["quantity"]}, states(rounded("x"), v["expect"]["amount"]))


def package(v: Vector) -> Case | None:
    params = v["params"]
    program = charge(
        f"include {params['free_units']}", f"price {params['amount']} per started {params['package_size']}"
    )
    return one(program, {"usage": v["usage"]["quantity"]}, states(exact("x"), v["expect"]["amount"]))


def calculated_price(v: Vector) -> Case | None:
    if v["model"] == "package":
        return package(v)
    program = charge(percent_price(v["params"]["rate"]), meters=(SPEND,), on="spend")
    return one(program, {"spend": v["usage"]["quantity"]}, states(exact("x"), v["expect"]["amount"]))


def pricing_unit(v: Vector) -> Case | None:
    """A price in an internal unit, converted to money at the end."""
    params = v["params"]
    program = charge(f"price {params['unit_amount']}", f"times {params['conversion_rate']}")
    return one(program, {"usage": v["usage"]["quantity"]}, states(rounded("x"), v["expect"]["amount"]))


def custom(v: Vector) -> Case | None:
    """The aggregation has worked the amount out; it is passed on."""
    cells = {"spend": v["usage"]["custom_aggregation_amount"]}
    return one(charge("price 100%", meters=(SPEND,), on="spend"), cells, states(exact("x"), v["expect"]["amount"]))


def dynamic(v: Vector) -> Case | None:
    """Amounts come from the events, in cents; with groups, each group is rounded to whole cents on its own."""
    usage = v["usage"]
    if "groups" not in usage:
        cents = sum(Decimal(amount) for amount in usage["event_amounts_cents"])
        program = charge("price 100%", meters=(SPEND,), on="spend")
        return one(program, {"spend": money(str(cents))}, states(rounded("x"), v["expect"]["amount"]))
    meter = 'meter spend { from "spend"  measure sum(amount)  unit USD  by group_key }'
    program = charge("each group_key", "price 100%", "round half_up to 0.01", "total", meters=(meter,), on="spend")
    cells = [
        {"group_key": key, "quantity": money(str(sum(Decimal(amount) for amount in amounts)))}
        for key, amounts in usage["groups"].items()
    ]
    return one(program, {"spend": cells}, states(exact("x"), v["expect"]["amount"]))


def matrix(v: Vector) -> Case | None:
    params, usage = v["params"], v["usage"]
    if params.get("model") == "dynamic":
        (dimension,) = params["group_by"]
        meter = f'meter spend {{ from "spend"  measure sum(amount)  unit USD  by {dimension} }}'
        program = charge("price 100%", f"show by {dimension}", meters=(meter,), on="spend")
        cells = [{dimension: key, "quantity": money(cell["cents"])} for key, cell in usage["groups"].items()]
        return one(program, {"spend": cells}, states(rounded("x"), v["expect"]["amount"]))
    dimensions = list(params["filters"][0]["match"])
    rows = [
        " | ".join([*(f'"{value}"' for name in dimensions for value in item["match"][name]), item["unit_amount"]])
        for item in params["filters"]
    ]
    default = "free" if is_zero(params["default_unit_amount"]) else params["default_unit_amount"]
    rows.append(" | ".join([*("else" for _ in dimensions), default]))
    names = ", ".join(dimensions)
    table = f"rates filters by {names} {{ {' | '.join([*dimensions, 'price'])}\n  " + "\n  ".join(rows) + " }"
    meter = f'meter usage {{ from "usage"  measure sum(quantity)  by {names} }}'
    cells = [{"quantity": event["value"], **{name: event[name] for name in dimensions}} for event in usage["events"]]
    program = charge("price filters", meters=(meter, table))
    return one(program, {"usage": cells}, states(rounded("x"), v["expect"]["amount"]))


def in_advance(v: Vector) -> Case | None:
    """Billed event by event: each pays what it adds to the price of all so far."""
    params = v["params"]
    if "ranges" not in params:
        return in_advance_percentage(v)
    so_far = [str(number + 1) for number in range(len(v["usage"]["event_values"]))]
    program = charge(tiers("graduated", from_ranges(params["ranges"])))
    return Case(program, tuple({"usage": quantity} for quantity in so_far), fees_in_advance(v, rounded("x")))


def fees_in_advance(v: Vector, measure: Measure) -> tuple[Check, ...]:
    """The amount of all events, and what each adds."""
    added = [
        states(increment(measure, index), money(cents), f"fee of event {index + 1}")
        for index, cents in enumerate(v["expect"]["fee_cents_per_event"])
    ]
    return (states(measure, v["expect"]["amount"]), *added)


def in_advance_percentage(v: Vector) -> Case | None:
    """A free amount, then a percentage, and a fixed fee per event.

    An event within the free amount pays no fixed fee, so which events those are depends on their order; where the first
    event is larger than what is free, there are none.
    """
    params, values = v["params"], [Decimal(value) for value in v["usage"]["event_values"]]
    free = params.get("free_units_per_total_aggregation")
    if "free_units_per_events" in params or free is None or values[0] <= Decimal(free):
        return None
    program = plan(
        f"charge amount on spend {{ include {free}  {percent_price(params['rate'])} }}",
        f"charge fixed on events {{ price {params['fixed_amount']} }}",
        meters=(SPEND, EVENTS),
    )
    so_far = zip(accumulate(values), range(1, len(values) + 1), strict=True)
    usages = tuple({"spend": str(spent), "events": str(count)} for spent, count in so_far)
    return Case(program, usages, fees_in_advance(v, rounded("amount", "fixed")))


def prorated_graduated(v: Vector) -> Case | None:
    """Whole units choose the range, prorated units give the money, flat fees are not prorated.

    Each event pays by the ranges that its whole units lie in, so a second range makes their order matter; below the end
    of the first there is one price for all, and nothing is due where the units end below zero.
    """
    params, usage = v["params"], v["usage"]
    ranges, whole = from_ranges(params["ranges"]), [Decimal(units) for units in usage["event_full_units"]]
    assert ranges[0].bound is not None
    if max(accumulate(whole)) > Decimal(ranges[0].bound):
        return None
    full = 'meter full { from "usage"  measure sum(units) }'
    step = tiers("volume", ranges).replace("volume", "volume on full", 1)
    cells = {"full": str(sum(whole)), "usage": str(sum(map(Decimal, usage["event_prorated_units"])))}
    return one(charge("at least 0", step, meters=(USAGE, full)), cells, states(exact("x"), v["expect"]["amount"]))


CALENDARS = {"weekly": "bill weekly", "monthly": "bill monthly", "quarterly": "bill quarterly", "yearly": "bill yearly"}


def commitment(v: Vector) -> Case | None:
    """A minimum over the whole bill; its top-up is the true-up. Anniversaries count from the term's start."""
    params, usage, stated = v["params"], v["usage"], v["expect"]["amount"]
    bill = CALENDARS[params["interval"]]
    amount = money(params["commitment_amount_cents"])
    if "fees_cents" in usage:
        fees = [f"fee f{number} {money(cents)}" for number, cents in enumerate(usage["fees_cents"])]
        return one(plan(bill, *fees, f"minimum {amount}"), {}, states(adjusted, stated))
    if "plan_amount_cents" in params:
        start, end = usage["subscription_start"], usage["billed_at"]
        if params["billing_time"] == "anniversary":
            bill += f" on day {date.fromisoformat(start).day}"
        fee = f"fee base {money(params['plan_amount_cents'])} in arrears prorated by day"
        program = plan(bill, fee, f"minimum {amount} prorated by day")
        return one(program, {}, states(adjusted, stated), period=(start, end))
    start = usage["period_from"]
    if params["billing_time"] == "anniversary":
        bill += " from term"
    end = (date.fromisoformat(usage["period_to_inclusive"]) + timedelta(days=1)).isoformat()
    program = plan(bill, f"minimum {amount} prorated by day")
    return one(program, {}, states(adjusted, stated), period=(start, end))


def minimum(v: Vector) -> Case | None:
    """A minimum on one charge, prorated by the days billed; the true-up is what it adds to the usage."""
    params, usage, stated = v["params"], v["usage"], v["expect"]["amount"]
    amount = money(params["min_amount_cents"])
    if "filters" in params:
        rows = "\n".join(f'  "{item["match"]}" | {item["unit_amount"]}' for item in params["filters"])
        table = f"rates filters by region {{ region | price\n{rows}\n  else | free }}"
        meter = 'meter usage { from "usage"  measure sum(quantity)  by region }'
        program = charge("price filters", f"minimum {amount} prorated by day", meters=(meter, table))
        cells = [{"region": key, "quantity": quantity} for key, quantity in usage["groups"].items()]
        used = money(str(sum(Decimal(cents) for cents in v["expect"]["usage_fee_cents"])))
        end = f"2023-02-{int(usage['days_billed']) + 1}"
        check = states(less(rounded("x"), used), stated)
        return one(program, {"usage": cells}, check, period=("2023-02-01", end))
    prorated = " prorated by day" if "days_billed" in usage else ""
    program = charge("price 100%", f"minimum {amount}{prorated}", meters=(SPEND,), on="spend")
    period = ("2023-01-01", f"2023-01-{int(usage['days_billed']) + 1}") if prorated else None
    used = money(usage["used_amount_cents"])
    return one(program, {"spend": used}, states(less(rounded("x"), used), stated), period=period)


def unit_rounding(v: Vector) -> Case | None:
    """The metered quantity is rounded before the price; priced at 1 it shows."""
    assert v["params"] == {"function": "round", "precision": None}
    program = charge("round half_up to 1", "price 1")
    return one(program, {"usage": v["usage"]["quantity"]}, states(exact("x"), v["expect"]["quantity"]))


def coupon(v: Vector) -> Case | None:
    """A fixed discount over several lines; one that lasts over several bills is a balance."""
    params, usage = v["params"], v["usage"]
    if "already_used_cents" in params:
        return balances.partly_used_coupon(v)
    names = [f"f{number}" for number in range(len(usage["line_cents"]))]
    fees = [f"fee {name} {money(cents)}" for name, cents in zip(names, usage["line_cents"], strict=True)]

    def taken(name: str) -> Measure:
        return lambda statements: rounded(name)(statements) - net(name)(statements)

    shares = [
        states(taken(name), money(cents), f"share of {name}")
        for name, cents in zip(names, v["expect"]["per_line_cents"], strict=True)
    ]
    discounted = states(lambda statements: -adjusted(statements), v["expect"]["amount"])
    foots = states(total, str(sum(Decimal(money(c)) for c in usage["line_cents"]) - Decimal(v["expect"]["amount"])))
    return one(plan(*fees, f"discount {money(params['coupon_fixed_cents'])}"), {}, discounted, foots, *shares)


def not_yet(_: Vector) -> Case | None:
    return None


FAMILIES: dict[str, Callable[[Vector], Case | None]] = {
    "lago-advance": in_advance,
    "lago-calcprice": calculated_price,
    "lago-commitment": commitment,
    "lago-coupon": coupon,
    "lago-custom": custom,
    "lago-dynamic": dynamic,
    "lago-estimate-pct": estimate_percentage,
    "lago-estimate-std": estimate_standard,
    "lago-gradpct": graduated_percentage,
    "lago-graduated": graduated,
    "lago-matrix": matrix,
    "lago-minimum": minimum,
    "lago-package": package,
    "lago-percentage": percentage,
    "lago-percentage-seq": percentage_by_event,
    "lago-pricingunit": pricing_unit,
    "lago-prorated-graduated": prorated_graduated,
    "lago-proratedsum": not_yet,
    "lago-proratedunique": not_yet,
    "lago-range": one_range,
    "lago-standard": standard,
    "lago-unit-rounding": unit_rounding,
    "lago-volume": volume,
    "lago-weightedsum": not_yet,
}
