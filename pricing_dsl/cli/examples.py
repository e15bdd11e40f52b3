"""`pricing test`: run the `example` blocks of programs and show what was expected and what came out.

JSON: `{"passed": N, "failed": N, "examples": [...], "undecided": [...], "diagnostics": [...]}`. An example has
`file`, `label`, `target`, `passed`, `error` (why it could not be priced, or null), `line` and `checks`; a check has
`target`, `expected`, `actual`, `passed`, `line` and `column`. `undecided` are the `prove` statements as written, which
this version checks but does not decide. `diagnostics` are the findings about programs that do not compile.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from pricing_dsl.cli import output
from pricing_dsl.cli.files import FilesBeside
from pricing_dsl.cli.programs import Format, Reader
from pricing_dsl.compilation import Compilation
from pricing_dsl.diagnostics import json as json_format
from pricing_dsl.diagnostics.diagnostic import ProgramError
from pricing_dsl.evaluate.examples import ExampleResult
from pricing_dsl.source import Source

Json = dict[str, Any]


def run(files: Sequence[str], format_: Format) -> int:
    """Run all examples of all programs. Returns the exit code: 1 when one fails or a program has errors."""
    reader = Reader()
    results: list[tuple[Source, ExampleResult]] = []
    findings: list[Json] = []
    undecided: list[str] = []
    for file, source in reader.sources(files):
        try:
            program = Compilation(source, FilesBeside(file)).program
            ran = program.run_examples()
        except ProgramError as error:
            findings += json_format.to_objects(source, error.diagnostics)
            if format_ == "text":
                output.say_findings(source, error.diagnostics, sys.stderr)
            continue
        results += [(source, result) for result in ran]
        proofs = [" ".join(source.excerpt(proof.span).split()) for proof in program.proofs]
        undecided += proofs
        if format_ == "text":
            _say_file(source, ran)
            for proof in proofs:
                output.say(f"  --    {proof}: deciding proofs is not built yet")
    failed = sum(not result.passed for _, result in results)
    if format_ == "json":
        document = {
            "passed": len(results) - failed,
            "failed": failed,
            "examples": [_object(source, result) for source, result in results],
            "undecided": undecided,
            "diagnostics": findings,
        }
        output.say_json(document)
    else:
        _say_summary(len(results), failed)
    if reader.failed:
        return 2
    return 1 if failed or findings else 0


def _say_file(source: Source, results: Sequence[ExampleResult]) -> None:
    from rich.text import Text

    out = output.console()
    out.print(Text(source.name if results else f"{source.name}: no examples"))
    for result in results:
        word, style = ("ok  ", "green") if result.passed else ("FAIL", "bold red")
        out.print(Text.assemble("  ", (word, style), f"  {result.label} ", (f"({result.target})", "dim")))
        if result.error is not None:
            place = source.position(result.span.start)
            out.print(Text(f"        {source.name}:{place.line}:{place.column}: {result.error}"), soft_wrap=True)
        for check in result.checks:
            if check.passed:
                continue
            place = source.position(check.span.start)
            line = Text.assemble(
                f"        {source.name}:{place.line}:{place.column}: {check.target} is ",
                (check.actual, "bold red"),
                ", expected ",
                (check.expected, "bold green"),
            )
            out.print(line, soft_wrap=True)


def _say_summary(ran: int, failed: int) -> None:
    if not ran:
        output.say("no examples were run")
    elif failed:
        output.say(f"{output.count(failed, 'example')} of {ran} failed")
    else:
        output.say(f"{output.count(ran, 'example')} passed")


def _object(source: Source, result: ExampleResult) -> Json:
    return {
        "file": source.name,
        "label": result.label,
        "target": result.target,
        "passed": result.passed,
        "error": result.error,
        "line": source.position(result.span.start).line,
        "checks": [
            {
                "target": check.target,
                "expected": check.expected,
                "actual": check.actual,
                "passed": check.passed,
                "line": source.position(check.span.start).line,
                "column": source.position(check.span.start).column,
            }
            for check in result.checks
        ],
    }
