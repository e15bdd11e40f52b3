"""Rating: contracts' evaluators bound to stored usage.

publish.py     programs made versions, contracts bound to them
bound.py       a contract with the versions that price it, ready to evaluate
usage.py       a period's usage out of the buckets, in the segments that the contract is cut into
preview.py     what a period comes to as things stand
finalise.py    statements that never change, with what they move in the ledger
corrections.py late usage of finalised periods
replay.py      any statement computed again; audit.py: everything checked against everything
backtest.py    two programs over the same usage
"""
