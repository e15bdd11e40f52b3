"""Every bound of the runtime, named once. Exceeding one is a refusal with its name, never a crash."""

TRANSACTION_TRIES_MAX = 10
"""Times that a transaction is begun anew after a deadlock, a serialization failure or a busy database."""

SQLITE_BUSY_MS_MAX = 30_000
"""How long a writer waits for another one on SQLite."""

SQLITE_CACHE_KIB = 262_144
"""Page cache of a SQLite connection: random event ids reach all over their index."""

SQLITE_CHECKPOINT_PAGES = 16_384
"""Pages of the write-ahead log after which SQLite moves them to the database."""

BATCH_EVENTS_MAX = 50_000
"""Events of one batch: it is one transaction and one answer."""

BATCH_BYTES_MAX = 64_000_000
"""Size of one batch as text."""

EVENT_NAME_CHARACTERS_MAX = 200
"""Length of an event's id, source, type and subject."""

DEDUP_DAYS = 35
"""How far back an event's time may lie, and so how long its id is remembered: the dedup window."""

FUTURE_HOURS_MAX = 24
"""How far ahead of the clock an event's time may lie."""

CELLS_PER_HOUR_MAX = 100_000
"""Combinations of dimension values of one customer and meter in one hour."""

CELL_CHARACTERS_MAX = 2_000
"""Length of the dimension values of one cell, as JSON."""

EVALUATORS_KEPT = 10_000
"""Contracts whose evaluators a process keeps."""

UNFINALISED_PERIODS_MAX = 36
"""Periods that a preview goes back to a finalised one, evaluating each for what it leaves."""
