"""The scalar evaluator: a plan printed as straight-line integer code, for previews and for the hot path.

From the IR of a plan (`function`, `pipeline`, `groups`, `prices`, `money`, `adjustments`) comes the text of a Python
function on unlimited integers, compiled once per shape and bound to numbers as parameters (`plan`). It gives the same
amounts as the reference evaluator, to the last digit; what it does not do (`support`), what is unpriced and whatever is
odd about the usage ends in `Fallback`. Imports the IR, values and its neighbours in `evaluate`, never the reference.
"""

from pricing_dsl.evaluate.scalar.plan import ScalarPlan, compile_plan
from pricing_dsl.evaluate.scalar.writing import Fallback

__all__ = ["Fallback", "ScalarPlan", "compile_plan"]
