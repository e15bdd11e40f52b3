"""Random programs that are valid by construction, with usage for them: what the laws are tested on.

Programs are drawn as text, directed by the language reference; the steps of a charge are drawn by `pipelines`. A
`Sample` keeps lines, steps and adjustments apart, so that a law can put something between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from tests.laws.pipelines import (
    ALLOWANCES,
    MONEY,
    PERCENTS,
    POSITIVE_MONEY,
    QUANTITIES,
    VALUES,
    WHOLE_QUANTITIES,
    Counter,
    Draw,
    Flow,
    TableInfo,
    World,
    bound,
    draw_amount_steps,
    draw_key,
    draw_price,
    draw_quantity_steps,
    draw_tiers,
    maybe,
    pick,
    quoted,
    some,
)

Usage = dict[str, list[dict[str, Any]]]
CURRENCIES = ("USD", "JPY", "KWD")


# --- what is generated -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A fee (`steps` is `None`) or a charge. `amount_from` is the index of its first step that works on money."""

    name: str
    head: str
    steps: tuple[str, ...] | None = None
    amount_from: int = 0

    @property
    def text(self) -> str:
        if self.steps is None:
            return f"  {self.head}"
        body = "".join(f"\n    {step}" for step in self.steps)
        return f"  {self.head} {{{body}\n  }}"


@dataclass(frozen=True)
class Sample:
    """A program with one plan `p`, and usage for it as `evaluator(usage, period)` takes them."""

    declarations: tuple[str, ...]
    settings: tuple[str, ...]
    lines: tuple[Line, ...]
    adjustments: tuple[str, ...]
    additive: frozenset[str]
    usage: Usage
    period: tuple[str, str] | None

    @property
    def text(self) -> str:
        items = [f"  {item}" for item in self.settings]
        items += [line.text for line in self.lines]
        items += [f"  {item}" for item in self.adjustments]
        return "\n".join([*self.declarations, "plan p {", *items, "}"]) + "\n"

    def with_step(self, line: int, at: int, step: str) -> Sample:
        """The same with `step` put in front of step `at` of a charge."""
        old = self.lines[line]
        assert old.steps is not None
        new = replace(old, steps=(*old.steps[:at], step, *old.steps[at:]))
        return replace(self, lines=(*self.lines[:line], new, *self.lines[line + 1 :]))

    def __repr__(self) -> str:
        return f"Sample(usage={self.usage!r}, period={self.period!r})\n{self.text}"


# --- declarations ----------------------------------------------------------------------------------------------------


def draw_meters(world: World) -> list[str]:
    """Meters of every sort; the first is the plain one."""
    draw, texts = world.draw, []
    for i in range(draw(st.integers(1, 3))):
        name = f"m{i}"
        sort = draw(st.sampled_from(["sum", "sum", "bytes", "count", "max", "unique", "signed", "money"]))
        dimensions = tuple(
            some(draw, list(VALUES), least=int(draw(st.booleans())), most=2 if sort in ("max", "unique") else 3)
        )
        unit = pick(draw, [name, "request"])
        counter = Counter(name, unit, dimensions)
        measure, rest = "sum(amount)", ""
        if sort == "bytes":
            counter = replace(counter, unit="MB", suffixed=True)
        elif sort == "count":
            measure = "count()"
        elif sort == "max":
            counter = replace(counter, additive=False, adds_over_time=False)
            measure, rest = "max(level)", " carried"
        elif sort == "unique":
            counter = replace(counter, additive=False, adds_over_time=False)
            measure = "unique(user)"
        elif sort == "signed":
            counter = replace(counter, signed=True)
        elif sort == "money":
            counter = replace(counter, unit=world.currency, money=True)
        world.counters.append(counter)
        unit_text = "" if counter.unit == name else f" unit {counter.unit}"
        where = maybe(draw, lambda: ' where status == "ok" and (amount or 0) >= 0')
        measured_by = sort in ("sum", "bytes") and "kind" in dimensions and draw(st.booleans())
        if measured_by:
            measure = "by kind { input: sum(amount - cached) output: sum(max(written, 0)) }"
        given = [draw_dimension(draw, d) for d in dimensions if not (measured_by and d == "kind")]
        by = f" by {', '.join(given)}" if given else ""
        texts.append(f'meter {name} {{ from "{name}"{where} measure {measure}{rest}{unit_text}{by} }}')
    return texts


def draw_dimension(draw: Draw, name: str) -> str:
    """A property of the event, or an expression over it that gives one of the values."""
    first, second = VALUES[name][:2]
    return maybe(draw, lambda: f'{name}: if size > 100 then "{first}" else "{second}"', name)


def draw_cell(draw: Draw, kind: str) -> str:
    if kind == "number":
        return pick(draw, ["2", "1", "0.5", "4", "1.25", "-"])
    if kind == "percent":
        return pick(draw, ["10%", "5%", "0.25", "0", "-"])
    return pick(draw, ["1", "0.5", "2", "0.03", "free", "-", "0.007"])


def draw_tables(world: World) -> list[str]:
    """Tables of rates, of packages and of plain numbers; keys may be patterns, `else` may be missing."""
    draw, texts = world.draw, []
    known = [d for d in VALUES if any(d in counter.dimensions for counter in world.counters)]
    for i in range(draw(st.integers(0, 3 if known else 0))):
        kind = pick(draw, ["rate", "number", "package", "percent"])
        dimensions = tuple(some(draw, known, least=1, most=2))
        units = sorted({c.unit for c in world.counters if not c.money and not c.suffixed})
        unit = pick(draw, [None, *units]) if kind in ("rate", "package") else None
        table = TableInfo(f"t{i}", dimensions, kind, unit)
        world.tables.append(table)
        per = {"rate": pick(draw, ["1", "1k", "100"]), "package": f"started {pick(draw, ['10', '100', '7'])}"}
        per_text = f" per {per[kind]}{' ' + unit if unit else ''}" if kind in per else ""
        word = "price" if kind in per else "value"
        columns = [word]
        row_dimensions = dimensions
        if len(dimensions) == 2 and draw(st.booleans()):
            row_dimensions = dimensions[:1]
            columns = [quoted(value) for value in some(draw, VALUES[dimensions[1]], least=1)]
            columns += maybe(draw, lambda: "else").split()
        rows: dict[tuple[str, ...], list[str]] = {}
        for _ in range(draw(st.integers(0, 3))):
            keys = tuple(draw_key(draw, dimension) for dimension in row_dimensions)
            rows[keys] = [draw_cell(draw, kind) for _ in columns]
        if not rows or draw(st.booleans()):
            rows[tuple("else" for _ in row_dimensions)] = [draw_cell(draw, kind) for _ in columns]
        lines = [" | ".join([*row_dimensions, *columns])]
        lines += [" | ".join([*keys, *cells]) for keys, cells in rows.items()]
        texts.append(f"rates {table.name}{per_text} by {', '.join(dimensions)} {{\n  " + "\n  ".join(lines) + "\n}")
    return texts


def draw_curves(world: World) -> list[str]:
    texts = []
    for i in range(world.draw(st.integers(0, 1))):
        kind = pick(world.draw, ["graduated", "volume"])
        flow = Flow("", [], True, False, False)
        texts.append(f"curve k{i} {kind} {{ {draw_tiers(world, flow, '', bare=True)} }}")
        world.curves.append(f"k{i}")
    return texts


def draw_quantities(world: World) -> list[str]:
    """Named quantities: steps on a counter, scaled sums, and functions of totals."""
    draw, texts = world.draw, []
    for i in range(draw(st.integers(0, 2))):
        name = f"q{i}"
        plain = [c for c in world.counters if not c.money and (c.additive or not c.dimensions)]
        base = pick(draw, world.counters)
        form = pick(draw, ["steps", "sum", "function"])
        if form == "steps" or not plain:
            flow = Flow.on(base)
            steps = draw_quantity_steps(world, flow, [c for c in world.counters if c.name != name])
            texts.append(f"quantity {name} on {base.name} {{ {' '.join(steps)} }}")
            made = replace(base, name=name, unit=flow.unit, dimensions=tuple(flow.present), signed=flow.signed)
            made = replace(made, suffixed=flow.suffixed)
        else:
            base = pick(draw, plain)
            others = [c for c in plain if c.unit == base.unit]
            other = pick(draw, others)
            if form == "sum":
                scale = pick(draw, ["", "2 * ", "0.5 * "])
                texts.append(f"quantity {name} = {base.name} + {scale}{other.name}")
                shared = tuple(d for d in base.dimensions if d in other.dimensions)
            else:
                texts.append(f"quantity {name} = {pick(draw, ['min', 'max'])}({base.name}, {other.name})")
                shared = ()
            made = replace(base, name=name, dimensions=shared, signed=base.signed or other.signed)
            made = replace(made, adds_over_time=base.adds_over_time and other.adds_over_time)
        world.counters.append(made)
    return texts


# --- lines and plans -------------------------------------------------------------------------------------------------


def draw_charge(world: World, name: str) -> Line:
    draw = world.draw
    counter = pick(draw, world.counters)
    others = [c for c in world.counters if c.name != counter.name]
    flow = Flow.on(counter)
    steps: list[str] = []
    if counter.additive and counter.adds_over_time and draw(st.integers(0, 9)) == 9:
        steps.append(f"counted {pick(draw, ['yearly', 'quarterly', 'term'])}")
        flow.counted = True
    by_cell = bool(flow.present) and flow.additive and not flow.signed and draw(st.integers(0, 4)) == 4
    if by_cell:
        wanted = pick(draw, ["in order", "pro rata", "cheapest first", "dearest first"])
        steps += [f"include {bound(flow, draw(ALLOWANCES))} across cells {wanted}"]
    else:
        steps += draw_quantity_steps(world, flow, others, across=["pro rata"])
    if flow.signed:
        steps.append(pick(draw, ["at least 0", "mirror"]))
        flow.pool()
    price_at = len(steps)
    steps.append(draw_price(world, flow, others, cell_only=by_cell))
    steps += draw_amount_steps(world, flow)
    label = maybe(draw, lambda: ' "A label"')
    return Line(name, f"charge {name}{label} on {counter.name}", tuple(steps), price_at + 1)


def draw_derived(world: World, name: str, before: Sequence[Line]) -> Line:
    """A charge on amounts: of lines written before it, with or without a price step."""
    draw = world.draw
    one, two = pick(draw, before).name, pick(draw, before).name
    plain = [c.name for c in world.counters if c.additive or not c.dimensions]
    forms = [f"{one} + {two}", f"5% of ({one} + {two})", f"max({one}, {two})", f"min({one}, 50)", f"2 * {one}"]
    forms += [f"{one} - {two}", f"if {one} > 100 then {two} else {one} / 4"]
    forms += [f"if quantity({quantity}) > 10 then {one} else {two}" for quantity in plain[:1]]
    expression = pick(draw, forms)
    flow = Flow(world.currency, [], True, False, True)
    steps: list[str] = []
    amount_from = 0
    if draw(st.integers(0, 2)) == 2:
        steps = [
            "at least 0",
            pick(draw, [f"price {draw(PERCENTS)}", f"graduated {{ {draw_tiers(world, flow, '')} }}"]),
        ]
        amount_from = 2
    steps += draw_amount_steps(world, flow, most=2)
    return Line(name, f"charge {name} = {expression}", tuple(steps), amount_from)


def draw_fee(draw: Draw, name: str) -> Line:
    cadence = maybe(draw, lambda: pick(draw, [" monthly", " yearly", " quarterly", " once", " daily"]))
    timing = maybe(draw, lambda: pick(draw, [" in advance", " in arrears"]))
    prorated = maybe(draw, lambda: pick(draw, [" prorated by day", " prorated by second"]))
    return Line(name, f"fee {name} {draw(MONEY)}{cadence}{timing}{prorated}")


def draw_adjustment(draw: Draw, names: Sequence[str], alias: str) -> str:
    kind = pick(draw, ["discount", "minimum", "maximum", "discount money", "discount graduated"])
    scope = maybe(draw, lambda: f" on {', '.join(some(draw, names, least=1))}")
    if not scope and len(names) > 1:
        scope = maybe(draw, lambda: f" on all except {pick(draw, names)}")
    above = maybe(draw, lambda: f" above {draw(MONEY)}")
    up_to = maybe(draw, lambda: f" up to {draw(POSITIVE_MONEY)}")
    prorated = maybe(draw, lambda: pick(draw, [" prorated by day", " prorated by second"]))
    name = maybe(draw, lambda: f" as {alias}")
    match kind:
        case "discount":
            return f"discount {draw(PERCENTS)}{scope}{above}{up_to}{prorated}{name}"
        case "discount money":
            return f"discount {draw(MONEY)}{scope}{above}{prorated}{name}"
        case "discount graduated":
            return f"discount graduated {{ above {pick(draw, ['0', '10'])}: 5% above 100: 10% }}{scope}{prorated}{name}"
        case _:
            return f"{kind} {draw(POSITIVE_MONEY)}{scope}{prorated}{name}"


def draw_usage(world: World, meters: Sequence[Counter]) -> Usage:
    """Cells in any order, with zeros; equal cells twice only where the meter adds over them."""
    draw = world.draw
    usage: Usage = {}
    for meter in meters:
        numbers = QUANTITIES if meter.additive else WHOLE_QUANTITIES
        if meter.signed:
            numbers = st.one_of(numbers, st.integers(-200, -1))
        cells: list[dict[str, Any]] = []
        seen: set[tuple[str, ...]] = set()
        for _ in range(draw(st.integers(0, 5 if meter.dimensions else 1))):
            values = tuple(pick(draw, VALUES[dimension]) for dimension in meter.dimensions)
            if values in seen and not meter.additive:
                continue
            seen.add(values)
            cells.append({"quantity": draw(numbers), **dict(zip(meter.dimensions, values, strict=True))})
        if cells or draw(st.booleans()):
            usage[meter.name] = cells
    return usage


@st.composite
def samples(draw: Draw) -> Sample:
    """A whole valid program and usage for it."""
    world = World(draw, pick(draw, CURRENCIES))
    head = [
        f"currency {world.currency}",
        "unit request | requests",
        "unit credit | credits",
        "unit MB",
        "unit GB = 1000 MB",
    ]
    meters = draw_meters(world)
    counted = list(world.counters)
    declarations = [*head, *meters, *draw_tables(world), *draw_curves(world), *draw_quantities(world)]
    lines = [draw_charge(world, pick(draw, [f"c{i}", f"m{i}"])) for i in range(draw(st.integers(1, 3)))]
    lines += [draw_fee(draw, f"f{i}") for i in range(draw(st.integers(0, 1)))]
    for i in range(draw(st.integers(0, 2))):
        lines.append(draw_derived(world, f"d{i}", lines))
    names = [line.name for line in lines]
    adjustments = [draw_adjustment(draw, names, f"a{i}") for i in range(draw(st.integers(0, 3)))]
    bill = pick(draw, ["", "monthly", "yearly", "monthly on day 15", "daily", "quarterly", "weekly"])
    settings = [f"bill {bill}"] if bill else []
    settings += ["round half_even"] if draw(st.booleans()) else []
    settings += maybe(draw, lambda: 'timezone "Europe/Paris"').splitlines()
    periods: dict[str, list[tuple[str, str] | None]] = {
        "": [None, ("2026-03-01", "2026-04-01"), ("2026-03-10", "2026-04-01"), ("2026-02-01", "2026-02-15")],
        "yearly": [None, ("2026-01-01", "2027-01-01"), ("2026-03-01", "2027-01-01")],
        "monthly on day 15": [None, ("2026-03-15", "2026-04-15"), ("2026-03-20", "2026-04-15")],
        "daily": [None, ("2026-03-29", "2026-03-30")],
        "weekly": [None, ("2026-03-23", "2026-03-30"), ("2026-03-25", "2026-03-30")],
        "quarterly": [None, ("2026-01-01", "2026-04-01"), ("2026-01-01", "2026-02-15")],
    }
    # How many days a period has that nobody dated, and so what a daily fee costs in it, is not known.
    undated = bill == "daily" or not any(" daily" in line.head for line in lines)
    period = pick(draw, periods.get(bill, periods[""])[0 if undated else 1 :])
    return Sample(
        tuple(declarations),
        tuple(settings),
        tuple(lines),
        tuple(adjustments),
        frozenset(meter.name for meter in counted if meter.additive),
        draw_usage(world, counted),
        period,
    )
