"""Steps 1 and 2: the segments of a billing period, and which lines and adjustments are in force in each.

A contract's versions tile its term; each is a complete plan. A plan without a contract is one version in one segment.
Lines and adjustments of all segments stand in one order: that of the last segment, earlier ones after what they follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TypeVar

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.reference.segments import SegmentTime
from pricing_dsl.evaluate.usage import Cells
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import expression_reads
from pricing_dsl.values.periods import BillingPeriod, Interval, moment_of, text

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class InForce:
    """One segment: its place in time, the version in force in it, and its own usage by meter."""

    time: SegmentTime
    version: ir.Version
    usage: Mapping[str, Cells]

    @property
    def index(self) -> int:
        return self.time.index

    @property
    def plan(self) -> ir.Plan:
        return self.version.plan

    def line(self, name: str) -> ir.Fee | ir.Charge | None:
        return next((line for line in self.plan.lines if line.name == name), None)


@dataclass
class Timeline:
    """A billing period in segments. `versions` are all there are, also before and after it."""

    name: str
    period: BillingPeriod
    rounding: ir.Rounding
    segments: tuple[InForce, ...]
    versions: tuple[ir.Version, ...]
    contract: ir.Contract | None = None

    @property
    def last(self) -> InForce:
        return self.segments[-1]

    @property
    def plans(self) -> list[ir.Plan]:
        """The plans in force, each once."""
        return list({id(segment.plan): segment.plan for segment in self.segments}.values())

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Each segment in words: `2026-03-01 to 2026-03-16`."""
        if self.period.priced is None:
            return ("",)
        ends = (self.interval(segment.time) for segment in self.segments)
        return tuple(f"{text(each.start)} to {text(each.end)}" for each in ends)

    @property
    def cut_texts(self) -> tuple[tuple[str, str], ...]:
        """The ends of each segment as the statement gives them; none for a period that nothing cuts."""
        if len(self.segments) == 1:
            return ()
        ends = (self.interval(segment.time) for segment in self.segments)
        return tuple((text(each.start), text(each.end)) for each in ends)

    def interval(self, time: SegmentTime) -> Interval:
        """A segment in local time."""
        zone = self.period.zone
        return Interval(moment_of(time.start, zone), moment_of(time.end, zone))

    @cached_property
    def line_names(self) -> tuple[str, ...]:
        """The lines of all segments in statement order."""
        return tuple(in_one_order([[line.name for line in segment.plan.lines] for segment in self.segments]))

    def lines(self, name: str) -> list[tuple[InForce, ir.Fee | ir.Charge]]:
        """The segments in which a line is in force, and what it is there."""
        found = ((segment, segment.line(name)) for segment in self.segments)
        return [(segment, line) for segment, line in found if line is not None]

    def share(self, by: ir.Proration, segments: Iterable[InForce]) -> Fraction:
        """The share of the whole billing period in which something is in force, in these segments (rule 26)."""
        if self.period.priced is None:
            return self.period.share(by)
        return self.period.share_of((self.interval(segment.time) for segment in segments), by)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Lines in order of their dependencies, in all segments."""
        if len(self.plans) == 1:
            return self.last.plan.order
        done: dict[str, None] = {}
        for name in self.line_names:
            self._visit(name, done, ())
        return tuple(done)

    def _visit(self, name: str, done: dict[str, None], waiting: tuple[str, ...]) -> None:
        if name in done:
            return
        if name in waiting:
            raise EvaluationError(
                "R0203",
                f"`{name}` and `{waiting[-1]}` are computed from each other in different parts of one billing period",
                "let the change take effect where a billing period begins",
            )
        for _, line in self.lines(name):
            for read in lines_read(line):
                self._visit(read, done, (*waiting, name))
        done[name] = None


def lines_read(line: ir.Fee | ir.Charge) -> list[str]:
    """The lines that a derived charge reads."""
    if isinstance(line, ir.Fee) or isinstance(line.source, str):
        return []
    return [ref.name for ref in expression_reads(line.source) if ref.kind == "line"]


def in_one_order(sequences: Sequence[Sequence[Item]]) -> list[Item]:
    """Several sequences as one: the last as it is, what only earlier ones have after what it follows there.

    >>> in_one_order([["a", "b", "c"], ["a", "x", "c"]])
    ['a', 'b', 'x', 'c']
    """
    result = list(sequences[-1])
    for sequence in reversed(sequences[:-1]):
        after = 0
        for item in sequence:
            if item in result:
                after = result.index(item) + 1
            else:
                result.insert(after, item)
                after += 1
    return result


def steps_of(line: ir.Fee | ir.Charge | None) -> Iterable[ir.Step]:
    """All steps of a line, those of its arms included."""
    steps = list(line.steps) if isinstance(line, ir.Charge) else []
    while steps:
        step = steps.pop()
        yield step
        if isinstance(step, ir.Match):
            steps.extend(inner for arm in step.arms for inner in arm.steps)
