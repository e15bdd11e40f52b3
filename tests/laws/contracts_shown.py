"""What the examples of a law show: counted, and asked for, since a law proves nothing of what they do not show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hypothesis import event

from pricing_dsl.evaluate.statement import Statement

Seen = Counter[str]


def show(seen: Seen, *facts: str) -> None:
    """Count what an example shows."""
    seen.update(("examples", *facts))
    for fact in facts:
        event(fact)


def require_shown(seen: Seen, share: float, *facts: str) -> None:
    """A law proves nothing of what its examples do not show."""
    rare = {fact: seen[fact] for fact in facts if seen[fact] < share * seen["examples"]}
    assert not rare, f"too rare in {seen['examples']} examples: {rare}"


def facts_of(statement: Statement) -> Iterator[str]:
    """What a statement shows of contracts."""
    kinds = {row.kind for row in statement.adjustments if row.minor}
    units = {name for name, movement in statement.balances.items() if movement.unit == "call"}
    facts = {
        "is cut": len(statement.segments) > 1,
        "adjusts": bool(kinds & {"discount", "maximum"}),
        "tops up": "minimum" in kinds,
        "draws": any(draw.balance not in units for draw in statement.draws),
        "draws units": any(draw.balance in units for draw in statement.draws),
        "factors": "balance_factors" in kinds,
        "trues up": "true_up" in kinds,
        "invoices": bool(statement.invoiced),
        "counts": bool(statement.counters),
        "rolls over": any(movement.rolled_over for movement in statement.balances.values()),
        "expires": any(movement.expired for movement in statement.balances.values()),
    }
    return (fact for fact, is_shown in facts.items() if is_shown)
