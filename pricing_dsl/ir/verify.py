"""What every IR program promises, asked again at the door: for programs read from JSON or text, and for plugins' IR.

References resolve, dimensions are present where they are read, every path of a charge has exactly one price step, tiers
ascend and end in `above`, a plan's order follows its dependencies, sizes and scales are positive. An evaluator may rely
on all of it. The checker says the same to authors, earlier and with help (language reference, sections 4 to 6); a
program it made always passes. One function per node, each node seen once; the first finding is raised with its path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple, assert_never

from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.verify_contracts import Door, verify_contracts

ARITY = {
    "+": (2, 2), "-": (2, 2), "*": (2, 2), "/": (2, 2), "neg": (1, 1), "min": (1, None), "max": (1, None),
    "ceil": (1, 1), "floor": (1, 1), "abs": (1, 1), "==": (2, 2), "!=": (2, 2), "<": (2, 2), "<=": (2, 2),
    ">": (2, 2), ">=": (2, 2), "and": (2, None), "or": (2, None), "not": (1, 1), "in": (1, None), "like": (2, 2),
    "if": (3, 3), "default": (2, 2), "hour": (1, 1), "minute": (1, 1), "weekday": (1, 1), "day": (1, 1),
}  # fmt: skip
"""The operators of `Apply` and how many arguments each takes, from and to (`None`: any number)."""

_Price = ir.Linear | ir.Package | ir.Flat | ir.Reject | ir.Graduated | ir.Volume
_QUANTITY_STEPS = (ir.Where, ir.Weigh, ir.Include, ir.RoundQuantity, ir.AtLeast, ir.AtMost, ir.Mirror, ir.Counted)
_PRICE_STEPS = (ir.Price, ir.Graduated, ir.Volume, ir.Match)
_EITHER_SIDE = (ir.Each, ir.Total, ir.Largest)
_NO_WHEN = (ir.Price, ir.Graduated, ir.Volume, ir.Match, ir.Each, ir.Total, ir.Largest, ir.Counted, ir.ShowBy)


class IrError(Exception):
    """An IR that is not a program. `path` is the place, like `plans[0].lines[1].steps[0].rate`; empty for the whole."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path.removeprefix(".")
        self.message = message
        super().__init__(f"{self.path}: {message}" if self.path else message)

    def under(self, segment: str) -> IrError:
        """The same finding, seen from the node that holds this one at `segment` (`.field` or `[3]`)."""
        below = self.path if not self.path or self.path.startswith("[") else "." + self.path
        return IrError(segment + below, self.message)


def verify(program: ir.Program) -> None:
    """Raises `IrError` for the first promise that `program` breaks."""
    try:
        _Verifier(program).verify_program()
    except RecursionError:
        raise IrError("", "the program nests too deeply") from None


def walk_expression(expression: ir.Expression) -> Iterator[ir.Expression]:
    """The expression and everything in it, outermost first."""
    pending = [expression]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, ir.Apply):
            pending.extend(reversed(node.arguments))


class _Dimensions(NamedTuple):
    """What a pipeline still knows at a step: `present`, `kept` by `each`, and `outer`, kept outside this arm."""

    present: frozenset[str]
    kept: frozenset[str]
    outer: frozenset[str]

    def pooled(self) -> _Dimensions:
        return self._replace(present=self.kept)


def _require(condition: object, path: str, message: str) -> None:
    if not condition:
        raise IrError(path, message)


def _require_unique(names: Sequence[str], path: str, what: str) -> None:
    seen: set[str] = set()
    for name in names:
        _require(name, path, f"a {what} has no name")
        _require(name not in seen, path, f"the {what} {name!r} stands here twice")
        seen.add(name)


class _Verifier:
    def __init__(self, program: ir.Program) -> None:
        self.program = program
        self.tables = {table.name: table for table in program.tables}
        self.quantities: dict[str, frozenset[str]] = {m.name: frozenset(m.dimensions) for m in program.meters}
        self.quantities |= {q.name: frozenset(q.dimensions) for q in program.quantities}

    # --- declarations ---

    def verify_program(self) -> None:
        program = self.program
        _require(program.language == ir.LANGUAGE_VERSION, "language", f"this reads version {ir.LANGUAGE_VERSION}")
        _require(len(program.currency) == 3 and program.currency.isascii(), "currency", "is no ISO 4217 code")
        _require(0 <= program.digits <= 4, "digits", "a currency has 0 to 4 minor digits")
        counted = [meter.name for meter in program.meters] + [quantity.name for quantity in program.quantities]
        _require_unique(counted, "", "meter or quantity")
        _require_unique([table.name for table in program.tables], "tables", "table")
        _require_unique([plan.name for plan in program.plans], "plans", "plan")
        for i, table in enumerate(program.tables):
            self.verify_table(table, f"tables[{i}]")
        for i, meter in enumerate(program.meters):
            self.verify_meter(meter, f"meters[{i}]")
        self.verify_quantities()
        for i, plan in enumerate(program.plans):
            self.verify_plan(plan, f"plans[{i}]")
        verify_contracts(
            Door(_require, _require_unique, self.verify_plan, self.verify_expression, self.quantities),
            program.contracts,
        )

    def verify_table(self, table: ir.Table, path: str) -> None:
        _require(table.dimensions, path, "a table has no dimensions")
        _require_unique(table.dimensions, path, "dimension")
        _verify_keys(table.columns, f"{path}.columns")
        keys = len(table.dimensions) - (1 if table.columns else 0)
        cells = len(table.columns) or 1
        for i, row in enumerate(table.rows):
            if len(row.keys) != keys or len(row.cells) != cells:
                raise IrError(f"{path}.rows[{i}]", f"a row has {keys} keys and {cells} cells here")
            _verify_keys(row.keys, f"{path}.rows[{i}].keys", distinct=False)

    def verify_meter(self, meter: ir.Meter, path: str) -> None:
        _require_unique(meter.dimensions, f"{path}.dimensions", "dimension")
        if meter.measured_by is None:
            _require(len(meter.measures) == 1, f"{path}.measures", "one measure is expected")
            _require(meter.measures[0].value is None, f"{path}.measures[0].value", "there is no `measure by`")
        else:
            _require(meter.measures, f"{path}.measures", "`measure by` has no arms")
            _require(meter.measured_by in meter.dimensions, f"{path}.measured_by", "is none of the dimensions")
            _require(all(m.value is not None for m in meter.measures), f"{path}.measures", "an arm has no value")
            _require_unique([m.value or "" for m in meter.measures], f"{path}.measures", "arm")
        given = [dimension.name for dimension in meter.event_dimensions]
        _require_unique(given, f"{path}.event_dimensions", "dimension")
        expected = [d for d in meter.dimensions if d != meter.measured_by]
        _require(sorted(given) == sorted(expected), f"{path}.event_dimensions", "do not give the meter's dimensions")
        if meter.where is not None:
            self.verify_expression(meter.where, f"{path}.where", {"property"})
        for i, measure in enumerate(meter.measures):
            _require(measure.aggregation, f"{path}.measures[{i}]", "an aggregation has no name")
            for j, argument in enumerate(measure.arguments):
                self.verify_expression(argument, f"{path}.measures[{i}].arguments[{j}]", {"property"})
        for i, dimension in enumerate(meter.event_dimensions):
            self.verify_expression(dimension.expression, f"{path}.event_dimensions[{i}].expression", {"property"})

    def verify_quantities(self) -> None:
        reads: dict[str, frozenset[str]] = {}
        for i, quantity in enumerate(self.program.quantities):
            reads[quantity.name] = self.verify_quantity(quantity, f"quantities[{i}]")
        done: set[str] = set()
        while reads:
            ready = [name for name, read in reads.items() if not (read & reads.keys()) - done]
            _require(ready, "quantities", f"{', '.join(sorted(reads))} are read in a circle")
            for name in ready:
                done.add(name)
                del reads[name]

    def verify_quantity(self, quantity: ir.Quantity, path: str) -> frozenset[str]:
        """The names it reads."""
        _require_unique(quantity.dimensions, f"{path}.dimensions", "dimension")
        ways = [quantity.source is not None, bool(quantity.terms), quantity.expression is not None]
        _require(sum(ways) == 1, path, "a quantity has one of `source`, `terms` and `expression`")
        _require(quantity.source is not None or not quantity.steps, f"{path}.steps", "only a `source` has steps")
        declared = frozenset(quantity.dimensions)
        if quantity.source is not None:
            self.require_quantity(quantity.source, f"{path}.source")
            at = _Dimensions(self.quantities[quantity.source], frozenset(), frozenset())
            for i, step in enumerate(quantity.steps):
                _require(isinstance(step, _QUANTITY_STEPS + _EITHER_SIDE), f"{path}.steps[{i}]", "is no quantity step")
                at = self.verify_step(step, at, f"{path}.steps[{i}]")
            _require(declared <= at.present, f"{path}.dimensions", "are not all left after the steps")
            amounts = [s.amount for s in quantity.steps if isinstance(s, ir.Include | ir.AtLeast | ir.AtMost)]
            return _quantities_in(amounts) | {quantity.source}
        if quantity.expression is not None:
            _require(not declared, f"{path}.dimensions", "an expression works on totals")
            self.verify_expression(quantity.expression, f"{path}.expression", {"quantity"})
            return _quantities_in([quantity.expression])
        for i, term in enumerate(quantity.terms):
            self.require_quantity(term.name, f"{path}.terms[{i}].name")
            _require(declared <= self.quantities[term.name], f"{path}.terms[{i}]", "lacks a dimension of the sum")
        return frozenset(term.name for term in quantity.terms)

    # --- plans ---

    def verify_plan(self, plan: ir.Plan, path: str) -> None:
        names = [line.name for line in plan.lines]
        _require_unique(names, f"{path}.lines", "line")
        _require(not {"total", "due"} & set(names), f"{path}.lines", "a line may not be called `total` or `due`")
        day = plan.bill.day
        _require(day is None or 1 <= day <= 31, f"{path}.bill.day", "a month has days 1 to 31")
        _require(sorted(plan.order) == sorted(names), f"{path}.order", "is not the plan's lines in another order")
        place = {name: i for i, name in enumerate(plan.order)}
        for i, line in enumerate(plan.lines):
            if isinstance(line, ir.Charge):
                earlier = frozenset(name for name in names if place[name] < place[line.name])
                self.verify_charge(line, earlier, f"{path}.lines[{i}]")
        for i, adjustment in enumerate(plan.adjustments):
            _verify_adjustment(adjustment, names, f"{path}.adjustments[{i}]")

    def verify_charge(self, charge: ir.Charge, earlier: frozenset[str], path: str) -> None:
        _require_unique(charge.dimensions, f"{path}.dimensions", "dimension")
        if isinstance(charge.source, str):
            self.require_quantity(charge.source, f"{path}.source")
            _require(charge.priced, f"{path}.priced", "a charge on a meter or quantity has a price step")
            _require(
                set(charge.dimensions) <= self.quantities[charge.source],
                f"{path}.dimensions",
                "are not all dimensions of the source",
            )
        else:
            self.verify_expression(charge.source, f"{path}.source", {"line", "quantity"}, earlier)
            _require(not charge.dimensions, f"{path}.dimensions", "an amount has no dimensions")
        _require(0 <= charge.first_amount_step <= len(charge.steps), f"{path}.first_amount_step", "is out of range")
        at = _Dimensions(frozenset(charge.dimensions), frozenset(), frozenset())
        self.verify_steps(charge.steps, charge.priced, charge.first_amount_step, at, path)

    def verify_steps(
        self, steps: tuple[ir.Step, ...], priced: bool, first_amount: int | None, at: _Dimensions, path: str
    ) -> _Dimensions:
        """Quantity steps, one price step (none unless `priced`), amount steps; what is known after them."""
        prices = [i for i, step in enumerate(steps) if isinstance(step, _PRICE_STEPS)]
        _require(len(prices) == (1 if priced else 0), f"{path}.steps", f"has {len(prices)} price steps")
        begin = prices[0] + 1 if prices else first_amount
        _require(first_amount in (None, begin), f"{path}.first_amount_step", "does not follow the price step")
        for i, step in enumerate(steps):
            if isinstance(step, _QUANTITY_STEPS):
                _require(begin is None or i < begin, f"{path}.steps[{i}]", "a quantity step follows the price")
            elif not isinstance(step, _PRICE_STEPS + _EITHER_SIDE):
                _require(begin is not None and i >= begin, f"{path}.steps[{i}]", "an amount step precedes the price")
            at = self.verify_step(step, at, f"{path}.steps[{i}]")
        return at

    # --- steps ---

    def verify_step(self, step: ir.Step, at: _Dimensions, path: str) -> _Dimensions:
        """Checks the step where `at` is known, and says what is known after it."""
        after = self.verify_by_kind(step, at, path)
        if step.when is not None:
            _require(not isinstance(step, _NO_WHEN), f"{path}.when", "this step takes no condition")
            # A cell step leaves the dimensions as they are and asks each cell; a pool step asks its group.
            is_cell_step = isinstance(step, ir.Where | ir.Weigh | ir.Times | ir.Discount | ir.Prorate) or (
                isinstance(step, ir.Include) and step.policy is not None
            )
            known = at.present if is_cell_step else at.kept
            self.verify_expression(step.when, f"{path}.when", {"dimension"}, known)
        return after

    def verify_by_kind(self, step: ir.Step, at: _Dimensions, path: str) -> _Dimensions:
        match step:
            case ir.Where():
                self.verify_expression(step.condition, f"{path}.condition", {"dimension"}, at.present)
                return at
            case ir.Weigh(factor=factor) | ir.Times(factor=factor) | ir.Discount(share=factor):
                self.verify_factor(factor, at.present, path)
                return at
            case ir.Prorate():
                return at
            case ir.Each(dimensions=named) | ir.ShowBy(dimensions=named):
                _require_unique(named, f"{path}.dimensions", "dimension")
                _require(named and set(named) <= at.present, f"{path}.dimensions", "are not all known here")
                return at._replace(kept=at.kept | set(named)) if isinstance(step, ir.Each) else at
            case ir.Include() | ir.AtLeast() | ir.AtMost():
                self.verify_expression(step.amount, f"{path}.amount", {"quantity"})
                for name in _quantities_in([step.amount]):
                    _require(at.kept <= self.quantities[name], f"{path}.amount", f"{name} lacks a dimension of `each`")
                return at if isinstance(step, ir.Include) and step.policy is not None else at.pooled()
            case ir.RoundQuantity() | ir.RoundMoney():
                _require(step.to > 0, f"{path}.to", "a multiple to round to is positive")
                return at.pooled()
            case ir.Counted():
                return at
            case ir.Mirror() | ir.DiscountAbove() | ir.DiscountMoney() | ir.Plus():
                return at.pooled()
            case ir.DiscountGraduated():
                _verify_bands(step.bands, f"{path}.bands")
                return at.pooled()
            case ir.Minimum() | ir.Maximum():
                if not isinstance(step.bound, Fraction):
                    self.verify_price(step.bound, at.kept, f"{path}.bound")
                return at.pooled()
            case ir.Total() | ir.Largest():
                return at._replace(present=at.outer, kept=at.outer)
            case ir.Price() | ir.Graduated() | ir.Volume():
                return self.verify_price_step(step, at, path)
            case ir.Match():
                return self.verify_match(step, at, path)
            case _:
                assert_never(step)

    def verify_price_step(self, step: ir.Price | ir.Graduated | ir.Volume, at: _Dimensions, path: str) -> _Dimensions:
        match step:
            case ir.Price(rate=ir.Package() as rate):
                self.verify_price(rate, at.present, f"{path}.rate")
                own = self.table_dimensions(rate.price) if isinstance(rate.price, ir.Lookup) else frozenset()
                return at._replace(present=at.kept | own)
            case ir.Price():
                self.verify_price(step.rate, at.present, f"{path}.rate")
                return at
            case ir.Volume():
                self.verify_price(step, at.present if step.is_by_cell else at.kept, path)
                return at if step.is_by_cell else at.pooled()
            case ir.Graduated():
                self.verify_price(step, at.kept, path)
                return at.pooled()
            case _:
                assert_never(step)

    def verify_match(self, step: ir.Match, at: _Dimensions, path: str) -> _Dimensions:
        _require(step.dimension in at.present, f"{path}.dimension", f"{step.dimension} is not known here")
        _require(step.arms, f"{path}.arms", "has no arms")
        _verify_keys([key for arm in step.arms for key in arm.keys], f"{path}.arms")
        otherwise = [i for i, arm in enumerate(step.arms) if not arm.keys]
        _require(otherwise in ([], [len(step.arms) - 1]), f"{path}.arms", "`else` is the last arm and the only one")
        inside = at._replace(outer=at.kept)
        ends = [
            self.verify_steps(arm.steps, True, None, inside, f"{path}.arms[{i}]") for i, arm in enumerate(step.arms)
        ]
        return at._replace(present=frozenset.intersection(*(end.present for end in ends)))

    # --- prices ---

    def verify_price(self, price: _Price, known: frozenset[str], path: str) -> None:
        match price:
            case ir.Linear():
                self.verify_factor(price.rate, known, f"{path}.rate")
            case ir.Package():
                _require(price.size > 0, f"{path}.size", "a package has a positive size")
                self.verify_factor(price.price, known, f"{path}.price")
            case ir.Flat() | ir.Reject():
                pass
            case ir.Graduated() | ir.Volume():
                if isinstance(price, ir.Volume) and price.on is not None:
                    self.verify_expression(price.on, f"{path}.on", {"quantity"})
                self.verify_tiers(price.tiers, known, f"{path}.tiers")
            case _:
                assert_never(price)

    def verify_tiers(self, tiers: tuple[ir.Tier, ...], known: frozenset[str], path: str) -> None:
        _require(tiers, path, "there are no tiers")
        bound: tuple[Fraction, bool] = (Fraction(0), False)
        for i, tier in enumerate(tiers):
            here = f"{path}[{i}]"
            if i == len(tiers) - 1:
                _require(tier.upper is None, f"{here}.upper", "the last tier is `above`")
            else:
                _require(tier.upper is not None, f"{here}.upper", "only the last tier is `above`")
            if tier.upper is not None:
                upper = (tier.upper, tier.inclusive)
                _require(upper > bound, f"{here}.upper", "bounds ascend from 0")
                bound = upper
            _require(i == 0 or not tier.even_at_zero, f"{here}.even_at_zero", "stands on the first tier only")
            self.verify_price(tier.price, known, f"{here}.price")

    def verify_factor(self, factor: ir.Factor, known: frozenset[str], path: str) -> None:
        if isinstance(factor, ir.Const):
            _require(isinstance(factor.value, Fraction), path, "a factor is a number")
            return
        _require(factor.scale > 0, f"{path}.scale", "a scale is positive")
        if isinstance(factor.table, str):
            _require(factor.table in self.tables, f"{path}.table", f"there is no table {factor.table}")
        else:
            self.verify_table(factor.table, f"{path}.table")
        missing = self.table_dimensions(factor) - known
        _require(not missing, path, f"{', '.join(sorted(missing))} is not known here")

    def table_dimensions(self, lookup: ir.Lookup) -> frozenset[str]:
        table = self.tables[lookup.table] if isinstance(lookup.table, str) else lookup.table
        return frozenset(table.dimensions)

    # --- expressions ---

    def require_quantity(self, name: str, path: str) -> None:
        _require(name in self.quantities, path, f"there is no meter or quantity {name}")

    def verify_expression(
        self, expression: ir.Expression, path: str, kinds: set[str], known: frozenset[str] = frozenset()
    ) -> None:
        """Operators have their number of arguments; references are of `kinds`, lines and dimensions `known`."""
        for node in walk_expression(expression):
            match node:
                case ir.Const():
                    pass
                case ir.Ref():
                    _require(node.kind in kinds, path, f"a {node.kind} may not stand here")
                    if node.kind == "quantity":
                        self.require_quantity(node.name, path)
                    elif node.kind != "property":
                        _require(node.name in known, path, f"the {node.kind} {node.name} is not known here")
                case ir.Apply():
                    self.verify_apply(node, path)
                case _:
                    assert_never(node)

    def verify_apply(self, node: ir.Apply, path: str) -> None:
        word, colon, name = node.operator.partition(":")
        if colon and word == "table":
            _require(name in self.tables, path, f"there is no table {name}")
            low: int = len(self.tables[name].dimensions)
            high: int | None = low
        elif colon and word == "function":
            _require(name, path, "a function has no name")
            low, high = 0, None
        else:
            _require(node.operator in ARITY, path, f"there is no operator {node.operator}")
            low, high = ARITY[node.operator]
        count = len(node.arguments)
        _require(low <= count and (high is None or count <= high), path, f"{node.operator} with {count} arguments")


def _verify_keys(keys: Sequence[ir.Key], path: str, *, distinct: bool = True) -> None:
    for kind, text in keys:
        _require(kind != "else" or not text, path, "`else` has no text")
        _require(kind != "pattern" or "*" in text, path, "a pattern holds a `*`")
    _require(not distinct or len(set(keys)) == len(keys), path, "a key stands here twice")


def _verify_bands(bands: tuple[ir.Band, ...], path: str) -> None:
    _require(bands, path, "there are no bands")
    starts = [band.above for band in bands]
    _require(starts[0] >= 0 and all(a < b for a, b in pairwise(starts)), path, "bands ascend")


def _verify_adjustment(adjustment: ir.Adjustment, names: Sequence[str], path: str) -> None:
    is_discount = adjustment.kind == "discount"
    _require((adjustment.amount is None) == bool(adjustment.bands), path, "has either an amount or bands")
    _require(is_discount or not (adjustment.bands or adjustment.percent), path, "only a discount is a fraction")
    _require(is_discount or adjustment.above is adjustment.up_to is None, path, "only a discount has `above`, `up to`")
    if adjustment.bands:
        _verify_bands(adjustment.bands, f"{path}.bands")
    if adjustment.lines is not None:
        _require(adjustment.lines, f"{path}.lines", "names no line")
        known = [name for name in names if name in adjustment.lines]
        _require(list(adjustment.lines) == known, f"{path}.lines", "are not lines of the plan in statement order")


def _quantities_in(expressions: Iterable[ir.Expression]) -> frozenset[str]:
    return frozenset(
        node.name
        for expression in expressions
        for node in walk_expression(expression)
        if isinstance(node, ir.Ref) and node.kind == "quantity"
    )
