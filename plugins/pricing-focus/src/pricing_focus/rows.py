"""Statements to rows: what each line, top-up, draw and invoiced commit costs, in the columns of FOCUS.

- A line is one row of its net amount: a discount is never a row of its own ("discount handling"). A commit that pays
  a part of it takes that part out into a row whose `BilledCost` is 0 and whose `EffectiveCost` is what was drawn; its
  share of the quantity follows the money. A credit that pays is a row of its own with a negative cost.
- A top-up that no line has is an adjustment, a true-up too; a later discount on it lowers it.
- What is invoiced for a commit is a purchase; its cost becomes effective when it is drawn, or expires unused.

So `BilledCost` adds up to `due`, what is invoiced, and `EffectiveCost` to what was used, whoever pays it and when.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal, Inexact, localcontext
from fractions import Fraction
from typing import Any

from pricing_focus.columns import PRECISION, SCALE
from pricing_focus.facts import Facts

Cell = str | Decimal | datetime | None
Row = dict[str, Cell]
"""Column -> cell; a column that is not there is null."""

EXACT = Context(prec=4 * PRECISION, traps=[Inexact])
"""Sums that would be rounded raise instead."""
NOTHING = Decimal(0)
BALANCE_FACTORS = "balance_factors"
COMMIT_TYPE = "Prepaid Commit"


@dataclass
class Item:
    """Something on a statement that costs money: a line, or a row without one.

    `gross` is its cost at the contract's prices, `payable` what is left of it after adjustments and factors.
    """

    id: str
    description: str
    category: str
    gross: Decimal
    payable: Decimal
    quantity: Fraction | None = None
    unit: str | None = None
    parts: str | None = None
    is_correction: bool = False

    @property
    def is_line(self) -> bool:
        return self.quantity is not None


def rows_of(statements: Sequence[Mapping[str, Any]], options: Mapping[str, str]) -> list[Row]:
    """The rows of all statements. Raises `ValueError` for one that cannot be exported."""
    with localcontext(EXACT):
        return [row for statement in statements for row in _Export(statement, options).rows()]


class _Export:
    """One statement on its way to rows."""

    def __init__(self, statement: Mapping[str, Any], options: Mapping[str, str]) -> None:
        self.statement = statement
        self.facts = Facts(statement, options)
        self.currency: str = statement["currency"]
        self.period = self._period()
        self.segments = [
            (self.facts.instant(each["from"]), self.facts.instant(each["to"])) for each in statement.get("segments", ())
        ] or [self.period]
        facts = self.facts
        self.common: Row = {
            "BillingAccountId": facts.account(),
            "BillingAccountName": facts.may("billing_account_name"),
            "BillingCurrency": self.currency,
            "BillingPeriodStart": self.period[0],
            "BillingPeriodEnd": self.period[1],
            "ChargePeriodStart": self.period[0],
            "ChargePeriodEnd": self.period[1],
            "InvoiceId": facts.may("invoice"),
            "InvoiceIssuerName": facts.may("invoice_issuer") or facts.must("provider"),
            "ProviderName": facts.must("provider"),
            "PublisherName": facts.may("publisher") or facts.must("provider"),
            "SubAccountId": facts.may("sub_account"),
            "SubAccountName": facts.may("sub_account_name"),
            "Tags": facts.tags(),
            "x_Target": statement["target"],
        }

    def _period(self) -> tuple[datetime, datetime]:
        statement, who = self.statement, self.facts.who
        if statement.get("unpriced"):
            raise ValueError(f"{who} has unpriced usage, so it is a preview and nothing that was billed")
        if statement.get("assumed"):
            raise ValueError(
                f"{who} is a preview: its opening state was assumed ({', '.join(statement['assumed'])}); "
                f"price it with `--balances` and `--counters`"
            )
        if statement.get("period") is None:
            raise ValueError(f"{who} has no period; price it with `--period`")
        return self.facts.instant(statement["period"]["from"]), self.facts.instant(statement["period"]["to"])

    def rows(self) -> list[Row]:
        """All rows, whose `BilledCost` is checked to add up to what is due."""
        draws: dict[str, list[Mapping[str, Any]]] = {}
        for draw in self.statement.get("draws", ()):
            if self.statement["balances"][draw["balance"]]["unit"] == self.currency:  # units never become money
                draws.setdefault(draw["line"], []).append(draw)
        rows = [row for item in self._items() for row in self._rows_of(item, draws.get(item.id, []))]
        rows += [*self._purchases(), *self._unused()]
        billed = sum((row["BilledCost"] for row in rows if isinstance(row["BilledCost"], Decimal)), NOTHING)
        if billed != Decimal(self.statement["due"]):
            raise ValueError(f"{self.facts.who} does not add up: its rows are {billed}, due is {self.statement['due']}")
        return rows

    # --- what costs money ---

    def _items(self) -> list[Item]:
        """Lines and rows without a line, each with what is payable of it."""
        items = [self._line(line) for line in self.statement["lines"]]
        by_id = {item.id: item for item in items}
        for row in self.statement["adjustments"]:
            rest = sum((-Decimal(share) for share in row["lines"].values()), Decimal(row["amount"]))
            target = by_id.get(row["id"].removeprefix(f"{BALANCE_FACTORS}_"))
            above = [item for item in items if not item.is_line and item.payable > 0]
            if row["kind"] == BALANCE_FACTORS and target is not None:
                target.payable += rest
            elif rest < 0 and row["kind"] in ("discount", "maximum") and above:
                for item, share in zip(above, _shared(rest, [item.payable for item in above]), strict=True):
                    item.payable += share
            elif rest:
                by_id[row["id"]] = _without_line(row, rest)
                items.append(by_id[row["id"]])
        return items

    def _line(self, line: Mapping[str, Any]) -> Item:
        parts = {
            ", ".join(f"{name}={value}" for name, value in part["dimensions"].items()): part["amount"]
            for part in line.get("parts", ())
        }
        return Item(
            id=line["id"],
            description=line["label"],
            category="Purchase" if line["kind"] == "fee" else "Usage",
            gross=Decimal(line["amount"]),
            payable=Decimal(line["net"]),
            quantity=Fraction(line["quantity"]),
            unit=line["unit"],
            parts=json.dumps(parts, ensure_ascii=False) if parts else None,
        )

    def _rows_of(self, item: Item, draws: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
        """What nobody has paid yet, what each commit paid, and what each credit took off."""
        commits = [draw for draw in draws if self.facts.was_bought(draw["balance"])]
        credits_ = [draw for draw in draws if draw not in commits]
        paid = [Decimal(draw["amount"]) for draw in commits]
        rest = item.payable - sum(paid, NOTHING)
        weights = [*([rest] if rest or not paid else []), *paid]
        quantities = [None] * len(weights) if item.quantity is None else _shared(_rounded(item.quantity), weights)
        gross = _shared(item.gross, weights)
        pieces = list(zip(weights, quantities, gross, strict=True))
        first = len(pieces) - len(paid)
        for amount, quantity, contracted in pieces[:first]:
            yield {**self._row(item, quantity, contracted), "BilledCost": amount, "EffectiveCost": amount}
        for draw, (amount, quantity, contracted) in zip(commits, pieces[first:], strict=True):
            yield {**self._row(item, quantity, contracted), **self._covered(item, quantity, draw, amount)}
        for draw in credits_:
            yield self._credited(item, draw)

    def _row(self, item: Item, quantity: Decimal | None, contracted: Decimal) -> Row:
        row = {
            **self.common,
            **self._service(item.id if item.is_line else None),
            "ChargeCategory": item.category,
            "ChargeClass": "Correction" if item.is_correction else None,
            "ChargeDescription": item.description,
            "ContractedCost": contracted,
            "ListCost": contracted,
            "x_Item": item.id,
            "x_Parts": item.parts,
        }
        item.parts = None  # on the item's first row only, so that parts can be added up
        if item.is_line:
            row |= {
                "PricingCategory": "Standard",
                "PricingQuantity": quantity,
                "PricingUnit": item.unit,
                "SkuId": item.id,
                "SkuPriceId": item.id,
            }
        if item.category == "Usage":
            row |= {"ConsumedQuantity": quantity, "ConsumedUnit": item.unit}
        return row

    def _service(self, line: str | None) -> Row:
        return {"ServiceName": self.facts.must("service", line), "ServiceCategory": self.facts.category(line)}

    # --- who pays ---

    def _covered(self, item: Item, quantity: Decimal | None, draw: Mapping[str, Any], amount: Decimal) -> Row:
        """What a row that a commit pays has instead. The draw is usage of the commit, though it pays a fee."""
        start, end = self.segments[draw["segment"]]
        row: Row = {
            "BilledCost": NOTHING,
            "EffectiveCost": amount,
            "ChargeDescription": f"{item.description}, paid by {draw['balance']}",
            "ChargePeriodStart": start,
            "ChargePeriodEnd": end,
            **self._commit(draw["balance"], amount, "Used"),
        }
        if not item.is_line:
            return {**row, "CommitmentDiscountQuantity": None}
        usage: Row = {"ChargeCategory": "Usage", "ConsumedQuantity": quantity, "ConsumedUnit": item.unit}
        return {**row, **usage, "PricingCategory": "Committed"}

    def _commit(self, name: str, quantity: Decimal, status: str | None) -> Row:
        return {
            "CommitmentDiscountCategory": "Spend",
            "CommitmentDiscountId": f"{self.statement['target']}/{name}",
            "CommitmentDiscountName": name,
            "CommitmentDiscountQuantity": quantity,
            "CommitmentDiscountStatus": status,
            "CommitmentDiscountType": COMMIT_TYPE,
            "CommitmentDiscountUnit": self.currency,
        }

    def _credited(self, item: Item, draw: Mapping[str, Any]) -> Row:
        start, end = self.segments[draw["segment"]]
        amount = -Decimal(draw["amount"])
        return {
            **self.common,
            **self._service(item.id if item.is_line else None),
            **dict.fromkeys(("BilledCost", "EffectiveCost", "ContractedCost", "ListCost"), amount),
            "ChargeCategory": "Credit",
            "ChargeDescription": f"{draw['balance']} on {item.description}",
            "ChargePeriodStart": start,
            "ChargePeriodEnd": end,
            "x_Item": draw["balance"],
        }

    def _purchases(self) -> Iterator[Row]:
        """What is invoiced for commits. Units that were bought never become money again, so their cost is effective."""
        invoiced = self.statement.get("invoiced", ())
        for name in dict.fromkeys(entry["commit"] for entry in invoiced):
            movement = self.statement["balances"][name]
            entries = [entry for entry in invoiced if entry["commit"] == name]
            amounts = [Decimal(entry["amount"]) for entry in entries]
            granted = Decimal(movement["granted"])
            quantities = _shared(granted, amounts) if granted else amounts
            for entry, amount, quantity in zip(entries, amounts, quantities, strict=True):
                is_money = movement["unit"] == self.currency
                yield {
                    **self._balance_row(name, amount),
                    "BilledCost": amount,
                    "ContractedCost": amount,
                    "EffectiveCost": NOTHING if is_money else amount,
                    "ListCost": amount,
                    "ChargeCategory": "Purchase",
                    "ChargeDescription": f"Commit {name}, invoiced at {entry['at']}",
                    "PricingCategory": "Standard",
                    **(self._commit(name, quantity, None) if is_money and quantity else {}),
                }

    def _unused(self) -> Iterator[Row]:
        """What of a commit expired in the period without having paid anything."""
        for name in self.facts.bought():
            movement = self.statement["balances"][name]
            expired = Decimal(movement["expired"])
            if movement["unit"] == self.currency and expired:
                yield {
                    **self._balance_row(name, expired),
                    "BilledCost": NOTHING,
                    "ContractedCost": NOTHING,
                    "EffectiveCost": expired,
                    "ListCost": NOTHING,
                    "ChargeCategory": "Usage",
                    "ChargeDescription": f"Commit {name}, expired unused",
                    "PricingCategory": "Committed",
                    **self._commit(name, expired, "Unused"),
                }

    def _balance_row(self, name: str, quantity: Decimal) -> Row:
        return {
            **self.common,
            **self._service(None),
            "PricingQuantity": quantity,
            "PricingUnit": self.currency,
            "SkuId": name,
            "SkuPriceId": name,
            "x_Item": name,
        }


def _without_line(row: Mapping[str, Any], amount: Decimal) -> Item:
    """A row that is no line's: a top-up, a true-up, a correction."""
    kind = row["kind"].replace("_", "-")
    return Item(
        id=row["id"],
        description=f"{kind.capitalize()} {row['id']}",
        category="Adjustment",
        gross=amount,
        payable=amount,
        is_correction=row["kind"] == "correction",
    )


def _rounded(quantity: Fraction) -> Decimal:
    """A quantity to `SCALE` digits, half to even. Raises `ValueError` where it has too many before the point."""
    scaled = round(quantity * 10**SCALE)
    if abs(scaled) >= 10**PRECISION:
        raise ValueError(f"a quantity of {quantity} has more than {PRECISION - SCALE} digits, more than a file holds")
    return Decimal(scaled).scaleb(-SCALE)


def _shared(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """An amount in proportion to weights that are not negative, by largest remainder in its own last digit.

    >>> [str(share) for share in _shared(Decimal("0.10"), [Decimal(1), Decimal(1), Decimal(1)])]
    ['0.04', '0.03', '0.03']
    """
    if len(weights) == 1:
        return [amount]
    step = Decimal(1).scaleb(int(amount.as_tuple().exponent))
    whole, total = Fraction(amount / step), Fraction(sum(weights, NOTHING))
    exact = [whole * Fraction(weight) / total for weight in weights]
    parts = [Decimal(each.numerator // each.denominator) for each in exact]
    order = sorted(range(len(parts)), key=lambda place: Fraction(parts[place]) - exact[place])
    for place in order[: int(whole - Fraction(sum(parts, NOTHING)))]:
        parts[place] += 1
    return [part * step for part in parts]
