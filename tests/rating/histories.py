"""Generated histories: a contract, usage on time and late, month ends finalised, prices that change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import strategies as st

from tests.rating.billing import Billing, Event, at, month

MONTHS = 3
STEPS = (
    "price 0.07",
    "graduated { to 20: 1.333 above: 0.5 plus 2 }",
    "volume { to 30: 0.125 above: 0.1 }",
    "include 15 price 0.3",
    "each region include 5 price 0.011 minimum 1 total",
    "price 2.5 per started 10",
    "times region { eu: 1.1 else: 1 }",
    "price list",
)
PLANS = ("", "discount 7%", "minimum 20", "minimum 30 discount 3.3% on calls", "discount graduated { above 10: 5% }")
COMMITS = (
    "",
    "commit c 40 prepaid { not invoiced }",
    "commit c 25 prepaid monthly { rollover 30% }",
    "credit free 12 calls across cells in order monthly { covers calls }",
    "commit f 90 postpaid quarterly",
    "commit c 30 prepaid { overage times 1.07 not invoiced }",
)
PHASES = ("", "from 2026-02-10 { override calls { times 0.9 } }", "from month 2 { discount 5% as phased }")
COUNTED = ("", "counted quarterly ", "counted yearly ")

PROGRAM = """currency USD
meter calls {{ from "call" measure sum(n) by region }}
meter peak {{ from "call" measure max(n) }}
meter seats {{ from "seat" measure last(n) carried }}
rates list per 1 calls by region {{ region | price  "eu" | 0.21  else | 0.4 }}
plan p {{
  fee base 9.99
  charge calls on calls {{ {steps} }}
  charge peak on peak {{ price 0.013 }}
  charge seats on seats {{ price 3.1 }}
  charge support = 5% of (calls + seats)
  {plan}
}}
contract acme {{ customer "cus" plan p term {term} {contract} }}
"""


@dataclass(frozen=True)
class History:
    """`events` come each with the days by which it is late; `changes` are program texts with their first day."""

    source: str
    changes: tuple[tuple[datetime, str], ...]
    events: tuple[tuple[int, Event], ...]
    finalised_after_days: int

    def play(self, billing: Billing, *, months: int = MONTHS + 2, on_time: bool = False) -> list[dict[str, object]]:
        """Publish, ingest and finalise in the order of time; the statements, the last ones for what came late.

        `on_time`: all usage comes in before anything is finalised.
        """
        todo: list[tuple[datetime, int, object]] = [(at(1, 1), 0, self.source)]
        todo += [(start - timedelta(days=1), 0, (start, text)) for start, text in self.changes]
        for number in range(1, months + 1):
            todo.append((at(number + 1, 1) + timedelta(days=self.finalised_after_days), 2, number))
        for number, (late, event) in enumerate(self.events):
            arrives = event[1] if on_time else event[1] + timedelta(days=late, hours=1)
            todo.append((arrives, 1, (str(number), event)))
        statements: list[dict[str, object]] = []
        for now, kind, what in sorted(todo, key=lambda each: each[:2]):
            if kind == 1:
                billing.send(now, what[1], ids=[what[0]])  # type: ignore[index]
            elif kind == 2:
                statements.append(billing.finalise(month(what), now))  # type: ignore[arg-type]
            elif isinstance(what, str):
                billing.publish(what, now)
                billing.bind()
            else:
                start, text = what  # type: ignore[misc]
                billing.publish(text, now, effective=start)
        return statements


@st.composite
def events(draw: st.DrawFn) -> tuple[int, Event]:
    day = draw(st.integers(0, 89))
    time = at(1, 1) + timedelta(days=day, hours=draw(st.sampled_from([0, 1, 12, 23])))
    late = draw(st.sampled_from([0, 0, 0, 1, 5, 20, 34]))
    n = draw(st.sampled_from(["1", "3", "0.5", "17", "40.25"]))
    if draw(st.integers(0, 5)) == 0:
        return late, ("seat", time, {"n": str(draw(st.integers(0, 9)))})
    return late, ("call", time, {"n": n, "region": draw(st.sampled_from(["eu", "us", "ap"]))})


@st.composite
def histories(draw: st.DrawFn, *, counted: bool = True, commits: bool = True, changes: bool = True) -> History:
    def program(steps: str, plan: str) -> str:
        return PROGRAM.format(steps=steps, plan=plan, term=term, contract=f"{commit} {phase}")

    term = draw(st.sampled_from(["2026-01-01 to 2027-01-01", "2025-12-15 to 2026-12-15", "2026-01-01 to 2026-07-01"]))
    if term.startswith("2025"):
        term = "2026-01-01 to 2026-12-15"
    commit = draw(st.sampled_from(COMMITS)) if commits else ""
    phase = draw(st.sampled_from(PHASES))
    prefix = draw(st.sampled_from(COUNTED)) if counted else ""
    steps = draw(steps_of(prefix))
    plan = draw(st.sampled_from(PLANS))
    changed: list[tuple[datetime, str]] = []
    if changes and draw(st.booleans()):
        start = at(1, 1) + timedelta(days=draw(st.integers(2, 80)))
        changed.append((start, "# two\n" + program(draw(steps_of(prefix)), draw(st.sampled_from(PLANS)))))
    return History(
        program(steps, plan),
        tuple(changed),
        tuple(draw(st.lists(events(), min_size=1, max_size=12))),
        draw(st.sampled_from([0, 1, 3])),
    )


@st.composite
def steps_of(draw: st.DrawFn, prefix: str) -> str:
    steps = draw(st.sampled_from([each for each in STEPS if not prefix or "volume" not in each]))
    if steps.startswith("times"):
        steps = f"price 0.2 {steps}"
    return prefix + steps
