"""What generated code calls: reading quantities that are not plain ints, odd cells, rounding and spreading.

Everything here works on integers. Whatever is wrong with the usage ends in `Fallback`: the reference evaluator says it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pricing_dsl.evaluate.scalar.writing import Fallback
from pricing_dsl.evaluate.statement import Part
from pricing_dsl.limits import DIGITS_MAX

TOO_LARGE = 10**DIGITS_MAX
DECIMAL_PLACES_MAX = 30
"""Quantities with more decimal places are left to the reference evaluator."""

WHOLE_DIGITS_MAX = 40
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
            if value.isascii() and value.isdigit() and len(value) <= WHOLE_DIGITS_MAX:
                return int(value) * scale
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


def duplicate_merger(
    dimensions: Sequence[str], read: Callable[[object], int], *, adds: bool
) -> Callable[[Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Any]]]:
    """Cells without duplicates, where adding those up in passing would not do.

    A meter that does not add over dimensions may be given equal ones; a meter that adds may go on with duplicates
    unless a quantity is below zero. The rest is left to the reference evaluator.
    """

    def merged(cells: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        known: dict[tuple[Any, ...], Mapping[str, Any]] = {}
        for cell in cells:
            key = tuple([cell.get(name) for name in dimensions])
            first = known.setdefault(key, cell)
            if not adds and read(first["quantity"]) != read(cell["quantity"]):
                raise Fallback
        if len(known) == len(cells):
            return cells
        if not adds:
            return list(known.values())
        if any(read(cell["quantity"]) < 0 for cell in cells):
            raise Fallback
        return cells

    return merged


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


def give(missing: int, shares: list[int], remainders: list[int]) -> list[int]:
    """The last step of largest remainder: one unit more for each of the largest, ties to the earlier."""
    while missing:
        at = remainders.index(max(remainders))
        remainders[at] = -1
        shares[at] += 1
        missing -= 1
    return shares


def changed(shares: Sequence[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """The shares that changed something."""
    return tuple([share for share in shares if share[1]])


def spread(minor: int, names: Sequence[str], nets: Sequence[int], top_ups: list[int] | None) -> tuple[Any, ...]:
    """Spread an adjustment over what is positive, lines first, then top-ups; evenly over lines where nothing is.

    Returns what changed on each line, then what is left of each; changes `top_ups` (rule 20).
    """
    weights = [net if net > 0 else 0 for net in [*nets, *(top_ups or ())]]
    if not any(weights):
        weights = [1] * len(nets) + [0] * (len(weights) - len(nets))
    total, size = sum(weights), abs(minor)
    if not total:
        return ((),)
    shares = [size * weight // total for weight in weights]
    missing = size - sum(shares)
    if missing:
        give(missing, shares, [size * weight % total for weight in weights])
    if minor < 0:
        shares = [-share for share in shares]
    if top_ups:
        for i, share in enumerate(shares[len(nets) :]):
            top_ups[i] += share
    own = shares[: len(nets)]
    left = [net + share for net, share in zip(nets, own, strict=True)]
    return (changed(list(zip(names, own, strict=True))), *left)


def shown_parts(
    weights: dict[Any, int],
    sizes: dict[Any, int],
    minor: int,
    added_up: int,
    after: int,
    unit: int,
    names: Sequence[str],
    digits: int,
) -> tuple[Part, ...]:
    """The parts of a line by the values in `weights`, rounded by largest remainder so that they add up to `minor`.

    `weights` are their amounts when they came to `added_up` together, which later steps made `after`, of which `unit`
    is one minor unit. Parts of nothing (`sizes` are the quantities) that cost nothing are not listed.
    """
    keys = sorted(key for key, weight in weights.items() if weight * after or sizes[key])
    amounts = [weights[key] * after for key in keys]
    over = added_up * unit or 1
    shares = [amount // over for amount in amounts]
    missing = minor - sum(shares)
    for i in sorted(range(len(keys)), key=lambda i: shares[i] * over - amounts[i])[:missing]:
        shares[i] += 1
    values = [(key,) for key in keys] if len(names) == 1 else keys
    return tuple(
        Part(tuple(zip(names, value, strict=True)), share, digits) for value, share in zip(values, shares, strict=True)
    )
