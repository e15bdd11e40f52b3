"""Dimensions of a meter's cells, and the values that each can take (language reference, section 3).

The dimensions of a cell stand in the order of `by`; the one that `measure by` fills comes last. Where an expression
tells every value that a dimension can take (the arms of `measure by`, the branches of an `if`, `hour`, `weekday`),
those are kept, so that a key no event can produce is found. `hour` counts 0 to 23, `weekday` 1 (Monday) to 7, and `day`
is the date `2026-03-01`, all in the meter's time zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from pricing_dsl.check.events import TIME, Event
from pricing_dsl.check.scope import Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax
from pricing_dsl.values.numbers import decimal_text

OF_TIME = ("hour", "day", "weekday")
"""Dimensions that need no expression: parts of the event's time."""

QUANTITY = "quantity"
"""What a cell of usage calls its number."""

CLOCK_VALUES: dict[str, frozenset[str]] = {
    "hour": frozenset(str(hour) for hour in range(24)),
    "minute": frozenset(str(minute) for minute in range(60)),
    "weekday": frozenset(str(day) for day in range(1, 8)),
}
CONDITIONS = ("==", "!=", "<", "<=", ">", ">=", "and", "or", "not", "in", "like")


def check_dimensions(
    scope: Scope,
    event: Event,
    clause: syntax.ByClause | None,
    measured_by: syntax.Name | None,
    measured_values: frozenset[str],
) -> tuple[tuple[ir.EventDimension, ...], dict[str, frozenset[str] | None]]:
    """The dimensions that `by` lists, and the values each can take (`None`: any text), `measure by` included."""
    made: dict[str, ir.EventDimension] = {}
    values: dict[str, frozenset[str] | None] = {}
    spans: dict[str, Span] = {}
    if measured_by is not None:
        spans[measured_by.text] = measured_by.span
        require_free_name(scope, measured_by)
    for dimension in () if clause is None else clause.dimensions:
        name = dimension.name
        if name.text in spans:
            scope.report(
                "N0107",
                name.span,
                f"the dimension `{name.text}` is named twice",
                labels=[Label(spans[name.text], "first here")],
                help=f"`measure by {name.text}` gives it already: drop it here"
                if measured_by is not None and measured_by.text == name.text
                else "name each dimension once",
            )
            continue
        spans[name.text] = name.span
        require_free_name(scope, name)
        expression = dimension_value(event, dimension)
        values[name.text] = possible_values(expression)
        made[name.text] = ir.EventDimension(name.text, expression, span=dimension.span)
    if measured_by is not None:
        values[measured_by.text] = measured_values
    return tuple(made.values()), values


def require_free_name(scope: Scope, name: syntax.Name) -> None:
    """A cell of usage gives its number under `quantity`."""
    if name.text == QUANTITY:
        scope.report(
            "N0105",
            name.span,
            "a dimension may not be called `quantity`: a cell of usage gives its number under that name",
            help="choose another name, as in `size: quantity`",
        )


def dimension_value(event: Event, dimension: syntax.Dimension) -> ir.Expression:
    """A property of the dimension's name, a part of the event's time, or what the expression says."""
    name = dimension.name
    if dimension.expression is not None:
        typed = event.check(dimension.expression, "any")
        return ir.Ref("property", name.text, span=name.span) if typed is None else typed.made
    if name.text in OF_TIME:
        return ir.Apply(name.text, (ir.Ref("property", TIME, span=name.span),), span=name.span)
    typed = event.property(name.text, name.span)
    return ir.Ref("property", name.text, span=name.span) if typed is None else typed.made


def possible_values(expression: ir.Expression) -> frozenset[str] | None:
    """Every text that an expression can give, where it tells; `None` where any can occur."""
    match expression:
        case ir.Const(value=str() as value):
            return frozenset({value})
        case ir.Const(value=bool() as value):
            return frozenset({"true" if value else "false"})
        case ir.Const(value=Fraction() as value):
            return frozenset({decimal_text(value)})
        case ir.Apply(operator="if", arguments=(_, then, otherwise)):
            one, other = possible_values(then), possible_values(otherwise)
            return None if one is None or other is None else one | other
        case ir.Apply(operator=operator) if operator in CLOCK_VALUES:
            return CLOCK_VALUES[operator]
        case ir.Apply(operator=operator) if operator in CONDITIONS:
            return frozenset({"true", "false"})
        case _:
            return None


def dimension_values(scope: Scope) -> Mapping[str, frozenset[str] | None]:
    """Every dimension of the program's meters with the values that any of them can give it (`None`: any text)."""
    known: dict[str, frozenset[str] | None] = {}
    for meter in scope.meters.values():
        for name, values in meter.values.items():
            before = known.get(name, frozenset())
            known[name] = None if before is None or values is None else before | values
    return known
