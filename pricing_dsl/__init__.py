"""pricing-dsl: a pricing language and engine for usage-based billing."""
