"""Writers that meet: on the same customers and hours, with the same events; no update is lost, no deadlock is left."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from threading import Thread
from time import sleep

import psycopg

from runtime.metering.ingest import Ingested, Ingester
from runtime.rating.publish import publish
from runtime.store.database import Database
from tests.databases import database_url
from tests.metering.setting import NOW, TOKENS, batch, event, numbers, rejected, tenant_with
from tests.metering.test_killed import PROGRAM, assert_counted_once, new_event
from tests.metering.writers import all_at_once

WRITERS = 8


def test_eight_writers_lose_nothing(url: str) -> None:
    database = Database.open(url)
    tenant = tenant_with(database, PROGRAM)
    chance = random.Random(11)
    events = [new_event(number, chance) for number in range(4_000)]
    parts = []
    for writer in range(WRITERS):
        mine = [*events[writer::WRITERS], *chance.sample(events, 200)]  # and some that others send too
        chance.shuffle(mine)
        parts.append([batch(*mine[start : start + 100]) for start in range(0, len(mine), 100)])
    seen: list[int] = []
    answers = all_at_once(url, tenant, parts, meanwhile=lambda: seen.append(len(numbers(database, tenant))))
    outcomes = [outcome for answer in answers for each in answer for outcome in each.outcomes]
    assert outcomes.count("accepted") == 4_000
    assert outcomes.count("duplicate") == WRITERS * 200
    assert rejected(database, tenant) == []
    assert seen == sorted(seen)
    assert_counted_once(database, tenant, events)
    database.close()


def test_threads_may_share_an_ingester(shared: Database) -> None:
    ingester = Ingester(shared, tenant_with(shared, TOKENS))
    bodies = [batch(*[event(f"{n}-{m}") for m in range(20)]) for n in range(40)]
    answers: list[Ingested] = []

    def send(part: list[bytes]) -> None:
        answers.extend(ingester.ingest(body, NOW) for body in part)

    threads = [Thread(target=send, args=(bodies[n::WRITERS] + bodies[:2],)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(each.accepted for each in answers) == 40 * 20
    assert sum(each.duplicates for each in answers) == WRITERS * 2 * 20
    assert list(numbers(shared, ingester.tenant_id).values()) == [3 * 800]


def test_a_deadlock_is_begun_anew(tmp_path: Path) -> None:
    """Another one locks two buckets in the wrong order; PostgreSQL breaks the ring at the ingester's side."""
    with database_url("postgresql", tmp_path) as url:
        database = Database.open(url)
        ingester = Ingester(database, tenant_with(database, TOKENS))
        models = [event(n, data={"tokens": 1, "model": name}) for n, name in enumerate("ab")]
        ingester.ingest(batch(*models), NOW)
        lock = "SELECT 1 FROM usage_buckets WHERE cell = %s FOR UPDATE"
        again = [event(f"more{n}", data={"tokens": 1, "model": name}) for n, name in enumerate("ab")]
        with psycopg.connect(url) as other:
            other.execute("SET deadlock_timeout = '100s'")
            other.execute(lock, ('["b"]',))
            answers: list[Ingested] = []
            thread = Thread(target=lambda: answers.append(ingester.ingest(batch(*again), NOW)))
            thread.start()
            while not waiting(url):
                sleep(0.01)
            other.execute(lock, ('["a"]',))  # the ring: it waits for the ingester, which has `a` and waits for `b`
        thread.join()
        assert answers[0].accepted == 2
        assert sorted(numbers(database, ingester.tenant_id).values()) == [2, 2]
        with psycopg.connect(url) as other:
            seen = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            while other.execute(seen).fetchone() == (0,):
                other.rollback()
                sleep(0.05)
        database.close()


def waiting(url: str) -> bool:
    """Whether a statement waits for a lock."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    return found != (0,)


def test_publishing_waits_for_batches_on_their_way(tmp_path: Path) -> None:
    """Or an event could be measured by a version that is no longer in force at its time."""
    with database_url("postgresql", tmp_path) as url:
        database = Database.open(url)
        ingester = Ingester(database, tenant_with(database, TOKENS))
        doubled = TOKENS.replace("sum(tokens)", "sum(tokens * 2)")

        def publish_doubled() -> None:
            with database.transaction() as work:
                publish(work, ingester.tenant_id, "p0", doubled, NOW, effective_at=NOW + timedelta(hours=1))

        thread = Thread(target=publish_doubled)
        with database.transaction() as work:
            assert ingester.take(work, ingester.read(batch(event(1))), NOW).accepted == 1
            thread.start()
            while not waiting(url):
                sleep(0.01)
        thread.join()
        assert ingester.ingest(batch(event(3, time=NOW + timedelta(hours=2))), NOW).accepted == 1
        assert sorted(numbers(database, ingester.tenant_id).values()) == [3, 6]
        database.close()
