"""The laws of an aggregation: a commutative monoid of exact states that encode to the same bytes for ever.

Each law is one function that says what an example breaks. Examples are the events of one cell in a period of three
hours; every law is asked of every form of the aggregation (with its word and without, with several constants).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random
from time import perf_counter

from pricing_dsl.limits import AGGREGATION_SECONDS_PER_MILLION_MAX
from pricing_dsl.plugin.contract import Aggregation, Value
from pricing_dsl.plugin.testing.bench import Bench, OperationError, constants_said, float_in, is_exact
from pricing_dsl.plugin.testing.drawing import HOURS, PERIOD, Event, draw, events, shown, shown_events, smallest
from pricing_dsl.plugin.testing.fresh import Asked, ask_fresh, modules_of
from pricing_dsl.plugin.testing.problem import Breach, Findings, Law, Problem, Subject
from pricing_dsl.plugin.testing.transcript import forms

MANY = 20_000
"""Events that are timed, and that must come to the same in another order: some states behave well while small."""

RAISES_NOT = Law(
    "no exception",
    "no operation raises on good events",
    "let every operation work for any events and for none, of which `result` is 0",
)
EXACT = Law(
    "exact",
    "results and states hold whole numbers and fractions, no floats",
    "compute with `Fraction` and `int`: `Fraction(a, b)` instead of `a / b`, no `math.sqrt`, no `float(...)`",
)
ZERO = Law("zero", "without events the result is 0", "return 0 from `result` for the state that `zero()` makes")
WHOLE = Law("whole", "results are whole numbers where that is declared", "round the result, or declare `whole=False`")
DETERMINISTIC = Law(
    "deterministic",
    "the same events come to the same every time",
    "use no clock, no random numbers, and nothing that is kept between calls",
)
SAME_BYTES = Law(
    "stable bytes",
    "equal states give equal bytes",
    "write what has no order sorted and numbers in lowest terms, and nothing of how the state came about",
)
ROUND_TRIP = Law(
    "round trip",
    "what `decode` reads is what `encode` wrote",
    "write all that `add`, `merge` and `result` read: times and ids too, if later events are compared with them",
)
IDENTITY = Law(
    "identity", "merging with no events changes nothing", "let `merge` return the other state where one has no events"
)
ADD = Law(
    "add", "adding an event is merging with its state", "compute `add` as `merge` with the state of that one event"
)
COMMUTATIVE = Law(
    "commutative",
    "`merge` gives the same either way round",
    "decide by value, time and id of the events, never by which state came first",
)
ASSOCIATIVE = Law(
    "associative",
    "it does not matter which states are merged first",
    "keep in the state what adds up (for an average the sum and the count), and divide in `result` only",
)
ORDER = Law(
    "order of events",
    "events may come in any order and in any batches",
    "compare times, and at one instant ids (the greatest is the latest), instead of keeping what came last",
)
KEEPS_OTHER = Law(
    "second argument",
    "`merge` and what follows leave the second state as it was",
    "copy what `merge` takes from its second argument into the first",
)
UNIT = Law(
    "unit",
    "results scale with the values as `unit` declares",
    'declare `unit="count"` if the size of values does not matter, "value" if twice the values are twice the result',
)
ADDS_OVER_TIME = Law(
    "adds over time",
    "the hours' results add up to the period's where that is declared",
    "declare `adds_over_time=False`",
)
SPEED = Law(
    "speed",
    f"a million events take at most {AGGREGATION_SECONDS_PER_MILLION_MAX} seconds",
    "let `add` touch one entry of the state, and leave sorting and dividing to `result`",
)

FACTORS = (Fraction(2), Fraction(1, 2), Fraction(10), Fraction(1000))


def verify_aggregation(
    aggregation: Aggregation, constants: Sequence[Sequence[Value]] | None = None
) -> tuple[Problem, ...]:
    """What is wrong with an aggregation, one problem for each law that it breaks.

    `constants` are the lists of constants to try it with; left out, some that its `constant` allows.
    Raises `KitError` where Hypothesis is not installed.
    """
    findings = Findings(Subject("", "", "register_aggregations", "aggregation", aggregation.name))
    check_aggregation(aggregation, findings, constants)
    if constants is None:
        ask_fresh([Asked(findings, aggregation, modules_of(aggregation.make))])
    return findings.problems()


def check_aggregation(
    aggregation: Aggregation, findings: Findings, constants: Sequence[Sequence[Value]] | None = None
) -> None:
    """All laws, asked of every form."""
    drawn = draw(events(aggregation.value))
    for chosen in forms(aggregation) if constants is None else constants:
        _Asking(aggregation, chosen, drawn, findings).ask()
    if not findings.has_broken(RAISES_NOT):
        findings.holds(RAISES_NOT)


class _Asking:
    """One form of an aggregation and the laws asked of it."""

    def __init__(
        self, aggregation: Aggregation, constants: Sequence[Value], drawn: list[list[Event]], findings: Findings
    ) -> None:
        self.aggregation = aggregation
        self.drawn = drawn
        self.constants = constants
        self.findings = findings
        self.said = constants_said(constants)
        self.error_bound = Fraction(0)

    def ask(self) -> None:
        try:
            monoid = self.aggregation.make(self.constants)
        except Exception as error:
            self.findings.breaks(RAISES_NOT, f"{self.said}`make` raised {type(error).__name__}: {error}")
            return
        self.error_bound = Fraction(getattr(monoid, "error_bound", 0))
        self.bench = Bench(monoid, SAME_BYTES)
        algebra = (IDENTITY, ADD, COMMUTATIVE, ASSOCIATIVE)
        laws: list[tuple[Law, Callable[[list[Event]], Breach | None], tuple[Law, ...]]] = [
            (DETERMINISTIC, self.deterministic, ()),
            (EXACT, self.exact, ()),
            (ZERO, self.zero, ()),
            (SAME_BYTES, self.same_bytes, ()),
            (ROUND_TRIP, self.round_trip, ()),
            (IDENTITY, self.identity, ()),
            (ADD, self.add, ()),
            (COMMUTATIVE, self.commutative, ()),
            (ASSOCIATIVE, self.associative, ()),
            (ORDER, self.order, algebra),
            (KEEPS_OTHER, self.keeps_other, ()),
            (UNIT, self.unit, (ZERO,)),
        ]
        laws += [(WHOLE, self.whole, ())] if self.aggregation.whole else []
        laws += [(ADDS_OVER_TIME, self.adds_over_time, ())] if self.aggregation.adds_over_time else []
        for law, breach, needs in laws:
            self.ask_law(law, breach, (RAISES_NOT, DETERMINISTIC, EXACT, *needs))
        if not any(map(self.findings.has_broken, (RAISES_NOT, DETERMINISTIC, EXACT, *algebra, ORDER))):
            self.ask_many()

    def ask_law(self, law: Law, breach: Callable[[list[Event]], Breach | None], needs: tuple[Law, ...]) -> None:
        """Ask one law, unless one that it needs is broken: what it would find is only what follows from that."""
        broken = next((need for need in needs if need is not law and self.findings.has_broken(need)), None)
        if broken is not None:
            self.findings.not_asked(law, f"`{broken.name}` is broken")
            return

        def guarded(drawn: list[Event]) -> Breach | None:
            try:
                return breach(drawn)
            except OperationError as error:
                return Breach(str(error), RAISES_NOT)

        found = smallest(events(self.aggregation.value), self.drawn, guarded)
        if found is None:
            self.findings.holds(law)
            return
        example, how = found
        self.findings.breaks(how.law or law, self.said + how.message, shown_events(example))
        if how.law is not None:
            self.findings.not_asked(law, f"`{how.law.name}` is broken")

    # --- laws ---

    def zero(self, drawn: list[Event]) -> Breach | None:  # noqa: ARG002 (it is the same for all)
        result = self.bench.result(self.bench.zero())
        return None if result == 0 else Breach(f"without events the result is {shown(result)}")

    def deterministic(self, drawn: list[Event]) -> Breach | None:
        found = self.bench.difference(self.bench.state(drawn), "a state", self.bench.state(drawn), "the same again")
        return None if found is None else Breach(found.message)

    def exact(self, drawn: list[Event]) -> Breach | None:
        state = self.bench.state(drawn)
        inside = float_in(state)
        if inside is not None:
            return Breach(f"the state holds the float {inside!r}")
        result = self.bench.result(state)
        if not is_exact(result):
            return Breach(f"the result is {result!r}, a `{type(result).__name__}`")
        return None

    def whole(self, drawn: list[Event]) -> Breach | None:
        result = self.bench.result(self.bench.state(drawn))
        if is_exact(result) and Fraction(result).denominator != 1:
            return Breach(f"the result is {shown(result)}, and `whole=True` is declared")
        return None

    def same_bytes(self, drawn: list[Event]) -> Breach | None:
        state = self.bench.state(drawn)
        first = self.bench.encode(state)
        self.bench.result(state)
        if self.bench.encode(state) != first:
            return Breach("the bytes of one state differ when it is encoded twice")
        if self.bench.encode(self.bench.decode(first)) != first:
            return Breach("the bytes of a state differ after it was decoded")
        return None

    def round_trip(self, drawn: list[Event]) -> Breach | None:
        first, rest = _parts(drawn)[0], [event for event in drawn if event.part]
        state = self.bench.state(first)
        decoded = self.bench.decode(self.bench.encode(state))
        found = self.bench.difference(state, "a state", decoded, "what was decoded of it")
        if found is not None:
            return Breach(found.message)
        for event in rest:
            state, decoded = self.bench.add(state, event), self.bench.add(decoded, event)
        found = self.bench.difference(state, "a state", decoded, "one decoded before the last events were added")
        return None if found is None else Breach(found.message)

    def identity(self, drawn: list[Event]) -> Breach | None:
        bench = self.bench
        left = bench.merge(bench.zero(), bench.state(drawn))
        right = bench.merge(bench.state(drawn), bench.zero())
        return bench.difference(left, "merge(zero, state)", bench.state(drawn), "the state") or bench.difference(
            right, "merge(state, zero)", bench.state(drawn), "the state"
        )

    def add(self, drawn: list[Event]) -> Breach | None:
        bench = self.bench
        merged = bench.merge(bench.state(drawn[:-1]), bench.state(drawn[-1:]))
        added = bench.state(drawn)
        return bench.difference(added, "the last event added", merged, "its own state merged")

    def commutative(self, drawn: list[Event]) -> Breach | None:
        bench = self.bench
        one, other = _parts(drawn)[0], [event for event in drawn if event.part]
        left = bench.merge(bench.state(one), bench.state(other))
        right = bench.merge(bench.state(other), bench.state(one))
        return bench.difference(left, f"merge({_ids(one)}, {_ids(other)})", right, "the other way round")

    def associative(self, drawn: list[Event]) -> Breach | None:
        bench = self.bench
        a, b, c = _parts(drawn)
        left = bench.merge(bench.merge(bench.state(a), bench.state(b)), bench.state(c))
        right = bench.merge(bench.state(a), bench.merge(bench.state(b), bench.state(c)))
        one, other, last = _ids(a), _ids(b), _ids(c)
        return bench.difference(
            left, f"merge(merge({one}, {other}), {last})", right, f"merge({one}, merge({other}, {last}))"
        )

    def order(self, drawn: list[Event]) -> Breach | None:
        bench = self.bench
        sorted_again = sorted(drawn, key=lambda event: event.key)
        found = bench.difference(
            bench.state(drawn), "the order shown", bench.state(sorted_again), f"the order {_ids(sorted_again)}"
        )
        if found is not None:
            return found
        batches = bench.zero()
        for part in _parts(sorted_again):
            batches = bench.merge(batches, bench.state(part))
        said = " + ".join(_ids(part) for part in _parts(sorted_again))
        return bench.difference(bench.state(drawn), "one by one", batches, f"the batches {said}")

    def keeps_other(self, drawn: list[Event]) -> Breach | None:
        bench = self.bench
        first, second, later = _parts(drawn)
        other = bench.state(second)
        before, result = bench.encode(other), bench.result(other)
        merged = bench.merge(bench.state(first), other)
        if bench.encode(other) != before or bench.result(other) != result:
            return Breach(f"after merge({_ids(first)}, {_ids(second)}) the second state is another")
        for event in later:
            merged = bench.add(merged, event)
        if bench.encode(other) != before or bench.result(other) != result:
            return Breach(f"adding {_ids(later)} to merge({_ids(first)}, {_ids(second)}) changes the second state")
        return None

    def unit(self, drawn: list[Event]) -> Breach | None:
        declared = self.aggregation.unit
        if self.aggregation.value != "number":
            return None if declared == "count" else Breach(f'`unit` is "{declared}", and no numbers are aggregated')
        result = Fraction(self.bench.result(self.bench.state(drawn)))
        for factor in FACTORS:
            times = [event._replace(value=event.value * factor) for event in drawn if isinstance(event.value, Fraction)]
            scaled = Fraction(self.bench.result(self.bench.state(times)))
            wanted = result if declared == "count" else result * factor
            if abs(scaled - wanted) > 2 * self.error_bound * abs(wanted):
                return Breach(
                    f"the result is {shown(result)}, of values times {shown(factor)} it is {shown(scaled)}, and `unit` "
                    f'is "{declared}"'
                )
        return None

    def adds_over_time(self, drawn: list[Event]) -> Breach | None:
        whole = self.bench.result(self.bench.state(drawn), PERIOD)
        by_hour = self.bench.by_hour(drawn, HOURS)
        hours = [self.bench.result(self.bench.state(part), span) for span, part in by_hour]
        if sum(hours) != whole:
            said = " + ".join(map(shown, hours))
            return Breach(f"the result of {HOURS} hours is {shown(whole)}, and hour by hour {said}")
        return None

    # --- many events ---

    def ask_many(self) -> None:
        """Time, and another order and other batches of more events than an example has."""
        many = many_events(self.aggregation)
        bench = self.bench
        try:
            start = perf_counter()
            state = bench.state(many)
            seconds = (perf_counter() - start) * 1_000_000 / MANY
            if seconds > AGGREGATION_SECONDS_PER_MILLION_MAX:
                self.findings.breaks(SPEED, f"{self.said}a million events take {seconds:,.0f} seconds")
                return
            self.findings.holds(SPEED, f"{seconds:.1f} s per million events")
            shuffled = Random(2).sample(many, len(many))
            found = bench.difference(state, "one order", bench.state(shuffled), "another order")
            if found is None:
                merged = bench.zero()
                for first in range(0, MANY, MANY // 4):
                    merged = bench.merge(merged, bench.state(shuffled[first : first + MANY // 4]))
                found = bench.difference(state, "one by one", merged, "in batches")
        except OperationError as error:
            found = Breach(str(error), RAISES_NOT)
        if found is not None:
            self.findings.breaks(found.law or ORDER, self.said + found.message, f"{MANY:,} events")


def many_events(aggregation: Aggregation) -> list[Event]:
    """Events with as many different values and instants as there are events; the same in every run."""
    random = Random(1)
    made = []
    for number in range(MANY):
        value: Value = f"user {number}" if aggregation.value == "any" else Fraction(random.randrange(10**7), 100)
        value = Fraction(1) if aggregation.value is None else value
        made.append(Event(value, PERIOD.start + random.randrange(PERIOD.end - PERIOD.start), f"e{number}", 0, 0))
    return made


def _parts(drawn: list[Event]) -> tuple[list[Event], list[Event], list[Event]]:
    """The events dealt into three states."""
    dealt: tuple[list[Event], list[Event], list[Event]] = ([], [], [])
    for event in drawn:
        dealt[event.part].append(event)
    return dealt


def _ids(part: list[Event]) -> str:
    """A state by the ids of its events."""
    return "{" + " ".join(event.event for event in part) + "}"
