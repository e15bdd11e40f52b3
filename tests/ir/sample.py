"""One program that has every IR node and every field that may be empty both ways."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from pricing_dsl.ir.nodes import (
    Adjustment,
    Apply,
    Arm,
    AtLeast,
    AtMost,
    Balance,
    Band,
    Bill,
    Charge,
    Const,
    Contract,
    Counted,
    Cover,
    Discount,
    DiscountAbove,
    DiscountGraduated,
    DiscountMoney,
    Each,
    EventDimension,
    Expression,
    Fee,
    Flat,
    Floor,
    Graduated,
    Include,
    Key,
    Largest,
    Linear,
    Lookup,
    Match,
    Maximum,
    Measure,
    Meter,
    Minimum,
    Mirror,
    Override,
    Package,
    Plan,
    Plus,
    Price,
    Program,
    Prorate,
    Quantity,
    Ref,
    Reject,
    RoundMoney,
    RoundQuantity,
    Row,
    SetAside,
    ShowBy,
    Step,
    Table,
    Term,
    Tier,
    Times,
    Total,
    Version,
    Volume,
    Weigh,
    Where,
)  # fmt: skip
from pricing_dsl.source import Span

F = Fraction
ELSE = Key("else", "")


def number(value: int | Fraction) -> Const:
    return Const(F(value))


def linear(rate: int | Fraction) -> Linear:
    return Linear(number(rate))


def tier(
    upper: int | None, price: Linear | Package | Flat | Reject | Graduated | Volume, **rest: Fraction | bool
) -> Tier:
    amounts = {name: rest.get(name) for name in ("plus", "minimum", "maximum")}
    return Tier(
        None if upper is None else F(upper), bool(rest.get("inclusive", True)), price, **amounts,  # type: ignore[arg-type]
        even_at_zero=bool(rest.get("even_at_zero", False)), span=Span(5, 9),
    )  # fmt: skip


def meter(name: str, *dimensions: str) -> Meter:
    given = tuple(EventDimension(d, Ref("property", d)) for d in dimensions)
    measure = Measure(None, "sum", (Ref("property", "amount"),))
    return Meter(
        name, "", name, dimensions, False, False, True, True, ("usage",), None, None, (measure,), given, False, "UTC"
    )


def charge(name: str, source: str | Expression, *steps: Step, first: int, dimensions: tuple[str, ...] = ()) -> Charge:
    priced = any(isinstance(step, Price | Graduated | Volume | Match) for step in steps)
    return Charge(name, f"The {name}", source, "token", dimensions, steps, priced, first, span=Span(100, 200))


def plan(*lines: Fee | Charge, adjustments: tuple[Adjustment, ...] = ()) -> Plan:
    order = tuple(line.name for line in lines)
    return Plan("scale", "Scale", Bill("monthly", 15, False), "UTC", "half_up", lines, order, adjustments)


RATES = Table(
    "llm",
    ("model", "kind"),
    (Key("exact", "input"), Key("pattern", "out*"), ELSE),
    (
        Row((Key("exact", 'gpt "5"\n\u2028'),), (F(5, 4), None, F(0))),
        Row((Key("exact", "12"),), (F(1), F(1, 3), F(-2))),
        Row((ELSE,), (F(5), F(5), F(5))),
    ),
    span=Span(3, 4),
)

TOKENS = Meter(
    "tokens", "LLM tokens", "token", ("model", "kind"), False, True, True, True, ("llm.completion", "llm.batch"),
    Apply("==", (Ref("property", "status"), Const("ok"))), "kind",
    (
        Measure("input", "sum", (Apply("max", (Ref("property", "tokens"), number(0))),)),
        Measure("true", "percentile", (Ref("property", "tokens"), number(95))),
    ),
    (EventDimension("model", Apply("default", (Ref("property", "model"), Const("null")))),), True, "Europe/Paris",
)  # fmt: skip

CELL_CHARGE = charge(
    "tokens",
    "tokens",
    Where(Apply("like", (Ref("dimension", "model"), Const("gpt-*"))), True),
    Weigh(
        Lookup(
            Table("", ("kind",), (), (Row((Key("exact", "input"),), (F(4),)), Row((ELSE,), (F(1),)))),
            F(1),
        ),
        "credit",
    ),
    Include(number(100), "cheapest first", "day"),
    Price(Linear(Lookup("llm", F(1, 1000000)))),
    Times("times", number(2), when=Apply("in", (Ref("dimension", "kind"), Const("input"), Const("output")))),
    Times("markup", number(F(13, 10))),
    Discount(number(F(1, 10)), "second"),
    Prorate("day"),
    ShowBy(("model",)),
    Plus(F(10), None),
    DiscountAbove(F(1, 10), F(100), F(50), None),
    DiscountMoney(F(5), F(0), None, "day"),
    DiscountGraduated((Band(F(0), F(1, 20)), Band(F(1000), F(1, 10))), None),
    Minimum(F(3), "day"),
    Maximum(linear(9), None),
    RoundMoney("half_up", F(1, 100)),
    first=4,
    dimensions=("model", "kind"),
)

MATCH_CHARGE = charge(
    "matched",
    "tokens",
    Counted("yearly"),
    Each(("model",)),
    Include(Apply("*", (number(3), Ref("quantity", "tokens"))), None, None),
    RoundQuantity("up", F(100)),
    AtLeast(number(0)),
    AtMost(Apply("min", (number(7), Ref("quantity", "tokens")))),
    Mirror(),
    Match(
        "model",
        (
            Arm(
                (Key("exact", "a"), Key("pattern", "b*")),
                (Price(Package(number(5), F(100), "started")), Total()),
            ),
            Arm((Key("exact", "c"),), (Price(Reject()),)),
            Arm(
                (), (Volume(Ref("quantity", "scaled"), (tier(10, linear(2), inclusive=False), tier(None, linear(1)))),)
            ),
        ),
    ),
    Largest(),
    first=8,
    dimensions=("model", "kind"),
)

CURVE = Graduated(
    (
        tier(5, Flat(F(3)), plus=F(1), minimum=F(2), maximum=F(4), even_at_zero=True),
        tier(None, Reject()),
    )
)

SUPPORT = charge(
    "support",
    Apply(
        "if",
        (Apply(">", (Ref("line", "tokens"), Ref("quantity", "tokens"))), Ref("line", "fee"), number(F(1, 2))),
    ),
    Graduated((tier(100, CURVE), tier(None, Package(number(1), F(10), "full")))),
    first=1,
)

DISCOUNTED = charge(
    "tokens", "tokens", Price(linear(2)), Times("times", number(F(4, 5))), first=1, dimensions=("model",)
)
LISTED = charge("tokens", "tokens", Price(linear(2)), first=1, dimensions=("model",))
GRANT: dict[str, Any] = {
    "policy": None, "cadence": None, "start": 0, "end": 900, "lifetime_months": None, "covers": None, "priority": None,
    "rollover": None, "rollover_months": None, "funded": None, "funded_lines": None, "overage": None,
    "overage_rejects": False, "invoiced": None, "invoice_cadence": None,
}  # fmt: skip
OF_A = Apply("==", (Ref("dimension", "model"), Const("a")))

CONTRACT = Contract(
    "acme", "Acme", "cus_1", "scale", 3, 0, 900, Bill("monthly", None, True), "Europe/Paris", "half_even",
    tuple(
        Version(start, end, Plan("acme", "Acme", Bill("monthly", None, True), "Europe/Paris", "half_even", lines,
                                 tuple(line.name for line in lines), ()), won, span=Span(700, 800))
        for start, end, lines, won in (
            (0, 100, (LISTED, Fee("fee", "", F(5), "once", "in advance", None)), ()),
            (100, 900, (DISCOUNTED,), (Override("tokens", "times", 0, (SetAside(span=Span(1, 2)),), span=Span(3, 4)),)),
        )
    ),
    (
        Balance("annual", "commit", number(100), None, **GRANT | {
            "cadence": "yearly", "lifetime_months": 18, "covers": (Cover("tokens", OF_A, span=Span(8, 9)),),
            "priority": 0, "rollover": F(1, 5), "rollover_months": 3, "funded": F(4, 5), "funded_lines": ("tokens",),
            "overage": F(11, 10), "invoiced": number(30), "invoice_cadence": "quarterly",
        }),
        Balance("strict", "commit", number(100), None, **GRANT | {"overage_rejects": True}),
        Balance("units", "credit", Apply("*", (number(10), Ref("quantity", "seats"))), "token", **GRANT | {
            "policy": "cheapest first", "start": 100, "covers": (Cover("tokens", None), Cover("fee", None)),
        }),
    ),
    (
        Floor("floor", F(1000), "quarterly", 0, 900, (Cover("tokens", None),), span=Span(10, 11)),
        Floor("all", F(0), None, 100, 900, None),
    ),
)  # fmt: skip

PROGRAM = Program(
    1, "USD", 2,
    (TOKENS, meter("seats"), meter("other", "model")),
    (
        Quantity("scaled", "token", False, (), None, (), (), Apply("/", (Ref("quantity", "tokens"), number(4)))),
        Quantity("both", "token", False, ("model",), None, (), (Term(F(1), "tokens"), Term(F(4), "other")), None),
        Quantity("some", "token", False, ("model",), "tokens", (Each(("model",)), AtMost(number(300))), (), None),
    ),
    (RATES,),
    (
        plan(
            CELL_CHARGE, Fee("fee", "", F(499), "yearly", "in arrears", "day"), MATCH_CHARGE, SUPPORT,
            adjustments=(
                Adjustment("discount", F(1, 10), True, (), ("tokens", "support"), F(100), F(1000), "day", "big"),
                Adjustment("discount", None, False, (Band(F(0), F(1, 20)),), None, None, None, None, None),
                Adjustment("minimum", F(1000), False, (), None, None, None, None, "floor"),
            ),
        ),
        Plan("free", "", Bill("yearly", None, True), "Asia/Tokyo", "half_even", (), (), ()),
    ),
    (CONTRACT, replace(CONTRACT, name="bare", customer=None, plan=None, plan_version=None, balances=(), floors=())),
    span=Span(0, 900),
)  # fmt: skip
