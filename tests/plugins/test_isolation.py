"""A plugin that goes wrong is named with its version and hook and what to mend; everything else goes on."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

import pricing_dsl
from pricing_dsl.plugin.manager import Plugins, Refused, load, using
from tests.plugins.packages import COUNTED, IMPORTS, Shelf

GOOD = """
@hookimpl
def register_aggregations(): return [counted('steady_count')]
"""


@dataclass(frozen=True)
class Bad:
    """One way to go wrong: the code, the hook that is named, words of the reason and of the help."""

    code: str
    hook: str
    reason: str
    help: str


AUTHOR = IMPORTS + COUNTED
BAD = {
    "import_error": Bad(
        "import nowhere_to_be_found", "", "cannot be imported: ModuleNotFoundError", r"look at line 1 of"
    ),
    "syntax_error": Bad("def (", "", "cannot be imported: SyntaxError", "leave it out"),
    "exit_at_import": Bad("raise SystemExit(3)", "", "cannot be imported: SystemExit: 3", r"look at line 1 of"),
    "no_api_version": Bad("x = 1", "", "does not say which version", "write `PRICING_API = 1`"),
    "other_api_version": Bad(
        AUTHOR + "PRICING_API = 2" + GOOD, "", "version 2 of the plugin API, and this is version 1", "install a version"
    ),
    "no_hooks": Bad(AUTHOR, "", "implements no hook", "mark a function with `@hookimpl`"),
    "misspelt_hook": Bad(
        AUTHOR + "@hookimpl\ndef register_agregations(): return []",
        "register_agregations",
        "there is no hook",
        "did you mean `register_aggregations`",
    ),
    "wrong_signature": Bad(
        AUTHOR + "@hookimpl\ndef register_aggregations(registry): return []",
        "register_aggregations",
        "takes other arguments",
        r"write `def register_aggregations\(\)`",
    ),
    "wrong_signature_of_an_observer": Bad(
        AUTHOR + "@hookimpl\ndef usage_rejected(event, why): pass",
        "usage_rejected",
        "takes other arguments",
        r"write `def usage_rejected\(event, reason\)`",
    ),
    "raises": Bad(
        AUTHOR + "@hookimpl\ndef register_aggregations(): return [1 / 0]",
        "register_aggregations",
        "raised ZeroDivisionError: division by zero",
        r"look at line \d+ of",
    ),
    "exits": Bad(
        AUTHOR + "@hookimpl\ndef register_aggregations(): raise SystemExit",
        "register_aggregations",
        "raised SystemExit",
        r"look at line \d+ of",
    ),
    "returns_nothing": Bad(
        AUTHOR + "@hookimpl\ndef register_aggregations(): pass",
        "register_aggregations",
        "returned None, not a list of `Aggregation`",
        "return a list",
    ),
    "returns_something_else": Bad(
        AUTHOR + "@hookimpl\ndef register_functions(): return [counted('acme_count')]",
        "register_functions",
        "returned an `Aggregation` where an `Function` must stand",
        "return a list of `Function`",
    ),
    "wrong_field": Bad(
        AUTHOR + "@hookimpl\ndef register_lints(): return [Lint('x', 'no function', 'Says x.')]",
        "register_lints",
        "its `check` is 'no function', which is no function",
        "mend the lint",
    ),
    "wrong_word_in_a_field": Bad(
        AUTHOR + "@hookimpl\ndef register_functions():\n"
        "    return [Function('f', 'f(x)', ('numeral',), 'number', (None,), abs, 'F.')]",
        "register_functions",
        "its `parameters` is",
        "mend the function",
    ),
    "wrong_field_of_a_field": Bad(
        AUTHOR + "from dataclasses import replace\n@hookimpl\ndef register_aggregations():\n"
        "    return [replace(counted('f'), constant=NumberConstant('rank', 'low', 'high'))]",
        "register_aggregations",
        "its `constant` is a `NumberConstant`",
        "mend the aggregation",
    ),
    "raises_when_looked_at": Bad(
        AUTHOR + "class Odd(Lint):\n    @property\n    def name(self): raise OSError('disk')\n"
        "    @name.setter\n    def name(self, value): pass\n"
        "@hookimpl\ndef register_lints(): return [Odd('x', print, 'X.')]",
        "",
        "it cannot be looked at: OSError: disk",
        r"look at line \d+ of",
    ),
    "no_name": Bad(
        AUTHOR + "@hookimpl\ndef register_aggregations(): return [counted('two words')]",
        "register_aggregations",
        "'two words' is no name of an aggregation",
        "mend the aggregation",
    ),
    "reserved_name": Bad(
        AUTHOR + "@hookimpl\ndef register_functions():\n"
        "    return [Function('hour', 'hour(x)', ('number',), 'number', (None,), abs, 'H.')]",
        "register_functions",
        "`hour` is a word of the language",
        "mend the function",
    ),
    "command_of_pricing": Bad(
        AUTHOR + "@hookimpl\ndef register_commands(): return [Command('check', lambda: None, 'Mine.')]",
        "register_commands",
        "`check` is a word of the language or a command",
        "mend the command",
    ),
    "form_without_its_name": Bad(
        AUTHOR + "from dataclasses import replace\n"
        "@hookimpl\ndef register_aggregations(): return [replace(counted('f'), form='other(x)')]",
        "register_aggregations",
        "its `form` is 'other",
        "mend the aggregation",
    ),
    "monotone_of_other_length": Bad(
        AUTHOR + "@hookimpl\ndef register_functions():\n"
        "    return [Function('f', 'f(x)', ('number',), 'number', (None, None), abs, 'F.')]",
        "register_functions",
        "its `monotone` says one thing for each",
        "mend the function",
    ),
    "quantities_unknown": Bad(
        AUTHOR + "@hookimpl\ndef register_price_shapes():\n"
        "    return [PriceShape('s', 's(1)', ('a',), lambda shape, a: shape.linear(a), 'S.', quantities=('b',))]",
        "register_price_shapes",
        "its `quantities` name what is none of its `parameters`",
        "mend the price shape",
    ),
    "built_in_name": Bad(
        AUTHOR + "@hookimpl\ndef register_aggregations(): return [counted('sum')]",
        "register_aggregations",
        "there is a built-in aggregation `sum`",
        "give it another name",
    ),
    "the_same_name_twice": Bad(
        AUTHOR + "@hookimpl\ndef register_aggregations(): return [counted('acme'), counted('acme')]",
        "register_aggregations",
        "two of the name `acme`",
        "a name of its own",
    ),
}


def refusals(there: Plugins, plugin: str) -> list[Refused]:
    return [refused for refused in there.refused if refused.plugin == plugin]


@pytest.mark.parametrize("kind", BAD)
def test_it_is_named_and_the_rest_goes_on(shelf: Shelf, kind: str) -> None:
    bad = BAD[kind]
    shelf.install("acme", bad.code, version="4.5")
    shelf.install_plugin("steady", GOOD)
    there = load(only={"acme", "steady"})
    refused = refusals(there, "acme")[0]
    assert (refused.version, refused.hook) == ("4.5", bad.hook)
    assert bad.reason in refused.reason
    assert re.search(bad.help, refused.help)
    assert "`acme` 4.5" in str(refused)
    assert refusals(there, "steady") == []
    assert there.aggregations["steady_count"].plugin == "steady"
    assert there.aggregations["sum"].plugin == "pricing-dsl"
    assert not any(provided.plugin == "acme" and name == "sum" for name, provided in there.aggregations.items())


def test_what_is_right_of_a_plugin_is_used(shelf: Shelf) -> None:
    """One hook raises and one thing of another is malformed: the rest of the plugin is in."""
    shelf.install_plugin(
        "acme",
        """
        @hookimpl
        def register_aggregations(): return [counted('good_count'), counted('bad name')]

        @hookimpl
        def register_functions(): raise RuntimeError("no network")
        """,
    )
    there = load(only={"acme"})
    assert there.aggregations["good_count"].plugin == "acme"
    assert sorted(each.hook for each in refusals(there, "acme")) == ["register_aggregations", "register_functions"]
    assert "acme" in [info.name for info in there.loaded]


def test_a_plugin_that_hangs_is_given_up(shelf: Shelf) -> None:
    shelf.install_plugin("acme", "import time; time.sleep(3)\n" + GOOD.replace("steady", "slow"))
    shelf.install_plugin("steady", GOOD)
    there = load(only={"acme", "steady"}, seconds_max=0.5)
    (refused,) = refusals(there, "acme")
    assert "not loaded within 0.5 seconds" in refused.reason
    assert "inside the functions" in refused.help
    assert "slow_count" not in there.aggregations
    assert "steady_count" in there.aggregations


def test_a_name_that_two_plugins_want_is_nobodys(shelf: Shelf) -> None:
    for name in ("one", "two"):
        shelf.install_plugin(name, "@hookimpl\ndef register_aggregations(): return [counted('peak')]")
    there = load(only={"one", "two"})
    assert "peak" not in there.aggregations
    assert [(each.plugin, each.name) for each in there.refused if each.name] == [("one", "peak"), ("two", "peak")]
    assert "PRICING_PLUGINS_WITHOUT=two" in refusals(there, "one")[0].help
    assert load(only={"one", "two"}, but={"two"}).aggregations["peak"].plugin == "one"


def test_two_packages_with_one_plugin_name_are_both_refused(shelf: Shelf) -> None:
    shelf.install_plugin("acme", GOOD, package="acme-one")
    shelf.install_plugin("acme", GOOD, package="acme-two")
    there = load(only={"acme"})
    assert len(refusals(there, "acme")) == 2
    assert "`acme-one`, `acme-two`" in refusals(there, "acme")[0].reason


METER = 'currency USD meter m {{ from "e" measure {} }} plan p {{ charge m on m {{ price {} }} }}'


@pytest.mark.parametrize(
    ("hooks", "program", "name"),
    [
        (
            "def register_aggregations(): return [Aggregation('peak', 'peak(x)', 'number', None, True, True, True, "
            "'allowed', 'count', lambda constants: Counted(), 'Peak.')]",
            METER.format("peak(x)", "1"),
            "peak",
        ),
        (
            "def register_functions(): return [Function(name='twice', form='twice(x)', parameters=('number',), "
            "result='number', monotone=(None,), call=abs, about='Twice.')]",
            METER.format("sum(twice(x))", "1"),
            "twice",
        ),
        (
            "def register_price_shapes(): return [PriceShape('stairs', 'stairs(1)', ('a',), "
            "lambda shape, a: shape.linear(a), 'Stairs.')]",
            METER.format("count()", "with stairs(2)"),
            "stairs",
        ),
    ],
)
@pytest.mark.parametrize("broken", ["import nowhere_to_be_found\n", "PRICING_API = 7\n"])
def test_a_program_that_needs_it_is_refused_with_its_name(
    shelf: Shelf, hooks: str, program: str, name: str, broken: str
) -> None:
    """Which plugin a name belongs to is known even where the plugin cannot be imported."""
    shelf.install_plugin("whole", f"@hookimpl\n{hooks}")
    shelf.install_plugin("acme", f"{broken}@hookimpl\n{hooks}", version="0.9")
    with using(load(only={"whole"})):
        assert [d.code for d in pricing_dsl.check(program) if d.severity == "error"] == []
    there = load(only={"acme"}, but={"whole"})
    with using(there):
        (diagnostic,) = pricing_dsl.check(program)
    assert diagnostic.code == "P0105"
    assert f"`{name}`" in diagnostic.message
    assert "`acme` 0.9" in diagnostic.message
    (refused,) = refusals(there, "acme")
    assert (diagnostic.label, diagnostic.help) == (refused.reason, refused.help)


@pytest.mark.parametrize(
    ("program", "code"),
    [
        (METER.format("peek(x)", "1"), "N0502"),
        (METER.format("sum(twoce(x))", "1"), "N0501"),
        (METER.format("count()", "with ladder(2)"), "P0101"),
    ],
)
def test_a_name_that_no_plugin_has_is_an_unknown_name(shelf: Shelf, program: str, code: str) -> None:
    shelf.install_plugin("acme", "import nowhere_to_be_found\n" + GOOD)
    with using(load(only={"acme"})):
        assert [diagnostic.code for diagnostic in pricing_dsl.check(program)] == [code]


def test_known_names_are_listed_and_suggested(shelf: Shelf) -> None:
    shelf.install_plugin("acme", "@hookimpl\ndef register_aggregations(): return [counted('hourly_peak')]")
    with using(load(only={"acme"})):
        (near,) = pricing_dsl.check(METER.format("hourly_paek(x)", "1"))
        (far,) = pricing_dsl.check(METER.format("zzz(x)", "1"))
    assert near.help == "did you mean `hourly_peak(x)`?"
    assert "`hourly_peak(x)`" in far.help


def test_observers_are_told_in_order_and_one_that_raises_stops_nobody(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    for name, body in (("a", "TOLD.append('a')"), ("b", "raise OSError('disk full')"), ("c", "TOLD.append(reason)")):
        shelf.install_plugin(
            name, f"import builtins\nTOLD = builtins.__dict__.setdefault('told', [])\n"
            f"@hookimpl\ndef usage_rejected({'reason' if name == 'c' else 'event, reason'}): {body}",
        )  # fmt: skip
    import builtins

    told: list[str] = []
    builtins.__dict__["told"] = told
    try:
        there = load(only={"a", "b", "c"})
        failed = there.observe("usage_rejected", event={"id": "1"}, reason="no meter")
        assert there.observe("statement_finalised", statement={}) == ()
    finally:
        del builtins.__dict__["told"]
    assert told == ["a", "no meter"]
    assert [(each.plugin, each.version, each.hook) for each in failed] == [("b", "1.2", "usage_rejected")]
    assert "disk full" in failed[0].reason
    assert "`b` 1.2" in caplog.text


def test_every_call_is_printed_when_that_is_asked_for(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.install_plugin(
        "acme",
        "@hookimpl\ndef register_functions(): return [Function('twice', 'twice(x)', ('number',), 'number', (None,), "
        "lambda x: 2 * x, 'T.')]\n@hookimpl\ndef register_lints(): raise ValueError('x')",
    )
    monkeypatch.setenv("PRICING_TRACE_PLUGINS", "1")
    there = load(only={"acme"})
    provided = there.functions["twice"]
    assert provided.call(provided.value.call, 4) == 8
    printed = capsys.readouterr().err
    assert "[plugin acme] register_functions -> 1 twice (" in printed
    assert "[plugin acme] register_lints -> raised ValueError: x (" in printed
    assert "[plugin acme] function twice -> 8 (" in printed
    monkeypatch.setenv("PRICING_TRACE_PLUGINS", "0")
    provided.call(provided.value.call, 4)
    assert capsys.readouterr().err == ""
