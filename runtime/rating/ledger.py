"""What statements move in the balances of their contract: entries that are only ever added.

They are told from the statement's document, so that an audit can tell them again and compare.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from pricing_dsl.ir import nodes as ir
from runtime.store.tables import LedgerEntry, Statement


class Movement(NamedTuple):
    """One movement of a balance: `amount` is signed."""

    balance: str
    kind: str
    amount: Decimal
    unit: str
    line: str | None = None


def entries_of(
    made: Statement, contract: ir.Contract, document: Mapping[str, Any], *, brought: bool
) -> Iterator[LedgerEntry]:
    """The entries of a statement; `brought`: it opens with balances that were kept elsewhere before."""
    for each in movements(contract, document, brought=brought):
        yield LedgerEntry(
            tenant_id=made.tenant_id,
            contract_id=made.contract_id,
            balance=each.balance,
            statement_id=made.id,
            kind=each.kind,
            amount=each.amount,
            unit=each.unit,
            line=each.line,
            at=made.period_end,
            note="brought from elsewhere" if each.kind == "adjustment" else None,
        )


def movements(contract: ir.Contract, document: Mapping[str, Any], *, brought: bool = False) -> Iterator[Movement]:
    """What a statement moves: it adds up to closing - opening of each balance (to closing, where it was `brought`).

    What counts towards a postpaid commit is no balance.
    """
    floors = {floor.name for floor in contract.floors}
    for name, moved in document.get("balances", {}).items():
        if name in floors:
            continue
        unit = moved["unit"]
        for kind, amount, line in kinds(name, moved, document.get("draws", ()), brought=brought):
            if amount:
                yield Movement(name, kind, amount, unit, line)


def kinds(
    name: str, moved: Mapping[str, Any], draws: Any, *, brought: bool
) -> Iterator[tuple[str, Decimal, str | None]]:
    """Kind, signed amount and line of each movement of one balance."""
    if brought:
        yield "adjustment", Decimal(moved["opening"]), None
    yield "grant", Decimal(moved["granted"]), None
    for draw in draws:
        if draw["balance"] == name:
            yield "draw", -Decimal(draw["amount"]), draw["line"]
    yield "expiry", -Decimal(moved["expired"]), None
    rolled = Decimal(moved["rolled_over"])
    yield "rollover", -rolled, None
    yield "rollover", rolled, None
