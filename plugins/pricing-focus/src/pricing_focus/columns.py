"""The columns of the export: those of FOCUS 1.2 that a statement can fill, in its order, then our own.

Names, order and types are the specification's (section "Columns"; custom columns begin with `x_` and come last). All 21
mandatory columns are here, and of the others those whose condition a statement meets; the README says which are left
out and why. One scale serves all numbers: 18 digits behind the point, 20 before it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

VERSION = "1.2"

PRECISION = 38
SCALE = 18
"""Digits behind the point. Costs have at most 4; a quantity with more is rounded half to even."""


class Column(NamedTuple):
    """A column: `text`, `decimal` or `time` (an instant in UTC)."""

    name: str
    type: Literal["text", "decimal", "time"]


COLUMNS = (
    Column("BilledCost", "decimal"),
    Column("BillingAccountId", "text"),
    Column("BillingAccountName", "text"),
    Column("BillingCurrency", "text"),
    Column("BillingPeriodEnd", "time"),
    Column("BillingPeriodStart", "time"),
    Column("ChargeCategory", "text"),
    Column("ChargeClass", "text"),
    Column("ChargeDescription", "text"),
    Column("ChargePeriodEnd", "time"),
    Column("ChargePeriodStart", "time"),
    Column("CommitmentDiscountCategory", "text"),
    Column("CommitmentDiscountId", "text"),
    Column("CommitmentDiscountName", "text"),
    Column("CommitmentDiscountQuantity", "decimal"),
    Column("CommitmentDiscountStatus", "text"),
    Column("CommitmentDiscountType", "text"),
    Column("CommitmentDiscountUnit", "text"),
    Column("ConsumedQuantity", "decimal"),
    Column("ConsumedUnit", "text"),
    Column("ContractedCost", "decimal"),
    Column("EffectiveCost", "decimal"),
    Column("InvoiceId", "text"),
    Column("InvoiceIssuerName", "text"),
    Column("ListCost", "decimal"),
    Column("PricingCategory", "text"),
    Column("PricingQuantity", "decimal"),
    Column("PricingUnit", "text"),
    Column("ProviderName", "text"),
    Column("PublisherName", "text"),
    Column("ServiceCategory", "text"),
    Column("ServiceName", "text"),
    Column("SkuId", "text"),
    Column("SkuPriceId", "text"),
    Column("SubAccountId", "text"),
    Column("SubAccountName", "text"),
    Column("Tags", "text"),
    Column("x_Item", "text"),
    Column("x_Parts", "text"),
    Column("x_Target", "text"),
)

SERVICE_CATEGORIES = (
    "AI and Machine Learning",
    "Analytics",
    "Business Applications",
    "Compute",
    "Databases",
    "Developer Tools",
    "Multicloud",
    "Identity",
    "Integration",
    "Internet of Things",
    "Management and Governance",
    "Media",
    "Migration",
    "Mobile",
    "Networking",
    "Security",
    "Storage",
    "Web",
    "Other",
)
"""The allowed values of `ServiceCategory`."""
