"""Ids of events that came in lately on SQLite: kept as runs, one for each batch, and moved to their table now and then.

Random ids reach all over an index: each batch would write almost every page of it. A run is written at the end of a
small table, and when there are many, all go to the index at once, in order. What runs hold is remembered by this
process. A run is known by the hash of what it holds, so that what another process wrote, or a transaction that was
rolled back, is never mistaken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from runtime.limits import RECENT_IDS_MAX, RECENT_RUNS_MAX

KEY: Final = 16
ID: Final = KEY + 4
"""Bytes of a key, and of a key with the hour of its event."""
KEYS_AT_ONCE: Final = 30_000
"""SQLite takes up to 32,766 parameters."""


class Recent:
    """The ids of a database: those of its runs, as far as a process has read them, and those of the index."""

    def __init__(self) -> None:
        self._tokens: list[bytes] = []
        self._keys: set[bytes] = set()

    def known_among(self, driver: Any, keys: Collection[bytes]) -> set[bytes]:
        """Those of some keys that are known. The caller has the database for itself."""
        self._read(driver)
        known = self._keys.intersection(keys)
        ordered = sorted(keys)
        for start in range(0, len(ordered), KEYS_AT_ONCE):
            some = ordered[start : start + KEYS_AT_ONCE]
            marks = ",".join("?" * len(some))
            known.update(row[0] for row in driver.execute(f"SELECT key FROM event_ids WHERE key IN ({marks})", some))
        return known

    def add(self, driver: Any, ids: Mapping[bytes, int]) -> None:
        """Keep ids that are new, after `known_among`."""
        if not ids:
            return
        run = b"".join([key + hour.to_bytes(4, "big") for key, hour in ids.items()])
        token = blake2b(run, digest_size=KEY).digest()
        driver.execute("INSERT INTO recent_event_ids (token, ids) VALUES (?, ?)", (token, run))
        if len(self._keys) + len(ids) > RECENT_IDS_MAX or len(self._tokens) >= RECENT_RUNS_MAX:
            move(driver)

    def _read(self, driver: Any) -> None:
        """Read the runs that this process does not know yet."""
        tokens = [row[0] for row in driver.execute("SELECT token FROM recent_event_ids ORDER BY run")]
        if self._tokens != tokens[: len(self._tokens)]:
            self._tokens, self._keys = [], set()
        for token in tokens[len(self._tokens) :]:
            (run,) = driver.execute("SELECT ids FROM recent_event_ids WHERE token = ?", (token,)).fetchone()
            self._keys.update([run[at : at + KEY] for at in range(0, len(run), ID)])
            self._tokens.append(token)


def move(driver: Any) -> None:
    """Move all runs to the index."""
    runs = [row[0] for row in driver.execute("SELECT ids FROM recent_event_ids")]
    ids = sorted(run[at : at + ID] for run in runs for at in range(0, len(run), ID))
    driver.executemany(
        "INSERT INTO event_ids (key, hour) VALUES (?, ?)",
        [(each[:KEY], int.from_bytes(each[KEY:], "big")) for each in ids],
    )
    driver.execute("DELETE FROM recent_event_ids")


_RECENT: WeakKeyDictionary[Engine, Recent] = WeakKeyDictionary()


def recent_of(engine: Engine) -> Recent:
    """What this process remembers of a database."""
    return _RECENT.setdefault(engine, Recent())
