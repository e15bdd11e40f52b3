"""Fees and charges that contracts are laid on, and the steps that overrides put into them, made by Hypothesis.

Charges are on `calls`, which add over time and have two dimensions, on `seats`, which do neither, or on other lines.
With `whole`, every rate is a whole number of currency units and nothing divides, so that the parts of a line are whole
minor units in every segment and a law need not speak of rounding. What the checker refuses in a combination (a
dimension used after it was pooled) the strategies of contracts leave out.
"""

from __future__ import annotations

from hypothesis import strategies as st

REGIONS = ("ap", "eu", "us")
MODELS = ("m1", "m2")
CHARGES = ("x", "y")

HEAD = """currency USD
unit call | calls
meter calls { from "call"  measure sum(n)  unit call  by region, model }
meter seats { from "seat"  measure max(n)  carried }
rates by_region per 1 call by region { region | price  ap | 1  eu | 2  else | free }
rates grid per 1 call by region, model { region | m1 | m2  eu | 3 | 2  "*" | 1 | 4 }
rates low per 1 call by region { region | price  eu | 2  else | 1 }
rates packs per started 7 calls by model { model | price  m1 | 9  else | 4 }
rates weights by model { model | value  m1 | 2  else | 1 }
curve steps graduated { to 25: 4  to 70: 2 plus 5  above: 1 }
"""

Text = st.SearchStrategy[str]


def one(*texts: str) -> Text:
    return st.sampled_from(texts)


def maybe(strategy: Text, times: int = 2) -> Text:
    """Nothing, as often as `times` of the others."""
    return st.one_of(*[st.just("")] * times, strategy)


@st.composite
def tiers(draw: st.DrawFn, kind: str, *, counted: bool = False) -> str:
    """Tiers of a price. A `volume` under a `counted` longer than the bill has rates only (rule 2)."""
    rates_only = counted and kind == "volume"
    bound = f"{draw(one('to', 'below'))} {draw(st.integers(1, 80))}"
    first = draw(
        one("4", "3") if rates_only else one("4", "3 plus 20", "3 minimum 50", "flat 60", "free", "5 maximum 90")
    )
    if not rates_only and draw(st.integers(0, 3)) == 0:
        first = draw(one("flat 60 even at zero", "2 plus 8 even at zero"))
    above = draw(one("2", "1") if rates_only else one("2", "1 plus 7", "flat 90", "3 per started 10"))
    return f"{kind} {{ {bound}: {first}  above: {above} }}"


def pool_prices(*, whole: bool, counted: bool = False) -> Text:
    """Price steps that may price a pool."""
    plain = ["price 3", "price 5 per started 10", "price 2 per full 7", "price free", "price steps"]
    if not whole:
        plain += ["price 0.333", "price 1.005 per started 3", "price 7 per 9"]
    return st.one_of(st.sampled_from(plain), tiers("graduated", counted=counted), tiers("volume", counted=counted))


CELL_PRICES = one(
    "price by_region",
    "price grid",
    "price packs",
    "volume { to 60: by_region  above: low }",
    "volume { to 30: 3  below 90: low  above: 1 }",
)
POOL_QUANTITY = one(
    "include 20", "round up to 10", "at most 90", "at least 15", "include 30 prorated by day", "include 0"
)
CELL_QUANTITY = one(
    'where region in ("eu", "us") else free',
    "weigh weights",
    "weigh region { eu: 3  else: 1 }",
    'weigh 2 when model == "m1"',
    "include 25 across cells cheapest first",
    "include 25 across cells dearest first",
    "include 25 across cells in order",
)
CELL_AMOUNT = one(
    "times 2", "times region { eu: 3  else: 1 }", "times weights", 'times 3 when model == "m2"', "discount 100%"
)
CELL_AMOUNT_FINE = one(
    "markup 30%", "margin 40%", "discount 10%", "times 0.77", "prorate by day", "discount 20% prorated by second"
)
POOL_AMOUNT = one("plus 11", "minimum 120", "maximum 150", "discount 10", "discount 15 above 100", "minimum 2")
POOL_AMOUNT_FINE = one(
    "discount graduated { above 50: 10%  above 200: 25% }",
    "discount 10% above 30 up to 40",
    "minimum 310 prorated by day",
    "plus 62 prorated by second",
    "round up to 0.5",
)


def amount_steps(*, whole: bool) -> st.SearchStrategy[list[str]]:
    cells = CELL_AMOUNT if whole else st.one_of(CELL_AMOUNT, CELL_AMOUNT_FINE)
    pools = POOL_AMOUNT if whole else st.one_of(POOL_AMOUNT, POOL_AMOUNT_FINE)
    return st.builds(
        lambda first, then: first + then, st.lists(cells, max_size=1), st.lists(pools, max_size=2, unique=True)
    )


@st.composite
def charges(draw: st.DrawFn, name: str, *, whole: bool) -> str:
    """A charge on calls."""
    after = draw(amount_steps(whole=whole))
    shape = draw(st.integers(0, 9))
    if shape <= 2:
        before = [draw(maybe(POOL_QUANTITY))]
        steps = [
            *before,
            draw(pool_prices(whole=whole)),
            *(step for step in after if "region" not in step and "weights" not in step and "model" not in step),
        ]
    elif shape <= 5:
        shown = draw(maybe(one("show by region", "show by model, region"), 3))
        cells = [
            step
            for step in after
            if step.startswith(("times", "markup", "margin", "discount 10%", "prorate", "discount 100%"))
        ]
        steps = [
            draw(maybe(CELL_QUANTITY)),
            draw(CELL_PRICES),
            *cells[:1],
            shown,
            *(step for step in after if step not in cells),
        ]
    elif shape == 6:
        inner = draw(one(*["total", "largest", ""]))
        steps = [
            draw(one("each region", "each region, model")),
            draw(maybe(POOL_QUANTITY)),
            draw(pool_prices(whole=whole)),
            draw(maybe(POOL_AMOUNT)),
            inner,
        ]
    elif shape == 7:
        arm = f"{draw(maybe(POOL_QUANTITY))}  {draw(pool_prices(whole=whole))}  {draw(maybe(POOL_AMOUNT))}"
        other = draw(st.one_of(CELL_PRICES.filter(lambda price: "packs" not in price), pool_prices(whole=whole)))
        steps = [
            f"match region {{ eu {{ {arm} }}  else {{ {other} }} }}",
            *(step for step in after if step in ("plus 11", "minimum 120", "times 2")),
        ]
    else:
        cadence = draw(one("yearly", "quarterly", "term"))
        around = draw(maybe(one("each region"), 3))
        before = draw(maybe(one("include 10", "weigh weights")))
        steps = [
            around,
            before,
            f"counted {cadence}",
            draw(maybe(POOL_QUANTITY, 3)),
            draw(pool_prices(whole=whole, counted=True)),
            *(step for step in after if step in ("plus 11", "minimum 120", "times 2", "markup 30%")),
        ]
    return f"charge {name} on calls {{ {'  '.join(filter(None, steps))} }}"


FEES = one(
    "fee f 62",
    "fee f 31 in arrears",
    "fee f 31 prorated by day",
    "fee f 744 in arrears prorated by second",
    "fee f 90 quarterly in advance prorated by day",
    "fee f 365 yearly in arrears prorated by day",
    "fee f 50 once",
    "fee f 7 weekly in arrears",
    "fee f 2 daily prorated by day",
)
WHOLE_FEES = one(
    "fee f 62",
    "fee f 31 in arrears",
    "fee f 31 prorated by day",
    "fee f 50 once",
    "fee f 7 weekly",
    "fee f 90 quarterly",
)


def plan_lines(*, whole: bool) -> st.SearchStrategy[tuple[str, ...]]:
    """The lines of a plan: two charges on calls, one on seats, one on other lines, a fee."""
    seats = ["price 5", "graduated { to 5: 9  above: 4 }", "price 5  minimum 20", "volume { to 6: 7  above: 4 }"]
    derived = [
        "min(x, 70)",
        "30",
        "2 * quantity(calls)",
        "max(x - 40, 0)",
        "x + f { graduated { to 100: 100%  above: 0% }  minimum 5 }",
    ]
    if not whole:
        derived += ["10% of (x + s)", "7.5% of x { minimum 3 }", "if x > 50 then y else 2 * f"]
    return st.tuples(
        charges("x", whole=whole),
        charges("y", whole=whole),
        st.sampled_from(seats).map(lambda steps: f"charge s on seats {{ {steps} }}"),
        st.sampled_from(derived).map(lambda amount: f"charge d = {amount}"),
        WHOLE_FEES if whole else FEES,
    )


CELL_OVERRIDES = one(
    "price grid",
    "price by_region",
    "times region { eu: 2  else: 1 }",
    "match region { eu { price 2 }  else { graduated { to 40: 5  above: 1 } } }",
)


def override_steps(line: str, *, whole: bool) -> Text:
    """One or two steps of an override of a line; `all` is every charge on usage."""
    if line == "f":
        return one("price 93", "times 2", "price 31")
    steps = [one("times 3", "times 2", "discount 50%"), one("price 2", "price free")]
    if not whole:
        steps.append(one("times 0.85", "markup 12.5%", "discount 33%", "margin 20%"))
    if line == "d":
        return st.one_of(steps[0], one("minimum 9", "maximum 25", "plus 4"))
    steps += [POOL_AMOUNT, tiers("graduated"), tiers("volume")]
    if line in CHARGES:
        steps += [pool_prices(whole=whole), POOL_QUANTITY, CELL_OVERRIDES]
    single = st.one_of(*steps)
    return st.one_of(
        single, st.builds(lambda first, second: f"{first}  {second}", single, one("times 2", "minimum 77"))
    )
