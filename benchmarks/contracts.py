"""What a contract costs: a statement next to the plan's own, and ten thousand of them compiled on one plan.

The contract has ten overrides, two phases and a commit, on the plan of `evaluate`. Its statement is priced in a month
that nothing cuts, with the commit far from spent and all but spent, and in the month that a phase cuts, with usage in
two segments; the plan prices the same month. All are checked against the reference evaluator before anything is timed.
The ten thousand have numbers of their own in two overrides, a phase and a commit; what is timed is all from the text to
a first statement of each, and they must share one compiled function. Memory is what stays allocated per contract.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import pricing_dsl
from benchmarks.evaluate import plan_text, usage_of
from benchmarks.timing import Ratio, compare
from pricing_dsl.evaluate.evaluator import Evaluator
from pricing_dsl.evaluate.opening import read_balances
from pricing_dsl.evaluate.reference.agreement import evaluate_contract
from pricing_dsl.evaluate.scalar.plan import compiled
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.ir import nodes as ir

CONTRACTS = 10_000
MEASURED = 500
"""Contracts whose memory is measured; tracing allocations is slow."""
WHOLE = ("2026-02-01", "2026-03-01")
CUT = ("2026-03-01", "2026-04-01")
PHASE = "2026-03-16"

ONE = """
contract acme "Acme, 2026" {
  customer "cus_acme"
  plan scale
  term 2026-01-01 to 2028-01-01
  override tokens { times 0.85 }
  override tokens { discount 3% }
  override tokens { minimum 100 }
  override tokens { maximum 100_000 }
  override requests { include 10k }
  override requests { times 0.95 }
  override requests { plus 25 }
  override images { price 3 per started 100 }
  override images { plus 7 }
  override all { discount 2% }
  from 2026-03-16 { override tokens { times 0.80 } }
  from 2026-09-01 { override requests { times 0.8 } }
  commit annual 120_000 prepaid yearly { covers tokens, requests  rollover 20%  overage times 1.1 }
}
"""
OF_MANY = """
contract c{i} {{
  plan scale  term 2026-01-01 to 2028-01-01
  override tokens {{ times 0.{a:03} }}
  override requests {{ include {b}  minimum {c} }}
  from 2026-07-01 {{ override tokens {{ times 0.{d:03} }} }}
  commit annual {e} prepaid yearly {{ covers tokens, requests  rollover {f}%  overage times 1.{g} }}
}}
"""


def many(count: int) -> str:
    """Contracts on one plan, each with numbers of its own."""
    texts = [
        OF_MANY.format(
            i=i, a=500 + i % 490, b=1_000 + i, c=50 + i % 77, d=500 + i % 390, e=100_000 + i, f=1 + i % 90, g=1 + i % 9
        )
        for i in range(count)
    ]
    return plan_text() + "".join(texts)


def by_reference(evaluator: Evaluator, usage: Any, period: tuple[str, str], balances: Mapping[str, Any]) -> Statement:
    """The reference evaluator's statement."""
    contract = evaluator.target
    assert isinstance(contract, ir.Contract)
    opening = read_balances(evaluator.program, contract, balances)
    resolved = evaluator.contract_period(period)
    return evaluate_contract(evaluator.program, contract, usage, resolved, opening, {}, explain=False)


def run() -> list[Ratio]:
    """Ten thousand contracts, then one next to its plan."""
    compile_many()
    return one_contract()


def one_contract() -> list[Ratio]:
    """Statements and bare amounts, in a month that nothing cuts and in one that a phase cuts."""
    program = pricing_dsl.compile(plan_text() + ONE, "acme.pricing")
    plan, contract = program.evaluator("scale"), program.evaluator("acme")
    usage = usage_of(4)
    halves = [
        {"from": CUT[0], "to": PHASE, "usage": usage_of(2)},
        {"from": PHASE, "to": CUT[1], "usage": usage_of(4)},
    ]
    ample, spent = {"annual": "83000"}, {"annual": "50.00"}
    given: list[tuple[str, Any, tuple[str, str], Mapping[str, Any]]] = [
        ("statement, uncut", usage, WHOLE, ample),
        ("statement, uncut, commit spent", usage, WHOLE, spent),
        ("statement, cut by a phase", halves, CUT, ample),
    ]
    ratios: list[Ratio] = []
    for name, used, period, balances in given:
        statement = contract(used, period, balances)
        assert statement.to_dict() == by_reference(contract, used, period, balances).to_dict(), "both price alike"

        def ours(used: Any = used, period: Any = period, balances: Any = balances) -> object:
            return contract(used, period, balances)

        def theirs(period: Any = period) -> object:
            return plan(usage, period)

        ratios.append(compare(name, ours, "the plan's statement", theirs))
    for name, used, period, balances in given[::2]:
        named = name.replace("statement", "amounts")

        def amounts(used: Any = used, period: Any = period) -> object:
            return contract.amounts(used, period)

        def of_plan(period: Any = period) -> object:
            return plan.amounts(usage, period)

        ratios.append(compare(named, amounts, "the plan's amounts", of_plan))

        def slowly(used: Any = used, period: Any = period, balances: Any = balances) -> object:
            return by_reference(contract, used, period, balances)

        def quickly(used: Any = used, period: Any = period, balances: Any = balances) -> object:
            return contract(used, period, balances)

        ratios.append(compare(f"reference, {name.removeprefix('statement, ')}", slowly, "generated code", quickly))
    return ratios


def compile_many() -> None:
    """Seconds from the text to the first statement of each, how many functions were compiled, and memory."""
    usage = usage_of(4)
    text = many(CONTRACTS)
    shapes = compiled.cache_info().misses
    seconds, checked, evaluators = timed(text, CONTRACTS, usage)
    shapes = compiled.cache_info().misses - shapes
    assert shapes <= 1, "contracts of one shape share their code"
    print(
        f"  {CONTRACTS:,} contracts on one plan: {checked:.1f} s to parse and check, {seconds:.1f} s to all statements;"
        f" {shapes} function compiled, {len(text) // CONTRACTS} characters each"
    )
    del evaluators
    text = many(MEASURED)
    tracemalloc.start()
    program = pricing_dsl.compile(text)
    of_program, _ = tracemalloc.get_traced_memory()
    bound = first_statements(program.evaluator, MEASURED, usage)
    of_all, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(bound) == MEASURED
    print(
        f"  memory per contract: {of_program / MEASURED / 1024:.1f} KiB of program,"
        f" {(of_all - of_program) / MEASURED / 1024:.1f} KiB of evaluator bound to one period"
    )


def timed(text: str, count: int, usage: Any) -> tuple[float, float, list[Evaluator]]:
    """Seconds in all and for the program alone, and the evaluators."""
    start = perf_counter()
    program = pricing_dsl.compile(text)
    checked = perf_counter() - start
    evaluators = first_statements(program.evaluator, count, usage)
    return perf_counter() - start, checked, evaluators


def first_statements(evaluator: Callable[[str], Evaluator], count: int, usage: Any) -> list[Evaluator]:
    """The evaluators of all contracts, each of which has priced one period."""
    evaluators = [evaluator(f"c{i}") for i in range(count)]
    for each in evaluators:
        assert not each(usage, WHOLE).unpriced
    return evaluators
