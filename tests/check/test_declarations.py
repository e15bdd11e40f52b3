"""What checked declarations come to: units, meters and tables as facts and IR."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pricing_dsl.check.meters import check_meters
from pricing_dsl.check.scope import Scope
from pricing_dsl.check.tables import check_tables
from pricing_dsl.check.units import check_currency_and_units
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.nodes import Key
from pricing_dsl.plugin.manager import built_in
from pricing_dsl.source import Source
from pricing_dsl.syntax.parse import from_source
from pricing_dsl.values.currencies import MINOR_DIGITS


def declared(text: str, **files: str) -> Scope:
    """The scope after units, tables and meters; a program with errors fails the test."""
    source = Source(text)
    parsed = from_source(source)
    scope = Scope(source, {f"{name}.csv": content for name, content in files.items()})
    check_currency_and_units(scope, parsed.program)
    check_tables(scope, parsed.program)
    check_meters(scope, parsed.program)
    assert [d for d in (*parsed.diagnostics, *scope.diagnostics) if d.severity == "error"] == []
    return scope


def test_minor_digits_follow_iso_4217() -> None:
    assert [MINOR_DIGITS[code] for code in ("USD", "EUR", "JPY", "KWD", "CLF")] == [2, 2, 0, 3, 4]
    assert all(len(code) == 3 and code.isupper() for code in MINOR_DIGITS)
    assert "XAU" not in MINOR_DIGITS


@pytest.mark.parametrize(("code", "digits"), [("JPY", 0), ("USD", 2), ("KWD", 3)])
def test_the_currency_brings_its_digits_and_is_a_unit(code: str, digits: int) -> None:
    scope = declared(f"currency {code}")
    assert (scope.currency, scope.digits) == (code, digits)
    assert scope.units[code].base == code


def test_conversions_are_exact_in_any_order_and_by_plural() -> None:
    scope = declared("currency USD unit TB | TBs = 1000 GB unit GB = 1000 MB unit MiB = 1.048576 MB unit MB")
    assert scope.factor("TB", "MB") == 1_000_000
    assert scope.factor("MB", "TB") == Fraction(1, 1_000_000)
    assert scope.units["TBs"] is scope.units["TB"]
    assert scope.factor("MiB", "GB") == Fraction(1_048_576, 10**9)
    assert scope.factor("MB", "USD") is None


def test_a_meter_without_a_unit_counts_its_own_name() -> None:
    scope = declared('currency USD unit call | calls meter calls { from "a" measure count() } '
                     'meter pages { from "b" measure count() }')  # fmt: skip
    assert scope.meters["calls"].ir.unit == "call"
    assert scope.meters["pages"].ir.unit == "pages"
    assert scope.units["pages"].base == "pages"


def test_a_meter_in_the_currency_counts_money() -> None:
    scope = declared('currency EUR meter paid { from "p" measure sum(amount) unit EUR } '
                     'meter calls { from "c" measure count() }')  # fmt: skip
    assert scope.meters["paid"].ir.money
    assert not scope.meters["calls"].ir.money


ADDITIVE = {"sum", "count", "last", "time_weighted"}


@pytest.mark.parametrize("name", list(built_in().aggregations))
def test_over_what_an_aggregation_adds(name: str) -> None:
    """Rule 3, word by word."""
    scope = declared(f'currency USD meter m {{ from "e" measure {built_in().aggregations[name].value.form} }}')
    meter = scope.meters["m"].ir
    assert meter.adds_over_dimensions == (name in ADDITIVE)
    assert meter.adds_over_time == (name in {"sum", "count"})
    assert meter.whole == (name in {"count", "unique"})
    assert [measure.aggregation for measure in meter.measures] == [name]


def test_all_arms_of_a_meter_decide_together() -> None:
    scope = declared(
        'currency USD meter m { from "e" measure by k { a: sum(x) b: max(y) } carried }'.replace("carried", "")
    )
    assert not scope.meters["m"].ir.adds_over_dimensions
    assert not scope.meters["m"].ir.adds_over_time


def test_dimensions_stand_in_order_and_the_measured_one_last() -> None:
    scope = declared(
        'currency USD meter m { from "e" measure by kind { input: sum(a) "out put": sum(b) } '
        'by model, context: if a > 5 then "long" else if a > 3 then "mid" else "short", hour, day, weekday,'
        " late: hour(time) > 20, half: minute(time), fixed: 1.50 }"
    )
    symbol = scope.meters["m"]
    names = ("model", "context", "hour", "day", "weekday", "late", "half", "fixed", "kind")
    assert symbol.ir.dimensions == names
    assert symbol.ir.measured_by == "kind"
    assert symbol.values == {
        "model": None,
        "context": {"long", "mid", "short"},
        "hour": {str(hour) for hour in range(24)},
        "day": None,
        "weekday": {"1", "2", "3", "4", "5", "6", "7"},
        "late": {"true", "false"},
        "half": {str(minute) for minute in range(60)},
        "fixed": {"1.5"},
        "kind": {"input", "out put"},
    }


def test_or_is_a_default_or_a_condition_by_its_place() -> None:
    scope = declared('currency USD meter m { from "e" where paid or free or (test or false) measure sum(a or b or 0) }')
    meter = scope.meters["m"].ir
    paid, free, test, a, b = (ir.Ref("property", name) for name in ("paid", "free", "test", "a", "b"))
    assert meter.where == ir.Apply("or", (ir.Apply("or", (paid, free)), ir.Apply("default", (test, ir.Const(False)))))
    default = ir.Apply("default", (ir.Apply("default", (a, b)), ir.Const(Fraction(0))))
    assert meter.measures[0].arguments == (default,)


def test_a_table_by_columns() -> None:
    scope = declared(
        'currency USD unit token | tokens meter m { from "e" measure sum(n) unit token by model, kind } '
        'rates llm per 1M tokens by model, kind { model | input | "out*" | else '
        '"gpt-*" | 1.25 | free | -  else | 1 | 2 | 3 }'
    )
    table = scope.tables["llm"]
    assert (table.kind, table.per, table.unit, table.package) == ("rate", 1_000_000, "token", None)
    assert table.ir.columns == (Key("exact", "input"), Key("pattern", "out*"), Key("else", ""))
    assert table.ir.rows == (
        ir.Row((Key("pattern", "gpt-*"),), (Fraction(5, 4), Fraction(0), None)),
        ir.Row((Key("else", ""),), (Fraction(1), Fraction(2), Fraction(3))),
    )


def test_a_table_of_packages_and_one_of_plain_numbers() -> None:
    scope = declared(
        'currency USD meter m { from "e" measure sum(n) by a, b } '
        "rates packs per started 100 by a, b { a | b | price  x | y | 5 } "
        "rates share by a { a | value  x | 2.9%  y | -1 }"
    )
    assert (scope.tables["packs"].package, scope.tables["packs"].per, scope.tables["packs"].unit) == (
        "started",
        100,
        None,
    )
    assert scope.tables["packs"].ir.columns == ()
    assert scope.tables["share"].kind == "number"
    assert [row.cells for row in scope.tables["share"].ir.rows] == [(Fraction(29, 1000),), (Fraction(-1),)]


FROM_FILE = """
currency USD
meter m { from "e"  measure sum(n)  by model, kind }
rates llm per 1k by model, kind from "p.csv" { price: usd  where WHERE }
"""


def test_a_table_from_data_reads_text_exactly() -> None:
    lines = (
        "model,kind,usd",
        'a,"x, y",0.00000015',
        "b*,,1.5e-06",
        " c ,x,free",
        'd,"say ""x""",-',
        "e,x,+2",
        "f,x,.5",
    )
    scope = declared(FROM_FILE.replace("where WHERE", ""), p="\ufeff" + "\r\n".join(lines) + "\r\n\r\n")
    assert [(*(key.text for key in row.keys), *row.cells) for row in scope.tables["llm"].ir.rows] == [
        ("a", "x, y", Fraction(15, 10**8)),
        ("b*", "", Fraction(15, 10**7)),
        (" c ", "x", 0),
        ("d", 'say "x"', None),
        ("e", "x", 2),
        ("f", "x", Fraction(1, 2)),
    ]
    assert scope.tables["llm"].ir.rows[1].keys[0].kind == "pattern"


@pytest.mark.parametrize(
    ("where", "models"),
    [
        ('kind == "x"', "ac"),
        ('kind != "x"', "bd"),
        ('model in ("a", "d")', "ad"),
        ('model not in ("a", "d")', "bc"),
        ('note like "*5*"', "ab"),
        ('note not like "*5*"', "cd"),
        ("note == 1.5", "ab"),
        ("usd > 2", "cd"),
        ("usd >= 2 and usd < 4", "bc"),
        ('not (kind == "x" or usd <= 2)', "d"),
    ],
)
def test_conditions_on_columns(where: str, models: str) -> None:
    data = "model,kind,usd,note\na,x,1,1.5\nb,y,2,1.50\nc,x,3,\nd,y,4,none\n"
    scope = declared(FROM_FILE.replace("WHERE", where), p=data)
    assert "".join(row.keys[0].text for row in scope.tables["llm"].ir.rows) == models
