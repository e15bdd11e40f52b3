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

FILE_BATCH_EVENTS = 5_000
"""Events of a file that are one batch: answered, and on the disk, together."""

FILE_BATCH_BYTES = 16_000_000
"""Size of such a batch as text, and of one line."""

EVENT_NAME_CHARACTERS_MAX = 200
"""Length of an event's id, source, type and subject."""

DEDUP_DAYS = 35
"""How far back an event's time may lie, and so how long its id is remembered: the dedup window."""

FUTURE_HOURS_MAX = 24
"""How far ahead of the clock an event's time may lie."""

CELLS_PER_HOUR_MAX = 100_000
"""Combinations of dimension values of one customer and meter in one hour."""

CELL_BYTES_MAX = 1_600
"""Length of the dimension values of one cell, as JSON: with the customer they are a key that PostgreSQL can index."""

PLACES_KEPT = 100_000
"""Hours of customers and meters of which a process keeps how many cells they have."""

MEASURED_DIGITS_MAX = 300
"""Digits of what one event counts: those of a product are the digits of its factors added up."""

LOOKUPS_KEPT = 10_000
"""Look-ups in one table that a process keeps for measuring."""

REASON_CHARACTERS_MAX = 2_000
"""Length of the reason that is kept with a rejected event; the event is kept whole."""

RECENT_IDS_MAX = 200_000
"""Ids of events that SQLite keeps as they came before they go to their index; a process remembers as many."""

RECENT_RUNS_MAX = 64
"""Batches whose ids are kept so."""

FORGET_AFTER_HOURS = 24
"""How much longer than the dedup window ids are kept, so that clocks of several processes may differ."""

NAME_CHARACTERS_MAX = 200
"""Length of the name of a program or a customer."""

EVALUATORS_KEPT = 10_000
"""Contracts whose evaluators a process keeps."""

PROGRAMS_KEPT = 64
"""Versions of programs that a process keeps as they are, to make evaluators of."""

CELLS_KEPT = 100_000
"""Combinations of dimension values that a process keeps as read from the store."""

UNFINALISED_PERIODS_MAX = 36
"""Periods that a preview goes back to a finalised one, evaluating each for what it leaves."""
