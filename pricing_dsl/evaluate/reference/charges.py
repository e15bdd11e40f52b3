"""Steps 3 to 11 and 14: one charge through all segments in which it is in force.

A charge on a meter or quantity sees the usage since it is in force on that source, cumulatively at each segment's end
and start. A derived charge sees what its expression has reached there, on rounded parts of lines (step 14). Refused
usage is told once: what is refused at a segment's end less what was at its start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pricing_dsl.evaluate.reference import expressions
from pricing_dsl.evaluate.reference.cells import ZERO, Cell, Origin, Priced, Refusal
from pricing_dsl.evaluate.reference.context import Prorated, Run, Runs
from pricing_dsl.evaluate.reference.counters import Counter, Instants, counted_step, read_after_counted
from pricing_dsl.evaluate.reference.entries import without_entryless
from pricing_dsl.evaluate.reference.pipeline import Segment, Terms, Walk, priced, walk
from pricing_dsl.evaluate.reference.quantities import Reading, Usages
from pricing_dsl.evaluate.reference.quantity_steps import Groups, whole_pool
from pricing_dsl.evaluate.reference.reasons import pair, reason
from pricing_dsl.evaluate.reference.timeline import InForce, Timeline, steps_of
from pricing_dsl.evaluate.statement import Reason
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.periods import ContractPeriod

Parts = Mapping[str, Mapping[int, Fraction]]
"""What each line comes to in each segment, rounded, before adjustments: what derived charges read."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One segment of a charge: what it reads at the segment's end and start, and the way to its price."""

    at: InForce
    end: Reading
    start: Reading | None
    walk: Walk

    @property
    def share(self) -> Fraction:
        return self.walk.segment.share

    @property
    def runs(self) -> Runs:
        return self.walk.segment.runs

    @property
    def quantity(self) -> Fraction:
        """What is read in this segment, before any step."""
        return (self.end.quantity - (ZERO if self.start is None else self.start.quantity)) * self.share

    @property
    def origins(self) -> frozenset[Origin]:
        """The cells of meters in this segment."""
        return self.of_its_own(self.end.origins)

    @property
    def taken(self) -> frozenset[Origin]:
        """Those that were neither dropped nor refused."""
        return self.of_its_own(self.end.taken - self.runs.end.lost)

    @property
    def refused(self) -> list[Refusal]:
        """What is refused at the segment's end and was not yet at its start, on the way to the charge and by it."""
        before = () if self.start is None else self.start.refused
        return [*self.since(self.end.refused, before), *self.refused_here]

    @property
    def refused_here(self) -> list[Refusal]:
        """What the charge's own steps refuse."""
        return self.since(self.runs.end.refused, () if self.start is None else self.runs.start.refused)

    def since(self, refused: Iterable[Refusal], before: Iterable[Refusal]) -> list[Refusal]:
        """What is refused less what was refused before, of the same usage for the same reason."""
        known = {(old.source, old.dimensions, old.reason): old.quantity for old in before}
        found: list[Refusal] = []
        for new in refused:
            quantity = (new.quantity - known.get((new.source, new.dimensions, new.reason), ZERO)) * self.share
            if quantity:
                origins = self.of_its_own(new.origins) or new.origins
                found.append(Refusal(new.source, new.dimensions, quantity, new.unit, new.reason, origins))
        return found

    def of_its_own(self, origins: Iterable[Origin]) -> frozenset[Origin]:
        return frozenset(origin for origin in origins if origin[2] == self.at.index)


@dataclass(frozen=True, slots=True)
class Charging:
    """One charge on its way, a stage for each segment in which it is in force; `charge` is as the last one has it."""

    charge: ir.Charge
    stages: tuple[Stage, ...]

    def priced(self) -> tuple[Priced, ...]:
        """Steps 8 to 11."""
        return priced([stage.walk for stage in self.stages], [()])


class Charges:
    """The charges of one evaluation: brought to their prices by `quantities`."""

    def __init__(self, timeline: Timeline, usages: Usages, counters: Mapping[str, Counter]) -> None:
        self.timeline = timeline
        self.usages = usages
        self.counters = counters
        self._shares: dict[tuple[str, int, str], Fraction] = {}

    def quantities(self, name: str, parts: Parts) -> Charging:
        """Steps 3 to 6 of a charge in every segment; `parts` are the lines that a derived one reads."""
        there = [(segment, line) for segment, line in self.timeline.lines(name) if isinstance(line, ir.Charge)]
        seconds = {segment.index: segment.time.seconds for segment, _ in there}
        stages = []
        for segment, charge in there:
            alike = [other.index for other, line in there if is_on_same(line, charge)]
            run = Run(self.usages.context, name, source_of(charge), charge.unit, self.share_of(name), seconds)
            stages.append(self.stage(run, segment, charge, alike, parts))
        return Charging(there[-1][1], tuple(stages))

    def stage(self, run: Run, segment: InForce, charge: ir.Charge, alike: list[int], parts: Parts) -> Stage:
        """One segment; `alike` are all in which the charge is on the same source."""
        runs = Runs.of(run)
        counter = self.count(segment, charge)
        adds = not isinstance(charge.source, str) or self.usages.adds_over_time(charge.source)
        share = Fraction(1)
        if adds:
            counted_until = self.counted_until(segment, charge)
            end = self.read(runs.end, charge, [i for i in alike if i <= segment.index], parts)
            before = [i for i in alike if i < segment.index]
            start = self.read(runs.start, charge, before, parts) if before else None
            whole = None
            if counter is not None or len(alike) > 1:
                whole = self.read(runs.whole, charge, [i for i in alike if i <= counted_until], parts)
        else:
            end, start, whole = self.usages.whole.read(run.source), None, None
            share = Fraction(segment.time.seconds, sum(s.time.seconds for s in self.timeline.segments))
        instants = Instants(
            pool(runs.end, charge, end),
            None if start is None else pool(runs.start, charge, start),
            None if whole is None else pool(runs.whole, charge, whole),
        )
        terms = Terms.of(charge.steps, charge.first_amount_step)
        return Stage(segment, end, start, walk(Segment(segment.index, terms, runs, instants, share), counter))

    def read(self, run: Run, charge: ir.Charge, segments: Sequence[int], parts: Parts) -> Reading:
        """What a charge is on, on the usage (or the lines' parts) of some segments."""
        if isinstance(charge.source, str):
            return self.usages.after(segments).read(charge.source)
        return derived_reading(run, charge.source, segments, parts)

    def share_of(self, name: str) -> Callable[[Prorated, ir.Proration], Fraction]:
        """The share of the billing period in which a step stands in the line (rule 26)."""

        def share(step: Prorated, by: ir.Proration) -> Fraction:
            known = self._shares.get((name, id(step), by))
            if known is None:
                there = [s for s in self.timeline.segments if any(step == other for other in steps_of(s.line(name)))]
                known = self._shares[name, id(step), by] = self.timeline.share(by, there)
            return known

        return share

    # --- counted (rule 4) ---

    def count(self, segment: InForce, charge: ir.Charge) -> Counter | None:
        """The counter of a charge that counts, told which segment begins."""
        step = counted_step(charge.steps)
        if step is None:
            return None
        counter = self.counters[charge.name]
        reads = frozenset(read_after_counted(self.usages.tables, charge.steps))
        counter.begin(reads, is_first=is_first_counted(self.timeline, charge.name, step, segment))
        return counter

    def counted_until(self, segment: InForce, charge: ir.Charge) -> int:
        """The last segment of the counting period (or the billing period, if that ends first)."""
        step, period = counted_step(charge.steps), self.timeline.period
        if step is None or not isinstance(period, ContractPeriod):
            return self.timeline.last.index
        end = period.term.containing(step.cadence, segment.time.start)[1]
        return max(other.index for other in self.timeline.segments if other.time.start < end)


def is_first_counted(timeline: Timeline, name: str, step: ir.Counted, segment: InForce) -> bool:
    """Whether a line has not counted before in the counting period in which a segment lies."""
    if not isinstance(timeline.period, ContractPeriod):
        return True
    start, _ = timeline.period.term.containing(step.cadence, segment.time.start)
    earlier = [v for v in timeline.versions if v.end > start and v.start < segment.time.start]
    charges = (line for v in earlier for line in v.plan.lines if line.name == name and isinstance(line, ir.Charge))
    known = (counted_step(charge.steps) for charge in charges)
    return segment.time.start == start or not any(other is not None and other == step for other in known)


def source_of(charge: ir.Charge) -> str:
    return charge.source if isinstance(charge.source, str) else charge.name


def is_on_same(one: ir.Charge, other: ir.Charge) -> bool:
    """Whether a line is on the same meter or quantity in two segments, or derived in both."""
    if isinstance(one.source, str) or isinstance(other.source, str):
        return one.source == other.source
    return True


def pool(run: Run, charge: ir.Charge, reading: Reading) -> Groups:
    """Step 4 begins: the cells that everything on their way has an entry for, as the one group of the charge."""
    return whole_pool(without_entryless(run, charge.steps, reading.cells))


def derived_reading(run: Run, expression: ir.Expression, segments: Sequence[int], parts: Parts) -> Reading:
    """Step 14: an amount over rounded lines as far as they have come, before any adjustment, and whole quantities."""

    def value(ref: ir.Ref) -> Fraction:
        if ref.kind == "line":
            return sum((parts[ref.name].get(index, ZERO) for index in segments), ZERO)
        return run.context.total(ref.name, ())

    amount = expressions.number(expression, value)
    notes: tuple[Reason, ...] = ()
    if run.explain:
        refs = {ref.name: ref for ref in expressions.references(expression)}
        inputs = [pair(name, value(ref)) for name, ref in refs.items()]
        text = expressions.text(expression)
        notes = (reason("amount", "derived", expression.span, text, amount, run.currency, inputs),)
    return Reading((Cell({}, amount, frozenset(), notes),), frozenset(), frozenset())
