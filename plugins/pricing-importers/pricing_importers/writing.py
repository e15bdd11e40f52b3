"""Words of the language for what an importer read: names, texts, numbers, tiers, meters, tables and plans.

A `Sheet` collects the declarations of one program and writes them out, formatted. Names are made from the ids and keys
of the other system: as they are where they are identifiers, otherwise mended, and numbered where two would be one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import pricing_dsl
from pricing_importers.currencies import digits_of
from pricing_importers.reading import Json

NAME_CHARACTERS_MAX = 60
"""Longer names are cut, so that the program stays readable."""

RESERVED = frozenset({"total", "due", "all", "quantity", "with", "else", "if", "not", "time", "true", "false"})
"""Names with a meaning of their own in some place, besides the codes of currencies."""
NO_PROPERTIES = frozenset({"if", "not", "time", "true", "false"})
"""Words that stand for something else in an expression over events."""


class Names:
    """Names of one name space, each given once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, wanted: str) -> str:
        """A free identifier as near to `wanted` as can be.

        >>> names = Names()
        >>> names.give("api-calls"), names.give("api calls"), names.give("2fa"), names.give("total"), names.give("***")
        ('api_calls', 'api_calls_2', 'x_2fa', 'total_', 'x')
        """
        base = identifier(wanted)
        made, number = base, 1
        while made in self._given:
            number += 1
            made = f"{base}_{number}"
        self._given.add(made)
        return made


def identifier(wanted: str) -> str:
    """The identifier nearest to a text; equal texts give equal identifiers."""
    made = re.sub(r"[^A-Za-z0-9_]+", "_", wanted)[:NAME_CHARACTERS_MAX].strip("_") or "x"
    if wanted.startswith("_") and re.fullmatch(r"[A-Za-z0-9_]+", wanted):
        made = wanted[:NAME_CHARACTERS_MAX]
    if made[0].isdigit():
        made = f"x_{made}"
    return f"{made}_" if made in RESERVED or re.fullmatch("[A-Z]{3}", made) else made


def property_of(wanted: str) -> str:
    """The property of an event as an expression names it: as it is, where it is an identifier."""
    is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", wanted) and wanted not in NO_PROPERTIES
    return wanted if is_plain else identifier(wanted)


def text(value: str) -> str:
    """A text of the language, on one line.

    >>> text("two\\nlines")
    '"two lines"'
    """
    plain = " ".join(re.sub(r"[\x00-\x1f\x7f\u2028\u2029]", " ", value).split())
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def label(value: str) -> str:
    """A label, or nothing where there is no text."""
    return text(value) + " " if value.strip() else ""


def is_decimal(value: Fraction) -> bool:
    """Whether a number has an end as a decimal."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def number(value: Fraction | int) -> str:
    """An exact number as it is written; it must have an end as a decimal.

    >>> number(Fraction("0.000000150")), number(1_000_000), number(Fraction("-12345.5"))
    ('0.00000015', '1_000_000', '-12_345.5')
    """
    exact = Fraction(value)
    assert is_decimal(exact), exact
    places = 0
    while (exact * 10**places).denominator != 1:
        places += 1
    whole, behind = divmod(abs(int(exact * 10**places)), 10**places)
    head = f"{whole:_}" if whole >= 10_000 else str(whole)
    tail = f".{behind:0{places}d}" if places else ""
    return ("-" if exact < 0 else "") + head + tail


def percent(value: Fraction | int) -> str:
    """Percents: 2.9 is `2.9%`."""
    return f"{number(value)}%"


def rate(amount: Fraction, behind: str = "") -> str:
    """A price per unit: `2`, `2 per started 100`, `free`."""
    return f"{number(amount)}{behind}" if amount else "free"


def price(amount: Fraction, behind: str = "") -> str:
    """The price step of one rate."""
    return f"price {rate(amount, behind)}"


@dataclass(frozen=True)
class Tier:
    """Up to and including `upper` (`None`: the rest), a price per unit and what is added once the tier is entered."""

    upper: Fraction | None
    amount: Fraction
    flat: Fraction = Fraction(0)
    minimum: Fraction = Fraction(0)

    def words(self, behind: str, even_at_zero: bool) -> str:
        """The tier as it is written in `graduated` or `volume`."""
        bound = "above" if self.upper is None else f"to {number(self.upper)}"
        if self.minimum and not self.amount:
            cost = "0" + (f" plus {number(self.flat)}" if self.flat else "")
        elif self.flat and not self.amount:
            cost = f"flat {number(self.flat)}"
        else:
            cost = rate(self.amount, behind) + (f" plus {number(self.flat)}" if self.flat else "")
        if self.minimum:
            cost += f" minimum {number(self.minimum)}"
        at_zero = " even at zero" if even_at_zero and (self.flat or self.minimum) else ""
        return f"{bound}: {cost}{at_zero}"


Kind = Literal["graduated", "volume"]


def tiered(place: Json, kind: Kind, tiers: Sequence[Tier], *, behind: str = "", even_at_zero: bool = False) -> str:
    """The price step of the tiers at a place; without an open end, what lies beyond the last is refused, never free."""
    if not tiers:
        place.refuse("it has no tiers", "give it at least one")
    lower = Fraction(0)
    for tier in tiers:
        if tier.upper is None and tier is not tiers[-1]:
            place.refuse("a tier without an end is not the last", "give an end to all tiers but the last")
        if tier.upper is not None and tier.upper <= lower:
            place.refuse(f"a tier ends at {tier.upper}, and the one before at {lower}", "let the ends of tiers ascend")
        lower = tier.upper or lower
    if len(tiers) == 1 and tiers[0].upper is None and not tiers[0].flat and not tiers[0].minimum:
        return price(tiers[0].amount, behind)
    words = [tier.words(behind, even_at_zero and index == 0) for index, tier in enumerate(tiers)]
    if tiers[-1].upper is not None:
        words.append("above: reject")
    return f"{kind} {{\n" + "\n".join(words) + "\n}"


def cost_of(kind: Kind, tiers: Sequence[Tier], quantity: Fraction) -> Fraction:
    """What a fixed quantity costs; the flat amount of the first tier is due at zero too.

    >>> cost_of("graduated", [Tier(Fraction(10), Fraction(2), Fraction(5)), Tier(None, Fraction(1))], Fraction(12))
    Fraction(27, 1)
    """
    cost, lower = Fraction(0), Fraction(0)
    for index, tier in enumerate(tiers):
        is_entered = quantity > lower or index == 0
        reaches = tier.upper is None or quantity <= tier.upper
        if is_entered and kind == "graduated":
            cost += tier.flat + tier.amount * ((quantity if reaches else tier.upper or quantity) - lower)
        elif is_entered and reaches:
            return tier.flat + tier.amount * quantity
        if reaches:
            break
        lower = tier.upper or lower
    return cost


@dataclass(frozen=True)
class Meter:
    """A meter without its name; two that are equal are one."""

    event: str
    measure: str
    carried: bool = False
    unit: str = ""
    by: tuple[str, ...] = ()
    where: str = ""

    def words(self, name: str, said: str) -> str:
        """The declaration."""
        lines = [f"from {text(self.event)}" + (f" where {self.where}" if self.where else "")]
        lines.append(f"measure {self.measure}" + (" carried" if self.carried else ""))
        lines += [f"unit {self.unit}"] if self.unit else []
        lines += ["by " + ", ".join(self.by)] if self.by else []
        return f"meter {name} {label(said)}{{\n" + "\n".join(lines) + "\n}"


@dataclass
class Plan:
    """A plan being written."""

    name: str
    said: str
    bill: str
    names: Names = field(default_factory=Names)
    body: list[str] = field(default_factory=list)

    def add(self, words: str, *comments: str) -> None:
        """Add a line or an adjustment, with what stands above it as a comment."""
        self.body += ["", *(comment_line(each) for each in comments if each), words]

    def charge(self, name: str, said: str, on: str, steps: Iterable[str], *comments: str) -> None:
        """Add a charge on a meter."""
        body = "\n".join(step for step in steps if step)
        self.add(f"charge {name} {label(said)}on {on} {{\n{body}\n}}", *comments)

    def fee(self, name: str, said: str, amount: Fraction, words: str, *comments: str) -> None:
        """Add a fee."""
        self.add(f"fee {name} {label(said)}{number(amount)} {words}".rstrip(), *comments)

    def words(self) -> str:
        """The declaration."""
        return f"plan {self.name} {label(self.said)}{{\nbill {self.bill}\n" + "\n".join(self.body) + "\n}"


class Sheet:
    """One program being written."""

    def __init__(self, place: Json) -> None:
        """A program in the currency at that place of the document."""
        self.currency = place.text().upper()
        if not re.fullmatch("[A-Z]{3}", self.currency):
            place.refuse(f"`{place.value}` is no currency of ISO 4217", "give prices in a currency, as in `USD`")
        self.digits = digits_of(self.currency)
        self.plans: list[Plan] = []
        self._meters: dict[Meter, str] = {}
        self._said: dict[Meter, str] = {}
        self._meter_names = Names()
        self._table_names = Names()
        self._plan_names = Names()
        self._tables: list[str] = []

    @property
    def cent(self) -> str:
        """The smallest amount of the currency, as it is written."""
        return number(Fraction(1, 10**self.digits))

    def meter(self, wanted: str, meter: Meter, said: str = "") -> str:
        """The name of a meter like this, declared once."""
        if meter not in self._meters:
            self._meters[meter] = self._meter_names.give(wanted)
            self._said[meter] = said
        return self._meters[meter]

    def table(self, wanted: str, dimensions: Sequence[str], rows: Iterable[tuple[Sequence[str | None], str]]) -> str:
        """Declare a rate table; each row has its keys (`None`: anything) and its cell."""
        name = self._table_names.give(wanted)
        lines = [" | ".join([*dimensions, "price"])]
        lines += [" | ".join([*("else" if key is None else text(key) for key in keys), cell]) for keys, cell in rows]
        self._tables.append(f"rates {name} per 1 by {', '.join(dimensions)} {{\n" + "\n".join(lines) + "\n}")
        return name

    def plan(self, wanted: str, said: str, bill: str) -> Plan:
        """A new plan."""
        made = Plan(self._plan_names.give(wanted), said, bill)
        self.plans.append(made)
        return made

    def program(self, *header: str) -> str:
        """The text of the program."""
        parts = [comment_line(line) if line else "#" for line in header]
        parts += ["", f"currency {self.currency}", ""]
        parts += [meter.words(name, self._said[meter]) + "\n" for meter, name in self._meters.items()]
        parts += [table + "\n" for table in self._tables]
        parts += [plan.words() + "\n" for plan in self.plans]
        return _checked("\n".join(parts))


def _checked(program: str) -> str:
    """The program, formatted. What the language refuses is refused here: an import gives a program or says why not.

    What the lints of other plugins (codes P) find is the reader's business.
    """
    for found in pricing_dsl.check(program):
        if found.severity == "error" and not found.code.startswith("P"):
            raise ValueError(f"the program made of it is refused: {found.message}; {found.help}")
    return pricing_dsl.format_source(program)


def comment_line(value: str) -> str:
    """A comment of one line."""
    return "# " + " ".join(re.sub(r"[\x00-\x1f\x7f\u2028\u2029]", " ", value).split())
