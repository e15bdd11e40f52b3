"""Keys: `Authorization: Bearer ID.SECRET`. Who calls, for which tenant, and what the key may do.

A secret is 32 random bytes, so its SHA-256 is enough to keep; it is compared in constant time. A process remembers keys
for `KEY_SECONDS_MAX`, so that a revoked one is refused everywhere after that time at most. Each key has a bucket of
tokens that fills at its rate.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

from sqlmodel import col, select
from starlette.requests import Request

from api.problems import Problem
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


@dataclass(slots=True)
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
    known_until: float
    tokens: float
    filled_at: float

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or "admin" in self.scopes


class Keys:
    """The keys of one server. `used` are those that were used since they were last written down."""

    def __init__(self, database: Database, per_second: int, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.per_second = per_second
        self.clock = clock
        self.used: dict[str, datetime] = {}
        self._known: dict[str, Caller] = {}

    def caller(self, request: Request, scope: Scope) -> Caller:
        """Who sends a request. Raises `Problem`: A0101 no valid key, A0102 not allowed, A0103 too fast."""
        caller = self._authenticated(request.headers.get("authorization", ""))
        if not caller.may(scope):
            raise Problem(
                "A0102", f"this needs the scope `{scope}`", f"the key has {', '.join(sorted(caller.scopes)) or 'none'}"
            )
        self._take_token(caller)
        return caller

    def _authenticated(self, header: str) -> Caller:
        kind, _, token = header.partition(" ")
        key_id, dot, secret = token.strip().partition(".")
        if kind.lower() != "bearer" or not dot:
            raise unauthenticated("send `Authorization: Bearer ID.SECRET`")
        caller = self._known.get(key_id)
        if caller is None or caller.known_until < time.monotonic():
            caller = self._load(key_id, caller)
        given = hash_of(secret)
        now = self.clock()
        if caller is None or not self._is_secret(caller, given, now):
            raise unauthenticated("make one with `pricing keys create`")
        if caller.expires_at is not None and caller.expires_at <= now:
            raise unauthenticated(f"the key expired at {caller.expires_at.isoformat()}; make another one")
        self.used[key_id] = now
        return caller

    def _is_secret(self, caller: Caller, given: bytes, now: datetime) -> bool:
        is_current = hmac.compare_digest(given, caller.secret_hash)
        is_previous = hmac.compare_digest(given, caller.previous_hash or b"")
        return is_current or (is_previous and caller.previous_until is not None and now < caller.previous_until)

    def _load(self, key_id: str, before: Caller | None) -> Caller | None:
        with self.database.reading() as work:
            row = work.session.get(ApiKey, key_id)
        if row is None or row.revoked_at is not None:
            self._known.pop(key_id, None)
            return None
        per_second = row.requests_per_second or self.per_second
        now = time.monotonic()
        caller = Caller(
            key_id,
            row.tenant_id,
            frozenset(json.loads(row.scopes)),
            row.secret_hash,
            row.previous_hash,
            row.previous_until,
            row.expires_at,
            per_second,
            now + KEY_SECONDS_MAX,
            per_second * BURST_SECONDS if before is None else before.tokens,
            now if before is None else before.filled_at,
        )
        if len(self._known) >= KEYS_KEPT:
            self._known.clear()
        self._known[key_id] = caller
        return caller

    def _take_token(self, caller: Caller) -> None:
        now = time.monotonic()
        full = caller.per_second * BURST_SECONDS
        caller.tokens = min(full, caller.tokens + (now - caller.filled_at) * caller.per_second)
        caller.filled_at = now
        if caller.tokens < 1:
            wait = max(1, round((1 - caller.tokens) / caller.per_second))
            raise Problem(
                "A0103", f"this key may send {caller.per_second} requests a second", headers={"Retry-After": str(wait)}
            )
        caller.tokens -= 1

    def forget(self, key_id: str) -> None:
        """Ask the store again about a key that was changed here."""
        self._known.pop(key_id, None)

    def write_used(self) -> None:
        """Write down when keys were last used."""
        used, self.used = self.used, {}
        if used:
            self.database.run(lambda work: _write_used(work, used))


def _write_used(work: Work, used: dict[str, datetime]) -> None:
    for key_id, at in sorted(used.items()):
        row = work.session.get(ApiKey, key_id)
        if row is not None:
            row.last_used_at = at
            work.session.add(row)
    work.session.flush()


def unauthenticated(help: str) -> Problem:  # noqa: A002 - the word of every diagnostic
    return Problem("A0101", "the key is missing or not valid", help, headers={"WWW-Authenticate": "Bearer"})


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
    row = require_key(work, tenant_id, key_id)
    row.previous_hash, row.previous_until = row.secret_hash, now + grace
    token = _new_secret(row)
    work.session.add(row)
    work.session.flush()
    return row, token


def revoke_key(work: Work, tenant_id: str, key_id: str, now: datetime) -> ApiKey:
    """End a key. Raises `RuntimeProblem` X0105."""
    row = require_key(work, tenant_id, key_id)
    row.revoked_at = row.revoked_at or now
    work.session.add(row)
    work.session.flush()
    return row


def require_key(work: Work, tenant_id: str, key_id: str) -> ApiKey:
    row = work.session.get(ApiKey, key_id)
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
