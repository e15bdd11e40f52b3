"""The rules of segments, counters, fees and balances, each with its worked figures, over one period or several.

`contracts/NN_*.toml` holds a program and cases on its contracts, NN is the rule. A case has a `period` ("FROM to
UNTIL"), `usage` (a mapping, or the segments of a cut period, each with its first instant as `at`), perhaps opening
`balances` and `counters`, and what must come out. `[[case.then]]` are the periods after it, which open with what the
last one closed; `bills = 12` is the same period in twelve consecutive months. What may be stated:

    lines, exact      amounts by line, rounded and before rounding        total, due, is_final
    rows, kinds       adjustments by their id, and sums of one kind       sum   line amounts over all periods of a case
    draws             by balance, or by "balance line"                    invoiced   by commit
    closing, granted, drawn, expired, rolled_over   of balances           counted    closing counters by line
    lots              [amount, end] of what is left                       assumed, unpriced ([line, quantity])
    error             the code, and words of the message
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import pricing_dsl
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.values.periods import month_start
from tests.conformance.test_programs import without_reasons

FILES = sorted((Path(__file__).parent / "contracts").glob("*.toml"))
CASES = [(path, case) for path in FILES for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]]
INPUTS = {"name", "on", "period", "usage", "balances", "counters", "bills", "then", "sum"}


@cache
def compiled(path: Path) -> pricing_dsl.Program:
    return pricing_dsl.compile(tomllib.loads(path.read_text(encoding="utf-8"))["program"], name=path.name)


@pytest.mark.parametrize(("path", "case"), [pytest.param(p, c, id=f"{p.stem}: {c['name']}") for p, c in CASES])
def test_case(path: Path, case: dict[str, Any]) -> None:
    program = compiled(path)
    contract = case.get("on", program.contracts[0])
    state: dict[str, Any] = {}
    sums: dict[str, Decimal] = defaultdict(Decimal)
    periods = list(all_periods(case))
    for given in periods:
        state = {name: given.get(name, value) for name, value in {"balances": {}, "counters": {}, **state}.items()}
        arguments = (usage_of(given), bounds(given["period"]), state["balances"], state["counters"])
        evaluator = program.evaluator(contract)
        if "error" in given:
            with pytest.raises(EvaluationError) as refused:
                evaluator(*arguments)
            assert all(word in f"{refused.value} {refused.value.help}" for word in given["error"].split())
            continue
        statement = evaluator(*arguments)
        explained = evaluator.explain(*arguments).to_dict()
        assert without_reasons(explained) == without_reasons(statement.to_dict())
        check(statement, given)
        check_laws(statement)
        for line in statement.lines:
            sums[line.id] += line.amount
        state = closing_state(program, contract, statement)
    assert {line: str(sums[line]) for line in case.get("sum", {})} == case.get("sum", {})
    assert "sum" in case or all(stated(given) for given in periods), "a period that states nothing proves nothing"


def all_periods(case: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The periods of a case in time order; those after the first open with what the one before closed."""
    yield case
    start, end = bounds(case["period"])
    for months in range(1, case.get("bills", 1)):
        period = f"{later(start, months)} to {later(end, months)}"
        yield {"period": period, "usage": case.get("usage", {})}
    yield from case.get("then", ())


def later(day: str, months: int) -> date:
    first = date.fromisoformat(day)
    return month_start(first, months, first.day)


def bounds(period: str) -> tuple[str, str]:
    start, _, end = period.partition(" to ")
    return start, end


def usage_of(given: Mapping[str, Any]) -> Any:
    """Usage as an evaluator takes it: segments end where the next begins."""
    usage = given.get("usage", {})
    if isinstance(usage, dict):
        return usage
    ends = [segment["at"] for segment in usage[1:]] + [bounds(given["period"])[1]]
    return [
        {"from": segment["at"], "to": end, "usage": {name: value for name, value in segment.items() if name != "at"}}
        for segment, end in zip(usage, ends, strict=True)
    ]


def stated(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in given.items() if name not in INPUTS}


def check(statement: Statement, given: Mapping[str, Any]) -> None:
    """Everything a case states, read off the statement in the form in which it is stated."""
    expected = stated(given)
    assert {name: read(statement, name, value) for name, value in expected.items()} == expected


def read(statement: Statement, name: str, value: Any) -> Any:
    balances = statement.balances
    match name:
        case "lines":
            return {line: str(statement.line(line).amount) for line in value}
        case "exact":
            return {line: str(statement.line(line).exact) for line in value}
        case "total" | "due":
            return str(getattr(statement, name))
        case "is_final":
            return statement.is_final
        case "rows":
            return {row.id: str(row.amount) for row in statement.adjustments if row.id in value}
        case "kinds":
            rows = statement.adjustments
            return {kind: str(sum((r.amount for r in rows if r.kind == kind), Decimal("0.00"))) for kind in value}
        case "draws":
            return {key: alike(sum_of_draws(statement, key), value[key]) for key in value}
        case "invoiced":
            return {
                key: alike(sum(i.amount for i in statement.invoiced if i.commit == key), value[key]) for key in value
            }
        case "closing" | "granted" | "drawn" | "expired" | "rolled_over" | "opening":
            return {key: alike(getattr(balances[key], name), value[key]) for key in value}
        case "lots":
            return {key: [[str(lot.amount), lot.end] for lot in balances[key].lots] for key in value}
        case "counted":
            return {line: counter_as_stated(statement.counters[line], value[line]) for line in value}
        case "assumed":
            return list(statement.assumed)
        case "unpriced":
            return [[entry.line, str(entry.quantity)] for entry in statement.unpriced]
    raise AssertionError(f"a case cannot state {name}")


def alike(amount: Decimal | int, stated: str) -> str:
    """The amount in the decimals in which it is stated: 10, 10.0 and 10.00 are one amount."""
    return stated if amount == Decimal(stated) else str(amount)


def counter_as_stated(counter: Any, stated: Any) -> Any:
    """A closing counter as stated: a number, or cells in any order."""
    if isinstance(stated, str):
        pooled = counter if isinstance(counter, str) else sum(Decimal(cell["quantity"]) for cell in counter)
        return alike(Decimal(pooled), stated)
    cells = [{**cell, "quantity": str(cell["quantity"])} for cell in counter]
    return sorted(cells, key=str) if sorted(cells, key=str) != sorted(stated, key=str) else stated


def sum_of_draws(statement: Statement, key: str) -> Decimal:
    balance, _, line = key.partition(" ")
    drawn = (draw for draw in statement.draws if draw.balance == balance and line in ("", draw.line))
    return sum((draw.amount for draw in drawn), Decimal(0))


def check_laws(statement: Statement) -> None:
    """A statement foots, and what a balance had is where it went (rule 34)."""
    rows = sum(row.amount for row in statement.adjustments)
    assert statement.total == sum((line.amount for line in statement.lines), Decimal(0)) + rows
    money = [draw.amount for draw in statement.draws if statement.balances[draw.balance].unit == statement.currency]
    invoiced: Sequence[Decimal] = [entry.amount for entry in statement.invoiced]
    assert statement.due == statement.total - sum(money) + sum(invoiced)
    for movement in statement.balances.values():
        assert movement.opening + movement.granted == movement.drawn + movement.expired + movement.closing


def closing_state(program: pricing_dsl.Program, contract: str, statement: Statement) -> dict[str, Any]:
    """What the next period opens with: lots of balances, what counted so far of postpaid commits, counters."""
    (agreed,) = (found for found in program.ir.contracts if found.name == contract)
    lots = {
        balance.name: [lot.to_dict() for lot in statement.balances[balance.name].lots] for balance in agreed.balances
    }
    so_far = {floor.name: str(statement.balances[floor.name].closing) for floor in agreed.floors}
    return {"balances": {**lots, **so_far}, "counters": dict(statement.counters)}


def test_there_are_cases() -> None:
    assert {int(path.name[:2]) for path in FILES} >= {1, 2, 3, 4, 5, 9, 20, 21, 24, 26, 28, 29, 30, 31, 32, 33, 34}
