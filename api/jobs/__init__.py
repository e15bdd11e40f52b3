"""Jobs: work that takes longer than a request. Backtests, and many statements finalised."""
