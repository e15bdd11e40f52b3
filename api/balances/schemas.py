from __future__ import annotations

from api.schemas import Given, Instant


class Entry(Given):
    """One movement: grant, draw, expiry, rollover, adjustment. `amount` is signed."""

    id: int
    balance: str
    kind: str
    amount: str
    unit: str
    line: str | None
    statement: str | None
    at: Instant


class Balances(Given):
    """What each balance has left, the sum of all its entries, as of the last finalised statement."""

    customer: str
    contract: str
    balances: dict[str, str]
    entries: list[Entry]
    next: str | None = None
