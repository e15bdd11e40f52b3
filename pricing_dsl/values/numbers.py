"""Exact numbers in and out of text. Nothing here rounds and nothing is a float."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache


def decimal_text(value: Fraction) -> str:
    """The shortest decimal that equals `value`, or `n/d` where no finite decimal does.

    >>> decimal_text(Fraction(1, 8)), decimal_text(Fraction(1, 3)), decimal_text(Fraction(-5))
    ('0.125', '1/3', '-5')
    """
    numerator, denominator = value.as_integer_ratio()
    if denominator == 1:
        return str(numerator)
    places, factor = decimal_scale(denominator)
    return _placed(numerator * factor, places) if factor else f"{numerator}/{denominator}"


def ratio_text(numerator: int, denominator: int) -> str:
    """`decimal_text` of a ratio, in whatever terms it stands; `denominator` is positive.

    >>> ratio_text(10, 5), ratio_text(1, 8), ratio_text(-2, 6), ratio_text(-3, 6), ratio_text(-125, 10000)
    ('2', '0.125', '-1/3', '-0.5', '-0.0125')
    """
    whole, rest = divmod(numerator, denominator)
    if not rest:
        return str(whole)
    places, factor = decimal_scale(denominator)
    return _placed(numerator * factor, places) if factor else decimal_text(Fraction(numerator, denominator))


def _placed(digits: int, places: int) -> str:
    """A number with so many decimal places, without zeros at its end; it is not whole."""
    text = str(abs(digits)).rjust(places + 1, "0")
    return f"{'-' if digits < 0 else ''}{text[:-places]}.{text[-places:].rstrip('0')}"


@lru_cache(maxsize=1_024)
def decimal_scale(denominator: int) -> tuple[int, int]:
    """`(places, factor)` with `denominator * factor == 10**places`; `(0, 0)` where there are none.

    >>> decimal_scale(8), decimal_scale(1_000), decimal_scale(6)
    ((3, 125), (3, 1), (0, 0))
    """
    rest, twos, fives = denominator, 0, 0
    while rest % 2 == 0:
        rest //= 2
        twos += 1
    while rest % 5 == 0:
        rest //= 5
        fives += 1
    places = max(twos, fives)
    return (places, 10**places // denominator) if rest == 1 else (0, 0)


def grouped_text(value: Fraction) -> str:
    """The same with `_` between groups of three digits before the point, as people write it in a program.

    >>> grouped_text(Fraction(2500001, 2))
    '1_250_000.5'
    """
    text = decimal_text(value)
    if "/" in text:
        return text
    whole, point, rest = text.partition(".")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    groups = []
    while len(whole) > 3:
        groups.append(whole[-3:])
        whole = whole[:-3]
    return sign + "_".join([whole, *reversed(groups)]) + point + rest


def fraction_from_decimal(value: Decimal) -> Fraction:
    """A finite Decimal as an exact Fraction. Raises `ValueError` for NaN and infinities."""
    if not value.is_finite():
        raise ValueError(f"{value} is not a number")
    return Fraction(*value.as_integer_ratio())


def minor_decimal(minor: int, digits: int) -> Decimal:
    """An amount in minor units of a currency with so many digits, exact however long it is.

    >>> minor_decimal(-1250, 2), minor_decimal(0, 2), minor_decimal(10**40 + 1, 1)
    (Decimal('-12.50'), Decimal('0.00'), Decimal('1000000000000000000000000000000000000000.1'))
    """
    return Decimal(f"{minor}E-{digits}")


def minor_text(minor: int, digits: int) -> str:
    """`minor_decimal` as text: statements write many, and a Decimal is only made to be printed.

    >>> minor_text(-1250, 2), minor_text(5, 3), minor_text(0, 2), minor_text(-7, 0)
    ('-12.50', '0.005', '0.00', '-7')
    """
    if not digits:
        return str(minor)
    text = str(abs(minor)).rjust(digits + 1, "0")
    return f"{'-' if minor < 0 else ''}{text[:-digits]}.{text[-digits:]}"
