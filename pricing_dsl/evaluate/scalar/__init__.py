"""The scalar evaluator: a plan printed as straight-line integer code, for previews and for the hot path.

From the IR of a plan (`function`, `pipeline`, `groups`, `prices`, `money`, `adjustments`) comes the text of a Python
function on unlimited integers, compiled once per shape and bound to numbers as parameters (`plan`). It gives the same
amounts as the reference evaluator, to the last digit; what it does not do (`support`), what is unpriced and whatever is
odd about the usage ends in `Fallback`.

A contract (`agreement`) is the same with state: what depends on dates alone (segments, fees, schedules of grants) and
what is rare (steps on sums of a period that is cut, true-ups) is asked of the reference evaluator's own functions;
draws are paid in integers (`tills`). Nothing else here imports the reference evaluator.
"""

from pricing_dsl.evaluate.scalar.agreement import ScalarContract
from pricing_dsl.evaluate.scalar.plan import ScalarPlan, compile_plan
from pricing_dsl.evaluate.scalar.tables import Tables
from pricing_dsl.evaluate.scalar.writing import Fallback

__all__ = ["Fallback", "ScalarContract", "ScalarPlan", "Tables", "compile_plan"]
