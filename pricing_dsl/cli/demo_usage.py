"""A month of usage for the demo: four customers of an LLM platform, the same on every machine and version.

Requests are made one by one from a linear congruential generator on integers: a day's number of requests, each
request's prompt, its cached share and its answer. They are counted as the meters of `llm_platform.pricing` count them:
cached tokens leave `input`, and a prompt above the model's long-context limit moves the whole request to that context.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

DAYS = 30
REQUESTS_PER_DRAW = 40
"""Each drawn request stands for so many alike: a month is made in a moment."""


class Traffic(NamedTuple):
    """One stream of requests: `draws` a day, prompts up to `prompt` tokens, `cached` percent of them, answers up to
    `answer` tokens. A prompt above `limit` is a long-context request of that tier."""

    model: str
    draws: int
    prompt: int
    cached: int
    answer: int
    limit: int | None = None
    batch: bool = False


class Customer(NamedTuple):
    """Who it is, the plan, and what a day looks like."""

    name: str
    plan: str
    story: str
    traffic: tuple[Traffic, ...]
    searches: int


CUSTOMERS = (
    Customer(
        "Paper Lantern",
        "start",
        "a start-up with one feature on a small model",
        (Traffic("gpt-5-mini", 60, 9_000, 0, 900),),
        searches=35,
    ),
    Customer(
        "Harbour Desk",
        "growth",
        "a scale-up; long system prompts are cached",
        (Traffic("gpt-5", 75, 30_000, 70, 1_600), Traffic("claude-sonnet-4-5", 20, 24_000, 60, 2_000)),
        searches=140,
    ),
    Customer(
        "Atlas Underwriting",
        "enterprise",
        "an enterprise: cached chats, nightly batches, whole files as prompts",
        (
            Traffic("gpt-5", 350, 60_000, 80, 2_400),
            Traffic("gemini-2.5-pro", 45, 420_000, 25, 3_000, limit=200_000),
            Traffic("claude-sonnet-4-5", 280, 70_000, 0, 4_000, batch=True),
        ),
        searches=5_200,
    ),
    Customer(
        "Quill",
        "start",
        "brings a model of its own that is on no list",
        (Traffic("gpt-4.1-nano", 40, 12_000, 50, 700), Traffic("quill-7b", 15, 8_000, 0, 500)),
        searches=0,
    ),
)


@dataclass
class Generator:
    """`x -> (6364136223846793005 x + 1442695040888963407) mod 2^64`; the upper half is handed out."""

    state: int

    def below(self, bound: int) -> int:
        """The next whole number in `[0, bound)`."""
        self.state = (6364136223846793005 * self.state + 1442695040888963407) % 2**64
        return (self.state >> 32) * bound >> 32


Cells = dict[str, list[dict[str, str]]]


def requests(customer: Customer) -> int:
    """How many requests the month has."""
    return DAYS * REQUESTS_PER_DRAW * sum(traffic.draws for traffic in customer.traffic)


def usage(customer: Customer) -> dict[str, object]:
    """The month of one customer, as `pricing preview --usage` takes it: cells of tokens, and a number of searches."""
    generator = Generator(sum(map(ord, customer.name)))
    sums: dict[tuple[str, str, str, str], int] = {}
    for traffic in customer.traffic:
        for _ in range(DAYS * traffic.draws):
            for key, tokens in count(traffic, generator):
                sums[key] = sums.get(key, 0) + tokens * REQUESTS_PER_DRAW
    cells: Cells = {}
    for (meter, model, token_type, context), tokens in sorted(sums.items()):
        cell = {"quantity": str(tokens), "model": model, "token_type": token_type, "context": context}
        cells.setdefault(meter, []).append(cell)
    return {**cells, "searches": str(customer.searches * DAYS)}


def count(traffic: Traffic, generator: Generator) -> Iterator[tuple[tuple[str, str, str, str], int]]:
    """One request, counted: (meter, model, token_type, context) and its tokens."""
    prompt = 200 + generator.below(traffic.prompt)
    cached = prompt * generator.below(traffic.cached + 1) // 100
    answer = 20 + generator.below(traffic.answer)
    long = traffic.limit is not None and prompt > traffic.limit
    context = str(traffic.limit) if long else "base"
    meter, tier = ("batch_tokens", "@batches") if traffic.batch else ("tokens", "")
    for kind, tokens in (("input", prompt - cached), ("cache_read", cached), ("output", answer)):
        if tokens:
            yield (meter, traffic.model, kind + tier, context), tokens
