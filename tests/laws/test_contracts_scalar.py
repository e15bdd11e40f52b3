"""The law of contracts on both evaluators: generated code gives the reference evaluator's whole statement."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from pricing_dsl.compilation import Compilation
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.evaluator import Evaluator
from pricing_dsl.evaluate.opening import read_balances, require_lots_to_come
from pricing_dsl.evaluate.reference.agreement import evaluate_contract
from pricing_dsl.evaluate.scalar import Fallback, ScalarContract, Tables
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Source
from tests.laws.deals import Deal, deals, ordinary

DOCUMENTED = ("", "R0105", "R0201", "R0202", "R0310", "R0311")
"""Outside the term, below zero, divided by zero, not split where the period is cut, or not where a rolled lot ends."""


def evaluator_of(deal: Deal) -> Evaluator:
    """The evaluator of the contract; overrides that the checker refuses are no deal."""
    compilation = Compilation(Source(deal.text))
    assume(not any(diagnostic.severity == "error" for diagnostic in compilation.diagnostics))
    return compilation.program.evaluator("c")


def by_reference(evaluator: Evaluator, deal: Deal, balances: dict[str, Any] | None) -> tuple[Statement | None, str]:
    """The reference evaluator's statement, or the code of the documented error that stands for one."""
    contract, program = evaluator.target, evaluator.program
    assert isinstance(contract, ir.Contract)
    try:
        period = evaluator.contract_period(deal.period)
        opening = read_balances(program, contract, balances)
        require_lots_to_come(opening, period.start, contract.timezone)
        return evaluate_contract(program, contract, deal.usage, period, opening, {}, explain=False), ""
    except EvaluationError as error:
        return None, error.code


def by_scalar(evaluator: Evaluator, deal: Deal) -> tuple[Any, Any, str]:
    """Generated code's statement and amounts, or why it hands over."""
    assert isinstance(evaluator.target, ir.Contract)
    scalar = ScalarContract(evaluator.program, evaluator.target, Tables(evaluator.program))
    try:
        period = scalar.period(deal.period, evaluator.contract_period)
        statement = scalar.statement(deal.usage, period, deal.balances)
        return statement.to_dict(), scalar.amounts(deal.usage, period), ""
    except Fallback as handed_over:
        return None, None, str(handed_over) or "what is given"


@given(st.one_of(deals(), deals(ordinary())))
def test_both_evaluators_give_the_same_statement(deal: Deal) -> None:
    evaluator = evaluator_of(deal)
    expected, error = by_reference(evaluator, deal, deal.balances)
    assert error in DOCUMENTED
    assume(error != "R0105")
    statement, amounts, reason = by_scalar(evaluator, deal)
    event(reason or "generated code")
    if reason:
        return
    assert expected is not None, error
    assert statement == expected.to_dict()
    assumed, _ = by_reference(evaluator, deal, None)
    assert assumed is not None
    assert amounts == {**{line.id: line.minor for line in assumed.lines}, "total": assumed.total_minor}


@given(st.one_of(deals(), deals(ordinary())))
def test_the_evaluator_answers_what_the_reference_answers(deal: Deal) -> None:
    """The statement, the bare amounts, and the error where there is one, whichever evaluator has done it."""
    evaluator = evaluator_of(deal)
    expected, error = by_reference(evaluator, deal, deal.balances)
    try:
        assert expected is not None or error
        answer: Any = evaluator(deal.usage, deal.period, deal.balances).to_dict()
    except EvaluationError as said:
        answer = said.code
    assert answer == (error if expected is None else expected.to_dict())


def test_generated_code_does_most_of_what_is_priced() -> None:
    """The law says nothing where generated code hands over; that is the exception, also where the period is cut."""
    assert handed_over(deals(), cut=False) < 0.25
    assert handed_over(deals(ordinary()), cut=False) < 0.05
    assert handed_over(deals(ordinary()), cut=True) < 0.35


def handed_over(strategy: st.SearchStrategy[Deal], *, cut: bool) -> float:
    """The share of priced periods that generated code leaves to the reference evaluator."""
    found: list[bool] = []

    @settings(max_examples=settings().max_examples * (4 if cut else 1))  # few are cut, and split where they are
    @given(strategy)
    def count(deal: Deal) -> None:
        evaluator = evaluator_of(deal)
        expected, _ = by_reference(evaluator, deal, deal.balances)
        if expected is not None and not expected.unpriced and bool(expected.segments) == cut:
            found.append(by_scalar(evaluator, deal)[2] != "")

    count()
    assert len(found) > 20
    return sum(found) / len(found)
