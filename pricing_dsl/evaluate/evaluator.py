"""The evaluator of one plan: the fast path, and the reference evaluator where an explanation or care is needed.

Both give the same statement to the last digit. The generated code hands over whatever it does not do exactly itself,
and whatever is wrong with the usage, so every error is said by the reference evaluator.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pricing_dsl.evaluate import reference
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.scalar import Fallback, ScalarPlan, compile_plan
from pricing_dsl.evaluate.statement import Statement, Usage
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.periods import BillingPeriod, Moment, PeriodError

Period = tuple[Moment, Moment]


class Evaluator:
    """Prices usage under one plan. Made by `Program.evaluator`; reusable and thread-safe.

    `usage` maps a meter to a number (int, text or Decimal, never float) or to a list of cells
    `{"quantity": "120000000", "model": "gpt-5"}`. `period` is half open, dates or instants; left out, the plan is in a
    whole first period (language reference, section 8). Wrong input raises `EvaluationError` with an R code.

    >>> import pricing_dsl
    >>> program = pricing_dsl.compile('''
    ... currency USD
    ... meter calls { from "call" measure count() by region }
    ... plan api {
    ...   charge calls on calls { include 100  graduated { to 1k: 0.50  above: 0.4 } }
    ...   discount 10% on calls as loyal
    ... }
    ... ''')
    >>> evaluator = program.evaluator("api")
    >>> statement = evaluator({"calls": 1_350})
    >>> statement.line("calls").amount, statement.line("calls").exact, statement.line("calls").net
    (Decimal('600.00'), Fraction(600, 1), Decimal('540.00'))
    >>> statement.total, statement.adjustments[0].amount
    (Decimal('540.00'), Decimal('-60.00'))
    >>> evaluator.amounts({"calls": 1_350})
    {'calls': 60000, 'total': 54000}
    >>> reason = evaluator.explain({"calls": 1_350}).line("calls").reason
    >>> [child.what for child in reason.children], reason.children[1].formula
    (['include 100', 'graduated'], '500 + 100')
    """

    def __init__(self, program: ir.Program, plan: ir.Plan) -> None:
        self.program = program
        self.plan = plan
        self._undated = BillingPeriod.resolve(plan.bill, plan.timezone, None)

    @cached_property
    def _scalar(self) -> ScalarPlan:
        return compile_plan(self.program, self.plan)

    def __call__(
        self,
        usage: Usage,
        period: Period | None = None,
        balances: Mapping[str, Any] | None = None,
        counters: Mapping[str, Any] | None = None,
    ) -> Statement:
        """The statement for this usage."""
        resolved = self._resolve(period, balances, counters)
        try:
            return self._scalar.statement(usage, resolved)
        except Fallback:
            pass  # outside the handler, so that an error of the usage stands alone
        return reference.evaluate(self.program, self.plan, usage, resolved, explain=False)

    def explain(
        self,
        usage: Usage,
        period: Period | None = None,
        balances: Mapping[str, Any] | None = None,
        counters: Mapping[str, Any] | None = None,
    ) -> Statement:
        """The same statement; each line and row carries its `reason`: rule, span, inputs and formula."""
        resolved = self._resolve(period, balances, counters)
        return reference.evaluate(self.program, self.plan, usage, resolved, explain=True)

    def amounts(self, usage: Usage, period: Period | None = None) -> dict[str, int]:
        """The hot path: line name -> amount in minor units before adjustments, and `total`.

        Raises `EvaluationError` R0103 when usage is unpriced: a bare dict has no place to say so.
        """
        resolved = self._undated if period is None else self._resolve(period, None, None)
        try:
            return self._scalar.amounts(usage, resolved)
        except Fallback:
            pass
        return self._careful_amounts(usage, resolved)

    def _careful_amounts(self, usage: Usage, period: BillingPeriod) -> dict[str, int]:
        statement = reference.evaluate(self.program, self.plan, usage, period, explain=False)
        if statement.unpriced:
            first = statement.unpriced[0]
            raise EvaluationError(
                "R0103",
                f"{len(statement.unpriced)} entries of usage are unpriced, the first on `{first.line}`: {first.reason}",
                "ask for the statement, which lists them in `unpriced`",
            )
        amounts = {line.info.id: line.minor for line in statement.lines}
        amounts["total"] = statement.total_minor
        return amounts

    def _resolve(
        self, period: Period | None, balances: Mapping[str, Any] | None, counters: Mapping[str, Any] | None
    ) -> BillingPeriod:
        for what, given in (("balance", balances), ("counter", counters)):
            if given:
                raise EvaluationError(
                    "R0104",
                    f"`{self.plan.name}` keeps no {what} `{next(iter(given))}`",
                    "balances and counters belong to contracts; this version evaluates plans",
                )
        if period is None:
            return self._undated
        if isinstance(period, str):
            raise EvaluationError(
                "R0105", f"`{period}` is no period", 'give its start and end: ("2026-03-01", "2026-04-01")'
            )
        try:
            return BillingPeriod.resolve(self.plan.bill, self.plan.timezone, period)
        except PeriodError as error:
            raise EvaluationError("R0105", error.message, error.help) from None
