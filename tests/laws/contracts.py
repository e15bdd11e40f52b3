"""Contracts made by Hypothesis: a small plan, and on it overrides, adjustments, phases and balances.

Everything begins and ends at one of a few days of March 2026, and usage is given for the segments between all of them,
so that any of these clauses may cut the month. Statements are kept in streams: within a stream their order matters,
between streams it does not. Numbers are whole so that parts of lines are whole minor units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

HEAD = """currency USD
meter calls { from "call"  measure sum(n)  by region }
meter seats { from "seat"  measure max(n)  carried }
"""
DAYS = ("2026-03-01", "2026-03-08", "2026-03-16", "2026-03-24", "2026-04-01")
PERIOD = (DAYS[0], DAYS[-1])
REGIONS = ("ap", "eu", "us")
CHARGES = ("x", "y")

Segments = list[dict[str, Any]]


@dataclass(frozen=True)
class Agreement:
    """A contract `c` on plan `p`. `streams` are its statements; `usage` has one mapping for each stretch of `DAYS`."""

    lines: tuple[str, ...]
    overrides: tuple[str, ...]
    adjustments: tuple[str, ...]
    balances: tuple[str, ...]
    usage: tuple[dict[str, Any], ...]

    @property
    def streams(self) -> tuple[tuple[str, ...], ...]:
        return self.overrides, self.adjustments, self.balances

    @property
    def text(self) -> str:
        return self.ordered([item for stream in self.streams for item in stream])

    def ordered(self, items: Sequence[str]) -> str:
        """The program with the contract's statements in that order."""
        plan = "\n".join(f"  {line}" for line in self.lines)
        agreed = "\n".join(f"  {item}" for item in items)
        return (
            f"{HEAD}\nplan p {{\n{plan}\n}}\n\ncontract c {{\n  plan p\n  term 2026-03-01 to 2027-03-01\n{agreed}\n}}\n"
        )

    @property
    def segments(self) -> Segments:
        stretches = zip(DAYS, DAYS[1:], self.usage, strict=False)
        return [{"from": start, "to": end, "usage": usage} for start, end, usage in stretches]

    @property
    def whole(self) -> dict[str, Any]:
        """All usage of the month, as a plan takes it: levels are the same in every segment."""
        cells: dict[str, int] = {}
        for usage in self.usage:
            for cell in usage["calls"]:
                cells[cell["region"]] = cells.get(cell["region"], 0) + int(cell["quantity"])
        calls = [{"region": region, "quantity": str(quantity)} for region, quantity in cells.items()]
        return {"calls": calls, "seats": self.usage[0]["seats"]}

    def without(self, *streams: str) -> Agreement:
        return replace(self, **dict.fromkeys(streams, ()))


def tiers(kind: str) -> st.SearchStrategy[str]:
    first = st.sampled_from(["4", "3 plus 20", "3 minimum 50", "flat 60", "flat 60 even at zero", "free"])
    return st.builds(
        lambda bound, low, high: f"{kind} {{ to {bound}: {low}  above: {high} }}",
        st.integers(1, 80),
        first,
        st.sampled_from(["2", "1 plus 7", "flat 90"]),
    )


PRICES = st.one_of(
    st.sampled_from(["price 3", "price 5 per started 10", "price 2 per full 7", "price free"]),
    tiers("graduated"),
    tiers("volume"),
    st.just('match region { "eu" { price 2  plus 9 }  else { graduated { to 30: 4  above: 1 } } }'),
)
BEFORE = st.sampled_from(["", "", "include 20  ", "round up to 10  ", "at most 90  ", "at least 15  ", "weigh 2  "])
AFTER = st.sampled_from(["", "", "  plus 11", "  minimum 120", "  maximum 150", "  times 2", "  discount 10"])


@st.composite
def charges(draw: st.DrawFn, name: str) -> str:
    """A charge on calls; where it counts over the year its tiers have rates only."""
    match draw(st.integers(0, 9)):
        case 0:
            return f"charge {name} on calls {{ counted yearly  graduated {{ to 50: 3  above: 2 }} }}"
        case 1:
            return f"charge {name} on calls {{ each region  {draw(tiers('graduated'))}{draw(AFTER)}  total }}"
        case _:
            price = draw(PRICES)
            before = "" if price.startswith("match") else draw(BEFORE)
            return f"charge {name} on calls {{ {before}{price}{draw(AFTER)} }}"


LINES = st.tuples(
    charges("x"),
    charges("y"),
    st.sampled_from(["charge s on seats { price 5 }", "charge s on seats { graduated { to 5: 9  above: 4 } }"]),
    st.sampled_from(["charge d = min(x, 70)", "charge d = 10% of (x + s)", "charge d = 30"]),
    st.sampled_from(["fee f 62", "fee f 31 in arrears", "fee f 31 prorated by day"]),
)


@st.composite
def phased(draw: st.DrawFn, item: str) -> str:
    """The statement for the whole term, or in a phase."""
    start, end = sorted(draw(st.lists(st.integers(0, 4), min_size=2, max_size=2, unique=True)))
    until = f" to {DAYS[end]}" if end < len(DAYS) - 1 else ""
    return item if draw(st.booleans()) else f"from {DAYS[start]}{until} {{ {item} }}"


OVERRIDES = st.builds(
    lambda line, step: f"override {line} {{ {step} }}",
    st.sampled_from([*CHARGES, "all"]),
    st.sampled_from(["times 3", "times 0.5", "discount 50%", "price 2", "graduated { to 40: 5  above: 1 }"]),
).flatmap(phased)

ADJUSTMENTS = st.one_of(
    st.sampled_from(["discount 50% on x", "discount 10% on all except f", "discount 50%"]),
    st.sampled_from(["discount 20", "minimum 400", "maximum 300", "minimum 90 on x, y"]).flatmap(phased),
)


@st.composite
def balances(draw: st.DrawFn, name: str) -> str:
    """A commit or a credit of money."""
    amount = draw(st.integers(1, 400))
    is_commit = draw(st.booleans())
    clauses = [draw(st.sampled_from(["", "covers x", "covers y, x", 'covers x where region == "eu", f']))]
    clauses.append(draw(st.sampled_from(["", "", "priority 1", "priority 2"])))
    clauses.append(draw(st.sampled_from(["", "funded times 0.85", "rollover 20% for 1 month"])))
    start, end = sorted(draw(st.lists(st.integers(0, 4), min_size=2, max_size=2, unique=True)))
    clauses.append(draw(st.sampled_from(["", f"valid {DAYS[start]} to {DAYS[end]}"])))
    if is_commit:
        clauses.append(draw(st.sampled_from(["not invoiced", "invoiced 70", "overage times 1.1"])))
    head = f"commit {name} {amount} prepaid" if is_commit else f"credit {name} {amount}"
    return f"{head} {{ {'  '.join(clause for clause in clauses if clause)} }}"


@st.composite
def segment_usage(draw: st.DrawFn) -> list[dict[str, str]]:
    regions = draw(st.lists(st.sampled_from(REGIONS), max_size=3, unique=True))
    return [{"region": region, "quantity": str(draw(st.integers(0, 60)))} for region in regions]


@st.composite
def agreements(draw: st.DrawFn) -> Agreement:
    seats = str(draw(st.integers(0, 12)))
    names = [f"b{number}" for number in range(draw(st.integers(0, 3)))]
    return Agreement(
        draw(LINES),
        tuple(draw(st.lists(OVERRIDES, max_size=3))),
        tuple(draw(st.lists(ADJUSTMENTS, max_size=3))),
        tuple(draw(balances(name)) for name in names),
        tuple({"calls": draw(segment_usage()), "seats": seats} for _ in DAYS[1:]),
    )


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
