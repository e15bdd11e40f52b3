"""The laws of a function in meters: exact results of the declared kind, the same every time, monotone as declared."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pricing_dsl.plugin.contract import Function
from pricing_dsl.plugin.testing.drawing import decimals, draw, numbers, shown, smallest, strategies, texts
from pricing_dsl.plugin.testing.fresh import Asked, ask_fresh, modules_of
from pricing_dsl.plugin.testing.problem import Breach, Findings, Law, Problem, Subject
from pricing_dsl.values.numbers import decimal_text

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

RAISES_NOT = Law(
    "no exception",
    "a call gives a result, or a `ValueError` with a sentence for whoever sent the event",
    "give a result for any arguments of the declared kinds, or `raise ValueError` with what is wrong with them",
)
KIND = Law(
    "kind",
    "results are of the declared kind, and numbers exact decimals: `int` or `Fraction`, no float",
    "compute with `Fraction` and `int`, and round what is no finite decimal, as with `Fraction(round(x * 1000), 1000)`",
)
WHOLE = Law("whole", "results are whole numbers where that is declared", "round the result, or declare `whole=False`")
DETERMINISTIC = Law(
    "deterministic",
    "the same arguments give the same result every time",
    "read nothing but the arguments: no clock, no file, no network, no random numbers, nothing kept between calls",
)
MONOTONE = Law(
    "monotone",
    "the result only rises, or only falls, with each parameter that is declared so",
    "declare `None` for that parameter in `monotone`, or mend the function",
)

EXTRA_MAX = 2
"""Arguments more than there are parameters, where the last one repeats."""


def verify_function(function: Function) -> tuple[Problem, ...]:
    """What is wrong with a function, one problem for each law it breaks. Raises `KitError` without Hypothesis."""
    findings = Findings(Subject("", "", "register_functions", "function", function.name))
    check_function(function, findings)
    ask_fresh([Asked(findings, function, modules_of(function.call))])
    return findings.problems()


def check_function(function: Function, findings: Findings) -> None:
    """All laws."""
    strategy = argument_lists(function)
    drawn = draw(strategy)
    laws: list[tuple[Law, Callable[[list[Any]], Breach | None]]] = [
        (RAISES_NOT, lambda arguments: _raises(function, arguments)),
        (KIND, lambda arguments: _of_another_kind(function, arguments)),
        (DETERMINISTIC, lambda arguments: _wavers(function, arguments)),
    ]
    laws += [(WHOLE, lambda arguments: _broken(function, arguments))] if function.whole else []
    for law, breach in laws:
        found = smallest(strategy, drawn, breach)
        if found is None:
            findings.holds(law)
        else:
            findings.breaks(law, found[1].message, _call(function, found[0]))
    if all(_result(function, arguments) is None for arguments in drawn):
        findings.not_asked(KIND, "every call that was tried raised `ValueError`")
    _check_monotone(function, findings)


def argument_lists(function: Function) -> SearchStrategy[list[Any]]:
    """Arguments of the declared kinds. Quotients are given only to functions whose results are `whole` (rule 16)."""
    st = strategies()
    kinds = {"number": numbers() if function.whole else decimals(), "text": texts(), "truth": st.booleans()}
    lists = [st.tuples(*[kinds[kind] for kind in function.parameters])]
    for extra in range(1, EXTRA_MAX + 1) if function.repeats else ():
        lists.append(st.tuples(*[kinds[kind] for kind in (*function.parameters, *function.parameters[-1:] * extra)]))
    drawn: SearchStrategy[list[Any]] = st.one_of(lists).map(list)
    return drawn


def _check_monotone(function: Function, findings: Findings) -> None:
    declared = [place for place, direction in enumerate(function.monotone) if direction is not None]
    if not declared:
        return
    st = strategies()
    values = {"number": numbers() if function.whole else decimals(), "text": texts(), "truth": st.booleans()}
    for place in declared:
        kind = function.parameters[place]
        if kind == "text" or function.result == "text":
            findings.breaks(MONOTONE, f"{_parameter(place)} is declared monotone, and texts neither rise nor fall")
            continue
        strategy = st.tuples(argument_lists(function), values[kind])
        found = smallest(strategy, draw(strategy), lambda pair, place=place: _turns(function, place, *pair))  # type: ignore[misc]
        if found is None:
            findings.holds(MONOTONE)
        else:
            arguments, other = found[0]
            changed = [*arguments[:place], other, *arguments[place + 1 :]]
            example = f"{_call(function, arguments)} and {_call(function, changed)}"
            findings.breaks(MONOTONE, found[1].message, example)


def _turns(function: Function, place: int, arguments: list[Any], other: Any) -> Breach | None:
    """Whether changing one argument moves the result the wrong way."""
    changed = [*arguments[:place], other, *arguments[place + 1 :]]
    low, high = (arguments, changed) if arguments[place] <= other else (changed, arguments)
    below, above = _result(function, low), _result(function, high)
    if below is None or above is None:
        return None
    direction = function.monotone[place]
    if above < below if direction == "increasing" else above > below:
        moved = "falls" if above < below else "rises"
        return Breach(
            f'{_parameter(place)} is declared "{direction}", and from {shown(low[place])} to {shown(high[place])} the '
            f"result {moved} from {shown(below)} to {shown(above)}"
        )
    return None


def _raises(function: Function, arguments: list[Any]) -> Breach | None:
    try:
        function.call(*arguments)
    except ValueError as error:
        return None if str(error).strip() else Breach("it raised a `ValueError` that says nothing")
    except Exception as error:
        return Breach(f"it raised {type(error).__name__}: {error}")
    return None


def _result(function: Function, arguments: list[Any]) -> Any:
    """The result; `None` where there is none."""
    try:
        return function.call(*arguments)
    except Exception:
        return None  # that it raised is said by another law


def _of_another_kind(function: Function, arguments: list[Any]) -> Breach | None:
    try:
        result: object = function.call(*arguments)
    except Exception:
        return None  # that it raised is said by another law
    fits = {
        "number": isinstance(result, Fraction | int) and not isinstance(result, bool),
        "text": isinstance(result, str),
        "truth": isinstance(result, bool),
    }[function.result]
    if not fits:
        return Breach(f"the result is {shown(result)}, a `{type(result).__name__}`, and no {function.result}")
    if isinstance(result, Fraction) and not function.whole and "/" in decimal_text(result):
        return Breach(f"the result is {decimal_text(result)}, which is no finite decimal")
    return None


def _wavers(function: Function, arguments: list[Any]) -> Breach | None:
    first, second = _result(function, arguments), _result(function, arguments)
    return None if first == second else Breach(f"it gave {shown(first)}, and then {shown(second)}")


def _broken(function: Function, arguments: list[Any]) -> Breach | None:
    result = _result(function, arguments)
    if isinstance(result, Fraction) and result.denominator != 1:
        return Breach(f"the result is {shown(result)}, and `whole=True` is declared")
    return None


def _call(function: Function, arguments: list[Any]) -> str:
    return f"{function.name}({', '.join(map(shown, arguments))})"


def _parameter(place: int) -> str:
    return f"parameter {place + 1}"
