"""Reading and writing: programs, data beside them, usage as JSON. Every wrong input is one clear sentence."""

from __future__ import annotations

import io
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from pricing_dsl.cli.files import CallError, FilesBeside, read_program, read_usage, write_program


def test_a_program_keeps_its_text_and_its_name(tmp_path: Path) -> None:
    file = tmp_path / "a.pricing"
    file.write_bytes("currency USD # 価格\r\n".encode())
    source = read_program(str(file))
    assert (source.text, source.name) == ("currency USD # 価格\r\n", str(file))


def test_a_mark_of_byte_order_is_no_part_of_a_program(tmp_path: Path) -> None:
    file = tmp_path / "a.pricing"
    file.write_bytes(b"\xef\xbb\xbfcurrency USD\n")
    assert read_program(str(file)).text == "currency USD\n"


def test_standard_input_is_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"currency USD\n")))
    assert (read_program("-").name) == "<stdin>"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.pricing", None, "cannot read .*absent.pricing: no such file or directory"),
        ("latin.pricing", b"currency USD\n# caf\xe9\n", "latin.pricing is not UTF-8 text: line 2 has the byte 0xe9"),
        ("nul\0.pricing", None, "this is not a file name"),
        (".", None, "cannot read .*: is a directory"),
    ],
)
def test_a_program_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CallError, match=message):
        read_program(str(tmp_path) + "/" + name)


def test_writing_replaces_the_text_and_keeps_the_rights(tmp_path: Path) -> None:
    file = tmp_path / "a.pricing"
    file.write_text("old")
    file.chmod(0o640)
    write_program(str(file), "new\n")
    assert file.read_bytes() == b"new\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["a.pricing"]


def test_writing_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"cannot write .*no such file or directory"):
        write_program(str(tmp_path / "absent" / "a.pricing"), "x")


def test_usage_is_read_exactly(tmp_path: Path) -> None:
    file = tmp_path / "usage.json"
    file.write_text('{"requests": 2300000, "stored": 0.1, "tokens": [{"quantity": "12", "model": "gpt-5"}]}')
    expected = {"requests": 2300000, "stored": Decimal("0.1"), "tokens": [{"quantity": "12", "model": "gpt-5"}]}
    assert read_usage(str(file)) == expected
    assert read_usage(file.read_text()) == expected
    read = read_usage('{"x": 1e3}')
    assert isinstance(read, dict)
    assert isinstance(read["x"], Decimal)
    segments = [{"from": "2026-03-01", "to": "2026-03-16", "usage": {"calls": 1}}]
    assert read_usage(' [{"from": "2026-03-01", "to": "2026-03-16", "usage": {"calls": 1}}]') == segments


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"requests": 1', r"--usage:1:15: this is not JSON"),
        ('{"requests": NaN}', "NaN is not a quantity"),
        ('{"requests": -Infinity}', "-Infinity is not a quantity"),
        ('{"requests": 1, "requests": 2}', "`requests` is given twice"),
        ('{"tokens": [{"quantity": 1, "model": "a", "model": "b"}]}', "`model` is given twice"),
        ('{"requests": ' + "9" * 5000 + "}", "--usage: "),
        ('{"x": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ("absent.json", "cannot read absent.json: no such file"),
        ("", "the name of a file is empty"),
    ],
)
def test_usage_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(CallError, match=message):
        read_usage(text)


@pytest.mark.parametrize("content", ["[1, 2]", "3", '"requests"', "null"])
def test_usage_is_one_object(tmp_path: Path, content: str) -> None:
    file = tmp_path / "usage.json"
    file.write_text(content)
    with pytest.raises(CallError, match="usage is one JSON object"):
        read_usage(str(file))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "inside"
    (inside / "data").mkdir(parents=True)
    (inside / "rates.csv").write_text("a,b\n")
    (inside / "data" / "more.csv").write_text("c\n")
    (tmp_path / "secret.csv").write_text("secret\n")
    (inside / "link.csv").symlink_to(tmp_path / "secret.csv")
    return inside


def test_data_beside_the_program_is_found_by_its_name(folder: Path) -> None:
    files = FilesBeside(str(folder / "p.pricing"))
    assert files["rates.csv"] == b"a,b\n"
    assert files["data/more.csv"] == b"c\n"
    assert "rates.csv" in files
    assert files.get("absent.csv") is None
    assert list(files) == ["link.csv", "rates.csv"]
    assert len(files) == 2


@pytest.mark.parametrize(
    "name",
    [
        "../secret.csv",
        "data/../../secret.csv",
        "..\\secret.csv",
        "/etc/hostname",
        "C:\\x.csv",
        "link.csv",
        "data",
        "a\0",
    ],
)
def test_data_outside_the_folder_is_not_there(folder: Path, name: str) -> None:
    files = FilesBeside(str(folder / "p.pricing"))
    assert name not in files
    with pytest.raises(KeyError):
        files[name]
