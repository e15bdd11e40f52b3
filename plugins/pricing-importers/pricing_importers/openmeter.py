"""OpenMeter: plans with their phases and rate cards to a program, one plan for each.

A plan names features by their keys only; a file may hold the features and meters next to it:
`{"plan": {...}, "features": [...], "meters": [...]}`. After OpenMeter's API specification (version 1: Plan, RateCard,
Price, Discounts, SpendCommitments). An in-advance fee is prorated by time unless the plan says otherwise; `up_to` is
inclusive; the flat price of the first tier is due at zero usage; free units come first, then the price, the percentage,
the maximum, the minimum.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from pricing_dsl.plugin import Imported
from pricing_importers.openmeter_meters import Meters
from pricing_importers.reading import Document, Json
from pricing_importers.writing import Kind, Names, Plan, Sheet, Tier, number, percent, price, tiered

IGNORED: Mapping[str, str] = {
    "id": "an id",
    "version": "the number of the plan's version",
    "status": "whether the plan is published",
    "description": "free notes",
    "metadata": "free notes",
    "createdAt": "when it was made",
    "updatedAt": "when it was changed",
    "deletedAt": "when it was removed",
    "effectiveFrom": "when it was published",
    "effectiveTo": "until when it was published",
    "page": "which page of the list this is",
    "pageSize": "how long a page of the list is",
    "displayUnit": "a label of invoices",
}
"""Fields that say nothing of an amount."""

REASONS: Mapping[str, str] = {
    "entitlementTemplate": "what a customer may use is decided where it is used",
    "taxConfig": "taxes are no part of a program",
    "alignment": "when subscriptions change is no part of a price",
    "validationErrors": "OpenMeter itself finds fault with the plan",
}

CADENCES: Mapping[str, str] = {
    "P1D": "daily",
    "P7D": "weekly",
    "P1W": "weekly",
    "P1M": "monthly",
    "P3M": "quarterly",
    "P12M": "yearly",
    "P1Y": "yearly",
}
ROUNDING: Mapping[str, str] = {"ceiling": "up", "floor": "down", "half_up": "half_up"}
DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")
"""An ISO 8601 duration of calendar time."""


def read(data: bytes) -> Imported:
    """Plans of OpenMeter as a program. Raises `ValueError` with place, what and how to mend it."""
    document = Document(data, IGNORED, REASONS)
    root = document.root
    plans = _plans(root)
    sheet = Sheet(plans[0].need("currency"))
    meters = Meters(root, sheet)
    if not [each for each in plans if _plan(each, sheet, meters)]:
        root.refuse(
            "no plan of it can be said in a program", "give a plan billed daily, weekly, monthly, or by 3 or 12"
        )
    meters.lose_unused()
    return Imported(sheet.program(*document.header("plans of OpenMeter")), document.lost())


def _plans(root: Json) -> tuple[Json, ...]:
    for field in ("items", "plans"):
        if root.has(field):
            plans = root.need(field).items()
            if not plans:
                root.refuse(f"`{field}` is empty", "export at least one plan")
            if root.number_of("totalCount", len(plans)) > len(plans):
                root.lose_field("totalCount", "more plans are on other pages of the list: import those as well")
            return plans
    if root.has("plan"):
        return (root.need("plan"),)
    if root.has("phases"):
        return (root,)
    raise root.refusal("it is no plan of OpenMeter: it has no `phases`", "give a plan, or a list of them")


@dataclass(frozen=True)
class Card:
    """Where rate cards are written: the plan, the names of its phase, and how fees are prorated."""

    plan: Plan
    names: Names
    sheet: Sheet
    meters: Meters
    prorated: str


def _plan(each: Json, sheet: Sheet, meters: Meters) -> bool:
    """Write one plan; whether it can be."""
    currency = each.need("currency").text()
    if currency != sheet.currency:
        each.lose(f"its currency is {currency} and a program has one, here {sheet.currency}: import it on its own")
        return False
    cadence = each.need("billingCadence").text()
    phases = each.need("phases").items()
    starts = _starts(phases)
    if cadence not in CADENCES:
        each.lose(f"it is billed every `{cadence}`, and a program has no such billing period")
        return False
    if starts is None:
        each.lose("its phases mix months and days, and a phase of a program starts after the one or the other")
        return False
    plan = sheet.plan(each.need("key").key(), each.text_of("name"), CADENCES[cadence])
    prorated = _prorated(each)
    if each.text_of("settlementMode") == "credit_only":
        each.lose_field("settlementMode", "that only credits pay belongs to a contract: write `credit NAME AMOUNT`")
    for index, phase in enumerate(phases):
        key, said = phase.need("key").text(), phase.text_of("name")
        is_alone = len(phases) == 1
        if not is_alone:
            until = f" to {starts[index + 1]}" if index + 1 < len(phases) else ""
            plan.body += ["", f"# Phase {' '.join(f'{key}, {said}'.split())}", f"from {starts[index]}{until} {{"]
        card = Card(plan, plan.names if is_alone else Names(), sheet, meters, prorated)
        for rate_card in phase.need("rateCards").items():
            _rate_card(rate_card, card)
        plan.body += [] if is_alone else ["}"]
    return True


def _prorated(each: Json) -> str:
    """How a fee of part of a period is cut: by time, unless the plan says not at all."""
    config = each.get("proRatingConfig")
    if config is None:
        return " prorated by second"
    mode = config.get("mode")
    if mode is not None:
        mode.one_of("prorate_prices")
    return " prorated by second" if config.truth_of("enabled", True) else ""


def _starts(phases: tuple[Json, ...]) -> list[str] | None:
    """When each phase starts, in months or in days of the term; `None` where it would be in both."""
    months, days = 0, 0
    starts: list[str] = []
    for index, phase in enumerate(phases):
        if months and days:
            return None
        starts.append(f"month {months + 1}" if months or not days else f"day {days + 1}")
        duration = phase.get("duration")
        if duration is None:
            if index + 1 < len(phases):
                phase.refuse("it has no `duration` and other phases follow it", "say how long it is, as in `P1M`")
            break
        found = DURATION.fullmatch(duration.text())
        if found is None or not any(found.groups()):
            duration.refuse(
                f"`{duration.value}` is no duration of years, months, weeks or days", "write it as in `P1M`"
            )
        years, of_months, weeks, of_days = (int(each or 0) for each in found.groups())
        months, days = months + 12 * years + of_months, days + 7 * weeks + of_days
        if index + 1 == len(phases):
            duration.lose("the last phase of a plan goes on until the term of the contract ends")
    return starts


# --- rate cards ------------------------------------------------------------------------------------------------------


def _rate_card(each: Json, card: Card) -> None:
    kind = each.need("type").one_of("flat_fee", "usage_based")
    key, said = each.need("key").key(), each.text_of("name")
    cost = each.get("price")
    if cost is None or cost.need("type").value == "flat":
        feature = each.get("featureKey")
        comment = f"Feature {feature.text()}" if feature else ""
        if cost is None and kind == "usage_based":
            meter = card.meters.of(each, is_money=False)
            card.plan.charge(card.names.give(key), said, meter, ["price free"], comment)
            _cadence(each, card)
        else:
            _flat(each, cost, card, comment)
        return
    if kind == "flat_fee":
        cost.refuse(f"a `flat_fee` card has the price `{cost.need('type').value}`", "give it a price of type `flat`")
    steps, is_money = _usage_price(each, cost)
    _cadence(each, card)
    meter = card.meters.of(each, is_money)
    card.plan.charge(card.names.give(key), said, meter, steps)


def _flat(each: Json, cost: Json | None, card: Card, comment: str) -> None:
    """A fee; without a cadence it is due once."""
    amount, timing = Fraction(0), "in advance"
    if cost is not None:
        cost.need("type").text()
        amount = cost.need("amount").number()
        term = cost.get("paymentTerm")
        timing = "in arrears" if term and term.one_of("in_advance", "in_arrears") == "in_arrears" else "in advance"
    amount *= 1 - _discount(each) / 100
    cadence = each.get("billingCadence")
    how = "once"
    if cadence is not None:
        found = cadence.text()
        if found not in CADENCES:
            each.lose(f"it is due every `{found}`, and a program has no such service period")
            return
        how = f"{CADENCES[found]} {timing}{card.prorated}"
    elif timing == "in arrears" and cost is not None:
        cost.lose_field("paymentTerm", "a fee that is due once is due at its first instant")
    each.lose_field("unitConfig", "a fee counts nothing")
    card.plan.fee(card.names.give(each.need("key").key()), each.text_of("name"), amount, how, comment)


def _cadence(each: Json, card: Card) -> None:
    """Usage is billed with the plan."""
    cadence = each.get("billingCadence")
    if cadence is not None and CADENCES.get(cadence.text()) != card.plan.bill:
        cadence.lose(f"usage is billed {card.plan.bill}, with the plan: tiers and free units start anew each time")


def _discount(each: Json) -> Fraction:
    """The percentage off, and 0 where there is none."""
    discounts = each.get("discounts")
    found = discounts.get("percentage") if discounts else None
    return found.need("percentage").number() if found else Fraction(0)


def _usage_price(each: Json, cost: Json) -> tuple[list[str], bool]:
    """The steps of a charge, and whether its meter counts money."""
    size, steps = _converted(each)
    discounts = each.get("discounts")
    free = discounts.get("usage") if discounts else None
    if free is not None and (units := free.need("quantity").number()):
        steps.insert(0, f"include {number(units)}")
    kind = cost.need("type").one_of("unit", "tiered", "dynamic", "package")
    behind = f" per {number(size)}" if size != 1 else ""
    match kind:
        case "unit":
            steps.append(price(cost.need("amount").number(), behind))
        case "tiered":
            steps.append(_tiered(cost, size, behind))
        case "dynamic":
            multiplier = cost.number_of("multiplier", 1) / size
            steps.append(f"price {percent(multiplier * 100)}" if multiplier else "price free")
        case _:
            packed = cost.need("quantityPerPackage").positive() * size
            steps.append(price(cost.need("amount").number(), f" per started {number(packed)}"))
    if off := _discount(each):
        steps.append(f"discount {percent(off)}")
    for word in ("maximum", "minimum"):
        bound = cost.get(f"{word}Amount")
        if bound is not None:
            steps.append(f"{word} {number(bound.number())}")
    return steps, kind == "dynamic"


def _converted(each: Json) -> tuple[Fraction, list[str]]:
    """Units of the meter in a unit of the price, and the steps before it.

    Dividing keeps the meter's units, so that it is exact for every factor: what is rounded are multiples of it.
    """
    config = each.get("unitConfig")
    if config is None:
        return Fraction(1), []
    operation = config.need("operation").one_of("divide", "multiply")
    factor = config.need("conversionFactor").positive()
    rounding = config.get("rounding")
    mode = rounding.one_of("ceiling", "floor", "half_up", "none") if rounding else "none"
    digits = config.get("precision")
    step = Fraction(10) ** -(digits.whole() if digits else 0)
    size = factor if operation == "divide" else Fraction(1)
    steps = [] if operation == "divide" else [f"weigh {number(factor)}"]
    if mode != "none":
        steps.append(f"round {ROUNDING[mode]} to {number(step * size)}")
    return size, steps


def _tiered(cost: Json, size: Fraction, behind: str) -> str:
    mode = cost.need("mode").one_of("volume", "graduated")
    kind: Kind = "volume" if mode == "volume" else "graduated"
    tiers: list[Tier] = []
    for each in cost.need("tiers").items():
        bound, flat, unit = each.get("upToAmount"), each.get("flatPrice"), each.get("unitPrice")
        if flat is None and unit is None:
            each.refuse("it has neither a `flatPrice` nor a `unitPrice`", "give it one of them")
        for part, name in ((flat, "flat"), (unit, "unit")):
            if part is not None and part.has("type"):
                part.need("type").one_of(name)
        tiers.append(
            Tier(
                bound.positive() * size if bound else None,
                unit.need("amount").number() if unit else Fraction(0),
                flat.need("amount").number() if flat else Fraction(0),
            )
        )
    return tiered(cost, kind, tiers, behind=behind, even_at_zero=True)
