"""Integer code for steps on the money of one group: factors, discounts, `plus`, clamps and rounding.

Each function writes the new amount into the group's variable and gives its new scale back. Numbers that depend on the
group (a table, a `when`) come from `Numbers`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import lcm

from pricing_dsl.evaluate.lookup import holds
from pricing_dsl.evaluate.scalar.cells import Shares, remaining, share_of
from pricing_dsl.evaluate.scalar.prices import Keyed, Numbers
from pricing_dsl.evaluate.scalar.tables import Dimensions
from pricing_dsl.evaluate.scalar.writing import Names, Scale, Writer
from pricing_dsl.ir import nodes as ir


class MoneyCode:
    """Writes money steps on the variable `amount`."""

    def __init__(self, names: Names, writer: Writer, numbers: Numbers, shares: Shares, amount: str) -> None:
        self.names = names
        self.writer = writer
        self.numbers = numbers
        self.shares = shares
        self.amount = amount

    def multiply(self, factor: Fraction | Keyed, denominator: int, when: ir.Expression | None, scale: Scale) -> Scale:
        """`times`, `markup`, `margin`, `prorate`, `weigh`: also on a quantity."""
        atom = self.names.atom(denominator)
        text = self.numbers.number(conditional(factor, when, Fraction(1)), (atom,))
        self.writer.line(f"{self.amount} *= {text}")
        return (*scale, atom)

    def discount(self, step: ir.Discount, scale: Scale) -> Scale:
        """Takes a fraction of what is positive."""
        period = share_of(self.shares, step.prorated)
        share = self.numbers.factor(step.share)
        left: Fraction | Keyed
        if isinstance(share, Fraction):
            left = remaining(share * period)
        else:
            keyed = share
            left = lambda dimensions: remaining(keyed(dimensions) * period)  # noqa: E731
        atom = self.names.atom(self.numbers.tables.denominator(step.share) * period.denominator)
        text = self.numbers.number(conditional(left, step.when, Fraction(1)), (atom,))
        whole = self.names.literal(Fraction(1), (atom,))
        self.writer.line(f"{self.amount} *= {text} if {self.amount} > 0 else {whole}")
        return (*scale, atom)

    def when(self, condition: ir.Expression | None, lines: Callable[[], None]) -> None:
        """A pool step with its `when`."""
        if condition is None:
            lines()
            return
        with self.writer.block(f"if {self.numbers.flag(lambda dimensions: holds(condition, dimensions))}:"):
            lines()

    def take(self, base: str, taken: str, limits: Sequence[str]) -> None:
        """A discount of a base above zero, at most each of the limits."""
        with self.writer.block(f"if {base} > 0:"):
            self.writer.line(f"{self.amount} -= min({', '.join([taken, *limits])})")

    def discount_money(self, step: ir.DiscountMoney, scale: Scale) -> Scale:
        period = share_of(self.shares, step.prorated)

        def lines() -> None:
            base = self.names.new("x")
            self.writer.line(f"{base} = {self.amount} - {self.names.literal(step.above * period, scale)}")
            limits = [base]
            if step.up_to is not None:
                limits.append(self.names.literal(step.up_to * period, scale))
            self.take(base, self.names.literal(step.amount * period, scale), limits)

        self.when(step.when, lines)
        return scale

    def discount_above(self, step: ir.DiscountAbove, scale: Scale) -> Scale:
        period = share_of(self.shares, step.prorated)
        share = step.share * period
        atom = self.names.atom(share.denominator)
        after = (*scale, atom)
        base, whole = self.names.new("x"), self.names.literal(Fraction(1), (atom,))
        self.writer.line(f"{base} = {self.amount} - {self.names.literal(step.above * period, scale)}")
        self.writer.line(f"{self.amount} *= {whole}")
        limits = [f"{base} * {whole}"]
        if step.up_to is not None:
            limits.append(self.names.literal(step.up_to * period, after))
        self.when(step.when, lambda: self.take(base, f"{base} * {self.names.literal(share, (atom,))}", limits))
        return after

    def discount_graduated(self, step: ir.DiscountGraduated, scale: Scale) -> Scale:
        """Each band takes its share of the part above its bound, up to the next band's."""
        period = share_of(self.shares, step.prorated)
        bands = [(band.above * period, band.share * period) for band in step.bands]
        atom = self.names.atom(lcm(*(share.denominator for _, share in bands)))
        after = (*scale, atom)
        part = self.names.new("x")
        offsets: list[Fraction] = []
        full = Fraction(0)
        for i, (above, share) in enumerate(bands):
            offsets.append(full - above * share)
            if i + 1 < len(bands):
                full += (bands[i + 1][0] - above) * share
        word = "if"
        for (above, share), offset in reversed(list(zip(bands, offsets, strict=True))):
            with self.writer.block(f"{word} {self.amount} > {self.names.literal(above, scale)}:"):
                rate, rest = self.names.literal(share, (atom,)), self.names.literal(offset, after)
                self.writer.line(f"{part} = {self.amount} * {rate} + {rest}")
            word = "elif"
        with self.writer.block("else:"):
            self.writer.line(f"{part} = 0")
        self.writer.line(f"{self.amount} *= {self.names.literal(Fraction(1), (atom,))}")
        self.when(step.when, lambda: self.take(part, part, [self.amount]))
        return after

    def plus(self, step: ir.Plus, scale: Scale) -> Scale:
        amount = step.amount * share_of(self.shares, step.prorated)
        self.when(step.when, lambda: self.writer.line(f"{self.amount} += {self.names.literal(amount, scale)}"))
        return scale

    def clamp(self, bound: str, sign: str, when: ir.Expression | None) -> None:
        """`minimum` (`<`) and `maximum` (`>`) at a bound on the amount's own scale."""

        def lines() -> None:
            with self.writer.block(f"if {self.amount} {sign} {bound}:"):
                self.writer.line(f"{self.amount} = {bound}")

        self.when(when, lines)

    def round(self, mode: ir.Rounding, unit: str, when: ir.Expression | None) -> None:
        """Rounds the variable to a multiple of `unit`, on the variable's own scale."""

        def lines() -> None:
            self.writer.line(f"{self.amount} = ({rounded(self.amount, unit, mode)}) * {unit}")

        self.when(when, lines)


def rounded(value: str, unit: str, mode: ir.Rounding) -> str:
    """The whole number of `unit` nearest to `value`, as an expression; both are names."""
    match mode:
        case "up":
            return f"-(-{value} // {unit})"
        case "down":
            return f"{value} // {unit}"
        case "half_up" | "half_even":
            return f"{mode}({value}, {unit})"


def conditional(value: Fraction | Keyed, when: ir.Expression | None, otherwise: Fraction) -> Fraction | Keyed:
    """A factor where a step has a `when`."""
    if when is None:
        return value
    if isinstance(value, Fraction):
        return lambda dimensions: value if holds(when, dimensions) else otherwise

    def choose(dimensions: Dimensions) -> Fraction:
        return value(dimensions) if holds(when, dimensions) else otherwise

    return choose
