"""`problems(rows, columns)`: what FOCUS 1.2 has against exported rows, asked of every test's export.

`focus_1_2.toml` holds what the specification's column tables say; here stand its requirements that tie columns of a row
together, as far as they speak of columns that the export has. Rows map columns to text as CSV holds it, "" for null.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pricing_dsl.plugin.manager import load, using

SPECIFICATION: Mapping[str, Any] = tomllib.loads((Path(__file__).parent / "focus_1_2.toml").read_text())["columns"]
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
COMMITMENT = [name for name in SPECIFICATION if name.startswith("CommitmentDiscount") and not name.endswith("Status")]
Row = Mapping[str, str]
Problems = Callable[[Sequence[Row], Sequence[str]], list[str]]


@pytest.fixture(scope="module", autouse=True)
def _only_this_plugin() -> Iterator[None]:
    """What else is installed on this machine must not change what a test sees."""
    with pytest.MonkeyPatch.context() as patch, using(load(only={"focus"})):
        patch.setenv("PRICING_PLUGINS", "focus")
        yield


@pytest.fixture(scope="session")
def problems() -> Problems:
    return lambda rows, columns: [*of_columns(columns), *(p for row in rows for p in (*of_cells(row), *of_row(row)))]


def of_columns(columns: Sequence[str]) -> Iterator[str]:
    """Mandatory columns are there, custom ones say so and come last, the others are in the specification's order."""
    for name, column in SPECIFICATION.items():
        if column["level"] == "Mandatory" and name not in columns:
            yield f"{name} is mandatory and not there"
    known = [name for name in columns if name in SPECIFICATION]
    custom = [name for name in columns if name not in SPECIFICATION]
    if known != sorted(known) or list(columns) != known + custom:
        yield "columns are not in order, custom ones last"
    yield from (f"{name} is no column of FOCUS 1.2 nor custom" for name in custom if not name.startswith("x_"))


def of_cells(row: Row) -> Iterator[str]:
    """Each cell by itself: null, type, format, allowed values."""
    for name, cell in row.items():
        column = SPECIFICATION.get(name)
        if column is None:
            continue
        if not cell:
            if not column["nulls"]:
                yield f"{name} is null"
            continue
        match column["type"]:
            case "Decimal" if not NUMBER.fullmatch(cell):
                yield f"{name} is {cell!r}, no number"
            case "Date/Time" if not INSTANT.fullmatch(cell):
                yield f"{name} is {cell!r}, no instant"
            case "JSON" if any(isinstance(value, list | dict) for value in json.loads(cell).values()):
                yield f"{name} holds more than plain values"
        if cell not in column.get("values", [cell]):
            yield f"{name} is {cell!r}, not one of {column['values']}"


def of_row(row: Row) -> Iterator[str]:
    """What the requirements of a column say about another."""
    category, status, bought = row["ChargeCategory"], row["CommitmentDiscountStatus"], row["CommitmentDiscountId"]
    is_correction, priced = row["ChargeClass"] == "Correction", category in ("Usage", "Purchase")
    unused = status == "Unused"

    def demand(holds: bool, what: str) -> Iterator[str]:
        if not holds:
            yield f"{what}: {dict(row)}"

    for first, second in (("BillingPeriodStart", "BillingPeriodEnd"), ("ChargePeriodStart", "ChargePeriodEnd")):
        yield from demand(at(row[first]) < at(row[second]), f"{first} is before {second}")
    yield from demand(at(row["BillingPeriodStart"]) <= at(row["ChargePeriodStart"]), "a charge begins in its period")
    yield from demand(at(row["ChargePeriodEnd"]) <= at(row["BillingPeriodEnd"]), "a charge ends in its period")
    yield from demand(bool(re.fullmatch("[A-Z]{3}", row["BillingCurrency"])), "BillingCurrency is of ISO 4217")
    if priced and not is_correction:
        for name in ("PricingQuantity", "PricingUnit", "PricingCategory", "SkuId", "SkuPriceId"):
            yield from demand(bool(row[name]), f"{name} is not null for {category}")
    yield from demand(bool(row["SkuId"]) == bool(row["SkuPriceId"]), "SkuPriceId has one SkuId")
    yield from demand(bool(row["SkuPriceId"]) or not row["PricingCategory"], "PricingCategory is of a SkuPriceId")
    for quantity, unit in (("PricingQuantity", "PricingUnit"), ("ConsumedQuantity", "ConsumedUnit")):
        yield from demand(bool(row[quantity]) == bool(row[unit]), f"{quantity} has a unit")
    yield from demand(not row["ConsumedQuantity"] or (category == "Usage" and not unused), "only usage is consumed")
    yield from demand(bool(row["ConsumedQuantity"]) or category != "Usage" or unused, "usage is consumed")
    for name in COMMITMENT:
        may_lack = name == "CommitmentDiscountQuantity" and not priced
        yield from demand(bool(row[name]) == bool(bought) or may_lack, f"{name} is there where its id is")
    yield from demand(priced or not row["CommitmentDiscountQuantity"], "CommitmentDiscountQuantity is of usage")
    yield from demand(bool(bought) or not status, "CommitmentDiscountStatus has an id")
    yield from demand(not bought or category != "Usage" or bool(status), "usage of a commitment has a status")
    if bought and row["CommitmentDiscountQuantity"]:
        yield from demand(Decimal(row["CommitmentDiscountQuantity"]) > 0, "CommitmentDiscountQuantity is positive")
    if bought and category == "Purchase":
        yield from demand(row["EffectiveCost"] == "0", "buying what covers other charges has no effective cost")
    if status:
        yield from demand(row["BilledCost"] == "0", "what a commitment covers is not billed again")
        yield from demand(row["PricingCategory"] in ("Committed", ""), "what a commitment covers is committed")
    elif not bought:
        yield from demand(row["BilledCost"] == row["EffectiveCost"], "what covers nothing is effective as billed")


def at(instant: str) -> datetime:
    return datetime.fromisoformat(instant)
