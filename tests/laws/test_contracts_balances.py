"""Laws of the balances and counters of contracts: what they had is where it went, period after period.

And of the parts of a statement: segments, cells and net shares add up to their lines, draws stay below them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_dsl.evaluate.reference.fees import billed_services
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.values.periods import month_start
from tests.laws.contracts import PERIOD, Agreement, Segments, agreements, compiled, evaluated, evaluation_of, grants
from tests.laws.contracts_lines import HEAD
from tests.laws.contracts_shown import Seen, facts_of, require_shown, show

few = settings(max_examples=settings.default.max_examples // 3)
fewest = settings(max_examples=settings.default.max_examples // 4)

CHAIN = 4
"""How many billing periods a chain has."""


def months_of(agreement: Agreement) -> Iterator[tuple[str, str]]:
    """The first calendar months of a term, the first and last clipped to it."""
    first = date.fromisoformat(agreement.term[0])
    starts = [month_start(first, number, 1) for number in range(CHAIN + 1)]
    for start, end in pairwise(starts):
        clipped = max(start, first).isoformat(), min(end.isoformat(), agreement.term[1])
        if clipped[0] < clipped[1]:
            yield clipped


def usage_of(agreement: Agreement, start: str, end: str) -> Segments:
    """Usage of a month day by day: what the agreement uses in March, on the same days."""
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    seats = agreement.usage[0]["seats"]
    used = dict(zip((1, 8, 16, 24, 31), agreement.usage, strict=True))
    return [
        {"from": day.isoformat(), "to": after.isoformat(), "usage": used.get(day.day, {"calls": [], "seats": seats})}
        for day, after in pairwise(days)
    ]


def chain(agreement: Agreement) -> Iterator[Statement]:
    """Statements of the first months of the term, each opened with what the one before closed."""
    balances: dict[str, Any] = {}
    counters: dict[str, Any] = {}
    for period in months_of(agreement):
        statement = evaluated(agreement.text, usage_of(agreement, *period), period, balances, counters)
        balances = dict(statement.balances)
        counters = {line: exact(counter) for line, counter in statement.counters.items()}
        yield statement


def exact(counter: str | list[dict[str, str]]) -> Any:
    """A closing counter with exact numbers: a quantity need not end as a decimal."""
    if isinstance(counter, str):
        return Fraction(counter)
    return [{**cell, "quantity": Fraction(cell["quantity"])} for cell in counter]


def test_what_closes_one_period_opens_the_next() -> None:
    """opening + granted = drawn + expired + closing, nothing is assumed, and nothing is lost between two periods."""
    seen: Seen = Counter()

    @few
    @given(agreements())
    def law(agreement: Agreement) -> None:
        closed: dict[str, Decimal] = {}
        for statement in chain(agreement):
            for name, each in statement.balances.items():
                assert each.opening == closed.get(name, Decimal(0))
                assert each.opening + each.granted == each.drawn + each.expired + each.closing
                assert min(each.drawn, each.expired, each.granted, each.closing, each.rolled_over) >= 0
                if each.unit == "call" or each.lots:
                    assert each.closing == sum((lot.amount for lot in each.lots), Decimal(0))
            assert not statement.assumed
            closed = {name: each.closing for name, each in statement.balances.items()}
            show(seen, *facts_of(statement))

    law()
    require_shown(seen, 0.05, "draws", "expires")
    require_shown(seen, 0.005, "draws units", "rolls over", "trues up", "factors", "counts")


def test_draws_stay_in_their_balances_and_lines() -> None:
    """A balance pays no more than it has, only what it covers, where it is valid, and no more than a line comes to."""
    seen: Seen = Counter()

    @few
    @given(agreements())
    def law(agreement: Agreement) -> None:
        clauses = {item.text.split()[1]: item.text for item in agreement.stream("balances")}
        for statement in chain(agreement):
            drawn: dict[str, Decimal] = defaultdict(Decimal)
            paid: dict[str, Decimal] = defaultdict(Decimal)
            for draw in statement.draws:
                assert draw.amount > 0
                assert_covered(clauses[draw.balance], draw.line)
                assert_valid(clauses[draw.balance], statement, draw.segment)
                drawn[draw.balance] += draw.amount
                if statement.balances[draw.balance].unit == "USD":
                    paid[draw.line] += draw.amount
            rows = {row.id: row.amount for row in statement.adjustments}
            nets = {line.id: line.net for line in statement.lines}
            for name, amount in paid.items():
                assert amount <= nets.get(name, rows.get(name, Decimal(0)))
            for name, movement in statement.balances.items():
                if "postpaid" not in clauses[name]:
                    assert drawn[name] == movement.drawn <= movement.opening + movement.granted
            show(seen, *facts_of(statement), *(["leaves lines alone"] if set(paid) < {*nets, *rows} else []))

    law()
    require_shown(seen, 0.05, "draws", "leaves lines alone")
    require_shown(seen, 0.005, "draws units", "factors")


def assert_covered(clause: str, line: str) -> None:
    """The line is one that the clause names, if it names any."""
    said = re.search(r"covers (.*?)(?:  | })", clause)
    if said is not None:
        names = re.sub(r'where region == "eu"', "", said[1]).replace(" ", "").split(",")
        assert line in names, (clause, line)


def assert_valid(clause: str, statement: Statement, segment: int) -> None:
    """The segment lies in the balance's time; what rolls over lives on."""
    said = re.search(r"valid (\S+) to (\S+)", clause)
    if said is not None and "rollover" not in clause:
        start, end = statement.segments[segment] if statement.segments else statement.period or ("", "")
        assert said[1] <= start < end <= said[2]


def test_a_statement_foots() -> None:
    """total = lines + rows, due = total - draws + what is invoiced, net = line + its shares, factors foot a line."""
    seen: Seen = Counter()

    @few
    @given(agreements())
    def law(agreement: Agreement) -> None:
        statement = evaluated(agreement.text, agreement.segments)
        rows = sum((row.amount for row in statement.adjustments), Decimal(0))
        assert statement.total == sum((line.amount for line in statement.lines), rows)
        drawn = [draw.amount for draw in statement.draws if statement.balances[draw.balance].unit == "USD"]
        invoiced = sum((entry.amount for entry in statement.invoiced), Decimal(0))
        assert statement.due == statement.total - sum(drawn, Decimal(0)) + invoiced
        for line in statement.lines:
            shares = sum(dict(row.shares).get(line.id, 0) for row in statement.adjustments)
            assert line.net_minor == line.minor + shares
            assert abs(line.exact * 100 - line.minor) <= Fraction(1, 2)
            assert not line.parts or sum(part.minor for part in line.parts) == line.minor
        show(seen, *facts_of(statement), *(["has parts"] if any(line.parts for line in statement.lines) else []))

    law()
    require_shown(seen, 0.05, "draws", "adjusts")
    require_shown(seen, 0.005, "tops up", "factors", "has parts")


def test_segments_cells_and_net_shares_foot() -> None:
    """Steps 11, 12 and 15: parts add up to the exact line, cells to the rounded one, shares to its net amount."""
    seen: Seen = Counter()

    @given(agreements())
    def law(agreement: Agreement) -> None:
        evaluation = evaluation_of(agreement)
        charging = evaluation.quantities()
        lines = evaluation.lines(charging)
        for name, charge in charging.items():
            parts = [part.amount for group in charge.priced() for part in group.parts]
            billed = [each.amount for each in billed_services(evaluation.timeline, name)]
            assert sum(parts) + sum(billed) == lines[name].exact
        for line in lines.values():
            assert sum(cell.minor for cell in line.cells) == line.minor == sum(line.by_segment.values())
        nets, rows = evaluation.adjusted(lines)
        shares = evaluation.shares(lines, nets)
        for name, line in lines.items():
            mine = [share for share in shares if (share.line, share.kind) == (name, "line")]
            by_row = sum(dict(row.shares).get(name, 0) for row in rows)
            assert sum(share.net_minor for share in mine) == nets.of_line(name) == line.minor + by_row
            for segment, net in nets.lines[name].items():
                assert sum(share.net_minor for share in mine if share.segment == segment) == net
        tops = {share.line: share.net_minor for share in shares if share.kind == "row"}
        assert tops == {each.id: each.minor for each in nets.top_ups}
        several = any(len({cell.segment for cell in line.cells if cell.minor}) > 1 for line in lines.values())
        cells = any(len([cell for cell in line.cells if cell.minor and cell.dimensions]) > 1 for line in lines.values())
        show(seen, *(["segments"] if several else []), *(["cells"] if cells else []), *(["tops up"] if tops else []))

    law()
    require_shown(seen, 0.05, "segments", "cells")
    require_shown(seen, 0.005, "tops up")


def test_both_evaluators_give_the_same_statement() -> None:
    """Generated code, where it does not hand over, and the reference evaluator."""

    @few
    @given(agreements())
    def law(agreement: Agreement) -> None:
        expected = evaluated(agreement.text, agreement.segments)
        statement = compiled(agreement.text).evaluator("c")(agreement.segments, PERIOD)
        assert statement.to_dict() == expected.to_dict()

    law()


def test_explaining_changes_nothing() -> None:
    @fewest
    @given(agreements())
    def law(agreement: Agreement) -> None:
        evaluator = compiled(agreement.text).evaluator("c")
        explained = evaluator.explain(agreement.segments, PERIOD).to_dict()
        for kind in ("lines", "adjustments"):
            assert all(entry.pop("reason") for entry in explained[kind])
        assert explained == evaluated(agreement.text, agreement.segments).to_dict()

    law()


@given(grants())
def test_what_is_assumed_is_what_untouched_grants_leave(text: str) -> None:
    """Month after month without usage: what one statement closes is what the next would assume (rule 34)."""
    months = [date(2026 + number // 12, number % 12 + 1, 1) for number in range(15)]
    lots: list[dict[str, Any]] = []
    for start, end in pairwise(months):
        carried = evaluated(text, {}, (start, end), {"b": lots}).balances["b"]
        assumed = evaluated(text, {}, (start, end)).balances["b"]
        assert assumed._replace(assumed=False) == carried._replace(assumed=False)
        lots = [lot.to_dict() for lot in carried.lots]


# --- counters --------------------------------------------------------------------------------------------------------

PRICES = st.sampled_from(
    [
        "price 3",
        "price 5 per started 10",
        "price 2 per full 7",
        "price steps",
        "include 40  price 2",
        "round up to 50  price 1",
        "at least 200  price 1",
        "graduated { to 50: 3 plus 9 even at zero  to 100: 2 minimum 40  above: 1 }",
        "graduated { below 60: flat 10  above: 2 per started 9 }",
    ]
)


QUANTITIES = st.lists(st.integers(0, 60), min_size=2, max_size=6)


def test_bills_under_a_counter_add_up_to_the_year() -> None:
    """What months cost under `counted yearly` is what their usage costs at once, without the units that a credit pays.

    January is cut by a phase. A credit pays in time what has come to its price.
    """
    seen: Seen = Counter()

    @given(PRICES, QUANTITIES, st.sampled_from(["each region", ""]), st.sampled_from([0, 0, 25, 70]))
    def law(price: str, quantities: list[int], each: str, credit: int) -> None:
        if re.match("include|round|at least", price) or (each and "even at zero" in price):
            credit = 0
        text = (
            f"{HEAD}\nplan p {{ charge x on calls {{ {each}  counted yearly  {price} }} }}\n"
            f"plan once {{ charge x on calls {{ {each} {price} }} }}\n"
            "contract c { plan p  term 2026-01-01 to 2028-01-01  from 2026-01-16 { override x { times 1 } }"
            f"{f'  credit g {credit} calls across cells in order' if credit else ''} }}"
        )
        first, *later = [cells(quantity, number) for number, quantity in enumerate(quantities)]
        halves = [
            {"from": "2026-01-01", "to": "2026-01-16", "usage": {"calls": first}},
            {"from": "2026-01-16", "to": "2026-02-01", "usage": {"calls": later[0]}},
        ]
        balances: dict[str, Any] = {}
        counters: dict[str, Any] = {}
        total = Fraction(0)
        for number, usage in enumerate([halves, *({"calls": calls} for calls in later[1:])]):
            period = (month_start(date(2026, 1, 1), number, 1), month_start(date(2026, 1, 1), number + 1, 1))
            statement = evaluated(text, usage, period, balances, counters)
            total += statement.line("x").exact
            balances, counters = dict(statement.balances), dict(statement.counters)
        unpaid = [cell for number, left in enumerate(without(quantities, credit)) for cell in cells(left, number)]
        assert total == compiled(text).evaluator("once")({"calls": added(unpaid)}).line("x").exact
        show(seen, *(["several months"] if len(quantities) > 2 else []), *(["credit"] if credit else []))

    law()
    require_shown(seen, 0.1, "several months", "credit")


def without(quantities: list[int], paid: int) -> list[int]:
    """Quantities less what is paid of them, the first first."""
    found = []
    for quantity in quantities:
        found.append(max(quantity - paid, 0))
        paid = max(paid - quantity, 0)
    return found


def test_units_of_a_volume_pay_the_tier_that_the_whole_reaches() -> None:
    """Each segment's units at the rate of the period's tier, as it stands in that segment (rule 2)."""
    seen: Seen = Counter()

    @given(st.integers(0, 80), st.integers(0, 80), st.integers(1, 120), st.sampled_from(["1", "0.8", "3"]))
    def law(early: int, late: int, bound: int, factor: str) -> None:
        text = (
            f"{HEAD}\nplan p {{ charge x on calls {{ volume {{ to {bound}: 4  above: 1 }} }} }}\n"
            "contract c { plan p  term 2026-01-01 to 2028-01-01"
            f"  from 2026-03-16 {{ override x {{ times {factor} }} }} }}"
        )
        usage = [
            {"from": "2026-03-01", "to": "2026-03-16", "usage": {"calls": cells(early, 0)}},
            {"from": "2026-03-16", "to": "2026-04-01", "usage": {"calls": cells(late, 1)}},
        ]
        rate = 4 if early + late <= bound else 1
        assert evaluated(text, usage).line("x").exact == rate * (early + late * Fraction(factor))
        show(seen, *(["reaches another tier"] if early <= bound < early + late else []))

    law()
    require_shown(seen, 0.1, "reaches another tier")


def cells(quantity: int, number: int) -> list[dict[str, str]]:
    """A quantity in one region or another."""
    return [{"region": "eu" if number % 3 else "us", "model": "m1", "quantity": str(quantity)}]


def added(usage: list[dict[str, str]]) -> list[dict[str, str]]:
    """Cells of one region as one."""
    found: dict[str, int] = defaultdict(int)
    for cell in usage:
        found[cell["region"]] += int(cell["quantity"])
    return [{"region": region, "model": "m1", "quantity": str(quantity)} for region, quantity in found.items()]
