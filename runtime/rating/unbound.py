"""A program that nobody is bound to, over stored usage: a draft, or one of two that are compared.

Its meters must be measured already, by a published program that defines them in the same way, in all of the period.
"""

from __future__ import annotations

from collections.abc import Sequence

from pricing_dsl.evaluate.evaluator import Evaluator
from pricing_dsl.ir import json as ir_json
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import meters_used
from pricing_dsl.values.periods import LAST, ContractPeriod, seconds_of
from runtime.errors import RuntimeProblem
from runtime.rating.bound import Bound, Source, instant
from runtime.store.database import Work
from runtime.store.repositories import meters, programs


def agreed_for(work: Work, tenant_id: str, program: ir.Program, customer: str, target: str | None) -> ir.Contract:
    """The contract of a program that prices a customer.

    It is the one that is named, else one of a name that the customer is bound to, else one that names the customer.
    Raises `RuntimeProblem` X0103.
    """
    if target is not None:
        named = next((each for each in program.contracts if each.name == target), None)
        if named is None:
            there = ", ".join(f"`{each.name}`" for each in program.contracts) or "none"
            raise RuntimeProblem("X0103", f"the program has no contract `{target}`", f"there are: {there}")
        return named
    bound_to = {row.name for row in programs.contracts(work, tenant_id, customer=customer)}
    found = next((each for each in program.contracts if each.name in bound_to), None)
    found = found or next((each for each in program.contracts if each.customer == customer), None)
    if found is None:
        raise RuntimeProblem("X0103", f"the program has no contract of `{customer}`", "name one to price everybody by")
    return found


def unbound(work: Work, tenant_id: str, program: ir.Program, contract: ir.Contract, *, stored: bool = True) -> Bound:
    """A contract of a program that need not be published; not `stored`: only for usage that is handed over.

    Raises `RuntimeProblem` X0404 as `measured` does.
    """
    sources = measured(work, tenant_id, program, contract) if stored else {}
    return Bound((), Evaluator(program, contract), contract, sources)


def measured(work: Work, tenant_id: str, program: ir.Program, contract: ir.Contract) -> dict[str, Source]:
    """Where the usage of the meters that a contract reads is. Raises `RuntimeProblem` X0404 for one without usage."""
    used = frozenset().union(*(meters_used(program, version.plan, contract) for version in contract.versions))
    found: dict[str, Source] = {}
    for meter in program.meters:
        if meter.name not in used:
            continue
        known = meters.known(work, tenant_id, meter.name, ir_json.content_hash(meters.definition_of(program, meter)))
        if known is None:
            raise RuntimeProblem(
                "X0404",
                f"usage of `{meter.name}` was not measured as the program says",
                "publish it, and let it measure",
            )
        found[meter.name] = Source(known, 0, LAST)
    return found


def require_measured(epochs: Sequence[meters.Measuring], bound: Bound, period: ContractPeriod) -> None:
    """Raise `RuntimeProblem` X0404 where a meter is measured so in a part of a period only, by a tenant's `epochs`."""
    starts = [0 if each.start is None else seconds_of(each.start) for each in epochs]
    for epoch, start, end in zip(epochs, starts, [*starts[1:], LAST], strict=True):
        if start >= period.end or end <= period.start:
            continue
        there = {definition.id for definition in epoch.definitions}
        for name, source in bound.meters.items():
            if source.meter_id not in there:
                since = instant(max(start, period.start)).isoformat()
                raise RuntimeProblem(
                    "X0404",
                    f"usage of `{name}` is not measured as the program says from {since} on",
                    "take a period in which it is",
                )
