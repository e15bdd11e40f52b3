"""Laws of balances on generated contracts, shares and opening lots."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_dsl.evaluate.reference.lines import Rounding
from pricing_dsl.evaluate.reference.segments import LineShare
from pricing_dsl.evaluate.reference.true_ups import true_ups
from tests.evaluate.test_balances import TERM, Bill, contract_of, lots

LINES = ("tokens", "requests", "base")
NAMES = "abcd"

money = st.integers(0, 30_000).map(lambda minor: str(Decimal(minor).scaleb(-2)))
covers = st.sampled_from(
    ["", "covers tokens", "covers requests, tokens", 'covers tokens where region == "eu"', "covers base, requests"]
)
validity = st.sampled_from(["", "valid 2026-01-01 to 2026-03-11", "valid 2026-03-11 to 2026-09-01"])
rollover = st.sampled_from(["", "rollover 33%", "rollover 10% for 1 months"])
priority = st.sampled_from(["", "priority 1", "priority 2"])
funded = st.sampled_from(["", "funded times 0.85", "funded times 1.3"])
overage = st.sampled_from(["", "overage times 1.1", "overage reject"])


@st.composite
def balances(draw: st.DrawFn, *, factors: bool) -> str:
    items = []
    for name in NAMES[: draw(st.integers(1, 4))]:
        kind, paid = draw(st.sampled_from([("commit", "prepaid"), ("credit", "")]))
        clauses = [draw(covers), draw(priority), draw(rollover)]
        cadence = draw(st.sampled_from(["", "monthly", "quarterly", "yearly"]))
        clauses.append(draw(validity) if not cadence else draw(st.sampled_from(["", "valid for 2 months"])))
        if factors:
            clauses += [draw(funded), draw(overage) if kind == "commit" else ""]
        items.append(f"{kind} {name} {draw(st.integers(1, 300))} {paid} {cadence} {{ {' '.join(clauses)} }}")
    return "  ".join(items)


@st.composite
def opening(draw: st.DrawFn) -> dict[str, object]:
    end = st.sampled_from(["2026-03-01", "2026-04-01", "2026-06-01", None])
    lot = st.fixed_dictionaries({"amount": money, "end": end, "rolled": st.booleans()})
    given = {name: draw(st.one_of(st.none(), money, st.lists(lot, max_size=3))) for name in NAMES}
    return {name: value for name, value in given.items() if value is not None}


@st.composite
def line_shares(draw: st.DrawFn) -> list[LineShare]:
    made = []
    for line in draw(st.permutations(LINES)):
        cells: list[dict[str, str | None]] = [{}] if line == "base" else [{"region": "eu"}, {"region": "us"}]
        for segment in (0, 1):
            for cell in cells:
                if draw(st.booleans()):
                    made.append(LineShare(line, "line", segment, cell, draw(st.integers(-5_000, 30_000))))
    if draw(st.booleans()):
        made.append(LineShare("minimum_1", "row", 1, {}, draw(st.integers(1, 10_000))))
    return made


def bill_of(items: str, given: dict[str, object]) -> Bill:
    """March, cut on the 11th; only what the contract has is given."""
    _, contract = contract_of(f"{items}  credit cut 1 {{ valid 2026-03-11 to 2026-04-01 }}")
    known = {balance.name for balance in contract.balances}
    return Bill(
        f"{items}  credit cut 1 {{ valid 2026-03-11 to 2026-04-01 }}",
        given={name: value for name, value in given.items() if name in known},
    )


@settings(max_examples=60, deadline=None)
@given(balances(factors=False), opening(), line_shares())
def test_draws_never_exceed_balances_or_lines_and_touch_only_what_is_covered(
    items: str, given: dict[str, object], shares: list[LineShare]
) -> None:
    bill = bill_of(items, given)
    settled = bill.settle(*shares)
    _, contract = contract_of(bill.items)
    by_name = {balance.name: balance for balance in contract.balances}
    net: dict[str, int] = defaultdict(int)
    here: dict[tuple[str, int], int] = defaultdict(int)
    for each in shares:
        net[each.line] += each.net_minor
        here[each.line, each.segment] += max(each.net_minor, 0)
    paid: dict[str, int] = defaultdict(int)
    in_segment: dict[tuple[str, int], int] = defaultdict(int)
    drawn: dict[str, int] = defaultdict(int)
    for draw in settled.draws:
        minor = int(draw.amount * 100)
        assert minor > 0
        paid[draw.line] += minor
        in_segment[draw.line, draw.segment] += minor
        drawn[draw.balance] += minor
        cover = by_name[draw.balance].covers
        assert cover is None or draw.line in {each.line for each in cover}
    for line, minor in paid.items():
        assert minor <= max(net[line], 0)
    for place, minor in in_segment.items():
        assert minor <= here[place]
    for name, movement in settled.movements.items():
        assert drawn[name] == movement.drawn * 100
        assert movement.drawn <= movement.opening + movement.granted
    assert settled.rows == ()
    assert settled.drawn_minor == sum(paid.values())


@settings(max_examples=60, deadline=None)
@given(balances(factors=True), opening(), line_shares())
def test_movements_add_up_and_lots_are_what_is_left(
    items: str, given: dict[str, object], shares: list[LineShare]
) -> None:
    settled = bill_of(items, given).settle(*shares)
    for movement in settled.movements.values():
        assert movement.opening + movement.granted == movement.drawn + movement.expired + movement.closing
        assert movement.closing == sum((lot.amount for lot in movement.lots), Decimal(0))
        assert min(movement.opening, movement.granted, movement.drawn, movement.expired, movement.closing) >= 0
        assert all(lot.end is None or lot.end > "2026-04-01" for lot in movement.lots)
    for row in settled.rows:
        assert row.kind == "balance_factors"


@settings(max_examples=40, deadline=None)
@given(balances(factors=False), opening(), line_shares())
def test_within_a_segment_a_balance_draws_in_the_order_of_its_covers(
    items: str, given: dict[str, object], shares: list[LineShare]
) -> None:
    bill = bill_of(items, given)
    settled = bill.settle(*shares)
    _, contract = contract_of(bill.items)
    statement = list(dict.fromkeys(each.line for each in sorted(shares, key=lambda each: each.kind == "row")))
    order = {b.name: statement if b.covers is None else [c.line for c in b.covers] for b in contract.balances}
    for one, other in pairwise(settled.draws):
        assert one.segment <= other.segment
        if (one.balance, one.segment, one.why) == (other.balance, other.segment, other.why):
            assert order[one.balance].index(one.line) < order[one.balance].index(other.line)


@settings(max_examples=30, deadline=None)
@given(balances(factors=True), opening(), line_shares())
def test_what_closes_opens_the_next_period(items: str, given: dict[str, object], shares: list[LineShare]) -> None:
    bill = bill_of(items, given)
    closed = bill.settle(*shares)
    lots_left = {
        name: [{"amount": amount, "end": end, "rolled": rolled} for amount, end, rolled in lots(closed, name)]
        for name in closed.movements
    }
    opened = Bill(bill.items, ("2026-04-01", "2026-05-01"), given=lots_left).settle()
    assert {name: each.opening for name, each in opened.movements.items()} == {
        name: each.closing for name, each in closed.movements.items()
    }
    assert opened.assumed == ()


@settings(max_examples=30, deadline=None)
@given(line_shares(), st.integers(0, 50_000))
def test_a_true_up_brings_the_spend_to_the_amount_and_never_lowers_it(shares: list[LineShare], amount: int) -> None:
    bill = bill_of(f"commit floor {amount + 1} postpaid {{ valid 2026-03-01 to 2026-04-01 }}", {})
    program, contract = contract_of(bill.items, term=TERM)
    found = true_ups(contract, bill.segments(program, contract), shares, {}, Rounding(2, "half_up"), "USD")
    spend = sum(each.net_minor for each in shares)
    assert spend + found.minor == max(spend, (amount + 1) * 100)
    assert Fraction(found.movements["floor"].granted) * 100 == spend
