"""Explanations: each amount from its total down to rule, place in the program, inputs and formula."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from pricing_dsl.compilation import Compilation
from pricing_dsl.evaluate import reference
from pricing_dsl.evaluate.statement import Reason, Statement
from pricing_dsl.source import Source
from pricing_dsl.values.periods import BillingPeriod

HEAD = """
currency USD
unit token | tokens
meter tokens   { from "llm"  measure sum(n)  unit token  by model, kind }
meter requests { from "llm"  measure count() }
rates llm per 1M tokens by model, kind {
  model   | input | output
  "gpt-5" |  1.25 |  10.00
  "gpt-*" |  0.25 |   2.00
  else    |  5.00 |  20.00
}
"""
PLAN = """
plan p {
  fee platform "Platform fee" 499 monthly prorated by day
  charge tokens "Tokens" on tokens { price llm  times model { "gpt-5": 2  else: 1 }  discount 10% }
  charge requests "Requests" on requests {
    include 100k
    graduated { to 1M: 0.50 per 1k  above: 0.40 per 1k plus 5 }
    minimum 2_000
  }
  charge support = 5% of (tokens + requests) { plus 1 }
  discount 10% on tokens above 100 as volume
  minimum 9_000
}
"""
USAGE: dict[str, Any] = {
    "tokens": [
        {"quantity": "120000000", "model": "gpt-5", "kind": "input"},
        {"quantity": "1000000", "model": "gpt-4", "kind": "output"},
    ],
    "requests": 2_300_000,
}
PERIOD = ("2026-03-16", "2026-04-01")


def explained(plan: str = PLAN, usage: dict[str, Any] | None = None) -> tuple[str, Statement]:
    source = Source(HEAD + plan)
    program = Compilation(source).program.ir
    made = program.plans[0]
    period = BillingPeriod.resolve(made.bill, made.timezone, PERIOD)
    statement = reference.evaluate(program, made, USAGE if usage is None else usage, period, explain=True)
    return source.text, statement


def tree(reason: Reason | None) -> list[Any]:
    """A reason as nested `what: formula = value`."""
    assert reason is not None
    return [
        f"{reason.what}: {reason.formula} = {float(reason.value):g} {reason.unit}".strip(),
        *map(tree, reason.children),
    ]


def nodes(reason: Reason | None) -> Iterator[Reason]:
    assert reason is not None
    yield reason
    for child in reason.children:
        yield from nodes(child)


def all_nodes(statement: Statement) -> Iterator[Reason]:
    for entry in (*statement.lines, *statement.adjustments):
        yield from nodes(entry.reason)


def test_a_table_shows_the_row_that_won() -> None:
    _, statement = explained()
    assert tree(statement.line("tokens").reason) == [
        "Tokens: 271.8 rounded half_up to 0.01 = 271.8 USD",
        [
            "price: 150 + 2 = 152 USD",
            [
                "model: gpt-5, kind: input: 120_000_000 x 0.00000125 = 150 USD",
                ['table llm: row "gpt-5", column "input": 1.25 / 1_000_000 = 1.25e-06 USD'],
            ],
            [
                "model: gpt-4, kind: output: 1_000_000 x 0.000002 = 2 USD",
                ['table llm: row "gpt-*", column "output": 2 / 1_000_000 = 2e-06 USD'],
            ],
        ],
        [
            "times: 300 + 2 = 302 USD",
            ["model: gpt-5, kind: input: 150 x 2 = 300 USD", ['by model: row "gpt-5": 2 = 2']],
            ["model: gpt-4, kind: output: 2 x 1 = 2 USD", ["by model: row else: 1 = 1"]],
        ],
        [
            "discount: 270 + 1.8 = 271.8 USD",
            ["model: gpt-5, kind: input: 300 - 300 x 0.1 = 270 USD"],
            ["model: gpt-4, kind: output: 2 - 2 x 0.1 = 1.8 USD"],
        ],
    ]


def test_tiers_show_their_parts() -> None:
    _, statement = explained()
    assert tree(statement.line("requests").reason) == [
        "Requests: 2_000 rounded half_up to 0.01 = 2000 USD",
        ["include 100_000: max(2_300_000 - 100_000, 0) = 2.2e+06 requests"],
        [
            "graduated: 500 + 485 = 985 USD",
            ["tier to 1_000_000: 1_000_000 x 0.0005 = 500 USD"],
            ["tier above: 1_200_000 x 0.0004 + 5 = 485 USD"],
        ],
        ["minimum: max(985, 2_000) = 2000 USD"],
    ]
    tiers = [node for node in nodes(statement.line("requests").reason) if node.what.startswith("tier")]
    assert [tier.inputs for tier in tiers] == [
        (("from", "0"), ("part", "1_000_000")),
        (("from", "1_000_000"), ("part", "1_200_000")),
    ]


def test_fees_and_derived_charges() -> None:
    _, statement = explained()
    assert tree(statement.line("platform").reason) == [
        "Platform fee: 7984/31 rounded half_up to 0.01 = 257.55 USD",
        ["fee monthly in advance: 499 x 16/31 = 257.548 USD"],
    ]
    support = statement.line("support").reason
    assert tree(support) == [
        "support: 114.59 rounded half_up to 0.01 = 114.59 USD",
        ["amount: 0.05 * (tokens + requests) = 113.59 USD"],
        ["plus: 113.59 + 1 = 114.59 USD"],
    ]
    assert support is not None
    assert support.children[0].inputs == (("tokens", "271.8"), ("requests", "2_000"))


def test_adjustments_show_base_formula_and_shares() -> None:
    _, statement = explained()
    volume, minimum = statement.adjustments
    assert tree(volume.reason) == [
        "discount volume: -(max(271.8 - 100, 0) x 0.1) = -17.18 USD",
        ["share of tokens: -17.18 = -17.18 USD"],
    ]
    assert volume.reason is not None
    assert volume.reason.inputs == (("sum of its lines", "271.8"), ("above", "100"))
    assert tree(minimum.reason) == ["minimum minimum_2: max(9_000 - 2_626.76, 0) = 6373.24 USD"]
    assert minimum.shares == ()


def test_a_rounded_adjustment_says_so() -> None:
    _, statement = explained("plan p { fee f 1.25  discount 10% }")
    assert tree(statement.adjustments[0].reason)[0] == (
        "discount discount_1: -(1.25 x 0.1) = -0.125, rounded half_up to 0.01 = -0.13 USD"
    )


def test_every_node_stands_where_the_program_says_it() -> None:
    text, statement = explained()
    for node in all_nodes(statement):
        assert node.rule
        assert node.unit or node.what.startswith("by ")
        assert node.span is not None, node.what
        assert text[node.span.start : node.span.end].strip(), node.what
    requests = statement.line("requests").reason
    assert requests is not None
    said = [text[node.span.start : node.span.end] for node in requests.children if node.span is not None]
    assert said[0] == "include 100k"
    assert said[2] == "minimum 2_000"


def test_a_reason_leads_to_its_amount() -> None:
    _, statement = explained()
    for entry in (*statement.lines, *statement.adjustments):
        assert entry.reason is not None
        assert entry.reason.value == Fraction(entry.amount)
    for line in statement.lines:
        assert line.reason is not None
        assert line.reason.children[-1].value == line.exact
    graduated = [node for node in all_nodes(statement) if node.what == "graduated"]
    assert [sum(tier.value for tier in node.children) for node in graduated] == [node.value for node in graduated]


STEPS_HEAD = """
currency USD
meter calls { from "a"  measure count()  unit thing }
unit thing
meter x { from "x"  measure sum(n)  unit thing  by kind }
"""


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("include 20 across cells pro rata  price 1", "include 20 across cells pro rata: 20 of 20 free units given"),
        ("each kind  price 1  total", "total: 60 + 40"),
        ("each kind  price 1  largest", "largest: max(60, 40)"),
        ("price 1  each kind  plus 1  total", "before each kind: 60 + 40"),
        ("at most 50  price 1", "at most 50: min(100, 50)"),
        ("at least 30 * calls  price 1", "at least 30 * quantity(calls): max(100, 210)"),
        ("round up to 30  price 1", "round up to 30: 100 up to 30"),
        ("mirror  price 1", "mirror: |100|"),
        ("counted yearly  price 1", "counted yearly: 0 + 100"),
        ('where kind == "input"  else free  price 1', "where, else free: without 40"),
        ("price 7 per started 30", "price: ceil(100 / 30) x 7"),
        ("volume { to 50: 2  above: 1 plus 3 }", "tier above: 100 x 1 + 3"),
        ("volume { to 50: 2  above: 1 }", "volume: 60 + 40"),
        ('match kind { "input" { price 2 }  else { price 1 } }', 'match kind "input": 120'),
        ("price 1  discount 10 above 95", "discount: 100 - min(10, max(100 - 95, 0))"),
        ("price 1  discount graduated { above 10: 10%  above 60: 50% }", "discount: 100 - 50 x 0.1 + 40 x 0.5"),
        ("price 1  prorate by day", "input: 60 x 16/31"),
        ("price 1  plus 31 prorated by day", "plus: 100 + 16"),
        ("price 1  maximum 50", "maximum: min(100, 50)"),
        ("price 1  round down to 30", "round down to 30: 100 down to 30"),
        ('weigh kind { "input": 2  else: 1 }  price 1', "weigh: kind: input: 60 x 2"),
    ],
)
def test_every_step_that_acted_is_there(steps: str, said: str) -> None:
    source = Source(f"{STEPS_HEAD} plan p {{ charge x on x {{ {steps} }} }}")
    program = Compilation(source).program.ir
    plan = program.plans[0]
    period = BillingPeriod.resolve(plan.bill, plan.timezone, PERIOD)
    usage = {"x": [{"quantity": 60, "kind": "input"}, {"quantity": 40, "kind": "output"}], "calls": 7}
    statement = reference.evaluate(program, plan, usage, period, explain=True)
    found = [f"{node.what}: {node.formula}" for node in all_nodes(statement)]
    assert any(node.endswith(said) for node in found), found
