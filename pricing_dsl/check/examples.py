"""`example` and `prove`: names, cells, units and dates of programs that check themselves (section 9).

What an example expects is compared when it runs; here everything it names must exist, so that a slip is an error where
it stands and not a failing example.
"""

from __future__ import annotations

from pricing_dsl.check.contracts import contract_lines
from pricing_dsl.check.dates import check_dates
from pricing_dsl.check.scope import MeterSymbol, Scope, did_you_mean
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax
from pricing_dsl.values.numbers import decimal_text

SUMS = ("total", "due")


def check_examples(scope: Scope, program: syntax.Program) -> None:
    """Report what is wrong with examples and proofs; there is nothing to lower."""
    seen: dict[tuple[str, str], Span] = {}
    for node in program.declarations:
        if isinstance(node, syntax.Example):
            key = (node.label.value, node.target.text)
            if key in seen:
                scope.report(
                    "N0101",
                    node.label.span,
                    f'the example "{key[0]}" on `{key[1]}` is declared twice',
                    labels=[Label(seen[key], "first declared here")],
                    help="name each example after what it shows",
                )
            seen.setdefault(key, node.label.span)
            check_example(scope, node)
        elif isinstance(node, syntax.Prove):
            check_proof(scope, node)


# --- examples ------------------------------------------------------------------------------------------------------


def check_example(scope: Scope, node: syntax.Example) -> None:
    lines = target_lines(scope, node.target)
    if node.period is not None and node.period.end is not None:
        check_dates(scope, node.period.start, node.period.end, "the period")
    cells: dict[tuple[object, ...], Span] = {}
    for usage in node.usage:
        check_usage(scope, usage, cells)
    expected: dict[tuple[str, bool], Span] = {}
    for expect in node.expects:
        check_expectation(scope, expect, lines, expected)
    if not node.expects:
        scope.report(
            "W0409",
            node.label.span,
            "this example expects nothing, so it shows nothing",
            help="write what it costs, as in `expect total = 100.00`",
        )


def target_lines(scope: Scope, target: syntax.Name) -> frozenset[str] | None:
    """The lines of the plan or contract an example is on; `None` where that is not known."""
    name = target.text
    if name in scope.plans:
        return frozenset(scope.plans[name].lines)
    if name in scope.contracts:
        return contract_lines(scope, scope.contracts[name])
    require_target(scope, target)
    return None


def require_target(scope: Scope, name: syntax.Name) -> None:
    """A plan or a contract of that name, or a finding."""
    if name.text not in scope.plans and name.text not in scope.contracts:
        scope.unknown("N0104", "plan or contract", name, [*scope.plans, *scope.contracts])


def check_usage(scope: Scope, usage: syntax.ExampleUsage, cells: dict[tuple[object, ...], Span]) -> None:
    """`tokens[model: "gpt-5"] = 120M`: a meter, its dimensions with values it can produce, a quantity in its unit."""
    meter = require_meter(scope, usage.meter, "an example gives the usage of a meter")
    values: dict[str, str] = {}
    for cell in usage.cells:
        name = cell.dimension.text
        if name in values:
            scope.report(
                "N0107", cell.dimension.span, f"the dimension `{name}` is given twice", help="give it one value"
            )
        values[name] = cell.value.value
        if meter is not None:
            check_cell(scope, meter, cell)
    if meter is None:
        return
    check_quantity(scope, meter, usage.quantity)
    key = (usage.meter.text, *sorted(values.items()))
    if key in cells:
        scope.report(
            "N0107",
            usage.meter.span.to(usage.cells[-1].value.span) if usage.cells else usage.meter.span,
            f"the usage of this cell of `{usage.meter.text}` is given twice",
            labels=[Label(cells[key], "first here")],
            help="give each cell once, with all of its usage",
        )
    cells.setdefault(key, usage.span)


def require_meter(scope: Scope, name: syntax.Name, said: str) -> MeterSymbol | None:
    """The meter of that name; a quantity is worked out from meters and not given."""
    meter = scope.meters.get(name.text)
    if meter is not None:
        return meter
    if name.text in scope.quantities:
        scope.report(
            "N0601",
            name.span,
            f"`{name.text}` is a quantity, and {said}",
            labels=[Label(scope.quantities[name.text].node.name.span, "worked out from meters here")],
            help="name a meter that it is made of",
        )
    else:
        scope.unknown("N0102", "meter", name, scope.meters)
    return None


def check_cell(scope: Scope, meter: MeterSymbol, cell: syntax.ExampleCell) -> None:
    """One dimension and its value."""
    name, value = cell.dimension.text, cell.value.value
    if name not in meter.values:
        near = did_you_mean(name, meter.values)
        known = ", ".join(f"`{each}`" for each in meter.ir.dimensions) or "none"
        scope.report(
            "N0201",
            cell.dimension.span,
            f"`{meter.ir.name}` has no dimension `{name}`",
            label="unknown dimension",
            labels=[Label(meter.node.name.span, f"`{meter.ir.name}` is declared here")],
            help=f"did you mean `{near}`?" if near else f"its dimensions are: {known}",
        )
        return
    values = meter.values[name]
    if values is not None and value not in values:
        near = did_you_mean(value, values)
        scope.report(
            "W0301",
            cell.value.span,
            f'`{name}` of `{meter.ir.name}` is never "{value}"',
            label="impossible value",
            labels=[Label(meter.node.name.span, f"`{meter.ir.name}` is declared here")],
            help=f'did you mean "{near}"?'
            if near
            else "it can be: " + ", ".join(f'"{each}"' for each in sorted(values)),
        )


def check_quantity(scope: Scope, meter: MeterSymbol, number: syntax.Number) -> None:
    """A quantity in the meter's unit, or in one that converts to it."""
    if number.unit is None:
        return
    unit = scope.unit_named(number.unit)
    if unit is None or scope.factor(unit, meter.ir.unit) is not None:
        return
    scope.report(
        "U0303",
        number.span,
        f"this is in `{unit}`, but `{meter.ir.name}` counts `{meter.ir.unit}`",
        label=f"in `{unit}`",
        labels=[Label(meter.unit_span, f"`{meter.ir.name}` is declared in `{meter.ir.unit}` here")],
        help=f"write it in `{meter.ir.unit}`",
    )


def check_expectation(
    scope: Scope,
    expect: syntax.Expect,
    lines: frozenset[str] | None,
    expected: dict[tuple[str, bool], Span],
) -> None:
    """`expect LINE = MONEY`: a line, `total` or `due`, each once rounded and once exact."""
    name = expect.target
    if lines is not None and name.text not in lines and name.text not in SUMS:
        scope.unknown("N0301", "line", name, [*lines, *SUMS])
    key = (name.text, expect.exact)
    if key in expected:
        scope.report(
            "N0107",
            expect.span,
            f"what is expected of `{name.text}` is said twice",
            labels=[Label(expected[key], "first here")],
            help="keep one",
        )
    expected.setdefault(key, expect.span)
    value = expect.amount.value
    if not expect.exact and (value * 10**scope.digits).denominator != 1:
        scope.report(
            "W0410",
            expect.amount.span,
            f"a rounded amount in {scope.currency} is never {decimal_text(value)}",
            label=f"more than {scope.digits} digits after the point",
            help=f"write `expect exact {name.text} = {scope.source.excerpt(expect.amount.span)}` for the amount "
            "before it is rounded",
        )


# --- proofs --------------------------------------------------------------------------------------------------------


def check_proof(scope: Scope, node: syntax.Prove) -> None:
    """`prove P never decreases in METER`: names, and ranges that hold something."""
    require_target(scope, node.target)
    if node.other is not None:
        require_target(scope, node.other)
        if node.other.text == node.target.text:
            scope.report(
                "T0701",
                node.other.span,
                f"`{node.target.text}` is compared with itself",
                help="name another plan or contract",
            )
    named: dict[str, Span] = {}
    for within in node.ranges:
        meter = require_meter(scope, within.meter, "a proof speaks of a meter")
        if within.meter.text in named:
            scope.report(
                "N0107",
                within.meter.span,
                f"the range of `{within.meter.text}` is said twice",
                labels=[Label(named[within.meter.text], "first here")],
                help="keep one",
            )
        named.setdefault(within.meter.text, within.meter.span)
        check_range(scope, within, meter)


def check_range(scope: Scope, within: syntax.Within, meter: MeterSymbol | None) -> None:
    """`in 0..N`: not negative (usage is not, rule 36), and not empty."""
    low, high = within.low, within.high
    if meter is not None:
        for bound in (low, high):
            if bound is not None:
                check_quantity(scope, meter, bound)
    if low is not None and low.value < 0:
        scope.report("D0605", low.span, "a proof speaks of usage that is not negative", help="write `0`")
    elif low is not None and high is not None and low.value > high.value:
        scope.report(
            "D0605",
            low.span.to(high.span),
            "this range holds nothing",
            help="write the lower bound first",
        )
