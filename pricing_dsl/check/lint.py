"""What a program declares and nothing reads: meters, quantities, tables, curves and units (section 9).

Asked last, and only of a program without errors: what an erroneous statement would have read is not known.
"""

from __future__ import annotations

from pricing_dsl.check.scope import Scope
from pricing_dsl.check.units import first_word
from pricing_dsl.syntax import nodes as syntax


def lint_unused(scope: Scope, program: syntax.Program) -> None:
    """A warning for each declaration that no plan can reach; one for all where there is no plan."""
    if any(diagnostic.severity == "error" for diagnostic in scope.diagnostics):
        return
    if not any(isinstance(node, syntax.Plan | syntax.Contract) for node in program.declarations):
        scope.report(
            "W0408",
            first_word(scope, program),
            "this program has no plan, so it prices nothing",
            help="write `plan NAME { charge NAME on METER { price ... } }`",
        )
        return
    for node in program.declarations:
        match node:
            case syntax.Meter(name=name):
                kind, what, code = "meter", "meter", "W0403"
                advice = "charge for it, or drop it; usage of it is listed as unused and costs nothing"
            case syntax.Quantity(name=name):
                kind, what, code = "quantity", "quantity", "W0404"
                advice = "write `charge ... on` it, read it in a step, or drop it"
            case syntax.Rates(name=name):
                kind, what, code = "rates", "table", "W0405"
                advice = f"write `price {name.text}` in a charge, or drop it"
            case syntax.Curve(name=name):
                kind, what, code = "curve", "curve", "W0406"
                advice = f"write `price {name.text}` in a charge, or drop it"
            case syntax.Unit(name=name):
                kind, what, code = "unit", "unit", "W0407"
                advice = "give it to a meter or a rate, or drop it"
            case _:
                continue
        if (kind, name.text) not in scope.used:
            scope.report(code, name.span, f"nothing uses the {what} `{name.text}`", label=f"unused {what}", help=advice)
