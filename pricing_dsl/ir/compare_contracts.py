"""What changed between two contracts: terms, balances, and over time the lines in force.

The terms of both are cut wherever either changes, the plans in force are compared piece by piece, and what changed
alike in neighbouring pieces is told once. What the contract's plan changed by itself is told there and not again. A
contract that one program lacks is told by what it makes of its plan. Pure, like `compare`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir import words
from pricing_dsl.ir.compare import Change, Where, change, compare_adjustments, compare_lines, declared, said
from pricing_dsl.values import periods


def instant(at: ir.Instant, timezone: str) -> str:
    """A local midnight as its date, any other instant in full.

    >>> instant(1767222000, "Europe/Paris"), instant(1767222000, "UTC")
    ('2026-01-01', '2025-12-31T23:00:00+00:00')
    """
    return periods.text(periods.moment_of(at, ZoneInfo(timezone)))


def stretch(start: ir.Instant, end: ir.Instant, timezone: str) -> str:
    return f"from {instant(start, timezone)} to {instant(end, timezone)}"


def has_no_term(contract: ir.Contract) -> bool:
    """Whether the contract names no term, and so runs through the whole calendar."""
    return instant(contract.end, contract.timezone) == ir.OPEN_TERM[1]


def term(contract: ir.Contract) -> str:
    return "no term" if has_no_term(contract) else stretch(contract.start, contract.end, contract.timezone)


def compare_contracts(
    old: ir.Program, new: ir.Program, currencies: tuple[str, str], of_plans: Sequence[Change]
) -> Iterator[Change]:
    """Contracts by name. `of_plans` are the changes of the plans, already told."""
    before, after = ({contract.name: contract for contract in program.contracts} for program in (old, new))
    for name in dict.fromkeys([*before, *after]):
        where = (f"contract {name}",)
        one, other = before.get(name), after.get(name)
        if one is not None and other is not None:
            if one != other:
                yield from compare_contract(one, other, where, currencies, of_plans)
            continue
        yield change(where, one, other, summary)
        if other is not None:
            for each in compare_agreed(plain(other, new), other, where, currencies):
                yield replace(each, old_span=None)
        elif one is not None:
            for each in compare_agreed(one, plain(one, old), where, currencies):
                yield replace(each, new_span=None)


def summary(contract: ir.Contract) -> str:
    """`on plan scale, customer cus_acme, from 2026-01-01 to 2027-01-01`."""
    parts = {"plan": contract.plan and f"on plan {CONTRACT_PARTS['plan'](contract)}"}
    parts["customer"] = contract.customer and f"customer {contract.customer}"
    parts["term"] = CONTRACT_PARTS["term"](contract)
    return ", ".join(text for text in parts.values() if text)


def plain(contract: ir.Contract, program: ir.Program) -> ir.Contract:
    """The same term of its plan alone: no line, override or balance of its own."""
    listed = next((plan for plan in program.plans if plan.name == contract.plan), None)
    bare = listed or replace(contract.versions[0].plan, lines=(), order=(), adjustments=())
    version = ir.Version(contract.start, contract.end, bare, ())
    return replace(contract, versions=(version,), balances=(), floors=())


def compare_agreed(old: ir.Contract, new: ir.Contract, where: Where, currencies: tuple[str, str]) -> Iterator[Change]:
    """What is agreed beside the terms: lines over time, and balances."""
    yield from compare_versions(old, new, where, currencies, set())
    yield from compare_balances(old, new, where)


def compare_contract(
    old: ir.Contract, new: ir.Contract, where: Where, currencies: tuple[str, str], of_plans: Iterable[Change]
) -> Iterator[Change]:
    """Changes of one contract; `of_plans` are those of the plans, already told."""
    for part, say in CONTRACT_PARTS.items():
        yield from said((*where, part), say(old), say(new), old, new)
    plan = f"plan {new.plan}"
    told = {(each.where[1:], each.old, each.new) for each in of_plans if each.where[0] == plan}
    yield from compare_versions(old, new, where, currencies, told)
    yield from compare_balances(old, new, where)


CONTRACT_PARTS: dict[str, Any] = {
    "label": lambda c: c.label,
    "customer": lambda c: c.customer or "nobody",
    "plan": lambda c: f"{c.plan or 'none'}" + ("" if c.plan_version is None else f" version {c.plan_version}"),
    "term": lambda c: term(c),
    "timezone": lambda c: c.timezone,
}


# --- lines over time -----------------------------------------------------------------------------------------------


def compare_versions(
    old: ir.Contract, new: ir.Contract, where: Where, currencies: tuple[str, str], told: set[Any]
) -> Iterator[Change]:
    """What is in force, in the time that both terms have in common."""
    start, end = max(old.start, new.start), min(old.end, new.end)
    at = {v.start for v in (*old.versions, *new.versions) if start < v.start < end}
    found: list[_Told] = []
    for a, b in pairwise(sorted({start, end, *at}) if start < end else []):
        still = {each.of: each for each in found if each.end == a}
        here: dict[Any, int] = {}
        for each in plan_changes(version_at(old, a).plan, version_at(new, a).plan, (), currencies):
            if each.says in told:
                continue
            here[each.says] = here.get(each.says, 0) + 1  # two adjustments without a name may say the same
            of = (each.says, here[each.says])
            if of in still:
                still[of].end = b
            else:
                found.append(_Told(of, each, a, b))
    for one in found:
        when = () if (one.start, one.end) == (start, end) else (stretch(one.start, one.end, new.timezone),)
        yield replace(one.change, where=(*where, *when, *one.change.where))


@dataclass
class _Told:
    """A change of what is in force, and the time in which it is the same; `of` tells it from others."""

    of: tuple[Any, int]
    change: Change
    start: ir.Instant
    end: ir.Instant


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
    for each in declared("", before, after, _compare_state, _summary):
        place = each.where[0].removeprefix(" ")
        node = next(one for one in (*after, *before) if one.name == place)
        yield replace(each, where=(*where, f"{balance_word(node.node)} {place}", *each.where[1:]))


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
    """One line, after its name: `120_000 prepaid yearly, covers tokens, requests, rollover 20%`."""
    parts = balance_parts(node, contract)
    amount = f"{parts.pop('amount')} {parts.pop('grant').removeprefix('credit')}".rstrip()
    return ", ".join([amount.replace("  ", " "), *(f"{part} {text}" for part, text in parts.items())])


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
