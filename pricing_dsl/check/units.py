"""The program's currency and its units (language reference, section 2).

A program says one `currency`. Units are declared (`unit token | tokens`, `unit GB = 1000 MB`) or implied by a meter
that says none: it counts its own name. Conversions are exact fractions; a chain of them is resolved to one base unit
in any order of declaration, and a cycle is an error. The currency is a unit as well: a meter in it counts money.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from pricing_dsl import limits
from pricing_dsl.check.scope import Scope, UnitSymbol, did_you_mean
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax
from pricing_dsl.values.currencies import MINOR_DIGITS
from pricing_dsl.values.numbers import decimal_text


def check_currency_and_units(scope: Scope, program: syntax.Program) -> None:
    """Fill `scope.currency`, `scope.digits` and `scope.units`."""
    check_currency(scope, program)
    units = Units(scope)
    for node in program.declarations:
        if isinstance(node, syntax.Unit):
            units.declare(node)
    for name in units.nodes:
        units.resolve(name)
    declare_implied(scope, program)


# --- the currency --------------------------------------------------------------------------------------------------


def check_currency(scope: Scope, program: syntax.Program) -> None:
    """One `currency`, by its ISO 4217 code; the currency is also a unit."""
    nodes = [node for node in program.declarations if isinstance(node, syntax.Currency)]
    if not nodes:
        at = first_word(scope, program)
        scope.report(
            "U0101",
            at,
            "the program does not say which currency its money is in",
            help="write `currency USD`, or another ISO 4217 code, at the top",
        )
        scope.units.setdefault(scope.currency, UnitSymbol(scope.currency, scope.currency, Fraction(1), at))
        return
    first = nodes[0]
    for node in nodes[1:]:
        same = node.code.text == first.code.text
        scope.report(
            "N0107" if same else "U0103",
            node.span,
            "`currency` is said twice"
            if same
            else f"money of two currencies never meets: the program is in `{first.code.text}`",
            label="" if same else f"and here in `{node.code.text}`",
            labels=[Label(first.span, "first said here")],
            help="keep one" if same else f"write one program for each currency, or drop `currency {node.code.text}`",
        )
    code = first.code.text
    if code not in MINOR_DIGITS:
        report_unknown_currency(scope, first.code)
        code = code.upper() if code.upper() in MINOR_DIGITS else scope.currency
    scope.currency, scope.digits = code, MINOR_DIGITS[code]
    scope.units[code] = UnitSymbol(code, code, Fraction(1), first.code.span)


def report_unknown_currency(scope: Scope, name: syntax.Name) -> None:
    """A code that ISO 4217 does not have: lower case, a slip, or something else."""
    code = name.text
    near = code.upper() if code.upper() in MINOR_DIGITS else did_you_mean(code.upper(), MINOR_DIGITS)
    scope.report(
        "U0102",
        name.span,
        f"`{code}` is not a currency code",
        label="unknown currency",
        help=f"write `currency {near}`" if near else "write a code of ISO 4217, such as `currency USD`",
    )


def first_word(scope: Scope, program: syntax.Program) -> Span:
    """Where a program's first declaration begins: the place to say what is missing from it."""
    if not program.declarations:
        return Span(0, 0)
    start = program.declarations[0].span.start
    end = start
    while end < len(scope.source.text) and not scope.source.text[end].isspace():
        end += 1
    return Span(start, end)


# --- units ---------------------------------------------------------------------------------------------------------


@dataclass
class Units:
    """Declared units by name, resolved on demand so that they may stand in any order."""

    scope: Scope
    nodes: dict[str, syntax.Unit] = field(default_factory=dict)
    names: dict[str, syntax.Name] = field(default_factory=dict)
    """Names and plurals -> where each was taken."""
    plurals: dict[str, str] = field(default_factory=dict)
    under_way: list[str] = field(default_factory=list)

    def declare(self, node: syntax.Unit) -> None:
        """Take the names of a unit; a name that is taken, or a currency's, is an error."""
        if self.take(node.name, node):
            self.nodes[node.name.text] = node
            if node.plural is not None and self.take(node.plural, node):
                self.plurals[node.plural.text] = node.name.text

    def take(self, name: syntax.Name, node: syntax.Unit) -> bool:
        scope = self.scope
        if name.text in MINOR_DIGITS:
            scope.report(
                "U0203",
                name.span,
                f"a unit may not be called `{name.text}`: that is a currency",
                label="a currency code",
                help="choose another name; a meter of money says `unit "
                + scope.currency
                + "` and needs no declaration",
            )
            scope.broken.add(name.text)
            return False
        taken = self.names.get(name.text)
        if taken is None:
            self.names[name.text] = name
            return True
        if name is node.plural and taken is node.name:
            scope.report(
                "U0204", name.span, f"the plural of `{name.text}` is the same word", help=f"drop `| {name.text}`"
            )
            return False
        scope.report(
            "N0101",
            name.span,
            f"the unit `{name.text}` is declared twice",
            labels=[Label(taken.span, "first declared here")],
            help="rename one, or drop it",
        )
        return False

    def resolve(self, name: str) -> UnitSymbol | None:
        """The unit in terms of its base; a conversion that leads back to itself is an error (U0202)."""
        scope, node = self.scope, self.nodes[name]
        if name in scope.units:
            return scope.units[name]
        if name in scope.broken:
            return None
        if name in self.under_way:
            cycle = [*self.under_way[self.under_way.index(name) :], name]
            scope.report(
                "U0202",
                node.name.span,
                f"the unit `{name}` is defined by itself: {' -> '.join(cycle)}",
                help="let one of them stand alone, as in `unit MB`",
            )
            self.spoil(*cycle)
            return None
        self.under_way.append(name)
        symbol = self.convert(node)
        self.under_way.pop()
        if symbol is None:
            self.spoil(name)
            return None
        scope.units[name] = symbol
        if node.plural is not None and self.plurals.get(node.plural.text) == name:
            scope.units[node.plural.text] = symbol
        return symbol

    def spoil(self, *names: str) -> None:
        """Using a unit that did not check is not a second finding, by its plural neither."""
        self.scope.broken.update(names)
        self.scope.broken.update(plural for plural, unit in self.plurals.items() if unit in names)

    def convert(self, node: syntax.Unit) -> UnitSymbol | None:
        """`= 1000 MB` as a factor of the base unit. `None` after a finding."""
        scope, name, definition = self.scope, node.name.text, node.definition
        if definition is None:
            return UnitSymbol(name, name, Fraction(1), node.name.span)
        if definition.unit is None or definition.percent:
            scope.report(
                "U0201",
                definition.span,
                f"this does not say of what one `{name}` is made",
                label="a number with a unit must stand here",
                help="write a number with the unit it is counted in, as in `unit GB = 1000 MB`",
            )
            return None
        if definition.value <= 0:
            scope.report(
                "U0201",
                definition.span,
                f"one `{name}` cannot be {decimal_text(definition.value)} of anything",
                help="write a number above 0",
            )
            return None
        other = definition.unit
        if other.text in MINOR_DIGITS:
            scope.report(
                "U0203",
                other.span,
                f"a unit is not made of money, and `{other.text}` is a currency",
                help="say what one unit costs in a price or a rate table",
            )
            return None
        base = self.plurals.get(other.text, other.text)
        if base not in self.nodes:
            scope.unknown("N0106", "unit", other, [*self.nodes, *self.plurals])
            return None
        symbol = self.resolve(base)
        if symbol is None:
            return None
        scope.used.add(("unit", base))
        factor = definition.value * symbol.factor
        if max(factor.numerator, factor.denominator) >= 10**limits.DIGITS_MAX:
            scope.report(
                "U0205",
                definition.span,
                f"one `{name}` is a number of `{symbol.base}` with more than {limits.DIGITS_MAX} digits",
                label="conversions multiply",
                labels=[Label(symbol.span, f"`{base}` is converted itself")],
                help="define it by a nearer unit, or with a rounder number",
            )
            return None
        return UnitSymbol(name, symbol.base, factor, node.name.span)


def declare_implied(scope: Scope, program: syntax.Program) -> None:
    """A meter without `unit` counts its own name."""
    for node in program.declarations:
        if not isinstance(node, syntax.Meter) or any(isinstance(c, syntax.UnitClause) for c in node.clauses):
            continue
        name = node.name.text
        if name not in scope.units and name not in scope.broken:
            scope.units[name] = UnitSymbol(name, name, Fraction(1), node.name.span)
