"""Plugin of pricing-dsl for language models: price lists as programs, and token counts that vendors document.

`pricing import litellm FILE` and `pricing import genai-prices FILE` make a program of a public price list. The
functions count tokens where a vendor says how, so that a meter can measure them from what an event carries: sizes of
images, seconds of sound, characters. None of them pretends to be a tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence

from pricing_dsl.plugin import Function, Imported, Importer, hookimpl
from pricing_llm.tokens import FUNCTIONS

PRICING_API = 1

__all__ = ["PRICING_API", "read_genai_prices", "read_litellm", "register_functions", "register_importers"]


def read_litellm(data: bytes) -> Imported:
    """LiteLLM's `model_prices_and_context_window.json` as a program."""
    from pricing_llm.litellm import read

    return read(data)


def read_genai_prices(data: bytes) -> Imported:
    """The data of genai-prices (`prices/data.json`) as a program."""
    from pricing_llm.genai import read

    return read(data)


@hookimpl
def register_functions() -> Sequence[Function]:
    """Token counts for the meters of a program."""
    return FUNCTIONS


@hookimpl
def register_importers() -> Sequence[Importer]:
    """The two price lists."""
    return (
        Importer("litellm", (".json",), read_litellm, "LiteLLM's list of model prices."),
        Importer("genai-prices", (".json",), read_genai_prices, "The price data of genai-prices."),
    )
