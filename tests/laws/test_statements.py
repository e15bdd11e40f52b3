"""Laws of statements: they foot, both evaluators give the same one, and what has no meaning changes nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import assume, event, given
from hypothesis import strategies as st

from pricing_dsl.evaluate.statement import Statement
from pricing_dsl.ir.reads import dimensions_read
from pricing_dsl.values.rounding import round_to_minor
from tests.laws.programs import Line, Sample, Usage, samples
from tests.laws.running import PLAN, Outcome, by_reference, by_scalar, compiled

NEGATIVE = "R0201"
DIVISION = "R0202"
"""The only errors that a program without errors may give on usage that was read."""


@given(samples())
def test_only_documented_errors(sample: Sample) -> None:
    outcome = by_reference(compiled(sample), sample)
    event(outcome.error or ("unpriced" if outcome.statement and outcome.statement.unpriced else "final"))
    assert outcome.error in ("", NEGATIVE, DIVISION)


@given(samples())
def test_both_evaluators_give_the_same_statement(sample: Sample) -> None:
    program = compiled(sample)
    fast = by_scalar(program, sample)
    event("handed over" if fast is None else "generated code")
    if fast is not None:
        assert fast.json == by_reference(program, sample).json


def test_the_generated_code_does_most_of_it_itself() -> None:
    """The law before says nothing where the generated code hands over; that is the exception."""
    handed_over: list[bool] = []

    @given(samples())
    def count(sample: Sample) -> None:
        handed_over.append(by_scalar(compiled(sample), sample) is None)

    count()
    assert sum(handed_over) < len(handed_over) / 2


@given(samples())
def test_the_evaluator_and_its_explanation_agree(sample: Sample) -> None:
    program = compiled(sample)
    outcome = by_reference(program, sample)
    assume(outcome.statement is not None)
    evaluator = program.evaluator(PLAN)
    assert evaluator(sample.usage, sample.period).to_dict() == outcome.json
    explained = evaluator.explain(sample.usage, sample.period)
    assert all(line.reason is not None for line in explained.lines)
    assert all(line.reason.value * 10**explained.digits == line.minor for line in explained.lines if line.reason)
    assert without_reasons(explained.to_dict()) == outcome.json


def without_reasons(statement: dict[str, Any]) -> dict[str, Any]:
    for entry in (*statement["lines"], *statement["adjustments"]):
        entry.pop("reason", None)
    return statement


@given(samples())
def test_bare_amounts_are_those_of_the_statement(sample: Sample) -> None:
    program = compiled(sample)
    statement = by_reference(program, sample).statement
    assume(statement is not None and not statement.unpriced)
    assert statement is not None
    expected = {line.id: line.minor for line in statement.lines} | {"total": statement.total_minor}
    assert program.evaluator(PLAN).amounts(sample.usage, sample.period) == expected


@given(samples())
def test_a_statement_foots(sample: Sample) -> None:
    program = compiled(sample)
    statement = by_reference(program, sample).statement
    assume(statement is not None)
    assert statement is not None
    assert_foots(statement, program.ir.plans[0].rounding)


def assert_foots(statement: Statement, rounding: Any) -> None:
    lines, rows = statement.lines, statement.adjustments
    assert statement.total_minor == sum(line.minor for line in lines) + sum(row.minor for row in rows)
    assert statement.due_minor == statement.total_minor
    standing = False
    for row in rows:
        shared = sum(minor for _, minor in row.shares)
        is_top_up = row.kind == "minimum"
        if is_top_up:
            assert row.minor >= 0
            assert not row.shares or shared == row.minor
            standing = standing or (row.minor > 0 and not row.shares)
        else:
            assert row.minor <= 0
            assert shared >= row.minor if standing else shared == row.minor
    for line in lines:
        assert line.minor == round_to_minor(line.exact, statement.digits, rounding)
        assert line.net_minor == line.minor + sum(dict(row.shares).get(line.id, 0) for row in rows)
        if line.parts:
            assert sum(part.minor for part in line.parts) == line.minor
            assert len({part.dimensions for part in line.parts}) == len(line.parts)
    assert (
        sum((line.amount for line in lines), Decimal(0)) + sum((row.amount for row in rows), Decimal(0))
        == statement.total
    )


# --- what changes nothing --------------------------------------------------------------------------------------------


@given(samples(), st.randoms(use_true_random=False))
def test_the_order_of_cells_and_meters_changes_nothing(sample: Sample, random: Any) -> None:
    program = compiled(sample)
    names = list(sample.usage)
    random.shuffle(names)
    shuffled: Usage = {name: random.sample(sample.usage[name], len(sample.usage[name])) for name in names}
    assert by_reference(program, sample, shuffled).json == by_reference(program, sample).json


@given(samples(), st.data())
def test_splitting_a_cell_and_adding_zeros_changes_nothing(sample: Sample, data: st.DataObject) -> None:
    program = compiled(sample)
    usage = {name: list(cells) for name, cells in sample.usage.items()}
    for name, cells in usage.items():
        if not cells:
            continue
        cell = data.draw(st.sampled_from(cells))
        if name in sample.additive:
            part = data.draw(st.integers(-5, 5))
            cells.remove(cell)
            cells += [{**cell, "quantity": part}, {**cell, "quantity": str(Decimal(cell["quantity"]) - part)}]
        cells.append({**cell, "quantity": 0})
    assert by_reference(program, sample, usage).json == by_reference(program, sample).json


@given(samples(), st.sampled_from([str, Decimal, Fraction]))
def test_how_a_quantity_is_given_changes_nothing(sample: Sample, kind: Any) -> None:
    program = compiled(sample)
    usage = {
        meter: [{**cell, "quantity": kind(str(cell["quantity"]))} for cell in cells]
        for meter, cells in sample.usage.items()
    }
    assert by_reference(program, sample, usage).json == by_reference(program, sample).json


@given(samples())
def test_dimensions_that_no_step_reads_may_be_left_out(sample: Sample) -> None:
    program = compiled(sample)
    outcome = by_reference(program, sample)
    assume(outcome.statement is None or not outcome.statement.unpriced)
    read = dimensions_read(program.ir, program.ir.plans[0])
    usage = {
        meter: [{k: v for k, v in cell.items() if k == "quantity" or k in read.get(meter, ())} for cell in cells]
        for meter, cells in sample.usage.items()
        if meter in sample.additive
    }
    assert by_reference(program, sample, {**sample.usage, **usage}).json == outcome.json


@given(samples(), st.randoms(use_true_random=False))
def test_the_order_of_declarations_changes_nothing(sample: Sample, random: Any) -> None:
    declarations = random.sample(sample.declarations, len(sample.declarations))
    moved = replace(sample, declarations=tuple(declarations))
    assert by_name(by_reference(compiled(moved), moved)) == by_name(by_reference(compiled(sample), sample))


def by_name(outcome: Outcome) -> Any:
    """Meters that no line mentions are listed in the order of the program."""
    if outcome.statement is None:
        return outcome.json
    return {**outcome.json, "unused": sorted(outcome.json["unused"])}


@given(samples(), st.sampled_from(["times 1", "markup 0%", "margin 0%", "discount 0%", "plus 0"]), st.data())
def test_a_step_that_does_nothing_changes_nothing(sample: Sample, step: str, data: st.DataObject) -> None:
    charges = [i for i, line in enumerate(sample.lines) if line.steps is not None]
    chosen = data.draw(st.sampled_from(charges))
    line = sample.lines[chosen]
    assert line.steps is not None
    # `plus` pools, so it stands last; the others stand anywhere after the price.
    at = len(line.steps) if step == "plus 0" else data.draw(st.integers(line.amount_from, len(line.steps)))
    changed = sample.with_step(chosen, at, step)
    assert by_reference(compiled(changed), changed).json == by_reference(compiled(sample), sample).json


@given(samples())
def test_a_charge_that_prices_everything_leaves_no_usage_unpriced(sample: Sample) -> None:
    """Usage must reach a price in one charge only. Money and units that `at least` adds are no usage: still refused."""
    program = compiled(sample)
    outcome = by_reference(program, sample)
    assume(outcome.statement is not None)
    catches = []
    for meter in program.ir.meters:
        each = f"each {', '.join(meter.dimensions)} " if meter.dimensions else ""
        price = "0%" if meter.money else "0"
        catches.append(
            Line(
                f"catch_{meter.name}", f"charge catch_{meter.name} on {meter.name}", (f"{each}mirror", f"price {price}")
            )
        )
    wider = replace(sample, lines=(*sample.lines, *catches))
    widened = by_reference(compiled(wider), wider)
    assert outcome.statement is not None
    assert widened.statement is not None
    assert [line.exact for line in widened.statement.lines[: len(sample.lines)]] == [
        line.exact for line in outcome.statement.lines
    ]
    unmetered = {line.name for line in sample.lines if " = " in line.head or is_raised(sample, line)}
    assert {entry.line for entry in widened.statement.unpriced} <= unmetered
    assert widened.statement.unused == ()


def is_raised(sample: Sample, line: Line) -> bool:
    """Whether `at least` may have raised what the charge prices."""
    in_quantities = " on q" in line.head and any("at least" in declaration for declaration in sample.declarations)
    return in_quantities or "at least" in line.text
