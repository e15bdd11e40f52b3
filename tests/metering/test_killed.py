"""Nothing lost, nothing twice: an ingesting process is killed a hundred times on each database, at random instants."""

from __future__ import annotations

import random
from datetime import timedelta
from fractions import Fraction
from itertools import count
from multiprocessing.connection import Connection
from typing import Any

from runtime.metering.ingest import Ingester
from runtime.store.database import Database
from tests.killing import Killing
from tests.metering.setting import NOW, batch, event, kept, microseconds, numbers, results, tenant_with

KILLS = 100
"""For each of the two databases."""
BATCH = 40
LIFE_S = 0.08
PROGRAM = """currency USD
meter tokens { from "llm" measure sum(tokens) by model }
meter users { from "llm" measure unique(model) }
meter level { from "llm" measure last(tokens) carried }
plan p { fee f 1 }
"""


def serve(connection: Connection, url: str, tenant: str) -> None:
    """Ingest what comes, and answer each batch once it is durable."""
    database = Database.open(url, upgrade=False)
    ingester = Ingester(database, tenant)
    connection.send("ready")
    while True:
        connection.send(ingester.ingest(connection.recv(), NOW).outcomes)


def test_every_accepted_event_counts_once_whatever_is_killed(url: str) -> None:
    database = Database.open(url)
    tenant = tenant_with(database, PROGRAM)
    chance = random.Random(5)
    number = count()
    events: list[dict[str, Any]] = []
    batches: list[list[dict[str, Any]]] = []
    for _ in range(KILLS * 12):
        made = [new_event(next(number), chance) for _ in range(BATCH)]
        again = chance.sample(events[-500:], min(len(events), 5))  # some come in two batches, or twice in one
        events += made
        batches.append([*made, *again, *again[:2]])
    killing: Killing[bytes] = Killing(serve, (url, tenant), life_s=LIFE_S, seed=7)
    answers = killing.run([batch(*each) for each in batches], KILLS)

    assert killing.kills == KILLS
    assert killing.cut_off > KILLS / 2
    accepted = [
        each["id"]
        for body, (_, outcomes) in zip(batches, answers, strict=True)
        for each, outcome in zip(body, outcomes, strict=True)
        if outcome == "accepted"
    ]
    assert len(accepted) == len(set(accepted)) <= len(events)
    assert {outcome for _, outcomes in answers for outcome in outcomes} == {"accepted", "duplicate"}
    assert_counted_once(database, tenant, events)
    database.close()


def new_event(number: int, chance: random.Random) -> dict[str, Any]:
    time = NOW - timedelta(seconds=chance.randrange(4 * 3600))
    data = {"tokens": f"{chance.randrange(10**6)}.{chance.randrange(100):02}", "model": chance.choice("abc")}
    return event(number, time=time, subject=f"customer {chance.randrange(3)}", data=data)


def assert_counted_once(database: Database, tenant: str, events: list[dict[str, Any]]) -> None:
    """What is kept is what these events come to, each once."""
    sums: dict[Any, Fraction] = {}
    users: dict[Any, set[str]] = {}
    last: dict[Any, tuple[int, str, Fraction]] = {}
    for each in events:
        at, model, value = microseconds(each["time"]), each["data"]["model"], Fraction(each["data"]["tokens"])
        place = each["subject"], at // 3_600_000_000
        key = ("tokens", *place, f'["{model}"]')
        sums[key] = sums.get(key, Fraction(0)) + value
        users.setdefault(("users", *place, "[]"), set()).add(model)
        level = ("level", *place, "[]")
        last[level] = max(last.get(level, (0, "", Fraction(0))), (at, each["id"], value))
    assert numbers(database, tenant) == sums
    found = results(database, tenant)
    assert {place: found[place] for place in users} == {place: len(names) for place, names in users.items()}
    assert {place: row[2] for place, row in kept(database, tenant).items() if row[2]} == last
