"""The laws of a price shape: its IR is well formed, and every evaluator prices it to the same exact amount."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from pricing_dsl.ir import nodes as ir
from pricing_dsl.plugin.contract import PriceShape
from pricing_dsl.plugin.shapes import ShapeBuilder, ShapeError, verified
from pricing_dsl.plugin.testing.arguments import arguments_from_form
from pricing_dsl.plugin.testing.drawing import draw, shown, smallest, strategies
from pricing_dsl.plugin.testing.fresh import Asked, ask_fresh, modules_of
from pricing_dsl.plugin.testing.problem import Breach, Findings, Law, Problem, Subject

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

FORM = Law(
    "form",
    "the call that `form` shows makes a price",
    "let `form` show one number for each of `parameters`, as in `declining(0.50, 100k, 80%, 5)`",
)
RAISES_NOT = Law(
    "no exception",
    "`build` gives a price step, or a `ValueError` with a sentence for the program's author",
    "check the arguments first and `raise ValueError` with what is wrong with them",
)
WELL_FORMED = Law(
    "well formed",
    "what `build` returns is a price step of exact numbers that reads nothing of the program",
    "make the step with the methods of the builder only",
)
DETERMINISTIC = Law(
    "deterministic",
    "the same arguments make the same step every time",
    "read nothing but the arguments: no clock, no file, no random numbers",
)
SAME_AMOUNT = Law(
    "same amount",
    "every evaluator comes to the same exact amount",
    "make the step with the methods of the builder only; if it is, this is an error of the evaluators: report it",
)


def verify_price_shape(shape: PriceShape) -> tuple[Problem, ...]:
    """What is wrong with a price shape, one problem for each law. Raises `KitError` without Hypothesis."""
    findings = Findings(Subject("", "", "register_price_shapes", "price shape", shape.name))
    check_price_shape(shape, findings)
    ask_fresh([Asked(findings, shape, modules_of(shape.build))])
    return findings.problems()


def check_price_shape(shape: PriceShape, findings: Findings) -> None:
    """All laws."""
    known = arguments_from_form(shape)
    if known is None:
        findings.breaks(FORM, f"`{shape.form}` does not show {len(shape.parameters)} numbers")
    else:
        try:
            shape.build(ShapeBuilder(), *known)
            findings.holds(FORM)
        except Exception as error:
            findings.breaks(FORM, f"`{shape.form}` raised {type(error).__name__}: {error}")
    lists = argument_lists(shape, known)
    drawn = draw(lists)
    for law, breach in ((RAISES_NOT, _raises), (WELL_FORMED, _malformed), (DETERMINISTIC, _wavers)):
        found = smallest(lists, drawn, lambda arguments, breach=breach: breach(shape, arguments))  # type: ignore[misc]
        if found is None:
            findings.holds(law)
        else:
            findings.breaks(law, found[1].message, _call(shape, found[0]))
    prices = sum(_step(shape, arguments) is not None for arguments in drawn)
    if prices == 0:
        findings.not_asked(SAME_AMOUNT, "none of the arguments that were tried make a price")
        return
    st = strategies()
    priced = st.tuples(lists, quantities())
    differing = smallest(priced, draw(priced), lambda pair: _prices_differently(shape, *pair))
    if differing is None:
        findings.holds(SAME_AMOUNT, f"{prices} of {len(drawn)} lists of arguments make a price")
    else:
        (arguments, quantity), how = differing
        findings.breaks(SAME_AMOUNT, how.message, f"{_call(shape, arguments)} of {shown(quantity)} units")


def argument_lists(shape: PriceShape, known: Sequence[Fraction] | None) -> SearchStrategy[list[Fraction]]:
    """Arguments near those that the form shows, and others that may make no price at all."""
    st = strategies()
    others = st.sampled_from([Fraction(text) for text in ("-1", "0", "0.0001", "0.5", "1", "2", "3", "10", "1000")])
    lists = [st.tuples(*[others for _ in shape.parameters])]
    if known is not None:
        scaled = [
            st.just(value) | st.sampled_from([value / 2, value * 2, value + 1, value - 1]) | others for value in known
        ]
        lists += [st.tuples(*map(st.just, known)), st.tuples(*scaled)]
        lists += [
            st.tuples(*[scaled[place] if place == one else st.just(value) for place, value in enumerate(known)])
            for one in range(len(known))
        ]
    drawn: SearchStrategy[list[Fraction]] = st.one_of(lists).map(list)
    return drawn


def quantities() -> SearchStrategy[Fraction]:
    """Quantities around the bounds of tiers, with decimals, none at all and very many."""
    st = strategies()
    drawn: SearchStrategy[Fraction] = (
        st.integers(0, 5_000).map(Fraction)
        | st.integers(0, 10**9).map(lambda thousandths: Fraction(thousandths, 1000))
        | st.sampled_from([Fraction(number) for number in (0, 1, 999, 1000, 1001, 100_000, 100_001, 10**15)])
    )
    return drawn


def _raises(shape: PriceShape, arguments: list[Fraction]) -> Breach | None:
    try:
        shape.build(ShapeBuilder(), *arguments)
    except ValueError as error:
        return None if str(error).strip() else Breach("it raised a `ValueError` that says nothing")
    except Exception as error:
        return Breach(f"it raised {type(error).__name__}: {error}")
    return None


def _step(shape: PriceShape, arguments: list[Fraction]) -> ir.PriceStep | None:
    """The price step; `None` where there is none."""
    try:
        return verified(shape.build(ShapeBuilder(), *arguments), ir.NOWHERE)
    except Exception:
        return None  # that it raised, or is malformed, is said by another law


def _malformed(shape: PriceShape, arguments: list[Fraction]) -> Breach | None:
    try:
        step = shape.build(ShapeBuilder(), *arguments)
    except Exception:
        return None  # that it raised is said by another law
    try:
        verified(step, ir.NOWHERE)
    except ShapeError as error:
        return Breach(str(error))
    return None


def _wavers(shape: PriceShape, arguments: list[Fraction]) -> Breach | None:
    first, second = _step(shape, arguments), _step(shape, arguments)
    return None if first == second else Breach("it made one step, and then another")


def _prices_differently(shape: PriceShape, arguments: list[Fraction], quantity: Fraction) -> Breach | None:
    """Whether the fast evaluator and the reference evaluator disagree on one quantity."""
    from pricing_dsl.evaluate.evaluator import Evaluator
    from pricing_dsl.values.numbers import decimal_text

    step = _step(shape, arguments)
    if step is None:
        return None
    program = _program(step)
    evaluator = Evaluator(program, program.plans[0])
    usage = {"units": decimal_text(quantity)}
    fast, reference = evaluator(usage), evaluator.explain(usage)
    for name, one, other in (
        ("the exact amount", fast.line("line").exact, reference.line("line").exact),
        ("the amount", fast.line("line").amount, reference.line("line").amount),
        ("the number of unpriced entries", len(fast.unpriced), len(reference.unpriced)),
    ):
        if one != other:
            return Breach(f"{name} is {one} by the fast evaluator, and {other} by the reference evaluator")
    return None


def _program(step: ir.PriceStep) -> ir.Program:
    """A program whose one charge is this price step, in a currency of many digits."""
    meter = ir.Meter(
        "units", "units", "units", (), False, False, True, True, ("used",), None, None,
        (ir.Measure(None, "sum", (ir.Ref("property", "n"),)),), (), False, "UTC",
    )  # fmt: skip
    charge = ir.Charge("line", "line", "units", "units", (), (step,), True, 1)
    plan = ir.Plan("plan", "plan", ir.Bill("monthly", None, False), "UTC", "half_up", (charge,), ("line",), ())
    return ir.Program(ir.LANGUAGE_VERSION, "USD", 2, (meter,), (), (), (plan,), ())


def _call(shape: PriceShape, arguments: list[Fraction]) -> str:
    return f"{shape.name}({', '.join(map(shown, arguments))})"
