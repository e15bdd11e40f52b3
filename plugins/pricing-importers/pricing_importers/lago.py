"""Lago: plans with their charges to a program, one plan for each.

A plan names its billable metrics by their codes only; a file may hold them next to it, as `billable_metrics` gives
them: `{"plan": {...}, "billable_metrics": [...]}`. After Lago's API reference ("The plan object", "The charge object",
"The billable metric object"); what a charge costs is in `lago_charges`.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from pricing_dsl.plugin import Imported
from pricing_importers.currencies import from_minor
from pricing_importers.lago_charges import add_charge, ranges_of
from pricing_importers.lago_metrics import Metrics
from pricing_importers.reading import Document, Json
from pricing_importers.writing import Plan, Sheet, cost_of, number

IGNORED: Mapping[str, str] = {
    "lago_id": "an id",
    "lago_billable_metric_id": "an id; the code says it",
    "lago_add_on_id": "an id; the code says it",
    "lago_parent_id": "an id",
    "billable_metric_id": "an id; the code says it",
    "id": "an id",
    "created_at": "when it was made",
    "updated_at": "when it was changed",
    "plan_code": "the plan's code again",
    "description": "free notes",
    "metadata": "free notes",
    "current_page": "which page of the list this is",
    "next_page": "where the list goes on",
    "prev_page": "where the list began",
    "total_count": "how many plans there are",
    "active_subscriptions_count": "a count of subscriptions",
    "draft_invoices_count": "a count of invoices",
    "customers_count": "a count of customers",
    "parent_id": "an id",
}
"""Fields that say nothing of an amount."""

TAXES = "taxes are no part of a program"
REASONS: Mapping[str, str] = {
    "taxes": TAXES,
    "tax_codes": TAXES,
    "usage_thresholds": "invoicing at thresholds changes when usage is billed, not what it costs",
    "regroup_paid_fees": "how fees are put on invoices is no part of a price",
    "accepts_target_wallet": "wallets belong to a contract: write `credit NAME AMOUNT`",
    "entitlements": "what a customer may use is decided where it is used",
    "cascade_updates": "a wish for an update of the plan, not a price",
}

INTERVALS: Mapping[str, str] = {"weekly": "weekly", "monthly": "monthly", "quarterly": "quarterly", "yearly": "yearly"}


def read(data: bytes) -> Imported:
    """Plans of Lago as a program. Raises `ValueError` with place, what and how to mend it."""
    document = Document(data, IGNORED, REASONS)
    root = document.root
    metrics = Metrics(root)
    plans = _plans(root)
    sheet = Sheet(plans[0].need("amount_currency"))
    written = [each for each in plans if _plan(each, sheet, metrics)]
    if not written:
        root.refuse("no plan of it can be said in a program", "give a plan billed weekly, monthly, quarterly or yearly")
    metrics.lose_unused()
    return Imported(sheet.program(*document.header("plans of Lago")), document.lost())


def _plans(root: Json) -> tuple[Json, ...]:
    if root.has("plans"):
        plans = root.need("plans").items()
        if not plans:
            root.refuse("`plans` is empty", "export at least one plan")
        meta = root.get("meta")
        if meta is not None and meta.number_of("total_pages", 1) > 1:
            meta.lose_field("total_pages", "more plans are on other pages of the list: import those as well")
        return plans
    if root.has("plan"):
        return (root.need("plan"),)
    if root.has("amount_currency"):
        return (root,)
    raise root.refusal("it has neither `plan` nor `plans`", "give what Lago's API answers for a plan or a list of them")


def _plan(each: Json, sheet: Sheet, metrics: Metrics) -> bool:
    """Write one plan; whether it can be."""
    currency = each.need("amount_currency").text()
    if currency != sheet.currency:
        each.lose(f"its currency is {currency} and a program has one, here {sheet.currency}: import it on its own")
        return False
    interval = each.need("interval").text()
    if interval not in INTERVALS:
        each.lose(f"it is billed {interval}, and a program has no such billing period")
        return False
    is_monthly = each.truth_of("bill_charges_monthly") and interval in ("yearly", "quarterly")
    code = each.need("code").key()
    said = each.text_of("invoice_display_name") or each.text_of("name")
    each.text_of("name")
    plan = sheet.plan(code, said, "monthly" if is_monthly else INTERVALS[interval])
    _fee(each, plan, sheet, INTERVALS[interval], said)
    for charge in each.list_of("charges"):
        add_charge(charge, plan, sheet, metrics)
    fees_monthly = each.truth_of("bill_fixed_charges_monthly") and interval in ("yearly", "quarterly")
    for fixed in each.list_of("fixed_charges"):
        _fixed_charge(fixed, plan, "monthly" if fees_monthly else INTERVALS[interval])
    _commitment(each, plan, sheet, INTERVALS[interval])
    trial = each.get("trial_period")
    if trial is not None and trial.number():
        trial.lose("a trial belongs to a contract: write a phase `from day 1 to day N { remove subscription }`")
    return True


def _fee(each: Json, plan: Plan, sheet: Sheet, interval: str, said: str) -> None:
    """The subscription; Lago bills a partial period by its days."""
    amount = from_minor(each.need("amount_cents").number(), sheet.currency)
    timing = "in advance" if each.truth_of("pay_in_advance") else "in arrears"
    if amount:
        plan.fee(plan.names.give("subscription"), said, amount, f"{interval} {timing} prorated by day")


def _fixed_charge(each: Json, plan: Plan, interval: str) -> None:
    """A number of units of an add-on: a fee of what they cost."""
    code = each.text_of("add_on_code")
    name = plan.names.give(each.text_of("code") or code or "fixed")
    units = each.number_of("units", 1)
    model = each.need("charge_model").one_of("standard", "graduated", "volume")
    properties = each.need("properties")
    if model == "standard":
        unit = properties.need("amount").number()
        amount, how = unit * units, f"{number(units)} of add-on {code} at {number(unit)} each"
    else:
        kind = "graduated" if model == "graduated" else "volume"
        amount = cost_of(
            "graduated" if model == "graduated" else "volume", ranges_of(properties, f"{kind}_ranges"), units
        )
        how = f"{number(units)} of add-on {code} by {kind} tiers"
    timing = "in advance" if each.truth_of("pay_in_advance") else "in arrears"
    prorated = " prorated by day" if each.truth_of("prorated") else ""
    plan.fee(name, each.text_of("invoice_display_name"), amount, f"{interval} {timing}{prorated}", how)


def _commitment(each: Json, plan: Plan, sheet: Sheet, interval: str) -> None:
    commitment = each.get("minimum_commitment")
    if commitment is None:
        return
    own = commitment.text_of("interval", interval)
    said = commitment.text_of("invoice_display_name")
    amount = from_minor(commitment.need("amount_cents").number(), sheet.currency)
    if own != plan.bill:
        commitment.lose(
            f"it holds {own} while the plan bills {plan.bill}: write a `commit ... postpaid` in the contract"
        )
    elif amount > Fraction(0):
        plan.add(f"minimum {number(amount)} prorated by day as minimum_commitment", said)
