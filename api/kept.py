"""What previews keep between requests, for a moment: what tenants have agreed, opened and used.

Every entry belongs to one tenant. What is kept is at most `FRESH_SECONDS` old, and gone as soon as that tenant's
programs, contracts or statements change in this process. What is asked for again and again is looked up anew before
that, by a thread and once, so that no crowd of requests waits for the same thing.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, Final

FRESH_SECONDS: Final = 0.25
"""How old what is kept of contracts, openings and stored usage may be."""
RENEWED_SECONDS: Final = 0.125
"""How old what is asked for may be before it is looked up anew."""
RENEWERS: Final = 2
"""Threads that look up anew."""
RENEWALS_MAX: Final = 256
"""Entries that wait to be looked up anew; what more there is grows old, and is looked up by who asks for it."""
ENTRIES_MAX: Final = 20_000
"""Entries that are kept; then the one that was not asked for longest goes."""

Key = tuple[Any, ...]


class Entry:
    """What is kept: how old its tenant's things were, and from when on it is looked up anew, and is no more."""

    __slots__ = ("age", "due", "until", "value")

    def __init__(self, value: Any, age: int) -> None:
        now = time.monotonic()
        self.value = value
        self.age = age
        self.due = now + RENEWED_SECONDS
        self.until = now + FRESH_SECONDS


class Kept:
    """A bounded memory, thread-safe. `age` is told before what is to be kept is looked up."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[str, Key], Entry] = OrderedDict()
        self._ages: dict[str, int] = {}
        self._lock = Lock()
        self._renewers = ThreadPoolExecutor(RENEWERS, "renewer")
        self._renewals = 0

    def age(self, tenant_id: str) -> int:
        """How often a tenant's things have changed here."""
        return self._ages.get(tenant_id, 0)

    def get(self, tenant_id: str, key: Key, look_up: Callable[[], object]) -> Any:
        """What is kept, `None` if nothing is. `look_up` puts it here anew; it is called by a thread when it is time."""
        place = tenant_id, key
        with self._lock:
            found = self._entries.get(place)
            now = time.monotonic()
            if found is None or found.age != self.age(tenant_id) or found.until <= now:
                return None
            self._entries.move_to_end(place)
            is_due = found.due <= now and self._renewals < RENEWALS_MAX
            if is_due:
                found.due = found.until
                self._renewals += 1
        if is_due:
            self._renewers.submit(self._renew, place, look_up)
        return found.value

    def _renew(self, place: tuple[str, Key], look_up: Callable[[], object]) -> None:
        try:
            look_up()
        except Exception:  # who asks next looks it up, and is told
            with self._lock:
                self._entries.pop(place, None)
        finally:
            with self._lock:
                self._renewals -= 1

    def put(self, tenant_id: str, key: Key, value: Any, age: int) -> None:
        """Keep what was looked up at an age."""
        place = tenant_id, key
        with self._lock:
            self._entries[place] = Entry(value, age)
            self._entries.move_to_end(place)
            while len(self._entries) > ENTRIES_MAX:
                self._entries.popitem(last=False)

    def forget(self, tenant_id: str) -> None:
        """A tenant has published, bound or finalised something here."""
        with self._lock:
            self._ages[tenant_id] = self.age(tenant_id) + 1

    def close(self) -> None:
        """Look up nothing any more."""
        self._renewers.shutdown(cancel_futures=True)
