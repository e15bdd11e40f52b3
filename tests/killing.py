"""A real process that does work until it is killed with SIGKILL, at any instant, and another one that takes its place.

What it runs is a function of a module, given by name: `serve(connection, *arguments)` answers what it receives. What it
had not answered is sent to the next one again. Processes are forked from one that has imported the module already, so
that hundreds of them can die in a minute.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import monotonic
from typing import Any, Generic, TypeVar

Message = TypeVar("Message")
START_S_MAX = 60.0


class Killing(Generic[Message]):
    """Sends messages in their order to processes that are killed, until all are answered.

    `serve` sends `"ready"` first. Between it and the kill pass up to `life_s` seconds; one in five is killed sooner.
    """

    def __init__(
        self, serve: Callable[..., None], arguments: Sequence[Any], *, life_s: float, seed: int, ahead: int = 2
    ) -> None:
        self.serve = serve
        self.arguments = tuple(arguments)
        self.life_s = life_s
        self.ahead = ahead
        """Messages that are sent before the first of them is answered."""
        self.chance = random.Random(seed)
        self.kills = 0
        self.answers: list[tuple[Message, Any]] = []
        self.cut_off = 0
        """Messages that were sent and not answered before the kill."""
        self._context: Any = get_context("forkserver")
        self._context.set_forkserver_preload([serve.__module__])

    def run(self, messages: Sequence[Message], kills: int) -> list[tuple[Message, Any]]:
        """Have all messages answered, killing as often as said while there are any; each with its answer, in order."""
        waiting = deque(messages)
        while self.kills < kills and waiting:
            self._one(waiting, killed=True)
            self.kills += 1
        self._one(waiting, killed=False)
        assert not waiting
        return self.answers

    def _one(self, waiting: deque[Message], *, killed: bool) -> None:
        """The life of one process."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=self.serve, args=(theirs, *self.arguments), daemon=True)
        process.start()
        theirs.close()
        sent: deque[Message] = deque()
        if not killed or self.chance.random() < 0.8:
            assert ours.poll(START_S_MAX)
            assert ours.recv() == "ready"
        end = monotonic() + (self.chance.random() * self.life_s if killed else START_S_MAX)
        while waiting or sent:
            while waiting and len(sent) < self.ahead:
                ours.send(waiting[0])
                sent.append(waiting.popleft())
            if not ours.poll(max(end - monotonic(), 0)):
                break
            self._take(ours.recv(), sent)
        process.kill()
        process.join()
        self._rest(ours, sent)
        self.cut_off += len(sent)
        waiting.extendleft(reversed(sent))

    def _rest(self, ours: Connection, sent: deque[Message]) -> None:
        """What it answered before it died counts."""
        try:
            while ours.poll():
                self._take(ours.recv(), sent)
        except (EOFError, ConnectionResetError):
            ours.close()

    def _take(self, answer: Any, sent: deque[Message]) -> None:
        if answer != "ready":
            self.answers.append((sent.popleft(), answer))
