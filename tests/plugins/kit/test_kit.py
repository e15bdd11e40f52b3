"""The kit itself: what is good passes, how it is called, what it prints, what it says where it cannot run."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pricing_dsl.plugin import Aggregation, Exporter, Imported, Importer, hookimpl
from pricing_dsl.plugin.aggregations import BUILT_IN
from pricing_dsl.plugin.builtin import FUNCTIONS, PRICE_SHAPES
from pricing_dsl.plugin.testing import (
    KitError,
    aggregations,
    assert_plugin,
    report,
    verify_aggregation,
    verify_exporter,
    verify_function,
    verify_importer,
    verify_plugin,
    verify_price_shape,
)
from tests.plugins.kit.bad import bad_edges, good, moody_function, not_associative
from tests.plugins.kit.bad.common import Good, aggregation


def test_the_built_in_plugin_passes() -> None:
    found = verify_plugin("pricing-dsl")
    assert found.problems == ()
    assert [check for check in found.checks if check.outcome != "ok"] == [], "and every law could be asked"
    asked = {check.name for check in found.checks if check.law == "another interpreter"}
    assert asked == {each.name for each in (*BUILT_IN, *FUNCTIONS, *PRICE_SHAPES)}


@pytest.mark.parametrize("rank", [Fraction(95), Fraction(1, 2)])
def test_percentile_approximate_passes(rank: Fraction) -> None:
    """Its results scale within its stated error, which the law of the unit allows for."""
    (percentile,) = [each for each in BUILT_IN if each.name == "percentile"]
    assert verify_aggregation(percentile, [[rank, "approximate"]]) == ()


def test_a_good_plugin_passes() -> None:
    assert_plugin(good)


def test_one_thing_is_verified_by_itself() -> None:
    (plain_sum,) = good.register_aggregations()
    (double,) = good.register_functions()
    (each,) = good.register_price_shapes()
    assert (verify_aggregation(plain_sum), verify_function(double), verify_price_shape(each)) == ((), (), ())
    (bad,) = not_associative.register_aggregations()
    assert [problem.law for problem in verify_aggregation(bad)] == ["associative"]
    laws = {
        each.name: [problem.law for problem in verify_function(each)] for each in moody_function.register_functions()
    }
    assert laws["hashed"] == ["another interpreter"]


def test_an_importer_is_tried_on_samples() -> None:
    def read(data: bytes) -> Imported:
        if not data.startswith(b"amount "):
            raise ValueError("the file must begin with `amount`")
        return Imported(f"currency USD\nplan p {{ fee f {data[7:].decode()} monthly }}")

    importer = Importer("fees", (".txt",), read, "Reads fees.")
    assert verify_importer(importer, [b"amount 5"]) == ()
    (broken,) = verify_importer(importer, [b"amount five"])
    assert broken.law == "compiles"
    (refused,) = verify_importer(importer, [b"5"])
    assert "it refused a sample: the file must begin with `amount`" in refused.message
    (silent,) = [each for each in bad_edges.register_importers() if each.name == "refuses"]
    assert verify_importer(silent) == ()


def test_an_exporter_is_tried_on_samples() -> None:
    def write(statements: Sequence[Mapping[str, Any]], form: str) -> bytes:
        if any("account" not in statement for statement in statements):
            raise ValueError("a statement does not say its account")
        return f"{form} {len(statements)}".encode()

    exporter = Exporter("accounts", ("csv",), write, "Writes accounts.")
    assert verify_exporter(exporter, [{"account": "7"}]) == ()
    (refused,) = verify_exporter(exporter, [{}])
    assert refused.message == "it refused the samples: a statement does not say its account"


def test_assert_plugin_fails_with_every_problem() -> None:
    with pytest.raises(AssertionError, match="law associative: merge"):
        assert_plugin(not_associative)


def test_too_slow_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregations, "AGGREGATION_SECONDS_PER_MILLION_MAX", 0)
    (plain_sum,) = good.register_aggregations()
    (problem,) = verify_aggregation(plain_sum)
    assert problem.law == "speed"


def test_what_cannot_be_found_again_is_said() -> None:
    """A plugin that is an object in no module: the other interpreter cannot find it, and the report says so."""

    class Hidden:
        PRICING_API = 1

        @hookimpl
        def register_aggregations(self) -> Sequence[Aggregation]:
            return [aggregation("hidden", lambda _: Good())]

    found = verify_plugin(Hidden())
    assert found.problems == ()
    (check,) = [check for check in found.checks if check.outcome == "not asked"]
    assert check.law == "another interpreter"
    assert check.note.startswith("it was not found in another interpreter")


def test_an_interpreter_that_dies_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passing over it would call a plugin proved that nobody can import."""
    dies = f"import os\nif os.getpid() != {os.getpid()}: os._exit(3)\nfrom tests.plugins.kit.bad.good import *\n"
    (tmp_path / "dies_elsewhere.py").write_text(dies + "PRICING_API = 1\n__version__ = '0.2'\n")
    monkeypatch.syspath_prepend(tmp_path)
    problems = verify_plugin(import_module("dies_elsewhere")).problems
    assert {problem.message for problem in problems} == {"another interpreter ended with 3: it said nothing"}
    assert {problem.name for problem in problems} == {"plain_sum", "double", "each"}


def test_the_report_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = report.text(verify_plugin(not_associative)).splitlines()
    assert lines[0].split() == ["what", "law", "outcome", "what", "it", "says"]
    assert lines[1].startswith("plugin not_associative  loads ")
    assert lines[2].startswith("aggregation bad         deterministic        ok         the same events")
    (broken,) = [line.strip() for line in lines if " failed " in line]
    assert broken == "associative          failed     it does not matter which states are merged first"
    (skipped,) = [line.strip() for line in lines if " not asked " in line]
    assert skipped.endswith("in any batches (`associative` is broken)")
    assert lines[-5].startswith("plugin `not_associative` 0.1, hook `register_aggregations`, `bad`, law associative: ")
    assert lines[-1] == "`not_associative` 0.1: 14 laws asked, 1 is broken."
    assert report.run("pricing-dls") == 2
    assert capsys.readouterr().out == "there is no plugin `pricing-dls`; did you mean `pricing-dsl`?\n"


def test_without_hypothesis_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(KitError, match="pip install hypothesis"):
        assert_plugin(good)
