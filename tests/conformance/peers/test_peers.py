"""Vectors of six billing systems, priced through the public face: program text in, statement out.

Every vector of `tests/data/peers.json` is either a case that passes or listed in `peers_not_yet.toml` with what it
lacks. Both ways of evaluating must give the stated amount, to the last digit where the source does not round.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import pricing_dsl
from pricing_dsl.evaluate.errors import EvaluationError
from tests.conformance.peers import autumn, balances, flexprice, killbill, lago, meteroid, openmeter
from tests.conformance.peers.case import Case, Vector

HERE = Path(__file__).parent
VECTORS: list[Vector] = json.loads((HERE.parents[1] / "data" / "peers.json").read_text())
GROUPS = tomllib.loads((HERE.parent / "peers_not_yet.toml").read_text())["group"]
NOT_YET: list[str] = [vector for group in GROUPS for vector in group["vectors"]]
PAGE = (HERE.parents[2] / "docs" / "peers.md").read_text(encoding="utf-8")
FAMILIES: dict[str, Callable[[Vector], Case | None]] = {
    name: build
    for peer in (autumn, balances, flexprice, killbill, lago, meteroid, openmeter)
    for name, build in peer.FAMILIES.items()
}
SAID_SHARE_MIN = 0.8
AGREED = ("commitment", "credit", "minimum", "proration", "discount", "discount_allocation")
"""The models of contracts, and of what they do to an invoice."""


def case_of(vector: Vector) -> Case | None:
    return FAMILIES[vector["id"].rsplit("-", 1)[0]](vector)


CASES = {vector["id"]: case for vector in VECTORS if (case := case_of(vector)) is not None}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_vector(case: Case) -> None:
    evaluator = pricing_dsl.compile(case.program).evaluator(case.target)
    for evaluate in (evaluator, evaluator.explain):
        if case.is_error:
            with pytest.raises(EvaluationError, match=r"^R\d{4}"):
                evaluate(case.usages[-1])
            continue
        statements = [evaluate(usage, case.period, case.balances) for usage in case.usages]
        assert not statements[-1].unpriced
        for check in case.checks:
            assert check.measure(statements) == check.amount, check.what


def test_every_case_checks_something() -> None:
    assert [name for name, case in CASES.items() if not case.checks and not case.is_error] == []


def test_every_vector_is_said_or_listed_never_both() -> None:
    listed = set(NOT_YET)
    assert len(NOT_YET) == len(listed)
    assert listed <= {vector["id"] for vector in VECTORS}
    assert [vector["id"] for vector in VECTORS if (vector["id"] in CASES) == (vector["id"] in listed)] == []


def test_most_vectors_are_said() -> None:
    assert len(CASES) >= SAID_SHARE_MIN * len(VECTORS)


@pytest.mark.parametrize("model", AGREED)
def test_most_vectors_of_contracts_are_said(model: str) -> None:
    known = [vector["id"] for vector in VECTORS if vector["model"] == model]
    assert len([name for name in known if name in CASES]) >= SAID_SHARE_MIN * len(known)


def test_the_page_says_how_many_of_each_model() -> None:
    stated = {m[1]: (int(m[2]), int(m[3])) for m in re.finditer(r"(?m)^\| ([a-z* ]+) \| (\d+) \| (\d+) \|$", PAGE)}
    known = Counter(vector["model"].replace("_", " ") for vector in VECTORS)
    found = Counter(vector["model"].replace("_", " ") for vector in VECTORS if vector["id"] in CASES)
    everything = {"**all**": (len(VECTORS), len(CASES))}
    assert stated == {model: (number, found[model]) for model, number in known.items()} | everything


def test_the_page_lists_what_is_left_and_why() -> None:
    for group in GROUPS:
        named = ", ".join(f"`{vector}`" for vector in group["vectors"])
        assert f"| {group['needs']} | {named} |" in PAGE
