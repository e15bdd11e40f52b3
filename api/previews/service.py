"""Previews by the million: bound contracts and what their periods open with are kept, and asked again now and then.

What is kept is at most `FRESH_SECONDS` old: a program published or a statement finalised elsewhere is seen after that
time, one of this process at once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple

import pricing_dsl
from api.auth import Caller
from api.metrics import COMPILING, EVALUATING, PREVIEWS
from api.previews.schemas import IncrementStruct, InlineStruct, PreviewStruct, ProgramStruct
from api.problems import Problem
from api.state import State
from pricing_dsl.evaluate.evaluator import Evaluator, Period
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.ir import json as ir_json
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.numbers import decimal_text
from runtime.rating.backtest import measured
from runtime.rating.bound import Bound
from runtime.rating.preview import Opening, both, pieces_of
from runtime.rating.usage import stored_usage
from runtime.store.repositories import programs
from runtime.store.tables import Contract

FRESH_SECONDS: Final = 0.25
"""How old what is kept of contracts, openings and stored usage may be."""
KEPT_MAX: Final = 50_000
"""Entries that are kept; then they are all looked up again."""
NO_OPENING: Final = Opening({}, {}, None)


class Agreed(NamedTuple):
    """A customer's contract and its evaluator."""

    row: Contract
    bound: Bound


class Previews:
    """The previews of one server."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._kept: dict[tuple[Any, ...], tuple[float, Any]] = {}

    # --- what is asked ---

    def preview(self, caller: Caller, asked: PreviewStruct) -> dict[str, Any]:
        """The statement as JSON."""
        statement = self.statement(caller, asked)
        PREVIEWS.inc()
        return {**statement.to_dict(), "is_final": statement.is_final}

    def statement(self, caller: Caller, asked: PreviewStruct) -> Statement:
        require_one_way(asked)
        period = None if asked.period is None else (asked.period.from_, asked.period.to)
        if asked.program is not None or asked.inline is not None:
            return self._unbound(caller, asked, period)
        agreed = self._agreed(caller.tenant_id, str(asked.customer), asked.contract)
        resolved = agreed.bound.evaluator.contract_period(period)
        opening = self._opening(agreed, resolved.start, period, asked)
        usage = self._usage(agreed.bound, agreed.row.customer, resolved, opening, asked)
        return timed(agreed.bound.evaluator, usage, period, opening, explain=asked.explain)

    def increment(self, caller: Caller, asked: IncrementStruct) -> dict[str, Any]:
        """What one more piece of usage costs, after what was used so far."""
        require_one_way(asked)
        period = None if asked.period is None else (asked.period.from_, asked.period.to)
        if asked.program is not None or asked.inline is not None:
            evaluator, contract = self._target(caller, asked)
            usage = asked.usage or {}
            if source_of(asked) != "supplied":
                assert contract is not None
                usage = self._stored_of(caller, asked, evaluator, contract, period)
        else:
            agreed = self._agreed(caller.tenant_id, str(asked.customer), asked.contract)
            evaluator = agreed.bound.evaluator
            resolved = evaluator.contract_period(period)
            usage = self._usage(agreed.bound, agreed.row.customer, resolved, NO_OPENING, asked)
        before = evaluator.amounts(usage, period)
        after = evaluator.amounts(with_more(usage, asked.add), period)
        digits = evaluator.program.digits

        def money(minor: int) -> str:
            return str(Decimal(minor).scaleb(-digits))

        rises = {name: minor - before.get(name, 0) for name, minor in after.items()}
        changed = {name: money(rise) for name, rise in rises.items() if rise and name != "total"}
        return {
            "amount": money(rises["total"]),
            "currency": evaluator.program.currency,
            "lines": changed,
            "total": money(after["total"]),
        }

    # --- contracts ---

    def _agreed(self, tenant_id: str, customer: str, contract: str | None) -> Agreed:
        key = "agreed", tenant_id, customer, contract
        known = self._known(key)
        if known is None:
            with self.state.database.reading() as work:
                row = programs.contract(work, tenant_id, customer, contract)
                known = Agreed(row, self.state.binder.bind(work, row))
            self._keep(key, known)
        found: Agreed = known
        return found

    def _opening(self, agreed: Agreed, start: int, period: Period | None, asked: PreviewStruct) -> Opening:
        if asked.balances is not None or asked.counters is not None:
            return Opening(asked.balances or {}, asked.counters or {}, None)
        if start <= agreed.bound.contract.start:
            return NO_OPENING
        key = "opening", agreed.row.id, agreed.bound.versions, start
        known = self._known(key)
        if known is None:
            resolved = agreed.bound.evaluator.contract_period(period)
            with self.state.database.reading() as work:
                known = self.state.previewer.opening(work, agreed.row, agreed.bound, resolved)
            self._keep(key, known)
        found: Opening = known
        return found

    def _usage(self, bound: Bound, customer: str, resolved: Any, opening: Opening, asked: PreviewStruct) -> Any:
        source = source_of(asked)
        if source == "supplied":
            return asked.usage or {}
        key = "usage", customer, bound.versions, resolved.start, resolved.end, bound.contract.name
        stored = self._known(key)
        if stored is None:
            with self.state.database.reading() as work:
                stored = stored_usage(work, bound, customer, pieces_of(bound, resolved, opening))
            self._keep(key, stored)
        return stored if source == "stored" or not asked.usage else both(bound, stored, asked.usage)

    # --- programs ---

    def _unbound(self, caller: Caller, asked: PreviewStruct, period: Period | None) -> Statement:
        """By a published or an inline program, which nothing is bound to."""
        evaluator, contract = self._target(caller, asked)
        usage = asked.usage or {}
        if source_of(asked) != "supplied":
            assert contract is not None
            usage = self._stored_of(caller, asked, evaluator, contract, period)
        opening = Opening(asked.balances or {}, asked.counters or {}, None)
        return timed(evaluator, usage, period, opening, explain=asked.explain)

    def _stored_of(
        self, caller: Caller, asked: PreviewStruct, evaluator: Evaluator, contract: ir.Contract, period: Period | None
    ) -> Any:
        with self.state.database.reading() as work:
            bound = Bound((), evaluator, contract, measured(work, caller.tenant_id, evaluator.program, contract))
            pieces = pieces_of(bound, evaluator.contract_period(period), NO_OPENING)
            stored = stored_usage(work, bound, str(asked.customer), pieces)
        return stored if source_of(asked) == "stored" or not asked.usage else both(bound, stored, asked.usage)

    def _target(self, caller: Caller, asked: PreviewStruct) -> tuple[Evaluator, ir.Contract | None]:
        if asked.inline is not None:
            evaluator = self._inline(asked.inline, asked.on)
        else:
            assert asked.program is not None
            evaluator = self._published(caller.tenant_id, asked.program, asked.on)
        contract = evaluator.target if isinstance(evaluator.target, ir.Contract) else None
        if source_of(asked) != "supplied" and (contract is None or asked.customer is None):
            raise Problem("A0201", "stored usage is priced by a customer's contract", "give `customer` and `on`", "/on")
        return evaluator, contract

    def _inline(self, inline: InlineStruct, on: str | None) -> Evaluator:
        started = time.perf_counter()
        program = pricing_dsl.compile(inline.source, name="inline.pricing", files=inline.files)
        COMPILING.observe(time.perf_counter() - started)
        return program.evaluator(chosen((*program.plans, *program.contracts), on))

    def _published(self, tenant_id: str, program: ProgramStruct, on: str | None) -> Evaluator:
        key = "program", tenant_id, program.name, program.version, on
        known = self._known(key)
        if known is None:
            with self.state.database.reading() as work:
                row = (
                    programs.versions(work, tenant_id, program.name)[-1]
                    if program.version is None
                    else programs.version(work, tenant_id, program.name, program.version)
                )
            made = self._known(("ir", row.id)) or ir_json.loads(row.ir)
            self._keep(("ir", row.id), made, float("inf"))
            targets: tuple[ir.Plan | ir.Contract, ...] = (*made.plans, *made.contracts)
            name = chosen([target.name for target in targets], on)
            target = next(target for target in targets if target.name == name)
            known = self._known(("evaluator", row.id, name)) or Evaluator(made, target)
            self._keep(("evaluator", row.id, name), known, float("inf"))
            self._keep(key, known)
        found: Evaluator = known
        return found

    # --- what is kept ---

    def _known(self, key: tuple[Any, ...]) -> Any:
        found = self._kept.get(key)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def _keep(self, key: tuple[Any, ...], value: Any, seconds: float = FRESH_SECONDS) -> None:
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept[key] = time.monotonic() + seconds, value

    def forget(self) -> None:
        """Something was published, bound or finalised here."""
        self._kept.clear()


def timed(evaluator: Evaluator, usage: Any, period: Period | None, opening: Opening, *, explain: bool) -> Statement:
    started = time.perf_counter()
    run = evaluator.explain if explain else evaluator
    statement = run(usage, period, opening.balances, opening.counters)
    EVALUATING.observe(time.perf_counter() - started)
    return statement


def source_of(asked: PreviewStruct) -> str:
    return asked.usage_from or ("stored" if asked.usage is None else "supplied")


def require_one_way(asked: PreviewStruct) -> None:
    """Raise `Problem` A0201 unless it is said by what to price: one customer's contract, or one program."""
    if asked.program is not None and asked.inline is not None:
        raise Problem("A0201", "`program` and `inline` are two ways to say the same", "give one", "/inline")
    if asked.program is None and asked.inline is None:
        if asked.customer is None:
            raise Problem("A0201", "nothing says what prices", "give `customer`, `program` or `inline`", "/customer")
        if asked.on is not None:
            raise Problem("A0201", "`on` names what of a program prices", "give `program` or `inline` with it", "/on")


def chosen(names: Any, on: str | None) -> str:
    """The plan or contract to price: the one that is named, or the only one there is."""
    there = ", ".join(f"`{name}`" for name in names) or "none"
    if on is None:
        if len(names) != 1:
            raise Problem("A0201", "the program has not one plan or contract alone", f"say `on`: {there}", "/on")
        return str(names[0])
    if on not in names:
        raise Problem("A0201", f"the program has no plan or contract `{on}`", f"there are: {there}", "/on")
    return on


def with_more(usage: Any, more: Any) -> Any:
    """Usage and one more piece of it. Raises `Problem` A0201 for what is no usage."""
    if not isinstance(usage, Mapping) or not isinstance(more, Mapping):
        raise Problem("A0201", "usage that is added to maps meters to quantities or cells", "", "/add")
    merged = dict(usage)
    for meter, added in more.items():
        known = merged.get(meter)
        merged[meter] = added if known is None else summed(known, added)
    return merged


def summed(known: Any, added: Any) -> Any:
    if type(known) is int and type(added) is int:
        return known + added
    cells: dict[tuple[tuple[str, Any], ...], Any] = {}
    for cell in (*cells_of(known), *cells_of(added)):
        if not isinstance(cell, Mapping) or "quantity" not in cell:
            raise Problem("A0201", "a cell of usage has a `quantity`", 'write {"quantity": "100"}', "/add")
        place = tuple(sorted((name, str(value)) for name, value in cell.items() if name != "quantity"))
        before = cells.get(place)
        cells[place] = cell if before is None else {**cell, "quantity": sum_of(before["quantity"], cell["quantity"])}
    return list(cells.values())


def cells_of(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [{"quantity": given}]


def sum_of(one: Any, other: Any) -> Any:
    if type(one) is int and type(other) is int:
        return one + other
    try:
        return decimal_text(Fraction(str(one)) + Fraction(str(other)))
    except (ValueError, ZeroDivisionError):
        raise Problem("A0201", "a quantity is an exact number", 'write "1250.5"', "/add") from None
