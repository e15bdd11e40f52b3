"""Step 13: fees, billed once for each of their service periods (rule 24).

A service period is clipped to the time in which the line is in force as the same kind of fee. It is billed in the
segment in which it starts (in advance) or ends (in arrears), at the price in force there; a prorated one takes from
each version of the contract that version's own price for its share of the service period.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.reference.reasons import number, pair, reason
from pricing_dsl.evaluate.reference.timeline import InForce, Timeline
from pricing_dsl.evaluate.statement import Reason
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.periods import Interval, PeriodError, Service, moment_of, seconds_of, text

Prices = tuple[tuple[Fraction, Fraction], ...]
"""Amounts and the shares of a service period for which they are due."""


@dataclass(frozen=True, slots=True)
class Billed:
    """One service period on this bill, in the segment it belongs to; `when` is the time it is billed for."""

    segment: int
    fee: ir.Fee
    prices: Prices
    when: str

    @property
    def amount(self) -> Fraction:
        return sum((amount * share for amount, share in self.prices), Fraction(0))


@dataclass(frozen=True, slots=True)
class Standing:
    """A stretch of time in which a line is one kind of fee, with the versions that say its price."""

    interval: Interval
    fees: tuple[tuple[Interval, ir.Fee], ...]

    def at(self, moment: Interval) -> ir.Fee:
        """The fee that is in force when an interval begins."""
        return next(fee for each, fee in self.fees if each.clipped(moment) is not None)


def billed_services(timeline: Timeline, name: str) -> list[Billed]:
    """All service periods of a line that this bill carries; none of a line that is no fee."""
    if timeline.period.priced is None:
        return undated(timeline, name)
    found: list[Billed] = []
    was_billed_once = False
    for standing in standings(timeline, name):
        fee = standing.fees[0][1]
        if fee.cadence == "once" and was_billed_once:
            continue  # it is billed at the first instant at which the line is such a fee
        was_billed_once = was_billed_once or fee.cadence == "once"
        timing = "in advance" if fee.cadence == "once" else fee.timing
        for service in timeline.period.services(fee.cadence, timing, standing.interval):
            found.append(billed(timeline, standing, service, timing))
    return found


def undated(timeline: Timeline, name: str) -> list[Billed]:
    """A plan in its whole first period."""
    (segment,) = timeline.segments
    fee = segment.line(name)
    if not isinstance(fee, ir.Fee):
        return []
    try:
        shares = timeline.period.fee_shares(fee.cadence, fee.timing, fee.prorated)
    except PeriodError as error:
        raise EvaluationError("R0105", error.message, error.help) from None
    return [Billed(0, fee, ((fee.amount, share),), "") for share in shares]


def standings(timeline: Timeline, name: str) -> Iterator[Standing]:
    """The stretches of the whole term in which a line is one kind of fee: its cadence, timing and proration."""
    zone = timeline.period.zone
    run: list[tuple[Interval, ir.Fee]] = []
    for version in timeline.versions:
        fee = next((line for line in version.plan.lines if line.name == name), None)
        here = Interval(moment_of(version.start, zone), moment_of(version.end, zone))
        if run and not (isinstance(fee, ir.Fee) and is_same_kind(run[-1][1], fee)):
            yield Standing(Interval(run[0][0].start, run[-1][0].end), tuple(run))
            run = []
        if isinstance(fee, ir.Fee):
            run.append((here, fee))
    if run:
        yield Standing(Interval(run[0][0].start, run[-1][0].end), tuple(run))


def is_same_kind(one: ir.Fee, other: ir.Fee) -> bool:
    return (one.cadence, one.timing, one.prorated) == (other.cadence, other.timing, other.prorated)


def billed(timeline: Timeline, standing: Standing, service: Service, timing: str) -> Billed:
    """One service period: where it belongs, and what it costs."""
    here = service.in_force
    last_second = Interval(moment_of(seconds_of(here.end) - 1, timeline.period.zone), here.end)
    moment = here if timing == "in advance" else last_second
    segment = segment_of(timeline, moment)
    fee = standing.at(moment)
    prices: Prices = ((fee.amount, Fraction(1)),)
    if fee.prorated is not None:
        by = fee.prorated
        parts = [(each.clipped(here), other) for each, other in standing.fees]
        prices = tuple((other.amount, part.share_of(service.whole, by)) for part, other in parts if part is not None)
    return Billed(segment.index, fee, prices, f"{text(here.start)} to {text(here.end)}")


def segment_of(timeline: Timeline, moment: Interval) -> InForce:
    """The segment in which an interval begins."""
    at = seconds_of(moment.start)
    return next(segment for segment in timeline.segments if segment.time.start <= at < segment.time.end)


def billed_note(timeline: Timeline, currency: str, fee: ir.Fee, billed: Sequence[Billed]) -> Reason:
    """What is billed of a fee, as a node of the explanation."""
    terms = [f"{number(amount)} x {number(share)}" for each in billed for amount, share in each.prices]
    inputs = [pair("amount", fee.amount), pair("service periods", Fraction(len(billed)))]
    if billed and timeline.contract is not None:
        inputs.append(("for", ", ".join(each.when for each in billed)))
    exact = sum((each.amount for each in billed), Fraction(0))
    formula = " + ".join(terms) or "no service period"
    return reason(f"fee {fee.cadence} {fee.timing}", "fee", fee.span, formula, exact, currency, inputs)
