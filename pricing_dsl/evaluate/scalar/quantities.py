"""Integer code for quantities in groups: opening groups, free units and clamps, and the tier of a `volume` by cell.

A pipeline's state and what it is part of are kept here too; the walk over its steps is in `pipeline`.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from pricing_dsl.evaluate.scalar.cells import Shares, share_of
from pricing_dsl.evaluate.scalar.expressions import ExpressionCode, folded
from pricing_dsl.evaluate.scalar.groups import Cells, GroupCode, Groups, Keys, Sums, Surroundings, VolumeCells, sub_key
from pricing_dsl.evaluate.scalar.money import MoneyCode
from pricing_dsl.evaluate.scalar.prices import PriceCode
from pricing_dsl.evaluate.scalar.writing import Atom, Num, Writer, common, product
from pricing_dsl.ir import nodes as ir

PoolStep = ir.Include | ir.RoundQuantity | ir.AtLeast | ir.AtMost | ir.Mirror


class QuantityCode(GroupCode):
    """Writes quantity steps. The state at the start is also the groups around the pipeline.

    `always` says that the pool of the whole exists: not in an arm of a `match`. `money` is the atom on which every
    rate and every amount of money of the charge is whole.
    """

    def __init__(
        self, around: Surroundings, writer: Writer, state: Cells | Groups, money: Atom, *, always: bool, charging: bool,
        counts_entered: bool,
    ) -> None:  # fmt: skip
        super().__init__(around, writer, charging=charging, counts_entered=counts_entered)
        self.state = state
        self.outer = state.each
        self.money = money
        self.always = always

    @property
    def shares(self) -> Shares:
        return self.operations.shares

    def keys(self, dimensions: Iterable[str]) -> Keys:
        """How groups by these dimensions are kept: the pool of a whole charge is a variable."""
        keys = tuple(dimensions)
        return None if not keys and self.always else keys

    def money_code(self, groups: Groups) -> MoneyCode:
        return MoneyCode(self.names, self.writer, groups.numbers, self.shares, groups.value)

    def expression_code(self, keys: tuple[str, ...], key: str) -> ExpressionCode:
        """Expressions that read other quantities for the group `key`."""
        return ExpressionCode(self.names, self.writer, lambda ref: self.around.read(ref, keys, key))

    def pooled(self) -> Groups:
        """The groups of `each`, each one pool."""
        return self.grouped_by(())

    def grouped_by(self, extra: Iterable[str]) -> Groups:
        """Groups by `each` and further dimensions, opened if they are not."""
        state = self.state
        wanted = (*state.each, *(d for d in extra if d not in state.each))
        if isinstance(state, Groups):
            if set(state.keys) <= set(wanted):
                return state
            self.state = self.open(self.collect(state, self.keys(wanted)), state.each)
        elif state.volume is None:
            self.state = self.open(self.collect_cells(state, self.keys(wanted)), state.each)
        else:
            self.state = self.volume_groups(state, state.volume, wanted)
        return self.state

    def volume_groups(self, state: Cells, volume: VolumeCells, wanted: tuple[str, ...]) -> Groups:
        """Choose the tier of a `volume` by cell: each group then costs what its cells cost in that tier."""
        keys, chosen_keys = self.keys(wanted), self.keys(volume.keys)
        entered = self.add_up(state.source, state.entered, keys, state.entered_scale, signed=False)
        chooser = self.add_up(state.source, state.entered, chosen_keys, state.entered_scale, signed=False)
        amounts = [
            None if path is None else self.add_up(state.source, path, keys, state.scale, signed=False)
            for path in volume.paths
        ]
        sums = Sums(keys, entered, entered if self.counts_entered else None, is_money=False, can_be_negative=False)
        groups = self.open(sums, state.each)
        place = "()" if groups.key is None else sub_key(groups.keys, volume.keys, groups.key)
        if volume.step.on is not None:
            chosen = self.chooser(self.expression_code(volume.keys, place).value(volume.step.on))
        elif chosen_keys == keys:
            chosen = Num(groups.value, groups.scale)
        else:
            chosen = chooser.value if chosen_keys is None else chooser.read(place)
            chosen = Num(self.named(chosen.text), chosen.scale)
        target = self.names.new("v")

        def tier(index: int) -> None:
            amount = amounts[index]
            if amount is None:
                self.writer.line("raise Fallback")
                return
            value = amount.value if groups.key is None else amount.read(groups.key)
            self.writer.line(f"{target} = {value.text}")

        code = self.price_code(groups)
        code.chain(volume.step.tiers, groups.value, chosen.text, chosen.scale, target, tier)
        groups.value, groups.scale, groups.is_money = target, state.scale, True
        return groups

    def chooser(self, quantity: Num) -> Num:
        """The quantity that a `volume` is `on`, on a scale on which its bounds are whole."""
        scale = common(quantity.scale, self.around.quantity_scale())
        return Num(self.named(self.names.raised(quantity, scale)), scale)

    def price_code(self, groups: Groups) -> PriceCode:
        return PriceCode(self.names, self.writer, groups.numbers, self.operations.tables, self.money)

    def quantity_step(self, step: PoolStep, groups: Groups) -> None:
        code, value, line, block = self.money_code(groups), groups.value, self.writer.line, self.writer.block
        match step:
            case ir.Include():
                bound, least = self.bound(groups, step.amount, step.prorated)
                test = [f"{value} > 0"] if groups.can_be_negative else []
                test += [] if least is not None and least >= 0 else [f"{bound} > 0"]

                def take() -> None:
                    line(f"{value} = {value} - {bound} if {value} > {bound} else 0")

                def include() -> None:
                    if not test:
                        take()
                        return
                    with block(f"if {' and '.join(test)}:"):
                        take()

                code.when(step.when, include)
            case ir.AtLeast():
                bound, least = self.bound(groups, step.amount)
                code.clamp(bound, "<", step.when)
                if step.when is None and least is not None and least >= 0:
                    groups.can_be_negative = False
            case ir.AtMost():
                bound, least = self.bound(groups, step.amount)
                code.clamp(bound, ">", step.when)
                groups.can_be_negative |= least is None or least < 0
            case ir.RoundQuantity(mode=mode, to=to):
                code.round(mode, self.names.literal(to, groups.scale), step.when)
            case ir.Mirror():
                self.mirror(groups, code, step.when)

    def mirror(self, groups: Groups, code: MoneyCode, when: ir.Expression | None) -> None:
        """Remember the sign and go on with the size."""
        if not groups.can_be_negative:
            return
        sign, value = self.names.new("m"), groups.value
        if when is not None:
            self.writer.line(f"{sign} = False")

        def lines() -> None:
            self.writer.line(f"{sign} = {value} < 0")
            with self.writer.block(f"if {sign}:"):
                self.writer.line(f"{value} = -{value}")

        code.when(when, lines)
        groups.negative = sign
        groups.can_be_negative = when is not None

    def bound(
        self, groups: Groups, amount: ir.Expression, prorated: ir.Proration | None = None
    ) -> tuple[str, Fraction | None]:
        """An amount of units on the group's scale, and its value if it is a number.

        The group's value is raised to a scale that both have.
        """
        constant = folded(amount)
        if constant is not None:
            return self.names.literal(constant * share_of(self.shares, prorated), groups.scale), constant
        value = self.expression_code(groups.keys, groups.key or "()").value(amount)
        if prorated is not None:
            part = self.names.constant(self.shares[prorated])
            value = Num(product(value.text, part.text), (*value.scale, *part.scale))
        groups.raise_to(self.writer, self.names, common(groups.scale, value.scale))
        return self.named(self.names.raised(value, groups.scale)), None

    def named(self, text: str) -> str:
        """A variable that holds the value of an expression."""
        name = self.names.new("x")
        self.writer.line(f"{name} = {text}")
        return name
