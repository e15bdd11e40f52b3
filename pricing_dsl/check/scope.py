"""What the checker knows while it reads a program: names, units, meters, tables, plans, and what it has to say.

One `Scope` per program is filled in the order of the language page (units, meters, tables, curves, quantities, plans,
contracts) and collects every diagnostic on the way. Checking and lowering are one pass: each `check_*` function reports
what is wrong and returns the IR of what is right, so nothing is walked twice and no fact is written down twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fractions import Fraction
from typing import Literal

from pricing_dsl.diagnostics.diagnostic import Diagnostic, Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Source, Span
from pricing_dsl.syntax import nodes as syntax

SUFFIXES = {"K": "k", "k": "k", "M": "M", "m": "M", "mn": "M", "B": "B", "b": "B", "bn": "B", "T": "T", "t": "T"}
"""What people write for a thousand, a million, a billion, a trillion where the language has one letter for each."""

SUFFIX_WORDS = {"k": "thousand", "M": "million", "B": "billion", "T": "trillion"}


@dataclass(frozen=True, slots=True)
class UnitSymbol:
    """A unit: `factor` of its `base` unit (itself for a base unit); `span` is where it was declared or implied."""

    name: str
    base: str
    factor: Fraction
    span: Span


@dataclass(frozen=True, slots=True)
class MeterSymbol:
    """A checked meter. `values` are the values a dimension can take, `None` where any text can occur.

    `unit_span` is where its unit was said (its name if it was not).
    """

    node: syntax.Meter
    ir: ir.Meter
    unit_span: Span
    values: Mapping[str, frozenset[str] | None]


@dataclass(frozen=True, slots=True)
class QuantitySymbol:
    """A checked named quantity; the same facts as a meter's, so that a quantity stands wherever a meter may."""

    node: syntax.Quantity
    ir: ir.Quantity
    unit_span: Span
    values: Mapping[str, frozenset[str] | None]
    adds_over_dimensions: bool


@dataclass(frozen=True, slots=True)
class TableSymbol:
    """A checked table. For `rate`: a cell is money per `per` units of `unit` (`None`: the unit it is used on).

    `package` is set for `per started N` and `per full N`. For `number`: cells are plain numbers, `per` is 1.
    """

    node: syntax.Rates
    ir: ir.Table
    kind: Literal["rate", "number"]
    package: Literal["started", "full"] | None
    per: Fraction
    unit: str | None
    unit_span: Span


@dataclass(frozen=True, slots=True)
class PlanSymbol:
    """A checked plan and its lines as written, by name, after `extends` (what overrides and contracts start from)."""

    node: syntax.Plan
    ir: ir.Plan
    lines: Mapping[str, syntax.Fee | syntax.Charge]
    adjustments: tuple[syntax.Adjustment, ...]
    later: syntax.Phase | None
    """The first phase: checked but not evaluated yet."""


@dataclass
class Scope:
    """All names of a program and all findings about it."""

    source: Source
    files: Mapping[str, str | bytes]
    currency: str = "USD"
    digits: int = 2
    diagnostics: list[Diagnostic] = field(default_factory=list)
    units: dict[str, UnitSymbol] = field(default_factory=dict)
    """By name and by plural; both lead to the same symbol."""
    meters: dict[str, MeterSymbol] = field(default_factory=dict)
    quantities: dict[str, QuantitySymbol] = field(default_factory=dict)
    tables: dict[str, TableSymbol] = field(default_factory=dict)
    curves: dict[str, syntax.Curve] = field(default_factory=dict)
    plans: dict[str, PlanSymbol] = field(default_factory=dict)
    contracts: dict[str, syntax.Contract] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    """Names that are declared but did not check: using one is not a second finding."""
    errors: int = 0
    """How many errors were reported so far."""
    used: set[tuple[str, str]] = field(default_factory=set)
    """(kind, name) of every meter, quantity, table, curve and unit that something reads."""

    def report(
        self,
        code: str,
        span: Span,
        message: str,
        *,
        label: str = "",
        labels: Iterable[Label] = (),
        help: str = "",  # noqa: A002
    ) -> None:
        """Add one finding."""
        if not code.startswith("W"):
            self.errors += 1
        self.diagnostics.append(Diagnostic(code, message, span, label, tuple(labels), help))

    # --- units ---

    def factor(self, unit: str, to: str) -> Fraction | None:
        """How many `to` one `unit` is, exactly; `None` when they do not measure the same thing."""
        if unit == to:
            return Fraction(1)
        one, other = self.units.get(unit), self.units.get(to)
        if one is None or other is None or one.base != other.base:
            return None
        return one.factor / other.factor

    def unit_named(self, name: syntax.Name) -> str | None:
        """The unit that `name` (or its plural) means; reports N0106 when there is none."""
        symbol = self.units.get(name.text)
        if symbol is None:
            suffix = SUFFIXES.get(name.text)
            if suffix is not None and name.text not in self.broken:
                self.report(
                    "N0106",
                    name.span,
                    f"there is no unit `{name.text}`",
                    label="unknown unit",
                    help=f"write `{suffix}` right behind the number for a {SUFFIX_WORDS[suffix]}, as in `100{suffix}`",
                )
            else:
                self.unknown("N0106", "unit", name, self.units)
            return None
        self.used.add(("unit", symbol.name))
        return symbol.name

    # --- names ---

    def unknown(self, code: str, what: str, name: syntax.Name, known: Iterable[str]) -> None:
        """Report that there is no `what` called `name`, with the nearest one that there is."""
        if name.text in self.broken:
            return
        near = did_you_mean(name.text, known)
        some = sorted(set(known))
        if near:
            help_text = f"did you mean `{near}`?"
        elif some:
            help_text = f"there are: {', '.join(f'`{n}`' for n in some[:8])}" + (" ..." if len(some) > 8 else "")
        else:
            help_text = f"the program declares no {what}"
        self.report(code, name.span, f"there is no {what} `{name.text}`", label=f"unknown {what}", help=help_text)


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant.

    >>> did_you_mean("tokns", ["tokens", "requests"])
    'tokens'
    """
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return close[0] if close else None
