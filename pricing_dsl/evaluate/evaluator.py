"""The evaluator of one plan or contract: the fast path, and the reference evaluator where care is needed.

Both give the same statement to the last digit. The generated code hands over whatever it does not do exactly itself,
and whatever is wrong with what is given, so every error is said by the reference evaluator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from pricing_dsl.evaluate import reference
from pricing_dsl.evaluate.corrections import read_corrections
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.opening import below_zero, read_balances, read_counters, require_lots_to_come
from pricing_dsl.evaluate.reference.agreement import evaluate_contract
from pricing_dsl.evaluate.scalar import Fallback, ScalarContract, ScalarPlan, Tables, compile_plan
from pricing_dsl.evaluate.scalar.agreement import PERIODS_MAX, is_plain
from pricing_dsl.evaluate.scalar.plan import Recent
from pricing_dsl.evaluate.statement import SegmentedUsage, Statement, Usage
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.periods import BillingPeriod, ContractPeriod, Moment, PeriodError, Term

Period = tuple[Moment, Moment]


class Evaluator:
    """Prices usage under one plan or contract. Made by `Program.evaluator`; reusable and thread-safe.

    `usage` maps a meter to a number (int, text or Decimal, never float) or to a list of cells
    `{"quantity": "120000000", "model": "gpt-5"}`; where the period of a contract is cut, it is a list of segments
    `{"from": "2026-03-01", "to": "2026-03-16", "usage": {...}}` that tile the period. `period` is half open, dates or
    instants; left out, a plan is in a whole first period and a contract in the first of its term (language reference,
    section 8). `balances` and `counters` are a contract's opening state (rules 4 and 34), by name and by line, as the
    statement before gives them back; what is not given is assumed, and the statement says so. Wrong input raises
    `EvaluationError` with an R code.

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

    def __init__(self, program: ir.Program, target: ir.Plan | ir.Contract, tables: Tables | None = None) -> None:
        """`tables` may be shared by the evaluators of a program."""
        self.program = program
        self.target = target
        self._tables = Tables(program) if tables is None else tables
        self._plan_periods: Recent[BillingPeriod] = Recent(PERIODS_MAX)

    @cached_property
    def _scalar(self) -> ScalarPlan:
        assert isinstance(self.target, ir.Plan)
        return compile_plan(self.program, self.target, self._tables)

    @cached_property
    def _contract(self) -> ScalarContract:
        assert isinstance(self.target, ir.Contract)
        return ScalarContract(self.program, self.target, self._tables)

    @cached_property
    def _undated(self) -> BillingPeriod:
        return self._plan_period(None)

    def __call__(
        self,
        usage: Usage | SegmentedUsage,
        period: Period | None = None,
        balances: Mapping[str, Any] | None = None,
        counters: Mapping[str, Any] | None = None,
        corrections: Sequence[Mapping[str, Any]] = (),
    ) -> Statement:
        """The statement for this usage."""
        if isinstance(self.target, ir.Contract):
            if (counters is None or counters == {}) and not corrections:
                contract = self._contract
                try:
                    return contract.statement(usage, contract.period(period, self.contract_period), balances)
                except (Fallback, EvaluationError):
                    pass  # outside the handler, so that an error of the usage stands alone
            return self._agreed(self.target, usage, period, balances, counters, corrections, explain=False)
        resolved = self._stateless(period, balances, counters, corrections)
        whole = _require_unsegmented(usage)
        try:
            return self._scalar.statement(whole, resolved)
        except Fallback:
            pass
        return reference.evaluate(self.program, self.target, whole, resolved, explain=False)

    def explain(
        self,
        usage: Usage | SegmentedUsage,
        period: Period | None = None,
        balances: Mapping[str, Any] | None = None,
        counters: Mapping[str, Any] | None = None,
        corrections: Sequence[Mapping[str, Any]] = (),
    ) -> Statement:
        """The same statement; each line and row carries its `reason`: rule, span, inputs and formula."""
        if isinstance(self.target, ir.Contract):
            return self._agreed(self.target, usage, period, balances, counters, corrections, explain=True)
        resolved = self._stateless(period, balances, counters, corrections)
        return reference.evaluate(self.program, self.target, _require_unsegmented(usage), resolved, explain=True)

    def amounts(self, usage: Usage, period: Period | None = None) -> dict[str, int]:
        """The hot path: line name -> amount in minor units before adjustments, and `total`.

        Raises `EvaluationError` R0103 when usage is unpriced: a bare dict has no place to say so.
        """
        if isinstance(self.target, ir.Contract):
            contract = self._contract
            try:
                return contract.amounts(usage, contract.period(period, self.contract_period))
            except (Fallback, EvaluationError):
                pass
            return _careful_amounts(self._agreed(self.target, usage, period, None, None, (), explain=False))
        resolved = self._undated if period is None else self._plan_period(period)
        try:
            return self._scalar.amounts(usage, resolved)
        except Fallback:
            pass
        return _careful_amounts(reference.evaluate(self.program, self.target, usage, resolved, explain=False))

    def contract_period(self, period: Period | None) -> ContractPeriod:
        """The billing period of a contract that is priced, clipped to the term; the first one for `None`."""
        assert isinstance(self.target, ir.Contract)
        _require_pair(period)
        term = Term(self.target.start, self.target.end, ZoneInfo(self.target.timezone))
        try:
            return ContractPeriod.of_term(self.target.bill, term, period)
        except PeriodError as error:
            raise EvaluationError("R0105", error.message, error.help) from None

    def _agreed(
        self,
        contract: ir.Contract,
        usage: Usage | SegmentedUsage,
        period: Period | None,
        balances: Mapping[str, Any] | None,
        counters: Mapping[str, Any] | None,
        corrections: Sequence[Mapping[str, Any]],
        *,
        explain: bool,
    ) -> Statement:
        opening = read_balances(self.program, contract, balances)
        counted = read_counters(contract, counters)
        resolved = self.contract_period(period)
        require_lots_to_come(opening, resolved.start, contract.timezone)
        late = read_corrections(self.program, contract, corrections)
        try:
            return evaluate_contract(self.program, contract, usage, resolved, opening, counted, late, explain=explain)
        except EvaluationError as error:
            line = below_zero(counted)
            if error.code != "R0201" or line is None:
                raise
            raise EvaluationError(
                "R0201", error.message, f"{error.help}: `counters` open that of `{line}` below zero"
            ) from None

    def _stateless(
        self,
        period: Period | None,
        balances: Mapping[str, Any] | None,
        counters: Mapping[str, Any] | None,
        corrections: Sequence[Mapping[str, Any]],
    ) -> BillingPeriod:
        """The period of a plan, which has no state to open with."""
        for what, given in (("balance", balances), ("counter", counters)):
            if given:
                raise EvaluationError(
                    "R0104",
                    f"the plan `{self.target.name}` keeps no {what} `{next(iter(given))}`",
                    "balances and counters belong to contracts: price a contract on the plan",
                )
        if corrections:
            raise EvaluationError(
                "R0104",
                f"the plan `{self.target.name}` has no finalised statements to correct",
                "corrections belong to contracts: price a contract on the plan",
            )
        return self._undated if period is None else self._plan_period(period)

    def _plan_period(self, period: Period | None) -> BillingPeriod:
        """A billing period of a plan, remembered where equal ones mean the same."""
        if is_plain(period):
            return self._plan_periods.get(period, lambda: self._resolved(period))
        return self._resolved(period)

    def _resolved(self, period: Period | None) -> BillingPeriod:
        assert isinstance(self.target, ir.Plan)
        _require_pair(period)
        try:
            return BillingPeriod.resolve(self.target.bill, self.target.timezone, period)
        except PeriodError as error:
            raise EvaluationError("R0105", error.message, error.help) from None


def _require_unsegmented(usage: Usage | SegmentedUsage) -> Usage:
    """The usage of a plan, which nothing cuts. Raises `EvaluationError` R0309 for a list of segments."""
    if type(usage) is dict or isinstance(usage, Mapping):  # the first is what is given, and asked in no time
        return usage
    raise EvaluationError(
        "R0309",
        "usage maps meters to quantities",
        'give a mapping such as {"requests": "2300000"}; lists of segments belong to contracts',
    )


def _require_pair(period: Period | None) -> None:
    """Raise `EvaluationError` R0105 for a text where the two ends of a period must stand."""
    if isinstance(period, str):
        raise EvaluationError(
            "R0105", f"`{period}` is no period", 'give its start and end: ("2026-03-01", "2026-04-01")'
        )


def _careful_amounts(statement: Statement) -> dict[str, int]:
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
