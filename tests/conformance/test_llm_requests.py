"""Single requests to language models, priced to the last digit from 12,717 list prices.

The program is two charges on one rate table read from data. What the catalogue leaves to its reader, namely under
which of its rows a token is priced, is `cells_of` below; in production an ingest step of the gateway does that.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import pricing_dsl
from pricing_dsl.evaluate.evaluator import Evaluator

ROOT = Path(__file__).parents[2]
PRICES = ROOT / "examples" / "llm" / "llm_prices.csv"
VECTORS = json.loads((ROOT / "tests" / "data" / "llm_requests.json").read_text())
VECTOR_COUNT = 78

PROGRAM = """
currency USD

unit token | tokens

meter tokens "Tokens" {
  from "llm.tokens"
  measure sum(tokens)
  unit token
  by provider, model, token_type, prompt_above     # prompt_above: the tier a request is in, empty for the base price
}

rates list per 1 token by provider, model, token_type, prompt_above from "llm_prices.csv" {
  price: unit_price_usd
  prompt_above: tier_above_tokens
}

plan requests {
  charge prompt     on tokens { where token_type like "input*" or token_type like "cache_*"      price list }
  charge completion on tokens { where token_type like "output*" or token_type like "reasoning*"  price list }
}
"""

PRICED_AS = {
    "input": ("input",),
    "cache_read": ("cache_read", "input"),
    "cache_write": ("cache_write", "input"),
    "cache_write_1h": ("cache_write_1h", "cache_write", "input"),
    "output": ("output",),
    "reasoning": ("reasoning", "output"),
}
"""The rows a kind of token may be priced by: the first that its model has."""

TIER_INCLUDES_ITS_BOUND = {"xai"}
"""Providers for whom a prompt of exactly the tier's size is already in it."""

OFF_PEAK_WHEN_ASKED = {"deepseek"}
"""Providers whose requests were costed in their off-peak hours; the vectors do not carry the hour."""


class Row(NamedTuple):
    """The key of one price."""

    token_type: str
    prompt_above: str


def rows_by_model() -> dict[tuple[str, str], set[Row]]:
    rows: dict[tuple[str, str], set[Row]] = defaultdict(set)
    with PRICES.open(newline="") as file:
        for record in csv.DictReader(file):
            rows[record["provider"], record["model"]].add(Row(record["token_type"], record["tier_above_tokens"]))
    return rows


def cells_of(vector: dict[str, Any], rows: set[Row]) -> list[dict[str, str | int]]:
    """The usage of one request, each kind of token under the row that prices it.

    Cached and written tokens are part of the prompt and come off the input; reasoning is part of the output. A prompt
    above a tier's bound puts the whole request into that tier. A service tier (`@batches`) has rows of its own, and
    where the prompt's tier lacks them the standard rows of that tier count.
    """
    usage, provider, service = vector["usage"], vector["provider"], vector["service"]
    tokens = {
        "cache_read": usage["cache_read_tokens"],
        "cache_write": usage["cache_write_5m_tokens"],
        "cache_write_1h": usage["cache_write_1h_tokens"],
        "reasoning": usage["reasoning_tokens"],
    }
    tokens["input"] = usage["input_tokens"] - tokens["cache_read"] - tokens["cache_write"] - tokens["cache_write_1h"]
    tokens["output"] = usage["output_tokens"] - tokens["reasoning"]
    exceeds = 1 if provider in TIER_INCLUDES_ITS_BOUND else 0
    bounds = sorted({int(row.prompt_above) for row in rows if row.prompt_above})
    entered = [str(bound) for bound in bounds if usage["input_tokens"] + exceeds > bound]
    prompt_above = entered[-1] if entered else ""
    if provider in OFF_PEAK_WHEN_ASKED and service == "standard":
        service = "off_peak"
    services = ("",) if service == "standard" else (f"@{service}", "")
    cells: list[dict[str, str | int]] = []
    for kind, quantity in tokens.items():
        row = next(
            (
                row
                for name in PRICED_AS[kind]
                for suffix in services
                if (row := Row(name + suffix, prompt_above)) in rows
            ),
            Row(kind, prompt_above),
        )
        cells.append(
            {
                "quantity": quantity,
                "provider": provider,
                "model": vector["model"],
                "token_type": row.token_type,
                "prompt_above": row.prompt_above,
            }
        )
    return cells


@pytest.fixture(scope="module")
def evaluator() -> Evaluator:
    files = {"llm_prices.csv": PRICES.read_bytes()}
    return pricing_dsl.compile(PROGRAM, name="requests.pricing", files=files).evaluator("requests")


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str], set[Row]]:
    return rows_by_model()


def test_all_requests_are_there() -> None:
    assert len(VECTORS) == VECTOR_COUNT


@pytest.mark.parametrize("vector", [pytest.param(vector, id=f"{vector['id']}-{vector['kind']}") for vector in VECTORS])
def test_request(vector: dict[str, Any], evaluator: Evaluator, rows: dict[tuple[str, str], set[Row]]) -> None:
    usage = {"tokens": cells_of(vector, rows[vector["provider"], vector["model"]])}
    for evaluate in (evaluator, evaluator.explain):
        statement = evaluate(usage)
        assert not statement.unpriced
        prompt, completion = statement.line("prompt").exact, statement.line("completion").exact
        assert prompt == Fraction(vector["expect"]["input"])
        assert completion == Fraction(vector["expect"]["output"])
        assert prompt + completion == Fraction(vector["expect"]["total"])
