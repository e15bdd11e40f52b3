"""Opening state of a contract as people give it: balances by name, counters by line, checked at the evaluator's door.

A balance is a number (one lot that ends with the grant in force) or a list of lots `{"amount": "100", "end":
"2027-01-01"}`; of a postpaid commit, the number that counted so far. What a statement gives back in `balances` opens
the next one. A counter is a number or a list of cells, as usage is (rules 4 and 34). Numbers are exact, never floats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.given import as_json, wrong_key
from pricing_dsl.evaluate.statement import BalanceMovement
from pricing_dsl.evaluate.usage import HOW_NUMBERS_ARE_GIVEN, NUMBER, QUANTITY, TOO_LARGE, did_you_mean
from pricing_dsl.ir import nodes as ir
from pricing_dsl.limits import CELLS_MAX, DIGITS_MAX
from pricing_dsl.values import periods
from pricing_dsl.values.numbers import decimal_text, fraction_from_decimal

HOW_LOTS_ARE_GIVEN = 'give lots such as {"amount": "100", "end": "2027-01-01"}'
HOW_BALANCES = "give a number, a list of lots, or what a statement says of it"


def read_balances(
    program: ir.Program, contract: ir.Contract, given: Mapping[str, Any] | None
) -> dict[str, Decimal | list[dict[str, Any]]]:
    """Opening balances by name: a `Decimal`, or lots with `amount` (Decimal), `end` (ISO text or `None`), `rolled`.

    Raises `EvaluationError`: R0104 for a name that the contract lacks, R0501 for anything that is not a balance.
    """
    balances = {balance.name: balance for balance in contract.balances}
    known = [*balances, *(floor.name for floor in contract.floors)]
    read: dict[str, Decimal | list[dict[str, Any]]] = {}
    for name, value in _mapping(given, "balances map names to amounts or lots", '{"annual": "50000.00"}').items():
        if name not in known:
            raise _unknown(contract, "balance", name, known)
        digits = program.digits if name not in balances or balances[name].unit is None else None
        what = f"the balance `{name}`"
        value = _closed(value, what, in_lots=name in balances)
        if isinstance(value, list | tuple):
            if name not in balances:
                raise EvaluationError("R0501", f"{what} is given in lots", "give one number: what counted so far")
            zone = ZoneInfo(contract.timezone)
            read[name] = [_lot(lot, f"lot {i} of {what}", digits, zone) for i, lot in enumerate(value, start=1)]
        else:
            read[name] = _amount(value, what, digits, negative=name not in balances)
    return read


def require_lots_to_come(balances: Mapping[str, Any], start: ir.Instant, timezone: str) -> None:
    """Raise `EvaluationError` R0501 where a lot that was read has ended before the period that begins at `start`.

    An opening balance is what is left at the instant before the period (rule 34), and of such a lot nothing is.
    """
    zone = ZoneInfo(timezone)
    for name, lots in balances.items():
        for lot in lots if isinstance(lots, list) else ():
            if lot["end"] is not None and periods.seconds_of(periods.instant(lot["end"], zone)) < start:
                begins = periods.text(periods.moment_of(start, zone))
                raise EvaluationError(
                    "R0501",
                    f"the balance `{name}` has a lot that ended on {lot['end']}, before the period begins on {begins}",
                    "leave it out: what it held has expired",
                )


def read_counters(contract: ir.Contract, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Opening counters by line, as given: which dimensions their cells have is asked where the counter runs.

    Raises `EvaluationError`: R0104 for a line that counts nothing on, R0501 for anything that is not a counter.
    """
    counting = list(dict.fromkeys(_counting(contract)))
    read: dict[str, Any] = {}
    for line, value in _mapping(given, "counters map lines to quantities or cells", '{"requests": "1200000"}').items():
        if line not in counting:
            raise _unknown(contract, "counter", line, counting)
        what = f"the counter of `{line}`"
        cells = value if isinstance(value, list | tuple) else [{QUANTITY: value}]
        if len(cells) > CELLS_MAX:
            raise EvaluationError("R0501", f"{what} has more than {CELLS_MAX:_} cells", "give one cell per combination")
        for i, cell in enumerate(cells, start=1):
            wrong = wrong_key(f"cell {i} of {what}", cell, (QUANTITY,), cell if isinstance(cell, Mapping) else ())
            if wrong is not None:
                raise EvaluationError("R0501", wrong, 'give cells such as {"quantity": "100"}')
            _number(cell[QUANTITY], what)
        read[line] = value
    return read


def below_zero(counters: Mapping[str, Any]) -> str | None:
    """The first line whose opening counter, or a cell of it, is negative."""
    for line, value in counters.items():
        cells = value if isinstance(value, list | tuple) else [{QUANTITY: value}]
        if any(_number(cell[QUANTITY], line) < 0 for cell in cells):
            return line
    return None


def _counting(contract: ir.Contract) -> Iterator[str]:
    """The lines that have a `counted` step at any time of the term."""
    for version in contract.versions:
        for line in version.plan.lines:
            if isinstance(line, ir.Charge) and any(isinstance(step, ir.Counted) for step in line.steps):
                yield line.name


def _mapping(given: Mapping[str, Any] | None, what: str, example: str) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise EvaluationError("R0501", f"{what}, and this is {as_json(given)}", f"give a mapping such as {example}")
    return given


def _unknown(contract: ir.Contract, what: str, name: object, known: list[str]) -> EvaluationError:
    help_text = did_you_mean(name, known) if known else f"the contract keeps no {what}"
    return EvaluationError("R0104", f"`{contract.name}` keeps no {what} `{name}`", help_text)


def _closed(value: Any, what: str, *, in_lots: bool) -> Any:
    """What an earlier statement left, where that is what is given; anything else as it is."""
    if isinstance(value, BalanceMovement):
        value = value.to_dict()
    if not isinstance(value, Mapping):
        return value
    if in_lots and "amount" in value:
        raise EvaluationError(
            "R0501", f"{what} is one lot where a list of lots must stand", "put it in brackets: [{...}]"
        )
    for key in ("closing", "lots") if in_lots else ("closing",):
        if key not in value:
            raise EvaluationError(
                "R0501",
                f"{what} is {as_json(value)}, which has no `{key}` as a statement's balances have",
                HOW_BALANCES,
            )
    return value["lots"] if in_lots else value["closing"]


def _lot(lot: Any, what: str, digits: int | None, zone: ZoneInfo) -> dict[str, Any]:
    wrong = wrong_key(what, lot, ("amount",), ("end", "rolled"))
    if wrong is not None:
        raise EvaluationError("R0501", wrong, HOW_LOTS_ARE_GIVEN)
    end, rolled = lot.get("end"), lot.get("rolled", False)
    if not isinstance(rolled, bool):
        raise EvaluationError("R0501", f"the `rolled` of {what} is {as_json(rolled)}", "give true or false")
    try:
        until = None if end is None else periods.text(periods.instant(end, zone))
    except (periods.PeriodError, TypeError, AttributeError):
        raise EvaluationError(
            "R0501", f"the `end` of {what} is {as_json(end)}", 'give a date such as "2027-01-01", or null'
        ) from None
    return {"amount": _amount(lot["amount"], what, digits, negative=False), "end": until, "rolled": rolled}


def _amount(value: object, what: str, digits: int | None, *, negative: bool) -> Decimal:
    """An amount that a balance can have; `digits` are the currency's, `None` for units."""
    number = _number(value, what)
    if number < 0 and not negative:
        raise EvaluationError("R0501", f"{what} is negative", "an empty balance is 0")
    if digits is not None and (number * 10**digits).denominator != 1:
        raise EvaluationError(
            "R0501", f"{what} is finer than the minor unit of the currency", f"give it with {digits} decimals"
        )
    text = decimal_text(number)
    if "/" in text:
        raise EvaluationError("R0501", f"{what} has no end as a decimal", HOW_NUMBERS_ARE_GIVEN)
    return Decimal(text)


def _number(value: object, what: str) -> Fraction:
    if isinstance(value, str) and len(value) <= 2 * DIGITS_MAX + 2 and NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= DIGITS_MAX:
        value = fraction_from_decimal(value)
    if isinstance(value, int | Fraction) and not isinstance(value, bool) and abs(value) < TOO_LARGE:
        return Fraction(value)
    said = f"the binary floating-point number {value!r}" if isinstance(value, float) else as_json(value)
    raise EvaluationError("R0501", f"{what} is {said}, not an exact number", HOW_NUMBERS_ARE_GIVEN)
