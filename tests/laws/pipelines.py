"""Random pipelines, directed by what is known at each step: one half of the generator of programs.

A `Flow` tracks a pipeline as the language reference, section 5, does: its unit, the dimensions still present, those
that `each` keeps, quantity or money; each `draw_*` function draws only what may stand there and updates the flow. What
is simple comes first in its strategy and what is optional is left out first: failures shrink to small programs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[Any]], Any]

VALUES = {
    "model": ("gpt-5", "gpt-5-mini", "claude-3", "o1"),
    "region": ("eu", "us", "ap"),
    "kind": ("input", "output"),
}
"""Dimensions and the values that usage has; `o1` and `ap` are the ones that tables tend to leave out."""

# --- what a pipeline knows --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counter:
    """A meter or a quantity: what a pipeline on it begins with."""

    name: str
    unit: str
    dimensions: tuple[str, ...] = ()
    additive: bool = True
    adds_over_time: bool = True
    signed: bool = False
    money: bool = False
    suffixed: bool = False
    """Whether its unit has conversions: then every bare number is written with its unit."""


@dataclass(frozen=True)
class TableInfo:
    name: str
    dimensions: tuple[str, ...]
    kind: str
    """`rate`, `package`, `number`, or `percent` (plain numbers that are shares)."""
    unit: str | None = None


@dataclass
class World:
    """The names of a program while it is drawn."""

    draw: Draw
    currency: str
    counters: list[Counter] = field(default_factory=list)
    tables: list[TableInfo] = field(default_factory=list)
    curves: list[str] = field(default_factory=list)


@dataclass
class Flow:
    """What a pipeline knows at a step."""

    unit: str
    present: list[str]
    additive: bool
    suffixed: bool
    money: bool
    signed: bool = False
    kept: list[str] = field(default_factory=list)
    outer: list[str] = field(default_factory=list)
    counted: bool = False
    weighed: bool = False
    in_arm: bool = False

    @classmethod
    def on(cls, counter: Counter) -> Flow:
        dimensions = list(counter.dimensions)
        return cls(counter.unit, dimensions, counter.additive, counter.suffixed, counter.money, counter.signed)

    def pool(self) -> None:
        self.present = list(self.kept)

    def may_pool(self) -> bool:
        return self.additive or set(self.present) == set(self.kept)

    def ungroup(self) -> None:
        self.present, self.kept = list(self.outer), list(self.outer)

    def arm(self) -> Flow:
        return replace(self, present=list(self.present), kept=list(self.kept), outer=list(self.kept), in_arm=True)


# --- numbers ---------------------------------------------------------------------------------------------------------

RATES = st.sampled_from(["1", "0.5", "2", "0.1", "0.25", "0.003", "0", "3.33", "12.345", "0.000000150"])
MONEY = st.sampled_from(["10", "1", "0.01", "5", "100", "7.77", "33.335", "0", "1_000", "0.005"])
POSITIVE_MONEY = st.sampled_from(["10", "1", "5", "100", "7.77", "33.335", "1_000"])
FACTORS = st.sampled_from(["2", "1", "0.5", "1.1", "0.333", "3", "0", "150%"])
PERCENTS = st.sampled_from(["10%", "50%", "5%", "33.3%", "0%", "100%", "2.9%"])
SIZES = st.sampled_from(["10", "1", "100", "7", "1k", "0.5"])
BOUNDS = ["5", "10", "50", "99.5", "100", "150", "1k", "2.5k"]
ALLOWANCES = st.sampled_from(["10", "1", "5", "100", "2.5", "0", "1k"])
QUANTITIES = st.one_of(
    st.sampled_from([1, 10, 5, 100, 11, 50, 51, 150, 1000, 2500, "99.5", "100.5", "0.5", "2.5", "33.3"]),
    st.integers(0, 3000),
    st.decimals(0, 3000, places=3).map(str),
)
WHOLE_QUANTITIES = st.one_of(st.sampled_from([1, 10, 100, 0, 5, 50, 1000]), st.integers(0, 3000))


def maybe(draw: Draw, make: Callable[[], str], default: str = "") -> str:
    """Mostly the default, which failures shrink to."""
    return make() if draw(st.integers(0, 3)) == 3 else default


def pick(draw: Draw, items: Sequence[T]) -> T:
    chosen: T = draw(st.sampled_from(items))
    return chosen


def some(draw: Draw, items: Sequence[T], *, least: int = 0, most: int = 3) -> list[T]:
    """A few of the items, in their order."""
    count = draw(st.integers(least, min(most, len(items))))
    chosen = draw(st.permutations(range(len(items))))[:count] if items else []
    return [items[i] for i in sorted(chosen)]


def quoted(text: str) -> str:
    return f'"{text}"'


# --- quantity steps --------------------------------------------------------------------------------------------------


def bound(flow: Flow, number: str) -> str:
    return f"{number} {flow.unit}" if flow.suffixed else number


def draw_key(draw: Draw, dimension: str) -> str:
    values = VALUES[dimension]
    exact = [quoted(value) for value in values[:-1]]
    return pick(draw, [*exact, *(['"gpt-*"', '"*-mini"'] if dimension == "model" else ['"u*"', '"*"'])])


def draw_condition(draw: Draw, dimensions: Sequence[str]) -> str:
    dimension = pick(draw, dimensions)
    text = pick(draw, VALUES[dimension])
    value = quoted(text)
    other = quoted(pick(draw, VALUES[dimension]))
    forms = [
        f"{dimension} == {value}",
        f"{dimension} != {value}",
        f"{dimension} in ({value}, {other})",
        f'{dimension} like "*{text[:2]}*"',
        f"not ({dimension} == {value} or {dimension} == {other})",
    ]
    if len(dimensions) > 1:
        second = next(d for d in dimensions if d != dimension)
        forms.append(f"{dimension} == {value} and {second} != {quoted(VALUES[second][0])}")
    return pick(draw, forms)


def draw_when(draw: Draw, dimensions: Sequence[str]) -> str:
    return maybe(draw, lambda: f" when {draw_condition(draw, dimensions)}") if dimensions else ""


def draw_keyed(draw: Draw, dimension: str, values: Sequence[str]) -> str:
    keys = dict.fromkeys(draw_key(draw, dimension) for _ in range(draw(st.integers(1, 2))))
    entries = [f"{key}: {pick(draw, values)}" for key in keys]
    if draw(st.booleans()):
        entries.append(f"else: {pick(draw, values)}")
    return f"{dimension} {{ {'  '.join(entries)} }}"


def draw_factor(world: World, flow: Flow, kinds: Sequence[str], numbers: st.SearchStrategy[str]) -> str:
    """A number, a keyed factor or a table."""
    draw = world.draw
    tables = [t.name for t in world.tables if t.kind in kinds and set(t.dimensions) <= set(flow.present)]
    forms = ["number", *(["keyed"] if flow.present else []), *(["table"] if tables else [])]
    form = pick(draw, forms)
    if form == "table":
        return pick(draw, tables)
    if form == "keyed":
        return draw_keyed(draw, pick(draw, flow.present), ["2", "1", "0.5", "3", "1.5"])
    return str(draw(numbers))


def draw_amount(world: World, flow: Flow, others: Sequence[Counter]) -> str:
    """A number of units, or one that other quantities give."""
    draw = world.draw
    fitting = [
        c
        for c in others
        if not c.money and set(flow.kept) <= set(c.dimensions) and (c.additive or set(c.dimensions) <= set(flow.kept))
    ]
    number = bound(flow, draw(ALLOWANCES))
    if not fitting or flow.money or draw(st.integers(0, 2)) < 2:
        return number
    other = pick(draw, fitting)
    forms = [f"{pick(draw, ['3', '0.5', '100'])} {flow.unit} * {other.name}"]
    if other.unit == flow.unit and not flow.weighed:
        forms += [other.name, f"max({other.name}, {number})"]
    return pick(draw, forms)


def draw_quantity_step(world: World, flow: Flow, others: Sequence[Counter], *, across: Sequence[str]) -> str | None:
    """One quantity step that may stand here, or `None`."""
    draw = world.draw
    names = ["include", "round", "at most", "at least"] if flow.may_pool() else []
    names += ["weigh", *([] if flow.in_arm else ["weigh as"])] if not flow.money else []
    names += ["where", "where", "each", "each", "each"] if flow.present else []
    names += ["include across"] if across and flow.present and flow.additive else []
    if not names:
        return None
    match pick(draw, names):
        case "where":
            free = maybe(draw, lambda: " else free")
            return f"where {draw_condition(draw, flow.present)}{free}"
        case "weigh":
            return f"weigh {draw_factor(world, flow, ['number'], FACTORS)}{draw_when(draw, flow.present)}"
        case "weigh as":
            text = f"weigh {draw_factor(world, flow, ['number'], FACTORS)} as credits"
            flow.unit, flow.suffixed, flow.weighed = "credits", False, True
            return text
        case "each":
            return draw_each(draw, flow)
        case "include across":
            amount = bound(flow, draw(ALLOWANCES))
            return f"include {amount} across cells {pick(draw, across)}{draw_when(draw, flow.present)}"
        case "include":
            prorated = maybe(draw, lambda: " prorated by day")
            text = f"include {draw_amount(world, flow, others)}{prorated}"
        case "round":
            text = f"round {pick(draw, ['up', 'down', 'half_up'])} to {bound(flow, draw(SIZES))}"
        case "at most":
            text = f"at most {draw_amount(world, flow, others)}"
        case _:
            text = f"at least {bound(flow, draw(ALLOWANCES))}"
    when = draw_when(draw, flow.kept)
    flow.pool()
    return text + when


def draw_each(draw: Draw, flow: Flow) -> str | None:
    free = [d for d in flow.present if d not in flow.kept]
    if not free:
        return None
    named = free if not flow.additive else some(draw, free, least=1, most=2)
    flow.kept += named
    return f"each {', '.join(named)}"


def draw_quantity_steps(
    world: World, flow: Flow, others: Sequence[Counter], across: Sequence[str] = (), most: int = 3
) -> list[str]:
    draw = world.draw
    steps: list[str | None] = []
    if not flow.may_pool():
        steps.append(draw_each(draw, flow))
    for _ in range(draw(st.integers(0, most))):
        steps.append(draw_quantity_step(world, flow, others, across=across))
    return [step for step in steps if step is not None]


# --- prices ----------------------------------------------------------------------------------------------------------


def draw_rate(world: World, flow: Flow, *, package: bool = True, bare: bool = False) -> str:
    """A rate that is a number: linear or a package; a percentage of money."""
    draw = world.draw
    if flow.money:
        return str(draw(PERCENTS))
    forms = ["{}"] if flow.suffixed else ["{}", "{} per 1k"]
    if not bare and not flow.weighed:  # bare numbers before `weigh ... as` are in another unit
        forms.append("{} per 100 " + flow.unit)
        if flow.unit == "MB":
            forms.append("{} per GB")
    if package and not flow.suffixed:
        forms += ["{} per started 10", "{} per full 7"]
    return pick(draw, forms).format(draw(RATES))


def fitting_tables(world: World, flow: Flow, dimensions: Sequence[str], kinds: Sequence[str]) -> list[str]:
    if flow.money:
        kinds = ["number"]
    return [
        t.name
        for t in world.tables
        if t.kind in kinds
        and set(t.dimensions) <= set(dimensions)
        and (t.unit is None or t.unit == flow.unit)
        and not (t.kind == "package" and flow.suffixed)
    ]


def draw_tier(world: World, flow: Flow, tables: Sequence[str], *, plain: bool, bare: bool) -> str:
    """What a tier costs. `plain`: a rate, a table or `reject` only, so that `volume` stays a cell step."""
    draw = world.draw
    forms = ["rate", "rate", *(["table"] if tables else [])]
    forms += (
        []
        if plain
        else ["flat", "free", "extras", *(["curve"] if world.curves and not (flow.money or flow.suffixed) else [])]
    )
    forms.append("reject")
    match pick(draw, forms):
        case "table":
            return pick(draw, tables)
        case "flat":
            return f"flat {draw(POSITIVE_MONEY)}"
        case "free":
            return "free"
        case "reject":
            return "reject"
        case "curve":
            return pick(draw, world.curves)
        case "extras":
            rate = draw_rate(world, flow, bare=bare)
            plus = maybe(draw, lambda: f" plus {draw(POSITIVE_MONEY)}")
            least = maybe(draw, lambda: f" minimum {pick(draw, ['1', '5', '20'])}")
            most = maybe(draw, lambda: f" maximum {pick(draw, ['20', '50', '500'])}")
            return rate + plus + least + most
        case _:
            return draw_rate(world, flow, package=not plain, bare=bare)


def draw_tiers(world: World, flow: Flow, suffix: str, *, plain: bool = False, bare: bool = False) -> str:
    draw = world.draw
    tables = fitting_tables(
        world, flow, flow.present if plain else flow.kept, ["rate"] if plain else ["rate", "package"]
    )
    texts = []
    for i, number in enumerate(some(draw, BOUNDS, most=3)):
        tier = draw_tier(world, flow, tables, plain=plain, bare=bare)
        may_act_at_zero = (
            i == 0 and tier.startswith(("flat", "free")) is False and ("plus" in tier or "minimum" in tier)
        )
        zero = maybe(draw, lambda: " even at zero") if may_act_at_zero or (i == 0 and tier.startswith("flat")) else ""
        texts.append(f"{pick(draw, ['to', 'below'])} {number}{suffix}: {tier}{zero}")
    texts.append(f"above: {draw_tier(world, flow, tables, plain=plain, bare=bare)}")
    return "  ".join(texts)


def draw_price(world: World, flow: Flow, others: Sequence[Counter], *, depth: int = 0, cell_only: bool = False) -> str:
    """The price step; `flow` is afterwards what amount steps see."""
    draw = world.draw
    tables = fitting_tables(world, flow, flow.present, ["rate"])
    packages = fitting_tables(world, flow, flow.present, ["package"])
    suffix = f" {flow.unit}" if flow.suffixed else ""
    forms = ["linear"] if flow.may_pool() or flow.present else []
    forms += ["table"] * 4 if tables else []
    if flow.may_pool():
        forms += [] if cell_only else ["graduated", "volume"]
        forms += ["cell volume"]
        forms += [] if cell_only or flow.suffixed else ["package"]
        forms += [] if cell_only or flow.counted else ["volume on"]
        forms += ["curve"] if world.curves and not (flow.money or flow.suffixed or cell_only or flow.counted) else []
        forms += ["package table"] * 2 if packages and not cell_only else []
        forms += ["match"] * 4 if flow.present and depth == 0 and not cell_only else []
    if flow.counted:
        forms = [form for form in forms if form not in ("volume",)]
    match pick(draw, forms or ["linear"]):
        case "table":
            return f"price {pick(draw, tables)}"
        case "package":
            rate = (
                draw(PERCENTS) if flow.money else f"{draw(RATES)} per {pick(draw, ['started', 'full'])} {draw(SIZES)}"
            )
            if not flow.money:
                flow.pool()
            return f"price {rate}"
        case "package table":
            flow.pool()
            return f"price {pick(draw, packages)}"
        case "graduated":
            tiers = draw_tiers(world, flow, suffix)
            flow.pool()
            return f"graduated {{ {tiers} }}"
        case "volume":
            tiers = draw_tiers(world, flow, suffix)
            flow.pool()
            return f"volume {{ {tiers} }}"
        case "cell volume":
            return f"volume {{ {draw_tiers(world, flow, suffix, plain=True)} }}"
        case "volume on":
            fitting = [
                c
                for c in others
                if not c.money and set(flow.kept) <= set(c.dimensions) and (c.additive or not c.dimensions)
            ]
            on = pick(draw, fitting or [Counter("", flow.unit)])
            head = f"volume on {on.name}" if on.name else "volume"
            bounds = f" {on.unit}" if on.name else suffix
            tiers = draw_tiers(world, flow, bounds)
            flow.pool()
            return f"{head} {{ {tiers} }}"
        case "curve":
            flow.pool()
            return f"price {pick(draw, world.curves)}"
        case "match":
            return draw_match(world, flow, others)
        case _:
            return f"price {draw_rate(world, flow, package=False)}"


def draw_match(world: World, flow: Flow, others: Sequence[Counter]) -> str:
    draw = world.draw
    dimension = pick(draw, flow.present)
    keys = list(dict.fromkeys(draw_key(draw, dimension) for _ in range(draw(st.integers(1, 3)))))
    groups = [keys] if len(keys) > 1 and draw(st.booleans()) else [[key] for key in keys]
    heads = [", ".join(group) for group in groups] + (["else"] if draw(st.booleans()) else [])
    arms, left = [], set(flow.present)
    for head in heads:
        arm = flow.arm()
        if draw(st.integers(0, 5)) == 5:
            steps = ["price reject"]
        else:
            steps = draw_quantity_steps(world, arm, others, most=1)
            steps += [] if flow.additive or arm.may_pool() else [draw_each(draw, arm) or ""]
            steps.append(draw_price(world, arm, others, depth=1))
            steps += draw_amount_steps(world, arm, most=1)
        left &= set(arm.present)
        arms.append(f"{head} {{ {' '.join(steps)} }}")
    flow.present = [d for d in flow.present if d in left]
    return f"match {dimension} {{\n      " + "\n      ".join(arms) + "\n    }"


# --- amount steps ----------------------------------------------------------------------------------------------------


def draw_amount_step(world: World, flow: Flow, *, rates: bool) -> str | None:
    draw = world.draw
    grouped = set(flow.kept) != set(flow.outer)
    names = ["plus", "minimum", "maximum", "times", "discount", "markup", "margin", "round", "discount above"]
    names += ["discount money", "discount graduated", "prorate", *(["show by"] * 3 if flow.present else [])]
    names += ["each"] if set(flow.present) - set(flow.kept) else []
    names += ["times"] * 3 if flow.present else []
    names += ["total", "total", "largest", "largest", "largest"] if grouped else []
    when = draw_when(draw, flow.present)
    prorated = maybe(draw, lambda: pick(draw, [" prorated by day", " prorated by second"]))
    match pick(draw, names):
        case "times":
            return f"times {draw_factor(world, flow, ['number'], FACTORS)}{when}"
        case "discount":
            percent = maybe(draw, lambda: draw_factor(world, replace(flow, present=[]), [], PERCENTS), "10%")
            tables = [t.name for t in world.tables if t.kind == "percent" and set(t.dimensions) <= set(flow.present)]
            return f"discount {pick(draw, [percent, *tables])}{when if tables else prorated + when}"
        case "markup":
            return f"markup {draw(PERCENTS)}{when}"
        case "margin":
            return f"margin {pick(draw, ['30%', '50%', '0%'])}{when}"
        case "prorate":
            return f"prorate by {pick(draw, ['day', 'second'])}{when}"
        case "show by":
            return f"show by {', '.join(some(draw, flow.present, least=1))}"
        case "each":
            return draw_each(draw, flow)
        case "total":
            flow.ungroup()
            return "total"
        case "largest":
            flow.ungroup()
            return "largest"
        case "round":
            mode = pick(draw, ["half_up", "half_even", "up", "down"])
            text = f"round {mode} to {pick(draw, ['0.01', '1', '0.25', '5'])}"
        case "plus":
            text = f"plus {draw(MONEY)}{prorated}"
        case "minimum":
            text = f"minimum {draw_clamp(draw, rates)}{prorated}"
        case "maximum":
            text = f"maximum {draw_clamp(draw, rates)}{prorated}"
        case "discount money":
            above = maybe(draw, lambda: f" above {draw(MONEY)}")
            text = f"discount {draw(MONEY)}{above}{prorated}"
        case "discount graduated":
            text = f"discount graduated {{ above {pick(draw, ['0', '10'])}: 5% above 100: {draw(PERCENTS)} }}{prorated}"
        case _:
            up_to = maybe(draw, lambda: f" up to {draw(POSITIVE_MONEY)}")
            text = f"discount {draw(PERCENTS)} above {draw(MONEY)}{up_to}{prorated}"
    when = draw_when(draw, flow.kept)
    flow.pool()
    return text + when


def draw_clamp(draw: Draw, rates: bool) -> str:
    money = str(draw(MONEY))
    return pick(draw, [money, "0.5 per 10"]) if rates else money


def draw_amount_steps(world: World, flow: Flow, most: int = 3) -> list[str]:
    rates = not flow.money and not flow.suffixed
    steps = [draw_amount_step(world, flow, rates=rates) for _ in range(world.draw(st.integers(0, most)))]
    return [step for step in steps if step is not None]
