"""Integer code for the adjustments of a plan (rule 20), on minor units.

Each is computed on the sum of its lines as the ones before left them, rounded once and spread. Spreading is written
only where something asks for it: the statement, or a later adjustment on some of the lines.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from pricing_dsl.evaluate.scalar.cells import Shares, share_of
from pricing_dsl.evaluate.scalar.money import rounded
from pricing_dsl.evaluate.scalar.writing import Names, Writer
from pricing_dsl.ir import nodes as ir


class AdjustmentCode:
    """Writes all adjustments. `lines` are the variables of the lines' minor units, by line name.

    `total` is the variable of the running total. With `spreads`, `nets` is a list of what is left of each line and
    `tops` one of the top-ups that stand alone; `shares` are then the variables of each row's shares.
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
        self.rows: list[tuple[str, str]] = []
        """Per adjustment: the variable of its amount and that of its shares."""

    def write(self, minors: list[str]) -> str:
        """All adjustments; the name of the total's variable."""
        self.writer.line(f"total = {' + '.join(minors) or '0'}")
        if self.spreads and self.plan.adjustments:
            self.writer.line(f"nets = [{', '.join(minors)}]")
            self.writer.line("tops = []")
            self.line_names = self.names.parameter(tuple(self.index))
        for adjustment in self.plan.adjustments:
            self.adjustment(adjustment)
        return "total"

    def adjustment(self, adjustment: ir.Adjustment) -> None:
        row = self.names.new("r")
        base = "total"
        numbers = list(self.index.values())
        if adjustment.lines is not None:
            numbers = [self.index[name] for name in adjustment.lines]
            base = self.names.new("b")
            self.writer.line(f"{base} = {' + '.join(f'nets[{i}]' for i in numbers) or '0'}")
        match adjustment.kind:
            case "discount":
                self.discount(adjustment, base, row)
            case "minimum":
                self.bounded(adjustment, row, base, above=False)
            case "maximum":
                self.bounded(adjustment, row, base, above=True)
        changed = self.names.new("z")
        if self.spreads:
            self.spread(adjustment, row, changed, numbers)
        self.writer.line(f"total += {row}")
        self.rows.append((row, changed))

    def spread(self, adjustment: ir.Adjustment, row: str, changed: str, numbers: list[int]) -> None:
        alone = adjustment.lines is None
        lines = self.names.parameter(tuple(numbers))
        call = f"{changed} = spread({row}, {lines}, {self.line_names}, nets, {'tops' if alone else 'None'})"
        if not (alone and adjustment.kind == "minimum"):
            self.writer.line(call)
            return
        self.writer.line(f"{changed} = ()")
        with self.writer.block(f"if {row}:"):
            self.writer.line(f"tops.append({row})")

    def number(self, money: Fraction, denominator: int) -> str:
        """Money in minor units over a denominator."""
        return self.names.integer(money * self.unit * denominator)

    def to_minor(self, row: str, value: str, denominator: int, sign: str) -> None:
        """`row` = `value` (positive, over a denominator) rounded once."""
        text = rounded(value, self.names.parameter(denominator), self.plan.rounding, positive=True)
        self.writer.line(f"{row} = {sign}({text})")

    def bounded(self, adjustment: ir.Adjustment, row: str, base: str, *, above: bool) -> None:
        """What is missing to a minimum, or more than a maximum."""
        assert adjustment.amount is not None
        bound = adjustment.amount * share_of(self.shares, adjustment.prorated)
        denominator = (bound * self.unit).denominator
        text, over = self.number(bound, denominator), self.names.parameter(denominator)
        part = self.names.new("x")
        gap = f"{base} * {over} - {text}" if above else f"{text} - {base} * {over}"
        self.writer.line(f"{part} = {gap}")
        self.writer.line(f"{row} = 0")
        with self.writer.block(f"if {part} > 0:"):
            self.to_minor(row, part, denominator, "-" if above else "")

    def discount(self, adjustment: ir.Adjustment, base: str, row: str) -> None:
        """A percentage, money or bands, of the part above, at most the ceiling and what it is computed on."""
        period = share_of(self.shares, adjustment.prorated)
        above = (adjustment.above or Fraction(0)) * period
        up_to = None if adjustment.up_to is None else adjustment.up_to * period
        bands = [(band.above * period, band.share * period) for band in adjustment.bands]
        amount = (adjustment.amount or Fraction(0)) * period
        rates = [share for _, share in bands] if bands else [amount] if adjustment.percent else []
        money = [above, *(bound for bound, _ in bands), *([up_to] if up_to is not None else [])]
        if not bands and not adjustment.percent:
            money.append(amount)
        fine = lcm(*((value * self.unit).denominator for value in money))
        denominator = fine * lcm(*(rate.denominator for rate in rates))
        part, taken = self.names.new("x"), self.names.new("y")
        line = self.writer.line
        scaled_base = f"{base} * {self.names.parameter(fine)}"
        if bands or adjustment.above is None:
            line(f"{part} = {scaled_base}")
        else:
            line(f"{part} = {scaled_base} - {self.number(above, fine)}")
        line(f"{row} = 0")
        with self.writer.block(f"if {part} > 0:"):
            if bands:
                self.banded(bands, part, taken, fine, denominator)
            elif adjustment.percent:
                line(f"{taken} = {part} * {self.names.integer(amount * (denominator // fine))}")
            else:
                line(f"{taken} = {self.number(amount, denominator)}")
            limits = [f"{part} * {self.names.parameter(denominator // fine)}"]
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
