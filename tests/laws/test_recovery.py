"""Mistakes that have nothing to do with one another are each reported once, and everything else is still in the tree.

A program is put together from pieces; each piece can be written right or with one of its mistakes, of which the code
and the place are known beforehand. One to ten pieces are written wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from pricing_dsl.source import Source
from pricing_dsl.syntax import nodes
from pricing_dsl.syntax.parse import from_source


@dataclass(frozen=True)
class Mistake:
    """A piece written wrong: `>` and `<` stand around the place that is reported."""

    code: str
    marked: str

    @property
    def text(self) -> str:
        return self.marked.replace("»", "").replace("«", "")

    @property
    def unbalances(self) -> bool:
        """A missing and a stray brace may make up for one another: such mistakes are not independent."""
        return self.text.count("{") != self.text.count("}")

    @property
    def place(self) -> tuple[int, int]:
        return self.marked.index("»"), self.marked.index("«") - 1


@dataclass(frozen=True)
class Piece:
    right: str
    wrong: tuple[Mistake, ...]


def piece(right: str, *wrong: tuple[str, str]) -> Piece:
    return Piece(right, tuple(Mistake(code, marked) for code, marked in wrong))


STEPS = (
    piece("include 100", ("S0102", "»inclde« 100"), ("S0101", "include »)« 100"), ("S0110", "include »;«100")),
    piece('where region == "eu"', ("S0104", 'where region »=« "eu"'), ("S0112", "where region == »'eu'«")),
    piece('where model != "x y"', ("S0111", 'where model != »"x y«'), ("S0110", 'where »!«model == "x"')),
    piece("at most 10_000", ("S0105", "at most »10,000«"), ("S0102", "at »mst« 10_000")),
    piece("round up to 100", ("S0103", "round up »100«"), ("S0102", "»roud« up to 100")),
    piece(
        "weigh kind { a: 1  b: 2 }", ("S0103", "weigh kind { a »1«  b: 2 }"), ("S0109", "weigh kind { »a-1«: 1  b: 2 }")
    ),
    piece("price 5", ("S0107", "price »$«5"), ("S0107", "price 5 »USD«"), ("S0102", "»prise« 5")),
    piece("price 2.9%", ("S0106", "price »2.9 %«"), ("S0107", "price »€« 2.9%")),
    piece(
        "graduated { to 10: 1  above: 2 }",
        ("S0103", "graduated { to 10: 1  above »2« }"),
        ("S0102", "»graduatd« { to 10: 1  above: 2 }"),
        ("S0101", "graduated { to 10: 1  »minus« above: 2 }"),
    ),
    piece("minimum 100 prorated by day", ("S0102", "minimum 100 prorated by »dya«")),
    piece("times 0.85", ("S0101", "times 0.85 »0.9«"), ("S0101", "»fee« 0.85")),
    piece("show by region", ("S0103", "show »region«"), ("S0115", "show by region »//« here")),
)
ITEMS = (
    piece("fee a 499", ("S0102", "»fe« a 499"), ("S0107", "fee a »USD« 499"), ("S0105", "fee a »1,499«")),
    piece('fee b "Base" 20 monthly', ("S0112", "fee b »'Base'« 20 monthly"), ("S0102", 'fee b "Base" 20 »montly«')),
    piece(
        "discount 10% on a above 100",
        ("S0103", "discount 10% »a« above 100"),
        ("S0106", "discount »10 %« on a above 100"),
    ),
    piece("minimum 1_000 as floor", ("S0101", "minimum 1_000 »floor«"), ("S0102", "»minimim« 1_000 as floor")),
    piece(
        "from 2026-02-01 { fee c 1 }",
        ("D0401", "from »2026-02-30« { fee c 1 }"),
        ("S0117", "from »2026-2-1« { fee c 1 }"),
    ),
    piece("charge d = a + b", ("S0101", "charge d = a + »*« b"), ("S0103", "charge d »a« + b")),
    piece("bill monthly", ("S0101", "bill »often«"), ("S0102", "»bil« monthly")),
    piece("remove e", ("S0101", "remove »5«"), ("S0101", "»include« 5")),
    piece("override a { price 1 }", ("S0102", "»overide« a { price 1 }"), ("S0103", "override a »price« 1 }")),
)
DECLARATIONS = (
    piece("currency USD", ("S0101", "currency »5«"), ("S0102", "»curency« USD")),
    piece("unit GB = 1000 MB", ("S0104", "unit GB »==« 1000 MB"), ("S0101", "unit GB = »MB«")),
    piece(
        'meter m { from "e"  measure sum(x)  by y }',
        ("S0103", 'meter m { from "e"  measure sum(x  »by« y }'),
        ("S0102", 'meter m { from "e"  »mesure« sum(x)  by y }'),
        ("S0111", 'meter m {\n  from »"e«\n  measure sum(x)  by y\n}'),
    ),
    piece("quantity q = 3 * m", ("S0101", "quantity q = 3 * »/« m"), ("S0103", "quantity q »3« * m")),
    piece(
        'rates r per 1k by y { y | price\n"a" | 1\nelse | 2 }',
        ("S0103", 'rates r per 1k by y { y | price\n"a" »1«\nelse | 2 }'),
        ("S0103", 'rates r »y« { y | price\n"a" | 1\nelse | 2 }'),
        ("S0111", 'rates r per 1k by y { y | price\n»"a« | 1\nelse | 2 }'),
    ),
    piece(
        "curve s volume { above: 1 }",
        ("S0103", "curve s volume { above »1« }"),
        ("S0102", "curve s »volme« { above: 1 }"),
    ),
    piece(
        'contract c {\n  customer "x"\n}',
        ("S0120", 'contract c »{«\n  customer "x"\n'),
        ("S0121", 'contract c {\n  customer "x"\n}\n»}«'),
        ("S0103", 'contract »c«\n  customer "x"\n}'),
    ),
    piece(
        'example "e" on p { m = 5  expect total = 1 }',
        ("S0103", 'example "e" on p { m = 5  expect total »1« }'),
        ("S0102", 'example "e" on p { m = 5  »expct« total = 1 }'),
    ),
    piece(
        "prove p never decreases in m",
        ("S0102", "prove p never »decreses« in m"),
        ("S0101", "prove p »always« decreases in m"),
    ),
)


@dataclass
class Written:
    """A program being written: its text, what is to be reported, and what of it is right."""

    text: str = ""
    expected: tuple[tuple[str, int, int], ...] = ()

    def add(self, part: Piece, wrong: Mistake | None, indent: str) -> bool:
        """Write a piece; whether it is written right."""
        self.text += indent
        if wrong is None:
            self.text += part.right + "\n"
            return True
        start, end = wrong.place
        self.expected += ((wrong.code, len(self.text) + start, len(self.text) + end),)
        self.text += wrong.text + "\n"
        return False


def right_node(part: Piece) -> object:
    """The node of a piece, read in a program that holds nothing else."""
    if part in DECLARATIONS:
        return from_source(Source(part.right)).program.declarations[0]
    inside = f"charge x on y {{ {part.right} }}" if part in STEPS else part.right
    (plan,) = from_source(Source(f"plan p {{ {inside} }}")).program.declarations
    assert isinstance(plan, nodes.Plan)
    (item,) = plan.items
    if part not in STEPS:
        return item
    assert isinstance(item, nodes.Charge)
    return item.steps[0]


@st.composite
def programs(draw: st.DrawFn) -> tuple[Written, list[object]]:
    """Declarations, then a plan with a charge, then declarations; and the nodes of the pieces written right."""
    written, kept = Written(), list[object]()
    wrong, unbalanced = 0, False

    def write(parts: list[Piece], indent: str) -> None:
        nonlocal wrong, unbalanced
        for part in parts:
            mistake = draw(st.one_of(st.none(), st.sampled_from(part.wrong))) if wrong < 10 else None
            if mistake is not None and mistake.unbalances:
                mistake = None if unbalanced else mistake
                unbalanced = True
            wrong += mistake is not None
            if written.add(part, mistake, indent):
                kept.append(right_node(part))

    write(draw(st.lists(st.sampled_from(DECLARATIONS), max_size=4)), "")
    written.text += "plan p {\n"
    write(draw(st.lists(st.sampled_from(ITEMS), max_size=5)), "  ")
    written.text += "  charge x on y {\n"
    write(draw(st.lists(st.sampled_from(STEPS), max_size=6)), "    ")
    written.text += "  }\n"
    write(draw(st.lists(st.sampled_from(ITEMS), max_size=2)), "  ")
    written.text += "}\n"
    write(draw(st.lists(st.sampled_from(DECLARATIONS), max_size=3)), "")
    return written, kept


def parts_of(program: nodes.Program) -> list[object]:
    """Declarations other than the plan, its items other than the charge, the charge's steps."""
    found: list[object] = []
    for declaration in program.declarations:
        match declaration:
            case nodes.Plan(items=items):
                for item in items:
                    if isinstance(item, nodes.Charge) and item.name.text == "x":
                        found += item.steps
                    else:
                        found.append(item)
            case _:
                found.append(declaration)
    return found


@given(programs())
def test_each_mistake_is_reported_once_and_the_rest_is_read(case: tuple[Written, list[object]]) -> None:
    written, kept = case
    parsed = from_source(Source(written.text))
    found = [(d.code, d.span.start, d.span.end) for d in parsed.diagnostics]
    assert found == sorted(written.expected, key=lambda said: said[1:]), written.text
    there = iter(parts_of(parsed.program))
    assert all(any(part == node for part in there) for node in kept), written.text


def test_every_mistake_alone_is_found_where_it_is() -> None:
    for parts, before, after in (
        (DECLARATIONS, "", "unit last"),
        (ITEMS, "plan p {\n  ", "  fee last 1\n}"),
        (STEPS, "plan p {\n  charge x on y {\n    ", "    mirror\n  }\n}"),
    ):
        for part in parts:
            for mistake in part.wrong:
                text = f"{before}{mistake.text}\n{after}"
                start, end = mistake.place
                found = [
                    (d.code, d.span.start - len(before), d.span.end - len(before))
                    for d in from_source(Source(text)).diagnostics
                ]
                assert found == [(mistake.code, start, end)], text
