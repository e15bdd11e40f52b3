"""Overrides that change nothing, because later ones set aside everything they say (language reference, section 9).

Of several overrides in force the last written wins, kind by kind, and a price ends the multipliers written before it
(rules 18 and 19). One that wins nothing on any line at any time is a warning that names both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pricing_dsl.check.overrides import MULTIPLIERS, as_charge, kinded, kinds_of, last_price, resolve
from pricing_dsl.check.scope import Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.syntax import nodes as syntax


@dataclass
class Overruled:
    """Collects who wins on every line and at every time; overrides are told apart by identity."""

    winners: set[int] = field(default_factory=set)
    losers: dict[int, tuple[syntax.Override, syntax.Override]] = field(default_factory=dict)
    """An override that lost all it says on some line, and the last one that it lost to."""

    def see(self, line: syntax.Fee | syntax.Charge, overrides: Sequence[syntax.Override]) -> None:
        """The overrides in force on one line, in the order written."""
        if len(overrides) <= 1:
            self.winners.update(map(id, overrides))
            return
        charge = as_charge(line)
        won_by: dict[tuple[str, ...], set[int]] = {}
        priced_by = last_price(overrides)
        said = [kinded(override.steps, charge) for override in overrides]
        for kind in kinds_of(said):
            won = {winner.override for winner in resolve(said, kind)[0]}
            if kind[0] in MULTIPLIERS and min(won) < priced_by:
                won = {number for number in won if number >= priced_by} | {priced_by}
            won_by[kind] = won
        for number, override in enumerate(overrides):
            mine = [won_by[kind] for kind, _ in said[number]]
            if any(number in won for won in mine):
                self.winners.add(id(override))
            elif mine:
                self.losers[id(override)] = override, overrides[max(max(won) for won in mine)]

    def report(self, scope: Scope, overrides: Iterable[syntax.Override]) -> None:
        """A warning for each override that won nowhere; of these some were on no line that was in force with them."""
        for each in overrides:
            if each.steps and id(each) not in self.winners and id(each) not in self.losers:
                scope.report(
                    "W0411",
                    each.span,
                    "this override has no effect: no line that it is on is in force with it",
                    label="on nothing",
                    help="drop it, or write it where the line is in force",
                )
        for key, (override, winner) in self.losers.items():
            if key not in self.winners:
                scope.report(
                    "W0411",
                    override.span,
                    "this override has no effect: a later one sets aside all that it says",
                    label="set aside",
                    labels=[Label(winner.span, "written later, so this one wins")],
                    help="drop it, or write it after the other; `times` and `discount` hold beside a `price` "
                    "that is written before them",
                )
