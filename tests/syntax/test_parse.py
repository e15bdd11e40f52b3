"""What the golden trees cannot show: bounds, spans of what is put together, and what recovery leaves of a tree."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from pricing_dsl import limits
from pricing_dsl.source import Source
from pricing_dsl.syntax import nodes
from pricing_dsl.syntax.parse import Parsed, from_source


def parse(text: str) -> Parsed:
    return from_source(Source(text))


def codes(text: str) -> list[str]:
    return [diagnostic.code for diagnostic in parse(text).diagnostics]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.000000150", Fraction(150, 10**9)),
        ("1_000", Fraction(1000)),
        ("100k", Fraction(100_000)),
        ("1M", Fraction(10**6)),
        ("2.5B", Fraction(25 * 10**8)),
        ("1T", Fraction(10**12)),
        ("-0.05", Fraction(-5, 100)),
        ("-1_0.2_5k", Fraction(-10_250)),
    ],
)
def test_numbers_are_exact(text: str, value: Fraction) -> None:
    (plan,) = parse(f"plan p {{ fee f {text} }}").program.declarations
    assert isinstance(plan, nodes.Plan)
    (fee,) = plan.items
    assert isinstance(fee, nodes.Fee)
    assert fee.amount.value == value
    assert not fee.amount.percent


def test_percentages_dates_and_instants() -> None:
    parsed = parse("contract c { term 2026-02-28 to 2027-01-01T06:00Z discount 2.9% }")
    (contract,) = parsed.program.declarations
    assert isinstance(contract, nodes.Contract)
    term, discount = contract.items
    assert isinstance(term, nodes.Term)
    assert term.end.value == datetime(2027, 1, 1, 6, tzinfo=UTC)
    assert isinstance(discount, nodes.Adjustment)
    assert discount.amount is not None
    assert (discount.amount.value, discount.amount.percent) == (Fraction(29, 1000), True)


def test_text_has_two_escapes() -> None:
    (plan,) = parse(r'plan p "say \"hi\" \\" { }').program.declarations
    assert isinstance(plan, nodes.Plan)
    assert plan.label is not None
    assert plan.label.value == 'say "hi" \\'


def test_white_space_and_line_ends_carry_no_meaning() -> None:
    text = 'rates r by m { m | price "a" | 1 else | 2 } plan p { fee f 1 in advance }'
    spread = text.replace(" ", "\r\n \t")
    assert parse(text).program == parse(spread).program
    assert parse("\ufeff" + text).diagnostics == ()


def test_operators_bind_as_in_arithmetic() -> None:
    def shape(text: str) -> nodes.Quantity:
        (quantity,) = parse(f"quantity q = {text}").program.declarations
        assert isinstance(quantity, nodes.Quantity)
        return quantity

    assert shape("a + b * c - d") == shape("(a + (b * c)) - d")
    assert shape("a or b and not c == d") == shape("a or (b and (not (c == d)))")
    assert shape("5% of a + b") == shape("(5% of a) + b")
    assert shape("- a * b") == shape("(- a) * b")
    assert shape("if a then b else if c then d else e") == shape("if a then b else (if c then d else e)")


def test_an_expression_may_hold_as_many_operators_as_the_limit_says() -> None:
    assert codes("quantity q = a" + " + a" * limits.EXPRESSION_DEPTH_MAX) == []
    assert codes("quantity q = a" + " + a" * (limits.EXPRESSION_DEPTH_MAX + 1)) == ["S0131"]


def test_braces_and_parentheses_nest_as_deeply_as_the_limit_says() -> None:
    deep = limits.NESTING_MAX
    assert codes(f"quantity q = {'(' * deep}1{')' * deep}") == []
    assert codes(f"quantity q = {'(' * (deep + 1)}1{')' * (deep + 1)}") == ["S0131"]
    phases = "from day 1 { " * (deep - 1)
    assert codes(f"plan p {{ {phases}{'}' * deep}") == []
    assert codes(f"plan p {{ from day 1 {{ {phases}{'}' * (deep + 1)}") == ["S0131"]


def test_words_and_numbers_have_a_length() -> None:
    assert codes(f"currency {'x' * limits.NAME_CHARACTERS_MAX}") == []
    assert codes(f"currency {'x' * (limits.NAME_CHARACTERS_MAX + 1)}") == ["S0133"]
    assert codes(f"plan p {{ fee f {'1' * limits.DIGITS_MAX} }}") == []
    assert codes(f"plan p {{ fee f {'1' * (limits.DIGITS_MAX + 1)} }}") == ["S0132"]


def test_a_program_has_a_length() -> None:
    text = "# " + "x" * limits.SOURCE_CHARACTERS_MAX
    parsed = parse(text)
    assert [diagnostic.code for diagnostic in parsed.diagnostics] == ["S0130"]
    assert parsed.program.declarations == ()


def test_errors_are_counted_and_the_rest_is_named() -> None:
    text = "plan p { fee }\n" * (limits.DIAGNOSTICS_MAX + 50)
    diagnostics = parse(text).diagnostics
    assert len(diagnostics) == limits.DIAGNOSTICS_MAX + 1
    assert diagnostics[-1].code == "S0134"
    assert [diagnostic.span.start for diagnostic in diagnostics[:-1]] == [13 + 15 * i for i in range(200)]


def test_the_rest_of_the_tree_is_there() -> None:
    parsed = parse("plan p { fee a 1 fee b fee c 3 charge d on e { price x y minimum 5 } } unit u")
    assert [diagnostic.code for diagnostic in parsed.diagnostics] == ["S0101", "S0101"]
    plan, unit = parsed.program.declarations
    assert isinstance(unit, nodes.Unit)
    assert isinstance(plan, nodes.Plan)
    kept = [item.name.text for item in plan.items if isinstance(item, nodes.Fee | nodes.Charge)]
    assert kept == ["a", "c", "d"]
    charge = plan.items[-1]
    assert isinstance(charge, nodes.Charge)
    assert [type(step) for step in charge.steps] == [nodes.Price, nodes.Minimum]


def test_a_condition_belongs_to_its_step() -> None:
    text = 'quantity q on m { include 5 when a == "b" mirror }'
    (quantity,) = parse(text).program.declarations
    assert isinstance(quantity, nodes.Quantity)
    include, mirror = quantity.steps
    assert text[include.span.start : include.span.end] == 'include 5 when a == "b"'
    assert include.when is not None
    assert mirror.when is None


def test_comments_are_told_in_order() -> None:
    text = "# one\ncurrency USD # two\n#three"
    assert [text[start:end] for start, end in parse(text).comments] == ["# one", "# two", "#three"]
