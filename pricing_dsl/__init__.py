"""pricing-dsl: a pricing language and engine for usage-based billing.

    program = pricing_dsl.compile(text, files={"rates.csv": data})
    statement = program.evaluator("scale")(usage, period=("2026-03-01", "2026-04-01"))
    statement.total, statement.line("requests").exact

This module is the whole public face; everything else may move. The evaluator and the classes of a statement are loaded
when first asked for, so that a program is checked at once.
"""

from typing import TYPE_CHECKING, Any

from pricing_dsl.compilation import Program, check, compile, format_source  # noqa: A004 - the public face
from pricing_dsl.diagnostics.diagnostic import Diagnostic, Label, ProgramError
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.version import VERSION

if TYPE_CHECKING:
    from pricing_dsl.evaluate.evaluator import Evaluator
    from pricing_dsl.evaluate.statement import (
        BalanceMovement,
        Draw,
        Invoiced,
        Line,
        Lot,
        Part,
        Reason,
        Row,
        Statement,
        Unpriced,
    )

__all__ = [
    "BalanceMovement",
    "Diagnostic",
    "Draw",
    "EvaluationError",
    "Evaluator",
    "Invoiced",
    "Label",
    "Line",
    "Lot",
    "Part",
    "Program",
    "ProgramError",
    "Reason",
    "Row",
    "Statement",
    "Unpriced",
    "check",
    "compile",
    "format_source",
]

__version__ = VERSION


def __getattr__(name: str) -> Any:
    """Load what a statement is made of when it is first named."""
    if name == "Evaluator":
        from pricing_dsl.evaluate.evaluator import Evaluator

        return Evaluator
    if name in __all__:
        from pricing_dsl.evaluate import statement

        return getattr(statement, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
