"""The meters of the LLM platform send each kind of token to the row that prices it.

Single requests whose cost LiteLLM and genai-prices agree on (tests/data) are counted by the meters as written, and
priced by the plan `at_cost`, to the last digit.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import pricing_dsl
from tests.examples.counting import Counter

ROOT = Path(__file__).parents[2]
LLM = ROOT / "examples/llm"
VECTORS = json.loads((ROOT / "tests/data/llm_requests.json").read_text(encoding="utf-8"))
OFF_PEAK = {"deepseek"}
"""Their vectors were costed in off-peak hours, which have a service tier of their own on the list."""
METERED = [v for v in VECTORS if v["service"] in ("standard", "batches") and v["provider"] not in OFF_PEAK]


@pytest.fixture(scope="module")
def program() -> pricing_dsl.Program:
    text = (LLM / "llm_platform.pricing").read_text(encoding="utf-8")
    return pricing_dsl.compile(text, files={"llm_prices.csv": (LLM / "llm_prices.csv").read_bytes()})


@pytest.fixture(scope="module")
def counter(program: pricing_dsl.Program) -> Counter:
    return Counter(program.ir)


def event_of(vector: dict[str, Any]) -> dict[str, str | int]:
    usage = vector["usage"]
    return {
        "type": "llm.completion",
        "status": "ok",
        "service": vector["service"],
        "model": vector["model"],
        "prompt": usage["input_tokens"],
        "read": usage["cache_read_tokens"],
        "write": usage["cache_write_5m_tokens"],
        "write_1h": usage["cache_write_1h_tokens"],
        "answer": usage["output_tokens"],
        "reasoning": usage["reasoning_tokens"],
    }


def test_most_vectors_are_metered() -> None:
    assert len(METERED) > 60


@pytest.mark.parametrize("vector", METERED, ids=lambda vector: f"{vector['id']}-{vector['kind']}")
def test_request(vector: dict[str, Any], program: pricing_dsl.Program, counter: Counter) -> None:
    statement = program.evaluator("at_cost")(counter.usage(event_of(vector)))
    assert statement.unpriced == ()
    assert sum(line.exact for line in statement.lines) == Fraction(vector["expect"]["total"])
