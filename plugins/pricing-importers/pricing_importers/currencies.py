"""Minor digits of currencies: what a whole number of cents is worth in each system.

After ISO 4217; Stripe counts some currencies differently from the standard. Currencies that are not named here have
two digits.
"""

from __future__ import annotations

from fractions import Fraction

_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_BY_CODE = {code: digits for digits, codes in _DIGITS.items() for code in codes.split()}

_STRIPE_DIGITS = {0: "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF", 3: "BHD JOD KWD OMR TND"}
_STRIPE_BY_CODE = {code: digits for digits, codes in _STRIPE_DIGITS.items() for code in codes.split()}
"""Stripe's documentation, "Supported currencies". ISK and UGX have no minor unit any more, but amounts are still given
in hundredths; MGA is given in whole ariary."""


def digits_of(code: str) -> int:
    """Digits behind the point of a currency: 2 for USD, 0 for JPY, 3 for KWD."""
    return _BY_CODE.get(code, 2)


def from_minor(amount: Fraction, code: str) -> Fraction:
    """An amount in the smallest unit of a currency, after ISO 4217, in the currency."""
    return amount / Fraction(10 ** digits_of(code))


def from_stripe(amount: Fraction, code: str) -> Fraction:
    """An amount as Stripe gives it, in the currency.

    >>> from_stripe(Fraction(500), "USD"), from_stripe(Fraction(500), "JPY"), from_stripe(Fraction(500), "ISK")
    (Fraction(5, 1), Fraction(500, 1), Fraction(5, 1))
    """
    return amount / Fraction(10 ** _STRIPE_BY_CODE.get(code, 2))
