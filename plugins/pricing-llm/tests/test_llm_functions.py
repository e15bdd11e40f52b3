"""Token counts: the figures of the vendors' pages, the laws, and meters that use them."""

from __future__ import annotations

from fractions import Fraction

import pricing_llm
import pytest
from pricing_llm.tokens import (
    FUNCTIONS,
    chars_as_tokens,
    claude_image_tokens,
    gemini_audio_tokens,
    gemini_video_tokens,
    openai_image_tokens,
)

import pricing_dsl
from pricing_dsl.evaluate.measure import measure_event
from pricing_dsl.plugin.manager import load, using
from pricing_dsl.plugin.testing import assert_plugin, verify_function

BY_NAME = {function.name: function for function in FUNCTIONS}


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [
        (1024, 1024, 765),  # the guide's first example
        (2048, 4096, 1105),  # its second
        (512, 512, 255),  # one tile, nothing is scaled up
        (513, 512, 425),
        (0, 100, 0),
    ],
)
def test_openai_counts_tiles(width: int, height: int, tokens: int) -> None:
    assert openai_image_tokens(width, height) == tokens


@pytest.mark.parametrize(("side", "tokens"), [(200, 54), (1000, 1334), (1092, 1590), (0, 0)])
def test_claude_counts_pixels(side: int, tokens: int) -> None:
    assert claude_image_tokens(side, side) == tokens


def test_gemini_counts_seconds() -> None:
    assert gemini_audio_tokens(30) == 960
    assert gemini_video_tokens(10) == 2630
    assert gemini_audio_tokens(Fraction("0.5")) == 16


def test_characters_by_contract() -> None:
    assert chars_as_tokens(401, 4) == 101
    with pytest.raises(ValueError, match="a number of characters above 0"):
        chars_as_tokens(1, 0)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_function_keeps_the_laws(name: str) -> None:
    assert verify_function(BY_NAME[name]) == ()


def test_the_plugin_keeps_the_laws() -> None:
    assert_plugin(pricing_llm)


def test_an_image_of_openai_would_not_pass_for_monotone() -> None:
    """A taller image is scaled further down: less wide, it covers fewer tiles. So neither side is declared."""
    assert openai_image_tokens(1600, 768) > openai_image_tokens(1600, 1300)
    assert BY_NAME["openai_image_tokens"].monotone == (None, None)


def test_a_meter_counts_the_tokens_of_images() -> None:
    text = """
    currency USD
    unit token | tokens
    meter images {
      from "llm.image" measure sum(openai_image_tokens(width, height) * count) unit token by model
    }
    meter text { from "llm.text" measure sum(chars_as_tokens(characters, 4)) unit token }
    plan p { charge images on images { price 2.5 per 1M tokens } charge text on text { price 1 per 1M tokens } }
    """
    with using(load(only={"llm"})):
        program = pricing_dsl.compile(text)
        images, characters = program.ir.meters
        event = {"width": 1024, "height": 1024, "count": 2, "model": "gpt-4o"}
        assert measure_event(program.ir, images, event) == ((("gpt-4o",), Fraction(1530)),)
        assert measure_event(program.ir, characters, {"characters": 10}) == (((), Fraction(3)),)
