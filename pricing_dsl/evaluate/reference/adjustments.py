"""Step 15: discounts, minimums and maximums, the plan's and the contract's, in the order in which they are written.

Each is computed on the sum of its lines as the ones before left them, rounded once by the plan's mode, and spread by
largest remainder over its positive lines (rule 20), inside a line over its segments. `discount P%` acts on the parts of
lines in the segments where it is in force; every other one on the whole period, if it is in force in the last segment
(rule 21). Without `on`, a top-up is a row of its own in the last segment, and later adjustments without `on` count it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain, count
from typing import assert_never

from pricing_dsl.evaluate.reference.cells import ZERO
from pricing_dsl.evaluate.reference.discounts import Taken, graduated_discount, money_discount, percent_discount
from pricing_dsl.evaluate.reference.lines import Rounding
from pricing_dsl.evaluate.reference.reasons import number, pair, reason
from pricing_dsl.evaluate.reference.timeline import Timeline, in_one_order
from pricing_dsl.evaluate.statement import Reason, Row
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.rounding import share_out


@dataclass
class TopUp:
    """A top-up that stands alone, and what is left of it in minor units."""

    id: str
    minor: int


@dataclass
class Nets:
    """What the adjustments so far have left, in minor units: of each line in each segment, and of top-ups.

    `seconds` is how long each segment is: what a change is spread by where all parts are zero (rule 1).
    """

    lines: dict[str, dict[int, int]]
    seconds: Sequence[int]
    top_ups: list[TopUp] = field(default_factory=list)

    def of_line(self, line: str, segments: Iterable[int] | None = None) -> int:
        """A line's net amount, in some segments or in all."""
        parts = self.lines[line]
        return sum(parts.values() if segments is None else (parts.get(segment, 0) for segment in segments))

    def change(self, line: str, minor: int, segments: frozenset[int]) -> None:
        """Spread a change of a line over its parts in some segments."""
        there = [segment for segment in self.lines[line] if segment in segments]
        weights = [max(self.lines[line][segment], 0) for segment in there]
        if not any(weights):
            weights = [self.seconds[segment] for segment in there]
        for segment, share in zip(there, share_out(minor, weights), strict=True):
            self.lines[line][segment] += share


@dataclass(frozen=True, slots=True)
class Acting:
    """One adjustment of this period: its row's id, and the segments whose parts it acts on."""

    adjustment: ir.Adjustment
    id: str
    segments: frozenset[int]
    share: Fraction


@dataclass(frozen=True, slots=True)
class Effect:
    """What one adjustment comes to: `minor` units with their sign, exactly `exact`, by `formula`."""

    exact: Fraction
    minor: int
    formula: str


def adjust(timeline: Timeline, rounding: Rounding, currency: str, nets: Nets, *, explain: bool) -> list[Row]:
    """All adjustments that act, as rows; `nets` is what is left of the lines afterwards."""
    rows = []
    for acting in acting_adjustments(timeline):
        lines = [line for line in acting.adjustment.lines or nets.lines if line in nets.lines]
        top_ups = with_top_ups(timeline, acting, nets)
        weights = [*(nets.of_line(line, acting.segments) for line in lines), *(each.minor for each in top_ups)]
        base = rounding.money(sum(weights))
        effect = effect_of(rounding, acting, base)
        shares: tuple[tuple[str, int], ...] = ()
        if effect.minor > 0 and acting.adjustment.lines is None:
            nets.top_ups.append(TopUp(acting.id, effect.minor))
        else:
            shares = spread(effect.minor, lines, top_ups, weights, nets, acting.segments)
        node = explained(timeline, rounding, currency, acting, base, effect, shares) if explain else None
        rows.append(Row(acting.id, acting.adjustment.kind, effect.minor, rounding.digits, shares, node))
    return rows


def acting_adjustments(timeline: Timeline) -> list[Acting]:
    """The adjustments of all segments in the order written, those that act in this period."""
    everything = frozenset(segment.index for segment in timeline.segments)
    written = [told_apart(adjustments) for adjustments in on_all_their_lines(timeline)]
    found: list[Acting] = []
    ids = {name_of(adjustment, i) for i, (adjustment, _) in enumerate(written[-1], start=1)}
    for each in in_one_order(written):
        adjustment = each[0]
        there = [segment for segment in timeline.segments if each in written[segment.index]]
        name = name_of(adjustment, written[there[-1].index].index(each) + 1)
        if there[-1] is not timeline.last:
            if not is_plain_percent(adjustment):
                continue
            name = next(n for n in chain([name], (f"{name}_{i}" for i in count(2))) if n not in ids)
            ids.add(name)
        share = Fraction(1) if adjustment.prorated is None else timeline.share(adjustment.prorated, there)
        segments = frozenset(s.index for s in there) if is_plain_percent(adjustment) else everything
        found.append(Acting(adjustment, name, segments, share))
    return found


@dataclass(eq=False)
class Scope:
    """One adjustment through the segments, on all lines that it is on in any of them; `in_force` are their lines."""

    adjustment: ir.Adjustment
    in_force: frozenset[str]

    def takes(self, other: ir.Adjustment, in_force: frozenset[str]) -> bool:
        """Whether another segment's adjustment is the same one: of the lines in force in both they name the same."""
        if replace(self.adjustment, lines=None) != replace(other, lines=None):
            return False
        if self.adjustment.lines is None or other.lines is None:
            return self.adjustment.lines == other.lines
        common = frozenset(self.adjustment.lines) & in_force
        return bool(common) and common == frozenset(other.lines) & self.in_force

    def widen(self, other: ir.Adjustment, in_force: frozenset[str]) -> None:
        if self.adjustment.lines is not None and other.lines is not None:
            lines = dict.fromkeys([*self.adjustment.lines, *other.lines])
            self.adjustment = replace(self.adjustment, lines=tuple(lines))
        self.in_force |= in_force


def on_all_their_lines(timeline: Timeline) -> list[list[ir.Adjustment]]:
    """The adjustments of each segment. A version names only lines that are in force in it; where a line comes or goes
    within the period, an adjustment is on it all the same, and is one adjustment all the time.
    """
    scopes: list[Scope] = []
    found: list[list[Scope]] = []
    for segment in timeline.segments:
        in_force = frozenset(line.name for line in segment.plan.lines)
        mine: list[Scope] = []
        for adjustment in segment.plan.adjustments:
            known = next((s for s in scopes if s not in mine and s.takes(adjustment, in_force)), None)
            if known is None:
                known = Scope(adjustment, in_force)
                scopes.append(known)
            known.widen(adjustment, in_force)
            mine.append(known)
        found.append(mine)
    return [[scope.adjustment for scope in mine] for mine in found]


def told_apart(adjustments: Sequence[ir.Adjustment]) -> list[tuple[ir.Adjustment, int]]:
    """Adjustments with how often the same stands before them."""
    return [(each, adjustments[:i].count(each)) for i, each in enumerate(adjustments)]


def name_of(adjustment: ir.Adjustment, position: int) -> str:
    """The id of a row: what `as` says, else the kind and the place among the plan's adjustments."""
    return adjustment.name or f"{adjustment.kind}_{position}"


def is_plain_percent(adjustment: ir.Adjustment) -> bool:
    """`discount P%` without bounds: it acts part by part."""
    return (
        adjustment.percent and adjustment.kind == "discount" and adjustment.above is None and adjustment.up_to is None
    )


def with_top_ups(timeline: Timeline, acting: Acting, nets: Nets) -> list[TopUp]:
    """The top-ups that an adjustment counts like lines: they lie in the last segment (rule 5)."""
    return nets.top_ups if acting.adjustment.lines is None and timeline.last.index in acting.segments else []


def effect_of(rounding: Rounding, acting: Acting, base: Fraction) -> Effect:
    """The amount of one adjustment on the sum `base` of its lines."""
    adjustment, share = acting.adjustment, acting.share
    match adjustment.kind:
        case "minimum":
            bound = bound_of(adjustment, share)
            exact = max(bound - base, ZERO)
            return Effect(exact, rounding.minor(exact), f"max({number(bound)} - {number(base)}, 0)")
        case "maximum":
            bound = bound_of(adjustment, share)
            exact = max(base - bound, ZERO)
            return Effect(-exact, -rounding.minor(exact), f"-max({number(base)} - {number(bound)}, 0)")
        case "discount":
            taken = discount(adjustment, base, share)
            return Effect(-taken.amount, -rounding.minor(taken.amount), f"-({taken.formula})")
        case _:
            assert_never(adjustment.kind)


def bound_of(adjustment: ir.Adjustment, share: Fraction) -> Fraction:
    """The money that a minimum or maximum guards."""
    assert adjustment.amount is not None
    return adjustment.amount * share


def discount(adjustment: ir.Adjustment, base: Fraction, share: Fraction) -> Taken:
    """A discount of a sum: percentage, money or bands."""
    above = adjustment.above or ZERO
    if adjustment.bands:
        return graduated_discount(base, adjustment.bands, adjustment.up_to, share)
    assert adjustment.amount is not None
    if adjustment.percent:
        return percent_discount(base, adjustment.amount, above, adjustment.up_to, share)
    return money_discount(base, adjustment.amount, above, adjustment.up_to, share)


def spread(
    minor: int, lines: list[str], top_ups: list[TopUp], weights: list[int], nets: Nets, segments: frozenset[int]
) -> tuple[tuple[str, int], ...]:
    """Spread an amount over what is positive, lines first, then top-ups; where nothing is, evenly over the lines.

    Changes `nets`, and returns what changed on each line.
    """
    positive = [max(weight, 0) for weight in weights]
    if not any(positive):
        positive = [1] * len(lines) + [0] * len(top_ups)
    shares = share_out(minor, positive)
    changed = [(line, share) for line, share in zip(lines, shares, strict=False) if share]
    for line, share in changed:
        nets.change(line, share, segments)
    for top_up, share in zip(top_ups, shares[len(lines) :], strict=True):
        top_up.minor += share
    return tuple(changed)


def explained(
    timeline: Timeline,
    rounding: Rounding,
    currency: str,
    acting: Acting,
    base: Fraction,
    effect: Effect,
    shares: tuple[tuple[str, int], ...],
) -> Reason:
    """The base, the formula, the rounding, and the share of each line."""
    adjustment = acting.adjustment
    amount, span = rounding.money(effect.minor), adjustment.span
    inputs = [pair("sum of its lines", base)]
    if len(acting.segments) < len(timeline.segments):
        inputs.append(("in", ", ".join(timeline.texts[index] for index in sorted(acting.segments))))
    for word, bound in (("above", adjustment.above), ("up to", adjustment.up_to)):
        if bound is not None:
            inputs.append(pair(word, bound))
    if adjustment.prorated is not None:
        inputs.append(pair(f"share by {adjustment.prorated}", acting.share))
    formula = effect.formula
    if amount != effect.exact:
        formula += f" = {number(effect.exact)}, rounded {rounding.mode} to {number(Fraction(1, 10**rounding.digits))}"
    children = [
        reason(f"share of {line}", "adjustment", span, number(money), money, currency)
        for line, money in ((line, rounding.money(share)) for line, share in shares)
    ]
    what = f"{adjustment.kind} {acting.id}"
    return reason(what, "adjustment", span, formula, amount, currency, inputs, children)
