"""Functions and aggregations of plugins where events are measured: found by name, called, their results checked.

A program's IR may be measured long after it was checked, on a machine that has other plugins: what is not there is an
error for the event, as is a function that raises or returns something else than it declares.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.limits import DIGITS_MAX
from pricing_dsl.plugin.contract import Function
from pricing_dsl.plugin.manager import PluginFailure, Provided, find_aggregation, find_function, plugins
from pricing_dsl.values.numbers import decimal_text

TOO_LARGE = Fraction(10**DIGITS_MAX)


def aggregates_texts(name: str) -> bool:
    """Whether the aggregation of that name takes any value, as text. Raises P0303 where there is none."""
    provided = find_aggregation(name)
    if provided is None:
        raise missing("aggregation", name)
    return provided.value.value == "any"


def function_named(name: str) -> Provided[Function]:
    """The function of that name. Raises P0303 where there is none."""
    provided = find_function(name)
    if provided is None:
        raise missing("function", name)
    return provided


def missing(noun: str, name: str) -> EvaluationError:
    """P0303, with the plugin that would provide it where one is known."""
    for refused in plugins().refusals_of(noun, name):
        return EvaluationError(
            "P0303",
            f"there is no {noun} `{name}`: the plugin {refused.who}, which provides it, is not used: {refused.reason}",
            refused.help,
        )
    return EvaluationError(
        "P0303", f"there is no {noun} `{name}` here, which the program reads", "install the plugin that provides it"
    )


def called(provided: Provided[Function], arguments: Sequence[Fraction | str | bool | float]) -> Fraction | str | bool:
    """What a function gives for values of its parameters' kinds.

    Raises P0301 where it raises, and P0302 where the result is not of its declared kind: a number that is a float, that
    has no exact decimal or too many digits, or is not whole where that is promised.
    """
    function = provided.value
    try:
        result: object = provided.call(function.call, *arguments)
    except PluginFailure as failure:
        raise EvaluationError(
            "P0301",
            f"the function `{function.name}` of the plugin {provided.who} failed: {failure.refused.reason}",
            failure.refused.help,
        ) from failure
    wrong = wrong_with_result(function, result)
    if wrong is not None:
        raise EvaluationError(
            "P0302",
            f"the function `{function.name}` of the plugin {provided.who} gave {result!r:.60}, {wrong}",
            "mend the plugin: results are exact and of the declared kind",
        )
    return Fraction(result) if type(result) is int else result  # type: ignore[return-value]  # of the kind, as checked


def is_decimal(value: Fraction) -> bool:
    """Whether a decimal of as many digits as are allowed, also behind its point, equals this."""
    text = decimal_text(abs(value))
    whole, _, places = text.partition(".")
    return "/" not in text and len(places) <= DIGITS_MAX and len((whole + places).lstrip("0")) <= DIGITS_MAX


def wrong_with_result(function: Function, result: object) -> str | None:
    """What is wrong with a result, or `None`."""
    match function.result:
        case "text":
            return None if isinstance(result, str) else "which is no text"
        case "truth":
            return None if isinstance(result, bool) else "which is neither true nor false"
        case "number":
            if isinstance(result, float):
                return "a binary floating-point number"
            if isinstance(result, bool) or not isinstance(result, int | Fraction):
                return "which is no number: return an int or a Fraction"
            if not -TOO_LARGE < result < TOO_LARGE or not is_decimal(Fraction(result)):
                return f"which has no exact decimal of at most {DIGITS_MAX} digits"
            if function.whole and Fraction(result).denominator != 1:
                return "which is not whole, as it declares"
            return None
