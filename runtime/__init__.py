"""The runtime: what needs a clock, a disk or a network. Usage in, aggregates kept, statements out.

    store/     tables, units of work and migrations, on SQLite (embedded default) and PostgreSQL
    metering/  events, validated, deduplicated and aggregated
    rating/    contracts' evaluators bound to stored usage: previews, statements, balances, replays, backtests

Imports `pricing_dsl`; nothing there imports this room.
"""
