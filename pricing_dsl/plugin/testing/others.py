"""What is asked of lints, importers, exporters and commands: the types they promise, and refusals in a sentence.

They know their own business; the kit knows only what a host needs of them. An author's own tests give importers real
files: `verify_importer(importer, samples)` also compiles what becomes of those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pricing_dsl.plugin.checks import fits
from pricing_dsl.plugin.contract import Command, Exporter, Finding, Imported, Importer, Lint, Lost
from pricing_dsl.plugin.manager import built_in, using
from pricing_dsl.plugin.testing.drawing import shown
from pricing_dsl.plugin.testing.problem import Findings, Law, Problem, Subject
from pricing_dsl.plugin.testing.programs import NONSENSE, PROGRAMS, compiled, statements

FINDINGS = Law(
    "findings",
    "`check` returns findings whose spans lie in the program, for any program, and always the same",
    "yield `Finding(severity, span, message, help)` with the span of the node that is found fault with",
)
IMPORTS = Law(
    "imports",
    "`read` returns an `Imported`, or raises `ValueError` with a sentence, for any bytes, and always the same",
    "`raise ValueError` with where, what and how to mend it for bytes that are no such file",
)
COMPILES = Law(
    "compiles", "the programs that come of samples have no errors", "mend what `read` writes; the finding says where"
)
EXPORTS = Law(
    "exports",
    "`write` returns bytes, or raises `ValueError` with a sentence, in every format, and always the same",
    "`raise ValueError` with what a statement does not say and must, and write no time of writing",
)
LOADS = Law("command", "`load` returns a `typer.Typer`", "return the `typer.Typer` that has the work")


def verify_lint(lint: Lint) -> tuple[Problem, ...]:
    """What is wrong with a lint."""
    findings = Findings(Subject("", "", "register_lints", "lint", lint.name))
    check_lint(lint, findings)
    return findings.problems()


def verify_importer(importer: Importer, samples: Sequence[bytes] = ()) -> tuple[Problem, ...]:
    """What is wrong with an importer; `samples` are files that it must read."""
    findings = Findings(Subject("", "", "register_importers", "importer", importer.name))
    check_importer(importer, findings, samples)
    return findings.problems()


def verify_exporter(exporter: Exporter, samples: Sequence[Mapping[str, Any]] = ()) -> tuple[Problem, ...]:
    """What is wrong with an exporter; `samples` are statements that it must write."""
    findings = Findings(Subject("", "", "register_exporters", "exporter", exporter.name))
    check_exporter(exporter, findings, samples)
    return findings.problems()


def check_lint(lint: Lint, findings: Findings) -> None:
    """Tried on programs that have no errors."""
    for text in PROGRAMS:
        example = " ".join(text.split())[:80] + " ..."
        program = compiled(text).ir
        try:
            found, again = list(lint.check(program, text)), list(lint.check(program, text))
        except Exception as error:
            findings.breaks(FINDINGS, f"it raised {type(error).__name__}: {error}", example)
            return
        wrong = next((wrong for each in found if (wrong := _wrong_finding(each, text)) is not None), None)
        if wrong is None and found != again:
            wrong = "it found one thing, and then another, in the same program"
        if wrong is not None:
            findings.breaks(FINDINGS, wrong, example)
            return
    findings.holds(FINDINGS)


def _wrong_finding(found: object, text: str) -> str | None:
    if not isinstance(found, Finding):
        return f"it found {shown(found)}, which is no `Finding`"
    if found.severity not in ("error", "warning"):
        return f'the severity {shown(found.severity)} is neither "error" nor "warning"'
    if not found.message.strip() or not found.help.strip():
        return "a finding has no message or no help"
    if not 0 <= found.span.start <= found.span.end <= len(text):
        return f"the span from {found.span.start} to {found.span.end} lies outside of the program"
    return None


def check_importer(importer: Importer, findings: Findings, samples: Sequence[bytes] = ()) -> None:
    """Tried on bytes that are no prices, and on samples."""
    for data in (*NONSENSE, *samples):
        try:
            imported = importer.read(data)
        except ValueError as error:
            if not str(error).strip():
                findings.breaks(IMPORTS, "it raised a `ValueError` that says nothing", shown(data))
            if data in samples:
                findings.breaks(COMPILES, f"it refused a sample: {error}", shown(data))
            continue
        except Exception as error:
            findings.breaks(IMPORTS, f"it raised {type(error).__name__}: {error}", shown(data))
            continue
        wrong = _wrong_import(imported)
        if wrong is None and importer.read(data) != imported:
            wrong = "it gave one program, and then another, for the same bytes"
        if wrong is not None:
            findings.breaks(IMPORTS, wrong, shown(data))
        elif data in samples:
            _check_compiles(imported, findings, data)
    if not findings.has_broken(IMPORTS):
        findings.holds(IMPORTS)
    if samples and not findings.has_broken(COMPILES):
        findings.holds(COMPILES, f"{len(samples)} samples")


def _wrong_import(imported: object) -> str | None:
    if not isinstance(imported, Imported):
        return f"it returned {shown(imported)}, which is no `Imported`"
    if not fits(imported.program, str):
        return f"the program is {shown(imported.program)}, which is no text"
    if not fits(imported.lost, tuple[Lost, ...]):
        return "`lost` is no tuple of `Lost`"
    if not all(fits(name, str) and fits(data, bytes) for name, data in imported.files):
        return "`files` is no tuple of pairs of a name and bytes"
    return None


def _check_compiles(imported: Imported, findings: Findings, data: bytes) -> None:
    import pricing_dsl

    with using(built_in()):
        found = pricing_dsl.check(imported.program, files=dict(imported.files))
    errors = [each for each in found if each.severity == "error"]
    if errors:
        findings.breaks(COMPILES, f"{errors[0].code}: {errors[0].message}", shown(data))


def check_exporter(exporter: Exporter, findings: Findings, samples: Sequence[Mapping[str, Any]] = ()) -> None:
    """Tried on statements with fees, charges, discounts and labels, on one of them, on none, and on samples."""
    made = statements()
    trials: list[Sequence[Mapping[str, Any]]] = [made, made[:1], []]
    trials += [samples] if samples else []
    refused = ""
    for given in trials:
        for form in exporter.formats:
            example = f"{len(given)} statements as {form}"
            try:
                data, again = exporter.write(given, form), exporter.write(given, form)
            except ValueError as error:
                refused = f"{form}: {error}"
                if not str(error).strip():
                    findings.breaks(EXPORTS, "it raised a `ValueError` that says nothing", example)
                if given is samples:
                    findings.breaks(EXPORTS, f"it refused the samples: {error}", example)
                continue
            except Exception as error:
                findings.breaks(EXPORTS, f"it raised {type(error).__name__}: {error}", example)
                continue
            if not fits(data, bytes):
                findings.breaks(EXPORTS, f"it returned {shown(data)}, which is no `bytes`", example)
            elif data != again:
                findings.breaks(EXPORTS, "it wrote some bytes, and then others, for the same statements", example)
    if not findings.has_broken(EXPORTS):
        findings.holds(EXPORTS, f"it refused some: {refused}" if refused else "")


def check_command(command: Command, findings: Findings) -> None:
    """Whether it can be loaded."""
    import typer

    try:
        loaded = command.load()
    except Exception as error:
        findings.breaks(LOADS, f"it raised {type(error).__name__}: {error}")
        return
    if isinstance(loaded, typer.Typer):
        findings.holds(LOADS)
    else:
        findings.breaks(LOADS, f"it returned {shown(loaded)}, which is no `typer.Typer`")
