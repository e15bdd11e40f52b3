"""Token counts that need no tokenizer: what a vendor documents for images, sound and video, and a count of characters.

Each names the page that it is taken from. They are exact for the models that the page is about; a vendor's response
says what it has really counted, and where an event carries that, a meter should read it instead.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from pricing_dsl.plugin import Function

Size = Fraction | int

OPENAI_SQUARE, OPENAI_SHORT_SIDE, OPENAI_TILE = 2048, 768, 512
"""Pixels: the square an image is scaled into, the length of its shorter side then, the side of a tile."""


def openai_image_tokens(width: Size, height: Size) -> int:
    """Tokens of an image in `detail: high` for models that count tiles (GPT-4o, GPT-4.1 and their kind).

    It is scaled into a square of 2048 pixels, then until its shorter side is at most 768, and costs 85 tokens and 170
    for each tile of 512 by 512 that it covers. OpenAI's guide "Images and vision", "Calculating costs". An image in
    `detail: low` costs 85 tokens whatever its size.

    >>> openai_image_tokens(1024, 1024), openai_image_tokens(2048, 4096)
    (765, 1105)
    """
    if width <= 0 or height <= 0:
        return 0
    wide, high = Fraction(width), Fraction(height)
    scale = min(Fraction(1), OPENAI_SQUARE / max(wide, high))
    scale *= min(Fraction(1), OPENAI_SHORT_SIDE / (min(wide, high) * scale))
    return 85 + 170 * ceil(wide * scale / OPENAI_TILE) * ceil(high * scale / OPENAI_TILE)


def claude_image_tokens(width: Size, height: Size) -> int:
    """Tokens of an image for Claude: its pixels divided by 750, rounded up.

    Anthropic's guide "Vision", "Evaluate image size". Holds for the size that the model sees: a larger image is scaled
    down first, and how far depends on the model.

    >>> claude_image_tokens(200, 200), claude_image_tokens(1000, 1000), claude_image_tokens(1092, 1092)
    (54, 1334, 1590)
    """
    return ceil(max(Fraction(width), Fraction(0)) * max(Fraction(height), Fraction(0)) / 750)


def gemini_audio_tokens(seconds: Size) -> Fraction:
    """Tokens of sound for Gemini: 32 a second. Google's guide "Understand and count tokens".

    >>> gemini_audio_tokens(30)
    Fraction(960, 1)
    """
    return 32 * max(Fraction(seconds), Fraction(0))


def gemini_video_tokens(seconds: Size) -> Fraction:
    """Tokens of video for Gemini: 263 a second, its sound included. Google's guide "Understand and count tokens".

    >>> gemini_video_tokens(10)
    Fraction(2630, 1)
    """
    return 263 * max(Fraction(seconds), Fraction(0))


def chars_as_tokens(characters: Size, per_token: Size) -> int:
    """Characters counted as tokens, so many to a token, rounded up: a unit that a contract defines, no estimate.

    >>> chars_as_tokens(401, 4), chars_as_tokens(0, 4)
    (101, 0)
    """
    if per_token <= 0:
        raise ValueError("`chars_as_tokens` needs a number of characters above 0 for a token")
    return ceil(max(Fraction(characters), Fraction(0)) / Fraction(per_token))


FUNCTIONS = (
    Function(
        "openai_image_tokens", "openai_image_tokens(width, height)", ("number", "number"), "number", (None, None),
        openai_image_tokens, "Tokens of an image in high detail, by the tiles that OpenAI documents.", whole=True,
    ),
    Function(
        "claude_image_tokens", "claude_image_tokens(width, height)", ("number", "number"), "number",
        ("increasing", "increasing"), claude_image_tokens,
        "Tokens of an image for Claude, by the formula that Anthropic documents.", whole=True,
    ),
    Function(
        "gemini_audio_tokens", "gemini_audio_tokens(seconds)", ("number",), "number", ("increasing",),
        gemini_audio_tokens, "Tokens of sound for Gemini, 32 a second as Google documents.",
    ),
    Function(
        "gemini_video_tokens", "gemini_video_tokens(seconds)", ("number",), "number", ("increasing",),
        gemini_video_tokens, "Tokens of video for Gemini, 263 a second as Google documents.",
    ),
    Function(
        "chars_as_tokens", "chars_as_tokens(characters, 4)", ("number", "number"), "number",
        ("increasing", "decreasing"), chars_as_tokens,
        "Characters counted as tokens, so many to a token, rounded up.", whole=True,
    ),
)  # fmt: skip
