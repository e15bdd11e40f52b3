"""Contracts made by Hypothesis: a plan, its price rise, a second plan, and on them the clauses of one customer.

Everything begins and ends at one of a few days of March 2026, and usage is given for the segments between all of them,
so that any of these clauses may cut the month. The term begins with the month, before it (on a 16th, on a 31st) or in
it, and may end in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

from hypothesis import note
from hypothesis import strategies as st

from pricing_dsl.compilation import Compilation, Program
from pricing_dsl.evaluate.opening import read_balances, read_counters
from pricing_dsl.evaluate.reference.agreement import evaluate_contract, segments_of, version_at
from pricing_dsl.evaluate.reference.evaluation import Evaluation
from pricing_dsl.evaluate.reference.timeline import InForce, Timeline
from pricing_dsl.evaluate.segmented_usage import read_segments
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Source
from tests.laws.contracts_clauses import (
    DAYS,
    OWN_LINES,
    Item,
    Stream,
    When,
    adjustments,
    balances,
    floors,
    items,
    overrides,
    written,
)
from tests.laws.contracts_lines import HEAD, MODELS, REGIONS, charges, plan_lines

PERIOD = (DAYS[0], DAYS[-1])
FIRST_TERM = ("2026-03-01", "2027-03-01")
TERMS = (
    FIRST_TERM,
    FIRST_TERM,
    ("2026-02-16", "2027-02-16"),
    ("2025-12-31", "2026-12-31"),
    ("2026-03-08", "2027-03-08"),
    ("2026-03-08", "2026-03-31"),
    ("2026-02-16", "2026-03-24"),
)

Segments = list[dict[str, Any]]

REFUSED = {"T0206", "T0210", "T0211", "T0402", "N0301", "N0603", "U0307"}
"""What a combination of clauses that are sound alone may be refused for: a step after its dimension was pooled, an
amount in a counted volume tier, an order of cells where nothing prices cells, two steps of a kind under an override,
a clause on a line that another clause removes. Nothing else is."""


@dataclass(frozen=True)
class Agreement:
    """A contract `c` on plan `p`. `usage` has a mapping for each stretch of `DAYS`, in the term or not."""

    lines: tuple[str, ...]
    rise: str
    items: tuple[Item, ...]
    usage: tuple[dict[str, Any], ...]
    term: tuple[str, str] = FIRST_TERM
    zone: str = "UTC"
    upgrade: str = "charge x on calls { price 2 }"

    @property
    def text(self) -> str:
        return self.ordered(self.items)

    def ordered(self, order: Sequence[Item]) -> str:
        """The program with the contract's statements in that order."""
        plan = "\n".join(f"  {line}" for line in (f'timezone "{self.zone}"', *self.lines, self.rise))
        return (
            f"{HEAD}\nplan p {{\n{plan}\n}}\nplan q extends p {{ {self.upgrade} }}\n\n"
            f"contract c {{\n  plan p\n  term {self.term[0]} to {self.term[1]}\n{written(order)}\n}}\n"
        )

    @property
    def segments(self) -> Segments:
        """The usage of the part of March in the term, day by day: each stretch's usage lies on its first day."""
        first, last = (date.fromisoformat(day) for day in PERIOD)
        days = [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
        used = dict(zip(DAYS, self.usage, strict=False))
        nothing = {"calls": [], "seats": self.usage[0]["seats"]}
        return [
            {"from": start, "to": end, "usage": used.get(start, nothing)}
            for start, end in pairwise(days)
            if self.term[0] <= start and end <= self.term[1]
        ]

    @property
    def whole(self) -> dict[str, Any]:
        """All usage of that time, as a plan takes it: levels are the same in every segment."""
        cells: dict[tuple[str, str], int] = {}
        for segment in self.segments:
            for cell in segment["usage"]["calls"]:
                key = cell["region"], cell["model"]
                cells[key] = cells.get(key, 0) + int(cell["quantity"])
        calls = [{"region": key[0], "model": key[1], "quantity": str(quantity)} for key, quantity in cells.items()]
        return {"calls": calls, "seats": self.usage[0]["seats"]}

    def stream(self, *names: Stream) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.stream in names)

    def without(self, *names: Stream) -> Agreement:
        return replace(self, items=tuple(item for item in self.items if item.stream not in names))


@lru_cache(maxsize=32)
def compilation(text: str) -> Compilation:
    return Compilation(Source(text))


def compiled(text: str) -> Program:
    return compilation(text).program


def evaluated(
    text: str,
    usage: Any,
    period: tuple[Any, Any] = PERIOD,
    balances: Mapping[str, Any] | None = None,
    counters: Mapping[str, Any] | None = None,
) -> Statement:
    """The reference evaluator's statement of the contract `c`."""
    note(text)
    evaluator = compiled(text).evaluator("c")
    program, contract = evaluator.program, evaluator.target
    assert isinstance(contract, ir.Contract)
    opening, counted = read_balances(program, contract, balances), read_counters(contract, counters)
    return evaluate_contract(
        program, contract, usage, evaluator.contract_period(period), opening, counted, explain=False
    )


def evaluation_of(agreement: Agreement) -> Evaluation:
    """Steps 1 to 3 of the contract in March, nothing counted before."""
    note(agreement.text)
    evaluator = compiled(agreement.text).evaluator("c")
    program, contract = evaluator.program, evaluator.target
    assert isinstance(contract, ir.Contract)
    period = evaluator.contract_period(PERIOD)
    times = segments_of(contract, period, {})
    versions = [version_at(contract, time.start) for time in times]
    plans = [version.plan for version in versions]
    usages = read_segments(program, contract, plans, agreement.segments, period, times)
    segments = tuple(InForce(*each) for each in zip(times, versions, usages, strict=True))
    timeline = Timeline("c", period, contract.rounding, segments, contract.versions, contract)
    return Evaluation(program, timeline, {}, explain=False)


def is_sound(agreement: Agreement) -> bool:
    """Whether the checker takes it; it must not refuse it for anything but a combination."""
    errors = {each.code for each in compilation(agreement.text).diagnostics if each.severity == "error"}
    assert errors <= REFUSED, f"{errors - REFUSED}\n{agreement.text}"
    return not errors


@st.composite
def segment_usage(draw: st.DrawFn) -> list[dict[str, str]]:
    keys = draw(st.lists(st.tuples(st.sampled_from(REGIONS), st.sampled_from(MODELS)), max_size=3, unique=True))
    return [{"region": region, "model": model, "quantity": str(draw(st.integers(0, 60)))} for region, model in keys]


@st.composite
def _agreements(draw: st.DrawFn, *, whole: bool, plain: bool, phased: bool, bare: bool) -> Agreement:
    seats = str(draw(st.integers(0, 12)))
    term = draw(st.sampled_from(TERMS))
    found: list[Item] = []

    def some(stream: Stream, text: st.SearchStrategy[str], most: int, *, phase: When = "perhaps") -> None:
        count = draw(st.integers(int(phased), most)) if not bare else 0
        found.extend(draw(items(stream, text, term, "always" if phased else phase)) for _ in range(count))

    steady: When = "never" if whole else "perhaps"
    some("lines", st.sampled_from(OWN_LINES), 1, phase=steady)
    some("overrides", overrides(whole=whole), 3)
    some("adjustments", adjustments(whole=whole), 3, phase=steady)
    if draw(st.integers(0, 4)) == 0:
        some("removals", st.just("remove y"), 1)
    if draw(st.integers(0, 3)) == 0:
        some("upgrades", st.just("plan q"), 1, phase="always")
    for number in range(draw(st.integers(0, 3)) if not bare else 0):
        found.append(draw(items("balances", balances(f"b{number}", term, plain=plain), term, "never")))
    if not plain and not bare and draw(st.booleans()):
        found.append(draw(items("balances", floors("floor"), term, "never")))
    named = {bool(item.phase): item for item in found if " as " in item.text}  # in a phase one replaces the other
    found = [item for item in found if " as " not in item.text or item is named[bool(item.phase)]]
    rise = draw(st.sampled_from(["", "", f"from {DAYS[2]} {{ override x {{ times 2 }} }}"]))
    return Agreement(
        draw(plan_lines(whole=whole)),
        rise,
        tuple(found),
        tuple({"calls": draw(segment_usage()), "seats": seats} for _ in DAYS[1:]),
        term,
        draw(st.sampled_from(["UTC", "Europe/Berlin"])),
        draw(charges("x", whole=whole)),
    )


def agreements(
    *, whole: bool = False, plain: bool = False, phased: bool = False, bare: bool = False
) -> st.SearchStrategy[Agreement]:
    """Contracts that the checker takes.

    `whole`: parts of lines are whole minor units, and no adjustment or line of the contract begins in the month.
    `plain`: balances are of money at the rate of 1, without true-ups. `phased`: the contract has a line, an override
    and an adjustment in phases. `bare`: it says nothing of its own.
    """
    return _agreements(whole=whole, plain=plain, phased=phased, bare=bare).filter(is_sound)


@st.composite
def grants(draw: st.DrawFn) -> str:
    """A contract `c` of fourteen months on nothing but a credit of one pool, with cadence, life and rollover."""
    start = draw(st.sampled_from(["2026-01-01", "2026-01-15", "2026-01-31"]))
    cadence = draw(st.sampled_from(["", "monthly", "quarterly", "yearly"]))
    clauses = []
    if cadence and draw(st.booleans()):
        clauses.append(f"valid for {draw(st.integers(1, 5))} months")
    elif draw(st.booleans()):
        first, last = sorted(draw(st.lists(st.integers(1, 14), min_size=2, max_size=2, unique=True)))
        clauses.append(f"valid month {first} to month {last}")
    if draw(st.booleans()):
        months = draw(st.integers(0, 4))
        share = draw(st.sampled_from([0, 20, 33, 100]))
        clauses.append(f"rollover {share}%" + (f" for {months} months" if months else ""))
    balance = f"credit b {draw(st.integers(1, 999))} {cadence} {{ {'  '.join(clauses)} }}"
    end = {"2026-01-01": "2027-03-01", "2026-01-15": "2027-03-15", "2026-01-31": "2027-03-31"}[start]
    return f"currency USD\nplan p {{ fee f 0 }}\ncontract c {{ plan p  term {start} to {end}  {balance} }}\n"
