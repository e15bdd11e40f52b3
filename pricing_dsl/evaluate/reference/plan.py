"""One statement of a plan, step by step as the order of evaluation says.

Covers one billing period that nothing cuts: steps 3 to 15 and 19. There are no balances and no counters of earlier
periods here, so `due` is the total and every counter opens at zero.
"""

from __future__ import annotations

from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.evaluate.reference.adjustments import Nets, adjust
from pricing_dsl.evaluate.reference.lines import Evaluated, Rounding, charge_line, fee_line
from pricing_dsl.evaluate.reference.quantities import Quantities
from pricing_dsl.evaluate.reference.unpriced import unpriced_entries
from pricing_dsl.evaluate.statement import Statement, Usage
from pricing_dsl.evaluate.usage import read_usage
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import meters_used
from pricing_dsl.values.periods import BillingPeriod, PeriodError


def evaluate(program: ir.Program, plan: ir.Plan, usage: Usage, period: BillingPeriod, *, explain: bool) -> Statement:
    """The statement of one plan for one billing period; with `explain`, each line and row carries its reason.

    Raises `EvaluationError` (R codes) for usage that cannot be read or priced.
    """
    # Step 3: read usage, each cell once.
    cells = read_usage(program, plan, usage)
    quantities = Quantities(program, cells, period, explain=explain)
    rounding = Rounding(program.digits, plan.rounding)

    # Steps 4 to 14: lines in the order of their dependencies, each rounded once.
    evaluated = evaluate_lines(quantities, rounding, plan)
    in_order = [evaluated[line.name] for line in plan.lines]

    # Step 15: adjustments in the order written, on the amounts that the ones before left.
    nets = Nets({line.info.id: line.minor for line in in_order})
    rows = adjust(quantities.context, rounding, plan, nets)

    # Step 19: total = lines + adjustments; without balances all of it is due.
    total = sum(line.minor for line in in_order) + sum(row.minor for row in rows)
    assert total == sum(nets.lines.values()) + sum(nets.top_ups), "a statement foots"

    used = meters_used(program, plan)
    return Statement(
        target=plan.name,
        currency=program.currency,
        digits=program.digits,
        period=period.bounds,
        lines=[line.line(nets.lines[line.info.id]) for line in in_order],
        adjustments=rows,
        total_minor=total,
        due_minor=total,
        unpriced=unpriced_entries(quantities.meters, cells, [line for line in in_order if line.info.kind == "charge"]),
        unused=tuple(meter.name for meter in program.meters if meter.name in cells and meter.name not in used),
    )


def evaluate_lines(quantities: Quantities, rounding: Rounding, plan: ir.Plan) -> dict[str, Evaluated]:
    """Fees (step 13) and charges (steps 4 to 12; derived ones, step 14), by name."""
    lines = {line.name: line for line in plan.lines}
    evaluated: dict[str, Evaluated] = {}
    for name in plan.order:
        line = lines[name]
        if isinstance(line, ir.Fee):
            try:
                result = fee_line(quantities.context, rounding, line)
            except PeriodError as error:
                raise EvaluationError("R0105", error.message, error.help) from None
        else:
            result = charge_line(quantities, rounding, line)
        evaluated[name] = result
        quantities.context.lines[name] = rounding.money(result.minor)
    return evaluated
