"""The clauses of a contract, made by Hypothesis: overrides, lines and adjustments of its own, phases, balances.

Clauses belong to streams. Within a stream the order in which they are written counts (of several overrides the last
wins, adjustments run in their order, balances of equal rank burn in theirs); between streams it does not, for no
statement of one stream names what one of another makes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from hypothesis import strategies as st

from tests.laws.contracts_lines import CHARGES, override_steps

Stream = Literal["overrides", "adjustments", "balances", "lines", "removals", "upgrades"]
STREAMS: tuple[Stream, ...] = ("overrides", "adjustments", "balances", "lines", "removals", "upgrades")

When = Literal["never", "perhaps", "always"]
"""Whether a statement stands in a phase."""

DAYS = ("2026-03-01", "2026-03-08", "2026-03-16", "2026-03-24", "2026-03-31", "2026-04-01")
"""Everything in a contract begins and ends at one of these; the clocks of Europe change on the 29th."""


@dataclass(frozen=True)
class Item:
    """One statement of a contract, in the phase that its head says, or for the whole term."""

    stream: Stream
    text: str
    phase: str = ""


def written(items: Iterable[Item]) -> str:
    """The statements in that order; neighbours of one phase stand in it together."""
    found: list[str] = []
    phase = ""
    for item in items:
        if found and item.phase == phase and phase:
            found[-1] = f"{found[-1][:-1]} {item.text} }}"
        else:
            found.append(f"{item.phase} {{ {item.text} }}" if item.phase else item.text)
        phase = item.phase
    return "\n".join(f"  {text}" for text in found)


def within(term: tuple[str, str]) -> tuple[str, ...]:
    """The days of `DAYS` inside a term, its first day included."""
    return tuple(day for day in DAYS if term[0] <= day < term[1])


@st.composite
def phases(draw: st.DrawFn, term: tuple[str, str]) -> str:
    """The head of a phase between two days; days of the term are counted from 1."""
    days = within(term)
    start = draw(st.sampled_from(days))
    end = draw(st.sampled_from([*(day for day in days if day > start), ""]))

    def said(day: str) -> str:
        number = (date.fromisoformat(day) - date.fromisoformat(term[0])).days + 1
        return draw(st.sampled_from([day, f"day {number}"]))

    return f"from {said(start)}" + (f" to {said(end)}" if end else "")


@st.composite
def items(draw: st.DrawFn, stream: Stream, text: st.SearchStrategy[str], term: tuple[str, str], phase: When) -> Item:
    is_phased = phase == "always" or (phase == "perhaps" and draw(st.booleans()))
    return Item(stream, draw(text), draw(phases(term)) if is_phased else "")


@st.composite
def overrides(draw: st.DrawFn, *, whole: bool) -> str:
    line = draw(st.sampled_from([*CHARGES, *CHARGES, "all", "s", "f"] + ([] if whole else ["d"])))
    return f"override {line} {{ {draw(override_steps(line, whole=whole))} }}"


SCOPES = st.sampled_from(["", "", " on x", " on x, y", " on all except f", " on s, d"])
NAMES = st.sampled_from(["", "", " as deal"])


@st.composite
def adjustments(draw: st.DrawFn, *, whole: bool) -> str:
    kinds = ["discount 50%", "minimum 900", "discount 20", "minimum 700", "maximum 300", "minimum 90"]
    kinds.append("discount 30 up to 25")
    if not whole:
        kinds += [
            "discount 7%",
            "discount graduated { above 100: 10%  above 400: 20% }",
            "discount 10%",
            "discount 3.33",
        ]
    kind = draw(st.sampled_from(kinds))
    bounds, prorated = "", ""
    if kind.startswith("discount") and "up to" not in kind and "graduated" not in kind:
        bounds = draw(st.sampled_from(["", "", " above 60"]))
    if not whole:
        prorated = draw(st.sampled_from(["", "", " prorated by day", " prorated by second"]))
    head, _, ceiling = kind.partition(" up to")
    return f"{head}{draw(SCOPES)}{bounds}{' up to' + ceiling if ceiling else ''}{prorated}{draw(NAMES)}"


OWN_LINES = (
    "charge own on calls { price 2  minimum 10 }",
    "fee extra 31 prorated by day",
    "fee extra 12 in arrears",
    "charge own = max(s, 20)",
    "charge s on seats { price 4 }",
    "fee f 40 in arrears",
    'charge own on calls { where region == "eu"  graduated { to 20: 3  above: 1 } }',
)

MONEY_COVERS = st.sampled_from(
    ["", "covers x", "covers y, x", 'covers x where region == "eu", f', "covers s, d, f", "covers f"]
)
UNIT_COVERS = st.sampled_from(["", "covers x", "covers y, x", 'covers y where region == "eu"'])


@st.composite
def validity(draw: st.DrawFn, term: tuple[str, str]) -> str:
    days = [*within(term), *([term[1]] if term[1] < DAYS[-1] else [])]
    start, end = sorted(draw(st.lists(st.sampled_from(days), min_size=2, max_size=2, unique=True)))
    return f"valid {start} to {end}"


@st.composite
def balances(draw: st.DrawFn, name: str, term: tuple[str, str], *, plain: bool) -> str:
    """A prepaid commit or a credit, of money or of calls. `plain`: one of money, at no other rate than 1."""
    in_units = not plain and draw(st.booleans())
    is_commit = draw(st.booleans())
    cadence = draw(st.sampled_from(["", "", "monthly", "quarterly"]))
    amount = str(draw(st.integers(1, 90 if in_units else 400)))
    if in_units:
        policy = draw(st.sampled_from(["cheapest first", "dearest first", "pro rata", "in order"]))
        amount += f" calls{draw(st.sampled_from(['', '', ' * seats']))} across cells {policy}"
    clauses = [
        draw(UNIT_COVERS if in_units else MONEY_COVERS),
        draw(st.sampled_from(["", "", "priority 1", "priority 2"])),
    ]
    clauses.append(draw(st.sampled_from(["", "rollover 20% for 1 month", "rollover 33%", "rollover 100%"])))
    if not cadence:
        clauses.append(draw(st.one_of(st.just(""), validity(term))))
    elif draw(st.integers(0, 3)) == 0:
        clauses.append("valid for 2 months")
    if not in_units and not plain:
        clauses.append(
            draw(st.sampled_from(["", "", "funded times 0.85", "funded times 0.9 on x"])) if is_commit else ""
        )
        clauses.append(draw(st.sampled_from(["", "", "overage times 1.1", "overage reject"])) if is_commit else "")
    if is_commit:
        said = ["not invoiced", "invoiced 70"] + (["invoiced 30 quarterly"] if not cadence else [])
        clauses.append(draw(st.sampled_from(said if in_units else ["", *said])))
    head = f"commit {name} {amount} prepaid {cadence}" if is_commit else f"credit {name} {amount} {cadence}"
    return f"{head} {{ {'  '.join(filter(None, clauses))} }}"


@st.composite
def floors(draw: st.DrawFn, name: str) -> str:
    """A postpaid commit."""
    cadence = draw(st.sampled_from(["", "monthly", "monthly", "quarterly"]))
    covers = draw(st.sampled_from(["", "covers x", "covers x, f", 'covers x where region == "eu"']))
    return f"commit {name} {draw(st.integers(100, 900))} postpaid {cadence} {{ {covers} }}"
