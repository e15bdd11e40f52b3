"""`pricing import` and `pricing export`: other systems' prices to programs, statements to other systems' forms.

The work is done by importers and exporters of plugins; here is what they read and write. What an importer could not
carry over is always said, on standard error; the program goes to standard output or into a folder with its files.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pricing_dsl.check.scope import did_you_mean
from pricing_dsl.cli import output
from pricing_dsl.cli.files import STATEMENT_KEYS, CallError, read_bytes, write_bytes
from pricing_dsl.plugin.contract import Exporter, Imported, Importer
from pricing_dsl.plugin.manager import PluginFailure, Provided, plugins

T = TypeVar("T")

STATEMENTS_HELP = "save what `pricing preview --format json` prints"


def import_prices(name: str, file: str, folder: str | None) -> int:
    """Make a program of another system's prices. Exit code 1 where they cannot be read."""
    provided = _provided("importer", name, plugins().importers)
    imported = _imported(provided, read_bytes(file))
    if imported is None:
        return 1
    if folder is None:
        if imported.files:
            raise CallError("this program reads files of its own", "name a folder for them, as in `-o prices`")
        sys.stdout.write(imported.program)
    else:
        _write(Path(folder), Path(file).stem, imported)
    for lost in imported.lost:
        output.say(f"lost: {lost.where}: {lost.why}", sys.stderr)
    if imported.lost:
        output.say(f"{output.count(len(imported.lost), 'thing')} of {file} not carried over", sys.stderr)
    return 0


def _imported(provided: Provided[Importer], data: bytes) -> Imported | None:
    imported = _called(provided, "importer", provided.value.name, provided.value.read, data)
    if imported is not None and not isinstance(imported, Imported):
        _say_broken(provided, "importer", provided.value.name, f"it returned `{type(imported).__name__}`")
        return None
    return imported


def _write(folder: Path, stem: str, imported: Imported) -> None:
    files = {f"{stem}.pricing": imported.program.encode("utf-8"), **dict(imported.files)}
    for name in files:
        if PurePosixPath(name).name != name or "\\" in name:
            raise CallError(f"the importer names a file outside the folder: {name!r}", "mend the plugin")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CallError(f"cannot make the folder {folder}: {(error.strerror or str(error)).lower()}") from None
    for name in files:
        if (folder / name).exists():
            raise CallError(f"{folder / name} is already there", "name another folder")
    for name, data in files.items():
        write_bytes(str(folder / name), data)
        output.say(f"wrote {folder / name}", sys.stderr)


def export_statements(
    name: str, files: Sequence[str], target: str, format_: str | None, settings: Sequence[str] = ()
) -> int:
    """Write statements, as `pricing preview --format json` prints them, in another system's form.

    `settings` are `OPTION=TEXT`, of the exporter's options. Exit code 1 where the exporter refuses or fails.
    """
    provided = _provided("exporter", name, plugins().exporters)
    exporter = provided.value
    chosen = format_ or _format_of(exporter, target)
    if chosen not in exporter.formats:
        near = did_you_mean(chosen, exporter.formats)
        there = ", ".join(f"`{each}`" for each in exporter.formats)
        raise CallError(
            f"`{name}` does not write {chosen!r}", f"did you mean `--format {near}`?" if near else f"it writes: {there}"
        )
    options = _options(exporter, settings)
    statements = [statement for file in files for statement in _statements(file)]
    further = (options,) if exporter.options else ()
    data = _called(provided, "exporter", name, exporter.write, statements, chosen, *further)
    if data is None:
        return 1
    if not isinstance(data, bytes):
        _say_broken(provided, "exporter", name, f"it returned `{type(data).__name__}`, not bytes")
        return 1
    write_bytes(target, data)
    said = f"{output.count(len(statements), 'statement')} to {target} ({chosen})"
    output.say(f"wrote {said}", sys.stderr)
    return 0


def _options(exporter: Exporter, settings: Sequence[str]) -> dict[str, str]:
    """The options that were given, each once and each one of the exporter's (`NAME`, or `NAME.PART`)."""
    options: dict[str, str] = {}
    for setting in settings:
        option, sign, text = setting.partition("=")
        if not sign or not option:
            raise CallError(f"`--set {setting}` says no option and its value", "write `--set OPTION=TEXT`")
        base = option.partition(".")[0]
        if base not in exporter.options:
            near = did_you_mean(base, exporter.options)
            there = _listed(exporter.options) or f"`{exporter.name}` has none"
            raise CallError(f"`{exporter.name}` has no option `{base}`", f"did you mean `{near}`?" if near else there)
        if option in options:
            raise CallError(f"the option `{option}` is given twice", "give it once")
        options[option] = text
    return options


def _format_of(exporter: Exporter, target: str) -> str:
    """The format that the file's name ends in, else the exporter's first."""
    suffix = Path(target).suffix.removeprefix(".").lower()
    return suffix if suffix in exporter.formats else exporter.formats[0]


def _statements(file: str) -> list[dict[str, Any]]:
    """The statements in a JSON file: one object, or a list of them."""
    try:
        document = json.loads(read_bytes(file).decode("utf-8"), parse_float=Decimal)
    except ValueError as error:
        raise CallError(f"{file}: this is not JSON: {error}", STATEMENTS_HELP) from None
    found: list[Any] = document if isinstance(document, list) else [document]
    for statement in found:
        if not isinstance(statement, dict) or not statement.keys() >= STATEMENT_KEYS:
            raise CallError(f"{file}: this is no statement", STATEMENTS_HELP)
    return found


def _provided(noun: str, name: str, known: Mapping[str, Provided[T]]) -> Provided[T]:
    """The importer or exporter of that name. Raises `CallError`, with the reason where its plugin is not used."""
    found = known.get(name)
    if found is not None:
        return found
    for refused in plugins().refusals_of(noun, name):
        words = f"there is no {noun} `{name}`: the plugin {refused.who}, which provides it, is not used"
        raise CallError(f"{words}: {refused.reason}", refused.help)
    near = did_you_mean(name, known)
    there = _listed(known) or f"no plugin that is installed has an {noun}"
    raise CallError(f"there is no {noun} `{name}`", f"did you mean `{near}`?" if near else there)


def _listed(names: Iterable[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in sorted(names))
    return f"there are: {listed}" if listed else ""


def _called(provided: Provided[Any], noun: str, name: str, function: Any, *arguments: Any) -> Any:
    """What a plugin's function returns; `None` after its error was said."""
    try:
        return provided.call(function, *arguments)
    except PluginFailure as failure:
        if isinstance(failure.cause, ValueError):
            output.say_call_error(CallError(f"{name}: {failure.cause}"))
        else:
            _say_broken(provided, noun, name, failure.refused.reason, failure.refused.help)
        return None


def _say_broken(provided: Provided[Any], noun: str, name: str, reason: str, mend: str = "mend the plugin") -> None:
    words = f"the {noun} `{name}` of the plugin {provided.who} does not work: {reason}"
    output.say_call_error(CallError(words, mend))
