"""F of a segment: the charges on usage of the plan in force, each up to its first step on a sum, as generated code.

The tier of a `volume` is reached at the period's end (rule 2). It is asked first, of the whole usage by the segment's
own quantity steps; then the charge is the one that chooses that tier whatever its quantity, which is a constant `on`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from pricing_dsl.evaluate.reference.pipeline import PRICE_STEPS
from pricing_dsl.evaluate.scalar.cuts import Cut
from pricing_dsl.evaluate.scalar.named import Binding
from pricing_dsl.evaluate.scalar.plan import ODD_USAGE, Recent, ScalarPlan
from pricing_dsl.evaluate.scalar.plan import Run as Function
from pricing_dsl.evaluate.scalar.runtime import FinerScale
from pricing_dsl.evaluate.scalar.tables import Tables
from pricing_dsl.evaluate.scalar.writing import Fallback
from pricing_dsl.evaluate.statement import Usage
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.periods import ContractPeriod

TIERS_MAX = 16
"""Combinations of tiers that a segment's code is kept for."""

Exact = tuple[int, int, int, int]
"""What a charge comes to, and its quantity: numerator and denominator of each."""

Costs = Callable[[Usage], Sequence[Exact]]
"""F of every charge on some usage."""


class SegmentCosts:
    """The charges on usage of one plan, for segments of one period. `reason` says why generated code cannot do them."""

    def __init__(self, program: ir.Program, plan: ir.Plan, period: ContractPeriod, tables: Tables) -> None:
        self.program = program
        self.tables = tables
        self.period = period
        self.charges = [line for line in plan.lines if isinstance(line, ir.Charge) and isinstance(line.source, str)]
        self.names = [charge.name for charge in self.charges]
        self.plan = plan
        self.volumes = {charge.name: step for charge in self.charges if (step := volume_of(charge)) is not None}
        self.known: Recent[Costs] = Recent(TIERS_MAX)
        self.fixed: Costs | None = None
        self.reason = self.scalar({}).reason

    def at(self, whole: Usage) -> Costs:
        """F, with every `volume` in the tier that the period's usage has reached."""
        if self.volumes:
            reached = self.reached(whole)
            return self.known.get(reached, lambda: self.function(dict(zip(self.volumes, reached, strict=True))))
        if self.fixed is None:
            self.fixed = self.function({})
        return self.fixed

    def reached(self, whole: Usage) -> tuple[Fraction, ...]:
        """For each `volume` a quantity that stands for all of its tier."""
        asked = self.known.get("quantities", lambda: self.function(None))(whole)
        found = dict(zip(self.names, asked, strict=True))
        quantities = ((step, Fraction(*found[name][:2])) for name, step in self.volumes.items())
        return tuple([stands_for(step, quantity) for step, quantity in quantities])

    def function(self, reached: dict[str, Fraction] | None) -> Costs:
        """Generated code. Not `reached`: with the quantity of each `volume` in place of its amount."""
        scalar = self.scalar(reached)
        binding = Binding(0, scalar.shares(self.period), ())
        run: Function = scalar.bound(binding, "exact")

        def costs(usage: Usage) -> Sequence[Exact]:
            try:
                found: Sequence[Exact] = run(usage)
            except FinerScale as finer:
                found = scalar.finer(finer, binding, "exact", usage)
            except ODD_USAGE:
                raise Fallback from None
            return found

        return costs

    def scalar(self, reached: dict[str, Fraction] | None) -> ScalarPlan:
        charges = tuple(replace(charge, steps=self.steps(charge, reached)) for charge in self.charges)
        plan = replace(self.plan, lines=charges, order=tuple(self.names), adjustments=())
        return ScalarPlan(self.program, plan, self.tables)

    def steps(self, charge: ir.Charge, reached: dict[str, Fraction] | None) -> tuple[ir.Step, ...]:
        """The steps of a charge up to its first on a sum."""
        steps = Cut.of(charge).cell_steps
        volume = self.volumes.get(charge.name)
        if volume is None:
            return steps
        at = steps.index(volume)
        if reached is None:
            return (*steps[:at], ir.Price(ir.Linear(ir.Const(Fraction(1)))))
        chosen = replace(volume, on=ir.Const(reached.get(charge.name, Fraction(0))))
        return (*steps[:at], chosen, *steps[at + 1 :])


def volume_of(charge: ir.Charge) -> ir.Volume | None:
    """The `volume` that prices a charge."""
    price = next(step for step in charge.steps if isinstance(step, PRICE_STEPS))
    return price if isinstance(price, ir.Volume) else None


def stands_for(step: ir.Volume, quantity: Fraction) -> Fraction:
    """A quantity in the same tier, the same one for all of them: so few that code for each can be kept."""
    if quantity < 0:
        raise Fallback("a `volume` of less than nothing")
    lower = Fraction(0)
    if quantity == 0:
        return lower
    for tier in step.tiers:
        if tier.upper is None:
            break
        if quantity < tier.upper or (quantity == tier.upper and tier.inclusive):
            return tier.upper if tier.inclusive else (lower + tier.upper) / 2
        lower = tier.upper
    return lower + 1
