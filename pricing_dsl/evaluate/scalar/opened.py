"""Opening balances of money as whole minor units, and the form they are given in.

What lots there are depends on the form alone: whether a balance is given, as a number or as lots, and when those end.
A till is laid out once per form. A number is read here; anything else is read by `opening`, which says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from pricing_dsl.evaluate.opening import read_balances, require_lots_to_come
from pricing_dsl.ir import nodes as ir
from pricing_dsl.limits import DIGITS_MAX

TOO_LARGE = 10**DIGITS_MAX
NUMBER = "number"
Form = tuple[object, ...]
"""By balance: `None` where it is not given, `NUMBER`, or the ends of its lots and whether they have rolled over."""


class Opened(NamedTuple):
    """`amounts` by balance, `None` where it is not given. `read` is all that is given, where it had to be read."""

    form: Form
    amounts: list[list[int] | None]
    read: Mapping[str, Any] | None


class Reader:
    """Reads the opening balances of one contract."""

    def __init__(self, program: ir.Program, contract: ir.Contract) -> None:
        self.program = program
        self.contract = contract
        self.names = [balance.name for balance in contract.balances]
        self.digits = program.digits
        self.unit: int = 10**program.digits
        rest = rf"(?:\.([0-9]{{1,{self.digits}}}))?" if self.digits else "()"
        self.text = re.compile(r"([0-9]{1,30})" + rest, re.ASCII)
        self.nothing = Opened((None,) * len(self.names), [None] * len(self.names), {})

    def read(self, given: Mapping[str, Any] | None, start: ir.Instant) -> Opened:
        """Opening balances as given, of a period that begins at `start`.

        Raises `EvaluationError` as `read_balances` and `require_lots_to_come` do.
        """
        if not given:
            return self.nothing if given is None or given == {} else self.careful(given, start)
        if self.contract.floors or not isinstance(given, Mapping):
            return self.careful(given, start)
        amounts: list[list[int] | None] = []
        form: list[object] = []
        count = 0
        for name in self.names:
            value = given.get(name)
            minor = None if value is None else self.minor(value)
            if minor is None:
                if value is not None:
                    return self.careful(given, start)
                form.append(None)
                amounts.append(None)
                continue
            count += 1
            form.append(NUMBER)
            amounts.append([minor])
        if count != len(given):
            return self.careful(given, start)
        return Opened(tuple(form), amounts, None)

    def minor(self, value: object) -> int | None:
        """A plain amount in minor units; `None` for anything that must be looked at with more care."""
        if value.__class__ is str:
            found = self.text.fullmatch(str(value))
            if found is None:
                return None
            whole, rest = found.groups()
            return int(whole + (rest or "").ljust(self.digits, "0"))
        if value.__class__ is int:
            assert isinstance(value, int)
            return value * self.unit if 0 <= value < TOO_LARGE else None
        if value.__class__ is Decimal:
            assert isinstance(value, Decimal)
            if not value.is_finite() or value < 0 or abs(value.adjusted()) > DIGITS_MAX // 2:
                return None
            numerator, denominator = value.as_integer_ratio()
            minor, rest = divmod(numerator * self.unit, denominator)
            return None if rest else minor
        return None

    def careful(self, given: Mapping[str, Any], start: ir.Instant) -> Opened:
        """The same from anything that is a balance."""
        read = read_balances(self.program, self.contract, given)
        require_lots_to_come(read, start, self.contract.timezone)
        form: list[object] = []
        amounts: list[list[int] | None] = []
        for name in self.names:
            match read.get(name):
                case None:
                    form.append(None)
                    amounts.append(None)
                case Decimal() as number:
                    form.append(NUMBER)
                    amounts.append([self.whole(number)])
                case lots:
                    form.append(tuple((lot["end"], lot["rolled"]) for lot in lots))
                    amounts.append([self.whole(lot["amount"]) for lot in lots])
        return Opened(tuple(form), amounts, read)

    def whole(self, amount: Decimal) -> int:
        """Minor units of an amount that has been checked to have no fraction of one."""
        numerator, denominator = amount.as_integer_ratio()
        minor, rest = divmod(numerator * self.unit, denominator)
        assert not rest, "balances of money are whole minor units"
        return minor
