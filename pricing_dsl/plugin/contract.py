"""The contract types that a plugin fills: what an aggregation, a function, a price shape and the rest are.

All are frozen, and none knows where it came from: the built-in ones are made of the same types and go through the same
hooks. Times are whole microseconds since 1970 in UTC, numbers are exact (`Fraction`, or `int` where whole); a float is
refused wherever it turns up. `pricing_dsl.plugin.testing` checks what the types cannot say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from pricing_dsl.ir import nodes as ir
from pricing_dsl.records import record
from pricing_dsl.source import Span

API_VERSION = 1
"""The version of these types. A plugin's module says `PRICING_API = 1`; another number is refused, with both named."""

SECOND = 1_000_000
"""Microseconds."""
HOUR = 3_600 * SECOND

Number = Fraction | int
Value = Fraction | str
"""What an aggregation is given of one event: an exact number, or a text where its `value` is "any"."""
Kind = Literal["number", "text", "truth", "any"]


class Interval(NamedTuple):
    """The half-open time `[start, end)` that a result is for, in microseconds since 1970."""

    start: int
    end: int


# --- aggregations ----------------------------------------------------------------------------------------------------

State = TypeVar("State")


class Monoid(Protocol[State]):
    """How an aggregation computes: a commutative monoid of states (rule 3; states are kept per hour and cell).

    `merge` is associative and commutative, `zero()` its identity, and `add` is `merge` with the state of one value, so
    that neither the order of events nor how they are batched matters. `add` and `merge` return the new state; they may
    change and return their first argument, never their second.
    """

    def zero(self) -> State:
        """A new state of no events."""
        ...

    def add(self, state: State, value: Value, time: int, event: str) -> State:
        """The state with one more value, taken at `time` in the event of that id.

        Of events at one instant the one with the greatest id is the later one, never the one that came later (rule 16).
        """
        ...

    def merge(self, state: State, other: State) -> State:
        """The state of the events of both."""
        ...

    def result(self, state: State, period: Interval) -> Number:
        """What the state comes to over a period: exact, and 0 for no events."""
        ...

    def encode(self, state: State) -> bytes:
        """The state as bytes: equal states give equal bytes, and later versions still read them."""
        ...

    def decode(self, data: bytes) -> State:
        """The state that `encode` wrote."""
        ...


@record(frozen=True, slots=True)
class NumberConstant:
    """A constant number behind the value, above `above` and at most `at_most`: `percentile(x, 95)`.

    `word` is one that may stand behind the number: `percentile(x, 95, approximate)`.
    """

    name: str
    above: int
    at_most: int
    word: str | None = None


@record(frozen=True, slots=True)
class WordConstant:
    """A word behind the value that may be left out: `unique(x, approximate)`."""

    word: str


@record(frozen=True, slots=True)
class Aggregation:
    """What a meter does with the values of its events: `measure NAME(value, constant)` (language reference, section 3).

    `form` shows how it is written, `value` is the kind of what is aggregated (`None`: events are only counted).
    `make` gets the constants as written, a `Fraction`, the word or both, and returns what computes.
    `adds_over_dimensions` and `adds_over_time` are rule 3. `whole`: results are whole numbers whatever the values.
    `carried` is "wanted" by aggregations of a level, which stays until it changes, "refused" where a carried value
    would count twice. `unit` says what results are measured in: "value", as the values are, so that twice the values
    are twice the result; "value x time" alike; or "count", which the size of the values does not change.
    """

    name: str
    form: str
    value: Literal["number", "any"] | None
    constant: NumberConstant | WordConstant | None
    adds_over_dimensions: bool
    adds_over_time: bool
    whole: bool
    carried: Literal["wanted", "allowed", "refused"]
    unit: Literal["value", "value x time", "count"]
    make: Callable[[Sequence[Value]], Monoid[Any]]
    about: str
    """One sentence for lists and hovers."""


# --- functions and price shapes --------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Function:
    """A function in the expressions of meters: `measure sum(NAME(a, b))`.

    `call` gets exact numbers, texts or truth values of the kinds of `parameters` and returns one of `result`. It is
    deterministic and reads nothing but its arguments. What it is given and gives are exact decimals, as all that is
    kept of usage. `monotone` says for each parameter whether the result only rises ("increasing") or only falls
    ("decreasing") with it, `None` where neither is promised. `repeats`: the last parameter may be given any number of
    times, as in `max(a, b, c)`. `whole`: results are whole for any number, so that a quotient may stand in the
    arguments (rule 16), as in `ceil(a / b)`.
    """

    name: str
    form: str
    parameters: tuple[Literal["number", "text", "truth"], ...]
    result: Literal["number", "text", "truth"]
    monotone: tuple[Literal["increasing", "decreasing"] | None, ...]
    call: Callable[..., Number | str | bool]
    about: str
    repeats: bool = False
    whole: bool = False


@record(frozen=True, slots=True)
class PriceShape:
    """A price step of a plugin: `price with NAME(args)` (language reference, section 5).

    `build` gets a `ShapeBuilder` and the arguments, exact numbers as written (a percentage is a plain fraction), and
    returns the IR of a price step, so that every evaluator and every explanation works unchanged. It raises
    `ValueError` with a sentence for the program's author when the arguments make no price. The parameters named in
    `quantities` are amounts of what is priced: they may be written with a unit and are converted to the charge's; all
    others are money or plain numbers and take none.
    """

    name: str
    form: str
    parameters: tuple[str, ...]
    build: Callable[..., ir.PriceStep]
    about: str
    quantities: tuple[str, ...] = ()


# --- lints -----------------------------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Finding:
    """What a lint found: one sentence, where, and what to write instead."""

    severity: Literal["error", "warning"]
    span: Span
    message: str
    help: str


@record(frozen=True, slots=True)
class Lint:
    """A rule of a company, run on every program that has no errors; `check` gets its IR and its text."""

    name: str
    check: Callable[[ir.Program, str], Iterable[Finding]]
    about: str


# --- importers and exporters -----------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Lost:
    """What an importer could not carry over: the place in the input (a JSON pointer or a line) and why it is lost."""

    where: str
    why: str


@record(frozen=True, slots=True)
class Imported:
    """A program made from another system's prices, files that it reads (`rates ... from`), and what was lost."""

    program: str
    lost: tuple[Lost, ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()


@record(frozen=True, slots=True)
class Importer:
    """`pricing import NAME FILE`: another system's prices to a program.

    `read` gets the file's bytes and raises `ValueError` with a sentence that says where, what and how to mend it.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[bytes], Imported]
    about: str


@record(frozen=True, slots=True)
class Exporter:
    """`pricing export NAME STATEMENTS... -o FILE`: statements in another system's form.

    `write` gets statements as `Statement.to_dict` gives them, perhaps with keys that a runtime added, and the format
    asked for, one of `formats`. What the other system wants beyond that, such as the seller's name, are `options`:
    where there are some, `write` gets a third argument, a mapping from those that were given to their texts; an option
    `NAME` may also be given as `NAME.PART`. It raises `ValueError` with a sentence for what it cannot write.
    """

    name: str
    formats: tuple[str, ...]
    write: Callable[..., bytes]
    about: str
    options: tuple[str, ...] = ()


# --- commands --------------------------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Command:
    """A command of `pricing`. `load` imports the work and returns a `typer.Typer`; it is called when the command is."""

    name: str
    load: Callable[[], Any]
    about: str
