"""Pipelines: the steps of a charge or quantity, in order, with kind, unit and dimensions tracked from step to step.

Cell steps keep the dimensions, pool steps add up what no `each` keeps, exactly one price step stands on every path
(language reference, section 5). Each function checks one kind of step, moves the `Flow` on, and returns the IR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pricing_dsl.check import amounts, numbers
from pricing_dsl.check.conditions import check_condition, check_when
from pricing_dsl.check.expressions import check_quantity
from pricing_dsl.check.factors import check_factor, made_key
from pricing_dsl.check.flow import Flow, Values, end_groups, pool, require_additive, require_dimension
from pricing_dsl.check.provided import check_shape
from pricing_dsl.check.rates import check_rate, key_matches
from pricing_dsl.check.scope import Scope
from pricing_dsl.check.steps import (
    AMOUNT_STEPS,
    PRICE_STEPS,
    QUANTITY_STEPS,
    WITHOUT_WHEN,
    WORDS,
    is_cell_price,
    key_text,
    tiers_price_cells,
    warn_order,
)
from pricing_dsl.check.tiers import check_curve_use, check_tiers
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Checked steps. `priced` tells whether a price step stands in it, `first_amount_step` where money begins."""

    steps: tuple[ir.Step, ...]
    priced: bool
    first_amount_step: int


def check_pipeline(
    scope: Scope,
    flow: Flow,
    steps: tuple[syntax.Step, ...],
    owner: Span,
    price: Literal["required", "optional", "forbidden"],
) -> Pipeline | None:
    """Check the steps of a charge (`required`), derived charge (`optional`) or quantity (`forbidden`).

    `owner` is where a missing price is reported. Moves `flow` to the end of the pipeline. `None` after a finding.
    """
    before = scope.errors
    outer = flow.each
    has_price = any(isinstance(step, PRICE_STEPS) for step in steps)
    walk = Walk(scope, flow, outer, steps, has_price, price)
    made = [walk.step(index, step) for index, step in enumerate(steps)]
    if price == "required" and not has_price:
        scope.report(
            "T0203",
            owner,
            "this has no price step, so its usage would cost nothing",
            label="no price",
            help="add a price such as `price 0.50 per 1k`, `graduated { ... }`, or `price free` to give it away",
        )
    warn_order(scope, steps)
    if scope.errors > before:
        return None
    whole = tuple(step for step in made if step is not None)
    return Pipeline(whole, has_price, len(whole) if walk.money_from is None else walk.money_from)


@dataclass
class Walk:
    """One pass over the steps of a pipeline."""

    scope: Scope
    flow: Flow
    outer: tuple[str, ...]
    steps: tuple[syntax.Step, ...]
    has_price: bool
    price: Literal["required", "optional", "forbidden"]
    priced_at: Span | None = None
    money_from: int | None = None

    def step(self, index: int, step: syntax.Step) -> ir.Step | None:
        """Check one step where it stands, and what it does to the flow."""
        word = WORDS[type(step)]
        if step.when is not None and isinstance(step, WITHOUT_WHEN):
            self.scope.report(
                "T0105",
                step.when.span,
                f"`{word}` takes no `when`",
                label="`when` on this step",
                help="write `match DIM { key { ... } else { ... } }` to price some values differently",
            )
        if not self.stands_right(step, word):
            return None
        if isinstance(step, PRICE_STEPS):
            made = self.price_step(step)
            self.priced_at = step.span
            self.flow.kind = "money"
            self.money_from = index + 1
            return made
        if isinstance(step, AMOUNT_STEPS) or (isinstance(step, syntax.Round) and self.rounds_money()):
            if self.money_from is None:
                self.money_from = index
                self.flow.kind = "money"
            return amounts.check_amount_step(self.scope, self.flow, step, word)
        return self.other_step(step, word)

    def rounds_money(self) -> bool:
        """Whether `round` stands after the price; a derived charge without one is money from the start."""
        return self.flow.kind == "money" or (self.price == "optional" and not self.has_price)

    def stands_right(self, step: syntax.Step, word: str) -> bool:
        """Quantity steps stand before the price, amount steps after it, and there is one price."""
        if isinstance(step, PRICE_STEPS):
            if self.price == "forbidden":
                self.scope.report(
                    "T0204", step.span, f"a quantity has no price, so `{word}` cannot stand here",
                    help="price the quantity in a `charge ... on` it",
                )  # fmt: skip
                return False
            if self.priced_at is not None:
                self.scope.report(
                    "T0202", step.span, "this is a second price step",
                    label="already priced", labels=[Label(self.priced_at, "the price step")],
                    help="keep one, or write `match` to price some values differently",
                )  # fmt: skip
                return False
        elif isinstance(step, QUANTITY_STEPS) and self.flow.kind == "money":
            labels = [] if self.priced_at is None else [Label(self.priced_at, "here the quantity becomes money")]
            self.scope.report(
                "T0101", step.span, f"`{word}` works on a quantity, but this is money already",
                label="after the price", labels=labels, help=f"move `{word}` before the price step",
            )  # fmt: skip
            return False
        elif isinstance(step, AMOUNT_STEPS) and self.flow.kind == "quantity":
            if self.price == "forbidden":
                self.scope.report(
                    "T0204", step.span, f"`{word}` works on money, and a quantity has none",
                    help=f"write `{word}` in the charge that prices it",
                )  # fmt: skip
                return False
            if self.has_price:
                self.scope.report(
                    "T0102", step.span, f"`{word}` works on money, but nothing is priced yet",
                    label="before the price", help=f"move `{word}` behind the price step",
                )  # fmt: skip
                return False
            if self.price == "required":
                return False  # the missing price is reported once, at the charge
        return True

    # --- quantity steps and groups ---

    def other_step(self, step: syntax.Step, word: str) -> ir.Step | None:
        """Steps on quantities, and those that begin and end groups."""
        scope, flow, span = self.scope, self.flow, step.span
        match step:
            case syntax.WhereStep(condition=condition, else_free=else_free):
                when = check_when(scope, flow, step, word, by_cell=True)
                asked = check_condition(scope, flow, condition, word)
                return None if asked is None else ir.Where(asked, else_free, when=when, span=span)
            case syntax.Weigh(factor=factor, unit=unit):
                when = check_when(scope, flow, step, word, by_cell=True)
                weight = check_factor(scope, flow, factor, word)
                name = None if unit is None else scope.unit_named(unit)
                if unit is not None:
                    flow.unit, flow.unit_span = name or flow.unit, unit.span
                return None if weight is None else ir.Weigh(weight, name, when=when, span=span)
            case syntax.Each(dimensions=dimensions):
                return self.each(dimensions, span)
            case syntax.Include():
                return self.include(step, word)
            case syntax.Round(mode=mode, to=to):
                when = self.pool_step(step, word)
                multiple = numbers.quantity(scope, flow, to, f"round {mode} to")
                if multiple <= 0:
                    scope.report("D0302", to.span, "`round` needs a number above 0", help="write `round up to 100`")
                    return None
                return ir.RoundQuantity(mode, multiple, when=when, span=span)
            case syntax.AtLeast(amount=amount) | syntax.AtMost(amount=amount):
                when = self.pool_step(step, word)
                bound = check_quantity(scope, flow, amount, word)
                if bound is None:
                    return None
                numbers.warn_bound(scope, amount if isinstance(amount, syntax.Number) else None, word)
                clamp = ir.AtLeast if isinstance(step, syntax.AtLeast) else ir.AtMost
                return clamp(bound, when=when, span=span)
            case syntax.Mirror():
                return ir.Mirror(when=self.pool_step(step, word), span=span)
            case syntax.Counted(cadence=cadence):
                return self.counted(cadence, span)
            case syntax.Total() | syntax.Largest():
                return self.end_of_groups(step, word)
            case _:
                raise AssertionError(f"a {word} step is checked elsewhere")

    def pool_step(self, step: syntax.Step, word: str) -> ir.Expression | None:
        """The `when` of a pool step, asked before it pools."""
        when = check_when(self.scope, self.flow, step, word, by_cell=False)
        pool(self.scope, self.flow, step.span, word)
        return when

    def each(self, dimensions: tuple[syntax.Name, ...], span: Span) -> ir.Step | None:
        good = True
        for name in dimensions:
            if name.text in self.flow.each:
                self.scope.report(
                    "T0205", name.span, f"`each {name.text}` is said already", help="say each dimension once"
                )
                good = False
            else:
                good = require_dimension(self.scope, self.flow, name, "each") and good
                self.flow.each = (*self.flow.each, name.text)
        return ir.Each(tuple(name.text for name in dimensions), span=span) if good else None

    def include(self, step: syntax.Include, word: str) -> ir.Step | None:
        by_cell = step.policy is not None
        when = check_when(self.scope, self.flow, step, word, by_cell=by_cell)
        amount = check_quantity(self.scope, self.flow, step.amount, word)
        if isinstance(step.amount, syntax.Number) and step.amount.value < 0:
            self.scope.report("D0303", step.amount.span, "free units are not negative", help="write a number above 0")
        if not by_cell:
            pool(self.scope, self.flow, step.span, word)
        elif not self.orders_cells(step):
            return None
        return None if amount is None else ir.Include(amount, step.policy, step.prorated, when=when, span=step.span)

    def orders_cells(self, step: syntax.Include) -> bool:
        """`cheapest` and `dearest first` need a price that is a cell step (rule 9)."""
        if step.policy not in ("cheapest first", "dearest first"):
            return True
        price = next((s for s in self.steps if isinstance(s, PRICE_STEPS)), None)
        if price is None or is_cell_price(self.scope, price):
            return True
        self.scope.report(
            "T0211",
            step.span,
            f"`{step.policy}` compares the prices of cells, but `{WORDS[type(price)]}` prices a pool",
            labels=[Label(price.span, "this prices a pool")],
            help="write `pro rata` or `in order`, or price with a rate or a rate table",
        )
        return False

    def counted(self, cadence: Literal["yearly", "quarterly", "term"], span: Span) -> ir.Step | None:
        if self.flow.counted:
            self.scope.report("T0212", span, "`counted` is said already", help="one counter rules the whole charge")
            return None
        self.flow.counted = True
        if not self.flow.adds_over_time:
            self.scope.report(
                "T0213",
                span,
                f"`{self.flow.source}` does not add over time, so it cannot be `counted` over several bills",
                labels=[Label(self.flow.unit_span, f"`{self.flow.source}` is declared here")],
                help="count a meter that is a `sum` or `count`",
            )
            return None
        return ir.Counted(cadence, span=span)

    def end_of_groups(self, step: syntax.Total | syntax.Largest, word: str) -> ir.Step | None:
        if self.flow.each == self.outer:
            self.scope.report(
                "T0214", step.span, f"`{word}` ends an `each`, and none begins before it here",
                help=f"write `each DIM` before it, or drop `{word}`",
            )  # fmt: skip
            return None
        end_groups(self.flow, step.span, word, self.outer)
        return ir.Total(span=step.span) if isinstance(step, syntax.Total) else ir.Largest(span=step.span)

    # --- price steps ---

    def price_step(self, step: syntax.Step) -> ir.Step | None:
        scope, flow = self.scope, self.flow
        match step:
            case syntax.Price(rate=syntax.RateName(name=name)) if name.text in scope.curves:
                return self.curve_price(scope.curves[name.text], name)
            case syntax.Price(rate=rate):
                if isinstance(rate, syntax.RateNumber) and rate.per is not None and rate.per.mode is not None:
                    pool(scope, flow, step.span, "price per " + rate.per.mode)
                made = check_rate(scope, flow, rate, "price")
                if isinstance(made, ir.Package) and isinstance(made.price, ir.Lookup):
                    self.pool_to_table(rate, step.span)
                self.require_separate(step.span)
                return None if made is None else ir.Price(made, span=step.span)
            case syntax.Graduated(tiers=tiers):
                pool(scope, flow, step.span, "graduated")
                made_tiers = check_tiers(scope, flow, "graduated", tiers, step.span)
                return None if made_tiers is None else ir.Graduated(made_tiers, span=step.span)
            case syntax.Volume():
                return self.volume(step)
            case syntax.Match():
                return self.match(step)
            case syntax.PriceWith():
                return check_shape(scope, flow, step)
            case _:
                raise AssertionError("not a price step")

    def require_separate(self, span: Span) -> None:
        """A linear price adds its cells up at the line's end, which a meter that does not add cannot bear (rule 3)."""
        pooled = [name for name in self.flow.dimensions if name not in self.flow.each]
        if pooled and not self.flow.adds_over_dimensions:
            require_additive(self.scope, self.flow, pooled, span, "price")

    def pool_to_table(self, rate: syntax.Rate, span: Span) -> None:
        """A package table counts packages per combination of its own dimensions (rule 11)."""
        assert isinstance(rate, syntax.RateName)
        kept = self.scope.tables[rate.name.text].ir.dimensions
        inner = self.flow.each
        self.flow.each = (*inner, *(d for d in kept if d not in inner))
        pool(self.scope, self.flow, span, "price")
        self.flow.each = inner

    def curve_price(self, curve: syntax.Curve, name: syntax.Name) -> ir.Step | None:
        if curve.kind == "graduated" or not tiers_price_cells(self.scope, curve.tiers):
            pool(self.scope, self.flow, name.span, f"price {name.text}")
        self.refuse_counted_amounts(curve.kind, curve.tiers)
        return check_curve_use(self.scope, self.flow, name)

    def volume(self, step: syntax.Volume) -> ir.Step | None:
        scope, flow = self.scope, self.flow
        on: ir.Expression | None = None
        bounds = flow
        if step.on is not None:
            reference = syntax.Reference(step.on.text, span=step.on.span)
            symbol = scope.meters.get(step.on.text) or scope.quantities.get(step.on.text)
            on = check_quantity(scope, unit_free(flow), reference, "on")
            if symbol is not None:
                bounds = flow.copy()
                bounds.source, bounds.unit, bounds.unit_span = step.on.text, symbol.ir.unit, symbol.unit_span
                bounds.named_units = {}
        if not tiers_price_cells(scope, step.tiers):
            pool(scope, flow, step.span, "volume")
        self.require_separate(step.span)
        self.refuse_counted_amounts("volume", step.tiers)
        tiers = check_tiers(scope, flow, "volume", step.tiers, step.span, bounds=bounds if step.on else None)
        if tiers is None or (step.on is not None and on is None):
            return None
        return ir.Volume(on, tiers, span=step.span)

    def refuse_counted_amounts(self, kind: str, tiers: tuple[syntax.Tier, ...]) -> None:
        """Under `counted` a volume tier's amounts cannot be due once per bill (rule 2)."""
        if kind != "volume" or not self.flow.counted:
            return
        for tier in tiers:
            if isinstance(tier.price, syntax.Flat) or tier.plus or tier.minimum or tier.maximum:
                self.scope.report(
                    "T0210", tier.span, "under `counted` a volume tier takes a rate only",
                    help="nothing billed is priced again, so a tier's `flat`, `plus`, `minimum` and `maximum` "
                    "have no period to belong to: write `graduated`, or drop `counted`",
                )  # fmt: skip

    def match(self, step: syntax.Match) -> ir.Step | None:
        scope, flow = self.scope, self.flow
        good = require_dimension(scope, flow, step.dimension, "match")
        self.check_arm_keys(step)
        arms: list[ir.Arm] = []
        ends: list[Flow] = []
        for arm in step.arms:
            inner = flow.copy()
            inner.kind = "quantity"
            if step.dimension.text in inner.dimensions:
                inner.dimensions[step.dimension.text] = values_in_arm(step, arm, flow.dimensions[step.dimension.text])
            checked = check_pipeline(scope, inner, arm.steps, arm.span, "required")
            ends.append(inner)
            keys = tuple(made_key(key) for key in arm.keys if not isinstance(key, syntax.Else))
            if checked is None:
                good = False
            else:
                arms.append(ir.Arm(keys, checked.steps, span=arm.span))
        for name in list(flow.dimensions):
            lost = next((end.lost[name] for end in ends if name in end.lost), None)
            if lost is not None:
                flow.lost[name] = lost
                del flow.dimensions[name]
        return ir.Match(step.dimension.text, tuple(arms), span=step.span) if good else None

    def check_arm_keys(self, step: syntax.Match) -> None:
        """Keys said twice, `else` twice or not alone, and keys that no meter can produce."""
        seen: dict[ir.Key, Span] = {}
        values = self.flow.dimensions.get(step.dimension.text)
        for arm in step.arms:
            for key in arm.keys:
                made = made_key(key)
                if made in seen:
                    self.scope.report(
                        "D0201", key.span, f"this arm for {key_text(made)} is never reached",
                        labels=[Label(seen[made], "the same key")], help="say each key once",
                    )  # fmt: skip
                seen.setdefault(made, key.span)
                if values is not None and made.kind != "else" and not any(key_matches(made, v) for v in values):
                    known = ", ".join(f'"{v}"' for v in sorted(values))
                    self.scope.report(
                        "W0301", key.span, f"`{step.dimension.text}` of `{self.flow.source}` is never {key_text(made)}",
                        label="impossible value", help=f"it can be: {known}",
                    )  # fmt: skip


def unit_free(flow: Flow) -> Flow:
    """The same flow, asking no unit: for a quantity that only chooses a tier."""
    free = flow.copy()
    free.unit = None
    return free


def values_in_arm(step: syntax.Match, arm: syntax.Arm, values: Values) -> Values:
    """What the dimension can be inside an arm: an exact key wins, then patterns top to bottom, then `else`."""
    keys = [(made_key(key), other) for other in step.arms for key in other.keys]
    own = [key for key, other in keys if other is arm]
    if values is None:
        return frozenset(key.text for key in own) if all(key.kind == "exact" for key in own) else None
    by_rank = sorted(keys, key=lambda pair: ("exact", "pattern", "else").index(pair[0].kind))
    return frozenset(
        value for value in values if next((other for key, other in by_rank if key_matches(key, value)), None) is arm
    )
