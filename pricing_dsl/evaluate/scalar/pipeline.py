"""Integer code for a pipeline, step by step: what each step does to cells on their way, or to groups in their loop.

The steps and their two classes are those of the language reference, section 5; the states are in `groups`.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import lcm

from pricing_dsl.evaluate.lookup import holds
from pricing_dsl.evaluate.scalar.cells import dimensions_of, is_cellwise, share_of
from pricing_dsl.evaluate.scalar.expressions import folded
from pricing_dsl.evaluate.scalar.free_units import free_unit_prices
from pricing_dsl.evaluate.scalar.groups import Cells, Collected, Groups, Keys, Sums, Surroundings, VolumeCells
from pricing_dsl.evaluate.scalar.prices import TierPrice
from pricing_dsl.evaluate.scalar.quantities import QuantityCode
from pricing_dsl.evaluate.scalar.sources import Operation, Path, Source
from pricing_dsl.evaluate.scalar.writing import Atom, Num, Scale, Writer, common, product
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import step_lookups

CellStep = ir.Where | ir.Weigh | ir.Times | ir.Discount | ir.Prorate


class Pipeline(QuantityCode):
    """Writes one pipeline; `later` are the steps that follow around it."""

    def __init__(
        self, around: Surroundings, writer: Writer, state: Cells | Groups, money: Atom, *, always: bool, charging: bool,
        counts_entered: bool, later: tuple[ir.Step, ...] = (),
    ) -> None:  # fmt: skip
        super().__init__(around, writer, state, money, always=always, charging=charging, counts_entered=counts_entered)
        self.later = later
        self.rest: tuple[ir.Step, ...] = ()

    def run(self, steps: tuple[ir.Step, ...]) -> None:
        """Write all steps."""
        for index, step in enumerate(steps):
            self.rest = (*steps[index + 1 :], *self.later)
            self.step(step)
        self.rest = self.later

    def finish(self, keys: Keys) -> Sums:
        """Add up what there is at the end."""
        if isinstance(self.state, Cells) and self.state.volume is None:
            return self.collect_cells(self.state, keys)
        groups = self.state if isinstance(self.state, Groups) else self.grouped_by(keys or ())
        return self.collect(groups, keys)

    def step(self, step: ir.Step) -> None:
        match step:
            case ir.Counted() | ir.ShowBy():
                pass
            case ir.Each(dimensions=dimensions):
                self.each(dimensions)
            case ir.Where() | ir.Weigh() | ir.Times() | ir.Discount() | ir.Prorate():
                self.cell_step(step)
            case ir.Include(policy=policy) if policy is not None:
                self.include_across(step)
            case ir.Include() | ir.RoundQuantity() | ir.AtLeast() | ir.AtMost() | ir.Mirror():
                self.quantity_step(step, self.pooled())
            case ir.Price(rate=ir.Linear() | ir.Reject() as rate) if isinstance(self.state, Cells):
                self.price_cells(self.state, rate)
            case ir.Price(rate=rate):
                extra = self.operations.tables.dimensions(rate.price) if isinstance(rate, ir.Package) else ()
                self.price_groups(rate, self.grouped_by(extra))
            case ir.Volume() if isinstance(self.state, Cells) and self.must_keep_cells(step, self.state):
                self.volume_cells(step, self.state)
            case ir.Graduated() | ir.Volume():
                self.price_groups(step, self.pooled())
            case ir.Match():
                self.match(step)
            case ir.Total() | ir.Largest():
                self.end_groups(step)
            case _:
                self.money_step(step, self.pooled())

    # --- cells ---

    def each(self, dimensions: tuple[str, ...]) -> None:
        each = (*self.state.each, *(d for d in dimensions if d not in self.state.each))
        if isinstance(self.state, Cells):
            self.state = replace(self.state, each=each)
        else:
            self.state.each = each

    def cell_step(self, step: CellStep) -> None:
        state, operations = self.state, self.operations
        if isinstance(state, Groups):
            self.cell_step_on_groups(step, state)
            return
        match step:
            case ir.Where():
                operation = operations.where(step)
            case ir.Weigh():
                operation = operations.weigh(step)
                if operations.tables.smallest(step.factor) < 0:
                    state = replace(state, can_be_negative=True)
            case ir.Times():
                operation = operations.times(step)
            case ir.Discount():
                operation = operations.discount(step)
            case ir.Prorate():
                operation = operations.prorate(step)
        self.state = self.lengthened(state, operation)

    def lengthened(self, state: Cells, operation: Operation) -> Cells:
        """One more operation on the way of every cell."""
        scale = (*state.scale, self.names.atom(operation.denominator))
        if state.volume is None:
            return replace(state, path=(*state.path, operation), scale=scale)
        paths = tuple(None if path is None else (*path, operation) for path in state.volume.paths)
        return replace(state, scale=scale, volume=replace(state.volume, paths=paths))

    def cell_step_on_groups(self, step: CellStep, groups: Groups) -> None:
        """After a pool step a cell step acts on each group as on one cell."""
        code, when = self.money_code(groups), step.when
        match step:
            case ir.Where(condition=condition, else_free=else_free):
                stays = groups.numbers.flag(lambda d: not holds(when, d) or holds(condition, d))
                with self.writer.block(f"if not {stays}:"):
                    self.writer.line("continue" if else_free else "raise Fallback")
            case ir.Weigh(factor=factor) | ir.Times(factor=factor):
                denominator = self.operations.tables.denominator(factor)
                groups.scale = code.multiply(groups.numbers.factor(factor), denominator, when, groups.scale)
                groups.can_be_negative |= self.operations.tables.smallest(factor) < 0
            case ir.Discount():
                groups.scale = code.discount(step, groups.scale)
            case ir.Prorate(by=by):
                share = self.shares[by]
                groups.scale = code.multiply(share, share.denominator, when, groups.scale)

    def on_money(self, operation: Operation) -> Operation:
        """A price as an operation whose results are whole on the money scale."""
        assert self.money.value is not None
        return replace(operation, denominator=lcm(operation.denominator, self.money.value))

    def price_cells(self, state: Cells, rate: ir.Linear | ir.Reject) -> None:
        """A linear price: the coefficient becomes money."""
        operation = self.operations.rate(rate)
        gate = self.operations.gate(operation)
        self.price_path(state, self.on_money(operation), gate)

    def price_path(self, state: Cells, amount: Operation, quantity: Operation) -> None:
        """The price as an operation; `quantity` is the same for what enters it."""
        self.state = replace(
            state,
            path=(*state.path, amount),
            scale=(*state.scale, self.names.atom(amount.denominator)),
            is_money=True,
            entered=(*state.path, quantity),
            entered_scale=(*state.scale, self.names.atom(quantity.denominator)),
        )

    def must_keep_cells(self, step: ir.Volume, state: Cells) -> bool:
        """Whether a `volume` of rates needs its cells: its tables, or what follows, read more than the groups have."""
        if not step.is_by_cell:
            return False
        rates = [tier.price.rate for tier in step.tiers if isinstance(tier.price, ir.Linear)]
        read = {d for rate in rates for d in self.operations.tables.dimensions(rate)}
        return not (read | self.read_later()) <= set(state.each)

    def read_later(self) -> set[str]:
        """The dimensions that the steps to come read."""
        read: set[str] = set()
        for step in self.rest:
            read |= dimensions_of(step.when)
            if isinstance(step, ir.Each):
                read |= set(step.dimensions)
            for factor in step_lookups(step):
                read |= set(self.operations.tables.dimensions(factor))
        return read

    def volume_cells(self, step: ir.Volume, state: Cells) -> None:
        paths: list[Path | None] = []
        for tier in step.tiers:
            rate = tier.price if isinstance(tier.price, ir.Linear) else None
            paths.append(None if rate is None else (*state.path, self.on_money(self.operations.rate(rate))))
        self.state = replace(
            state,
            scale=(*state.scale, self.money),
            is_money=True,
            entered=state.path,
            entered_scale=state.scale,
            volume=VolumeCells(step, state.each, tuple(paths)),
        )

    # --- prices and money on groups ---

    def price_groups(self, price: TierPrice, groups: Groups) -> None:
        """A price step on each group as a whole."""
        quantity, target = groups.value, self.names.new("v")
        if groups.can_be_negative:
            with self.writer.block(f"if {quantity} < 0:"):
                self.writer.line("raise Fallback")
        code = self.price_code(groups)
        if isinstance(price, ir.Volume) and price.on is not None:
            chosen = self.chooser(self.expression_code(groups.keys, groups.key or "()").value(price.on))
            code.volume(price.tiers, quantity, groups.scale, chosen.text, chosen.scale, target)
        else:
            code.price(price, quantity, groups.scale, target)
        if groups.negative is not None:
            with self.writer.block(f"if {groups.negative}:"):
                self.writer.line(f"{target} = -{target}")
        if self.counts_entered:
            groups.entered = Num(quantity, groups.scale)
        groups.value, groups.scale = target, (*groups.scale, self.money)
        groups.is_money, groups.can_be_negative, groups.negative = True, False, None

    def money_step(self, step: ir.Step, groups: Groups) -> None:
        """A pool step on money."""
        code = self.money_code(groups)
        match step:
            case ir.DiscountAbove():
                groups.scale = code.discount_above(step, groups.scale)
            case ir.DiscountMoney():
                groups.scale = code.discount_money(step, groups.scale)
            case ir.DiscountGraduated():
                groups.scale = code.discount_graduated(step, groups.scale)
            case ir.Plus():
                groups.scale = code.plus(step, groups.scale)
            case ir.Minimum(bound=bound, prorated=prorated):
                code.clamp(self.money_bound(groups, bound, prorated), "<", step.when)
            case ir.Maximum(bound=bound, prorated=prorated):
                code.clamp(self.money_bound(groups, bound, prorated), ">", step.when)
            case ir.RoundMoney(mode=mode, to=to):
                code.round(mode, self.names.literal(to, groups.scale), step.when)
            case _:
                raise AssertionError(f"{step} is not a pool step on money")

    def money_bound(
        self, groups: Groups, bound: Fraction | ir.Linear | ir.Package, prorated: ir.Proration | None
    ) -> str:
        """Money, or a rate on the quantity that entered the price, on the group's scale."""
        share = share_of(self.shares, prorated)
        if isinstance(bound, Fraction):
            return self.names.literal(bound * share, groups.scale)
        entered = groups.entered
        assert entered is not None, "a rate as a bound needs the quantity that entered the price"
        quantity, target = self.named(entered.text), self.names.new("x")
        self.price_code(groups).price(bound, quantity, entered.scale, target)
        value = Num(target, (*entered.scale, self.money))
        if prorated is not None:
            part = self.names.constant(share)
            value = Num(product(target, part.text), (*value.scale, *part.scale))
        groups.raise_to(self.writer, self.names, common(groups.scale, value.scale))
        return self.named(self.names.raised(value, groups.scale))

    # --- arms and the end of groups ---

    def end_groups(self, step: ir.Total | ir.Largest) -> None:
        """`total` and `largest` end the groups that began in this pipeline."""
        keys = self.keys(self.outer)
        if isinstance(step, ir.Total):
            sums = self.finish(keys)
        else:
            sums = self.largest(self.finish(self.pooled().each), keys)
        self.state = self.open(sums, self.outer)

    def match(self, step: ir.Match) -> None:
        """Deal cells out to arms. Arms that price cell by cell are one operation; others are pipelines of their own."""
        cells = self.state if isinstance(self.state, Cells) else self.cells_again(self.state)
        if all(is_cellwise(arm.steps) for arm in step.arms):
            paths = [self.operations.priced(arm.steps) for arm in step.arms]
            quantity = self.operations.arms(step, [path for path, _ in paths])
            amount = self.operations.arms(step, [path for _, path in paths])
            self.price_path(cells, self.on_money(amount), quantity)
            return
        further = self.read_later() - set(cells.each)
        arms: list[tuple[Pipeline, Sums | None]] = []
        for index, arm in enumerate(step.arms):
            inner = Pipeline(
                self.around, self.writer, self.lengthened(cells, self.operations.arm(step, index)), self.money,
                always=False, charging=self.charging, counts_entered=self.counts_entered, later=self.rest,
            )  # fmt: skip
            inner.run(arm.steps)
            ended = None
            if isinstance(inner.state, Groups):
                ended = inner.finish(inner.state.keys if further else self.keys(cells.each))
            arms.append((inner, ended))
        kept = tuple(sorted(d for d in further if all(arm.has(d) for arm, _ in arms)))
        keys = self.keys((*cells.each, *kept))
        sums = self.join([ended or arm.finish(keys) for arm, ended in arms], keys)
        if keys is not None and not kept:
            self.reached(cells, sums)
        self.state = self.open(sums, cells.each)

    def has(self, dimension: str) -> bool:
        """Whether a dimension is still there."""
        state = self.state
        return dimension in (state.source.dimensions if isinstance(state, Cells) else state.keys)

    def reached(self, cells: Cells, sums: Sums) -> None:
        """A group that reached the `match` exists after it, also where its arms left nothing (rule 14)."""
        there = cells.source.slot(self.names, cells.path, cells.each)
        for part in (sums.amount, sums.entered):
            if part is not None:
                with self.writer.block(f"for k in {there.name}:"):
                    self.writer.line(f"{part.name}.setdefault(k, 0)")

    def cells_again(self, groups: Groups) -> Cells:
        """Groups become the cells of what follows: a `match` after a pool step."""
        sums = self.collect(groups, groups.keys)
        return self.reread(sums.amount.name, groups.keys, groups.scale, groups.each, groups.can_be_negative)

    def reread(
        self, name: str, dimensions: tuple[str, ...], scale: Scale, each: tuple[str, ...], can_be_negative: bool
    ) -> Cells:
        """The cells of a dict by `dimensions`."""
        source = Source(name, dimensions, scale, charged=self.charging, signed=can_be_negative, groups=each)
        self.around.internal_source(self.writer.part(), name, source)
        return Cells(source, (), scale, each, can_be_negative)

    def include_across(self, step: ir.Include) -> None:
        """Free units over cells: the cells are written to a dict, and what is left of them is read again."""
        state = self.state
        if isinstance(state, Cells):
            dimensions = state.source.dimensions
            cells = self.add_up(state.source, state.path, dimensions, state.scale, signed=True)
        else:
            assert state.key is None, "free units across cells after a pool step are left to the reference"
            dimensions = ()
            cells = Collected(self.named(f"{{(): {state.value}}}"), None, state.scale)
        units, groups, line = self.names.new("u"), self.names.new("g"), self.writer.line
        prices = self.names.parameter(free_unit_prices(self.operations, step, self.rest, dimensions))
        line(f"{units} = FreeUnits({prices}, {step.policy!r})")
        places = tuple(dimensions.index(d) for d in state.each)
        line(f"{groups} = split_by({cells.name}, {places!r}, {len(dimensions)})")
        with self.writer.block(f"for k, c in {groups}.items():"):
            offered = self.offered(step, state.each, state.scale)
            scale = common(state.scale, offered.scale)
            factor = self.names.raised(Collected("1", cells.factor, state.scale).value, scale)
            line(f"{units}.share(c, {factor}, {self.names.raised(offered, scale)})")
        rest, whole = self.names.new("g"), self.names.new("h")
        line(f"{rest}, {whole} = {units}.rest()")
        self.state = self.reread(rest, dimensions, (*scale, Atom(whole, None)), state.each, state.can_be_negative)

    def offered(self, step: ir.Include, each: tuple[str, ...], scale: Scale) -> Num:
        """Free units for the group `k`."""
        constant = folded(step.amount)
        if constant is not None:
            return Num(self.names.literal(constant * share_of(self.shares, step.prorated), scale), scale)
        value = self.expression_code(each, "k").value(step.amount)
        if step.prorated is None:
            return value
        part = self.names.constant(self.shares[step.prorated])
        return Num(product(value.text, part.text), (*value.scale, *part.scale))
