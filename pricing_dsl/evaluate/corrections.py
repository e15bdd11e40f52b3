"""Corrections as they are handed over (step 16, rule 35): what late usage has changed on a statement that is final.

Whoever keeps statements evaluates a finalised period again and hands over the difference of each of its rows before
draws: `{"period": "2026-02-01", "row": "requests", "line": "requests", "amount": "12.50"}`. `period` is where the
period that is corrected begins; `line` is there where the row is that of a line. A correction stands on this statement
as a row of its own, which no adjustment touches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.given import as_json, wrong_key
from pricing_dsl.evaluate.reference.segments import LineShare
from pricing_dsl.evaluate.statement import Reason, Row
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values import periods
from pricing_dsl.values.numbers import decimal_text

HOW_CORRECTIONS_ARE_GIVEN = (
    'give corrections such as {"period": "2026-02-01", "row": "requests", "line": "requests", "amount": "12.50"}'
)
RULE = "rule 35: what late usage has changed on a finalised period"


class Correction(NamedTuple):
    """One row of a finalised statement: by how many minor units it has changed. `period` is that statement's start."""

    period: ir.Instant
    row: str
    line: str | None
    minor: int
    id: str

    def share(self, segment: int) -> LineShare:
        """As balances see it: a row that belongs to no line, in the last segment (rule 5)."""
        return LineShare(self.id, "row", segment, {}, self.minor)

    def shown(self, digits: int, currency: str, *, explain: bool) -> Row:
        """The row of the statement."""
        node = None
        if explain:
            amount = Fraction(self.minor, 10**digits)
            node = Reason(f"correction of {self.id}", RULE, None, (), decimal_text(amount), amount, currency)
        return Row(self.id, "correction", self.minor, digits, (), node)


def read_corrections(
    program: ir.Program, contract: ir.Contract, given: Sequence[Mapping[str, Any]]
) -> tuple[Correction, ...]:
    """Corrections in the order given. Raises `EvaluationError` R0502 for what is none."""
    if not isinstance(given, list | tuple):
        raise _wrong(f"corrections are a list, and this is {as_json(given)}")
    return tuple(_read(program, contract, f"correction {i}", each) for i, each in enumerate(given, start=1))


def _read(program: ir.Program, contract: ir.Contract, what: str, given: Mapping[str, Any]) -> Correction:
    wrong = wrong_key(what, given, ("period", "row", "amount"), ("line",))
    if wrong is not None:
        raise _wrong(wrong)
    row, line = given["row"], given.get("line")
    if not isinstance(row, str) or not isinstance(line, str | None):
        raise _wrong("the row of a correction is no name")
    try:
        at = periods.instant(given["period"], ZoneInfo(contract.timezone))
        amount = Fraction(str(given["amount"])) * 10**program.digits
    except (periods.PeriodError, TypeError, AttributeError, ValueError, ZeroDivisionError):
        raise _wrong(f"the correction of `{row}` has no period or no amount") from None
    if amount.denominator != 1 or isinstance(given["amount"], float | bool):
        raise _wrong(f"the correction of `{row}` is finer than the minor unit of the currency")
    return Correction(periods.seconds_of(at), row, line, amount.numerator, f"{row} {at.date().isoformat()}")


def _wrong(message: str) -> EvaluationError:
    return EvaluationError("R0502", message, HOW_CORRECTIONS_ARE_GIVEN)
