"""Two programs over the same stored usage: what each customer would have paid, who pays more, by how much and why.

Each customer and period is evaluated on its own, so that progress can be told and a run that was stopped goes on where
it was: what is done is handed back in. Meters of either program must be measured already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.evaluator import Period
from pricing_dsl.ir import nodes as ir
from runtime.errors import RuntimeProblem
from runtime.limits import EVALUATORS_KEPT
from runtime.rating.bound import Bound, Cache
from runtime.rating.evaluation import NOTHING, evaluate, pieces_of
from runtime.rating.unbound import agreed_for, measured, require_measured, unbound
from runtime.rating.usage import stored_usage
from runtime.store.database import Database, Work
from runtime.store.repositories import meters, programs, usage
from runtime.store.repositories.meters import Measuring

__all__ = ["Candidate", "Compared", "Key", "Side", "backtest", "measured"]

Key = tuple[str, str]
"""Customer, and the start of the period as it was asked for."""


class Candidate(NamedTuple):
    """One of the two programs: its IR, and the contract that prices everybody; `None`: each customer's own."""

    program: ir.Program
    target: str | None = None


class Compared(NamedTuple):
    """One customer in one period. `why` are the rows that differ: lines and adjustments, amount before, amount after.

    The differences of `why` add up to that of the totals.
    """

    customer: str
    period: str
    before: Decimal | None
    after: Decimal | None
    currency: str
    why: tuple[tuple[str, Decimal, Decimal], ...]
    error: str | None = None

    @property
    def difference(self) -> Decimal | None:
        return None if self.before is None or self.after is None else self.after - self.before


class Side:
    """One of the two programs, with the evaluators that it was asked for."""

    def __init__(self, tenant_id: str, candidate: Candidate, epochs: Sequence[Measuring]) -> None:
        self.tenant_id = tenant_id
        self.candidate = candidate
        self.epochs = epochs
        self._bound: Cache[Bound] = Cache(EVALUATORS_KEPT)

    def priced(self, work: Work, customer: str, period: Period) -> dict[str, Any]:
        """The statement of a customer; balances open as they would untouched."""
        program = self.candidate.program
        contract = agreed_for(work, self.tenant_id, program, customer, self.candidate.target)
        bound = self._bound.get(contract.name, lambda: unbound(work, self.tenant_id, program, contract))
        asked = bound.evaluator.contract_period(period)
        require_measured(self.epochs, bound, asked)
        used = stored_usage(work, bound, customer, pieces_of(bound, asked, NOTHING))
        statement = evaluate(bound, used, asked, NOTHING)
        if statement.unpriced:
            first = statement.unpriced[0]
            raise RuntimeProblem(
                "X0405",
                f"{len(statement.unpriced)} entries of usage are unpriced, the first on `{first.line}`: {first.reason}",
                "give that usage a price, or `free`",
            )
        return statement.to_dict()


def backtest(
    database: Database,
    tenant_id: str,
    before: Candidate,
    after: Candidate,
    periods: Sequence[Period],
    customers: Collection[str] | None = None,
    *,
    done: Collection[Key] = (),
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Iterator[Compared]:
    """Compare two programs for all customers (or those given) in some periods, one by one.

    What cannot be compared (no contract, usage that was not measured or has no price) comes as an `error` of that
    customer. `done` is left out. `progress` is told how many of how many are done.

    Raises `RuntimeProblem` X0404 for programs of two currencies.
    """
    require_one_currency(before.program, after.program)
    with database.reading() as work:
        programs.require_tenant(work, tenant_id)
        epochs = meters.measuring(work, tenant_id)
        sides = Side(tenant_id, before, epochs), Side(tenant_id, after, epochs)
        everybody = sorted(customers if customers is not None else all_customers(work, tenant_id, sides))
    todo = [(customer, period) for customer in everybody for period in periods]
    skip = set(done)
    for number, (customer, period) in enumerate(todo, start=1):
        if (customer, str(period[0])) not in skip:
            with database.reading() as work:
                yield compared(work, *sides, customer, period)
        progress(number, len(todo))


def require_one_currency(before: ir.Program, after: ir.Program) -> None:
    """Raise `RuntimeProblem` X0404 for amounts that cannot be compared."""
    if before.currency != after.currency:
        raise RuntimeProblem(
            "X0404",
            f"one program prices in {before.currency}, the other in {after.currency}",
            "compare programs of one currency",
        )


def all_customers(work: Work, tenant_id: str, sides: Sequence[Side]) -> set[str]:
    """The customers who have a contract; where one is named that prices everybody, those with usage too."""
    found = {row.customer for row in programs.contracts(work, tenant_id)}
    if all(side.candidate.target is not None for side in sides):
        ids = {definition.id for epoch in sides[0].epochs for definition in epoch.definitions}
        found.update(usage.customers(work, sorted(ids)))
    return found


def compared(work: Work, before: Side, after: Side, customer: str, period: Period) -> Compared:
    """One customer in one period."""
    currency = before.candidate.program.currency
    try:
        one, other = before.priced(work, customer, period), after.priced(work, customer, period)
    except (RuntimeProblem, EvaluationError) as error:
        return Compared(customer, str(period[0]), None, None, currency, (), error.message)
    amounts = rows_of(one), rows_of(other)
    names = dict.fromkeys([*amounts[0], *amounts[1]])
    pairs = [(name, amounts[0].get(name, Decimal(0)), amounts[1].get(name, Decimal(0))) for name in names]
    why = tuple(pair for pair in pairs if pair[1] != pair[2])
    return Compared(customer, str(period[0]), Decimal(one["total"]), Decimal(other["total"]), currency, why)


def rows_of(document: dict[str, Any]) -> dict[str, Decimal]:
    """Lines and adjustments of a statement by name: they add up to its total."""
    rows = {line["id"]: Decimal(line["amount"]) for line in document["lines"]}
    for row in document["adjustments"]:
        name = f"{row['kind']} {row['id']}"
        rows[name] = rows.get(name, Decimal(0)) + Decimal(row["amount"])
    return rows
