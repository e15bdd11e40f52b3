"""The reference evaluator: slow, written to be read, on exact fractions, straight from the IR.

It is the meaning of a price in code. It follows the order of evaluation step by step; the numbers of the rules of money
stand in the comments. `agreement` shows all twenty steps, `plan` those that a plan without a contract has.

     1. cut                      agreement.segments_of
     2. resolve                  agreement.version_at
     3. read usage               segmented_usage.read_segments, agreement.opened_counters, agreement.opened_ledger
     4. cell steps               entries.without_entryless, quantity_steps.where, quantity_steps.weigh
     5. group                    quantity_steps.each, pipeline.deal, cells.pool
     6. quantity steps           quantity_steps.quantity_step, counters.Counter.count
     7. credits in units         agreement.pay_from_credits, unit_credits.pay_units
     8. price                    pipeline.cost_of, prices.price_at
     9. cell steps on money      amounts.on_parts
    10. sum steps on money       amounts.on_sum, stages.amount_steps
    11. total or largest         amounts.ended
    12. round the line           lines.rounded_line
    13. fees                     fees.billed_services
    14. derived charges          charges.derived_reading
    15. adjustments              adjustments.adjust
    16. corrections              corrections.Correction.shown
    17. true-ups                 true_ups.true_ups
    18. draws                    draws.pay_segment
    19. overage                  draws.mark_overage, draws.factors_row
    20. close                    lots.Account.close, agreement.closing_counters

Every other evaluator must give the same statement. This one alone explains amounts and says what is wrong or unpriced,
so the fast evaluator hands over to it. Imports the IR, values and its neighbours in `evaluate`.
"""

from pricing_dsl.evaluate.reference.plan import evaluate

__all__ = ["evaluate"]
