"""Writing integer code: lines of text, parameters for every number, and scales that say what an integer means.

A value in generated code is an integer over a *scale*: a product of atoms. A static atom is known when a plan is bound
to its numbers (the power of ten of the quantities, the common denominator of a table); a running atom is a variable of
the generated code (the divisor of a division). Which atoms a value has depends on the program's shape only, never on
its numbers, so that programs that differ only in numbers have the same text: numbers go in as parameters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import prod
from typing import Any, NamedTuple


class Fallback(Exception):  # noqa: N818 - no error: the reference evaluator takes over
    """The reference evaluator must do this one: the usage is odd or unpriced, or the plan has a rare construct."""


class Atom(NamedTuple):
    """A factor of a scale. `value` is `None` for a running atom: then `name` is a variable, positive when used."""

    name: str
    value: int | None


Scale = tuple[Atom, ...]
"""The product of its atoms; an atom may occur more than once."""


def whole(scale: Scale) -> int:
    """The static part of a scale."""
    return prod(atom.value for atom in scale if atom.value is not None)


def running(scale: Scale) -> list[str]:
    """The variables of a scale."""
    return [atom.name for atom in scale if atom.value is None]


class Num(NamedTuple):
    """A value in generated code: `text` (a name or a parenthesised expression) over `scale`."""

    text: str
    scale: Scale


class Deferred:
    """A place in the code that is filled in later; nothing is written while `lines` is empty."""

    def __init__(self) -> None:
        self.lines: list[str] = []


class Writer:
    """Lines of code with their indentation, in the order of execution."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.items: list[tuple[int, str | Deferred | Writer]] = []

    def line(self, text: str) -> None:
        self.items.append((self.depth, text))

    def later(self) -> Deferred:
        """A place for lines that are known only when what follows has been written."""
        place = Deferred()
        self.items.append((self.depth, place))
        return place

    def part(self) -> Writer:
        """A stretch of code that goes on being written while others follow it."""
        part = Writer(self.depth)
        self.items.append((self.depth, part))
        return part

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        self.line(header)
        self.depth += 1
        yield
        self.depth -= 1

    def render(self) -> list[str]:
        lines: list[str] = []
        for depth, item in self.items:
            match item:
                case str():
                    lines.append("    " * depth + item)
                case Deferred():
                    lines.extend("    " * depth + text for text in item.lines)
                case Writer():
                    lines.extend(item.render())
        return lines


class Names:
    """Names that are new in one generated function, and the parameters that it is made with."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.parameters: list[Any] = []

    def new(self, prefix: str) -> str:
        number = self.counts[prefix]
        self.counts[prefix] += 1
        return f"{prefix}{number}"

    def parameter(self, value: object) -> str:
        """A parameter with this value. Equal values get parameters of their own: the text must not depend on them."""
        self.parameters.append(value)
        return f"p{len(self.parameters) - 1}"

    def atom(self, value: int) -> Atom:
        """A new static atom."""
        return Atom(self.new("s"), value)

    def integer(self, value: Fraction) -> str:
        """A parameter for a number that the choice of scale has made whole."""
        assert value.denominator == 1, f"{value} is not whole on its scale"
        return self.parameter(value.numerator)

    def literal(self, value: Fraction, scale: Scale) -> str:
        """A number of the program, on a scale on which it is whole."""
        return product(self.integer(value * whole(scale)), *running(scale))

    def constant(self, value: Fraction) -> Num:
        """A number of the program on a scale of its own."""
        return Num(self.parameter(value.numerator), (self.atom(value.denominator),))

    def raised(self, value: Num, scale: Scale) -> str:
        """The text of `value` on a scale that contains its own."""
        missing = tuple((Counter(scale) - Counter(value.scale)).elements())
        assert not Counter(value.scale) - Counter(scale), "a value is raised to a scale that lacks its atoms"
        factors = running(missing)
        if any(atom.value is not None for atom in missing):
            factors.insert(0, self.parameter(whole(missing)))
        return product(value.text, *factors)


def product(*factors: str) -> str:
    """The product as an expression that can stand anywhere."""
    return factors[0] if len(factors) == 1 else f"({' * '.join(factors)})"


def common(*scales: Scale) -> Scale:
    """The smallest scale that contains all."""
    together: Counter[Atom] = Counter()
    for scale in scales:
        together |= Counter(scale)
    return tuple(sorted(together.elements(), key=lambda atom: atom.name))
