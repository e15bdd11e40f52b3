# ruff: noqa: ARG005 - what a plugin gets is given by position, used or not
"""What plugins provide, used in programs: aggregations, functions, price shapes and company rules."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pricing_dsl
from pricing_dsl.evaluate.measure import measure_event
from pricing_dsl.ir import json as ir_json
from pricing_dsl.ir import nodes as ir
from pricing_dsl.plugin import Finding, Function, Lint, PriceShape, ShapeBuilder, hookimpl
from pricing_dsl.plugin.manager import load, using
from pricing_dsl.source import Span


class Acme:
    """A plugin as an object, with what a test gives it."""

    PRICING_API = 1
    __version__ = "2.0"

    def __init__(self, *things: Any) -> None:
        self.things = things

    def of(self, kind: type) -> list[Any]:
        return [thing for thing in self.things if isinstance(thing, kind)]

    @hookimpl
    def register_functions(self) -> list[Function]:
        return self.of(Function)

    @hookimpl
    def register_price_shapes(self) -> list[PriceShape]:
        return self.of(PriceShape)

    @hookimpl
    def register_lints(self) -> list[Lint]:
        return self.of(Lint)


def function(name: str, call: Any, parameters: Any = ("number",), result: Any = "number", **more: Any) -> Function:
    monotone = (None,) * len(parameters)
    return Function(name, f"{name}(x)", parameters, result, monotone, call, "For a test.", **more)


def shape(name: str, parameters: tuple[str, ...], build: Any, quantities: tuple[str, ...] = ()) -> PriceShape:
    return PriceShape(name, f"{name}({', '.join(parameters)})", parameters, build, "For a test.", quantities)


def codes(program: str, *things: Any) -> list[str]:
    with using(load(only=set(), also={"acme": Acme(*things)})):
        return [diagnostic.code for diagnostic in pricing_dsl.check(program)]


@pytest.fixture
def functions() -> Iterator[None]:
    plugin = Acme(
        function("double", lambda x: 2 * x),
        function("tenths", lambda x: x / 10, whole=False),
        function("whole_tenths", lambda x: x // 10, whole=True),
        function("joined", lambda *texts: "-".join(texts), ("text",), "text", repeats=True),
        function("is_big", lambda x: x > 100, ("number",), "truth"),
        function("picked", lambda asked, one, other: one if asked else other, ("truth", "number", "number")),
    )
    with using(load(only=set(), also={"acme": plugin})):
        yield


def measured(expression: str, event: dict[str, Any], dimension: str = "") -> Any:
    by = f" by {dimension}" if dimension else ""
    text = f'currency USD meter m {{ from "e" measure {expression}{by} }} plan p {{ charge m on m {{ price 1 }} }}'
    program = pricing_dsl.compile(text).ir
    assert ir_json.from_json(ir_json.to_json(program)) == program
    return measure_event(program, program.meters[0], event)


# --- functions -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize(
    ("expression", "event", "value"),
    [
        ("sum(double(x))", {"x": "1.5"}, Fraction(3)),
        ("sum(double(double(x)) + 1)", {"x": 2}, Fraction(9)),
        ("sum(tenths(x))", {"x": 1}, Fraction(1, 10)),
        ("sum(whole_tenths(x / y))", {"x": 100, "y": 3}, Fraction(3)),
        ("unique(joined(a, b, c))", {"a": "x", "b": 7, "c": True}, "x-7-true"),
        ("sum(picked(is_big(x), 1, 2))", {"x": 101}, Fraction(1)),
        ("sum(picked(x > 5 and not is_big(x), 1, 2))", {"x": 101}, Fraction(2)),
        ("sum(double(x or 4))", {}, Fraction(8)),
    ],
)
def test_a_function_is_called_with_values_of_its_kinds(expression: str, event: dict[str, Any], value: Any) -> None:
    assert measured(expression, event) == (((), value),)


@pytest.mark.usefixtures("functions")
def test_a_function_gives_a_dimension_and_a_condition() -> None:
    assert measured("sum(x)", {"x": 5, "a": "eu", "b": "1"}, "zone: joined(a, b)") == ((("eu-1",), Fraction(5)),)
    assert measured("sum(x)", {"x": 500}, 'size: if is_big(x) then "big" else "small"') == ((("big",), 500),)


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("sum(double())", "T0607"),
        ("sum(double(x, y))", "T0607"),
        ('sum(double("a"))', "T0602"),
        ("sum(joined(a))", "T0602"),
        ("sum(double(is_big(x)))", "T0602"),
        ("sum(double(x / y))", "T0605"),
        ("sum(is_big(x))", "T0602"),
        ('sum(double(a) + picked(a == "x", 1, 2))', "T0604"),
        ("sum(dubble(x))", "N0501"),
    ],
)
def test_a_function_is_type_checked(expression: str, code: str) -> None:
    text = f'currency USD meter m {{ from "e" measure {expression} }} plan p {{ charge m on m {{ price 1 }} }}'
    assert [diagnostic.code for diagnostic in pricing_dsl.check(text)] == [code]


@pytest.mark.usefixtures("functions")
def test_a_table_of_the_program_goes_before_a_plugin() -> None:
    """Installing a plugin never changes what a program means."""
    text = (
        'currency USD rates double by region { region | value "eu" | 7 else | 9 } '
        'meter m { from "e" measure sum(double(region)) } plan p { charge m on m { price 1 } }'
    )
    program = pricing_dsl.compile(text).ir
    assert measure_event(program, program.meters[0], {"region": "eu"}) == (((), Fraction(7)),)


@pytest.mark.parametrize(
    ("call", "result", "more", "code", "words"),
    [
        (lambda x: 1 / (x - x), "number", {}, "P0301", "raised ZeroDivisionError"),
        (lambda x: float(x), "number", {}, "P0302", "a binary floating-point number"),
        (lambda x: Decimal(1), "number", {}, "P0302", "no number"),
        (lambda x: True, "number", {}, "P0302", "no number"),
        (lambda x: None, "number", {}, "P0302", "no number"),
        (lambda x: x / 3, "number", {}, "P0302", "no exact decimal"),
        (lambda x: 10**60, "number", {}, "P0302", "no exact decimal of at most 60 digits"),
        (lambda x: Fraction(1, 10**61), "number", {}, "P0302", "no exact decimal of at most 60 digits"),
        (lambda x: x / 2, "number", {"whole": True}, "P0302", "not whole"),
        (lambda x: 1, "text", {}, "P0302", "no text"),
        (lambda x: 1, "truth", {}, "P0302", "neither true nor false"),
    ],
)
def test_a_function_that_breaks_its_word_is_named(call: Any, result: Any, more: Any, code: str, words: str) -> None:
    made = function("odd", lambda x: call(x), result=result, **more)
    expression = {"number": "sum(odd(x))", "text": "unique(odd(x))", "truth": "sum(if odd(x) then 1 else 2)"}[result]
    with using(load(only=set(), also={"acme": Acme(made)})), pytest.raises(pricing_dsl.EvaluationError) as caught:
        measured(expression, {"x": 1})
    assert caught.value.code == code
    assert words in caught.value.message
    assert "`odd` of the plugin `acme` 2.0" in caught.value.message
    assert caught.value.help


def test_an_ir_is_measured_by_the_plugins_of_the_day() -> None:
    text = 'currency USD meter m { from "e" measure sum(double(x)) } plan p { charge m on m { price 1 } }'
    with using(load(only=set(), also={"acme": Acme(function("double", lambda x: 2 * x))})):
        stored = ir_json.to_json(pricing_dsl.compile(text).ir)
    program = ir_json.from_json(stored)
    with using(load(only=set())), pytest.raises(pricing_dsl.EvaluationError) as caught:
        measure_event(program, program.meters[0], {"x": 1})
    assert caught.value.code == "P0303"
    with using(load(only=set(), also={"acme": Acme(function("double", lambda x: 2 * x))})):
        assert measure_event(program, program.meters[0], {"x": 1}) == (((), Fraction(2)),)


# --- price shapes --------------------------------------------------------------------------------------------------

HEAD = """
currency USD
unit MB
unit GB = 1000 MB
meter traffic { from "e" measure sum(mb) unit MB by region }
"""


def plan(step: str) -> str:
    return f"{HEAD} plan p {{ charge traffic on traffic {{ {step} }} }}"


STEPS = shape(
    "steps",
    ("size", "first", "then"),
    lambda shape, size, first, then: shape.graduated(
        [shape.tier(size, first), shape.tier(None, shape.linear(then, per=10), plus=1)]
    ),
    ("size",),
)
BUILT = [
    (STEPS, "steps(2 GB, 0.10, 0.50)", "graduated { to 2 GB: 0.10 per MB  above: 0.50 per 10 MB plus 1 }"),
    (
        shape("lots", ("price", "size"), lambda shape, price, size: shape.package(price, size), ("size",)),
        "lots(3, 100 MB)",
        "price 3 per started 100 MB",
    ),
    (
        shape("lots", ("price",), lambda shape, price: shape.package(price, 100, "full")),
        "lots(3)",
        "price 3 per full 100 MB",
    ),
    (shape("half", ("price",), lambda shape, price: shape.linear(price / 2)), "half(-0.30)", "price -0.15"),
    (shape("gift", (), lambda shape: shape.free()), "gift()", "price free"),
    (
        shape(
            "bulk",
            ("limit", "low", "high"),
            lambda shape, limit, low, high: shape.volume(
                [shape.tier(limit, shape.flat(low), below=True, even_at_zero=True), shape.tier(None, high)]
            ),
            ("limit",),
        ),
        "bulk(1 GB, 10, 0.05)",
        "volume { below 1 GB: flat 10 even at zero  above: 0.05 per MB }",
    ),
    (
        shape(
            "capped",
            ("rate", "low", "high"),
            lambda shape, rate, low, high: shape.graduated(
                [shape.tier(50, shape.package(rate, 10), minimum=low, maximum=high), shape.tier(None, shape.reject())]
            ),
        ),
        "capped(2, 1, 7)",
        "graduated { to 50 MB: 2 per started 10 MB minimum 1 maximum 7  above: reject }",
    ),
]


@pytest.mark.parametrize(("built", "written", "steps"), BUILT, ids=[written for _, written, _ in BUILT])
def test_a_shape_is_the_steps_it_stands_for(built: PriceShape, written: str, steps: str) -> None:
    """The same IR as the language's own steps, so the same amounts in every evaluator."""
    with using(load(only=set(), also={"acme": Acme(built)})):
        with_shape = pricing_dsl.compile(plan(f"price with {written}"))
        by_hand = pricing_dsl.compile(plan(steps))
        assert [d.code for d in with_shape.diagnostics] == [d.code for d in by_hand.diagnostics]
    assert with_shape.ir.plans[0] == by_hand.ir.plans[0]
    assert with_shape.hash == by_hand.hash


def test_a_shape_stands_where_its_call_stands() -> None:
    text = plan("price with steps(2 GB, 0.10, 0.50)")
    with using(load(only=set(), also={"acme": Acme(STEPS)})):
        (charge,) = pricing_dsl.compile(text).ir.plans[0].lines
    assert isinstance(charge, ir.Charge)
    (step,) = charge.steps
    assert isinstance(step, ir.Graduated)
    assert {text[node.span.start : node.span.end] for node in (step, step.tiers[0], step.tiers[1].price)} == {
        "price with steps(2 GB, 0.10, 0.50)"
    }


@given(quantity=st.integers(0, 10_000), size=st.integers(1, 3_000), tenths=st.integers(0, 50))
@settings(max_examples=60, deadline=None)
def test_reference_and_generated_code_agree(quantity: int, size: int, tenths: int) -> None:
    text = plan(f"price with steps({size} MB, 0.{tenths:02d}, 0.40)  minimum 3")
    with using(load(only=set(), also={"acme": Acme(STEPS)})):
        evaluator = pricing_dsl.compile(text).evaluator("p")
    usage = {"traffic": [{"region": "eu", "quantity": quantity}]}
    statement = evaluator.explain(usage)
    assert evaluator.amounts(usage) == {"traffic": statement.line("traffic").minor, "total": statement.total * 100}
    assert evaluator(usage).total == statement.total


@pytest.mark.parametrize(
    ("step", "found"),
    [
        ("price with steps(2 GB, 0.10)", ["P0102"]),
        ("price with steps(2 GB, 0.10, 0.50, 3)", ["P0102"]),
        ('price with steps(2 GB, "a", 0.50)', ["P0102"]),
        ("price with steps(2 GB, 0.10 + 1, 0.50)", ["P0102"]),
        ("price with steps(2 GB, 0.10 MB, 0.50)", ["U0305"]),
        ("price with steps(2 hours, 0.10, 0.50)", ["N0106"]),
        ("price with steps(-2 GB, 0.10, 0.50)", ["P0104"]),
        ("price with stepz(2 GB, 0.10, 0.50)", ["P0101"]),
        ('price with steps(2 GB, 0.10, 0.50) when region == "eu"', ["T0105"]),
        ("price with steps(2 GB, 0.10, 0.50) price 2", ["T0202"]),
        ('price with steps(2 GB, 0.10, 0.50) times region { "eu": 2 else: 1 }', ["T0206"]),
        ('each region price with steps(2 GB, 0.10, 0.50) times region { "eu": 2 else: 1 }', []),
        ("include 1 GB across cells cheapest first price with steps(2 GB, 0.10, 0.50)", ["T0211"]),
    ],
)
def test_a_shape_is_checked_as_a_price_step(step: str, found: list[str]) -> None:
    assert codes(plan(step), STEPS) == found


@pytest.mark.parametrize(
    ("build", "code", "words"),
    [
        (lambda shape: 1 / 0, "P0104", "raised ZeroDivisionError"),
        (lambda shape: shape.linear(0.5), "P0104", "`amount` is 0.5; give an int, a Fraction or a Decimal"),
        (lambda shape: shape.linear(True), "P0104", "`amount` is True"),
        (lambda shape: None, "P0104", "it returned `NoneType`, not a price step"),
        (lambda shape: shape.tier(None, 1), "P0104", "it returned `Tier`, not a price step"),
        (lambda shape: shape.graduated([]), "P0104", "there are no tiers"),
        (lambda shape: shape.graduated([shape.tier(10, 1)]), "P0104", "the last tier is `above`"),
        (
            lambda shape: shape.graduated([shape.tier(10, 1), shape.tier(5, 1), shape.tier(None, 1)]),
            "P0104",
            "bounds ascend",
        ),
        (lambda shape: ir.Price(ir.Linear(ir.Lookup("secret", Fraction(1)))), "P0104", "reads a table"),
        (lambda shape: ir.Price(ir.Linear(ir.Const(0.5))), "P0104", "it holds 0.5"),  # type: ignore[arg-type]
        (lambda shape: ir.Match("region", ()), "P0104", "it returned `Match`"),
        (
            lambda shape: ir.Volume(ir.Ref("quantity", "x"), (shape.tier(None, 1),)),
            "P0104",
            "a quantity of the program",
        ),
        (lambda shape: shape.linear(1, per=0), "P0103", "per a positive number of units"),
    ],
)
def test_a_shape_that_breaks_its_word_is_named(build: Any, code: str, words: str) -> None:
    with using(load(only=set(), also={"acme": Acme(shape("odd", (), build))})):
        (diagnostic,) = pricing_dsl.check(plan("price with odd()"))
    assert diagnostic.code == code
    assert words in diagnostic.message
    if code == "P0104":
        assert "`odd` of the plugin `acme` 2.0" in diagnostic.message
        assert diagnostic.help


def test_a_shape_may_say_why_its_numbers_make_no_price() -> None:
    def build(builder: ShapeBuilder, amount: Fraction) -> ir.PriceStep:
        if amount < 0:
            raise ValueError("an `odd` price is not negative")
        return builder.linear(amount)

    with using(load(only=set(), also={"acme": Acme(shape("odd", ("amount",), build))})):
        (diagnostic,) = pricing_dsl.check(plan("price with odd(-1)"))
    assert diagnostic.code == "P0103"
    assert diagnostic.message == "`odd` makes no price of these numbers: an `odd` price is not negative"
    assert diagnostic.help == "write `odd(amount)` (amount)"


def test_counted_takes_no_volume_with_amounts_from_a_shape() -> None:
    flat = shape("flat_fee", (), lambda shape: shape.volume([shape.tier(None, shape.flat(5))]))
    assert codes(plan("counted yearly price with flat_fee()"), flat) == ["T0210"]


def test_a_shape_on_a_meter_that_does_not_add_needs_each() -> None:
    text = (
        'currency USD meter peak {{ from "e" measure max(x) carried by region }} '
        "plan p {{ charge c on peak {{ {}price with half(3) }} }}"
    )
    half = shape("half", ("price",), lambda shape, price: shape.linear(price / 2))
    assert codes(text.format(""), half) == ["T0208"]
    assert codes(text.format("each region "), half) == []


def test_a_shape_in_an_override_replaces_the_price() -> None:
    text = plan("price 1") + (
        'contract c { customer "x" plan p term 2026-01-01 to 2027-01-01 '
        "override traffic { price with steps(2 GB, 0.10, 0.50) } }"
    )
    with using(load(only=set(), also={"acme": Acme(STEPS)})):
        evaluator = pricing_dsl.compile(text).evaluator("c")
    usage = {"traffic": [{"region": "eu", "quantity": 1000}]}
    assert evaluator(usage, period=("2026-03-01", "2026-04-01")).total == 100


def test_the_declining_price_of_the_language() -> None:
    text = plan("price with declining(0.50, 1 GB, 80%, 3)")
    by_hand = plan("graduated { to 1 GB: 0.50 per MB  to 2 GB: 0.40 per MB  above: 0.32 per MB }")
    assert pricing_dsl.compile(text).hash == pricing_dsl.compile(by_hand).hash
    for wrong in ("declining(0.50, 0, 80%, 3)", "declining(0.50, 1 GB, 110%, 3)", "declining(0.50, 1 GB, 80%, 2.5)"):
        assert codes(plan(f"price with {wrong}")) == ["P0103"]


# --- company rules -------------------------------------------------------------------------------------------------

PROGRAM = 'currency USD\nmeter m { from "e" measure count() }\nplan p { charge m on m { price 1 } }  # approved: jd\n'


def test_lints_see_the_program_and_its_comments() -> None:
    def check(program: ir.Program, text: str) -> Iterator[Finding]:
        assert [plan.name for plan in program.plans] == ["p"]
        if "# approved" not in text:
            yield Finding("error", program.plans[0].span, "this plan has no approval", "write `# approved: WHO`")
        yield Finding("warning", Span(0, 8), "old currency", "use another")

    lint = Lint("approval", check, "Plans are approved.")
    assert codes(PROGRAM, lint) == ["P0202"]
    with using(load(only=set(), also={"acme": Acme(lint)})):
        assert pricing_dsl.compile(PROGRAM).diagnostics[0].severity == "warning"
        with pytest.raises(pricing_dsl.ProgramError) as caught:
            pricing_dsl.compile(PROGRAM.replace("# approved", "# by"))
    error = caught.value.diagnostics[1]
    assert (error.code, error.help) == ("P0201", "write `# approved: WHO`")
    assert error.message == "this plan has no approval (lint `approval` of `acme` 2.0)"


def test_programs_with_errors_are_not_linted() -> None:
    lint = Lint("eager", lambda program, text: [Finding("error", Span(0, 1), "no", "no")], "Says no.")
    assert codes("currency USD meter m { }", lint) == ["T0601", "T0601"]
    assert "P0201" not in codes('currency USD meter m { from "e" measure count() } plan p { charge', lint)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (lambda program, text: 1 / 0, "raised ZeroDivisionError"),
        (lambda program, text: 7, "raised TypeError"),
        (lambda program, text: ["bad"], "something else than a `Finding`"),
        (lambda program, text: [Finding("error", Span(0, 10**9), "far", "away")], "something else than a `Finding`"),
        (lambda program, text: [Finding("fatal", Span(0, 1), "x", "y")], "something else than a `Finding`"),  # type: ignore[arg-type]
    ],
)
def test_a_lint_that_does_not_work_warns_and_stops_nothing(check: Any, words: str) -> None:
    good = Lint("good", lambda program, text: [Finding("warning", Span(0, 8), "still here", "fine")], "Says hello.")
    with using(load(only=set(), also={"acme": Acme(Lint("odd", check, "Odd."), good)})):
        broken, found = pricing_dsl.compile(PROGRAM).diagnostics
    assert (broken.code, broken.severity) == ("P0203", "warning")
    assert words in broken.message
    assert "`odd` of the plugin `acme` 2.0" in broken.message
    assert found.code == "P0202"
