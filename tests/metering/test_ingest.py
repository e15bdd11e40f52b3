"""What becomes of events, on both databases: taken once, duplicates told, what is wrong kept whole with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pricing_dsl.plugin import hookimpl
from pricing_dsl.plugin.aggregations import distinct
from pricing_dsl.plugin.aggregations.totals import SUM, Sum
from pricing_dsl.plugin.manager import load, using
from runtime.errors import RuntimeProblem
from runtime.limits import BATCH_BYTES_MAX, BATCH_EVENTS_MAX, DEDUP_DAYS
from runtime.metering import ingest, recent
from runtime.metering.events import read_mappings
from runtime.metering.ingest import Ingester, forget
from runtime.rating.publish import publish
from runtime.store.database import Database
from tests.metering.setting import (
    NOW,
    TOKENS,
    batch,
    event,
    ids_kept,
    ingester_with,
    kept,
    microseconds,
    numbers,
    rejected,
    results,
    tenant_with,
)

HOUR = microseconds(NOW) // 3_600_000_000 - 1
"""The hour of `event()`."""
PLACE = ("tokens", "acme", HOUR, '["gpt-5"]')


def meter(text: str) -> str:
    return f"currency USD {text} plan p {{ fee f 1 }}"


# --- once ------------------------------------------------------------------------------------------------------------


def test_an_event_counts_once_however_often_it_comes(shared: Database) -> None:
    ingester = ingester_with(shared, TOKENS)
    first = ingester.ingest(batch(event(1), event(2), event(1)), NOW)
    again = ingester.ingest(batch(event(1), event(3), event(3), event(2)), NOW)
    assert first.outcomes == ("accepted", "accepted", "duplicate")
    assert again.outcomes == ("duplicate", "accepted", "duplicate", "duplicate")
    assert numbers(shared, ingester.tenant_id) == {PLACE: 9}


def test_ids_are_unique_within_their_source_and_tenant(shared: Database) -> None:
    one, other = ingester_with(shared, TOKENS), ingester_with(shared, TOKENS)
    # the same characters, split in another place
    events = [event("x"), event("x", source="other"), event(id="b:c", source="a"), event(id="c", source="a:b")]
    events += [event(id="1a", source="1"), event(id="a", source="11")]
    assert one.ingest(batch(*events), NOW).accepted == 6
    assert other.ingest(batch(*events), NOW).accepted == 6


def test_a_meter_that_reads_two_types_adds_them_up(shared: Database) -> None:
    text = meter(
        'meter tokens { from "llm", "audio" measure sum(tokens) by model } '
        'meter users { from "llm", "audio" measure unique(model) }'
    )
    ingester = ingester_with(shared, text)
    assert (
        ingester.ingest(batch(event(1), event(2, type="audio", data={"tokens": 4, "model": "gpt-5"})), NOW).accepted
        == 2
    )
    assert results(shared, ingester.tenant_id) == {PLACE: 7, ("users", "acme", HOUR, "[]"): 1}


def test_late_events_land_in_their_own_hour(shared: Database) -> None:
    ingester = ingester_with(shared, TOKENS)
    late = NOW - timedelta(days=DEDUP_DAYS)
    assert ingester.ingest(batch(event(1), event(2, time=late)), NOW).accepted == 2
    hours = {place[2] for place in numbers(shared, ingester.tenant_id)}
    assert hours == {HOUR, HOUR + 1 - DEDUP_DAYS * 24}


def test_numbers_stay_exact(shared: Database) -> None:
    ingester = ingester_with(shared, TOKENS)
    given = ["0.1"] * 10 + ["9" * 60, "0." + "0" * 58 + "1", "1e40", "-5.50"]
    events = [event(n, data={"tokens": text, "model": "gpt-5"}) for n, text in enumerate(given)]
    body = batch(*events[:7]), batch(*events[7:])
    assert [ingester.ingest(each, NOW).accepted for each in body] == [7, 7]
    for number, text in enumerate((b"0.30", b"123456789012345678901234567890.123", b"1E2", b"-0.3")):
        raw = batch(event(f"raw{number}")).replace(b'"tokens":3', b'"tokens":' + text)
        assert ingester.ingest(raw, NOW).accepted == 1
    exact = sum(map(Fraction, given)) + Fraction("123456789012345678901234567890.123") + 100
    assert numbers(shared, ingester.tenant_id) == {PLACE: exact}


# --- what is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "why"),
    [
        ({"type": "video"}, "X0302", "no meter reads events of type `video`"),
        ({"time": NOW - timedelta(days=DEDUP_DAYS, seconds=1)}, "X0303", "more than 35 days ago"),
        ({"time": NOW + timedelta(hours=24, seconds=1)}, "X0304", "more than 24 hours ahead"),
        ({"time": "2026-03-20T11:00:00"}, "X0301", "timezone"),
        ({"time": "yesterday"}, "X0301", "RFC3339"),
        ({"id": ""}, "X0301", "length >= 1"),
        ({"id": "x" * 201}, "X0301", "length <= 200"),
        ({"subject": "a\0b"}, "X0301", "zero character"),
        ({"subject": 5}, "X0301", "Expected `str`"),
        ({"data": {"tokens": 1}}, "R0401", "the event has no `model`"),
        ({"data": {"tokens": "1,5", "model": "a\0"}}, "R0402", "not a number"),
        ({"data": {"tokens": 1, "model": "x" * 1_700}}, "X0308", "more than 1_600 bytes"),
        ({"data": {"tokens": 1, "model": "ü" * 900}}, "X0308", "more than 1_600 bytes"),
    ],
)
def test_an_event_that_is_wrong_harms_no_other(shared: Database, changes: dict[str, Any], code: str, why: str) -> None:
    ingester = ingester_with(shared, TOKENS)
    bad = event("bad", **changes)
    answer = ingester.ingest(batch(event(1), bad, event(2)), NOW)
    assert answer.outcomes == ("accepted", "rejected", "accepted")
    assert (answer.rejected[0].place, answer.rejected[0].code) == (1, code)
    assert why in answer.rejected[0].reason
    ((kept_code, reason, text),) = rejected(shared, ingester.tenant_id)
    assert (kept_code, reason) == (code, answer.rejected[0].reason)
    assert text == batch(bad).decode()[1:-1]
    assert numbers(shared, ingester.tenant_id) == {PLACE: 6}
    mended = ingester.ingest(batch(event("bad")), NOW)
    assert mended.accepted == 1


def test_what_is_no_json_is_kept_as_it_came(shared: Database) -> None:
    ingester = ingester_with(shared, TOKENS)
    good = batch(event(1))[1:-1]
    lines = [good, b'{"id": "\xff\x00"}', b"{", b'{"id":"\\ud800"}', b"[1]", b"x" * 1_000_000]
    answer = ingester.ingest(b"\n".join(lines), NOW)
    assert answer.outcomes == ("accepted", *["rejected"] * 5)
    texts = [text for _, _, text in rejected(shared, ingester.tenant_id)]
    assert texts == ['{"id": "\\xff\\x00"}', "{", '{"id":"\\ud800"}', "[1]", "x" * 1_000_000]


def test_in_an_array_one_event_that_is_no_text_harms_no_other(shared: Database) -> None:
    ingester = ingester_with(shared, TOKENS)
    one, other = batch(event(1))[1:-1], batch(event(2))[1:-1]
    body = b" [ " + one + b' , {"id": "\xff"}, null,' + b"5 ," + other + b"\n]\n"
    assert ingester.ingest(body, NOW).outcomes == ("accepted", "rejected", "rejected", "rejected", "accepted")
    assert rejected(shared, ingester.tenant_id)[0][2] == '{"id": "\\xff"}'


@pytest.mark.parametrize(
    "body",
    [b"[", b"[1", b'[{"id":1}', b"[1 2]", b"[1,]", b"[]x", b"[" * 5_000, b"[nope]", b" " * (BATCH_BYTES_MAX + 1)],
)
def test_a_batch_that_cannot_be_taken_apart_is_refused_whole(shared: Database, body: bytes) -> None:
    ingester = ingester_with(shared, TOKENS)
    with pytest.raises(RuntimeProblem, match="X0305"):
        ingester.ingest(body, NOW)


def test_batches_are_read_in_every_form(shared: Database) -> None:
    ingester = ingester_with(shared, TOKENS)
    one, two = batch(event(1))[1:-1], batch(event(2))[1:-1]
    bodies = [b"[" + one + b"]", one, one.replace(b",", b",\n"), one + b"\r\n\n" + two + b"\n", b"", b"[]", b" \n"]
    outcomes = [ingester.ingest(body, NOW).outcomes for body in bodies]
    assert outcomes == [("accepted",), ("duplicate",), ("duplicate",), ("duplicate", "accepted"), (), (), ()]


def test_too_many_events_are_refused(shared: Database) -> None:
    ingester = ingester_with(shared, TOKENS)
    with pytest.raises(RuntimeProblem, match="at most 50_000 events"):
        ingester.ingest(b"{}\n" * (BATCH_EVENTS_MAX + 1), NOW)


def test_there_must_be_the_tenant(shared: Database) -> None:
    with pytest.raises(RuntimeProblem, match="X0101"):
        Ingester(shared, "nobody").ingest(batch(event()), NOW)


def test_mappings_are_events_too(shared: Database) -> None:
    ingester = ingester_with(shared, TOKENS)
    events = [event(1), event(2, data={"tokens": 0.1, "model": "gpt-5"}), {"id": "x"}, event(3, subject="\ud800"), 5]
    answer = ingester.ingest(list(read_mappings(events)), NOW)
    assert answer.outcomes == ("accepted", *["rejected"] * 4)
    assert "floating-point" in answer.rejected[0].reason


def test_all_meters_take_an_event_or_none_does(shared: Database) -> None:
    text = meter('meter a { from "llm" measure count() } meter b { from "llm" measure sum(seconds) }')
    ingester = ingester_with(shared, text)
    answer = ingester.ingest(batch(event(1), event(2, data={"seconds": 5})), NOW)
    assert answer.outcomes == ("rejected", "accepted")
    found = numbers(shared, ingester.tenant_id)
    assert found == {("a", "acme", HOUR, "[]"): 1, ("b", "acme", HOUR, "[]"): 5}
    assert ingester.ingest(batch(event(1, data={"seconds": 7})), NOW).accepted == 1
    assert numbers(shared, ingester.tenant_id)["b", "acme", HOUR, "[]"] == 12


def test_what_was_accepted_is_a_duplicate_even_where_it_would_be_rejected_now(shared: Database) -> None:
    ingester = ingester_with(shared, TOKENS)
    assert ingester.ingest(batch(event(1)), NOW).accepted == 1
    broken = event(1, data={})
    assert ingester.ingest(batch(broken), NOW).outcomes == ("duplicate",)
    assert ingester.ingest(batch(event(1)), NOW + timedelta(days=DEDUP_DAYS)).outcomes == ("duplicate",)
    assert rejected(shared, ingester.tenant_id) == []


def test_mended_in_the_same_batch_it_is_taken(shared: Database) -> None:
    ingester = ingester_with(shared, TOKENS)
    assert ingester.ingest(batch(event(1, data={}), event(1)), NOW).outcomes == ("rejected", "accepted")


# --- programs --------------------------------------------------------------------------------------------------------


def test_events_are_measured_by_what_is_in_force_at_their_time(shared: Database) -> None:
    tenant = tenant_with(shared, TOKENS)
    ingester = Ingester(shared, tenant)
    assert ingester.ingest(batch(event(1)), NOW).accepted == 1
    with shared.transaction() as work:
        later = TOKENS.replace("sum(tokens)", "sum(tokens * 2)").replace('"llm"', '"llm", "audio"')
        publish(work, tenant, "p0", later, NOW, effective_at=NOW + timedelta(hours=1))
    events = [event(n, time=NOW + timedelta(minutes=minutes)) for n, minutes in ((2, 59), (3, 60), (4, 90))]
    early = event(5, type="audio")
    assert ingester.ingest(batch(*events, early), NOW).outcomes == (*["accepted"] * 3, "rejected")
    found = numbers(shared, tenant)
    assert {place[2] - HOUR: value for place, value in found.items()} == {0: 3, 1: 3, 2: 12}


def test_programs_of_one_tenant_share_a_meter_that_is_the_same(shared: Database) -> None:
    ingester = ingester_with(shared, TOKENS, TOKENS.replace("fee f 1", "fee f 2"))
    assert ingester.ingest(batch(event(1)), NOW).accepted == 1
    assert numbers(shared, ingester.tenant_id) == {PLACE: 3}


# --- states ----------------------------------------------------------------------------------------------------------


def test_carried_meters_keep_the_last_value_of_an_hour(shared: Database) -> None:
    ingester = ingester_with(shared, meter('meter seats { from "llm" measure max(tokens) carried }'))
    at = NOW - timedelta(minutes=5)
    events = [
        event("b", time=at, data={"tokens": "2.50"}),
        event("a", time=at, data={"tokens": 9}),
        event("z", time=at - timedelta(seconds=1), data={"tokens": 7}),
        event("b", time=at, source="other", data={"tokens": 2}),  # the same id: the greater value is the last
    ]
    for each in (events, reversed(events)):
        for one in each:
            ingester.ingest(batch(one), NOW)
    ((value, _, last),) = kept(shared, ingester.tenant_id).values()
    assert value is None
    assert last == (microseconds(at), "eb", Fraction(5, 2))
    assert set(results(shared, ingester.tenant_id).values()) == {9}


def test_an_exact_state_that_is_full_refuses_new_values_only(shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct, "UNIQUE_EXACT_MAX", 3)
    ingester = ingester_with(
        shared, meter('meter users { from "llm" measure unique(user) } meter n { from "llm" measure count() }')
    )

    def of(*users: str) -> bytes:
        return batch(*[event(f"{user}{number}", data={"user": user}) for number, user in enumerate(users)])

    assert ingester.ingest(of("a", "b"), NOW).accepted == 2
    answer = ingester.ingest(of("c", "a", "d", "b", "e"), NOW)
    assert [each.place for each in answer.rejected] == [2, 4]
    assert "approximate" in answer.rejected[0].reason
    assert {place[0]: value for place, value in results(shared, ingester.tenant_id).items()} == {"users": 3, "n": 2 + 3}
    assert ingester.ingest(of("d"), NOW).outcomes == ("rejected",)


class Picky(Sum):
    """A sum that fails at 13 after it has spoilt its state, when it meets 7, and, merged, above 100."""

    def add(self, state: Any, value: Any, time: int, event: str) -> Any:
        state = super().add(state, value, time, event)
        if value == 13:
            raise ZeroDivisionError("thirteen")
        return state

    def merge(self, state: Any, other: Any) -> Any:
        state = super().merge(state, other)
        if super().result(state, None) > 100:  # type: ignore[arg-type]
            raise RuntimeError("over a hundred")
        return state


class PickyPlugin:
    PRICING_API = 1

    @hookimpl
    def register_aggregations(self) -> list[Any]:
        return [replace(SUM, name="picky", form="picky(x)", make=lambda _: Picky())]


@pytest.fixture
def picky() -> Iterator[None]:
    with using(load(only=set(), also={"picky": PickyPlugin()})):
        yield


@pytest.mark.usefixtures("picky")
def test_an_aggregation_that_raises_harms_its_events_only(shared: Database) -> None:
    ingester = ingester_with(
        shared, meter('meter odd { from "llm" measure picky(tokens) by model } meter n { from "llm" measure count() }')
    )

    def of(*values: int, model: str = "a") -> list[Mapping[str, Any]]:
        return [event(f"{model}{value}", data={"tokens": value, "model": model}) for value in values]

    answer = ingester.ingest(batch(*of(1, 13, 2), *of(13, 14, model="b")), NOW)
    assert answer.outcomes == ("accepted", "rejected", "accepted", "rejected", "accepted")
    assert answer.rejected[0].reason == "its aggregation raised ZeroDivisionError: thirteen"
    # merging is what fails: nobody can say for which event, so all of that cell in this batch
    answer = ingester.ingest(batch(*of(90, 50), *of(3, model="b")), NOW)
    assert answer.outcomes == ("rejected", "rejected", "accepted")
    found = {(place[0], place[3]): value for place, value in results(shared, ingester.tenant_id).items()}
    assert found == {("odd", '["a"]'): 3, ("odd", '["b"]'): 17, ("n", "[]"): 4}


def test_observers_are_told_of_rejected_events_exactly(shared: Database) -> None:
    seen: list[tuple[Any, str]] = []

    class Observer:
        PRICING_API = 1

        @hookimpl
        def usage_rejected(self, event: Mapping[str, Any], reason: str) -> None:
            seen.append((event, reason))

    good = batch(event(1))[1:-1].replace(b'"tokens":3,"model":"gpt-5"', b'"tokens":0.10')
    with using(load(only=set(), also={"observer": Observer()})):
        ingester_with(shared, TOKENS).ingest(good + b"\n{", NOW)
    assert [reason.split(",")[0] for _, reason in seen] == ["the event has no `model`", "Input data was truncated"]
    assert str(seen[0][0]["data"]["tokens"]) == "0.10"
    assert seen[1][0] == {"text": "{"}


# --- limits ----------------------------------------------------------------------------------------------------------


def test_an_hour_has_room_for_so_many_cells(shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "CELLS_PER_HOUR_MAX", 10)
    monkeypatch.setattr(ingest, "UNCHECKED_CELLS", 4)
    tenant = tenant_with(shared, TOKENS)

    def of(*models: int) -> bytes:
        return batch(*[event(f"{model}", data={"tokens": 1, "model": f"m{model:02}"}) for model in models])

    for ingester in (Ingester(shared, tenant), Ingester(shared, tenant)):  # the second counts what the first left
        ingester.ingest(of(*range(8)), NOW)
    answer = Ingester(shared, tenant).ingest(of(*range(20)), NOW)
    assert (answer.duplicates, answer.accepted, len(answer.rejected)) == (8, 2, 10)
    assert answer.rejected[0].code == "X0309"
    assert len(numbers(shared, tenant)) == 10
    again = Ingester(shared, tenant).ingest(batch(event("more", data={"tokens": 1, "model": "m03"})), NOW)
    assert again.accepted == 1


def test_rooms_that_are_forgotten_are_counted_again(shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "CELLS_PER_HOUR_MAX", 5)
    monkeypatch.setattr(ingest, "UNCHECKED_CELLS", 0)
    monkeypatch.setattr(ingest, "PLACES_KEPT", 1)
    ingester = ingester_with(shared, TOKENS)
    for number in range(8):
        ingester.ingest(
            batch(event(number, data={"tokens": 1, "model": str(number)}), event(f"x{number}", subject="b")), NOW
        )
    assert len([place for place in numbers(shared, ingester.tenant_id) if place[1] == "acme"]) == 5


# --- the dedup window ------------------------------------------------------------------------------------------------


def test_ids_beyond_the_window_are_forgotten_piece_by_piece(database: Database) -> None:
    ingester = ingester_with(database, TOKENS)
    old = [event(n, time=NOW - timedelta(days=DEDUP_DAYS - 1)) for n in range(50)]
    ingester.ingest(batch(*old, *[event(f"new{n}") for n in range(50)]), NOW)
    assert forget(database, NOW + timedelta(days=1), piece=7) == 0  # a day longer, for clocks that differ
    assert forget(database, NOW + timedelta(days=2, hours=1), piece=7) == 50
    assert ids_kept(database) == 50


def test_ingesting_forgets_as_it_goes(database: Database) -> None:
    """With every day as many events as before, there are never more than three times the ids of a window."""
    ingester = ingester_with(database, TOKENS)
    most = 0
    for day in range(4 * DEDUP_DAYS):
        now = NOW + timedelta(days=day)
        ingester.ingest(batch(*[event(f"{day}-{n}", time=now) for n in range(10)]), now)
        most = max(most, ids_kept(database))
    assert 10 * DEDUP_DAYS <= most <= 30 * DEDUP_DAYS


def test_recent_ids_of_sqlite_outlive_the_process_and_transactions_that_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes (two engines here) write in turns; what one rolled back it must not take for known."""
    monkeypatch.setattr(recent, "RECENT_RUNS_MAX", 4)
    one, other = (Database.open(f"sqlite:///{tmp_path / 'x.db'}") for _ in range(2))
    tenant = tenant_with(one, TOKENS)
    ingesters = Ingester(one, tenant), Ingester(other, tenant)
    for number in range(12):
        ingester = ingesters[number % 2]
        body = batch(event(number), event(f"more{number}"))
        with pytest.raises(ZeroDivisionError):
            take_twice_and_fail(ingester, body)
        assert ingester.ingest(body, NOW).accepted == 2
        assert ingesters[1 - number % 2].ingest(body, NOW).duplicates == 2
    everything = batch(*[event(number) for number in range(12)])
    assert all(each.ingest(everything, NOW).duplicates == 12 for each in ingesters)
    assert numbers(one, tenant) == {PLACE: 3 * 24}
    one.close()
    other.close()


def take_twice_and_fail(ingester: Ingester, body: bytes) -> None:
    """A batch taken twice in a transaction that is rolled back."""
    with ingester.database.transaction() as work:
        assert ingester.take(work, ingester.read(body), NOW).accepted == 2
        assert ingester.take(work, ingester.read(body), NOW).duplicates == 2
        raise ZeroDivisionError
