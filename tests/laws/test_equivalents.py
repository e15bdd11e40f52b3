"""Laws of saying the same thing in two ways: both are priced alike, or are even one program."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from pricing_dsl.compilation import Compilation
from pricing_dsl.source import Source
from pricing_dsl.values.numbers import decimal_text, grouped_text
from tests.laws.pipelines import quoted
from tests.laws.programs import Line, Sample, samples
from tests.laws.running import PLAN, by_reference, compiled

PREFIX = re.compile(r"include (?!.*across)|round |at (least|most) |weigh |where ")
"""Steps that mean the same in a `quantity` as at the head of a charge on it."""


def hash_of(text: str) -> str:
    return Compilation(Source(text)).program.hash


@given(samples())
def test_a_number_may_be_written_in_any_way(sample: Sample) -> None:
    def spelled_out(found: re.Match[str]) -> str:
        return grouped_text(Fraction(found[1]) * 1000)

    text = re.sub(r"\b(\d+(?:\.\d+)?)k\b", spelled_out, sample.text)
    text = re.sub(r"\b150%", "1.5", text)
    assert hash_of(text) == hash_of(sample.text)


@given(samples())
def test_a_unit_is_its_definition(sample: Sample) -> None:
    text = sample.text.replace(" per GB", " per 1_000 MB")
    assert hash_of(text) == hash_of(sample.text)


@given(samples())
def test_names_of_the_plural_are_names_of_the_unit(sample: Sample) -> None:
    text = re.sub(r"(unit request) \| requests|\brequest\b", lambda m: m[0] if m[1] else "requests", sample.text)
    assert hash_of(text) == hash_of(sample.text)


@given(samples())
def test_a_plan_that_extends_another_and_says_nothing_is_that_plan(sample: Sample) -> None:
    program = compiled(replace(sample, declarations=(*sample.declarations, "plan heir extends p { }")))
    parent = by_reference(compiled(sample), sample)
    assume(parent.statement is not None)
    statement = program.evaluator("heir").explain(sample.usage, sample.period).to_dict()
    inherited = {key: value for key, value in statement.items() if key not in ("target", "lines", "adjustments")}
    assert inherited == {key: parent.json[key] for key in inherited}
    for kind in ("lines", "adjustments"):
        assert [{**entry, "reason": None} for entry in statement[kind]] == [
            {**entry, "reason": None} for entry in parent.json[kind]
        ]


@given(samples(), st.randoms(use_true_random=False))
def test_the_order_of_lines_without_adjustments_changes_no_line(sample: Sample, random: Any) -> None:
    plain = replace(sample, adjustments=())
    moved = replace(plain, lines=tuple(random.sample(plain.lines, len(plain.lines))))
    one, other = by_reference(compiled(plain), plain), by_reference(compiled(moved), moved)
    assert one.error == other.error
    if one.statement is not None and other.statement is not None:
        assert one.statement.total == other.statement.total
        assert {line.id: line.to_dict() for line in one.statement.lines} == {
            line.id: line.to_dict() for line in other.statement.lines
        }


@given(samples(), st.data())
def test_quantity_steps_may_stand_in_a_quantity(sample: Sample, data: st.DataObject) -> None:
    """`charge c on m { A B }` and `quantity q on m { A }  charge c on q { B }`."""
    charges = [
        i for i, line in enumerate(sample.lines) if " on " in line.head and PREFIX.match((line.steps or ("",))[0])
    ]
    assume(charges)
    chosen = data.draw(st.sampled_from(charges))
    line = sample.lines[chosen]
    assert line.steps is not None
    longest = next(i for i, step in enumerate(line.steps) if not PREFIX.match(step))
    count = data.draw(st.integers(1, min(longest, line.amount_from - 1)))
    moved = with_quantity(sample, chosen, line, count)
    one, other = by_reference(compiled(sample), sample), by_reference(compiled(moved), moved)
    assert one.error == other.error
    assume(one.statement is not None and not one.statement.unpriced)
    assert one.statement is not None
    assert other.statement is not None
    assert [line.exact for line in one.statement.lines] == [line.exact for line in other.statement.lines]
    assert one.statement.total == other.statement.total


def with_quantity(sample: Sample, number: int, line: Line, count: int) -> Sample:
    """The first `count` steps of a charge as a quantity of their own."""
    assert line.steps is not None
    head, source = line.head.rsplit(" on ", 1)
    quantity = f"quantity moved on {source} {{ {' '.join(line.steps[:count])} }}"
    shorter = Line(line.name, f"{head} on moved", line.steps[count:], line.amount_from - count)
    lines = (*sample.lines[:number], shorter, *sample.lines[number + 1 :])
    return replace(sample, declarations=(*sample.declarations, quantity), lines=lines)


@given(samples())
def test_what_a_statement_says_is_what_an_example_expects(sample: Sample) -> None:
    statement = by_reference(compiled(sample), sample).statement
    assume(statement is not None)
    assert statement is not None
    added: dict[str, Fraction] = {}
    for meter, cells in sample.usage.items():
        for cell in cells:
            place = meter + cell_text(cell)
            added[place] = added.get(place, Fraction(0)) + Fraction(cell["quantity"])
    usage = [f"  {place} = {grouped_text(quantity)}" for place, quantity in added.items()]
    expects = [f"  expect {line.id} = {line.amount:f}" for line in statement.lines]
    expects += [
        f"  expect exact {line.id} = {decimal_text(line.exact)}" for line in statement.lines if is_decimal(line.exact)
    ]
    expects += [f"  expect total = {statement.total:f}", f"  expect due = {statement.due:f}"]
    period = "" if sample.period is None else f" period {sample.period[0]} to {sample.period[1]}"
    block = "\n".join([f'example "it" on {PLAN}{period} {{', *usage, *expects, "}"])
    program = compiled(replace(sample, declarations=(*sample.declarations, block)))
    (result,) = program.run_examples()
    assert result.error is None
    assert [check for check in result.checks if not check.passed] == []
    assert len(result.checks) == len(expects)


def cell_text(cell: dict[str, Any]) -> str:
    dimensions = [f"{name}: {quoted(value)}" for name, value in cell.items() if name != "quantity"]
    return f"[{', '.join(dimensions)}]" if dimensions else ""


def is_decimal(value: Fraction) -> bool:
    return "/" not in decimal_text(value)
