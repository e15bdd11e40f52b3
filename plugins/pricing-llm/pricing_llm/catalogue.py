"""A price list in one form, whichever catalogue it came from: prices of tokens by model, and prices of other things.

A model has prices for kinds of tokens, some of them for a service (batches, priority) or for a long context (the whole
request costs more once its prompt exceeds a bound). A kind without a price of its own costs what the kind costs that it
is part of: cached tokens what input costs, reasoning what output costs; a service or a long context without a price for
a kind has the standard one. `Model.price` says that; nothing is invented beyond it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

STANDARD = "standard"
"""The service of a request that asks for none."""


@dataclass(frozen=True)
class Kind:
    """A kind of token: its name in tables, what it costs where it has no price, and the property that counts it."""

    name: str
    part_of: str
    counted: str


TOKEN_KINDS = (
    Kind("input", "", "prompt"),
    Kind("cache_read", "input", "read"),
    Kind("cache_write", "input", "write"),
    Kind("cache_write_1h", "cache_write", "write_1h"),
    Kind("input_audio", "input", "audio_in"),
    Kind("input_image", "input", "image_in"),
    Kind("input_video", "input", "video_in"),
    Kind("output", "", "answer"),
    Kind("reasoning", "output", "reasoning"),
    Kind("output_audio", "output", "audio_out"),
    Kind("output_image", "output", "image_out"),
    Kind("output_video", "output", "video_out"),
)
KINDS = {kind.name: kind for kind in TOKEN_KINDS}


@dataclass
class Model:
    """One model: the provider, the names that it goes by, and US dollars per token.

    Prices are by service, by the bound of the prompt above which they hold (0: always) and by kind.
    """

    provider: str
    names: list[str]
    prices: dict[tuple[str, int, str], Fraction] = field(default_factory=dict)

    @property
    def services(self) -> tuple[str, ...]:
        """The services that have prices of their own."""
        return tuple(sorted({service for service, _, _ in self.prices} - {STANDARD}))

    @property
    def bounds(self) -> tuple[int, ...]:
        """The bounds of its long contexts, ascending."""
        return tuple(sorted({bound for _, bound, _ in self.prices} - {0}))

    def price(self, service: str, bound: int, kind: str) -> Fraction | None:
        """What one token costs in a request for that service whose prompt exceeds `bound`; `None`: it has no price."""
        for lower in sorted({0, *(each for each in self.bounds if each <= bound)}, reverse=True):
            for asked in (service, STANDARD):
                found = self.prices.get((asked, lower, kind))
                if found is not None:
                    return found
        part_of = KINDS[kind].part_of
        return self.price(service, bound, part_of) if part_of else None


@dataclass(frozen=True)
class Other:
    """A price of something else than a token: `amount` for `per` of a family's units."""

    family: str
    per: int
    provider: str
    names: tuple[str, ...]
    kind: str
    amount: Fraction


@dataclass(frozen=True)
class Shape:
    """What a price list has prices for: kinds of tokens, services, long contexts by their bounds (ascending)."""

    kinds: tuple[Kind, ...]
    has_providers: bool
    has_services: bool
    bounds: tuple[int, ...]


@dataclass
class Catalogue:
    """A whole price list."""

    has_providers: bool
    models: list[Model] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)

    def shape(self) -> Shape:
        """What it has prices for, now that all is read."""
        keys = {key for model in self.models for key in model.prices}
        kinds = {kind for _, _, kind in keys}
        return Shape(
            tuple(kind for kind in TOKEN_KINDS if kind.name in kinds),
            self.has_providers,
            any(service != STANDARD for service, _, _ in keys),
            tuple(sorted({bound for _, bound, _ in keys} - {0})),
        )

    def families(self) -> Iterator[tuple[str, int, list[Other]]]:
        """What is priced besides tokens: family, how many units a price is for, and the prices."""
        for family, per in dict.fromkeys((other.family, other.per) for other in self.others):
            yield family, per, [other for other in self.others if (other.family, other.per) == (family, per)]
