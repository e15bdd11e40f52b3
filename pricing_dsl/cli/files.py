"""What the command line reads and writes: programs, the data files beside them, usage as JSON.

Text is UTF-8. Data files are handed to the compiler by the names that a program gives them, only from inside the
program's own folder, and are read when the compiler asks for them. Numbers in JSON are read exactly, never as floats.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NoReturn

from pricing_dsl.limits import FILE_BYTES_MAX
from pricing_dsl.source import Source

STDIN = "-"


class CallError(Exception):
    """The call was wrong: exit code 2. `help` says what to give instead; `code` is an R code where usage is wrong."""

    def __init__(self, message: str, help: str = "", code: str = "") -> None:  # noqa: A002 - the word of diagnostics
        super().__init__(message)
        self.message = message
        self.help = help
        self.code = code


def read_program(file: str) -> Source:
    """A program's text; `-` is standard input. Raises `CallError` for a file that is not there or not UTF-8 text."""
    data = read_bytes(file)
    return Source(_decoded(data, "<stdin>" if file == STDIN else file), "<stdin>" if file == STDIN else file)


def write_program(file: str, text: str) -> None:
    """Write a program's text, as `write_bytes` does."""
    write_bytes(file, text.encode("utf-8"))


def write_bytes(file: str, data: bytes) -> None:
    """Write or replace a file at once, so that an interruption never leaves half of one. Raises `CallError`."""
    import shutil
    import tempfile

    target = Path(file).resolve()
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".new")
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        if target.exists():
            shutil.copymode(target, name)
        else:
            os.chmod(name, 0o644)
        os.replace(name, target)
    except OSError as error:
        raise CallError(f"cannot write {file}: {_words(error)}") from None


def read_usage(text: str) -> dict[str, Any] | list[Any]:
    """Usage from a JSON file, from standard input (`-`), or from the argument itself when it starts with `{` or `[`.

    One object, or a list of segments. Numbers become `int` or `Decimal`. Raises `CallError` for anything else, for a
    meter that is given twice and for NaN or Infinity.
    """
    usage, name = _read_json(text, "--usage", _USAGE_HELP)
    if isinstance(usage, dict) or (isinstance(usage, list) and all(isinstance(segment, dict) for segment in usage)):
        return usage
    raise CallError(f"{name}: usage is one JSON object, from meter to quantity, or a list of segments", _USAGE_HELP)


STATEMENT_KEYS = {"target", "lines", "total", "due"}
"""What tells a statement (`pricing preview --format json`) from balances or counters by name."""


def read_state(text: str | None, option: str) -> dict[str, Any] | None:
    """Opening balances or counters, read as usage is: one object, or a statement, whose closing ones they then are.

    `option` is `--balances` or `--counters`.
    """
    if text is None:
        return None
    hint, part = _STATE_HELP[option], option.removeprefix("--")
    state, name = _read_json(text, option, hint)
    if not isinstance(state, dict):
        raise CallError(f"{name}: {part} are one JSON object", hint)
    is_statement = state.keys() >= STATEMENT_KEYS
    read: dict[str, Any] = state.get(part, {}) if is_statement else state
    return read


def _read_json(text: str, option: str, hint: str) -> tuple[Any, str]:
    """The document, and where it came from."""
    import json

    inline = text.lstrip().startswith(("{", "["))
    name = option if inline else "<stdin>" if text == STDIN else text
    content = text if inline else _decoded(read_bytes(text), name)
    try:
        document = json.loads(content, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_object_once)
    except json.JSONDecodeError as error:
        raise CallError(f"{name}:{error.lineno}:{error.colno}: this is not JSON: {error.msg}", hint) from None
    except RecursionError:
        raise CallError(f"{name}: this JSON is nested too deeply", hint) from None
    except ValueError as error:
        raise CallError(f"{name}: {error}", hint) from None
    return document, name


_USAGE_HELP = 'write {"requests": 1200000} or {"tokens": [{"quantity": 120, "model": "gpt-5"}]}'
_STATE_HELP = {
    "--balances": 'write {"annual": "50000.00"} or {"annual": [{"amount": "50000.00", "end": "2027-01-01"}]}',
    "--counters": 'write {"requests": 1200000} or {"tokens": [{"quantity": 120, "model": "gpt-5"}]}',
}


class FilesBeside(Mapping[str, bytes]):
    """The data files that may be named by a program: those inside its folder, by their path from there.

    A name with `..`, an absolute one and one that leads out through a link is not there. Read when asked for, and at
    most one byte more than the compiler's own limit, which then reports the size.
    """

    def __init__(self, program: str) -> None:
        self.folder = Path.cwd() if program == STDIN else Path(program).resolve().parent

    def __getitem__(self, name: str) -> bytes:
        path = self._path(name)
        if path is None:
            raise KeyError(name)
        try:
            with path.open("rb") as data:
                return data.read(FILE_BYTES_MAX + 1)
        except OSError:
            raise KeyError(name) from None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._path(name) is not None

    def __iter__(self) -> Iterator[str]:
        """The names that a program could have meant: the data files directly in the folder."""
        found = [path.name for path in self.folder.glob("*.csv") if path.is_file()]
        return iter(sorted(found))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _path(self, name: str) -> Path | None:
        if "\0" in name or ".." in PurePosixPath(name).parts or ".." in PureWindowsPath(name).parts:
            return None
        if PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or PureWindowsPath(name).root:
            return None
        path = (self.folder / name).resolve()
        return path if path.is_relative_to(self.folder) and path.is_file() else None


def read_bytes(file: str) -> bytes:
    """The content of a file; `-` is standard input. Raises `CallError` for a file that cannot be read."""
    if file == STDIN:
        return sys.stdin.buffer.read()
    if not file:
        raise CallError("the name of a file is empty", "name a file, or `-` for standard input")
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        hint = "name the file inside it" if isinstance(error, IsADirectoryError) else ""
        raise CallError(f"cannot read {file}: {_words(error)}", hint) from None


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CallError(
            f"{name} is not UTF-8 text: line {line} has the byte 0x{data[error.start]:02x}", "save the file as UTF-8"
        ) from None


def _words(error: OSError | ValueError) -> str:
    """What went wrong, in the words of the operating system without its numbers."""
    words = (error.strerror or str(error)) if isinstance(error, OSError) else "this is not a file name"
    return words[:1].lower() + words[1:]


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a quantity")


def _object_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are unique: of two equal ones JSON would silently keep the last."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"`{twice}` is given twice in one object")
    return made
