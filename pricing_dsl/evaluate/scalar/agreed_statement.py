"""The statement of a contract whose draws and movements are told when they are first asked for.

What is due is known at once; who paid what of which line, and what is left of each lot, takes longer to write down than
to compute. A caller that only wants amounts never pays for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pricing_dsl.evaluate.statement import BalanceMovement, Draw, Statement

Told = Callable[[], tuple[tuple[Draw, ...], Mapping[str, BalanceMovement]]]
"""Writes down draws and movements; the same whenever it is called."""


class AgreedStatement(Statement):
    """A `Statement` made without its `draws` and `balances`; `told` gives them."""

    __slots__ = ("_told",)

    _told: Told

    def __init__(
        self,
        target: str,
        currency: str,
        digits: int,
        period: tuple[str, str] | None,
        timezone: str,
        found: tuple[Any, ...],
        told: Told,
    ) -> None:
        """`found` are lines, adjustments, total, due, unused meters, what is invoiced, what is assumed, segments."""
        self.target = target
        self.currency = currency
        self.digits = digits
        self.period = period
        self.timezone = timezone
        (
            self.lines, self.adjustments, self.total_minor, self.due_minor, self.unused,
            self.invoiced, self.assumed, self.segments,
        ) = found  # fmt: skip
        self.unpriced = ()
        self.counters = {}
        self._told = told

    def __getattr__(self, name: str) -> Any:
        """Fills in what was left out; every other attribute is there already."""
        if name not in ("draws", "balances"):
            raise AttributeError(name)
        self.draws, self.balances = self._told()
        return getattr(self, name)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled as the statement it is, without what it was made by."""
        return (
            plain_statement,
            (
                self.target, self.currency, self.digits, self.period, self.timezone, self.lines, self.adjustments,
                self.total_minor, self.due_minor, self.unused, dict(self.balances), self.draws, self.invoiced,
                self.assumed, self.segments,
            ),
        )  # fmt: skip


def plain_statement(
    target: str,
    currency: str,
    digits: int,
    period: tuple[str, str] | None,
    timezone: str,
    lines: list[Any],
    adjustments: list[Any],
    total_minor: int,
    due_minor: int,
    unused: tuple[str, ...],
    balances: dict[str, BalanceMovement],
    draws: tuple[Draw, ...],
    invoiced: tuple[Any, ...],
    assumed: tuple[str, ...],
    segments: tuple[tuple[str, str], ...],
) -> Statement:
    """A statement with everything written down."""
    return Statement(
        target, currency, digits, period, timezone, lines, adjustments, total_minor, due_minor, (), unused,
        balances=balances, draws=draws, invoiced=invoiced, assumed=assumed, segments=segments,
    )  # fmt: skip
