"""Balances of a contract through one billing period: opened, drawn from, invoiced and closed (steps 18 to 20).

`open_balances` makes the `Ledger` from what the statement before has left; credits in units pay before the price
(`unit_credits`), money after the adjustments (`draws`), and `settle` closes. Opening + granted = drawn + expired +
closing for every balance (rule 34). Money is in whole minor units, units are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from pricing_dsl.evaluate.reference.cells import ZERO
from pricing_dsl.evaluate.reference.draws import Till, draw_money
from pricing_dsl.evaluate.reference.lines import Rounding
from pricing_dsl.evaluate.reference.lots import Account, Grant, Schedule, decimal_down, rolled_share, stretches
from pricing_dsl.evaluate.reference.segments import LineShare, SegmentTime
from pricing_dsl.evaluate.statement import BalanceMovement, Draw, Invoiced, Lot, Row, Unpriced
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.numbers import decimal_text, minor_decimal
from pricing_dsl.values.periods import Term, instant, moment_of, seconds_of, text

Opening = Mapping[str, Any]
"""Balance name -> a `Decimal`, or a list of lots with `amount` (Decimal), `end` (ISO text or `None`), `rolled`."""

AmountOf = Callable[[ir.Expression], Fraction]
"""What an amount comes to on the quantities of this billing period, in money or units."""


@dataclass
class Ledger:
    """The balances of a contract on their way through one billing period, in the order written."""

    contract: ir.Contract
    term: Term
    accounts: tuple[Account, ...]
    rounding: Rounding
    currency: str
    amount_of: AmountOf
    explain: bool
    draws: list[Draw] = field(default_factory=list)
    """What credits in units have paid."""

    @property
    def of_units(self) -> list[Account]:
        return [account for account in self.accounts if account.balance.unit is not None]

    @property
    def of_money(self) -> list[Account]:
        return [account for account in self.accounts if account.balance.unit is None]

    def date(self, at: ir.Instant) -> str:
        """An instant as the statement writes it."""
        return text(moment_of(at, self.term.zone))


@dataclass(frozen=True, slots=True)
class Settlement:
    """What balances make of a statement: `total` gains the rows, `due` is `total` - `drawn_minor` + `invoiced_minor`.

    `draws` in the order paid, of units first; `rejected` belongs to `unpriced`; `assumed` are the balances not given.
    """

    draws: tuple[Draw, ...]
    rows: tuple[Row, ...]
    rejected: tuple[Unpriced, ...]
    invoiced: tuple[Invoiced, ...]
    movements: Mapping[str, BalanceMovement]
    assumed: tuple[str, ...]
    drawn_minor: int
    invoiced_minor: int


def term_of(contract: ir.Contract) -> Term:
    """The term, and the zone in which its months are laid."""
    return Term(contract.start, contract.end, ZoneInfo(contract.timezone))


def grant_instants(
    contract: ir.Contract, start: ir.Instant, end: ir.Instant, given: Opening | None = None
) -> tuple[ir.Instant, ...]:
    """The instants inside `(start, end)` at which a balance, a lot of it or a period of a floor starts or ends.

    They cut the billing period (step 1, rule 31). `given` are the opening balances, whose lots say their own ends.
    """
    term = term_of(contract)
    found: set[ir.Instant] = set()
    for balance in contract.balances:
        schedule = Schedule(balance, term)
        found.update(schedule.instants(start, end))
        lots = (given or {}).get(balance.name)
        for lot in lots if isinstance(lots, list) else ():
            if lot["end"] is not None:
                until = seconds_of(instant(lot["end"], term.zone))
                found.update(filter(None, (until, schedule.rolled_end(until))))
    for floor in contract.floors:
        for stretch in stretches(term, floor.cadence, floor.start, floor.end, end, start):
            found.update(stretch)
    return tuple(sorted(at for at in found if start < at < end))


# --- opening -------------------------------------------------------------------------------------------------------


def open_balances(
    contract: ir.Contract,
    period_start: ir.Instant,
    given: Opening,
    amount_of: AmountOf,
    rounding: Rounding,
    currency: str,
    *,
    explain: bool = False,
) -> Ledger:
    """The balances as they are at the instant before the period (rule 34).

    `given` is what `read_balances` has checked. A balance that is not given opens with what its earlier grants would
    have left untouched, and is assumed; where a grant reads quantities, with those of this period. One that has granted
    nothing before opens empty, and nothing is assumed of it.
    """
    term = term_of(contract)
    accounts = tuple(
        opened(Schedule(balance, term), position, period_start, given, amount_of, rounding)
        for position, balance in enumerate(contract.balances)
    )
    return Ledger(contract, term, accounts, rounding, currency, amount_of, explain)


def opened(
    schedule: Schedule,
    position: int,
    start: ir.Instant,
    given: Opening,
    amount_of: AmountOf,
    rounding: Rounding,
) -> Account:
    """One balance with its opening lots, and the grants from the period's first instant on."""
    balance = schedule.balance

    def amount_of_grant() -> Fraction:
        amount = max(amount_of(balance.amount), ZERO)
        return Fraction(rounding.minor(amount)) if balance.unit is None else decimal_down(amount)

    to_come = (grant for grant in schedule.grants(schedule.term.end, start) if grant.start >= start)
    assumed = balance.name not in given and any(True for _ in schedule.grants(start))
    account = Account(schedule, position, amount_of_grant, [], to_come, assumed)
    match given.get(balance.name):
        case None:
            for grant in schedule.grants(start, start):
                assume(account, grant, start)
        case Decimal() as number:
            end, rolled = end_of_number(schedule, start)
            account.add(held(balance, number, rounding), end, rolled=rolled)
        case lots:
            for lot in lots:
                until = None if lot["end"] is None else seconds_of(instant(lot["end"], schedule.term.zone))
                account.add(held(balance, lot["amount"], rounding), until, rolled=lot["rolled"])
    account.opening = account.left
    return account


def assume(account: Account, grant: Grant, start: ir.Instant) -> None:
    """What an earlier grant would have left untouched when the period before closed.

    What ends at `start` has ended there: it expired or rolled over with that period (step 20).
    """
    if grant.end > start:
        account.add(account.amount_of_grant(), grant.end, rolled=False)
        return
    until = account.schedule.rolled_from(grant, grant.end)
    if until is not None and until > start:
        moved, _ = rolled_share(account.schedule, account.amount_of_grant(), grant.end, rolled=False)
        account.add(moved, until, rolled=True)


def end_of_number(schedule: Schedule, start: ir.Instant) -> tuple[ir.Instant, bool]:
    """When a balance given as a bare number ends, and whether it has rolled over: with the grant in force (rule 34).

    Where none is in force any more, the last one having ended at `start` or before, it is what has rolled over from
    it (step 20); before the first one it ends with that.
    """
    earlier = schedule.last_grants(start)
    if not earlier:
        first = next(schedule.grants(schedule.term.end), None)
        return (schedule.term.end if first is None else first.end), False
    last = earlier[-1]
    until = schedule.rolled_from(last, last.end)
    if last.end <= start and until is not None:
        return until, True
    return last.end, False


def held(balance: ir.Balance, amount: Decimal, rounding: Rounding) -> Fraction:
    """An opening amount in minor units, or in units."""
    exact = Fraction(amount)
    return exact if balance.unit is not None else exact * 10**rounding.digits


# --- settling ------------------------------------------------------------------------------------------------------


def settle(ledger: Ledger, shares: Sequence[LineShare], segments: Sequence[SegmentTime]) -> Settlement:
    """Steps 18 to 20: draws, factors, what is invoiced, closing balances.

    `shares` are the net amounts of lines and top-ups by segment and cell, in statement order, after all adjustments;
    no true-up is among them. Credits in units have paid before.
    """
    till = Till(ledger.of_money, ledger.rounding, ledger.currency, ledger.explain)
    paid = draw_money(till, shares, segments)
    start, end = segments[0].start, segments[-1].end
    for account in ledger.accounts:
        account.close(end)
    invoiced = tuple(invoices(ledger, start, end))
    return Settlement(
        (*ledger.draws, *paid.draws),
        tuple(paid.rows),
        tuple(paid.rejected),
        tuple(entry for entry, _ in invoiced),
        {account.balance.name: movement(ledger, account) for account in ledger.accounts},
        tuple(f"balance {account.balance.name}" for account in ledger.accounts if account.assumed),
        paid.drawn_minor,
        sum(minor for _, minor in invoiced),
    )


def invoices(ledger: Ledger, start: ir.Instant, end: ir.Instant) -> Iterator[tuple[Invoiced, int]]:
    """What commits themselves are invoiced in `[start, end)`, in time order, and in minor units; never part of `total`.

    Per grant, or at the start of each period of the contract in which the commit is valid (section 7).
    """
    found: list[tuple[ir.Instant, ir.Balance, ir.Expression]] = []
    for account in ledger.accounts:
        amount = account.balance.invoiced
        if amount is not None:
            found.extend((at, account.balance, amount) for at in account.schedule.invoices(start, end))
    for at, balance, amount in sorted(found, key=lambda each: each[0]):
        minor = ledger.rounding.minor(max(ledger.amount_of(amount), ZERO))
        if minor:
            yield Invoiced(balance.name, minor_decimal(minor, ledger.rounding.digits), ledger.date(at)), minor


def movement(ledger: Ledger, account: Account) -> BalanceMovement:
    """What happened to one balance; its lots, the one that ends first before the others."""
    balance, digits = account.balance, ledger.rounding.digits
    lots = sorted((lot for lot in account.lots if lot.amount), key=account.order)

    def shown(amount: Fraction) -> Decimal:
        if balance.unit is not None:
            return Decimal(decimal_text(amount))
        assert amount.denominator == 1, "money is kept in whole minor units"
        return minor_decimal(amount.numerator, digits)

    return BalanceMovement(
        balance.name,
        balance.kind,
        ledger.currency if balance.unit is None else balance.unit,
        shown(account.opening),
        shown(account.granted),
        shown(account.drawn),
        shown(account.expired),
        shown(account.rolled_over),
        shown(account.left),
        tuple(Lot(shown(lot.amount), None if lot.end is None else ledger.date(lot.end), lot.rolled) for lot in lots),
        account.assumed,
    )
