"""Everything that the README shows is run, and what it prints is compared."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pricing_llm

README = Path(__file__).parents[1] / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)


def test_commands_print_what_the_readme_shows_and_write_its_program(tmp_path: Path) -> None:
    (given,), (program,) = blocks("json"), blocks("pricing")
    (tmp_path / "models.json").write_text(given)
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PRICING_PLUGINS": "llm"}
    for shown in blocks("console"):
        command, _, expected = shown.partition("\n")
        if not command.startswith("$ pricing "):
            continue
        ran = subprocess.run(
            [str(Path(sys.executable).with_name("pricing")), *shlex.split(command.removeprefix("$ pricing "))],
            cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert (ran.stdout, ran.returncode) == (expected, 0)
    assert (tmp_path / "prices" / "models.pricing").read_text() == program


def test_the_code_prints_what_the_readme_shows() -> None:
    (code,), (expected,) = blocks("python"), blocks("output")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(README), "exec"), {})
    assert printed.getvalue() == expected


def test_every_function_is_in_the_table() -> None:
    forms = [function.form for function in pricing_llm.register_functions()]
    assert [form for form in forms if f"| `{form}` |" not in README.read_text()] == []
