"""Expressions over the properties of one event: what a meter filters by, measures, and takes as dimensions (section 3).

A property has no declared type; it takes the one that its place demands, and demanding two of one property is an
error. `x or 0` gives a default to a property that may be missing, or to a table that may have no row; between
conditions `or` is a truth value. What is stored of usage must be exact, so a division whose divisor is not constant
stands inside `floor` or `ceil` (rule 16), except in a condition, which stores nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Literal

from pricing_dsl.check.provided import report_refused
from pricing_dsl.check.scope import Scope, did_you_mean
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.plugin.checks import CLOCK
from pricing_dsl.plugin.contract import Function
from pricing_dsl.plugin.manager import built_in, find_function, plugins
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax

Kind = Literal["number", "text", "truth", "any"]
"""`any`: a property that no place has demanded anything of, or a place that takes everything."""

KIND_TEXT: dict[Kind, str] = {"number": "a number", "text": "a text", "truth": "a condition", "any": "a value"}
TIME = "time"


@dataclass(frozen=True, slots=True)
class Typed:
    kind: Kind
    made: ir.Expression


@dataclass
class Event:
    """The checker of one meter's expressions. `tables` are the program's tables, `demanded` what places demanded."""

    scope: Scope
    tables: Mapping[str, syntax.Rates]
    demanded: dict[str, tuple[Kind, Span]] = field(default_factory=dict)
    clashing: set[str] = field(default_factory=set)
    """Properties of which a second kind was reported."""

    def check(self, expression: syntax.Expression, want: Kind, *, divides: bool = False) -> Typed | None:
        """Type and lower one expression; `divides` allows any division. `None` after a finding."""
        typed = self.infer(expression, want, divides or want == "truth")
        if typed is None:
            return None
        if want == "any" or typed.kind == want:
            return typed
        if typed.kind == "any":
            return Typed(want, typed.made) if self.demand(typed.made, want) else None
        self.scope.report(
            "T0602",
            expression.span,
            f"this is {KIND_TEXT[typed.kind]}, and {KIND_TEXT[want]} must stand here",
            label=f"{KIND_TEXT[typed.kind]}",
            help=WANTED_HELP[want],
        )
        return None

    def demand(self, made: ir.Expression, kind: Kind) -> bool:
        """Properties that reach a place take its kind; a second kind for the same property is an error."""
        match made:
            case ir.Ref(name=name):
                first, at = self.demanded.setdefault(name, (kind, made.span))
                if first == kind or name in self.clashing:
                    return True
                self.clashing.add(name)
                self.scope.report(
                    "T0604",
                    made.span,
                    f"`{name}` is {KIND_TEXT[kind]} here and {KIND_TEXT[first]} elsewhere in this meter",
                    label=f"{KIND_TEXT[kind]} here",
                    labels=[Label(at, f"{KIND_TEXT[first]} here")],
                    help="a property has one kind: compare texts with texts in quotes, and numbers with numbers",
                )
                return False
            case ir.Apply(operator="default", arguments=arguments):
                return all(self.demand(argument, kind) for argument in arguments)
            case ir.Apply(operator="if", arguments=(_, then, otherwise)):
                return all([self.demand(then, kind), self.demand(otherwise, kind)])
            case _:
                return True

    def infer(self, expression: syntax.Expression, want: Kind, divides: bool) -> Typed | None:
        """The kind of an expression and its IR; `want` only decides what `or` means."""
        span = expression.span
        match expression:
            case syntax.Number():
                return self.number(expression)
            case syntax.Text(value=value):
                return Typed("text", ir.Const(value, span=span))
            case syntax.Reference(name="true" | "false" as name):
                return Typed("truth", ir.Const(name == "true", span=span))
            case syntax.Reference(name=name):
                return self.property(name, span)
            case syntax.Call():
                return self.call(expression, divides)
            case syntax.Negate(operand=operand):
                return self.apply("neg", "number", "number", (operand,), span, divides)
            case syntax.Not(operand=operand):
                return self.apply("not", "truth", "truth", (operand,), span, divides)
            case syntax.PercentOf(percent=percent, operand=operand):
                return self.apply("*", "number", "number", (percent, operand), span, divides)
            case syntax.Binary(operator="or") if is_default(expression, want):
                return self.default(expression, want, divides)
            case syntax.Binary(operator="and" | "or" as operator, left=left, right=right):
                return self.apply(operator, "truth", "truth", (left, right), span, divides)
            case syntax.Binary(operator="==" | "!=" as operator, left=left, right=right):
                return self.compare(operator, (left, right), span)
            case syntax.Binary(operator="<" | "<=" | ">" | ">=" as operator, left=left, right=right):
                return self.apply(operator, "number", "truth", (left, right), span, divides=True)
            case syntax.Binary(operator="/", left=left, right=right):
                return self.divide(left, right, span, divides)
            case syntax.Binary(operator=operator, left=left, right=right):
                return self.apply(operator, "number", "number", (left, right), span, divides)
            case syntax.In(operand=operand, items=items, negated=negated):
                return negate(self.compare("in", (operand, *items), span), negated)
            case syntax.Like(operand=operand, pattern=pattern, negated=negated):
                return negate(self.apply("like", "text", "truth", (operand, pattern), span, divides), negated)
            case syntax.If():
                return self.choice(expression, want, divides)

    def number(self, number: syntax.Number) -> Typed:
        if number.unit is not None:
            self.scope.report(
                "U0305",
                number.span,
                "properties of an event have no unit, so a number beside them has none",
                help=f"drop `{number.unit.text}`",
            )
        return Typed("number", ir.Const(number.value, span=number.span))

    def property(self, name: str, span: Span) -> Typed | None:
        if name == TIME:
            self.scope.report(
                "T0608",
                span,
                "`time` is the instant of the event, not a number or a text",
                help="write `hour(time)`, `minute(time)` or `weekday(time)`",
            )
            return None
        return Typed("any", ir.Ref("property", name, span=span))

    def apply(
        self,
        operator: str,
        want: Kind,
        kind: Kind,
        operands: tuple[syntax.Expression, ...],
        span: Span,
        divides: bool,
    ) -> Typed | None:
        """An operator whose operands are all of one kind."""
        checked = [self.check(operand, want, divides=divides) for operand in operands]
        made = tuple(typed.made for typed in checked if typed is not None)
        return Typed(kind, ir.Apply(operator, made, span=span)) if len(made) == len(operands) else None

    def divide(self, left: syntax.Expression, right: syntax.Expression, span: Span, divides: bool) -> Typed | None:
        """A divisor that is not constant makes a quotient that no decimal may hold: `floor` or `ceil` it (rule 16)."""
        typed = self.apply("/", "number", "number", (left, right), span, divides)
        if typed is None:
            return None
        assert isinstance(typed.made, ir.Apply)
        divisor = constant_value(typed.made.arguments[1])
        if divisor == 0:
            self.scope.report("T0310", right.span, "this divides by zero", help="divide by another number")
            return None
        if divisor is None and not divides:
            text = self.scope.source.excerpt(span)
            self.scope.report(
                "T0605",
                span,
                "a quotient of properties may have no exact decimal, and what is counted is kept exactly",
                label="the divisor is not constant",
                help=f"write `ceil({text})` or `floor({text})`",
            )
            return None
        return typed

    def compare(self, operator: str, operands: tuple[syntax.Expression, ...], span: Span) -> Typed | None:
        """`==`, `!=` and `in`: all sides of one kind, the first that has one."""
        checked = [self.check(operand, "any", divides=True) for operand in operands]
        typed = [each for each in checked if each is not None]
        if len(typed) != len(operands):
            return None
        known = [(each, operand) for each, operand in zip(typed, operands, strict=True) if each.kind != "any"]
        if known:
            (lead, lead_operand), *others = known
            for each, operand in others:
                if each.kind != lead.kind:
                    self.scope.report(
                        "T0603",
                        operand.span,
                        f"{KIND_TEXT[lead.kind]} is never equal to {KIND_TEXT[each.kind]}",
                        label=KIND_TEXT[each.kind],
                        labels=[Label(lead_operand.span, KIND_TEXT[lead.kind])],
                        help="compare texts with texts in quotes, and numbers with numbers",
                    )
                    return None
            if not all(self.demand(each.made, lead.kind) for each in typed if each.kind == "any"):
                return None
        return Typed("truth", ir.Apply(operator, tuple(each.made for each in typed), span=span))

    def default(self, expression: syntax.Binary, want: Kind, divides: bool) -> Typed | None:
        """`property or 0`, `table(x) or 0`: the right side where the left has no value."""
        left = self.check(expression.left, want, divides=divides)
        right = self.check(expression.right, want, divides=divides)
        if left is None or right is None:
            return None
        if not may_be_missing(left.made):
            self.scope.report(
                "T0609",
                expression.left.span,
                "`or` gives a default to a property or a table, and this always has a value",
                label="neither a property nor a table",
                help="give the default inside, as in `(a or 0) + b`; between conditions write `a == 1 or b == 2`",
            )
            return None
        kind = right.kind if left.kind == "any" else left.kind
        if left.kind == "any" and right.kind != "any":
            if not self.demand(left.made, right.kind):
                return None
        elif right.kind == "any" and left.kind != "any":
            if not self.demand(right.made, left.kind):
                return None
        elif left.kind != right.kind:
            self.scope.report(
                "T0602",
                expression.right.span,
                f"this is {KIND_TEXT[right.kind]}, and {KIND_TEXT[left.kind]} must stand here",
                label="the default",
                labels=[Label(expression.left.span, KIND_TEXT[left.kind])],
                help=WANTED_HELP[left.kind],
            )
            return None
        return Typed(kind, ir.Apply("default", (left.made, right.made), span=expression.span))

    def choice(self, expression: syntax.If, want: Kind, divides: bool) -> Typed | None:
        """`if ... then ... else ...`: both branches of one kind."""
        condition = self.check(expression.condition, "truth")
        then = self.check(expression.then, want, divides=divides)
        otherwise = self.check(expression.otherwise, want, divides=divides)
        if condition is None or then is None or otherwise is None:
            return None
        if then.kind != otherwise.kind and "any" not in (then.kind, otherwise.kind):
            self.scope.report(
                "T0602",
                expression.otherwise.span,
                f"this is {KIND_TEXT[otherwise.kind]}, and the other branch is {KIND_TEXT[then.kind]}",
                label=KIND_TEXT[otherwise.kind],
                labels=[Label(expression.then.span, KIND_TEXT[then.kind])],
                help="give both branches the same kind of value",
            )
            return None
        kind = otherwise.kind if then.kind == "any" else then.kind
        if kind != "any":
            for branch in (then, otherwise):
                if branch.kind == "any" and not self.demand(branch.made, kind):
                    return None
        return Typed(kind, ir.Apply("if", (condition.made, then.made, otherwise.made), span=expression.span))

    # --- functions ---

    def call(self, call: syntax.Call, divides: bool) -> Typed | None:
        """A function of the language, or a table of plain numbers."""
        name = call.function.text
        if name in CLOCK:
            return self.clock(call)
        own = built_in().functions.get(name)
        if own is not None:
            return self.function(call, own.value, name, divides)
        if name in self.tables:
            return self.look_up(call, self.tables[name])
        provided = find_function(name)
        if provided is not None:
            return self.function(call, provided.value, f"function:{name}", divides=False)
        functions = [*plugins().functions, *CLOCK]
        known = [*functions, *(table for table, node in self.tables.items() if node.per is None)]
        if report_refused(self.scope, "function", call.function):
            return None
        near = did_you_mean(name, known)
        self.scope.report(
            "N0501",
            call.function.span,
            f"there is no function `{name}`",
            label="unknown function",
            help=f"did you mean `{near}`?"
            if near
            else f"there are {', '.join(f'`{each}`' for each in functions)}, and tables of plain numbers",
        )
        return None

    def function(self, call: syntax.Call, function: Function, operator: str, divides: bool) -> Typed | None:
        """A call of a registered function. What a plugin's is given must be exact, unless its results are whole."""
        wants = function.parameters
        if function.repeats:
            wants += wants[-1:] * (len(call.arguments) - len(wants))
        if len(call.arguments) != len(wants):
            self.scope.report(
                "T0607",
                call.span,
                f"`{function.name}` is not called like this",
                help=f"write `{function.form}`",
            )
            return None
        free = divides or function.whole
        checked = [
            self.check(argument, want, divides=free) for argument, want in zip(call.arguments, wants, strict=True)
        ]
        made = tuple(typed.made for typed in checked if typed is not None)
        return Typed(function.result, ir.Apply(operator, made, span=call.span)) if len(made) == len(checked) else None

    def clock(self, call: syntax.Call) -> Typed | None:
        """`hour(time)`, `minute(time)`, `weekday(time)` in the meter's time zone; Monday is 1."""
        name = call.function.text
        match call.arguments:
            case (syntax.Reference(name="time") as time,):
                made = ir.Apply(name, (ir.Ref("property", TIME, span=time.span),), span=call.span)
                return Typed("number", made)
            case _:
                self.scope.report(
                    "T0607", call.span, f"`{name}` asks the time of the event", help=f"write `{name}(time)`"
                )
                return None

    def look_up(self, call: syntax.Call, table: syntax.Rates) -> Typed | None:
        """A table of plain numbers as a function of a value for each of its dimensions, in their order."""
        scope, name = self.scope, call.function
        scope.used.add(("rates", name.text))
        if table.per is not None:
            scope.report(
                "T0610",
                name.span,
                f"`{name.text}` is a table of rates, and an event expression reads plain numbers",
                label="rates are money",
                labels=[Label(table.per.span, "declared with `per` here")],
                help="declare a table without `per` for the numbers it needs",
            )
            return None
        form = f"{name.text}({', '.join(dimension.text for dimension in table.dimensions)})"
        if len(call.arguments) != len(table.dimensions):
            scope.report(
                "T0607",
                call.span,
                f"`{name.text}` needs a key for each of its {len(table.dimensions)} dimensions",
                labels=[Label(table.name.span, "its dimensions are declared here")],
                help=f"write `{form}`",
            )
            return None
        keys = [self.check(argument, "any", divides=True) for argument in call.arguments]
        made = tuple(key.made for key in keys if key is not None)
        if len(made) != len(keys):
            return None
        return Typed("number", ir.Apply(f"table:{name.text}", made, span=call.span))


WANTED_HELP: dict[Kind, str] = {
    "number": "write a number, a property, arithmetic, or a function of numbers",
    "text": "write a text in quotes or a property",
    "truth": 'write a comparison such as `status == "ok"`, joined by `and`, `or`, `not`',
}


def is_default(expression: syntax.Binary, want: Kind) -> bool:
    """Whether an `or` gives a default: among numbers and texts always, among conditions only `property or false`."""
    match want:
        case "number" | "text":
            return True
        case "truth":
            return (
                isinstance(expression.left, syntax.Reference)
                and isinstance(expression.right, syntax.Reference)
                and expression.right.name in ("true", "false")
            )
        case "any":
            return not is_condition(expression.left) and not is_condition(expression.right)


def is_condition(expression: syntax.Expression) -> bool:
    """Whether an expression is a condition whatever its place."""
    match expression:
        case syntax.Not() | syntax.In() | syntax.Like():
            return True
        case syntax.Binary(operator="==" | "!=" | "<" | "<=" | ">" | ">=" | "and"):
            return True
        case syntax.Binary(operator="or", left=left, right=right):
            return is_condition(left) or is_condition(right)
        case _:
            return False


def negate(typed: Typed | None, negated: bool) -> Typed | None:
    """`not in` and `not like`."""
    if typed is None or not negated:
        return typed
    return Typed("truth", ir.Apply("not", (typed.made,), span=typed.made.span))


def may_be_missing(made: ir.Expression) -> bool:
    """Whether a default can ever be needed: a property, a table, or a default of such."""
    match made:
        case ir.Ref():
            return True
        case ir.Apply(operator="default", arguments=(_, fallback)):
            return may_be_missing(fallback)
        case ir.Apply(operator=operator):
            return operator.startswith("table:")
        case _:
            return False


FOLDED: dict[str, Callable[..., Fraction]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "neg": lambda a: -a,
    "min": min,
    "max": max,
    "abs": abs,
    "ceil": lambda a: Fraction(ceil(a)),
    "floor": lambda a: Fraction(floor(a)),
}


def constant_value(made: ir.Expression) -> Fraction | None:
    """The value of an expression that reads nothing of the event; `None` for any other."""
    match made:
        case ir.Const(value=Fraction() as value):
            return value
        case ir.Apply(operator=operator, arguments=arguments):
            values = [constant_value(argument) for argument in arguments]
            known = [value for value in values if value is not None]
            if len(known) != len(values):
                return None
            if operator == "/":
                return known[0] / known[1] if known[1] != 0 else None
            return FOLDED[operator](*known) if operator in FOLDED else None
        case _:
            return None
