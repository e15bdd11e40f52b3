"""`pricing keys`: made, listed, rotated, revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from api.auth import SCOPES, create_key, keys_of, revoke_key, rotate_key, shown
from pricing_dsl.cli import output
from pricing_dsl.cli.files import CallError
from runtime.cli.publishing import instant
from runtime.cli.store import now, opened
from runtime.store.repositories import programs

NAME_CHARACTERS_MAX = 200


def create(
    name: str, scopes: Sequence[str], expires: str | None, per_second: int | None, url: str | None, tenant: str | None
) -> int:
    if not 0 < len(name) <= NAME_CHARACTERS_MAX:
        raise CallError(f"the name has {len(name)} characters", f"give it 1 to {NAME_CHARACTERS_MAX}")
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown:
        raise CallError(f"there is no scope `{unknown[0]}`", "there are: " + ", ".join(SCOPES))
    ends = instant(expires)
    if ends is not None and ends <= now():
        raise CallError(f"`{expires}` is over", "give an instant to come")
    with opened(url, tenant, make=True) as (database, tenant_id), database.transaction() as work:
        row, token = create_key(work, tenant_id, name, scopes, now(), expires_at=ends, requests_per_second=per_second)
    say_token(row.id, token)
    return 0


def say_token(key_id: str, token: str) -> None:
    output.say(f"key {key_id}; its token is shown this once:\n{token}")


def show(format_: str, url: str | None, tenant: str | None) -> int:
    with opened(url, tenant) as (database, tenant_id), database.reading() as work:
        programs.require_tenant(work, tenant_id)
        documents = [shown(row) for row in keys_of(work, tenant_id)]
    if format_ == "json":
        output.say_json(documents)
        return 0
    for each in documents:
        ended = f"  revoked {each['revoked_at']}" if each["revoked_at"] else ""
        ends = f"  until {each['expires_at']}" if each["expires_at"] else ""
        used = each["last_used_at"] or "never"
        output.say(f"{each['id']}  {each['name']}  {', '.join(each['scopes'])}  last used {used}{ends}{ended}")
    if not documents:
        output.say("there is no key")
    return 0


def rotate(key_id: str, grace_hours: int, url: str | None, tenant: str | None) -> int:
    with opened(url, tenant) as (database, tenant_id), database.transaction() as work:
        _, token = rotate_key(work, tenant_id, key_id, now(), timedelta(hours=grace_hours))
    say_token(key_id, token)
    return 0


def revoke(key_id: str, url: str | None, tenant: str | None) -> int:
    with opened(url, tenant) as (database, tenant_id), database.transaction() as work:
        revoke_key(work, tenant_id, key_id, now())
    output.say(f"{key_id} is revoked")
    return 0
