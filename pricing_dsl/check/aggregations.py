"""Aggregations: what a meter does with the values of its events (language reference, section 3; rule 3).

`measure` looks a name up among the built-in aggregations and those of plugins. An aggregation says what it is called
with, over what its results may be added, and what the checker wants beside it; how it is computed is no matter here.
"""

from __future__ import annotations

from pricing_dsl.check.events import Event
from pricing_dsl.check.provided import report_refused
from pricing_dsl.check.scope import Scope, did_you_mean
from pricing_dsl.ir import nodes as ir
from pricing_dsl.plugin.contract import Aggregation, NumberConstant, WordConstant
from pricing_dsl.plugin.manager import find_aggregation, plugins
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax


def check_measure(
    scope: Scope, event: Event, call: syntax.Call, value: str | None
) -> tuple[Aggregation, ir.Measure] | None:
    """`sum(input_tokens)`, `percentile(mbps, 95)`: one arm of a meter. `None` after a finding."""
    name = call.function
    provided = find_aggregation(name.text)
    if provided is None:
        report_unknown(scope, name)
        return None
    aggregation = provided.value
    arguments = check_arguments(scope, event, aggregation, call)
    if arguments is None:
        return None
    return aggregation, ir.Measure(value, aggregation.name, arguments, span=call.span)


def report_unknown(scope: Scope, name: syntax.Name) -> None:
    known = plugins().aggregations
    if report_refused(scope, "aggregation", name):
        return
    near = did_you_mean(name.text, known)
    forms = ", ".join(f"`{each.value.form}`" for each in known.values())
    scope.report(
        "N0502",
        name.span,
        f"there is no aggregation `{name.text}`",
        label="unknown aggregation",
        help=f"did you mean `{known[near].value.form}`?" if near else f"there are: {forms}",
    )


def check_arguments(
    scope: Scope, event: Event, aggregation: Aggregation, call: syntax.Call
) -> tuple[ir.Expression, ...] | None:
    """The value and the constants behind it, each of its kind and none too many."""
    constant = aggregation.constant
    least = (0 if aggregation.value is None else 1) + (1 if isinstance(constant, NumberConstant) else 0)
    most = (0 if aggregation.value is None else 1) + (0 if constant is None else 1)
    most += 1 if isinstance(constant, NumberConstant) and constant.word is not None else 0
    if not least <= len(call.arguments) <= most:
        report_arguments(scope, aggregation, call.span)
        return None
    if aggregation.value is None:
        return ()
    typed = event.check(call.arguments[0], aggregation.value)
    if typed is None:
        return None
    made: list[ir.Expression] = [typed.made]
    for argument in call.arguments[1:]:
        checked = check_constant(scope, aggregation, constant, argument)
        if checked is None:
            return None
        made.append(checked)
        constant = WordConstant(constant.word) if constant is not None and constant.word is not None else None
    return tuple(made)


def check_constant(
    scope: Scope, aggregation: Aggregation, constant: NumberConstant | WordConstant | None, argument: syntax.Expression
) -> ir.Const | None:
    """A constant behind the value."""
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
    if aggregation.constant is not None and aggregation.constant.word is not None:
        forms += f" or `{aggregation.form[:-1]}, {aggregation.constant.word})`"
    scope.report("T0606", span, f"`{aggregation.name}` is not called like this", help=f"write {forms}")
