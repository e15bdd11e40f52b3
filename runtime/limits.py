"""Every bound of the runtime, named once. Exceeding one is a refusal with its name, never a crash."""

TRANSACTION_TRIES_MAX = 10
"""Times that a transaction is begun anew after a deadlock, a serialization failure or a busy database."""

SQLITE_BUSY_MS_MAX = 30_000
"""How long a writer waits for another one on SQLite."""

SQLITE_CACHE_KIB = 262_144
"""Page cache of a SQLite connection: random event ids reach all over their index."""

SQLITE_CHECKPOINT_PAGES = 16_384
"""Pages of the write-ahead log after which SQLite moves them to the database."""
