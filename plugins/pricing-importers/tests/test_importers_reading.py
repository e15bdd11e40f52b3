"""What is wrong with a file is said with its place; what nobody reads is listed; names are safe. For all four."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pricing_importers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pricing_importers.reading import Document
from pricing_importers.writing import Names

import pricing_dsl
from pricing_dsl.plugin.testing import verify_importer

SAMPLES = Path(__file__).parent / "samples"
READERS = {
    "stripe": pricing_importers.read_stripe,
    "lago": pricing_importers.read_lago,
    "openmeter": pricing_importers.read_openmeter,
    "orb": pricing_importers.read_orb,
}
NAMES = ("stripe_yen", "lago_plans", "openmeter_plan", "openmeter_phases")
DOCUMENTS: dict[str, Any] = {name: json.loads((SAMPLES / f"{name}.json").read_text()) for name in NAMES}
STRIPE: dict[str, Any] = DOCUMENTS["stripe_yen"]
ORB = {
    "id": "price_1", "name": "Calls", "price_type": "usage_price", "model_type": "unit", "cadence": "monthly",
    "currency": "USD", "billable_metric": {"id": "calls"}, "unit_config": {"unit_amount": "0.5"},
}  # fmt: skip
LAGO = {"name": "P", "code": "p", "interval": "monthly", "amount_cents": 100, "amount_currency": "USD", "charges": []}
CHARGE = {"billable_metric_code": "calls", "charge_model": "standard", "properties": {"amount": "1"}}


def changed(document: Any, **fields: Any) -> bytes:
    return json.dumps({**document, **fields}).encode()


# --- what is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "line 1, column 2: this is no JSON"),
        (b"", "line 1, column 1: this is no JSON"),
        (b"\xff\xfe", "byte 0: the file is no UTF-8 text; save it as UTF-8"),
        (b"[" * 100_000, "the document: it is nested too deeply"),
        (b'{"a": NaN}', "`NaN` is no JSON number"),
        (b'{"a": 1, "a": 2}', "an object has two fields `a`; remove one"),
        (b"[]", "the document: it "),
        (b"3", "the document: it "),
        (b'"x"', "the document: it "),
        (b'{"object": "invoice"}', "the document: it "),
    ],
)
def test_what_is_no_file_of_the_system_is_refused(name: str, data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        READERS[name](data)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("stripe", changed(STRIPE, object="product"), "the document: it is a `product` object of Stripe"),
        ("stripe", changed(STRIPE, currency="yen!"), "/currency: `yen!` is no currency of ISO 4217"),
        ("stripe", changed(STRIPE, id=""), "/id: it is empty"),
        (
            "stripe",
            changed(STRIPE, billing_scheme="auction"),
            "/billing_scheme: `auction` is not known here; known are",
        ),
        ("stripe", changed(STRIPE, unit_amount=None, unit_amount_decimal=None), "it has neither `unit_amount` nor"),
        ("stripe", changed(STRIPE, unit_amount_decimal="501"), "`unit_amount` is 500 and `unit_amount_decimal` is 501"),
        ("stripe", changed(STRIPE, unit_amount=-5, unit_amount_decimal="-5"), "`unit_amount` is negative"),
        ("stripe", changed(STRIPE, unit_amount=None, unit_amount_decimal="1e-999"), "more than 60 digits; round it"),
        (
            "stripe",
            changed(STRIPE, transform_quantity={"divide_by": 0, "round": "up"}),
            "/transform_quantity/divide_by: it is 0, and must be above 0",
        ),
        (
            "stripe",
            changed(STRIPE, billing_scheme="tiered", tiers_mode="volume"),
            "the document: it has no `tiers`; list the price with `expand[]=data.tiers`",
        ),
        (
            "stripe",
            changed(
                STRIPE,
                billing_scheme="tiered",
                tiers_mode="volume",
                tiers=[{"unit_amount": 5, "up_to": 9}, {"unit_amount": 4, "up_to": 7}],
            ),
            "the document: a tier ends at 7, and the one before at 9; let the ends of tiers ascend",
        ),
        ("stripe", changed({}, object="list", data=[]), "the document: the list has no prices"),
        ("lago", changed({}, plans=[]), "the document: `plans` is empty"),
        ("lago", changed(LAGO, interval="daily"), "no plan of it can be said in a program"),
        ("lago", changed(LAGO, charges=[{**CHARGE, "charge_model": "auction"}]), "/charges/0/charge_model: `auction`"),
        ("lago", changed(LAGO, charges=[{"charge_model": "standard"}]), "/charges/0: it has no `billable_metric_code`"),
        ("lago", changed(LAGO, charges=[{**CHARGE, "properties": {}}]), "/charges/0/properties: it has no `amount`"),
        (
            "lago",
            changed(LAGO, charges=[{**CHARGE, "filters": [{"values": {"region": []}, "properties": {"amount": "1"}}]}]),
            "/charges/0/filters/0/values/region: it has no values",
        ),
        ("openmeter", changed({}, key="p"), "it is no plan of OpenMeter: it has no `phases`"),
        ("orb", changed(ORB, model_type="auction"), "/model_type: `auction` is not known here; known are `unit`"),
        ("orb", changed(ORB, unit_config=None), "the document: it has no `unit_config`; give it a `unit_config`"),
        ("orb", changed(ORB, price_type="composite_price"), "/price_type: the price is computed on other prices"),
        ("orb", changed(ORB, currency="credits"), "/currency: `credits` is no currency of ISO 4217"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(name: str, data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        READERS[name](data)


def places(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, each in inner for place in places(each, (*at, key)))]


PLACES = [(name, place) for name in NAMES for place in places(DOCUMENTS[name]) if place]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from([None, 'x"y', "", -1, 0, 1.5, True, [], {}, [1], "1e999"]))
def test_a_spoiled_file_gives_a_program_or_a_sentence(where: tuple[str, tuple[str | int, ...]], value: Any) -> None:
    """Whatever stands anywhere: a program without errors (`read` checks it), or place, what and how to mend it."""
    name, place = where
    document = copy.deepcopy(DOCUMENTS[name])
    inside = document
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    error = refusal(name, document)
    form = r"(/|the document|the program made of it).*: .+; .+"
    assert error is None or (type(error) is ValueError and re.fullmatch(form, str(error), re.DOTALL))


def refusal(name: str, document: Any) -> ValueError | None:
    try:
        READERS[name.split("_")[0]](json.dumps(document).encode())
    except ValueError as error:
        return error
    return None


# --- what nobody reads -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_field_that_nobody_knows_is_listed_wherever_it_stands(name: str) -> None:
    """Each object in turn gets a field of a later version of the vendor's API."""
    known = {each.where for each in READERS[name.split("_")[0]](json.dumps(DOCUMENTS[name]).encode()).lost}
    for place in places(DOCUMENTS[name]):
        document = copy.deepcopy(DOCUMENTS[name])
        inside = document
        for key in place:
            inside = inside[key]
        if not isinstance(inside, dict) or place[-1:] in FREE_KEYS:
            continue
        inside["a/new~field"] = 1
        lost = {each.where for each in READERS[name.split("_")[0]](json.dumps(document).encode()).lost}
        pointer = "".join(f"/{key}" for key in place)
        enclosing = {pointer[: match.start()] for match in re.finditer("/|$", pointer)}
        assert f"{pointer}/a~1new~0field" in lost or enclosing & known, pointer


FREE_KEYS = {("metadata",), ("groupBy",), ("meterGroupByFilters",), ("values",)}
"""Objects whose keys are a company's own words."""


def test_reading_marks_what_is_read() -> None:
    document = Document(b'{"a": {"b": 1, "c": null, "d": [2]}, "id": 7, "e": {"f": 1}}', {"id": "an id"}, {"d": "why"})
    assert document.root.need("a").need("b").whole() == 1
    assert [(each.where, each.why) for each in document.lost()] == [
        ("/a/d", "why"),
        ("/e", "`e` has no counterpart in a program"),
    ]
    assert document.header("it") == ("Made from it.", "Left out, as no part of an amount: `id`.")


def test_numbers_are_exact() -> None:
    """The sum of 0.1 and 0.2 as a float system writes it stays what is written, to the last digit."""
    price = {**ORB, "unit_config": {"unit_amount": 0.0000001}, "discount": None}
    program = pricing_dsl.compile(
        READERS["orb"](json.dumps(price).replace("1e-07", "0.30000000000000004").encode()).program
    )
    statement = program.evaluator("orb_monthly")({"calls": 1})
    assert str(statement.line("price_1").exact * 10**17) == "30000000000000004"


# --- names -----------------------------------------------------------------------------------------------------------

HOSTILE = ["total", "due", "all", "if", "else", "not", "time", "with", "quantity", "USD", "2fa", "a b", "a-b", "é", "_"]


def test_names_that_mean_something_else_or_are_none_still_give_a_program() -> None:
    cards = [
        {"type": "usage_based", "key": key, "name": f'"{key}"\n', "featureKey": key, "billingCadence": "P1M",
         "price": {"type": "unit", "amount": "2"}}
        for key in [*HOSTILE, *HOSTILE]
    ]  # fmt: skip
    plan = {"key": "with", "name": "", "currency": "USD", "billingCadence": "P1M"}
    plan["phases"] = [{"key": "p", "name": "p", "duration": None, "rateCards": cards}]  # type: ignore[assignment]
    program = pricing_dsl.compile(READERS["openmeter"](json.dumps(plan).encode()).program)
    statement = program.evaluator(program.plans[0])({meter.name: 1 for meter in program.ir.meters})
    assert len(statement.lines) == 2 * len(HOSTILE)
    assert statement.total == 4 * len(HOSTILE)


@given(st.lists(st.text(max_size=80), max_size=30))
def test_names_are_identifiers_and_all_different(wanted: list[str]) -> None:
    names = Names()
    given_names = [names.give(each) for each in wanted]
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", each) for each in given_names)
    assert len(set(given_names)) == len(wanted)


# --- as a host sees them ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("importer", pricing_importers.register_importers(), ids=lambda importer: importer.name)
def test_an_importer_keeps_the_laws(importer: pricing_importers.Importer) -> None:
    samples = [
        path.read_bytes() for path in sorted(SAMPLES.glob(f"{importer.name}_*.json")) if "figures" not in path.name
    ]
    assert samples
    assert verify_importer(importer, samples) == ()
