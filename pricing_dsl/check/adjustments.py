"""Adjustments of a plan: discounts, minimums and maximums over lines, in the order written (section 6, rule 20)."""

from __future__ import annotations

from collections.abc import Sequence

from pricing_dsl.check import numbers
from pricing_dsl.check.amounts import check_bands, discount_bound, warn_discount
from pricing_dsl.check.scope import Scope
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.syntax import nodes as syntax


def check_adjustments(
    scope: Scope, adjustments: Sequence[syntax.Adjustment], lines: tuple[str, ...]
) -> tuple[ir.Adjustment, ...]:
    """All adjustments over the plan's lines, which are in statement order."""
    made: list[ir.Adjustment] = []
    minimums: list[tuple[syntax.Adjustment, frozenset[str]]] = []
    for node in adjustments:
        on = scoped_lines(scope, node, lines)
        warn_order(scope, node, frozenset(lines if on is None else on), minimums)
        made.append(check_adjustment(scope, node, on))
    return tuple(made)


def check_adjustment(scope: Scope, node: syntax.Adjustment, on: tuple[str, ...] | None) -> ir.Adjustment:
    """One adjustment; findings are reported and the rest is kept."""
    percent = node.amount is not None and node.amount.percent
    amount = None
    if node.amount is not None:
        if percent and node.kind != "discount":
            scope.report(
                "T0301", node.amount.span, f"a {node.kind} is money, not a percentage", help="write a bare number"
            )
        amount = node.amount.value if percent else numbers.money(scope, node.amount)
        if node.kind == "discount":
            warn_discount(scope, node.amount)
        else:
            numbers.warn_bound(scope, node.amount, node.kind)
    if node.kind != "discount":
        for bound in (node.above, node.up_to):
            if bound is not None:
                scope.report(
                    "T0115",
                    bound.span,
                    f"a {node.kind} takes no `above` and no `up to`",
                    help="drop it, or write a discount",
                )
    return ir.Adjustment(
        node.kind,
        amount,
        percent,
        check_bands(scope, node.bands),
        on,
        discount_bound(scope, node.above),
        discount_bound(scope, node.up_to),
        node.prorated,
        None if node.alias is None else node.alias.text,
        span=node.span,
    )


def scoped_lines(scope: Scope, node: syntax.Adjustment, lines: tuple[str, ...]) -> tuple[str, ...] | None:
    """The lines an adjustment is on, in statement order; `None` for all."""
    named: set[str] = set()
    for name in node.lines:
        if name.text not in lines:
            scope.unknown("N0301", "line", name, lines)
        elif name.text in named:
            scope.report("N0107", name.span, f"`{name.text}` is named twice", help="name each line once")
        named.add(name.text)
    if not node.lines:
        return None
    if node.except_lines:
        return tuple(line for line in lines if line not in named)
    return tuple(line for line in lines if line in named)


def warn_order(
    scope: Scope,
    node: syntax.Adjustment,
    on: frozenset[str],
    minimums: list[tuple[syntax.Adjustment, frozenset[str]]],
) -> None:
    """A discount after a minimum on the same lines (section 9); a minimum below one in force (rule 23)."""
    if node.kind == "minimum":
        warn_no_effect(scope, node, on, minimums)
        minimums.append((node, on))
    if node.kind != "discount":
        return
    for minimum, covered in minimums:
        if on & covered:
            scope.report(
                "W0303",
                node.span,
                "this discount lowers the amount below the minimum before it",
                labels=[Label(minimum.span, "the minimum")],
                help="adjustments run as written: put the minimum last if it is a floor",
            )
            return


def warn_no_effect(
    scope: Scope,
    node: syntax.Adjustment,
    on: frozenset[str],
    minimums: list[tuple[syntax.Adjustment, frozenset[str]]],
) -> None:
    """A minimum on the same lines as a higher one: the lines have reached it already."""
    for earlier, covered in minimums:
        if earlier.amount is None or node.amount is None or earlier.prorated != node.prorated:
            continue
        alike = on == covered and bool(node.lines) == bool(earlier.lines)
        if alike and node.amount.value <= earlier.amount.value:
            name = "" if earlier.alias is None else f" as {earlier.alias.text}"
            scope.report(
                "W0307",
                node.span,
                "this minimum has no effect: the one before it on the same lines is as high",
                labels=[Label(earlier.span, "this one is in force")],
                help=f"to lower it, replace it by its name: `minimum ...{name}`"
                if name
                else "drop it, or name the first with `as NAME` and replace it by that name",
            )
            return
