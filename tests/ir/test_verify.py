"""What `verify` promises the evaluators: each broken promise is named with its place."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.verify import IrError, verify
from tests.ir.sample import ELSE, PROGRAM, charge, linear, meter, number, plan, tier

CALLS = meter("calls", "region", "model")
SEATS = meter("seats")
BY_REGION = ir.Table("by_region", ("region",), (), (ir.Row((ELSE,), (Fraction(1),)),))
ADJUSTMENT = ir.Adjustment("discount", Fraction(1, 10), True, (), None, None, None, None, None)
PRICE = ir.Price(linear(1))
ONE = number(1)


def program(*lines: ir.Fee | ir.Charge, **rest: Any) -> ir.Program:
    base = ir.Program(1, "USD", 2, (CALLS, SEATS), (), (BY_REGION,), (plan(*lines),))
    return replace(base, **rest)


def with_steps(*steps: ir.Step, first: int) -> ir.Program:
    return program(charge("x", "calls", *steps, first=first, dimensions=("region", "model")))


def with_quantity(**parts: Any) -> ir.Program:
    blank = ir.Quantity("q", "calls", False, (), None, (), (), None)
    return program(quantities=(replace(blank, **parts),))


def with_adjustment(**parts: Any) -> ir.Program:
    fees = [ir.Fee(name, "", Fraction(1), "monthly", "in advance", None) for name in "ab"]
    return program(plans=(plan(*fees, adjustments=(replace(ADJUSTMENT, **parts),)),))


def graduated(*tiers: ir.Tier) -> ir.Program:
    return with_steps(ir.Graduated(tiers), first=1)


def dimension(name: str) -> ir.Expression:
    return ir.Apply("==", (ir.Ref("dimension", name), ir.Const("a")))


def by_region(scale: int = 1) -> ir.Linear:
    return ir.Linear(ir.Lookup("by_region", Fraction(scale)))


def test_the_sample_is_a_program() -> None:
    verify(PROGRAM)


GOOD = {
    "each keeps what it names": with_steps(ir.Each(("region",)), ir.AtLeast(ONE), ir.Price(by_region()), first=3),
    "a cell step keeps the rest": with_steps(PRICE, ir.Times("times", ONE, when=dimension("model")), first=1),
    "total after the price": with_steps(ir.Each(("region",)), PRICE, ir.Total(), ir.Plus(Fraction(1), None), first=2),
    "below, then to, the same bound": graduated(
        tier(5, linear(2), inclusive=False), tier(5, linear(3)), tier(None, linear(1))
    ),
    "a derived charge without a price": program(
        charge("a", "seats", PRICE, first=1), charge("b", ir.Ref("line", "a"), ir.Plus(Fraction(1), None), first=0)
    ),
    "quantities in any order": program(
        quantities=(
            ir.Quantity("q", "calls", False, (), "r", (), (), None),
            ir.Quantity("r", "calls", False, (), "seats", (), (), None),
        )
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_allowed(name: str) -> None:
    verify(GOOD[name])


BAD: dict[str, tuple[ir.Program, str, str]] = {
    "version": (program(language=2), "language", "version 1"),
    "currency": (program(currency="DOLLAR"), "currency", "ISO 4217"),
    "digits": (program(digits=9), "digits", "0 to 4"),
    "meter twice": (program(meters=(SEATS, SEATS)), "", "'seats' stands here twice"),
    "meter and quantity": (
        program(quantities=(ir.Quantity("seats", "", False, (), "calls", (), (), None),)),
        "",
        "'seats' stands here twice",
    ),
    "no name": (program(meters=(meter(""),)), "", "has no name"),
    "table row": (
        program(tables=(replace(BY_REGION, rows=(ir.Row((), (Fraction(1),)),)),)),
        "tables[0].rows[0]",
        "1 keys and 1 cells",
    ),
    "table column": (
        program(tables=(replace(BY_REGION, columns=(ELSE, ELSE), rows=()),)),
        "tables[0].columns",
        "a key stands here twice",
    ),
    "pattern": (
        program(tables=(replace(BY_REGION, rows=(ir.Row((ir.Key("pattern", "x"),), (Fraction(1),)),)),)),
        "tables[0].rows[0].keys",
        "a pattern holds",
    ),
    "no dimensions": (program(tables=(replace(BY_REGION, dimensions=(), rows=()),)), "tables[0]", "no dimensions"),
    "measured_by": (program(meters=(replace(SEATS, measured_by="x"),)), "meters[0].measured_by", "none of the"),
    "two measures": (
        program(meters=(replace(SEATS, measures=SEATS.measures * 2),)),
        "meters[0].measures",
        "one measure",
    ),
    "event dimensions": (
        program(meters=(replace(CALLS, event_dimensions=()),)),
        "meters[0].event_dimensions",
        "do not give",
    ),
    "dimension in a measure": (
        program(meters=(replace(SEATS, where=dimension("region")),)),
        "meters[0].where",
        "a dimension may not stand here",
    ),
    "unknown operator": (
        program(meters=(replace(SEATS, where=ir.Apply("xor", (ONE, ONE))),)),
        "meters[0].where",
        "no operator xor",
    ),
    "arity": (program(meters=(replace(SEATS, where=ir.Apply("if", (ONE,))),)), "meters[0].where", "if with 1"),
    "table call": (
        program(meters=(replace(SEATS, where=ir.Apply("table:nope", (ONE,))),)),
        "meters[0].where",
        "no table nope",
    ),
    "table call arity": (
        program(meters=(replace(SEATS, where=ir.Apply("table:by_region", (ONE, ONE))),)),
        "meters[0].where",
        "with 2 arguments",
    ),
    "quantity of nothing": (with_quantity(), "quantities[0]", "one of"),
    "quantity of two things": (with_quantity(source="seats", expression=ONE), "quantities[0]", "one of"),
    "quantity source": (with_quantity(source="nope"), "quantities[0].source", "no meter or quantity nope"),
    "quantity term": (with_quantity(terms=(ir.Term(Fraction(1), "nope"),)), "quantities[0].terms[0].name", "nope"),
    "quantity dimensions": (
        with_quantity(terms=(ir.Term(Fraction(1), "seats"),), dimensions=("region",)),
        "quantities[0].terms[0]",
        "lacks a dimension",
    ),
    "quantity pooled": (
        with_quantity(source="calls", steps=(ir.AtMost(ONE),), dimensions=("region",)),
        "quantities[0].dimensions",
        "not all left",
    ),
    "quantity priced": (with_quantity(source="calls", steps=(PRICE,)), "quantities[0].steps[0]", "no quantity step"),
    "quantity steps": (with_quantity(expression=ONE, steps=(ir.Mirror(),)), "quantities[0].steps", "only a `source`"),
    "quantity circle": (with_quantity(source="q"), "quantities", "in a circle"),
    "quantity circle in a step": (
        with_quantity(source="seats", steps=(ir.Include(ir.Ref("quantity", "q"), None, None),)),
        "quantities",
        "in a circle",
    ),
    "line twice": (
        program(charge("x", "seats", PRICE, first=1), charge("x", "seats", PRICE, first=1)),
        "plans[0].lines",
        "'x' stands here twice",
    ),
    "line called total": (program(charge("total", "seats", PRICE, first=1)), "plans[0].lines", "`total`"),
    "order": (program(plans=(replace(plan(), order=("x",)),)), "plans[0].order", "another order"),
    "order of dependencies": (
        program(charge("b", ir.Ref("line", "a"), first=0), charge("a", "seats", PRICE, first=1)),
        "plans[0].lines[0].source",
        "the line a is not known here",
    ),
    "bill day": (program(plans=(replace(plan(), bill=ir.Bill("monthly", 32, False)),)), "plans[0].bill.day", "1 to 31"),
    "source": (program(charge("x", "nope", PRICE, first=1)), "plans[0].lines[0].source", "no meter or quantity"),
    "charge dimensions": (
        program(charge("x", "seats", PRICE, first=1, dimensions=("region",))),
        "plans[0].lines[0].dimensions",
        "dimensions of the source",
    ),
    "no price": (program(charge("x", "seats", first=0)), "plans[0].lines[0].priced", "has a price step"),
    "two prices": (with_steps(PRICE, PRICE, first=2), "plans[0].lines[0].steps", "has 2 price steps"),
    "first amount step": (with_steps(PRICE, first=0), "plans[0].lines[0].first_amount_step", "does not follow"),
    "quantity step behind": (
        with_steps(PRICE, ir.Mirror(), first=1),
        "plans[0].lines[0].steps[1]",
        "follows the price",
    ),
    "amount step before": (
        with_steps(ir.Plus(Fraction(1), None), PRICE, first=2),
        "plans[0].lines[0].steps[0]",
        "precedes the price",
    ),
    "arm without a price": (
        with_steps(ir.Match("region", (ir.Arm((), ()),)), first=1),
        "plans[0].lines[0].steps[0].arms[0].steps",
        "has 0 price steps",
    ),
    "amount step before the price of an arm": (
        with_steps(ir.Match("region", (ir.Arm((), (ir.Plus(Fraction(1), None), PRICE)),)), first=1),
        "plans[0].lines[0].steps[0].arms[0].steps[0]",
        "precedes the price",
    ),
    "else first": (
        with_steps(ir.Match("region", (ir.Arm((), (PRICE,)), ir.Arm((ir.Key("exact", "a"),), (PRICE,)))), first=1),
        "plans[0].lines[0].steps[0].arms",
        "the last arm",
    ),
    "match on what is gone": (
        with_steps(ir.AtLeast(ONE), ir.Match("region", (ir.Arm((), (PRICE,)),)), first=2),
        "plans[0].lines[0].steps[1].dimension",
        "region is not known here",
    ),
    "each of what is gone": (
        with_steps(ir.Mirror(), ir.Each(("region",)), PRICE, first=3),
        "plans[0].lines[0].steps[1].dimensions",
        "not all known",
    ),
    "table on a pool": (
        with_steps(ir.AtLeast(ONE), ir.Price(by_region()), first=2),
        "plans[0].lines[0].steps[1].rate.rate",
        "region is not known here",
    ),
    "table in a tier": (graduated(tier(None, by_region())), "plans[0].lines[0].steps[0].tiers[0].price.rate", "region"),
    "when on a pool step": (
        with_steps(ir.AtLeast(ONE, when=dimension("region")), PRICE, first=2),
        "plans[0].lines[0].steps[0].when",
        "the dimension region is not known here",
    ),
    "when on a price": (
        with_steps(ir.Price(linear(1), when=dimension("region")), first=1),
        "plans[0].lines[0].steps[0].when",
        "takes no condition",
    ),
    "where on a quantity": (
        with_steps(ir.Where(ir.Apply(">", (ir.Ref("quantity", "seats"), ONE)), False), PRICE, first=2),
        "plans[0].lines[0].steps[0].condition",
        "a quantity may not stand here",
    ),
    "include lacks the group": (
        with_steps(ir.Each(("region",)), ir.Include(ir.Ref("quantity", "seats"), None, None), PRICE, first=3),
        "plans[0].lines[0].steps[1].amount",
        "seats lacks a dimension of `each`",
    ),
    "dimension lost in an arm": (
        with_steps(
            ir.Match("region", (ir.Arm((), (ir.Graduated((tier(None, linear(1)),)),)),)),
            ir.Times("times", ONE, when=dimension("model")),
            first=1,
        ),
        "plans[0].lines[0].steps[1].when",
        "model is not known here",
    ),
    "round to zero": (
        with_steps(ir.RoundQuantity("up", Fraction(0)), PRICE, first=2),
        "plans[0].lines[0].steps[0].to",
        "positive",
    ),
    "package": (
        with_steps(ir.Price(ir.Package(ONE, Fraction(0), "full")), first=1),
        "plans[0].lines[0].steps[0].rate.size",
        "positive size",
    ),
    "scale": (
        with_steps(ir.Price(by_region(0)), first=1),
        "plans[0].lines[0].steps[0].rate.rate.scale",
        "a scale is positive",
    ),
    "table name": (
        with_steps(ir.Price(ir.Linear(ir.Lookup("nope", Fraction(1)))), first=1),
        "plans[0].lines[0].steps[0].rate.rate.table",
        "no table nope",
    ),
    "factor": (
        with_steps(ir.Price(ir.Linear(ir.Const("2"))), first=1),
        "plans[0].lines[0].steps[0].rate.rate",
        "a factor is a number",
    ),
    "no tiers": (graduated(), "plans[0].lines[0].steps[0].tiers", "no tiers"),
    "no above": (graduated(tier(5, linear(1))), "plans[0].lines[0].steps[0].tiers[0].upper", "last tier is `above`"),
    "above first": (
        graduated(tier(None, linear(1)), tier(None, linear(1))),
        "plans[0].lines[0].steps[0].tiers[0].upper",
        "only the last",
    ),
    "descending": (
        graduated(tier(5, linear(1)), tier(5, linear(1)), tier(None, linear(1))),
        "plans[0].lines[0].steps[0].tiers[1].upper",
        "bounds ascend",
    ),
    "even at zero": (
        graduated(tier(5, linear(1)), tier(None, linear(1), even_at_zero=True)),
        "plans[0].lines[0].steps[0].tiers[1].even_at_zero",
        "first tier only",
    ),
    "nested curve": (
        graduated(tier(None, ir.Graduated((tier(5, linear(1)),)))),
        "plans[0].lines[0].steps[0].tiers[0].price.tiers[0].upper",
        "last tier is `above`",
    ),
    "bands": (
        with_steps(
            PRICE,
            ir.DiscountGraduated((ir.Band(Fraction(5), Fraction(1)), ir.Band(Fraction(5), Fraction(1))), None),
            first=1,
        ),
        "plans[0].lines[0].steps[1].bands",
        "bands ascend",
    ),
    "adjustment of nothing": (with_adjustment(amount=None), "plans[0].adjustments[0]", "amount or bands"),
    "minimum of a percentage": (with_adjustment(kind="minimum"), "plans[0].adjustments[0]", "only a discount"),
    "minimum above": (
        with_adjustment(kind="minimum", percent=False, above=Fraction(1)),
        "plans[0].adjustments[0]",
        "only a discount has",
    ),
    "adjustment on no line": (with_adjustment(lines=()), "plans[0].adjustments[0].lines", "names no line"),
    "adjustment on what is not there": (
        with_adjustment(lines=("nope",)),
        "plans[0].adjustments[0].lines",
        "are not lines of the plan",
    ),
    "adjustment out of order": (
        with_adjustment(lines=("b", "a")),
        "plans[0].adjustments[0].lines",
        "in statement order",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused_and_where(name: str) -> None:
    bad, path, message = BAD[name]
    with pytest.raises(IrError) as caught:
        verify(bad)
    assert caught.value.path == path
    assert message in caught.value.message
