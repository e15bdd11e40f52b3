"""Overrides: how `override LINE { steps }` amends a line, kind of step by kind (section 7, rules 17 to 19).

A price step replaces the line's price and ends the multipliers of overrides written before it; multipliers (`times`,
`markup`, `margin`, `discount P%`) join directly after the price; every other step takes the place of the line's step of
its kind, or joins before the price (quantity steps) or at the end (amount steps). Of several overrides the last written
wins, kind by kind; where it has a `when`, only where that holds. The result is a line like any other and is checked so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from pricing_dsl.check.scope import Scope
from pricing_dsl.check.steps import PRICE_STEPS, QUANTITY_STEPS, WORDS
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax

Kind = tuple[str, ...]
"""What competes with what: the step's word, and for keyed steps and tables the dimension or table (rule 19)."""

Kinded = list[tuple[Kind, syntax.Step]]
"""Steps in the order written, each with its kind."""

MULTIPLIERS = ("times", "markup", "margin", "discount P%")
"""The kinds that join after the price and never take the place of the line's own step."""

FIXED = (syntax.Each, syntax.WhereStep, syntax.Weigh, syntax.Total, syntax.Largest)
"""Steps that say what is counted; they cannot be overridden."""


@dataclass(frozen=True, slots=True)
class Winner:
    """The steps of one kind that are left of one override, `when` narrowed by those written after it."""

    kind: Kind
    override: int
    steps: tuple[syntax.Step, ...]


def amend_charge(scope: Scope, charge: syntax.Charge, overrides: Sequence[syntax.Override]) -> syntax.Charge:
    """The charge under all these overrides, in the order written. Reports what cannot be overridden."""
    good = [replace(o, steps=tuple(s for s in o.steps if overridable(scope, s))) for o in overrides]
    said = [kinded(o.steps, charge) for o in good]
    steps = list(charge.steps)
    priced_by = last_price(good)
    multipliers: list[Winner] = []
    for kind in kinds_of(said):
        winners, otherwise = resolve(said, kind)
        if kind[0] in MULTIPLIERS:
            multipliers.extend(w for w in winners if w.override >= priced_by)
        else:
            put(scope, steps, kind, winners, otherwise, charge)
    multipliers.sort(key=lambda winner: (winner.override, winner.steps[0].span.start))
    at = after_price(steps)
    steps[at:at] = [step for winner in multipliers for step in winner.steps]
    return replace(charge, steps=tuple(steps))


def overridable(scope: Scope, step: syntax.Step) -> bool:
    if not isinstance(step, FIXED):
        return True
    word = WORDS[type(step)]
    scope.report(
        "T0401",
        step.span,
        f"`{word}` says what is counted and cannot be overridden",
        help="write the line anew under the same name, or override its price with a `match`",
    )
    return False


def kind_of(step: syntax.Step, *, after_price: bool) -> Kind:
    """The kind a step competes in."""
    match step:
        case syntax.Price() | syntax.PriceWith() | syntax.Graduated() | syntax.Volume() | syntax.Match():
            return ("price",)
        case syntax.Times(factor=syntax.Keyed(dimension=dimension)):
            return ("times", "by", dimension.text)
        case syntax.Times(factor=syntax.Name(text=table)):
            return ("times", "table", table)
        case syntax.Discount(amount=syntax.Number(percent=True), above=None, up_to=None):
            return ("discount P%",)
        case syntax.Discount() | syntax.DiscountGraduated():
            return ("discount",)
        case syntax.Round():
            return ("round", "money" if after_price else "quantity")
        case _:
            return (WORDS[type(step)],)


def kinds_of(said: Sequence[Kinded]) -> list[Kind]:
    """The kinds of what several overrides say, each once."""
    return list(dict.fromkeys(kind for steps in said for kind, _ in steps))


def kinded(steps: tuple[syntax.Step, ...], charge: syntax.Charge) -> Kinded:
    """Steps with their kinds. A `round` is told by the override's own price, else by the line's only `round`."""
    result = []
    after = False
    if any(isinstance(s, syntax.Round) for s in steps) and not any(isinstance(s, PRICE_STEPS) for s in steps):
        after = [kind for kind, _ in line_kinds(charge.steps) if kind[0] == "round"] == [("round", "money")]
    for step in steps:
        result.append((kind_of(step, after_price=after), step))
        after = after or isinstance(step, PRICE_STEPS)
    return result


def line_kinds(steps: Sequence[syntax.Step]) -> Kinded:
    """The steps of a line with their kinds."""
    result = []
    after = False
    for step in steps:
        result.append((kind_of(step, after_price=after), step))
        after = after or isinstance(step, PRICE_STEPS)
    return result


def resolve(said: Sequence[Kinded], kind: Kind) -> tuple[list[Winner], syntax.Expression | None]:
    """Who wins a kind, first to last, and the condition under which the line's own step is left (`None`: nowhere).

    `said` are the steps of the overrides in the order written.
    """
    winners: list[Winner] = []
    open_where: syntax.Expression | None = None
    for index in reversed(range(len(said))):
        steps = [step for k, step in said[index] if k == kind]
        if not steps:
            continue
        winners.append(Winner(kind, index, tuple(narrowed(step, open_where) for step in steps)))
        if any(step.when is None for step in steps):
            return winners[::-1], None
        for step in steps:
            assert step.when is not None
            closed = syntax.Not(step.when, span=step.when.span)
            open_where = closed if open_where is None else both(open_where, closed)
    return winners[::-1], open_where


def both(one: syntax.Expression, other: syntax.Expression) -> syntax.Expression:
    return syntax.Binary("and", one, other, span=other.span)


def narrowed(step: syntax.Step, condition: syntax.Expression | None) -> syntax.Step:
    """The step only where `condition` holds as well."""
    if condition is None:
        return step
    return replace(step, when=condition if step.when is None else both(step.when, condition))


def put(
    scope: Scope,
    steps: list[syntax.Step],
    kind: Kind,
    winners: list[Winner],
    otherwise: syntax.Expression | None,
    charge: syntax.Charge,
) -> None:
    """Put the winning steps in the place of the line's step of that kind, or where new ones join."""
    places = [i for i, (k, _) in enumerate(line_kinds(steps)) if k == kind]
    new = [step for winner in winners for step in winner.steps]
    if len(places) > 1:
        scope.report(
            "T0402",
            new[-1].span,
            f"`{charge.name.text}` has two steps of this kind, so it is open which one this overrides",
            labels=[Label(steps[i].span, f"a `{kind[0]}` of the line") for i in places],
            help=f"write `charge {charge.name.text}` anew in this place",
        )
        return
    if places:
        at = places[0]
        kept = [] if otherwise is None else [narrowed(steps[at], otherwise)]
        steps[at : at + 1] = [*kept, *new]
        return
    before_price = isinstance(new[0], QUANTITY_STEPS) or kind == ("round", "quantity")
    at = price_index(steps) if before_price else len(steps)
    steps[at:at] = new


def price_index(steps: Sequence[syntax.Step]) -> int:
    """Where quantity steps join: before the price, or at the end of a derived charge's quantity steps."""
    for index, step in enumerate(steps):
        if isinstance(step, PRICE_STEPS):
            return index
    return next((i for i, step in enumerate(steps) if not isinstance(step, QUANTITY_STEPS)), len(steps))


def after_price(steps: Sequence[syntax.Step]) -> int:
    """Where multipliers join: directly after the price."""
    at = price_index(steps)
    return at + 1 if at < len(steps) and isinstance(steps[at], PRICE_STEPS) else at


def amend_fee(scope: Scope, fee: syntax.Fee, overrides: Sequence[syntax.Override]) -> syntax.Fee:
    """A fee under overrides: `price MONEY`, then factors and percentages, `plus`, `minimum`, `maximum` (rule 19)."""
    merged = amend_charge(scope, as_charge(fee), overrides)
    amount = fee.amount.value
    for step in merged.steps:
        next_amount = None if step.when is not None else fee_step(amount, step)
        if next_amount is None:
            scope.report(
                "T0403",
                step.span,
                f"`{WORDS[type(step)]}` here does not work on a fee",
                labels=[Label(fee.name.span, f"`{fee.name.text}` is a fee")],
                help="override a fee with `price MONEY`, `times`, `markup`, `margin`, `discount`, `plus`, "
                "`minimum` or `maximum`",
            )
            continue
        amount = next_amount
    return replace(fee, amount=replace(fee.amount, value=amount))


def as_charge(line: syntax.Fee | syntax.Charge) -> syntax.Charge:
    """A fee as the charge that its amount is the price of; a charge as it is."""
    if isinstance(line, syntax.Charge):
        return line
    span = line.amount.span
    price = syntax.Price(syntax.RateNumber(line.amount, None, span=span), span=span)
    return syntax.Charge(line.name, line.label, None, line.amount, (price,), span=line.span)


def fee_step(amount: Fraction, step: syntax.Step) -> Fraction | None:
    """A fee's amount after one step; `None` for a step that needs usage or time."""
    match step:
        case syntax.Price(rate=syntax.RateNumber(value=syntax.Number(value=value, percent=False, unit=None), per=None)):
            return value
        case syntax.Price(rate=syntax.Free()):
            return Fraction(0)
        case syntax.Times(factor=syntax.Number(value=value)):
            return amount * value
        case syntax.Markup(percent=percent):
            return amount * (1 + percent.value)
        case syntax.Margin(percent=percent) if percent.value < 1:
            return amount / (1 - percent.value)
        case syntax.Discount(amount=syntax.Number(value=value, percent=percent), above=None, up_to=None, prorated=None):
            off = amount * value if percent else value
            return amount - max(Fraction(0), min(off, amount))
        case syntax.Plus(amount=number, prorated=None):
            return amount + number.value
        case syntax.Minimum(bound=syntax.RateNumber(value=number, per=None), prorated=None):
            return max(amount, number.value)
        case syntax.Maximum(bound=syntax.RateNumber(value=number, per=None), prorated=None):
            return min(amount, number.value)
        case _:
            return None


def contests(
    charge: syntax.Charge, overrides: Sequence[syntax.Override], numbers: Sequence[int]
) -> tuple[ir.Override, ...]:
    """For each kind of step that overrides change: which one won, and what it set aside (rule 19).

    Where steps have a `when` several may win, each where its own condition holds over those written before it.
    `numbers` are those by which the overrides are told apart in the whole contract.
    """
    result = []
    priced_by = last_price(overrides)
    own = line_kinds(charge.steps)
    all_said = [kinded(o.steps, charge) for o in overrides]
    for kind in kinds_of(all_said):
        said = [(i, step) for i, steps in enumerate(all_said) for k, step in steps if k == kind]
        is_multiplier = kind[0] in MULTIPLIERS
        before = [] if is_multiplier else [step.span for k, step in own if k == kind]
        winners = {winner.override for winner in resolve(all_said, kind)[0]}
        if is_multiplier:
            winners = {number for number in winners if number >= priced_by}
        for number in sorted(winners):
            winner = next(step for i, step in reversed(said) if i == number)
            losers = [*before, *(step.span for i, step in said if i < number)]
            result.append(contest(charge, kind, numbers[number], winner, losers))
        if not winners:  # a price written later ends them all
            winner = price_of(overrides[priced_by])
            losers = [step.span for _, step in said]
            result.append(contest(charge, kind, numbers[priced_by], winner, losers))
    return tuple(result)


def contest(charge: syntax.Charge, kind: Kind, number: int, winner: syntax.Step, losers: Sequence[Span]) -> ir.Override:
    set_aside = tuple(ir.SetAside(span=span) for span in losers)
    return ir.Override(charge.name.text, " ".join(kind), number, set_aside, span=winner.span)


def last_price(overrides: Sequence[syntax.Override]) -> int:
    """The index of the last override that has a price step; -1 when none has."""
    return max((i for i, o in enumerate(overrides) if any(isinstance(s, PRICE_STEPS) for s in o.steps)), default=-1)


def price_of(override: syntax.Override) -> syntax.Step:
    return next(step for step in override.steps if isinstance(step, PRICE_STEPS))
