"""The warning about overrides that change nothing, since later ones set aside all that they say (rules 18 and 19)."""

from __future__ import annotations

import pytest

import pricing_dsl

PROGRAM = """currency USD
meter calls {{ from "call"  measure count()  by model }}
plan base {{ fee f 100  charge x on calls {{ include 5  price 2  minimum 50 }}  charge y on calls {{ price 1 }} }}
plan p extends base {{ {plan} }}
contract c {{ plan p  term 2026-01-01 to 2028-01-01  {contract} }}
"""


def warned(*, plan: str = "", contract: str = "") -> list[tuple[str, str]]:
    """What is set aside, and what it is set aside by, as written; nothing else is found."""
    text = PROGRAM.format(plan=plan, contract=contract)
    found = pricing_dsl.check(text)
    assert [each.code for each in found] == ["W0411"] * len(found)
    pairs = [(each.span, each.labels[0].span) for each in found]
    return [(text[a.start : a.end], text[b.start : b.end]) for a, b in pairs]


SET_ASIDE = [
    ("override x { times 0.9 }  override x { times 0.8 }", 0, 1),
    ("override x { times 0.9 }  override x { price 1 }", 0, 1),
    ("override x { times 0.9  markup 5% }  override x { price 1 }", 0, 1),
    ("override x { times 0.9 }  override x { price 1  times 2 }", 0, 1),
    ("override x { price 3 }  override x { graduated { to 5: 1  above: 2 } }", 0, 1),
    ("override x { minimum 5 }  override all { minimum 6 }", 0, 1),
    ("override f { price 90 }  override f { price 80 }", 0, 1),
    ('override y { times 2 when model == "a" }  override y { times 3 }', 0, 1),
    ("override x { times 0.9  include 7 }  override x { times 0.8 }  override x { include 8 }", 0, 2),
]
HELD = [
    "override x { times 0.9 }",
    "override x { times 0.9 }  override x { markup 5% }",
    "override x { times 0.9 }  override y { times 0.8 }",
    "override all { times 0.9 }  override x { times 0.8 }",
    "override x { price 1 }  override x { times 0.9 }",
    "override x { times 0.9  include 7 }  override x { times 0.8 }",
    'override y { times 2 }  override y { times 3 when model == "a" }',
    "override x { minimum 5 }  override x { maximum 90 }",
]


@pytest.mark.parametrize(("items", "loser", "winner"), SET_ASIDE)
def test_what_a_later_one_sets_aside(items: str, loser: int, winner: int) -> None:
    said = items.split("  override")
    said = [said[0], *(f"override{rest}" for rest in said[1:])]
    assert warned(contract=items) == warned(plan=items) == [(said[loser], said[winner])]


@pytest.mark.parametrize("items", HELD)
def test_what_holds_beside_the_others(items: str) -> None:
    assert warned(contract=items) == warned(plan=items) == []


@pytest.mark.parametrize(
    ("items", "count"),
    [
        ("override x { times 0.9 }  from 2026-07-01 { override x { times 0.8 } }", 0),
        ("from 2026-07-01 { override x { times 0.8 } }  override x { times 0.9 }", 1),
        ("from 2026-07-01 { override x { times 0.8 } }  from 2026-06-01 { override x { times 0.9 } }", 1),
        ("from 2026-06-01 { override x { times 0.8 } }  from 2026-07-01 { override x { times 0.9 } }", 0),
        ("override x { times 0.9 }  from month 1 { override x { price 1 } }", 1),
        ("from month 1 to month 3 { override x { times 2 } }  from month 3 { override x { times 3 } }", 0),
    ],
)
def test_phases_set_aside_only_where_they_are_in_force(items: str, count: int) -> None:
    assert len(warned(contract=items)) == count


def test_a_contract_may_set_aside_what_its_plan_says() -> None:
    assert warned(plan="override x { times 0.9 }", contract="override x { price 1 }") == []
    assert warned(plan="from 2026-07-01 { override x { times 0.9 } }", contract="override x { times 0.8 }") == []
