"""What a period of a contract comes to as things stand: stored usage, usage that is handed over, or both together.

A period opens with what the statement before it closed with. Where that one is not finalised yet, the periods since the
last finalised one are evaluated in turn, and the preview says that it stands on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from pricing_dsl.evaluate.evaluator import Period
from pricing_dsl.evaluate.opening import read_balances
from pricing_dsl.evaluate.reference.agreement import segments_of
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.values.numbers import decimal_text
from pricing_dsl.values.periods import ContractPeriod, containing, moment_of
from runtime.errors import RuntimeProblem
from runtime.limits import UNFINALISED_PERIODS_MAX
from runtime.rating.bound import Binder, Bound, instant
from runtime.rating.documents import loaded
from runtime.rating.usage import Piece, stored_usage
from runtime.store.database import Database, Work
from runtime.store.repositories import programs, statements
from runtime.store.tables import Contract

Usage = Mapping[str, Any] | Sequence[Mapping[str, Any]]
Source = Literal["stored", "supplied", "both"]


class Opening(NamedTuple):
    """What a period opens with. `since` is the end of the last finalised period, where there are others in between."""

    balances: Mapping[str, Any]
    counters: Mapping[str, Any]
    since: str | None


@dataclass(frozen=True, slots=True)
class Preview:
    """A statement that is not kept, with what it was computed from."""

    statement: Statement
    bound: Bound
    contract: Contract
    period: ContractPeriod
    usage: Usage
    opening: Opening


class Previewer:
    """Previews on one database. Keeps evaluators; thread-safe."""

    def __init__(self, database: Database, binder: Binder | None = None) -> None:
        self.database = database
        self.binder = binder or Binder()

    def preview(
        self,
        tenant_id: str,
        customer: str,
        period: Period | None = None,
        *,
        contract: str | None = None,
        usage: Usage | None = None,
        source: Source = "stored",
        balances: Mapping[str, Any] | None = None,
        counters: Mapping[str, Any] | None = None,
        explain: bool = False,
    ) -> Preview:
        """What a period of a customer's contract comes to; without a period, the first of its term.

        `usage` is counted instead of what is stored ("supplied"), or with it ("both": what adds up is added, what does
        not is an error). `balances` and `counters` open the period instead of what the one before closed with.

        Raises `RuntimeProblem` (X01..: no such tenant or contract; X0404, X0406) and `EvaluationError`.
        """
        with self.database.reading() as work:
            programs.require_tenant(work, tenant_id)
            row = programs.contract(work, tenant_id, customer, contract)
            bound = self.binder.bind(work, row)
            asked = bound.evaluator.contract_period(period)
            if balances is None and counters is None:
                opening = self.opening(work, row, bound, asked)
            else:
                opening = Opening(balances or {}, counters or {}, None)
            counted = self.usage_of(work, row, bound, asked, opening, usage, source)
        statement = evaluate(bound, counted, asked, opening, explain=explain)
        return Preview(statement, bound, row, asked, counted, opening)

    def usage_of(
        self,
        work: Work,
        row: Contract,
        bound: Bound,
        period: ContractPeriod,
        opening: Opening,
        usage: Usage | None,
        source: Source,
    ) -> Usage:
        if source == "supplied":
            return usage or {}
        stored = stored_usage(work, bound, row.customer, pieces_of(bound, period, opening))
        return stored if source == "stored" or not usage else both(bound, stored, usage)

    def opening(self, work: Work, row: Contract, bound: Bound, period: ContractPeriod) -> Opening:
        """What the period before closed with, evaluated where it is not finalised."""
        waiting: list[ContractPeriod] = []
        at = period
        while True:
            if at.start <= bound.contract.start:
                known = Opening({}, {}, None)
                break
            at = period_before(bound, at)
            assert row.id is not None
            finalised = statements.statement_of(work, row.id, instant(at.start))
            if finalised is not None:
                known = closing_of(loaded(finalised.document), None)
                break
            waiting.append(at)
            if len(waiting) > UNFINALISED_PERIODS_MAX:
                raise RuntimeProblem(
                    "X0405",
                    f"more than {UNFINALISED_PERIODS_MAX} periods before this one are not finalised",
                    "finalise them in their order, or hand over balances and counters",
                )
        since = instant(waiting[-1].start).isoformat() if waiting else None
        for each in reversed(waiting):
            usage = stored_usage(work, bound, row.customer, pieces_of(bound, each, known))
            statement = evaluate(bound, usage, each, known)
            known = closing_of(statement.to_dict(), since)
        return known


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


def dates_of(period: ContractPeriod) -> Period:
    return moment_of(period.start, period.zone), moment_of(period.end, period.zone)


def pieces_of(bound: Bound, period: ContractPeriod, opening: Opening) -> list[Piece]:
    """The segments into which a period is cut."""
    balances = read_balances(bound.evaluator.program, bound.contract, opening.balances)
    return [(time.start, time.end) for time in segments_of(bound.contract, period, balances)]


def period_before(bound: Bound, period: ContractPeriod) -> ContractPeriod:
    """The billing period that ends where one begins."""
    bill = bound.contract.bill
    anchor = moment_of(bound.contract.start, period.zone).date() if bill.from_term else None
    whole = containing(bill.cadence, bill.day, period.zone, moment_of(period.start - 1, period.zone), anchor)
    return bound.evaluator.contract_period((whole.start, whole.end))


def closing_of(document: Mapping[str, Any], since: str | None) -> Opening:
    """What a statement's period leaves to the next."""
    return Opening(document.get("balances", {}), document.get("counters", {}), since)


def both(bound: Bound, stored: Usage, supplied: Usage) -> Usage:
    """Stored and supplied usage together. Raises `RuntimeProblem` X0404 for a meter whose numbers cannot be added."""
    if not isinstance(stored, Mapping) or not isinstance(supplied, Mapping):
        raise RuntimeProblem(
            "X0404",
            "the period is cut, and usage is added for uncut periods only",
            "hand over the whole period's usage",
        )
    meters = {meter.name: meter for meter in bound.evaluator.program.meters}
    merged: dict[str, Any] = dict(stored)
    for name, given in supplied.items():
        more = list(given) if isinstance(given, list | tuple) else [{"quantity": given}]
        known = merged.get(name, [])
        meter = meters.get(name)
        if known and meter is not None and not meter.adds_over_time:
            raise RuntimeProblem(
                "X0404", f"`{name}` does not add up: its stored usage is a result already", "hand it over alone"
            )
        merged[name] = added(known, more)
    return merged


def added(known: Sequence[Mapping[str, Any]], more: Sequence[Any]) -> list[Any]:
    """Cells of both, one for each combination of dimension values."""
    sums: dict[tuple[tuple[str, str], ...], Fraction] = {}
    for cell in (*known, *more):
        dimensions = tuple(sorted((name, str(value)) for name, value in cell.items() if name != "quantity"))
        sums[dimensions] = sums.get(dimensions, Fraction(0)) + Fraction(str(cell["quantity"]))
    return [{**dict(dimensions), "quantity": decimal_text(total)} for dimensions, total in sums.items()]
