"""The three rules, and their limits: what a company copies and changes.

A rule goes over the IR, in which names are resolved: a discount is found whether it stands in a plan, in a plan that
extends another, in an override of a contract or in a table that several plans use. It reads nothing but the program.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import date, datetime
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pricing_company_rules.text import HOW, approvals, number_spans, word_span
from pricing_dsl.ir import nodes as ir
from pricing_dsl.plugin import Finding, Lint
from pricing_dsl.source import Source, Span
from pricing_dsl.values.numbers import decimal_text

DISCOUNT_MAX = Fraction(40, 100)
"""A discount above it needs an approval, wherever it stands."""
TERM_YEARS_MAX = 3
"""A contract that runs longer needs an approval."""
FACTOR_MIN = Fraction(1, 2)
"""In a contract, `times` or `funded times` below it needs an approval, and so does `free`."""


class Breach(NamedTuple):
    """What needs an approval: where it stands, and what it is, as the subject and verb of a sentence."""

    span: Span
    what: str


def findings(text: str, breaches: Iterable[Breach]) -> Iterator[Finding]:
    """The breaches that nobody approved, each place once, in the order of the text."""
    source = Source(text)
    approved = approvals(source)
    for breach in sorted({each.span: each for each in breaches}.values()):
        line = source.position(breach.span.start).line
        if line in approved.given:
            continue
        if line in approved.incomplete:
            reason, help_ = "its approval has no name or no date", f"write the approval in full: {HOW}"
        else:
            reason, help_ = "nobody has approved it", f"write {HOW} on this line or the line before"
        yield Finding("error", breach.span, f"{breach.what}, and {reason}", help_)


def nodes(of: object) -> Iterator[ir.Node]:
    """A node and all that it is made of."""
    if isinstance(of, ir.Node):
        yield of
        for field in fields(of):
            yield from nodes(getattr(of, field.name))
    elif isinstance(of, tuple):
        for part in of:
            yield from nodes(part)


def percent(share: Fraction) -> str:
    """A fraction as a percentage, in as many digits as it needs.

    >>> percent(Fraction(2, 5)), percent(Fraction(455, 1000))
    ('40%', '45.5%')
    """
    return f"{decimal_text(share * 100)}%"


# --- large discounts -------------------------------------------------------------------------------------------------


def check_discounts(program: ir.Program, text: str) -> Iterator[Finding]:
    """Every discount above `DISCOUNT_MAX`: steps, bands, tables of discounts and adjustments."""
    return findings(text, _large_discounts(program, Source(text)))


def _large_discounts(program: ir.Program, source: Source) -> Iterator[Breach]:
    tables = {table.name: table for table in program.tables}
    for node in nodes((program.plans, program.contracts)):
        match node:
            case ir.Discount(share=ir.Lookup() as lookup):
                table = lookup.table if isinstance(lookup.table, ir.Table) else tables[lookup.table]
                shares = {cell for row in table.rows for cell in row.cells if cell is not None}
                yield from _written(source, table.span, shares)
            case ir.Discount(share=ir.Const(value=Fraction() as share)) | ir.DiscountAbove(share=share):
                yield from _written(source, node.span, {share})
            case ir.Adjustment(kind="discount", percent=True, amount=Fraction() as share):
                yield from _written(source, node.span, {share})
            case ir.DiscountGraduated(bands=bands) | ir.Adjustment(kind="discount", bands=bands):
                yield from _written(source, node.span, {band.share for band in bands})
            case _:
                pass


def _written(source: Source, span: Span, shares: set[Fraction]) -> Iterator[Breach]:
    """Each share that is too large, where it is written; the whole span for a table that is read from a file."""
    for share in sorted(share for share in shares if share > DISCOUNT_MAX):
        what = f"this discount of {percent(share)} is above {percent(DISCOUNT_MAX)}"
        places = list(number_spans(source, span, share))
        yield from (Breach(place, what) for place in places or [span])


# --- long contracts --------------------------------------------------------------------------------------------------


def check_terms(program: ir.Program, text: str) -> Iterator[Finding]:
    """Every contract that runs for more than `TERM_YEARS_MAX` years."""
    source = Source(text)
    return findings(
        text,
        (
            Breach(
                word_span(source, contract.span, "term") or contract.span,
                f"`{contract.name}` runs until {end}, longer than {TERM_YEARS_MAX} years",
            )
            for contract in program.contracts
            for start, end in [(_day(contract, contract.start), _day(contract, contract.end))]
            if end > _years_later(start, TERM_YEARS_MAX)
        ),
    )


def _day(contract: ir.Contract, instant: ir.Instant) -> date:
    return datetime.fromtimestamp(instant, ZoneInfo(contract.timezone)).date()


def _years_later(day: date, years: int) -> date:
    """The same day of the year; 1 March for 29 February."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


# --- gifts -----------------------------------------------------------------------------------------------------------


def check_gifts(program: ir.Program, text: str) -> Iterator[Finding]:
    """What a contract, not its plan, gives away: `free`, and factors below `FACTOR_MIN`."""
    return findings(text, _gifts(program, Source(text)))


def _gifts(program: ir.Program, source: Source) -> Iterator[Breach]:
    for contract in program.contracts:
        for node in nodes((contract.versions, contract.balances)):
            if contract.span.start <= node.span.start and node.span.end <= contract.span.end:
                yield from _given(node, source)


def _given(node: ir.Node, source: Source) -> Iterator[Breach]:
    match node:
        case ir.Linear(rate=ir.Const(value=0)) | ir.Package(price=ir.Const(value=0)):
            yield Breach(node.span, "this price gives usage away")
        case ir.Where(else_free=True):
            yield Breach(word_span(source, node.span, "free") or node.span, "this gives usage away")
        case ir.Times(word="times", factor=ir.Const(value=Fraction() as factor)):
            yield from _small(source, node.span, {factor})
        case ir.Times(word="times", factor=ir.Lookup(table=ir.Table() as table)):
            yield from _small(
                source, table.span, {cell for row in table.rows for cell in row.cells if cell is not None}
            )
        case ir.Balance(funded=Fraction() as factor):
            word = word_span(source, node.span, "funded")
            yield from _small(source, node.span if word is None else Span(word.start, node.span.end), {factor})
        case _:
            pass


def _small(source: Source, span: Span, factors: set[Fraction]) -> Iterator[Breach]:
    """Each factor that is too small, where it is written."""
    for factor in sorted(factor for factor in factors if factor < FACTOR_MIN):
        what = f"this factor leaves less than {percent(FACTOR_MIN)} of the price"
        places = list(number_spans(source, span, factor))
        yield from (Breach(place, what) for place in places or [span])


LARGE_DISCOUNTS = Lint(
    name="company-large-discount",
    check=check_discounts,
    about=f"A discount above {percent(DISCOUNT_MAX)} needs an approval.",
)
LONG_CONTRACTS = Lint(
    name="company-long-contract",
    check=check_terms,
    about=f"A contract longer than {TERM_YEARS_MAX} years needs an approval.",
)
GIFTS = Lint(
    name="company-gift",
    check=check_gifts,
    about=f"In a contract, `free` and factors below {percent(FACTOR_MIN)} need an approval.",
)
