"""Integer code for the adjustments of a plan (rule 20), on minor units.

Each is computed on the sum of its lines as the ones before left them, rounded once and spread. Spreading is written
only where something asks for it: the statement, or a later adjustment on some of the lines.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import Literal

from pricing_dsl.evaluate.scalar.cells import Shares, share_of
from pricing_dsl.evaluate.scalar.writing import Names, Writer
from pricing_dsl.ir import nodes as ir

INLINE_LINES_MAX = 8
"""Up to so many lines spreading is written out instead of called."""


class AdjustmentCode:
    """Writes all adjustments. `lines` are the variables of the lines' minor units, by line name.

    `total` is the variable of the running total. With `spreads`, `nets` are the variables of what is left of each line,
    and `tops` is a list of the top-ups that stand alone.
    """

    def __init__(
        self, names: Names, writer: Writer, plan: ir.Plan, digits: int, shares: Shares, *, spreads: bool
    ) -> None:
        self.names = names
        self.writer = writer
        self.plan = plan
        self.unit = 10**digits
        self.shares = shares
        self.spreads = spreads
        self.index = {line.name: i for i, line in enumerate(plan.lines)}
        self.nets: list[str] = []
        self.stands_alone = False
        """Whether a top-up may stand alone already."""
        self.alone: list[str] = []
        """The variables of the top-ups that stand alone where they are not zero."""
        self.rows: list[tuple[str, str]] = []
        """Per adjustment: the variable of its amount and that of its shares."""

    def write(self, minors: list[str]) -> str:
        """All adjustments; the name of the total's variable."""
        self.writer.line(f"total = {' + '.join(minors) or '0'}")
        self.nets = minors
        if self.spreads and self.plan.adjustments:
            self.nets = [self.names.new("n") for _ in minors]
            for net, minor in zip(self.nets, minors, strict=True):
                self.writer.line(f"{net} = {minor}")
        for adjustment in self.plan.adjustments:
            self.adjustment(adjustment)
        return "total"

    def adjustment(self, adjustment: ir.Adjustment) -> None:
        row = self.names.new("r")
        base = "total"
        lines = list(self.index) if adjustment.lines is None else list(adjustment.lines)
        if adjustment.lines is not None:
            base = self.names.new("b")
            self.writer.line(f"{base} = {' + '.join(self.nets[self.index[name]] for name in lines) or '0'}")
        match adjustment.kind:
            case "discount":
                self.discount(adjustment, base, row)
            case "minimum":
                self.bounded(adjustment, row, base, above=False)
            case "maximum":
                self.bounded(adjustment, row, base, above=True)
        shares = self.names.new("z")
        if self.spreads:
            self.spread(adjustment, row, shares, lines, base)
        self.writer.line(f"total += {row}")
        self.rows.append((row, shares))

    def spread(self, adjustment: ir.Adjustment, row: str, shares: str, lines: list[str], base: str) -> None:
        """Write what a row changes on its lines."""
        alone = adjustment.lines is None
        if alone and adjustment.kind == "minimum":
            self.alone.append(row)
            if not self.stands_alone:
                self.writer.line("tops = []")
                self.stands_alone = True
            self.writer.line(f"{shares} = ()")
            with self.writer.block(f"if {row}:"):
                self.writer.line(f"tops.append({row})")
            return
        tops = "tops" if alone and self.stands_alone else "None"
        nets = [self.nets[self.index[name]] for name in lines]
        names = self.names.parameter(tuple(lines))
        call = (
            f"{', '.join([shares, *nets])}, = spread({row}, {names}, ({' '.join(f'{net},' for net in nets)}), {tops})"
        )
        self.writer.line(f"{shares} = ()")
        if not nets:
            return
        with self.writer.block(f"if {row}:"):
            if tops != "None" or len(nets) > INLINE_LINES_MAX:
                self.writer.line(call)
                return
            with self.writer.block(f"if {' and '.join(f'{net} > 0' for net in nets)}:"):
                self.spread_inline(row, shares, lines, nets, base, "+" if adjustment.kind == "minimum" else "-")
            with self.writer.block("else:"):
                self.writer.line(call)

    def spread_inline(
        self, row: str, shares: str, lines: list[str], nets: list[str], base: str, sign: Literal["+", "-"]
    ) -> None:
        """The usual case without a call: every line is positive and no top-up takes a share."""
        line, parts = self.writer.line, [self.names.new("x") for _ in nets]
        size = row if sign == "+" else f"-{row}"
        line(f"s = {size}")
        for part, net in zip(parts, nets, strict=True):
            line(f"{part} = s * {net} // {base}")
        line(f"o = {' - '.join(['s', *parts])}")
        with self.writer.block("if o:"):
            remainders = ", ".join(f"s * {net} % {base}" for net in nets)
            line(f"{', '.join(parts)}, = give(o, [{', '.join(parts)}], [{remainders}])")
        for part, net in zip(parts, nets, strict=True):
            line(f"{net} {sign}= {part}")
        unary = "" if sign == "+" else "-"
        made = " ".join(f"({name!r}, {unary}{part})," for name, part in zip(lines, parts, strict=True))
        line(f"{shares} = ({made})")
        with self.writer.block(f"if not ({' and '.join(parts)}):"):
            line(f"{shares} = changed({shares})")

    def number(self, money: Fraction, denominator: int) -> str:
        """Money in minor units over a denominator."""
        return self.names.integer(money * self.unit * denominator)

    def to_minor(self, row: str, value: str, denominator: int, sign: str) -> None:
        """`row` = `value` (positive, over a denominator) rounded once."""
        if self.plan.rounding == "half_even":
            self.writer.line(f"{row} = {sign}half_even({value}, {self.names.parameter(denominator)})")
            return
        half, unit = self.names.parameter(denominator), self.names.parameter(2 * denominator)
        self.writer.line(f"{row} = {sign}((2 * {value} + {half}) // {unit})")

    def bounded(self, adjustment: ir.Adjustment, row: str, base: str, *, above: bool) -> None:
        """What is missing to a minimum, or more than a maximum.

        The sum is whole, so rounding half up what is missing to a bound is what is missing to the bound rounded half
        up, and what is more than a bound is counted from the bound rounded half down. Half even has no such shortcut.
        """
        assert adjustment.amount is not None
        bound = adjustment.amount * share_of(self.shares, adjustment.prorated) * self.unit
        if self.plan.rounding == "half_up":
            n, d = bound.numerator, bound.denominator
            guard = self.names.parameter(-((d - 2 * n) // (2 * d)) if above else (2 * n + d) // (2 * d))
            test = f"{base} > {guard}" if above else f"{base} < {guard}"
            self.writer.line(f"{row} = {guard} - {base} if {test} else 0")
            return
        text, over = self.names.parameter(bound.numerator), self.names.parameter(bound.denominator)
        part = self.names.new("x")
        self.writer.line(f"{part} = {base} * {over} - {text}" if above else f"{part} = {text} - {base} * {over}")
        self.writer.line(f"{row} = 0")
        with self.writer.block(f"if {part} > 0:"):
            self.to_minor(row, part, bound.denominator, "-" if above else "")

    def discount(self, adjustment: ir.Adjustment, base: str, row: str) -> None:
        """A percentage, money or bands, of the part above, at most the ceiling and what it is computed on."""
        period = share_of(self.shares, adjustment.prorated)
        above = (adjustment.above or Fraction(0)) * period
        up_to = None if adjustment.up_to is None else adjustment.up_to * period
        bands = [(band.above * period, band.share * period) for band in adjustment.bands]
        amount = (adjustment.amount or Fraction(0)) * period
        if adjustment.percent:
            amount = min(amount, Fraction(1))
        rates = [share for _, share in bands] if bands else [amount] if adjustment.percent else []
        money = [above, *(bound for bound, _ in bands), *([up_to] if up_to is not None else [])]
        if not bands and not adjustment.percent:
            money.append(amount)
        fine = lcm(*((value * self.unit).denominator for value in money))
        denominator = fine * lcm(*(rate.denominator for rate in rates))
        part, taken, line = base, self.names.new("y"), self.writer.line
        if bands or adjustment.above is not None or up_to is not None or not adjustment.percent:
            part = self.names.new("x")
            less = "" if bands or adjustment.above is None else f" - {self.number(above, fine)}"
            line(f"{part} = {base} * {self.names.parameter(fine)}{less}")
        line(f"{row} = 0")
        with self.writer.block(f"if {part} > 0:"):
            limits = []
            if bands:
                self.banded(bands, part, taken, fine, denominator)
            elif adjustment.percent:
                line(f"{taken} = {part} * {self.names.integer(amount * (denominator // fine))}")
            else:
                line(f"{taken} = {self.number(amount, denominator)}")
            if bands or not adjustment.percent:
                limits.append(f"{part} * {self.names.parameter(denominator // fine)}")
            if up_to is not None:
                limits.append(self.number(up_to, denominator))
            for limit in limits:
                bound = self.names.new("x")
                line(f"{bound} = {limit}")
                with self.writer.block(f"if {taken} > {bound}:"):
                    line(f"{taken} = {bound}")
            self.to_minor(row, taken, denominator, "-")

    def banded(
        self, bands: list[tuple[Fraction, Fraction]], part: str, taken: str, fine: int, denominator: int
    ) -> None:
        """Each band takes its share of the part above its bound, up to the next band's."""
        full = Fraction(0)
        entries: list[tuple[Fraction, Fraction, Fraction]] = []
        for i, (above, share) in enumerate(bands):
            entries.append((above, share, full - above * share))
            if i + 1 < len(bands):
                full += (bands[i + 1][0] - above) * share
        word = "if"
        for above, share, offset in reversed(entries):
            with self.writer.block(f"{word} {part} > {self.number(above, fine)}:"):
                rate = self.names.integer(share * (denominator // fine))
                self.writer.line(f"{taken} = {part} * {rate} + {self.number(offset, denominator)}")
            word = "elif"
        with self.writer.block("else:"):
            self.writer.line(f"{taken} = 0")
