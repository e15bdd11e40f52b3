"""Statements as FOCUS: rows by hand, FOCUS's own demands on every export, and costs that add up to what is due."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pricing_focus
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pricing_focus import EXPORTER, write
from pricing_focus import FACTS as FACTS_KNOWN
from pricing_focus.columns import COLUMNS

import pricing_dsl
from pricing_dsl.plugin.testing import assert_plugin, verify_exporter

Row = Mapping[str, str]
Problems = Callable[[Sequence[Row], Sequence[str]], list[str]]
Json = dict[str, Any]

README = Path(pricing_focus.__file__).parents[2] / "README.md"
FACTS = {
    "provider": "Acme", "service": "Acme LLM", "service_category": "AI and Machine Learning",
    "billing_account": "cus_1", "commits": "annual, direct", "credits": "trial, free",
}  # fmt: skip

PROGRAM = """
currency USD
unit token | tokens
meter tokens { from "llm.completion"  measure sum(n)  unit token  by model }
meter seats { from "seat.changed"  measure max(n)  carried }

plan p {
  fee platform "Platform" 100
  charge tokens "Tokens" on tokens { price 2 per 1k  show by model }
  charge seats "Seats" on seats { price 10 }
  discount 10% on tokens as loyal
}
contract acme {
  plan p  term 2026-01-01 to 2028-01-01
  commit annual 300 prepaid yearly { covers tokens  funded times 0.9  overage times 1.1  invoiced 200 }
  credit trial 20 { covers seats }
  credit free 10_000 tokens { covers tokens }
}
contract cut {
  plan p  term 2026-01-01 to 2026-04-01
  from 2026-01-16 { override seats { times 0.5 } }
  commit direct 60 prepaid { covers seats, platform  valid 2026-01-01 to 2026-01-25 }
}
contract small {
  plan p  term 2026-01-01 to 2026-02-01
  minimum 500 as floor
  discount 10% as rebate
  commit direct 600 prepaid { not invoiced }
  commit low 700 postpaid
}
contract packs {
  plan p  term 2026-01-01 to 2026-04-01
  commit pack 1_000_000 tokens prepaid { covers tokens  invoiced 1_500 }
}
"""
JANUARY = ("2026-01-01", "2026-02-01")
TOKENS = [{"quantity": "400000", "model": "a"}, {"quantity": "10000", "model": "b"}]


def statement(target: str, usage: Any, period: tuple[str, str] = JANUARY, **state: Any) -> Json:
    program = pricing_dsl.compile(PROGRAM)
    made: Json = program.evaluator(target)(usage, period=period, **state).to_dict()
    return made


def exported(statements: Sequence[Json], **options: str) -> list[Row]:
    text = write(statements, "csv", {**FACTS, **options}).decode()
    return list(csv.DictReader(io.StringIO(text)))


def some(rows: Sequence[Row], *columns: str) -> list[tuple[str, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


# --- rows by hand ---


def test_a_plan_is_a_row_for_each_line(problems: Problems) -> None:
    rows = exported([statement("p", {"tokens": TOKENS, "seats": 3})])
    assert problems(rows, list(rows[0])) == []
    assert some(rows, "SkuId", "ChargeCategory", "BilledCost", "EffectiveCost", "ContractedCost", "PricingQuantity",
                "PricingUnit", "ConsumedQuantity") == [
        ("platform", "Purchase", "100", "100", "100", "1", "period", ""),
        ("tokens", "Usage", "738", "738", "820", "410000", "token", "410000"),
        ("seats", "Usage", "30", "30", "30", "3", "seats", "3"),
    ]  # fmt: skip
    assert rows[1]["x_Parts"] == '{"model=a": "800.00", "model=b": "20.00"}'
    assert some(rows[:1], "BillingPeriodStart", "BillingPeriodEnd", "ProviderName", "PublisherName", "ServiceName") == [
        ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "Acme", "Acme", "Acme LLM")
    ]


def test_what_a_commit_pays_is_billed_by_its_purchase(problems: Problems) -> None:
    """Net 720, of which 300 pay 333.33 at 0.9; the other 386.67 at 1.1 are 425.33 (rule 29)."""
    rows = exported([statement("acme", {"tokens": TOKENS, "seats": 3})])
    assert problems(rows, list(rows[0])) == []
    assert some(rows, "x_Item", "ChargeCategory", "BilledCost", "EffectiveCost", "CommitmentDiscountName",
                "CommitmentDiscountStatus", "CommitmentDiscountQuantity") == [
        ("platform", "Purchase", "100", "100", "", "", ""),
        ("tokens", "Usage", "425.33", "425.33", "", "", ""),
        ("tokens", "Usage", "0", "300", "annual", "Used", "300"),
        ("seats", "Usage", "30", "30", "", "", ""),
        ("trial", "Credit", "-20", "-20", "", "", ""),
        ("annual", "Purchase", "200", "0", "annual", "", "300"),
    ]  # fmt: skip
    quantities = [Decimal(row["PricingQuantity"]) for row in rows if row["x_Item"] == "tokens"]
    contracted = [Decimal(row["ContractedCost"]) for row in rows if row["x_Item"] == "tokens"]
    assert sum(quantities) == 410_000
    assert sum(contracted) == 800
    assert quantities[1] / 410_000 == pytest.approx(Decimal(300) / Decimal("725.33"), abs=Decimal("1e-18"))


def test_draws_lie_in_their_segments_and_what_expires_is_unused(problems: Problems) -> None:
    usage = [
        {"from": "2026-01-01", "to": "2026-01-16", "usage": {"seats": 2}},
        {"from": "2026-01-16", "to": "2026-01-25", "usage": {"seats": 2}},
        {"from": "2026-01-25", "to": "2026-02-01", "usage": {"seats": 2}},
    ]
    rows = exported([statement("cut", usage)])
    assert problems(rows, list(rows[0])) == []
    covered = [row for row in rows if row["CommitmentDiscountStatus"] == "Used"]
    assert {(row["ChargePeriodStart"], row["ChargePeriodEnd"]) for row in covered} <= {
        ("2026-01-01T00:00:00Z", "2026-01-16T00:00:00Z"),
        ("2026-01-16T00:00:00Z", "2026-01-25T00:00:00Z"),
    }
    assert {row["x_Item"] for row in covered} == {"platform", "seats"}
    late = statement("cut", [{**usage[0], "usage": {}}, {**usage[1], "usage": {}}, {**usage[2], "usage": {}}])
    late["lines"], late["draws"], late["due"] = [], [], "60.00"  # nothing used at all: the whole commit expires
    late["balances"]["direct"].update(drawn="0.00", expired="60.00")
    rows = exported([late])
    assert problems(rows, list(rows[0])) == []
    assert some(rows, "ChargeCategory", "CommitmentDiscountStatus", "BilledCost", "EffectiveCost") == [
        ("Purchase", "", "60", "0"),
        ("Usage", "Unused", "0", "60"),
    ]


def test_top_ups_are_adjustments_and_discounts_lower_them(problems: Problems) -> None:
    """Lines 130, topped up to 500; 10% off leaves 117 and 333; the true-up brings 450 to 700."""
    rows = exported([statement("small", {"seats": 3})])
    assert problems(rows, list(rows[0])) == []
    assert some(rows, "x_Item", "ChargeCategory", "BilledCost", "EffectiveCost", "ChargeDescription") == [
        ("platform", "Usage", "0", "90", "Platform, paid by direct"),
        ("tokens", "Usage", "0", "0", "Tokens"),
        ("seats", "Usage", "0", "27", "Seats, paid by direct"),
        ("floor", "Adjustment", "0", "333", "Minimum floor, paid by direct"),
        ("low", "Adjustment", "250", "250", "True-up low"),
        ("direct", "Usage", "0", "150", "Commit direct, expired unused"),
    ]


def test_units_that_were_bought_are_a_purchase_and_no_commitment(problems: Problems) -> None:
    rows = exported([statement("packs", {"tokens": TOKENS})])
    assert problems(rows, list(rows[0])) == []
    assert some(rows[-1:], "x_Item", "ChargeCategory", "BilledCost", "EffectiveCost", "CommitmentDiscountId") == [
        ("pack", "Purchase", "1500", "1500", "")
    ]
    assert some(rows, "x_Item", "BilledCost")[1] == ("tokens", "0")


def test_a_correction_says_so(problems: Problems) -> None:
    document = statement("p", {"seats": 3})
    document["adjustments"].append({"id": "march", "kind": "correction", "amount": "-7.50", "lines": {}})
    document["due"] = document["total"] = "122.50"
    rows = exported([document])
    assert problems(rows, list(rows[0])) == []
    assert some(rows[-1:], "ChargeCategory", "ChargeClass", "BilledCost") == [("Adjustment", "Correction", "-7.5")]


def test_dates_are_midnights_in_the_plans_time_zone() -> None:
    """The zone that the statement says; a statement of elsewhere that says none is told it by the option."""
    document = statement("p", {"seats": 3}, ("2026-03-01", "2026-04-01"))
    of_paris = {**document, "timezone": "Europe/Paris"}
    of_nowhere = {name: value for name, value in document.items() if name != "timezone"}
    for rows in (exported([of_paris]), exported([of_nowhere], timezone="Europe/Paris")):
        ends = (rows[0]["BillingPeriodStart"], rows[0]["BillingPeriodEnd"])
        assert ends == ("2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z")
    (row, *_) = exported([document], timezone="Europe/Paris")
    assert row["BillingPeriodStart"] == "2026-03-01T00:00:00Z"


def test_facts_come_from_the_statement_first_and_may_be_of_one_line() -> None:
    document = {**statement("p", {"seats": 3}), "customer": "cus_9", "provider": "Initech", "tags": {"team": "ml"}}
    options = {**FACTS, "service.seats": "Acme Desk", "service_category.seats": "Business Applications"}
    del options["billing_account"]
    rows = list(csv.DictReader(io.StringIO(write([document], "csv", options).decode())))
    assert {(row["BillingAccountId"], row["ProviderName"], row["Tags"]) for row in rows} == {
        ("cus_9", "Initech", '{"team": "ml"}')
    }
    assert some(rows, "ServiceName", "ServiceCategory")[-1] == ("Acme Desk", "Business Applications")


# --- both files ---


def test_parquet_and_csv_say_the_same() -> None:
    documents = [statement("acme", {"tokens": TOKENS, "seats": 3}), statement("small", {"seats": "2.5"})]
    table = pq.read_table(io.BytesIO(write(documents, "parquet", FACTS)))
    assert table.schema.metadata[b"focus_version"] == b"1.2"
    types = {"text": pa.string(), "decimal": pa.decimal128(38, 18), "time": pa.timestamp("us", tz="UTC")}
    assert [(field.name, field.type) for field in table.schema] == [(c.name, types[c.type]) for c in COLUMNS]
    rows = exported(documents)
    assert len(rows) == table.num_rows
    for row, cells in zip(rows, table.to_pylist(), strict=True):
        for column in COLUMNS:
            cell, text = cells[column.name], row[column.name]
            if column.type == "decimal":
                assert cell == (Decimal(text) if text else None)
            elif column.type == "time":
                assert f"{cell:%Y-%m-%dT%H:%M:%SZ}" == text
            else:
                assert (cell or "") == text


def test_no_statements_are_a_file_with_columns_only() -> None:
    assert write([], "csv", FACTS).decode().strip().split(",") == [column.name for column in COLUMNS]
    assert pq.read_table(io.BytesIO(write([], "parquet", FACTS))).num_rows == 0


def test_a_quantity_that_is_no_decimal_is_rounded_at_18_digits() -> None:
    document = statement("p", {"seats": 3})
    document["lines"][2]["quantity"] = "2/3"
    assert exported([document])[2]["PricingQuantity"] == "0.666666666666666667"


# --- what cannot be exported ---


@pytest.mark.parametrize("missing", ["provider", "service", "service_category", "billing_account"])
def test_what_focus_requires_must_be_given(missing: str) -> None:
    options = {name: value for name, value in FACTS.items() if name != missing}
    with pytest.raises(ValueError, match=f"the statement of `p` from 2026-01-01 .* give `{missing}` to the export"):
        write([statement("p", {"seats": 3})], "csv", options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"service_category": "LLM"}, "`LLM` is no `ServiceCategory` of FOCUS"),
        ({"servise": "x"}, "knows no option `servise`"),
        ({"timezone": "Mars/Olympus"}, "there is no time zone `Mars/Olympus`"),
        ({"credits": ""}, "does not say whether the balance `trial` was bought or given"),
    ],
)
def test_options_that_cannot_be_right(options: Mapping[str, str], message: str) -> None:
    document = statement("acme", {"tokens": TOKENS, "seats": 3})
    del document["timezone"], document["balances"]["trial"]["kind"]  # as statements of elsewhere may be
    with pytest.raises(ValueError, match=message):
        exported([document], **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"period": None}, "has no period"),
        ({"unpriced": [{"line": "tokens"}]}, "has unpriced usage"),
        ({"assumed": ["balance annual"]}, "its opening state was assumed"),
        ({"due": "1.00"}, "does not add up: its rows are 130.00, due is 1.00"),
        ({"tags": {"a": {"b": 1}}}, "has `tags` that are no mapping"),
        ({"customer": 7, "invoice": 7}, "has a `invoice` that is no text"),
    ],
)
def test_statements_that_cannot_be_exported(change: Json, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        exported([{**statement("p", {"seats": 3}), **change}])


def test_a_quantity_too_large_for_the_file() -> None:
    document = statement("p", {"seats": 3})
    document["lines"][2]["quantity"] = "1" + "0" * 20
    with pytest.raises(ValueError, match="more than 20 digits"):
        exported([document])


# --- the law ---

money = st.decimals(min_value=1, max_value=2_000, places=2)
factors = st.sampled_from(["", "funded times 0.9", "overage times 1.1", "funded times 0.85 overage times 1.25"])


@st.composite
def contracts(draw: st.DrawFn) -> str:
    """A contract on `p` with some of: a phase, adjustments, commits and credits of any size."""
    clauses = []
    if draw(st.booleans()):
        clauses.append(f"from 2026-01-{draw(st.integers(2, 31)):02} {{ override seats {{ times 0.5 }} }}")
    if draw(st.booleans()):
        clauses.append(f"minimum {draw(money)} as floor")
    if draw(st.booleans()):
        clauses.append(f"discount {draw(st.integers(1, 90))}% as rebate")
    if draw(st.booleans()):
        clauses.append(f"maximum {draw(money)} as cap")
    for name in ("annual", "direct"):
        if draw(st.booleans()):
            covers = draw(st.sampled_from(["", "covers tokens", "covers seats, platform"]))
            invoiced = draw(st.sampled_from(["", "not invoiced", "invoiced 10", "invoiced 25 quarterly"]))
            clauses.append(f"commit {name} {draw(money)} prepaid {{ {covers} {draw(factors)} {invoiced} }}")
    if draw(st.booleans()):
        clauses.append(f"credit trial {draw(money)}")
    if draw(st.booleans()):
        clauses.append("credit free 10_000 tokens { covers tokens }")
    if draw(st.booleans()):
        clauses.append(f"commit low {draw(money)} postpaid")
    until = draw(st.sampled_from(["2026-02-01", "2027-01-01"]))
    return f"contract drawn {{ plan p  term 2026-01-01 to {until}\n" + "\n".join(clauses) + "\n}"


@settings(max_examples=150, deadline=None)
@given(contracts(), st.integers(0, 1_000_000), st.integers(0, 1_000_000), st.integers(0, 40))
def test_billed_cost_adds_up_to_what_is_due(problems: Problems, contract: str, a: int, b: int, seats: int) -> None:
    program = pricing_dsl.compile(PROGRAM.split("contract acme")[0] + contract)
    usage = {"tokens": [{"quantity": a, "model": "a"}, {"quantity": b, "model": "b"}], "seats": seats}
    cut = program.evaluator("drawn")
    segments = segments_of(contract)
    given_usage: Any = usage
    if len(segments) > 1:
        given_usage = [
            {"from": f, "to": t, "usage": usage if f == JANUARY[0] else {"seats": seats}} for f, t in segments
        ]
    document = cut(given_usage, period=JANUARY).to_dict()
    rows = exported([document])
    assert problems(rows, list(rows[0])) == []
    assert sum(Decimal(row["BilledCost"]) for row in rows) == Decimal(document["due"])
    for line in document["lines"]:
        of_line = [row for row in rows if row["SkuId"] == line["id"]]
        assert sum(Decimal(row["ContractedCost"]) for row in of_line) == Decimal(line["amount"])
        assert sum(Decimal(row["PricingQuantity"]) for row in of_line) == Decimal(line["quantity"])
    effective = sum(Decimal(row["EffectiveCost"]) for row in rows)
    credits_ = sum(Decimal(d["amount"]) for d in document.get("draws", ()) if d["balance"] == "trial")
    unused = sum(Decimal(row["EffectiveCost"]) for row in rows if row["CommitmentDiscountStatus"] == "Unused")
    assert effective == Decimal(document["total"]) - credits_ + unused


def segments_of(contract: str) -> list[tuple[str, str]]:
    phase = re.search(r"from (2026-01-\d\d)", contract)
    return [JANUARY] if phase is None else [(JANUARY[0], phase[1]), (phase[1], JANUARY[1])]


# --- as a plugin ---


def test_it_keeps_the_laws_of_the_kit() -> None:
    assert_plugin(pricing_focus)
    sample = {**statement("acme", {"tokens": TOKENS, "seats": 3}), **FACTS}
    assert verify_exporter(EXPORTER, [sample]) == ()


def test_its_hook_provides_it() -> None:
    assert pricing_focus.register_exporters() == [EXPORTER]


def test_loading_the_plugin_imports_nothing_else() -> None:
    code = "import sys, pricing_focus; print('pyarrow' in sys.modules, 'pricing_focus.rows' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False False\n"


# --- the README ---


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)


def test_the_readme_lists_every_fact() -> None:
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", README.read_text(), re.MULTILINE)).items() >= FACTS_KNOWN.items()


def test_the_readme_exports_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (program,), (code,), (expected,) = blocks("pricing"), blocks("python"), blocks("output")
    (tmp_path / "acme.pricing").write_text(program)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    for command in next(block for block in blocks("console") if "acme.pricing" in block).splitlines():
        subprocess.run(command.removeprefix("$ "), shell=True, capture_output=True, check=True)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == expected
