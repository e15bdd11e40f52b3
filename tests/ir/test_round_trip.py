"""The IR's JSON and text forms: exact, canonical, stable, and strict about what they read."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

import pytest

import pricing_dsl
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.json import NODES, NUMBER_CHARACTERS_MAX, content_hash, dumps, from_json, loads, to_json
from pricing_dsl.ir.text import from_text, to_text
from pricing_dsl.ir.verify import IrError
from pricing_dsl.source import Span
from tests.ir.sample import PROGRAM, meter, plan


def nodes_of(value: Any) -> Iterator[ir.Node]:
    if isinstance(value, tuple):
        for item in value:
            yield from nodes_of(item)
    elif isinstance(value, ir.Node):
        yield value
        for field in fields(value):
            yield from nodes_of(getattr(value, field.name))


def spans_of(program: ir.Program) -> list[Span]:
    return [node.span for node in nodes_of(program)]


def test_the_sample_has_every_node() -> None:
    assert {type(node).__name__ for node in nodes_of(PROGRAM)} == set(NODES) - {"Node", "StepNode"}


def test_json_reads_back_exactly_with_spans() -> None:
    again = loads(dumps(PROGRAM))
    assert again == PROGRAM
    assert spans_of(again) == spans_of(PROGRAM)
    assert content_hash(again) == content_hash(PROGRAM)
    assert dumps(again) == dumps(PROGRAM)


def test_json_is_canonical() -> None:
    text = dumps(PROGRAM)
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_text_reads_back_exactly() -> None:
    assert from_text(to_text(PROGRAM)) == PROGRAM
    with_spans = from_text(to_text(PROGRAM, spans=True))
    assert with_spans == PROGRAM
    assert spans_of(with_spans) == spans_of(PROGRAM)


def test_text_has_one_node_a_line() -> None:
    count = sum(1 for _ in nodes_of(PROGRAM))
    rows = sum(len(node.rows) + len(node.columns) for node in nodes_of(PROGRAM) if isinstance(node, ir.Table))
    keys = sum(len(node.keys) for node in nodes_of(PROGRAM) if isinstance(node, ir.Arm))
    bands = sum(len(n.bands) for n in nodes_of(PROGRAM) if isinstance(n, ir.Adjustment | ir.DiscountGraduated))
    terms = sum(len(node.terms) for node in nodes_of(PROGRAM) if isinstance(node, ir.Quantity))
    assert to_text(PROGRAM).count("\n") == count + rows + keys + bands + terms


def test_text_is_readable() -> None:
    program = replace(PROGRAM, meters=(meter("calls", "region"),), quantities=(), tables=(), plans=(), contracts=())
    assert to_text(program) == (
        "Program language=#1 currency=USD digits=#2\n"
        '  meters[]: Meter name=calls label="" unit=calls dimensions=[region] money=false whole=false'
        " adds_over_dimensions=true adds_over_time=true event_types=[usage] carried=false timezone=UTC\n"
        "    measures[]: Measure aggregation=sum\n"
        "      arguments[]: Ref kind=property name=amount\n"
        "    event_dimensions[]: EventDimension name=region\n"
        "      expression: Ref kind=property name=region\n"
    )


def test_hash_ignores_spans_and_nothing_else() -> None:
    moved = replace(PROGRAM, span=Span(7, 8))
    assert content_hash(moved) == content_hash(PROGRAM)
    assert content_hash(replace(PROGRAM, digits=3)) != content_hash(PROGRAM)
    assert content_hash(replace(PROGRAM, language=2)) != content_hash(PROGRAM)
    relabelled = replace(PROGRAM, plans=(replace(PROGRAM.plans[0], label="Other"), PROGRAM.plans[1]))
    assert content_hash(relabelled) != content_hash(PROGRAM)


def test_hash_tells_a_number_from_a_text() -> None:
    def with_value(value: Fraction | str | bool) -> ir.Program:
        source = meter("calls")
        where = ir.Apply("==", (ir.Ref("property", "x"), ir.Const(value)))
        return replace(
            PROGRAM, meters=(replace(source, where=where),), quantities=(), tables=(), plans=(), contracts=()
        )

    programs = [with_value(value) for value in (Fraction(1), "1", True, "true")]
    assert len({content_hash(program) for program in programs}) == 4
    for program in programs:
        assert loads(dumps(program)) == program
        assert from_text(to_text(program)) == program


def test_hash_is_the_same_in_another_process() -> None:
    code = (
        "from tests.ir.sample import PROGRAM\n"
        "from pricing_dsl.ir.json import content_hash\n"
        "print(content_hash(PROGRAM))"
    )
    for seed in ("1", "2"):
        out = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        )
        assert out.stdout.strip() == content_hash(PROGRAM)


MODELLED = """currency USD
meter calls { from "call"  measure count()  by region }
plan p { charge x on calls { price 2  minimum 5 } }
# Acme
contract acme { plan p  term 2026-01-01 to 2027-01-01
  override x { times 0.9 }
  from 2026-07-01 { override x { times 0.8 } }
  from 2026-10-01 { override x { price 1 } }
  commit annual 1_000 prepaid { covers x where region == "eu"  rollover 20% }
  commit floor 100 postpaid quarterly
}
"""


def test_the_layout_of_a_contract_counts_in_neither_equality_nor_hash() -> None:
    programs = [
        pricing_dsl.compile(MODELLED),
        pricing_dsl.compile(MODELLED.replace("# Acme", "# Acme, as agreed on in December\n\n")),
        pricing_dsl.compile(" ".join(MODELLED.replace("# Acme", "").split())),
    ]
    assert [program.ir for program in programs] == [programs[0].ir] * 3
    assert len({content_hash(program.ir) for program in programs}) == 1
    assert len({dumps(program.ir) for program in programs}) == 3
    winners = [[o.winner for v in program.ir.contracts[0].versions for o in v.overrides] for program in programs]
    assert winners[0] != winners[1] != winners[2]


def test_what_a_contract_says_counts_in_equality_and_hash() -> None:
    changes = ("times 0.9", "times 0.95"), ("price 1 }", "price 3 }"), ('"eu"', '"us"'), ("quarterly", "yearly")
    texts = [MODELLED, *(MODELLED.replace(old, new) for old, new in changes)]
    programs = [pricing_dsl.compile(text).ir for text in texts]
    assert len({content_hash(program) for program in programs}) == len(set(programs)) == len(texts)


def test_overrides_keep_their_places_and_what_they_set_aside() -> None:
    program = pricing_dsl.compile(MODELLED).ir
    again = from_text(to_text(program, spans=True))
    found = []
    for read in (program, again):
        versions = read.contracts[0].versions
        found.append(
            [
                (o.kind, MODELLED[o.winner.start : o.winner.end], [MODELLED[s.start : s.end] for s in o.losers])
                for v in versions
                for o in v.overrides
            ]
        )
    assert found[0] == found[1]
    assert found[0] == [
        ("times", "times 0.9", []),
        ("times", "times 0.8", ["times 0.9"]),
        ("times", "price 1", ["times 0.9", "times 0.8"]),
        ("price", "price 1", ["price 2"]),
    ]


# --- documents that are not programs ---------------------------------------------------------------------------------


def places(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    if isinstance(data, dict):
        for key, value in data.items():
            yield from places(value, (*path, key))
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from places(value, (*path, i))


def replaced(data: Any, path: tuple[str | int, ...], value: Any) -> Any:
    if not path:
        return value
    copy = data.copy()
    copy[path[0]] = replaced(data[path[0]], path[1:], value)
    return copy


def removed(data: Any, path: tuple[str | int, ...]) -> Any:
    copy = data.copy()
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = removed(data[path[0]], path[1:])
    return copy


WRONG: tuple[Any, ...] = (
    None,
    True,
    1,
    -1,
    1.5,
    "",
    "x",
    "1/0",
    "2/4",
    "-0",
    "01",
    [],
    [[]],
    {},
    {"node": "Fee"},
    {"number": "1"},
)


def test_every_wrong_value_in_every_place_is_read_or_refused() -> None:
    """Whatever stands anywhere, the answer is a whole program that writes back as it stood, or an `IrError`."""
    data = to_json(PROGRAM, spans=False)
    refused = 0
    for path in places(data):
        for value in WRONG:
            changed = replaced(data, path, value)
            try:
                program = from_json(changed)
            except IrError:
                refused += 1
            else:
                assert to_json(program, spans=False) == changed
    assert refused > 5000


def test_every_missing_field_is_refused_where_it_is_missing() -> None:
    data = to_json(PROGRAM, spans=False)
    for path in places(data):
        if path and isinstance(path[-1], str):
            with pytest.raises(IrError):
                from_json(removed(data, path))


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("{", "", "the document is not JSON"),
        (b"\xff\xfe{", "", "the document is not JSON"),
        ("[" * 100_000, "", "the document nests too deeply"),
        ("[]", "", "expected a node"),
        ('{"node": "Plan"}', "", 'expected a node of Program, found "Plan"'),
        ('{"node": "Program", "language": 1.0}', "", "1.0 is not exact"),
        ('{"node": "Program", "language": NaN}', "", "NaN is not exact"),
        ('{"node": "Program", "language": 1' + "0" * 30 + "}", "", "too long"),
        ('{"node": "Program"}', "language", "is missing from a Program"),
        ('{"node": "Program", "colour": 1}', "", 'a Program has no field "colour"'),
        ('{"node": "Program", "language": 1, "currency": "\\ud800"}', "currency", "half of a surrogate pair"),
        ('{"node": "Program", "language": 1, "currency": 5}', "currency", "expected a text, found a whole number"),
    ],
)
def test_documents_that_are_not_programs(text: str | bytes, path: str, message: str) -> None:
    with pytest.raises(IrError) as caught:
        loads(text)
    assert caught.value.path == path
    assert message in caught.value.message


def test_the_path_leads_to_the_place() -> None:
    data = to_json(PROGRAM)
    changed = replaced(data, ("plans", 0, "adjustments", 1, "bands", 0, 0), "x")
    with pytest.raises(IrError) as caught:
        from_json(changed)
    assert caught.value.path == "plans[0].adjustments[1].bands[0].above"
    assert str(caught.value) == 'plans[0].adjustments[1].bands[0].above: expected a number as "n" or "n/d", found "x"'


def test_a_number_that_is_too_long_is_an_error_both_ways() -> None:
    long = Fraction(10**NUMBER_CHARACTERS_MAX)
    program = replace(PROGRAM, plans=(plan(ir.Fee("f", "", long, "once", "in advance", None)),))
    with pytest.raises(IrError, match="longer than"):
        dumps(program)
    data = to_json(replace(PROGRAM, plans=(plan(ir.Fee("f", "", Fraction(1), "once", "in advance", None)),)))
    data["plans"][0]["lines"][0]["amount"] = "1" + "0" * NUMBER_CHARACTERS_MAX
    with pytest.raises(IrError, match="expected a number"):
        from_json(data)


@pytest.mark.parametrize("depth", [2_000, 100_000])
def test_deep_nesting_is_an_error(depth: int) -> None:
    expression: ir.Expression = ir.Const(Fraction(1))
    for _ in range(depth):
        expression = ir.Apply("neg", (expression,))
    program = replace(
        PROGRAM, meters=(replace(meter("m"), where=expression),), quantities=(), tables=(), plans=(), contracts=()
    )
    with pytest.raises(IrError, match="nests too deeply"):
        dumps(program)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "", "the text is empty"),
        (" Program", "line 1", "indented"),
        ("Program ?", "line 1", "'?' is not expected here"),
        ("Program language=", "line 1", "expected a word, found the end of the line"),
        ("Program language=#x", "line 1", "x is not a whole number"),
        ("Program language=#1 language=#1", "line 1", "language is given twice"),
        ("Program language=#1\n    plans[]: Plan", "line 2", "indented below none"),
        ("Program language=#1\n  plans[]: [a]\n    b[]: Plan", "line 3", "indented below none"),
        ("Program language=#1\n  language[]: Plan", "line 2", "language is no list"),
        ("Program language=#1\n  plans Plan", "line 2", "expected :, found Plan"),
        ('Program language="\\q"', "line 1", "is not a text"),
        ("Program language=" + "[" * 5_000, "", "nests too deeply"),
        ("Programm", "", 'expected a node of Program, found "Programm"'),
    ],
)
def test_texts_that_are_not_programs(text: str, place: str, message: str) -> None:
    with pytest.raises(IrError) as caught:
        from_text(text)
    assert caught.value.path == place
    assert message in caught.value.message


def test_a_large_table_is_hashed_and_read_quickly() -> None:
    rows = tuple(
        ir.Row((ir.Key("exact", f"model-{i}"),), tuple(Fraction(i + j, 1000) for j in range(4))) for i in range(12_000)
    )
    columns = tuple(ir.Key("exact", name) for name in "abcd")
    table = ir.Table("big", ("model", "kind"), columns, rows)
    program = replace(PROGRAM, tables=(*PROGRAM.tables, table))
    start = time.process_time()
    content_hash(program)
    hashed_s = time.process_time() - start
    assert loads(dumps(program)) == program
    assert from_text(to_text(program)) == program
    assert hashed_s < 2, "far beyond what a table of this size takes"
