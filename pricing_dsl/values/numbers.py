"""Exact numbers in and out of text. Nothing here rounds and nothing is a float."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction


def decimal_text(value: Fraction) -> str:
    """The shortest decimal that equals `value`, or `n/d` where no finite decimal does.

    >>> decimal_text(Fraction(1, 8)), decimal_text(Fraction(1, 3)), decimal_text(Fraction(-5))
    ('0.125', '1/3', '-5')
    """
    denominator = value.denominator
    if denominator == 1:
        return str(value.numerator)
    twos = fives = 0
    while denominator % 2 == 0:
        denominator //= 2
        twos += 1
    while denominator % 5 == 0:
        denominator //= 5
        fives += 1
    if denominator != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    sign = "-" if value.numerator < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def ratio_text(numerator: int, denominator: int) -> str:
    """`decimal_text` of a ratio, in whatever terms it stands; `denominator` is positive.

    >>> ratio_text(10, 5), ratio_text(1, 8), ratio_text(-2, 6)
    ('2', '0.125', '-1/3')
    """
    whole, rest = divmod(numerator, denominator)
    return decimal_text(Fraction(numerator, denominator)) if rest else str(whole)


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
