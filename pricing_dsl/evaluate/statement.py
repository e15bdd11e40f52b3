"""What an evaluation says: lines, adjustments, total, what is unpriced, and the reason for each amount.

Amounts are held as integers: minor units of the currency for what is rounded, numerator and denominator for what is
exact. They become `Decimal` and `Fraction` when asked for, so that making a statement costs little. Every evaluator
fills the same classes; only `Evaluator.explain` adds a `Reason` to each line and row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from pricing_dsl.source import Span
from pricing_dsl.values.numbers import decimal_text, minor_decimal, minor_text, ratio_text

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reason:
    """One node of the explanation: what was computed, by which rule, from what, and what it is made of.

    `value` is exact, in `unit` (a currency code or a unit name). `span` is where the program says so, `None` for what
    the language itself demands (rounding to the minor unit). `formula` shows the numbers: `1_000_000 x 0.0005`.
    """

    what: str
    rule: str
    span: Span | None
    inputs: tuple[tuple[str, str], ...]
    formula: str
    value: Fraction
    unit: str
    children: tuple[Reason, ...] = ()

    def to_dict(self) -> Json:
        return {
            "what": self.what,
            "rule": self.rule,
            "span": None if self.span is None else [self.span.start, self.span.end],
            "inputs": dict(self.inputs),
            "formula": self.formula,
            "value": decimal_text(self.value),
            "unit": self.unit,
            "children": [child.to_dict() for child in self.children],
        }


class LineInfo(NamedTuple):
    """What is the same on every statement of a plan. `digits` are the currency's minor digits."""

    id: str
    label: str
    kind: Literal["fee", "charge"]
    unit: str
    digits: int


class Part(NamedTuple):
    """A share of a line by the dimensions of `show by`; `minor` in minor units, parts add up to their line."""

    dimensions: tuple[tuple[str, str], ...]
    minor: int
    digits: int

    @property
    def amount(self) -> Decimal:
        return minor_decimal(self.minor, self.digits)

    def to_dict(self) -> Json:
        return {"dimensions": dict(self.dimensions), "amount": minor_text(self.minor, self.digits)}


class Line:
    """One fee or charge: `amount` rounded once, `exact` before that, `net` with its shares of the adjustments.

    `quantity` is the whole quantity of the charge before any step (a fee: the number of service periods billed).
    """

    __slots__ = (
        "exact_denominator", "exact_numerator", "info", "minor", "net_minor", "parts", "quantity_denominator",
        "quantity_numerator", "reason",
    )  # fmt: skip

    def __init__(
        self,
        info: LineInfo,
        minor: int,
        exact_numerator: int,
        exact_denominator: int,
        net_minor: int,
        quantity_numerator: int,
        quantity_denominator: int,
        parts: tuple[Part, ...] = (),
        reason: Reason | None = None,
    ) -> None:
        self.info = info
        self.minor = minor
        self.exact_numerator = exact_numerator
        self.exact_denominator = exact_denominator
        self.net_minor = net_minor
        self.quantity_numerator = quantity_numerator
        self.quantity_denominator = quantity_denominator
        self.parts = parts
        self.reason = reason

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def label(self) -> str:
        return self.info.label

    @property
    def kind(self) -> str:
        return self.info.kind

    @property
    def unit(self) -> str:
        return self.info.unit

    @property
    def amount(self) -> Decimal:
        return minor_decimal(self.minor, self.info.digits)

    @property
    def exact(self) -> Fraction:
        return Fraction(self.exact_numerator, self.exact_denominator)

    @property
    def net(self) -> Decimal:
        return minor_decimal(self.net_minor, self.info.digits)

    @property
    def quantity(self) -> Fraction:
        return Fraction(self.quantity_numerator, self.quantity_denominator)

    def to_dict(self) -> Json:
        info = self.info
        line: Json = {
            "id": info.id,
            "label": info.label,
            "kind": info.kind,
            "quantity": ratio_text(self.quantity_numerator, self.quantity_denominator),
            "unit": info.unit,
            "amount": minor_text(self.minor, info.digits),
            "exact": ratio_text(self.exact_numerator, self.exact_denominator),
            "net": minor_text(self.net_minor, info.digits),
        }
        if self.parts:
            line["parts"] = [part.to_dict() for part in self.parts]
        if self.reason is not None:
            line["reason"] = self.reason.to_dict()
        return line


class Row:
    """One adjustment as it took effect: `amount` is negative for a discount and a cap, positive for a top-up.

    Contracts add rows of the kinds `true_up` (of a postpaid commit) and `balance_factors` (one per line, rule 29).

    `shares` are what it changed on each line, by line id, in minor units; a top-up without `on` has none and stands
    on its own. `id` is the name given by `as`, or the kind and its number among the plan's adjustments from 1.
    """

    __slots__ = ("digits", "id", "kind", "minor", "reason", "shares")

    def __init__(
        self,
        id: str,  # noqa: A002 - the field's name on the statement
        kind: str,
        minor: int,
        digits: int,
        shares: tuple[tuple[str, int], ...] = (),
        reason: Reason | None = None,
    ) -> None:
        self.id = id
        self.kind = kind
        self.minor = minor
        self.digits = digits
        self.shares = shares
        self.reason = reason

    @property
    def amount(self) -> Decimal:
        return minor_decimal(self.minor, self.digits)

    def to_dict(self) -> Json:
        row: Json = {
            "id": self.id,
            "kind": self.kind,
            "amount": minor_text(self.minor, self.digits),
            "lines": {line: minor_text(minor, self.digits) for line, minor in self.shares},
        }
        if self.reason is not None:
            row["reason"] = self.reason.to_dict()
        return row


class Unpriced(NamedTuple):
    """Usage that reached no price: never silently free. `quantity` in `unit`, `dimensions` as far as known."""

    line: str
    source: str
    dimensions: tuple[tuple[str, str], ...]
    quantity: Fraction
    unit: str
    reason: str

    def to_dict(self) -> Json:
        return {
            "line": self.line,
            "source": self.source,
            "dimensions": dict(self.dimensions),
            "quantity": decimal_text(self.quantity),
            "unit": self.unit,
            "reason": self.reason,
        }


class Lot(NamedTuple):
    """A part of a balance. `end` is when it expires (ISO 8601), `None` for never; `rolled`: it has rolled over once."""

    amount: Decimal
    end: str | None
    rolled: bool

    def to_dict(self) -> Json:
        return {"amount": plain(self.amount), "end": self.end, "rolled": self.rolled}


BalanceKind = Literal["commit", "credit", "floor"]


class BalanceMovement(NamedTuple):
    """What happened to one balance in the period, in `unit` (a currency code or a unit's name).

    `kind`: a prepaid `commit`, a `credit`, or `floor`, a postpaid commit, which holds nothing: what has counted of it.
    opening + granted = drawn + expired + closing; `rolled_over`, what moved to a new lot, counts in neither (rule 34).
    `lots` are what is left, the one that ends first before the others. `assumed`: the opening balance was not given.
    """

    name: str
    kind: BalanceKind
    unit: str
    opening: Decimal
    granted: Decimal
    drawn: Decimal
    expired: Decimal
    rolled_over: Decimal
    closing: Decimal
    lots: tuple[Lot, ...]
    assumed: bool

    def to_dict(self) -> Json:
        moved = {name: plain(getattr(self, name)) for name in MOVEMENTS}
        lots = [lot.to_dict() for lot in self.lots]
        return {"kind": self.kind, "unit": self.unit, **moved, "lots": lots, "assumed": self.assumed}


MOVEMENTS = ("opening", "granted", "drawn", "expired", "rolled_over", "closing")


class Draw(NamedTuple):
    """What a balance paid of a line in one segment, in the balance's unit; `why` says its place in the burn order."""

    balance: str
    line: str
    segment: int
    amount: Decimal
    why: str

    def to_dict(self) -> Json:
        return {**self._asdict(), "amount": plain(self.amount)}


class Invoiced(NamedTuple):
    """What is invoiced for a commit itself, at an instant of the period: part of `due`, never of `total`."""

    commit: str
    amount: Decimal
    at: str

    def to_dict(self) -> Json:
        return {**self._asdict(), "amount": plain(self.amount)}


def plain(amount: Decimal) -> str:
    """A decimal without an exponent.

    >>> plain(Decimal("1E+3")), plain(Decimal("0.10"))
    ('1000', '0.10')
    """
    return f"{amount:f}"


class Statement:
    """The result of one evaluation. `total` = lines + adjustments; `due` is what remains after balances.

    Dates of `period` and everywhere else on the statement are local days of `timezone`, the plan's or the contract's.

    `unused` are the meters of the program for which usage was given though no line of the plan mentions them.
    With anything in `unpriced` the statement is a preview only.

    Under a contract: `balances` by name, `draws` in the order paid, what is `invoiced` for commits, closing `counters`
    by line (a number, or cells as in usage), the `segments` into which the period was cut (`Draw.segment` counts them
    from 0), and what was `assumed`: opening state that was not given, as `balance annual` or `counter requests`.
    """

    __slots__ = (
        "adjustments", "assumed", "balances", "counters", "currency", "digits", "draws", "due_minor", "invoiced",
        "lines", "period", "segments", "target", "timezone", "total_minor", "unpriced", "unused",
    )  # fmt: skip

    def __init__(
        self,
        target: str,
        currency: str,
        digits: int,
        period: tuple[str, str] | None,
        timezone: str,
        lines: Sequence[Line],
        adjustments: Sequence[Row],
        total_minor: int,
        due_minor: int,
        unpriced: tuple[Unpriced, ...] = (),
        unused: tuple[str, ...] = (),
        *,
        balances: Mapping[str, BalanceMovement] | None = None,
        counters: Mapping[str, Any] | None = None,
        draws: tuple[Draw, ...] = (),
        invoiced: tuple[Invoiced, ...] = (),
        assumed: tuple[str, ...] = (),
        segments: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.target = target
        self.currency = currency
        self.digits = digits
        self.period = period
        self.timezone = timezone
        self.lines = lines
        self.adjustments = adjustments
        self.total_minor = total_minor
        self.due_minor = due_minor
        self.unpriced = unpriced
        self.unused = unused
        self.balances: Mapping[str, BalanceMovement] = balances or {}
        self.counters: Mapping[str, Any] = counters or {}
        self.draws = draws
        self.invoiced = invoiced
        self.assumed = assumed
        self.segments = segments

    @property
    def total(self) -> Decimal:
        return minor_decimal(self.total_minor, self.digits)

    @property
    def due(self) -> Decimal:
        return minor_decimal(self.due_minor, self.digits)

    @property
    def is_final(self) -> bool:
        """Whether it may be finalised: nothing is unpriced, and no opening state was assumed (rules 4 and 34)."""
        return not self.unpriced and not self.assumed

    def line(self, id: str) -> Line:  # noqa: A002 - the field's name on the statement
        """The line of that name. Raises `KeyError` with the names there are."""
        for line in self.lines:
            if line.info.id == id:
                return line
        raise KeyError(f"no line {id!r}; there are {', '.join(line.id for line in self.lines)}")

    def to_dict(self) -> Json:
        """The JSON of `pricing preview --format json`: decimals as strings, exact fractions as `n/d` where needed.

        What only contracts have is there when it is not empty.
        """
        document: Json = {
            "target": self.target,
            "currency": self.currency,
            "period": None if self.period is None else {"from": self.period[0], "to": self.period[1]},
            "timezone": self.timezone,
            "lines": [line.to_dict() for line in self.lines],
            "adjustments": [row.to_dict() for row in self.adjustments],
            "total": minor_text(self.total_minor, self.digits),
            "due": minor_text(self.due_minor, self.digits),
            "unpriced": [entry.to_dict() for entry in self.unpriced],
            "unused": list(self.unused),
        }
        if self.segments:
            document["segments"] = [{"from": start, "to": end} for start, end in self.segments]
        if self.draws:
            document["draws"] = [draw.to_dict() for draw in self.draws]
        if self.invoiced:
            document["invoiced"] = [entry.to_dict() for entry in self.invoiced]
        if self.balances:
            document["balances"] = {name: movement.to_dict() for name, movement in self.balances.items()}
        if self.counters:
            document["counters"] = dict(self.counters)
        if self.assumed:
            document["assumed"] = list(self.assumed)
        return document


Usage = Mapping[str, Any]
"""Meter name -> a number (int, str, Decimal) or a list of cells `{"quantity": ..., dimension: value, ...}`."""

SegmentedUsage = Sequence[Mapping[str, Any]]
"""Usage of a period that is cut: segments `{"from": ..., "to": ..., "usage": {...}}` that tile it."""
