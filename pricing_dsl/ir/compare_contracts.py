"""What changed between two contracts: terms, balances, and over time the lines in force.

The terms of both are cut wherever either changes, the plans in force are compared piece by piece, and neighbouring
pieces that changed alike are told as one. What the contract's plan changed by itself is told there and not again.
Pure, like `compare`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir import words
from pricing_dsl.ir.compare import Change, Where, compare_adjustments, compare_lines, declared, said
from pricing_dsl.values import periods


def instant(at: ir.Instant, timezone: str) -> str:
    """A local midnight as its date, any other instant in full.

    >>> instant(1767222000, "Europe/Paris"), instant(1767222000, "UTC")
    ('2026-01-01', '2025-12-31T23:00:00+00:00')
    """
    return periods.text(periods.moment_of(at, ZoneInfo(timezone)))


def stretch(start: ir.Instant, end: ir.Instant, timezone: str) -> str:
    return f"from {instant(start, timezone)} to {instant(end, timezone)}"


def compare_contract(
    old: ir.Contract, new: ir.Contract, where: Where, currencies: tuple[str, str], of_plans: Iterable[Change]
) -> Iterator[Change]:
    """Changes of one contract; `of_plans` are those of the plans, already told."""
    for part, say in CONTRACT_PARTS.items():
        yield from said((*where, part), say(old), say(new), old, new)
    plan = f"plan {new.plan}"
    told = {(change.where[1:], change.old, change.new) for change in of_plans if change.where[0] == plan}
    yield from compare_versions(old, new, where, currencies, told)
    yield from compare_balances(old, new, where)


CONTRACT_PARTS: dict[str, Any] = {
    "label": lambda c: c.label,
    "customer": lambda c: c.customer or "nobody",
    "plan": lambda c: f"{c.plan or 'none'}" + ("" if c.plan_version is None else f" version {c.plan_version}"),
    "term": lambda c: stretch(c.start, c.end, c.timezone),
    "timezone": lambda c: c.timezone,
}


# --- lines over time -----------------------------------------------------------------------------------------------


def compare_versions(
    old: ir.Contract, new: ir.Contract, where: Where, currencies: tuple[str, str], told: set[Any]
) -> Iterator[Change]:
    """What is in force, in the time that both terms have in common."""
    start, end = max(old.start, new.start), min(old.end, new.end)
    at = {v.start for v in (*old.versions, *new.versions) if start < v.start < end}
    pieces: list[tuple[ir.Instant, ir.Instant, list[Change]]] = []
    for a, b in pairwise(sorted({start, end, *at}) if start < end else []):
        found = [
            change
            for change in plan_changes(version_at(old, a).plan, version_at(new, a).plan, (), currencies)
            if change.says not in told
        ]
        if pieces and [c.says for c in pieces[-1][2]] == [c.says for c in found]:
            pieces[-1] = (pieces[-1][0], b, pieces[-1][2])
        else:
            pieces.append((a, b, found))
    for a, b, found in pieces:
        when = () if (a, b) == (start, end) else (stretch(a, b, new.timezone),)
        for change in found:
            yield replace(change, where=(*where, *when, *change.where))


def version_at(contract: ir.Contract, at: ir.Instant) -> ir.Version:
    """What is in force at an instant of the term."""
    return next(version for version in contract.versions if version.start <= at < version.end)


def plan_changes(old: ir.Plan, new: ir.Plan, where: Where, currencies: tuple[str, str]) -> Iterator[Change]:
    """What differs in amounts: terms of the bill, lines and adjustments."""
    yield from said((*where, "bill"), words.bill(old.bill), words.bill(new.bill), old.bill, new.bill)
    yield from said((*where, "round"), old.rounding, new.rounding, old, new)
    yield from compare_lines(old.lines, new.lines, where, currencies)
    yield from compare_adjustments(old.adjustments, new.adjustments, where)


# --- balances ------------------------------------------------------------------------------------------------------


def compare_balances(old: ir.Contract, new: ir.Contract, where: Where) -> Iterator[Change]:
    """Commits and credits by name, each by what is said of it."""
    before, after = state(old), state(new)
    for change in declared("", before, after, _compare_state, _summary):
        place = change.where[0].removeprefix(" ")
        node = next(each for each in (*after, *before) if each.name == place)
        yield replace(change, where=(*where, f"{balance_word(node.node)} {place}", *change.where[1:]))


class _State:
    """A balance or floor with the term that it stands in."""

    def __init__(self, node: ir.Balance | ir.Floor, contract: ir.Contract) -> None:
        self.node = node
        self.contract = contract
        self.name = node.name
        self.span = node.span

    def parts(self) -> dict[str, str]:
        return balance_parts(self.node, self.contract)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _State) and self.parts() == other.parts()

    __hash__ = None  # type: ignore[assignment]


def state(contract: ir.Contract) -> Sequence[_State]:
    nodes: tuple[ir.Balance | ir.Floor, ...] = (*contract.balances, *contract.floors)
    return [_State(node, contract) for node in nodes]


def _compare_state(old: _State, new: _State, where: Where) -> Iterator[Change]:
    before, after = old.parts(), new.parts()
    for part in dict.fromkeys([*before, *after]):
        yield from said((*where, part), before.get(part, "not said"), after.get(part, "not said"), old.node, new.node)


def _summary(of: _State) -> str:
    return balance_words(of.node, of.contract)


def balance_word(node: ir.Balance | ir.Floor) -> str:
    return "commit" if isinstance(node, ir.Floor) else node.kind


def balance_words(node: ir.Balance | ir.Floor, contract: ir.Contract) -> str:
    """One line: `120_000 prepaid yearly, covers tokens, requests, rollover 20%`."""
    parts = balance_parts(node, contract)
    amount = f"{parts.pop('amount')} {parts.pop('grant')}"
    return ", ".join([amount, *(f"{part} {text}" for part, text in parts.items())])


def balance_parts(node: ir.Balance | ir.Floor, contract: ir.Contract) -> dict[str, str]:
    """What is said of a balance, by the word that says it; what is not said is not there."""
    cadence = "" if node.cadence is None else f" {node.cadence}"
    if isinstance(node, ir.Floor):
        parts = {"amount": words.money(node.amount), "grant": f"postpaid{cadence}"}
    else:
        amount = words.expression(node.amount, amount=node.unit is None)
        unit = "" if node.unit is None else f" {node.unit}"
        over = "" if node.policy is None else f" across cells {node.policy}"
        kind = "prepaid" if node.kind == "commit" else "credit"
        parts = {"amount": f"{amount}{unit}{over}", "grant": f"{kind}{cadence}"}
    if (node.start, node.end) != (contract.start, contract.end):
        parts["valid"] = stretch(node.start, node.end, contract.timezone)
    parts["covers"] = words.covers(node.covers)
    return parts if isinstance(node, ir.Floor) else parts | _balance_terms(node)


def _balance_terms(node: ir.Balance) -> dict[str, str]:
    parts: dict[str, str] = {}
    if node.lifetime_months is not None:
        parts["valid for"] = f"{node.lifetime_months} months"
    if node.priority is not None:
        parts["priority"] = str(node.priority)
    if node.rollover is not None:
        months = "" if node.rollover_months is None else f" for {node.rollover_months} months"
        parts["rollover"] = words.percent(node.rollover) + months
    if node.funded is not None:
        on = "" if node.funded_lines is None else f" on {', '.join(node.funded_lines)}"
        parts["funded times"] = words.money(node.funded) + on
    if node.overage_rejects or node.overage is not None:
        parts["overage"] = "reject" if node.overage is None else f"times {words.money(node.overage)}"
    if node.kind == "commit":
        parts["invoiced"] = "not" if node.invoiced is None else words.expression(node.invoiced, amount=True)
        if node.invoice_cadence is not None:
            parts["invoiced"] += f" {node.invoice_cadence}"
    return parts
