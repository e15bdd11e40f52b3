"""Aggregations: what a meter does with the values of its events (language reference, section 3; rule 3).

`AGGREGATIONS` is the one registry in which `measure` looks a name up. An entry says what the aggregation is called
with, over what its results may be added, and what the checker wants beside it; how it is computed is no matter here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pricing_dsl.check.events import Event, Kind
from pricing_dsl.check.scope import Scope, did_you_mean
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax


@dataclass(frozen=True, slots=True)
class NumberConstant:
    """A constant number behind the value, above `above` and at most `at_most`."""

    name: str
    above: int
    at_most: int


@dataclass(frozen=True, slots=True)
class WordConstant:
    """A word behind the value that may be left out."""

    word: str


@dataclass(frozen=True, slots=True)
class Aggregation:
    """`value` is the kind of what is aggregated, `None` where only events are counted; `form` shows how to write it.

    `adds_over_dimensions` and `adds_over_time` are rule 3. `whole`: results are whole numbers whatever the values.
    `carried` is "wanted" by aggregations of a level, which stays until it changes; "refused" where a carried value
    would count twice.
    """

    name: str
    form: str
    value: Kind | None
    constant: NumberConstant | WordConstant | None
    adds_over_dimensions: bool
    adds_over_time: bool
    whole: bool
    carried: Literal["wanted", "allowed", "refused"]


_BUILT_IN = (
    Aggregation("sum", "sum(x)", "number", None, True, True, False, "refused"),
    Aggregation("count", "count()", None, None, True, True, True, "refused"),
    Aggregation("max", "max(x)", "number", None, False, False, False, "wanted"),
    Aggregation("min", "min(x)", "number", None, False, False, False, "wanted"),
    Aggregation("last", "last(x)", "number", None, True, False, False, "wanted"),
    Aggregation("unique", "unique(x)", "any", WordConstant("approximate"), False, False, True, "refused"),
    Aggregation("mean", "mean(x)", "number", None, False, False, False, "allowed"),
    Aggregation("time_weighted", "time_weighted(x)", "number", WordConstant("hour"), True, False, False, "wanted"),
    Aggregation(
        "percentile", "percentile(x, 95)", "number", NumberConstant("rank", 0, 100), False, False, False, "allowed"
    ),
)

AGGREGATIONS: Mapping[str, Aggregation] = {aggregation.name: aggregation for aggregation in _BUILT_IN}
"""Name -> aggregation."""

ADDITIVE = Aggregation("", "", None, None, True, True, False, "allowed")
"""Stands in for an aggregation that did not check, so that it leads to no further finding."""


def check_measure(
    scope: Scope, event: Event, call: syntax.Call, value: str | None
) -> tuple[Aggregation, ir.Measure] | None:
    """`sum(input_tokens)`, `percentile(mbps, 95)`: one arm of a meter. `None` after a finding."""
    name = call.function
    aggregation = AGGREGATIONS.get(name.text)
    if aggregation is None:
        near = did_you_mean(name.text, AGGREGATIONS)
        known = ", ".join(f"`{each.form}`" for each in AGGREGATIONS.values())
        scope.report(
            "N0502",
            name.span,
            f"there is no aggregation `{name.text}`",
            label="unknown aggregation",
            help=f"did you mean `{AGGREGATIONS[near].form}`?" if near else f"there are: {known}",
        )
        return None
    arguments = check_arguments(scope, event, aggregation, call)
    if arguments is None:
        return None
    return aggregation, ir.Measure(value, aggregation.name, arguments, span=call.span)


def check_arguments(
    scope: Scope, event: Event, aggregation: Aggregation, call: syntax.Call
) -> tuple[ir.Expression, ...] | None:
    """The value and the constant behind it, each of its kind and none too many."""
    constant = aggregation.constant
    least = (0 if aggregation.value is None else 1) + (1 if isinstance(constant, NumberConstant) else 0)
    most = (0 if aggregation.value is None else 1) + (0 if constant is None else 1)
    if not least <= len(call.arguments) <= most:
        report_arguments(scope, aggregation, call.span)
        return None
    if aggregation.value is None:
        return ()
    typed = event.check(call.arguments[0], aggregation.value)
    if typed is None:
        return None
    if len(call.arguments) == 1:
        return (typed.made,)
    last = check_constant(scope, aggregation, call.arguments[1])
    return None if last is None else (typed.made, last)


def check_constant(scope: Scope, aggregation: Aggregation, argument: syntax.Expression) -> ir.Const | None:
    """The constant behind the value."""
    constant = aggregation.constant
    match constant, argument:
        case WordConstant(word=word), syntax.Reference(name=name) if name == word:
            return ir.Const(word, span=argument.span)
        case NumberConstant(above=above, at_most=most), syntax.Number(value=number, percent=False, unit=None):
            if above < number <= most:
                return ir.Const(number, span=argument.span)
            scope.report(
                "T0606",
                argument.span,
                f"the {constant.name} of `{aggregation.name}` is above {above} and at most {most}",
                help=f"write a number in that range, as in `{aggregation.form}`",
            )
            return None
        case _:
            report_arguments(scope, aggregation, argument.span)
            return None


def report_arguments(scope: Scope, aggregation: Aggregation, span: Span) -> None:
    forms = f"`{aggregation.form}`"
    if isinstance(aggregation.constant, WordConstant):
        forms += f" or `{aggregation.form[:-1]}, {aggregation.constant.word})`"
    scope.report("T0606", span, f"`{aggregation.name}` is not called like this", help=f"write {forms}")
