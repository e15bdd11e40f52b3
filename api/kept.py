"""What previews keep between requests, for a moment: what tenants have agreed, opened and used.

Every entry belongs to one tenant. What is kept is at most `FRESH_SECONDS` old, and gone as soon as that tenant's
programs, contracts or statements change in this process; what is not for a moment is for good.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import Any, Final

FRESH_SECONDS: Final = 0.25
"""How old what is kept of contracts, openings and stored usage may be."""
ENTRIES_MAX: Final = 20_000
"""Entries that are kept; then the one that was not asked for longest goes."""

Key = tuple[Any, ...]


class Kept:
    """A bounded memory, thread-safe. `age` is told before what is to be kept is looked up."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[str, Key], tuple[float, int, Any]] = OrderedDict()
        self._ages: dict[str, int] = {}
        self._lock = Lock()

    def age(self, tenant_id: str) -> int:
        """How often a tenant's things have changed here."""
        return self._ages.get(tenant_id, 0)

    def get(self, tenant_id: str, key: Key) -> Any:
        """What is kept, `None` if nothing is."""
        with self._lock:
            found = self._entries.get((tenant_id, key))
            if found is None or found[1] != self.age(tenant_id) or found[0] <= time.monotonic():
                return None
            self._entries.move_to_end((tenant_id, key))
            return found[2]

    def put(self, tenant_id: str, key: Key, value: Any, age: int, seconds: float = FRESH_SECONDS) -> None:
        """Keep what was looked up at an age."""
        with self._lock:
            self._entries[tenant_id, key] = time.monotonic() + seconds, age, value
            self._entries.move_to_end((tenant_id, key))
            while len(self._entries) > ENTRIES_MAX:
                self._entries.popitem(last=False)

    def forget(self, tenant_id: str) -> None:
        """A tenant has published, bound or finalised something here."""
        with self._lock:
            self._ages[tenant_id] = self.age(tenant_id) + 1
