"""One statement of a plan: a period that nothing cuts is the case of one segment.

There are no balances and no counters of earlier periods here, so `due` is the total and every counter opens at zero.
"""

from __future__ import annotations

from pricing_dsl.evaluate.reference.evaluation import Evaluation
from pricing_dsl.evaluate.reference.segments import SegmentTime
from pricing_dsl.evaluate.reference.timeline import InForce, Timeline
from pricing_dsl.evaluate.statement import Statement, Usage
from pricing_dsl.evaluate.usage import read_usage
from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.periods import BillingPeriod, seconds_of


def evaluate(program: ir.Program, plan: ir.Plan, usage: Usage, period: BillingPeriod, *, explain: bool) -> Statement:
    """The statement of one plan for one billing period; with `explain`, each line and row carries its reason.

    Raises `EvaluationError` (R codes) for usage that cannot be read or priced.
    """
    start, end, agreed_end = 0, 1, 1
    if period.priced is not None:
        start, end = seconds_of(period.priced.start), seconds_of(period.priced.end)
        agreed_end = seconds_of(period.agreed.end)
    version = ir.Version(start, agreed_end, plan, ())
    segment = InForce(SegmentTime(0, start, end), version, read_usage(program, plan, usage))
    timeline = Timeline(plan.name, period, plan.rounding, (segment,), (version,))
    evaluation = Evaluation(program, timeline, {}, explain=explain)
    charging = evaluation.quantities()  # steps 4 to 6
    lines = evaluation.lines(charging)  # steps 8 to 14
    nets, rows = evaluation.adjusted(lines)  # step 15
    return evaluation.statement(lines, nets, rows)
