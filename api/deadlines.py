"""Time limits of requests: one look around now and then, where a timer for each would cost more than the request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

LOOK_SECONDS: Final = 0.25
"""How often it is looked whether a request takes too long; for short limits, four times in one."""


class Deadlines:
    """What is in work for at most so long; for one event loop. All have the same time, so the oldest is due first."""

    def __init__(self, seconds_max: float) -> None:
        self._seconds_max = seconds_max
        self._every = min(LOOK_SECONDS, seconds_max / 4)
        self._waiting: dict[object, tuple[float, Callable[[], None]]] = {}
        self._is_looking = False

    def begin(self, work: object, late: Callable[[], None]) -> None:
        """Call `late` when the time for `work` is over, unless it has ended before."""
        loop = asyncio.get_running_loop()
        self._waiting[work] = loop.time() + self._seconds_max, late
        if not self._is_looking:
            self._is_looking = True
            loop.call_later(self._every, self._look, loop)

    def end(self, work: object) -> None:
        """It has ended."""
        self._waiting.pop(work, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self._waiting:
            work, (due, late) = next(iter(self._waiting.items()))
            if due > now:
                break
            del self._waiting[work]
            late()
        self._is_looking = bool(self._waiting)
        if self._is_looking:
            loop.call_later(self._every, self._look, loop)
