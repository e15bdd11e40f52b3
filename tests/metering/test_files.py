"""Events out of files: NDJSON, CSV and Parquet, piece by piece, exact; and `pricing ingest` with what it says."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from runtime.cli import commands
from runtime.errors import RuntimeProblem
from runtime.metering import files
from runtime.metering.events import Event, Malformed
from runtime.metering.files import Piece, read_events
from runtime.store.database import Database
from tests.metering.setting import ENCODER, TOKENS, batch, event, ids_kept, numbers, rejected, tenant_with

AT = datetime(2026, 3, 1, 6, tzinfo=UTC)
HEADER = "id,source,type,subject,time,tokens,model\n"


def pieces(data: bytes, name: str = "-", stated: Any = None) -> list[Piece]:
    return list(read_events(io.BytesIO(data), name, stated))


def data_of(found: Sequence[Piece]) -> list[Any]:
    return [each.data if isinstance(each, Event) else each.text for piece in found for each in piece.events]


def line(number: int) -> bytes:
    return batch(event(number))[1:-1] + b"\n"


# --- NDJSON ----------------------------------------------------------------------------------------------------------


def test_lines_come_in_pieces_with_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FILE_BATCH_EVENTS", 2)
    text = b"\xef\xbb\xbf" + line(1) + b"\n \r\n" + line(2) + line(3) + b"{\n" + line(4).rstrip()
    found = pieces(text)
    assert [list(piece.lines) for piece in found] == [[1, 4], [5, 6], [7]]
    assert [len(piece.events) for piece in found] == [2, 2, 1]
    assert found[1].events[1] == Malformed("{", "Input data was truncated")
    assert found[-1].bytes_read == len(text)


def test_a_line_is_one_event_whatever_is_in_it() -> None:
    two = line(1).rstrip() + b" " + line(2)
    (piece,) = pieces(line(3) + two + b'{"a":\r1}\n')
    assert [type(each).__name__ for each in piece.events] == ["Event", "Malformed", "Malformed"]
    assert list(piece.lines) == [1, 2, 3]


def test_pieces_have_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FILE_BATCH_BYTES", 3 * len(line(1)) // 2)
    assert [len(piece.events) for piece in pieces(line(1) * 5)] == [2, 2, 1]
    with pytest.raises(RuntimeProblem, match="X0310: line 2 has more than"):
        pieces(line(1) + line(1).rstrip() * 2)


def test_a_file_may_be_one_array(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FILE_BATCH_EVENTS", 2)
    found = pieces(b" \n" + batch(event(1), event(2), event(3)).replace(b"},{", b"}\n,\n{"), "events.json")
    assert [list(piece.lines) for piece in found] == [[1, 2], [3]]
    with pytest.raises(RuntimeProblem, match="X0310: the batch is no JSON array"):
        pieces(b"[{}", "events.json")


# --- CSV -------------------------------------------------------------------------------------------------------------


def test_csv_keeps_numbers_as_they_are() -> None:
    text = HEADER + (
        'a,s,llm,acme,2026-03-01T06:00:00Z,0.10,"007"\r\n'
        'b,s,llm,"a, b",2026-03-01T06:00:00Z,123456789012345678901234567890.5,"two\nlines"\n'
        "\nc,s,llm,acme,2026-03-01T06:00:00Z,,x\n"
        "d,s,llm,acme,2026-03-01T06:00:00Z\n"
    )
    (piece,) = pieces(b"\xef\xbb\xbf" + text.encode(), "x.CSV")
    assert data_of([piece]) == [
        {"tokens": "0.10", "model": "007"},
        {"tokens": "123456789012345678901234567890.5", "model": "two\nlines"},
        {"model": "x"},
        '["d", "s", "llm", "acme", "2026-03-01T06:00:00Z"]',
    ]
    assert list(piece.lines) == [2, 4, 6, 7]


def test_a_row_that_is_no_text_harms_no_other() -> None:
    rows = b"a,s,llm,acme,2026-03-01T06:00:00Z,1,\xff\nb,s,llm,acme,2026-03-01T06:00:00Z,1,x\n"
    (piece,) = pieces(HEADER.encode() + rows, stated="csv")
    assert [type(each) for each in piece.events] == [Malformed, Event]
    assert "\\udcff" in data_of([piece])[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file has no column `id`, `source`, `type`, `subject`, `time`"),
        (HEADER.replace("subject", "customer"), "the file has no column `subject`"),
        (HEADER.replace("model", "tokens"), "the file has two columns `tokens`"),
        (HEADER + 'a,"b"c,d,e,f,g,h\n', "line 2: "),
    ],
)
def test_a_csv_file_that_cannot_be_read_says_so(text: str, message: str) -> None:
    with pytest.raises(RuntimeProblem, match="X0310") as caught:
        pieces(text.encode(), "x.csv")
    assert caught.value.message.startswith(message)


# --- Parquet ---------------------------------------------------------------------------------------------------------


def table(**columns: Any) -> bytes:
    count = len(next(iter(columns.values())))
    names = {"id": [f"e{n}" for n in range(count)], "source": ["s"] * count, "type": ["llm"] * count}
    times = pa.array([AT + timedelta(seconds=n) for n in range(count)], pa.timestamp("ns", "UTC"))
    sink = io.BytesIO()
    parquet.write_table(pa.table({**names, "subject": ["acme"] * count, "time": times, **columns}), sink)
    return sink.getvalue()


def test_parquet_keeps_decimals_and_integers_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FILE_BATCH_EVENTS", 2)
    data = table(
        amount=pa.array([Decimal("0.10"), None, Decimal("9" * 30 + ".99")], pa.decimal128(38, 2)),
        tokens=pa.array([2**63 - 1, 1, None], pa.int64()),
        day=pa.array([date(2026, 3, 1)] * 3),
        model=pa.array(["a", "b", "a"]).dictionary_encode(),
        ratio=pa.array([0.1, 0.2, 0.3]),
    )
    found = pieces(data, "x.parquet")
    assert [list(piece.lines) for piece in found] == [[1, 2], [3]]
    assert data_of(found) == [
        {"amount": Decimal("0.10"), "tokens": 2**63 - 1, "day": "2026-03-01", "model": "a", "ratio": 0.1},
        {"tokens": 1, "day": "2026-03-01", "model": "b", "ratio": 0.2},
        {"amount": Decimal("9" * 30 + ".99"), "day": "2026-03-01", "model": "a", "ratio": 0.3},
    ]
    assert found[1].events[0].time == AT + timedelta(seconds=2)  # type: ignore[union-attr]


def test_parquet_that_is_none_says_so() -> None:
    with pytest.raises(RuntimeProblem, match=r"X0310: x\.parquet cannot be read as Parquet"):
        pieces(b"id,source", "x.parquet")


# --- the command -----------------------------------------------------------------------------------------------------


def ingest(*arguments: str, given: bytes = b"") -> tuple[int, str]:
    result = CliRunner().invoke(commands.ingest, arguments, input=given)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture
def billing(tmp_path: Path) -> tuple[list[str], Database, str]:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    database = Database.open(url)
    tenant = tenant_with(database, TOKENS)
    return ["--database", url, "--tenant", tenant], database, tenant


def recent(number: int, **changes: Any) -> bytes:
    return ENCODER.encode(event(number, time=datetime.now(UTC), **changes)) + b"\n"


def test_the_command_takes_a_file_and_sums_up(billing: Any, tmp_path: Path) -> None:
    options, database, tenant = billing
    file = tmp_path / "events.ndjson"
    file.write_bytes(recent(1) + recent(2) + recent(1) + recent(3, data={}) + recent(4, type="x") + recent(5, type="y"))
    code, said = ingest(str(file), *options)
    assert code == 1
    assert said.splitlines() == [
        "2 accepted, 1 duplicates, 3 rejected",
        "          2  X0302  line 5: no meter reads events of type `x`",
        "          1  R0401  line 4: the event has no `model`, which `tokens` reads; "
        "send it, or write a default such as `model or 0` in the meter",
    ]
    assert len(rejected(database, tenant)) == 3
    assert ids_kept(database) == 2
    assert ingest("-", *options, given=recent(1) + recent(6)) == (0, "1 accepted, 1 duplicates, 0 rejected\n")
    database.close()


def test_the_command_answers_as_json_and_takes_csv(billing: Any) -> None:
    options, database, tenant = billing
    now = datetime.now(UTC).isoformat()
    rows = HEADER + f"a,s,llm,acme,{now},0.10,m\nb,s,llm,acme,{now},x,m\nc,s,llm,acme,{now},+12,m\n"
    code, said = ingest("-", "--input-format", "csv", "--format", "json", *options, given=rows.encode())
    assert code == 1
    answer = json.loads(said)
    assert (answer["accepted"], answer["duplicates"]) == (2, 0)
    assert [(each["code"], each["count"], each["first_line"]) for each in answer["rejected"]] == [("R0402", 1, 3)]
    assert sum(numbers(database, tenant).values()) == Decimal("12.1")
    database.close()


@pytest.mark.parametrize(
    ("arguments", "given", "message"),
    [
        (["nowhere.ndjson"], b"", "cannot read nowhere.ndjson: no such file or directory"),
        (["-", "--input-format", "csv"], b"a,b\n", "the file has no column"),
        (["-", "--tenant", "nobody"], b"{}", "there is no tenant `nobody`"),
    ],
)
def test_a_wrong_call_ends_with_2(billing: Any, arguments: list[str], given: bytes, message: str) -> None:
    options, database, _ = billing
    code, said = ingest(*options, *arguments, given=given)
    assert (code, message in said) == (2, True)
    database.close()
