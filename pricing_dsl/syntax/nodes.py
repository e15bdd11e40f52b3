"""The syntax tree: what a program says, as written, with a span on every node.

Pure data, one class per construct of the language page, in its order. Names are not resolved, units not converted,
nothing is defaulted: `None` means "not written". Two trees are equal when they say the same, wherever it stands:
spans do not take part in comparison. Produced by `parse.from_source`, read by `check`.
"""

from __future__ import annotations

from dataclasses import field
from datetime import date, datetime
from fractions import Fraction
from typing import Literal

from pricing_dsl.records import record
from pricing_dsl.source import Span

Proration = Literal["day", "second"]
Cadence = Literal["daily", "weekly", "monthly", "quarterly", "yearly", "once", "term"]


@record(frozen=True, slots=True)
class Node:
    """Anything that stands in a program."""

    span: Span = field(compare=False, kw_only=True)


# --- words and numbers (section 2) -------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Name(Node):
    """An identifier as written."""

    text: str


@record(frozen=True, slots=True)
class Text(Node):
    """A quoted string; `value` is without quotes and escapes."""

    value: str


@record(frozen=True, slots=True)
class Number(Node):
    """An exact decimal; `100k` is 100000, `5%` is 1/20 with `percent`. A `unit` may follow: `100 GB`."""

    value: Fraction
    percent: bool = False
    unit: Name | None = None


@record(frozen=True, slots=True)
class Date(Node):
    """A date `2026-01-01` or an instant `2026-01-01T06:00Z` (then `value` is an aware datetime in UTC)."""

    value: date | datetime


@record(frozen=True, slots=True)
class RelativeDate(Node):
    """`day N`, `month N` or `year N` of the term, from 1."""

    unit: Literal["day", "month", "year"]
    number: Number


When = Date | RelativeDate


@record(frozen=True, slots=True)
class Per(Node):
    """`per 1M tokens`, `per started 100`, `per full 100`, `per GB` (amount `None`)."""

    mode: Literal["started", "full"] | None
    amount: Number | None
    unit: Name | None


# --- expressions: event properties (3), conditions (5), quantities (3, 5), amounts (5, 6) ------------------------


@record(frozen=True, slots=True)
class Reference(Node):
    """A bare name in an expression: a property, dimension, quantity or line, as the place decides."""

    name: str


@record(frozen=True, slots=True)
class Call(Node):
    """`min(a, b)`, `hour(time)`, `context_limit(model)`, `quantity(requests)`, `sum(x)`."""

    function: Name
    arguments: tuple[Expression, ...]


@record(frozen=True, slots=True)
class Negate(Node):
    """`- x`. A minus before a literal number gives a negative `Number` instead."""

    operand: Expression


@record(frozen=True, slots=True)
class Not(Node):
    operand: Expression


@record(frozen=True, slots=True)
class Binary(Node):
    """Arithmetic `+ - * /`, comparison `== != < <= > >=`, and `and`, `or` (also "property or default")."""

    operator: Literal["+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">=", "and", "or"]
    left: Expression
    right: Expression


@record(frozen=True, slots=True)
class In(Node):
    """`x in ("a", "b")`; `negated` for `x not in (...)`."""

    operand: Expression
    items: tuple[Expression, ...]
    negated: bool


@record(frozen=True, slots=True)
class Like(Node):
    """`x like "gpt-*"`; `negated` for `x not like ...`."""

    operand: Expression
    pattern: Text
    negated: bool


@record(frozen=True, slots=True)
class If(Node):
    condition: Expression
    then: Expression
    otherwise: Expression


@record(frozen=True, slots=True)
class PercentOf(Node):
    """`5% of (tokens + requests)`."""

    percent: Number
    operand: Expression


Expression = Number | Text | Reference | Call | Negate | Not | Binary | In | Like | If | PercentOf


# --- declarations (sections 1 to 4) -------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Currency(Node):
    code: Name


@record(frozen=True, slots=True)
class Unit(Node):
    """`unit token | tokens`, `unit GB = 1000 MB`."""

    name: Name
    plural: Name | None
    definition: Number | None
    """`1000 MB`: a number with its unit."""


@record(frozen=True, slots=True)
class FromClause(Node):
    types: tuple[Text, ...]


@record(frozen=True, slots=True)
class WhereClause(Node):
    condition: Expression


@record(frozen=True, slots=True)
class MeasureClause(Node):
    """`measure sum(x)`: the call is the aggregation."""

    aggregation: Call


@record(frozen=True, slots=True)
class MeasureArm(Node):
    value: Name | Text
    aggregation: Call


@record(frozen=True, slots=True)
class MeasureByClause(Node):
    """`measure by token_type { input: sum(...) ... }`."""

    dimension: Name
    arms: tuple[MeasureArm, ...]


@record(frozen=True, slots=True)
class CarriedClause(Node):
    pass


@record(frozen=True, slots=True)
class UnitClause(Node):
    name: Name


@record(frozen=True, slots=True)
class Dimension(Node):
    """`model`, or `context: if ... then ... else ...`."""

    name: Name
    expression: Expression | None


@record(frozen=True, slots=True)
class ByClause(Node):
    dimensions: tuple[Dimension, ...]


@record(frozen=True, slots=True)
class TimezoneClause(Node):
    """`timezone "Europe/Paris"`, in a meter, a plan or a contract."""

    zone: Text


MeterClause = (
    FromClause | WhereClause | MeasureClause | MeasureByClause | CarriedClause | UnitClause | ByClause | TimezoneClause
)


@record(frozen=True, slots=True)
class Meter(Node):
    name: Name
    label: Text | None
    clauses: tuple[MeterClause, ...]


@record(frozen=True, slots=True)
class Quantity(Node):
    """`quantity NAME on SOURCE { steps }` (`source` set) or `quantity NAME = expression` (`expression` set)."""

    name: Name
    source: Name | None
    steps: tuple[Step, ...]
    expression: Expression | None


@record(frozen=True, slots=True)
class Else(Node):
    """The key that matches anything."""


@record(frozen=True, slots=True)
class NotSold(Node):
    """The cell `-`."""


@record(frozen=True, slots=True)
class Free(Node):
    """`free` as a rate, tier or cell."""


@record(frozen=True, slots=True)
class Reject(Node):
    """`reject` as a rate or tier."""


Key = Name | Text | Else
Entry = Name | Text | Else | Number | Free | NotSold


@record(frozen=True, slots=True)
class Row(Node):
    """One row as written, `"gpt-5" | 1.25 | 0.125`: its keys, then its cells; which is which the header tells."""

    entries: tuple[Entry, ...]


@record(frozen=True, slots=True)
class InlineTable(Node):
    header: tuple[Key, ...]
    rows: tuple[Row, ...]


@record(frozen=True, slots=True)
class FileColumn(Node):
    """`price: unit_price_usd` or `model: "Model name"`."""

    target: Name
    column: Name | Text


@record(frozen=True, slots=True)
class FileTable(Node):
    file: Text
    columns: tuple[FileColumn, ...]
    where: Expression | None


@record(frozen=True, slots=True)
class Rates(Node):
    name: Name
    per: Per | None
    dimensions: tuple[Name, ...]
    body: InlineTable | FileTable


@record(frozen=True, slots=True)
class Curve(Node):
    name: Name
    kind: Literal["graduated", "volume"]
    tiers: tuple[Tier, ...]


# --- rates and tiers (sections 4, 5) ------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class RateNumber(Node):
    """`2.00`, `2.00 per 1M tokens`, `5 per started 100`, `2.9%` (then `value.percent`)."""

    value: Number
    per: Per | None


@record(frozen=True, slots=True)
class RateName(Node):
    """A rate table or a curve by name."""

    name: Name


Rate = RateNumber | RateName | Free | Reject


@record(frozen=True, slots=True)
class Flat(Node):
    """`flat MONEY`, in a tier."""

    amount: Number


@record(frozen=True, slots=True)
class Tier(Node):
    """`to 100: 0.50 per 1k plus 10 minimum 5 maximum 50 even at zero`; `bound` is `None` for `above:`."""

    kind: Literal["to", "below", "above"]
    bound: Number | None
    price: Rate | Flat
    plus: Number | None
    minimum: Number | None
    maximum: Number | None
    even_at_zero: bool


# --- steps (section 5) --------------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class StepNode(Node):
    """What all steps share: `when CONDITION` behind it."""

    when: Expression | None = field(default=None, kw_only=True)


@record(frozen=True, slots=True)
class WhereStep(StepNode):
    condition: Expression
    else_free: bool


@record(frozen=True, slots=True)
class KeyedFactor(Node):
    key: Key
    factor: Number


@record(frozen=True, slots=True)
class Keyed(Node):
    """`context { "long": 2  else: 1 }`."""

    dimension: Name
    entries: tuple[KeyedFactor, ...]


@record(frozen=True, slots=True)
class Weigh(StepNode):
    """`weigh DIM {...}`, `weigh 4`, `weigh TABLE`, each `[as UNIT]`."""

    factor: Number | Name | Keyed
    unit: Name | None


@record(frozen=True, slots=True)
class Each(StepNode):
    dimensions: tuple[Name, ...]


CellOrder = Literal["in order", "pro rata", "cheapest first", "dearest first"]


@record(frozen=True, slots=True)
class Include(StepNode):
    amount: Expression
    policy: CellOrder | None
    prorated: Proration | None


@record(frozen=True, slots=True)
class Round(StepNode):
    """`round up to 100` before the price, `round half_up to 0.01` after it; `to` may carry a unit."""

    mode: Literal["up", "down", "half_up", "half_even"]
    to: Number


@record(frozen=True, slots=True)
class AtLeast(StepNode):
    amount: Expression


@record(frozen=True, slots=True)
class AtMost(StepNode):
    amount: Expression


@record(frozen=True, slots=True)
class Mirror(StepNode):
    pass


@record(frozen=True, slots=True)
class Counted(StepNode):
    cadence: Literal["yearly", "quarterly", "term"]


@record(frozen=True, slots=True)
class Price(StepNode):
    rate: Rate


@record(frozen=True, slots=True)
class PriceWith(StepNode):
    """`price with NAME(args)`: a price shape of a plugin."""

    shape: Name
    arguments: tuple[Expression, ...]


@record(frozen=True, slots=True)
class Graduated(StepNode):
    tiers: tuple[Tier, ...]


@record(frozen=True, slots=True)
class Volume(StepNode):
    on: Name | None
    tiers: tuple[Tier, ...]


@record(frozen=True, slots=True)
class Arm(Node):
    keys: tuple[Key, ...]
    steps: tuple[Step, ...]


@record(frozen=True, slots=True)
class Match(StepNode):
    dimension: Name
    arms: tuple[Arm, ...]


@record(frozen=True, slots=True)
class Times(StepNode):
    factor: Number | Name | Keyed


@record(frozen=True, slots=True)
class Markup(StepNode):
    percent: Number


@record(frozen=True, slots=True)
class Margin(StepNode):
    percent: Number


@record(frozen=True, slots=True)
class Plus(StepNode):
    amount: Number
    prorated: Proration | None


@record(frozen=True, slots=True)
class Discount(StepNode):
    """`discount 10% above 100 up to 50`, `discount 20 above 100`, `discount TABLE` (`amount` is a Name)."""

    amount: Number | Name
    above: Number | None
    up_to: Number | None
    prorated: Proration | None


@record(frozen=True, slots=True)
class Band(Node):
    """`above 10_000: 5%`."""

    above: Number
    percent: Number


@record(frozen=True, slots=True)
class DiscountGraduated(StepNode):
    bands: tuple[Band, ...]
    prorated: Proration | None


@record(frozen=True, slots=True)
class Minimum(StepNode):
    bound: RateNumber | RateName
    prorated: Proration | None


@record(frozen=True, slots=True)
class Maximum(StepNode):
    bound: RateNumber | RateName
    prorated: Proration | None


@record(frozen=True, slots=True)
class Total(StepNode):
    pass


@record(frozen=True, slots=True)
class Largest(StepNode):
    pass


@record(frozen=True, slots=True)
class Prorate(StepNode):
    by: Proration


@record(frozen=True, slots=True)
class ShowBy(StepNode):
    dimensions: tuple[Name, ...]


Step = (
    WhereStep | Weigh | Each | Include | Round | AtLeast | AtMost | Mirror | Counted
    | Price | PriceWith | Graduated | Volume | Match
    | Times | Markup | Margin | Plus | Discount | DiscountGraduated | Minimum | Maximum
    | Total | Largest | Prorate | ShowBy
)  # fmt: skip


# --- plans and contracts (sections 6, 7, 8) -----------------------------------------------------------------------


@record(frozen=True, slots=True)
class Bill(Node):
    """`bill monthly`, `bill monthly on day 15`, `bill monthly from term`."""

    cadence: Cadence
    day: Number | None
    from_term: bool


@record(frozen=True, slots=True)
class RoundMode(Node):
    """`round half_even` on its own in a plan."""

    mode: Literal["half_up", "half_even"]


@record(frozen=True, slots=True)
class Fee(Node):
    name: Name
    label: Text | None
    amount: Number
    cadence: Cadence | None
    timing: Literal["in advance", "in arrears"] | None
    prorated: Proration | None


@record(frozen=True, slots=True)
class Charge(Node):
    """`charge NAME on SOURCE { steps }` (`source` set) or `charge NAME = expression { steps }` (`expression` set)."""

    name: Name
    label: Text | None
    source: Name | None
    expression: Expression | None
    steps: tuple[Step, ...]


@record(frozen=True, slots=True)
class Adjustment(Node):
    """A plan-level `discount`, `minimum` or `maximum`. `bands` for `discount graduated`, else `amount`.

    `lines` are the names behind `on`; with `except_lines` they are those left out. Neither: all lines.
    """

    kind: Literal["discount", "minimum", "maximum"]
    amount: Number | None
    bands: tuple[Band, ...]
    lines: tuple[Name, ...]
    except_lines: bool
    above: Number | None
    up_to: Number | None
    prorated: Proration | None
    alias: Name | None


@record(frozen=True, slots=True)
class Override(Node):
    """`override LINE { steps }`; `line` is `None` for `override all`. For a fee, steps are `price` and amount steps."""

    line: Name | None
    steps: tuple[Step, ...]


@record(frozen=True, slots=True)
class Remove(Node):
    name: Name


@record(frozen=True, slots=True)
class Phase(Node):
    """`from WHEN [to WHEN] { items }`."""

    start: When
    end: When | None
    items: tuple[PlanItem | ContractItem, ...]


@record(frozen=True, slots=True)
class Customer(Node):
    id: Text


@record(frozen=True, slots=True)
class PlanClause(Node):
    """`plan scale version 3`."""

    name: Name
    version: Number | None


@record(frozen=True, slots=True)
class Term(Node):
    start: Date
    end: Date


@record(frozen=True, slots=True)
class Cover(Node):
    line: Name
    where: Expression | None


@record(frozen=True, slots=True)
class CoversClause(Node):
    covers: tuple[Cover, ...]


@record(frozen=True, slots=True)
class PriorityClause(Node):
    number: Number


@record(frozen=True, slots=True)
class ValidClause(Node):
    """`valid D to D` or `valid for N months` (`months` set)."""

    start: When | None
    end: When | None
    months: Number | None


@record(frozen=True, slots=True)
class RolloverClause(Node):
    """`rollover 20% for 3 months`."""

    percent: Number
    months: Number | None


@record(frozen=True, slots=True)
class FundedClause(Node):
    """`funded times 0.85 on tokens`."""

    factor: Number
    lines: tuple[Name, ...]


@record(frozen=True, slots=True)
class OverageClause(Node):
    """`overage times 1.1`, or `overage reject` (`factor` is `None`)."""

    factor: Number | None


@record(frozen=True, slots=True)
class InvoicedClause(Node):
    """`invoiced 100_000 [quarterly]`, or `not invoiced` (`amount` is `None`)."""

    amount: Number | None
    cadence: Cadence | None


BalanceClause = (
    CoversClause | PriorityClause | ValidClause | RolloverClause | FundedClause | OverageClause | InvoicedClause
)


@record(frozen=True, slots=True)
class Commit(Node):
    """`commit NAME AMOUNT prepaid|postpaid [cadence] { clauses }`; `policy` for units over cells of several prices."""

    name: Name
    amount: Expression
    policy: CellOrder | None
    payment: Literal["prepaid", "postpaid"]
    cadence: Cadence | None
    clauses: tuple[BalanceClause, ...]


@record(frozen=True, slots=True)
class Credit(Node):
    """`credit NAME AMOUNT [cadence] { clauses }`."""

    name: Name
    amount: Expression
    policy: CellOrder | None
    cadence: Cadence | None
    clauses: tuple[BalanceClause, ...]


PlanItem = Bill | TimezoneClause | RoundMode | Fee | Charge | Adjustment | Override | Remove | Phase
ContractItem = PlanItem | Customer | PlanClause | Term | Commit | Credit


@record(frozen=True, slots=True)
class Plan(Node):
    name: Name
    label: Text | None
    extends: Name | None
    items: tuple[PlanItem, ...]


@record(frozen=True, slots=True)
class Contract(Node):
    name: Name
    label: Text | None
    items: tuple[ContractItem, ...]


# --- programs that check themselves (section 9) -------------------------------------------------------------------


@record(frozen=True, slots=True)
class PeriodClause(Node):
    """`period 2026-03` (end `None`, `start` the first of the month) or `period D to D`."""

    start: Date
    end: Date | None


@record(frozen=True, slots=True)
class ExampleCell(Node):
    dimension: Name
    value: Text


@record(frozen=True, slots=True)
class ExampleUsage(Node):
    """`tokens[model: "gpt-5"] = 120M`."""

    meter: Name
    cells: tuple[ExampleCell, ...]
    quantity: Number


@record(frozen=True, slots=True)
class Expect(Node):
    """`expect [exact] LINE|total|due = MONEY`."""

    exact: bool
    target: Name
    amount: Number


@record(frozen=True, slots=True)
class Example(Node):
    label: Text
    target: Name
    period: PeriodClause | None
    usage: tuple[ExampleUsage, ...]
    expects: tuple[Expect, ...]


@record(frozen=True, slots=True)
class Within(Node):
    """`METER in 0..N`; the bounds are `None` when not written."""

    meter: Name
    low: Number | None
    high: Number | None


@record(frozen=True, slots=True)
class Prove(Node):
    """`never decreases in`, `never exceeds`, `is continuous in`."""

    target: Name
    claim: Literal["never decreases", "never exceeds", "is continuous"]
    other: Name | None
    ranges: tuple[Within, ...]


Declaration = Currency | Unit | Meter | Quantity | Rates | Curve | Plan | Contract | Example | Prove


@record(frozen=True, slots=True)
class Program(Node):
    """A whole file, in source order."""

    declarations: tuple[Declaration, ...]
