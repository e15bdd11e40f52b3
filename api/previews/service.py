"""Previews by the million: what tenants have agreed and what their periods open with is kept for a moment.

A program published or a statement finalised elsewhere is seen after `FRESH_SECONDS`, one of this process at once. What
is kept is answered by the event loop itself; what must be looked up, made or waited for (`Waits`) goes to a thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from api.metrics import EVALUATING, PREVIEWS
from api.previews.schemas import AskedStruct, IncrementStruct, PreviewStruct
from api.problems import Problem
from api.state import State
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.evaluator import Evaluator, Period
from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.ir import json as ir_json
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.numbers import minor_text
from pricing_dsl.values.periods import ContractPeriod, seconds_of, text
from runtime.errors import RuntimeProblem
from runtime.rating.bound import Bound
from runtime.rating.corrections import Correction
from runtime.rating.evaluation import NOTHING, Opening, dates_of, pieces_of
from runtime.rating.merging import both, stretch
from runtime.rating.usage import stored_usage
from runtime.store.database import Work
from runtime.store.repositories import programs
from runtime.store.tables import Contract

SLOW_SECONDS: Final = 0.005
"""What takes longer than this is evaluated in a thread the next time."""
CELLS_KEPT_MAX: Final = 2_000
"""Stored usage of up to this many cells is kept for a moment; more is read each time."""

Found = TypeVar("Found")


class Waits(Exception):  # noqa: N818 - the work is done again where it may wait
    """This cannot be answered at once."""


class Priced:
    """An evaluator, and how long it took the last time for each way to ask it.

    `adds` says of each meter whether its quantities add up; `zone` is a contract's, for a plan's usage has no segments.
    """

    __slots__ = ("adds", "evaluator", "seconds", "zone")

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.adds = {each.name: each.adds_over_time and each.adds_over_dimensions for each in evaluator.program.meters}
        self.zone = ZoneInfo(evaluator.target.timezone) if isinstance(evaluator.target, ir.Contract) else None
        self.seconds: dict[str, float] = {}

    def timed(self, way: str, work: Callable[[], Found], *, waits: bool) -> Found:
        """Evaluate. Raises `Waits` where that may take long: for the first time, an evaluator is compiled."""
        if not waits and self.seconds.get(way, SLOW_SECONDS) >= SLOW_SECONDS:
            raise Waits
        started = time.perf_counter()
        found = work()
        seconds = self.seconds[way] = time.perf_counter() - started
        EVALUATING.observe(seconds)
        return found


class Agreed(NamedTuple):
    """A customer's contract as it prices a period. `dates` are texts: by those an evaluator remembers a period."""

    row: Contract
    bound: Bound
    period: ContractPeriod
    dates: Period
    priced: Priced
    opened: Opened


class Opened(NamedTuple):
    """What a period opens with, and what it corrects."""

    opening: Opening
    late: Sequence[Correction]

    @property
    def is_empty(self) -> bool:
        return not (self.opening.balances or self.opening.counters or self.late)


EMPTY: Final = Opened(NOTHING, ())


class Ready(NamedTuple):
    """All that an evaluation needs."""

    priced: Priced
    usage: Any
    dates: Any
    opened: Opened

    def statement(self, *, explain: bool, waits: bool) -> Statement:
        run = self.priced.evaluator.explain if explain else self.priced.evaluator
        opening, late = self.opened
        return self.priced.timed(
            f"statement {explain} {self.opened.is_empty}",
            lambda: run(self.usage, self.dates, opening.balances, opening.counters, late),
            waits=waits,
        )

    def amounts(self, more: Any, *, waits: bool) -> tuple[dict[str, int], dict[str, int]]:
        """Minor units by line, and `total`: of the usage, and of `more` in its place."""
        if self.opened.is_empty:
            run, dates = self.priced.evaluator.amounts, self.dates
            return self.priced.timed("amounts", lambda: (run(self.usage, dates), run(more, dates)), waits=waits)
        before = self.statement(explain=False, waits=waits)
        return amounts_of(before), amounts_of(self._replace(usage=more).statement(explain=False, waits=waits))


class Previews:
    """The previews of one tenant, which wait for the store or do not."""

    def __init__(self, state: State, tenant_id: str, *, waits: bool) -> None:
        self.state = state
        self.tenant_id = tenant_id
        self.waits = waits

    # --- what is asked ---

    def preview(self, asked: PreviewStruct) -> dict[str, Any]:
        """The statement as JSON."""
        ready = self.ready(asked)
        statement = ready.statement(explain=asked.explain, waits=self.waits)
        since = ready.opened.opening.since
        PREVIEWS.inc()
        return {
            **statement.to_dict(), "is_final": statement.is_final and since is None, "unfinalised_since": since
        }  # fmt: skip

    def increment(self, asked: IncrementStruct) -> dict[str, Any]:
        """What one more piece of usage costs, after what was used so far."""
        ready = self.ready(asked)
        program = ready.priced.evaluator.program
        more = with_more(ready.priced, ready.usage, asked.add, self.state.clock)
        before, after = ready.amounts(more, waits=self.waits)
        PREVIEWS.inc()
        digits, rises = program.digits, {}
        for name in {**before, **after}:
            rise = after.get(name, 0) - before.get(name, 0)
            if rise and name != "total":
                rises[name] = minor_text(rise, digits)
        return {
            "amount": minor_text(after["total"] - before["total"], digits),
            "currency": program.currency,
            "lines": rises,
            "total": minor_text(after["total"], digits),
        }

    def ready(self, asked: AskedStruct) -> Ready:
        """Look up what prices, what the period opens with, and what was used."""
        require_one_way(asked)
        period = None if asked.period is None else (asked.period.from_, asked.period.to)
        if asked.program is not None or asked.inline is not None:
            return self._draft(asked, period)
        agreed = self._agreed(asked, period)
        return Ready(agreed.priced, self._usage(agreed, asked), agreed.dates, agreed.opened)

    # --- a customer's contract ---

    def _agreed(self, asked: AskedStruct, period: Period | None) -> Agreed:
        """The contract, and what its period opens with unless that is handed over."""
        customer, contract = str(asked.customer), asked.contract
        is_own = asked.balances is not None or asked.counters is not None

        def find(work: Work) -> Agreed:
            row = programs.contract(work, self.tenant_id, customer, contract)
            bound, whole = self.state.binder.for_period(work, row, period)
            start, end = (text(each) for each in dates_of(whole))
            opened = EMPTY
            if not is_own and whole.start > bound.contract.start:
                opened = Opened(*self.state.previewer.opening(work, row, bound, whole))
            priced = self._once(id(bound.evaluator), lambda: bound.evaluator)
            return Agreed(row, bound, whole, (start, end), priced, opened)

        agreed = self._kept(("agreed", customer, contract, period, is_own), find)
        if is_own:
            return agreed._replace(opened=Opened(Opening(asked.balances or {}, asked.counters or {}, None), ()))
        return agreed

    def _usage(self, agreed: Agreed, asked: AskedStruct) -> Any:
        source = source_of(asked)
        if source == "supplied":
            return {} if asked.usage is None else asked.usage
        start, end = agreed.period.start, agreed.period.end
        is_own = asked.balances is None and asked.counters is None
        stored = self._kept(
            ("used", agreed.row.id, agreed.bound.versions, start, end, is_own),
            lambda work: stored_usage(
                work, agreed.bound, agreed.row.customer, pieces_of(agreed.bound, agreed.period, agreed.opened.opening)
            ),
            is_small=lambda usage: is_own and count_of(usage) <= CELLS_KEPT_MAX,
        )
        return stored if source == "stored" or asked.usage is None else both(agreed.bound, stored, asked.usage)

    # --- a program, published or not, that nobody need be bound to ---

    def _draft(self, asked: AskedStruct, period: Period | None) -> Ready:
        program = self._program(asked)
        opened = Opened(Opening(asked.balances or {}, asked.counters or {}, None), ())
        source = source_of(asked)
        if source == "supplied":
            return Ready(self._priced(program, asked), {} if asked.usage is None else asked.usage, period, opened)
        if asked.customer is None:
            raise Problem("A0201", "stored usage is that of a customer", "give `customer`", "/customer")
        if not self.waits:
            raise Waits
        found = self.state.previewer.draft(
            self.tenant_id,
            asked.customer,
            program,
            period,
            on=asked.on,
            usage=asked.usage,
            source=source,  # type: ignore[arg-type]
            balances=asked.balances,
            counters=asked.counters,
        )
        return Ready(Priced(found.bound.evaluator), found.usage, dates_of(found.period), opened)

    def _program(self, asked: AskedStruct) -> ir.Program:
        if asked.inline is not None:
            if not self.waits:
                raise Waits
            return self.state.compiler.inline(self.tenant_id, asked.inline.source, asked.inline.files).ir
        assert asked.program is not None
        name, version = asked.program.name, asked.program.version
        row_id: int = self._kept(
            ("program", name, version), lambda work: programs.version(work, self.tenant_id, name, version).id or 0
        )
        if not self.waits and row_id not in self.state.programs:
            raise Waits

        def load() -> ir.Program:
            with self.state.database.reading() as work:
                return ir_json.loads(programs.by_id(work, row_id).ir)

        return self.state.programs.get(row_id, load)

    def _priced(self, program: ir.Program, asked: AskedStruct) -> Priced:
        targets: dict[str, ir.Plan | ir.Contract] = {each.name: each for each in program.plans}
        targets.update((each.name, each) for each in program.contracts)
        name = chosen(list(targets), asked.on)
        return self._once((id(program), name), lambda: Evaluator(program, targets[name]))

    def _once(self, key: Any, make: Callable[[], Evaluator]) -> Priced:
        """What is made once for an object, by its id: while it is kept, that object is too, and no other has its id."""
        priced: Priced = self.state.priced.get(key, lambda: Priced(make()))
        return priced

    def _kept(
        self, key: tuple[Any, ...], find: Callable[[Work], Found], *, is_small: Callable[[Found], bool] | None = None
    ) -> Found:
        """What is kept, or what the store says. Raises `Waits` where it must be asked."""
        kept = self.state.kept

        def look_up() -> Found:
            age = kept.age(self.tenant_id)
            with self.state.database.reading() as work:
                found = find(work)
            if is_small is None or is_small(found):
                kept.put(self.tenant_id, key, found, age)
            return found

        known: Found | None = kept.get(self.tenant_id, key, look_up)
        if known is None and not self.waits:
            raise Waits
        return look_up() if known is None else known


def source_of(asked: AskedStruct) -> str:
    return asked.usage_from or ("stored" if asked.usage is None else "supplied")


def require_one_way(asked: AskedStruct) -> None:
    """Raise `Problem` A0201 unless it is said what to price by what: one customer's contract, or one program."""
    if asked.program is not None and asked.inline is not None:
        raise Problem("A0201", "`program` and `inline` are two ways to say the same", "give one", "/inline")
    if asked.program is None and asked.inline is None:
        if asked.customer is None:
            raise Problem("A0201", "nothing says what prices", "give `customer`, `program` or `inline`", "/customer")
        if asked.on is not None:
            raise Problem("A0201", "`on` names what of a program prices", "give `program` or `inline` with it", "/on")
    elif asked.contract is not None:
        raise Problem("A0201", "`contract` is one that is bound to the customer", "say `on` here", "/contract")
    if not (asked.usage is None or isinstance(asked.usage, Mapping | list)):
        raise Problem("A0201", "usage maps meters to quantities or to cells", 'write {"calls": "100"}', "/usage")
    if asked.usage_from == "stored" and asked.usage is not None:
        raise Problem("A0201", "`usage` is not counted where stored usage is", "say `both`, or leave it out", "/usage")


def chosen(names: Sequence[str], on: str | None) -> str:
    """The plan or contract to price: the one that is named, or the only one there is."""
    there = ", ".join(f"`{name}`" for name in names) or "none"
    if on is None:
        if len(names) != 1:
            raise Problem("A0201", "the program has not one plan or contract alone", f"say `on`: {there}", "/on")
        return names[0]
    if on not in names:
        raise Problem("A0201", f"the program has no plan or contract `{on}`", f"there are: {there}", "/on")
    return on


def amounts_of(statement: Statement) -> dict[str, int]:
    """Minor units by line, before adjustments, and `total`. Raises `EvaluationError` R0103 where usage is unpriced."""
    if statement.unpriced:
        first = statement.unpriced[0]
        raise EvaluationError(
            "R0103",
            f"{len(statement.unpriced)} entries of usage are unpriced, the first on `{first.line}`: {first.reason}",
            "ask for the preview, which lists them in `unpriced`",
        )
    return {**{line.info.id: line.minor for line in statement.lines}, "total": statement.total_minor}


def count_of(usage: Any) -> int:
    """How many cells usage has."""
    segments = [usage] if isinstance(usage, Mapping) else [each["usage"] for each in usage]
    return sum(len(cells) for segment in segments for cells in segment.values())


def with_more(priced: Priced, usage: Any, more: Any, clock: Callable[[], datetime]) -> Any:
    """Usage and one more piece of it; where the period is cut, in the segment that it is now, else in the last.

    Raises `Problem` A0201 for what is no usage, `RuntimeProblem` X0404 for meters whose numbers do not add up.
    """
    if isinstance(usage, list) and priced.zone is not None:
        now = seconds_of(clock())
        for place, segment in enumerate(usage):
            limits = stretch(segment, priced.zone)
            if limits is None:
                raise Problem("A0201", "a segment of usage has `from`, `to` and `usage`", "", f"/usage/{place}")
            if limits[0] <= now < limits[1] or place == len(usage) - 1:
                return [
                    *usage[:place], {**segment, "usage": added(priced, segment["usage"], more)}, *usage[place + 1 :]
                ]  # fmt: skip
    return added(priced, usage, more)


def added(priced: Priced, usage: Any, more: Any) -> dict[str, Any]:
    """Both in one, of what nothing cuts. Raises as `with_more` does."""
    if not isinstance(usage, Mapping) or not isinstance(more, Mapping):
        raise Problem("A0201", "usage maps meters to quantities or to cells", 'write {"calls": "100"}', "/add")
    merged = dict(usage)
    for meter, given in more.items():
        known = merged.get(meter)
        if known and not priced.adds.get(meter, True):
            raise RuntimeProblem(
                "X0404", f"`{meter}` does not add up: what is more of it is not the sum", "preview it with all usage"
            )
        merged[meter] = given if known is None else [*cells_of(known), *cells_of(given)]
    return merged


def cells_of(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [{"quantity": given}]
