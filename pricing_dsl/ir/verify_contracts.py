"""What every contract in IR promises: the part of `verify` that speaks of sections 7 and 8 of the language reference.

Versions tile the term, each with a whole plan of the contract's bill, zone and rounding; overrides name lines in force;
balances and floors have names of their own, a span of time, covers that some version has, and clauses that go together.
An evaluator may rely on all of it, wherever the program came from. Raises `IrError` with the place, as `verify` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

from pricing_dsl.ir import nodes as ir


class Door(NamedTuple):
    """What `verify` lends: `require(condition, path, message)`, and how it looks at names, plans and expressions."""

    require: Callable[[object, str, str], None]
    require_unique: Callable[[list[str], str, str], None]
    verify_plan: Callable[[ir.Plan, str], None]
    verify_expression: Callable[[ir.Expression, str, set[str], frozenset[str]], None]
    dimensions: Mapping[str, frozenset[str]]
    """Of each meter and quantity."""


def verify_contracts(door: Door, contracts: tuple[ir.Contract, ...]) -> None:
    """Raises `IrError` for the first promise that a contract breaks."""
    door.require_unique([contract.name for contract in contracts], "contracts", "contract")
    for i, contract in enumerate(contracts):
        path = f"contracts[{i}]"
        door.require(contract.start < contract.end, path, "a term ends after it starts")
        _verify_versions(door, contract, path)
        names = [balance.name for balance in contract.balances] + [floor.name for floor in contract.floors]
        door.require_unique(names, path, "balance")
        known = _cover_dimensions(door, contract)
        for j, balance in enumerate(contract.balances):
            _verify_balance(door, balance, known, f"{path}.balances[{j}]")
        for j, floor in enumerate(contract.floors):
            here = f"{path}.floors[{j}]"
            door.require(floor.amount >= 0, f"{here}.amount", "a postpaid commit is not negative")
            door.require(floor.start < floor.end, here, "a commit ends after it starts")
            _verify_covers(door, floor.covers, known, f"{here}.covers")


def _verify_versions(door: Door, contract: ir.Contract, path: str) -> None:
    at = contract.start
    door.require(contract.versions, f"{path}.versions", "there are none")
    for i, version in enumerate(contract.versions):
        here = f"{path}.versions[{i}]"
        door.require(version.start == at < version.end, here, "versions tile the term")
        at = version.end
        plan = version.plan
        own = (contract.bill, contract.timezone, contract.rounding)
        door.require((plan.bill, plan.timezone, plan.rounding) == own, f"{here}.plan", "is billed as the contract is")
        door.verify_plan(plan, f"{here}.plan")
        lines = {line.name for line in plan.lines}
        for j, override in enumerate(version.overrides):
            door.require(override.line in lines, f"{here}.overrides[{j}].line", "is no line in force")
    door.require(at == contract.end, f"{path}.versions", "versions tile the term")


def _cover_dimensions(door: Door, contract: ir.Contract) -> dict[str, frozenset[str]]:
    """Every line that some version has, with the dimensions of what it is on; none of a fee or an amount."""
    known: dict[str, frozenset[str]] = {}
    for version in contract.versions:
        for line in version.plan.lines:
            source = line.source if isinstance(line, ir.Charge) and isinstance(line.source, str) else ""
            known[line.name] = known.get(line.name, frozenset()) | door.dimensions.get(source, frozenset())
    return known


def _verify_covers(
    door: Door, covers: tuple[ir.Cover, ...] | None, known: Mapping[str, frozenset[str]], path: str
) -> None:
    if covers is None:
        return
    door.require(covers, path, "covers no line")
    door.require_unique([cover.line for cover in covers], path, "covered line")
    for i, cover in enumerate(covers):
        door.require(cover.line in known, f"{path}[{i}].line", f"there is no line {cover.line}")
        if cover.where is not None:
            door.verify_expression(cover.where, f"{path}[{i}].where", {"dimension"}, known[cover.line])


def _verify_balance(door: Door, balance: ir.Balance, known: Mapping[str, frozenset[str]], path: str) -> None:
    door.require(balance.start < balance.end, path, "a balance ends after it starts")
    door.verify_expression(balance.amount, f"{path}.amount", {"quantity"}, frozenset())
    _verify_covers(door, balance.covers, known, f"{path}.covers")
    for field, holds, message in _clauses(balance):
        door.require(holds, f"{path}.{field}", message)
    if balance.invoiced is not None:
        door.verify_expression(balance.invoiced, f"{path}.invoiced", {"quantity"}, frozenset())


def _clauses(balance: ir.Balance) -> Iterator[tuple[str, bool, str]]:
    """What the clauses of a commit or credit promise: the field, whether it holds, and the promise."""
    covered = None if balance.covers is None else {cover.line for cover in balance.covers}
    factors = (balance.funded, balance.overage)
    invoiced = (balance.invoiced, balance.invoice_cadence)
    yield "unit", balance.unit != "", "a unit has a name"
    yield "policy", balance.unit is not None or balance.policy is None, "only units are shared over cells"
    yield "lifetime_months", _at_least(balance.lifetime_months, 1), "a lifetime is a month or more"
    yield "priority", _at_least(balance.priority, 0), "a priority is 0 or more"
    yield "rollover", balance.rollover is None or 0 <= balance.rollover <= 1, "a share lies between 0 and 1"
    yield "rollover_months", _at_least(balance.rollover_months, 1), "a lifetime is a month or more"
    yield "rollover_months", balance.rollover_months is None or balance.rollover is not None, "nothing rolls over"
    yield "funded", _above(balance.funded, 0), "a factor is positive"
    yield "funded_lines", balance.funded_lines is None or balance.funded is not None, "there is no factor"
    yield "funded_lines", covered is None or covered.issuperset(balance.funded_lines or ()), "are not all covered"
    yield "overage", _above(balance.overage, 0), "a factor is positive"
    yield "overage", balance.overage is None or not balance.overage_rejects, "what is rejected has no factor"
    is_commit = balance.kind == "commit"
    yield "overage", is_commit or not (balance.overage or balance.overage_rejects), "only a commit has an overage"
    yield "funded", balance.unit is None or factors == (None, None), "factors are on money"
    yield "overage_rejects", balance.unit is None or not balance.overage_rejects, "an overage is money"
    yield "invoiced", is_commit or invoiced == (None, None), "only a commit is invoiced"
    yield "invoice_cadence", invoiced[0] is not None or invoiced[1] is None, "nothing is invoiced"


def _at_least(number: int | None, least: int) -> bool:
    return number is None or number >= least


def _above(number: Fraction | None, least: int) -> bool:
    return number is None or number > least
