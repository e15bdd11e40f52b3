"""Law: the printed code gives what the reference gives, for generated meters and events that are often wrong."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pricing_dsl
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.measure import Measurer
from pricing_dsl.ir import nodes as ir
from runtime.metering.batch import Metering, Rejected, count
from runtime.metering.measures import Sums
from runtime.store.repositories.meters import Definition, Measuring, definition_of
from tests.metering import generated
from tests.metering.setting import NOW, decoded, event

EXAMPLES = 10_000 if os.environ.get("FUZZ") else 600
LAW = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not os.environ.get("FUZZ"),
    suppress_health_check=list(HealthCheck),
)


EVENTS = st.one_of(
    generated.events(0), generated.events(0, generated.complete), generated.events(0, generated.complete)
)


def metering_of(program: ir.Program) -> Metering:
    definitions = [Definition(n, definition_of(program, meter)) for n, meter in enumerate(program.meters)]
    return Metering([Measuring(None, tuple(definitions))])


def values_of(sums: Sums) -> dict[Any, Any]:
    """All that was counted, for one event: numbers as fractions."""
    found = {**sums.added, **sums.largest, **sums.smallest}
    found |= {key: value for key, values in sums.values.items() for _, value in values}
    return {key: value if isinstance(value, str) else Fraction(value) for key, value in found.items()}


def said_by_reference(metering: Metering, program: ir.Program, given_event: Any) -> dict[Any, Any] | Rejected:
    """What the reference says of one event, meter after meter."""
    measurer = Measurer(program)
    hour = int(given_event.time.timestamp()) // 3600
    found: dict[Any, Any] = {}
    for number, meter in enumerate(program.meters):
        if given_event.type not in meter.event_types:
            continue
        first = next(n for n, slot in enumerate(metering.slots) if slot.meter_id == number)
        try:
            contributions = measurer.measure(meter, {**given_event.data, "time": given_event.time})
        except EvaluationError as error:
            return Rejected(0, given_event.id, error.code, f"{error.message}; {error.help}".rstrip("; "))
        for index, (cell, value) in enumerate(contributions):
            found[(first + index, given_event.subject, hour, *cell)] = value
    return found


@LAW
@given(program=generated.programs(), drawn=st.lists(EVENTS, min_size=2, max_size=6))
def test_printed_code_gives_what_the_reference_gives(program: str, drawn: list[Any]) -> None:
    compiled = pricing_dsl.compile(program)
    metering = metering_of(compiled.ir)
    read = {name for meter in compiled.ir.meters for name in meter.event_types}
    for each in decoded(*drawn):
        counted = count(metering, "t", [each], NOW, frozenset())
        if each.type not in read:
            assert counted.rejected[0].code == "X0302"
            continue
        expected = said_by_reference(metering, compiled.ir, each)
        if isinstance(expected, Rejected):
            assert counted.rejected == [expected]
            assert values_of(counted.sums) == {}
        else:
            assert counted.rejected == []
            assert values_of(counted.sums) == expected


@pytest.mark.parametrize(
    "meter",
    [
        'where status == "ok" measure sum(tokens - cached) by model',
        "measure by kind { input: sum(max(tokens - cached, 0)) output: sum(cached) } by model, region, hour",
        'measure max(seconds) carried by size: if tokens > limits(model) then "long" else "short"',
        'where model in ("gpt-5", "o3") and not streamed measure unique(region) by day',
        'where tokens > 1 or model like "gpt-*" measure sum(ceil(tokens / 1000) * 2.5) timezone "Asia/Tokyo"',
        'measure percentile(tokens or 0, 95) by region: region or "none"',
    ],
)
def test_what_meters_usually_read_is_printed(meter: str) -> None:
    """Or the law above would hold because the reference did all the work."""
    text = f'{generated.HEAD} meter m {{ from "llm" {meter} }} plan p {{ fee f 1 }}'
    metering = metering_of(pricing_dsl.compile(text).ir)
    usual = {
        "status": "ok",
        "model": "gpt-5",
        "region": "eu",
        "tokens": 12,
        "cached": 4,
        "seconds": 7,
        "streamed": False,
    }
    printed = metering.epochs[0].types["llm"].printed
    assert "place, sums)" not in str(printed.__doc__).split("\n", 1)[1]
    sums = Sums()
    printed(usual, NOW, "acme", 5, 0, sums)
    assert values_of(sums)


@pytest.mark.parametrize("measure", ["sum(tokens * tokens * tokens * tokens)", "sum(tokens)", "max(tokens)"])
def test_long_numbers_stay_exact(measure: str) -> None:
    program = pricing_dsl.compile(f'currency USD meter m {{ from "llm" measure {measure} }} plan p {{ fee f 1 }}').ir
    for text in ("9" * 60, "0." + "3" * 59, "1e59", str(10**18 - 1), "-" + "7" * 30 + "." + "1" * 30):
        given_event = decoded(event(data={"tokens": text}))[0]
        metering = metering_of(program)
        counted = count(metering, "t", [given_event], NOW, frozenset())
        assert values_of(counted.sums) == said_by_reference(metering, program, given_event)
