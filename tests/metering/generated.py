"""Meters and events made by Hypothesis: all that the expressions of meters can be, and events that are often wrong."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.metering.setting import NOW

HEAD = """currency USD
rates limits by model { model | value  "gpt-5" | 1.5  "gpt-*" | 272k  "o3" | - }
rates sizes by model, region { model | eu | us  "gpt-5" | 0.25 | 3  else | 1 | - }
"""
NUMBERS = ("tokens", "cached", "seconds")
TEXTS = ("model", "region", "attempt")
FLAG = "streamed"


LITERALS = ("0", "1", "7", "2.5", "0.001", "1M", "(-3)")
LEAVES = (
    *NUMBERS,
    *NUMBERS,
    *(f"({name} or 0)" for name in NUMBERS),
    *LITERALS,
    *("(cached or 2.5)", "limits(model)", "sizes(model, region)", "(limits(model) or 4)", "hour(time)", "minute(time)"),
    *("weekday(time)", "ceil(tokens / 1000)", "floor(cached / 3)", "ceil(tokens / seconds)"),
)
CONDITIONS = (
    *('model == "gpt-5"', 'region != "eu"', 'model in ("gpt-5", "o3")', 'model like "gpt-*"', FLAG, "tokens == 3"),
    *("tokens in (1, 2, 3)", 'attempt == "3"', "model == region"),
)
FORMS = (
    *("({} + {})", "({} - {})", "({} * {})"),
    *("({} + {})", "({} - {})", "({} * {})", "min({}, {})", "max({}, {})", "abs({})", "ceil({})", "floor({})"),
    *("(-{})", "({} / 3)", "({} / 0.8)", "(if {c} then {} else {})"),
)


@st.composite
def numbers(draw: st.DrawFn, depth: int = 2) -> str:
    """An expression that is a number."""
    form = draw(st.sampled_from(("{}", *FORMS))) if depth else "{}"
    if form == "{}":
        return draw(st.sampled_from(LEAVES))
    parts = [draw(numbers(depth - 1)) for _ in range(form.count("{}"))]
    return form.format(*parts, c=draw(conditions(depth - 1)) if "{c}" in form else "")


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> str:
    """An expression that is true or false."""
    match draw(st.sampled_from(("simple", "simple", "order", "joined", "not"))) if depth else "simple":
        case "order":
            order = draw(st.sampled_from(("<", "<=", ">", ">=")))
            return f"{draw(numbers(depth - 1))} {order} {draw(numbers(depth - 1))}"
        case "joined":
            return (
                f"({draw(conditions(depth - 1))} {draw(st.sampled_from(('and', 'or')))} {draw(conditions(depth - 1))})"
            )
        case "not":
            return f"(not {draw(conditions(depth - 1))})"
        case _:
            return draw(st.sampled_from(CONDITIONS))


@st.composite
def dimensions(draw: st.DrawFn) -> str:
    plain = ("model", "region", "attempt", "hour", "day", "weekday", "text: attempt", "size")
    match draw(st.sampled_from(plain)):
        case "size":
            return f'size: if {draw(conditions())} then "long" else "short"'
        case "region":
            return draw(st.sampled_from(("region", "region: region or \"a {{0}} brace and 'quote'\"")))
        case name:
            return name


ONE_NUMBER = ("sum({})", "max({})", "min({})", "mean({})", "percentile({}, 95)", "last({})", "time_weighted({}, hour)")
CARRIED = ("last({})", "time_weighted({})", "max({})", "min({})", "mean({})", "percentile({}, 50)")


@st.composite
def measured(draw: st.DrawFn) -> str:
    """`measure ...` of any aggregation."""
    kind = draw(st.sampled_from(["number", "number", "count", "unique", "carried", "by"]))
    match kind:
        case "count":
            return "measure count()"
        case "unique":
            return f"measure unique({draw(st.sampled_from(TEXTS))})"
        case "carried":
            return f"measure {draw(st.sampled_from(CARRIED)).format(draw(numbers()))} carried"
        case "by":
            return f"measure by kind {{ one: sum({draw(numbers())})  two: sum({draw(numbers())}) }}"
        case _:
            return f"measure {draw(st.sampled_from(ONE_NUMBER)).format(draw(numbers()))}"


@st.composite
def meter(draw: st.DrawFn, name: str) -> str:
    types = draw(st.sampled_from(['"llm"', '"llm"', '"llm", "audio"', '"audio"']))
    condition = f"where {draw(conditions())}" if draw(st.booleans()) else ""
    by = draw(st.lists(dimensions(), max_size=2, unique_by=lambda text: text.split(":")[0]))
    zone = draw(st.sampled_from(["", "", 'timezone "Europe/Paris"', 'timezone "America/New_York"']))
    return (
        f"meter {name} {{ from {types} {condition} {draw(measured())} {'by ' + ', '.join(by) if by else ''} {zone} }}"
    )


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A program of one to three meters."""
    count = draw(st.sampled_from((1, 1, 2, 3)))
    return HEAD + "\n".join(draw(meter(f"m{number}")) for number in range(count)) + "\nplan p { fee f 1 }\n"


good_numbers = st.one_of(
    st.integers(0, 9),
    st.integers(-(10**6), 10**6),
    st.integers(-(10**59), 10**59),
    st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**20), max_value=10**20),
    st.sampled_from([Decimal("0.10"), Decimal("1E+5"), Decimal("-0.0"), Decimal("12345678901234567890.5")]),
)
wrong = st.sampled_from([None, True, "", "3", "1.50", "12e3", "0x1", "NaN", [1], {"a": 1}, 10**70, Decimal("1E-70")])
data = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.one_of(good_numbers, good_numbers, good_numbers, wrong) for name in NUMBERS},
        **{
            name: st.one_of(
                st.sampled_from(["gpt-5", "gpt-5-mini", "o3", "eu", "us"]),
                st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
                good_numbers,
                wrong,
            )
            for name in TEXTS
        },
        FLAG: st.one_of(st.booleans(), st.booleans(), wrong),
        "time": st.sampled_from(["2020-01-01T00:00:00Z", 5, None]),
    },
)
usual = st.one_of(st.integers(-2, 5), st.decimals(-1, 9, places=2), st.sampled_from(["3", "1.50", "+2", "2e1", "-1"]))
complete = st.fixed_dictionaries(
    {
        "tokens": usual,
        "seconds": usual,
        "model": st.sampled_from(["gpt-5", "gpt-5-mini", "o4"]),
        "attempt": st.sampled_from(["1", "2", "3"]),
        FLAG: st.booleans(),
    },
    optional={"cached": usual, "region": st.sampled_from(["eu", "us"])},
)
"""What is usual: little is missing."""


def events(number: int, properties: Any = data) -> Any:
    """One event; `number` makes its id."""
    return st.fixed_dictionaries(
        {
            "id": st.just(f"e{number}"),
            "source": st.sampled_from(["a", "b"]),
            "type": st.sampled_from(["llm", "llm", "audio"]),
            "subject": st.sampled_from(["acme", "größe"]),
            "time": st.integers(0, 3 * 3600).map(lambda s: NOW - timedelta(seconds=s // 7 * 7)),
            "data": properties,
        }
    )
