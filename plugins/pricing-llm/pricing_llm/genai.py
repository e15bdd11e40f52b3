"""The data of genai-prices: a program of its prices, by provider and model.

A model's match rules become keys of its rows: `equals` a key, `starts_with`, `ends_with` and `contains` patterns. Of
prices with dates the latest stand in the program, those that they replaced are listed as lost, as are prices for times
of day, variants that no service names, and rules that no pattern can say. Tiers hold for the whole request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from pricing_dsl.plugin import Imported
from pricing_llm.catalogue import STANDARD, Catalogue, Model, Other
from pricing_llm.program import imported
from pricing_llm.reading import Losses, list_at, object_at, parsed, price_at, text_at, under

TOKENS: Mapping[str, str] = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_5m_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "output_audio_mtok": "output_audio",
    "input_image_mtok": "input_image",
    "output_image_mtok": "output_image",
    "input_video_mtok": "input_video",
    "output_video_mtok": "output_video",
    "output_reasoning_mtok": "reasoning",
}
"""Prices of a million tokens, and the kind they price."""

OTHERS: Mapping[str, tuple[str, int]] = {
    "kcount": ("calls", 1000),
    "kpages": ("pages", 1000),
    "hours": ("seconds", 3600),
    "mchars": ("characters", 1_000_000),
    "gpixels": ("pixels", 1_000_000_000),
}
"""What else is priced: the end of the field, the unit that is counted, and how many a price is for."""

SERVICE_WORDS = ("processing", "service_tier", "speed")
"""What a request may say of itself that names its service."""
PROVIDER_IGNORED = frozenset(
    {
        "id", "name", "description", "pricing_urls", "api_pattern", "price_comments", "extractors", "models",
        "model_match", "provider_match",
    }
)  # fmt: skip
MODEL_IGNORED = frozenset(
    {
        "id", "name", "description", "context_window", "price_comments", "deprecated", "match", "prices",
        "price_variants", "prices_checked",
    }
)  # fmt: skip
"""Fields that are read elsewhere, or that say nothing of a price."""
MEND = "give `prices/data.json` of genai-prices"


def read(data: bytes) -> Imported:
    """The data as a program. Raises `ValueError` with place, what and how to mend it."""
    document, at = parsed(data), ""
    if isinstance(document, dict) and "providers" in document:
        document, at = document["providers"], "/providers"
    catalogue, losses = Catalogue(has_providers=True), Losses()
    for index, each in enumerate(list_at(document, at, MEND)):
        _provider(object_at(each, under(at, index), MEND), under(at, index), catalogue, losses)
    header = (
        "Made from the data of genai-prices, in US dollars. A kind of token without a price of its own costs what the",
        "kind costs that it is part of. Names of models are matched as they are written here: send them in that case.",
        "Left out, as no part of a price: names, descriptions, comments, addresses, and how responses say usage.",
    )
    return imported(catalogue, "genai", header, losses.all())


def _provider(fields: dict[str, Any], place: str, catalogue: Catalogue, losses: Losses) -> None:
    provider = text_at(fields.get("id"), under(place, "id"), "give the provider an `id`")
    taken = Taken()
    for name, value in fields.items():
        if name not in PROVIDER_IGNORED and value:
            losses.add(under(place, name), "the prices of other providers are not looked up for this one")
    models = under(place, "models")
    for index, each in enumerate(list_at(fields.get("models"), models, "give the provider its `models`")):
        _model(object_at(each, under(models, index), MEND), under(models, index), provider, taken, catalogue, losses)


def _model(
    fields: dict[str, Any], place: str, provider: str, taken: Taken, catalogue: Catalogue, losses: Losses
) -> None:
    key = text_at(fields.get("id"), under(place, "id"), "give the model an `id`")
    own = Taken()
    for name in (*_names(fields.get("match"), under(place, "match"), losses), key):
        if own.by(name) is not None:
            continue
        earlier = taken.by(name)
        if earlier is None:
            own.add(name)
        elif name != key:
            losses.add(under(place, "match"), f"`{name}` is taken by `{earlier}`, a rule of a model before it")
    names = own.all()
    for name, value in fields.items():
        if name not in MODEL_IGNORED and value:
            losses.add(under(place, name), f"`{name}` is no price that is known here")
    if not names:
        losses.add(place, "models before it take all of its names")
        return
    for name in names:
        taken.add(name)
    model = Model(provider, names)
    _standard(fields.get("prices"), under(place, "prices"), model, catalogue, losses)
    _variants(fields.get("price_variants"), under(place, "price_variants"), model, losses)
    if model.prices:
        catalogue.models.append(model)


# --- names -----------------------------------------------------------------------------------------------------------


def _names(rule: Any, place: str, losses: Losses) -> Iterator[str]:
    """Keys and patterns of a match rule."""
    match rule:
        case None:
            return
        case {"or": list(inner)}:
            for index, each in enumerate(inner):
                yield from _names(each, under(under(place, "or"), index), losses)
        case {"equals": str(value)}:
            yield value
        case {"starts_with": str(value)}:
            yield f"{value}*"
        case {"ends_with": str(value)}:
            yield f"*{value}"
        case {"contains": str(value)}:
            yield f"*{value}*"
        case _:
            losses.add(place, "no pattern says this rule: name the models in rows of their own")


class Taken:
    """Keys and patterns that have a row; the first that matches a name takes it.

    >>> taken = Taken()
    >>> taken.add("gpt-4*"); taken.add("o3")
    >>> taken.by("gpt-4o*"), taken.by("o3"), taken.by("o3*")
    ('gpt-4*', 'o3', None)
    """

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._patterns: dict[str, re.Pattern[str]] = {}

    def add(self, name: str) -> None:
        """Take a name, or all names of a pattern."""
        self._names[name] = None
        if "*" in name:
            self._patterns[name] = re.compile(".*".join(re.escape(word) for word in name.split("*")))

    def by(self, name: str) -> str | None:
        """Which of them takes every name that `name` matches, where one does."""
        if name in self._names:
            return name
        return next((pattern for pattern, found in self._patterns.items() if found.fullmatch(name)), None)

    def all(self) -> list[str]:
        """All of them, in the order taken."""
        return list(self._names)


# --- prices ----------------------------------------------------------------------------------------------------------


def _standard(prices: Any, place: str, model: Model, catalogue: Catalogue, losses: Losses) -> None:
    """The prices in force: of several with dates the latest, of those with a time of day none."""
    if isinstance(prices, dict):
        _take(prices, place, STANDARD, model, catalogue, losses)
        return
    dated: list[tuple[str, int, Any]] = []
    for index, each in enumerate(list_at(prices, place, "give the model its `prices`")):
        conditional = object_at(each, under(place, index), MEND)
        constraint = conditional.get("constraint")
        if constraint is not None:
            object_at(constraint, under(under(place, index), "constraint"), MEND)
        if constraint is not None and "start_date" not in constraint:
            losses.add(under(place, index), "it holds at some times of the day only, and a program has one price")
            continue
        dated.append(("" if constraint is None else str(constraint["start_date"]), index, conditional.get("prices")))
    if not dated:
        losses.add(place, "it has no price for all times of the day")
        return
    last = max(dated, key=lambda each: each[:2])
    for since, index, _ in dated:
        if index != last[1]:
            held = f", and held since {since}" if since else ""
            losses.add(under(place, index), f"it was replaced on {last[0]}{held}")
    if last[0]:
        at = under(under(place, last[1]), "constraint")
        losses.add(at, f"the program has this price without its date, {last[0]}")
    found = object_at(last[2], under(under(place, last[1]), "prices"), MEND)
    _take(found, under(under(place, last[1]), "prices"), STANDARD, model, catalogue, losses)


def _variants(variants: Any, place: str, model: Model, losses: Losses) -> None:
    """Prices for what a request says of itself, where that is one word that names a service."""
    for index, each in enumerate(list_at(variants or [], place, MEND)):
        at = under(place, index)
        variant = object_at(each, at, MEND)
        when = object_at(variant.get("when"), under(at, "when"), MEND)
        service = next(iter(when.values())) if len(when) == 1 and next(iter(when)) in SERVICE_WORDS else None
        if not isinstance(service, str) or service in (STANDARD, "default"):
            losses.add(at, "a service of a program is one word of a request, and this asks for something else")
            continue
        if variant.get("constraint"):
            losses.add(under(at, "constraint"), "the program has this price at all times")
        _take(
            object_at(variant.get("prices"), under(at, "prices"), MEND),
            under(at, "prices"),
            service,
            model,
            None,
            losses,
        )


def _take(
    prices: dict[str, Any], place: str, service: str, model: Model, catalogue: Catalogue | None, losses: Losses
) -> None:
    """Take a set of prices; those of other things than tokens only where they are the standard ones."""
    for field, value in prices.items():
        at = under(place, field)
        kind, other = TOKENS.get(field), OTHERS.get(field.rpartition("_")[2])
        if value is None:
            continue
        if kind is not None:
            for bound, price in _tiers(value, at):
                model.prices[service, bound, kind] = price / 1_000_000
        elif other is not None and catalogue is None:
            losses.add(at, "a service has prices of tokens only; this stands as for any other request")
        elif other is not None and catalogue is not None and not isinstance(value, dict):
            named = field.rpartition("_")[0]
            found = Other(*other, model.provider, tuple(model.names), named, price_at(value, at))
            catalogue.others.append(found)
        else:
            losses.add(at, "no price of tokens, calls, pages, seconds, characters or pixels that a program can say")


def _tiers(value: Any, place: str) -> Iterator[tuple[int, Fraction]]:
    """A price, or a base price and those of long contexts by the prompt that they begin above."""
    if not isinstance(value, dict):
        yield 0, price_at(value, place)
        return
    yield 0, price_at(value.get("base"), under(place, "base"))
    tiers = under(place, "tiers")
    for index, each in enumerate(list_at(value.get("tiers"), tiers, MEND)):
        tier = object_at(each, under(tiers, index), MEND)
        start = price_at(tier.get("start"), under(under(tiers, index), "start"))
        if start.denominator != 1:
            raise ValueError(f"{under(under(tiers, index), 'start')}: {start} is no whole number of tokens; write one")
        yield int(start), price_at(tier.get("price"), under(under(tiers, index), "price"))
