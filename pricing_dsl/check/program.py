"""From a syntax tree to a checked program: every finding in source order, and the IR when there is no error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from pricing_dsl.check.agreements import lower_contract
from pricing_dsl.check.contracts import check_contracts
from pricing_dsl.check.examples import check_examples
from pricing_dsl.check.lint import lint_unused
from pricing_dsl.check.meters import check_meters
from pricing_dsl.check.plans import check_plans
from pricing_dsl.check.quantities import check_quantities
from pricing_dsl.check.scope import Scope
from pricing_dsl.check.tables import check_tables
from pricing_dsl.check.tiers import check_curves, check_unused_curves
from pricing_dsl.check.units import check_currency_and_units
from pricing_dsl.diagnostics.diagnostic import Diagnostic, in_source_order
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Source
from pricing_dsl.syntax import nodes as syntax


@dataclass(frozen=True, slots=True)
class Checked:
    """`program` is `None` when there are errors. `later` says, by name, why a plan or contract is not evaluated."""

    program: ir.Program | None
    diagnostics: tuple[Diagnostic, ...]
    later: Mapping[str, str]
    factors: Mapping[str, Fraction]
    """How many of its base unit each unit is, by name and by plural."""


def from_syntax(program: syntax.Program, source: Source, files: Mapping[str, str | bytes]) -> Checked:
    """Check a whole program, in the order of the language page. Never raises; reports all findings at once."""
    scope = Scope(source, files)
    check_currency_and_units(scope, program)
    check_tables(scope, program)
    check_curves(scope, program)
    check_meters(scope, program)
    check_quantities(scope, program)
    check_plans(scope, program)
    check_contracts(scope, program)
    contracts = [lower_contract(scope, node) for node in scope.contracts.values()] if not scope.errors else []
    check_unused_curves(scope)
    check_examples(scope, program)
    lint_unused(scope, program)
    diagnostics = in_source_order(scope.diagnostics)
    if any(d.severity == "error" for d in diagnostics):
        return Checked(None, diagnostics, {}, {})
    later = {
        name: "it has phases, which are in force by the dates of a contract"
        for name, plan in scope.plans.items()
        if plan.later is not None
    }
    return Checked(
        lowered(scope, tuple(c for c in contracts if c is not None)),
        diagnostics,
        later,
        {name: unit.factor for name, unit in scope.units.items()},
    )


def lowered(scope: Scope, contracts: tuple[ir.Contract, ...]) -> ir.Program:
    """The IR of a program without errors."""
    return ir.Program(
        ir.LANGUAGE_VERSION,
        scope.currency,
        scope.digits,
        tuple(symbol.ir for symbol in scope.meters.values()),
        tuple(symbol.ir for symbol in scope.quantities.values()),
        tuple(symbol.ir for symbol in scope.tables.values()),
        tuple(symbol.ir for symbol in scope.plans.values() if symbol.later is None),
        contracts,
    )
