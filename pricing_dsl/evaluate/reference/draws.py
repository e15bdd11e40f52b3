"""Steps 18 and 19: what balances of money pay, at which rate, and what the rest of a line comes to (rules 27 to 31).

Segments are paid in time order. In one, lots pay in burn order, each its covered lines one after the other, in minor
units: a draw is what is left of the line times `funded times`, rounded, or the whole lot. What no balance has paid is
multiplied once by `overage times` and rounded once per line; under `overage reject` it is unpriced. One row of balance
factors per line makes the total foot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from pricing_dsl.evaluate.lookup import Dimensions, Value, holds
from pricing_dsl.evaluate.reference import expressions
from pricing_dsl.evaluate.reference.cells import ZERO, key_of
from pricing_dsl.evaluate.reference.lines import Rounding
from pricing_dsl.evaluate.reference.lots import Account, BurnPlace, Lot
from pricing_dsl.evaluate.reference.reasons import number, pair
from pricing_dsl.evaluate.reference.segments import LineShare, SegmentTime
from pricing_dsl.evaluate.statement import Draw, Reason, Row, Unpriced
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.numbers import minor_decimal
from pricing_dsl.values.periods import moment_of, text
from pricing_dsl.values.rounding import round_ratio, share_out

OVERAGE_REJECTED = "the balance is spent, and its `overage` is `reject`"
FACTORS = "rule 29: draws plus the rounded rest, less the line's net, so that the total foots"


@dataclass(slots=True)
class Piece:
    """A share of a line and what is left of it to pay, in minor units, exact.

    `overage` is the commit whose `overage` the rest pays, of those in force in the share's segment.
    """

    share: LineShare
    left: Fraction
    overage: ir.Balance | None = None

    @property
    def rejected(self) -> bool:
        return self.overage is not None and self.overage.overage_rejects and self.left > 0

    @property
    def charged(self) -> Fraction:
        """What the rest comes to."""
        if self.rejected:
            return ZERO
        factor = None if self.overage is None else self.overage.overage
        return self.left if factor is None else self.left * factor


@dataclass
class Bill:
    """One line or top-up on its way through the draws: its pieces in statement order, and what was drawn for it."""

    line: str
    kind: str
    net: int
    pieces: list[Piece] = field(default_factory=list)
    drawn: int = 0

    @property
    def left(self) -> Fraction:
        return sum((piece.left for piece in self.pieces), ZERO)


@dataclass
class Paid:
    """All draws of money, the rows of balance factors, and what `overage reject` left unpriced."""

    draws: list[Draw]
    rows: list[Row]
    rejected: list[Unpriced]
    drawn_minor: int


@dataclass(frozen=True, slots=True)
class Till:
    """What drawing money needs to know: the accounts of money in the order written, and how it is rounded."""

    accounts: Sequence[Account]
    rounding: Rounding
    currency: str
    explain: bool

    def rounded(self, minor: Fraction) -> int:
        """Minor units, rounded by the plan's mode."""
        return round_ratio(minor.numerator, minor.denominator, self.rounding.mode)

    def text(self, minor: Fraction) -> str:
        return number(minor / 10**self.rounding.digits)


def draw_money(till: Till, shares: Sequence[LineShare], segments: Sequence[SegmentTime]) -> Paid:
    """Pay the shares segment by segment; the accounts are left as they stand after the last draw."""
    bills = bills_of(shares)
    draws: list[Draw] = []
    for segment in segments:
        for account in till.accounts:
            account.enter(segment.start)
        mark_overage(till, bills, segment)
        draws.extend(pay_segment(till, bills, segment))
    return Paid(
        draws,
        [row for bill in bills if (row := factors_row(till, bill)) is not None],
        [entry for bill in bills for entry in rejected_entries(till, bill)],
        sum(bill.drawn for bill in bills),
    )


def bills_of(shares: Sequence[LineShare]) -> list[Bill]:
    """Lines in statement order, then the rows that belong to no line."""
    bills: dict[tuple[str, str], Bill] = {}
    for share in shares:
        bill = bills.setdefault((share.kind, share.line), Bill(share.line, share.kind, 0))
        bill.net += share.net_minor
        bill.pieces.append(Piece(share, Fraction(share.net_minor)))
    return sorted(bills.values(), key=lambda bill: bill.kind == "row")


# --- what a balance covers ---


def covered(balance: ir.Balance | ir.Floor, bills: Sequence[Bill], segment: int) -> Iterator[tuple[Bill, list[Piece]]]:
    """The pieces of one segment that a balance covers, in the order of its `covers`, else of the statement."""
    if balance.covers is None:
        for bill in bills:
            yield bill, [piece for piece in bill.pieces if piece.share.segment == segment]
        return
    lines = {bill.line: bill for bill in bills if bill.kind == "line"}
    for cover in balance.covers:
        if cover.line in lines:
            bill = lines[cover.line]
            yield bill, [piece for piece in bill.pieces if piece.share.segment == segment and takes(cover, piece.share)]


def takes(cover: ir.Cover, share: LineShare) -> bool:
    """Whether a cover takes a share of its line."""
    return covers_cell(cover.where, share.dimensions)


def covers_cell(where: ir.Expression | None, dimensions: Dimensions) -> bool:
    """Whether a condition of `covers` holds; a cell that has lost one of its dimensions is not covered."""
    return where is None or (names_of(where) <= dimensions.keys() and holds(where, dimensions))


def names_of(where: ir.Expression) -> set[str]:
    """The dimensions that a condition asks."""
    return {ref.name for ref in expressions.references(where) if ref.kind == "dimension"}


# --- step 18 ---


def pay_segment(till: Till, bills: Sequence[Bill], segment: SegmentTime) -> Iterator[Draw]:
    """The valid lots pay in burn order, each its lines one after the other (rule 28)."""
    lots = [(account, lot) for account in till.accounts for lot in account.lots if lot.amount > 0]
    lots.sort(key=lambda each: each[0].order(each[1]))
    for account, lot in lots:
        for bill, pieces in covered(account.balance, bills, segment.index):
            if lot.amount == 0:
                break
            factor = funded_factor(account.balance, bill.line)
            draw, paid = pay(till, account, lot, bill, pieces, factor)
            if draw:
                place = place_of(lots, lot, bill)
                why = f"{place}, {described(account, lot)}"
                if factor != 1:
                    why += f"; pays {till.text(paid)} at {number(factor)}"
                amount = minor_decimal(draw, till.rounding.digits)
                yield Draw(account.balance.name, bill.line, segment.index, amount, why)


def pay(
    till: Till, account: Account, lot: Lot, bill: Bill, pieces: Sequence[Piece], factor: Fraction
) -> tuple[int, Fraction]:
    """One lot pays what it can of some pieces of a line: the draw, and the part of the net that it pays for.

    Never more than the line still comes to, and nothing of what is zero or negative (rules 28 and 29).
    """
    open_pieces = sum((piece.left for piece in pieces), ZERO)
    open_net = min(open_pieces, bill.left)
    if open_net <= 0:
        return 0, ZERO
    draw, paid = Fraction(till.rounded(open_net * factor)), open_net
    if lot.amount < draw:
        draw, paid = lot.amount, lot.amount / factor
    take_off(pieces, paid)
    account.pay(lot, draw)
    assert draw.denominator == 1, "money is drawn in whole minor units"
    bill.drawn += draw.numerator
    return draw.numerator, paid


def take_off(pieces: Sequence[Piece], paid: Fraction) -> None:
    """Take what is paid off the positive pieces in proportion; whole minor units stay whole, by largest remainder."""
    positive = [piece for piece in pieces if piece.left > 0]
    weights = [piece.left for piece in positive]
    if all(each.denominator == 1 for each in (paid, *weights)):
        shares = [Fraction(each) for each in share_out(paid.numerator, weights)]
    else:
        shares = [paid * weight / sum(weights) for weight in weights]
    for piece, share in zip(positive, shares, strict=True):
        piece.left -= share


def funded_factor(balance: ir.Balance, line: str) -> Fraction:
    """`funded times F`, on the lines that it is said for."""
    if balance.funded is None or (balance.funded_lines is not None and line not in balance.funded_lines):
        return Fraction(1)
    return balance.funded


# --- step 19 ---


def mark_overage(till: Till, bills: Sequence[Bill], segment: SegmentTime) -> None:
    """The last commit in burn order that covers a piece, is valid in its segment and states an overage (rule 29)."""
    valid: list[tuple[BurnPlace, ir.Balance]] = []
    for account in till.accounts:
        balance, place = account.balance, last_place(account, segment.start)
        states_one = balance.kind == "commit" and (balance.overage is not None or balance.overage_rejects)
        if states_one and place is not None:
            valid.append((place, balance))
    for _, balance in sorted(valid, key=lambda each: each[0]):
        for _, pieces in covered(balance, bills, segment.index):
            for piece in pieces:
                piece.overage = balance


def last_place(account: Account, at: ir.Instant) -> BurnPlace | None:
    """Where the last lot of a commit stands in the burn order, spent or not; `None` where it is not valid."""
    places = [account.order(lot) for lot in account.lots]
    grant = account.schedule.in_force(at)
    if grant is not None:
        places.append(account.order(Lot(ZERO, grant.end, False, account.ages)))
    return max(places, default=None)


def factors_row(till: Till, bill: Bill) -> Row | None:
    """Draws + the rounded rest - net; no row where no factor has changed the line."""
    left = bill.left
    charged = sum((piece.charged for piece in bill.pieces), ZERO) if left > 0 else left
    rest = till.rounded(charged)
    minor = bill.drawn + rest - bill.net
    if minor == 0:
        return None
    digits = till.rounding.digits
    node = None
    if till.explain:
        drawn, net = till.text(Fraction(bill.drawn)), till.text(Fraction(bill.net))
        node = Reason(
            f"balance factors of {bill.line}",
            FACTORS,
            None,
            (("draws", drawn), ("not paid", till.text(left)), pair("the rest, with overage", charged / 10**digits)),
            f"{drawn} + {till.text(Fraction(rest))} - {net}",
            Fraction(minor, 10**digits),
            till.currency,
        )
    return Row(f"balance_factors_{bill.line}", "balance_factors", minor, digits, (), node)


def rejected_entries(till: Till, bill: Bill) -> Iterator[Unpriced]:
    """What is left under `overage reject`, in money, one entry for each cell."""
    if bill.left <= 0:
        return
    amounts: dict[tuple[tuple[str, Value], ...], Fraction] = {}
    for piece in bill.pieces:
        if piece.rejected:
            key = key_of(piece.share.dimensions, piece.share.dimensions)
            amounts[key] = amounts.get(key, ZERO) + piece.left
    for key, left in amounts.items():
        dimensions = tuple((name, value) for name, value in key if value is not None)
        quantity = left / 10**till.rounding.digits
        yield Unpriced(bill.line, bill.line, dimensions, quantity, till.currency, OVERAGE_REJECTED)


# --- why ---


def place_of(lots: Sequence[tuple[Account, Lot]], lot: Lot, bill: Bill) -> str:
    """Where a lot stands among those that cover the line."""
    rivals = [each for owner, each in lots if covers_line(owner.balance, bill)]
    return f"{next(i for i, each in enumerate(rivals, start=1) if each is lot)} of {len(rivals)} in burn order"


def covers_line(balance: ir.Balance, bill: Bill) -> bool:
    """Whether a balance may pay any of a line."""
    if balance.covers is None:
        return True
    return bill.kind == "line" and any(cover.line == bill.line for cover in balance.covers)


def described(account: Account, lot: Lot) -> str:
    """What the burn order goes by: `priority 1, ends 2027-01-01`."""
    balance = account.balance
    priority = "no priority" if balance.priority is None else f"priority {balance.priority}"
    zone = account.schedule.term.zone
    end = "no end" if lot.end is None else f"ends {text(moment_of(lot.end, zone))}"
    return f"{priority}, {end}" + (", rolled over" if lot.rolled else "")
