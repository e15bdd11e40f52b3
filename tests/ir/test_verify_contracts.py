"""What `verify` promises of contracts: each broken promise is named with its place."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.verify import IrError, verify
from tests.ir.sample import CONTRACT, PROGRAM, number

FIRST, SECOND = CONTRACT.versions
ANNUAL, STRICT, UNITS = CONTRACT.balances
FLOOR = CONTRACT.floors[0]


def contract(**parts: Any) -> ir.Program:
    return replace(PROGRAM, contracts=(replace(CONTRACT, **parts),))


def version(**parts: Any) -> ir.Program:
    return contract(versions=(FIRST, replace(SECOND, **parts)))


def annual(**parts: Any) -> ir.Program:
    return contract(balances=(replace(ANNUAL, **parts),))


def units(**parts: Any) -> ir.Program:
    return contract(balances=(replace(UNITS, **parts),))


def strict(**parts: Any) -> ir.Program:
    return contract(balances=(replace(STRICT, **parts),))


BALANCE = "contracts[0].balances[0]"
BAD: dict[str, tuple[ir.Program, str, str]] = {
    "two of a name": (replace(PROGRAM, contracts=(CONTRACT, CONTRACT)), "contracts", "stands here twice"),
    "a term that ends first": (contract(start=900), "contracts[0]", "ends after it starts"),
    "no version": (contract(versions=()), "contracts[0].versions", "there are none"),
    "a gap": (version(start=101), "contracts[0].versions[1]", "tile the term"),
    "an empty version": (version(end=100), "contracts[0].versions[1]", "tile the term"),
    "a term without its end": (contract(versions=(FIRST,)), "contracts[0].versions", "tile the term"),
    "another zone": (
        version(plan=replace(SECOND.plan, timezone="UTC")),
        "contracts[0].versions[1].plan",
        "billed as the contract",
    ),
    "a plan that is none": (
        version(plan=replace(SECOND.plan, order=())),
        "contracts[0].versions[1].plan.order",
        "in another order",
    ),
    "an override of nothing": (
        version(overrides=(ir.Override("fee", "price", 0, ()),)),
        "contracts[0].versions[1].overrides[0].line",
        "no line in force",
    ),
    "a name for two balances": (
        contract(floors=(replace(FLOOR, name="annual"),)),
        "contracts[0]",
        "balance 'annual' stands here twice",
    ),
    "a negative floor": (
        contract(floors=(replace(FLOOR, amount=Fraction(-1)),)),
        "contracts[0].floors[0].amount",
        "not negative",
    ),
    "a floor without time": (contract(floors=(replace(FLOOR, end=0),)), "contracts[0].floors[0]", "ends after"),
    "a floor on nothing": (
        contract(floors=(replace(FLOOR, covers=(ir.Cover("nope", None),)),)),
        "contracts[0].floors[0].covers[0].line",
        "no line nope",
    ),
    "a balance without time": (annual(end=0), BALANCE, "ends after it starts"),
    "an amount of lines": (annual(amount=ir.Ref("line", "tokens")), f"{BALANCE}.amount", "a line may not stand here"),
    "covers without a line": (annual(covers=()), f"{BALANCE}.covers", "covers no line"),
    "a line covered twice": (
        annual(covers=(ir.Cover("tokens", None), ir.Cover("tokens", None))),
        f"{BALANCE}.covers",
        "stands here twice",
    ),
    "a condition on a fee": (
        annual(covers=(ir.Cover("fee", ir.Ref("dimension", "model")),)),
        f"{BALANCE}.covers[0].where",
        "model is not known here",
    ),
    "a unit without a name": (units(unit=""), f"{BALANCE}.unit", "has a name"),
    "money over cells": (annual(policy="pro rata"), f"{BALANCE}.policy", "only units"),
    "a lifetime of nothing": (annual(lifetime_months=0), f"{BALANCE}.lifetime_months", "a month or more"),
    "a negative priority": (annual(priority=-1), f"{BALANCE}.priority", "0 or more"),
    "more than is left": (annual(rollover=Fraction(2)), f"{BALANCE}.rollover", "between 0 and 1"),
    "a rollover of no time": (annual(rollover_months=0), f"{BALANCE}.rollover_months", "a month or more"),
    "a lifetime of no rollover": (annual(rollover=None), f"{BALANCE}.rollover_months", "nothing rolls over"),
    "funded at nothing": (annual(funded=Fraction(0)), f"{BALANCE}.funded", "positive"),
    "funded on lines at no factor": (annual(funded=None), f"{BALANCE}.funded_lines", "no factor"),
    "funded on what is not covered": (annual(funded_lines=("fee",)), f"{BALANCE}.funded_lines", "not all covered"),
    "a negative overage": (annual(overage=Fraction(-1)), f"{BALANCE}.overage", "positive"),
    "an overage both ways": (annual(overage_rejects=True), f"{BALANCE}.overage", "has no factor"),
    "a credit with an overage": (strict(kind="credit"), f"{BALANCE}.overage", "only a commit has"),
    "units at a factor": (units(funded=Fraction(2)), f"{BALANCE}.funded", "on money"),
    "units that are rejected": (
        units(kind="commit", overage_rejects=True),
        f"{BALANCE}.overage_rejects",
        "an overage is money",
    ),
    "a credit that is invoiced": (units(invoiced=number(1)), f"{BALANCE}.invoiced", "only a commit"),
    "a cadence of nothing": (annual(invoiced=None), f"{BALANCE}.invoice_cadence", "nothing is invoiced"),
    "invoiced by the line": (annual(invoiced=ir.Ref("line", "fee")), f"{BALANCE}.invoiced", "may not stand here"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused_and_where(name: str) -> None:
    bad, path, message = BAD[name]
    with pytest.raises(IrError) as caught:
        verify(bad)
    assert caught.value.path == path
    assert message in caught.value.message


def test_clauses_that_go_together() -> None:
    verify(strict(overage=Fraction(3, 2), overage_rejects=False, invoiced=number(5)))
    verify(units(kind="commit", invoiced=number(5), invoice_cadence="monthly"))
    verify(contract(floors=(), balances=()))
