"""Backtests and other jobs: work that takes longer than a request."""
