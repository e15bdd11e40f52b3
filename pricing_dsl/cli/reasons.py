"""One short sentence for an amount, made from its reason tree."""

from __future__ import annotations

from pricing_dsl.evaluate.statement import Reason


def sentence(reason: Reason | None) -> str:
    """The first steps of a reason in a few words."""
    if reason is None:
        return ""
    return reason.formula
