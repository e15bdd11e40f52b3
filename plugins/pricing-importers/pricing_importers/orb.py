"""Orb: prices to a program, one line for each.

Prices of one cadence become the lines of one plan. A usage price is a charge on the meter of its billable metric; a
fixed price is a fee of its quantity. After Orb's API reference ("Price") and the page "Applying adjustments and
discounts": usage discounts lower the quantity; then amount and percentage discounts, the minimum and the maximum. What
a model costs is in `orb_models`.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from pricing_dsl.plugin import Imported
from pricing_importers.orb_models import MODELS, Priced, priced
from pricing_importers.reading import Document, Json
from pricing_importers.writing import Meter, Plan, Sheet, number, percent, text

IGNORED: Mapping[str, str] = {
    "created_at": "when it was made",
    "metadata": "free notes",
    "external_price_id": "an id of the company's own; the price's id is in a comment",
    "replaces_price_id": "an id",
    "plan_phase_order": "the place of a phase",
    "invoice_grouping_key": "how lines are put on invoices",
    "reason": "why a discount was given",
    "billing_cycle_configuration": "the cadence again",
    "next_cursor": "where the list goes on",
    "status": "whether the plan is published",
    "version": "the number of the plan's version",
    "description": "free notes",
    "external_plan_id": "an id of the company's own",
    "net_terms": "when invoices are paid",
}
"""Fields that say nothing of an amount."""

REASONS: Mapping[str, str] = {
    "credit_allocation": "credits belong to a contract: write `credit NAME AMOUNT`",
    "invoicing_cycle_configuration": "the line is invoiced with its plan",
    "composite_price_filters": "it selects other prices, and a line of a program names the lines it is computed on",
    "dimensional_price_configuration": "its price group says which usage it is for: write `where` in the charge",
    "license_type": "licenses are counted by the meter",
    "conversion_rate_config": "tiers of a conversion rate are no part of a program",
}

CADENCES: Mapping[str, str] = {"monthly": "monthly", "quarterly": "quarterly", "annual": "yearly"}
ONCE = "one_time"


def read(data: bytes) -> Imported:
    """Prices of Orb as a program. Raises `ValueError` with place, what and how to mend it."""
    document = Document(data, IGNORED, REASONS)
    root = document.root
    prices = _prices(root)
    in_money = [each for each in prices if len(each.need("currency").text()) == 3]
    sheet = Sheet((in_money or prices)[0].need("currency"))
    wanted = [(each, cadence) for each in prices if (cadence := _cadence(each, sheet)) is not None]
    if not wanted:
        root.refuse("it has no price that a program can say", "see `cadence`: monthly, quarterly, annual or one_time")
    plans: dict[str, Plan] = {}
    for cadence in [key for key in CADENCES if key in {found for _, found in wanted}] or ["monthly"]:
        plans[cadence] = sheet.plan(f"orb_{CADENCES[cadence]}", f"Orb, billed {CADENCES[cadence]}", CADENCES[cadence])
    plans[ONCE] = next(iter(plans.values()))
    for each, cadence in wanted:
        _line(each, cadence, sheet, plans[cadence])
    return Imported(sheet.program(*document.header("prices of Orb")), document.lost())


def _prices(root: Json) -> tuple[Json, ...]:
    for field in ("data", "prices"):
        if root.has(field):
            prices = root.need(field).items()
            if not prices:
                root.refuse(f"`{field}` is empty", "export at least one price")
            more = root.get("pagination_metadata")
            if more is not None and more.truth_of("has_more"):
                more.lose_field("has_more", "more prices follow on the next page of the list: import that as well")
            return prices
    if root.has("model_type"):
        return (root,)
    raise root.refusal("it is no price of Orb: it has no `model_type`", "give a price, or a list of prices")


def _cadence(each: Json, sheet: Sheet) -> str | None:
    """How often the price is billed; `None` where the program cannot have it."""
    found = each.need("currency").text()
    if found != sheet.currency:
        each.lose(f"its currency is {found} and a program has one, here {sheet.currency}: import it on its own")
        return None
    cadence = each.need("cadence").one_of("one_time", "monthly", "quarterly", "semi_annual", "annual", "custom")
    if cadence not in CADENCES and cadence != ONCE:
        each.lose(f"its cadence is {cadence}, and a program has no such billing period")
        return None
    return cadence


def _line(each: Json, cadence: str, sheet: Sheet, plan: Plan) -> None:
    model = each.need("model_type").one_of(*MODELS)
    key, said = each.need("id").key(), each.text_of("name")
    kind = each.get("price_type")
    kind_said = kind.one_of("usage_price", "fixed_price", "composite_price") if kind else "usage_price"
    if kind is not None and kind_said == "composite_price":
        kind.refuse("the price is computed on other prices", "import those, and write the charge on their lines")
    comment = f"Price {key}, {model}{_item(each)}"
    _conversion(each, sheet)
    name = plan.names.give(key)
    quantity = each.get("fixed_price_quantity")
    is_fixed = kind_said == "fixed_price" or (quantity is not None and not each.has("billable_metric"))
    found = priced(each, model, name, sheet, is_fixed)
    if is_fixed:
        _fee(each, name, said, found, cadence, plan, comment)
        return
    if quantity is not None:
        quantity.lose("the quantity of a usage price comes from its meter")
    mode = each.get("billing_mode")
    if mode is not None and mode.one_of("in_advance", "in_arrear") == "in_advance":
        mode.lose("usage is charged at the end of the period")
    free, after = _adjustments(each, key)
    included = [f"include {number(free)}"] if free else []
    on = _meter(each, found, sheet, name)
    plan.charge(name, said, on, [*included, *found.steps, *after], comment)


def _item(each: Json) -> str:
    item = each.get("item")
    if item is None:
        return ""
    item.text_of("id")
    return f" of {item.text_of('name')}"


def _conversion(each: Json, sheet: Sheet) -> None:
    """A price in the currency itself converts one to one."""
    rate = each.get("conversion_rate")
    if rate is not None and rate.number() != 1:
        rate.lose(f"the price is in {sheet.currency} already, so nothing is converted")


def _meter(each: Json, found: Priced, sheet: Sheet, name: str) -> str:
    metric = each.get("billable_metric")
    key = metric.need("id").key() if metric else f"{name}_usage"
    if metric is not None:
        metric.text_of("name")
        metric.need("id").lose(
            f"the query of the metric is not in the price: `{found.measure}` of events `{key}` is assumed"
        )
    meter = Meter(key, found.measure, unit=sheet.currency if found.is_money else "", by=found.by, where=found.where)
    dims = "".join("_" + dimension.split(":")[0] for dimension in found.by)
    return sheet.meter(key + ("_amount" if found.is_money else "") + (f"_by{dims}" if dims else ""), meter)


def _fee(each: Json, name: str, said: str, found: Priced, cadence: str, plan: Plan, comment: str) -> None:
    """A fixed price: what its quantity costs."""
    quantity = each.number_of("fixed_price_quantity", 1)
    if found.cost is None:
        each.refuse(
            "a fixed price of this model has no usage to be priced by", "make it a usage price, or leave it out"
        )
    free, after = _adjustments(each, each.need("id").text())
    amount = found.cost(max(quantity - free, Fraction(0)))
    mode = each.get("billing_mode")
    is_late = mode is not None and mode.one_of("in_advance", "in_arrear") == "in_arrear"
    how = "once" if cadence == ONCE else f"{CADENCES[cadence]} {'in arrears' if is_late else 'in advance'}"
    prorated = " prorated by second" if found.is_prorated and cadence != ONCE else ""
    plan.fee(name, said, amount, how + prorated, comment, f"{number(quantity)} of it")
    for step in after:
        plan.add(f"{step} on {name}")


def _adjustments(each: Json, key: str) -> tuple[Fraction, list[str]]:
    """Units that are free, and the steps after the price, in the order in which Orb applies adjustments."""
    after: list[str] = []
    discount = each.get("discount")
    free = _discount(discount, key, after) if discount else Fraction(0)
    for word in ("minimum", "maximum"):
        bound, plain = each.get(word), each.get(f"{word}_amount")
        if bound is not None:
            _only(bound, key)
            plain_value = plain.number() if plain else None
            amount = bound.need(f"{word}_amount").number()
            if plain_value is not None and plain is not None and plain_value != amount:
                plain.refuse(f"it is {plain_value} and `{word}` says {amount}", "make them equal, or remove one")
            after.append(f"{word} {number(amount)}")
        elif plain is not None:
            after.append(f"{word} {number(plain.number())}")
    return free, after


def _discount(discount: Json, key: str, after: list[str]) -> Fraction:
    """Add the step of a discount; the units that it makes free."""
    _only(discount, key)
    match discount.need("discount_type").one_of("percentage", "amount", "usage", "trial", "tiered_percentage"):
        case "percentage":
            after.append(f"discount {percent(discount.need('percentage_discount').number() * 100)}")
        case "amount":
            after.append(f"discount {number(discount.need('amount_discount').number())}")
        case "usage":
            return discount.need("usage_discount").number()
        case "trial":
            discount.lose("a trial belongs to a contract: write a phase with `override ... { discount P% }`")
        case _:
            after.append(_tiered_discount(discount))
    return Fraction(0)


def _tiered_discount(discount: Json) -> str:
    """Each band of the amount at its own percentage."""
    words: list[str] = []
    before = Fraction(0)
    for tier in discount.need("tiers").items():
        lower = tier.need("lower_bound").number()
        upper = tier.get("upper_bound")
        if lower != before:
            tier.refuse(f"it begins at {lower} while the band before ends at {before}", "let bands follow one another")
        before = upper.number() if upper else before
        words.append(f"above {number(lower)}: {percent(tier.need('percentage').number() * 100)}")
    return f"discount graduated {{ {'  '.join(words)} }}"


def _only(adjustment: Json, key: str) -> None:
    """An adjustment of this price alone is a step of its line; one of several prices is not."""
    others = [each.text() for each in adjustment.list_of("applies_to_price_ids")]
    if [each for each in others if each != key]:
        adjustment.lose_field(
            "applies_to_price_ids", f"it is applied to this line alone, not to {text(', '.join(others))}"
        )
    filters = adjustment.get("filters")
    for each in filters.items() if filters else ():
        field, values = each.need("field").text(), [value.text() for value in each.list_of("values")]
        operator = each.need("operator").text()
        if (field, operator, values) != ("price_id", "includes", [key]):
            each.lose("it selects other prices, and the adjustment is applied to this line alone")
