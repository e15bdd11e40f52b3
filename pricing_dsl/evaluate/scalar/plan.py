"""A plan as generated integer code, bound to its numbers, and the cache of compiled shapes.

Code is compiled once per shape: the text of a function has no numbers in it, so plans that differ only in numbers share
one code object. A plan is bound anew for another power of ten of its quantities and for other shares of the period;
both caches are bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from threading import Lock
from typing import Any, Generic, TypeVar

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.scalar.free_units import FreeUnits, split_by
from pricing_dsl.evaluate.scalar.function import Form, FunctionCode
from pricing_dsl.evaluate.scalar.literals import all_steps
from pricing_dsl.evaluate.scalar.named import Binding
from pricing_dsl.evaluate.scalar.runtime import (
    TOO_LARGE,
    FinerScale,
    changed,
    give,
    half_even,
    half_up,
    shown_parts,
    spread,
)
from pricing_dsl.evaluate.scalar.support import unsupported
from pricing_dsl.evaluate.scalar.tables import Tables
from pricing_dsl.evaluate.scalar.writing import Fallback
from pricing_dsl.evaluate.statement import Line, Row, Statement, Usage
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
    "Row": Row,
    "Statement": Statement,
    "TOO_LARGE": TOO_LARGE,
    "changed": changed,
    "give": give,
    "half_even": half_even,
    "half_up": half_up,
    "shown_parts": shown_parts,
    "split_by": split_by,
    "spread": spread,
}

ODD_USAGE = (AttributeError, KeyError, TypeError)
"""What generated code raises on usage that is not shaped as usage: the reference evaluator then says what is wrong."""

Made = TypeVar("Made")
Run = Callable[..., Any]


class Recent(Generic[Made]):
    """A bounded cache that forgets what was not used for the longest time; threads may share it."""

    def __init__(self, entries_max: int) -> None:
        self.entries_max = entries_max
        self.entries: OrderedDict[Hashable, Made] = OrderedDict()
        self.lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        with self.lock:
            found = self.entries.get(key)
            if found is not None:
                self.entries.move_to_end(key)
                return found
        found = make()
        with self.lock:
            self.entries[key] = found
            if len(self.entries) > self.entries_max:
                self.entries.popitem(last=False)
        return found


@lru_cache(maxsize=SHAPES_MAX)
def compiled(text: str) -> Callable[[list[Any]], Run]:
    """What makes the functions of a shape from their parameters; its code is compiled once."""
    namespace = dict(RUNTIME)
    exec(compile(text, "<generated pricing function>", "exec"), namespace)
    make: Callable[[list[Any]], Run] = namespace["make"]
    return make


def made(text: str, parameters: list[Any]) -> Run:
    """A shape's function with its parameters."""
    return compiled(text)(parameters)


def nothing(*_: Any) -> Any:
    """Stands in until a plan is bound."""
    raise Fallback


class ScalarPlan:
    """One plan of a program. Reusable and thread-safe; raises `Fallback` where the reference evaluator must do it.

    `reason` says why generated code does not do this plan at all, if it does not. `tables` may be shared by the plans
    of a program.
    """

    def __init__(self, program: ir.Program, plan: ir.Plan, tables: Tables | None = None) -> None:
        self.program = program
        self.plan = plan
        self.tables = Tables(program) if tables is None else tables
        self.reason = unsupported(program, plan, self.tables)
        self._used = meters_used(program, plan)
        self._shares = prorations(program, plan)
        self._runs: Recent[Run] = Recent(BINDINGS_MAX)
        self._amounts: tuple[BillingPeriod | None, Run] = (None, nothing)
        self._statement: tuple[BillingPeriod | None, Run] = (None, nothing)

    def amounts(self, usage: Usage, period: BillingPeriod) -> dict[str, int]:
        """Minor units of each line before adjustments, in plan order, and of the `total`."""
        known, run = self._amounts
        if known is not period:
            run = self.bound(self.binding(period), "amounts")
            self._amounts = (period, run)
        try:
            result: dict[str, int] = run(usage)
        except FinerScale as finer:
            result = self.finer(finer, self.binding(period), "amounts", usage)
        except ODD_USAGE:
            raise Fallback from None
        return result

    def statement(self, usage: Usage, period: BillingPeriod) -> Statement:
        """The statement, without reasons."""
        known, run = self._statement
        if known is not period:
            run = self.bound(self.binding(period), "statement")
            self._statement = (period, run)
        try:
            result: Statement = run(usage, period.bounds)
        except FinerScale as finer:
            result = self.finer(finer, self.binding(period), "statement", usage, period.bounds)
        except ODD_USAGE:
            raise Fallback from None
        return result

    def finer(self, finer: FinerScale, binding: Binding, form: Form, *given: Any) -> Any:
        """What is given, by the function bound for quantities with as many decimal places as turn out to be needed."""
        while True:
            places = next(places for places in PLACES if places >= finer.places)
            run = self.bound(replace(binding, places=places), form)
            try:
                return run(*given)
            except FinerScale as more:
                finer = more
            except ODD_USAGE:
                raise Fallback from None

    def bound(self, binding: Binding, form: Form) -> Run:
        """The function of a form with the plan's numbers. Raises `Fallback` where there is none."""
        if self.reason is not None:
            raise Fallback(self.reason)
        return self._runs.get((form, binding), lambda: self._made(binding, form))

    def _made(self, binding: Binding, form: Form) -> Run:
        """The function, or where only a statement shows that generated code does not do it, one that says so."""
        try:
            return made(*self.text(binding, form))
        except Fallback as refused:
            reason = str(refused)

            def refuse(*_: Any) -> Any:
                raise Fallback(reason)

            return refuse

    def binding(self, period: BillingPeriod) -> Binding:
        """What the plan is bound to for a period and for whole quantities."""
        fees: list[tuple[str, tuple[Fraction, int]]] = []
        try:
            shares = self.shares(period)
            for line in self.plan.lines:
                if isinstance(line, ir.Fee):
                    billed = period.fee_shares(line.cadence, line.timing, line.prorated)
                    fees.append((line.name, (line.amount * sum(billed, Fraction(0)), len(billed))))
        except PeriodError:
            raise Fallback from None
        return Binding(0, shares, tuple(fees))

    def shares(self, period: BillingPeriod) -> tuple[tuple[ir.Proration, Fraction], ...]:
        """The shares of the whole billing period that prorated steps and adjustments count with."""
        return tuple((by, period.share(by)) for by in self._shares)

    def text(self, binding: Binding, form: Form) -> tuple[str, list[Any]]:
        """The generated text, which is the shape, and the parameters."""
        return FunctionCode(self.program, self.plan, self.tables, binding, self._others, form).write()

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


def compile_plan(program: ir.Program, plan: ir.Plan, tables: Tables | None = None) -> ScalarPlan:
    """Prepare a plan; code is generated when it is first bound to a period."""
    return ScalarPlan(program, plan, tables)
