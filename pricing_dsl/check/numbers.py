"""Numbers where a program writes them: money, percentages, factors, and quantities with their units."""

from __future__ import annotations

from fractions import Fraction

from pricing_dsl.check.flow import Flow
from pricing_dsl.check.scope import Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax


def money(scope: Scope, number: syntax.Number | None) -> Fraction | None:
    """An amount of money: a bare number in the program's currency."""
    if number is None:
        return None
    if number.percent:
        scope.report("T0301", number.span, "this must be money, not a percentage", help="write a bare number")
    elif number.unit is not None:
        scope.report(
            "U0304",
            number.span,
            f"this must be money, not a quantity of `{number.unit.text}`",
            help=f"write a bare number: money is always in {scope.currency}",
        )
    return number.value


BELOW_ZERO = {
    "minimum": "only what is negative is raised to it",
    "at least": "only what is negative is raised to it",
    "maximum": "nothing above zero is ever charged",
    "at most": "nothing above zero ever reaches the price",
}


def warn_bound(scope: Scope, number: syntax.Number | None, word: str) -> None:
    """A bound below zero says something of refunds alone, which is rarely what is meant."""
    if number is not None and number.value < 0:
        scope.report(
            "W0309",
            number.span,
            f"`{word}` below zero: {BELOW_ZERO[word]}",
            label="a negative bound",
            help="write 0 or more, unless it is there for refunds",
        )


def warn_factor(scope: Scope, value: Fraction, span: Span, word: str) -> None:
    """A factor of 0 gives everything away without saying `free`; one below zero turns charges into refunds."""
    if value == 0:
        scope.report(
            "W0305",
            span,
            f"`{word}` 0 makes this free",
            label="factor of 0",
            help="say `free` where it is given away, or check the number",
        )
    elif value < 0:
        scope.report(
            "W0310",
            span,
            f"`{word}` below zero turns what is charged into a refund",
            label="a negative factor",
            help="check the sign; what is paid out for usage is said by a negative rate, `price -0.05`",
        )


def plain(scope: Scope, number: syntax.Number, what: str) -> Fraction:
    """A number without a unit; a percentage is one."""
    if number.unit is not None:
        scope.report("U0305", number.span, f"{what} takes a number without a unit", help=f"drop `{number.unit.text}`")
    return number.value


def quantity(scope: Scope, flow: Flow, number: syntax.Number, example: str) -> Fraction:
    """A bound or step in the unit that the quantity has here; `example` shows how to write one (`to`, `include`)."""
    if number.unit is None:
        require_unambiguous(scope, flow, number.value, number.span, example)
        return number.value
    unit = scope.unit_named(number.unit)
    if unit is None or flow.unit is None:
        return number.value
    factor = scope.factor(unit, flow.unit)
    if factor is None:
        report_unit_clash(scope, flow, number.span, f"this is in `{unit}`", unit)
        return number.value
    return number.value * factor


def require_unambiguous(scope: Scope, flow: Flow, value: Fraction, span: Span, example: str) -> None:
    """A bare number other than 0 is an error where a price of the same charge names another unit (section 2)."""
    if value == 0 or flow.unit is None:
        return
    for unit, at in flow.named_units.items():
        if unit != flow.unit:
            text = scope.source.excerpt(span)
            scope.report(
                "U0302",
                span,
                f"this bare number counts `{flow.unit}`, but the price of the same charge is per `{unit}`",
                label="which unit?",
                labels=[
                    Label(at, f"rate per `{unit}`"),
                    Label(flow.unit_span, f"`{flow.source}` counts `{flow.unit}`"),
                ],
                help=f"write `{example} {text} {unit}` or `{example} {text} {flow.unit}`",
            )
            return


def report_unit_clash(scope: Scope, flow: Flow, span: Span, said: str, unit: str) -> None:
    """Two units that do not measure the same thing, with both origins."""
    assert flow.unit is not None
    scope.report(
        "U0303",
        span,
        f"{said}, but `{flow.source}` counts `{flow.unit}` here",
        label=f"in `{unit}`",
        labels=[Label(flow.unit_span, f"`{flow.source}` is declared in `{flow.unit}`")],
        help=f"write it in `{flow.unit}`, or declare how many `{flow.unit}` one `{unit}` is",
    )
