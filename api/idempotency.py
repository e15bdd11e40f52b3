"""Answers that are given once for an Idempotency-Key.

The answer is written in the transaction of its effect, so neither is ever there without the other. Problems that are
raised roll both back: such a request may be sent again. Answers are kept for `KEPT`; then the key is free again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response

from api.problems import Problem
from api.requests import Answer
from runtime.rating.finalise import one_snapshot
from runtime.store.database import Database, Work
from runtime.store.repositories import idempotency
from runtime.store.tables import Idempotency

KEPT: Final = timedelta(hours=48)
"""How long the answer to a request with a key is given again."""
FORGOTTEN_AT_ONCE: Final = 1_000
"""Answers that one transaction forgets."""


class Answers:
    """The answers of one server, and the keys that are in work here."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._in_work: set[tuple[str, str]] = set()
        self._lock = Lock()

    def once(
        self,
        tenant_id: str,
        key: str | None,
        request: Request,
        body: bytes,
        now: datetime,
        effect: Callable[[Work], Answer],
        *,
        snapshot: bool = False,
    ) -> Response:
        """Do `effect` in a transaction and answer; asked again with the same key, what was said before is said again.

        The effect may run several times; with `snapshot` it sees one instant only. Raises `Problem` A0203, A0204.
        """
        if key is None:
            return self._run(lambda work: effect(work).response(), snapshot)
        place = tenant_id, key
        with self._lock:
            if place in self._in_work:
                raise Problem("A0204", "a request with this Idempotency-Key is in work", "wait for it, then ask again")
            self._in_work.add(place)
        try:
            asked = hash_of(request, body)
            return self._run(lambda work: answered(work, tenant_id, key, asked, now, effect), snapshot)
        finally:
            with self._lock:
                self._in_work.discard(place)

    def _run(self, work: Callable[[Work], Response], snapshot: bool) -> Response:
        def begun(transaction: Work) -> Response:
            if snapshot:
                one_snapshot(transaction)
            return work(transaction)

        try:
            return self.database.run(begun)
        except IntegrityError:  # another request was faster: what it wrote is seen now
            return self.database.run(begun)

    def forget(self, now: datetime) -> None:
        """Forget the answers that are older than `KEPT`, piece by piece."""
        forgotten = FORGOTTEN_AT_ONCE
        while forgotten == FORGOTTEN_AT_ONCE:
            forgotten = self.database.run(lambda work: idempotency.forget(work, now - KEPT, FORGOTTEN_AT_ONCE))


def hash_of(request: Request, body: bytes) -> bytes:
    """What makes two requests the same one."""
    return hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode() + body).digest()


def answered(
    work: Work, tenant_id: str, key: str, asked: bytes, now: datetime, effect: Callable[[Work], Answer]
) -> Response:
    """The answer that is kept, or that of the effect, which is kept then."""
    known = idempotency.answer(work, tenant_id, key)
    if known is not None and known.created_at >= now - KEPT:
        if known.request != asked:
            raise Problem("A0203", "this Idempotency-Key was used for another request", "use a new key")
        headers = {**json.loads(known.headers), "Idempotent-Replayed": "true"}
        return Response(known.body, known.status, headers, "application/json")
    if known is not None:
        idempotency.drop(work, known)
    answer = effect(work)
    made = Idempotency(
        tenant_id=tenant_id,
        key=key,
        request=asked,
        status=answer.status,
        headers=json.dumps(dict(answer.headers)),
        body=answer.kept_body(),
        created_at=now,
    )
    idempotency.add(work, made)
    return answer.response()
