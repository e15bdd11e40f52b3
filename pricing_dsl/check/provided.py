"""What programs use of plugins: names, with the reason why one is not there, and price shapes built and proved.

A name that nobody provides is an unknown name, as it always was. A name that a refused plugin would provide is an
error of its own (P0105), which says which plugin it is and how to mend it.
"""

from __future__ import annotations

from fractions import Fraction

from pricing_dsl.check import numbers
from pricing_dsl.check.flow import Flow, pool, require_additive
from pricing_dsl.check.scope import Scope, did_you_mean
from pricing_dsl.check.tiers import warn_cliffs
from pricing_dsl.ir import nodes as ir
from pricing_dsl.plugin.contract import PriceShape
from pricing_dsl.plugin.manager import PluginFailure, Provided, find_price_shape, plugins
from pricing_dsl.plugin.shapes import ShapeBuilder, ShapeError, verified
from pricing_dsl.syntax import nodes as syntax


def report_refused(scope: Scope, noun: str, name: syntax.Name) -> bool:
    """Whether `name` is missing because the plugin that provides it is not used; then that is the finding (P0105)."""
    refusals = plugins().refusals_of(noun, name.text)
    if not refusals:
        return False
    first = refusals[0]
    scope.report(
        "P0105",
        name.span,
        f"there is no {noun} `{name.text}`: the plugin {first.who}, which provides it, is not used",
        label=first.reason,
        help=first.help,
    )
    return True


def check_shape(scope: Scope, flow: Flow, step: syntax.PriceWith) -> ir.PriceStep | None:
    """`price with NAME(args)`: the IR that the shape builds, and what it does to the flow. `None` after a finding."""
    provided = find_price_shape(step.shape.text)
    if provided is None:
        report_unknown_shape(scope, step.shape)
        return None
    arguments = shape_arguments(scope, flow, provided.value, step)
    made = None if arguments is None else built(scope, provided, step, arguments)
    match made:
        case ir.Graduated():
            pool(scope, flow, step.span, f"price with {step.shape.text}")
        case ir.Price(rate=ir.Package()):
            pool(scope, flow, step.span, f"price with {step.shape.text}")
        case ir.Price():
            require_separate(scope, flow, step)
        case ir.Volume(tiers=tiers, is_by_cell=by_cell):
            if not by_cell:
                pool(scope, flow, step.span, f"price with {step.shape.text}")
            require_separate(scope, flow, step)
            if not counts_once(scope, flow, step, tiers):
                return None
            warn_cliffs(scope, tiers)
    return made


def report_unknown_shape(scope: Scope, name: syntax.Name) -> None:
    known = list(plugins().price_shapes)
    if report_refused(scope, "price shape", name):
        return
    near = did_you_mean(name.text, known)
    there = ", ".join(f"`{each}`" for each in known)
    scope.report(
        "P0101",
        name.span,
        f"there is no price shape `{name.text}`",
        label="no plugin provides it",
        help=f"did you mean `{near}`?"
        if near
        else f"there are: {there}; install the plugin that provides it, or write the steps out",
    )


def shape_arguments(scope: Scope, flow: Flow, shape: PriceShape, step: syntax.PriceWith) -> tuple[Fraction, ...] | None:
    """The arguments as exact numbers, quantities in the unit of what is priced. `None` after a finding."""
    before = scope.errors
    if len(step.arguments) != len(shape.parameters):
        scope.report(
            "P0102",
            step.span,
            f"`{shape.name}` takes {len(shape.parameters)} numbers, and this gives {len(step.arguments)}",
            help=f"write `{shape.form}` ({', '.join(shape.parameters)})",
        )
        return None
    values: list[Fraction] = []
    for parameter, argument in zip(shape.parameters, step.arguments, strict=True):
        sign = -1 if isinstance(argument, syntax.Negate) else 1
        number = argument.operand if isinstance(argument, syntax.Negate) else argument
        if not isinstance(number, syntax.Number):
            scope.report(
                "P0102",
                argument.span,
                f"`{parameter}` of `{shape.name}` is a number as it stands",
                help=f"write a number or a percentage, as in `{shape.form}`",
            )
        elif parameter in shape.quantities:
            values.append(sign * numbers.quantity(scope, flow, number, parameter))
        else:
            values.append(sign * numbers.plain(scope, number, f"`{parameter}` of `{shape.name}`"))
    return tuple(values) if scope.errors == before else None


def built(
    scope: Scope, provided: Provided[PriceShape], step: syntax.PriceWith, arguments: tuple[Fraction, ...]
) -> ir.Price | ir.Graduated | ir.Volume | None:
    """Call the shape, and see to it that it built a price step. `None` after a finding."""
    shape = provided.value
    try:
        return verified(provided.call(shape.build, ShapeBuilder(), *arguments), step.span)
    except PluginFailure as failure:
        if isinstance(failure.cause, ValueError):
            scope.report(
                "P0103",
                step.span,
                f"`{shape.name}` makes no price of these numbers: {failure.cause}",
                help=f"write `{shape.form}` ({', '.join(shape.parameters)})",
            )
            return None
        reason, mend = failure.refused.reason, failure.refused.help
    except ShapeError as error:
        reason, mend = str(error), "mend the plugin, or write the steps out"
    scope.report(
        "P0104",
        step.span,
        f"the price shape `{shape.name}` of the plugin {provided.who} does not work: {reason}",
        label="in hook `register_price_shapes`",
        help=mend,
    )
    return None


def require_separate(scope: Scope, flow: Flow, step: syntax.PriceWith) -> None:
    """A price by cell adds its cells up at the line's end, which a meter that does not add cannot bear (rule 3)."""
    pooled = [name for name in flow.dimensions if name not in flow.each]
    if pooled and not flow.adds_over_dimensions:
        require_additive(scope, flow, pooled, step.span, f"price with {step.shape.text}")


def counts_once(scope: Scope, flow: Flow, step: syntax.PriceWith, tiers: tuple[ir.Tier, ...]) -> bool:
    """Under `counted` a volume tier's amounts cannot be due once per bill (rule 2)."""
    amounts = any(
        isinstance(tier.price, ir.Flat) or {tier.plus, tier.minimum, tier.maximum} != {None} for tier in tiers
    )
    if not (flow.counted and amounts):
        return True
    scope.report(
        "T0210",
        step.span,
        "under `counted` a volume tier takes a rate only",
        help=f"`{step.shape.text}` has tiers with amounts of their own: price with graduated tiers, or drop `counted`",
    )
    return False
