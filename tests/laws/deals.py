"""Contracts on the random plans of `programs`: overrides, phases, adjustments, balances, and their opening state.

Everything begins and ends at one of a few days of March 2026, and usage is given in pieces between all of them, so that
any of these clauses may cut the period. What the checker refuses (an override that does not fit its line) is no deal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from tests.laws.pipelines import PERCENTS, VALUES, Draw, maybe, pick, some
from tests.laws.programs import Line, Sample, Usage, draw_adjustment, draw_fee, samples

DAYS = ("2026-03-01", "2026-03-08", "2026-03-16", "2026-03-29", "2026-04-01")
PERIODS = (("2026-03-01", "2026-04-01"), ("2026-03-01", "2026-03-08"), ("2026-03-16", "2026-04-01"))
REGION = st.sampled_from(VALUES["region"])
LATER = ("2026-06-01", "2026-07-01")
TERMS = ("2026-03-01 to 2027-03-01", "2026-01-01 to 2028-01-01", "2026-01-15 to 2026-04-10")


@dataclass(frozen=True)
class Deal:
    """A program with a contract `c`, and all that is given to its evaluator."""

    text: str
    usage: Any
    period: tuple[str, str] | None
    balances: dict[str, Any] | None

    def __repr__(self) -> str:
        return f"Deal(usage={self.usage!r}, period={self.period!r}, balances={self.balances!r})\n{self.text}"


def draw_override(draw: Draw, sample: Sample) -> str:
    """An override of one line, or of all."""
    charges = [line.name for line in sample.lines if line.steps is not None]
    fees = [line.name for line in sample.lines if line.steps is None]
    steps = [
        pick(draw, ["times 0.5", "times 1.1", f"discount {draw(PERCENTS)}", "markup 30%", "price 2", "include 5"]),
        pick(draw, ["plus 3", "minimum 50", "maximum 80", "discount 5 above 10", "round up to 1", "times 2"]),
        pick(draw, ["graduated { to 50: 2  above: 1 }", "at most 900", "price 3 per started 10", "minimum 20"]),
    ]
    if fees and draw(st.integers(0, 5)) == 5:
        return f"override {pick(draw, fees)} {{ {pick(draw, ['price 70', 'times 0.5', 'plus 10'])} }}"
    line = pick(draw, [*charges, *charges, "all"])
    return f"override {line} {{ {'  '.join(some(draw, steps, least=1, most=2))} }}"


def draw_covers(draw: Draw, sample: Sample) -> str:
    return f"covers {', '.join(some(draw, [line.name for line in sample.lines], least=1))}"


def draw_balance(draw: Draw, sample: Sample, name: str) -> str:
    """A prepaid or postpaid commit, or a credit, of money."""
    kind = pick(draw, ["commit", "credit", "commit", "floor"])
    amount = draw(st.one_of(st.integers(1, 400), st.just(100_000)))
    cadence = maybe(draw, lambda: pick(draw, ["monthly", "quarterly", "yearly"]))
    clauses = [maybe(draw, lambda: draw_covers(draw, sample))]
    start, end = sorted(draw(st.lists(st.sampled_from(DAYS), min_size=2, max_size=2, unique=True)))
    clauses.append(maybe(draw, lambda: f"valid {start} to {end}"))
    if kind == "floor":
        return f"commit {name} {amount} postpaid {cadence} {{ {'  '.join(filter(None, clauses))} }}"
    clauses.append(maybe(draw, lambda: f"priority {draw(st.integers(1, 3))}"))
    clauses.append(maybe(draw, lambda: f"funded times {pick(draw, ['0.85', '1.2', '0.333'])}"))
    rolled = maybe(draw, lambda: f"rollover {pick(draw, ['20%', '33%', '100%'])}")
    clauses.append(rolled and rolled + maybe(draw, lambda: " for 2 months"))
    if kind == "commit":
        clauses.append(maybe(draw, lambda: pick(draw, ["overage times 1.1", "overage times 0.9", "overage reject"])))
        clauses.append(maybe(draw, lambda: pick(draw, ["not invoiced", "invoiced 70", "invoiced 10 monthly"])))
        return f"commit {name} {amount} prepaid {cadence} {{ {'  '.join(filter(None, clauses))} }}"
    return f"credit {name} {amount} {cadence} {{ {'  '.join(filter(None, clauses))} }}"


def draw_items(draw: Draw, sample: Sample, names: list[str]) -> list[str]:
    """The contract's statements, some of them in phases."""
    lines = [line.name for line in sample.lines]
    items = [draw_override(draw, sample) for _ in range(draw(st.integers(0, 3)))]
    items += [draw_adjustment(draw, lines, f"k{i}") for i in range(draw(st.integers(0, 2)))]
    items += [draw_fee(draw, f"own{i}").head for i in range(draw(st.integers(0, 1)))]
    items = [draw_phase(draw, item) if draw(st.booleans()) else item for item in items]
    return [*items, *(draw_balance(draw, sample, name) for name in names)]


def draw_phase(draw: Draw, item: str) -> str:
    start, end = sorted(draw(st.lists(st.sampled_from(DAYS), min_size=2, max_size=2, unique=True)))
    until = maybe(draw, lambda: f" to {end}")
    return f"from {start}{until} {{ {item} }}"


def draw_opening(draw: Draw, text: str, names: list[str], start: str) -> dict[str, Any] | None:
    """Opening balances in any of the forms in which they are given; lots end after the period's start."""
    if not names or draw(st.booleans()):
        return None
    given: dict[str, Any] = {}
    for name in names:
        amount = draw(st.sampled_from(["0", "7", "50", 90, "250", "100000"]))
        is_floor = f"commit {name} " in text and " postpaid" in text.split(f"commit {name} ")[1].split("{")[0]
        match 0 if is_floor else draw(st.integers(0, 3)):
            case 0 | 1:
                given[name] = amount
            case 2:
                to_come = [None, *(day for day in DAYS if day > start), "2026-09-01"]
                ends = draw(st.lists(st.sampled_from(to_come), min_size=1, max_size=3))
                given[name] = [{"amount": str(amount), "end": end, "rolled": draw(st.booleans())} for end in ends]
            case _:
                pass
    return given


def in_pieces(draw: Draw, sample: Sample, usage: Usage, period: tuple[str, str]) -> list[dict[str, Any]]:
    """The usage dealt out to the stretches between the days of a period; what does not add up is in each."""
    ends = sorted({*period, *(day for day in DAYS if period[0] < day < period[1])})
    pieces: list[dict[str, Any]] = [{"from": start, "to": end, "usage": {}} for start, end in pairwise(ends)]
    for name, cells in usage.items():
        for piece in pieces:
            piece["usage"][name] = [] if name in sample.additive else list(cells)
        if name in sample.additive:
            for cell in cells:
                draw(st.sampled_from(pieces))["usage"][name].append(cell)
    return pieces


def uncounted(sample: Sample) -> Sample:
    """The plan without counters, which would be carried from bill to bill."""
    return replace(sample, lines=tuple(replace(line, steps=without_counted(line.steps)) for line in sample.lines))


def without_counted(steps: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if steps is None else tuple(step for step in steps if not step.startswith("counted"))


ORDINARY = (
    "currency {currency}",
    'meter tokens { from "t" measure sum(n) by model, region }',
    'meter calls { from "c" measure count() by region }',
    'meter seats { from "s" measure max(n) carried }',
    'rates llm per 100 by model { model | price  "gpt-5" | 2.5  "claude-*" | 0.333  else | 1 }',
    'rates card by region { region | value  "eu" | 0.9  else | 1 }',
)
PRICED = (
    "tokens { price llm }",
    "tokens { price llm  times region { eu: 2  else: 1 }  plus 10 }",
    'tokens { match model { "gpt-5" { price 2 per 100 }  else { price llm } }  minimum 30 }',
    "tokens { weigh card  each model  graduated { to 100: 0.5  above: 0.25 plus 5 }  total }",
    "calls { include 100  graduated { to 500: 0.5  to 1k: 0.333  above: 0.1 } }",
    "calls { volume { to 500: 1.00  below 1k: 0.7 plus 3  above: 0.50 }  discount 10%  minimum 25 }",
    "calls { volume { to 900: 0.7  above: 0.50 }  times 1.1 }",
    "calls { round up to 10  price 3 per started 100  maximum 40 }",
    "calls { at least 50  price 0.5  discount 10 above 20  round up to 1 }",
    'calls { where region == "eu"  price 0.7  plus 3 prorated by day }',
    "calls { price 0.005  prorate by second }",
    "seats { price 12.5 }",
    "seats { graduated { to 5: 9  above: 4 }  minimum 20 }",
)
DERIVED = ("5% of (c0 + c1) { minimum 10 }", "min(c0, 70)", "c0 - c1 / 3", "30", "c1 * 2 { times 1.1  discount 5 }")


@st.composite
def ordinary(draw: Draw) -> Sample:
    """A plan of charges as people have them, and usage of all of its meters."""
    lines = [
        Line(f"c{i}", f"charge c{i} on {source}", tuple(inner.removesuffix(" }").split("  ")))
        for i, priced in enumerate(draw(st.lists(st.sampled_from(PRICED), min_size=2, max_size=4)))
        for source, inner in [priced.split(" { ", 1)]
    ]
    derived = draw(st.sampled_from(["", *DERIVED]))
    if derived:
        source, _, inner = derived.partition(" { ")
        lines.append(Line("d", f"charge d = {source}", tuple(inner.removesuffix(" }").split("  ")) if inner else ()))
    lines += [draw_fee(draw, "f") for _ in range(draw(st.integers(0, 1)))]
    adjustments = [
        draw_adjustment(draw, [line.name for line in lines], f"a{i}") for i in range(draw(st.integers(0, 2)))
    ]
    quantities = st.integers(0, 900)
    cells = st.fixed_dictionaries({"quantity": quantities, "model": st.sampled_from(VALUES["model"]), "region": REGION})
    usage: Usage = {
        "tokens": draw(st.lists(cells, max_size=6)),
        "calls": draw(st.lists(st.fixed_dictionaries({"quantity": quantities, "region": REGION}), max_size=5)),
        "seats": [{"quantity": draw(st.integers(0, 12))}],
    }
    head = [item.replace("{currency}", draw(st.sampled_from(["USD", "JPY"]))) for item in ORDINARY]
    rounding = ("round half_even",) if draw(st.booleans()) else ()
    return Sample(
        tuple(head), rounding, tuple(lines), tuple(adjustments), frozenset({"tokens", "calls"}), usage, PERIODS[0]
    )


@st.composite
def deals(draw: Draw, plans: st.SearchStrategy[Sample] = samples()) -> Deal:  # noqa: B008 - a strategy is a value
    """A contract on a plan."""
    sample = draw(plans)
    if draw(st.integers(0, 3)):
        sample = uncounted(sample)
    bill = [item for item in sample.settings if not item.startswith("bill")]
    names = [f"b{i}" for i in range(draw(st.integers(0, 3)))]
    items = draw_items(draw, sample, names)
    plan = "\n".join([*bill, *(line.text for line in sample.lines), *sample.adjustments])
    agreed = "\n  ".join(["plan p", f"term {pick(draw, list(TERMS))}", *items])
    text = "\n".join([*sample.declarations, f"plan p {{\n{plan}\n}}", f"contract c {{\n  {agreed}\n}}"]) + "\n"
    period = pick(draw, [*PERIODS, LATER])
    usage: Any = sample.usage
    if period != LATER and draw(st.integers(0, 3)):
        usage = in_pieces(draw, sample, sample.usage, period)
    return Deal(text, usage, period, draw_opening(draw, text, names, period[0]))
