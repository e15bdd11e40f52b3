"""The reference evaluator: slow, written to be read, on exact fractions, straight from the IR.

It is the meaning of a price in code: it follows the order of evaluation step by step (`plan`, then `lines`, `pipeline`,
`quantity_steps`, `prices`, `amounts`, `adjustments`) and the rules of money, whose numbers stand in the comments. Every
other evaluator must give the same statement. It alone explains amounts and says what is wrong or unpriced, so the fast
evaluator hands over to it. Imports the IR, values and its neighbours in `evaluate`.
"""

from pricing_dsl.evaluate.reference.plan import evaluate

__all__ = ["evaluate"]
