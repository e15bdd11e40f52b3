"""The intermediate representation: what a program means, with nothing left to look up or convert.

A small closed set of frozen nodes. Names are resolved; every number is an exact `Fraction` in the unit of the quantity
it meets (rates: money per one such unit); percentages are plain fractions; curves stand where they were named;
`extends` is resolved, so a plan is complete in itself. Shape and numbers stay apart: evaluators may hoist any literal.
Each node knows its source span, which takes no part in equality or in the content hash. Made by `lower`, checked by
`verify`, written by `text` and `json`, read by every evaluator. Imports nothing but `Span`.
"""

from __future__ import annotations

from dataclasses import field
from fractions import Fraction
from typing import Literal, NamedTuple

from pricing_dsl.records import record
from pricing_dsl.source import Span

LANGUAGE_VERSION = 1
NOWHERE = Span(0, 0)

Proration = Literal["day", "second"]
Cadence = Literal["daily", "weekly", "monthly", "quarterly", "yearly", "once"]
Rounding = Literal["up", "down", "half_up", "half_even"]
CellOrder = Literal["in order", "pro rata", "cheapest first", "dearest first"]


@record(frozen=True, slots=True)
class Node:
    span: Span = field(default=NOWHERE, compare=False, kw_only=True)


# --- expressions ---------------------------------------------------------------------------------------------------
# One shape for conditions on cells, expressions over events, quantities and amounts; the place decides what may occur.


@record(frozen=True, slots=True)
class Const(Node):
    """A number, a text or a truth value."""

    value: Fraction | str | bool


@record(frozen=True, slots=True)
class Ref(Node):
    """A named input: an event `property`, a cell's `dimension`, a meter or `quantity`, or a `line`'s rounded amount."""

    kind: Literal["property", "dimension", "quantity", "line"]
    name: str


@record(frozen=True, slots=True)
class Apply(Node):
    """An operation on expressions.

    `operator` is one of `+ - * / neg min max ceil floor abs`, `== != < <= > >= and or not`, `in` (operand, then the
    items), `like` (operand, pattern), `if` (condition, then, else), `default` (property, fallback),
    `hour minute weekday day` (of the event's time), `table:NAME` (keys in order of its dimensions), `function:NAME`.
    """

    operator: str
    arguments: tuple[Expression, ...]


Expression = Const | Ref | Apply


# --- tables --------------------------------------------------------------------------------------------------------


class Key(NamedTuple):
    """`exact` text, a `pattern` with `*`, or `else` (text empty)."""

    kind: Literal["exact", "pattern", "else"]
    text: str


class Row(NamedTuple):
    """Keys for the row dimensions, then one cell per column (or one cell). A cell of `None` is "not sold"."""

    keys: tuple[Key, ...]
    cells: tuple[Fraction | None, ...]


@record(frozen=True, slots=True)
class Table(Node):
    """A rate table, a table of plain numbers, or an inline keyed step (then `name` is empty).

    `columns` are the values of the last dimension; without columns all dimensions are row keys and rows have one cell.
    Look-up (section 4): a row whose keys are all exact wins, then the first row whose keys all match; columns the same.
    A cell is in the table's own unit; the use site scales it (`Lookup.scale`).
    """

    name: str
    dimensions: tuple[str, ...]
    columns: tuple[Key, ...]
    rows: tuple[Row, ...]


@record(frozen=True, slots=True)
class Lookup(Node):
    """A table read per cell. The value is `cell * scale`. `table` is a name in `Program.tables`, or an inline table."""

    table: str | Table
    scale: Fraction


Factor = Const | Lookup
"""A number (`Const` with a Fraction) or a table read by the cell's dimensions."""


# --- rates and tiers -----------------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Linear(Node):
    """`rate` money per one unit of the quantity; a table gives the rate per cell. `free` is 0."""

    rate: Factor


@record(frozen=True, slots=True)
class Package(Node):
    """`price` per started (rounded up) or full (rounded down) `size` units."""

    price: Factor
    size: Fraction
    mode: Literal["started", "full"]


@record(frozen=True, slots=True)
class Flat(Node):
    """A tier's flat amount."""

    amount: Fraction


@record(frozen=True, slots=True)
class Reject(Node):
    """Usage that comes here is unpriced."""


@record(frozen=True, slots=True)
class Tier(Node):
    """One tier. `upper` is `None` for `above`; `inclusive` is `to` (True) or `below` (False)."""

    upper: Fraction | None
    inclusive: bool
    price: Linear | Package | Flat | Reject | Graduated | Volume
    plus: Fraction | None
    minimum: Fraction | None
    maximum: Fraction | None
    even_at_zero: bool


# --- steps ---------------------------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class StepNode(Node):
    """What every step shares: its condition on dimensions."""

    when: Expression | None = field(default=None, kw_only=True)


@record(frozen=True, slots=True)
class Where(StepNode):
    """Cell step. Keeps the cells the condition holds for; the others leave, as `free` or towards another charge."""

    condition: Expression
    else_free: bool


@record(frozen=True, slots=True)
class Weigh(StepNode):
    """Cell step. Multiplies each cell's quantity; with `unit` it then counts that."""

    factor: Factor
    unit: str | None


@record(frozen=True, slots=True)
class Each(StepNode):
    """What follows runs for each combination of values of the dimensions (in addition to an outer `each`)."""

    dimensions: tuple[str, ...]


@record(frozen=True, slots=True)
class Include(StepNode):
    """Free units. Without `policy` a pool step, clamped at 0; with it a cell step that shares them over cells."""

    amount: Expression
    policy: CellOrder | None
    prorated: Proration | None


@record(frozen=True, slots=True)
class RoundQuantity(StepNode):
    """Pool step. Rounds to a multiple of `to`."""

    mode: Rounding
    to: Fraction


@record(frozen=True, slots=True)
class AtLeast(StepNode):
    """Pool step."""

    amount: Expression


@record(frozen=True, slots=True)
class AtMost(StepNode):
    """Pool step."""

    amount: Expression


@record(frozen=True, slots=True)
class Mirror(StepNode):
    """Pool step. Prices the size of the quantity and gives the price step's amount its sign."""


@record(frozen=True, slots=True)
class Counted(StepNode):
    """From the quantity to the price everything runs on the counter of this cadence."""

    cadence: Literal["yearly", "quarterly", "term"]


@record(frozen=True, slots=True)
class Price(StepNode):
    """Price step. `Linear` is a cell step; `Package` pools (a table: per combination of its own dimensions)."""

    rate: Linear | Package | Reject


@record(frozen=True, slots=True)
class Graduated(StepNode):
    """Price step, pools: each unit at the price of the tier it falls in."""

    tiers: tuple[Tier, ...]


@record(frozen=True, slots=True)
class Volume(StepNode):
    """Price step: all units at the price of the tier that the pooled quantity, or quantity `on`, falls in.

    A cell step when every tier is `Linear` or `Reject` and has no `plus`, `minimum`, `maximum` (see `is_by_cell`).
    """

    on: Expression | None
    tiers: tuple[Tier, ...]

    @property
    def is_by_cell(self) -> bool:
        return all(
            isinstance(t.price, Linear | Reject) and t.plus is None and t.minimum is None and t.maximum is None
            for t in self.tiers
        )


@record(frozen=True, slots=True)
class Arm(Node):
    """`keys` empty: `else`. An exact key wins, then patterns top to bottom, then `else`."""

    keys: tuple[Key, ...]
    steps: tuple[Step, ...]


@record(frozen=True, slots=True)
class Match(StepNode):
    """Price step. Deals cells out to arms by one dimension; each arm is a sub-pipeline with one price."""

    dimension: str
    arms: tuple[Arm, ...]


@record(frozen=True, slots=True)
class Times(StepNode):
    """Cell step on money. `times`, `markup` (1 + p) and `margin` (1 / (1 - p)); `word` says which."""

    word: Literal["times", "markup", "margin"]
    factor: Factor


@record(frozen=True, slots=True)
class Discount(StepNode):
    """Cell step on money: takes the fraction `share` of what is positive, at most all of it."""

    share: Factor
    prorated: Proration | None


@record(frozen=True, slots=True)
class DiscountAbove(StepNode):
    """Pool step: `share` (a fraction) of the part above `above`, at most `up_to`."""

    share: Fraction
    above: Fraction
    up_to: Fraction | None
    prorated: Proration | None


@record(frozen=True, slots=True)
class DiscountMoney(StepNode):
    """Pool step: `amount` of money, taken from the part above `above`."""

    amount: Fraction
    above: Fraction
    up_to: Fraction | None
    prorated: Proration | None


class Band(NamedTuple):
    """The part above `above` (up to the next band) is discounted by the fraction `share`."""

    above: Fraction
    share: Fraction


@record(frozen=True, slots=True)
class DiscountGraduated(StepNode):
    """Pool step."""

    bands: tuple[Band, ...]
    prorated: Proration | None


@record(frozen=True, slots=True)
class Plus(StepNode):
    """Pool step: due at zero usage too."""

    amount: Fraction
    prorated: Proration | None


@record(frozen=True, slots=True)
class Minimum(StepNode):
    """Pool step. `bound` is money, or a rate on the quantity that entered the price."""

    bound: Fraction | Linear | Package
    prorated: Proration | None


@record(frozen=True, slots=True)
class Maximum(StepNode):
    """Pool step. `bound` is money, or a rate on the quantity that entered the price."""

    bound: Fraction | Linear | Package
    prorated: Proration | None


@record(frozen=True, slots=True)
class Total(StepNode):
    """Ends every `each` that began in this pipeline (or arm): adds the groups up."""


@record(frozen=True, slots=True)
class Largest(StepNode):
    """Ends every `each` that began in this pipeline (or arm): keeps the group with the largest amount."""


@record(frozen=True, slots=True)
class Prorate(StepNode):
    """Cell step on money: scales the amount so far."""

    by: Proration


@record(frozen=True, slots=True)
class RoundMoney(StepNode):
    """Pool step: rounds the group's amount to a multiple of `to`."""

    mode: Rounding
    to: Fraction


@record(frozen=True, slots=True)
class ShowBy(StepNode):
    """Lists the line by these dimensions; changes no amount."""

    dimensions: tuple[str, ...]


PriceStep = Price | Graduated | Volume | Match
Step = (
    Where | Weigh | Each | Include | RoundQuantity | AtLeast | AtMost | Mirror | Counted
    | Price | Graduated | Volume | Match
    | Times | Discount | DiscountAbove | DiscountMoney | DiscountGraduated | Plus | Minimum | Maximum
    | Total | Largest | Prorate | RoundMoney | ShowBy
)  # fmt: skip


# --- what is counted -------------------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Measure(Node):
    """One arm of a meter: the dimension value it feeds (`None` without `measure by`) and its aggregation."""

    value: str | None
    aggregation: str
    arguments: tuple[Expression, ...]


@record(frozen=True, slots=True)
class EventDimension(Node):
    """A dimension and the expression over an event that gives its value."""

    name: str
    expression: Expression


@record(frozen=True, slots=True)
class Meter(Node):
    """A meter. `dimensions` in the order of cells; `measured_by` is the dimension that `measure by` fills.

    `adds_over_dimensions`, `adds_over_time`: rule 3. `whole`: only whole numbers can occur. `money`: counts money.
    """

    name: str
    label: str
    unit: str
    dimensions: tuple[str, ...]
    money: bool
    whole: bool
    adds_over_dimensions: bool
    adds_over_time: bool
    event_types: tuple[str, ...]
    where: Expression | None
    measured_by: str | None
    measures: tuple[Measure, ...]
    event_dimensions: tuple[EventDimension, ...]
    carried: bool
    timezone: str


class Term(NamedTuple):
    """`factor` times a meter or quantity, in a sum."""

    factor: Fraction
    name: str


@record(frozen=True, slots=True)
class Quantity(Node):
    """A named quantity: `source` and `steps`, or `terms` that are added and
    keep `dimensions`, or an `expression` on totals.

    Exactly one of `source` (a meter or quantity), `terms` (not empty) and `expression` is given.
    """

    name: str
    unit: str
    money: bool
    dimensions: tuple[str, ...]
    source: str | None
    steps: tuple[Step, ...]
    terms: tuple[Term, ...]
    expression: Expression | None


# --- plans -----------------------------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Bill(Node):
    """`bill monthly [on day 15 | from term]`."""

    cadence: Literal["daily", "weekly", "monthly", "quarterly", "yearly"]
    day: int | None
    from_term: bool


@record(frozen=True, slots=True)
class Fee(Node):
    name: str
    label: str
    amount: Fraction
    cadence: Cadence
    timing: Literal["in advance", "in arrears"]
    prorated: Proration | None


@record(frozen=True, slots=True)
class Charge(Node):
    """`source`: a meter or quantity by name, or an amount expression over lines (then the quantity is money).

    `priced`: False for a derived charge without a price step; its amount steps then begin at `first_amount_step`.
    `first_amount_step` is the index in `steps` of the first step that works on money.
    """

    name: str
    label: str
    source: str | Expression
    unit: str
    dimensions: tuple[str, ...]
    steps: tuple[Step, ...]
    priced: bool
    first_amount_step: int


@record(frozen=True, slots=True)
class Adjustment(Node):
    """A plan-level `discount`, `minimum` or `maximum`.

    `amount` is money, or a fraction with `percent`; `bands` for `discount graduated`. `lines` are the lines it is on
    in statement order; `None` means all, and then a top-up is a row of its own. `name` is what `as NAME` said.
    """

    kind: Literal["discount", "minimum", "maximum"]
    amount: Fraction | None
    percent: bool
    bands: tuple[Band, ...]
    lines: tuple[str, ...] | None
    above: Fraction | None
    up_to: Fraction | None
    prorated: Proration | None
    name: str | None


@record(frozen=True, slots=True)
class Plan(Node):
    """`lines` in statement order; `order` are the charges' and fees' names in order of their dependencies."""

    name: str
    label: str
    bill: Bill
    timezone: str
    rounding: Literal["half_up", "half_even"]
    lines: tuple[Fee | Charge, ...]
    order: tuple[str, ...]
    adjustments: tuple[Adjustment, ...]


# --- contracts -------------------------------------------------------------------------------------------------------

Instant = int
"""Seconds since 1970-01-01T00:00Z. Every instant of an agreement is a whole second."""


@record(frozen=True, slots=True)
class SetAside(Node):
    """A step that lost to an override: one of the line's own, or of an override written before. Its span shows it."""


@record(frozen=True, slots=True)
class Override(Node):
    """Which of several overrides in force won a kind of step on a line, and what it set aside.

    `number` counts the contract's overrides from 0, in the order in which they come into force; it tells winners of the
    same kind apart whatever the layout. The span is the winning step's.
    """

    line: str
    kind: str
    number: int
    set_aside: tuple[SetAside, ...]

    @property
    def winner(self) -> Span:
        """Where the winning step stands."""
        return self.span

    @property
    def losers(self) -> tuple[Span, ...]:
        """Where what it set aside stands."""
        return tuple(each.span for each in self.set_aside)


@record(frozen=True, slots=True)
class Version(Node):
    """What is in force in `[start, end)` of the term: the plan as every override, phase and line in force makes it."""

    start: Instant
    end: Instant
    plan: Plan
    overrides: tuple[Override, ...]


@record(frozen=True, slots=True)
class Cover(Node):
    """A line that a balance pays, perhaps only its cells for which `where` holds."""

    line: str
    where: Expression | None


@record(frozen=True, slots=True)
class Balance(Node):
    """A prepaid commit or a credit: grants of money (`unit` is `None`) or of units that cover lines.

    One grant at `start`, or with `cadence` one at the start of each month, quarter or year of the contract in
    `[start, end)`. `lifetime_months` is `valid for N months`; otherwise a grant ends with the next one, or at `end`.
    `covers` is `None` for every line. `funded_lines` is `None` for all it covers. `invoiced` is per grant, or per
    `invoice_cadence`; `None` is `not invoiced`. Balances stand in the order written.
    """

    name: str
    kind: Literal["commit", "credit"]
    amount: Expression
    unit: str | None
    policy: CellOrder | None
    cadence: Literal["monthly", "quarterly", "yearly"] | None
    start: Instant
    end: Instant
    lifetime_months: int | None
    covers: tuple[Cover, ...] | None
    priority: int | None
    rollover: Fraction | None
    rollover_months: int | None
    funded: Fraction | None
    funded_lines: tuple[str, ...] | None
    overage: Fraction | None
    overage_rejects: bool
    invoiced: Expression | None
    invoice_cadence: Literal["monthly", "quarterly", "yearly"] | None


@record(frozen=True, slots=True)
class Floor(Node):
    """A postpaid commit: at the end of each of its periods a true-up brings the covered spend up to `amount`."""

    name: str
    amount: Fraction
    cadence: Literal["monthly", "quarterly", "yearly"] | None
    start: Instant
    end: Instant
    covers: tuple[Cover, ...] | None


OPEN_TERM = ("1970-01-01", "9999-01-01")
"""The local days on which a contract begins and ends that names no term; no term that is named can end so late."""


@record(frozen=True, slots=True)
class Contract(Node):
    """What one customer gets. `versions` tile the term `[start, end)`; `plan` names the list it started from."""

    name: str
    label: str
    customer: str | None
    plan: str | None
    plan_version: int | None
    start: Instant
    end: Instant
    bill: Bill
    timezone: str
    rounding: Literal["half_up", "half_even"]
    versions: tuple[Version, ...]
    balances: tuple[Balance, ...]
    floors: tuple[Floor, ...]


@record(frozen=True, slots=True)
class Program(Node):
    """All that a program says about amounts. `digits` are the minor digits of `currency`."""

    language: int
    currency: str
    digits: int
    meters: tuple[Meter, ...]
    quantities: tuple[Quantity, ...]
    tables: tuple[Table, ...]
    plans: tuple[Plan, ...]
    contracts: tuple[Contract, ...] = ()
