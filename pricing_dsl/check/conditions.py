"""Conditions on cells: `where`, `when` and `covers ... where`, over dimensions, whose values are text.

A number or truth value beside a dimension stands for its text (rule 16), so `hour in (8, 9)` may be written bare.
"""

from __future__ import annotations

from collections.abc import Iterable

from pricing_dsl.check.flow import Flow, report_missing_dimension
from pricing_dsl.check.scope import Scope, did_you_mean
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax
from pricing_dsl.values.numbers import decimal_text


def check_condition(scope: Scope, flow: Flow, expression: syntax.Expression, word: str) -> ir.Expression | None:
    """A condition asked of each cell; `word` is the step it belongs to. `None` after a finding."""
    match expression:
        case syntax.Binary(operator="and" | "or" as operator, left=left, right=right):
            one = check_condition(scope, flow, left, word)
            other = check_condition(scope, flow, right, word)
            if one is None or other is None:
                return None
            return ir.Apply(operator, (one, other), span=expression.span)
        case syntax.Not(operand=operand):
            inner = check_condition(scope, flow, operand, word)
            return None if inner is None else ir.Apply("not", (inner,), span=expression.span)
        case syntax.Binary(operator="==" | "!=" as operator, left=left, right=right):
            return comparison(scope, flow, operator, (left, right), expression.span, word)
        case syntax.In(operand=operand, items=items, negated=negated):
            found = comparison(scope, flow, "in", (operand, *items), expression.span, word)
            return ir.Apply("not", (found,), span=expression.span) if negated and found is not None else found
        case syntax.Like(operand=operand, pattern=pattern, negated=negated):
            found = comparison(scope, flow, "like", (operand, pattern), expression.span, word)
            return ir.Apply("not", (found,), span=expression.span) if negated and found is not None else found
        case syntax.Binary(operator="<" | "<=" | ">" | ">="):
            scope.report(
                "T0304",
                expression.span,
                "dimension values are text and have no order",
                help="list the values with `in (...)`, or give the meter a dimension for the band, "
                'such as `band: if hour(time) < 8 then "off" else "on"`',
            )
            return None
        case _:
            scope.report(
                "T0305",
                expression.span,
                f"`{word}` asks a yes-or-no question about dimensions",
                label="this is not a condition",
                help='write a comparison such as `region == "eu"`, joined by `and`, `or`, `not`',
            )
            return None


def comparison(
    scope: Scope, flow: Flow, operator: str, operands: tuple[syntax.Expression, ...], span: Span, word: str
) -> ir.Expression | None:
    """`==`, `!=`, `in`, `like` over one dimension and texts (or two dimensions)."""
    checked = [operand_text(scope, flow, operand, word) for operand in operands]
    if any(operand is None for operand in checked):
        return None
    arguments = tuple(operand for operand in checked if operand is not None)
    dimensions = [a for a in arguments if isinstance(a, ir.Ref)]
    if not dimensions:
        scope.report("T0306", span, "this compares two texts and is always the same", help="compare a dimension")
        return None
    if operator != "like":
        for argument in arguments:
            if isinstance(argument, ir.Const):
                warn_impossible(scope, flow, dimensions[0].name, str(argument.value), argument.span)
    return ir.Apply(operator, arguments, span=span)


def operand_text(scope: Scope, flow: Flow, operand: syntax.Expression, word: str) -> ir.Const | ir.Ref | None:
    """A dimension or a text."""
    match operand:
        case syntax.Text(value=value):
            return ir.Const(value, span=operand.span)
        case syntax.Number(value=value):
            return ir.Const(decimal_text(value), span=operand.span)
        case syntax.Reference(name="true" | "false" as name) if name not in flow.dimensions:
            return ir.Const(name, span=operand.span)
        case syntax.Reference(name=name):
            if name in flow.dimensions:
                return ir.Ref("dimension", name, span=operand.span)
            if any(name in (values or ()) for values in flow.dimensions.values()):
                scope.report("T0307", operand.span, f"`{name}` is a value, not a dimension", help=f'write `"{name}"`')
                return None
            report_missing_dimension(scope, flow, name, operand.span, word)
            return None
        case _:
            scope.report(
                "T0305",
                operand.span,
                f"`{word}` compares dimensions with texts",
                label="neither a dimension nor a text",
                help='write a comparison such as `region == "eu"`; compute in the meter what needs arithmetic',
            )
            return None


def warn_impossible(scope: Scope, flow: Flow, dimension: str, value: str, span: Span) -> None:
    """A value that no meter can produce for this dimension (section 9)."""
    values = flow.dimensions.get(dimension)
    if values is None or value in values:
        return
    near = did_you_mean(value, values)
    known = ", ".join(f'"{v}"' for v in sorted(values))
    scope.report(
        "W0301",
        span,
        f"`{dimension}` of `{flow.source}` is never {value!r}".replace("'", '"'),
        label="impossible value",
        labels=[Label(flow.unit_span, f"`{flow.source}` is declared here")],
        help=f'did you mean "{near}"?' if near else f"it can be: {known}",
    )


def check_when(scope: Scope, flow: Flow, step: syntax.StepNode, word: str, *, by_cell: bool) -> ir.Expression | None:
    """The `when` of a step: of each cell on a cell step; on a pool step only what `each` keeps (rule 12)."""
    if step.when is None:
        return None
    if not by_cell:
        for name in sorted(names_in(step.when)):
            if name in flow.dimensions and name not in flow.each:
                scope.report(
                    "T0207",
                    step.when.span,
                    f"`{word}` acts on a pool, in which `{name}` has no single value",
                    label=f"`{name}` is pooled by `{word}`",
                    help=f"write `each {name}` before it",
                )
                return None
    return check_condition(scope, flow, step.when, "when")


def names_in(expression: syntax.Expression) -> Iterable[str]:
    """The bare names an expression reads."""
    match expression:
        case syntax.Reference(name=name):
            yield name
        case syntax.Binary(left=left, right=right):
            yield from names_in(left)
            yield from names_in(right)
        case syntax.Not(operand=operand) | syntax.Negate(operand=operand) | syntax.Like(operand=operand):
            yield from names_in(operand)
        case syntax.PercentOf(operand=operand):
            yield from names_in(operand)
        case syntax.In(operand=operand, items=items):
            for part in (operand, *items):
                yield from names_in(part)
        case syntax.If(condition=condition, then=then, otherwise=otherwise):
            for part in (condition, then, otherwise):
                yield from names_in(part)
        case syntax.Call(arguments=arguments):
            for part in arguments:
                yield from names_in(part)
        case _:
            return
