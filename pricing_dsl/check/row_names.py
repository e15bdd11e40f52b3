"""Names that would meet on a statement: every row of one has an id of its own (language reference, section 6).

Rows are lines, adjustments (by `as NAME`, or by their kind and place), true-ups of postpaid commits, and the balance
factors of a line. Ids are what balances draw on, what corrections name, and what exports tell rows by; so no two of
what can stand on one statement are called alike. Prepaid commits and credits have no rows, and share no names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pricing_dsl.check.scope import Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax

FACTORS = re.compile(r"balance_factors_(.+)")


@dataclass
class RowNames:
    """Collects what can stand on the statements of one plan or contract, at any time."""

    lines: dict[str, Span] = field(default_factory=dict)
    adjustments: dict[str, Span] = field(default_factory=dict)
    unnamed: dict[str, Span] = field(default_factory=dict)
    """An adjustment without a name of each kind."""

    def see(self, lines: Mapping[str, syntax.Fee | syntax.Charge], adjustments: Iterable[syntax.Adjustment]) -> None:
        """What is in force at one time."""
        for name, line in lines.items():
            self.lines.setdefault(name, line.name.span)
        for adjustment in adjustments:
            if adjustment.alias is None:
                self.unnamed.setdefault(adjustment.kind, adjustment.span)
            else:
                self.adjustments.setdefault(adjustment.alias.text, adjustment.alias.span)

    def report(self, scope: Scope, balances: Iterable[syntax.Commit | syntax.Credit] = ()) -> None:
        """N0604 for each name that two rows would have; `balances` are all of the contract."""
        kept = list(balances)
        floors = {each.name.text: each.name.span for each in kept if is_postpaid(each)}
        factor = next((clause.span for each in kept for clause in each.clauses if is_factor(clause)), None)
        taken: dict[str, tuple[Span, str]] = {name: (span, "a line") for name, span in self.lines.items()}
        for word, names in (("an adjustment", self.adjustments), ("a postpaid commit", floors)):
            for name, span in names.items():
                if name in taken:
                    other, what = taken[name]
                    say(scope, span, other, f"{word} and {what} are both called `{name}`", "rename one")
                taken.setdefault(name, (span, word))
        for name, (span, _) in taken.items():
            cure = "rename it"
            of = FACTORS.fullmatch(name)
            for kind, at in self.unnamed.items():
                if re.fullmatch(rf"{kind}_[0-9]+(_[0-9]+)?", name):
                    say(scope, span, at, f"a {kind} without a name may be called `{name}`", f"{cure}, or that one")
            if factor is not None and of is not None and of[1] in self.lines:
                say(scope, span, factor, f"the balance factors of `{of[1]}` are called `{name}`", cure)


def say(scope: Scope, span: Span, other: Span, message: str, cure: str) -> None:
    scope.report(
        "N0604",
        span,
        f"{message} on the statement",
        labels=[Label(other, "and this")],
        help=f"{cure}: each row of a statement is known by its name",
    )


def is_postpaid(node: syntax.Commit | syntax.Credit) -> bool:
    return isinstance(node, syntax.Commit) and node.payment == "postpaid"


def is_factor(clause: syntax.BalanceClause) -> bool:
    return isinstance(clause, syntax.FundedClause | syntax.OverageClause)
