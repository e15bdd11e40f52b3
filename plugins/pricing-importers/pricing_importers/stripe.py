"""Stripe: Price objects to a program, one charge for each price.

Prices of one billing interval become the lines of one plan. A licensed price counts the quantity of its subscription
item, a metered one the events of its meter, a one-time one what was bought. Tiers include their `up_to`; amounts are in
the smallest unit of the currency as Stripe counts it. After Stripe's API reference, "The Price object", and the pages
"Set up tiered pricing" and "Transform quantities".
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from pricing_dsl.plugin import Imported
from pricing_importers.currencies import from_stripe
from pricing_importers.reading import Document, Json
from pricing_importers.writing import Meter, Plan, Sheet, Tier, price, tiered

IGNORED: Mapping[str, str] = {
    "created": "when the price was made",
    "livemode": "whether it is a test",
    "metadata": "free notes",
    "url": "where the list was asked for",
}
"""Fields that say nothing of an amount."""

REASONS: Mapping[str, str] = {
    "trial_period_days": "a trial belongs to a contract: write a phase `from day 1 to day N { ... }`",
    "maximum": "what a customer may enter is decided at checkout",
    "minimum": "what a customer may enter is decided at checkout",
    "preset": "what a customer may enter is decided at checkout",
}

INTERVALS: Mapping[tuple[str, int], str] = {
    ("day", 1): "daily",
    ("week", 1): "weekly",
    ("day", 7): "weekly",
    ("month", 1): "monthly",
    ("month", 3): "quarterly",
    ("month", 12): "yearly",
    ("year", 1): "yearly",
}
ONCE = "once"
"""One-time prices are lines of the monthly plan, or of the first there is."""

AGGREGATIONS: Mapping[str, tuple[str, bool]] = {
    "sum": ("sum(value)", False),
    "max": ("max(value)", False),
    "last_during_period": ("last(value)", False),
    "last_ever": ("last(value)", True),
}
"""`aggregate_usage` -> what the meter measures, and whether its level stays."""


def read(data: bytes) -> Imported:
    """One Price object, or a list of them, as a program. Raises `ValueError` with place, what and how to mend it."""
    document = Document(data, IGNORED, REASONS)
    prices = _prices(document.root)
    sheet = Sheet(prices[0].need("currency"))
    wanted = [(each, bill) for each in prices if (bill := _bill(each, sheet)) is not None]
    if not wanted:
        document.root.refuse("it has no price that a program can say", "see `recurring`: days, weeks, months or years")
    plans: dict[str, Plan] = {}
    for bill in sorted({bill for _, bill in wanted} - {ONCE}) or ["monthly"]:
        plans[bill] = sheet.plan(f"stripe_{bill}", f"Stripe, billed {bill}", bill)
    plans[ONCE] = plans.get("monthly") or next(iter(plans.values()))
    for each, bill in wanted:
        _line(each, sheet, plans[bill])
    header = document.header("prices of Stripe")
    return Imported(
        sheet.program(*header, "Give each line the usage of its meter, and remove the lines that you do not sell."),
        document.lost(),
    )


def _prices(root: Json) -> tuple[Json, ...]:
    kind = root.need("object", "give a Price object of Stripe's API, or a list of them").text()
    if kind == "price":
        return (root,)
    if kind != "list":
        root.refuse(f"it is a `{kind}` object of Stripe", "give a Price object, or a list of them")
    if root.truth_of("has_more"):
        root.lose_field("has_more", "more prices follow on the next page of the list: import that as well")
    prices = root.need("data").items()
    if not prices:
        root.refuse("the list has no prices", "export at least one price")
    for each in prices:
        found = each.need("object").text()
        if found != "price":
            each.refuse(f"it is a `{found}` object of Stripe", "a list to import holds `price` objects only")
    return prices


def _bill(each: Json, sheet: Sheet) -> str | None:
    """How often the price is billed; `None` where the program cannot have it."""
    currency = each.need("currency").text().upper()
    if currency != sheet.currency:
        each.lose(f"its currency is {currency} and a program has one, here {sheet.currency}: import it on its own")
        return None
    kind = each.need("type").one_of("one_time", "recurring")
    if kind == "one_time":
        return ONCE
    recurring = each.need("recurring")
    interval = recurring.need("interval").one_of("day", "week", "month", "year")
    count = recurring.get("interval_count")
    every = count.whole() if count else 1
    bill = INTERVALS.get((interval, every))
    if bill is None:
        each.lose(f"it is billed every {every} {interval}s, and a program has no such billing period")
    return bill


def _line(each: Json, sheet: Sheet, plan: Plan) -> None:
    key = each.need("id").key()
    product, product_name = _product(each)
    said = each.text_of("nickname") or product_name
    name = plan.names.give(each.text_of("lookup_key") or key)
    comments = [f"Price {key}" + (f" of product {product}" if product else "")]
    if not each.truth_of("active", True):
        comments.append("Archived in Stripe: no new subscriptions.")
    _taxes(each)
    _other_currencies(each, sheet.currency)
    if each.has("custom_unit_amount"):
        _custom(each)
        meter = Meter(f"{key}.paid", "sum(amount)", unit=sheet.currency)
        plan.charge(name, said, sheet.meter(name, meter), ["price 100%"], *comments)
        return
    meter_name, is_metered = _meter(each, sheet, key, name)
    plan.charge(name, said, meter_name, [_price(each, sheet.currency, is_metered)], *comments)


def _product(each: Json) -> tuple[str, str]:
    """The id of the product, and its name where the list was asked for with `expand[]=data.product`."""
    product = each.get("product")
    if product is None or not product.is_object():
        return (product.text() if product else ""), ""
    product.text_of("object")
    return product.text_of("id"), product.text_of("name")


def _taxes(each: Json) -> None:
    behaviour = each.get("tax_behavior")
    if behaviour is not None and behaviour.one_of("exclusive", "inclusive", "unspecified") == "inclusive":
        behaviour.lose("the amount includes tax, and a program knows no tax: the same number is charged as its amount")


def _other_currencies(each: Json, currency: str) -> None:
    """The price in other currencies is another program's; in its own it says the same again."""
    options = each.get("currency_options")
    for code, option in options.fields() if options else ():
        if code.upper() == currency:
            option.skip()
        else:
            option.lose(f"a program has one currency, here {currency}: import the price in {code.upper()} on its own")


def _custom(each: Json) -> None:
    """The customer says the amount: none of its bounds is carried over."""
    each.need("custom_unit_amount").open()
    if each.need("billing_scheme").one_of("per_unit", "tiered") == "tiered":
        each.refuse("it has both tiers and an amount that the customer enters", "keep one of them")


def _meter(each: Json, sheet: Sheet, key: str, name: str) -> tuple[str, bool]:
    """The meter of a price, and whether it counts usage."""
    recurring = each.get("recurring")
    if recurring is None:
        return sheet.meter(name, Meter(f"{key}.bought", "sum(quantity)")), False
    usage = recurring.get("usage_type")
    if usage is None or usage.one_of("licensed", "metered") == "licensed":
        if usage:
            usage.lose(
                "Stripe bills the quantity in advance; the line charges the last quantity at the end of the period"
            )
        return sheet.meter(name, Meter(f"{key}.quantity", "last(quantity)", carried=True)), False
    aggregate = recurring.get("aggregate_usage")
    measure, carried = AGGREGATIONS[aggregate.one_of(*AGGREGATIONS)] if aggregate else ("sum(value)", False)
    meter = recurring.get("meter")
    if meter is None:
        return sheet.meter(name, Meter(f"{key}.used", measure, carried)), True
    source = meter.key()
    meter.lose(f"the meter's own object says its event and aggregation: `{measure}` of events `{source}` is assumed")
    return sheet.meter(source, Meter(source, measure, carried)), True


def _price(each: Json, currency: str, is_metered: bool) -> str:
    if each.need("billing_scheme").one_of("per_unit", "tiered") == "tiered":
        return _tiered(each, currency, is_metered)
    amount = _amount(each, "unit_amount", currency)
    if amount is None:
        each.refuse("it has neither `unit_amount` nor `unit_amount_decimal`", "give it one of them")
    transform = each.get("transform_quantity")
    if transform is None:
        return price(amount)
    mode = "started" if transform.need("round").one_of("up", "down") == "up" else "full"
    size = transform.need("divide_by").positive()
    return (
        price(amount, f" per {mode} {int(size)}")
        if size.denominator == 1
        else transform.refuse("`divide_by` is no whole number", "write a whole number")
    )


def _tiered(each: Json, currency: str, is_metered: bool) -> str:
    """Tiers; the flat amount of the first is due without usage too where usage is metered (a fixed fee and overage)."""
    each.lose_field("transform_quantity", "Stripe does not transform quantities of tiers")
    is_volume = each.need("tiers_mode").one_of("graduated", "volume") == "volume"
    tiers: list[Tier] = []
    for tier in each.need("tiers", "list the price with `expand[]=data.tiers`").items():
        upper = tier.get("up_to")
        bound = None if upper is None or upper.value == "inf" else upper.positive()
        if upper is not None and bound is None:
            upper.skip()
        amount, flat = _amount(tier, "unit_amount", currency), _amount(tier, "flat_amount", currency)
        if amount is None and flat is None:
            tier.refuse("it has neither `unit_amount` nor `flat_amount`", "give it one of them")
        tiers.append(Tier(bound, amount or Fraction(0), flat or Fraction(0)))
    return tiered(each, "volume" if is_volume else "graduated", tiers, even_at_zero=is_metered)


def _amount(place: Json, field: str, currency: str) -> Fraction | None:
    """The amount of a field in the currency; its decimal form says it exactly, and both must agree."""
    exact, whole = place.get(f"{field}_decimal"), place.get(field)
    if exact is None and whole is None:
        return None
    values = [each.number() for each in (exact, whole) if each is not None]
    if values[0] != values[-1]:
        place.refuse(
            f"`{field}` is {values[-1]} and `{field}_decimal` is {values[0]}", "make them equal, or remove one"
        )
    if values[0] < 0:
        place.refuse(f"`{field}` is negative", "a price is zero or more: write a credit as a discount")
    return from_stripe(values[0], currency)
