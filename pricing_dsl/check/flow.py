"""What flows from step to step of a pipeline, as the checker sees it: kind, unit, dimensions still present, groups.

A charge starts as a quantity with its meter's dimensions; pool steps add up every dimension that no `each` keeps; the
price step turns quantity into money (language reference, section 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from pricing_dsl.check.scope import MeterSymbol, QuantitySymbol, Scope, did_you_mean
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax

Values = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Lost:
    """Where a dimension was pooled away, and by which step."""

    span: Span
    word: str


@dataclass
class Flow:
    """The state before a step. `unit` is `None` only while a curve is checked without a use.

    `named_units` are the units that prices of the same charge name, with their place: next to one that differs from
    the quantity's own, a bare bound is ambiguous.
    """

    source: str
    kind: Literal["quantity", "money"]
    unit: str | None
    unit_span: Span
    dimensions: dict[str, Values]
    adds_over_dimensions: bool
    adds_over_time: bool
    counts_money: bool
    each: tuple[str, ...] = ()
    lost: dict[str, Lost] = field(default_factory=dict)
    named_units: Mapping[str, Span] = field(default_factory=dict)
    counted: bool = False

    def copy(self) -> Flow:
        """An independent state for one arm of a `match`."""
        return replace(self, dimensions=dict(self.dimensions), lost=dict(self.lost))


def flow_from(symbol: MeterSymbol | QuantitySymbol) -> Flow:
    """The state at the start of a pipeline on a meter or a named quantity."""
    made = symbol.ir
    over_dimensions = symbol.ir.adds_over_dimensions if isinstance(symbol, MeterSymbol) else symbol.adds_over_dimensions
    over_time = symbol.ir.adds_over_time if isinstance(symbol, MeterSymbol) else True
    return Flow(
        source=made.name,
        kind="quantity",
        unit=made.unit,
        unit_span=symbol.unit_span,
        dimensions={name: symbol.values.get(name) for name in made.dimensions},
        adds_over_dimensions=over_dimensions,
        adds_over_time=over_time,
        counts_money=made.money,
    )


def pool(scope: Scope, flow: Flow, span: Span, word: str) -> None:
    """A pool step acts: every dimension that no `each` keeps is added up and gone."""
    gone = [name for name in flow.dimensions if name not in flow.each]
    if not gone:
        return
    if not flow.adds_over_dimensions:
        require_additive(scope, flow, gone, span, word)
    for name in gone:
        flow.lost[name] = Lost(span, word)
        del flow.dimensions[name]


def require_additive(scope: Scope, flow: Flow, gone: list[str], span: Span, word: str) -> None:
    """Rule 3: a meter that does not add over dimensions cannot be pooled."""
    names = ", ".join(gone)
    scope.report(
        "T0208",
        span,
        f"`{word}` adds up `{flow.source}` over {names}, but its aggregation does not add",
        label="pooled here",
        labels=[Label(flow.unit_span, f"`{flow.source}` is declared here")],
        help=f"write `each {names}` before it, or measure with a meter that has no {names}",
    )
    flow.adds_over_dimensions = True


def end_groups(flow: Flow, span: Span, word: str, outer: tuple[str, ...]) -> None:
    """`total` and `largest` end the `each` that began in this pipeline; the groups' dimensions are gone."""
    for name in list(flow.dimensions):
        if name not in outer:
            flow.lost[name] = Lost(span, word)
            del flow.dimensions[name]
    flow.each = outer


def require_dimension(scope: Scope, flow: Flow, name: syntax.Name, word: str) -> bool:
    """Whether `name` is a dimension still present; reports an unknown one, or where it was lost."""
    if name.text in flow.dimensions:
        return True
    report_missing_dimension(scope, flow, name.text, name.span, word)
    return False


def report_missing_dimension(scope: Scope, flow: Flow, name: str, span: Span, word: str) -> None:
    """Say why `name` cannot be read here, and what would make it readable."""
    lost = flow.lost.get(name)
    if lost is None:
        near = did_you_mean(name, [*flow.dimensions, *flow.lost])
        there = ", ".join(f"`{d}`" for d in flow.dimensions) or "none"
        scope.report(
            "N0201",
            span,
            f"`{flow.source}` has no dimension `{name}`",
            label="unknown dimension",
            help=f"did you mean `{near}`?" if near else f"its dimensions here are: {there}",
        )
        return
    if lost.word == "include":
        cure = (
            f"write `include ... across cells cheapest first` to keep `{name}`, or `each {name}` before the `include`"
        )
    else:
        cure = f"write `each {name}` before `{lost.word}` to keep its values apart"
    scope.report(
        "T0206",
        span,
        f"`{word}` needs the dimension `{name}`, which is pooled before it",
        label=f"`{name}` is gone here",
        labels=[Label(lost.span, f"`{lost.word}` adds up `{name}`")],
        help=cure,
    )
