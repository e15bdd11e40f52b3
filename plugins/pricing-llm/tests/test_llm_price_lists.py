"""Price lists as programs: requests cost what the lists' own libraries say, down to the last digit.

`samples/NAME.json` holds entries of a public list as its project publishes them, `samples/NAME.figures.json` requests
and their amounts, computed by that project's own library (named in `source`), and the places that an import loses.
Requests go through the meter of the imported program, so that what is counted is tested with what it costs.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pricing_llm
import pytest

import pricing_dsl
from pricing_dsl.evaluate.measure import measure_event

SAMPLES = Path(__file__).parent / "samples"
READERS = {"litellm_models": pricing_llm.read_litellm, "genai_providers": pricing_llm.read_genai_prices}
FIGURES = {name: json.loads((SAMPLES / f"{name}.figures.json").read_text()) for name in READERS}
REQUESTS = [
    pytest.param(name, figure, id=f"{name}-{number}-{figure['request']['model']}")
    for name in READERS
    for number, figure in enumerate(FIGURES[name]["figures"])
]


def program_of(name: str) -> pricing_dsl.Program:
    imported = READERS[name]((SAMPLES / f"{name}.json").read_bytes())
    return pricing_dsl.compile(imported.program, files=dict(imported.files))


def cells_of(program: pricing_dsl.Program, event: dict[str, Any]) -> list[dict[str, Any]]:
    """What one request gives the meter of tokens."""
    meter = next(each for each in program.ir.meters if each.name == "tokens")
    names = meter.dimensions
    return [
        {**dict(zip(names, keys, strict=True)), "quantity": value}
        for keys, value in measure_event(program.ir, meter, event)
        if value
    ]


@pytest.mark.parametrize(("name", "figure"), REQUESTS)
def test_a_request_costs_what_the_library_of_the_list_says(name: str, figure: dict[str, Any]) -> None:
    program = program_of(name)
    statement = program.evaluator("at_cost")({"tokens": cells_of(program, figure["request"])})
    assert statement.line("tokens").exact == Fraction(Decimal(figure["amount"]))
    assert statement.unpriced == ()


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_token_is_priced_in_its_own_unit(name: str) -> None:
    for figure in FIGURES[name]["others"]:
        statement = program_of(name).evaluator("at_cost")(figure["usage"])
        assert statement.line(figure["line"]).exact == Fraction(Decimal(figure["amount"]))


@pytest.mark.parametrize("name", READERS)
def test_what_is_lost_is_listed(name: str) -> None:
    lost = READERS[name]((SAMPLES / f"{name}.json").read_bytes()).lost
    assert [each.where for each in lost] == FIGURES[name]["lost"]
    assert all(each.why for each in lost)


def test_a_model_that_is_on_no_list_is_unpriced_and_never_free() -> None:
    program = program_of("litellm_models")
    cells = cells_of(program, {"model": "our-own-7b", "prompt": 10, "answer": 1})
    statement = program.evaluator("at_cost")({"tokens": cells})
    assert statement.total == 0
    assert len(statement.unpriced) == 2


def test_a_float_of_the_list_is_read_as_the_decimal_that_it_is_written_as() -> None:
    imported = pricing_llm.read_litellm(b'{"m": {"input_cost_per_token": 0.000015000020000000002}}')
    assert '"m"   | 15.000020000000002' in imported.program


def test_a_long_list_becomes_a_file_with_the_same_amounts() -> None:
    price = '{"input_cost_per_token": 1e-06, "input_cost_per_token_above_200k_tokens": 2e-06}'
    many = ",".join(f'"m{number}": {price}' for number in range(100))
    imported = pricing_llm.read_litellm(f"{{{many}}}".encode())
    assert [name for name, _ in imported.files] == ["litellm_list.csv"]
    program = pricing_dsl.compile(imported.program, files=dict(imported.files))
    for prompt, amount in ((200_000, "0.2"), (200_001, "0.400002")):
        cells = cells_of(program, {"model": "m7", "prompt": prompt})
        statement = program.evaluator("at_cost")({"tokens": cells})
        assert statement.line("tokens").exact == Fraction(amount)


def test_the_first_rule_that_matches_a_name_takes_it() -> None:
    """As genai-prices looks models up: in order, whatever stands behind."""
    models = [
        {"id": "a", "match": {"starts_with": "gpt-4"}, "prices": {"input_mtok": 1}},
        {"id": "b", "match": {"or": [{"equals": "gpt-4-x"}, {"equals": "o3"}]}, "prices": {"input_mtok": 2}},
    ]
    imported = pricing_llm.read_genai_prices(json.dumps([{"id": "p", "models": models}]).encode())
    assert [each.where for each in imported.lost] == ["/0/models/1/match"]
    program = pricing_dsl.compile(imported.program)
    for model, amount in (("gpt-4-x", 1), ("o3", 2), ("b", 2)):
        cells = cells_of(program, {"provider": "p", "model": model, "prompt": 1_000_000})
        assert program.evaluator("at_cost")({"tokens": cells}).line("tokens").exact == amount


@pytest.mark.parametrize(
    ("reader", "data", "message"),
    [
        ("litellm_models", b"{", "line 1, column 2: this is no JSON"),
        ("litellm_models", b"[]", "the document: it is no object; give LiteLLM's"),
        ("litellm_models", b"{}", "the document: it has no prices"),
        ("litellm_models", b'{"m": 3}', "/m: it is no object"),
        ("litellm_models", b'{"m": {"input_cost_per_token": "x"}}', "/m/input_cost_per_token: `x` is no number"),
        ("litellm_models", b'{"m": {"input_cost_per_token": true}}', "/m/input_cost_per_token: it is no number"),
        ("litellm_models", b'{"m": {"input_cost_per_token": -1}}', "the price -1 is negative"),
        ("litellm_models", b'{"m": {"input_cost_per_token": 1e-99999}}', "is no number of at most 60 digits"),
        ("litellm_models", b'{"m": {"input_cost_per_token": NaN}}', "`NaN` is no JSON number"),
        ("litellm_models", b"\xff", "byte 0: the file is no UTF-8 text"),
        ("litellm_models", b"[" * 100_000, "nested too deeply"),
        ("genai_providers", b"{}", "the document: it is no list; give `prices/data.json`"),
        ("genai_providers", b"[{}]", "/0/id: it is no text; give the provider an `id`"),
        ("genai_providers", b'[{"id": "p"}]', "/0/models: it is no list"),
        ("genai_providers", b'[{"id": "p", "models": [{}]}]', "/0/models/0/id: it is no text"),
        (
            "genai_providers",
            b'[{"id": "p", "models": [{"id": "m", "prices": {"input_mtok": {"base": 1}}}]}]',
            "/0/models/0/prices/input_mtok/tiers: it is no list",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(reader: str, data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        READERS[reader](data)
