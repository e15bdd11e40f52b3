"""LiteLLM's `model_prices_and_context_window.json`: a program of its prices.

Fields are read by their names: `input_cost_per_token`, with `_above_200k_tokens` for a long context and `_batches`,
`_flex`, `_priority` and the like for a service. Prices above a bound hold for the whole request, as LiteLLM computes
them. What is no price (limits, abilities, sources) is left aside; every other field is listed as lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pricing_dsl.plugin import Imported
from pricing_llm.catalogue import STANDARD, Catalogue, Model, Other
from pricing_llm.program import imported
from pricing_llm.reading import Losses, object_at, parsed, price_at, under

SERVICES = ("batches", "flex", "priority", "balanced", "decisions", "ultrafast")
TOKENS: Mapping[str, str] = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "input_audio",
    "output_cost_per_audio_token": "output_audio",
    "input_cost_per_image_token": "input_image",
    "output_cost_per_image_token": "output_image",
    "input_cost_per_video_token": "input_video",
    "output_cost_per_video_token": "output_video",
}
"""Fields of token prices, without what may stand behind them, and the kind they price."""

OTHERS: Mapping[str, tuple[str, int]] = {
    "image": ("images", 1),
    "second": ("seconds", 1),
    "audio_per_second": ("seconds", 1),
    "video_per_second": ("seconds", 1),
    "character": ("characters", 1_000_000),
    "pixel": ("pixels", 1_000_000),
    "page": ("pages", 1000),
    "query": ("calls", 1000),
    "request": ("calls", 1000),
    "text_message": ("calls", 1000),
    "session": ("calls", 1000),
}
"""What else is priced: the word behind `cost_per_`, the unit that is counted, and how many a table prices at once."""

_PRICE = re.compile(rf"(?P<field>.+?)(?:_above_(?P<bound>\d+)k_tokens)?(?:_(?P<service>{'|'.join(SERVICES)}))?")
_WORDS = "|".join(sorted(OTHERS, key=len, reverse=True))
_OTHER = re.compile(rf"(?P<before>\w*?)_?cost_per_(?P<unit>{_WORDS})(?P<behind>_[0-9A-Za-z.]+)?")

IGNORED = re.compile(
    r"supports_.*|supported_.*|max_.*|mode|source|litellm_provider|deprecation_.*|successor_model|rpm|tpm|rpd|metadata"
    r"|output_vector_size|prompt_cache_min_tokens|tool_use_system_prompt_tokens|display_name|comment|notes?"
)
"""Fields that say nothing of a price: limits, abilities, where the facts are from."""

SEARCHES = "search_context_cost_per_query"
MEND = "give LiteLLM's `model_prices_and_context_window.json`"


def read(data: bytes) -> Imported:
    """The list as a program. Raises `ValueError` with place, what and how to mend it."""
    document = object_at(parsed(data), "", MEND)
    catalogue, losses = Catalogue(has_providers=False), Losses()
    for name, fields in document.items():
        if name != "sample_spec":
            _model(name, object_at(fields, under("", name), MEND), catalogue, losses)
    header = (
        "Made from LiteLLM's list of model prices, in US dollars. A kind of token without a price of its own costs",
        "what the kind costs that it is part of; a service or context without one has the standard price.",
        "Left out, as no part of a price: limits, abilities, sources, and the sample entry.",
    )
    return imported(catalogue, "litellm", header, losses.all())


def _model(name: str, fields: dict[str, Any], catalogue: Catalogue, losses: Losses) -> None:
    model = Model("", [name])
    for field, value in fields.items():
        place = under(under("", name), field)
        if value is None or IGNORED.fullmatch(field):
            continue
        if field == SEARCHES and isinstance(value, dict):
            for size, cost in value.items():
                kind = "search_" + size.removeprefix("search_context_size_")
                catalogue.others.append(
                    Other("calls", 1000, "", (name,), kind, price_at(cost, under(place, size)) * 1000)
                )
            continue
        if not _token_price(field, value, place, model) and not _other_price(field, value, place, name, catalogue):
            losses.add(place, "no price of tokens, images, seconds, characters, pixels, pages or calls is called so")
    if model.prices:
        catalogue.models.append(model)


def _token_price(field: str, value: Any, place: str, model: Model) -> bool:
    """Take a price of tokens; whether the field is one."""
    found = _PRICE.fullmatch(field)
    assert found is not None  # the pattern takes any name
    kind = TOKENS.get(found["field"])
    if kind is None:
        return False
    bound = int(found["bound"] or 0) * 1000
    model.prices[found["service"] or STANDARD, bound, kind] = price_at(value, place)
    return True


def _other_price(field: str, value: Any, place: str, name: str, catalogue: Catalogue) -> bool:
    """Take a price of something else; whether the field is one. Its kind is what stands around the unit."""
    found = _OTHER.fullmatch(field)
    if found is None or "above" in field:
        return False
    family, per = OTHERS[found["unit"]]
    kind = found["before"] or "any"
    if found["unit"] not in ("image", "second", "character", "pixel", "page"):
        kind = f"{kind}_{found['unit'].removesuffix('_per_second')}"
    kind += found["behind"] or ""
    catalogue.others.append(Other(family, per, "", (name,), kind, price_at(value, place) * per))
    return True
