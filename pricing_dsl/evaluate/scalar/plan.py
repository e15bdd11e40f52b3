"""A plan as generated integer code, bound to its numbers, and the cache of compiled shapes.

Code is compiled once per shape: the text of a function has no numbers in it, so plans that differ only in numbers share
one code object. A plan is bound anew for another power of ten of its quantities and for other shares of the period;
both caches are bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import lru_cache
from types import CodeType
from typing import Any, Generic, TypeVar

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.scalar.free_units import FreeUnits, split_by
from pricing_dsl.evaluate.scalar.function import Binding, FunctionCode
from pricing_dsl.evaluate.scalar.literals import all_steps
from pricing_dsl.evaluate.scalar.runtime import TOO_LARGE, FinerScale, changed, give, half_even, half_up, spread
from pricing_dsl.evaluate.scalar.support import unsupported
from pricing_dsl.evaluate.scalar.tables import Tables
from pricing_dsl.evaluate.scalar.writing import Fallback
from pricing_dsl.evaluate.statement import Line, Part, Row, Statement, Usage
from pricing_dsl.evaluate.usage import read_usage
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import meters_used
from pricing_dsl.values.periods import BillingPeriod, PeriodError

SHAPES_MAX = 512
BINDINGS_MAX = 64
PLACES = (0, 3, 6, 9, 12, 18, 30)
"""Decimal places that plans are bound for: few, so that few bindings serve all usage."""

RUNTIME: dict[str, Any] = {
    "Fallback": Fallback,
    "FreeUnits": FreeUnits,
    "Line": Line,
    "Part": Part,
    "Row": Row,
    "Statement": Statement,
    "TOO_LARGE": TOO_LARGE,
    "changed": changed,
    "give": give,
    "half_even": half_even,
    "half_up": half_up,
    "split_by": split_by,
    "spread": spread,
}

ODD_USAGE = (AttributeError, KeyError, TypeError)
"""What generated code raises on usage that is not shaped as usage: the reference evaluator then says what is wrong."""

Made = TypeVar("Made")
Run = Callable[..., Any]


class Recent(Generic[Made]):
    """A bounded cache that forgets what was not used for the longest time."""

    def __init__(self, entries_max: int) -> None:
        self.entries_max = entries_max
        self.entries: OrderedDict[Hashable, Made] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        found = self.entries.pop(key, None)
        if found is None:
            found = make()
        self.entries[key] = found
        while len(self.entries) > self.entries_max:
            self.entries.popitem(last=False)
        return found


@lru_cache(maxsize=SHAPES_MAX)
def compiled(text: str) -> CodeType:
    """The code of a shape, compiled once."""
    return compile(text, "<generated pricing function>", "exec")


def made(text: str, parameters: list[Any]) -> Run:
    """A shape's function with its parameters."""
    namespace = dict(RUNTIME)
    exec(compiled(text), namespace)
    run: Run = namespace["make"](parameters)
    return run


class ScalarPlan:
    """One plan of a program. Reusable and thread-safe; raises `Fallback` where the reference evaluator must do it.

    `reason` says why generated code does not do this plan, `statement_reason` why it does not make its statement.
    """

    def __init__(self, program: ir.Program, plan: ir.Plan) -> None:
        self.program = program
        self.plan = plan
        self.tables = Tables(program)
        self.reason = unsupported(program, plan, self.tables)
        self._used = meters_used(program, plan)
        self._shares = prorations(program, plan)
        self._runs: Recent[Run] = Recent(BINDINGS_MAX)
        self._places = 0
        self._amounts: tuple[BillingPeriod | None, Run] = (None, self._run_amounts)
        self._statement: tuple[BillingPeriod | None, Run] = (None, self._run_amounts)

    def amounts(self, usage: Usage, period: BillingPeriod) -> dict[str, int]:
        """Minor units of each line before adjustments, in plan order, and of the `total`."""
        known, run = self._amounts
        if known is not period:
            run = self._bound(period, statement=False)
            self._amounts = (period, run)
        try:
            result: dict[str, int] = run(usage)
        except FinerScale as finer:
            self._refine(finer)
            return self.amounts(usage, period)
        except ODD_USAGE:
            raise Fallback from None
        return result

    def statement(self, usage: Usage, period: BillingPeriod) -> Statement:
        """The statement, without reasons."""
        known, run = self._statement
        if known is not period:
            run = self._bound(period, statement=True)
            self._statement = (period, run)
        try:
            result: Statement = run(usage, period.bounds)
        except FinerScale as finer:
            self._refine(finer)
            return self.statement(usage, period)
        except ODD_USAGE:
            raise Fallback from None
        return result

    def _run_amounts(self, *_: Any) -> Any:
        raise Fallback

    def _refine(self, finer: FinerScale) -> None:
        """Bind for more decimal places from now on."""
        self._places = next(places for places in PLACES if places >= finer.places)
        self._amounts = self._statement = (None, self._run_amounts)

    def _bound(self, period: BillingPeriod, *, statement: bool) -> Run:
        if self.reason is not None:
            raise Fallback(self.reason)
        binding = self._binding(period)
        return self._runs.get((statement, binding), lambda: made(*self.text(binding, statement=statement)))

    def _binding(self, period: BillingPeriod) -> Binding:
        try:
            shares = tuple((by, period.share(by)) for by in self._shares)
            fees = tuple(
                (line.name, period.fee_shares(line.cadence, line.timing, line.prorated))
                for line in self.plan.lines
                if isinstance(line, ir.Fee)
            )
        except PeriodError:
            raise Fallback from None
        return Binding(self._places, shares, fees)

    def text(self, binding: Binding, *, statement: bool) -> tuple[str, list[Any]]:
        """The generated text, which is the shape, and the parameters."""
        code = FunctionCode(self.program, self.plan, self.tables, binding, self._others, statement=statement)
        return code.write()

    def _others(self, usage: Usage) -> tuple[str, ...]:
        """Usage of meters that no line mentions: it must be right too, and is listed."""
        others = {name: given for name, given in usage.items() if name not in self._used}
        if len(others) + sum(usage.get(name) is not None for name in self._used) != len(usage):
            raise Fallback
        try:
            read_usage(self.program, self.plan, others)
        except EvaluationError:
            raise Fallback from None
        return tuple(meter.name for meter in self.program.meters if meter.name in others)


def prorations(program: ir.Program, plan: ir.Plan) -> tuple[ir.Proration, ...]:
    """The shares of the period that steps and adjustments ask for."""
    found: set[ir.Proration | None] = {adjustment.prorated for adjustment in plan.adjustments}
    pipelines = [line.steps for line in plan.lines if isinstance(line, ir.Charge)]
    pipelines += [quantity.steps for quantity in program.quantities]
    for steps in pipelines:
        for step in all_steps(steps):
            found.add(step.by if isinstance(step, ir.Prorate) else getattr(step, "prorated", None))
    return tuple(by for by in ("day", "second") if by in found)


def compile_plan(program: ir.Program, plan: ir.Plan) -> ScalarPlan:
    """Prepare a plan; code is generated when it is first bound to a period."""
    return ScalarPlan(program, plan)
