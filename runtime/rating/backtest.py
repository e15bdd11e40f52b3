"""Two programs over the same stored usage: what each customer would have paid, who pays more, by how much and why.

Each customer and period is evaluated on its own, so that progress can be told and a run that was stopped goes on where
it was: what is done is handed back in. Meters of either program must be measured already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.evaluator import Evaluator, Period
from pricing_dsl.ir import json as ir_json
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import meters_used
from runtime.errors import RuntimeProblem
from runtime.rating.bound import Bound
from runtime.rating.preview import Opening, evaluate, pieces_of
from runtime.rating.usage import stored_usage
from runtime.store.database import Database, Work
from runtime.store.repositories import meters, programs

Key = tuple[str, str]
"""Customer, and the start of the period as it was asked for."""


class Candidate(NamedTuple):
    """One of the two programs: its IR, and the contract or plan that prices the customers who have none in it."""

    program: ir.Program
    target: str | None = None


class Compared(NamedTuple):
    """One customer in one period. `why` are the lines that differ: line, amount before, amount after."""

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
    """Compare two programs for all customers with stored usage (or those given) in some periods, one by one.

    What cannot be compared (no contract, usage that was not measured) comes as an `error` of that customer. Balances
    open as they would untouched. `done` is left out. `progress` is told how many of how many are done.
    """
    with database.reading() as work:
        everybody = sorted(customers if customers is not None else all_customers(work, tenant_id))
    todo = [(customer, period) for customer in everybody for period in periods]
    skip = set(done)
    for number, (customer, period) in enumerate(todo, start=1):
        key = customer, str(period[0])
        if key not in skip:
            with database.reading() as work:
                yield compared(work, tenant_id, before, after, customer, period)
        progress(number, len(todo))


def all_customers(work: Work, tenant_id: str) -> list[str]:
    """The customers who have a contract."""
    return sorted({row.customer for row in programs.contracts(work, tenant_id)})


def compared(
    work: Work, tenant_id: str, before: Candidate, after: Candidate, customer: str, period: Period
) -> Compared:
    try:
        one = priced(work, tenant_id, before, customer, period)
        other = priced(work, tenant_id, after, customer, period)
    except (RuntimeProblem, EvaluationError) as error:
        return Compared(customer, str(period[0]), None, None, before.program.currency, (), str(error))
    amounts = [{line["id"]: Decimal(line["net"]) for line in each["lines"]} for each in (one, other)]
    names = dict.fromkeys([*amounts[0], *amounts[1]])
    pairs = [(name, amounts[0].get(name, Decimal(0)), amounts[1].get(name, Decimal(0))) for name in names]
    why = tuple(pair for pair in pairs if pair[1] != pair[2])
    totals = Decimal(one["total"]), Decimal(other["total"])
    return Compared(customer, str(period[0]), *totals, after.program.currency, why)


def priced(work: Work, tenant_id: str, candidate: Candidate, customer: str, period: Period) -> dict[str, Any]:
    """The statement of a customer under one of the programs."""
    program = candidate.program
    contract = next((each for each in program.contracts if each.name == candidate.target), None)
    if contract is None:
        names = {row.name for row in programs.contracts(work, tenant_id, customer=customer)}
        contract = next((each for each in program.contracts if each.name in names or each.customer == customer), None)
    if contract is None:
        raise RuntimeProblem("X0103", f"the program has no contract of `{customer}`", "name one to price everybody by")
    bound = Bound((), Evaluator(program, contract), contract, measured(work, tenant_id, program, contract))
    asked = bound.evaluator.contract_period(period)
    nothing = Opening({}, {}, None)
    usage = stored_usage(work, bound, customer, pieces_of(bound, asked, nothing))
    return evaluate(bound, usage, asked, nothing).to_dict()


def measured(work: Work, tenant_id: str, program: ir.Program, contract: ir.Contract) -> dict[str, int]:
    """The store's ids of the meters that a contract reads. Raises `RuntimeProblem` X0404 for one without usage."""
    used = frozenset().union(*(meters_used(program, version.plan, contract) for version in contract.versions))
    found: dict[str, int] = {}
    for meter in program.meters:
        if meter.name not in used:
            continue
        key = ir_json.content_hash(meters.definition_of(program, meter))
        known = meters.known(work, tenant_id, meter.name, key)
        if known is None:
            raise RuntimeProblem(
                "X0404",
                f"usage of `{meter.name}` was not measured as the program says",
                "publish it, and let it measure",
            )
        found[meter.name] = known
    return found
