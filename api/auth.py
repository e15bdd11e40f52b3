"""Keys: `Authorization: Bearer ID.SECRET`. Who calls, for which tenant, and what the key may do.

A secret is 32 random bytes, so its SHA-256 is enough to keep; it is compared in constant time. A process remembers keys
for `KEY_SECONDS_MAX`, so that a revoked one is refused everywhere after that time at most. Each key has a bucket of
tokens that fills at its rate.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

from anyio import CapacityLimiter, to_thread
from sqlmodel import col, select

from api.problems import Problem
from api.requests import etag_of
from runtime.errors import RuntimeProblem
from runtime.store.database import Database, Work
from runtime.store.repositories import programs
from runtime.store.tables import ApiKey

Scope = Literal["author", "ingest", "preview", "finance", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

KEY_SECONDS_MAX: Final = 1.0
"""How long a process remembers a key without asking the store."""
KEYS_KEPT: Final = 10_000
BURST_SECONDS: Final = 2
"""How many seconds' worth of requests a key may send at once."""
LOOKED_UP_AT_ONCE: Final = 2
"""Keys that are asked for at once, in threads of their own: whoever has a known key does not wait for them."""
KEY_ID: Final = re.compile(r"[0-9a-f]{16}")


class Bucket:
    """Requests that a key may send: it fills with time, `BURST_SECONDS` deep."""

    __slots__ = ("filled_at", "tokens")

    def __init__(self, per_second: int, now: float) -> None:
        self.tokens = float(per_second * BURST_SECONDS)
        self.filled_at = now

    def take(self, per_second: int, now: float) -> float:
        """Take one; the seconds after which to come again, where there is none."""
        full = per_second * BURST_SECONDS
        self.tokens = min(full, self.tokens + (now - self.filled_at) * per_second)
        self.filled_at = now
        if self.tokens < 1:
            return (1 - self.tokens) / per_second
        self.tokens -= 1
        return 0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the key, its tenant, and what it may do."""

    key_id: str
    tenant_id: str
    scopes: frozenset[str]
    secret_hash: bytes
    previous_hash: bytes | None
    previous_until: datetime | None
    expires_at: datetime | None
    per_second: int
    bucket: Bucket
    known_until: float

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or "admin" in self.scopes

    def is_secret(self, given: bytes, now: datetime) -> bool:
        is_current = hmac.compare_digest(given, self.secret_hash)
        is_previous = hmac.compare_digest(given, self.previous_hash or b"")
        return is_current or (is_previous and self.previous_until is not None and now < self.previous_until)


class Keys:
    """The keys of one server, known to its event loop. `used` are those used since that was last written down."""

    def __init__(self, database: Database, per_second: int, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.per_second = per_second
        self.clock = clock
        self.used: dict[str, datetime] = {}
        self._known: dict[str, Caller] = {}
        self._unknown: dict[str, float] = {}
        self._limiter = CapacityLimiter(LOOKED_UP_AT_ONCE)

    async def caller(self, scope: Mapping[str, Any]) -> Caller:
        """Who sends a request. Raises `Problem`: A0101 no valid key, A0103 too fast."""
        key_id, secret = token_of(scope["headers"])
        caller = self._known.get(key_id)
        if caller is None or caller.known_until < time.monotonic():
            caller = await self._asked(key_id)
        given = hash_of(secret)
        now = self.clock()
        if caller is None or not caller.is_secret(given, now):
            raise unauthenticated("make one with `pricing keys create`")
        if caller.expires_at is not None and caller.expires_at <= now:
            raise unauthenticated(f"the key expired at {caller.expires_at.isoformat()}; make another one")
        wait = caller.bucket.take(caller.per_second, time.monotonic())
        if wait:
            raise Problem(
                "A0103",
                f"this key may send {caller.per_second} requests a second",
                headers={"Retry-After": str(math.ceil(wait))},
            )
        self.used[key_id] = now
        return caller

    async def _asked(self, key_id: str) -> Caller | None:
        """The key as the store has it; what is no key is remembered too, so that guessing costs the store little."""
        if self._unknown.get(key_id, 0) >= time.monotonic():
            return None
        row = await to_thread.run_sync(self._load, key_id, limiter=self._limiter)
        now = time.monotonic()
        before = self._known.pop(key_id, None)
        if len(self._known) + len(self._unknown) >= KEYS_KEPT:
            self._known.clear()
            self._unknown.clear()
        if row is None or row.revoked_at is not None:
            self._unknown[key_id] = now + KEY_SECONDS_MAX
            return None
        per_second = row.requests_per_second or self.per_second
        caller = Caller(
            key_id,
            row.tenant_id,
            frozenset(json.loads(row.scopes)),
            row.secret_hash,
            row.previous_hash,
            row.previous_until,
            row.expires_at,
            per_second,
            Bucket(per_second, now) if before is None else before.bucket,
            now + KEY_SECONDS_MAX,
        )
        self._known[key_id] = caller
        return caller

    def _load(self, key_id: str) -> ApiKey | None:
        with self.database.reading() as work:
            return work.session.get(ApiKey, key_id)

    def forget(self, key_id: str) -> None:
        """Ask the store again about a key that was changed here, from now on. Any thread may call this."""
        known = self._known.get(key_id)
        if known is not None:
            self._known[key_id] = replace(known, known_until=0)

    def take_used(self) -> dict[str, datetime]:
        """The keys used since this was last asked; for the event loop."""
        used, self.used = self.used, {}
        return used

    def write_used(self, used: Mapping[str, datetime]) -> None:
        """Write down when keys were last used."""
        if used:
            self.database.run(lambda work: _write_used(work, used))


def token_of(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str]:
    """The id and the secret of a request's key. Raises `Problem` A0101."""
    given = [value for name, value in headers if name == b"authorization"]
    kind, _, token = (given[0] if len(given) == 1 else b"").decode("latin-1").partition(" ")
    key_id, dot, secret = token.strip().partition(".")
    if kind.lower() != "bearer" or not dot or not KEY_ID.fullmatch(key_id):
        raise unauthenticated("send `Authorization: Bearer ID.SECRET`")
    return key_id, secret


def _write_used(work: Work, used: Mapping[str, datetime]) -> None:
    for key_id, at in sorted(used.items()):
        row = work.session.get(ApiKey, key_id)
        if row is not None and (row.last_used_at is None or row.last_used_at < at):
            row.last_used_at = at
            work.session.add(row)
    work.session.flush()


def unauthenticated(help: str) -> Problem:  # noqa: A002 - the word of every diagnostic
    return Problem("A0101", "the key is missing or not valid", help, headers={"WWW-Authenticate": "Bearer"})


def forbidden(caller: Caller, scope: Scope) -> Problem:
    mine = ", ".join(sorted(caller.scopes)) or "none"
    headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'}
    return Problem("A0102", f"this needs the scope `{scope}`", f"the key has {mine}", headers=headers)


def hash_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


# --- making and ending keys ------------------------------------------------------------------------------------------


def create_key(
    work: Work,
    tenant_id: str,
    name: str,
    scopes: Iterable[str],
    now: datetime,
    *,
    expires_at: datetime | None = None,
    requests_per_second: int | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its token, which is shown once and never again."""
    programs.require_tenant(work, tenant_id)
    row = ApiKey(
        id=secrets.token_hex(8),
        tenant_id=tenant_id,
        name=name,
        scopes=json.dumps(sorted(set(scopes))),
        secret_hash=b"",
        created_at=now,
        expires_at=expires_at,
        requests_per_second=requests_per_second,
    )
    token = _new_secret(row)
    work.session.add(row)
    work.session.flush()
    return row, token


def rotate_key(work: Work, tenant_id: str, key_id: str, now: datetime, grace: timedelta) -> tuple[ApiKey, str]:
    """A new secret for a key; the old one goes on for `grace`. Raises `RuntimeProblem` X0105."""
    row = require_key(work, tenant_id, key_id, lock=True)
    row.previous_hash, row.previous_until = row.secret_hash, now + grace
    token = _new_secret(row)
    work.session.add(row)
    work.session.flush()
    return row, token


def revoke_key(work: Work, tenant_id: str, key_id: str, now: datetime) -> ApiKey:
    """End a key. Raises `RuntimeProblem` X0105."""
    row = require_key(work, tenant_id, key_id, lock=True)
    row.revoked_at = row.revoked_at or now
    work.session.add(row)
    work.session.flush()
    return row


def etag_of_key(row: ApiKey) -> str:
    """Changes with everything of a key but when it was last used."""
    return etag_of(row.id, row.secret_hash, row.previous_until, row.expires_at, row.revoked_at, row.scopes)


def require_key(work: Work, tenant_id: str, key_id: str, *, lock: bool = False) -> ApiKey:
    """A key of a tenant; `lock` keeps others from it until the end. Raises `RuntimeProblem` X0105."""
    row = work.session.get(ApiKey, key_id, with_for_update=lock and work.dialect == "postgresql")
    if row is None or row.tenant_id != tenant_id:
        raise RuntimeProblem("X0105", f"there is no key `{key_id}`", "`pricing keys list` says which there are")
    return row


def keys_of(work: Work, tenant_id: str) -> list[ApiKey]:
    """The keys of a tenant, the oldest first."""
    rows = select(ApiKey).where(ApiKey.tenant_id == tenant_id).order_by(col(ApiKey.created_at), col(ApiKey.id))
    return list(work.session.exec(rows))


def shown(row: ApiKey) -> dict[str, Any]:
    """A key as it may be shown: without its secret."""

    def text(at: datetime | None) -> str | None:
        return None if at is None else at.isoformat()

    return {
        "id": row.id,
        "name": row.name,
        "scopes": json.loads(row.scopes),
        "requests_per_second": row.requests_per_second,
        "created_at": row.created_at.isoformat(),
        "expires_at": text(row.expires_at),
        "revoked_at": text(row.revoked_at),
        "last_used_at": text(row.last_used_at),
    }


def _new_secret(row: ApiKey) -> str:
    secret = secrets.token_urlsafe(32)
    row.secret_hash = hash_of(secret)
    return f"{row.id}.{secret}"
