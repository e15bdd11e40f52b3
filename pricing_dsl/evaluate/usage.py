"""Usage as people give it, read into exact cells: validated, merged, zeros dropped (step 3).

A meter is given as a number (int, text or Decimal, never float) or as a list of cells
`{"quantity": "120000000", "model": "gpt-5"}`. Dimension text of a number is its shortest decimal, of a truth value
`true` or `false`; null is missing (rule 16). Whatever cannot be meant is an `EvaluationError` with an R03 code. Whether
a quantity may be negative is asked where it is priced (rule 7), not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.given import as_json
from pricing_dsl.evaluate.statement import Usage
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import dimensions_read
from pricing_dsl.limits import CELLS_MAX, DIGITS_MAX
from pricing_dsl.values.numbers import decimal_text, fraction_from_decimal, grouped_text

Cells = dict[tuple[str | None, ...], Fraction]
"""Quantity by dimension values, in the order of `Meter.dimensions`; `None` where a value is not given."""

QUANTITY = "quantity"
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?", re.ASCII)
RATIO = re.compile(r"[+-]?[0-9]+/[0-9]*[1-9][0-9]*", re.ASCII)
TOO_LARGE = 10**DIGITS_MAX
HOW_NUMBERS_ARE_GIVEN = 'give a whole number or decimal text such as "1250000.5"'


def read_usage(program: ir.Program, plan: ir.Plan, usage: Usage) -> dict[str, Cells]:
    """The cells of every meter given, as one plan reads them; raises what `read_cells` does."""
    return read_cells(program, [plan], usage)


def read_cells(
    program: ir.Program, plans: Sequence[ir.Plan], usage: Usage, contract: ir.Contract | None = None
) -> dict[str, Cells]:
    """The cells of every meter given, by meter name, in the meter's unit; `plans` are all that read them, and the
    balances of the `contract` that they are in force in.

    Raises `EvaluationError`: R0301 unknown meter, R0302 unknown dimension, R0303 not an exact number, R0304 too many
    digits, R0305 a dimension that a step of the plan reads is missing, R0306 a dimension's value is not text, R0307
    too many cells, R0308 one cell given twice where quantities do not add up, R0309 not shaped as usage.
    """
    if not isinstance(usage, Mapping):
        raise EvaluationError(
            "R0309", "usage maps meters to quantities", 'give a mapping such as {"requests": "2300000"}'
        )
    meters = {meter.name: meter for meter in program.meters}
    read = [dimensions_read(program, plan, contract) for plan in plans]
    cells: dict[str, Cells] = {}
    count = 0
    for name, given in usage.items():
        meter = meters.get(name)
        if meter is None:
            raise EvaluationError("R0301", f"there is no meter `{name}`", did_you_mean(name, meters))
        if isinstance(given, Mapping):
            raise EvaluationError(
                "R0309",
                f"the usage of `{name}` is one cell where a list of cells must stand",
                "put it in brackets: [{...}]",
            )
        entries = given if isinstance(given, list | tuple) else [{QUANTITY: given}]
        count += len(entries)
        if count > CELLS_MAX:
            raise EvaluationError(
                "R0307",
                f"usage has more than {CELLS_MAX:_} cells",
                "aggregate it first: one cell per combination of the dimensions that the plan reads",
            )
        required = frozenset().union(*(of_plan.get(name, frozenset()) for of_plan in read))
        cells[name] = read_meter(meter, entries, required)
    return cells


def read_meter(meter: ir.Meter, entries: Iterable[Any], required: frozenset[str]) -> Cells:
    """The cells of one meter, merged; `required` are the dimensions that steps of the plan read."""
    known = frozenset(meter.dimensions)
    needed = tuple(name for name in meter.dimensions if name in required)
    cells: Cells = {}
    for entry in entries:
        if not isinstance(entry, Mapping) or QUANTITY not in entry:
            raise malformed(meter, entry)
        quantity = exact_number(entry[QUANTITY], meter)
        if len(entry) > 1 + len(known) or not known.issuperset(entry.keys() - {QUANTITY}):
            raise unknown_dimension(meter, entry)
        values = tuple([dimension_text(entry.get(name), name, meter) for name in meter.dimensions])
        if not quantity:
            continue  # a cell of zero and no cell are the same (rule 14)
        if needed and None in values:
            require_dimensions(meter, entry, needed)
        if values not in cells:
            cells[values] = quantity
        elif meter.adds_over_dimensions:
            cells[values] += quantity
        elif cells[values] != quantity:
            raise given_twice(meter, values, cells[values], quantity)
    return {values: quantity for values, quantity in cells.items() if quantity}


def exact_number(value: object, meter: ir.Meter) -> Fraction:
    """A quantity as an exact fraction."""
    if type(value) is int:
        if -TOO_LARGE < value < TOO_LARGE:
            return Fraction(value)
        raise too_many_digits(meter)
    if isinstance(value, str):
        if len(value) > 2 * DIGITS_MAX + 2:
            raise too_many_digits(meter)
        if RATIO.fullmatch(value):
            return Fraction(value)
        if not NUMBER.fullmatch(value):
            raise not_a_number(meter, f"the text {as_json(value)}")
        value = Decimal(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise not_a_number(meter, str(value))
        _, digits, exponent = value.as_tuple()
        if max(len(digits), len(digits) + int(exponent), -int(exponent)) > DIGITS_MAX:
            raise too_many_digits(meter)
        return fraction_from_decimal(value)
    if isinstance(value, Fraction):
        return value
    if isinstance(value, float):
        raise not_a_number(meter, f"the binary floating-point number {value!r}")
    raise not_a_number(meter, "a truth value" if isinstance(value, bool) else as_json(value))


def dimension_text(value: object, name: str, meter: ir.Meter) -> str | None:
    """The text of a dimension's value (rule 16)."""
    if value is None or type(value) is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= DIGITS_MAX:
        return decimal_text(fraction_from_decimal(value))
    raise EvaluationError(
        "R0306",
        f"the value {as_json(value)} of `{name}` in `{meter.name}` is not text",
        "give text, a number, true, false or null",
    )


# --- what is wrong ---


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The help for an unknown name."""
    names = list(known)
    near = get_close_matches(str(name), names, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"there are: {', '.join(f'`{known}`' for known in names[:8])}" if names else "the program declares none"


def malformed(meter: ir.Meter, entry: object) -> EvaluationError:
    example = ", ".join(['"quantity": "100"', *(f'"{name}": "..."' for name in meter.dimensions)])
    what = "a cell without `quantity`" if isinstance(entry, Mapping) else f"{as_json(entry)} as a cell"
    return EvaluationError("R0309", f"usage of `{meter.name}` has {what}", f"give cells such as {{{example}}}")


def unknown_dimension(meter: ir.Meter, entry: Mapping[Any, Any]) -> EvaluationError:
    name = next(name for name in entry if name != QUANTITY and name not in meter.dimensions)
    if not meter.dimensions:
        return EvaluationError("R0302", f"`{meter.name}` has no dimension `{name}`", "it has no dimensions")
    return EvaluationError("R0302", f"`{meter.name}` has no dimension `{name}`", did_you_mean(name, meter.dimensions))


def require_dimensions(meter: ir.Meter, entry: Mapping[Any, Any], needed: tuple[str, ...]) -> None:
    """Raise R0305 where a cell lacks a dimension that some step reads (section 9)."""
    missing = [name for name in needed if entry.get(name) is None]
    if missing:
        named = " and its ".join(f"`{name}`" for name in missing)
        whole = ", ".join(f'"{name}": "..."' for name in needed)
        raise EvaluationError(
            "R0305",
            f"usage of `{meter.name}` does not say its {named}, which the plan reads",
            f'give a list of cells such as {{"quantity": "100", {whole}}}',
        )


def given_twice(meter: ir.Meter, values: tuple[str | None, ...], one: Fraction, other: Fraction) -> EvaluationError:
    cell = ", ".join(f"{name}: {value}" for name, value in zip(meter.dimensions, values, strict=True) if value)
    where = f"`{meter.name}[{cell}]`" if cell else f"`{meter.name}`"
    return EvaluationError(
        "R0308",
        f"{where} is given as {grouped_text(one)} and as {grouped_text(other)}, and its aggregation does not add up",
        "give each combination of dimension values once",
    )


def not_a_number(meter: ir.Meter, what: str) -> EvaluationError:
    return EvaluationError("R0303", f"the quantity of `{meter.name}` is {what}", HOW_NUMBERS_ARE_GIVEN)


def too_many_digits(meter: ir.Meter) -> EvaluationError:
    return EvaluationError(
        "R0304",
        f"the quantity of `{meter.name}` has more than {DIGITS_MAX} digits",
        f"a number has at most {DIGITS_MAX} digits",
    )
