"""The OpenAPI document: valid, whole, and the same as what the hot path's structs take."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import examples
from api.app import document, routes
from api.previews.schemas import BatchStruct, IncrementStruct, PreviewStruct
from api.schemas import ALWAYS
from api.settings import ServerSettings
from api.state import State
from runtime.store.database import Database
from tests.api.setting import Tenant

EXAMPLES = 20_000 if os.environ.get("FUZZ") else 400
DIALECT = "https://json-schema.org/draft/2020-12/schema"
STRUCTS = {"Preview": PreviewStruct, "Increment": IncrementStruct, "Batch": BatchStruct}


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    return document(routes(State(ServerSettings(), Database.open("sqlite://"))))


def operations(openapi: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]


def every_schema(value: Any) -> list[dict[str, Any]]:
    """All objects under `schema` and `schemas`, and what is inside them."""
    match value:
        case dict():
            return [value, *(found for each in value.values() for found in every_schema(each))]
        case list():
            return [found for each in value for found in every_schema(each)]
        case _:
            return []


def test_every_operation_is_described(openapi: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(openapi)]
    assert len(set(ids)) == len(ids)
    for name, operation in operations(openapi):
        assert len(operation["description"]) > 10, name
        assert operation["tags"], name
        if operation["security"]:
            missing = {str(status) for status in ALWAYS} - operation["responses"].keys()
            assert not missing, (name, missing)
        for status, response in operation["responses"].items():
            assert response["description"] not in ("", "Successful Response") or status.startswith("2"), (name, status)
            if status[0] in "45":
                assert list(response["content"]) == ["application/problem+json"], (name, status)


def test_schemas_are_schemas(openapi: dict[str, Any]) -> None:
    for name, schema in openapi["components"]["schemas"].items():
        jsonschema_rs.meta.validate({**schema, "$schema": DIALECT})
        assert "HTTPValidationError" not in name
    for each in every_schema(openapi["paths"]):
        if "schema" in each:
            jsonschema_rs.meta.validate({**each["schema"], "$schema": DIALECT})


def test_references_lead_somewhere(openapi: dict[str, Any]) -> None:
    found = {each["$ref"] for each in every_schema(openapi) if isinstance(each.get("$ref"), str)}
    there = {f"#/components/schemas/{name}" for name in openapi["components"]["schemas"]}
    assert found <= there
    assert there - found == set()


def test_examples_are_valid(openapi: dict[str, Any]) -> None:
    count = 0
    for each in every_schema(openapi):
        examples = each.get("examples", [])
        if "type" in each and isinstance(examples, list):
            for example in examples:
                validator(openapi, each).validate(example)
                count += 1
    assert count >= 10


def test_bodies_have_examples(openapi: dict[str, Any]) -> None:
    """Whoever reads the document sees what to send."""
    for name, operation in operations(openapi):
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            if kind == "application/json":
                assert content.get("example") is not None, name
                validator(openapi, content["schema"]).validate(content["example"])


def test_examples_succeed(openapi: dict[str, Any], tenant: Tenant) -> None:
    """In their order, as a newcomer tries them."""
    paths = {operation["operationId"]: name.split(" ") for name, operation in operations(openapi)}
    for operation_id, body in examples.BODIES.items():
        method, path = paths[operation_id]
        path = path.format(name="api", key_id=tenant.key(["author"]).partition(".")[0])
        answer = tenant.call(method, path, json=body)
        assert answer.is_success, answer.text
        if operation_id == "previewBatch":
            assert [each["status"] for each in answer.json()["results"]] == [200, 200]


# --- the hot path takes what the document says -----------------------------------------------------------------------


def validator(openapi: dict[str, Any], schema: dict[str, Any]) -> Any:
    """A validator whose references are those of the document."""
    return jsonschema_rs.Draft202012Validator({**schema, "components": openapi["components"]})


TEXTS = st.one_of(
    st.sampled_from(
        ["", "acme", "cus_1", "a\n", "a\0", "stored", "both", "2026-03-01", "x" * 40, "x" * 41, "y" * 200, "z" * 201]
    ),
    st.text(max_size=8),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,5}\n?", fullmatch=True),
)
FRACTIONS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: number != int(number))
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2**33), st.sampled_from([0, 1, 2_147_483_647, 2_147_483_648, 10**30]),
    FRACTIONS, TEXTS,
)  # fmt: skip
QUANTITIES = st.one_of(st.integers(0, 10**12), st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,2})?", fullmatch=True))
CELLS = st.lists(st.fixed_dictionaries({"quantity": QUANTITIES}, optional={"model": TEXTS}), max_size=3)
USAGE = st.dictionaries(TEXTS, st.one_of(QUANTITIES, CELLS), max_size=3)
PERIOD = st.fixed_dictionaries({"from": TEXTS, "to": TEXTS})
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "customer": TEXTS,
    "contract": TEXTS,
    "program": st.fixed_dictionaries({"name": TEXTS}, optional={"version": SCALARS}),
    "inline": st.fixed_dictionaries({"source": TEXTS}, optional={"files": st.dictionaries(TEXTS, TEXTS, max_size=17)}),
    "on": TEXTS,
    "period": PERIOD,
    "usage": USAGE,
    "usage_from": st.sampled_from(["stored", "supplied", "both", "all"]),
    "balances": st.dictionaries(TEXTS, SCALARS, max_size=2),
    "counters": st.none(),
    "explain": st.booleans(),
    "add": USAGE,
}


@st.composite
def bodies(draw: st.DrawFn, kind: str) -> Any:
    """Mostly valid, with a field left out, made up, or of another kind now and then."""
    if kind == "Batch":
        made: Any = {"previews": draw(st.lists(bodies("Preview"), max_size=3))}
    else:
        mine = [name for name in FIELDS if name != ("add" if kind == "Preview" else "explain")]
        names = draw(st.lists(st.sampled_from(mine), unique=True, max_size=5))
        made = {name: draw(FIELDS[name]) for name in names}
        if kind == "Increment" and draw(st.integers(0, 9)):
            made["add"] = draw(USAGE)
    if not draw(st.integers(0, 4)):
        made = spoilt(draw, made)
    return made


def spoilt(draw: st.DrawFn, value: Any) -> Any:
    """A value with something else in one place of it."""
    if isinstance(value, dict) and draw(st.integers(0, 3)):
        name = draw(st.sampled_from([*value, "made_up"]))
        return {**value, name: spoilt(draw, value[name]) if name in value else draw(SCALARS)}
    return draw(st.one_of(SCALARS, st.just([]), st.just({}), st.just({"from": "a"}), st.just([{"from": 1}])))


def taken(kind: str, body: bytes) -> bool:
    try:
        msgspec.json.Decoder(STRUCTS[kind], float_hook=Decimal).decode(body)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize("kind", STRUCTS)
def test_structs_take_what_the_document_says(openapi: dict[str, Any], kind: str) -> None:
    """Both ways, but for the inside of usage, which the document says and the evaluator checks."""
    schema = json.loads(json.dumps(openapi["components"]))
    for name in ("Preview", "Increment"):
        for field in ("usage", "add"):
            schema["schemas"][name]["properties"].pop(field, None)
            if field == "usage" or name == "Increment":
                schema["schemas"][name]["properties"][field] = {}
    check = validator({"components": schema}, {"$ref": f"#/components/schemas/{kind}"})
    seen = {True: 0, False: 0}

    @settings(
        max_examples=EXAMPLES, derandomize="FUZZ" not in os.environ, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(bodies(kind))
    def law(body: Any) -> None:
        valid = check.is_valid(body)
        seen[valid] += 1
        assert taken(kind, json.dumps(body).encode()) == valid, body

    law()
    assert min(seen.values()) > EXAMPLES / 10
