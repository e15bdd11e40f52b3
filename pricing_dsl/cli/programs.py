"""`pricing check` and `pricing fmt`: what is wrong with programs, and how they are laid out.

Each function takes the files and the options of its command, prints, and returns the exit code. A file that cannot be
read does not keep the others from being looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from pricing_dsl.cli import output
from pricing_dsl.cli.files import STDIN, CallError, FilesBeside, read_program, write_program
from pricing_dsl.compilation import Compilation, Program
from pricing_dsl.diagnostics.diagnostic import Diagnostic, ProgramError
from pricing_dsl.source import Source

Format = Literal["text", "json"]
CheckFormat = Literal["text", "json", "sarif", "github"]
Findings = list[tuple[Source, tuple[Diagnostic, ...]]]


@dataclass
class Reader:
    """Reads several programs one after the other and remembers whether one could not be read."""

    failed: bool = False

    def sources(self, files: Sequence[str]) -> Iterator[tuple[str, Source]]:
        for file in dict.fromkeys(files):
            try:
                yield file, read_program(file)
            except CallError as error:
                self.failed = True
                output.say_call_error(error)


def load(file: str) -> Program:
    """The program in a file with the data beside it. Raises `CallError`, or `ProgramError` with all findings."""
    return Compilation(read_program(file), FilesBeside(file)).program


def has_errors(diagnostics: Sequence[Diagnostic]) -> bool:
    return any(diagnostic.severity == "error" for diagnostic in diagnostics)


def say_program_error(error: ProgramError, format_: Format) -> int:
    """A program that was needed for something else does not compile: its findings, and exit code 1.

    JSON: `{"diagnostics": [...]}` with the objects of `pricing check --format json`.
    """
    if format_ == "json":
        from pricing_dsl.diagnostics import json as json_format

        output.say_json({"diagnostics": json_format.to_objects(error.source, error.diagnostics)})
    else:
        output.say_findings(error.source, error.diagnostics, sys.stderr)
        output.say(f"{error.source.name}: {output.summary(error.diagnostics)}", sys.stderr)
    return 1


def check(files: Sequence[str], format_: CheckFormat) -> int:
    """All findings about all programs.

    Text ends in a line that sums up; JSON is one list of findings over all files; SARIF is one log.
    """
    reader = Reader()
    findings: Findings = [
        (source, Compilation(source, FilesBeside(file)).diagnostics) for file, source in reader.sources(files)
    ]
    match format_:
        case "text":
            _say_check(findings)
        case "json":
            from pricing_dsl.diagnostics import json as json_format

            output.say_json([found for source, all_ in findings for found in json_format.to_objects(source, all_)])
        case "sarif":
            from pricing_dsl import __version__
            from pricing_dsl.diagnostics import sarif

            output.say_json(sarif.to_log(findings, __version__))
        case "github":
            from pricing_dsl.diagnostics import github

            for source, diagnostics in findings:
                sys.stdout.write(github.render(source, diagnostics))
        case _:
            assert_never(format_)
    if reader.failed:
        return 2
    return 1 if any(has_errors(diagnostics) for _, diagnostics in findings) else 0


def _say_check(findings: Findings) -> None:
    for source, diagnostics in findings:
        output.say_findings(source, diagnostics)
    everything = [diagnostic for _, diagnostics in findings for diagnostic in diagnostics]
    if len(findings) == 1:
        output.say(f"{findings[0][0].name}: {output.summary(everything)}")
    elif findings:
        output.say(f"{output.count(len(findings), 'program')}: {output.summary(everything)}")


def fmt(files: Sequence[str], *, check_only: bool, diff: bool) -> int:
    """Lay programs out. Unless `check_only` or `diff`, files are rewritten; standard input goes to standard output.

    A program that does not parse is left alone and its findings are shown.
    """
    from pricing_dsl.syntax.format import format_program

    reader = Reader()
    unparsed = changed = unchanged = 0
    for file, source in reader.sources(files):
        try:
            made = format_program(source)
        except ProgramError as error:
            output.say_findings(error.source, error.diagnostics, sys.stderr)
            unparsed += 1
            continue
        writes = not check_only and not diff
        if file == STDIN and writes:
            sys.stdout.write(made)
        if made == source.text:
            unchanged += 1
            continue
        changed += 1
        if diff:
            _say_diff(source, made)
        if writes and file != STDIN:
            write_program(file, made)
        if file != STDIN or not writes:
            output.say(f"{'formatted' if writes else 'would format'} {source.name}", sys.stderr)
    said = [
        output.count(number, "program") + f" {words}"
        for number, words in (
            (changed, "to format" if check_only or diff else "formatted"),
            (unchanged, "unchanged"),
            (unparsed, "not formatted: they do not parse" if unparsed > 1 else "not formatted: it does not parse"),
        )
        if number
    ]
    if said:
        output.say(", ".join(said), sys.stderr)
    if reader.failed:
        return 2
    return 1 if unparsed or (check_only and changed) else 0


def _say_diff(source: Source, made: str) -> None:
    from difflib import unified_diff

    lines = unified_diff(
        source.text.splitlines(keepends=True), made.splitlines(keepends=True), source.name, f"{source.name} (formatted)"
    )
    for line in lines:
        sys.stdout.write(line if line.endswith("\n") else line + "\n\\ no line end at the end of the file\n")
