"""A segment costs F at its end less F at its start; sum steps act once on all segments (rules 1, 2 and 5).

The pipeline takes a list of segments, so their rules are shown here on the pipeline itself, with each segment's own
terms written as a charge.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from pricing_dsl.compilation import Compilation
from pricing_dsl.evaluate.reference.cells import Cell, Priced
from pricing_dsl.evaluate.reference.context import Run, Runs
from pricing_dsl.evaluate.reference.counters import Instants
from pricing_dsl.evaluate.reference.pipeline import Segment, Terms, walk
from pricing_dsl.evaluate.reference.pipeline import priced as price
from pricing_dsl.evaluate.reference.quantities import Usages
from pricing_dsl.evaluate.reference.quantity_steps import Groups, whole_pool
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Source
from pricing_dsl.values.periods import BillingPeriod

HEAD = 'currency USD  meter calls { from "call"  measure sum(n)  by region }'

Usage = dict[str, int]


def terms(program: ir.Program) -> list[Terms]:
    charges = [line for line in program.plans[0].lines if isinstance(line, ir.Charge)]
    return [Terms.of(charge.steps) for charge in charges]


def pool(cells: Usage) -> Groups:
    return whole_pool(
        [
            Cell({"region": region}, Fraction(quantity), frozenset([("calls", (region,), 0)]))
            for region, quantity in cells.items()
        ]
    )


def priced(*segments: tuple[str, Usage], explain: bool = False) -> tuple[list[Run], tuple[Priced, ...]]:
    """Price segments given as their terms and their own usage; cells are cumulative inside."""
    lines = "  ".join(f"charge s{i} on calls {{ {steps} }}" for i, (steps, _) in enumerate(segments))
    program = Compilation(Source(f"{HEAD}  plan p {{ {lines} }}")).program.ir
    period = BillingPeriod.resolve(program.plans[0].bill, "UTC", None)
    texts = tuple(f"part {i}" for i in range(len(segments)))
    context = Usages(program, [], period, texts, explain=explain).context
    seconds = dict.fromkeys(range(len(segments)), 1)
    whole: Usage = {}
    for _, usage in segments:
        whole = {region: whole.get(region, 0) + usage.get(region, 0) for region in whole | usage}
    runs = [Runs.of(Run(context, "s", "calls", "calls", seconds=seconds)) for _ in segments]
    so_far: Usage = {}
    walks = []
    for i, (own, (_, usage)) in enumerate(zip(terms(program), segments, strict=True)):
        start = pool(so_far) if i else None
        so_far = {region: so_far.get(region, 0) + usage.get(region, 0) for region in so_far | usage}
        walks.append(walk(Segment(i, own, runs[i], Instants(pool(so_far), start, pool(whole)))))
    return [run.end for run in runs], price(walks, [()])


def total(*segments: tuple[str, Usage]) -> Fraction:
    return sum((group.amount for group in priced(*segments)[1]), Fraction(0))


def test_what_is_due_once_is_charged_once() -> None:
    steps = "price 1  minimum 100"
    assert total((steps, {"eu": 30}), (steps, {"eu": 30})) == 100


def test_each_segment_has_its_own_terms_at_its_end_and_start() -> None:
    assert total(("include 300  price 1", {"eu": 400}), ("include 500  price 1", {"eu": 500})) == 500


@pytest.mark.parametrize(
    "steps",
    [
        "graduated { to 100: 3 plus 7  to 150: 2 minimum 40  above: 1 }",
        "include 70  price 2  plus 9",
        "round up to 100  price 1",
        "price 5 per started 100",
        "each region  graduated { to 50: 2  above: 1 plus 3 }  minimum 90  total  plus 1",
        'match region { "eu" { price 5 per started 7 }  else { graduated { to 20: 2  above: 1 }  plus 4 } }',
        'price 2  times region { "eu": 3  else: 1 }  discount 10%  maximum 400',
    ],
)
def test_splitting_a_period_changes_no_total(steps: str) -> None:
    parts: list[Usage] = [{"eu": 60, "us": 25}, {"us": 30}, {"ap": 10, "eu": 25}]
    whole = {"eu": 85, "us": 55, "ap": 10}
    assert total(*((steps, part) for part in parts)) == total((steps, whole))


def test_parts_belong_to_their_segments() -> None:
    steps = "graduated { to 100: 2  above: 1 }  minimum 600"
    _, (group,) = priced((steps, {"eu": 100}), (steps, {"eu": 100}))
    assert [(part.segment, part.quantity, part.amount) for part in group.parts] == [(0, 100, 400), (1, 100, 200)]


def test_the_explanation_shows_both_ends() -> None:
    steps = "graduated { to 100: 2  above: 1 }"
    _, (group,) = priced((steps, {"eu": 100}), (steps, {"eu": 50}), explain=True)
    assert [(note.what, note.formula, note.value) for note in group.notes] == [
        ("segment part 0", "200", 200),
        ("segment part 1", "250 - 200", 50),
    ]
    assert group.notes[1].inputs == (("at its end", "250"), ("at its start", "200"))
    assert [(note.what, note.formula) for note in group.notes[1].children] == [("graduated", "200 + 50")]


def test_a_refusal_at_the_start_is_kept_apart() -> None:
    steps = "graduated { to 100: 1  above: reject }"
    runs, groups = priced((steps, {"eu": 120}), (steps, {"eu": 30}))
    assert sum((group.amount for group in groups), Fraction(0)) == 100
    assert [[refusal.quantity for refusal in run.refused] for run in runs] == [[20], [50]]
