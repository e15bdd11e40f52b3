"""What generated code calls: reading quantities that are not plain ints, odd cells, rounding and spreading.

Everything here works on integers. Whatever is wrong with the usage ends in `Fallback`: the reference evaluator says it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pricing_dsl.evaluate.scalar.writing import Fallback
from pricing_dsl.limits import DIGITS_MAX

TOO_LARGE = 10**DIGITS_MAX
DECIMAL_PLACES_MAX = 30
"""Quantities with more decimal places are left to the reference evaluator."""

NUMBER = re.compile(r"(-?)([0-9]{1,40})(?:\.([0-9]{1,40}))?", re.ASCII)


class FinerScale(Exception):  # noqa: N818 - no error: the plan is bound again
    """A quantity has more decimal places than the plan is bound for."""

    def __init__(self, places: int) -> None:
        self.places = places


def quantity_reader(scale: int, places: int) -> Callable[[object], int]:
    """Reads a quantity as an integer over `scale`, a multiple of `10**places`.

    Raises `FinerScale` where that is not whole, `Fallback` for what is not a plain exact number.
    """

    def finer(needed: int) -> Exception:
        return FinerScale(needed) if needed <= DECIMAL_PLACES_MAX else Fallback()

    def read(value: object) -> int:
        if value.__class__ is int:
            assert isinstance(value, int)
            if -TOO_LARGE < value < TOO_LARGE:
                return int(value * scale)
            raise Fallback
        if value.__class__ is str:
            assert isinstance(value, str)
            found = NUMBER.fullmatch(value)
            if found is None:
                raise Fallback
            sign, whole, rest = found.groups()
            digits = (rest or "").rstrip("0")
            if len(digits) > places:
                raise finer(len(digits))
            size = int(int(whole + digits) * scale // 10 ** len(digits))
            return -size if sign else size
        if value.__class__ is Decimal:
            assert isinstance(value, Decimal)
            if not value.is_finite() or abs(value.adjusted()) > DIGITS_MAX // 2 or len(value.as_tuple().digits) > 40:
                raise Fallback
            numerator, denominator = value.as_integer_ratio()
            if scale % denominator:
                raise finer(-int(value.as_tuple().exponent))
            return int(numerator * (scale // denominator))
        raise Fallback

    return read


def cell_checker(known: Collection[str], required: Collection[str]) -> Callable[[Mapping[str, Any]], None]:
    """Checks a cell that does not have exactly the dimensions of its meter."""
    names, needed = frozenset(known) | {"quantity"}, frozenset(required)

    def check(cell: Mapping[str, Any]) -> None:
        keys = cell.keys()
        if not keys <= names or not needed <= keys:
            raise Fallback
        for name in names - needed - {"quantity"}:
            value = cell.get(name)
            if value is not None and value.__class__ is not str:
                raise Fallback

    return check


def duplicate_refuser(
    dimensions: Sequence[str], read: Callable[[object], int], *, adds: bool
) -> Callable[[Sequence[Mapping[str, Any]]], None]:
    """Leaves cells that are given twice to the reference evaluator, where adding them up in passing would not do:
    of a meter that does not add over dimensions, or where a quantity is below zero.
    """

    def refuse(cells: Sequence[Mapping[str, Any]]) -> None:
        if len({tuple([cell.get(name) for name in dimensions]) for cell in cells}) == len(cells):
            return
        if not adds or any(read(cell["quantity"]) < 0 for cell in cells):
            raise Fallback

    return refuse


def half_even(value: int, unit: int) -> int:
    """The whole number of `unit` (positive) nearest to `value`, to the even one at the half."""
    whole, rest = divmod(value, unit)
    if 2 * rest > unit or (2 * rest == unit and whole & 1):
        return whole + 1
    return whole


def half_up(value: int, unit: int) -> int:
    """The whole number of `unit` (positive) nearest to `value`, away from zero at the half."""
    if value >= 0:
        return (2 * value + unit) // (2 * unit)
    return -((unit - 2 * value) // (2 * unit))


def shared_out(whole: int, weights: Sequence[int]) -> list[int]:
    """`values.rounding.share_out` on integers: by largest remainder, ties to the earlier."""
    total = sum(weights)
    if total == 0:
        return [whole] + [0] * (len(weights) - 1) if weights else []
    size = -whole if whole < 0 else whole
    shares, remainders = [], []
    for weight in weights:
        share, remainder = divmod(size * weight, total)
        shares.append(share)
        remainders.append(-remainder)
    missing = size - sum(shares)
    if missing:
        for i in sorted(range(len(shares)), key=remainders.__getitem__)[:missing]:
            shares[i] += 1
    return [-share for share in shares] if whole < 0 else shares


def spread(
    minor: int, lines: Sequence[int], names: Sequence[str], nets: list[int], top_ups: list[int] | None
) -> tuple[tuple[str, int], ...]:
    """Spread an adjustment over what is positive, lines first, then top-ups; evenly over lines where nothing is.

    Changes `nets` (by line number) and `top_ups`; returns what changed on each line (rule 20).
    """
    if not minor:
        return ()
    weights = [net if (net := nets[line]) > 0 else 0 for line in lines]
    if top_ups:
        weights += [net if net > 0 else 0 for net in top_ups]
    if not any(weights):
        weights = [1] * len(lines) + [0] * (len(weights) - len(lines))
    shares = shared_out(minor, weights)
    changed = []
    for line, share in zip(lines, shares, strict=False):
        if share:
            nets[line] += share
            changed.append((names[line], share))
    if top_ups:
        for i, share in enumerate(shares[len(lines) :]):
            top_ups[i] += share
    return tuple(changed)


def footing_shares(whole: int, amounts: Sequence[int], unit: int) -> list[int]:
    """Round amounts over `unit` so that they add up to `whole`, their rounded sum: largest remainder, ties earlier."""
    shares = [amount // unit for amount in amounts]
    missing = whole - sum(shares)
    for i in sorted(range(len(amounts)), key=lambda i: shares[i] * unit - amounts[i])[:missing]:
        shares[i] += 1
    return shares
