"""Compiling and evaluating a sample, in the forms that the laws compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pricing_dsl.compilation import Compilation, Program
from pricing_dsl.evaluate import reference
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.scalar import Fallback, compile_plan
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.source import Source
from pricing_dsl.values.periods import BillingPeriod
from tests.laws.programs import Sample, Usage

PLAN = "p"


@dataclass(frozen=True)
class Outcome:
    """A statement, or the code of the documented error that stands for one."""

    statement: Statement | None
    error: str = ""

    @property
    def json(self) -> Any:
        """All that a reader sees, without reasons."""
        return self.error if self.statement is None else self.statement.to_dict()


def compiled(sample: Sample) -> Program:
    return Compilation(Source(sample.text)).program


def by_reference(program: Program, sample: Sample, usage: Usage | None = None) -> Outcome:
    """The reference evaluator's answer, for other usage if given."""
    plan = program.ir.plans[0]
    period = BillingPeriod.resolve(plan.bill, plan.timezone, sample.period)
    given = sample.usage if usage is None else usage
    try:
        return Outcome(reference.evaluate(program.ir, plan, given, period, explain=False))
    except EvaluationError as error:
        return Outcome(None, error.code)


def by_scalar(program: Program, sample: Sample) -> Outcome | None:
    """The generated code's answer; `None` where it hands the usage to the reference evaluator."""
    plan = program.ir.plans[0]
    period = BillingPeriod.resolve(plan.bill, plan.timezone, sample.period)
    try:
        return Outcome(compile_plan(program.ir, plan).statement(sample.usage, period))
    except Fallback:
        return None
