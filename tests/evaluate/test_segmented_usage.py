"""Usage in segments that does not fit the period: what is said of it (step 3, codes R0309 and R0311)."""

from __future__ import annotations

from typing import Any

import pytest

import pricing_dsl
from pricing_dsl.evaluate.errors import EvaluationError

PROGRAM = """currency USD
meter calls { from "call"  measure sum(n) }
plan p { charge calls on calls { price 1 } }
contract c {
  plan p
  term 2026-01-01 to 2027-01-01
  from 2026-03-16 { override calls { times 0.5 } }
}
"""
MARCH = ("2026-03-01", "2026-04-01")


def segment(start: Any, end: Any, **more: Any) -> dict[str, Any]:
    return {"from": start, "to": end, "usage": {"calls": 10}, **more}


FIRST, SECOND = segment("2026-03-01", "2026-03-16"), segment("2026-03-16", "2026-04-01")
NO_USAGE = {"from": "2026-03-01", "to": "2026-03-16"}


@pytest.mark.parametrize(
    ("usage", "code", "message"),
    [
        ([FIRST, 5], "R0309", "segment 2 of usage is 5, not a mapping"),
        ([FIRST, None], "R0309", "segment 2 of usage is null, not a mapping"),
        ([NO_USAGE, SECOND], "R0309", "segment 1 of usage does not say its `usage`"),
        ([segment(1, 2, until=3)], "R0309", "segment 1 of usage has `until`, which is none of `from`, `to`, `usage`"),
        ([segment(None, "2026-04-01")], "R0311", "null is not a date"),
        (
            [FIRST, segment("2026-03-18", "2026-04-01")],
            "R0311",
            "segment 1 of usage ends on 2026-03-16 and segment 2 begins on 2026-03-18: "
            "what lies between is not covered",
        ),
        (
            [FIRST, segment("2026-03-15", "2026-04-01")],
            "R0311",
            "segment 1 of usage ends on 2026-03-16 and segment 2 begins on 2026-03-15: "
            "what lies between would count twice",
        ),
        (
            [segment("2026-02-28", "2026-04-01")],
            "R0311",
            "the period begins on 2026-03-01 and segment 1 begins on 2026-02-28: it lies before the period",
        ),
        (
            [segment("2026-03-02", "2026-04-01")],
            "R0311",
            "the period begins on 2026-03-01 and segment 1 begins on 2026-03-02: what lies between is not covered",
        ),
        (
            [FIRST, segment("2026-03-16", "2026-03-16")],
            "R0311",
            "segment 2 of usage, from 2026-03-16 to 2026-03-16, is empty",
        ),
        (
            [FIRST],
            "R0311",
            "the last segment of usage ends on 2026-03-16 and the period on 2026-04-01: "
            "what lies between is not covered",
        ),
        (
            [FIRST, segment("2026-03-16", "2026-04-02")],
            "R0311",
            "the last segment of usage ends on 2026-04-02 and the period on 2026-04-01: it lasts too long",
        ),
        ([segment(*MARCH)], "R0311", "no segment of usage begins at 2026-03-16"),
    ],
)
def test_what_is_said_of_segments_that_do_not_fit(usage: list[Any], code: str, message: str) -> None:
    evaluator = pricing_dsl.compile(PROGRAM).evaluator("c")
    for evaluate in (evaluator, evaluator.explain):
        with pytest.raises(EvaluationError) as caught:
            evaluate(usage, MARCH)
        assert (caught.value.code, caught.value.message) == (code, message)
        assert caught.value.help


def test_usage_that_no_json_could_be_is_refused_as_well() -> None:
    circle: dict[Any, Any] = {}
    circle["self"] = circle
    with pytest.raises(EvaluationError, match="R0309: segment 1 of usage has `self`"):
        pricing_dsl.compile(PROGRAM).evaluator("c")([circle], MARCH)
    with pytest.raises(EvaluationError, match="R0303: the quantity of `calls` is no JSON"):
        pricing_dsl.compile(PROGRAM).evaluator("c")(
            [segment(*MARCH) | {"usage": {"calls": [{"quantity": circle}]}}], MARCH
        )
