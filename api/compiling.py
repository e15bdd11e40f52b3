"""Programs of strangers: compiled a few at a time, so that previews go on, and few that wait.

What bounds one of them is its length (`SOURCE_CHARACTERS_MAX`): the slowest text of that length known takes less than
five seconds (benchmarks/api.py measures it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

import pricing_dsl
from api.edge import Exchange
from api.limits import COMPILES_AT_ONCE_MAX, COMPILES_WAITING_MAX, INLINE_KEPT
from api.metrics import COMPILING
from api.problems import busy
from pricing_dsl.compilation import Compilation
from pricing_dsl.source import Source
from runtime.rating.bound import Cache

Result = TypeVar("Result")


class Compiler:
    """Compiles for one server."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(COMPILES_AT_ONCE_MAX)
        self._there = 0
        self._inline: Cache[pricing_dsl.Program] = Cache(INLINE_KEPT)

    async def run(self, request: Request, work: Callable[[], Result]) -> Result:
        """`work`, which compiles, in a thread, when it is its turn. Raises `Problem` A0301 where many wait."""
        if self._there >= COMPILES_AT_ONCE_MAX + COMPILES_WAITING_MAX:
            raise busy(f"{COMPILES_WAITING_MAX} programs wait to be compiled")
        exchange: Exchange = request.scope["exchange"]

        def unless_late() -> Result:
            if exchange.is_late:
                raise busy("this waited too long")
            return work()

        self._there += 1
        try:
            return await to_thread.run_sync(unless_late, limiter=self._limiter)
        finally:
            self._there -= 1

    def checked(self, source: Source, files: Mapping[str, str]) -> Compilation:
        """A program with all that was found in it."""
        with COMPILING.time():
            compilation = Compilation(source, files)
            assert compilation.diagnostics is not None
        return compilation

    def compiled(self, source: str, name: str, files: Mapping[str, str]) -> pricing_dsl.Program:
        """A program without errors. Raises `ProgramError`."""
        with COMPILING.time():
            return pricing_dsl.compile(source, name=name, files=files)

    def inline(self, tenant_id: str, source: str, files: Mapping[str, str]) -> pricing_dsl.Program:
        """The same of a program that is sent along again and again: the last few are kept. Raises `ProgramError`."""
        key = tenant_id, source, tuple(sorted(files.items()))
        return self._inline.get(key, lambda: self.compiled(source, "inline.pricing", files))
