"""One billing period of a bound contract, evaluated: what it opens with, how it is cut, what it leaves to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from pricing_dsl.evaluate.opening import read_balances
from pricing_dsl.evaluate.reference.agreement import segments_of
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.values.periods import ContractPeriod, containing, moment_of, seconds_of
from runtime.rating.bound import Bound
from runtime.rating.usage import Piece

Usage = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Opening(NamedTuple):
    """What a period opens with. `since` is the end of the last finalised period, where there are others in between."""

    balances: Mapping[str, Any]
    counters: Mapping[str, Any]
    since: str | None


NOTHING: Final = Opening({}, {}, None)
"""What the first period of a term opens with."""


def evaluate(
    bound: Bound,
    usage: Usage,
    period: ContractPeriod,
    opening: Opening,
    corrections: Sequence[Mapping[str, Any]] = (),
    *,
    explain: bool = False,
) -> Statement:
    """The statement of a bound contract."""
    run = bound.evaluator.explain if explain else bound.evaluator
    return run(usage, dates_of(period), opening.balances, opening.counters, corrections)


def dates_of(period: ContractPeriod) -> tuple[datetime, datetime]:
    return moment_of(period.start, period.zone), moment_of(period.end, period.zone)


def pieces_of(bound: Bound, period: ContractPeriod, opening: Opening) -> list[Piece]:
    """The segments into which a period is cut."""
    balances = read_balances(bound.evaluator.program, bound.contract, opening.balances)
    return [Piece(time.start, time.end) for time in segments_of(bound.contract, period, balances)]


def period_before(bound: Bound, period: ContractPeriod) -> tuple[datetime, datetime]:
    """The billing period that ends where one begins; for a part of one, the part before it."""
    assert period.whole is not None
    if period.start > max(seconds_of(period.whole.start), period.term.start):
        return period.whole.start, moment_of(period.start, period.zone)
    bill = bound.contract.bill
    anchor = moment_of(bound.contract.start, period.zone).date() if bill.from_term else None
    whole = containing(bill.cadence, bill.day, period.zone, moment_of(period.start - 1, period.zone), anchor)
    return whole.start, whole.end


def period_after(bound: Bound, period: ContractPeriod) -> tuple[datetime, datetime]:
    """The billing period that follows the one that a period lies in."""
    assert period.whole is not None
    bill = bound.contract.bill
    anchor = moment_of(bound.contract.start, period.zone).date() if bill.from_term else None
    whole = containing(bill.cadence, bill.day, period.zone, period.whole.end, anchor)
    return whole.start, whole.end


def closing_of(document: Mapping[str, Any], since: str | None = None) -> Opening:
    """What a statement's period leaves to the next."""
    return Opening(document.get("balances", {}), document.get("counters", {}), since)


def opened_with(bound: Bound, closing: Opening) -> Opening:
    """What was left, without postpaid commits that the contract has no more: they have stopped counting.

    Of prepaid ones something is left, so a contract that follows its versions keeps them.
    """
    known = {balance.name for balance in bound.contract.balances} | {floor.name for floor in bound.contract.floors}
    return closing._replace(balances={name: left for name, left in closing.balances.items() if name in known})
